/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ovmf-hooks/ovmf-image.h"

#include "ovmf-hooks/ovmf-error.h"
#include "ovmf-hooks/ovmf-hashes.h"
#include "sev/base/sev-bytes.h"
#include "sev/base/sev-guid.h"

/* Distances from the end of the image, ResetVectorVtf0.asm. */
#define RESET_VECTOR_SIZE 32u
#define ENTRY_TAIL_SIZE 18u /* u16 length, GUID: behind the data of each entry */
#define FOOTER_END RESET_VECTOR_SIZE
#define FOOTER_START (FOOTER_END + ENTRY_TAIL_SIZE)

static const SevGuid footer_guid =
    SEV_GUID_INIT (0x96b582de, 0x1fb2, 0x45f7, 0xbaea, 0xa366c55a082d);

/* What is known of an entry: which bit it gives and how long its data is. */
typedef struct {
    SevGuid guid;
    const char *name;
    guint cap;
    gsize data_len;
} EntryKind;

static const EntryKind entry_kinds[] = {
    { SEV_GUID_INIT (0x4c2eb361, 0x7d9b, 0x4cc3, 0x8081, 0x127c90d3d294), "secret area",
      OVMF_CAP_SECRET_AREA, 8 },
    { SEV_GUID_INIT (0x7255371f, 0x3a3b, 0x4b04, 0x927b, 0x1da6efa8d454), "hash area",
      OVMF_CAP_HASH_AREA, 8 },
    { SEV_GUID_INIT (0x00f771de, 0x1a7e, 0x4fcb, 0x890e, 0x68c77e2fb44e),
      "SEV-ES reset block", OVMF_CAP_ES_RESET, 4 },
    { SEV_GUID_INIT (0xdc886566, 0x984a, 0x4798, 0xa75e, 0x5585a7bf67cc), "SNP metadata",
      OVMF_CAP_SNP_METADATA, 4 },
};

/* length and GUID of an entry whose last byte is before @end */
static gboolean
read_tail (const guint8 *image, gsize end, guint16 *len, SevGuid *guid)
{
    SevReader reader;

    if (end < ENTRY_TAIL_SIZE)
        return FALSE;
    sev_reader_init (&reader, image + (end - ENTRY_TAIL_SIZE), ENTRY_TAIL_SIZE);
    return sev_reader_u16 (&reader, len) &&
           sev_reader_bytes (&reader, guid->bytes, sizeof guid->bytes);
}

static const EntryKind *
find_kind (const SevGuid *guid)
{
    for (gsize i = 0; i < G_N_ELEMENTS (entry_kinds); i++)
        if (sev_guid_equal (guid, &entry_kinds[i].guid))
            return &entry_kinds[i];
    return NULL;
}

static gboolean
take_area (SevReader *reader, const char *name, OvmfArea *area, GError **error)
{
    const gboolean whole =
        sev_reader_u32 (reader, &area->base) && sev_reader_u32 (reader, &area->size);
    g_assert (whole);
    if ((guint64) area->base + area->size > G_GUINT64_CONSTANT (0x100000000)) {
        g_set_error (error, OVMF_ERROR, OVMF_ERROR_MALFORMED,
                     "firmware's %s at 0x%x of 0x%x bytes reaches beyond 4 GiB", name,
                     area->base, area->size);
        return FALSE;
    }
    return TRUE;
}

/* An area that is not there has base or size 0 (QEMU, sev_add_kernel_loader_hashes()). */
static gboolean
take_entry (const EntryKind *kind,
            const guint8 *data,
            gsize len,
            OvmfImageInfo *info,
            GError **error)
{
    SevReader reader;
    OvmfArea area = { 0 };
    guint32 value = 0;

    if (len != kind->data_len) {
        g_set_error (error, OVMF_ERROR, OVMF_ERROR_MALFORMED,
                     "firmware's %s entry has %" G_GSIZE_FORMAT
                     " bytes, expected %" G_GSIZE_FORMAT,
                     kind->name, len, kind->data_len);
        return FALSE;
    }
    sev_reader_init (&reader, data, len);
    switch (kind->cap) {
    case OVMF_CAP_SECRET_AREA:
    case OVMF_CAP_HASH_AREA:
        if (!take_area (&reader, kind->name, &area, error))
            return FALSE;
        if (area.base == 0 || area.size == 0)
            return TRUE;
        break;
    default:
        if (!sev_reader_u32 (&reader, &value))
            g_assert_not_reached ();
        /* QEMU, sev_es_parse_reset_block(): zero is no place to begin at. */
        if (kind->cap == OVMF_CAP_ES_RESET && value == 0)
            return TRUE;
        break;
    }

    if (kind->cap == OVMF_CAP_SECRET_AREA) {
        if (area.base % SEV_BLOCK_SIZE != 0) {
            g_set_error (error, OVMF_ERROR, OVMF_ERROR_MALFORMED,
                         "firmware's secret area at 0x%x is not aligned to %u bytes",
                         area.base, SEV_BLOCK_SIZE);
            return FALSE;
        }
        info->secret_area = area;
    }
    if (kind->cap == OVMF_CAP_HASH_AREA) {
        if (area.size < OVMF_HASH_TABLE_PADDED_SIZE)
            return TRUE;
        info->hash_area = area;
    }
    if (kind->cap == OVMF_CAP_ES_RESET)
        info->es_reset_addr = value;
    if (kind->cap == OVMF_CAP_SNP_METADATA)
        info->snp_metadata = value;
    info->caps |= kind->cap;
    return TRUE;
}

