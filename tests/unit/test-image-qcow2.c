/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* qcow2 headers, written here from QEMU's docs/interop/qcow2.txt, and by qemu-img. */

#include <string.h>

#include "launcher/image/qcow2.h"
#include "tests/lib/disk-maker.h"
#include "tests/lib/test-dir.h"
#include "tests/lib/test-tools.h"

#define HEAD_SIZE 4096u
#define SIZE (64u << 20)
#define NAME "/srv/base.qcow2"

static void
put_be (guint8 *at, guint64 value, guint bytes)
{
    for (guint i = 0; i < bytes; i++)
        at[i] = (guint8) (value >> (8 * (bytes - 1 - i)));
}

/* Version 3, clusters of 64 KiB, a backing file with its format. */
static guint8 *
make_head (void)
{
    guint8 *head = g_malloc0 (HEAD_SIZE);

    memcpy (head, "QFI\xfb", 4);
    put_be (head + 4, 3, 4);
    put_be (head + 8, 144, 8);            /* backing_file_offset */
    put_be (head + 16, strlen (NAME), 4); /* backing_file_size */
    put_be (head + 20, 16, 4);            /* cluster_bits */
    put_be (head + 24, SIZE, 8);
    put_be (head + 100, 104, 4);        /* header_length */
    put_be (head + 104, 0xe2792aca, 4); /* extension: format of the backing file */
    put_be (head + 108, 5, 4);
    memcpy (head + 112, "qcow2", 5);
    put_be (head + 120, 0x12345678, 4); /* one that nobody knows */
    put_be (head + 124, 3, 4);
    put_be (head + 136, 0, 8); /* end */
    memcpy (head + 144, NAME, strlen (NAME));
    return head;
}

static void
check_good (const Qcow2Header *header)
{
    g_assert_cmpuint (header->virtual_size, ==, SIZE);
    g_assert_false (header->encrypted);
    g_assert_false (header->data_file);
    g_assert_cmpstr (header->backing_name, ==, NAME);
    g_assert_cmpstr (header->backing_format, ==, "qcow2");
}

static void
test_good (void)
{
    g_autofree guint8 *head = make_head ();
    g_autoptr (GError) error = NULL;
    Qcow2Header header;

    g_assert_true (qcow2_header_parse (head, HEAD_SIZE, &header, &error));
    g_assert_no_error (error);
    check_good (&header);
    qcow2_header_clear (&header);
}

/* Version 2 has no length of its own and no features. */
static void
test_version_2 (void)
{
    g_autofree guint8 *head = make_head ();
    Qcow2Header header;

    put_be (head + 4, 2, 4);
    put_be (head + 72, 0, 8);
    put_be (head + 8, 80, 8);
    memcpy (head + 80, NAME, strlen (NAME));
    g_assert_true (qcow2_header_parse (head, HEAD_SIZE, &header, NULL));
    g_assert_cmpuint (header.virtual_size, ==, SIZE);
    g_assert_cmpstr (header.backing_name, ==, NAME);
    g_assert_null (header.backing_format);
    qcow2_header_clear (&header);
}

typedef struct {
    const char *name;
    gsize offset;
    guint bytes;
    guint64 value;
    int code;
} Change;

#define FORMAT IMAGE_ERROR_FORMAT
#define BROKEN IMAGE_ERROR_BROKEN

static const Change changes[] = {
    { "magic", 0, 1, 'X', FORMAT },
    { "qcow-version-1", 4, 4, 1, FORMAT },
    { "version-4", 4, 4, 4, FORMAT },
    { "cluster-bits-8", 20, 4, 8, BROKEN },
    { "cluster-bits-22", 20, 4, 22, BROKEN },
    { "cluster-bits-huge", 20, 4, 0xffffffff, BROKEN },
    { "header-length-short", 100, 4, 96, BROKEN },
    { "header-length-odd", 100, 4, 105, BROKEN },
    { "header-length-outside", 100, 4, 65544, BROKEN },
    { "header-length-huge", 100, 4, 0xfffffff8, BROKEN },
    { "name-empty", 16, 4, 0, BROKEN },
    { "name-1024", 16, 4, 1024, BROKEN },
    { "name-huge", 16, 4, 0xffffffff, BROKEN },
    { "name-in-header", 8, 8, 96, BROKEN },
    { "name-outside", 8, 8, 65536, BROKEN },
    { "name-overflow", 8, 8, G_MAXUINT64, BROKEN },
    { "name-over-the-end", 8, 8, HEAD_SIZE - 2, BROKEN },
    { "name-with-nul", 150, 1, 0, BROKEN },
    { "extension-long", 108, 4, 0x1000, BROKEN },
    { "extension-huge", 108, 4, 0xffffffff, BROKEN },
    { "format-empty", 108, 4, 0, BROKEN },
    { "format-with-nul", 113, 1, 0, BROKEN },
    { "format-twice", 120, 4, 0xe2792aca, BROKEN },
};

