/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/flow/launch-flow-private.h"

#include <string.h>

#include "launcher/base/message.h"
#include "policy/attest/owner-packet.h"

#define STOPPING_SECONDS 20u

/* Either @work, on a worker thread, or @begin, which ends with step_done(). */
typedef struct {
    const char *name;
    const char *progress; /* (nullable) */
    gboolean (*work) (LaunchFlow *flow, GCancellable *cancellable, GError **error);
    void (*begin) (LaunchFlow *flow);
} StepRow;

static void begin_query (LaunchFlow *flow);
static void begin_measure (LaunchFlow *flow);
static void begin_secret (LaunchFlow *flow);
static void begin_watch (LaunchFlow *flow);
static void begin_stopping (LaunchFlow *flow);
static void begin_done (LaunchFlow *flow);

static const StepRow steps[] = {
    [LAUNCH_STEP_IMAGE] = { "image", "reading what boots", flow_image, NULL },
    [LAUNCH_STEP_HOST] = { "host", "connecting to libvirt", flow_host, NULL },
    [LAUNCH_STEP_PLATFORM] = { "platform", "verifying the platform's certificates",
                               flow_platform, NULL },
    [LAUNCH_STEP_SESSION] = { "session", "making the launch session", flow_session, NULL },
    [LAUNCH_STEP_CREATE] = { "create", "creating the guest, paused", flow_create, NULL },
    [LAUNCH_STEP_QUERY] = { "query", NULL, NULL, begin_query },
    [LAUNCH_STEP_MEASURE] = { "measure", "fetching the launch measurement", NULL,
                              begin_measure },
    [LAUNCH_STEP_VERIFY] = { "verify", "verifying it", flow_verify, NULL },
    [LAUNCH_STEP_SECRET] = { "secret", "verified; injecting the secrets", NULL,
                             begin_secret },
    [LAUNCH_STEP_KEEP] = { "keep", NULL, flow_keep, NULL },
    [LAUNCH_STEP_RESUME] = { "resume", "resuming the guest", flow_resume, NULL },
    [LAUNCH_STEP_WATCH] = { "watch", "waiting for the guest's word on its console", NULL,
                            begin_watch },
    [LAUNCH_STEP_STOPPING] = { "stopping", NULL, NULL, begin_stopping },
    [LAUNCH_STEP_DONE] = { "done", NULL, NULL, begin_done },
};
G_STATIC_ASSERT (G_N_ELEMENTS (steps) == LAUNCH_N_STEPS);

const char *
launch_step_name (LaunchStep step)
{
    g_return_val_if_fail ((guint) step < LAUNCH_N_STEPS, NULL);
    return steps[step].name;
}

gboolean
flow_watches (const LaunchFlow *flow)
{
    SevGuid key;

    /* Only the hook that opens the disk says something. */
    if (flow->options->paused || flow->options->wait == 0 ||
        !ovmf_secret_guid_parse (OVMF_SECRET_LUKS_KEY, &key, NULL))
        return FALSE;
    for (guint i = 0; i < ovmf_secret_table_count (flow->owner->table); i++)
        if (sev_guid_equal (ovmf_secret_table_get_guid (flow->owner->table, i), &key))
            return TRUE;
    return FALSE;
}

static LaunchStep
next_step (const LaunchFlow *flow)
{
    const gboolean rehearsal = flow->options->print_xml || flow->options->dry_run;

    switch (flow->step) {
    case LAUNCH_STEP_IMAGE:
        return LAUNCH_STEP_HOST;
    case LAUNCH_STEP_HOST:
        return LAUNCH_STEP_PLATFORM;
    case LAUNCH_STEP_PLATFORM:
        return LAUNCH_STEP_SESSION;
    case LAUNCH_STEP_SESSION:
        return rehearsal ? LAUNCH_STEP_DONE : LAUNCH_STEP_CREATE;
    case LAUNCH_STEP_CREATE:
        return LAUNCH_STEP_QUERY;
    case LAUNCH_STEP_QUERY:
        return LAUNCH_STEP_MEASURE;
    case LAUNCH_STEP_MEASURE:
        return LAUNCH_STEP_VERIFY;
    case LAUNCH_STEP_VERIFY:
        return ovmf_secret_table_count (flow->owner->table) > 0 ? LAUNCH_STEP_SECRET
                                                                : LAUNCH_STEP_KEEP;
    case LAUNCH_STEP_SECRET:
        return LAUNCH_STEP_KEEP;
    case LAUNCH_STEP_KEEP:
        return flow->options->paused ? LAUNCH_STEP_DONE : LAUNCH_STEP_RESUME;
    case LAUNCH_STEP_RESUME:
        return flow_watches (flow) ? LAUNCH_STEP_WATCH : LAUNCH_STEP_DONE;
    case LAUNCH_STEP_WATCH:
    case LAUNCH_STEP_STOPPING:
    case LAUNCH_STEP_DONE:
        break;
    }
    return LAUNCH_STEP_DONE;
}

