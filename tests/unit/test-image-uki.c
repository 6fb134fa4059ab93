/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Unified kernel images, written here from "PE Format" and systemd-stub(7). */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/image/esp.h"
#include "tests/lib/disk-maker.h"
#include "tests/lib/test-dir.h"
#include "tests/lib/uki-maker.h"

#define STUB "252.39-1~deb12u2"
#define KERNEL "the kernel"

static void
check_good (const UkiInfo *info)
{
    g_assert_cmpstr (info->cmdline, ==, "panic=-1 quiet");
    g_assert_cmpstr (info->uname, ==, "6.1.0-37-amd64");
    g_assert_cmpstr (info->os_name, ==, "Debian 12");
    g_assert_cmpstr (info->stub, ==, STUB);
    g_assert_cmpuint (info->stub_version, ==, 252);
    g_assert_cmpuint (info->linux_size, ==, strlen (KERNEL));
    g_assert_cmpuint (info->initrd_size, ==, strlen ("initial ramdisk"));
}

static void
expect (const GByteArray *uki, int code)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (UkiInfo) info = uki_parse (uki->data, uki->len, &error);

    if (code < 0) {
        g_assert_no_error (error);
        g_assert_nonnull (info);
        return;
    }
    g_assert_null (info);
    g_assert_error (error, IMAGE_ERROR, code);
}

static void
test_good (void)
{
    g_autoptr (GByteArray) uki = uki_maker_uki (STUB, KERNEL);
    g_autoptr (GError) error = NULL;
    g_autoptr (UkiInfo) info = uki_parse (uki->data, uki->len, &error);

    g_assert_no_error (error);
    check_good (info);
}

typedef struct {
    const char *name;
    gsize offset;
    guint bytes;
    guint64 value;
    int code;
} Change;

/* The eight bytes of a section's name as a number. */
#define NAME_XLINUX G_GUINT64_CONSTANT (0x000078756e696c78)  /* "xlinux" */
#define NAME_LINUX G_GUINT64_CONSTANT (0x000078756e696c2e)   /* ".linux" */
#define NAME_PROFILE G_GUINT64_CONSTANT (0x656c69666f72702e) /* ".profile" */

#define NOT_UKI IMAGE_ERROR_UKI_NOT_UKI
#define BROKEN IMAGE_ERROR_UKI_BROKEN
#define UNKNOWN IMAGE_ERROR_UKI_STUB_UNKNOWN
#define TOO_NEW IMAGE_ERROR_UKI_STUB_TOO_NEW

static const Change changes[] = {
    { "mz", 0, 1, 'X', NOT_UKI },
    { "pe-signature", UKI_MAKER_PE, 1, 'X', NOT_UKI },
    { "new-header-far", 60, 4, 0xffffffff, NOT_UKI },
    { "new-header-in-dos-header", 60, 4, 4, NOT_UKI },
    { "machine-i386", UKI_MAKER_MACHINE, 2, 0x14c, NOT_UKI },
    { "pe32", UKI_MAKER_MAGIC, 2, 0x10b, NOT_UKI },
    { "optional-header-long", UKI_MAKER_OPTIONAL_SIZE, 2, 0xffff, BROKEN },
    { "optional-header-none", UKI_MAKER_OPTIONAL_SIZE, 2, 0, BROKEN },
    { "sections-97", UKI_MAKER_N_SECTIONS, 2, 97, BROKEN },
    { "sections-two", UKI_MAKER_N_SECTIONS, 2, 2, NOT_UKI },
    { "no-linux", UKI_MAKER_SECTION (UKI_MAKER_LINUX), 8, NAME_XLINUX, NOT_UKI },
    { "no-initrd", UKI_MAKER_SECTION (UKI_MAKER_INITRD), 8, NAME_XLINUX, NOT_UKI },
    { "no-cmdline", UKI_MAKER_SECTION (UKI_MAKER_CMDLINE), 8, NAME_XLINUX, NOT_UKI },
    { "linux-twice", UKI_MAKER_SECTION (UKI_MAKER_UNAME), 8, NAME_LINUX, BROKEN },
    { "offset-outside", UKI_MAKER_RAW_OFFSET (UKI_MAKER_LINUX), 4, 0xfffffff0, BROKEN },
    { "size-outside", UKI_MAKER_RAW_SIZE (UKI_MAKER_INITRD), 4, 4096, BROKEN },
    { "size-huge", UKI_MAKER_RAW_SIZE (UKI_MAKER_INITRD), 4, 0xffffffff, BROKEN },
    { "memory-beyond-file", UKI_MAKER_VIRTUAL_SIZE (UKI_MAKER_LINUX), 4, 17, BROKEN },
    { "memory-wraps", UKI_MAKER_ADDRESS (UKI_MAKER_LINUX), 4, 0xffffffff, BROKEN },
    { "memory-overlaps", UKI_MAKER_ADDRESS (UKI_MAKER_INITRD), 4, 0x1000, BROKEN },
    { "file-overlaps", UKI_MAKER_RAW_SIZE (UKI_MAKER_LINUX), 4, 17, BROKEN },
    { "kernel-empty", UKI_MAKER_VIRTUAL_SIZE (UKI_MAKER_LINUX), 4, 0, BROKEN },
    { "no-marker", UKI_MAKER_SECTION (UKI_MAKER_SDMAGIC), 8, NAME_XLINUX, UNKNOWN },
    { "marker-without-end", UKI_MAKER_RAW_SIZE (UKI_MAKER_SDMAGIC), 4, 40, UNKNOWN },
    { "profiles", UKI_MAKER_SECTION (UKI_MAKER_UNAME), 8, NAME_PROFILE, TOO_NEW },
};

