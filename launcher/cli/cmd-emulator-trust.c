/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sevlaunch emulator trust -- an owner accepts the root of an emulated host. */

#include "config.h"

#include "launcher/cli/cmd-emulator.h"

#include <stdio.h>
#include <string.h>

#include "policy/owner-dir.h"
#include "policy/roots.h"

static gboolean
not_emulated (const char *why, GError **error)
{
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_EMULATED_HOST,
                 "the emulated host's root certificate: %s", why);
    return FALSE;
}

/* The owner's directory is root's and the host its user's, so the certificate is read and
 * decoded by a process of that user, and only the digest comes back. */
static gboolean
read_root (gpointer data, guint8 *out, GError **error)
{
    const char *path = data;
    g_autoptr (GError) cause = NULL;
    PolicyFingerprint fingerprint;
    SevAmdCert ark;
    gsize len;

    g_autoptr (EmulatedHost) host = emulated_host_open (path, error);
    if (host == NULL)
        return FALSE;
    g_autoptr (GBytes) bytes = emulated_host_read_cert (host, "ark", error);
    if (bytes == NULL)
        return FALSE;
    const guint8 *cert = g_bytes_get_data (bytes, &len);
    if (!sev_amd_cert_decode (cert, len, &ark, &cause) ||
        !policy_root_fingerprint (&ark, &fingerprint, &cause))
        return not_emulated (cause->message, error);
    if (ark.usage != SEV_USAGE_ARK || !policy_key_id_is_emulated (ark.key_id) ||
        memcmp (ark.certifying_id, ark.key_id, sizeof ark.key_id) != 0)
        return not_emulated ("its key ids are not those of an EMULATED root", error);
    if (policy_builtin_root_name (&fingerprint) != NULL)
        return not_emulated ("it holds one of AMD's keys", error);
    memcpy (out, fingerprint.bytes, sizeof fingerprint.bytes);
    return TRUE;
}

static int
print_result (const EmulatorCommand *command, const char *text, gboolean added)
{
    if (command->common.json) {
        g_autoptr (JsonObject) object = json_object_new ();

        json_object_set_string_member (object, "schema", "sevlaunch.emulator-trust/1");
        json_object_set_boolean_member (object, "emulated", TRUE);
        json_object_set_string_member (object, "host", command->path);
        json_object_set_string_member (object, "root", text);
        json_object_set_boolean_member (object, "added", added);
        return command_print_json (object);
    }
    printf ("%s\n", text);
    message_info ("the owner %s the root of the EMULATED host '%s'",
                  added ? "now trusts" : "trusted before", command->path);
    return LAUNCHER_EXIT_OK;
}

static int
trust (EmulatorCommand *command, const char *owner, GError **error)
{
    PolicyFingerprint fingerprint;
    gboolean added = FALSE;

    if (owner == NULL || *owner == '\0') {
        g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                             "--owner DIR is needed: the owner's directory (see "
                             "'sevlaunch owner-init')");
        return -1;
    }
    if (!run_as_call (command->run_as, read_root, command->path, fingerprint.bytes,
                      sizeof fingerprint.bytes, error))
        return -1;
    g_autofree char *escaped = g_strescape (command->path, NULL);
    g_autofree char *comment = g_strdup_printf ("EMULATED host %s", escaped);
    g_autofree char *text = policy_fingerprint_to_text (&fingerprint);
    if (!policy_owner_trust (owner, &fingerprint, comment, &added, error))
        return -1;
    return print_result (command, text, added);
}

int
cmd_emulator_trust (int argc, char **argv)
{
    g_autofree char *owner = NULL;
    const GOptionEntry entries[] = {
        { "owner", 0, 0, G_OPTION_ARG_FILENAME, &owner, "The owner's directory", "DIR" },
        G_OPTION_ENTRY_NULL,
    };
    g_auto (EmulatorCommand) command = { 0 };
    g_autoptr (GError) error = NULL;
    int code = -1;

    if (emulator_command_parse (
            &command, "emulator trust", "--owner DIR",
            "Adds the root of an emulated host to an owner's trusted-roots: his secrets "
            "may\n"
            "then be released to guests on it, where they are not confidential.",
            entries, 0, &argc, &argv, &error))
        code = trust (&command, owner, &error);
    return code < 0 ? command_fail (&command.common, error) : code;
}
