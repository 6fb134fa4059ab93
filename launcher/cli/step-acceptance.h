/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include "launcher/cli/step-options.h"
#include "ovmf-hooks/secret-table.h"
#include "policy/acceptance/acceptance.h"
#include "policy/owner-dir.h"

G_BEGIN_DECLS

/**
 * step_acceptance:
 * @path: file of --acceptance
 * @verdict: gets a reason for each demand that is not met
 *
 * What the acceptance policy demands of the measurement that was verified: version of the
 * platform's firmware, what boots, guest policy.  What it demands of the platform, of the
 * place, of secrets and of who pinned the firmware is not this step's.  Of a kernel without
 * initrd and command line beside it nothing tells whether it is a unified kernel image; it
 * counts as one. Errors: %POLICY_ERROR_ACCEPTANCE_SYNTAX, %POLICY_ERROR_NOT_ACCEPTED.
 */
gboolean step_acceptance (const char *path,
                          const StepBoot *boot,
                          const StepReport *report,
                          PolicyVerdict *verdict,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * step_acceptance_release:
 * @report: (nullable): %NULL: nothing was verified, so nothing is known
 * @owner: (nullable): says whether its owner trusts the firmware
 * @table: the secrets that would go
 * @verdict: gets a reason for each demand that is not met
 *
 * The same of secrets that are packed by hand.  A demand that cannot be judged from this is
 * not met, one of a secret included; those of every launch's platform and place are other
 * steps'.
 * Errors: %POLICY_ERROR_NOT_ACCEPTED.
 */
gboolean step_acceptance_release (const PolicyAcceptance *acceptance,
                                  const StepBoot *boot,
                                  const StepReport *report,
                                  const PolicyOwner *owner,
                                  const OvmfSecretTable *table,
                                  PolicyVerdict *verdict,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** step_reasons_json: Returns: (transfer full): [{"id", "text"}] */
JsonArray *step_reasons_json (const PolicyVerdict *verdict);

/** step_unproven_json: Returns: (transfer full): its unproven sentences */
JsonArray *step_unproven_json (const PolicyVerdict *verdict);

G_END_DECLS
