/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sevlaunch emulator -- life of an emulated host. */

#include "config.h"

#include "launcher/cli/cmd-emulator.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

void
emulator_command_clear (EmulatorCommand *command)
{
    g_free (command->option);
    g_free (command->wanted);
    g_free (command->path);
    g_clear_pointer (&command->run_as, run_as_free);
}

static GArray *
join_entries (EmulatorCommand *command, const GOptionEntry *entries)
{
    const GOptionEntry shared[] = {
        { "emulated-host", 0, 0, G_OPTION_ARG_FILENAME, &command->option,
          "Directory of the emulated host", "DIR" },
        { "run-as", 0, 0, G_OPTION_ARG_STRING, &command->wanted,
          "User whom root becomes (default: sevlaunch, else nobody)", "USER" },
    };
    GArray *all = g_array_new (TRUE, TRUE, sizeof (GOptionEntry));

    for (; entries != NULL && entries->long_name != NULL; entries++)
        g_array_append_val (all, *entries);
    g_array_append_vals (all, shared, G_N_ELEMENTS (shared));
    return all;
}

gboolean
emulator_command_parse (EmulatorCommand *command,
                        const char *name,
                        const char *usage,
                        const char *summary,
                        const GOptionEntry *entries,
                        int max_words,
                        int *argc,
                        char ***argv,
                        GError **error)
{
    g_autoptr (GArray) all = join_entries (command, entries);

    if (!command_parse (name, usage, summary, (const GOptionEntry *) all->data,
                        &command->common, argc, argv, error))
        return FALSE;
    if (*argc - 1 > max_words) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                     "unexpected argument '%s' (see 'sevlaunch %s --help')",
                     (*argv)[max_words + 1], name);
        return FALSE;
    }
    command->path = emulated_host_path (command->option, error);
    return command->path != NULL && run_as_find (command->wanted, &command->run_as, error);
}

gboolean
emulator_command_drop (EmulatorCommand *command, gboolean make_directory, GError **error)
{
    const RunAs *run_as = command->run_as;

    if (run_as == NULL)
        return TRUE;
    if (make_directory)
        run_as_announce (run_as);
    if (make_directory &&
        !emulated_host_prepare_parent (command->path, run_as->uid, run_as->gid, error))
        return FALSE;
    return run_as_drop (run_as, error);
}

static JsonObject *
describe_created (const EmulatedHost *host,
                  const EmulatedPlatform *platform,
                  gboolean created)
{
    JsonObject *object = json_object_new ();

    json_object_set_string_member (object, "schema", "sevlaunch.emulator-create/1");
    json_object_set_boolean_member (object, "emulated", TRUE);
    json_object_set_boolean_member (object, "created", created);
    json_object_set_string_member (object, "host", emulated_host_get_path (host));
    json_object_set_string_member (object, "uri", emulated_host_get_uri (host));
    json_object_set_string_member (object, "ark_sha256", platform->ark_sha256);
    return object;
}

/* As the caller: after privileges are dropped it might be out of reach. */
static gboolean
open_owner_key (const char *path, EmulatedHostKind *kind, GError **error)
{
    if (path == NULL)
        return TRUE;
    kind->owner_key_fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (kind->owner_key_fd >= 0)
        return TRUE;
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_FILE, "'%s': %s", path,
                 g_strerror (errno));
    return FALSE;
}

static int
create (EmulatorCommand *command,
        EmulatedHostKind *kind,
        const char *owner_key,
        gboolean if_missing,
        GError **error)
{
    gboolean created = FALSE;

    if (!emulated_host_kind_check (kind, error) ||
        !open_owner_key (owner_key, kind, error) ||
        !emulator_command_drop (command, TRUE, error))
        return -1;
    g_autoptr (EmulatedHost) host =
        emulated_host_ensure (command->path, kind, &created, NULL, error);
    if (host == NULL)
        return -1;
    if (!created && !if_missing) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_EMULATED_STATE,
                     "there is an emulated host at '%s' already (--if-missing makes that a "
                     "success)",
                     command->path);
        return -1;
    }
    g_autoptr (EmulatedPlatform) platform = emulated_host_platform (host, error);
    if (platform == NULL)
        return -1;
    if (!command->common.json) {
        message_info ("the EMULATED host '%s' %s; its root is sha256:%s", command->path,
                      created ? "was made" : "is there", platform->ark_sha256);
        return LAUNCHER_EXIT_OK;
    }
    g_autoptr (JsonObject) object = describe_created (host, platform, created);
    return command_print_json (object);
}

static int
cmd_emulator_create (int argc, char **argv)
{
    gboolean if_missing = FALSE;
    g_autofree char *generation = NULL;
    g_autofree char *api = NULL;
    g_autofree char *es = NULL;
    g_autofree char *owner_key = NULL;
    EmulatedHostKind kind;
    const GOptionEntry entries[] = {
        { "if-missing", 0, 0, G_OPTION_ARG_NONE, &if_missing,
          "No error if the host is there", NULL },
        { "generation", 0, 0, G_OPTION_ARG_STRING, &generation,
          "Generation of its processor (default: milan)", "naples|rome|milan" },
        { "api", 0, 0, G_OPTION_ARG_STRING, &api, "Version of the firmware's API",
          "MAJOR.MINOR" },
        { "build", 0, 0, G_OPTION_ARG_INT, &kind.build, "Build of the firmware", "N" },
        { "es", 0, 0, G_OPTION_ARG_STRING, &es, "Whether it has SEV-ES", "on|off" },
        { "asids", 0, 0, G_OPTION_ARG_INT, &kind.asids,
          "How many guests without SEV-ES it can run at once", "N" },
        { "external-owner", 0, 0, G_OPTION_ARG_FILENAME, &owner_key,
          "Private key (PEM, P-384) of whom the platform belongs to", "FILE" },
        { "amd-key-id", 0, 0, G_OPTION_ARG_NONE, &kind.amd_key_id,
          "Give the EMULATED root a key id that AMD's sev-tool accepts", NULL },
        G_OPTION_ENTRY_NULL,
    };
    g_auto (EmulatorCommand) command = { 0 };
    g_autoptr (GError) error = NULL;
    int code = -1;

    emulated_host_kind_init (&kind);
    if (emulator_command_parse (&command, "emulator create", "",
                                "Makes an emulated SEV host: a platform with keys of its\n"
                                "own, and a private libvirt.  Nothing in it is\n"
                                "confidential.",
                                entries, 0, &argc, &argv, &error)) {
        kind.generation = generation;
        kind.api = api;
        kind.es = es;
        code = create (&command, &kind, owner_key, if_missing, &error);
    }
    if (kind.owner_key_fd >= 0)
        close (kind.owner_key_fd);
    return code < 0 ? command_fail (&command.common, error) : code;
}

int
cmd_emulator (int argc, char **argv)
{
    static const Command table[] = {
        { "create", "Make an emulated host", cmd_emulator_create },
        { "trust", "Add its root to an owner's trusted roots", cmd_emulator_trust },
        { "exec", "Run a command inside of it", cmd_emulator_exec },
        { "status", "Say what it is and what runs", cmd_emulator_status },
        { "destroy", "End what runs, remove everything", cmd_emulator_destroy },
        { NULL, NULL, NULL },
    };

    return command_dispatch ("emulator", table, argc, argv);
}
