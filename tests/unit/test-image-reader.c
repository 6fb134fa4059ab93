/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The process that reads the image, and what it says: answers are the same as without it,
 * and one that was tampered with is not taken.
 */

#include "config.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "launcher/flow/image-answer.h"
#include "launcher/flow/image-reader.h"
#include "tests/lib/disk-maker.h"
#include "tests/lib/luks-maker.h"
#include "tests/lib/test-dir.h"
#include "tests/lib/test-tools.h"
#include "tests/lib/uki-maker.h"

#define ESP_FIRST 2048u
#define ESP_LAST (ESP_FIRST + (16u << 11) - 1)
#define LUKS_FIRST (ESP_LAST + 1)
#define LUKS_LAST (LUKS_FIRST + 8191)
#define SECTORS (LUKS_LAST + 2048)

static const DiskPartition partitions[] = { { DISK_TYPE_ESP, ESP_FIRST, ESP_LAST, "boot" },
                                            { DISK_TYPE_LINUX, LUKS_FIRST, LUKS_LAST,
                                              "root" } };

typedef struct {
    TestDir dir;
    char *path;
    ImageReader *reader;
} Fixture;

static gboolean
set_up (Fixture *f)
{
    g_autoptr (GError) error = NULL;

    if (test_skip_without ("qemu-nbd", "qemu-io", "mformat", "mmd", "mcopy", NULL))
        return FALSE;
    test_dir_init (&f->dir);
    f->path = test_dir_path (&f->dir, "disk.raw");
    disk_write (f->path, SECTORS, partitions, G_N_ELEMENTS (partitions));
    g_autofree char *fat = g_strdup_printf ("%s@@%u", f->path, ESP_FIRST * 512);
    g_autofree char *made =
        test_run_words ("mformat", "-i", fat, "-T", "32768", "-c", "4", "::");
    g_autoptr (GByteArray) uki = uki_maker_uki ("252.39-1~deb12u2", "the kernel");
    test_dir_write_bytes (&f->dir, "uki", uki->data, uki->len, 0600);
    g_autofree char *from = test_dir_path (&f->dir, "uki");
    g_autofree char *efi = test_run_words ("mmd", "-i", fat, "::EFI");
    g_autofree char *vendor = test_run_words ("mmd", "-i", fat, "::EFI/Linux");
    g_autofree char *put = test_run_words ("mcopy", "-i", fat, from, "::EFI/Linux/a.efi");
    g_autofree guint8 *area = g_malloc0 (2 * LUKS_MAKER_HDR_SIZE);
    luks_maker_fill (area, "{}", 2);
    disk_put (f->path, LUKS_FIRST * 512, area, 2 * LUKS_MAKER_HDR_SIZE);
    f->reader = image_reader_start (f->path, NULL, NULL, NULL, &error);
    g_assert_no_error (error);
    return TRUE;
}

static void
tear_down (Fixture *f)
{
    image_reader_free (f->reader);
    test_dir_clear (&f->dir);
    g_free (f->path);
}

static void
check_uki (int fd, gsize size)
{
    g_autoptr (GByteArray) expected = uki_maker_uki ("252.39-1~deb12u2", "the kernel");
    g_autofree guint8 *content = g_malloc (size + 1);

    g_assert_cmpint (read (fd, content, size + 1), ==, (gssize) size);
    g_assert_cmpmem (content, size, expected->data, expected->len);
    g_assert_cmpint (write (fd, "x", 1), ==, -1);
}

