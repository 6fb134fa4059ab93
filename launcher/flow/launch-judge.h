/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy/attest/owner-measure.h"
#include "policy/ledger.h"

G_BEGIN_DECLS

/**
 * LaunchCase: one launch before its judge; borrowed
 * @input: complete but for its launch digest
 * @digests: (array length=n_digests): any of them is as expected; at least one
 * @name: of the guest, for the ledger
 */
typedef struct {
    const PolicySession *session;
    PolicyMeasureInput input;
    const guint8 (*digests)[SEV_DIGEST_SIZE];
    guint n_digests;
    PolicyLedger *ledger;
    const char *name;
} LaunchCase;

/** LaunchFinding: @digest: index of the one that the report confirms, or 0 */
typedef struct {
    guint digest;
    gboolean has_expected;
    guint8 expected[SEV_MAC_SIZE];
} LaunchFinding;

/**
 * launch_judge:
 * @verdict: (inout): every other check is recorded in it already
 * @finding: (out caller-allocates): set in any case
 *
 * The one place where a launch is judged, whoever carried the measurement here: compares
 * it, writes the judgement to the ledger, and asks the verdict.  Blocks.
 * Returns: (transfer full): %NULL unless the verdict is yes
 * Errors: of policy_measure_verify(), of policy_ledger_record(),
 * %POLICY_ERROR_NOT_ACCEPTED.
 */
PolicyVerified *launch_judge (const LaunchCase *launch,
                              PolicyVerdict *verdict,
                              LaunchFinding *finding,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** launch_set_refused: sets the error that says that the verdict is no. Returns: %FALSE */
gboolean launch_set_refused (const PolicyVerdict *verdict, GError **error);

G_END_DECLS
