/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Expected values are published ones (RFC 4231, SP 800-38A, FIPS 180-4) or were
 * printed by another program, named beside them; none by the code under test.
 */

#include <string.h>

#include "sev/base/sev-bytes.h"
#include "sev/crypto/sev-aes.h"
#include "sev/crypto/sev-digest.h"
#include "sev/crypto/sev-ec.h"
#include "sev/crypto/sev-hmac.h"
#include "sev/crypto/sev-kdf.h"
#include "sev/crypto/sev-rsa.h"
#include "sev/sev-error.h"

static void
from_hex (const char *text, guint8 *out, gsize len)
{
    g_autoptr (GError) error = NULL;
    const gboolean ok = sev_hex_decode (text, out, len, &error);

    g_assert_no_error (error);
    g_assert_true (ok);
}

static void
assert_hex (const guint8 *bytes, gsize len, const char *expect)
{
    g_autofree char *text = sev_hex_encode (bytes, len);

    g_assert_cmpstr (text, ==, expect);
}

/* A big-endian hexadecimal number as a little-endian wire field. */
static void
field_from_hex (const char *text, guint8 *field)
{
    guint8 be[48];

    from_hex (text, be, sizeof be);
    memset (field, 0, SEV_EC_FIELD_SIZE);
    for (gsize i = 0; i < sizeof be; i++)
        field[i] = be[sizeof be - 1 - i];
}

/* FIPS 180-4 examples. */
static void
test_sha256 (void)
{
    guint8 out[SEV_DIGEST_SIZE];
    g_autoptr (GError) error = NULL;
    static const char abc[] =
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    g_assert_true (sev_sha256 ("abc", 3, out, &error));
    assert_hex (out, sizeof out, abc);

    g_autoptr (SevDigest) digest = sev_digest_new (&error);
    g_assert_true (sev_digest_update (digest, "ab", 2, &error));
    g_autoptr (SevDigest) copy = sev_digest_copy (digest, &error);
    g_assert_true (sev_digest_update (digest, "c", 1, &error));
    g_assert_true (sev_digest_finish (digest, out, &error));
    assert_hex (out, sizeof out, abc);
    g_assert_true (sev_digest_update (copy, "d", 1, &error));
    g_assert_true (sev_digest_finish (copy, out, &error));
    g_assert_no_error (error);
    g_autofree char *text = sev_hex_encode (out, sizeof out);
    g_assert_cmpstr (text, !=, abc);
}

