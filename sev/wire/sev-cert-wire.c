/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sev/wire/sev-cert-wire.h"

#include <string.h>

#include "sev/base/sev-bytes.h"
#include "sev/sev-error.h"

/* Where an EC public key has its numbers, from the start of the 1028 key bytes. */
#define EC_CURVE_SIZE 4u
#define EC_KEY_SIZE (EC_CURVE_SIZE + 2 * SEV_EC_FIELD_SIZE)
G_STATIC_ASSERT (EC_KEY_SIZE == 0xa4 - 0x10);

static gboolean
wrong_size (gsize len, gsize expected, const char *what, GError **error)
{
    g_set_error (
        error, SEV_ERROR, len < expected ? SEV_ERROR_TRUNCATED : SEV_ERROR_MALFORMED,
        "%s: %" G_GSIZE_FORMAT " bytes, expected %" G_GSIZE_FORMAT, what, len, expected);
    return FALSE;
}

static gboolean
read_sig (SevReader *reader, SevCertSig *sig)
{
    return sev_reader_u32 (reader, &sig->usage) && sev_reader_u32 (reader, &sig->algo) &&
           sev_reader_bytes (reader, sig->bytes, sizeof sig->bytes);
}

gboolean
sev_cert_decode (const guint8 *data, gsize len, SevCert *out, GError **error)
{
    SevReader reader;
    SevCert cert;

    if (len != SEV_CERT_SIZE)
        return wrong_size (len, SEV_CERT_SIZE, "SEV certificate", error);

    sev_reader_init (&reader, data, len);
    const gboolean whole = sev_reader_u32 (&reader, &cert.version) &&
                           sev_reader_u8 (&reader, &cert.api_major) &&
                           sev_reader_u8 (&reader, &cert.api_minor) &&
                           sev_reader_u16 (&reader, &cert.reserved) &&
                           sev_reader_u32 (&reader, &cert.pubkey_usage) &&
                           sev_reader_u32 (&reader, &cert.pubkey_algo) &&
                           sev_reader_bytes (&reader, cert.pubkey, sizeof cert.pubkey) &&
                           read_sig (&reader, &cert.sig[0]) &&
                           read_sig (&reader, &cert.sig[1]);
    g_assert (whole && sev_reader_left (&reader) == 0);
    *out = cert;
    return TRUE;
}

static void
put_body (GByteArray *out, const SevCert *cert)
{
    sev_put_u32 (out, cert->version);
    sev_put_u8 (out, cert->api_major);
    sev_put_u8 (out, cert->api_minor);
    sev_put_u16 (out, cert->reserved);
    sev_put_u32 (out, cert->pubkey_usage);
    sev_put_u32 (out, cert->pubkey_algo);
    sev_put_bytes (out, cert->pubkey, sizeof cert->pubkey);
}

void
sev_cert_encode_body (const SevCert *cert, guint8 out[SEV_CERT_BODY_SIZE])
{
    g_autoptr (GByteArray) bytes = g_byte_array_sized_new (SEV_CERT_BODY_SIZE);

    put_body (bytes, cert);
    g_assert (bytes->len == SEV_CERT_BODY_SIZE);
    memcpy (out, bytes->data, SEV_CERT_BODY_SIZE);
}

void
sev_cert_encode (const SevCert *cert, guint8 out[SEV_CERT_SIZE])
{
    g_autoptr (GByteArray) bytes = g_byte_array_sized_new (SEV_CERT_SIZE);

    put_body (bytes, cert);
    for (guint i = 0; i < SEV_CERT_SIGS; i++) {
        sev_put_u32 (bytes, cert->sig[i].usage);
        sev_put_u32 (bytes, cert->sig[i].algo);
        sev_put_bytes (bytes, cert->sig[i].bytes, SEV_CERT_SIG_SIZE);
    }
    g_assert (bytes->len == SEV_CERT_SIZE);
    memcpy (out, bytes->data, SEV_CERT_SIZE);
}

