/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <openssl/evp.h>

#include "sev/base/sev-secret.h"
#include "sev/crypto/sev-digest.h"

G_BEGIN_DECLS

/* What the kinds of keys share; private to sev/crypto. */

/** sev_hash_md: Returns: OpenSSL's static description of @hash */
const EVP_MD *sev_hash_md (SevHash hash);
/** sev_pkey_from_pem: Returns: (transfer full): an unencrypted private key of @type, "EC",
 * "RSA" or "ED25519" */
EVP_PKEY *sev_pkey_from_pem (const void *pem, gsize len, const char *type, GError **error);
/** sev_pkey_public_from_pem: the same of a SubjectPublicKeyInfo */
EVP_PKEY *sev_pkey_public_from_pem (const void *pem,
                                    gsize len,
                                    const char *type,
                                    GError **error);
/** sev_pkey_to_pem: Returns: (transfer full): PKCS#8, without a NUL, never outside wiped
 * memory */
SevSecret *sev_pkey_to_pem (EVP_PKEY *pkey, GError **error);
/** sev_signature_verdict: 1 verified, 0 refused, else OpenSSL could not tell */
gboolean sev_signature_verdict (int verdict, const char *what, GError **error);

G_END_DECLS