/* Entries lie one below the other, from @end down to @start. */
static gboolean
walk (const guint8 *image, gsize start, gsize end, OvmfImageInfo *info, GError **error)
{
    guint seen = 0;

    while (end > start) {
        guint16 len = 0;
        SevGuid guid;

        if (end - start < ENTRY_TAIL_SIZE || !read_tail (image, end, &len, &guid) ||
            len < ENTRY_TAIL_SIZE || len > end - start) {
            g_set_error (error, OVMF_ERROR, OVMF_ERROR_MALFORMED,
                         "firmware's GUID table: entry of %u bytes where %" G_GSIZE_FORMAT
                         " are left",
                         len, end - start);
            return FALSE;
        }
        const EntryKind *kind = find_kind (&guid);
        if (kind != NULL) {
            if ((seen & kind->cap) != 0) {
                g_set_error (error, OVMF_ERROR, OVMF_ERROR_MALFORMED,
                             "firmware's GUID table names its %s twice", kind->name);
                return FALSE;
            }
            seen |= kind->cap;
            if (!take_entry (kind, image + (end - len), len - ENTRY_TAIL_SIZE, info, error))
                return FALSE;
        }
        end -= len;
    }
    return TRUE;
}

static gboolean
areas_overlap (const OvmfArea *a, const OvmfArea *b)
{
    return (guint64) a->base < (guint64) b->base + b->size &&
           (guint64) b->base < (guint64) a->base + a->size;
}

gboolean
ovmf_image_inspect (const guint8 *image, gsize len, OvmfImageInfo *out, GError **error)
{
    OvmfImageInfo info = { 0 };
    guint16 total = 0;
    SevGuid guid;

    g_return_val_if_fail (image != NULL || len == 0, FALSE);
    g_return_val_if_fail (out != NULL, FALSE);
    g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

    if (len < OVMF_IMAGE_MIN_SIZE || len > OVMF_IMAGE_MAX_SIZE) {
        g_set_error (error, OVMF_ERROR,
                     len < OVMF_IMAGE_MIN_SIZE ? OVMF_ERROR_MALFORMED
                                               : OVMF_ERROR_TOO_LARGE,
                     "firmware image: %" G_GSIZE_FORMAT " bytes, expected %u to %u", len,
                     OVMF_IMAGE_MIN_SIZE, OVMF_IMAGE_MAX_SIZE);
        return FALSE;
    }

    const gsize footer_end = len - FOOTER_END;
    const gboolean whole = read_tail (image, footer_end, &total, &guid);
    g_assert (whole);
    if (!sev_guid_equal (&guid, &footer_guid)) {
        /* Before the table, the SEV-ES reset block stood alone at its place (QEMU 7.2,
         * sev_es_find_reset_vector()). */
        const EntryKind *kind = find_kind (&guid);
        if (kind != NULL && kind->cap == OVMF_CAP_ES_RESET &&
            total == ENTRY_TAIL_SIZE + kind->data_len &&
            !take_entry (kind, image + (footer_end - total), kind->data_len, &info, error))
            return FALSE;
        *out = info;
        return TRUE;
    }

    if (total < ENTRY_TAIL_SIZE || total > footer_end) {
        g_set_error (error, OVMF_ERROR, OVMF_ERROR_MALFORMED,
                     "firmware's GUID table has a length of %u bytes in an image "
                     "of %" G_GSIZE_FORMAT,
                     total, len);
        return FALSE;
    }
    if (!walk (image, footer_end - total, footer_end - ENTRY_TAIL_SIZE, &info, error))
        return FALSE;
    if ((info.caps & OVMF_CAP_SECRET_AREA) != 0 && (info.caps & OVMF_CAP_HASH_AREA) != 0 &&
        areas_overlap (&info.secret_area, &info.hash_area)) {
        g_set_error (error, OVMF_ERROR, OVMF_ERROR_MALFORMED,
                     "firmware's secret area (0x%x, 0x%x bytes) and hash area (0x%x, "
                     "0x%x bytes) overlap",
                     info.secret_area.base, info.secret_area.size, info.hash_area.base,
                     info.hash_area.size);
        return FALSE;
    }
    *out = info;
    return TRUE;
}

gboolean
ovmf_image_require (const OvmfImageInfo *info, guint caps, GError **error)
{
    g_autoptr (GString) missing = g_string_new (NULL);

    g_return_val_if_fail (info != NULL, FALSE);

    for (gsize i = 0; i < G_N_ELEMENTS (entry_kinds); i++) {
        if ((caps & ~info->caps & entry_kinds[i].cap) == 0)
            continue;
        g_string_append_printf (missing, "%s%s", missing->len > 0 ? ", " : "",
                                entry_kinds[i].name);
    }
    if (missing->len == 0)
        return TRUE;
    g_set_error (error, OVMF_ERROR, OVMF_ERROR_UNSUPPORTED, "firmware image has no %s",
                 missing->str);
    return FALSE;
}
