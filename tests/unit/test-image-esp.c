/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The unified kernel image of a disk's EFI system partition.  File systems are made by
 * mtools; each refusal comes after the same disk, with a good image on it, was accepted.
 */

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "launcher/image/esp.h"
#include "tests/lib/disk-maker.h"
#include "tests/lib/test-dir.h"
#include "tests/lib/test-tools.h"
#include "tests/lib/uki-maker.h"

#define STUB "252.39-1~deb12u2"
#define ESP_FIRST 2048u
#define ESP_LAST (ESP_FIRST + (16u << 11) - 1) /* 16 MiB: FAT16 */
#define SECTORS (20u << 11)
#define ESP_OFFSET (ESP_FIRST * 512u)

static const DiskPartition esp_only[] = { { DISK_TYPE_ESP, ESP_FIRST, ESP_LAST, "boot" } };

typedef struct {
    TestDir dir;
    char *path;       /* of the disk */
    char *fat;        /* of its file system, for mtools */
    GHashTable *made; /* directories */
} Disk;

static gboolean
disk_set_up (Disk *disk)
{
    if (test_skip_without ("qemu-nbd", "mformat", "mmd", "mcopy", NULL))
        return FALSE;
    test_dir_init (&disk->dir);
    disk->path = test_dir_path (&disk->dir, "disk.raw");
    disk->made = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    disk->fat = g_strdup_printf ("%s@@%u", disk->path, ESP_OFFSET);
    disk_write (disk->path, SECTORS, esp_only, 1);
    g_autofree char *sectors = g_strdup_printf ("%u", ESP_LAST - ESP_FIRST + 1);
    g_autofree char *made =
        test_run_words ("mformat", "-i", disk->fat, "-T", sectors, "-c", "4", "::");
    return TRUE;
}

static void
disk_clear (Disk *disk)
{
    test_dir_clear (&disk->dir);
    g_clear_pointer (&disk->path, g_free);
    g_clear_pointer (&disk->fat, g_free);
    g_clear_pointer (&disk->made, g_hash_table_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Disk, disk_clear)

static void
make_dir (const Disk *disk, const char *name)
{
    if (!g_hash_table_add (disk->made, g_strdup (name)))
        return;
    g_autofree char *made = test_run_words ("mmd", "-i", disk->fat, name);
}

/* @name: "::EFI/Linux/a.efi"; its directories are made */
static void
put_file (const Disk *disk, const char *name, const void *data, gsize len)
{
    g_auto (GStrv) parts = g_strsplit (name + 2, "/", -1);
    g_autoptr (GString) path = g_string_new ("::");
    g_autofree char *from = test_dir_path (&disk->dir, "file");

    for (gsize i = 0; parts[i + 1] != NULL; i++) {
        g_string_append_printf (path, "%s%s", i > 0 ? "/" : "", parts[i]);
        make_dir (disk, path->str);
    }
    test_dir_write_bytes (&disk->dir, "file", data, len, 0600);
    g_autofree char *made = test_run_words ("mcopy", "-o", "-i", disk->fat, from, name);
}

static void
put_uki (const Disk *disk, const char *name, const char *stub)
{
    g_autoptr (GByteArray) uki = uki_maker_uki (stub, "the kernel");

    put_file (disk, name, uki->data, uki->len);
}

static void
put_loader (const Disk *disk, const char *name)
{
    g_autoptr (GByteArray) loader = uki_maker_loader ();

    put_file (disk, name, loader->data, loader->len);
}

static EspUki *
extract (const Disk *disk, GCancellable *cancellable, GError **error)
{
    g_autoptr (ImageInfo) info = image_info_open (disk->path, "raw", NULL, NULL, error);

    g_assert_nonnull (info);
    return esp_extract_uki (info, cancellable, error);
}

static void
expect_found (const Disk *disk, const char *path)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (EspUki) uki = extract (disk, NULL, &error);
    g_autoptr (GByteArray) bytes = uki_maker_uki (STUB, "the kernel");
    g_autofree guint8 *content = g_malloc (bytes->len + 1);

    g_assert_no_error (error);
    g_assert_cmpstr (uki->path, ==, path);
    g_assert_cmpuint (uki->size, ==, bytes->len);
    g_assert_cmpstr (uki->info->cmdline, ==, "panic=-1 quiet");
    g_assert_cmpint (read (uki->fd, content, bytes->len + 1), ==, (gssize) bytes->len);
    g_assert_cmpmem (content, bytes->len, bytes->data, bytes->len);
}

