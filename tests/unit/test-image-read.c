/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Ranges of a disk: the guest-visible bytes of a whole chain, and nothing left behind. */

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "launcher/image/image-read.h"
#include "tests/lib/disk-maker.h"
#include "tests/lib/test-dir.h"
#include "tests/lib/test-tools.h"

#define SIZE (2u << 20)
#define LIMIT (32u << 20)

/* A base of 'a', and an overlay with 'b' from 64 KiB to 128 KiB and a hole of zeroes. */
typedef struct {
    TestDir dir;
    ImageInfo *info;
} Fixture;

static gboolean
set_up (Fixture *f)
{
    g_autoptr (GError) error = NULL;

    if (test_skip_without ("qemu-img", "qemu-io", "qemu-nbd", NULL))
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
expect (Fixture *f, guint64 offset, gsize len, int code)
{
    g_autoptr (GError) error = NULL;
    g_autofree guint8 *data = g_malloc (LIMIT);

    if (code < 0) {
        g_assert_true (image_read (f->info, offset, data, len, NULL, &error));
        g_assert_no_error (error);
        return;
    }
    g_assert_false (image_read (f->info, offset, data, len, NULL, &error));
    g_assert_error (error, IMAGE_ERROR, code);
}

static void
test_ranges (void)
{
    Fixture f = { 0 };

    if (!set_up (&f))
        return;
    expect (&f, 512, 1024, -1);
    expect (&f, SIZE - 1024, 1024, -1);
    expect (&f, 512, 0, IMAGE_ERROR_BROKEN);
    expect (&f, 511, 1024, IMAGE_ERROR_BROKEN);
    expect (&f, 512, 1023, IMAGE_ERROR_BROKEN);
    expect (&f, SIZE - 512, 1024, IMAGE_ERROR_BROKEN);
    expect (&f, SIZE, 512, IMAGE_ERROR_BROKEN);
    expect (&f, G_MAXUINT64 - 511, 1024, IMAGE_ERROR_BROKEN);
    expect (&f, 512, G_MAXSIZE - 511, IMAGE_ERROR_BROKEN);
    /* What is refused does no harm to what comes after it. */
    expect (&f, 512, 1024, -1);
    tear_down (&f);
}

/* More than one request of the protocol. */
static void
test_limit (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (GError) error = NULL;
    Fixture f = { 0 };

    if (test_skip_without ("qemu-nbd", NULL))
        return;
    test_dir_init (&dir);
    test_dir_write (&dir, "large.raw", "", 0600);
    g_autofree char *path = test_dir_path (&dir, "large.raw");
    disk_put (path, LIMIT - 3, "end", 3);
    g_assert_cmpint (truncate (path, 2 * LIMIT), ==, 0);
    f.info = image_info_open (path, "raw", NULL, NULL, &error);
    g_assert_no_error (error);
    g_autoptr (GBytes) bytes = image_read_bytes (f.info, 0, LIMIT, NULL, &error);
    g_assert_no_error (error);
    const guint8 *data = g_bytes_get_data (bytes, NULL);
    g_assert_cmpmem (data + LIMIT - 4, 4, "\0end", 4);
    expect (&f, 0, LIMIT + 512, IMAGE_ERROR_BROKEN);
    image_info_free (f.info);
}

/* The L1 table says that a table lies where none can be. */
static void
test_broken_table (void)
{
    g_autoptr (GError) error = NULL;
    static const guint8 odd[8] = { 0x80, 0, 0, 0, 0, 0, 0x02, 0x01 };
    Fixture f = { 0 };

    if (!set_up (&f))
        return;
    g_autofree char *top = test_dir_path (&f.dir, "top.qcow2");
    g_autofree char *base = test_dir_path (&f.dir, "base.raw");
    const char *const backing[] = { base, NULL };
    expect (&f, 0, 512, -1);
    g_autofree guint8 *at = disk_get (top, 40, 8);
    guint64 l1 = 0;
    for (guint i = 0; i < 8; i++)
        l1 = l1 << 8 | at[i];
    disk_put (top, l1, odd, sizeof odd);
    image_info_free (f.info);
    f.info = image_info_open (top, NULL, backing, NULL, &error);
    g_assert_no_error (error);
    expect (&f, 0, 512, IMAGE_ERROR_BROKEN);
    tear_down (&f);
}

/* The socket needs a directory for a moment. */
static void
test_no_tmp (void)
{
    Fixture f = { 0 };
    g_autofree char *away = g_strconcat (g_get_tmp_dir (), ".away", NULL);
    g_autoptr (GError) error = NULL;

    if (!set_up (&f))
        return;
    g_autoptr (ImageServer) good =
        image_server_start (image_info_get_qemu_name (f.info), NULL, &error);
    g_assert_no_error (error);
    g_assert_cmpint (g_rename (g_get_tmp_dir (), away), ==, 0);
    g_autoptr (ImageServer) bad =
        image_server_start (image_info_get_qemu_name (f.info), NULL, &error);
    g_assert_null (bad);
    g_assert_error (error, IMAGE_ERROR, IMAGE_ERROR_IO);
    g_assert_cmpint (g_rename (away, g_get_tmp_dir ()), ==, 0);
    tear_down (&f);
}

/* The one child of this process. */
static int
find_child (void)
{
    g_autofree char *path =
        g_strdup_printf ("/proc/self/task/%d/children", (int) getpid ());
    g_autofree char *pids = NULL;

    return g_file_get_contents (path, &pids, NULL, NULL) ? atoi (pids) : 0;
}

/* A server that dies lets nothing through. */
static void
test_server_dies (void)
{
    Fixture f = { 0 };
    g_autoptr (GError) error = NULL;

    if (!set_up (&f))
        return;
    expect (&f, 0, 512, -1);
    const int pid = find_child ();
    if (pid > 0) {
        g_assert_cmpint (kill (pid, SIGKILL), ==, 0);
        expect (&f, 0, 512, IMAGE_ERROR_TOOL);
        expect (&f, 0, 512, IMAGE_ERROR_TOOL);
    } else
        g_test_skip ("this kernel has no list of children");
    tear_down (&f);
}

static gboolean
can_write (const char *path)
{
    const char *const argv[] = { "qemu-io",        "-f", "qcow2", "-c",
                                 "write -q 0 64k", path, NULL };
    int status = 0;

    g_assert_true (g_spawn_sync (NULL, (char **) argv, NULL,
                                 G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL, NULL,
                                 NULL, NULL, NULL, &status, NULL));
    return g_spawn_check_wait_status (status, NULL);
}

/* QEMU holds no file any more once the image is closed. */
static void
test_close (void)
{
    Fixture f = { 0 };

    if (!set_up (&f))
        return;
    g_autofree char *top = test_dir_path (&f.dir, "top.qcow2");
    expect (&f, 0, 512, -1);
    g_assert_false (can_write (top));
    image_info_close (f.info);
    g_assert_true (can_write (top));
    g_assert_cmpuint (image_info_get_n_layers (f.info), ==, 2);
    tear_down (&f);
}

/* Partition tables at their usual place, and further behind than is read at first. */
static void
test_partitions (void)
{
    static const DiskPartition one = { DISK_TYPE_LINUX, 2048, 4095, "root" };
    static const guint places[] = { 2, 64, 1500 };
    g_auto (TestDir) dir = { 0 };

    if (test_skip_without ("qemu-nbd", NULL))
        return;
    test_dir_init (&dir);
    g_autofree char *path = test_dir_path (&dir, "disk.raw");
    for (gsize i = 0; i < G_N_ELEMENTS (places); i++) {
        const guint64 at = (guint64) places[i] * DISK_SECTOR;
        g_autoptr (GByteArray) gpt = disk_gpt (16384, &one, 1);
        g_autoptr (GError) error = NULL;

        disk_put_le (gpt->data + DISK_HEADER + 72, places[i], 8);
        disk_put_le (gpt->data + DISK_HEADER + 40, 2048, 8); /* first usable sector */
        disk_gpt_seal (gpt);
        disk_write (path, 16384, &one, 1);
        disk_put (path, 0, gpt->data, gpt->len);
        disk_put (path, at, gpt->data + DISK_ENTRIES, DISK_ENTRY * 128);
        g_autoptr (ImageInfo) info = image_info_open (path, NULL, NULL, NULL, &error);
        g_assert_no_error (error);
        g_autoptr (GPtrArray) good = image_read_partitions (info, NULL, &error);
        g_assert_no_error (error);
        g_assert_cmpuint (good->len, ==, 1);
        disk_put (path, at, "x", 1);
        g_autoptr (GPtrArray) bad = image_read_partitions (info, NULL, &error);
        g_assert_null (bad);
        g_assert_error (error, IMAGE_ERROR, IMAGE_ERROR_GPT_BROKEN);
    }
}

static void
test_cancelled (void)
{
    Fixture f = { 0 };
    g_autoptr (GCancellable) cancellable = g_cancellable_new ();
    guint8 data[512];
    g_autoptr (GError) error = NULL;

    if (!set_up (&f))
        return;
    g_cancellable_cancel (cancellable);
    g_assert_false (image_read (f.info, 0, data, sizeof data, cancellable, &error));
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
    g_test_add_func ("/image/read/limit", test_limit);
    g_test_add_func ("/image/read/broken-table", test_broken_table);
    g_test_add_func ("/image/read/no-tmp", test_no_tmp);
    g_test_add_func ("/image/read/server-dies", test_server_dies);
    g_test_add_func ("/image/read/close", test_close);
    g_test_add_func ("/image/read/partitions", test_partitions);
    g_test_add_func ("/image/read/cancelled", test_cancelled);
    const int status = g_test_run ();
    g_assert_cmpint (g_rmdir (pattern), ==, 0);
    return status;
}
