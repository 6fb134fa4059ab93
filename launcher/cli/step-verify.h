/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/cli/step-options.h"
#include "launcher/steps/why-report.h"

G_BEGIN_DECLS

/**
 * step_verify:
 * @boot: (inout): with SEV-ES number and form of the processors become those that match
 * @report: (inout): its launch digest becomes the expected one
 *
 * Without --vmsa every form counts that an honest host may use (policy_vcpus_variant());
 * with a range of processors every number in it.
 * Errors: as policy_measure_check().
 */
gboolean step_verify (StepBoot *boot,
                      StepReport *report,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * step_ledger_nonces:
 * @option: where @path was given, for messages
 * @nonces: (element-type guint8[16]): those of the ledger are added
 *
 * For an explanation only: whether a report is fresh, a launch asks the ledger itself.
 * Errors: %LAUNCHER_ERROR_FILE, also for a file that is no ledger.
 */
gboolean step_ledger_nonces (const char *option,
                             const char *path,
                             GArray *nonces,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * step_why:
 * @report: after step_verify()
 * @look_in: (nullable): more folders
 * @nonces: (nullable) (element-type guint8[16]): %NULL: none is known, and that is said
 *
 * Returns: (nullable): what may have gone wrong
 * Errors: %POLICY_ERROR_INTERNAL.
 */
WhyReport *step_why (const StepBoot *boot,
                     const StepReport *report,
                     char *const *look_in,
                     const GArray *nonces,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * step_verify_json:
 * @error: (nullable): why it was refused
 * @why: (nullable)
 * Returns: (transfer full): schema "sevlaunch.verify/1"
 */
JsonObject *step_verify_json (const StepBoot *boot,
                              const StepReport *report,
                              const GError *error,
                              const WhyReport *why);

G_END_DECLS