static void
expect (const Disk *disk, int code)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (EspUki) uki = extract (disk, NULL, &error);

    g_assert_null (uki);
    g_assert_error (error, IMAGE_ERROR, code);
}

static void
test_places (void)
{
    static const char *const places[] = { "EFI/Linux/debian-6.1.efi", "EFI/Linux/A.EFI",
                                          "EFI/BOOT/BOOTX64.EFI" };

    for (gsize i = 0; i < G_N_ELEMENTS (places); i++) {
        g_auto (Disk) disk = { 0 };
        g_autofree char *name = g_strconcat ("::", places[i], NULL);

        if (!disk_set_up (&disk))
            return;
        put_uki (&disk, name, STUB);
        expect_found (&disk, places[i]);
    }
}

/* Other boot loaders take no part in a direct boot. */
static void
test_beside_others (void)
{
    g_auto (Disk) disk = { 0 };

    if (!disk_set_up (&disk))
        return;
    put_uki (&disk, "::EFI/Linux/a.efi", STUB);
    put_loader (&disk, "::EFI/BOOT/BOOTX64.EFI");
    put_loader (&disk, "::EFI/debian/shimx64.efi");
    put_loader (&disk, "::EFI/systemd/systemd-bootx64.efi");
    put_loader (&disk, "::EFI/Linux/memtest.efi");
    put_file (&disk, "::EFI/Linux/readme.txt", "text", 4);
    expect_found (&disk, "EFI/Linux/a.efi");
}

static void
test_none (void)
{
    g_auto (Disk) disk = { 0 };

    if (!disk_set_up (&disk))
        return;
    expect (&disk, IMAGE_ERROR_ESP_NO_UKI);
    make_dir (&disk, "::EFI");
    make_dir (&disk, "::EFI/Linux");
    make_dir (&disk, "::EFI/BOOT");
    put_file (&disk, "::EFI/Linux/readme.txt", "text", 4);
    expect (&disk, IMAGE_ERROR_ESP_NO_UKI);
    /* The right name for another processor. */
    put_uki (&disk, "::EFI/BOOT/BOOTAA64.EFI", STUB);
    expect (&disk, IMAGE_ERROR_ESP_NO_UKI);
    put_uki (&disk, "::EFI/BOOT/BOOTX64.EFI", STUB);
    expect_found (&disk, "EFI/BOOT/BOOTX64.EFI");
}

static void
test_foreign (void)
{
    static const char *const loaders[] = { "::EFI/debian/shimx64.efi",
                                           "::EFI/debian/grubx64.efi",
                                           "::EFI/systemd/systemd-bootx64.efi",
                                           "::EFI/BOOT/BOOTX64.EFI" };
    static const char *const shown[] = { "debian", "debian", "systemd", "BOOTX64.EFI" };

    for (gsize i = 0; i < G_N_ELEMENTS (loaders); i++) {
        g_auto (Disk) disk = { 0 };
        g_autoptr (GError) error = NULL;

        if (!disk_set_up (&disk))
            return;
        put_loader (&disk, loaders[i]);
        g_autoptr (EspUki) uki = extract (&disk, NULL, &error);
        g_assert_null (uki);
        g_assert_error (error, IMAGE_ERROR, IMAGE_ERROR_ESP_FOREIGN);
        g_assert_nonnull (strstr (error->message, shown[i]));
        put_uki (&disk, "::EFI/Linux/a.efi", STUB);
        expect_found (&disk, "EFI/Linux/a.efi");
    }
}

/* Two are too many, also when one of them would be refused anyway. */
static void
test_many (void)
{
    static const char *const stubs[] = { STUB, "255.4", "none" };

    for (gsize i = 0; i < G_N_ELEMENTS (stubs); i++) {
        g_auto (Disk) disk = { 0 };

        if (!disk_set_up (&disk))
            return;
        put_uki (&disk, "::EFI/Linux/b.efi", STUB);
        expect_found (&disk, "EFI/Linux/b.efi");
        put_uki (&disk, i == 0 ? "::EFI/BOOT/BOOTX64.EFI" : "::EFI/Linux/a.efi", stubs[i]);
        expect (&disk, IMAGE_ERROR_ESP_MANY_UKIS);
    }
}

