/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The GUID table of a firmware image.  Expected areas of the two images under tests/vectors
 * are what QEMU and libvirt read from them: fw8k.bin was laid out by hand for
 * virt-qemu-sev-validate, the other is the tail of a real AmdSev build (virtee/sevctl).
 */

#include <string.h>

#include "ovmf-hooks/ovmf-error.h"
#include "ovmf-hooks/ovmf-image.h"
#include "ovmf-hooks/secret-area.h"
#include "sev/base/sev-bytes.h"
#include "sev/base/sev-guid.h"
#include "tests/lib/test-vectors.h"

#define IMAGE_SIZE 8192u

/* GUIDs as edk2 and QEMU write them. */
#define FOOTER "96b582de-1fb2-45f7-baea-a366c55a082d"
#define SECRET "4c2eb361-7d9b-4cc3-8081-127c90d3d294"
#define HASHES "7255371f-3a3b-4b04-927b-1da6efa8d454"
#define ES_RESET "00f771de-1a7e-4fcb-890e-68c77e2fb44e"
#define SNP "dc886566-984a-4798-a75e-5585a7bf67cc"
#define TDX "e47a6535-984a-4798-865e-4685a7bf8ec2"

typedef struct {
    const char *guid;
    guint n_words;
    guint32 words[3];
    int len_delta; /* added to the length field, to break it */
} Row;

typedef struct {
    const char *name;
    Row rows[6];
    int total_delta;
    int error; /* -1: accepted */
    guint caps;
    guint32 secret_base, secret_size, hash_base, hash_size;
} Case;

static void
put_tail (GByteArray *out, const char *guid_text, gsize len)
{
    SevGuid guid;

    g_assert_true (sev_guid_parse (guid_text, &guid, NULL));
    sev_put_u16 (out, (guint16) len);
    sev_put_bytes (out, guid.bytes, sizeof guid.bytes);
}

static guint8 *
make_image (const Case *c)
{
    g_autoptr (GByteArray) table = g_byte_array_new ();
    guint8 *image = g_malloc (IMAGE_SIZE);

    for (gsize i = 0; i < G_N_ELEMENTS (c->rows) && c->rows[i].guid != NULL; i++) {
        const Row *row = &c->rows[i];
        for (guint w = 0; w < row->n_words; w++)
            sev_put_u32 (table, row->words[w]);
        put_tail (table, row->guid,
                  (gsize) ((gssize) (18 + 4 * row->n_words) + row->len_delta));
    }
    put_tail (table, FOOTER, (gsize) ((gssize) (table->len + 18) + c->total_delta));
    memset (image, 0xaa, IMAGE_SIZE);
    memcpy (image + IMAGE_SIZE - 32 - table->len, table->data, table->len);
    return image;
}

