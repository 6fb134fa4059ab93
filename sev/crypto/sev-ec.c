/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sev/crypto/sev-ec.h"

#include <string.h>

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include "sev/base/sev-bytes.h"
#include "sev/crypto/openssl-error.h"
#include "sev/crypto/sev-pkey.h"
#include "sev/sev-error.h"

#define MAX_FIELD_BYTES 48u

struct _SevEcKey {
    gatomicrefcount refs;
    EVP_PKEY *pkey;
    gboolean has_private;
    SevEcPoint point;
};

typedef struct {
    SevCurve curve;
    const char *group; /* OpenSSL's name */
    gsize bytes;       /* of a coordinate */
} Curve;

static const Curve curves[] = {
    { SEV_CURVE_P256, "prime256v1", 32 },
    { SEV_CURVE_P384, "secp384r1", 48 },
};

static const Curve *
find_curve (guint32 number)
{
    for (gsize i = 0; i < G_N_ELEMENTS (curves); i++)
        if (number == (guint32) curves[i].curve)
            return &curves[i];
    return NULL;
}

/* Fills the cached point from the key itself, which also fixes curve and padding. */
static gboolean
read_point (EVP_PKEY *pkey, SevEcPoint *point)
{
    char group[32] = "";
    BIGNUM *x = NULL, *y = NULL;
    const Curve *curve = NULL;

    memset (point, 0, sizeof *point);
    if (EVP_PKEY_get_group_name (pkey, group, sizeof group, NULL) == 1)
        for (gsize i = 0; i < G_N_ELEMENTS (curves); i++)
            if (strcmp (group, curves[i].group) == 0)
                curve = &curves[i];

    const gboolean ok =
        curve != NULL && EVP_PKEY_get_bn_param (pkey, OSSL_PKEY_PARAM_EC_PUB_X, &x) == 1 &&
        EVP_PKEY_get_bn_param (pkey, OSSL_PKEY_PARAM_EC_PUB_Y, &y) == 1 &&
        BN_bn2lebinpad (x, point->x, SEV_EC_FIELD_SIZE) == SEV_EC_FIELD_SIZE &&
        BN_bn2lebinpad (y, point->y, SEV_EC_FIELD_SIZE) == SEV_EC_FIELD_SIZE;
    if (ok)
        point->curve = curve->curve;
    BN_free (x);
    BN_free (y);
    return ok;
}

/* Takes @pkey. */
static SevEcKey *
key_new_take (EVP_PKEY *pkey, gboolean has_private, GError **error)
{
    SevEcPoint point;

    if (pkey == NULL || !read_point (pkey, &point)) {
        EVP_PKEY_free (pkey);
        sev_set_openssl_error (error, "EC key");
        return NULL;
    }

    SevEcKey *key = g_new0 (SevEcKey, 1);
    g_atomic_ref_count_init (&key->refs);
    key->pkey = pkey;
    key->has_private = has_private;
    key->point = point;
    return key;
}

SevEcKey *
sev_ec_key_generate (SevCurve number, GError **error)
{
    const Curve *curve = find_curve (number);

    g_return_val_if_fail (curve != NULL, NULL);

    return key_new_take (EVP_EC_gen (curve->group), TRUE, error);
}

/* Also checks that the point is on the curve and not at infinity (SP 800-56A Rev. 3,
 * 5.6.2.3.4).  That its order is the curve's (5.6.2.3.3) follows, since both curves are of
 * prime order and cofactor 1 (FIPS 186-4, D.1.2); it need not be shown by a
 * multiplication. */
