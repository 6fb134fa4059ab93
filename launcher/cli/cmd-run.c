/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "launcher/cli/command.h"
#include "launcher/cli/courier-options.h"
#include "launcher/cli/launch-command.h"
#include "launcher/cli/launch-table.h"

static const char summary[] =
    "Starts a confidential guest: verifies the platform and the launch, releases the\n"
    "secrets of the image's release to exactly that launch, and resumes the guest; or\n"
    "refuses and leaves nothing behind.  See sevlaunch(1).";

static GArray *
run_entries (LaunchOptions *o, char **bundle)
{
    const GOptionEntry own[] = {
        { "image", 0, 0, G_OPTION_ARG_FILENAME, &o->image,
          "Disk image: qcow2, or raw with a GPT", "FILE" },
        { "domain", 0, 0, G_OPTION_ARG_STRING, &o->existing,
          "A domain that libvirt has, or a file of domain XML, instead of --image",
          "NAME|XML" },
        { "network", 'w', 0, G_OPTION_ARG_STRING, &o->network,
          "none, user (default), network=NAME or bridge=NAME", "NET" },
        { "backing-file", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &o->backing,
          "A file that the image may have as backing file (repeatable)", "FILE" },
        { "own-boot-loader", 0, 0, G_OPTION_ARG_NONE, &o->own_boot_loader,
          "Boot the image's own boot loader, unmeasured", NULL },
        { "connect", 'c', 0, G_OPTION_ARG_STRING, &o->connect,
          "libvirt's URI; the verdict is made on this machine also where the host is "
          "another",
          "URI" },
        { "image-copy", 0, 0, G_OPTION_ARG_FILENAME, &o->image_copy,
          "Your copy of the image, where --connect is another machine and --image a path "
          "there",
          "FILE" },
        { "host-firmware", 0, 0, G_OPTION_ARG_STRING, &o->host_firmware,
          "Path of the firmware there (default: the same as here)", "PATH" },
        { "host-kernel", 0, 0, G_OPTION_ARG_STRING, &o->host_kernel,
          "Path there of the kernel, or of the unified kernel image", "PATH" },
        { "host-initrd", 0, 0, G_OPTION_ARG_STRING, &o->host_initrd,
          "Path of the initrd there", "PATH" },
        { "session", 0, 0, G_OPTION_ARG_FILENAME, &o->session,
          "Launch session made elsewhere, with --tik and --tek, or --tk", "FILE" },
        { "tik", 0, 0, G_OPTION_ARG_FILENAME, &o->tik, "Its integrity key", "FILE" },
        { "tek", 0, 0, G_OPTION_ARG_FILENAME, &o->tek, "Its encryption key", "FILE" },
        { "tk", 0, 0, G_OPTION_ARG_FILENAME, &o->tk,
          "Both in one file, TEK first, as sev-tool writes them", "FILE" },
        { "session-dir", 0, 0, G_OPTION_ARG_FILENAME, &o->session_dir,
          "Keep the launch's session files, keys included, here", "DIR" },
        { "paused", 0, 0, G_OPTION_ARG_NONE, &o->paused,
          "Leave the verified guest paused, secrets injected", NULL },
        { "wait", 0, 0, G_OPTION_ARG_INT, &o->wait,
          "How long the guest may take to unlock its disk (default: 180; 0: do not watch)",
          "SECONDS" },
        { "print-xml", 0, 0, G_OPTION_ARG_NONE, &o->print_xml,
          "Print the domain XML and start no guest", NULL },
        { "dry-run", 0, 0, G_OPTION_ARG_NONE, &o->dry_run,
          "Do everything that needs no guest and start none", NULL },
        { "bundle", 0, 0, G_OPTION_ARG_FILENAME, bundle,
          "Launch what the owner's courier brought, without the owner", "FILE" },
        { "measurement-out", 0, 0, G_OPTION_ARG_FILENAME, &o->output,
          "Where the measurement for the courier goes, with --bundle", "FILE" },
        G_OPTION_ENTRY_NULL,
    };

    return launch_entries (o, LAUNCH_COMMAND_RUN, own);
}

static gboolean
parse (LaunchOptions *o,
       char **bundle,
       CommandCommon *common,
       int *argc,
       char ***argv,
       GError **error)
{
    g_autoptr (GArray) entries = run_entries (o, bundle);

    if (!command_parse ("run", "", summary, (const GOptionEntry *) (gpointer) entries->data,
                        common, argc, argv, error))
        return FALSE;
    if (o->print_xml && common->json) {
        g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                             "--print-xml and --json exclude each other");
        return FALSE;
    }
    if (*argc > 1) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE, "unexpected word '%s'",
                     (*argv)[1]);
        return FALSE;
    }
    return TRUE;
}

/* What only the owner may say, and said when he made the bundle. */
static const char *
owners_option (const LaunchOptions *o)
{
    const struct {
        gboolean given;
        const char *name;
    } rows[] = {
        { o->existing != NULL, "--domain" },
        { o->owner_cert != NULL, "--owner-cert" },
        { o->release != NULL, "--release" },
        { o->policy != NULL || o->accept_debug, "--policy" },
        { o->vcpus != 0, "--vcpus" },
        { o->append != NULL, "--append" },
        { o->secrets != NULL, "--secret" },
        { o->accept_firmware != NULL, "--accept-firmware" },
        { o->session != NULL || o->tik != NULL || o->tek != NULL || o->tk != NULL,
          "--session" },
        { o->session_dir != NULL, "--session-dir" },
        { o->ephemeral, "--ephemeral" },
        { o->acceptance != NULL, "--acceptance" },
        { o->require_evidence, "--require-evidence" },
        { o->allow_unbound_session, "--allow-unbound-session" },
        { o->allow_unmeasured_boot, "--allow-unmeasured-boot" },
        { o->allow_legacy_api, "--allow-legacy-api" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
        if (rows[i].given)
            return rows[i].name;
    return NULL;
}

static gboolean
take_bundle (LaunchOptions *o, const char *path, CourierFiles *files, GError **error)
{
    const char *option = owners_option (o);

    if (path == NULL && o->output != NULL) {
        g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                             "--measurement-out needs --bundle");
        return FALSE;
    }
    if (path == NULL)
        return TRUE;
    if (option != NULL) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                     "--bundle and %s exclude each other: the owner decided that", option);
        return FALSE;
    }
    o->way = LAUNCH_WAY_CARRY;
    return courier_take_bundle (files, path, o, error);
}

int
cmd_run (int argc, char **argv)
{
    g_auto (LaunchOptions) options = { .wait = LAUNCH_DEFAULT_WAIT };
    g_auto (CourierFiles) files = { 0 };
    g_autofree char *bundle = NULL;
    CommandCommon common = { 0 };
    g_autoptr (GError) error = NULL;

    if (!parse (&options, &bundle, &common, &argc, &argv, &error) ||
        !take_bundle (&options, bundle, &files, &error))
        return command_fail (&common, error);
    g_autoptr (LaunchOwner) owner = launch_owner_prepare (&options, &error);
    if (owner == NULL)
        return command_fail (&common, error);
    return launch_command_run (&options, owner, &common);
}
