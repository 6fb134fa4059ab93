/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/psp-owner.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#define P384_BYTES 48
#define NUMBER_BYTES 72u

#define USAGE_OCA 0x1001u
#define USAGE_EMPTY 0x1000u
#define ALGO_ECDSA_SHA256 2u
#define CURVE_P384 2u

guint32
owner_get_u32 (const guint8 *cert, gsize at)
{
    return (guint32) cert[at] | (guint32) cert[at + 1] << 8 | (guint32) cert[at + 2] << 16 |
           (guint32) cert[at + 3] << 24;
}

void
owner_put_u32 (guint8 *cert, gsize at, guint32 value)
{
    for (guint i = 0; i < 4; i++)
        cert[at + i] = (guint8) (value >> (8 * i));
}

void
owner_clear_slot (guint8 *cert, guint slot)
{
    memset (cert + OWNER_AT_SLOT (slot), 0, OWNER_SLOT_SIZE);
    owner_put_u32 (cert, OWNER_AT_SLOT (slot), USAGE_EMPTY);
}

gboolean
owner_slot_is_empty (const guint8 *cert, guint slot)
{
    guint8 empty[OWNER_CERT_SIZE];

    owner_clear_slot (empty, slot);
    return memcmp (cert + OWNER_AT_SLOT (slot), empty + OWNER_AT_SLOT (slot),
                   OWNER_SLOT_SIZE) == 0;
}

static char *
vector_path (const char *name)
{
    return g_build_filename (g_getenv ("G_TEST_SRCDIR"), "tests/vectors/csr", name, NULL);
}

