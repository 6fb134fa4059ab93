/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * LUKS headers: bytes written from the specification, headers of cryptsetup, and disks with
 * none, one and two of them.
 */

#include <string.h>
#include <unistd.h>

#include "launcher/image/luks.h"
#include "tests/lib/disk-maker.h"
#include "tests/lib/luks-maker.h"
#include "tests/lib/test-dir.h"
#include "tests/lib/test-tools.h"

#define OFFSET 1048576u /* where the data begins */
#define PARTITION (4u << 20)
#define SECTORS (16u << 11) /* 16 MiB */

static char *built_judge;

static char *
good_json (void)
{
    return g_strdup (
        "{\"keyslots\":{\"0\":{\"type\":\"luks2\",\"key_size\":64,\"af\":{\"type\":"
        "\"luks1\","
        "\"stripes\":4000,\"hash\":\"sha256\"},\"area\":{\"type\":\"raw\",\"offset\":"
        "\"32768\","
        "\"size\":\"258048\",\"encryption\":\"aes-xts-plain64\",\"key_size\":64},\"kdf\":{"
        "\"type\":\"pbkdf2\",\"hash\":\"sha256\",\"iterations\":1000,\"salt\":"
        "\"hX968lyPgioWiN17y6zXBGn6+P/rsJcLRMOzfXJUWFQ=\"}}},\"tokens\":{},\"segments\":{"
        "\"0\":{\"type\":\"crypt\",\"offset\":\"1048576\",\"size\":\"dynamic\",\"iv_"
        "tweak\":"
        "\"0\",\"encryption\":\"aes-xts-plain64\",\"sector_size\":512}},\"digests\":{\"0\":"
        "{"
        "\"type\":\"pbkdf2\",\"keyslots\":[\"0\"],\"segments\":[\"0\"],\"hash\":\"sha256\","
        "\"iterations\":1000,\"salt\":\"dI6cOXoaKj9xtcnyCWBEEbQ3LBkmw395z1WBoVCilj4=\","
        "\"digest\":\"B7CqhZivKJz8dOj0CBv+4nVDjGidzgcyXElIO1dTUG0=\"}},\"config\":{"
        "\"json_size\":\"12288\",\"keyslots_size\":\"1015808\"}}");
}

static guint8 *
good_area (void)
{
    g_autofree char *json = good_json ();
    guint8 *area = g_malloc0 (OFFSET);

    luks_maker_fill (area, json, strlen (json));
    return area;
}

static void
expect (const guint8 *area, gsize len, int code)
{
    g_autofree char *uuid = NULL;
    g_autoptr (GError) error = NULL;
    guint64 length = 0;
    const gboolean ok = luks_parse (area, len, PARTITION, &uuid, &length, &error);

    if (code < 0) {
        g_assert_no_error (error);
        g_assert_true (ok);
        g_assert_cmpstr (uuid, ==, LUKS_MAKER_UUID);
        g_assert_cmpuint (length, ==, OFFSET);
        return;
    }
    g_assert_false (ok);
    g_assert_error (error, IMAGE_ERROR, code);
    g_assert_null (uuid);
}

#define BROKEN IMAGE_ERROR_LUKS_BROKEN
#define UNFIT IMAGE_ERROR_LUKS_UNFIT
#define MISSING IMAGE_ERROR_LUKS_MISSING

/* A byte of the first header, or a text of the metadata. */
typedef struct {
    const char *name;
    int offset; /* of a byte, or -1 */
    guint8 value;
    const char *from;
    const char *to;
    gboolean unsealed;
    int code;
} Change;