static EVP_PKEY *
import_public (const Curve *curve, const guint8 *encoded, gsize len)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string (OSSL_PKEY_PARAM_GROUP_NAME, (char *) curve->group,
                                          0),
        OSSL_PARAM_construct_octet_string (OSSL_PKEY_PARAM_PUB_KEY, (void *) encoded, len),
        OSSL_PARAM_construct_end (),
    };
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name (NULL, "EC", NULL);
    gboolean ok = ctx != NULL && EVP_PKEY_fromdata_init (ctx) == 1 &&
                  EVP_PKEY_fromdata (ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) == 1;
    EVP_PKEY_CTX_free (ctx);

    ctx = ok ? EVP_PKEY_CTX_new_from_pkey (NULL, pkey, NULL) : NULL;
    ok = ctx != NULL && EVP_PKEY_public_check_quick (ctx) == 1;
    EVP_PKEY_CTX_free (ctx);
    if (ok)
        return pkey;
    EVP_PKEY_free (pkey);
    return NULL;
}

SevEcKey *
sev_ec_key_new_public (const SevEcPoint *point, GError **error)
{
    const Curve *curve = find_curve (point->curve);
    guint8 encoded[1 + 2 * MAX_FIELD_BYTES] = { 0x04 }; /* SEC 1, 2.3.3: uncompressed */

    if (curve == NULL) {
        g_set_error (error, SEV_ERROR, SEV_ERROR_MALFORMED, "unknown curve %u",
                     point->curve);
        return NULL;
    }
    const gsize n = curve->bytes;
    if (!sev_bytes_all_zero (point->x + n, SEV_EC_FIELD_SIZE - n) ||
        !sev_bytes_all_zero (point->y + n, SEV_EC_FIELD_SIZE - n)) {
        g_set_error (error, SEV_ERROR, SEV_ERROR_MALFORMED,
                     "a coordinate is wider than %" G_GSIZE_FORMAT " bytes", n);
        return NULL;
    }
    for (gsize i = 0; i < n; i++) {
        encoded[1 + i] = point->x[n - 1 - i];
        encoded[1 + n + i] = point->y[n - 1 - i];
    }
    return key_new_take (import_public (curve, encoded, 1 + 2 * n), FALSE, error);
}

SevEcKey *
sev_ec_key_new_from_pem (const void *pem, gsize len, GError **error)
{
    EVP_PKEY *pkey = sev_pkey_from_pem (pem, len, "EC", error);

    return pkey != NULL ? key_new_take (pkey, TRUE, error) : NULL;
}

SevSecret *
sev_ec_key_to_pem (const SevEcKey *key, GError **error)
{
    g_return_val_if_fail (key->has_private, NULL);

    return sev_pkey_to_pem (key->pkey, error);
}

SevEcKey *
sev_ec_key_ref (SevEcKey *key)
{
    g_atomic_ref_count_inc (&key->refs);
    return key;
}

void
sev_ec_key_unref (SevEcKey *key)
{
    if (key == NULL || !g_atomic_ref_count_dec (&key->refs))
        return;
    EVP_PKEY_free (key->pkey);
    g_free (key);
}

SevCurve
sev_ec_key_curve (const SevEcKey *key)
{
    return (SevCurve) key->point.curve;
}

gboolean
sev_ec_key_has_private (const SevEcKey *key)
{
    return key->has_private;
}

void
sev_ec_key_get_point (const SevEcKey *key, SevEcPoint *out)
{
    *out = key->point;
}

gboolean
sev_ec_key_same_public (const SevEcKey *a, const SevEcKey *b)
{
    return a->point.curve == b->point.curve &&
           memcmp (a->point.x, b->point.x, SEV_EC_FIELD_SIZE) == 0 &&
           memcmp (a->point.y, b->point.y, SEV_EC_FIELD_SIZE) == 0;
}

