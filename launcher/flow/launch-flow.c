/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/flow/launch-flow-private.h"

#include "launcher/base/message.h"

#define STOPPING_SECONDS 20u

/* Either @work, on a worker thread, or @begin, which ends with flow_step_done(). */
typedef struct {
    const char *name;
    const char *progress; /* (nullable) */
    gboolean (*work) (LaunchFlow *flow, GCancellable *cancellable, GError **error);
    void (*begin) (LaunchFlow *flow);
} StepRow;

static void begin_watch (LaunchFlow *flow);
static void begin_stopping (LaunchFlow *flow);
static void begin_done (LaunchFlow *flow);

static const StepRow steps[] = {
    [LAUNCH_STEP_IMAGE] = { "image", "reading what boots", flow_image, NULL },
    [LAUNCH_STEP_UNPACK] = { "unpack", "reading what boots", flow_unpack, NULL },
    [LAUNCH_STEP_RECALL] = { "recall", "recalling the session", flow_recall, NULL },
    [LAUNCH_STEP_HOST] = { "host", "connecting to libvirt", flow_host, NULL },
    [LAUNCH_STEP_MONITOR] = { "monitor", "connecting to QEMU's monitor", NULL,
                              flow_begin_monitor },
    [LAUNCH_STEP_ASK] = { "ask", NULL, NULL, flow_begin_ask },
    [LAUNCH_STEP_FIND] = { "find", NULL, flow_find, NULL },
    [LAUNCH_STEP_PLATFORM] = { "platform", "verifying the platform's certificates",
                               flow_platform, NULL },
    [LAUNCH_STEP_TARGET] = { "target", NULL, flow_target, NULL },
    [LAUNCH_STEP_TELL] = { "tell", NULL, flow_tell, NULL },
    [LAUNCH_STEP_SESSION] = { "session", "making the launch session", flow_session, NULL },
    [LAUNCH_STEP_PACK] = { "pack", NULL, flow_pack, NULL },
    [LAUNCH_STEP_DEFINE] = { "define", NULL, flow_define, NULL },
    [LAUNCH_STEP_CREATE] = { "create", "creating the guest, paused", flow_create, NULL },
    [LAUNCH_STEP_QUERY] = { "query", NULL, NULL, flow_begin_query },
    [LAUNCH_STEP_MEASURE] = { "measure", "fetching the launch measurement", NULL,
                              flow_begin_measure },
    [LAUNCH_STEP_VERIFY] = { "verify", "verifying it", flow_verify, NULL },
    [LAUNCH_STEP_ATTEST] = { "attest", NULL, NULL, flow_begin_attest },
    [LAUNCH_STEP_HANDOVER] = { "handover", NULL, flow_handover, NULL },
    [LAUNCH_STEP_SEAL] = { "seal", NULL, flow_seal, NULL },
    [LAUNCH_STEP_SEND] = { "send", NULL, flow_send, NULL },
    [LAUNCH_STEP_INJECT] = { "inject", "injecting the packet", NULL, flow_begin_inject },
    [LAUNCH_STEP_SECRET] = { "secret", "verified; injecting the secrets", NULL,
                             flow_begin_secret },
    [LAUNCH_STEP_EVIDENCE] = { "evidence", NULL, NULL, flow_begin_evidence },
    [LAUNCH_STEP_KEEP] = { "keep", NULL, flow_keep, NULL },
    [LAUNCH_STEP_RESUME] = { "resume", "resuming the guest", flow_resume, NULL },
    [LAUNCH_STEP_CONT] = { "cont", "resuming the guest", NULL, flow_begin_cont },
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

/* The order of the steps, for each way. */
#define WAY(name, ...)                                                                     \
    static const LaunchStep name##_way[] = { __VA_ARGS__, LAUNCH_STEP_DONE }

WAY (run,
     LAUNCH_STEP_IMAGE,
     LAUNCH_STEP_HOST,
     LAUNCH_STEP_PLATFORM,
     LAUNCH_STEP_SESSION,
     LAUNCH_STEP_DEFINE,
     LAUNCH_STEP_CREATE,
     LAUNCH_STEP_QUERY,
     LAUNCH_STEP_MEASURE,
     LAUNCH_STEP_VERIFY,
     LAUNCH_STEP_SECRET,
     LAUNCH_STEP_EVIDENCE,
     LAUNCH_STEP_KEEP,
     LAUNCH_STEP_RESUME,
     LAUNCH_STEP_WATCH);
WAY (attach,
     LAUNCH_STEP_IMAGE,
     LAUNCH_STEP_MONITOR,
     LAUNCH_STEP_ASK,
     LAUNCH_STEP_QUERY,
     LAUNCH_STEP_PLATFORM,
     LAUNCH_STEP_SESSION,
     LAUNCH_STEP_MEASURE,
     LAUNCH_STEP_VERIFY,
     LAUNCH_STEP_SECRET,
     LAUNCH_STEP_EVIDENCE,
     LAUNCH_STEP_CONT);
WAY (tell, LAUNCH_STEP_HOST, LAUNCH_STEP_TELL);
WAY (prepare,
     LAUNCH_STEP_IMAGE,
     LAUNCH_STEP_PLATFORM,
     LAUNCH_STEP_SESSION,
     LAUNCH_STEP_PACK);
WAY (carry,
     LAUNCH_STEP_UNPACK,
     LAUNCH_STEP_HOST,
     LAUNCH_STEP_TARGET,
     LAUNCH_STEP_DEFINE,
     LAUNCH_STEP_CREATE,
     LAUNCH_STEP_QUERY,
     LAUNCH_STEP_MEASURE,
     LAUNCH_STEP_ATTEST,
     LAUNCH_STEP_HANDOVER);
WAY (judge,
     LAUNCH_STEP_RECALL,
     LAUNCH_STEP_VERIFY,
     LAUNCH_STEP_SEAL,
     LAUNCH_STEP_EVIDENCE,
     LAUNCH_STEP_SEND);
WAY (inject,
     LAUNCH_STEP_HOST,
     LAUNCH_STEP_FIND,
     LAUNCH_STEP_QUERY,
     LAUNCH_STEP_MEASURE,
     LAUNCH_STEP_INJECT,
     LAUNCH_STEP_RESUME);
#undef WAY

static const LaunchStep *const ways[] = {
    [LAUNCH_WAY_RUN] = run_way,       [LAUNCH_WAY_ATTACH] = attach_way,
    [LAUNCH_WAY_TELL] = tell_way,     [LAUNCH_WAY_PREPARE] = prepare_way,
    [LAUNCH_WAY_CARRY] = carry_way,   [LAUNCH_WAY_JUDGE] = judge_way,
    [LAUNCH_WAY_INJECT] = inject_way,
};
G_STATIC_ASSERT (G_N_ELEMENTS (ways) == LAUNCH_N_WAYS);

/* What the options leave out. */
static gboolean
is_skipped (const LaunchFlow *flow, LaunchStep step)
{
    const LaunchOptions *options = flow->options;

    switch (step) {
    case LAUNCH_STEP_CREATE:
    case LAUNCH_STEP_QUERY:
    case LAUNCH_STEP_MEASURE:
    case LAUNCH_STEP_VERIFY:
    case LAUNCH_STEP_KEEP:
    case LAUNCH_STEP_ATTEST:
    case LAUNCH_STEP_HANDOVER:
        return options->print_xml || options->dry_run;
    case LAUNCH_STEP_SECRET:
        return !flow->result.verified || ovmf_secret_table_count (flow->owner->table) == 0;
    case LAUNCH_STEP_EVIDENCE:
        return !flow_owes_evidence (flow);
    case LAUNCH_STEP_RESUME:
        return options->paused ||
               (options->way == LAUNCH_WAY_RUN && !flow->result.verified);
    case LAUNCH_STEP_CONT:
        return !flow->result.verified || !options->resume;
    case LAUNCH_STEP_WATCH:
        return !flow->result.resumed || !flow_watches (flow);
    default:
        return FALSE;
    }
}

static LaunchStep
next_step (const LaunchFlow *flow)
{
    const LaunchStep *at = ways[flow->options->way];

    while (*at != flow->step && *at != LAUNCH_STEP_DONE)
        at++;
    while (*at != LAUNCH_STEP_DONE && is_skipped (flow, *++at))
        continue;
    return *at;
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
clean_up (LaunchFlow *flow, GError *none)
{
    g_clear_object (&flow->qmp);
    g_autoptr (GTask) task = g_task_new (NULL, NULL, on_cleaned_up, flow);
    g_task_set_task_data (task, flow, NULL);
    g_task_run_in_thread (task, clean_up_in_thread);
}

/* A refused launch leaves evidence too, also one refused before there was a guest. */
static void
fail (LaunchFlow *flow, GError *error)
{
    flow->failure = error;
    if (flow_owes_evidence (flow))
        flow_leave_evidence (flow, clean_up);
    else
        clean_up (flow, NULL);
}

static void begin_step (LaunchFlow *flow, LaunchStep step);

static void
end_timing (LaunchFlow *flow)
{
    flow->result.timings_us[flow->step] = g_get_monotonic_time () - flow->step_began;
}

void
flow_step_done (LaunchFlow *flow, GError *error)
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
    flow_step_done (data, error);
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
        flow_step_done (flow, error);
        return;
    }
    flow->result.said = g_strdup (console_text_get_line (text));
    switch (console_text_get_said (text)) {
    case CONSOLE_NOTHING:
        flow_step_done (flow, ended (flow, end));
        break;
    case CONSOLE_UNLOCKED:
        policy_verdict_add_unproven (flow->result.verdict,
                                     "what the guest's console says: the host carries it");
        message_progress ("the guest says: %s", flow->result.said);
        flow_step_done (flow, NULL);
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
    flow_step_done (flow, error);
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

    if (flow->options->way == LAUNCH_WAY_INJECT)
        return;
    if ((flow->step != LAUNCH_STEP_CREATE && flow->step != LAUNCH_STEP_RESUME) ||
        flow->ender != NULL)
        return;
    flow->ender = launch_ender_start (flow->result.uri, flow->result.uuid);
}

/* Life. */

static char *
choose_name (const LaunchOptions *options, const LaunchOwner *owner)
{
    const char *given = options->domain != NULL   ? options->domain
                        : options->name != NULL   ? options->name
                        : options->bundle != NULL ? options->bundle->name
                                                  : NULL;
    const char *file = owner->remote && options->image != NULL ? options->image
                       : owner->image != NULL                  ? owner->image
                       : options->uki != NULL                  ? options->uki
                                                               : options->kernel;

    if (given != NULL)
        return g_strdup (given);
    return file != NULL ? domain_name_from_image (file) : g_strdup ("vm");
}

/* The courier brought what else the host would say. */
static void
take_host (LaunchFlow *flow, const PolicyCourierPlatform *host)
{
    flow->platform.pdh = g_bytes_ref (host->pdh);
    flow->platform.cert_chain = g_bytes_ref (host->cert_chain);
    flow->platform.cpu0_id = g_strdup (host->chip_id);
}

LaunchFlow *
launch_flow_new (const LaunchOptions *options, const LaunchOwner *owner)
{
    LaunchFlow *flow = g_new0 (LaunchFlow, 1);

    flow->options = options;
    flow->owner = owner;
    flow->result.verdict = policy_verdict_new ();
    flow->result.name = choose_name (options, owner);
    if (options->host != NULL)
        take_host (flow, options->host);
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
    virt_platform_clear (&flow->platform);
    g_clear_pointer (&flow->emulated, emulated_host_free);
    g_clear_object (&flow->cancellable);
    g_clear_pointer (&flow->ender, launch_ender_free);
    g_clear_pointer (&result->boot, launch_boot_free);
    g_clear_pointer (&result->why, json_object_unref);
    g_clear_pointer (&result->session, policy_session_unref);
    g_clear_pointer (&result->chain, policy_chain_unref);
    g_clear_pointer (&result->verdict, policy_verdict_free);
    g_clear_pointer (&result->report, g_bytes_unref);
    g_free (flow->dh_cert);
    g_free (flow->launch_blob);
    g_free (result->name);
    g_free (result->uri);
    g_free (result->xml);
    g_free (result->said);
    g_free (result->evidence);
    g_clear_pointer (&flow->attestation, g_bytes_unref);
    g_free (flow->no_attestation);
    g_free (flow->sealed);
    g_clear_pointer (&flow->certs.pdh, g_bytes_unref);
    g_clear_pointer (&flow->certs.cert_chain, g_bytes_unref);
    g_clear_pointer (&flow->certs.cek, g_bytes_unref);
    g_clear_pointer (&flow->certs.ask, g_bytes_unref);
    g_clear_pointer (&flow->certs.ark, g_bytes_unref);
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
    begin_step (flow, *ways[flow->options->way]);
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