static void
test_answers (void)
{
    Fixture f = { 0 };
    g_autoptr (GError) error = NULL;
    g_autofree char *uuid = NULL;

    if (!set_up (&f))
        return;
    g_autoptr (ImageInfo) info = image_reader_open (f.reader, NULL, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (image_info_get_n_layers (info), ==, 1);
    const ImageLayer *layer = image_info_get_layer (info, 0);
    g_assert_cmpstr (layer->path, ==, f.path);
    g_assert_cmpint (layer->format, ==, IMAGE_FORMAT_RAW);
    g_assert_cmpuint (layer->size, ==, SECTORS * 512);
    g_assert_null (image_info_get_server (info));

    g_assert_true (image_reader_uuid (f.reader, &uuid, NULL, &error));
    g_assert_no_error (error);
    g_assert_cmpstr (uuid, ==, LUKS_MAKER_UUID);

    g_autoptr (EspUki) uki = image_reader_uki (f.reader, NULL, &error);
    g_assert_no_error (error);
    g_assert_cmpstr (uki->path, ==, "EFI/Linux/a.efi");
    g_assert_cmpstr (uki->info->cmdline, ==, "panic=-1 quiet");
    g_assert_cmpuint (uki->info->stub_version, ==, 252);
    check_uki (uki->fd, uki->size);

    /* A header without segments: its error comes as it is. */
    g_autoptr (LuksHeader) header = image_reader_luks (f.reader, NULL, &error);
    g_assert_null (header);
    g_assert_error (error, IMAGE_ERROR, IMAGE_ERROR_LUKS_BROKEN);
    g_clear_error (&error);
    image_reader_close (f.reader);
    g_autoptr (ImageInfo) after = image_reader_open (f.reader, NULL, &error);
    g_assert_null (after);
    g_assert_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_INTERNAL);
    tear_down (&f);
}

/* Another process of the user can open what is held; QEMU holds nothing any more. */
static void
test_hold (void)
{
    Fixture f = { 0 };
    g_autoptr (GError) error = NULL;

    if (!set_up (&f))
        return;
    g_autofree char *none = image_reader_hold (f.reader, NULL, &error);
    g_assert_null (none);
    g_assert_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_INTERNAL);
    g_clear_error (&error);
    image_reader_free (f.reader);
    f.reader = image_reader_start (f.path, NULL, NULL, NULL, &error);
    g_autoptr (EspUki) uki = image_reader_uki (f.reader, NULL, &error);
    g_assert_no_error (error);
    g_autofree char *held = image_reader_hold (f.reader, NULL, &error);
    g_assert_no_error (error);
    const int fd = open (held, O_RDONLY | O_CLOEXEC);
    check_uki (fd, uki->size);
    close (fd);
    g_autofree char *written =
        test_run_words ("qemu-io", "-f", "raw", "-c", "write -q 0 512", f.path);
    image_reader_close (f.reader);
    g_assert_cmpint (open (held, O_RDONLY | O_CLOEXEC), ==, -1);
    tear_down (&f);
}

/* What is wrong inside is no error while a release is looked for; the rest is. */
static void
test_uuid (void)
{
    Fixture f = { 0 };
    g_autoptr (GError) error = NULL;
    g_autofree char *uuid = NULL;

    if (!set_up (&f))
        return;
    g_assert_true (image_reader_uuid (f.reader, &uuid, NULL, &error));
    g_assert_cmpstr (uuid, ==, LUKS_MAKER_UUID);
    g_clear_pointer (&uuid, g_free);
    disk_put (f.path, LUKS_FIRST * 512 + 100, "x", 1);
    image_reader_free (f.reader);
    f.reader = image_reader_start (f.path, NULL, NULL, NULL, &error);
    g_assert_true (image_reader_uuid (f.reader, &uuid, NULL, &error));
    g_assert_null (uuid);
    image_reader_free (f.reader);
    f.reader = image_reader_start (f.path, "qcow2", NULL, NULL, &error);
    g_assert_false (image_reader_uuid (f.reader, &uuid, NULL, &error));
    g_assert_error (error, IMAGE_ERROR, IMAGE_ERROR_FORMAT);
    tear_down (&f);
}

static int
find_child (void)
{
    g_autofree char *path =
        g_strdup_printf ("/proc/self/task/%d/children", (int) getpid ());
    g_autofree char *pids = NULL;

    return g_file_get_contents (path, &pids, NULL, NULL) ? atoi (pids) : 0;
}

