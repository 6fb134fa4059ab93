/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a launch leaves once it was measured: signed, with the platform's own report.
 * The manifest must be complete before the report is asked for, and the guest must still
 * be there to ask about.
 */

#include "config.h"

#include "launcher/flow/launch-flow-private.h"

#include <string.h>

#include "launcher/base/message.h"
#include "policy/owner-sign.h"

/* One piece of evidence on its way; freed by end(). */
typedef struct {
    LaunchFlow *flow;
    FlowEvidenceDone done;
    GBytes *manifest;
    GBytes *report; /* (nullable) */
    char *missing;  /* (nullable) */
    char *before;   /* (nullable): why it is not known which evidence came before */
} Work;

static void
end (Work *work, GError *error)
{
    LaunchFlow *flow = work->flow;
    const FlowEvidenceDone done = work->done;

    g_clear_pointer (&work->manifest, g_bytes_unref);
    g_clear_pointer (&work->report, g_bytes_unref);
    g_free (work->missing);
    g_free (work->before);
    g_free (work);
    if (error != NULL && (!flow->options->require_evidence || flow->failure != NULL)) {
        message_warning ("this launch leaves no evidence: %s", error->message);
        g_clear_error (&error);
    }
    done (flow, error);
}

static void
set_boot (EvidenceManifest *m, const LaunchBoot *boot)
{
    evidence_manifest_set_file (&m->firmware, boot->firmware.path, boot->firmware.size,
                                boot->firmware.sha256);
    m->vcpus = boot->vcpus;
    m->memory_mib = boot->memory;
    m->kernel_hashes = boot->measured;
    if (!boot->measured)
        return;
    if (boot->uki != NULL)
        evidence_manifest_set_file (&m->kernel, boot->uki->path, boot->uki->size,
                                    boot->uki->sha256);
    else
        evidence_manifest_set_file (&m->kernel, boot->kernel.path, boot->kernel.size,
                                    boot->kernel.sha256);
    if (boot->initrd.path != NULL)
        evidence_manifest_set_file (&m->initrd, boot->initrd.path, boot->initrd.size,
                                    boot->initrd.sha256);
    m->cmdline = g_strdup (boot->cmdline != NULL ? boot->cmdline : "");
}

static void
set_measurement (EvidenceManifest *m, const LaunchResult *result)
{
    const guint8 *report = g_bytes_get_data (result->report, NULL);

    m->api_major = result->info.api_major;
    m->api_minor = result->info.api_minor;
    m->build = result->info.build_id;
    m->has_digest = result->has_digest;
    memcpy (m->digest, result->launch_digest, sizeof m->digest);
    memcpy (m->reported, report, sizeof m->reported);
    memcpy (m->nonce, report + SEV_MAC_SIZE, sizeof m->nonce);
    m->es = result->es;
    if (!result->es)
        return;
    m->cpu_model = g_strdup (result->cpu_model);
    m->cpu_signature = result->vcpus.signature;
    m->vmsa = g_strdup (policy_vmsa_form_name (result->vcpus.form));
    m->sev_features = result->vcpus.features;
}

static void
set_secrets (EvidenceManifest *m, const LaunchOwner *owner)
{
    for (guint i = 0; i < ovmf_secret_table_count (owner->table); i++) {
        EvidenceSecret secret = { .size = ovmf_secret_table_get_size (owner->table, i) };

        secret.guid = *ovmf_secret_table_get_guid (owner->table, i);
        g_array_append_val (m->secrets, secret);
    }
}

static GBytes *
build_manifest (const Work *work, const EvidencePlace *place, GError **error)
{
    LaunchFlow *flow = work->flow;
    const LaunchResult *result = &flow->result;
    g_autoptr (EvidenceManifest) m = evidence_manifest_new ();
    g_autoptr (GDateTime) now = g_date_time_new_now_utc ();

    m->tool = g_strdup (PACKAGE_NAME);
    m->version = g_strdup (PACKAGE_VERSION);
    m->time = g_date_time_format (now, "%Y-%m-%dT%H:%M:%SZ");
    m->counter = place->counter;
    m->has_previous = place->has_previous;
    memcpy (m->previous, place->previous, sizeof m->previous);
    if (work->before != NULL)
        g_ptr_array_add (
            m->unproven,
            g_strdup_printf ("which evidence came before this: %s", work->before));
    m->signer = policy_sign_key_id (flow->owner->sign_key, error);
    if (m->signer == NULL)
        return NULL;
    evidence_manifest_set_verdict (m, result->verdict, result->verified);
    if (flow->failure != NULL && m->reasons->len == 0)
        evidence_manifest_add_reason (m, launcher_reason (flow->failure).id,
                                      flow->failure->message);
    evidence_manifest_set_session (m, result->session);
    evidence_manifest_set_chain (m, &flow->certs, result->chain);
    if (flow->owner->release != NULL)
        m->release = g_strdup (policy_release_get_name (flow->owner->release));
    m->domain_name = g_strdup (result->name);
    m->domain_uuid = result->created ? g_strdup (result->uuid) : NULL;
    m->domain_uri = g_strdup (result->uri);
    m->domain_xml = g_strdup (result->xml);
    evidence_manifest_set_acceptance (m, flow->owner->acceptance);
    m->early_report = flow->options->way == LAUNCH_WAY_JUDGE;
    set_boot (m, result->boot);
    set_measurement (m, result);
    if (result->released || flow->sealed != NULL)
        set_secrets (m, flow->owner);
    return evidence_manifest_to_bytes (m);
}

