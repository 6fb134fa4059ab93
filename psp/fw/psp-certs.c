/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "psp/fw/psp-certs.h"

#include <string.h>

#define RSA_2048_BYTES 256u

static SevAlgo
algo_of (SevUsage usage)
{
    return usage == SEV_USAGE_PDH ? SEV_ALGO_ECDH_SHA256 : SEV_ALGO_ECDSA_SHA256;
}

void
psp_cert_issue (SevCert *out,
                SevUsage usage,
                const SevEcKey *key,
                guint8 api_major,
                guint8 api_minor)
{
    sev_cert_init (out, usage, algo_of (usage));
    out->api_major = api_major;
    out->api_minor = api_minor;
    sev_cert_set_ec_key (out, key);
}

gboolean
psp_cert_sign (SevCert *cert,
               guint slot,
               SevUsage signer,
               const SevEcKey *key,
               GError **error)
{
    guint8 body[SEV_CERT_BODY_SIZE];
    SevEcSignature signature;

    g_return_val_if_fail (slot < SEV_CERT_SIGS, FALSE);

    sev_cert_encode_body (cert, body);
    if (!sev_ec_sign (key, SEV_HASH_SHA256, body, sizeof body, &signature, error)) {
        g_prefix_error (
            error, "signing the %s certificate: ", sev_usage_name (cert->pubkey_usage));
        return FALSE;
    }
    sev_cert_sig_set_ec (&cert->sig[slot], signer, SEV_ALGO_ECDSA_SHA256, &signature);
    return TRUE;
}

gboolean
psp_cert_sign_rsa (SevCert *cert, const SevRsaKey *key, GError **error)
{
    const gboolean small = sev_rsa_key_bytes (key) == RSA_2048_BYTES;
    SevCertSig *sig = &cert->sig[PSP_SLOT_FIRST];
    guint8 body[SEV_CERT_BODY_SIZE];

    G_STATIC_ASSERT (SEV_CERT_SIG_SIZE == SEV_RSA_MAX_BYTES);
    sev_cert_encode_body (cert, body);
    memset (sig->bytes, 0, sizeof sig->bytes);
    if (!sev_rsa_sign (key, small ? SEV_HASH_SHA256 : SEV_HASH_SHA384, body, sizeof body,
                       sig->bytes, error)) {
        g_prefix_error (
            error, "signing the %s certificate: ", sev_usage_name (cert->pubkey_usage));
        return FALSE;
    }
    sig->usage = SEV_USAGE_ASK;
    sig->algo = small ? SEV_ALGO_RSA_SHA256 : SEV_ALGO_RSA_SHA384;
    return TRUE;
}

gboolean
psp_cert_is_for (const SevCert *cert, SevUsage usage, const SevEcKey *key)
{
    g_autoptr (SevEcKey) certified = sev_cert_get_ec_key (cert, NULL);

    return certified != NULL && cert->version == SEV_CERT_VERSION &&
           cert->pubkey_usage == (guint32) usage && sev_ec_key_same_public (certified, key);
}

SevEcKey *
psp_cert_get_key (const SevCert *cert, SevUsage usage)
{
    if (cert->version != SEV_CERT_VERSION || cert->pubkey_usage != (guint32) usage ||
        cert->pubkey_algo != (guint32) algo_of (usage))
        return NULL;

    g_autoptr (SevEcKey) key = sev_cert_get_ec_key (cert, NULL);
    if (key == NULL || sev_ec_key_curve (key) != SEV_CURVE_P384)
        return NULL;
    return g_steal_pointer (&key);
}

gboolean
psp_cert_signed_by (const SevCert *cert, SevUsage signer, const SevEcKey *key, guint *slot)
{
    guint8 body[SEV_CERT_BODY_SIZE];

    sev_cert_encode_body (cert, body);
    for (guint i = 0; i < SEV_CERT_SIGS; i++) {
        const SevCertSig *sig = &cert->sig[i];
        SevEcSignature signature;

        if (sig->usage != (guint32) signer || sig->algo != SEV_ALGO_ECDSA_SHA256 ||
            !sev_cert_sig_get_ec (sig, &signature, NULL) ||
            !sev_ec_verify (key, SEV_HASH_SHA256, body, sizeof body, &signature, NULL))
            continue;
        if (slot != NULL)
            *slot = i;
        return TRUE;
    }
    return FALSE;
}

gboolean
psp_amd_cert_issue (SevAmdCert *out,
                    SevUsage usage,
                    const char *id,
                    const SevRsaKey *key,
                    const char *signer_id,
                    const SevRsaKey *signer,
                    GError **error)
{
    g_return_val_if_fail (strlen (id) == SEV_AMD_KEY_ID_SIZE, FALSE);
    g_return_val_if_fail (strlen (signer_id) == SEV_AMD_KEY_ID_SIZE, FALSE);
    /* The certificate has one size field for its own key and for the signature. */
    g_return_val_if_fail (sev_rsa_key_bytes (key) == sev_rsa_key_bytes (signer), FALSE);

    memset (out, 0, sizeof *out);
    out->version = 1;
    memcpy (out->key_id, id, sizeof out->key_id);
    memcpy (out->certifying_id, signer_id, sizeof out->certifying_id);
    out->usage = usage;
    sev_amd_cert_set_key (out, key);

    g_autoptr (GByteArray) body = sev_amd_cert_encode_body (out);
    const SevHash hash =
        out->key_bytes == RSA_2048_BYTES ? SEV_HASH_SHA256 : SEV_HASH_SHA384;
    if (!sev_rsa_sign (signer, hash, body->data, body->len, out->signature, error)) {
        g_prefix_error (error, "signing the %s certificate: ", sev_usage_name (usage));
        return FALSE;
    }
    return TRUE;
}