static const Case cases[] = {
    { .name = "empty-table", .error = -1 },
    { .name = "all",
      .rows = { { SNP, 1, { 0x7a4 } },
                { TDX, 1, { 0x800 } },
                { ES_RESET, 1, { 0x80b004 } },
                { HASHES, 2, { 0x810c00, 0x400 } },
                { SECRET, 2, { 0x810000, 0xc00 } } },
      .error = -1,
      .caps = OVMF_CAP_SECRET_AREA | OVMF_CAP_HASH_AREA | OVMF_CAP_ES_RESET |
              OVMF_CAP_SNP_METADATA,
      .secret_base = 0x810000,
      .secret_size = 0xc00,
      .hash_base = 0x810c00,
      .hash_size = 0x400 },
    { .name = "unknown-entries-are-skipped",
      .rows = { { "11111111-2222-3333-4444-555555555555", 3, { 1, 2, 3 } },
                { SECRET, 2, { 0x1000, 0x100 } } },
      .error = -1,
      .caps = OVMF_CAP_SECRET_AREA,
      .secret_base = 0x1000,
      .secret_size = 0x100 },
    { .name = "base-0-is-absent",
      .rows = { { SECRET, 2, { 0, 0xc00 } }, { HASHES, 2, { 0, 0x400 } } },
      .error = -1 },
    { .name = "size-0-is-absent",
      .rows = { { SECRET, 2, { 0x810000, 0 } }, { HASHES, 2, { 0x810c00, 0 } } },
      .error = -1 },
    { .name = "hash-area-of-175-is-absent",
      .rows = { { HASHES, 2, { 0x810c00, 175 } } },
      .error = -1 },
    { .name = "hash-area-of-176-is-there",
      .rows = { { HASHES, 2, { 0x810c00, 176 } } },
      .error = -1,
      .caps = OVMF_CAP_HASH_AREA,
      .hash_base = 0x810c00,
      .hash_size = 176 },
    { .name = "reset-address-0-is-absent",
      .rows = { { ES_RESET, 1, { 0 } }, { SNP, 1, { 0x7a4 } } },
      .error = -1,
      .caps = OVMF_CAP_SNP_METADATA },
    { .name = "area-up-to-4G",
      .rows = { { SECRET, 2, { 0xfffff000, 0x1000 } } },
      .error = -1,
      .caps = OVMF_CAP_SECRET_AREA,
      .secret_base = 0xfffff000,
      .secret_size = 0x1000 },
    { .name = "area-beyond-4G",
      .rows = { { SECRET, 2, { 0xfffff000, 0x1001 } } },
      .error = OVMF_ERROR_MALFORMED },
    { .name = "areas-overlap",
      .rows = { { SECRET, 2, { 0x810000, 0xc01 } }, { HASHES, 2, { 0x810c00, 0x400 } } },
      .error = OVMF_ERROR_MALFORMED },
    { .name = "areas-touch",
      .rows = { { SECRET, 2, { 0x810000, 0xc00 } }, { HASHES, 2, { 0x810c00, 0x400 } } },
      .error = -1,
      .caps = OVMF_CAP_SECRET_AREA | OVMF_CAP_HASH_AREA,
      .secret_base = 0x810000,
      .secret_size = 0xc00,
      .hash_base = 0x810c00,
      .hash_size = 0x400 },
    { .name = "secret-area-unaligned",
      .rows = { { SECRET, 2, { 0x810008, 0xc00 } } },
      .error = OVMF_ERROR_MALFORMED },
    { .name = "secret-area-twice",
      .rows = { { SECRET, 2, { 0x810000, 0xc00 } }, { SECRET, 2, { 0x820000, 0xc00 } } },
      .error = OVMF_ERROR_MALFORMED },
    { .name = "secret-entry-too-long",
      .rows = { { SECRET, 3, { 0x810000, 0xc00, 0 } } },
      .error = OVMF_ERROR_MALFORMED },
    { .name = "secret-entry-too-short",
      .rows = { { SECRET, 1, { 0x810000 } } },
      .error = OVMF_ERROR_MALFORMED },
    { .name = "entry-length-17",
      .rows = { { TDX, 1, { 1 }, -5 } },
      .error = OVMF_ERROR_MALFORMED },
    { .name = "entry-length-0",
      .rows = { { TDX, 1, { 1 }, -22 } },
      .error = OVMF_ERROR_MALFORMED },
    { .name = "entry-longer-than-table",
      .rows = { { TDX, 1, { 1 }, 1 } },
      .error = OVMF_ERROR_MALFORMED },
    { .name = "table-longer-than-image",
      .total_delta = 8192 - 32 - 18 + 1,
      .error = OVMF_ERROR_MALFORMED },
    { .name = "table-shorter-than-footer",
      .total_delta = -1,
      .error = OVMF_ERROR_MALFORMED },
    { .name = "table-cuts-an-entry",
      .rows = { { TDX, 1, { 1 } } },
      .total_delta = -4,
      .error = OVMF_ERROR_MALFORMED },
};

static void
test_case (gconstpointer data)
{
    const Case *c = data;
    g_autofree guint8 *image = make_image (c);
    g_autoptr (GError) error = NULL;
    OvmfImageInfo info;

    memset (&info, 0x55, sizeof info);
    const gboolean ok = ovmf_image_inspect (image, IMAGE_SIZE, &info, &error);
    if (c->error >= 0) {
        g_assert_error (error, OVMF_ERROR, c->error);
        g_assert_false (ok);
        g_assert_cmphex (info.caps, ==, 0x55555555);
        return;
    }
    g_assert_no_error (error);
    g_assert_true (ok);
    g_assert_cmphex (info.caps, ==, c->caps);
    g_assert_cmphex (info.secret_area.base, ==, c->secret_base);
    g_assert_cmphex (info.secret_area.size, ==, c->secret_size);
    g_assert_cmphex (info.hash_area.base, ==, c->hash_base);
    g_assert_cmphex (info.hash_area.size, ==, c->hash_size);
    if (strcmp (c->name, "all") == 0) {
        g_assert_cmphex (info.es_reset_addr, ==, 0x80b004);
        g_assert_cmphex (info.snp_metadata, ==, 0x7a4);
    }
}

