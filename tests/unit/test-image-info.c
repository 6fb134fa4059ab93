/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a disk image is.  Images are made by qemu-img and changed by hand; every refusal
 * comes after the same image was accepted.
 */

#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>
#include <json-glib/json-glib.h>

#include "launcher/image/image-info.h"
#include "tests/lib/disk-maker.h"
#include "tests/lib/test-dir.h"
#include "tests/lib/test-tools.h"

#define SECTORS 4096u
#define SIZE (SECTORS * 512u)

static void
create (const TestDir *dir, const char *name, const char *base, const char *base_format)
{
    g_autofree char *path = test_dir_path (dir, name);
    g_autofree char *output =
        base == NULL
            ? test_run_words ("qemu-img", "create", "-q", "-f", "qcow2", path, "2M")
            : test_run_words ("qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F",
                              base_format, path);
}

static void
create_raw (const TestDir *dir, const char *name)
{
    static const DiskPartition one = { DISK_TYPE_LINUX, 34, 100, "root" };
    g_autofree char *path = test_dir_path (dir, name);

    disk_write (path, SECTORS, &one, 1);
}

/* @backing: (nullable): names in @dir, one or two */
static ImageInfo *
open_it (const TestDir *dir,
         const char *name,
         const char *format,
         const char *backing,
         const char *backing_2,
         GError **error)
{
    g_autofree char *path = test_dir_path (dir, name);
    g_autofree char *first = backing != NULL ? test_dir_path (dir, backing) : NULL;
    g_autofree char *second = backing_2 != NULL ? test_dir_path (dir, backing_2) : NULL;
    const char *const list[] = { first, second, NULL };

    return image_info_open (path, format, backing != NULL ? list : NULL, NULL, error);
}

static void
expect_with (const TestDir *dir,
             const char *name,
             const char *format,
             const char *backing,
             int code)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (ImageInfo) info = open_it (dir, name, format, backing, NULL, &error);

    if (code < 0) {
        g_assert_no_error (error);
        g_assert_nonnull (info);
        return;
    }
    g_assert_null (info);
    g_assert_error (error, IMAGE_ERROR, code);
}

static void
expect (const TestDir *dir, const char *name, int code)
{
    expect_with (dir, name, NULL, NULL, code);
}

static void
check_layer (const ImageInfo *info, guint n, const char *name, ImageFormat format)
{
    const ImageLayer *layer = image_info_get_layer (info, n);

    g_assert_true (g_path_is_absolute (layer->path));
    g_assert_true (g_str_has_suffix (layer->path, name));
    g_assert_cmpint (layer->format, ==, format);
    g_assert_cmpuint (layer->size, ==, SIZE);
}

