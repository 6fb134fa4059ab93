/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/image/gpt.h"

#include <string.h>

#include "sev/base/sev-bytes.h"

#define MBR_ENTRIES 446u
#define MBR_ENTRY_SIZE 16u
#define HEADER_SIZE 92u
#define ENTRY_SIZE 128u
#define NAME_UNITS 36u

const SevGuid gpt_type_esp =
    SEV_GUID_INIT (0xc12a7328, 0xf81f, 0x11d2, 0xba4b, 0x00a0c93ec93b);
const SevGuid gpt_type_luks =
    SEV_GUID_INIT (0xca7d7ccb, 0x63ed, 0x4c53, 0x861c, 0x1742536059cc);

/* UEFI 2.10, table 5.5; sizes in bytes, addresses in sectors. */
typedef struct {
    guint8 signature[8];
    guint32 revision;
    guint32 header_size;
    guint32 header_crc;
    guint32 reserved;
    guint64 my_lba;
    guint64 alternate_lba;
    guint64 first_usable;
    guint64 last_usable;
    guint8 disk_guid[16];
    guint64 entries_lba;
    guint32 n_entries;
    guint32 entry_size;
    guint32 entries_crc;
} GptHeader;

/* CRC-32 of ISO 3309, as UEFI 2.10 section 5.3.2 asks for. */
static guint32
crc32_of (const guint8 *data, gsize len)
{
    guint32 crc = 0xffffffffu;

    for (gsize i = 0; i < len; i++) {
        crc ^= data[i];
        for (guint bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320u : 0);
    }
    return ~crc;
}

gboolean
gpt_has_protective_mbr (const guint8 *sector, gsize len)
{
    if (len < GPT_SECTOR_SIZE || sector[510] != 0x55 || sector[511] != 0xaa)
        return FALSE;
    for (guint i = 0; i < 4; i++)
        if (sector[MBR_ENTRIES + i * MBR_ENTRY_SIZE + 4] == 0xee)
            return TRUE;
    return FALSE;
}

static void
partition_free (gpointer data)
{
    GptPartition *partition = data;

    g_free (partition->name);
    g_free (partition);
}

static gboolean
broken (GError **error, const char *what)
{
    g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_GPT_BROKEN, "partition table: %s", what);
    return FALSE;
}

static gboolean
read_header (const guint8 *data, GptHeader *header)
{
    SevReader reader;

    sev_reader_init (&reader, data + GPT_SECTOR_SIZE, HEADER_SIZE);
    return sev_reader_bytes (&reader, header->signature, sizeof header->signature) &&
           sev_reader_u32 (&reader, &header->revision) &&
           sev_reader_u32 (&reader, &header->header_size) &&
           sev_reader_u32 (&reader, &header->header_crc) &&
           sev_reader_u32 (&reader, &header->reserved) &&
           sev_reader_u64 (&reader, &header->my_lba) &&
           sev_reader_u64 (&reader, &header->alternate_lba) &&
           sev_reader_u64 (&reader, &header->first_usable) &&
           sev_reader_u64 (&reader, &header->last_usable) &&
           sev_reader_bytes (&reader, header->disk_guid, sizeof header->disk_guid) &&
           sev_reader_u64 (&reader, &header->entries_lba) &&
           sev_reader_u32 (&reader, &header->n_entries) &&
           sev_reader_u32 (&reader, &header->entry_size) &&
           sev_reader_u32 (&reader, &header->entries_crc);
}

static gboolean
check_header_crc (const guint8 *data, const GptHeader *header)
{
    guint8 sector[GPT_SECTOR_SIZE];

    memcpy (sector, data + GPT_SECTOR_SIZE, sizeof sector);
    memset (sector + 16, 0, 4);
    return crc32_of (sector, header->header_size) == header->header_crc;
}

static gboolean
check_header (const guint8 *data,
              gsize len,
              guint64 disk_size,
              const GptHeader *h,
              GError **error)
{
    const guint64 sectors = disk_size / GPT_SECTOR_SIZE;

    if (h->revision != 0x00010000 || h->header_size < HEADER_SIZE ||
        h->header_size > GPT_SECTOR_SIZE || h->reserved != 0)
        return broken (error, "header of an unknown form");
    if (!check_header_crc (data, h))
        return broken (error, "checksum of the header is wrong");
    if (h->my_lba != 1 || h->alternate_lba <= 1 || h->alternate_lba >= sectors)
        return broken (error, "header or its backup lies outside of the disk");
    if (h->entry_size != ENTRY_SIZE || h->n_entries == 0 || h->n_entries > GPT_MAX_ENTRIES)
        return broken (error, "number or size of entries is not supported");

    const guint64 entries_size = (guint64) h->n_entries * ENTRY_SIZE;
    if (h->entries_lba < 2 || h->entries_lba > len / GPT_SECTOR_SIZE ||
        entries_size > len - h->entries_lba * GPT_SECTOR_SIZE)
        return broken (error, "entries lie outside of the first MiB");
    if (h->first_usable > h->last_usable || h->last_usable >= sectors ||
        h->first_usable * GPT_SECTOR_SIZE < h->entries_lba * GPT_SECTOR_SIZE + entries_size)
        return broken (error, "usable sectors lie outside of the disk or over the table");
    if (crc32_of (data + h->entries_lba * GPT_SECTOR_SIZE, entries_size) != h->entries_crc)
        return broken (error, "checksum of the entries is wrong");
    return TRUE;
}