static void
test_real_tail (void)
{
    g_autoptr (GBytes) image = test_vector_load ("inputs/ovmf_amdsev_trimmed.bin");
    g_autoptr (GError) error = NULL;
    OvmfImageInfo info;
    gsize len, limit;
    const guint8 *data = g_bytes_get_data (image, &len);

    g_assert_true (ovmf_image_inspect (data, len, &info, &error));
    g_assert_no_error (error);
    g_assert_cmphex (info.caps & (OVMF_CAP_SECRET_AREA | OVMF_CAP_HASH_AREA), ==,
                     OVMF_CAP_SECRET_AREA | OVMF_CAP_HASH_AREA);
    /* OvmfPkg/AmdSev/AmdSevX64.fdf: PcdSevLaunchSecret{Base,Size}, PcdQemuHashTable*. */
    g_assert_cmphex (info.secret_area.base, ==, 0x80c000);
    g_assert_cmphex (info.secret_area.size, ==, 0xc00);
    g_assert_cmphex (info.hash_area.base, ==, 0x80cc00);
    g_assert_cmphex (info.hash_area.size, ==, 0x400);
    g_assert_true (ovmf_secret_area_limit (&info, &limit, &error));
    g_assert_cmpuint (limit, ==, 0xc00);
}

static void
test_sizes (void)
{
    g_autofree guint8 *image = g_malloc0 (OVMF_IMAGE_MIN_SIZE);
    g_autoptr (GError) error = NULL;
    OvmfImageInfo info;

    g_assert_true (ovmf_image_inspect (image, OVMF_IMAGE_MIN_SIZE, &info, &error));
    g_assert_cmphex (info.caps, ==, 0);
    g_assert_false (ovmf_image_inspect (image, OVMF_IMAGE_MIN_SIZE - 1, &info, &error));
    g_assert_error (error, OVMF_ERROR, OVMF_ERROR_MALFORMED);
    g_clear_error (&error);
    g_assert_false (ovmf_image_inspect (image, OVMF_IMAGE_MAX_SIZE + 1, &info, &error));
    g_assert_error (error, OVMF_ERROR, OVMF_ERROR_TOO_LARGE);
}

/* Older images have the SEV-ES block alone where the footer now is. */
static void
test_old_reset_block (void)
{
    g_autofree guint8 *image = g_malloc0 (IMAGE_SIZE);
    g_autoptr (GByteArray) block = g_byte_array_new ();
    OvmfImageInfo info;

    sev_put_u32 (block, 0x80b004);
    put_tail (block, ES_RESET, 22);
    memcpy (image + IMAGE_SIZE - 32 - block->len, block->data, block->len);
    g_assert_true (ovmf_image_inspect (image, IMAGE_SIZE, &info, NULL));
    g_assert_cmphex (info.caps, ==, OVMF_CAP_ES_RESET);
    g_assert_cmphex (info.es_reset_addr, ==, 0x80b004);
}

static void
test_require (void)
{
    OvmfImageInfo info = { .caps = OVMF_CAP_HASH_AREA };
    g_autoptr (GError) error = NULL;
    gsize limit;

    g_assert_true (ovmf_image_require (&info, OVMF_CAP_HASH_AREA, &error));
    g_assert_no_error (error);
    g_assert_false (ovmf_image_require (
        &info, OVMF_CAP_HASH_AREA | OVMF_CAP_SECRET_AREA | OVMF_CAP_ES_RESET, &error));
    g_assert_error (error, OVMF_ERROR, OVMF_ERROR_UNSUPPORTED);
    g_assert_cmpstr (error->message, ==,
                     "firmware image has no secret area, SEV-ES reset block");
    g_clear_error (&error);
    g_assert_false (ovmf_secret_area_limit (&info, &limit, &error));
    g_assert_error (error, OVMF_ERROR, OVMF_ERROR_UNSUPPORTED);

    info.caps |= OVMF_CAP_SECRET_AREA;
    info.secret_area = (OvmfArea){ 0x810000, 0x10000 };
    g_assert_true (ovmf_secret_area_limit (&info, &limit, NULL));
    g_assert_cmpuint (limit, ==, 16384); /* LAUNCH_SECRET */
    info.secret_area.size = 0xc0f;
    g_assert_true (ovmf_secret_area_limit (&info, &limit, NULL));
    g_assert_cmpuint (limit, ==, 0xc00);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autofree char *path = g_strconcat ("/ovmf-image/case/", cases[i].name, NULL);
        g_test_add_data_func (path, &cases[i], test_case);
    }
    g_test_add_func ("/ovmf-image/real-tail", test_real_tail);
    g_test_add_func ("/ovmf-image/sizes", test_sizes);
    g_test_add_func ("/ovmf-image/old-reset-block", test_old_reset_block);
    g_test_add_func ("/ovmf-image/require", test_require);
    return g_test_run ();
}