void
sev_cert_init (SevCert *cert, SevUsage usage, SevAlgo algo)
{
    memset (cert, 0, sizeof *cert);
    cert->version = SEV_CERT_VERSION;
    cert->pubkey_usage = usage;
    cert->pubkey_algo = algo;
    for (guint i = 0; i < SEV_CERT_SIGS; i++)
        sev_cert_sig_clear (&cert->sig[i]);
}

SevEcKey *
sev_cert_get_ec_key (const SevCert *cert, GError **error)
{
    SevReader reader;
    SevEcPoint point;

    sev_reader_init (&reader, cert->pubkey, sizeof cert->pubkey);
    const gboolean whole = sev_reader_u32 (&reader, &point.curve) &&
                           sev_reader_bytes (&reader, point.x, sizeof point.x) &&
                           sev_reader_bytes (&reader, point.y, sizeof point.y);
    g_assert (whole);
    if (!sev_bytes_all_zero (cert->pubkey + EC_KEY_SIZE,
                             sizeof cert->pubkey - EC_KEY_SIZE)) {
        g_set_error (error, SEV_ERROR, SEV_ERROR_MALFORMED,
                     "%s certificate: bytes after the public key are not zero",
                     sev_usage_name (cert->pubkey_usage));
        return NULL;
    }

    SevEcKey *key = sev_ec_key_new_public (&point, error);
    if (key == NULL)
        g_prefix_error (
            error, "%s certificate: public key: ", sev_usage_name (cert->pubkey_usage));
    return key;
}

void
sev_cert_set_ec_key (SevCert *cert, const SevEcKey *key)
{
    SevEcPoint point;
    g_autoptr (GByteArray) bytes = g_byte_array_sized_new (EC_KEY_SIZE);

    sev_ec_key_get_point (key, &point);
    sev_put_u32 (bytes, point.curve);
    sev_put_bytes (bytes, point.x, sizeof point.x);
    sev_put_bytes (bytes, point.y, sizeof point.y);
    memset (cert->pubkey, 0, sizeof cert->pubkey);
    memcpy (cert->pubkey, bytes->data, bytes->len);
}

gboolean
sev_cert_sig_get_ec (const SevCertSig *sig, SevEcSignature *out, GError **error)
{
    const gsize used = 2 * SEV_EC_FIELD_SIZE;

    if (!sev_bytes_all_zero (sig->bytes + used, sizeof sig->bytes - used)) {
        g_set_error (error, SEV_ERROR, SEV_ERROR_MALFORMED,
                     "signature by %s: bytes after the ECDSA numbers are not zero",
                     sev_usage_name (sig->usage));
        return FALSE;
    }
    memcpy (out->r, sig->bytes, SEV_EC_FIELD_SIZE);
    memcpy (out->s, sig->bytes + SEV_EC_FIELD_SIZE, SEV_EC_FIELD_SIZE);
    return TRUE;
}

void
sev_cert_sig_set_ec (SevCertSig *sig,
                     SevUsage usage,
                     SevAlgo algo,
                     const SevEcSignature *value)
{
    memset (sig->bytes, 0, sizeof sig->bytes);
    memcpy (sig->bytes, value->r, SEV_EC_FIELD_SIZE);
    memcpy (sig->bytes + SEV_EC_FIELD_SIZE, value->s, SEV_EC_FIELD_SIZE);
    sig->usage = usage;
    sig->algo = algo;
}

void
sev_cert_sig_clear (SevCertSig *sig)
{
    memset (sig->bytes, 0, sizeof sig->bytes);
    sig->usage = SEV_USAGE_INVALID;
    sig->algo = SEV_ALGO_NONE;
}

/* Everything before the key, 40h bytes. */
static gboolean
read_amd_header (SevReader *reader, SevAmdCert *cert)
{
    return sev_reader_u32 (reader, &cert->version) &&
           sev_reader_bytes (reader, cert->key_id, sizeof cert->key_id) &&
           sev_reader_bytes (reader, cert->certifying_id, sizeof cert->certifying_id) &&
           sev_reader_u32 (reader, &cert->usage) &&
           sev_reader_bytes (reader, cert->reserved, sizeof cert->reserved) &&
           sev_reader_u32 (reader, &cert->exponent_bits) &&
           sev_reader_u32 (reader, &cert->modulus_bits);
}

