/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sevlaunch platform -- the platform's owner and its firmware. */

#include "config.h"

#include "launcher/cli/cmd-platform.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "launcher/base/output-file.h"
#include "policy/owner-dir.h"
#include "sev/base/sev-bytes.h"
#include "sev/wire/sev-cert-wire.h"

#define ID_SIZE 64u

gboolean
platform_command_parse (PlatformCommand *command,
                        const char *name,
                        const char *usage,
                        const char *summary,
                        const GOptionEntry *entries,
                        int min_words,
                        int max_words,
                        int *argc,
                        char ***argv,
                        GError **error)
{
    const GOptionEntry shared[] = {
        { "platform", 0, 0, G_OPTION_ARG_STRING, &command->platform,
          "Where it is (default: auto)", "auto|sev|emulated" },
        { "emulated-host", 0, 0, G_OPTION_ARG_FILENAME, &command->option,
          "Directory of the emulated host", "DIR" },
        { "run-as", 0, 0, G_OPTION_ARG_STRING, &command->wanted,
          "User whom root becomes for it (default: sevlaunch, else nobody)", "USER" },
    };
    g_autoptr (GArray) all = g_array_new (TRUE, TRUE, sizeof (GOptionEntry));

    for (; entries != NULL && entries->long_name != NULL; entries++)
        g_array_append_val (all, *entries);
    g_array_append_vals (all, shared, G_N_ELEMENTS (shared));
    if (!command_parse (name, usage, summary, (const GOptionEntry *) all->data,
                        &command->common, argc, argv, error))
        return FALSE;
    if (*argc - 1 >= min_words && *argc - 1 <= max_words)
        return TRUE;
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                 "%s words besides the options (see 'sevlaunch %s --help')",
                 *argc - 1 < min_words ? "too few" : "too many", name);
    return FALSE;
}

JsonObject *
platform_result (const PlatformCommand *command, const char *schema)
{
    JsonObject *object = json_object_new ();

    json_object_set_string_member (object, "schema", schema);
    json_object_set_boolean_member (object, "emulated", command->emulated);
    if (command->host != NULL)
        json_object_set_string_member (object, "host", command->host);
    return object;
}

static int
finish (const CommandCommon *common, int code, const GError *error)
{
    return code < 0 ? command_fail (common, error) : code;
}

/* Only looking. */

static int
show_status (PlatformCommand *command, GError **error)
{
    SevDeviceStatus status;

    if (!platform_command_open (command, FALSE, error) ||
        !sev_device_status (command->device, &status, error))
        return -1;
    if (!command->common.json) {
        printf ("%splatform\n", command->emulated ? "EMULATED " : "");
        printf ("  api          %u.%u build %u\n", status.api_major, status.api_minor,
                status.build);
        printf ("  state        %s\n", status.state);
        printf ("  owner        %s\n", status.external_owner ? "external" : "self");
        printf ("  SEV-ES       %s\n", status.es ? "yes" : "no");
        printf ("  guests       %u\n", status.guests);
        return LAUNCHER_EXIT_OK;
    }
    g_autoptr (JsonObject) object =
        platform_result (command, "sevlaunch.platform-status/1");
    json_object_set_int_member (object, "api_major", status.api_major);
    json_object_set_int_member (object, "api_minor", status.api_minor);
    json_object_set_int_member (object, "build", status.build);
    json_object_set_string_member (object, "state", status.state);
    json_object_set_string_member (object, "owner",
                                   status.external_owner ? "external" : "self");
    json_object_set_boolean_member (object, "es", status.es);
    json_object_set_int_member (object, "guest_count", status.guests);
    return command_print_json (object);
}

static int
cmd_platform_status (int argc, char **argv)
{
    g_auto (PlatformCommand) command = { 0 };
    g_autoptr (GError) error = NULL;
    int code = -1;

    if (platform_command_parse (&command, "platform status", "",
                                "Says version and state of the platform's firmware,\n"
                                "whose the platform is, and how many guests it has.",
                                NULL, 0, 0, &argc, &argv, &error))
        code = show_status (&command, &error);
    return finish (&command.common, code, error);
}

static int
show_id (PlatformCommand *command, GError **error)
{
    gsize len;

    if (!platform_command_open (command, FALSE, error))
        return -1;
    g_autoptr (GBytes) id = sev_device_id (command->device, error);
    if (id == NULL)
        return -1;
    const guint8 *data = g_bytes_get_data (id, &len);
    g_autoptr (JsonObject) object = platform_result (command, "sevlaunch.platform-id/1");
    JsonArray *sockets = json_array_new ();
    for (gsize i = 0; i < len; i += ID_SIZE) {
        g_autofree char *text = sev_hex_encode (data + i, ID_SIZE);

        json_array_add_string_element (sockets, text);
        if (!command->common.json)
            printf ("%s\n", text);
    }
    json_object_set_array_member (object, "sockets", sockets);
    return command->common.json ? command_print_json (object) : LAUNCHER_EXIT_OK;
}