static const Change changes[] = {
    { "magic", 0, 'X', NULL, NULL, FALSE, MISSING },
    { "second-header-only", 4, 'S', NULL, NULL, FALSE, MISSING },
    { "version-1", 7, 1, NULL, NULL, FALSE, UNFIT },
    { "version-258", 6, 1, NULL, NULL, FALSE, UNFIT },
    { "size-0", 14, 0, NULL, NULL, FALSE, BROKEN },
    { "size-odd", 15, 1, NULL, NULL, FALSE, BROKEN },
    { "size-8-KiB", 14, 0x20, NULL, NULL, FALSE, BROKEN },
    { "size-huge", 8, 0x80, NULL, NULL, FALSE, BROKEN },
    { "size-beyond-partition", 13, 0x20, NULL, NULL, FALSE, BROKEN },
    { "not-the-first", 263, 1, NULL, NULL, FALSE, BROKEN },
    { "checksum-name", 72, 'S', NULL, NULL, FALSE, BROKEN },
    { "checksum", 448, 0xff, NULL, NULL, TRUE, BROKEN },
    { "changed", 40, 0xff, NULL, NULL, TRUE, BROKEN },
    { "metadata-changed", 4096 + 8000, 1, NULL, NULL, TRUE, BROKEN },
    { "uuid", 168, 'g', NULL, NULL, FALSE, BROKEN },
    { "after-metadata", 4096 + 8000, 1, NULL, NULL, FALSE, BROKEN },
    { "metadata-broken", -1, 0, "{\"keyslots\"", "{\"keyslots", FALSE, BROKEN },
    { "metadata-list", 4096, '[', NULL, NULL, FALSE, BROKEN },
    { "no-segments", -1, 0, "\"segments\":{", "\"s\":{", FALSE, BROKEN },
    { "no-segment-0", -1, 0, "{\"0\":{\"type\":\"crypt\"", "{\"1\":{\"type\":\"crypt\"",
      FALSE, BROKEN },
    { "offset-word", -1, 0, "\"1048576\"", "\"1048576x\"", FALSE, BROKEN },
    { "offset-negative", -1, 0, "\"1048576\"", "\"-512\"", FALSE, BROKEN },
    { "offset-huge", -1, 0, "\"1048576\"", "\"99999999999999999999\"", FALSE, BROKEN },
    { "offset-in-header", -1, 0, "\"1048576\"", "\"32256\"", FALSE, BROKEN },
    { "offset-odd", -1, 0, "\"1048576\"", "\"1048577\"", FALSE, BROKEN },
    { "offset-outside", -1, 0, "\"1048576\"", "\"4194304\"", FALSE, BROKEN },
    { "offset-beyond-data", -1, 0, "\"1048576\"", "\"2097152\"", FALSE, UNFIT },
};

/* Sound as a header; only the guest's judgement stands against it. */
static const Change judged[] = {
    { "null-cipher", -1, 0, "\"0\",\"encryption\":\"aes-xts-plain64\"",
      "\"0\",\"encryption\":\"cipher_null-ecb\"", FALSE, UNFIT },
    { "linear-segment", -1, 0, "\"crypt\"", "\"linear\"", FALSE, UNFIT },
    { "token", -1, 0, "\"tokens\":{}", "\"tokens\":{\"0\":{}}", FALSE, UNFIT },
    { "requirement", -1, 0, "\"config\":{",
      "\"config\":{\"requirements\":{\"mandatory\":[\"online-reencrypt\"]},", FALSE,
      UNFIT },
    { "reencryption", -1, 0, "\"type\":\"luks2\"", "\"type\":\"reencrypt\"", FALSE, UNFIT },
    { "integrity", -1, 0, "\"sector_size\":512",
      "\"sector_size\":512,\"integrity\":{\"type\":\"hmac(sha256)\"}", FALSE, UNFIT },
};

static void
apply (const Change *change, guint8 *area)
{
    if (change->from != NULL) {
        g_autofree char *json = good_json ();
        g_auto (GStrv) parts = g_strsplit (json, change->from, -1);
        g_assert_cmpuint (g_strv_length (parts), ==, 2);
        g_autofree char *changed = g_strjoinv (change->to, parts);
        luks_maker_fill (area, changed, strlen (changed));
        return;
    }
    area[change->offset] = change->value;
    if (!change->unsealed)
        luks_maker_seal (area);
}

static void
test_change (gconstpointer data)
{
    const Change *change = data;
    g_autofree guint8 *area = good_area ();

    expect (area, OFFSET, -1);
    apply (change, area);
    expect (area, OFFSET, change->code);
}

static void
test_cut (void)
{
    g_autofree guint8 *area = good_area ();

    for (gsize len = 0; len < OFFSET; len += 4093) {
        g_autofree guint8 *part = g_memdup2 (area, MAX (len, 1));
        expect (part, len, len < 6 ? MISSING : len < LUKS_MAKER_HDR_SIZE ? BROKEN : UNFIT);
    }
}

static const DiskPartition partitions[] = {
    { DISK_TYPE_LINUX, 2048, 4095, "plain" },
    { DISK_TYPE_LINUX, 4096, 12287, "first" },
    { DISK_TYPE_LINUX, 12288, 20479, "second" },
};