gboolean
sev_amd_cert_decode (const guint8 *data, gsize len, SevAmdCert *out, GError **error)
{
    SevReader reader;
    SevAmdCert cert = { 0 };

    sev_reader_init (&reader, data, len);
    if (!read_amd_header (&reader, &cert))
        return wrong_size (len, SEV_AMD_CERT_SIZE_2048, "AMD certificate", error);
    if ((cert.modulus_bits != 2048 && cert.modulus_bits != 4096) ||
        cert.exponent_bits != cert.modulus_bits) {
        g_set_error (
            error, SEV_ERROR, SEV_ERROR_MALFORMED,
            "AMD certificate: key of %u bits with an exponent of %u bits, expected "
            "2048 or 4096 for both",
            cert.modulus_bits, cert.exponent_bits);
        return FALSE;
    }
    cert.key_bytes = cert.modulus_bits / 8;
    const gsize expected =
        cert.modulus_bits == 2048 ? SEV_AMD_CERT_SIZE_2048 : SEV_AMD_CERT_SIZE_4096;
    if (len != expected)
        return wrong_size (len, expected, "AMD certificate", error);
    const gboolean whole = sev_reader_bytes (&reader, cert.exponent, cert.key_bytes) &&
                           sev_reader_bytes (&reader, cert.modulus, cert.key_bytes) &&
                           sev_reader_bytes (&reader, cert.signature, cert.key_bytes);
    g_assert (whole && sev_reader_left (&reader) == 0);
    *out = cert;
    return TRUE;
}

GByteArray *
sev_amd_cert_encode_body (const SevAmdCert *cert)
{
    GByteArray *out = g_byte_array_sized_new (SEV_AMD_CERT_SIZE_4096);

    sev_put_u32 (out, cert->version);
    sev_put_bytes (out, cert->key_id, sizeof cert->key_id);
    sev_put_bytes (out, cert->certifying_id, sizeof cert->certifying_id);
    sev_put_u32 (out, cert->usage);
    sev_put_bytes (out, cert->reserved, sizeof cert->reserved);
    sev_put_u32 (out, cert->exponent_bits);
    sev_put_u32 (out, cert->modulus_bits);
    sev_put_bytes (out, cert->exponent, cert->key_bytes);
    sev_put_bytes (out, cert->modulus, cert->key_bytes);
    return out;
}

GByteArray *
sev_amd_cert_encode (const SevAmdCert *cert)
{
    GByteArray *out = sev_amd_cert_encode_body (cert);

    sev_put_bytes (out, cert->signature, cert->key_bytes);
    return out;
}

SevRsaKey *
sev_amd_cert_get_key (const SevAmdCert *cert, GError **error)
{
    return sev_rsa_key_new_public (cert->modulus, cert->exponent, cert->key_bytes, error);
}

void
sev_amd_cert_set_key (SevAmdCert *cert, const SevRsaKey *key)
{
    cert->key_bytes = sev_rsa_key_bytes (key);
    cert->modulus_bits = cert->exponent_bits = (guint32) cert->key_bytes * 8;
    sev_rsa_key_get_public (key, cert->modulus, cert->exponent);
}

const char *
sev_usage_name (guint32 usage)
{
    switch (usage) {
    case SEV_USAGE_ARK:
        return "ARK";
    case SEV_USAGE_ASK:
        return "ASK";
    case SEV_USAGE_INVALID:
        return "nobody";
    case SEV_USAGE_OCA:
        return "OCA";
    case SEV_USAGE_PEK:
        return "PEK";
    case SEV_USAGE_PDH:
        return "PDH";
    case SEV_USAGE_CEK:
        return "CEK";
    default:
        return "unknown";
    }
}