static void
test_formats (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (GError) error = NULL;

    if (test_skip_without ("qemu-img", "qemu-nbd", NULL))
        return;
    test_dir_init (&dir);
    create (&dir, "a.qcow2", NULL, NULL);
    create_raw (&dir, "a.raw");

    g_autoptr (ImageInfo) qcow2 = open_it (&dir, "a.qcow2", NULL, NULL, NULL, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (image_info_get_n_layers (qcow2), ==, 1);
    check_layer (qcow2, 0, "/a.qcow2", IMAGE_FORMAT_QCOW2);
    g_autoptr (ImageInfo) raw = open_it (&dir, "a.raw", NULL, NULL, NULL, &error);
    g_assert_no_error (error);
    check_layer (raw, 0, "/a.raw", IMAGE_FORMAT_RAW);
    expect_with (&dir, "a.qcow2", "qcow2", NULL, -1);
    expect_with (&dir, "a.raw", "raw", NULL, -1);
    /* Stated formats are taken at their word, but a qcow2 must be one. */
    expect_with (&dir, "a.raw", "qcow2", NULL, IMAGE_ERROR_FORMAT);
    expect_with (&dir, "a.raw", "vmdk", NULL, IMAGE_ERROR_FORMAT);
    expect_with (&dir, "a.raw", "", NULL, IMAGE_ERROR_FORMAT);
    expect_with (&dir, "a.raw", "RAW", NULL, IMAGE_ERROR_FORMAT);
}

static void
test_links (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (GError) error = NULL;

    if (test_skip_without ("qemu-img", "qemu-nbd", NULL))
        return;
    test_dir_init (&dir);
    create_raw (&dir, "a.raw");
    g_assert_cmpint (symlinkat ("a.raw", dir.fd, "link"), ==, 0);
    g_autoptr (ImageInfo) info = open_it (&dir, "link", NULL, NULL, NULL, &error);
    g_assert_no_error (error);
    check_layer (info, 0, "/a.raw", IMAGE_FORMAT_RAW);
}

static void
test_missing (void)
{
    g_auto (TestDir) dir = { 0 };

    if (test_skip_without ("qemu-img", "qemu-nbd", NULL))
        return;
    test_dir_init (&dir);
    create_raw (&dir, "a.raw");
    expect (&dir, "a.raw", -1);
    expect (&dir, "b.raw", IMAGE_ERROR_MISSING);
    expect (&dir, "a.raw/b", IMAGE_ERROR_MISSING);
    g_assert_cmpint (symlinkat ("nowhere", dir.fd, "link"), ==, 0);
    expect (&dir, "link", IMAGE_ERROR_MISSING);
}

static void
test_unreadable (void)
{
    g_auto (TestDir) dir = { 0 };

    if (geteuid () == 0) {
        g_test_skip ("root reads everything");
        return;
    }
    test_dir_init (&dir);
    create_raw (&dir, "a.raw");
    g_autofree char *path = test_dir_path (&dir, "a.raw");
    g_assert_cmpint (g_chmod (path, 0), ==, 0);
    expect (&dir, "a.raw", IMAGE_ERROR_UNREADABLE);
}

static void
test_other_formats (void)
{
    static const struct {
        gsize offset;
        const char *magic;
    } rows[] = {
        { 0, "KDMV" },    { 0, "vhdxfile" },          { 0, "conectix" },
        { 0, "QED" },     { 64, "\x7f\x10\xda\xbe" }, { 0, "LUKS\xba\xbe" },
        { 0, "garbage" },
    };
    g_auto (TestDir) dir = { 0 };

    if (test_skip_without ("qemu-img", "qemu-nbd", NULL))
        return;
    test_dir_init (&dir);
    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autofree char *path = test_dir_path (&dir, "a.raw");
        create_raw (&dir, "a.raw");
        expect (&dir, "a.raw", -1);
        disk_put (path, rows[i].offset, rows[i].magic, strlen (rows[i].magic));
        if (strcmp (rows[i].magic, "garbage") == 0)
            disk_put (path, 510, "\0", 1); /* no protective MBR any more */
        expect (&dir, "a.raw", IMAGE_ERROR_FORMAT);
        expect_with (&dir, "a.raw", "raw", NULL, -1);
    }
    test_dir_make (&dir, "directory", 0700);
    expect (&dir, "directory", IMAGE_ERROR_FORMAT);
    g_autofree char *fifo = test_dir_path (&dir, "fifo");
    g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
    expect (&dir, "fifo", IMAGE_ERROR_FORMAT);
    test_dir_write (&dir, "empty", "", 0600);
    expect (&dir, "empty", IMAGE_ERROR_FORMAT);
}

/* QEMU's locks (docs/system/images, file locking): whoever writes holds byte 100 + 1 and
 * 200 + 1 of the file. */
