/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/attest/owner-session.h"

#include <string.h>

#include "policy/attest/owner-private.h"
#include "policy/policy-error.h"
#include "sev/base/sev-bytes.h"
#include "sev/crypto/sev-aes.h"
#include "sev/crypto/sev-digest.h"
#include "sev/crypto/sev-ec.h"
#include "sev/crypto/sev-hmac.h"
#include "sev/crypto/sev-kdf.h"
#include "sev/crypto/sev-random.h"

struct _PolicySession {
    gatomicrefcount refs;
    PolicyChain *chain;
    guint32 policy;
    gboolean bound;
    SevSecret *tek;
    SevSecret *tik;
    GBytes *blob;
    GBytes *cert;
    guint8 id[POLICY_SESSION_ID_SIZE];
};

static gboolean
internal (GError *local, GError **error)
{
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_INTERNAL, "making the session: %s",
                 local != NULL ? local->message : "out of order");
    g_clear_error (&local);
    return FALSE;
}

static PolicySession *
session_alloc (const PolicyChain *chain, const SevCert *owner_cert, guint32 policy)
{
    PolicySession *session = g_new0 (PolicySession, 1);
    guint8 cert[SEV_CERT_SIZE];

    g_atomic_ref_count_init (&session->refs);
    session->chain = policy_chain_ref ((PolicyChain *) chain);
    session->policy = policy;
    sev_cert_encode (owner_cert, cert);
    session->cert = g_bytes_new (cert, sizeof cert);
    return session;
}

/* POLICY_MAC = HMAC (TIK, POLICY as LE32) */
static gboolean
policy_mac (const SevSecret *tik, guint32 policy, guint8 out[SEV_MAC_SIZE], GError **error)
{
    const guint32 policy_le = GUINT32_TO_LE (policy);

    return sev_hmac_sha256 (sev_secret_data (tik), sev_secret_size (tik), &policy_le,
                            sizeof policy_le, out, error);
}

/* One of the two keys that follow from the master secret. */
static SevSecret *
derive (const SevSecret *from,
        const char *label,
        const guint8 *context,
        gsize context_len,
        GError **error)
{
    g_autoptr (SevSecret) key = sev_secret_new (SEV_KEY_SIZE);

    if (!sev_kdf_derive (sev_secret_data (from), sev_secret_size (from), label, context,
                         context_len, sev_secret_writable (key), SEV_KEY_SIZE, error))
        return NULL;
    return g_steal_pointer (&key);
}

gboolean
policy_session_wrap (SevSessionWire *wire,
                     const SevSecret *shared,
                     const SevSecret *tek,
                     const SevSecret *tik,
                     guint32 policy,
                     GError **error)
{
    g_autoptr (SevSecret) master =
        derive (shared, SEV_LABEL_MASTER_SECRET, wire->nonce, sizeof wire->nonce, error);
    if (master == NULL)
        return FALSE;
    g_autoptr (SevSecret) kek = derive (master, SEV_LABEL_KEK, NULL, 0, error);
    if (kek == NULL)
        return FALSE;
    g_autoptr (SevSecret) kik = derive (master, SEV_LABEL_KIK, NULL, 0, error);
    if (kik == NULL)
        return FALSE;

    g_autoptr (SevSecret) keys = sev_secret_new (2 * SEV_KEY_SIZE);
    memcpy (sev_secret_writable (keys), sev_secret_data (tek), SEV_KEY_SIZE);
    memcpy (sev_secret_writable (keys) + SEV_KEY_SIZE, sev_secret_data (tik), SEV_KEY_SIZE);
    return sev_aes128_ctr (sev_secret_data (kek), wire->wrap_iv, sev_secret_data (keys),
                           wire->wrap_tk, sizeof wire->wrap_tk, error) &&
           sev_hmac_sha256 (sev_secret_data (kik), sev_secret_size (kik), wire->wrap_tk,
                            sizeof wire->wrap_tk, wire->wrap_mac, error) &&
           policy_mac (tik, policy, wire->policy_mac, error);
}

static gboolean
set_blob (PolicySession *session, const void *data, gsize len, GError **error)
{
    session->blob = g_bytes_new (data, len);
    return sev_sha256 (data, len, session->id, error);
}

/* The certificate that is sent must be of the key that wraps: else the platform derives
 * other keys and only says so at launch. */
