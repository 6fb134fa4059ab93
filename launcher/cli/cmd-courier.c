/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sevlaunch courier -- owner and host apart, four small files between them.  The host's
 * launch is "run --bundle". */

#include "launcher/cli/courier-options.h"
#include "launcher/cli/launch-table.h"

static gboolean
refuse_words (int argc, const char *command, GError **error)
{
    if (argc <= 1)
        return TRUE;
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                 "courier %s takes options only", command);
    return FALSE;
}

static gboolean
need (const char *value, const char *option, GError **error)
{
    if (value != NULL)
        return TRUE;
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE, "%s is needed", option);
    return FALSE;
}

/* On the host. */

int
cmd_courier_platform (int argc, char **argv)
{
    g_auto (LaunchOptions) o = { .way = LAUNCH_WAY_TELL };
    CommandCommon common = { 0 };
    g_autoptr (GError) error = NULL;
    const GOptionEntry own[] = {
        { "output", 'o', 0, G_OPTION_ARG_FILENAME, &o.output, "The platform file", "FILE" },
        { "cek", 0, 0, G_OPTION_ARG_FILENAME, &o.cek,
          "Add the chip's CEK certificate, signed by AMD", "FILE" },
        { "ca", 0, 0, G_OPTION_ARG_FILENAME, &o.ca,
          "Add AMD's certificates ASK and ARK, from one file", "FILE" },
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr (GArray) entries = launch_entries (&o, LAUNCH_COMMAND_HOST, own);

    if (!command_parse ("courier platform", "",
                        "Host: writes the platform's certificates into a file for the\n"
                        "owner.",
                        (const GOptionEntry *) (gpointer) entries->data, &common, &argc,
                        &argv, &error) ||
        !refuse_words (argc, "platform", &error) || !need (o.output, "-o", &error))
        return command_fail (&common, error);
    return courier_run (&o, &common);
}

int
cmd_courier_inject (int argc, char **argv)
{
    g_auto (LaunchOptions) o = { .way = LAUNCH_WAY_INJECT };
    g_auto (CourierFiles) files = { 0 };
    g_autofree char *packet = NULL;
    CommandCommon common = { 0 };
    g_autoptr (GError) error = NULL;
    const GOptionEntry own[] = {
        { "packet", 0, 0, G_OPTION_ARG_FILENAME, &packet, "What the owner sent", "FILE" },
        { "domain", 0, 0, G_OPTION_ARG_STRING, &o.domain, "The guest that waits for it",
          "NAME" },
        { "destroy", 0, 0, G_OPTION_ARG_NONE, &o.destroy, "End the guest if anything fails",
          NULL },
        { "paused", 0, 0, G_OPTION_ARG_NONE, &o.paused, "Do not resume the guest", NULL },
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr (GArray) entries = launch_entries (&o, LAUNCH_COMMAND_HOST, own);

    if (!command_parse ("courier inject", "",
                        "Host: gives the owner's packet to the guest, and resumes it.",
                        (const GOptionEntry *) (gpointer) entries->data, &common, &argc,
                        &argv, &error) ||
        !refuse_words (argc, "inject", &error) || !need (packet, "--packet", &error) ||
        !need (o.domain, "--domain", &error) ||
        !courier_take_packet (&files, packet, &o, &error))
        return command_fail (&common, error);
    return courier_run (&o, &common);
}

/* On the owner's machine. */

int
cmd_courier_judge (int argc, char **argv)
{
    g_auto (LaunchOptions) o = { .way = LAUNCH_WAY_JUDGE };
    g_auto (CourierFiles) files = { 0 };
    g_autofree char *bundle = NULL;
    g_autofree char *measurement = NULL;
    CommandCommon common = { 0 };
    g_autoptr (GError) error = NULL;
    const GOptionEntry own[] = {
        { "bundle", 0, 0, G_OPTION_ARG_FILENAME, &bundle, "What was sent to the host",
          "FILE" },
        { "measurement", 0, 0, G_OPTION_ARG_FILENAME, &measurement,
          "What the host sent back", "FILE" },
        { "output", 'o', 0, G_OPTION_ARG_FILENAME, &o.output, "The packet for the host",
          "FILE" },
        { "require-evidence", 0, 0, G_OPTION_ARG_NONE, &o.require_evidence,
          "Write no packet whose launch leaves no evidence with the platform's report",
          NULL },
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr (GArray) entries = launch_entries (&o, LAUNCH_COMMAND_JUDGE, own);

    if (!command_parse ("courier judge", "",
                        "Owner: judges the launch that the host measured, once, and seals\n"
                        "the secrets for exactly that launch.",
                        (const GOptionEntry *) (gpointer) entries->data, &common, &argc,
                        &argv, &error) ||
        !refuse_words (argc, "judge", &error) || !need (bundle, "--bundle", &error) ||
        !need (measurement, "--measurement", &error) ||
        !courier_take_bundle (&files, bundle, &o, &error) ||
        !courier_take_measurement (&files, measurement, &o, &error))
        return command_fail (&common, error);
    return courier_run (&o, &common);
}

/* The host makes the processors by the name of their model. */
static gboolean
choose_cpu (LaunchOptions *o, GError **error)
{
    guint32 signature;

    if (o->cpu == NULL)
        o->cpu = g_strdup (o->host->cpu != NULL ? o->host->cpu : "EPYC");
    if (policy_cpu_signature (o->cpu, &signature))
        return TRUE;
    g_autofree char *known = policy_cpu_models ();
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                 "the CPU model '%s' is not known here: say one with --cpu (%s)", o->cpu,
                 known);
    return FALSE;
}

static int
prepare (LaunchOptions *o, int *argc, char ***argv)
{
    g_auto (CourierFiles) files = { 0 };
    CommandCommon common = { 0 };
    g_autoptr (GError) error = NULL;
    g_autofree char *path = NULL;
    const GOptionEntry own[] = {
        { "platform", 0, 0, G_OPTION_ARG_FILENAME, &path,
          "What the host sent; or certificates as sevctl and sev-tool export them",
          "FILE" },
        { "output", 'o', 0, G_OPTION_ARG_FILENAME, &o->output, "The bundle for the host",
          "FILE" },
        { "image", 0, 0, G_OPTION_ARG_FILENAME, &o->image, "Your copy of the disk image",
          "FILE" },
        { "cpu", 0, 0, G_OPTION_ARG_STRING, &o->cpu,
          "Their model, with SEV-ES (default: what the platform file says)", "MODEL" },
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr (GArray) entries = launch_entries (o, LAUNCH_COMMAND_PREPARE, own);

    if (!command_parse ("courier prepare", "",
                        "Owner: makes the session of a launch on the host whose platform\n"
                        "file this is, keeps its keys, and writes the bundle for the host.",
                        (const GOptionEntry *) (gpointer) entries->data, &common, argc,
                        argv, &error) ||
        !refuse_words (*argc, "prepare", &error) || !need (path, "--platform", &error) ||
        !courier_take_platform (&files, path, o, &error) || !choose_cpu (o, &error))
        return command_fail (&common, error);
    return courier_run (o, &common);
}

int
cmd_courier_prepare (int argc, char **argv)
{
    g_auto (LaunchOptions) options = { .way = LAUNCH_WAY_PREPARE };

    return prepare (&options, &argc, &argv);
}

int
cmd_courier (int argc, char **argv)
{
    static const Command table[] = {
        { "platform", "Host: the platform's certificates, into a file",
          cmd_courier_platform },
        { "prepare", "Owner: a session for it, and a bundle", cmd_courier_prepare },
        { "judge", "Owner: the verdict on what the host measured, and a packet",
          cmd_courier_judge },
        { "inject", "Host: the packet into the guest that waits", cmd_courier_inject },
        { NULL, NULL, NULL },
    };

    return command_dispatch ("courier", table, argc, argv);
}
