/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sev/base/sev-secret.h"

G_BEGIN_DECLS

#define SEV_SIGN_PUBLIC_SIZE 32u
#define SEV_SIGN_SIGNATURE_SIZE 64u

/** SevSignKey: an Ed25519 key (RFC 8032), public or a pair; immutable.  It signs and does
 * nothing else. */
typedef struct _SevSignKey SevSignKey;

SevSignKey *sev_sign_key_generate (GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** sev_sign_key_new_from_pem: an unencrypted private key, PKCS#8. Errors:
 * %SEV_ERROR_MALFORMED (another kind of key), %SEV_ERROR_CRYPTO. */
SevSignKey *sev_sign_key_new_from_pem (const void *pem,
                                       gsize len,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** sev_sign_key_new_public: @pem: SubjectPublicKeyInfo ("PUBLIC KEY"). Errors: likewise. */
SevSignKey *sev_sign_key_new_public (const void *pem,
                                     gsize len,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
void sev_sign_key_free (SevSignKey *key);
/** sev_sign_key_forget: (nullable): wipes what it signs with; only the bytes of its public
 * half are left */
void sev_sign_key_forget (SevSignKey *key);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SevSignKey, sev_sign_key_free)

/** sev_sign_key_to_pem: Returns: (transfer full): PKCS#8 PEM text without a NUL */
SevSecret *sev_sign_key_to_pem (const SevSignKey *key,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** sev_sign_key_public_to_pem: Returns: (transfer full): text with a NUL */
char *sev_sign_key_public_to_pem (const SevSignKey *key,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** sev_sign_key_get_public: the 32 bytes of RFC 8032 */
const guint8 *sev_sign_key_get_public (const SevSignKey *key);
gboolean sev_sign_key_has_private (const SevSignKey *key);

/** sev_sign: @key: a pair. Errors: %SEV_ERROR_CRYPTO. */
gboolean sev_sign (const SevSignKey *key,
                   const void *data,
                   gsize len,
                   guint8 out[SEV_SIGN_SIGNATURE_SIZE],
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** sev_sign_verify: Errors: %SEV_ERROR_BAD_SIGNATURE, %SEV_ERROR_CRYPTO. */
gboolean sev_sign_verify (const SevSignKey *key,
                          const void *data,
                          gsize len,
                          const guint8 signature[SEV_SIGN_SIGNATURE_SIZE],
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
