/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a launch leaves once a host was asked or the owner refused: signed, with the
 * platform's own report if there is a guest to ask about.  The manifest must be complete
 * before the report is asked for.
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
set_kernel (EvidenceManifest *m, const LaunchFlow *flow)
{
    const LaunchBoot *boot = flow->result.boot;

    m->uki = boot->uki != NULL ||
             (flow->options->way == LAUNCH_WAY_JUDGE && flow->owner->record.boot.uki);
    if (boot->uki != NULL) {
        evidence_manifest_set_file (&m->kernel, boot->uki->path, boot->uki->size,
                                    boot->uki->sha256);
        m->uki_cmdline = g_strdup (boot->uki->info->cmdline);
    } else {
        evidence_manifest_set_file (&m->kernel, boot->kernel.path, boot->kernel.size,
                                    boot->kernel.sha256);
    }
    if (boot->initrd.path != NULL)
        evidence_manifest_set_file (&m->initrd, boot->initrd.path, boot->initrd.size,
                                    boot->initrd.sha256);
    m->cmdline = g_strdup (boot->cmdline != NULL ? boot->cmdline : "");
}

static void
set_boot (EvidenceManifest *m, const LaunchFlow *flow)
{
    const LaunchBoot *boot = flow->result.boot;
    /* Of a guest that is there already only what is measured is known. */
    const gboolean there = flow->options->way == LAUNCH_WAY_ATTACH;

    evidence_manifest_set_file (&m->firmware, boot->firmware.path, boot->firmware.size,
                                boot->firmware.sha256);
    m->vcpus = !there || flow->result.es ? boot->vcpus : 0;
    m->memory_mib = !there ? boot->memory : 0;
    m->kernel_hashes = boot->measured;
    if (boot->measured)
        set_kernel (m, flow);
}

static void
set_measurement (EvidenceManifest *m, const LaunchResult *result)
{
    m->has_api = result->has_info;
    m->api_major = result->info.api_major;
    m->api_minor = result->info.api_minor;
    m->build = result->info.build_id;
    m->has_digest = result->has_digest;
    memcpy (m->digest, result->launch_digest, sizeof m->digest);
    if (result->report != NULL) {
        const guint8 *report = g_bytes_get_data (result->report, NULL);

        m->has_measurement = TRUE;
        memcpy (m->reported, report, sizeof m->reported);
        memcpy (m->nonce, report + SEV_MAC_SIZE, sizeof m->nonce);
    }
    m->es = result->es;
    m->has_cpu = result->es && result->vcpus.signature != 0;
    if (!m->has_cpu)
        return;
    m->cpu_model = g_strdup (result->cpu_model);
    m->cpu_signature = result->vcpus.signature;
    m->vmsa = g_strdup (policy_vmsa_form_name (result->vcpus.form));
    m->sev_features = result->vcpus.features;
}

static void
set_secrets (EvidenceManifest *m, const LaunchOwner *owner)
{
    for (guint i = 0; i < ovmf_secret_table_count (owner->table); i++)
        g_array_append_vals (m->secrets, ovmf_secret_table_get_guid (owner->table, i), 1);
}

/* The host's certificates as they came, also where the launch ended before they were
 * judged. */
static gboolean
set_platform (EvidenceManifest *m, const LaunchFlow *flow, GError **error)
{
    const LaunchOwner *owner = flow->owner;
    PolicyChainInput certs = flow->certs;

    if (certs.pdh == NULL) {
        certs.pdh = flow->platform.pdh;
        certs.cert_chain = flow->platform.cert_chain;
    }
    g_autoptr (PolicyChain) chain =
        flow->result.chain != NULL
            ? policy_chain_ref (flow->result.chain)
            : policy_chain_verify (
                  &certs, owner->sev_wanted ? NULL : policy_owner_get_roots (owner->owner),
                  error);
    if (chain == NULL)
        return FALSE;
    evidence_manifest_set_chain (m, &certs, chain);
    m->emulated = m->emulated || owner->place == LAUNCH_PLACE_EMULATED;
    return TRUE;
}

static void
set_session (EvidenceManifest *m, const LaunchFlow *flow)
{
    guint8 cert[SEV_CERT_SIZE];

    if (flow->result.session != NULL) {
        evidence_manifest_set_session (m, flow->result.session);
        return;
    }
    sev_cert_encode (policy_owner_get_cert (flow->owner->owner), cert);
    m->owner_cert = g_bytes_new (cert, sizeof cert);
    m->policy = flow->owner->guest_policy;
}

static void
set_verdict (EvidenceManifest *m, const LaunchFlow *flow)
{
    const LaunchResult *result = &flow->result;

    evidence_manifest_set_verdict (m, result->verdict, result->verified);
    /* It is where this program runs, also if it did not come to say so. */
    if (policy_verdict_get_judged_on (result->verdict) == POLICY_JUDGED_NOWHERE) {
        g_free (m->judged_on);
        m->judged_on = g_strdup (policy_judged_on_name (flow_judged_on (flow)));
    }
    if (flow->failure != NULL && m->reasons->len == 0)
        evidence_manifest_add_reason (m, launcher_reason (flow->failure).id,
                                      flow->failure->message);
    if (flow->offered && !result->released)
        g_ptr_array_add (m->unproven,
                         g_strdup ("whether the guest got the secrets: they were given to "
                                   "QEMU, encrypted, which did not say that it took them"));
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
    m->gap = place->gap;
    if (work->before != NULL)
        g_ptr_array_add (m->unproven,
                         g_strdup_printf ("which evidence came before: %s", work->before));
    m->signer = policy_sign_key_id (flow->owner->sign_key, error);
    if (m->signer == NULL)
        return NULL;
    set_verdict (m, flow);
    set_session (m, flow);
    if (!set_platform (m, flow, error))
        return NULL;
    if (flow->owner->release != NULL)
        m->release = g_strdup (policy_release_get_name (flow->owner->release));
    m->domain_name = g_strdup (result->name);
    m->domain_uuid = result->created ? g_strdup (result->uuid) : NULL;
    m->domain_uri = g_strdup (result->uri);
    m->domain_xml = g_strdup (result->xml);
    evidence_manifest_set_acceptance (m, flow->owner->acceptance);
    m->early_report = flow->options->way == LAUNCH_WAY_JUDGE;
    set_boot (m, flow);
    set_measurement (m, result);
    if (result->released || flow->offered || flow->sealed != NULL)
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
    work->missing = flow->qmp == NULL ? g_strdup ("there was no guest to ask about")
                                      : g_strdup_printf ("it was not asked for: %s",
                                                         flow->failure->message);
    run_in_thread (work, write_in_thread, on_written);
}

gboolean
flow_owes_evidence (const LaunchFlow *flow)
{
    const LaunchResult *result = &flow->result;

    return flow->owner->evidence != NULL && result->boot != NULL && !flow->evidence_tried &&
           (flow->platform.pdh != NULL || flow->certs.pdh != NULL ||
            policy_verdict_has_failed (result->verdict));
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
