/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sev/base/sev-secret.h"
#include "sev/crypto/sev-digest.h"

G_BEGIN_DECLS

/* Curve numbers of the SEV certificate format (AMD 55766, appendix C). */
typedef enum {
    SEV_CURVE_P256 = 1,
    SEV_CURVE_P384 = 2,
} SevCurve;

#define SEV_EC_FIELD_SIZE 72u /* width of a coordinate or signature number on the wire */

/** SevEcPoint: a public key as the wire has it: little-endian, zero-padded */
typedef struct {
    guint32 curve;
    guint8 x[SEV_EC_FIELD_SIZE];
    guint8 y[SEV_EC_FIELD_SIZE];
} SevEcPoint;

/** SevEcSignature: ECDSA numbers, little-endian, zero-padded */
typedef struct {
    guint8 r[SEV_EC_FIELD_SIZE];
    guint8 s[SEV_EC_FIELD_SIZE];
} SevEcSignature;

/** SevEcKey: a public key, or a key pair; immutable */
typedef struct _SevEcKey SevEcKey;

SevEcKey *sev_ec_key_generate (SevCurve curve, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/**
 * sev_ec_key_new_public: Errors: %SEV_ERROR_MALFORMED (unknown curve, number too wide),
 *   %SEV_ERROR_CRYPTO (not a point of the curve, or infinity).
 */
SevEcKey *sev_ec_key_new_public (const SevEcPoint *point,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** sev_ec_key_new_from_pem: an unencrypted private key (PKCS#8 or SEC 1), P-256 or P-384 */
SevEcKey *sev_ec_key_new_from_pem (const void *pem,
                                   gsize len,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
SevEcKey *sev_ec_key_ref (SevEcKey *key);
void sev_ec_key_unref (SevEcKey *key);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SevEcKey, sev_ec_key_unref)

SevCurve sev_ec_key_curve (const SevEcKey *key);
gboolean sev_ec_key_has_private (const SevEcKey *key);
void sev_ec_key_get_point (const SevEcKey *key, SevEcPoint *out);
gboolean sev_ec_key_same_public (const SevEcKey *a, const SevEcKey *b);
/** sev_ec_key_to_pem: Returns: (transfer full): PKCS#8 PEM text without a NUL */
SevSecret *sev_ec_key_to_pem (const SevEcKey *key,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * sev_ec_derive:
 * @own: a key pair
 * @peer: a public key of the same curve
 * Returns: (transfer full): x coordinate of the shared point, big-endian, 32 or 48 bytes
 * Errors: %SEV_ERROR_CRYPTO.
 */
SevSecret *sev_ec_derive (const SevEcKey *own,
                          const SevEcKey *peer,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

gboolean sev_ec_sign (const SevEcKey *key,
                      SevHash hash,
                      const void *data,
                      gsize len,
                      SevEcSignature *out,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
/**
 * sev_ec_verify:
 * Errors: %SEV_ERROR_BAD_SIGNATURE, %SEV_ERROR_CRYPTO.
 * Returns: %TRUE only if the signature verifies
 */
gboolean sev_ec_verify (const SevEcKey *key,
                        SevHash hash,
                        const void *data,
                        gsize len,
                        const SevEcSignature *signature,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
