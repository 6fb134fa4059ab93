/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Partition tables.  Written here from UEFI's chapter 5 with a CRC of our own (its check
 * value is known), and by sfdisk.
 */

#include <string.h>
#include <unistd.h>

#include "launcher/image/gpt.h"
#include "tests/lib/disk-maker.h"
#include "tests/lib/test-crc32.h"
#include "tests/lib/test-dir.h"
#include "tests/lib/test-tools.h"

#define SECTORS 4096u
#define HEADER(field) (DISK_HEADER + (field))
#define ENTRY(n, field) (DISK_ENTRIES + (n) *DISK_ENTRY + (field))

static const DiskPartition two[] = {
    { DISK_TYPE_ESP, 34, 99, "EFI system" },
    { DISK_TYPE_LUKS, 100, SECTORS - 34, "Wurzel \xc3\xa9" },
};

static GPtrArray *
parse (const GByteArray *gpt, guint64 sectors, GError **error)
{
    return gpt_parse (gpt->data, gpt->len, sectors * DISK_SECTOR, error);
}

static void
check_two (GPtrArray *partitions)
{
    g_assert_cmpuint (partitions->len, ==, 2);
    const GptPartition *esp = partitions->pdata[0];
    g_assert_cmpuint (esp->number, ==, 1);
    g_assert_true (sev_guid_equal (&esp->type, &gpt_type_esp));
    g_assert_cmpuint (esp->start, ==, 34 * 512);
    g_assert_cmpuint (esp->size, ==, 66 * 512);
    g_assert_cmpstr (esp->name, ==, "EFI system");
    const GptPartition *root = partitions->pdata[1];
    g_assert_cmpuint (root->number, ==, 2);
    g_assert_true (sev_guid_equal (&root->type, &gpt_type_luks));
    g_assert_cmpuint (root->start, ==, 100 * 512);
    g_assert_cmpuint (root->size, ==, (SECTORS - 34 - 99) * 512);
    g_assert_cmpstr (root->name, ==, "Wurzel \xc3\xa9");
}

static void
test_good (void)
{
    g_autoptr (GByteArray) gpt = disk_gpt (SECTORS, two, G_N_ELEMENTS (two));
    g_autoptr (GError) error = NULL;

    g_assert_cmphex (test_crc32 ("123456789", 9), ==, 0xcbf43926);
    g_autoptr (GPtrArray) partitions = parse (gpt, SECTORS, &error);
    g_assert_no_error (error);
    check_two (partitions);
}

