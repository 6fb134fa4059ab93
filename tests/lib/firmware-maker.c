/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/lib/firmware-maker.h"

#include <string.h>

#include "psp/fw/psp-chip-private.h"

#define USAGE_FIRMWARE 0xe001u
#define ALGO_ECDSA_SHA384 0x102u
#define ALGO_RSA_SHA256 0x1u
#define ALGO_RSA_SHA384 0x101u

static void
put_u32 (guint8 *out, guint32 value)
{
    const guint32 value_le = GUINT32_TO_LE (value);

    memcpy (out, &value_le, sizeof value_le);
}

static void
certify (const SevRsaKey *root, guint32 usage, const SevEcKey *key, SevCert *out)
{
    const gboolean small = sev_rsa_key_bytes (root) == 256;
    guint8 body[SEV_CERT_BODY_SIZE];
    g_autoptr (GError) error = NULL;

    sev_cert_init (out, (SevUsage) usage, (SevAlgo) ALGO_ECDSA_SHA384);
    sev_cert_set_ec_key (out, key);
    sev_cert_encode_body (out, body);
    out->sig[0].usage = 0; /* ARK */
    out->sig[0].algo = small ? ALGO_RSA_SHA256 : ALGO_RSA_SHA384;
    g_assert_true (sev_rsa_sign (root, small ? SEV_HASH_SHA256 : SEV_HASH_SHA384, body,
                                 sizeof body, out->sig[0].bytes, &error));
    g_assert_no_error (error);
}

static SevEcKey *
make_key (void)
{
    static SevEcKey *key;

    if (key == NULL)
        key = sev_ec_key_generate (SEV_CURVE_P384, NULL);
    g_assert_nonnull (key);
    return key;
}

GBytes *
firmware_maker_image (const PspChip *chip, const FirmwareSpec *spec)
{
    const gsize size = spec->size != 0 ? spec->size : FIRMWARE_MIN_SIZE;
    const SevEcKey *key = spec->signer != NULL ? spec->signer : make_key ();
    guint8 *out = g_malloc0 (size);
    SevEcSignature signature;
    SevCert cert;
    g_autoptr (GError) error = NULL;

    g_assert_cmpuint (size, >=, FIRMWARE_MIN_SIZE);
    memcpy (out, "SLPSPFWI", 8);
    out[8] = 1;
    put_u32 (out + 0x0c, (guint32) size);
    put_u32 (out + 0x10,
             spec->generation != 0 ? spec->generation : psp_chip_generation (chip));
    out[0x14] = spec->api_major;
    out[0x15] = spec->api_minor;
    out[0x16] = spec->build;
    if (spec->cert != NULL)
        cert = *spec->cert;
    else
        certify (spec->root != NULL ? spec->root : psp_chip_ark (chip),
                 spec->usage != 0 ? spec->usage : USAGE_FIRMWARE, key, &cert);
    sev_cert_encode (&cert, out + 0x18);
    memset (out + 0x83c, 0x90, size - FIRMWARE_MIN_SIZE);
    g_assert_true (sev_ec_sign (key, SEV_HASH_SHA384, out, FIRMWARE_AT_SIGNATURE (size),
                                &signature, &error));
    g_assert_no_error (error);
    memcpy (out + FIRMWARE_AT_SIGNATURE (size), signature.r, 72);
    memcpy (out + FIRMWARE_AT_SIGNATURE (size) + 72, signature.s, 72);
    return g_bytes_new_take (out, size);
}