static void
test_change (gconstpointer data)
{
    static const Qcow2Header none = { 0 };
    const Change *change = data;
    g_autofree guint8 *head = make_head ();
    g_autoptr (GError) error = NULL;
    Qcow2Header header;

    g_assert_true (qcow2_header_parse (head, HEAD_SIZE, &header, NULL));
    qcow2_header_clear (&header);
    put_be (head + change->offset, change->value, change->bytes);
    g_assert_false (qcow2_header_parse (head, HEAD_SIZE, &header, &error));
    g_assert_error (error, IMAGE_ERROR, change->code);
    g_assert_cmpmem (&header, sizeof header, &none, sizeof none);
}

/* Each of the two marks of a data file counts alone. */
static void
test_flags (void)
{
    g_autofree guint8 *encrypted = make_head ();
    g_autofree guint8 *feature = make_head ();
    g_autofree guint8 *extension = make_head ();
    Qcow2Header header;

    put_be (encrypted + 32, 2, 4);
    g_assert_true (qcow2_header_parse (encrypted, HEAD_SIZE, &header, NULL));
    g_assert_true (header.encrypted);
    g_assert_false (header.data_file);
    qcow2_header_clear (&header);

    put_be (feature + 72, 1u << 2, 8);
    g_assert_true (qcow2_header_parse (feature, HEAD_SIZE, &header, NULL));
    g_assert_true (header.data_file);
    qcow2_header_clear (&header);

    put_be (extension + 120, 0x44415441, 4);
    g_assert_true (qcow2_header_parse (extension, HEAD_SIZE, &header, NULL));
    g_assert_true (header.data_file);
    g_assert_false (header.encrypted);
    qcow2_header_clear (&header);
}

static void
test_cut (void)
{
    g_autofree guint8 *head = make_head ();
    const gsize whole = 144 + strlen (NAME);

    for (gsize len = 0; len < whole; len++) {
        g_autofree guint8 *part = g_memdup2 (head, MAX (len, 1));
        Qcow2Header header;
        g_assert_false (qcow2_header_parse (part, len, &header, NULL));
    }
    Qcow2Header header;
    g_assert_true (qcow2_header_parse (head, whole, &header, NULL));
    check_good (&header);
    qcow2_header_clear (&header);
}

static void
test_qemu_img (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (GError) error = NULL;
    Qcow2Header header;

    if (test_skip_without ("qemu-img", NULL))
        return;
    test_dir_init (&dir);
    g_autofree char *base = test_dir_path (&dir, "base.raw");
    g_autofree char *path = test_dir_path (&dir, "disk.qcow2");
    g_autofree char *made =
        test_run_words ("qemu-img", "create", "-q", "-f", "raw", base, "4M");
    g_autofree char *made_too = test_run_words ("qemu-img", "create", "-q", "-f", "qcow2",
                                                "-b", "base.raw", "-F", "raw", path, "8M");
    g_autofree guint8 *head = disk_get (path, 0, QCOW2_HEAD_SIZE);
    g_assert_true (qcow2_header_parse (head, QCOW2_HEAD_SIZE, &header, &error));
    g_assert_no_error (error);
    g_assert_cmpuint (header.virtual_size, ==, 8 << 20);
    g_assert_cmpstr (header.backing_name, ==, "base.raw");
    g_assert_cmpstr (header.backing_format, ==, "raw");
    g_assert_false (header.encrypted || header.data_file);
    qcow2_header_clear (&header);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    g_test_add_func ("/image/qcow2/good", test_good);
    g_test_add_func ("/image/qcow2/version-2", test_version_2);
    for (gsize i = 0; i < G_N_ELEMENTS (changes); i++) {
        g_autofree char *path = g_strconcat ("/image/qcow2/change/", changes[i].name, NULL);
        g_test_add_data_func (path, &changes[i], test_change);
    }
    g_test_add_func ("/image/qcow2/flags", test_flags);
    g_test_add_func ("/image/qcow2/cut", test_cut);
    g_test_add_func ("/image/qcow2/qemu-img", test_qemu_img);
    return g_test_run ();
}
