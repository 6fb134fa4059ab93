/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "policy/attest/owner-measure.h"
#include "policy/verdict.h"
#include "sev/base/sev-secret.h"

G_BEGIN_DECLS

/** PolicyPacket: a secret table under TEK and TIK; public bytes */
typedef struct _PolicyPacket PolicyPacket;

/**
 * policy_packet_new:
 * @verified: proof that the launch verified
 * @verdict: the one that was given to policy_measure_verify(); must be accepted, because
 *   the measurement alone does not release a secret
 * @table: from ovmf_secret_table_build(): a multiple of 16 bytes, at most 16 KiB
 * @limit: bytes of the firmware's secret area, see ovmf_secret_area_limit()
 *
 * Fresh IV; AES-128-CTR under TEK; HMAC-SHA-256 (TIK, 01h || FLAGS || IV || GUEST_LEN ||
 * TRANS_LEN || DATA || MEASURE); AMD 55766, LAUNCH_SECRET.
 * Errors: %POLICY_ERROR_NOT_ACCEPTED if @verdict is not accepted,
 *   %POLICY_ERROR_SECRET_TOO_LARGE, %POLICY_ERROR_INTERNAL.
 */
PolicyPacket *policy_packet_new (const PolicyVerified *verified,
                                 const PolicyVerdict *verdict,
                                 const SevSecret *table,
                                 gsize limit,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
/**
 * policy_packet_new_by_hand:
 * @tek, @tik: the session's keys
 * @measure: the measurement's first 32 bytes, which the caller has judged
 * @legacy: the firmware's API is before 0.17
 *
 * For `sevlaunch secret`, where the owner goes step by step and there is no verdict: who
 * has both keys can make a packet with any program.  A launch never uses it. Errors:
 * %POLICY_ERROR_SECRET_TOO_LARGE, %POLICY_ERROR_INTERNAL.
 */
PolicyPacket *policy_packet_new_by_hand (const SevSecret *tek,
                                         const SevSecret *tik,
                                         const guint8 measure[SEV_MAC_SIZE],
                                         gboolean legacy,
                                         const SevSecret *table,
                                         gsize limit,
                                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
void policy_packet_free (PolicyPacket *packet);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PolicyPacket, policy_packet_free)

/** policy_packet_get_header: Returns: (transfer none): 52 bytes */
GBytes *policy_packet_get_header (const PolicyPacket *packet);
/** policy_packet_get_data: Returns: (transfer none): the ciphertext */
GBytes *policy_packet_get_data (const PolicyPacket *packet);

G_END_DECLS
