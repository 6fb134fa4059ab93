/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sevlaunch firmware trust -- an owner pins a firmware for all releases. */

#include "config.h"

#include <stdio.h>

#include "launcher/cli/cmd-firmware.h"
#include "launcher/inspect/firmware-list.h"
#include "policy/owner-dir.h"
#include "sev/base/sev-bytes.h"

static gboolean
refuse (const char *path, const char *why, GError **error)
{
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_FIRMWARE_UNSUITABLE,
                 "firmware '%s': %s", path, why);
    return FALSE;
}

/* What could never hold a secret is a mistake; what could leak one is the owner's choice.
 */
static gboolean
look_at (const FirmwareInfo *info, GError **error)
{
    for (guint i = 0; i < info->findings->len; i++) {
        const Finding *finding = g_ptr_array_index (info->findings, i);

        if (finding->level == FINDING_FAIL)
            return refuse (info->path, finding->text, error);
        if (finding->level == FINDING_INSECURE)
            message_warning ("'%s': %s", info->path, finding->text);
    }
    return info->sha256 != NULL || refuse (info->path, "it cannot be read", error);
}

static int
print_result (const CommandCommon *common, const FirmwareInfo *info, gboolean added)
{
    if (common->json) {
        g_autoptr (JsonObject) object = json_object_new ();
        g_autofree char *path = g_utf8_make_valid (info->path, -1);

        json_object_set_string_member (object, "schema", "sevlaunch.firmware-trust/1");
        json_object_set_string_member (object, "path", path);
        json_object_set_string_member (object, "sha256", info->sha256);
        json_object_set_boolean_member (object, "own_build", info->own_build);
        json_object_set_boolean_member (object, "added", added);
        return command_print_json (object);
    }
    printf ("sha256:%s\n", info->sha256);
    message_info ("the owner %s this firmware in every release",
                  added ? "now trusts" : "trusted before");
    return LAUNCHER_EXIT_OK;
}

static int
trust (const CommandCommon *common, char **paths, const char *owner, GError **error)
{
    gboolean added = FALSE;
    guint8 sha256[SEV_DIGEST_SIZE];

    g_autoptr (GPtrArray) list = firmware_list_named (paths, PKGDATADIR, error);
    if (list == NULL)
        return -1;
    const FirmwareInfo *info = ((const FirmwareEntry *) list->pdata[0])->info;
    g_autofree char *name = g_path_get_basename (info->path);
    g_autofree char *comment = g_strescape (name, NULL);
    if (!look_at (info, error) ||
        !sev_hex_decode (info->sha256, sha256, sizeof sha256, error) ||
        !policy_owner_trust_firmware (owner, sha256, comment, &added, error))
        return -1;
    return print_result (common, info, added);
}

int
cmd_firmware_trust (int argc, char **argv)
{
    g_autofree char *owner = NULL;
    const GOptionEntry entries[] = {
        { "owner", 0, 0, G_OPTION_ARG_FILENAME, &owner, "The owner's directory", "DIR" },
        G_OPTION_ENTRY_NULL,
    };
    CommandCommon common = { 0 };
    g_autoptr (GError) error = NULL;
    int code = -1;

    if (!command_parse ("firmware trust", "FILE --owner DIR",
                        "Adds the digest of a firmware image to an owner's "
                        "trusted-firmware: secrets\nmay then go to launches with it, "
                        "whatever firmware their release pins.",
                        entries, &common, &argc, &argv, &error))
        return command_fail (&common, error);
    if (argc != 2 || owner == NULL || *owner == '\0')
        g_set_error_literal (&error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                             "firmware trust takes one FILE and --owner DIR");
    else
        code = trust (&common, argv + 1, owner, &error);
    return code < 0 ? command_fail (&common, error) : code;
}
