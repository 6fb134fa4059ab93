/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "psp/fw/psp-nv.h"

#include <string.h>

#include "psp/fw/psp-device.h"
#include "psp/fw/psp-error.h"
#include "sev/base/sev-bytes.h"
#include "sev/crypto/sev-digest.h"

static const PspNvKind kind = { "TESTKIND", 1, 1 };

static const PspNvBlock two_blocks[] = {
    { 7, 3, (const guint8 *) "abc" },
    { 9, 0, NULL },
};

static SevSecret *
encode (const PspNvKind *as, const PspNvBlock *blocks, gsize n, const SevSecret *key)
{
    g_autoptr (GError) error = NULL;
    SevSecret *blob = psp_nv_encode (as, blocks, n, key, &error);

    g_assert_no_error (error);
    return blob;
}

static void
assert_refused (const guint8 *data, gsize len, const SevSecret *key, PspError code)
{
    PspNvBlock blocks[PSP_NV_MAX_BLOCKS];
    gsize n = 99;
    g_autoptr (GError) error = NULL;

    g_assert_false (psp_nv_decode (&kind, data, len, key, blocks, &n, &error));
    g_assert_error (error, PSP_ERROR, (int) code);
    g_assert_cmpuint (n, ==, 99);
}

/* The bytes as the header describes them; the digest is hashlib.sha256() of the rest. */
static void
test_layout (void)
{
    static const char expect[] =
        "544553544b494e44"
        "0100"
        "0100"
        "43000000"
        "0700000003000000616263"
        "0900000000000000"
        "aaec258d41a46398b4c459ff0c202ea190d1baf2108996fa401be24bb16d734b";
    g_autoptr (SevSecret) blob =
        encode (&kind, two_blocks, G_N_ELEMENTS (two_blocks), NULL);
    g_autofree char *text = sev_hex_encode (sev_secret_data (blob), sev_secret_size (blob));

    g_assert_cmpstr (text, ==, expect);
}

static void
test_round_trip (void)
{
    PspNvBlock blocks[PSP_NV_MAX_BLOCKS];
    gsize n;
    g_autoptr (GError) error = NULL;
    g_autoptr (SevSecret) key = sev_secret_new_copy ("a key of some kind", 18);
    g_autoptr (SevSecret) blob = encode (&kind, two_blocks, G_N_ELEMENTS (two_blocks), key);

    g_assert_true (psp_nv_decode (&kind, sev_secret_data (blob), sev_secret_size (blob),
                                  key, blocks, &n, &error));
    g_assert_no_error (error);
    g_assert_cmpuint (n, ==, 2);
    g_assert_cmpmem (psp_nv_find (blocks, n, 7)->data, psp_nv_find (blocks, n, 7)->len,
                     "abc", 3);
    g_assert_cmpuint (psp_nv_find (blocks, n, 9)->len, ==, 0);
    g_assert_null (psp_nv_find (blocks, n, 8));

    g_autoptr (SevSecret) other = sev_secret_new_copy ("a key of same kind", 18);
    assert_refused (sev_secret_data (blob), sev_secret_size (blob), other,
                    PSP_ERROR_NV_DAMAGED);
    assert_refused (sev_secret_data (blob), sev_secret_size (blob), NULL,
                    PSP_ERROR_NV_DAMAGED);
}

static void
test_every_damage (void)
{
    g_autoptr (SevSecret) key = sev_secret_new_copy ("k", 1);
    g_autoptr (SevSecret) blob = encode (&kind, two_blocks, G_N_ELEMENTS (two_blocks), key);
    guint8 *bytes = sev_secret_writable (blob);
    const gsize len = sev_secret_size (blob);

    for (gsize i = 0; i < len; i++) {
        assert_refused (bytes, i, key, PSP_ERROR_NV_DAMAGED);
        for (guint bit = 0; bit < 8; bit++) {
            bytes[i] ^= (guint8) (1u << bit);
            assert_refused (bytes, len, key, PSP_ERROR_NV_DAMAGED);
            bytes[i] ^= (guint8) (1u << bit);
        }
    }
    g_autofree guint8 *large = g_malloc0 (PSP_NV_MAX_SIZE + 1);
    assert_refused (large, PSP_NV_MAX_SIZE + 1, key, PSP_ERROR_NV_DAMAGED);
}

static void
test_versions (void)
{
    static const PspNvKind newer = { "TESTKIND", 5, 1 };
    static const PspNvKind too_new = { "TESTKIND", 5, 2 };
    static const PspNvKind foreign = { "TESTKING", 1, 1 };
    PspNvBlock blocks[PSP_NV_MAX_BLOCKS];
    gsize n;
    g_autoptr (SevSecret) a = encode (&newer, two_blocks, 2, NULL);
    g_autoptr (SevSecret) b = encode (&too_new, two_blocks, 2, NULL);
    g_autoptr (SevSecret) c = encode (&foreign, two_blocks, 2, NULL);

    g_assert_true (psp_nv_decode (&kind, sev_secret_data (a), sev_secret_size (a), NULL,
                                  blocks, &n, NULL));
    assert_refused (sev_secret_data (b), sev_secret_size (b), NULL, PSP_ERROR_NV_VERSION);
    assert_refused (sev_secret_data (c), sev_secret_size (c), NULL, PSP_ERROR_NV_DAMAGED);
}

/* Containers with a right checksum that no encoder writes. */
static void
assert_hostile (const char *body_hex, guint32 total)
{
    g_autoptr (GByteArray) all = g_byte_array_new ();
    const gsize body_len = strlen (body_hex) / 2;
    g_autofree guint8 *body = g_malloc (body_len + 1);
    guint8 digest[SEV_DIGEST_SIZE];

    g_assert_true (sev_hex_decode (body_hex, body, body_len, NULL));
    sev_put_bytes (all, "TESTKIND\1\0\1\0", 12);
    sev_put_u32 (all, total);
    sev_put_bytes (all, body, body_len);
    g_assert_true (sev_sha256 (all->data, all->len, digest, NULL));
    sev_put_bytes (all, digest, sizeof digest);
    assert_refused (all->data, all->len, NULL, PSP_ERROR_NV_DAMAGED);
}

static void
test_hostile_blocks (void)
{
    g_autoptr (GString) many = g_string_new (NULL);

    assert_hostile ("0700000001000000", 56);                 /* past the end */
    assert_hostile ("07000000ffffffff61", 57);               /* far past the end */
    assert_hostile ("070000000000", 54);                     /* half a block header */
    assert_hostile ("07000000000000000700000000000000", 64); /* the same tag twice */
    assert_hostile ("0700000000000000", 57);                 /* total length disagrees */
    for (guint i = 0; i <= PSP_NV_MAX_BLOCKS; i++)
        g_string_append_printf (many, "%02x00000000000000", i);
    assert_hostile (many->str, 48 + 33 * 8);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/psp-nv/layout", test_layout);
    g_test_add_func ("/psp-nv/round-trip", test_round_trip);
    g_test_add_func ("/psp-nv/every-damage", test_every_damage);
    g_test_add_func ("/psp-nv/versions", test_versions);
    g_test_add_func ("/psp-nv/hostile-blocks", test_hostile_blocks);
    return g_test_run ();
}
