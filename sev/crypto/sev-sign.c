/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sev/crypto/sev-sign.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "sev/crypto/openssl-error.h"
#include "sev/crypto/sev-pkey.h"

#define KIND "ED25519"

struct _SevSignKey {
    EVP_PKEY *pkey;
    gboolean has_private;
    guint8 public[SEV_SIGN_PUBLIC_SIZE];
};

void
sev_sign_key_free (SevSignKey *key)
{
    if (key == NULL)
        return;
    EVP_PKEY_free (key->pkey);
    g_free (key);
}

void
sev_sign_key_forget (SevSignKey *key)
{
    if (key == NULL)
        return;
    g_clear_pointer (&key->pkey, EVP_PKEY_free);
    key->has_private = FALSE;
}

/* Takes @pkey. */
static SevSignKey *
take (EVP_PKEY *pkey, gboolean has_private, GError **error)
{
    g_autoptr (SevSignKey) key = g_new0 (SevSignKey, 1);
    size_t len = sizeof key->public;

    key->pkey = pkey;
    key->has_private = has_private;
    if (pkey != NULL && EVP_PKEY_get_raw_public_key (pkey, key->public, &len) == 1 &&
        len == sizeof key->public)
        return g_steal_pointer (&key);
    sev_set_openssl_error (error, "Ed25519 key");
    return NULL;
}

SevSignKey *
sev_sign_key_generate (GError **error)
{
    return take (EVP_PKEY_Q_keygen (NULL, NULL, KIND), TRUE, error);
}

SevSignKey *
sev_sign_key_new_from_pem (const void *pem, gsize len, GError **error)
{
    EVP_PKEY *pkey = sev_pkey_from_pem (pem, len, KIND, error);

    return pkey != NULL ? take (pkey, TRUE, error) : NULL;
}

SevSignKey *
sev_sign_key_new_public (const void *pem, gsize len, GError **error)
{
    EVP_PKEY *pkey = sev_pkey_public_from_pem (pem, len, KIND, error);

    return pkey != NULL ? take (pkey, FALSE, error) : NULL;
}

SevSecret *
sev_sign_key_to_pem (const SevSignKey *key, GError **error)
{
    g_return_val_if_fail (key->has_private, NULL);
    return sev_pkey_to_pem (key->pkey, error);
}

char *
sev_sign_key_public_to_pem (const SevSignKey *key, GError **error)
{
    BIO *bio = BIO_new (BIO_s_mem ());
    char *text = NULL;
    char *copy = NULL;

    if (bio != NULL && PEM_write_bio_PUBKEY (bio, key->pkey) == 1) {
        const long len = BIO_get_mem_data (bio, &text);
        copy = len > 0 ? g_strndup (text, (gsize) len) : NULL;
    }
    BIO_free (bio);
    if (copy == NULL)
        sev_set_openssl_error (error, "public key to PEM");
    return copy;
}

const guint8 *
sev_sign_key_get_public (const SevSignKey *key)
{
    return key->public;
}

gboolean
sev_sign_key_has_private (const SevSignKey *key)
{
    return key->has_private;
}

gboolean
sev_sign (const SevSignKey *key,
          const void *data,
          gsize len,
          guint8 out[SEV_SIGN_SIGNATURE_SIZE],
          GError **error)
{
    size_t out_len = SEV_SIGN_SIGNATURE_SIZE;

    g_return_val_if_fail (key->has_private, FALSE);

    EVP_MD_CTX *ctx = EVP_MD_CTX_new ();
    const gboolean ok = ctx != NULL &&
                        EVP_DigestSignInit (ctx, NULL, NULL, NULL, key->pkey) == 1 &&
                        EVP_DigestSign (ctx, out, &out_len, data, len) == 1 &&
                        out_len == SEV_SIGN_SIGNATURE_SIZE;
    EVP_MD_CTX_free (ctx);
    if (!ok)
        sev_set_openssl_error (error, "Ed25519 signature");
    return ok;
}

gboolean
sev_sign_verify (const SevSignKey *key,
                 const void *data,
                 gsize len,
                 const guint8 signature[SEV_SIGN_SIGNATURE_SIZE],
                 GError **error)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new ();
    int verdict = -1;

    if (ctx != NULL && EVP_DigestVerifyInit (ctx, NULL, NULL, NULL, key->pkey) == 1)
        verdict = EVP_DigestVerify (ctx, signature, SEV_SIGN_SIGNATURE_SIZE, data, len);
    EVP_MD_CTX_free (ctx);
    return sev_signature_verdict (verdict, "Ed25519", error);
}
