/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Ranges of a disk: the guest-visible bytes of a whole chain, and nothing left behind. */

#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "launcher/image/image-read.h"
#include "tests/lib/disk-maker.h"
#include "tests/lib/test-dir.h"
#include "tests/lib/test-tools.h"

#define SIZE (2u << 20)

/* A base of 'a', and an overlay with 'b' from 64 KiB to 128 KiB and a hole of zeroes. */
typedef struct {
    TestDir dir;
    ImageInfo *info;
} Fixture;

static gboolean
set_up (Fixture *f)
{
    g_autoptr (GError) error = NULL;

    if (test_skip_without ("qemu-img", "qemu-io", NULL))
        return FALSE;
    test_dir_init (&f->dir);
    g_autofree char *base = test_dir_path (&f->dir, "base.raw");
    g_autofree char *top = test_dir_path (&f->dir, "top.qcow2");
    g_autofree char *bytes = g_malloc (SIZE);
    memset (bytes, 'a', SIZE);
    disk_put (base, 0, bytes, SIZE);
    g_autofree char *made = test_run_words ("qemu-img", "create", "-q", "-f", "qcow2", "-b",
                                            "base.raw", "-F", "raw", top);
    g_autofree char *written =
        test_run_words ("qemu-io", "-f", "qcow2", "-c", "write -q -P 0x62 64k 64k", "-c",
                        "write -q -z 256k 64k", top);
    const char *const backing[] = { base, NULL };
    f->info = image_info_open (top, NULL, backing, NULL, &error);
    g_assert_no_error (error);
    return TRUE;
}

static void
tear_down (Fixture *f)
{
    image_info_free (f->info);
    test_dir_clear (&f->dir);
    g_autoptr (GDir) tmp = g_dir_open (g_get_tmp_dir (), 0, NULL);
    g_assert_cmpstr (g_dir_read_name (tmp), ==, NULL);
}

static void
check_bytes (Fixture *f, guint64 offset, gsize len, const char *expected, gsize n)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (GBytes) bytes = image_read_bytes (f->info, offset, len, NULL, &error);

    g_assert_no_error (error);
    g_assert_cmpuint (g_bytes_get_size (bytes), ==, len);
    const char *data = g_bytes_get_data (bytes, NULL);
    for (gsize i = 0; i < n; i++)
        for (gsize j = i * (len / n); j < (i + 1) * (len / n); j++)
            g_assert_cmpint (data[j], ==, expected[i]);
}

static void
test_bytes (void)
{
    Fixture f = { 0 };

    if (!set_up (&f))
        return;
    check_bytes (&f, 0, 512, "a", 1);
    check_bytes (&f, 65536 - 512, 1024, "ab", 2);
    check_bytes (&f, 131072 - 512, 1024, "ba", 2);
    check_bytes (&f, 262144 - 512, 1024, "a\0", 2);
    check_bytes (&f, 0, SIZE / 8, "abaa", 4);
    check_bytes (&f, SIZE - 512, 512, "a", 1);
    tear_down (&f);
}

static void
expect (Fixture *f, guint64 offset, guint64 len, guint64 max, int code)
{
    g_autoptr (GError) error = NULL;
    const int fd = image_read_to_file (f->info, offset, len, max, NULL, &error);

    if (code < 0) {
        g_assert_no_error (error);
        g_assert_cmpint (fd, >=, 0);
        g_assert_cmpint (lseek (fd, 0, SEEK_CUR), ==, 0);
        g_assert_cmpint (lseek (fd, 0, SEEK_END), ==, (off_t) len);
        g_assert_cmpint (write (fd, "x", 1), ==, -1);
        close (fd);
        return;
    }
    g_assert_cmpint (fd, ==, -1);
    g_assert_error (error, IMAGE_ERROR, code);
}

