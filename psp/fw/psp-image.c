/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "psp/fw/psp-image.h"

#include <string.h>

#include "sev/base/sev-bytes.h"

#define IMAGE_MAGIC "SLPSPFWI"
#define IMAGE_VERSION 1u
#define SIGNATURE_SIZE (2 * SEV_EC_FIELD_SIZE)

#define RSA_2048_BYTES 256u

gsize
psp_image_max_size (PspGeneration generation)
{
    return generation == PSP_GENERATION_MILAN ? 128 * 1024 : 64 * 1024;
}

static gboolean
read_header (SevReader *reader, gsize len, PspImage *image)
{
    guint8 magic[8], zero8;
    guint16 version, zero16;
    guint32 total;

    return sev_reader_bytes (reader, magic, sizeof magic) &&
           sev_reader_u16 (reader, &version) && sev_reader_u16 (reader, &zero16) &&
           sev_reader_u32 (reader, &total) && sev_reader_u32 (reader, &image->generation) &&
           sev_reader_u8 (reader, &image->api_major) &&
           sev_reader_u8 (reader, &image->api_minor) &&
           sev_reader_u8 (reader, &image->build) && sev_reader_u8 (reader, &zero8) &&
           memcmp (magic, IMAGE_MAGIC, sizeof magic) == 0 && version == IMAGE_VERSION &&
           total == len && zero16 == 0 && zero8 == 0;
}

static gboolean
signed_by_root (const SevCert *cert, const SevAmdCert *ark)
{
    const SevCertSig *sig = &cert->sig[0];
    guint8 body[SEV_CERT_BODY_SIZE];
    g_autoptr (SevRsaKey) key = sev_amd_cert_get_key (ark, NULL);

    if (key == NULL)
        return FALSE;
    const gboolean small = sev_rsa_key_bytes (key) == RSA_2048_BYTES;
    const SevAlgo algo = small ? SEV_ALGO_RSA_SHA256 : SEV_ALGO_RSA_SHA384;
    sev_cert_encode_body (cert, body);
    return sig->usage == SEV_USAGE_ARK && sig->algo == (guint32) algo &&
           sev_rsa_verify (key, small ? SEV_HASH_SHA256 : SEV_HASH_SHA384, body,
                           sizeof body, sig->bytes, NULL);
}

/* The certified key; %NULL if it is none for images. */
static SevEcKey *
signing_key (const SevCert *cert, const SevAmdCert *ark)
{
    if (cert->version != SEV_CERT_VERSION || cert->pubkey_usage != PSP_USAGE_FIRMWARE ||
        cert->pubkey_algo != SEV_ALGO_ECDSA_SHA384 || !signed_by_root (cert, ark))
        return NULL;

    g_autoptr (SevEcKey) key = sev_cert_get_ec_key (cert, NULL);
    if (key == NULL || sev_ec_key_curve (key) != SEV_CURVE_P384)
        return NULL;
    return g_steal_pointer (&key);
}

gboolean
psp_image_open (const SevAmdCert *ark, const guint8 *data, gsize len, PspImage *out)
{
    SevReader reader;
    PspImage image;
    guint8 cert_bytes[SEV_CERT_SIZE];
    SevCert cert;
    SevEcSignature signature;

    sev_reader_init (&reader, data, len);
    if (!read_header (&reader, len, &image) ||
        !sev_reader_bytes (&reader, cert_bytes, sizeof cert_bytes) ||
        sev_reader_left (&reader) < SIGNATURE_SIZE)
        return FALSE;
    const gsize signed_len = len - SIGNATURE_SIZE;
    if (!sev_reader_skip (&reader, sev_reader_left (&reader) - SIGNATURE_SIZE) ||
        !sev_reader_bytes (&reader, signature.r, sizeof signature.r) ||
        !sev_reader_bytes (&reader, signature.s, sizeof signature.s) ||
        !sev_cert_decode (cert_bytes, sizeof cert_bytes, &cert, NULL))
        return FALSE;

    g_autoptr (SevEcKey) key = signing_key (&cert, ark);
    if (key == NULL ||
        !sev_ec_verify (key, SEV_HASH_SHA384, data, signed_len, &signature, NULL))
        return FALSE;
    *out = image;
    return TRUE;
}