static void
test_dies (void)
{
    Fixture f = { 0 };
    g_autoptr (GError) error = NULL;

    if (!set_up (&f))
        return;
    g_autoptr (ImageInfo) info = image_reader_open (f.reader, NULL, &error);
    g_assert_no_error (error);
    const int pid = find_child ();
    if (pid > 0) {
        g_assert_cmpint (kill (pid, SIGKILL), ==, 0);
        g_autoptr (EspUki) uki = image_reader_uki (f.reader, NULL, &error);
        g_assert_null (uki);
        g_assert_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_INTERNAL);
    } else
        g_test_skip ("this kernel has no list of children");
    tear_down (&f);
}

static void
test_cancelled (void)
{
    Fixture f = { 0 };
    g_autoptr (GError) error = NULL;
    g_autoptr (GCancellable) cancellable = g_cancellable_new ();

    if (!set_up (&f))
        return;
    g_autoptr (ImageInfo) info = image_reader_open (f.reader, cancellable, &error);
    g_assert_no_error (error);
    g_cancellable_cancel (cancellable);
    g_autoptr (EspUki) uki = image_reader_uki (f.reader, cancellable, &error);
    g_assert_null (uki);
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    tear_down (&f);
}

/* Answers that were made by hand: GVariant's text form. */
static GBytes *
made (const char *text)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (GVariant) value = g_variant_parse (NULL, text, NULL, NULL, &error);

    g_assert_no_error (error);
    return g_variant_get_data_as_bytes (value);
}

static void
expect_info (const char *text, gboolean ok)
{
    g_autoptr (GBytes) bytes = made (text);
    g_autoptr (GError) error = NULL;
    g_autoptr (ImageInfo) info = image_answer_take_info (bytes, &error);

    if (ok) {
        g_assert_no_error (error);
        g_assert_nonnull (info);
        return;
    }
    g_assert_null (info);
    g_assert_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_INTERNAL);
}

#define LAYER "(b'/a', @u 1, @t 512)"
#define FOUR LAYER ", " LAYER ", " LAYER ", " LAYER

static void
test_info (void)
{
    expect_info ("(byte 0x79, <[" LAYER "]>)", TRUE);
    expect_info ("(byte 0x79, <[" FOUR ", " FOUR "]>)", TRUE);
    expect_info ("(byte 0x79, <[" FOUR ", " FOUR ", " LAYER "]>)", FALSE);
    expect_info ("(byte 0x79, <@a(ayut) []>)", FALSE);
    expect_info ("(byte 0x79, <[(b'a', @u 1, @t 512)]>)", FALSE);
    expect_info ("(byte 0x79, <[(b'', @u 1, @t 512)]>)", FALSE);
    expect_info ("(byte 0x79, <[(b'/a', @u 2, @t 512)]>)", FALSE);
    expect_info ("(byte 0x79, <'text'>)", FALSE);
    expect_info ("(byte 0x78, <[" LAYER "]>)", FALSE);
    expect_info ("(byte 0x6e, <[" LAYER "]>)", FALSE);
}

static void
expect_error (const char *text, GQuark domain, int code, const char *message)
{
    g_autoptr (GBytes) bytes = made (text);
    g_autoptr (GError) error = NULL;
    char *uuid = NULL;

    g_assert_false (image_answer_take_uuid (bytes, &uuid, &error));
    g_assert_null (uuid);
    g_assert_error (error, domain, code);
    if (message != NULL)
        g_assert_cmpstr (error->message, ==, message);
}