static void
test_ranges (void)
{
    Fixture f = { 0 };

    if (!set_up (&f))
        return;
    expect (&f, 512, 1024, 1024, -1);
    expect (&f, 512, 1024, 1023, IMAGE_ERROR_BROKEN);
    expect (&f, 512, 0, 1024, IMAGE_ERROR_BROKEN);
    expect (&f, 511, 1024, 1024, IMAGE_ERROR_BROKEN);
    expect (&f, 512, 1023, 1024, IMAGE_ERROR_BROKEN);
    expect (&f, SIZE - 512, 1024, 1024, IMAGE_ERROR_BROKEN);
    expect (&f, SIZE, 512, 1024, IMAGE_ERROR_BROKEN);
    expect (&f, G_MAXUINT64 - 511, 1024, 1024, IMAGE_ERROR_BROKEN);
    expect (&f, 512, G_MAXUINT64 - 511, G_MAXUINT64, IMAGE_ERROR_BROKEN);
    tear_down (&f);
}

/* The L1 table says that a table lies where none can be. */
static void
test_broken_table (void)
{
    static const guint8 odd[8] = { 0x80, 0, 0, 0, 0, 0, 0x02, 0x01 };
    Fixture f = { 0 };

    if (!set_up (&f))
        return;
    g_autofree char *top = test_dir_path (&f.dir, "top.qcow2");
    expect (&f, 0, 512, 512, -1);
    g_autofree guint8 *at = disk_get (top, 40, 8);
    guint64 l1 = 0;
    for (guint i = 0; i < 8; i++)
        l1 = l1 << 8 | at[i];
    disk_put (top, l1, odd, sizeof odd);
    expect (&f, 0, 512, 512, IMAGE_ERROR_BROKEN);
    tear_down (&f);
}

static void
test_no_tmp (void)
{
    Fixture f = { 0 };
    g_autofree char *away = g_strconcat (g_get_tmp_dir (), ".away", NULL);

    if (!set_up (&f))
        return;
    expect (&f, 0, 512, 512, -1);
    g_assert_cmpint (g_rename (g_get_tmp_dir (), away), ==, 0);
    expect (&f, 0, 512, 512, IMAGE_ERROR_IO);
    g_assert_cmpint (g_rename (away, g_get_tmp_dir ()), ==, 0);
    tear_down (&f);
}

static void
test_no_tool (void)
{
    Fixture f = { 0 };
    g_autofree char *old_path = g_strdup (g_getenv ("PATH"));

    if (!set_up (&f))
        return;
    g_setenv ("PATH", f.dir.path, TRUE);
    expect (&f, 0, 512, 512, IMAGE_ERROR_TOOL);
    /* Success and nothing written. */
    test_dir_write (&f.dir, "qemu-img", "#!/bin/sh\nexit 0\n", 0700);
    expect (&f, 0, 512, 512, IMAGE_ERROR_IO);
    test_dir_write (&f.dir, "qemu-img",
                    "#!/bin/sh\necho 'write failed: No space left on device' >&2\nexit 1\n",
                    0700);
    expect (&f, 0, 512, 512, IMAGE_ERROR_IO);
    g_setenv ("PATH", old_path, TRUE);
    tear_down (&f);
}

static void
test_cancelled (void)
{
    Fixture f = { 0 };
    g_autoptr (GCancellable) cancellable = g_cancellable_new ();
    g_autoptr (GError) error = NULL;

    if (!set_up (&f))
        return;
    g_cancellable_cancel (cancellable);
    g_assert_cmpint (image_read_to_file (f.info, 0, 512, 512, cancellable, &error), ==, -1);
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    tear_down (&f);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    /* A place of its own, so that what is left behind is seen; GLib asks once. */
    g_autofree char *outer =
        g_strdup (g_getenv ("TMPDIR") != NULL ? g_getenv ("TMPDIR") : "/tmp");
    g_autofree char *pattern = g_build_filename (outer, "sl-read-XXXXXX", NULL);
    g_assert_nonnull (g_mkdtemp (pattern));
    g_setenv ("TMPDIR", pattern, TRUE);

    g_test_add_func ("/image/read/bytes", test_bytes);
    g_test_add_func ("/image/read/ranges", test_ranges);
    g_test_add_func ("/image/read/broken-table", test_broken_table);
    g_test_add_func ("/image/read/no-tmp", test_no_tmp);
    g_test_add_func ("/image/read/no-tool", test_no_tool);
    g_test_add_func ("/image/read/cancelled", test_cancelled);
    const int status = g_test_run ();
    g_assert_cmpint (g_rmdir (pattern), ==, 0);
    return status;
}
