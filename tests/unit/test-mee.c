/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The memory-encryption engine.  The rows were printed by tests/oracle/mee-vectors.py
 * (Python and the openssl program); whole pages are compared with single blocks of AES that
 * this file composes itself.
 */

#include "psp/mee/mee.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "sev/wire/sev-wire.h"

static const struct {
    const char *key;
    guint64 paddr;
    const char *plain;
    const char *cipher;
} rows[] = {
    { "00000000000000000000000000000000", G_GUINT64_CONSTANT (0x0),
      "af5570f5a1810b7af78caf4bc70a660f", "b25c3e08d23c0369083683cbc9450387" },
    { "00000000000000000000000000000000", G_GUINT64_CONSTANT (0x10),
      "5eb6da0e0e522104c6d50b0748e68937", "a44f36ff77a25fa497a8f8bc77dcbc99" },
    { "00000000000000000000000000000000", G_GUINT64_CONSTANT (0x1000),
      "a02ae51509464de11084e34346a86574", "cd8e2511696e9c00165c03c82b2180dc" },
    { "00000000000000000000000000000000", G_GUINT64_CONSTANT (0x80f000),
      "a81e0326c7f77625b7dc2a49597f92bf", "725302258edf7c710bbbd13406f9d737" },
    { "00000000000000000000000000000000", G_GUINT64_CONSTANT (0x100000000),
      "01acecb507abfe1a354aa8064f4af5d3", "71355790343bd3bab44d6dc1f27bb6ef" },
    { "00000000000000000000000000000000", G_GUINT64_CONSTANT (0xffffffffffff0),
      "d436a3b1dd389ea598f12eb5d8f6a4c2", "f7c263444752fef4ea69f753b315de65" },
    { "000102030405060708090a0b0c0d0e0f", G_GUINT64_CONSTANT (0x0),
      "af5570f5a1810b7af78caf4bc70a660f", "b82272f6b4ffeb8ac9c03947ef9dfa4b" },
    { "000102030405060708090a0b0c0d0e0f", G_GUINT64_CONSTANT (0x10),
      "5eb6da0e0e522104c6d50b0748e68937", "06f634a7c41a21297bcff189272fd552" },
    { "000102030405060708090a0b0c0d0e0f", G_GUINT64_CONSTANT (0x1000),
      "a02ae51509464de11084e34346a86574", "60b99feb39cba99be83dee77d0434622" },
    { "000102030405060708090a0b0c0d0e0f", G_GUINT64_CONSTANT (0x80f000),
      "a81e0326c7f77625b7dc2a49597f92bf", "5b5f24fbcc4bd77e6731461703171f89" },
    { "000102030405060708090a0b0c0d0e0f", G_GUINT64_CONSTANT (0x100000000),
      "01acecb507abfe1a354aa8064f4af5d3", "9be82a1e8158dbeb27a428dea40546a7" },
    { "000102030405060708090a0b0c0d0e0f", G_GUINT64_CONSTANT (0xffffffffffff0),
      "d436a3b1dd389ea598f12eb5d8f6a4c2", "300cab9bdefdf4f731ed82097baad31e" },
    { "2b7e151628aed2a6abf7158809cf4f3c", G_GUINT64_CONSTANT (0x0),
      "af5570f5a1810b7af78caf4bc70a660f", "9b8fc125a19f8ebd1f99a94e7dafafe8" },
    { "2b7e151628aed2a6abf7158809cf4f3c", G_GUINT64_CONSTANT (0x10),
      "5eb6da0e0e522104c6d50b0748e68937", "e043ac420b4d2ceffc230c06e74e768a" },
    { "2b7e151628aed2a6abf7158809cf4f3c", G_GUINT64_CONSTANT (0x1000),
      "a02ae51509464de11084e34346a86574", "ad71f013d464837f180001437aa9745d" },
    { "2b7e151628aed2a6abf7158809cf4f3c", G_GUINT64_CONSTANT (0x80f000),
      "a81e0326c7f77625b7dc2a49597f92bf", "e84ce757ad86e2e822fc67c2ed9b0b32" },
    { "2b7e151628aed2a6abf7158809cf4f3c", G_GUINT64_CONSTANT (0x100000000),
      "01acecb507abfe1a354aa8064f4af5d3", "2fe9bacccbc45959d34e9fe5c5a6340f" },
    { "2b7e151628aed2a6abf7158809cf4f3c", G_GUINT64_CONSTANT (0xffffffffffff0),
      "d436a3b1dd389ea598f12eb5d8f6a4c2", "69bead8742e88322ecbe0826f7af8fc5" },
};