static void
test_change (gconstpointer data)
{
    const Change *change = data;
    g_autoptr (GByteArray) uki = uki_maker_uki (STUB, KERNEL);

    expect (uki, -1);
    disk_put_le (uki->data + change->offset, change->value, change->bytes);
    expect (uki, change->code);
}

typedef struct {
    const char *stub;
    int code;
} Stub;

static const Stub stubs[] = {
    { "249", -1 },
    { "250.4", -1 },
    { "252.39-1", -1 },
    { "253.7", -1 },
    { "254", TOO_NEW },
    { "254~rc1", TOO_NEW },
    { "255.4-1", TOO_NEW },
    { "257", TOO_NEW },
    { "1000", TOO_NEW },
    { "99999999999999999999999", TOO_NEW },
    { "", UNKNOWN },
    { "v252", UNKNOWN },
    { "252\x1b[2J", UNKNOWN },
    { "-252", UNKNOWN },
};

static void
test_stubs (void)
{
    for (gsize i = 0; i < G_N_ELEMENTS (stubs); i++) {
        g_autoptr (GByteArray) uki = uki_maker_uki (stubs[i].stub, KERNEL);
        expect (uki, stubs[i].code);
    }
}

/* What the payload says of a stub counts for nothing. */
static void
test_marker_in_payload (void)
{
    const UkiSection sections[] = {
        { ".text", "program" },
        { ".cmdline", "quiet" },
        { ".linux", "#### LoaderInfo: systemd-stub 252 ####" },
        { ".initrd", "#### LoaderInfo: systemd-stub 252 ####" },
    };
    g_autoptr (GByteArray) uki = uki_maker (sections, G_N_ELEMENTS (sections));

    expect (uki, UNKNOWN);
}

static void
test_cmdlines (void)
{
    static const struct {
        const char *text;
        int code;
    } rows[] = {
        { "", -1 },         { "quiet\n", -1 },  { "a\nb", BROKEN }, { "a\x1b[2J", BROKEN },
        { "\xff", BROKEN }, { "\xc3\xa4", -1 },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        const UkiSection sections[] = {
            { ".sdmagic", "#### LoaderInfo: systemd-stub 252 ####" },
            { ".cmdline", rows[i].text },
            { ".linux", "k" },
            { ".initrd", "i" },
        };
        g_autoptr (GByteArray) uki = uki_maker (sections, G_N_ELEMENTS (sections));
        expect (uki, rows[i].code);
    }
}

static void
test_cut (void)
{
    g_autoptr (GByteArray) uki = uki_maker_uki (STUB, KERNEL);

    for (gsize len = 0; len < uki->len; len++) {
        g_autofree guint8 *part = g_memdup2 (uki->data, MAX (len, 1));
        g_autoptr (UkiInfo) info = uki_parse (part, len, NULL);
        g_assert_null (info);
    }
}

static void
test_loader (void)
{
    g_autoptr (GByteArray) loader = uki_maker_loader ();

    expect (loader, NOT_UKI);
}