static void
test_in_use (void)
{
    g_auto (TestDir) dir = { 0 };
    struct flock lock = {
        .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = 110
    };

    if (test_skip_without ("qemu-img", "qemu-nbd", NULL))
        return;
    test_dir_init (&dir);
    create (&dir, "a.qcow2", NULL, NULL);
    expect (&dir, "a.qcow2", -1);
    g_autofree char *path = test_dir_path (&dir, "a.qcow2");
    const int fd = open (path, O_RDWR | O_CLOEXEC);
    g_assert_cmpint (fcntl (fd, F_OFD_SETLK, &lock), ==, 0);
    expect (&dir, "a.qcow2", IMAGE_ERROR_IN_USE);
    close (fd);
    expect (&dir, "a.qcow2", -1);
}

/* A field of the header, big-endian. */
static void
put_be (const char *path, gsize offset, guint64 value, guint bytes)
{
    guint8 raw[8];

    for (guint i = 0; i < bytes; i++)
        raw[i] = (guint8) (value >> (8 * (bytes - 1 - i)));
    disk_put (path, offset, raw, bytes);
}

static void
test_header (void)
{
    static const struct {
        gsize offset;
        guint64 value;
        guint bytes;
        int code;
    } rows[] = {
        { 4, 9, 4, IMAGE_ERROR_FORMAT },                  /* version */
        { 20, 40, 4, IMAGE_ERROR_BROKEN },                /* cluster size */
        { 24, 2097153, 8, IMAGE_ERROR_BROKEN },           /* odd virtual size */
        { 24, G_MAXUINT64 - 511, 8, IMAGE_ERROR_BROKEN }, /* more than there can be */
        { 36, 0x40000000, 4, IMAGE_ERROR_BROKEN }, /* L1 table, which only QEMU reads */
        { 72, 1u << 20, 8, IMAGE_ERROR_BROKEN },   /* unknown incompatible feature */
        { 72, 1u << 2, 8, IMAGE_ERROR_DATA_FILE }, /* external data file */
        { 32, 1, 4, IMAGE_ERROR_ENCRYPTED },       /* AES */
        { 32, 2, 4, IMAGE_ERROR_ENCRYPTED },       /* LUKS */
    };
    g_auto (TestDir) dir = { 0 };

    if (test_skip_without ("qemu-img", "qemu-nbd", NULL))
        return;
    test_dir_init (&dir);
    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autofree char *path = test_dir_path (&dir, "a.qcow2");
        create (&dir, "a.qcow2", NULL, NULL);
        expect (&dir, "a.qcow2", -1);
        put_be (path, rows[i].offset, rows[i].value, rows[i].bytes);
        expect (&dir, "a.qcow2", rows[i].code);
    }
}

/* The same two, as qemu-img makes them. */
static void
test_made_by_qemu (void)
{
    g_auto (TestDir) dir = { 0 };

    if (test_skip_without ("qemu-img", "qemu-nbd", NULL))
        return;
    test_dir_init (&dir);
    g_autofree char *outside = test_dir_path (&dir, "outside.qcow2");
    g_autofree char *data = test_dir_path (&dir, "data.raw");
    g_autofree char *option = g_strconcat ("data_file=", data, NULL);
    g_autofree char *made = test_run_words ("qemu-img", "create", "-q", "-f", "qcow2", "-o",
                                            option, outside, "2M");
    expect (&dir, "outside.qcow2", IMAGE_ERROR_DATA_FILE);

    g_autofree char *locked = test_dir_path (&dir, "locked.qcow2");
    g_autofree char *made_too = test_run_words (
        "qemu-img", "create", "-q", "-f", "qcow2", "--object", "secret,id=s,data=x", "-o",
        "encrypt.format=aes,encrypt.key-secret=s", locked, "2M");
    expect (&dir, "locked.qcow2", IMAGE_ERROR_ENCRYPTED);
}

static void
test_raw_size (void)
{
    g_auto (TestDir) dir = { 0 };

    if (test_skip_without ("qemu-img", "qemu-nbd", NULL))
        return;
    test_dir_init (&dir);
    create_raw (&dir, "a.raw");
    expect (&dir, "a.raw", -1);
    g_autofree char *path = test_dir_path (&dir, "a.raw");
    g_assert_cmpint (truncate (path, 0), ==, 0);
    expect_with (&dir, "a.raw", "raw", NULL, IMAGE_ERROR_BROKEN);
}