static void
test_refused_uki (void)
{
    g_auto (Disk) disk = { 0 };
    g_autoptr (GByteArray) broken = uki_maker_uki (STUB, "the kernel");

    if (!disk_set_up (&disk))
        return;
    put_uki (&disk, "::EFI/Linux/a.efi", STUB);
    expect_found (&disk, "EFI/Linux/a.efi");
    put_uki (&disk, "::EFI/Linux/a.efi", "254.1");
    expect (&disk, IMAGE_ERROR_UKI_STUB_TOO_NEW);
    put_uki (&disk, "::EFI/Linux/a.efi", "of mine");
    expect (&disk, IMAGE_ERROR_UKI_STUB_UNKNOWN);
    put_file (&disk, "::EFI/Linux/a.efi", broken->data, broken->len - 16);
    expect (&disk, IMAGE_ERROR_UKI_BROKEN);
}

static void
test_partitions (void)
{
    static const DiskPartition none[] = { { DISK_TYPE_LINUX, ESP_FIRST, ESP_LAST,
                                            "root" } };
    static const DiskPartition two[] = {
        { DISK_TYPE_ESP, ESP_FIRST, ESP_LAST, "boot" },
        { DISK_TYPE_ESP, ESP_LAST + 1, ESP_LAST + 100, "boot" },
    };
    static const DiskPartition large[] = { { DISK_TYPE_ESP, ESP_FIRST,
                                             ESP_FIRST + (1024u << 11), "boot" } };
    const guint64 large_sectors = SECTORS + (1024u << 11);
    g_auto (Disk) disk = { 0 };

    if (!disk_set_up (&disk))
        return;
    put_uki (&disk, "::EFI/Linux/a.efi", STUB);
    expect_found (&disk, "EFI/Linux/a.efi");

    g_autoptr (GByteArray) no_esp = disk_gpt (SECTORS, none, 1);
    disk_put (disk.path, 0, no_esp->data, no_esp->len);
    expect (&disk, IMAGE_ERROR_ESP_MISSING);
    g_autoptr (GByteArray) two_esps = disk_gpt (SECTORS, two, 2);
    disk_put (disk.path, 0, two_esps->data, two_esps->len);
    expect (&disk, IMAGE_ERROR_ESP_MANY);
    g_autoptr (GByteArray) one = disk_gpt (SECTORS, esp_only, 1);
    disk_put (disk.path, 0, one->data, one->len);
    expect_found (&disk, "EFI/Linux/a.efi");
    disk_put (disk.path, 512 + 16, "\0", 1);
    expect (&disk, IMAGE_ERROR_GPT_BROKEN);
    disk_put (disk.path, 512, "\0", 1);
    disk_put (disk.path, 450, "\0", 1);
    expect (&disk, IMAGE_ERROR_GPT_MISSING);

    g_assert_cmpint (truncate (disk.path, (off_t) (large_sectors * 512)), ==, 0);
    g_autoptr (GByteArray) large_esp = disk_gpt (large_sectors, large, 1);
    disk_put (disk.path, 0, large_esp->data, large_esp->len);
    expect (&disk, IMAGE_ERROR_ESP_TOO_LARGE);
}

/* A field of the boot sector (Microsoft's "FAT: General Overview of On-Disk Format"). */
static void
test_boot_sector (void)
{
    static const struct {
        guint offset;
        guint bytes;
        guint32 value;
    } rows[] = {
        { 11, 2, 0 },                    /* bytes per sector */
        { 11, 2, 0xffff }, { 13, 1, 0 }, /* sectors per cluster */
        { 14, 2, 0xffff },               /* reserved sectors */
        { 16, 1, 0 },                    /* number of FATs */
        { 22, 2, 0xffff },               /* sectors per FAT */
    };

    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_auto (Disk) disk = { 0 };
        guint8 field[4];

        if (!disk_set_up (&disk))
            return;
        put_uki (&disk, "::EFI/Linux/a.efi", STUB);
        expect_found (&disk, "EFI/Linux/a.efi");
        disk_put_le (field, rows[i].value, 4);
        disk_put (disk.path, ESP_OFFSET + rows[i].offset, field, rows[i].bytes);
        g_autoptr (GError) error = NULL;
        g_autoptr (EspUki) uki = extract (&disk, NULL, &error);
        g_assert_null (uki);
        g_test_message ("%u=%u: %s", rows[i].offset, rows[i].value, error->message);
        /* Where no directory can be read there is none, or none that is sound. */
        g_assert_true (g_error_matches (error, IMAGE_ERROR, IMAGE_ERROR_FAT_BROKEN) ||
                       g_error_matches (error, IMAGE_ERROR, IMAGE_ERROR_ESP_NO_UKI));
    }
}

