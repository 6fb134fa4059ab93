/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "psp/fw/psp-target.h"

#include <string.h>

#include "psp/fw/psp-certs.h"

#define AMD_CERT_VERSION 1u
#define RSA_2048_BYTES 256u

static SevHash
hash_for (gsize key_bytes)
{
    return key_bytes == RSA_2048_BYTES ? SEV_HASH_SHA256 : SEV_HASH_SHA384;
}

static gboolean
amd_signed_by (const SevAmdCert *cert, const SevAmdCert *signer)
{
    g_autoptr (SevRsaKey) key = sev_amd_cert_get_key (signer, NULL);
    g_autoptr (GByteArray) body = sev_amd_cert_encode_body (cert);

    return key != NULL && cert->key_bytes == signer->key_bytes &&
           sev_rsa_verify (key, hash_for (signer->key_bytes), body->data, body->len,
                           cert->signature, NULL);
}

static gboolean
cek_signed_by (const SevCert *cek, const SevAmdCert *ask)
{
    const guint32 algo =
        ask->key_bytes == RSA_2048_BYTES ? SEV_ALGO_RSA_SHA256 : SEV_ALGO_RSA_SHA384;
    g_autoptr (SevRsaKey) key = sev_amd_cert_get_key (ask, NULL);
    guint8 body[SEV_CERT_BODY_SIZE];

    sev_cert_encode_body (cek, body);
    for (guint i = 0; key != NULL && i < SEV_CERT_SIGS; i++)
        if (cek->sig[i].usage == SEV_USAGE_ASK && cek->sig[i].algo == algo &&
            sev_rsa_verify (key, hash_for (ask->key_bytes), body, sizeof body,
                            cek->sig[i].bytes, NULL))
            return TRUE;
    return FALSE;
}

/* Whether the certificate has the key of the chip's own root. */
static gboolean
is_own_root (const SevAmdCert *ark, const PspChip *chip)
{
    g_autoptr (GBytes) bytes = NULL;
    SevAmdCert own;
    gsize len;

    psp_chip_get_amd_certs (chip, &bytes, NULL, NULL);
    const guint8 *data = g_bytes_get_data (bytes, &len);
    return sev_amd_cert_decode (data, len, &own, NULL) && own.key_bytes == ark->key_bytes &&
           memcmp (own.modulus, ark->modulus, own.key_bytes) == 0 &&
           memcmp (own.exponent, ark->exponent, own.key_bytes) == 0;
}

static SevStatus
check_amd (const PspTarget *target,
           const SevCert *pek,
           const SevCert *cek,
           const PspChip *chip)
{
    const gsize half = target->amd_len / 2;
    g_autoptr (SevEcKey) cek_key = psp_cert_get_key (cek, SEV_USAGE_CEK);
    SevAmdCert ask, ark;

    if (cek_key == NULL || !sev_amd_cert_decode (target->amd, half, &ask, NULL) ||
        !sev_amd_cert_decode (target->amd + half, half, &ark, NULL) ||
        ask.version != AMD_CERT_VERSION || ark.version != AMD_CERT_VERSION ||
        ask.usage != SEV_USAGE_ASK || ark.usage != SEV_USAGE_ARK ||
        memcmp (ask.certifying_id, ark.key_id, sizeof ark.key_id) != 0 ||
        memcmp (ark.certifying_id, ark.key_id, sizeof ark.key_id) != 0 ||
        !is_own_root (&ark, chip))
        return SEV_STATUS_INVALID_CERTIFICATE;
    if (!amd_signed_by (&ark, &ark) || !amd_signed_by (&ask, &ark) ||
        !cek_signed_by (cek, &ask) ||
        !psp_cert_signed_by (pek, SEV_USAGE_CEK, cek_key, NULL))
        return SEV_STATUS_BAD_SIGNATURE;
    return SEV_STATUS_SUCCESS;
}

static gboolean
api_ok (const SevCert *pek, guint32 policy)
{
    const guint major = (policy >> SEV_POLICY_API_MAJOR_SHIFT) & 0xff;
    const guint minor = (policy >> SEV_POLICY_API_MINOR_SHIFT) & 0xff;

    return pek->api_major > major || (pek->api_major == major && pek->api_minor >= minor);
}

SevStatus
psp_target_check (const PspTarget *target,
                  guint32 policy,
                  const SevCert *own_oca,
                  const PspChip *chip,
                  SevEcKey **pdh_key)
{
    SevCert pdh, pek, oca, cek;

    G_STATIC_ASSERT (SEV_CERT_CHAIN_SIZE == 3 * SEV_CERT_SIZE);
    if (!sev_cert_decode (target->pdh, SEV_CERT_SIZE, &pdh, NULL) ||
        !sev_cert_decode (target->plat, SEV_CERT_SIZE, &pek, NULL) ||
        !sev_cert_decode (target->plat + SEV_CERT_SIZE, SEV_CERT_SIZE, &oca, NULL) ||
        !sev_cert_decode (target->plat + 2 * SEV_CERT_SIZE, SEV_CERT_SIZE, &cek, NULL))
        return SEV_STATUS_INVALID_CERTIFICATE;

    g_autoptr (SevEcKey) dh_key = psp_cert_get_key (&pdh, SEV_USAGE_PDH);
    g_autoptr (SevEcKey) pek_key = psp_cert_get_key (&pek, SEV_USAGE_PEK);
    g_autoptr (SevEcKey) oca_key = psp_cert_get_key (&oca, SEV_USAGE_OCA);
    if (dh_key == NULL || pek_key == NULL || oca_key == NULL)
        return SEV_STATUS_INVALID_CERTIFICATE;
    if (!psp_cert_signed_by (&oca, SEV_USAGE_OCA, oca_key, NULL) ||
        !psp_cert_signed_by (&pek, SEV_USAGE_OCA, oca_key, NULL) ||
        !psp_cert_signed_by (&pdh, SEV_USAGE_PEK, pek_key, NULL))
        return SEV_STATUS_BAD_SIGNATURE;
    if (!api_ok (&pek, policy))
        return SEV_STATUS_POLICY_FAILURE;
    if ((policy & SEV_POLICY_DOMAIN) != 0 &&
        !psp_cert_is_for (own_oca, SEV_USAGE_OCA, oca_key))
        return SEV_STATUS_POLICY_FAILURE;
    if ((policy & SEV_POLICY_SEV) != 0) {
        const SevStatus status = check_amd (target, &pek, &cek, chip);

        if (status != SEV_STATUS_SUCCESS)
            return status;
    }
    *pdh_key = g_steal_pointer (&dh_key);
    return SEV_STATUS_SUCCESS;
}
