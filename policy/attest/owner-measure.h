/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "ovmf-hooks/ovmf-hashes.h"
#include "policy/attest/owner-session.h"
#include "policy/attest/owner-vmsa.h"
#include "policy/verdict.h"
#include "sev/crypto/sev-digest.h"
#include "sev/crypto/sev-hmac.h"

G_BEGIN_DECLS

/**
 * policy_launch_digest:
 * @firmware: (array length=len): the whole image, pflash unit 0
 * @hash_table: (nullable): 176 bytes if kernel hashes are on
 * @vcpus: (nullable): with a policy of SEV-ES
 * @out: (out caller-allocates): what the platform measures
 *
 * SHA-256 over firmware, then the table, then the save area of each processor: the order
 * of QEMU (docs/system/i386/amd-memory-encryption.rst).
 * Errors: %POLICY_ERROR_INTERNAL.
 */
gboolean policy_launch_digest (const guint8 *firmware,
                               gsize len,
                               const guint8 *hash_table,
                               const PolicyVcpus *vcpus,
                               guint8 out[SEV_DIGEST_SIZE],
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_launch_digest_from: the same
 * @firmware: over the whole image; stays as it is
 */
gboolean policy_launch_digest_from (const SevDigest *firmware,
                                    const guint8 *hash_table,
                                    const PolicyVcpus *vcpus,
                                    guint8 out[SEV_DIGEST_SIZE],
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_file_sha256_fd: SHA-256 of a whole file by pread(); @max bytes at most
 * Errors: %POLICY_ERROR_IO, %POLICY_ERROR_INTERNAL.
 */
gboolean policy_file_sha256_fd (int fd,
                                guint64 max,
                                guint8 out[SEV_DIGEST_SIZE],
                                guint64 *len,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * PolicyMeasureInput: what the host answered, and what the owner expects.
 *
 * There is no policy here: the owner's, from the session, is the one that counts.
 */
typedef struct {
    guint8 api_major; /* query-sev; under the MAC from API 0.17 on */
    guint8 api_minor;
    guint8 build;
    guint8 launch_digest[SEV_DIGEST_SIZE]; /* expected */
    const guint8 *report;                  /* query-sev-launch-measure, decoded */
    gsize report_len;                      /* must be 48 */
    gboolean allow_legacy; /* --allow-legacy-api: formulas before API 0.17 */
} PolicyMeasureInput;

/** PolicyVerified: proof that a measurement verified; there is no other way to get one */
typedef struct _PolicyVerified PolicyVerified;

/**
 * policy_measure_verify:
 * @verdict: (nullable): %POLICY_CHECK_API and %POLICY_CHECK_MEASUREMENT are recorded in it
 *
 * Computes HMAC-SHA-256 (TIK, 04h || API_MAJOR || API_MINOR || BUILD || POLICY || LD ||
 * MNONCE) and compares in constant time (AMD 55766, LAUNCH_MEASURE).
 *
 * Errors: %POLICY_ERROR_API_TOO_OLD (below the policy's minimum, or below 0.17 and legacy
 * not allowed), %POLICY_ERROR_MEASUREMENT_MALFORMED, %POLICY_ERROR_MEASUREMENT_MISMATCH,
 *   %POLICY_ERROR_INTERNAL.
 */
PolicyVerified *policy_measure_verify (const PolicySession *session,
                                       const PolicyMeasureInput *input,
                                       PolicyVerdict *verdict,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
void policy_verified_free (PolicyVerified *verified);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PolicyVerified, policy_verified_free)

/**
 * policy_measure_expected:
 * @mnonce: 16 bytes from the report
 * @out: (out caller-allocates): what the report should begin with; for the JSON result
 * Errors: as policy_measure_verify().
 */
gboolean policy_measure_expected (const PolicySession *session,
                                  const PolicyMeasureInput *input,
                                  const guint8 mnonce[SEV_NONCE_SIZE],
                                  guint8 out[SEV_MAC_SIZE],
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_measure_mac:
 * @keyed: the TIK's, nothing added yet; it stays as it is
 * @policy: guest policy
 * @input: its report is not looked at, and its API is not judged
 * Errors: %POLICY_ERROR_INTERNAL.
 */
gboolean policy_measure_mac (const SevHmac *keyed,
                             guint32 policy,
                             const PolicyMeasureInput *input,
                             const guint8 mnonce[SEV_NONCE_SIZE],
                             guint8 out[SEV_MAC_SIZE],
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_measure_check:
 * @tik: 16 bytes
 * @policy: guest policy that the session was made with
 *
 * Whether the report is that of @input.  For who has the session's files only: nothing
 * comes of it that a secret is released to.
 * Errors: as policy_measure_verify().
 */
gboolean policy_measure_check (const SevSecret *tik,
                               guint32 policy,
                               const PolicyMeasureInput *input,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** policy_verified_get_measure: Returns: 32 bytes */
const guint8 *policy_verified_get_measure (const PolicyVerified *verified);
/** policy_verified_get_mnonce: Returns: 16 bytes */
const guint8 *policy_verified_get_mnonce (const PolicyVerified *verified);
const PolicySession *policy_verified_get_session (const PolicyVerified *verified);
/** policy_verified_is_legacy: the formulas before API 0.17 apply */
gboolean policy_verified_is_legacy (const PolicyVerified *verified);

G_END_DECLS