static void
test_no_fat (void)
{
    g_auto (Disk) disk = { 0 };
    guint8 zeroes[512] = { 0 };

    if (!disk_set_up (&disk))
        return;
    put_uki (&disk, "::EFI/Linux/a.efi", STUB);
    expect_found (&disk, "EFI/Linux/a.efi");
    disk_put (disk.path, ESP_OFFSET, zeroes, sizeof zeroes);
    expect (&disk, IMAGE_ERROR_FAT_BROKEN);
}

/* Both copies of the FAT of a FAT16 file system, entry after entry. */
static void
change_fat (const Disk *disk, guint16 (*change) (guint index, guint16 value))
{
    g_autofree guint8 *boot = disk_get (disk->path, ESP_OFFSET, 512);
    const guint64 reserved = disk_get_le (boot + 14, 2);
    const guint64 size = disk_get_le (boot + 22, 2) * 512;

    g_assert_cmpuint (size, >, 0);
    for (guint copy = 0; copy < boot[16]; copy++) {
        const guint64 at = ESP_OFFSET + reserved * 512 + copy * size;
        g_autofree guint8 *fat = disk_get (disk->path, at, size);

        for (guint i = 2; i < size / 2; i++)
            disk_put_le (fat + 2 * i, change (i, (guint16) disk_get_le (fat + 2 * i, 2)),
                         2);
        disk_put (disk->path, at, fat, size);
    }
}

/* Chains end in themselves: directories of one cluster too. */
static guint16
loop_ends (guint index, guint16 value)
{
    return value >= 0xfff8 ? (guint16) index : value;
}

/* Files of several clusters come back to their second one. */
static guint16
loop_middle (guint index, guint16 value)
{
    return value == index + 1 ? (guint16) index : value;
}

static guint16
point_outside (guint index, guint16 value)
{
    return value == index + 1 ? 0xfff0 : value;
}

static void
check_loop (guint16 (*change) (guint index, guint16 value))
{
    g_auto (Disk) disk = { 0 };
    g_autofree char *kernel = g_strnfill (40000, 'k');
    g_autoptr (GByteArray) uki = uki_maker_uki (STUB, kernel);
    g_autoptr (GError) error = NULL;
    g_autoptr (GError) later = NULL;

    if (!disk_set_up (&disk))
        return;
    put_file (&disk, "::EFI/Linux/a.efi", uki->data, uki->len);
    g_autoptr (EspUki) good = extract (&disk, NULL, &error);
    g_assert_no_error (error);
    change_fat (&disk, change);
    g_autoptr (EspUki) bad = extract (&disk, NULL, &later);
    g_assert_null (bad);
    g_assert_error (later, IMAGE_ERROR, IMAGE_ERROR_FAT_BROKEN);
}

static void
test_loops (void)
{
    check_loop (loop_ends);
    check_loop (loop_middle);
    check_loop (point_outside);
}

/* Two entries with one name: which one is meant is anybody's guess. */
static void
test_name_twice (void)
{
    g_auto (Disk) disk = { 0 };

    if (!disk_set_up (&disk))
        return;
    put_uki (&disk, "::EFI/Linux/a.efi", STUB);
    make_dir (&disk, "::EFX");
    expect_found (&disk, "EFI/Linux/a.efi");
    g_autofree guint8 *boot = disk_get (disk.path, ESP_OFFSET, 512);
    const guint64 root = ESP_OFFSET + 512 * (disk_get_le (boot + 14, 2) +
                                             boot[16] * disk_get_le (boot + 22, 2));
    g_autofree guint8 *entries = disk_get (disk.path, root, 512);
    for (guint i = 0; i < 512; i += 32)
        if (memcmp (entries + i, "EFX        ", 11) == 0)
            disk_put (disk.path, root + i + 2, "I", 1);
    expect (&disk, IMAGE_ERROR_FAT_BROKEN);
}