static void
test_empty_and_full (void)
{
    g_autofree DiskPartition *many = g_new0 (DiskPartition, 128);
    g_autoptr (GByteArray) empty = disk_gpt (SECTORS, NULL, 0);
    g_autoptr (GError) error = NULL;

    g_autoptr (GPtrArray) none = parse (empty, SECTORS, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (none->len, ==, 0);

    for (guint i = 0; i < 128; i++)
        many[i] = (DiskPartition){ DISK_TYPE_LINUX, 34 + i, 34 + i, "p" };
    g_autoptr (GByteArray) full = disk_gpt (SECTORS, many, 128);
    g_autoptr (GPtrArray) all = parse (full, SECTORS, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (all->len, ==, 128);
    const GptPartition *last = all->pdata[127];
    g_assert_cmpuint (last->number, ==, 128);
    g_assert_cmpuint (last->start, ==, 161 * 512);
    g_assert_cmpuint (last->size, ==, 512);
}

/* An entry that is not used takes no number away. */
static void
test_hole (void)
{
    g_autoptr (GByteArray) gpt = disk_gpt (SECTORS, two, G_N_ELEMENTS (two));
    g_autoptr (GError) error = NULL;

    memset (gpt->data + ENTRY (0, 0), 0, 16);
    disk_gpt_seal (gpt);
    g_autoptr (GPtrArray) partitions = parse (gpt, SECTORS, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (partitions->len, ==, 1);
    const GptPartition *root = partitions->pdata[0];
    g_assert_cmpuint (root->number, ==, 2);
}

static void
test_names (void)
{
    static const guint16 units[] = { 'a', 0x1b, 0xd83d, 0xde00, 0x202e, 0x00e9 };
    g_autoptr (GByteArray) gpt = disk_gpt (SECTORS, two, 1);
    g_autoptr (GError) error = NULL;

    for (guint i = 0; i < 36; i++)
        disk_put_le (gpt->data + ENTRY (0, 56 + 2 * i),
                     i < G_N_ELEMENTS (units) ? units[i] : 'z', 2);
    disk_gpt_seal (gpt);
    g_autoptr (GPtrArray) partitions = parse (gpt, SECTORS, &error);
    g_assert_no_error (error);
    const GptPartition *esp = partitions->pdata[0];
    /* Escape, surrogates and the right-to-left mark are not for a terminal. */
    g_assert_cmpstr (esp->name, ==,
                     "a????\xc3\xa9"
                     "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzz");
}

/* One field changed, with checksums made right unless the checksum is what is tested. */
typedef struct {
    const char *name;
    gsize offset;
    guint bytes;
    guint64 value;
    gboolean unsealed;
    int code;
} Change;

#define BROKEN IMAGE_ERROR_GPT_BROKEN

static const Change changes[] = {
    { "no-mbr-signature", 510, 2, 0, FALSE, BROKEN },
    { "mbr-not-protective", 450, 1, 0x83, FALSE, BROKEN },
    { "no-header", HEADER (0), 8, 0, FALSE, BROKEN },
    { "header-crc", HEADER (16), 4, 0, TRUE, BROKEN },
    { "header-changed", HEADER (56), 1, 0xff, TRUE, BROKEN },
    { "entries-crc", HEADER (88), 4, 0, TRUE, BROKEN },
    { "entries-changed", ENTRY (1, 48), 1, 1, TRUE, BROKEN },
    { "unused-entry-changed", ENTRY (127, 127), 1, 1, TRUE, BROKEN },
    { "revision", HEADER (8), 4, 0x20000, FALSE, BROKEN },
    { "header-size-small", HEADER (12), 4, 91, FALSE, BROKEN },
    { "header-size-large", HEADER (12), 4, 513, FALSE, BROKEN },
    { "header-size-huge", HEADER (12), 4, 0xffffffff, FALSE, BROKEN },
    { "reserved", HEADER (20), 4, 1, FALSE, BROKEN },
    { "my-lba", HEADER (24), 8, 2, FALSE, BROKEN },
    { "backup-over-header", HEADER (32), 8, 1, FALSE, BROKEN },
    { "backup-outside", HEADER (32), 8, SECTORS, FALSE, BROKEN },
    { "first-usable-over-table", HEADER (40), 8, 33, FALSE, BROKEN },
    { "first-usable-overflow", HEADER (40), 8, G_GUINT64_CONSTANT (1) << 55, FALSE,
      BROKEN },
    { "last-usable-outside", HEADER (48), 8, SECTORS, FALSE, BROKEN },
    { "last-usable-before-first", HEADER (48), 8, 33, FALSE, BROKEN },
    { "entries-lba-1", HEADER (72), 8, 1, FALSE, BROKEN },
    { "entries-lba-outside", HEADER (72), 8, SECTORS, FALSE, BROKEN },
    { "entries-lba-overflow", HEADER (72), 8, G_MAXUINT64, FALSE, BROKEN },
    { "no-entries", HEADER (80), 4, 0, FALSE, BROKEN },
    { "129-entries", HEADER (80), 4, 129, FALSE, BROKEN },
    { "entries-overflow", HEADER (80), 4, 0x02000000, FALSE, BROKEN },
    { "entry-size-64", HEADER (84), 4, 64, FALSE, BROKEN },
    { "entry-size-256", HEADER (84), 4, 256, FALSE, BROKEN },
    { "entry-size-0", HEADER (84), 4, 0, FALSE, BROKEN },
    { "partition-over-table", ENTRY (0, 32), 8, 33, FALSE, BROKEN },
    { "partition-outside", ENTRY (1, 40), 8, SECTORS - 33, FALSE, BROKEN },
    { "partition-size-overflow", ENTRY (1, 40), 8, G_MAXUINT64, FALSE, BROKEN },
    { "partition-backwards", ENTRY (1, 40), 8, 99, FALSE, BROKEN },
    { "partitions-overlap", ENTRY (1, 32), 8, 99, FALSE, BROKEN },
    { "partition-inside-other", ENTRY (0, 40), 8, SECTORS - 34, FALSE, BROKEN },
    { "unique-guid-twice", ENTRY (1, 31), 1, 1, FALSE, BROKEN },
};

static void
test_change (gconstpointer data)
{
    const Change *change = data;
    g_autoptr (GByteArray) gpt = disk_gpt (SECTORS, two, G_N_ELEMENTS (two));
    g_autoptr (GError) error = NULL;

    /* A disk with room for 129 entries in the bytes that are there. */
    g_byte_array_set_size (gpt, 64 * DISK_SECTOR);
    memset (gpt->data + DISK_FIRST * DISK_SECTOR, 0, 30 * DISK_SECTOR);
    g_autoptr (GPtrArray) good = parse (gpt, SECTORS, &error);
    g_assert_no_error (error);
    check_two (good);

    disk_put_le (gpt->data + change->offset, change->value, change->bytes);
    if (!change->unsealed)
        disk_gpt_seal (gpt);
    g_autoptr (GPtrArray) bad = parse (gpt, SECTORS, &error);
    g_assert_null (bad);
    g_assert_error (error, IMAGE_ERROR, change->code);
}

static void
expect_missing (const guint8 *data, gsize len, guint64 disk_size)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (GPtrArray) partitions = gpt_parse (data, len, disk_size, &error);

    g_assert_null (partitions);
    g_assert_error (error, IMAGE_ERROR, IMAGE_ERROR_GPT_MISSING);
}

static void
test_missing (void)
{
    g_autoptr (GByteArray) gpt = disk_gpt (SECTORS, two, G_N_ELEMENTS (two));
    g_autofree guint8 *zeroes = g_malloc0 (gpt->len);
    g_autoptr (GError) error = NULL;

    expect_missing (zeroes, gpt->len, SECTORS * DISK_SECTOR);
    expect_missing (gpt->data, 1023, 1023);
    expect_missing (gpt->data, gpt->len, gpt->len - 1);
    expect_missing (gpt->data, 0, 0);
    /* An MBR with real partitions. */
    memset (gpt->data + DISK_HEADER, 0, 8);
    gpt->data[450] = 0x83;
    expect_missing (gpt->data, gpt->len, SECTORS * DISK_SECTOR);

    g_autoptr (GByteArray) good = disk_gpt (SECTORS, two, G_N_ELEMENTS (two));
    g_autoptr (GPtrArray) huge =
        gpt_parse (good->data, good->len, (guint64) G_MAXINT64 + 1, &error);
    g_assert_null (huge);
    g_assert_error (error, IMAGE_ERROR, IMAGE_ERROR_GPT_BROKEN);
}

/* Every cut is refused, and nothing behind it is read (AddressSanitizer looks). */
static void
test_cut (void)
{
    g_autoptr (GByteArray) gpt = disk_gpt (SECTORS, two, G_N_ELEMENTS (two));

    for (gsize len = 0; len < gpt->len; len += 61) {
        g_autofree guint8 *part = g_memdup2 (gpt->data, MAX (len, 1));
        g_autoptr (GPtrArray) partitions =
            gpt_parse (part, len, SECTORS * DISK_SECTOR, NULL);
        g_assert_null (partitions);
    }
}

static void
test_sfdisk (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (GError) error = NULL;
    const char *script = "label: gpt\n"
                         "start=2048, size=8192, type=" DISK_TYPE_ESP ", name=boot\n"
                         "start=10240, size=4096, type=" DISK_TYPE_LUKS ", name=\"a b\"\n";

    if (test_skip_without ("sfdisk", NULL))
        return;
    test_dir_init (&dir);
    g_autofree char *path = test_dir_path (&dir, "disk");
    test_dir_write (&dir, "disk", "", 0600);
    g_assert_cmpint (truncate (path, 16 << 20), ==, 0);
    const char *const argv[] = { "sfdisk", "-q", path, NULL };
    g_autofree char *output = test_run (argv, script);
    g_autofree guint8 *head = disk_get (path, 0, GPT_READ_SIZE);
    g_autoptr (GPtrArray) partitions = gpt_parse (head, GPT_READ_SIZE, 16 << 20, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (partitions->len, ==, 2);
    const GptPartition *boot = partitions->pdata[0];
    g_assert_true (sev_guid_equal (&boot->type, &gpt_type_esp));
    g_assert_cmpuint (boot->start, ==, 2048 * 512);
    g_assert_cmpuint (boot->size, ==, 8192 * 512);
    g_assert_cmpstr (boot->name, ==, "boot");
    const GptPartition *luks = partitions->pdata[1];
    g_assert_true (sev_guid_equal (&luks->type, &gpt_type_luks));
    g_assert_cmpuint (luks->start, ==, 10240 * 512);
    g_assert_cmpstr (luks->name, ==, "a b");
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    g_test_add_func ("/image/gpt/good", test_good);
    g_test_add_func ("/image/gpt/empty-and-full", test_empty_and_full);
    g_test_add_func ("/image/gpt/hole", test_hole);
    g_test_add_func ("/image/gpt/names", test_names);
    g_test_add_func ("/image/gpt/missing", test_missing);
    g_test_add_func ("/image/gpt/cut", test_cut);
    g_test_add_func ("/image/gpt/sfdisk", test_sfdisk);
    for (gsize i = 0; i < G_N_ELEMENTS (changes); i++) {
        g_autofree char *path = g_strconcat ("/image/gpt/change/", changes[i].name, NULL);
        g_test_add_data_func (path, &changes[i], test_change);
    }
    return g_test_run ();
}
