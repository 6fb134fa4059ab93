/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * FAT file systems of every kind, made and filled by mtools: what is read is what was put
 * in, and no byte is asked for that is not in the partition.
 */

#include "config.h" /* memmem() */

#include <string.h>
#include <unistd.h>

#include "launcher/image/fat.h"
#include "tests/lib/disk-maker.h"
#include "tests/lib/test-dir.h"
#include "tests/lib/test-tools.h"

#define SECTOR 512u

typedef struct {
    const char *name;
    guint sectors;
    const char *sectors_text;
    const char *cluster; /* sectors */
    gboolean fat32;
} Kind;

static const Kind kinds[] = {
    { "fat12", 2880, "2880", "1", FALSE },
    { "fat12-large", 32768, "32768", "16", FALSE },
    { "fat16", 40960, "40960", "4", FALSE },
    { "fat16-small", 16384, "16384", "1", FALSE },
    { "fat32", 131072, "131072", "1", TRUE },
    { "fat32-large", 1048576, "1048576", "8", TRUE },
};

typedef struct {
    TestDir dir;
    char *path;
    guint64 size;
    guint64 bytes; /* that were read */
    gboolean broken;
} Disk;

static gboolean
read_disk (gpointer data, guint64 offset, guint8 *out, gsize len, GError **error)
{
    Disk *disk = data;

    g_assert_cmpuint (offset % SECTOR, ==, 0);
    g_assert_cmpuint (len % SECTOR, ==, 0);
    g_assert_cmpuint (len, >, 0);
    g_assert_cmpuint (len, <=, disk->size);
    g_assert_cmpuint (offset, <=, disk->size - len);
    if (disk->broken) {
        g_set_error_literal (error, IMAGE_ERROR, IMAGE_ERROR_TIMEOUT, "late");
        return FALSE;
    }
    g_autofree guint8 *bytes = disk_get (disk->path, offset, len);
    memcpy (out, bytes, len);
    disk->bytes += len;
    return TRUE;
}

static gboolean
take (gpointer data, const guint8 *bytes, gsize len, GError **error)
{
    g_assert_cmpuint (len, >, 0);
    g_byte_array_append (data, bytes, (guint) len);
    return TRUE;
}

static gboolean
take_none (gpointer data, const guint8 *bytes, gsize len, GError **error)
{
    g_set_error_literal (error, IMAGE_ERROR, IMAGE_ERROR_IO, "full");
    return FALSE;
}

static gboolean
set_up (Disk *disk, const Kind *kind)
{
    if (test_skip_without ("mformat", "mmd", "mcopy", NULL))
        return FALSE;
    test_dir_init (&disk->dir);
    test_dir_write (&disk->dir, "fat", "", 0600);
    disk->path = test_dir_path (&disk->dir, "fat");
    disk->size = (guint64) kind->sectors * SECTOR;
    g_assert_cmpint (truncate (disk->path, (off_t) disk->size), ==, 0);
    g_autofree char *made =
        kind->fat32 ? test_run_words ("mformat", "-F", "-i", disk->path, "-T",
                                      kind->sectors_text, "-c", kind->cluster, "::")
                    : test_run_words ("mformat", "-i", disk->path, "-T", kind->sectors_text,
                                      "-c", kind->cluster, "::");
    return TRUE;
}

