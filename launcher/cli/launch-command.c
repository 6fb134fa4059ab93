/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/cli/launch-command.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "launcher/flow/launch-report.h"
#include "launcher/host/virt.h"

typedef struct {
    LaunchFlow *flow;
    GMainLoop *loop;
    GCancellable *cancellable;
    int signal; /* 0: none came */
    GError *error;
} Run;

void
launch_options_clear (LaunchOptions *o)
{
    char **const texts[] = {
        &o->image,
        &o->format,
        &o->owner_cert,
        &o->name,
        &o->network,
        &o->policy,
        &o->uki,
        &o->kernel,
        &o->initrd,
        &o->append,
        &o->firmware,
        &o->connect,
        &o->emulated_host,
        &o->run_as,
        &o->platform,
        &o->cek,
        &o->ca,
        &o->session,
        &o->tik,
        &o->tek,
        &o->tk,
        &o->session_dir,
        &o->release,
        &o->acceptance,
        &o->qmp,
        &o->godh,
        &o->cpu,
        &o->image_copy,
        &o->host_firmware,
        &o->host_kernel,
        &o->host_initrd,
        &o->output,
        &o->domain,
        &o->existing,
    };

    for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
        g_clear_pointer (texts[i], g_free);
    kds_options_clear (&o->kds);
    g_clear_pointer (&o->backing, g_strfreev);
    g_clear_pointer (&o->accept_firmware, g_strfreev);
    g_clear_pointer (&o->secrets, g_strfreev);
}
static gboolean
stop (Run *run, int number)
{
    if (run->signal != 0) {
        message_warning (
            "interrupted again: not waiting for the host; look whether it left "
            "the guest '%s'",
            launch_flow_get_result (run->flow)->name);
        _exit (number == SIGTERM ? LAUNCHER_EXIT_SIGTERM : LAUNCHER_EXIT_SIGINT);
    }
    run->signal = number;
    g_cancellable_cancel (run->cancellable);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_sigint (gpointer data)
{
    return stop (data, SIGINT);
}

static gboolean
on_sigterm (gpointer data)
{
    return stop (data, SIGTERM);
}

static void
on_done (GObject *source, GAsyncResult *result, gpointer data)
{
    Run *run = data;

    (void) !launch_flow_run_finish (run->flow, result, &run->error);
    g_main_loop_quit (run->loop);
}

/* A cancelled launch says which signal it was and what became of the guest. */
static void
explain_cancel (Run *run)
{
    const gboolean resumed = launch_flow_get_result (run->flow)->resumed;

    if (!g_error_matches (run->error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    g_clear_error (&run->error);
    g_set_error (&run->error, LAUNCHER_ERROR,
                 run->signal == SIGTERM ? LAUNCHER_ERROR_TERMINATED
                                        : LAUNCHER_ERROR_INTERRUPTED,
                 resumed ? "interrupted; the guest was verified and goes on"
                         : "interrupted; the guest was not started");
}

static int
report (const Run *run,
        const LaunchOptions *options,
        const LaunchOwner *owner,
        const CommandCommon *common)
{
    const LaunchResult *result = launch_flow_get_result (run->flow);
    const int status = run->error != NULL ? (int) launcher_reason (run->error).exit_code
                                          : LAUNCHER_EXIT_OK;

    if (run->error != NULL && !launch_report_refusal (result))
        message_error (run->error);
    if (common->json) {
        g_autoptr (JsonObject) object =
            launch_report_json (options, owner, result, run->error);
        command_print_json (object);
        return status;
    }
    if (options->print_xml && run->error == NULL)
        fputs (result->xml, stdout);
    else if (options->way > LAUNCH_WAY_ATTACH && run->error == NULL && !options->dry_run)
        launch_report_courier (options, owner, result);
    else if (run->error == NULL || result->resumed)
        launch_report_words (options, owner, result);
    return status;
}

int
launch_command_run (const LaunchOptions *options,
                    const LaunchOwner *owner,
                    const CommandCommon *common)
{
    g_autoptr (LaunchFlow) flow = launch_flow_new (options, owner);
    g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
    g_autoptr (GCancellable) cancellable = g_cancellable_new ();
    Run run = { .flow = flow, .loop = loop, .cancellable = cancellable };

    if (!virt_init (&run.error)) {
        const int status = command_fail (common, run.error);
        g_error_free (run.error);
        return status;
    }
    const guint sources[] = { g_unix_signal_add (SIGINT, on_sigint, &run),
                              g_unix_signal_add (SIGTERM, on_sigterm, &run),
                              g_unix_signal_add (SIGHUP, on_sigterm, &run) };
    launch_flow_run_async (flow, cancellable, on_done, &run);
    g_main_loop_run (loop);
    for (gsize i = 0; i < G_N_ELEMENTS (sources); i++)
        g_source_remove (sources[i]);
    if (run.error != NULL)
        explain_cancel (&run);
    const int status = report (&run, options, owner, common);
    g_clear_error (&run.error);
    return status;
}