static int
cmd_platform_id (int argc, char **argv)
{
    g_auto (PlatformCommand) command = { 0 };
    g_autoptr (GError) error = NULL;
    int code = -1;

    if (platform_command_parse (&command, "platform id", "",
                                "Prints the chip's id, 128 digits for each socket: the\n"
                                "name under which AMD's key server has its CEK.",
                                NULL, 0, 0, &argc, &argv, &error))
        code = show_id (&command, &error);
    return finish (&command.common, code, error);
}

static int
write_csr (PlatformCommand *command, const char *directory, GError **error)
{
    g_autofree char *path =
        g_build_filename (directory != NULL ? directory : ".", "pek_csr.cert", NULL);
    gsize len;

    if (!platform_command_open (command, TRUE, error))
        return -1;
    g_autoptr (GBytes) csr = sev_device_csr (command->device, error);
    if (csr == NULL)
        return -1;
    gconstpointer data = g_bytes_get_data (csr, &len);
    if (!output_file_write (path, data, len, OUTPUT_FILE_PUBLIC, error))
        return -1;
    message_info ("wrote '%s': sign it with the owner's key (OCA)", path);
    if (!command->common.json)
        return LAUNCHER_EXIT_OK;
    g_autoptr (JsonObject) object = platform_result (command, "sevlaunch.platform-csr/1");
    json_object_set_string_member (object, "file", path);
    return command_print_json (object);
}

static int
cmd_platform_csr (int argc, char **argv)
{
    g_autofree char *directory = NULL;
    const GOptionEntry entries[] = {
        { "dir", 0, 0, G_OPTION_ARG_FILENAME, &directory,
          "Where the file goes (default: here)", "DIR" },
        G_OPTION_ENTRY_NULL,
    };
    g_auto (PlatformCommand) command = { 0 };
    g_autoptr (GError) error = NULL;
    int code = -1;

    if (platform_command_parse (&command, "platform csr", "",
                                "Writes pek_csr.cert: the PEK's certificate, for an\n"
                                "external owner to sign.",
                                entries, 0, 0, &argc, &argv, &error))
        code = write_csr (&command, directory, &error);
    return finish (&command.common, code, error);
}

/* What changes the platform. */

typedef gboolean (*Change) (PlatformCommand *command, char **words, GError **error);

static gboolean
confirm (const PlatformCommand *command, const char *loses, gboolean yes, GError **error)
{
    char answer[8] = "";

    if (yes)
        return TRUE;
    if (isatty (STDIN_FILENO) && isatty (STDERR_FILENO)) {
        fprintf (stderr, "%splatform: %s\nGo on? (yes/no) ",
                 command->emulated ? "EMULATED " : "", loses);
        if (fgets (answer, sizeof answer, stdin) != NULL &&
            strcmp (g_strchomp (answer), "yes") == 0)
            return TRUE;
    }
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                 "nothing was changed: %s; --yes says that this is meant", loses);
    return FALSE;
}

/* @loses: (nullable): what makes a question necessary */
typedef struct {
    const char *name; /* "platform reset" */
    const char *usage;
    const char *summary;
    const char *loses;
    const char *schema;
    Change function;
    int n_words;
} Changer;

static int
change (PlatformCommand *command,
        const Changer *changer,
        gboolean yes,
        char **words,
        GError **error)
{
    if (changer->loses != NULL && !confirm (command, changer->loses, yes, error))
        return -1;
    if (!platform_command_open (command, TRUE, error) ||
        !changer->function (command, words, error))
        return -1;
    message_info ("%s: done%s", changer->name,
                  command->emulated ? ", on the EMULATED platform" : "");
    if (!command->common.json)
        return LAUNCHER_EXIT_OK;
    g_autoptr (JsonObject) object = platform_result (command, changer->schema);
    return command_print_json (object);
}

static int
run_change (const Changer *changer, int argc, char **argv)
{
    gboolean yes = FALSE;
    const GOptionEntry ask[] = {
        { "yes", 0, 0, G_OPTION_ARG_NONE, &yes, "Do not ask", NULL },
        G_OPTION_ENTRY_NULL,
    };
    g_auto (PlatformCommand) command = { 0 };
    g_autoptr (GError) error = NULL;
    int code = -1;

    if (platform_command_parse (&command, changer->name, changer->usage, changer->summary,
                                changer->loses != NULL ? ask : NULL, changer->n_words,
                                changer->n_words, &argc, &argv, &error))
        code = change (&command, changer, yes, argv + 1, &error);
    return finish (&command.common, code, error);
}