static void
disk_clear (Disk *disk)
{
    test_dir_clear (&disk->dir);
    g_clear_pointer (&disk->path, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Disk, disk_clear)

static GByteArray *
content (guint seed, gsize len)
{
    g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
    GByteArray *bytes = g_byte_array_new ();

    g_byte_array_set_size (bytes, (guint) len);
    for (gsize i = 0; i < len; i++)
        bytes->data[i] = (guint8) g_rand_int (rand);
    return bytes;
}

static void
put (const Disk *disk, const char *name, guint seed, gsize len)
{
    g_autoptr (GByteArray) bytes = content (seed, len);
    g_autofree char *from = test_dir_path (&disk->dir, "file");

    test_dir_write_bytes (&disk->dir, "file", bytes->data, len, 0600);
    g_autofree char *made = test_run_words ("mcopy", "-o", "-i", disk->path, from, name);
}

static void
make_dir (const Disk *disk, const char *name)
{
    g_autofree char *made = test_run_words ("mmd", "-i", disk->path, name);
}

static const FatEntry *
find (GPtrArray *entries, const char *name)
{
    for (guint i = 0; i < entries->len; i++) {
        const FatEntry *entry = entries->pdata[i];

        if (strcmp (entry->name, name) == 0)
            return entry;
    }
    g_error ("'%s' is not there", name);
}

static void
check_file (Fat *fat, GPtrArray *entries, const char *name, guint seed, gsize len)
{
    const FatEntry *entry = find (entries, name);
    g_autoptr (GByteArray) expected = content (seed, len);
    g_autoptr (GByteArray) found = g_byte_array_new ();
    g_autoptr (GError) error = NULL;

    g_assert_false (entry->directory);
    g_assert_cmpuint (entry->size, ==, len);
    g_assert_true (fat_read_file (fat, entry, take, found, &error));
    g_assert_no_error (error);
    g_assert_cmpmem (found->data, found->len, expected->data, expected->len);
}

static GPtrArray *
list (Fat *fat, const FatEntry *directory)
{
    g_autoptr (GError) error = NULL;
    GPtrArray *entries = fat_list (fat, directory, &error);

    g_assert_no_error (error);
    return entries;
}

/* Two units of UTF-16 that mtools does not write. */
static void
change_text (const Disk *disk, const char *old, const char *new, gsize len)
{
    g_autofree guint8 *all = disk_get (disk->path, 0, disk->size);
    const guint8 *at = memmem (all, disk->size, old, len);

    g_assert_nonnull (at);
    disk_put (disk->path, (guint64) (at - all), new, len);
}

/* Names of every sort, sizes around those of clusters, and a file in pieces. */
static void
test_kind (gconstpointer data)
{
    g_auto (Disk) disk = { 0 };
    g_autoptr (GError) error = NULL;

    if (!set_up (&disk, data))
        return;
    put (&disk, "::a.bin", 1, 100000);
    put (&disk, "::B.BIN", 2, 4096);
    put (&disk, "::empty", 3, 0);
    g_autofree char *deleted = test_run_words ("mdel", "-i", disk.path, "::B.BIN");
    make_dir (&disk, "::Deep");
    make_dir (&disk, "::Deep/EFI");
    put (&disk, "::Deep/EFI/Long Name, of some letters+more.efi", 4, 1);
    put (&disk, "::Deep/EFI/QQ two units.txt", 5, 8192);
    /* Where the deleted one was, and behind. */
    put (&disk, "::c", 6, 300001);
    for (guint i = 0; i < 70; i++) {
        g_autofree char *name = g_strdup_printf ("::Deep/EFI/file number %u", i);
        put (&disk, name, 100 + i, i);
    }

    change_text (&disk, "Q\0Q\0", "\x3d\xd8\x00\xde", 4);

    g_autoptr (Fat) fat = fat_open (disk.size, read_disk, &disk, &error);
    g_assert_no_error (error);
    g_autoptr (GPtrArray) root = list (fat, NULL);
    g_assert_cmpuint (root->len, ==, 4);
    check_file (fat, root, "a.bin", 1, 100000);
    check_file (fat, root, "empty", 3, 0);
    check_file (fat, root, "c", 6, 300001);
    g_autoptr (GPtrArray) deep = list (fat, find (root, "Deep"));
    g_assert_cmpuint (deep->len, ==, 1);
    g_autoptr (GPtrArray) efi = list (fat, find (deep, "EFI"));
    g_assert_cmpuint (efi->len, ==, 72);
    check_file (fat, efi, "Long Name, of some letters+more.efi", 4, 1);
    check_file (fat, efi, "\360\237\230\200 two units.txt", 5, 8192);
    check_file (fat, efi, "file number 69", 169, 69);
}

/* Only what was asked for, and errors of others as they are. */
static void
test_reads (void)
{
    g_auto (Disk) disk = { 0 };
    g_autoptr (GError) error = NULL;

    if (!set_up (&disk, &kinds[2]))
        return;
    put (&disk, "::a", 1, 1000000);
    put (&disk, "::b", 2, 1000000);
    g_autoptr (Fat) fat = fat_open (disk.size, read_disk, &disk, &error);
    g_assert_no_error (error);
    g_autoptr (GPtrArray) root = list (fat, NULL);
    check_file (fat, root, "b", 2, 1000000);
    g_assert_cmpuint (disk.bytes, >=, 1000000);
    g_assert_cmpuint (disk.bytes, <, 1200000);

    g_assert_false (fat_read_file (fat, find (root, "b"), take_none, NULL, &error));
    g_assert_error (error, IMAGE_ERROR, IMAGE_ERROR_IO);
    g_clear_error (&error);
    disk.broken = TRUE;
    g_autoptr (GByteArray) found = g_byte_array_new ();
    g_assert_false (fat_read_file (fat, find (root, "b"), take, found, &error));
    g_assert_error (error, IMAGE_ERROR, IMAGE_ERROR_TIMEOUT);
    g_clear_error (&error);
    g_autoptr (Fat) none = fat_open (disk.size, read_disk, &disk, &error);
    g_assert_null (none);
    g_assert_error (error, IMAGE_ERROR, IMAGE_ERROR_TIMEOUT);
}

/* Fields of the boot sector of FAT32, after the same one was taken. */
static void
test_fat32_fields (void)
{
    static const struct {
        guint offset;
        guint bytes;
        guint32 value;
    } rows[] = {
        { 17, 2, 16 },         /* entries of a root directory that is elsewhere */
        { 36, 4, 0 },          /* sectors per FAT */
        { 36, 4, 1 },          /* fewer than the clusters need */
        { 36, 4, 0x7fffffff }, /* more than there are */
        { 40, 2, 0x8f },       /* the table that counts */
        { 42, 2, 1 },          /* version */
        { 44, 4, 0 },          /* root directory */
        { 44, 4, 0x0fffffff }, { 32, 4, 0xffffffff }, /* sectors */
        { 510, 1, 0 },                                /* signature */
    };
    g_auto (Disk) disk = { 0 };

    if (!set_up (&disk, &kinds[4]))
        return;
    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autofree guint8 *old = disk_get (disk.path, rows[i].offset, rows[i].bytes);
        g_autoptr (GError) error = NULL;
        guint8 field[4];

        g_autoptr (Fat) good = fat_open (disk.size, read_disk, &disk, &error);
        g_assert_no_error (error);
        g_autoptr (GPtrArray) root = list (good, NULL);
        g_assert_cmpuint (root->len, ==, 0);
        disk_put_le (field, rows[i].value, 4);
        disk_put (disk.path, rows[i].offset, field, rows[i].bytes);
        g_autoptr (Fat) bad = fat_open (disk.size, read_disk, &disk, &error);
        g_autoptr (GPtrArray) none = bad != NULL ? fat_list (bad, NULL, &error) : NULL;
        g_assert_null (none);
        g_assert_error (error, IMAGE_ERROR, IMAGE_ERROR_FAT_BROKEN);
        disk_put (disk.path, rows[i].offset, old, rows[i].bytes);
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++) {
        g_autofree char *path = g_strconcat ("/image/fat/kind/", kinds[i].name, NULL);
        g_test_add_data_func (path, &kinds[i], test_kind);
    }
    g_test_add_func ("/image/fat/reads", test_reads);
    g_test_add_func ("/image/fat/fat32-fields", test_fat32_fields);
    return g_test_run ();
}
