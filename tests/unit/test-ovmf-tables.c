/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Hash table and secret table.  Expected tables come from virt-qemu-sev-validate
 * (tests/vectors, lv-sev-kernel-full) and from the layouts of QEMU and Linux written out by
 * hand.
 */

#include <string.h>

#include "ovmf-hooks/ovmf-error.h"
#include "ovmf-hooks/ovmf-hashes.h"
#include "ovmf-hooks/secret-guids.h"
#include "ovmf-hooks/secret-table.h"
#include "sev/crypto/sev-digest.h"
#include "tests/lib/test-vectors.h"

static void
sha256_file (const char *name, guint8 out[SEV_DIGEST_SIZE])
{
    g_autoptr (GBytes) bytes = test_vector_load (name);
    gsize len;
    const guint8 *data = g_bytes_get_data (bytes, &len);

    g_assert_true (sev_sha256 (data, len, out, NULL));
}

/* virt-qemu-sev-validate, "Table(hex)" of vector lv-sev-kernel-full. */
static const char kernel_table[] =
    "06d63894224fc94cb479a793d411fd21a800d82dd09720bd944caa78e7714d36ab2a3200f20fec0142"
    "25730c80416ef2aaf71a3d8de604db8bb59d38296d38f92b7dc0b031f7ba442f3ad74b9af141e29169"
    "781d3200df085bcde866534d664ccfa7a50e46184288157a32db274748ad45f3af92c0ec3794e74dd2"
    "ab7f42b835d5b172d2045b320069918c8935505749a69f0142d61c3cc7b8d54d37d54398fa21e80e6d"
    "d7f559fa0000000000000000";

static void
test_hash_table (void)
{
    g_autoptr (GBytes) expect = test_unhex (kernel_table);
    OvmfHashes hashes;
    guint8 table[OVMF_HASH_TABLE_PADDED_SIZE];

    sha256_file ("inputs/kernel.bin", hashes.kernel);
    sha256_file ("inputs/initrd.bin", hashes.initrd);
    g_assert_true (ovmf_hashes_cmdline ("console=ttyS0 root=LABEL=root ro quiet",
                                        hashes.cmdline, NULL));
    ovmf_hashes_build (&hashes, table);
    g_assert_cmpbytes (expect, table, sizeof table);

    g_assert_true (ovmf_hashes_cmdline ("console=ttyS0 root=LABEL=root ro quiet ",
                                        hashes.cmdline, NULL));
    ovmf_hashes_build (&hashes, table);
    g_assert_cmpint (memcmp (table, g_bytes_get_data (expect, NULL), sizeof table), !=, 0);
}

