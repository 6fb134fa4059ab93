/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "launcher/cli/command.h"
#include "launcher/cli/launch-command.h"
#include "launcher/cli/launch-table.h"

#define SESSION_SUFFIX "_session.b64"
#define SEV_TOOL_SESSION "launch_blob.bin"

static const char summary[] =
    "Judges a guest that was started without libvirt and waits in QEMU (-S): verifies the\n"
    "platform and the launch over QEMU's QMP socket, injects secrets, and resumes the "
    "guest\n"
    "if --resume says so.  It never ends the guest, and never resumes one that it refused.";

typedef struct {
    LaunchOptions launch;
    char *dir; /* --session-dir */
} AttachOptions;

static void
attach_options_clear (AttachOptions *o)
{
    launch_options_clear (&o->launch);
    g_free (o->dir);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (AttachOptions, attach_options_clear)

static gboolean
parse (AttachOptions *a, CommandCommon *common, int *argc, char ***argv, GError **error)
{
    LaunchOptions *o = &a->launch;
    const GOptionEntry own[] = {
        { "qmp", 0, 0, G_OPTION_ARG_FILENAME, &o->qmp, "QEMU's QMP socket", "SOCKET" },
        { "session-dir", 0, 0, G_OPTION_ARG_FILENAME, &a->dir,
          "Where the launch's session files are: N_tik.bin, N_tek.bin, N_godh.b64 and "
          "N_session.b64, or sev-tool's",
          "DIR" },
        { "name", 'n', 0, G_OPTION_ARG_STRING, &o->name,
          "N of the session files (default: the only one there)", "N" },
        { "release", 0, 0, G_OPTION_ARG_STRING, &o->release,
          "What boots must be this release's, and its secrets are injected", "NAME" },
        { "firmware", 0, 0, G_OPTION_ARG_FILENAME, &o->firmware,
          "Firmware image that boots", "FILE" },
        { "vcpus", 0, 0, G_OPTION_ARG_INT, &o->vcpus, "Number of processors, with SEV-ES",
          "N" },
        { "cpu", 0, 0, G_OPTION_ARG_STRING, &o->cpu,
          "Their model, such as EPYC, or FAMILY,MODEL,STEPPING; with SEV-ES", "CPU" },
        { "resume", 0, 0, G_OPTION_ARG_NONE, &o->resume, "Resume the verified guest",
          NULL },
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr (GArray) entries = launch_entries (o, LAUNCH_COMMAND_ATTACH, own);

    if (!command_parse ("attach", "", summary,
                        (const GOptionEntry *) (gpointer) entries->data, common, argc, argv,
                        error))
        return FALSE;
    if (*argc > 1 || o->qmp == NULL || a->dir == NULL) {
        g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                             *argc > 1 ? "attach takes options only"
                                       : "--qmp and --session-dir are needed (see "
                                         "'sevlaunch attach --help')");
        return FALSE;
    }
    return TRUE;
}

static gboolean
more_than_one (const char *dir, GError **error)
{
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                 "there is more than one session in '%s': name it with --name", dir);
    return FALSE;
}

/* @found: (out) (nullable): the one name of session files in @dir, if there is any */
static gboolean
find_name (const char *dir, char **found, GError **error)
{
    g_autoptr (GError) cause = NULL;
    g_autoptr (GDir) files = g_dir_open (dir, 0, &cause);
    g_autofree char *name = NULL;
    const char *file;

    if (files == NULL) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_FILE, "--session-dir: %s",
                     cause->message);
        return FALSE;
    }
    while ((file = g_dir_read_name (files)) != NULL) {
        if (!g_str_has_suffix (file, SESSION_SUFFIX))
            continue;
        if (name != NULL)
            return more_than_one (dir, error);
        name = g_strndup (file, strlen (file) - strlen (SESSION_SUFFIX));
    }
    *found = g_steal_pointer (&name);
    return TRUE;
}

/* As AMD's sev-tool leaves them: one session in a folder, without a name. */
static void
take_sev_tool (AttachOptions *a, char *blob)
{
    LaunchOptions *o = &a->launch;

    o->name = g_strdup ("sev-tool");
    o->session = blob;
    o->tk = g_build_filename (a->dir, "tmp_tk.bin", NULL);
    o->godh = g_build_filename (a->dir, "godh.cert", NULL);
}

static gboolean
take_session (AttachOptions *a, GError **error)
{
    LaunchOptions *o = &a->launch;
    const struct {
        char **path;
        const char *suffix;
    } files[] = {
        { &o->session, SESSION_SUFFIX },
        { &o->tik, "_tik.bin" },
        { &o->tek, "_tek.bin" },
        { &o->godh, "_godh.b64" },
    };

    if (o->name == NULL) {
        g_autofree char *blob = g_build_filename (a->dir, SEV_TOOL_SESSION, NULL);
        const gboolean sev_tool = g_file_test (blob, G_FILE_TEST_EXISTS);

        if (!find_name (a->dir, &o->name, error))
            return FALSE;
        if (sev_tool && o->name != NULL)
            return more_than_one (a->dir, error);
        if (sev_tool) {
            take_sev_tool (a, g_steal_pointer (&blob));
            return TRUE;
        }
    }
    if (o->name == NULL) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_FILE,
                     "there is no file N" SESSION_SUFFIX " in '%s'", a->dir);
        return FALSE;
    }
    for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
        *files[i].path = g_strconcat (a->dir, "/", o->name, files[i].suffix, NULL);
    return TRUE;
}

int
cmd_attach (int argc, char **argv)
{
    g_auto (AttachOptions) options = { .launch = { .way = LAUNCH_WAY_ATTACH } };
    CommandCommon common = { 0 };
    g_autoptr (GError) error = NULL;

    if (!parse (&options, &common, &argc, &argv, &error) ||
        !take_session (&options, &error))
        return command_fail (&common, error);
    /* A guest without kernel hashes is one whose own boot loader runs, unmeasured. */
    options.launch.own_boot_loader =
        options.launch.uki == NULL && options.launch.kernel == NULL;
    g_autoptr (LaunchOwner) owner = launch_owner_prepare (&options.launch, &error);
    if (owner == NULL)
        return command_fail (&common, error);
    return launch_command_run (&options.launch, owner, &common);
}