static GBytes *
read_cert (const char *path, GError **error)
{
    g_autoptr (GError) cause = NULL;
    GBytes *bytes = policy_read_cert_bytes (path, SEV_CERT_SIZE, &cause);

    if (bytes == NULL)
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_FILE, "%s", cause->message);
    return bytes;
}

static gboolean
do_import (PlatformCommand *command, char **words, GError **error)
{
    g_autoptr (GBytes) pek = read_cert (words[0], error);
    g_autoptr (GBytes) oca = pek != NULL ? read_cert (words[1], error) : NULL;

    return oca != NULL && sev_device_import (command->device, pek, oca, error);
}

static int
cmd_platform_import (int argc, char **argv)
{
    static const Changer changer = {
        "platform import",
        "PEK-CSR-SIGNED OCA",
        "Gives the platform to an external owner: takes pek_csr.signed.cert and\n"
        "oca.cert, as AMD's sev-tool makes them.",
        "the platform gets another owner and PDH: sessions and snapshots made for it are "
        "lost, and guest owners must verify it anew",
        "sevlaunch.platform-import/1",
        do_import,
        2,
    };

    return run_change (&changer, argc, argv);
}

static gboolean
do_pdh_gen (PlatformCommand *command, char **words, GError **error)
{
    return sev_device_pdh_gen (command->device, error);
}

static int
cmd_platform_pdh_gen (int argc, char **argv)
{
    static const Changer changer = {
        "platform pdh-gen",
        "",
        "Makes a new PDH.  Guests that run keep their keys; sessions and\n"
        "snapshots for the old one are lost.",
        NULL,
        "sevlaunch.platform-pdh-gen/1",
        do_pdh_gen,
        0,
    };

    return run_change (&changer, argc, argv);
}

static gboolean
do_pek_gen (PlatformCommand *command, char **words, GError **error)
{
    return sev_device_pek_gen (command->device, error);
}

static int
cmd_platform_pek_gen (int argc, char **argv)
{
    static const Changer changer = {
        "platform pek-gen",
        "",
        "Makes a new identity, in the platform's own hands.  Not while guests run.",
        "PEK, OCA and PDH are made anew and an external owner is forgotten: sessions and "
        "snapshots are lost, and whoever pinned the owner refuses the platform",
        "sevlaunch.platform-pek-gen/1",
        do_pek_gen,
        0,
    };

    return run_change (&changer, argc, argv);
}

static gboolean
do_reset (PlatformCommand *command, char **words, GError **error)
{
    return sev_device_reset (command->device, error);
}

static int
cmd_platform_reset (int argc, char **argv)
{
    static const Changer changer = {
        "platform reset",
        "",
        "Erases the platform's identity; the next command makes a new one.  The\n"
        "chip and its CEK stay.  Not while guests run.",
        "PEK, OCA and PDH are erased and an external owner is forgotten: sessions and "
        "snapshots are lost, and whoever pinned the owner refuses the platform",
        "sevlaunch.platform-reset/1",
        do_reset,
        0,
    };

    return run_change (&changer, argc, argv);
}

/* The other end of cmd-platform-open.c; not listed, for nobody types it. */
static int
serve_device (void)
{
    g_autoptr (GError) error = NULL;

    return sev_device_serve (&error) ? LAUNCHER_EXIT_OK : (int) message_error (error);
}

int
cmd_platform (int argc, char **argv)
{
    static const Command table[] = {
        { "status", "Say version, state and owner", cmd_platform_status },
        { "id", "Print the chip's id", cmd_platform_id },
        { "export", "Write the platform's certificates", cmd_platform_export },
        { "verify", "Verify them up to their root", cmd_platform_verify },
        { "csr", "Write a certificate for an owner to sign", cmd_platform_csr },
        { "import", "Give the platform to that owner", cmd_platform_import },
        { "pdh-gen", "Make a new key for sessions", cmd_platform_pdh_gen },
        { "pek-gen", "Make a new identity", cmd_platform_pek_gen },
        { "reset", "Erase the identity", cmd_platform_reset },
        { NULL, NULL, NULL },
    };

    if (argc == 2 && strcmp (argv[1], "device") == 0)
        return serve_device ();
    return command_dispatch ("platform", table, argc, argv);
}
