/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "psp/fw/psp-session.h"

#include <string.h>

#include "sev/crypto/sev-aes.h"
#include "sev/crypto/sev-hmac.h"
#include "sev/crypto/sev-kdf.h"
#include "sev/wire/sev-cert-wire.h"

/* Returns: (nullable): the peer's public key if the certificate is of the right kind. */
static SevEcKey *
peer_key (const guint8 *bytes, gsize len, SevCurve curve)
{
    SevCert cert;

    if (!sev_cert_decode (bytes, len, &cert, NULL) || cert.version != SEV_CERT_VERSION ||
        cert.pubkey_usage != SEV_USAGE_PDH || cert.pubkey_algo != SEV_ALGO_ECDH_SHA256)
        return NULL;

    g_autoptr (SevEcKey) key = sev_cert_get_ec_key (&cert, NULL);
    if (key == NULL || sev_ec_key_curve (key) != curve)
        return NULL;
    return g_steal_pointer (&key);
}

static SevSecret *
derive (const SevSecret *key,
        const char *label,
        const guint8 *context,
        gsize context_len,
        GError **error)
{
    g_autoptr (SevSecret) out = sev_secret_new (SEV_KEY_SIZE);

    if (!sev_kdf_derive (sev_secret_data (key), sev_secret_size (key), label, context,
                         context_len, sev_secret_writable (out), SEV_KEY_SIZE, error))
        return NULL;
    return g_steal_pointer (&out);
}

static gboolean
mac_is (const SevSecret *key,
        const void *data,
        gsize len,
        const guint8 expected[SEV_MAC_SIZE],
        gboolean *ok,
        GError **error)
{
    guint8 mac[SEV_MAC_SIZE];

    *ok = FALSE;
    if (!sev_hmac_sha256 (sev_secret_data (key), sev_secret_size (key), data, len, mac,
                          error))
        return FALSE;
    *ok = sev_constant_time_equal (mac, expected, sizeof mac);
    sev_wipe (mac, sizeof mac);
    return TRUE;
}

static gboolean
derive_wrap_keys (const SevSecret *z,
                  const SevSessionWire *session,
                  SevSecret **kek,
                  SevSecret **kik,
                  GError **error)
{
    g_autoptr (SevSecret) master =
        derive (z, SEV_LABEL_MASTER_SECRET, session->nonce, sizeof session->nonce, error);

    if (master == NULL)
        return FALSE;
    *kek = derive (master, SEV_LABEL_KEK, NULL, 0, error);
    if (*kek == NULL)
        return FALSE;
    *kik = derive (master, SEV_LABEL_KIK, NULL, 0, error);
    return *kik != NULL;
}

/* WRAP_MAC, then TEK || TIK. */
gboolean
psp_session_unwrap_shared (const SevSecret *z,
                           const SevSessionWire *session,
                           SevSecret **tek,
                           SevSecret **tik,
                           SevStatus *status,
                           GError **error)
{
    g_autoptr (SevSecret) kek = NULL;
    g_autoptr (SevSecret) kik = NULL;
    gboolean ok;

    if (!derive_wrap_keys (z, session, &kek, &kik, error))
        return FALSE;
    if (!mac_is (kik, session->wrap_tk, sizeof session->wrap_tk, session->wrap_mac, &ok,
                 error))
        return FALSE;
    if (!ok) {
        *status = SEV_STATUS_BAD_MEASUREMENT;
        return TRUE;
    }

    g_autoptr (SevSecret) keys = sev_secret_new (sizeof session->wrap_tk);
    if (!sev_aes128_ctr (sev_secret_data (kek), session->wrap_iv, session->wrap_tk,
                         sev_secret_writable (keys), sev_secret_size (keys), error))
        return FALSE;
    *tek = sev_secret_new_copy (sev_secret_data (keys), SEV_KEY_SIZE);
    *tik = sev_secret_new_copy (sev_secret_data (keys) + SEV_KEY_SIZE, SEV_KEY_SIZE);
    *status = SEV_STATUS_SUCCESS;
    return TRUE;
}

gboolean
psp_session_unwrap (const SevEcKey *pdh,
                    const guint8 *cert,
                    gsize cert_len,
                    const SevSessionWire *session,
                    SevSecret **tek,
                    SevSecret **tik,
                    SevStatus *status,
                    GError **error)
{
    g_autoptr (SevEcKey) peer = peer_key (cert, cert_len, sev_ec_key_curve (pdh));

    if (peer == NULL) {
        *status = SEV_STATUS_INVALID_CERTIFICATE;
        return TRUE;
    }
    g_autoptr (SevSecret) z = sev_ec_derive (pdh, peer, error);
    return z != NULL && psp_session_unwrap_shared (z, session, tek, tik, status, error);
}

gboolean
psp_session_check_policy (const SevSessionWire *session,
                          guint32 policy,
                          const SevSecret *tik,
                          SevStatus *status,
                          GError **error)
{
    const guint32 policy_le = GUINT32_TO_LE (policy);
    gboolean ok;

    if (!mac_is (tik, &policy_le, sizeof policy_le, session->policy_mac, &ok, error))
        return FALSE;
    *status = ok ? SEV_STATUS_SUCCESS : SEV_STATUS_BAD_MEASUREMENT;
    return TRUE;
}

static gboolean
mac_into (const SevSecret *key,
          const void *data,
          gsize len,
          guint8 mac[SEV_MAC_SIZE],
          GError **error)
{
    return sev_hmac_sha256 (sev_secret_data (key), sev_secret_size (key), data, len, mac,
                            error);
}

gboolean
psp_session_wrap (const SevEcKey *pdh,
                  const SevEcKey *peer,
                  guint32 policy,
                  const SevSecret *tek,
                  const SevSecret *tik,
                  SevSessionWire *session,
                  GError **error)
{
    const guint32 policy_le = GUINT32_TO_LE (policy);
    g_autoptr (SevSecret) kek = NULL;
    g_autoptr (SevSecret) kik = NULL;
    g_autoptr (SevSecret) z = sev_ec_derive (pdh, peer, error);

    if (z == NULL || !derive_wrap_keys (z, session, &kek, &kik, error))
        return FALSE;
    g_autoptr (SevSecret) keys = sev_secret_new (sizeof session->wrap_tk);
    memcpy (sev_secret_writable (keys), sev_secret_data (tek), SEV_KEY_SIZE);
    memcpy (sev_secret_writable (keys) + SEV_KEY_SIZE, sev_secret_data (tik), SEV_KEY_SIZE);
    return sev_aes128_ctr (sev_secret_data (kek), session->wrap_iv, sev_secret_data (keys),
                           session->wrap_tk, sizeof session->wrap_tk, error) &&
           mac_into (kik, session->wrap_tk, sizeof session->wrap_tk, session->wrap_mac,
                     error) &&
           mac_into (tik, &policy_le, sizeof policy_le, session->policy_mac, error);
}