/* Worker threads. */

static void
work_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    LaunchFlow *flow = data;
    GError *error = NULL;

    if (steps[flow->step].work (flow, cancellable, &error))
        g_task_return_boolean (task, TRUE);
    else
        g_task_return_error (task, error);
}

static void
clean_up_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    flow_clean_up (data);
    g_task_return_boolean (task, TRUE);
}

static void
finish (LaunchFlow *flow)
{
    g_autoptr (GTask) task = g_steal_pointer (&flow->task);

    if (flow->cancelled != 0)
        g_signal_handler_disconnect (flow->cancellable, flow->cancelled);
    flow->cancelled = 0;
    if (flow->failure != NULL)
        g_task_return_error (task, g_steal_pointer (&flow->failure));
    else
        g_task_return_boolean (task, TRUE);
}

static void
on_cleaned_up (GObject *source, GAsyncResult *result, gpointer data)
{
    finish (data);
}

static void
fail (LaunchFlow *flow, GError *error)
{
    flow->failure = error;
    g_clear_object (&flow->qmp);
    g_autoptr (GTask) task = g_task_new (NULL, NULL, on_cleaned_up, flow);
    g_task_set_task_data (task, flow, NULL);
    g_task_run_in_thread (task, clean_up_in_thread);
}

static void begin_step (LaunchFlow *flow, LaunchStep step);

static void
end_timing (LaunchFlow *flow)
{
    flow->result.timings_us[flow->step] = g_get_monotonic_time () - flow->step_began;
}

/* @error: (transfer full) (nullable) */
static void
step_done (LaunchFlow *flow, GError *error)
{
    const gboolean cancelled =
        flow->cancellable != NULL && g_cancellable_is_cancelled (flow->cancellable);

    end_timing (flow);
    if (flow->ender != NULL)
        launch_ender_stop (flow->ender);
    /* What a signal did to a tool or a guest is no reason of its own. */
    if (cancelled && !flow->result.resumed) {
        g_clear_error (&error);
        g_cancellable_set_error_if_cancelled (flow->cancellable, &error);
    }
    if (error != NULL)
        fail (flow, error);
    else
        begin_step (flow, next_step (flow));
}

static void
on_worked (GObject *source, GAsyncResult *result, gpointer data)
{
    GError *error = NULL;

    (void) !g_task_propagate_boolean (G_TASK (result), &error);
    step_done (data, error);
}

static void
begin_step (LaunchFlow *flow, LaunchStep step)
{
    const StepRow *row = &steps[step];

    flow->step = step;
    flow->step_began = g_get_monotonic_time ();
    if (row->progress != NULL)
        message_progress ("%s", row->progress);
    if (row->begin != NULL) {
        row->begin (flow);
        return;
    }
    g_autoptr (GTask) task = g_task_new (NULL, flow->cancellable, on_worked, flow);
    g_task_set_task_data (task, flow, NULL);
    /* What a step made must be known before it is cleaned up. */
    g_task_set_check_cancellable (task, FALSE);
    g_task_run_in_thread (task, work_in_thread);
}

/* QMP. */

static void
on_queried (GObject *source, GAsyncResult *result, gpointer data)
{
    LaunchFlow *flow = data;
    GError *error = NULL;

    if (!qmp_sev_query_finish (flow->qmp, result, &flow->result.info, &error)) {
        step_done (flow, error);
        return;
    }
    const QmpSevInfo *info = &flow->result.info;
    flow->result.has_info = TRUE;
    if (!info->enabled || info->snp)
        error = g_error_new (LAUNCHER_ERROR, LAUNCHER_ERROR_DOMAIN_STATE,
                             "query-sev: QEMU says that the guest is %s",
                             info->snp ? "a SEV-SNP guest" : "no SEV guest");
    else if (info->state != QMP_SEV_STATE_LAUNCH_SECRET)
        error = g_error_new (LAUNCHER_ERROR, LAUNCHER_ERROR_DOMAIN_STATE,
                             "query-sev: the guest is in state %s, expected launch-secret",
                             qmp_sev_state_to_string (info->state));
    step_done (flow, error);
}