static void
test_backing (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (GError) error = NULL;

    if (test_skip_without ("qemu-img", "qemu-nbd", NULL))
        return;
    test_dir_init (&dir);
    create_raw (&dir, "base.raw");
    create_raw (&dir, "other.raw");
    create (&dir, "middle.qcow2", "base.raw", "raw");
    create (&dir, "top.qcow2", "middle.qcow2", "qcow2");

    expect_with (&dir, "middle.qcow2", NULL, "base.raw", -1);
    expect (&dir, "middle.qcow2", IMAGE_ERROR_BACKING_FILE);
    expect_with (&dir, "middle.qcow2", NULL, "other.raw", IMAGE_ERROR_BACKING_FILE);
    expect_with (&dir, "top.qcow2", NULL, "middle.qcow2", IMAGE_ERROR_BACKING_FILE);
    expect_with (&dir, "top.qcow2", NULL, "base.raw", IMAGE_ERROR_BACKING_FILE);

    g_autoptr (ImageInfo) info =
        open_it (&dir, "top.qcow2", NULL, "base.raw", "middle.qcow2", &error);
    g_assert_no_error (error);
    g_assert_cmpuint (image_info_get_n_layers (info), ==, 3);
    check_layer (info, 0, "/top.qcow2", IMAGE_FORMAT_QCOW2);
    check_layer (info, 1, "/middle.qcow2", IMAGE_FORMAT_QCOW2);
    check_layer (info, 2, "/base.raw", IMAGE_FORMAT_RAW);

    /* A name for the same file is as good. */
    g_assert_cmpint (symlinkat ("base.raw", dir.fd, "link"), ==, 0);
    expect_with (&dir, "middle.qcow2", NULL, "link", -1);
    g_assert_cmpint (unlinkat (dir.fd, "base.raw", 0), ==, 0);
    expect_with (&dir, "middle.qcow2", NULL, "base.raw", IMAGE_ERROR_BACKING_FILE);
}

/* The name for QEMU's tools: every driver and file said, nothing below the last layer. */
static void
test_qemu_name (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (GError) error = NULL;

    if (test_skip_without ("qemu-img", "qemu-nbd", NULL))
        return;
    test_dir_init (&dir);
    create (&dir, "base.qcow2", NULL, NULL);
    create (&dir, "a\"b,c%s.qcow2", "base.qcow2", "qcow2");
    g_autoptr (ImageInfo) info =
        open_it (&dir, "a\"b,c%s.qcow2", NULL, "base.qcow2", NULL, &error);
    g_assert_no_error (error);
    const char *name = image_info_get_qemu_name (info);
    g_assert_true (g_str_has_prefix (name, "json:{"));

    g_autoptr (JsonNode) root = json_from_string (name + strlen ("json:"), &error);
    g_assert_no_error (error);
    JsonObject *top = json_node_get_object (root);
    JsonObject *base = json_object_get_object_member (top, "backing");
    g_assert_cmpstr (json_object_get_string_member (top, "driver"), ==, "qcow2");
    g_autofree char *top_path = test_dir_path (&dir, "a\"b,c%s.qcow2");
    g_assert_cmpstr (json_object_get_string_member (
                         json_object_get_object_member (top, "file"), "filename"),
                     ==, image_info_get_layer (info, 0)->path);
    g_assert_true (
        g_str_has_suffix (image_info_get_layer (info, 0)->path, "a\"b,c%s.qcow2"));
    g_assert_cmpstr (json_object_get_string_member (
                         json_object_get_object_member (base, "file"), "driver"),
                     ==, "file");
    g_assert_true (json_object_get_null_member (base, "backing"));
    g_autofree char *size = test_run_words ("qemu-img", "measure", "-O", "raw", name);
    g_assert_nonnull (strstr (size, "2097152"));
}

