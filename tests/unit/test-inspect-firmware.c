/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What firmware can do, and what announces it.  Images are put together by offsets: volume
 * header and volume top file from edk2 and the PI specification, the GUID table from QEMU's
 * hw/i386/pc_sysfw_ovmf.c.
 */

#include <string.h>

#include "launcher/base/launcher-error.h"
#include "launcher/inspect/firmware-list.h"
#include "tests/lib/test-dir.h"
#include "tests/lib/test-vectors.h"

#define SIZE 8192u
#define OWN "/usr/share/own.fd"

/* GUIDs in their order on disk. */
static const char variables[] = "8d2bf1ff96768b4ca9852747075b4f50";
static const char files[] = "78e58c8c3d8a1c4f9935896185c32dd3";
static const char footer[] = "de82b596b21ff745baeaa366c55a082d";
static const char secret[] = "61b32e4c9b7dc34c8081127c90d3d294";
static const char hashes[] = "1f3755723b3a044b927b1da6efa8d454";
static const char es_reset[] = "de71f7007e1acb4f890e68c77e2fb44e";

static void
put (guint8 *at, const char *hex)
{
    g_autoptr (GBytes) bytes = test_unhex (hex);

    memcpy (at, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
}

/* Entries go down from the end; each has its data, its length and its GUID. */
typedef struct {
    guint8 bytes[SIZE];
    gsize at;
} Image;

static void
image_begin (Image *image, const char *volume, gboolean code)
{
    memset (image->bytes, 0, SIZE);
    if (volume != NULL) {
        put (image->bytes + 16, volume);
        image->bytes[33] = SIZE >> 8; /* length of the volume, little-endian */
        memcpy (image->bytes + 40, "_FVH", 4);
    }
    if (code)
        memcpy (image->bytes + SIZE - 20, "VTF", 4);
    image->at = SIZE - 32 - 18;
}

static void
image_entry (Image *image, const char *guid, const char *data)
{
    const gsize len = strlen (data) / 2;
    guint8 *tail = image->bytes + image->at - 18;

    put (tail - len, data);
    tail[0] = (guint8) (18 + len);
    tail[1] = 0;
    put (tail + 2, guid);
    image->at -= 18 + len;
}

static FirmwareInfo *
image_inspect (Image *image, gboolean table, const char *pins)
{
    if (table) {
        const gsize total = SIZE - 32 - image->at;
        image->bytes[SIZE - 50] = (guint8) total;
        image->bytes[SIZE - 49] = (guint8) (total >> 8);
        put (image->bytes + SIZE - 48, footer);
    }
    return firmware_info_inspect ("image", image->bytes, SIZE, pins, OWN);
}

static void
image_complete (Image *image)
{
    image_begin (image, variables, TRUE);
    image_entry (image, es_reset, "04b08000");
    image_entry (image, secret, "00008100000c0000");
    image_entry (image, hashes, "000c810000040000");
}

static void
assert_findings (const FirmwareInfo *info, const char *expected)
{
    g_autoptr (GString) ids = g_string_new (NULL);

    for (guint i = 0; i < info->findings->len; i++) {
        const Finding *finding = g_ptr_array_index (info->findings, i);
        g_string_append_printf (ids, "%s%s", i > 0 ? " " : "", finding->id);
    }
    g_assert_cmpstr (ids->str, ==, expected);
}

static void
assert_can (const FirmwareInfo *info, const char *expected)
{
    g_autofree const char **can = firmware_info_can (info);
    g_autofree char *joined = g_strjoinv (" ", (char **) can);

    g_assert_cmpstr (joined, ==, expected);
}

static void
test_complete (void)
{
    Image image;

    image_complete (&image);
    g_autoptr (FirmwareInfo) other = image_inspect (&image, TRUE, NULL);
    g_assert_cmpint ((int) other->layout, ==, FIRMWARE_LAYOUT_WHOLE);
    g_assert_cmphex (other->image.secret_area.base, ==, 0x810000);
    g_assert_cmphex (other->image.hash_area.size, ==, 0x400);
    assert_can (other, "sev sev-es secret kernel-hashes stateless");
    assert_findings (other, "other-build");

    g_autofree char *digest =
        g_compute_checksum_for_data (G_CHECKSUM_SHA256, image.bytes, SIZE);
    g_autofree char *pins = g_strdup_printf ("# x\n%s  gcc\n", digest);
    g_autoptr (FirmwareInfo) own = image_inspect (&image, TRUE, pins);
    g_assert_cmpstr (own->sha256, ==, digest);
    g_assert_true (own->own_build);
    assert_findings (own, "");

    /* A longer word is another digest. */
    g_autofree char *longer = g_strdup_printf ("%s0  gcc\n", digest);
    g_autoptr (FirmwareInfo) not_it = image_inspect (&image, TRUE, longer);
    g_assert_false (not_it->own_build);
}

static void
test_stock (void)
{
    Image image;

    /* Debian's OVMF_CODE_4M.fd: both areas at 0, SEV-ES there. */
    image_begin (&image, files, TRUE);
    image_entry (&image, es_reset, "04808000");
    image_entry (&image, secret, "0000000000000000");
    image_entry (&image, hashes, "0000000000000000");
    g_autoptr (FirmwareInfo) code = image_inspect (&image, TRUE, NULL);
    g_assert_cmpint ((int) code->layout, ==, FIRMWARE_LAYOUT_CODE);
    assert_can (code, "sev sev-es");
    assert_findings (code, "code-only no-secret-area no-hash-area other-build");
    g_assert_nonnull (strstr (finding_get (code->findings, "no-secret-area")->fix, OWN));

    image_begin (&image, variables, FALSE);
    g_autoptr (FirmwareInfo) store = image_inspect (&image, FALSE, NULL);
    g_assert_cmpint ((int) store->layout, ==, FIRMWARE_LAYOUT_VARIABLES);
    assert_can (store, "");
    assert_findings (store, "variables-only");

    /* A whole image without its end: more than the volume, or less of it. */
    for (guint shift = 0; shift < 2; shift++) {
        image_begin (&image, variables, FALSE);
        image.bytes[33] = shift == 0 ? SIZE >> 9 : SIZE >> 7;
        g_autoptr (FirmwareInfo) cut = image_inspect (&image, FALSE, NULL);
        g_assert_cmpint ((int) cut->layout, ==, FIRMWARE_LAYOUT_CUT);
        assert_findings (cut, "cut-off");
    }

    image_begin (&image, NULL, FALSE);
    g_autoptr (FirmwareInfo) bios = image_inspect (&image, FALSE, NULL);
    assert_findings (bios, "not-uefi");

    image_begin (&image, variables, TRUE);
    g_autoptr (FirmwareInfo) old = image_inspect (&image, FALSE, NULL);
    assert_can (old, "stateless");
    assert_findings (old, "no-sev-table other-build");
}

static void
test_no_es (void)
{
    Image image;

    image_begin (&image, variables, TRUE);
    image_entry (&image, secret, "00008100000c0000");
    image_entry (&image, hashes, "000c810000040000");
    g_autoptr (FirmwareInfo) info = image_inspect (&image, TRUE, NULL);
    assert_can (info, "sev secret kernel-hashes stateless");
    assert_findings (info, "no-es-reset other-build");
}

static void
test_damaged (void)
{
    Image image;

    image_complete (&image);
    image_entry (&image, secret, "00008100000c0000"); /* twice */
    g_autoptr (FirmwareInfo) twice = image_inspect (&image, TRUE, NULL);
    g_assert_true (twice->damaged);
    assert_findings (twice, "damaged");
    assert_can (twice, "stateless");

    g_autoptr (FirmwareInfo) small =
        firmware_info_inspect ("small", image.bytes, 100, NULL, NULL);
    g_assert_true (small->damaged);
    g_assert_null (finding_get (small->findings, "damaged")->fix);
}

/* What other programs read from the vectors, see test-ovmf-image.c. */
static void
test_vector (void)
{
    g_autofree char *path = test_vector_path ("inputs/fw8k.bin");
    g_autoptr (GError) error = NULL;
    g_autoptr (FirmwareInfo) info = firmware_info_read (path, NULL, NULL, &error);

    g_assert_no_error (error);
    g_assert_cmpuint (info->size, ==, 8192);
    g_assert_cmphex (info->image.caps & OVMF_CAP_SECRET_AREA, ==, OVMF_CAP_SECRET_AREA);
}

static void
test_no_file (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (GError) error = NULL;

    test_dir_init (&dir);
    g_autofree char *path = test_dir_path (&dir, "absent");
    g_assert_null (firmware_info_read (path, NULL, NULL, &error));
    g_assert_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_FIRMWARE_MISSING);
    g_clear_error (&error);
    g_assert_null (firmware_info_read (dir.path, NULL, NULL, &error));
    g_assert_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_FIRMWARE_UNSUITABLE);
}