static void
test_load (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (GByteArray) bytes = uki_maker_uki (STUB, KERNEL);
    g_autoptr (GError) error = NULL;
    const char again[16] = { 0 };

    test_dir_init (&dir);
    test_dir_write_bytes (&dir, "uki.efi", bytes->data, bytes->len, 0600);
    g_autofree char *path = test_dir_path (&dir, "uki.efi");
    g_autoptr (EspUki) uki = esp_load_uki (path, &error);
    g_assert_no_error (error);
    check_good (uki->info);
    g_assert_cmpuint (uki->size, ==, bytes->len);

    g_autofree char *sum =
        g_compute_checksum_for_data (G_CHECKSUM_SHA256, bytes->data, bytes->len);
    for (gsize i = 0; i < sizeof uki->sha256; i++) {
        g_autofree char *hex = g_strdup_printf ("%02x", uki->sha256[i]);
        g_assert_cmpmem (hex, 2, sum + 2 * i, 2);
    }
    /* What was checked is what will run, whatever happens to the file. */
    test_dir_write (&dir, "uki.efi", "another", 0600);
    g_autofree guint8 *content = g_malloc (bytes->len + 1);
    g_assert_cmpint (read (uki->fd, content, bytes->len + 1), ==, (gssize) bytes->len);
    g_assert_cmpmem (content, bytes->len, bytes->data, bytes->len);
    g_assert_cmpint (pwrite (uki->fd, again, sizeof again, 0), <, 0);
    g_assert_cmpint (ftruncate (uki->fd, 0), <, 0);
}

static void
expect_load (const TestDir *dir, const char *name, int code)
{
    g_autofree char *path = test_dir_path (dir, name);
    g_autoptr (GError) error = NULL;
    g_autoptr (EspUki) uki = esp_load_uki (path, &error);

    g_assert_null (uki);
    g_assert_error (error, IMAGE_ERROR, code);
}

static void
test_load_refusals (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (GByteArray) bytes = uki_maker_uki (STUB, KERNEL);

    test_dir_init (&dir);
    test_dir_write_bytes (&dir, "uki.efi", bytes->data, bytes->len, 0600);
    test_dir_write_bytes (&dir, "large.efi", bytes->data, bytes->len, 0600);
    g_autofree char *large = test_dir_path (&dir, "large.efi");
    g_assert_cmpint (truncate (large, (off_t) UKI_MAX_SIZE + 1), ==, 0);
    g_autofree char *fifo = test_dir_path (&dir, "fifo");
    g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
    test_dir_make (&dir, "directory", 0700);

    expect_load (&dir, "none.efi", IMAGE_ERROR_MISSING);
    expect_load (&dir, "uki.efi/under", IMAGE_ERROR_MISSING);
    expect_load (&dir, "large.efi", IMAGE_ERROR_UKI_TOO_LARGE);
    expect_load (&dir, "fifo", NOT_UKI);
    expect_load (&dir, "directory", NOT_UKI);
}

static void
test_unreadable (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (GByteArray) bytes = uki_maker_uki (STUB, KERNEL);

    if (geteuid () == 0) {
        g_test_skip ("root reads everything");
        return;
    }
    test_dir_init (&dir);
    test_dir_write_bytes (&dir, "uki.efi", bytes->data, bytes->len, 0);
    expect_load (&dir, "uki.efi", IMAGE_ERROR_UNREADABLE);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    g_test_add_func ("/image/uki/good", test_good);
    for (gsize i = 0; i < G_N_ELEMENTS (changes); i++) {
        g_autofree char *path = g_strconcat ("/image/uki/change/", changes[i].name, NULL);
        g_test_add_data_func (path, &changes[i], test_change);
    }
    g_test_add_func ("/image/uki/stubs", test_stubs);
    g_test_add_func ("/image/uki/marker-in-payload", test_marker_in_payload);
    g_test_add_func ("/image/uki/cmdlines", test_cmdlines);
    g_test_add_func ("/image/uki/cut", test_cut);
    g_test_add_func ("/image/uki/loader", test_loader);
    g_test_add_func ("/image/uki/load", test_load);
    g_test_add_func ("/image/uki/load-refusals", test_load_refusals);
    g_test_add_func ("/image/uki/unreadable", test_unreadable);
    return g_test_run ();
}