/* RFC 4231, test cases 1, 2 and 6 (key longer than a block). */
static void
test_hmac (void)
{
    guint8 key[131], out[SEV_MAC_SIZE];
    g_autoptr (GError) error = NULL;

    memset (key, 0x0b, 20);
    g_assert_true (sev_hmac_sha256 (key, 20, "Hi There", 8, out, &error));
    assert_hex (out, sizeof out,
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    g_assert_true (
        sev_hmac_sha256 ("Jefe", 4, "what do ya want for nothing?", 28, out, &error));
    assert_hex (out, sizeof out,
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset (key, 0xaa, sizeof key);
    g_assert_true (sev_hmac_sha256 (
        key, sizeof key, "Test Using Larger Than Block-Size Key - Hash Key First", 54, out,
        &error));
    assert_hex (out, sizeof out,
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    g_assert_no_error (error);
}

/* SP 800-38A, F.5.1 CTR-AES128.Encrypt, all four blocks. */
static void
test_aes_ctr (void)
{
    guint8 key[16], iv[16], in[64], out[64];
    g_autoptr (GError) error = NULL;

    from_hex ("2b7e151628aed2a6abf7158809cf4f3c", key, sizeof key);
    from_hex ("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff", iv, sizeof iv);
    from_hex ("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
              "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
              in, sizeof in);
    g_assert_true (sev_aes128_ctr (key, iv, in, out, sizeof in, &error));
    assert_hex (out, sizeof out,
                "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"
                "5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee");
    g_assert_true (sev_aes128_ctr (key, iv, out, out, sizeof out, &error));
    g_assert_cmpmem (in, sizeof in, out, sizeof out);
    g_assert_no_error (error);
}

/* Values of virtee/sev (src/session/key.rs) for the master secret; all three again by
 * Python's hmac module from the formula. */
static void
test_kdf (void)
{
    const guint8 zero[16] = { 0 };
    guint8 out[16];
    g_autoptr (GError) error = NULL;

    g_assert_true (
        sev_kdf_derive (zero, 16, SEV_LABEL_MASTER_SECRET, zero, 16, out, 16, &error));
    assert_hex (out, sizeof out, "ab4d269fcc62bedb4511d56c386ce706");
    g_assert_true (sev_kdf_derive (zero, 16, SEV_LABEL_KEK, NULL, 0, out, 16, &error));
    assert_hex (out, sizeof out, "fdae67eacd10f95890b0c3c1a972c47e");
    g_assert_true (sev_kdf_derive (zero, 16, SEV_LABEL_KIK, NULL, 0, out, 16, &error));
    assert_hex (out, sizeof out, "69927695894789631b5ab0e56051c242");
    g_assert_no_error (error);
}

/* "openssl kdf ... KBKDF" for the same input: big-endian counter, another function. */
static void
test_kdf_is_not_kbkdf (void)
{
    const guint8 zero[16] = { 0 };
    guint8 out[16];

    g_assert_true (
        sev_kdf_derive (zero, 16, SEV_LABEL_MASTER_SECRET, zero, 16, out, 16, NULL));
    g_autofree char *text = sev_hex_encode (out, sizeof out);
    g_assert_cmpstr (text, !=, "f59381edcaa1a33dee5d2aa45cce3fee");
}

/* Keys and shared secret made with the openssl command ("pkeyutl -derive"). */
static const char ecdh_pem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDCEtzSyWgEBOYzzStni\n"
    "x5OhGCoekii9x+I6e5kglK14omjK/FLZFaTc6XzL2pcLQJahZANiAARdKIquMaLS\n"
    "IcfY52AYyWEeE3uhRHM1NjQUs7+AMuzrLpBhnnuF2OfklAtRQEegMGNeXnfgcqTr\n"
    "n6n3i6VYu6IC58Ixw10HFlP0w7IAfRj0shfEgg7MQFws6zy5YF1PgRQ=\n"
    "-----END PRIVATE KEY-----\n";

static void
peer_point (SevEcPoint *point)
{
    point->curve = SEV_CURVE_P384;
    field_from_hex (
        "b8d383e96f81feabf631ffcce317c4aed67de60858f7e757c423780ceeefaff1defca62c"
        "9f9e58f83b10fca3d2e90fad",
        point->x);
    field_from_hex (
        "fe34bfddd4be6ab7ac66760e7f4282dde2bb216c2b8699aeed2ac77c21ed4b7041ec5f68"
        "ecd33e14ccdc70d2d93d2ff6",
        point->y);
}

static void
test_ecdh (void)
{
    SevEcPoint point;
    g_autoptr (GError) error = NULL;
    g_autoptr (SevEcKey) own =
        sev_ec_key_new_from_pem (ecdh_pem, strlen (ecdh_pem), &error);
    g_assert_no_error (error);

    peer_point (&point);
    g_autoptr (SevEcKey) peer = sev_ec_key_new_public (&point, &error);
    g_assert_no_error (error);
    g_autoptr (SevSecret) z = sev_ec_derive (own, peer, &error);
    g_assert_no_error (error);
    assert_hex (sev_secret_data (z), sev_secret_size (z),
                "8c00ab340027eefa418fde32dc209ec867f9cc70bfb32e98298b4a2c34db2e55"
                "8430a73d9501e5d056cef64230ed2aa6");

    g_autoptr (SevEcKey) p256 = sev_ec_key_generate (SEV_CURVE_P256, &error);
    g_assert_null (sev_ec_derive (own, p256, &error));
    g_assert_error (error, SEV_ERROR, SEV_ERROR_CRYPTO);
}

static void
test_ec_public_is_checked (void)
{
    SevEcPoint good, point;
    g_autoptr (GError) error = NULL;

    peer_point (&good);
    g_autoptr (SevEcKey) key = sev_ec_key_new_public (&good, &error);
    g_assert_no_error (error);
    sev_ec_key_get_point (key, &point);
    g_assert_cmpmem (&point, sizeof point, &good, sizeof good);
    g_assert_false (sev_ec_key_has_private (key));

    point = good;
    point.y[0] ^= 1; /* not on the curve */
    g_assert_null (sev_ec_key_new_public (&point, &error));
    g_assert_error (error, SEV_ERROR, SEV_ERROR_CRYPTO);
    g_clear_error (&error);

    point = good;
    point.x[48] = 1; /* wider than P-384 */
    g_assert_null (sev_ec_key_new_public (&point, &error));
    g_assert_error (error, SEV_ERROR, SEV_ERROR_MALFORMED);
    g_clear_error (&error);

    point = good;
    point.curve = 3;
    g_assert_null (sev_ec_key_new_public (&point, &error));
    g_assert_error (error, SEV_ERROR, SEV_ERROR_MALFORMED);
    g_clear_error (&error);

    memset (&point, 0, sizeof point);
    point.curve = SEV_CURVE_P384;
    g_assert_null (sev_ec_key_new_public (&point, &error));
    g_assert_error (error, SEV_ERROR, SEV_ERROR_CRYPTO);
}

/* Signed with the openssl command ("dgst -sha256 -sign") by the peer's key of above. */
static void
test_ecdsa_verify (void)
{
    SevEcPoint point;
    SevEcSignature sig;
    g_autoptr (GError) error = NULL;

    peer_point (&point);
    field_from_hex (
        "dc848f59cc5440e0277c2103b946ff43035039195cd37f2e32cf0db5e394a7c43dc8b79a"
        "3772f9076dea3bed6d78466f",
        sig.r);
    field_from_hex (
        "430cbe112368a073714dc37768cbd9699a21d7dde87edd7433e191ac18c40aa6ac0eb1c4"
        "438eb3344fb5f1f4a6c4658f",
        sig.s);
    g_autoptr (SevEcKey) key = sev_ec_key_new_public (&point, &error);
    g_assert_no_error (error);
    g_assert_true (sev_ec_verify (key, SEV_HASH_SHA256, "sample", 6, &sig, &error));
    g_assert_no_error (error);

    g_assert_false (sev_ec_verify (key, SEV_HASH_SHA256, "samplf", 6, &sig, &error));
    g_assert_error (error, SEV_ERROR, SEV_ERROR_BAD_SIGNATURE);
    g_clear_error (&error);
    g_assert_false (sev_ec_verify (key, SEV_HASH_SHA384, "sample", 6, &sig, &error));
    g_assert_error (error, SEV_ERROR, SEV_ERROR_BAD_SIGNATURE);
    g_clear_error (&error);
    memset (&sig, 0, sizeof sig);
    g_assert_false (sev_ec_verify (key, SEV_HASH_SHA256, "sample", 6, &sig, &error));
    g_assert_error (error, SEV_ERROR, SEV_ERROR_BAD_SIGNATURE);
    g_clear_error (&error);
    memset (&sig, 0xff, sizeof sig);
    g_assert_false (sev_ec_verify (key, SEV_HASH_SHA256, "sample", 6, &sig, &error));
    g_assert_error (error, SEV_ERROR, SEV_ERROR_BAD_SIGNATURE);
}

static void
test_ecdsa_sign_and_pem (void)
{
    SevEcSignature sig;
    g_autoptr (GError) error = NULL;
    g_autoptr (SevEcKey) key = sev_ec_key_generate (SEV_CURVE_P384, &error);
    g_assert_no_error (error);
    g_autoptr (SevSecret) pem = sev_ec_key_to_pem (key, &error);
    g_assert_no_error (error);
    g_autoptr (SevEcKey) again =
        sev_ec_key_new_from_pem (sev_secret_data (pem), sev_secret_size (pem), &error);
    g_assert_no_error (error);

    g_assert_true (sev_ec_key_same_public (key, again));
    g_assert_true (sev_ec_sign (again, SEV_HASH_SHA256, "data", 4, &sig, &error));
    g_assert_true (sev_ec_verify (key, SEV_HASH_SHA256, "data", 4, &sig, &error));
    g_assert_no_error (error);

    g_autoptr (SevEcKey) other = sev_ec_key_generate (SEV_CURVE_P384, &error);
    g_assert_false (sev_ec_key_same_public (key, other));
    g_assert_false (sev_ec_verify (other, SEV_HASH_SHA256, "data", 4, &sig, &error));
    g_assert_error (error, SEV_ERROR, SEV_ERROR_BAD_SIGNATURE);
}

static void
test_pem_refusals (void)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (SevRsaKey) rsa = sev_rsa_key_generate (2048, &error);
    g_assert_no_error (error);
    g_autoptr (SevSecret) rsa_pem = sev_rsa_key_to_pem (rsa, &error);
    g_assert_no_error (error);

    g_assert_null (sev_ec_key_new_from_pem (sev_secret_data (rsa_pem),
                                            sev_secret_size (rsa_pem), &error));
    g_assert_error (error, SEV_ERROR, SEV_ERROR_MALFORMED);
    g_clear_error (&error);
    g_assert_null (sev_ec_key_new_from_pem (ecdh_pem, strlen (ecdh_pem) / 2, &error));
    g_assert_error (error, SEV_ERROR, SEV_ERROR_CRYPTO);
    g_clear_error (&error);
    g_assert_null (sev_ec_key_new_from_pem ("", 0, &error));
    g_assert_error (error, SEV_ERROR, SEV_ERROR_CRYPTO);
}

/* Signing is checked by verifying; verifying against AMD's own certificates is in
 * test-sev-cert-wire.c. */
static void
test_rsa (void)
{
    guint8 sig[SEV_RSA_MAX_BYTES], modulus[SEV_RSA_MAX_BYTES], exponent[SEV_RSA_MAX_BYTES];
    g_autoptr (GError) error = NULL;
    g_autoptr (SevRsaKey) key = sev_rsa_key_generate (2048, &error);
    g_assert_no_error (error);

    g_assert_cmpuint (sev_rsa_key_bytes (key), ==, 256);
    sev_rsa_key_get_public (key, modulus, exponent);
    g_autoptr (SevRsaKey) public = sev_rsa_key_new_public (modulus, exponent, 256, &error);
    g_assert_no_error (error);
    g_assert_true (sev_rsa_sign (key, SEV_HASH_SHA256, "data", 4, sig, &error));
    g_assert_true (sev_rsa_verify (public, SEV_HASH_SHA256, "data", 4, sig, &error));
    g_assert_no_error (error);

    g_assert_false (sev_rsa_verify (public, SEV_HASH_SHA384, "data", 4, sig, &error));
    g_assert_error (error, SEV_ERROR, SEV_ERROR_BAD_SIGNATURE);
    g_clear_error (&error);
    sig[255] ^= 0x80;
    g_assert_false (sev_rsa_verify (public, SEV_HASH_SHA256, "data", 4, sig, &error));
    g_assert_error (error, SEV_ERROR, SEV_ERROR_BAD_SIGNATURE);
    g_clear_error (&error);
    memset (modulus, 0, sizeof modulus);
    g_assert_null (sev_rsa_key_new_public (modulus, exponent, 256, &error));
    g_assert_nonnull (error);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    g_test_add_func ("/sev/crypto/sha256", test_sha256);
    g_test_add_func ("/sev/crypto/hmac", test_hmac);
    g_test_add_func ("/sev/crypto/aes-ctr", test_aes_ctr);
    g_test_add_func ("/sev/crypto/kdf", test_kdf);
    g_test_add_func ("/sev/crypto/kdf-is-not-kbkdf", test_kdf_is_not_kbkdf);
    g_test_add_func ("/sev/crypto/ecdh", test_ecdh);
    g_test_add_func ("/sev/crypto/ec-public-is-checked", test_ec_public_is_checked);
    g_test_add_func ("/sev/crypto/ecdsa-verify", test_ecdsa_verify);
    g_test_add_func ("/sev/crypto/ecdsa-sign-and-pem", test_ecdsa_sign_and_pem);
    g_test_add_func ("/sev/crypto/pem-refusals", test_pem_refusals);
    g_test_add_func ("/sev/crypto/rsa", test_rsa);

    return g_test_run ();
}