/* SHA-256 of two encrypted pages; byte i is 7 i. */
#define PAGES_KEY "2b7e151628aed2a6abf7158809cf4f3c"
#define PAGES_ADDRESS 0x12345000u
#define PAGES_SHA256 "6a368137c348fb82bdb6017be9e1b518d9fd2e9a0dd6c5313a8f2af3bb71e4c6"

static void
from_hex (const char *hex, guint8 *out, gsize len)
{
    g_assert_cmpuint (strlen (hex), ==, 2 * len);
    for (gsize i = 0; i < len; i++)
        out[i] = (guint8) ((g_ascii_xdigit_value (hex[2 * i]) << 4) |
                           g_ascii_xdigit_value (hex[2 * i + 1]));
}

static Mee *
engine (const char *key_hex)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (SevSecret) key = sev_secret_new (SEV_KEY_SIZE);

    from_hex (key_hex, sev_secret_writable (key), SEV_KEY_SIZE);
    Mee *mee = mee_new (key, &error);
    g_assert_no_error (error);
    return mee;
}

static void
encrypt (Mee *mee, guint64 paddr, void *data, gsize len)
{
    g_autoptr (GError) error = NULL;

    g_assert_true (mee_encrypt (mee, paddr, data, len, &error));
    g_assert_no_error (error);
}

static void
decrypt (Mee *mee, guint64 paddr, void *data, gsize len)
{
    g_autoptr (GError) error = NULL;

    g_assert_true (mee_decrypt (mee, paddr, data, len, &error));
    g_assert_no_error (error);
}

static void
fill (guint8 *data, gsize len)
{
    for (gsize i = 0; i < len; i++)
        data[i] = (guint8) (i * 7);
}

static void
test_vectors (void)
{
    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (Mee) mee = engine (rows[i].key);
        guint8 plain[16], cipher[16], data[16];

        from_hex (rows[i].plain, plain, sizeof plain);
        from_hex (rows[i].cipher, cipher, sizeof cipher);
        memcpy (data, plain, sizeof data);
        encrypt (mee, rows[i].paddr, data, sizeof data);
        g_assert_cmpmem (data, sizeof data, cipher, sizeof cipher);
        decrypt (mee, rows[i].paddr, data, sizeof data);
        g_assert_cmpmem (data, sizeof data, plain, sizeof plain);
    }
}

static void
test_pages (void)
{
    g_autoptr (Mee) mee = engine (PAGES_KEY);
    guint8 plain[2 * MEE_PAGE_SIZE], data[2 * MEE_PAGE_SIZE];

    fill (plain, sizeof plain);
    memcpy (data, plain, sizeof data);
    encrypt (mee, PAGES_ADDRESS, data, sizeof data);
    g_autofree char *digest =
        g_compute_checksum_for_data (G_CHECKSUM_SHA256, data, sizeof data);
    g_assert_cmpstr (digest, ==, PAGES_SHA256);
    decrypt (mee, PAGES_ADDRESS, data, sizeof data);
    g_assert_cmpmem (data, sizeof data, plain, sizeof plain);
}

/* T(p) of mee.h, bit by bit. */
static void
tweak (const guint8 key[16], guint64 paddr, guint8 out[16])
{
    memset (out, 0, 16);
    for (guint32 bit = 4; bit < 52; bit++) {
        guint8 text[32] = { 1 }; /* LE32 (1), label, 00h, LE32 (bit), LE32 (128) */
        guint8 mac[EVP_MAX_MD_SIZE];

        if ((paddr >> bit & 1) == 0)
            continue;
        memcpy (text + 4, "sevlaunch-mee-tweak", 20);
        text[24] = (guint8) bit;
        text[28] = 128;
        g_assert_nonnull (HMAC (EVP_sha256 (), key, 16, text, sizeof text, mac, NULL));
        for (gsize i = 0; i < 16; i++)
            out[i] ^= mac[i];
    }
}