static void
test_errors (void)
{
    g_autoptr (GError) error = g_error_new (IMAGE_ERROR, IMAGE_ERROR_BROKEN, "it is");
    g_autoptr (GBytes) bytes = image_answer_error (error);
    g_autoptr (GError) taken = NULL;
    char *uuid = NULL;

    g_assert_false (image_answer_take_uuid (bytes, &uuid, &taken));
    g_assert_error (taken, IMAGE_ERROR, IMAGE_ERROR_BROKEN);
    g_assert_cmpstr (taken->message, ==, "it is");
    expect_error ("(byte 0x6e, <(byte 0x69, @i 0, 'a\\u001b[2J\\nb')>)", IMAGE_ERROR, 0,
                  "a?[2J?b");
    expect_error ("(byte 0x6e, <(byte 0x6c, @i 0, 'a')>)", LAUNCHER_ERROR, 0, "a");
    expect_error ("(byte 0x6e, <(byte 0x69, @i -1, 'a')>)", LAUNCHER_ERROR,
                  LAUNCHER_ERROR_INTERNAL, NULL);
    expect_error ("(byte 0x6e, <(byte 0x69, @i 1000, 'a')>)", LAUNCHER_ERROR,
                  LAUNCHER_ERROR_INTERNAL, NULL);
    expect_error ("(byte 0x6e, <(byte 0x6c, @i 1000, 'a')>)", LAUNCHER_ERROR,
                  LAUNCHER_ERROR_INTERNAL, NULL);
    expect_error ("(byte 0x6e, <(byte 0x7a, @i 0, 'a')>)", LAUNCHER_ERROR,
                  LAUNCHER_ERROR_INTERNAL, NULL);
    expect_error ("(byte 0x79, <'no UUID'>)", LAUNCHER_ERROR, LAUNCHER_ERROR_INTERNAL,
                  NULL);
}

/* A memory file of 4 bytes, with @seals. */
static int
memory_file (int seals)
{
    const int fd = memfd_create ("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    g_assert_cmpint (write (fd, "UKI\n", 4), ==, 4);
    g_assert_cmpint (fcntl (fd, F_ADD_SEALS, seals), ==, 0);
    return fd;
}

static void
expect_uki (gsize size, int fd, gboolean ok)
{
    UkiInfo info = { .cmdline = (char *) "quiet", .stub = (char *) "252" };
    const EspUki uki = { .path = (char *) "a", .fd = -1, .size = size, .info = &info };
    g_autoptr (GBytes) bytes = image_answer_uki (&uki);
    g_autoptr (GError) error = NULL;
    g_autoptr (EspUki) taken = image_answer_take_uki (bytes, fd, &error);

    if (ok) {
        g_assert_no_error (error);
        g_assert_cmpstr (taken->info->cmdline, ==, "quiet");
        g_assert_null (taken->info->uname);
        return;
    }
    g_assert_null (taken);
    g_assert_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_INTERNAL);
    if (fd >= 0)
        g_assert_cmpint (fcntl (fd, F_GETFD), ==, -1);
}

static void
test_uki (void)
{
    const int all = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

    expect_uki (4, memory_file (all), TRUE);
    expect_uki (4, -1, FALSE);
    expect_uki (5, memory_file (all), FALSE);
    expect_uki (4, memory_file (all & ~F_SEAL_SHRINK), FALSE);
    expect_uki (4, memory_file (all & ~F_SEAL_GROW), FALSE);
    expect_uki (4, memory_file (all & ~F_SEAL_WRITE), FALSE);
    expect_uki (0, open ("/dev/null", O_RDONLY | O_CLOEXEC), FALSE);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    g_test_add_func ("/image/reader/answers", test_answers);
    g_test_add_func ("/image/reader/hold", test_hold);
    g_test_add_func ("/image/reader/uuid", test_uuid);
    g_test_add_func ("/image/reader/dies", test_dies);
    g_test_add_func ("/image/reader/cancelled", test_cancelled);
    g_test_add_func ("/image/answer/info", test_info);
    g_test_add_func ("/image/answer/errors", test_errors);
    g_test_add_func ("/image/answer/uki", test_uki);
    return g_test_run ();
}