SevSecret *
sev_ec_derive (const SevEcKey *own, const SevEcKey *peer, GError **error)
{
    const Curve *curve = find_curve (own->point.curve);

    g_return_val_if_fail (curve != NULL && own->has_private, NULL);
    if (own->point.curve != peer->point.curve) {
        g_set_error_literal (error, SEV_ERROR, SEV_ERROR_CRYPTO,
                             "ECDH: the two keys are on different curves");
        return NULL;
    }

    gsize len = curve->bytes;
    g_autoptr (SevSecret) z = sev_secret_new (len);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey (NULL, own->pkey, NULL);
    const gboolean ok = ctx != NULL && EVP_PKEY_derive_init (ctx) == 1 &&
                        EVP_PKEY_derive_set_peer (ctx, peer->pkey) == 1 &&
                        EVP_PKEY_derive (ctx, sev_secret_writable (z), &len) == 1 &&
                        len == curve->bytes;
    EVP_PKEY_CTX_free (ctx);
    if (!ok) {
        sev_set_openssl_error (error, "ECDH");
        return NULL;
    }
    return g_steal_pointer (&z);
}

/* DER of an ECDSA-Sig-Value, as OpenSSL gives and takes it, to the two numbers. */
static gboolean
numbers_from_der (const guint8 *der, gsize len, SevEcSignature *out)
{
    ECDSA_SIG *sig = d2i_ECDSA_SIG (NULL, &der, (long) len);
    const gboolean ok =
        sig != NULL &&
        BN_bn2lebinpad (ECDSA_SIG_get0_r (sig), out->r, SEV_EC_FIELD_SIZE) > 0 &&
        BN_bn2lebinpad (ECDSA_SIG_get0_s (sig), out->s, SEV_EC_FIELD_SIZE) > 0;
    ECDSA_SIG_free (sig);
    return ok;
}

gboolean
sev_ec_sign (const SevEcKey *key,
             SevHash hash,
             const void *data,
             gsize len,
             SevEcSignature *out,
             GError **error)
{
    guint8 der[2 * SEV_EC_FIELD_SIZE + 16];
    gsize der_len = sizeof der;

    g_return_val_if_fail (key->has_private, FALSE);

    EVP_MD_CTX *ctx = EVP_MD_CTX_new ();
    const gboolean ok =
        ctx != NULL &&
        EVP_DigestSignInit (ctx, NULL, sev_hash_md (hash), NULL, key->pkey) == 1 &&
        EVP_DigestSign (ctx, der, &der_len, data, len) == 1 &&
        numbers_from_der (der, der_len, out);
    EVP_MD_CTX_free (ctx);
    if (!ok)
        sev_set_openssl_error (error, "ECDSA");
    return ok;
}

/* Returns the DER form's length, 0 on failure; the caller frees *@der with OPENSSL_free().
 */
static gsize
numbers_to_der (const SevEcSignature *signature, guint8 **der)
{
    ECDSA_SIG *sig = ECDSA_SIG_new ();
    BIGNUM *r = BN_lebin2bn (signature->r, SEV_EC_FIELD_SIZE, NULL);
    BIGNUM *s = BN_lebin2bn (signature->s, SEV_EC_FIELD_SIZE, NULL);
    int len = -1;

    *der = NULL;
    if (sig != NULL && r != NULL && s != NULL && ECDSA_SIG_set0 (sig, r, s) == 1) {
        r = s = NULL; /* owned by sig now */
        len = i2d_ECDSA_SIG (sig, der);
    }
    BN_free (r);
    BN_free (s);
    ECDSA_SIG_free (sig);
    return len > 0 ? (gsize) len : 0;
}

gboolean
sev_ec_verify (const SevEcKey *key,
               SevHash hash,
               const void *data,
               gsize len,
               const SevEcSignature *signature,
               GError **error)
{
    guint8 *der;
    const gsize der_len = numbers_to_der (signature, &der);
    EVP_MD_CTX *ctx = der_len > 0 ? EVP_MD_CTX_new () : NULL;
    int verdict = -1;

    if (ctx != NULL &&
        EVP_DigestVerifyInit (ctx, NULL, sev_hash_md (hash), NULL, key->pkey) == 1)
        verdict = EVP_DigestVerify (ctx, der, der_len, data, len);
    EVP_MD_CTX_free (ctx);
    OPENSSL_free (der);
    return sev_signature_verdict (verdict, "ECDSA", error);
}