static gboolean
check_owner (const SevCert *cert, const SevEcKey *key, GError **error)
{
    g_autoptr (GError) local = NULL;

    if (cert->pubkey_usage != SEV_USAGE_PDH) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_CERT_KIND,
                     "owner certificate is of a key for %s, expected PDH",
                     sev_usage_name (cert->pubkey_usage));
        return FALSE;
    }
    g_autoptr (SevEcKey) public = sev_cert_get_ec_key (cert, &local);
    if (public == NULL) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_CERT_MALFORMED,
                     "owner certificate: %s", local->message);
        return FALSE;
    }
    if (sev_ec_key_curve (public) != SEV_CURVE_P384) {
        g_set_error_literal (error, POLICY_ERROR, POLICY_ERROR_OWNER_CERT_MALFORMED,
                             "owner certificate: its curve is not P-384");
        return FALSE;
    }
    if (key != NULL &&
        (!sev_ec_key_has_private (key) || !sev_ec_key_same_public (public, key))) {
        g_set_error_literal (error, POLICY_ERROR, POLICY_ERROR_OWNER_KEY_MISMATCH,
                             "owner certificate and key do not belong together");
        return FALSE;
    }
    return TRUE;
}

PolicySession *
policy_session_new (const PolicyChain *chain,
                    const SevCert *owner_cert,
                    const SevEcKey *owner_key,
                    guint32 policy,
                    GError **error)
{
    SevSessionWire wire = { 0 };
    GError *local = NULL;

    g_return_val_if_fail (chain != NULL && owner_cert != NULL && owner_key != NULL, NULL);

    if (!policy_chain_require (chain, error) || !check_owner (owner_cert, owner_key, error))
        return NULL;

    g_autoptr (PolicySession) session = session_alloc (chain, owner_cert, policy);
    session->tek = sev_secret_new_random (SEV_KEY_SIZE, &local);
    if (session->tek != NULL)
        session->tik = sev_secret_new_random (SEV_KEY_SIZE, &local);
    if (session->tik == NULL) {
        internal (local, error);
        return NULL;
    }
    g_autoptr (SevSecret) shared =
        sev_ec_derive (owner_key, policy_chain_get_pdh_key (chain), &local);
    if (shared == NULL || !sev_random_bytes (wire.nonce, sizeof wire.nonce, &local) ||
        !sev_random_bytes (wire.wrap_iv, sizeof wire.wrap_iv, &local) ||
        !policy_session_wrap (&wire, shared, session->tek, session->tik, policy, &local) ||
        !set_blob (session, &wire, sizeof wire, &local)) {
        internal (local, error);
        return NULL;
    }
    session->bound = TRUE;
    return g_steal_pointer (&session);
}

static gboolean
check_sizes (GBytes *blob, const SevSecret *tek, const SevSecret *tik, GError **error)
{
    if (g_bytes_get_size (blob) == sizeof (SevSessionWire) &&
        sev_secret_size (tek) == SEV_KEY_SIZE && sev_secret_size (tik) == SEV_KEY_SIZE)
        return TRUE;
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_SESSION_MALFORMED,
                 "session: blob of %" G_GSIZE_FORMAT " bytes, TEK of %" G_GSIZE_FORMAT
                 ", TIK of %" G_GSIZE_FORMAT ", expected %" G_GSIZE_FORMAT ", %u and %u",
                 g_bytes_get_size (blob), sev_secret_size (tek), sev_secret_size (tik),
                 sizeof (SevSessionWire), SEV_KEY_SIZE, SEV_KEY_SIZE);
    return FALSE;
}

static gboolean
check_policy_mac (const SevSessionWire *wire,
                  const SevSecret *tik,
                  guint32 policy,
                  GError **error)
{
    guint8 mac[SEV_MAC_SIZE];
    GError *local = NULL;

    if (!policy_mac (tik, policy, mac, &local))
        return internal (local, error);
    if (sev_constant_time_equal (mac, wire->policy_mac, sizeof mac))
        return TRUE;
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_SESSION_MISMATCH,
                 "session was not made with this TIK for the guest policy 0x%x", policy);
    return FALSE;
}

/* A genuine platform opens whatever was wrapped for its PDH, also by somebody who got the
 * keys out of a blob for another platform, whose PDH key he has. */
static gboolean
check_binding (const SevSessionWire *wire,
               const PolicySession *session,
               const SevEcKey *owner_key,
               GError **error)
{
    SevSessionWire again = { 0 };
    GError *local = NULL;

    memcpy (again.nonce, wire->nonce, sizeof again.nonce);
    memcpy (again.wrap_iv, wire->wrap_iv, sizeof again.wrap_iv);
    g_autoptr (SevSecret) shared =
        sev_ec_derive (owner_key, policy_chain_get_pdh_key (session->chain), &local);
    if (shared == NULL || !policy_session_wrap (&again, shared, session->tek, session->tik,
                                                session->policy, &local))
        return internal (local, error);
    if (sev_constant_time_equal (&again, wire, sizeof again))
        return TRUE;
    g_set_error_literal (error, POLICY_ERROR, POLICY_ERROR_SESSION_MISMATCH,
                         "session was made for another platform, owner or policy, or with "
                         "another TEK");
    return FALSE;
}

