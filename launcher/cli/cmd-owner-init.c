/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "launcher/cli/command.h"
#include "policy/owner-dir.h"
#include "policy/owner-sign.h"

static const char summary[] =
    "Makes the guest owner's directory (0700): a certificate and its key, fresh, and a "
    "key\n"
    "that signs evidence.  It will hold the releases, the trusted roots, the ledger of\n"
    "judged sessions and the evidence of launches.";

static int
say (const CommandCommon *common, const char *dir, gboolean sign_only)
{
    if (common->json) {
        g_autoptr (JsonObject) object = json_object_new ();
        json_object_set_string_member (object, "schema", "sevlaunch.owner/1");
        json_object_set_string_member (object, "directory", dir);
        json_object_set_string_member (object, "certificate", POLICY_OWNER_CERT);
        json_object_set_string_member (object, "signer", POLICY_OWNER_SIGN_PUB);
        return command_print_json (object);
    }
    if (!sign_only)
        printf ("made %s/%s and %s/%s: keep the key where only you can read it\n", dir,
                POLICY_OWNER_CERT, dir, POLICY_OWNER_KEY);
    printf ("%s/%s signs evidence; %s/%s is for those who check it\n", dir,
            POLICY_OWNER_SIGN_KEY, dir, POLICY_OWNER_SIGN_PUB);
    return LAUNCHER_EXIT_OK;
}

int
cmd_owner_init (int argc, char **argv)
{
    gboolean add_signing_key = FALSE;
    const GOptionEntry entries[] = {
        { "add-signing-key", 0, 0, G_OPTION_ARG_NONE, &add_signing_key,
          "Only make the key that signs evidence, in a directory that has none", NULL },
        G_OPTION_ENTRY_NULL,
    };
    CommandCommon common = { 0 };
    g_autoptr (GError) error = NULL;

    if (!command_parse ("owner-init", "DIR", summary, entries, &common, &argc, &argv,
                        &error))
        return command_fail (&common, error);
    if (argc != 2) {
        g_set_error_literal (&error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                             "owner-init takes one directory");
        return command_fail (&common, error);
    }
    if (!(add_signing_key ? policy_sign_key_make (argv[1], &error)
                          : policy_owner_init (argv[1], &error)))
        return command_fail (&common, error);
    return say (&common, argv[1], add_signing_key);
}