/* UTF-16LE up to the first NUL; what cannot be shown becomes '?'. */
static char *
read_name (const guint8 *raw)
{
    GString *name = g_string_new (NULL);

    for (guint i = 0; i < NAME_UNITS; i++) {
        const guint unit = raw[2 * i] | (guint) raw[2 * i + 1] << 8;

        if (unit == 0)
            break;
        const gboolean shown = (unit < 0xd800 || unit > 0xdfff) && g_unichar_isprint (unit);
        g_string_append_unichar (name, shown ? unit : '?');
    }
    return g_string_free (name, FALSE);
}

static gboolean
overlaps (const GPtrArray *partitions, const GptPartition *partition)
{
    for (guint i = 0; i < partitions->len; i++) {
        const GptPartition *other = partitions->pdata[i];

        if (partition->start < other->start + other->size &&
            other->start < partition->start + partition->size)
            return TRUE;
        if (sev_guid_equal (&partition->unique, &other->unique))
            return TRUE;
    }
    return FALSE;
}

static gboolean
read_entry (const guint8 *raw,
            guint number,
            const GptHeader *header,
            GPtrArray *partitions,
            GError **error)
{
    SevReader reader;
    SevGuid type;
    SevGuid unique;
    guint64 first = 0;
    guint64 last = 0;
    guint64 attributes = 0;

    sev_reader_init (&reader, raw, ENTRY_SIZE);
    if (!sev_reader_bytes (&reader, type.bytes, sizeof type.bytes) ||
        !sev_reader_bytes (&reader, unique.bytes, sizeof unique.bytes) ||
        !sev_reader_u64 (&reader, &first) || !sev_reader_u64 (&reader, &last) ||
        !sev_reader_u64 (&reader, &attributes))
        return broken (error, "entry is cut off");
    if (sev_guid_is_zero (&type))
        return TRUE;
    if (first < header->first_usable || last > header->last_usable || first > last)
        return broken (error, "a partition lies outside of the usable sectors");

    GptPartition *partition = g_new0 (GptPartition, 1);
    partition->number = number;
    partition->type = type;
    partition->unique = unique;
    partition->start = first * GPT_SECTOR_SIZE;
    partition->size = (last - first + 1) * GPT_SECTOR_SIZE;
    partition->name = read_name (raw + ENTRY_SIZE - 2 * NAME_UNITS);

    const gboolean clash = overlaps (partitions, partition);
    g_ptr_array_add (partitions, partition);
    return !clash || broken (error, "partitions overlap or have the same GUID");
}

GPtrArray *
gpt_parse (const guint8 *data, gsize len, guint64 disk_size, GError **error)
{
    GptHeader header;

    if (len < 2 * GPT_SECTOR_SIZE || disk_size < len || !read_header (data, &header)) {
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_GPT_MISSING,
                     "disk is too small for a partition table");
        return NULL;
    }
    if (memcmp (header.signature, "EFI PART", sizeof header.signature) != 0) {
        if (gpt_has_protective_mbr (data, len))
            broken (error, "protective MBR without a GUID partition table");
        else
            g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_GPT_MISSING,
                         "disk has no GUID partition table");
        return NULL;
    }
    if (!gpt_has_protective_mbr (data, len)) {
        broken (error, "GUID partition table without a protective MBR");
        return NULL;
    }
    /* No product below can overflow once the disk is smaller than this. */
    if (disk_size > G_MAXINT64) {
        broken (error, "disk is too large");
        return NULL;
    }
    if (!check_header (data, len, disk_size, &header, error))
        return NULL;

    g_autoptr (GPtrArray) partitions = g_ptr_array_new_with_free_func (partition_free);
    const guint8 *entries = data + header.entries_lba * GPT_SECTOR_SIZE;
    for (guint i = 0; i < header.n_entries; i++)
        if (!read_entry (entries + i * ENTRY_SIZE, i + 1, &header, partitions, error))
            return NULL;
    return g_steal_pointer (&partitions);
}