gboolean
policy_session_identify (GBytes *blob,
                         const SevSecret *tik,
                         guint32 policy,
                         guint8 id[POLICY_SESSION_ID_SIZE],
                         GError **error)
{
    SevSessionWire wire;
    GError *local = NULL;

    g_return_val_if_fail (blob != NULL && tik != NULL && id != NULL, FALSE);

    if (!check_sizes (blob, tik, tik, error))
        return FALSE;
    memcpy (&wire, g_bytes_get_data (blob, NULL), sizeof wire);
    return check_policy_mac (&wire, tik, policy, error) &&
           (sev_sha256 (&wire, sizeof wire, id, &local) || internal (local, error));
}

PolicySession *
policy_session_new_given (const PolicyChain *chain,
                          const SevCert *owner_cert,
                          const SevEcKey *owner_key,
                          GBytes *blob,
                          SevSecret *tek,
                          SevSecret *tik,
                          guint32 policy,
                          GError **error)
{
    SevSessionWire wire;
    GError *local = NULL;

    g_return_val_if_fail (chain != NULL && owner_cert != NULL && blob != NULL, NULL);
    g_return_val_if_fail (tek != NULL && tik != NULL, NULL);

    if (!policy_chain_require (chain, error) ||
        !check_owner (owner_cert, owner_key, error) || !check_sizes (blob, tek, tik, error))
        return NULL;
    memcpy (&wire, g_bytes_get_data (blob, NULL), sizeof wire);
    if (!check_policy_mac (&wire, tik, policy, error))
        return NULL;

    g_autoptr (PolicySession) session = session_alloc (chain, owner_cert, policy);
    session->tek = sev_secret_ref (tek);
    session->tik = sev_secret_ref (tik);
    if (owner_key != NULL && !check_binding (&wire, session, owner_key, error))
        return NULL;
    session->bound = owner_key != NULL;
    if (!set_blob (session, &wire, sizeof wire, &local)) {
        internal (local, error);
        return NULL;
    }
    return g_steal_pointer (&session);
}

PolicySession *
policy_session_ref (PolicySession *session)
{
    g_return_val_if_fail (session != NULL, NULL);
    g_atomic_ref_count_inc (&session->refs);
    return session;
}

void
policy_session_unref (PolicySession *session)
{
    if (session == NULL || !g_atomic_ref_count_dec (&session->refs))
        return;
    policy_chain_unref (session->chain);
    g_clear_pointer (&session->tek, sev_secret_unref);
    g_clear_pointer (&session->tik, sev_secret_unref);
    g_clear_pointer (&session->blob, g_bytes_unref);
    g_clear_pointer (&session->cert, g_bytes_unref);
    g_free (session);
}

void
policy_session_wipe (PolicySession *session)
{
    g_return_if_fail (session != NULL);

    sev_secret_wipe (session->tek);
    sev_secret_wipe (session->tik);
}

gboolean
policy_session_is_bound (const PolicySession *session)
{
    g_return_val_if_fail (session != NULL, FALSE);
    return session->bound;
}

void
policy_session_judge (const PolicySession *session,
                      gboolean accept_unbound,
                      PolicyVerdict *verdict)
{
    g_return_if_fail (session != NULL && verdict != NULL);

    if (session->bound)
        policy_verdict_pass (verdict, POLICY_CHECK_SESSION);
    else if (accept_unbound)
        policy_verdict_waive (verdict, POLICY_CHECK_SESSION,
                              "that the session was made for this platform: the owner's "
                              "key was not there to check it");
}

const PolicyChain *
policy_session_get_chain (const PolicySession *session)
{
    g_return_val_if_fail (session != NULL, NULL);
    return session->chain;
}

guint32
policy_session_get_policy (const PolicySession *session)
{
    g_return_val_if_fail (session != NULL, 0);
    return session->policy;
}

GBytes *
policy_session_get_blob (const PolicySession *session)
{
    g_return_val_if_fail (session != NULL, NULL);
    return session->blob;
}

GBytes *
policy_session_get_cert (const PolicySession *session)
{
    g_return_val_if_fail (session != NULL, NULL);
    return session->cert;
}

static char *
to_base64 (GBytes *bytes)
{
    gsize len;
    const guint8 *data = g_bytes_get_data (bytes, &len);

    return g_base64_encode (data, len);
}

char *
policy_session_dup_blob_base64 (const PolicySession *session)
{
    g_return_val_if_fail (session != NULL, NULL);
    return to_base64 (session->blob);
}

char *
policy_session_dup_cert_base64 (const PolicySession *session)
{
    g_return_val_if_fail (session != NULL, NULL);
    return to_base64 (session->cert);
}

const guint8 *
policy_session_get_id (const PolicySession *session)
{
    g_return_val_if_fail (session != NULL, NULL);
    return session->id;
}

const SevSecret *
policy_session_get_tek (const PolicySession *session)
{
    g_return_val_if_fail (session != NULL, NULL);
    return session->tek;
}

const SevSecret *
policy_session_get_tik (const PolicySession *session)
{
    g_return_val_if_fail (session != NULL, NULL);
    return session->tik;
}