static void
test_names (void)
{
    g_auto (Disk) disk = { 0 };

    if (!disk_set_up (&disk))
        return;
    put_uki (&disk, "::EFI/Linux/a.efi", STUB);
    for (guint i = 0; i < 15; i++) {
        g_autofree char *name = g_strdup_printf ("::EFI/Linux/l%u.efi", i);
        put_loader (&disk, name);
    }
    expect_found (&disk, "EFI/Linux/a.efi");
    put_loader (&disk, "::EFI/Linux/l15.efi");
    expect (&disk, IMAGE_ERROR_FAT_BROKEN);
}

/* What a terminal or a shell would take for a command. */
static void
test_odd_name (void)
{
    g_auto (Disk) disk = { 0 };

    if (!disk_set_up (&disk))
        return;
    put_uki (&disk, "::EFI/Linux/a.efi", STUB);
    expect_found (&disk, "EFI/Linux/a.efi");
    put_loader (&disk, "::EFI/Linux/b&c;d.efi");
    expect (&disk, IMAGE_ERROR_FAT_BROKEN);
}

/* The entry of @name, 8 and 3 characters, in a FAT16 root directory or the one cluster of a
 * directory that fits.  Returns its place on the disk. */
static guint64
find_entry (const Disk *disk, const char *name)
{
    g_autofree guint8 *all = disk_get (disk->path, ESP_OFFSET, 1u << 20);

    for (gsize at = 0; at < 1u << 20; at += 32)
        if (memcmp (all + at, name, 11) == 0)
            return ESP_OFFSET + at;
    g_assert_not_reached ();
}

/* Sizes that the directory claims. */
static void
test_sizes (void)
{
    static const struct {
        guint32 size;
        int code;
    } rows[] = {
        { (256u << 20) + 1, IMAGE_ERROR_UKI_TOO_LARGE }, /* UKI_MAX_SIZE */
        { G_MAXUINT32, IMAGE_ERROR_UKI_TOO_LARGE },
        { 256u << 20, IMAGE_ERROR_FAT_BROKEN }, /* more than there are clusters */
        { 0, IMAGE_ERROR_FAT_BROKEN },          /* but there is one */
    };
    g_auto (Disk) disk = { 0 };

    if (!disk_set_up (&disk))
        return;
    put_uki (&disk, "::EFI/BOOT/BOOTX64.EFI", STUB);
    expect_found (&disk, "EFI/BOOT/BOOTX64.EFI");
    const guint64 at = find_entry (&disk, "BOOTX64 EFI");
    g_autofree guint8 *old = disk_get (disk.path, at + 28, 4);
    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        guint8 field[4];

        disk_put_le (field, rows[i].size, 4);
        disk_put (disk.path, at + 28, field, 4);
        expect (&disk, rows[i].code);
    }
    disk_put (disk.path, at + 28, old, 4);
    expect_found (&disk, "EFI/BOOT/BOOTX64.EFI");
}

static void
test_cancelled (void)
{
    g_auto (Disk) disk = { 0 };
    g_autoptr (GCancellable) cancellable = g_cancellable_new ();
    g_autoptr (GError) error = NULL;

    if (!disk_set_up (&disk))
        return;
    put_uki (&disk, "::EFI/Linux/a.efi", STUB);
    g_autoptr (EspUki) good = extract (&disk, cancellable, &error);
    g_assert_no_error (error);
    g_cancellable_cancel (cancellable);
    g_autoptr (EspUki) uki = extract (&disk, cancellable, &error);
    g_assert_null (uki);
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    g_test_add_func ("/image/esp/places", test_places);
    g_test_add_func ("/image/esp/beside-others", test_beside_others);
    g_test_add_func ("/image/esp/none", test_none);
    g_test_add_func ("/image/esp/foreign", test_foreign);
    g_test_add_func ("/image/esp/many", test_many);
    g_test_add_func ("/image/esp/refused-uki", test_refused_uki);
    g_test_add_func ("/image/esp/partitions", test_partitions);
    g_test_add_func ("/image/esp/boot-sector", test_boot_sector);
    g_test_add_func ("/image/esp/no-fat", test_no_fat);
    g_test_add_func ("/image/esp/loops", test_loops);
    g_test_add_func ("/image/esp/name-twice", test_name_twice);
    g_test_add_func ("/image/esp/names", test_names);
    g_test_add_func ("/image/esp/odd-name", test_odd_name);
    g_test_add_func ("/image/esp/sizes", test_sizes);
    g_test_add_func ("/image/esp/cancelled", test_cancelled);
    return g_test_run ();
}