static void
one_block (const guint8 key[16], guint64 paddr, const guint8 in[16], guint8 out[16])
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new ();
    guint8 t[16], mixed[16];
    int len = 0;

    tweak (key, paddr, t);
    for (gsize i = 0; i < 16; i++)
        mixed[i] = in[i] ^ t[i];
    g_assert_cmpint (EVP_EncryptInit_ex (ctx, EVP_aes_128_ecb (), NULL, key, NULL), ==, 1);
    g_assert_cmpint (EVP_EncryptUpdate (ctx, out, &len, mixed, 16), ==, 1);
    g_assert_cmpint (len, ==, 16);
    for (gsize i = 0; i < 16; i++)
        out[i] ^= t[i];
    EVP_CIPHER_CTX_free (ctx);
}

/* Each block of a page, at addresses with few and with many bits. */
static void
test_blocks (void)
{
    static const guint64 addresses[] = { 0, 0x3ff000, G_GUINT64_CONSTANT (0x100000000),
                                         G_GUINT64_CONSTANT (0xffffffffff000) };
    g_autoptr (Mee) mee = engine (PAGES_KEY);
    guint8 key[16], plain[MEE_PAGE_SIZE], data[MEE_PAGE_SIZE], block[16];

    from_hex (PAGES_KEY, key, sizeof key);
    fill (plain, sizeof plain);
    for (gsize a = 0; a < G_N_ELEMENTS (addresses); a++) {
        memcpy (data, plain, sizeof data);
        encrypt (mee, addresses[a], data, sizeof data);
        for (gsize i = 0; i < sizeof data; i += 16) {
            one_block (key, addresses[a] + i, plain + i, block);
            g_assert_cmpmem (data + i, 16, block, 16);
        }
    }
}

/* Pieces at any block, and memory at any address, are the same as the whole. */
static void
test_pieces (void)
{
    g_autoptr (Mee) mee = engine (PAGES_KEY);
    const guint64 paddr = 0x7000;
    guint8 whole[3 * MEE_PAGE_SIZE], room[3 * MEE_PAGE_SIZE + 1];
    guint8 *pieces = room + 1;

    fill (whole, sizeof whole);
    memcpy (pieces, whole, sizeof whole);
    encrypt (mee, paddr, whole, sizeof whole);
    for (gsize at = 0, n = 16; at < sizeof whole; at += n, n = n * 2 + 16) {
        n = MIN (n, sizeof whole - at);
        encrypt (mee, paddr + at, pieces + at, n);
    }
    g_assert_cmpmem (pieces, sizeof whole, whole, sizeof whole);
    encrypt (mee, paddr, whole, 0);
    g_assert_cmpmem (pieces, sizeof whole, whole, sizeof whole);
}

/* Moved within a guest, or taken to another one, ciphertext is noise. */
static void
test_moved (void)
{
    g_autoptr (Mee) mee = engine (PAGES_KEY);
    g_autoptr (Mee) other = engine ("000102030405060708090a0b0c0d0e0f");
    guint8 plain[MEE_PAGE_SIZE], cipher[MEE_PAGE_SIZE], data[MEE_PAGE_SIZE];

    fill (plain, sizeof plain);
    memcpy (cipher, plain, sizeof cipher);
    encrypt (mee, 0x200000, cipher, sizeof cipher);
    memcpy (data, cipher, sizeof data);
    decrypt (mee, 0x200000, data, sizeof data);
    g_assert_cmpmem (data, sizeof data, plain, sizeof plain);

    for (guint bit = 12; bit < MEE_ADDRESS_BITS; bit++) {
        memcpy (data, cipher, sizeof data);
        decrypt (mee, 0x200000 ^ (G_GUINT64_CONSTANT (1) << bit), data, sizeof data);
        for (gsize i = 0; i < sizeof data; i += 16)
            g_assert_cmpint (memcmp (data + i, plain + i, 16), !=, 0);
    }
    memcpy (data, cipher, sizeof data);
    decrypt (other, 0x200000, data, sizeof data);
    for (gsize i = 0; i < sizeof data; i += 16)
        g_assert_cmpint (memcmp (data + i, plain + i, 16), !=, 0);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    g_test_add_func ("/mee/vectors", test_vectors);
    g_test_add_func ("/mee/pages", test_pages);
    g_test_add_func ("/mee/blocks", test_blocks);
    g_test_add_func ("/mee/pieces", test_pieces);
    g_test_add_func ("/mee/moved", test_moved);
    return g_test_run ();
}
