/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Ed25519 against RFC 8032, section 7.1. */

#include <string.h>

#include "sev/base/sev-bytes.h"
#include "sev/crypto/sev-ec.h"
#include "sev/crypto/sev-sign.h"
#include "sev/sev-error.h"

typedef struct {
    const char *secret;
    const char *public;
    const char *message;
    const char *signature;
} Vector;

static const Vector vectors[] = {
    { "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
      "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e"
      "39"
      "701cf9b46bd25bf5f0595bbe24655141438e7a100b" },
    { "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
      "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f"
      "36"
      "13d0f11d8c387b2eaeb4302aeeb00d291612bb0c00" },
    { "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
      "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
      "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67"
      "f7"
      "60984dc6594a7c15e9716ed28dc027beceea1ec40a" },
};

static GBytes *
unhex (const char *prefix, const char *text)
{
    g_autofree char *both = g_strconcat (prefix, text, NULL);
    const gsize len = strlen (both) / 2;
    guint8 *bytes = g_malloc (len + 1);

    g_assert_true (sev_hex_decode (both, bytes, len, NULL));
    return g_bytes_new_take (bytes, len);
}

static char *
pem (const char *label, const char *prefix, const char *hex)
{
    g_autoptr (GBytes) der = unhex (prefix, hex);
    gsize len;
    const guint8 *data = g_bytes_get_data (der, &len);
    g_autofree char *base64 = g_base64_encode (data, len);

    return g_strdup_printf ("-----BEGIN %s-----\n%s\n-----END %s-----\n", label, base64,
                            label);
}

/* The DER headers of RFC 8410, sections 7 and 4. */
static SevSignKey *
private_key (const char *hex)
{
    g_autofree char *text = pem ("PRIVATE KEY", "302e020100300506032b657004220420", hex);
    g_autoptr (GError) error = NULL;
    SevSignKey *key = sev_sign_key_new_from_pem (text, strlen (text), &error);

    g_assert_no_error (error);
    return key;
}

static SevSignKey *
public_key (const char *hex)
{
    g_autofree char *text = pem ("PUBLIC KEY", "302a300506032b6570032100", hex);
    g_autoptr (GError) error = NULL;
    SevSignKey *key = sev_sign_key_new_public (text, strlen (text), &error);

    g_assert_no_error (error);
    return key;
}

static void
test_vectors (void)
{
    for (gsize i = 0; i < G_N_ELEMENTS (vectors); i++) {
        const Vector *v = &vectors[i];
        g_autoptr (SevSignKey) key = private_key (v->secret);
        g_autoptr (SevSignKey) public = public_key (v->public);
        g_autoptr (GBytes) message = unhex ("", v->message);
        g_autoptr (GBytes) expected = unhex ("", v->signature);
        g_autoptr (GError) error = NULL;
        guint8 signature[SEV_SIGN_SIGNATURE_SIZE];
        gsize len;
        const guint8 *data = g_bytes_get_data (message, &len);

        g_assert_cmpmem (sev_sign_key_get_public (key), SEV_SIGN_PUBLIC_SIZE,
                         sev_sign_key_get_public (public), SEV_SIGN_PUBLIC_SIZE);
        g_assert_true (sev_sign_key_has_private (key));
        g_assert_false (sev_sign_key_has_private (public));
        g_assert_true (sev_sign (key, data, len, signature, &error));
        g_assert_no_error (error);
        g_assert_cmpmem (signature, sizeof signature, g_bytes_get_data (expected, NULL),
                         g_bytes_get_size (expected));
        g_assert_true (sev_sign_verify (public, data, len, signature, &error));
        for (guint bit = 0; bit < 8u * sizeof signature; bit += 37) {
            signature[bit / 8] ^= (guint8) (1u << bit % 8);
            g_assert_false (sev_sign_verify (public, data, len, signature, &error));
            g_assert_error (error, SEV_ERROR, SEV_ERROR_BAD_SIGNATURE);
            g_clear_error (&error);
            signature[bit / 8] ^= (guint8) (1u << bit % 8);
        }
        g_assert_false (sev_sign_verify (public, "other", 5, signature, &error));
    }
}

static void
test_pem (void)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (SevSignKey) key = sev_sign_key_generate (&error);
    g_autoptr (SevSecret) text = sev_sign_key_to_pem (key, &error);
    g_autofree char *public = sev_sign_key_public_to_pem (key, &error);
    guint8 signature[SEV_SIGN_SIGNATURE_SIZE];

    g_assert_no_error (error);
    g_assert_true (g_str_has_prefix (public, "-----BEGIN PUBLIC KEY-----\n"));
    g_autoptr (SevSignKey) again =
        sev_sign_key_new_from_pem (sev_secret_data (text), sev_secret_size (text), &error);
    g_autoptr (SevSignKey) other =
        sev_sign_key_new_public (public, strlen (public), &error);
    g_assert_no_error (error);
    g_assert_true (sev_sign (again, "a", 1, signature, &error));
    g_assert_true (sev_sign_verify (other, "a", 1, signature, &error));

    sev_sign_key_forget (again);
    g_assert_false (sev_sign_key_has_private (again));
    g_assert_cmpmem (sev_sign_key_get_public (again), SEV_SIGN_PUBLIC_SIZE,
                     sev_sign_key_get_public (other), SEV_SIGN_PUBLIC_SIZE);

    /* A key that is for something else, and no key at all. */
    g_autoptr (SevEcKey) ec = sev_ec_key_generate (SEV_CURVE_P384, &error);
    g_autoptr (SevSecret) ec_text = sev_ec_key_to_pem (ec, &error);
    g_assert_null (sev_sign_key_new_from_pem (sev_secret_data (ec_text),
                                              sev_secret_size (ec_text), &error));
    g_assert_error (error, SEV_ERROR, SEV_ERROR_MALFORMED);
    g_clear_error (&error);
    g_assert_null (
        sev_ec_key_new_from_pem (sev_secret_data (text), sev_secret_size (text), &error));
    g_assert_error (error, SEV_ERROR, SEV_ERROR_MALFORMED);
    g_clear_error (&error);
    g_assert_null (sev_sign_key_new_public ("x", 1, &error));
    g_assert_nonnull (error);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    g_test_add_func ("/sev/sign/vectors", test_vectors);
    g_test_add_func ("/sev/sign/pem", test_pem);

    return g_test_run ();
}
