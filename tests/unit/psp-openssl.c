/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/psp-openssl.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

static void
reverse (guint8 *out, const guint8 *in, gsize len)
{
    for (gsize i = 0; i < len; i++)
        out[i] = in[len - 1 - i];
}

EVP_PKEY *
ossl_cert_key (const guint8 *cert)
{
    const gsize size = cert[0x10] == 1 ? 32 : 48;
    guint8 point[1 + 2 * 48] = { 4 };
    EVP_PKEY *key = NULL;

    reverse (point + 1, cert + 0x14, size);
    reverse (point + 1 + size, cert + 0x5c, size);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new ();
    g_assert_true (OSSL_PARAM_BLD_push_utf8_string (build, OSSL_PKEY_PARAM_GROUP_NAME,
                                                    size == 32 ? "P-256" : "P-384",
                                                    0) == 1 &&
                   OSSL_PARAM_BLD_push_octet_string (build, OSSL_PKEY_PARAM_PUB_KEY, point,
                                                     1 + 2 * size) == 1);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param (build);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name (NULL, "EC", NULL);
    g_assert_true (EVP_PKEY_fromdata_init (ctx) == 1 &&
                   EVP_PKEY_fromdata (ctx, &key, EVP_PKEY_PUBLIC_KEY, params) == 1);
    EVP_PKEY_CTX_free (ctx);
    OSSL_PARAM_free (params);
    OSSL_PARAM_BLD_free (build);
    return key;
}

EVP_PKEY *
ossl_private_key (const void *pem, gsize len)
{
    BIO *bio = BIO_new_mem_buf (pem, (int) len);
    EVP_PKEY *key = PEM_read_bio_PrivateKey (bio, NULL, NULL, NULL);

    g_assert_nonnull (key);
    BIO_free (bio);
    return key;
}

gboolean
ossl_verify (EVP_PKEY *key, const void *data, gsize len, const guint8 *r_s)
{
    ECDSA_SIG *sig = ECDSA_SIG_new ();
    EVP_MD_CTX *ctx = EVP_MD_CTX_new ();
    guint8 *der = NULL;

    g_assert_true (ECDSA_SIG_set0 (sig, BN_lebin2bn (r_s, 72, NULL),
                                   BN_lebin2bn (r_s + 72, 72, NULL)) == 1);
    const int der_len = i2d_ECDSA_SIG (sig, &der);
    g_assert_cmpint (EVP_DigestVerifyInit (ctx, NULL, EVP_sha256 (), NULL, key), ==, 1);
    const int verdict = EVP_DigestVerify (ctx, der, (size_t) der_len, data, len);
    OPENSSL_free (der);
    EVP_MD_CTX_free (ctx);
    ECDSA_SIG_free (sig);
    ERR_clear_error ();
    return verdict == 1;
}

void
ossl_ecdh (EVP_PKEY *own, EVP_PKEY *peer, guint8 z[48])
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new (own, NULL);
    gsize len = 48;

    g_assert_true (EVP_PKEY_derive_init (ctx) == 1 &&
                   EVP_PKEY_derive_set_peer (ctx, peer) == 1 &&
                   EVP_PKEY_derive (ctx, z, &len) == 1);
    g_assert_cmpuint (len, ==, 48);
    EVP_PKEY_CTX_free (ctx);
}

void
ossl_hmac (const guint8 *key, gsize key_len, const void *data, gsize len, guint8 *out)
{
    guint out_len = 0;

    g_assert_nonnull (HMAC (EVP_sha256 (), key, (int) key_len, data, len, out, &out_len));
    g_assert_cmpuint (out_len, ==, 32);
}

void
ossl_ctr (const guint8 *key, const guint8 *iv, const void *in, void *out, int len)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new ();
    int done = 0;

    g_assert_true (EVP_EncryptInit_ex (ctx, EVP_aes_128_ctr (), NULL, key, iv) == 1 &&
                   EVP_EncryptUpdate (ctx, out, &done, in, len) == 1);
    g_assert_cmpint (done, ==, len);
    EVP_CIPHER_CTX_free (ctx);
}