/* A folder that was taken away whole is no damage; only the ledger remembers. */
static gboolean
recall_launches (Work *work, GError **error)
{
    const LaunchFlow *flow = work->flow;
    const PolicySession *session = flow->result.session;
    guint n;

    if (!policy_ledger_count_others (
            policy_owner_get_ledger (flow->owner->owner),
            session != NULL ? policy_session_get_id (session) : NULL, &n, error))
        return FALSE;
    if (n > 0)
        work->before = g_strdup_printf (
            "evidence: this is the first, although the ledger has %u earlier %s: there was "
            "no signing key then, or evidence was taken away",
            n, n == 1 ? "launch" : "launches");
    return TRUE;
}

/* May wait for another launch of the same owner. */
static void
begin_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    Work *work = data;
    const LaunchFlow *flow = work->flow;
    const gboolean strict = flow->options->require_evidence && flow->failure == NULL;
    EvidencePlace place;
    GError *error = NULL;

    if (evidence_keeper_begin (flow->owner->evidence, &place, strict ? NULL : &work->before,
                               &error) &&
        (place.counter > 1 || work->before != NULL || recall_launches (work, &error)))
        work->manifest = build_manifest (work, &place, &error);
    if (work->manifest != NULL)
        g_task_return_boolean (task, TRUE);
    else
        g_task_return_error (task, error);
}

static void
write_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    Work *work = data;
    LaunchFlow *flow = work->flow;
    GError *error = NULL;
    g_autoptr (GBytes) file = evidence_seal (work->manifest, work->report, work->missing,
                                             flow->owner->sign_key, &error);

    if (file != NULL)
        flow->result.evidence =
            evidence_keeper_commit (flow->owner->evidence, flow->result.name, file, &error);
    if (flow->result.evidence != NULL)
        g_task_return_boolean (task, TRUE);
    else
        g_task_return_error (task, error);
}

static void
run_in_thread (Work *work, GTaskThreadFunc func, GAsyncReadyCallback callback)
{
    g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, work);

    g_task_set_task_data (task, work, NULL);
    g_task_run_in_thread (task, func);
}

static void
on_written (GObject *source, GAsyncResult *result, gpointer data)
{
    GError *error = NULL;

    (void) !g_task_propagate_boolean (G_TASK (result), &error);
    end (data, error);
}

static void
on_attested (GObject *source, GAsyncResult *result, gpointer data)
{
    Work *work = data;
    LaunchFlow *flow = work->flow;
    GError *error = NULL;

    work->report = qmp_sev_query_attestation_report_finish (flow->qmp, result, &error);
    if (error != NULL && flow->options->require_evidence && flow->failure == NULL) {
        end (work, error);
        return;
    }
    if (error != NULL)
        work->missing = g_strdup (error->message);
    g_clear_error (&error);
    run_in_thread (work, write_in_thread, on_written);
}

static void
on_begun (GObject *source, GAsyncResult *result, gpointer data)
{
    Work *work = data;
    LaunchFlow *flow = work->flow;
    guint8 nonce[SEV_NONCE_SIZE];
    GError *error = NULL;

    if (work->before != NULL)
        message_warning ("%s", work->before);
    if (!g_task_propagate_boolean (G_TASK (result), &error) ||
        !evidence_manifest_get_mnonce (work->manifest, nonce, &error)) {
        end (work, error);
        return;
    }
    if (flow->options->way == LAUNCH_WAY_JUDGE) {
        work->report = flow_get_attestation (flow, &work->missing);
        if (work->report == NULL && flow->options->require_evidence &&
            flow->failure == NULL)
            end (work, flow_report_missing (work->missing));
        else
            run_in_thread (work, write_in_thread, on_written);
        return;
    }
    const gboolean hopeless =
        flow->failure != NULL &&
        (flow->failure->domain == QMP_ERROR ||
         g_error_matches (flow->failure, G_IO_ERROR, G_IO_ERROR_CANCELLED));
    if (flow->qmp != NULL && !hopeless) {
        qmp_sev_query_attestation_report_async (flow->qmp, nonce, NULL, on_attested, work);
        return;
    }
    work->missing = g_strdup_printf ("it was not asked for: %s",
                                     flow->failure != NULL ? flow->failure->message
                                                           : "there is no monitor");
    run_in_thread (work, write_in_thread, on_written);
}

gboolean
flow_owes_evidence (const LaunchFlow *flow)
{
    return flow->owner->evidence != NULL && flow->result.report != NULL &&
           flow->result.session != NULL && !flow->evidence_tried;
}

void
flow_leave_evidence (LaunchFlow *flow, FlowEvidenceDone done)
{
    Work *work = g_new0 (Work, 1);

    flow->evidence_tried = TRUE;
    work->flow = flow;
    work->done = done;
    run_in_thread (work, begin_in_thread, on_begun);
}

void
flow_begin_evidence (LaunchFlow *flow)
{
    flow_leave_evidence (flow, flow_step_done);
}
