/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* By courier the platform's report is asked for with the measurement, because the host has
 * no part in the verdict: it names session and measurement, not what the owner says. */

#include "launcher/flow/launch-flow-private.h"

#include <string.h>

#include "launcher/base/message.h"
#include "policy/attest/attest-report.h"
#include "policy/policy-error.h"

static gboolean
early_nonce (const guint8 *session, GBytes *measurement, guint8 *out, GError **error)
{
    gsize len;
    const guint8 *data = g_bytes_get_data (measurement, &len);

    g_return_val_if_fail (len == sizeof (SevMeasureWire), FALSE);
    return policy_report_nonce_early (session, data, out, error);
}

/* Host. */

static void
on_attested (GObject *source, GAsyncResult *result, gpointer data)
{
    LaunchFlow *flow = data;
    g_autoptr (GError) cause = NULL;
    GError *error = NULL;

    flow->attestation = qmp_sev_query_attestation_report_finish (flow->qmp, result, &cause);
    if (g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        error = g_steal_pointer (&cause);
    else if (cause != NULL)
        message_warning ("the platform gives no report, so the owner's evidence will "
                         "convince nobody else of the launch: %s",
                         cause->message);
    flow_step_done (flow, error);
}

void
flow_begin_attest (LaunchFlow *flow)
{
    guint8 nonce[SEV_NONCE_SIZE];
    GError *error = NULL;

    if (early_nonce (flow->options->bundle->session, flow->result.report, nonce, &error))
        qmp_sev_query_attestation_report_async (flow->qmp, nonce, flow->cancellable,
                                                on_attested, flow);
    else
        flow_step_done (flow, error);
}

/* Owner. */

/* Returns: (nullable): what is wrong with it */
static const char *
find_fault (const LaunchFlow *flow, GBytes *attestation, PolicyReport *report)
{
    const LaunchResult *result = &flow->result;
    guint8 nonce[SEV_NONCE_SIZE];
    SevCert pek;
    gsize len;
    const guint8 *chain = g_bytes_get_data (flow->certs.cert_chain, &len);

    if (len < SEV_CERT_SIZE || !sev_cert_decode (chain, SEV_CERT_SIZE, &pek, NULL))
        return "there is no PEK to check it with";
    const guint8 *data = g_bytes_get_data (attestation, &len);
    if (!policy_report_verify (data, len, &pek, report, NULL))
        return "what the host sent is not signed by the platform's PEK";
    if (!early_nonce (policy_session_get_id (result->session), result->report, nonce,
                      NULL) ||
        memcmp (nonce, report->mnonce, sizeof nonce) != 0)
        return "what the host sent is for another session or measurement";
    return NULL;
}

GError *
flow_report_missing (const char *why)
{
    return g_error_new (POLICY_ERROR, POLICY_ERROR_REPORT_MISSING,
                        "--require-evidence: there is no report of the platform's own: %s",
                        why);
}

gboolean
flow_take_attestation (LaunchFlow *flow, GError **error)
{
    GBytes *sent = flow->options->found->attestation;
    PolicyReport report;
    const char *fault =
        sent != NULL ? find_fault (flow, sent, &report) : "the host sent none";

    if (fault == NULL) {
        flow->attestation = g_bytes_ref (sent);
        return TRUE;
    }
    if (sent != NULL)
        message_warning ("the platform's own report is left out: %s", fault);
    flow->no_attestation = g_strdup (fault);
    g_autofree char *text =
        g_strdup_printf ("what the platform measured, to others than the owner: there is "
                         "no report of its own (%s)",
                         fault);
    policy_verdict_add_unproven (flow->result.verdict, text);
    if (flow->options->require_evidence)
        g_propagate_error (error, flow_report_missing (fault));
    return !flow->options->require_evidence;
}

/* Of a launch that was verified, the platform cannot report another digest, but a host can
 * have it report another guest. */
static gboolean
is_of_another (const LaunchFlow *flow)
{
    const LaunchResult *result = &flow->result;
    PolicyReport report;
    gsize len;
    const guint8 *data = g_bytes_get_data (flow->attestation, &len);

    return result->verified &&
           (!policy_report_parse (data, len, &report, NULL) ||
            memcmp (report.digest, result->launch_digest, SEV_DIGEST_SIZE) != 0 ||
            report.policy != flow->owner->guest_policy);
}

GBytes *
flow_get_attestation (const LaunchFlow *flow, char **missing)
{
    if (flow->attestation != NULL && !is_of_another (flow))
        return g_bytes_ref (flow->attestation);
    *missing = g_strdup (
        flow->attestation != NULL      ? "what the host sent is of another guest"
        : flow->no_attestation != NULL ? flow->no_attestation
                                       : "the launch was refused before the host's report "
                                         "was looked at");
    return NULL;
}