/* Descriptors. */

#define FLASH(mode, features)                                                              \
    "{\"description\": \"d\", \"mapping\": {\"device\": \"flash\"" mode                    \
    ", \"executable\": {\"filename\": \"/usr/f.fd\", \"format\": \"raw\"}},"               \
    " \"features\": [" features "]}"

static void
test_descriptor (void)
{
    static const struct {
        const char *text;
        const char *mode; /* NULL: refused */
    } cases[] = {
        { FLASH ("", ""), "split" },
        { FLASH (", \"mode\": \"stateless\"", ""), "stateless" },
        { FLASH (", \"mode\": \"combined\"", ""), "combined" },
        { FLASH (", \"mode\": \"new\"", ""), NULL },
        { "{\"mapping\": {\"device\": \"memory\", \"filename\": \"/f\"}}", "memory" },
        { "{\"mapping\": {\"device\": \"memory\", \"filename\": \"f\"}}", NULL },
        { "{\"mapping\": {\"device\": \"memory\"}}", NULL },
        { "{\"mapping\": {\"device\": \"kernel\", \"filename\": \"/f\"}}", NULL },
        { "{\"mapping\": {\"device\": \"flash\", \"executable\": \"/f\"}}", NULL },
        { "{\"mapping\": []}", NULL },
        { "{}", NULL },
        { "[]", NULL },
        { "{", NULL },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (GError) error = NULL;
        g_autoptr (FirmwareDescriptor) d = firmware_descriptor_parse (
            "x.json", cases[i].text, strlen (cases[i].text), &error);

        if (cases[i].mode != NULL) {
            g_assert_no_error (error);
            g_assert_cmpstr (d->mode, ==, cases[i].mode);
        } else {
            g_assert_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_CONFIG);
            g_assert_null (d);
        }
    }
}