void
owner_get_cert (guint8 out[OWNER_CERT_SIZE])
{
    g_autofree char *path = vector_path ("oca.cert");
    g_autofree char *data = NULL;
    g_autoptr (GError) error = NULL;
    gsize len;

    g_file_get_contents (path, &data, &len, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (len, ==, OWNER_CERT_SIZE);
    memcpy (out, data, len);
}

static EVP_PKEY *
vector_key (void)
{
    static EVP_PKEY *key;

    if (key == NULL) {
        g_autofree char *path = vector_path ("oca_priv.pem");
        BIO *file = BIO_new_file (path, "r");

        g_assert_nonnull (file);
        key = PEM_read_bio_PrivateKey (file, NULL, NULL, NULL);
        BIO_free (file);
        g_assert_nonnull (key);
    }
    return key;
}

static EVP_PKEY *
made_key (void)
{
    static EVP_PKEY *key;

    if (key == NULL)
        key = EVP_EC_gen ("P-384");
    g_assert_nonnull (key);
    return key;
}

static void
sign (guint8 *cert, guint slot, EVP_PKEY *key)
{
    guint8 *out = cert + OWNER_AT_SLOT (slot);
    guint8 der[256];
    const guint8 *p = der;
    size_t len = sizeof der;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new ();

    g_assert_cmpint (EVP_DigestSignInit (ctx, NULL, EVP_sha256 (), NULL, key), ==, 1);
    g_assert_cmpint (EVP_DigestSign (ctx, der, &len, cert, OWNER_BODY_SIZE), ==, 1);
    ECDSA_SIG *sig = d2i_ECDSA_SIG (NULL, &p, (long) len);
    g_assert_nonnull (sig);

    owner_clear_slot (cert, slot);
    owner_put_u32 (out, 0, USAGE_OCA);
    owner_put_u32 (out, 4, ALGO_ECDSA_SHA256);
    g_assert_cmpint (BN_bn2lebinpad (ECDSA_SIG_get0_r (sig), out + 8, NUMBER_BYTES), >, 0);
    g_assert_cmpint (
        BN_bn2lebinpad (ECDSA_SIG_get0_s (sig), out + 8 + NUMBER_BYTES, NUMBER_BYTES), >,
        0);
    ECDSA_SIG_free (sig);
    EVP_MD_CTX_free (ctx);
}

void
owner_sign (guint8 cert[OWNER_CERT_SIZE], guint slot)
{
    sign (cert, slot, vector_key ());
}

void
owner_make_sign (guint8 cert[OWNER_CERT_SIZE], guint slot)
{
    sign (cert, slot, made_key ());
}

void
owner_make (guint8 oca[OWNER_CERT_SIZE])
{
    BIGNUM *x = NULL, *y = NULL;

    g_assert_cmpint (EVP_PKEY_get_bn_param (made_key (), OSSL_PKEY_PARAM_EC_PUB_X, &x), ==,
                     1);
    g_assert_cmpint (EVP_PKEY_get_bn_param (made_key (), OSSL_PKEY_PARAM_EC_PUB_Y, &y), ==,
                     1);
    memset (oca, 0, OWNER_CERT_SIZE);
    owner_put_u32 (oca, 0, 1);
    owner_put_u32 (oca, OWNER_AT_USAGE, USAGE_OCA);
    owner_put_u32 (oca, OWNER_AT_USAGE + 4, ALGO_ECDSA_SHA256);
    owner_put_u32 (oca, OWNER_AT_PUBKEY, CURVE_P384);
    g_assert_cmpint (BN_bn2lebinpad (x, oca + OWNER_AT_PUBKEY + 4, NUMBER_BYTES), >, 0);
    g_assert_cmpint (
        BN_bn2lebinpad (y, oca + OWNER_AT_PUBKEY + 4 + NUMBER_BYTES, NUMBER_BYTES), >, 0);
    BN_free (x);
    BN_free (y);
    owner_clear_slot (oca, 1);
    owner_make_sign (oca, 0);
}

/* The key in a certificate: an uncompressed point, big-endian. */
static EVP_PKEY *
public_key (const guint8 *cert)
{
    const guint8 *number = cert + OWNER_AT_PUBKEY + 4;
    guint8 point[1 + 2 * P384_BYTES] = { 4 };
    EVP_PKEY *key = NULL;

    for (guint i = 0; i < P384_BYTES; i++) {
        point[P384_BYTES - i] = number[i];
        point[2 * P384_BYTES - i] = number[NUMBER_BYTES + i];
    }
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string (OSSL_PKEY_PARAM_GROUP_NAME, (char *) "P-384", 0),
        OSSL_PARAM_construct_octet_string (OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
        OSSL_PARAM_construct_end (),
    };
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name (NULL, "EC", NULL);
    g_assert_cmpint (EVP_PKEY_fromdata_init (ctx), ==, 1);
    g_assert_cmpint (EVP_PKEY_fromdata (ctx, &key, EVP_PKEY_PUBLIC_KEY, params), ==, 1);
    EVP_PKEY_CTX_free (ctx);
    return key;
}

gboolean
owner_verifies (const guint8 cert[OWNER_CERT_SIZE],
                guint slot,
                guint32 usage,
                const guint8 signer[OWNER_CERT_SIZE])
{
    const guint8 *in = cert + OWNER_AT_SLOT (slot);
    guint8 *der = NULL;

    if (owner_get_u32 (in, 0) != usage || owner_get_u32 (in, 4) != ALGO_ECDSA_SHA256 ||
        owner_get_u32 (signer, OWNER_AT_USAGE) != usage)
        return FALSE;
    ECDSA_SIG *sig = ECDSA_SIG_new ();
    ECDSA_SIG_set0 (sig, BN_lebin2bn (in + 8, NUMBER_BYTES, NULL),
                    BN_lebin2bn (in + 8 + NUMBER_BYTES, NUMBER_BYTES, NULL));
    const int len = i2d_ECDSA_SIG (sig, &der);
    EVP_PKEY *key = public_key (signer);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new ();
    g_assert_cmpint (EVP_DigestVerifyInit (ctx, NULL, EVP_sha256 (), NULL, key), ==, 1);
    const int good = EVP_DigestVerify (ctx, der, (size_t) len, cert, OWNER_BODY_SIZE);
    EVP_MD_CTX_free (ctx);
    EVP_PKEY_free (key);
    ECDSA_SIG_free (sig);
    OPENSSL_free (der);
    return good == 1;
}