/* printf '\0' | sha256sum; sha256sum </dev/null */
static void
test_hash_absent (void)
{
    g_autoptr (GBytes) nul =
        test_unhex ("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    g_autoptr (GBytes) nothing =
        test_unhex ("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    guint8 out[SEV_DIGEST_SIZE];

    g_assert_true (ovmf_hashes_cmdline (NULL, out, NULL));
    g_assert_cmpbytes (nul, out, sizeof out);
    g_assert_true (ovmf_hashes_cmdline ("", out, NULL));
    g_assert_cmpbytes (nul, out, sizeof out);
    g_assert_true (ovmf_hashes_no_initrd (out, NULL));
    g_assert_cmpbytes (nothing, out, sizeof out);
}

static void
add (OvmfSecretTable *table, const char *name, const char *text)
{
    g_autoptr (SevSecret) secret = sev_secret_new_copy (text, strlen (text));
    g_autoptr (GError) error = NULL;
    SevGuid guid;

    g_assert_true (ovmf_secret_guid_parse (name, &guid, &error));
    g_assert_no_error (error);
    g_assert_true (ovmf_secret_table_add (table, &guid, secret, &error));
    g_assert_no_error (error);
}

/* Two entries, 20 + 24 + 27 = 71 bytes, padded to 80; written out from efi_secret.c. */
static const char two_secrets[] = "42f5741edd71664d963eef4287ff173b" /* table GUID */
                                  "47000000"
                                  "e5696873f084734992ec06879ce3da0b" /* luks-key */
                                  "18000000"
                                  "61626364"
                                  "4433221166558877aabbccddeeff0011"
                                  "1b000000"
                                  "73656372657421"
                                  "000000000000000000";

static void
test_secret_table (void)
{
    g_autoptr (OvmfSecretTable) table = ovmf_secret_table_new ();
    g_autoptr (GBytes) expect = test_unhex (two_secrets);
    g_autoptr (GError) error = NULL;
    OvmfSecretEntry entries[OVMF_SECRET_MAX_ENTRIES];
    guint n = 0;

    add (table, "luks-key", "abcd");
    add (table, "11223344-5566-7788-aabb-ccddeeff0011", "secret!");
    g_autoptr (SevSecret) built = ovmf_secret_table_build (table, 80, &error);
    g_assert_no_error (error);
    g_assert_cmpbytes (expect, sev_secret_data (built), sev_secret_size (built));
    g_assert_cmpuint (ovmf_secret_table_count (table), ==, 2);
    g_assert_cmpuint (ovmf_secret_table_get_size (table, 1), ==, 7);

    g_assert_true (ovmf_secret_table_parse (sev_secret_data (built),
                                            sev_secret_size (built), entries, &n, &error));
    g_assert_cmpuint (n, ==, 2);
    g_assert_cmpmem (entries[0].data, entries[0].len, "abcd", 4);
    g_assert_cmpmem (entries[1].data, entries[1].len, "secret!", 7);
    g_assert_cmpstr (ovmf_secret_guid_alias (&entries[0].guid), ==, "luks-key");
    g_assert_null (ovmf_secret_guid_alias (&entries[1].guid));

    /* One block less than it needs. */
    g_autoptr (SevSecret) none = ovmf_secret_table_build (table, 79, &error);
    g_assert_null (none);
    g_assert_error (error, OVMF_ERROR, OVMF_ERROR_TOO_LARGE);
    g_assert_nonnull (strstr (error->message, "80"));
    g_assert_nonnull (strstr (error->message, "79"));
}

/* Already aligned: no block more (libvirt adds one, virtee does not; both are read). */
static void
test_no_padding_when_aligned (void)
{
    g_autoptr (OvmfSecretTable) table = ovmf_secret_table_new ();

    add (table, "luks-key", "12345678"); /* 20 + 28 = 48 */
    g_autoptr (SevSecret) built = ovmf_secret_table_build (table, 4096, NULL);
    g_assert_cmpuint (sev_secret_size (built), ==, 48);
}

static void
test_secret_limits (void)
{
    g_autoptr (OvmfSecretTable) table = ovmf_secret_table_new ();
    g_autoptr (SevSecret) largest = sev_secret_new (16384 - 20 - 20);
    g_autoptr (SevSecret) too_large = sev_secret_new (16384 - 20 - 20 + 1);
    g_autoptr (SevSecret) one = sev_secret_new (1);
    g_autoptr (GError) error = NULL;
    SevGuid guid, other;

    g_autoptr (SevSecret) none = ovmf_secret_table_build (table, 4096, &error);
    g_assert_null (none);
    g_assert_error (error, OVMF_ERROR, OVMF_ERROR_INVALID);
    g_clear_error (&error);

    g_assert_true (ovmf_secret_guid_parse ("luks-key", &guid, NULL));
    g_assert_true (ovmf_secret_guid_parse ("luks-header", &other, NULL));
    g_assert_false (ovmf_secret_table_add (table, &guid, too_large, &error));
    g_assert_error (error, OVMF_ERROR, OVMF_ERROR_TOO_LARGE);
    g_clear_error (&error);
    g_assert_true (ovmf_secret_table_add (table, &guid, largest, &error));
    g_autoptr (SevSecret) built = ovmf_secret_table_build (table, G_MAXSIZE, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (sev_secret_size (built), ==, 16384);
    g_assert_false (ovmf_secret_table_add (table, &other, one, &error));
    g_assert_error (error, OVMF_ERROR, OVMF_ERROR_TOO_LARGE);
    g_clear_error (&error);
    g_assert_false (ovmf_secret_table_add (table, &guid, one, &error));
    g_assert_error (error, OVMF_ERROR, OVMF_ERROR_INVALID);
}

static void
test_secret_names (void)
{
    static const char *const bad[] = {
        "",
        "luks",
        "LUKS-KEY",
        "00000000-0000-0000-0000-000000000000",
        "1e74f542-71dd-4d66-963e-ef4287ff173b",
        "736869e5-84f0-4973-92ec-06879ce3da0b ",
    };
    SevGuid by_alias, by_guid;

    g_assert_true (ovmf_secret_guid_parse ("luks-key", &by_alias, NULL));
    g_assert_true (
        ovmf_secret_guid_parse ("736869e5-84f0-4973-92ec-06879ce3da0b", &by_guid, NULL));
    g_assert_true (sev_guid_equal (&by_alias, &by_guid));
    for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_autoptr (GError) error = NULL;
        g_assert_false (ovmf_secret_guid_parse (bad[i], &by_guid, &error));
        g_assert_error (error, OVMF_ERROR, OVMF_ERROR_INVALID);
    }
}

static void
test_header_pin (void)
{
    guint8 sha256[SEV_DIGEST_SIZE], pin[OVMF_LUKS_HEADER_PIN_SIZE];
    static const guint8 length_le[8] = { 0x00, 0x00, 0x00, 0x01 }; /* 16 MiB */
    g_autoptr (GError) error = NULL;

    memset (sha256, 0xab, sizeof sha256);
    g_assert_true (ovmf_luks_header_pin (sha256, 0x1000000, pin, &error));
    g_assert_no_error (error);
    g_assert_cmpmem (pin, 32, sha256, 32);
    g_assert_cmpmem (pin + 32, 8, length_le, 8);
    g_assert_false (ovmf_luks_header_pin (sha256, 0x1000000 + 512, pin, &error));
    g_assert_error (error, OVMF_ERROR, OVMF_ERROR_INVALID);
    g_clear_error (&error);
    g_assert_false (ovmf_luks_header_pin (sha256, 4096 + 1, pin, &error));
    g_assert_error (error, OVMF_ERROR, OVMF_ERROR_INVALID);
    g_clear_error (&error);
    g_assert_false (ovmf_luks_header_pin (sha256, 512, pin, &error));
    g_assert_error (error, OVMF_ERROR, OVMF_ERROR_INVALID);
}

static void
assert_malformed (const guint8 *data, gsize len)
{
    OvmfSecretEntry entries[OVMF_SECRET_MAX_ENTRIES];
    g_autoptr (GError) error = NULL;
    guint n;

    g_assert_false (ovmf_secret_table_parse (data, len, entries, &n, &error));
    g_assert_error (error, OVMF_ERROR, OVMF_ERROR_MALFORMED);
}

static void
test_parse_refuses (void)
{
    static const struct {
        gsize offset;
        guint8 value;
    } changes[] = {
        { 0, 0x43 },  /* GUID */
        { 16, 19 },   /* total shorter than the header */
        { 16, 81 },   /* total longer than the bytes */
        { 16, 70 },   /* total cuts the last entry */
        { 36, 19 },   /* entry shorter than its header */
        { 36, 52 },   /* entry longer than the table */
        { 39, 0x80 }, /* entry of 2 GiB */
    };
    g_autoptr (GBytes) good = test_unhex (two_secrets);
    OvmfSecretEntry entries[OVMF_SECRET_MAX_ENTRIES];
    gsize len;
    const guint8 *data = g_bytes_get_data (good, &len);
    guint n;

    g_assert_true (ovmf_secret_table_parse (data, len, entries, &n, NULL));
    for (gsize i = 0; i < G_N_ELEMENTS (changes); i++) {
        g_autofree guint8 *copy = g_memdup2 (data, len);
        copy[changes[i].offset] = changes[i].value;
        assert_malformed (copy, len);
    }
    for (gsize cut = 0; cut < 71; cut++)
        assert_malformed (data, cut);
}

/* The guest wipes an entry by zeroing its GUID; Linux then skips it. */
static void
test_parse_skips_used (void)
{
    g_autoptr (GBytes) good = test_unhex (two_secrets);
    OvmfSecretEntry entries[OVMF_SECRET_MAX_ENTRIES];
    gsize len;
    g_autofree guint8 *copy = g_memdup2 (g_bytes_get_data (good, &len), 80);
    guint n;

    memset (copy + 20, 0, 16);
    g_assert_true (ovmf_secret_table_parse (copy, len, entries, &n, NULL));
    g_assert_cmpuint (n, ==, 1);
    g_assert_cmpmem (entries[0].data, entries[0].len, "secret!", 7);
}

static void
test_parse_too_many (void)
{
    g_autoptr (OvmfSecretTable) table = ovmf_secret_table_new ();
    g_autoptr (SevSecret) one = sev_secret_new (1);
    g_autoptr (GError) error = NULL;
    SevGuid guid = { { 1 } };

    for (guint i = 0; i < OVMF_SECRET_MAX_ENTRIES; i++) {
        guid.bytes[1] = (guint8) i;
        g_assert_true (ovmf_secret_table_add (table, &guid, one, &error));
    }
    guid.bytes[2] = 1;
    g_assert_false (ovmf_secret_table_add (table, &guid, one, &error));
    g_assert_error (error, OVMF_ERROR, OVMF_ERROR_TOO_LARGE);

    g_autoptr (SevSecret) built = ovmf_secret_table_build (table, 16384, NULL);
    const gsize used = 20 + 64 * 21; /* 1364, padded to 1376 */
    g_assert_cmpuint (sev_secret_size (built), ==, 1376);
    g_autofree guint8 *copy = g_malloc0 (used + 21);
    memcpy (copy, sev_secret_data (built), used);
    OvmfSecretEntry entries[OVMF_SECRET_MAX_ENTRIES];
    guint n;
    g_assert_true (ovmf_secret_table_parse (copy, used + 21, entries, &n, NULL));
    g_assert_cmpuint (n, ==, 64);
    copy[16] = (guint8) ((used + 21) & 0xff);
    copy[17] = (guint8) ((used + 21) >> 8);
    copy[used] = 1;
    copy[used + 16] = 21;
    assert_malformed (copy, used + 21);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    g_test_add_func ("/ovmf-hashes/vector", test_hash_table);
    g_test_add_func ("/ovmf-hashes/absent", test_hash_absent);
    g_test_add_func ("/secret-table/two-secrets", test_secret_table);
    g_test_add_func ("/secret-table/aligned", test_no_padding_when_aligned);
    g_test_add_func ("/secret-table/limits", test_secret_limits);
    g_test_add_func ("/secret-table/names", test_secret_names);
    g_test_add_func ("/secret-table/header-pin", test_header_pin);
    g_test_add_func ("/secret-table/parse-refuses", test_parse_refuses);
    g_test_add_func ("/secret-table/parse-skips-used", test_parse_skips_used);
    g_test_add_func ("/secret-table/too-many", test_parse_too_many);
    return g_test_run ();
}
