/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sev/base/sev-secret.h"
#include "sev/crypto/sev-digest.h"

G_BEGIN_DECLS

#define SEV_RSA_MAX_BYTES 512u

/** SevRsaKey: a public key or a key pair of 2048 or 4096 bits; immutable */
typedef struct _SevRsaKey SevRsaKey;

/** sev_rsa_key_generate: @bits: 2048 or 4096; exponent 65537 */
SevRsaKey *sev_rsa_key_generate (guint bits, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** sev_rsa_key_new_public: numbers little-endian, @len bytes each: 256 or 512 */
SevRsaKey *sev_rsa_key_new_public (const guint8 *modulus_le,
                                   const guint8 *exponent_le,
                                   gsize len,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
SevRsaKey *sev_rsa_key_new_from_pem (const void *pem,
                                     gsize len,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
SevSecret *sev_rsa_key_to_pem (const SevRsaKey *key,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
SevRsaKey *sev_rsa_key_ref (SevRsaKey *key);
void sev_rsa_key_unref (SevRsaKey *key);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SevRsaKey, sev_rsa_key_unref)

/** sev_rsa_key_bytes: Returns: 256 or 512 */
gsize sev_rsa_key_bytes (const SevRsaKey *key);
/** sev_rsa_key_get_public: little-endian, sev_rsa_key_bytes() each */
void sev_rsa_key_get_public (const SevRsaKey *key, guint8 *modulus_le, guint8 *exponent_le);

/*
 * RSASSA-PSS, MGF1 with the same hash, salt as long as the digest (virtee/sev enforces
 * it).  Signatures are little-endian numbers of sev_rsa_key_bytes(), as on the wire.
 */
gboolean sev_rsa_sign (const SevRsaKey *key,
                       SevHash hash,
                       const void *data,
                       gsize len,
                       guint8 *signature_le,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** sev_rsa_verify: Errors: %SEV_ERROR_BAD_SIGNATURE, %SEV_ERROR_CRYPTO. */
gboolean sev_rsa_verify (const SevRsaKey *key,
                         SevHash hash,
                         const void *data,
                         gsize len,
                         const guint8 *signature_le,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
