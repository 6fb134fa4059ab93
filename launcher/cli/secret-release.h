/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/cli/step-options.h"
#include "ovmf-hooks/secret-table.h"
#include "policy/owner-dir.h"

G_BEGIN_DECLS

/**
 * SECTION: secret-release
 * @short_description: whether secrets that are packed by hand may go
 *
 * What `run` and the courier's judge ask before they release: the owner's acceptance
 * policy, and his ledger, which allows one packet for a session.
 */

/** SecretReleaseOptions: as written on the command line; all nullable */
typedef struct {
    char *owner;      /* the owner's directory */
    char *acceptance; /* instead of the file in it */
    char *session;    /* launch blob */
    char **accept_firmware;
    gboolean allow_unmeasured; /* what boots after the firmware */
} SecretReleaseOptions;
void secret_release_options_clear (SecretReleaseOptions *options);

typedef struct {
    PolicyOwner *owner;           /* (nullable): without --owner no ledger is asked */
    PolicyAcceptance *acceptance; /* (nullable): nobody named one */
    GBytes *blob;                 /* (nullable): with @owner */
    GArray *accepted;             /* (element-type digest) */
    gboolean allow_unmeasured;    /* by the owner for this packet */
} SecretRelease;
void secret_release_clear (SecretRelease *release);

/**
 * secret_release_open:
 * @keys: where the session's keys lie: a file "acceptance" beside them holds, unless
 * another one is named; with --owner, NAME_session.b64 beside NAME_tik.bin is the launch
 * blob
 * @verified: the measurement will be verified
 * @out: (out caller-allocates): zeroes on entry
 *
 * Errors: %LAUNCHER_ERROR_USAGE: --owner without what the ledger needs;
 *   %POLICY_ERROR_COURIER_SESSION: the keys are of a session that `courier judge` judges;
 *   those of policy_owner_open_dir(), policy_acceptance_load(), policy_read_cert_bytes().
 */
gboolean secret_release_open (const SecretReleaseOptions *options,
                              const StepReportOptions *keys,
                              gboolean verified,
                              SecretRelease *out,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
/**
 * secret_release_judge:
 * @report: (nullable): %NULL: nothing was verified
 * @verdict: gets a reason for each demand of the acceptance policy that is not met, one for
 *   a firmware that the owner neither trusts nor accepted, one for a boot that is not
 *   measured, and what stays open
 *
 * Errors: %POLICY_ERROR_NOT_ACCEPTED, %POLICY_ERROR_SESSION_REUSED and the like of
 *   policy_ledger_check_session(), those of policy_session_identify().
 */
gboolean secret_release_judge (const SecretRelease *release,
                               const StepBoot *boot,
                               const StepReport *report,
                               const OvmfSecretTable *table,
                               PolicyVerdict *verdict,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
/**
 * secret_release_record: writes the packet that follows into the ledger, if there is one
 * Errors: as above, and of policy_ledger_record_id().
 */
gboolean secret_release_record (const SecretRelease *release,
                                const StepBoot *boot,
                                const StepReport *report,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
