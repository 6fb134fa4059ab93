/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sev/crypto/sev-rsa.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "sev/crypto/openssl-error.h"
#include "sev/crypto/sev-pkey.h"
#include "sev/sev-error.h"

struct _SevRsaKey {
    gatomicrefcount refs;
    EVP_PKEY *pkey;
    gboolean has_private;
    gsize bytes;
    guint8 modulus_le[SEV_RSA_MAX_BYTES];
    guint8 exponent_le[SEV_RSA_MAX_BYTES];
};

static gboolean
read_public (SevRsaKey *key)
{
    BIGNUM *n = NULL, *e = NULL;
    const int bits = EVP_PKEY_get_bits (key->pkey);

    key->bytes = (gsize) (bits > 0 ? bits : 0) / 8;
    const gboolean ok =
        (bits == 2048 || bits == 4096) &&
        EVP_PKEY_get_bn_param (key->pkey, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
        EVP_PKEY_get_bn_param (key->pkey, OSSL_PKEY_PARAM_RSA_E, &e) == 1 &&
        BN_bn2lebinpad (n, key->modulus_le, (int) key->bytes) == (int) key->bytes &&
        BN_bn2lebinpad (e, key->exponent_le, (int) key->bytes) == (int) key->bytes;
    BN_free (n);
    BN_free (e);
    return ok;
}

/* Takes @pkey. */
static SevRsaKey *
key_new_take (EVP_PKEY *pkey, gboolean has_private, GError **error)
{
    if (pkey == NULL) {
        sev_set_openssl_error (error, "RSA key");
        return NULL;
    }

    g_autoptr (SevRsaKey) key = g_new0 (SevRsaKey, 1);
    g_atomic_ref_count_init (&key->refs);
    key->pkey = pkey;
    key->has_private = has_private;
    if (!read_public (key)) {
        g_set_error_literal (error, SEV_ERROR, SEV_ERROR_MALFORMED,
                             "RSA key: neither 2048 nor 4096 bits");
        return NULL;
    }
    return g_steal_pointer (&key);
}

SevRsaKey *
sev_rsa_key_generate (guint bits, GError **error)
{
    g_return_val_if_fail (bits == 2048 || bits == 4096, NULL);

    return key_new_take (EVP_RSA_gen (bits), TRUE, error);
}

SevRsaKey *
sev_rsa_key_new_public (const guint8 *modulus_le,
                        const guint8 *exponent_le,
                        gsize len,
                        GError **error)
{
    EVP_PKEY *pkey = NULL;

    g_return_val_if_fail (len == 256 || len == 512, NULL);

    BIGNUM *n = BN_lebin2bn (modulus_le, (int) len, NULL);
    BIGNUM *e = BN_lebin2bn (exponent_le, (int) len, NULL);
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new ();
    OSSL_PARAM *params = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name (NULL, "RSA", NULL);

    if (n != NULL && e != NULL && bld != NULL && ctx != NULL &&
        OSSL_PARAM_BLD_push_BN (bld, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN (bld, OSSL_PKEY_PARAM_RSA_E, e) == 1 &&
        (params = OSSL_PARAM_BLD_to_param (bld)) != NULL &&
        EVP_PKEY_fromdata_init (ctx) == 1)
        (void) EVP_PKEY_fromdata (ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params);

    EVP_PKEY_CTX_free (ctx);
    OSSL_PARAM_free (params);
    OSSL_PARAM_BLD_free (bld);
    BN_free (n);
    BN_free (e);
    return key_new_take (pkey, FALSE, error);
}

SevRsaKey *
sev_rsa_key_new_from_pem (const void *pem, gsize len, GError **error)
{
    EVP_PKEY *pkey = sev_pkey_from_pem (pem, len, "RSA", error);

    return pkey != NULL ? key_new_take (pkey, TRUE, error) : NULL;
}

SevSecret *
sev_rsa_key_to_pem (const SevRsaKey *key, GError **error)
{
    g_return_val_if_fail (key->has_private, NULL);

    return sev_pkey_to_pem (key->pkey, error);
}

SevRsaKey *
sev_rsa_key_ref (SevRsaKey *key)
{
    g_atomic_ref_count_inc (&key->refs);
    return key;
}

void
sev_rsa_key_unref (SevRsaKey *key)
{
    if (key == NULL || !g_atomic_ref_count_dec (&key->refs))
        return;
    EVP_PKEY_free (key->pkey);
    g_free (key);
}

gsize
sev_rsa_key_bytes (const SevRsaKey *key)
{
    return key->bytes;
}

void
sev_rsa_key_get_public (const SevRsaKey *key, guint8 *modulus_le, guint8 *exponent_le)
{
    memcpy (modulus_le, key->modulus_le, key->bytes);
    memcpy (exponent_le, key->exponent_le, key->bytes);
}

static void
reverse (const guint8 *in, guint8 *out, gsize len)
{
    for (gsize i = 0; i < len; i++)
        out[i] = in[len - 1 - i];
}

/* @ctx belongs to the digest context that was just initialised. */
static gboolean
set_pss (EVP_PKEY_CTX *ctx, const EVP_MD *md)
{
    return EVP_PKEY_CTX_set_rsa_padding (ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md (ctx, md) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen (ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
}

gboolean
sev_rsa_sign (const SevRsaKey *key,
              SevHash hash,
              const void *data,
              gsize len,
              guint8 *signature_le,
              GError **error)
{
    guint8 big_endian[SEV_RSA_MAX_BYTES];
    gsize sig_len = sizeof big_endian;
    EVP_PKEY_CTX *pctx;

    g_return_val_if_fail (key->has_private, FALSE);

    EVP_MD_CTX *ctx = EVP_MD_CTX_new ();
    const gboolean ok =
        ctx != NULL &&
        EVP_DigestSignInit (ctx, &pctx, sev_hash_md (hash), NULL, key->pkey) == 1 &&
        set_pss (pctx, sev_hash_md (hash)) &&
        EVP_DigestSign (ctx, big_endian, &sig_len, data, len) == 1 && sig_len == key->bytes;
    EVP_MD_CTX_free (ctx);
    if (!ok) {
        sev_set_openssl_error (error, "RSA-PSS");
        return FALSE;
    }
    reverse (big_endian, signature_le, key->bytes);
    return TRUE;
}

gboolean
sev_rsa_verify (const SevRsaKey *key,
                SevHash hash,
                const void *data,
                gsize len,
                const guint8 *signature_le,
                GError **error)
{
    guint8 big_endian[SEV_RSA_MAX_BYTES];
    EVP_PKEY_CTX *pctx;
    int verdict = -1;

    reverse (signature_le, big_endian, key->bytes);

    EVP_MD_CTX *ctx = EVP_MD_CTX_new ();
    if (ctx != NULL &&
        EVP_DigestVerifyInit (ctx, &pctx, sev_hash_md (hash), NULL, key->pkey) == 1 &&
        set_pss (pctx, sev_hash_md (hash)))
        verdict = EVP_DigestVerify (ctx, big_endian, key->bytes, data, len);
    EVP_MD_CTX_free (ctx);
    return sev_signature_verdict (verdict, "RSA-PSS", error);
}