static void
begin_query (LaunchFlow *flow)
{
    g_autoptr (QmpTransport) transport = qmp_transport_libvirt_new (flow->domain);

    flow->qmp = qmp_client_new (transport, QMP_CLIENT_DEFAULT_TIMEOUT);
    qmp_sev_query_async (flow->qmp, flow->cancellable, on_queried, flow);
}

static void
on_measured (GObject *source, GAsyncResult *result, gpointer data)
{
    LaunchFlow *flow = data;
    GError *error = NULL;

    flow->result.report = qmp_sev_query_launch_measure_finish (flow->qmp, result, &error);
    step_done (flow, error);
}

static void
begin_measure (LaunchFlow *flow)
{
    qmp_sev_query_launch_measure_async (flow->qmp, flow->cancellable, on_measured, flow);
}

static void
on_injected (GObject *source, GAsyncResult *result, gpointer data)
{
    LaunchFlow *flow = data;
    GError *error = NULL;

    flow->result.released = qmp_sev_inject_launch_secret_finish (flow->qmp, result, &error);
    if (error != NULL && strstr (error->message, "fw_error=") != NULL) {
        g_autoptr (GError) cause = error;
        error = g_error_new (LAUNCHER_ERROR, LAUNCHER_ERROR_PSP, "%s", cause->message);
    }
    step_done (flow, error);
}

static PolicyPacket *
make_packet (LaunchFlow *flow, GError **error)
{
    gsize limit = 0;
    g_autoptr (SevSecret) table = flow_build_table (flow, &limit, error);

    if (table == NULL)
        return NULL;
    return policy_packet_new (flow->verified, flow->result.verdict, table, limit, error);
}

static void
begin_secret (LaunchFlow *flow)
{
    const guint64 area = flow->result.boot->firmware_info.secret_area.base;
    GError *error = NULL;
    g_autoptr (PolicyPacket) packet = make_packet (flow, &error);

    if (packet == NULL) {
        step_done (flow, error);
        return;
    }
    qmp_sev_inject_launch_secret_async (flow->qmp, policy_packet_get_header (packet),
                                        policy_packet_get_data (packet), &area,
                                        flow->cancellable, on_injected, flow);
}

/* The guest's word. */

static GError *
refusal (const LaunchFlow *flow, const ConsoleText *text)
{
    const gboolean guest = console_text_get_said (text) == CONSOLE_GUEST_REFUSED;

    return g_error_new (LAUNCHER_ERROR,
                        guest ? LAUNCHER_ERROR_GUEST_REFUSED
                              : LAUNCHER_ERROR_GUEST_FIRMWARE_REFUSED,
                        "the guest's console says: %s", console_text_get_line (text));
}

static GError *
ended (const LaunchFlow *flow, ConsoleEnd end)
{
    g_autofree char *last = console_text_dup_last (console_watch_get_text (flow->console));

    if (end == CONSOLE_END_STOPPED)
        return g_error_new (LAUNCHER_ERROR, LAUNCHER_ERROR_GUEST_STOPPED,
                            "the guest ended without a word that its disk was unlocked%s%s",
                            *last != '\0' ? "; the last of its console:\n" : "", last);
    return g_error_new (LAUNCHER_ERROR, LAUNCHER_ERROR_GUEST_SILENT,
                        "the guest '%s' runs, but did not say within %d seconds that its "
                        "disk is unlocked; it was left as it is%s%s",
                        flow->result.name, flow->options->wait,
                        *last != '\0' ? "; the last of its console:\n" : "", last);
}

