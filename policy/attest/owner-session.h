/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "policy/attest/chain.h"
#include "sev/base/sev-secret.h"
#include "sev/wire/sev-cert-wire.h"
#include "sev/wire/sev-wire.h"

G_BEGIN_DECLS

#define POLICY_SESSION_ID_SIZE 32u

/**
 * PolicySession: keys and launch blob of one launch on one verified platform.
 *
 * Exists only for a verified chain, because a blob made for an unverified key could be
 * opened by anyone.  Holds TEK and TIK; immutable, reference-counted.
 */
typedef struct _PolicySession PolicySession;

/**
 * policy_session_new:
 * @chain: verified, else refused
 * @owner_cert: the owner's DH certificate (usage PDH), sent along unchanged
 * @owner_key: its private key, P-384
 * @policy: the owner's guest policy
 *
 * Fresh TEK, TIK, nonce and IV; AMD 55766, LAUNCH_START and "session keys".
 * Errors: %POLICY_ERROR_CHAIN_UNVERIFIED and the like, %POLICY_ERROR_OWNER_KEY_MISMATCH,
 *   %POLICY_ERROR_INTERNAL.
 */
PolicySession *policy_session_new (const PolicyChain *chain,
                                   const SevCert *owner_cert,
                                   const SevEcKey *owner_key,
                                   guint32 policy,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_session_new_given:
 * @owner_key: (nullable): private key of @owner_cert
 * @session: launch blob made elsewhere, 128 bytes
 * @tek: 16 bytes
 * @tik: 16 bytes
 *
 * For --session with --tik and --tek (sevctl session).  The blob's POLICY_MAC must be of
 * @tik and @policy.  With @owner_key the blob is made again from its nonce and IV and the
 * PDH of @chain, and must be the same: the session is bound.  Without it nothing shows that
 * TEK and TIK were wrapped for this platform: whoever has the key of the PDH that they were
 * wrapped for knows them, and this platform takes what he wraps for it again.
 * Errors: as above, %POLICY_ERROR_SESSION_MALFORMED, %POLICY_ERROR_SESSION_MISMATCH.
 */
PolicySession *policy_session_new_given (const PolicyChain *chain,
                                         const SevCert *owner_cert,
                                         const SevEcKey *owner_key,
                                         GBytes *session,
                                         SevSecret *tek,
                                         SevSecret *tik,
                                         guint32 policy,
                                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_session_identify:
 * @session: launch blob, 128 bytes
 * @id: (out caller-allocates): what policy_session_get_id() would be
 *
 * For keys that are used by hand: that the blob's POLICY_MAC is of @tik and @policy.
 * Errors: %POLICY_ERROR_SESSION_MALFORMED, %POLICY_ERROR_SESSION_MISMATCH.
 */
gboolean policy_session_identify (GBytes *session,
                                  const SevSecret *tik,
                                  guint32 policy,
                                  guint8 id[POLICY_SESSION_ID_SIZE],
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** policy_session_wipe: overwrites TEK and TIK when they have served, see sev_secret_wipe()
 */
void policy_session_wipe (PolicySession *session);

PolicySession *policy_session_ref (PolicySession *session);
void policy_session_unref (PolicySession *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PolicySession, policy_session_unref)

/** policy_session_is_bound: made for the PDH of its chain, as its owner's key showed */
gboolean policy_session_is_bound (const PolicySession *session);
/**
 * policy_session_judge:
 * @accept_unbound: the owner's word (--allow-unbound-session)
 *
 * Records %POLICY_CHECK_SESSION: passed for a bound session, waived for one that is not but
 * is accepted, else nothing, so that the verdict stays refused.
 */
void policy_session_judge (const PolicySession *session,
                           gboolean accept_unbound,
                           PolicyVerdict *verdict);

const PolicyChain *policy_session_get_chain (const PolicySession *session);
guint32 policy_session_get_policy (const PolicySession *session);
/** policy_session_get_blob: Returns: (transfer none): 128 bytes, public */
GBytes *policy_session_get_blob (const PolicySession *session);
/** policy_session_get_cert: Returns: (transfer none): 2084 bytes, public */
GBytes *policy_session_get_cert (const PolicySession *session);
/** policy_session_dup_blob_base64: for <session>; one line */
char *policy_session_dup_blob_base64 (const PolicySession *session);
/** policy_session_dup_cert_base64: for <dhCert>; one line */
char *policy_session_dup_cert_base64 (const PolicySession *session);
/** policy_session_get_id: Returns: 32 bytes, SHA-256 of the launch blob */
const guint8 *policy_session_get_id (const PolicySession *session);
/** policy_session_get_tek: Returns: (transfer none); for --session-dir and the packet */
const SevSecret *policy_session_get_tek (const PolicySession *session);
const SevSecret *policy_session_get_tik (const PolicySession *session);

G_END_DECLS