static ImageInfo *
open_disk (const TestDir *dir)
{
    g_autofree char *path = test_dir_path (dir, "disk.raw");
    g_autoptr (GError) error = NULL;
    ImageInfo *info = image_info_open (path, NULL, NULL, NULL, &error);

    g_assert_no_error (error);
    return info;
}

static void
expect_find (const TestDir *dir, int code)
{
    g_autoptr (ImageInfo) info = open_disk (dir);
    g_autoptr (GError) error = NULL;
    g_autoptr (LuksHeader) header = luks_find (info, NULL, &error);

    g_assert_null (header);
    g_assert_error (error, IMAGE_ERROR, code);
}

static void
expect_found (const TestDir *dir, const guint8 *area)
{
    g_autoptr (ImageInfo) info = open_disk (dir);
    g_autoptr (GError) error = NULL;
    g_autoptr (LuksHeader) header = luks_find (info, NULL, &error);

    g_assert_no_error (error);
    g_assert_cmpuint (header->partition, ==, 2);
    g_assert_cmpuint (header->start, ==, 4096 * 512);
    g_assert_cmpuint (header->length, ==, OFFSET);
    g_assert_cmpstr (header->uuid, ==, LUKS_MAKER_UUID);
    g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
    guint8 digest[32];
    gsize len = sizeof digest;
    g_checksum_update (sum, area, OFFSET);
    g_checksum_get_digest (sum, digest, &len);
    g_assert_cmpmem (header->sha256, sizeof header->sha256, digest, sizeof digest);
}

/* On a disk, where a good header was found before: @area is sound and is refused. */
static void
expect_judged (const guint8 *area)
{
    g_auto (TestDir) dir = { 0 };
    g_autofree guint8 *good = good_area ();

    test_dir_init (&dir);
    g_autofree char *path = test_dir_path (&dir, "disk.raw");
    disk_write (path, SECTORS, partitions, G_N_ELEMENTS (partitions));
    disk_put (path, 4096 * 512, good, OFFSET);
    expect_found (&dir, good);
    expect (area, OFFSET, -1);
    disk_put (path, 4096 * 512, area, OFFSET);
    expect_find (&dir, UNFIT);
}

static void
test_judged (gconstpointer data)
{
    g_autofree guint8 *area = good_area ();

    if (test_skip_without ("qemu-nbd", NULL))
        return;
    apply (data, area);
    expect_judged (area);
}

/* Primary and secondary header must say the same, or guest and owner could differ. */
static void
test_second_header (void)
{
    g_autofree guint8 *area = good_area ();
    guint8 *second = area + LUKS_MAKER_HDR_SIZE;

    if (test_skip_without ("qemu-nbd", NULL))
        return;
    second[32] ^= 1;
    luks_maker_seal (second);
    expect_judged (area);
}

/* A judge that is missing, dies or stumbles lets nothing through. */
static void
test_judge_fails (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autofree guint8 *area = good_area ();

    if (test_skip_without ("qemu-nbd", NULL))
        return;
    test_dir_init (&dir);
    g_autofree char *path = test_dir_path (&dir, "disk.raw");
    g_autofree char *script = test_dir_path (&dir, "judge");
    disk_write (path, SECTORS, partitions, G_N_ELEMENTS (partitions));
    disk_put (path, 4096 * 512, area, OFFSET);
    expect_found (&dir, area);
    luks_set_judge (script);
    expect_find (&dir, IMAGE_ERROR_TOOL);
    test_dir_write (&dir, "judge", "#!/bin/sh\nexit 2\n", 0700);
    expect_find (&dir, IMAGE_ERROR_TOOL);
    test_dir_write (&dir, "judge", "#!/bin/sh\nkill -9 $$\n", 0700);
    expect_find (&dir, IMAGE_ERROR_TOOL);
    test_dir_write (&dir, "judge", "#!/bin/sh\nexit 1\n", 0700);
    expect_find (&dir, UNFIT);
    luks_set_judge (built_judge);
    expect_found (&dir, area);
}

static void
test_find (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autofree guint8 *area = good_area ();

    if (test_skip_without ("qemu-nbd", NULL))
        return;
    test_dir_init (&dir);
    g_autofree char *path = test_dir_path (&dir, "disk.raw");

    disk_write (path, SECTORS, partitions, G_N_ELEMENTS (partitions));
    expect_find (&dir, MISSING);
    disk_put (path, 4096 * 512, area, OFFSET);
    expect_found (&dir, area);
    disk_put (path, 12288 * 512, area, OFFSET);
    expect_find (&dir, IMAGE_ERROR_LUKS_MANY);
    /* A magic suffices to make it two; a magic that begins elsewhere does not. */
    disk_put (path, 12288 * 512, "LUKS\xba\xbe", 7);
    expect_find (&dir, IMAGE_ERROR_LUKS_MANY);
    disk_put (path, 12288 * 512, "X", 1);
    expect_found (&dir, area);
    disk_put (path, 4096 * 512 + 16, "X", 1);
    expect_find (&dir, BROKEN);
}