static void
count_problem (const GError *error, gpointer data)
{
    g_assert_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_CONFIG);
    (*(guint *) data)++;
}

static void
test_descriptor_rank (void)
{
    g_auto (TestDir) dir = { 0 };
    guint problems = 0;

    test_dir_init (&dir);
    test_dir_make (&dir, "etc", 0755);
    test_dir_make (&dir, "usr", 0755);
    test_dir_write (&dir, "usr/50-b.json", FLASH ("", "\"usr\""), 0644);
    test_dir_write (&dir, "usr/40-a.json", FLASH ("", "\"usr\""), 0644);
    test_dir_write (&dir, "usr/60-c.json", FLASH ("", "\"usr\""), 0644);
    test_dir_write (&dir, "usr/70-d.json", "{", 0644);
    test_dir_write (&dir, "usr/README", "{", 0644);
    test_dir_write (&dir, "etc/50-b.json", FLASH ("", "\"etc\""), 0644);
    test_dir_write (&dir, "etc/60-c.json", "", 0644);
    g_autofree char *etc = test_dir_path (&dir, "etc");
    g_autofree char *usr = test_dir_path (&dir, "usr");
    const char *dirs[] = { "/nonexistent", etc, usr, NULL };

    g_autoptr (GPtrArray) list = firmware_descriptors_load (dirs, count_problem, &problems);
    g_assert_cmpuint (list->len, ==, 2);
    g_assert_true (firmware_descriptor_has (g_ptr_array_index (list, 0), "usr"));
    g_assert_true (firmware_descriptor_has (g_ptr_array_index (list, 1), "etc"));
    g_assert_cmpuint (problems, ==, 1);
}

static void
test_list (void)
{
    g_auto (TestDir) dir = { 0 };
    Image image;

    test_dir_init (&dir);
    test_dir_make (&dir, "usr", 0755);
    test_dir_make (&dir, "usr/share", 0755);
    test_dir_make (&dir, "usr/share/qemu", 0755);
    test_dir_make (&dir, "usr/share/qemu/firmware", 0755);
    test_dir_make (&dir, "own", 0755);
    image_begin (&image, files, TRUE);
    image_entry (&image, es_reset, "04808000");
    g_autoptr (FirmwareInfo) ignored = image_inspect (&image, TRUE, NULL);
    test_dir_write_bytes (&dir, "usr/f.fd", image.bytes, SIZE, 0644);
    image_complete (&image);
    g_autoptr (FirmwareInfo) own = image_inspect (&image, TRUE, NULL);
    test_dir_write_bytes (&dir, "own/sevlaunch-ovmf.fd", image.bytes, SIZE, 0644);
    test_dir_write (&dir, "own/expected.sha256", own->sha256, 0644);
    test_dir_write (&dir, "usr/share/qemu/firmware/1.json", FLASH ("", "\"amd-sev\""),
                    0644);
    test_dir_write (&dir, "usr/share/qemu/firmware/2.json", FLASH ("", "\"requires-smm\""),
                    0644);
    g_autofree char *datadir = test_dir_path (&dir, "own");

    g_autoptr (GPtrArray) list = firmware_list_all (dir.path, datadir);
    g_assert_cmpuint (list->len, ==, 2);
    const FirmwareEntry *first = g_ptr_array_index (list, 0);
    const FirmwareEntry *second = g_ptr_array_index (list, 1);
    assert_findings (first->info, "");
    g_assert_cmpuint (second->descriptors->len, ==, 2);
    assert_findings (second->info, "code-only no-secret-area no-hash-area other-build "
                                   "descriptor-amd-sev requires-smm");
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/inspect/firmware/complete", test_complete);
    g_test_add_func ("/inspect/firmware/stock", test_stock);
    g_test_add_func ("/inspect/firmware/no-es", test_no_es);
    g_test_add_func ("/inspect/firmware/damaged", test_damaged);
    g_test_add_func ("/inspect/firmware/vector", test_vector);
    g_test_add_func ("/inspect/firmware/no-file", test_no_file);
    g_test_add_func ("/inspect/firmware/descriptor", test_descriptor);
    g_test_add_func ("/inspect/firmware/descriptor-rank", test_descriptor_rank);
    g_test_add_func ("/inspect/firmware/list", test_list);
    return g_test_run ();
}
