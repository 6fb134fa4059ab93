/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/flow/launch-judge.h"

#include <string.h>

#include "policy/policy-error.h"

gboolean
launch_set_refused (const PolicyVerdict *verdict, GError **error)
{
    g_autoptr (GPtrArray) reasons = policy_verdict_dup_refusal (verdict);
    const PolicyReason *first = reasons->len > 0 ? g_ptr_array_index (reasons, 0) : NULL;

    g_set_error (error, POLICY_ERROR, POLICY_ERROR_NOT_ACCEPTED, "not verified: %s",
                 first != NULL ? first->text : "no reason was recorded");
    return FALSE;
}

/* Returns: whether the report is what this digest leads to */
static gboolean
try_digest (const LaunchCase *launch,
            guint index,
            PolicyMeasureInput *input,
            LaunchFinding *finding)
{
    memcpy (input->launch_digest, launch->digests[index], SEV_DIGEST_SIZE);
    finding->digest = index;
    finding->has_expected =
        input->report_len == sizeof (SevMeasureWire) &&
        policy_measure_expected (launch->session, input, input->report + SEV_MAC_SIZE,
                                 finding->expected, NULL);
    return finding->has_expected &&
           sev_constant_time_equal (finding->expected, input->report, SEV_MAC_SIZE);
}

static void
choose_digest (const LaunchCase *launch, PolicyMeasureInput *input, LaunchFinding *finding)
{
    for (guint i = 0; i < launch->n_digests; i++)
        if (try_digest (launch, i, input, finding))
            return;
    (void) try_digest (launch, 0, input, finding);
}

PolicyVerified *
launch_judge (const LaunchCase *launch,
              PolicyVerdict *verdict,
              LaunchFinding *finding,
              GError **error)
{
    PolicyMeasureInput input = launch->input;
    g_autoptr (GError) mismatch = NULL;

    memset (finding, 0, sizeof *finding);
    choose_digest (launch, &input, finding);
    g_autoptr (PolicyVerified) verified =
        policy_measure_verify (launch->session, &input, verdict, &mismatch);
    const gboolean yes =
        verified != NULL && policy_verdict_is_accepted_but (verdict, POLICY_CHECK_FRESH);
    const guint8 *mnonce =
        input.report_len == sizeof (SevMeasureWire) ? input.report + SEV_MAC_SIZE : NULL;
    if (!policy_ledger_record (launch->ledger, launch->session, mnonce, yes, launch->name,
                               g_get_real_time (), verdict, error))
        return NULL;
    if (verified == NULL) {
        g_propagate_error (error, g_steal_pointer (&mismatch));
        return NULL;
    }
    if (!policy_verdict_is_accepted (verdict)) {
        launch_set_refused (verdict, error);
        return NULL;
    }
    return g_steal_pointer (&verified);
}
