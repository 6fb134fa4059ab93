/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/image/image-error.h"
#include "sev/base/sev-guid.h"

G_BEGIN_DECLS

/**
 * SECTION: gpt
 * @short_description: a reader of GUID partition tables
 *
 * Source: UEFI 2.10, chapter 5.  Pure.  Sectors of 512 bytes, the primary table
 * only, right behind it its entries.  Stricter than UEFI: at most 128 entries of
 * 128 bytes, no partition over another one, no unique GUID twice; a damaged primary
 * table is an error even if the backup is sound.
 */

#define GPT_SECTOR_SIZE 512u
#define GPT_MAX_ENTRIES 128u
#define GPT_READ_SIZE (1u << 20) /* bytes from the start of the disk that suffice */

/**
 * GptPartition:
 * @number: from 1, as in sda1
 * @type: partition type GUID
 * @unique: unique partition GUID
 * @start: first byte, multiple of %GPT_SECTOR_SIZE
 * @size: bytes, multiple of %GPT_SECTOR_SIZE, at least one sector
 * @name: UTF-8, printable, what is not shown as '?'
 */
typedef struct {
    guint number;
    SevGuid type;
    SevGuid unique;
    guint64 start;
    guint64 size;
    char *name;
} GptPartition;

extern const SevGuid gpt_type_esp;  /* C12A7328-F81F-11D2-BA4B-00A0C93EC93B */
extern const SevGuid gpt_type_luks; /* CA7D7CCB-63ED-4C53-861C-1742536059CC */

/**
 * gpt_has_protective_mbr:
 * @sector: (array length=len): first bytes of a disk
 *
 * Returns: %TRUE if these are an MBR with a partition of type 0xEE
 */
gboolean gpt_has_protective_mbr (const guint8 *sector, gsize len);

/**
 * gpt_parse:
 * @data: (array length=len): the first bytes of the disk, %GPT_READ_SIZE or the whole
 *   disk if it is smaller
 * @len: their number
 * @disk_size: size of the disk in bytes
 * @error: return location for a #GError, or %NULL
 *
 * Errors: %IMAGE_ERROR_GPT_MISSING (neither protective MBR nor GPT header),
 * %IMAGE_ERROR_GPT_BROKEN.
 *
 * Returns: (transfer full) (element-type GptPartition): used entries in table order;
 *   %NULL on error
 */
GPtrArray *gpt_parse (const guint8 *data, gsize len, guint64 disk_size, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