/* The type of the partition is as good a sign as the magic. */
static void
test_find_by_type (void)
{
    static const DiskPartition typed[] = { { DISK_TYPE_LINUX, 2048, 4095, "plain" },
                                           { DISK_TYPE_LUKS, 4096, 12287, "luks" },
                                           { DISK_TYPE_LUKS, 12288, 20479, "luks" } };
    g_auto (TestDir) dir = { 0 };
    g_autofree guint8 *area = good_area ();

    if (test_skip_without ("qemu-nbd", NULL))
        return;
    test_dir_init (&dir);
    g_autofree char *path = test_dir_path (&dir, "disk.raw");
    disk_write (path, SECTORS, typed, 2);
    disk_put (path, 4096 * 512, area, OFFSET);
    expect_found (&dir, area);
    disk_put (path, 4096 * 512, "none", 4);
    expect_find (&dir, MISSING);
    disk_write (path, SECTORS, typed, 3);
    expect_find (&dir, IMAGE_ERROR_LUKS_MANY);
}

static void
test_cryptsetup (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autofree char *uuid = NULL;
    g_autoptr (GError) error = NULL;
    guint64 length = 0;

    if (test_skip_without ("cryptsetup", NULL))
        return;
    test_dir_init (&dir);
    test_dir_write (&dir, "luks", "", 0600);
    test_dir_write (&dir, "key", "pass", 0600);
    g_autofree char *path = test_dir_path (&dir, "luks");
    g_autofree char *key = test_dir_path (&dir, "key");
    g_assert_cmpint (truncate (path, 32 << 20), ==, 0);
    g_autofree char *made = test_run_words (
        "cryptsetup", "luksFormat", "-q", "--type", "luks2", "--pbkdf", "pbkdf2",
        "--pbkdf-force-iterations", "1000", "--cipher", "aes-xts-plain64", "--key-size",
        "512", "--luks2-keyslots-size", "1015808", "--offset", "2048", path, key);
    g_autofree char *text = test_run_words ("cryptsetup", "luksUUID", path);
    g_autofree guint8 *area = disk_get (path, 0, 16 << 20);
    g_assert_true (luks_parse (area, 16 << 20, 32 << 20, &uuid, &length, &error));
    g_assert_no_error (error);
    g_assert_cmpstr (uuid, ==, g_strstrip (text));
    g_assert_cmpuint (length, ==, 2048 * 512);

    g_autofree char *null_made =
        test_run_words ("cryptsetup", "luksFormat", "-q", "--type", "luks1",
                        "--pbkdf-force-iterations", "1000", path, key);
    g_autofree guint8 *luks1 = disk_get (path, 0, 16 << 20);
    expect (luks1, 16 << 20, UNFIT);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    /* The one that was built, whether one is installed or not. */
    built_judge = g_test_build_filename (G_TEST_BUILT, "ovmf-hooks/guest/luks-judge", NULL);
    luks_set_judge (built_judge);

    for (gsize i = 0; i < G_N_ELEMENTS (judged); i++) {
        g_autofree char *path = g_strconcat ("/image/luks/judged/", judged[i].name, NULL);
        g_test_add_data_func (path, &judged[i], test_judged);
    }
    for (gsize i = 0; i < G_N_ELEMENTS (changes); i++) {
        g_autofree char *path = g_strconcat ("/image/luks/change/", changes[i].name, NULL);
        g_test_add_data_func (path, &changes[i], test_change);
    }
    g_test_add_func ("/image/luks/second-header", test_second_header);
    g_test_add_func ("/image/luks/cut", test_cut);
    g_test_add_func ("/image/luks/judge-fails", test_judge_fails);
    g_test_add_func ("/image/luks/find", test_find);
    g_test_add_func ("/image/luks/find-by-type", test_find_by_type);
    g_test_add_func ("/image/luks/cryptsetup", test_cryptsetup);
    const int status = g_test_run ();
    g_free (built_judge);
    return status;
}