static void
test_chain (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
    g_autoptr (GError) error = NULL;

    if (test_skip_without ("qemu-img", "qemu-nbd", NULL))
        return;
    test_dir_init (&dir);
    create (&dir, "0.qcow2", NULL, NULL);
    g_ptr_array_add (paths, test_dir_path (&dir, "0.qcow2"));
    for (guint i = 1; i <= 8; i++) {
        g_autofree char *below = g_strdup_printf ("%u.qcow2", i - 1);
        g_autofree char *name = g_strdup_printf ("%u.qcow2", i);
        create (&dir, name, below, "qcow2");
        g_ptr_array_add (paths, test_dir_path (&dir, name));
    }
    g_ptr_array_add (paths, NULL);
    const char *const *backing = (const char *const *) paths->pdata;
    g_autoptr (ImageInfo) eight =
        image_info_open (paths->pdata[7], NULL, backing, NULL, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (image_info_get_n_layers (eight), ==, 8);
    g_autoptr (ImageInfo) nine =
        image_info_open (paths->pdata[8], NULL, backing, NULL, &error);
    g_assert_null (nine);
    g_assert_error (error, IMAGE_ERROR, IMAGE_ERROR_BROKEN);
}

static void
test_loop (void)
{
    g_auto (TestDir) dir = { 0 };

    if (test_skip_without ("qemu-img", "qemu-nbd", NULL))
        return;
    test_dir_init (&dir);
    create (&dir, "base.qcow2", NULL, NULL);
    create (&dir, "loop.qcow2", "base.qcow2", "qcow2");
    expect_with (&dir, "loop.qcow2", NULL, "base.qcow2", -1);
    /* The header names the file that it stands in. */
    g_autofree char *path = test_dir_path (&dir, "loop.qcow2");
    g_autofree guint8 *at = disk_get (path, 8, 8);
    g_assert_cmpint (unlinkat (dir.fd, "base.qcow2", 0), ==, 0);
    g_assert_cmpint (linkat (dir.fd, "loop.qcow2", dir.fd, "base.qcow2", 0), ==, 0);
    g_assert_cmpuint (at[7], !=, 0);
    expect_with (&dir, "loop.qcow2", NULL, "base.qcow2", IMAGE_ERROR_BROKEN);
}

/* A guest writes a header into its raw disk that names a file of the host. */
static void
test_raw_that_claims (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (GError) error = NULL;

    if (test_skip_without ("qemu-img", "qemu-nbd", NULL))
        return;
    test_dir_init (&dir);
    create_raw (&dir, "guest.raw");
    create_raw (&dir, "secret.raw");
    create (&dir, "top.qcow2", "guest.raw", "raw");
    expect_with (&dir, "top.qcow2", NULL, "guest.raw", -1);
    create (&dir, "evil.qcow2", "secret.raw", "raw");
    g_autofree char *evil = test_dir_path (&dir, "evil.qcow2");
    g_autofree char *guest = test_dir_path (&dir, "guest.raw");
    g_autofree guint8 *head = disk_get (evil, 0, 65536);
    disk_put (guest, 0, head, 65536);

    /* As a base: it is not what the header above says. */
    expect_with (&dir, "top.qcow2", NULL, "guest.raw", IMAGE_ERROR_FORMAT);
    /* As the image: the file that it names is not taken. */
    expect (&dir, "guest.raw", IMAGE_ERROR_BACKING_FILE);
    /* As a raw disk it holds a header as it may hold anything. */
    g_autoptr (ImageInfo) raw = open_it (&dir, "guest.raw", "raw", NULL, NULL, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (image_info_get_n_layers (raw), ==, 1);
    check_layer (raw, 0, "/guest.raw", IMAGE_FORMAT_RAW);
    g_assert_null (strstr (image_info_get_qemu_name (raw), "qcow2"));
}

static void
test_no_tool (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autofree char *old_path = g_strdup (g_getenv ("PATH"));
    g_autofree char *nbd = g_find_program_in_path ("qemu-nbd");

    if (test_skip_without ("qemu-img", "qemu-nbd", NULL))
        return;
    test_dir_init (&dir);
    create_raw (&dir, "a.raw");
    expect (&dir, "a.raw", -1);
    g_setenv ("PATH", dir.path, TRUE);
    expect (&dir, "a.raw", IMAGE_ERROR_TOOL);
    /* Another program of this name. */
    test_dir_write (&dir, "qemu-nbd", "#!/bin/sh\nexit 0\n", 0700);
    expect (&dir, "a.raw", IMAGE_ERROR_TOOL);
    test_dir_write (&dir, "qemu-nbd", "#!/bin/sh\nexit 1\n", 0700);
    expect (&dir, "a.raw", IMAGE_ERROR_TOOL);
    test_dir_write (&dir, "qemu-nbd", "#!/bin/sh\nkill -9 $$\n", 0700);
    expect (&dir, "a.raw", IMAGE_ERROR_TOOL);
    test_dir_write (&dir, "qemu-nbd", "#!/bin/sh\necho no. >&2\nexit 1\n", 0700);
    expect (&dir, "a.raw", IMAGE_ERROR_BROKEN);
    /* One that shows another disk. */
    g_autofree char *other = g_strdup_printf (
        "#!/bin/sh\nexec %s --read-only -f raw '%s/b.raw'\n", nbd, dir.path);
    g_autofree char *small = test_dir_path (&dir, "b.raw");
    create_raw (&dir, "b.raw");
    test_dir_write (&dir, "qemu-nbd", other, 0700);
    expect (&dir, "a.raw", -1);
    g_assert_cmpint (truncate (small, SIZE / 2), ==, 0);
    expect (&dir, "a.raw", IMAGE_ERROR_BROKEN);
    g_setenv ("PATH", old_path, TRUE);
    expect (&dir, "a.raw", -1);
}

static void
test_cancelled (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (GCancellable) cancellable = g_cancellable_new ();
    g_autoptr (GError) error = NULL;

    if (test_skip_without ("qemu-img", "qemu-nbd", NULL))
        return;
    test_dir_init (&dir);
    create_raw (&dir, "a.raw");
    g_autofree char *path = test_dir_path (&dir, "a.raw");
    g_autoptr (ImageInfo) good = image_info_open (path, NULL, NULL, cancellable, &error);
    g_assert_no_error (error);
    g_cancellable_cancel (cancellable);
    g_autoptr (ImageInfo) info = image_info_open (path, NULL, NULL, cancellable, &error);
    g_assert_null (info);
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    g_test_add_func ("/image/info/formats", test_formats);
    g_test_add_func ("/image/info/links", test_links);
    g_test_add_func ("/image/info/missing", test_missing);
    g_test_add_func ("/image/info/unreadable", test_unreadable);
    g_test_add_func ("/image/info/other-formats", test_other_formats);
    g_test_add_func ("/image/info/in-use", test_in_use);
    g_test_add_func ("/image/info/header", test_header);
    g_test_add_func ("/image/info/made-by-qemu", test_made_by_qemu);
    g_test_add_func ("/image/info/raw-size", test_raw_size);
    g_test_add_func ("/image/info/backing", test_backing);
    g_test_add_func ("/image/info/qemu-name", test_qemu_name);
    g_test_add_func ("/image/info/chain", test_chain);
    g_test_add_func ("/image/info/loop", test_loop);
    g_test_add_func ("/image/info/raw-that-claims", test_raw_that_claims);
    g_test_add_func ("/image/info/no-tool", test_no_tool);
    g_test_add_func ("/image/info/cancelled", test_cancelled);
    return g_test_run ();
}
