/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sev/crypto/sev-digest.h"

#include <string.h>

#include <openssl/evp.h>

#include "sev/crypto/openssl-error.h"

/* A SevDigest is OpenSSL's context itself; the type exists for its name and clean-up. */
static EVP_MD_CTX *
context (const SevDigest *digest)
{
    return (EVP_MD_CTX *) digest;
}

SevDigest *
sev_digest_new (GError **error)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new ();

    if (ctx == NULL || EVP_DigestInit_ex (ctx, EVP_sha256 (), NULL) != 1) {
        EVP_MD_CTX_free (ctx);
        sev_set_openssl_error (error, "SHA-256");
        return NULL;
    }
    return (SevDigest *) ctx;
}

SevDigest *
sev_digest_copy (const SevDigest *digest, GError **error)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new ();

    if (ctx == NULL || EVP_MD_CTX_copy_ex (ctx, context (digest)) != 1) {
        EVP_MD_CTX_free (ctx);
        sev_set_openssl_error (error, "SHA-256");
        return NULL;
    }
    return (SevDigest *) ctx;
}

gboolean
sev_digest_update (SevDigest *digest, const void *data, gsize len, GError **error)
{
    if (EVP_DigestUpdate (context (digest), data, len) == 1)
        return TRUE;
    sev_set_openssl_error (error, "SHA-256");
    return FALSE;
}

gboolean
sev_digest_finish (SevDigest *digest, guint8 out[SEV_DIGEST_SIZE], GError **error)
{
    if (EVP_DigestFinal_ex (context (digest), out, NULL) == 1)
        return TRUE;
    memset (out, 0, SEV_DIGEST_SIZE);
    sev_set_openssl_error (error, "SHA-256");
    return FALSE;
}

void
sev_digest_free (SevDigest *digest)
{
    EVP_MD_CTX_free (context (digest));
}

gboolean
sev_sha256 (const void *data, gsize len, guint8 out[SEV_DIGEST_SIZE], GError **error)
{
    if (EVP_Digest (data, len, out, NULL, EVP_sha256 (), NULL) == 1)
        return TRUE;
    memset (out, 0, SEV_DIGEST_SIZE);
    sev_set_openssl_error (error, "SHA-256");
    return FALSE;
}
