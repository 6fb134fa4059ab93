/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "launcher/cli/command.h"
#include "policy/owner-dir.h"

static const char summary[] =
    "Makes the guest owner's directory (0700): a certificate and its key, fresh.  It will\n"
    "hold the releases, the trusted roots and the ledger of judged sessions.";

static int
say (const CommandCommon *common, const char *dir)
{
    if (common->json) {
        g_autoptr (JsonObject) object = json_object_new ();
        json_object_set_string_member (object, "schema", "sevlaunch.owner/1");
        json_object_set_string_member (object, "directory", dir);
        json_object_set_string_member (object, "certificate", POLICY_OWNER_CERT);
        return command_print_json (object);
    }
    printf ("made %s/%s and %s/%s: keep the key where only you can read it\n", dir,
            POLICY_OWNER_CERT, dir, POLICY_OWNER_KEY);
    return LAUNCHER_EXIT_OK;
}

int
cmd_owner_init (int argc, char **argv)
{
    CommandCommon common = { 0 };
    g_autoptr (GError) error = NULL;

    if (!command_parse ("owner-init", "DIR", summary, NULL, &common, &argc, &argv, &error))
        return command_fail (&common, error);
    if (argc != 2) {
        g_set_error_literal (&error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                             "owner-init takes one directory");
        return command_fail (&common, error);
    }
    if (!policy_owner_init (argv[1], &error))
        return command_fail (&common, error);
    return say (&common, argv[1]);
}
