/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sev/crypto/sev-ec.h"
#include "sev/crypto/sev-rsa.h"

G_BEGIN_DECLS

/**
 * SECTION: sev-cert-wire
 * @short_description: the two certificate formats of the SEV firmware
 *
 * Decoding keeps every byte, so that encoding gives the same bytes again and a signature
 * can be computed over what came in.  Nothing is verified here.
 *
 * Source: AMD 55766, appendix C; offsets measured from AMD's sev-tool (src/sevapi.h).
 */

#define SEV_CERT_SIZE 2084u
#define SEV_CERT_BODY_SIZE 1044u /* bytes 000h..413h: what both signatures cover */
#define SEV_CERT_PUBKEY_SIZE 1028u
#define SEV_CERT_SIG_SIZE 512u
#define SEV_CERT_SIGS 2u
#define SEV_CERT_VERSION 1u
#define SEV_CERT_CHAIN_SIZE                                                                \
    6252u /* PEK || OCA || CEK: PDH_CERT_EXPORT, query-sev-capabilities */

/* Usage of a key, in both formats. */
typedef enum {
    SEV_USAGE_ARK = 0x0000,
    SEV_USAGE_ASK = 0x0013,
    SEV_USAGE_INVALID = 0x1000, /* an empty signature slot */
    SEV_USAGE_OCA = 0x1001,
    SEV_USAGE_PEK = 0x1002,
    SEV_USAGE_PDH = 0x1003,
    SEV_USAGE_CEK = 0x1004,
} SevUsage;

typedef enum {
    SEV_ALGO_NONE = 0x0000,
    SEV_ALGO_RSA_SHA256 = 0x0001,
    SEV_ALGO_ECDSA_SHA256 = 0x0002,
    SEV_ALGO_ECDH_SHA256 = 0x0003,
    SEV_ALGO_RSA_SHA384 = 0x0101,
    SEV_ALGO_ECDSA_SHA384 = 0x0102,
    SEV_ALGO_ECDH_SHA384 = 0x0103,
} SevAlgo;

typedef struct {
    guint32 usage; /* of the signing key; %SEV_USAGE_INVALID: empty */
    guint32 algo;
    guint8 bytes[SEV_CERT_SIG_SIZE];
} SevCertSig;

/** SevCert: PDH, PEK, OCA, CEK and the guest owner's DH certificate */
typedef struct {
    guint32 version;
    guint8 api_major;
    guint8 api_minor;
    guint16 reserved;
    guint32 pubkey_usage;
    guint32 pubkey_algo;
    guint8 pubkey[SEV_CERT_PUBKEY_SIZE];
    SevCertSig sig[SEV_CERT_SIGS];
} SevCert;

/**
 * sev_cert_decode:
 * @data: (array length=len): untrusted bytes
 * @len: must be exactly %SEV_CERT_SIZE
 * @out: (out caller-allocates): unchanged on failure
 *
 * Checks the length only; a consumer checks version, usage and algorithms.
 * Errors: %SEV_ERROR_TRUNCATED, %SEV_ERROR_MALFORMED.
 */
gboolean sev_cert_decode (const guint8 *data, gsize len, SevCert *out, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void sev_cert_encode (const SevCert *cert, guint8 out[SEV_CERT_SIZE]);
/** sev_cert_encode_body: the bytes that the signatures cover */
void sev_cert_encode_body (const SevCert *cert, guint8 out[SEV_CERT_BODY_SIZE]);

/** sev_cert_init: version 1, zero key, two empty signature slots */
void sev_cert_init (SevCert *cert, SevUsage usage, SevAlgo algo);

/**
 * sev_cert_get_ec_key:
 * Returns: (transfer full): the public key; %NULL if the curve is unknown, a number is
 *   wider than the curve, trailing bytes are not zero, or the point is not on the curve
 * Errors: %SEV_ERROR_MALFORMED, %SEV_ERROR_CRYPTO.
 */
SevEcKey *sev_cert_get_ec_key (const SevCert *cert,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
void sev_cert_set_ec_key (SevCert *cert, const SevEcKey *key);

/**
 * sev_cert_sig_get_ec: the ECDSA numbers of a slot
 * Errors: %SEV_ERROR_MALFORMED if bytes after r and s are not zero.
 */
gboolean sev_cert_sig_get_ec (const SevCertSig *sig,
                              SevEcSignature *out,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
void sev_cert_sig_set_ec (SevCertSig *sig,
                          SevUsage usage,
                          SevAlgo algo,
                          const SevEcSignature *value);
/** sev_cert_sig_clear: makes the slot empty */
void sev_cert_sig_clear (SevCertSig *sig);

#define SEV_AMD_CERT_SIZE_2048 832u
#define SEV_AMD_CERT_SIZE_4096 1600u
#define SEV_AMD_KEY_ID_SIZE 16u

/** SevAmdCert: ARK and ASK; RSA of 2048 bits (Naples) or 4096 bits (Rome and later) */
typedef struct {
    guint32 version;
    guint8 key_id[SEV_AMD_KEY_ID_SIZE];
    guint8 certifying_id[SEV_AMD_KEY_ID_SIZE]; /* the ARK's own id in an ARK */
    guint32 usage;
    guint8 reserved[16];
    guint32 exponent_bits;
    guint32 modulus_bits;
    gsize key_bytes;                    /* 256 or 512: how much of each array counts */
    guint8 exponent[SEV_RSA_MAX_BYTES]; /* little-endian */
    guint8 modulus[SEV_RSA_MAX_BYTES];  /* little-endian */
    guint8
        signature[SEV_RSA_MAX_BYTES]; /* little-endian, RSA-PSS over everything before it */
} SevAmdCert;

/**
 * sev_amd_cert_decode:
 * @data: (array length=len): untrusted bytes
 * @len: must be exactly what the sizes in the certificate give
 * Errors: %SEV_ERROR_TRUNCATED, %SEV_ERROR_MALFORMED.
 */
gboolean sev_amd_cert_decode (const guint8 *data,
                              gsize len,
                              SevAmdCert *out,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** sev_amd_cert_encode: Returns: (transfer full): 832 or 1600 bytes */
GByteArray *sev_amd_cert_encode (const SevAmdCert *cert);
/** sev_amd_cert_encode_body: Returns: (transfer full): what the signature covers */
GByteArray *sev_amd_cert_encode_body (const SevAmdCert *cert);
SevRsaKey *sev_amd_cert_get_key (const SevAmdCert *cert,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** sev_amd_cert_set_key: also sets the sizes */
void sev_amd_cert_set_key (SevAmdCert *cert, const SevRsaKey *key);

/** sev_usage_name: Returns: "PDH", "ARK", ... or "unknown"; static storage */
const char *sev_usage_name (guint32 usage);

G_END_DECLS