static void
on_watched (GObject *source, GAsyncResult *result, gpointer data)
{
    LaunchFlow *flow = data;
    const ConsoleText *text = console_watch_get_text (flow->console);
    ConsoleEnd end = CONSOLE_END_SILENT;
    GError *error = NULL;

    if (!console_watch_wait_finish (result, &end, &error)) {
        step_done (flow, error);
        return;
    }
    flow->result.said = g_strdup (console_text_get_line (text));
    switch (console_text_get_said (text)) {
    case CONSOLE_NOTHING:
        step_done (flow, ended (flow, end));
        break;
    case CONSOLE_UNLOCKED:
        policy_verdict_add_unproven (flow->result.verdict,
                                     "what the guest's console says: the host carries it");
        message_progress ("the guest says: %s", flow->result.said);
        step_done (flow, NULL);
        break;
    case CONSOLE_GUEST_REFUSED:
    case CONSOLE_FIRMWARE_REFUSED:
        end_timing (flow);
        begin_step (flow, LAUNCH_STEP_STOPPING);
        break;
    }
}

static void
begin_watch (LaunchFlow *flow)
{
    console_watch_wait_async (flow->console, (guint) flow->options->wait, TRUE,
                              flow->cancellable, on_watched, flow);
}

static void
on_stopped (GObject *source, GAsyncResult *result, gpointer data)
{
    LaunchFlow *flow = data;
    ConsoleEnd end = CONSOLE_END_SILENT;
    GError *error = NULL;

    if (console_watch_wait_finish (result, &end, &error))
        error = refusal (flow, console_watch_get_text (flow->console));
    step_done (flow, error);
}

static void
begin_stopping (LaunchFlow *flow)
{
    console_watch_wait_async (flow->console, STOPPING_SECONDS, FALSE, flow->cancellable,
                              on_stopped, flow);
}

static void
begin_done (LaunchFlow *flow)
{
    finish (flow);
}

/* Another connection ends the guest under a call that does not return; then it does. */
static void
on_cancelled (GCancellable *cancellable, gpointer data)
{
    LaunchFlow *flow = data;

    if ((flow->step != LAUNCH_STEP_CREATE && flow->step != LAUNCH_STEP_RESUME) ||
        flow->ender != NULL)
        return;
    flow->ender = launch_ender_start (flow->result.uri, flow->result.uuid);
}

/* Life. */

LaunchFlow *
launch_flow_new (const LaunchOptions *options, const LaunchOwner *owner)
{
    LaunchFlow *flow = g_new0 (LaunchFlow, 1);

    flow->options = options;
    flow->owner = owner;
    flow->result.verdict = policy_verdict_new ();
    flow->result.name = options->name != NULL ? g_strdup (options->name)
                                              : domain_name_from_image (owner->image);
    for (guint i = 0; i < LAUNCH_N_STEPS; i++)
        flow->result.timings_us[i] = -1;
    return flow;
}

void
launch_flow_free (LaunchFlow *flow)
{
    LaunchResult *result = &flow->result;

    g_return_if_fail (flow->task == NULL);

    g_clear_object (&flow->qmp);
    g_clear_pointer (&flow->console, console_watch_free);
    g_clear_pointer (&flow->verified, policy_verified_free);
    g_clear_pointer (&flow->domain, virDomainFree);
    g_clear_pointer (&flow->connection, virConnectClose);
    g_clear_pointer (&flow->emulated, emulated_host_free);
    g_clear_object (&flow->cancellable);
    g_clear_pointer (&flow->ender, launch_ender_free);
    g_clear_pointer (&result->boot, launch_boot_free);
    g_clear_pointer (&result->session, policy_session_unref);
    g_clear_pointer (&result->chain, policy_chain_unref);
    g_clear_pointer (&result->verdict, policy_verdict_free);
    g_clear_pointer (&result->report, g_bytes_unref);
    g_free (result->name);
    g_free (result->uri);
    g_free (result->xml);
    g_free (result->said);
    g_free (flow);
}

void
launch_flow_run_async (LaunchFlow *flow,
                       GCancellable *cancellable,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
    g_return_if_fail (flow->task == NULL);

    flow->task = g_task_new (NULL, NULL, callback, user_data);
    if (cancellable != NULL) {
        flow->cancellable = g_object_ref (cancellable);
        flow->cancelled =
            g_signal_connect (cancellable, "cancelled", G_CALLBACK (on_cancelled), flow);
    }
    begin_step (flow, LAUNCH_STEP_IMAGE);
}

gboolean
launch_flow_run_finish (LaunchFlow *flow, GAsyncResult *result, GError **error)
{
    return g_task_propagate_boolean (G_TASK (result), error);
}

const LaunchResult *
launch_flow_get_result (const LaunchFlow *flow)
{
    return &flow->result;
}
