/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Partition tables: 8 bytes disk size, then the start of the disk.  Checksums would stop
 * every change, so the input is also tried with both of them made right.
 */

#include <stdint.h>
#include <string.h>

#include "launcher/image/gpt.h"
#include "sev/base/sev-bytes.h"
#include "tests/lib/test-crc32.h"

#define SECTOR 512u
#define HEADER_CRC 16u
#define ENTRIES_CRC 88u

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check (const guint8 *data, gsize len, guint64 disk_size)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (GPtrArray) partitions = gpt_parse (data, len, disk_size, &error);

    g_assert_true ((partitions == NULL) == (error != NULL));
    if (partitions == NULL)
        return;
    g_assert_true (gpt_has_protective_mbr (data, len));
    g_assert_cmpuint (partitions->len, <=, GPT_MAX_ENTRIES);
    for (guint i = 0; i < partitions->len; i++) {
        const GptPartition *a = partitions->pdata[i];

        g_assert_cmpuint (a->number, >=, i + 1);
        g_assert_cmpuint (a->number, <=, GPT_MAX_ENTRIES);
        g_assert_cmpuint (a->start % SECTOR, ==, 0);
        g_assert_cmpuint (a->size % SECTOR, ==, 0);
        g_assert_cmpuint (a->size, >=, SECTOR);
        /* Behind MBR, header and the smallest array of entries. */
        g_assert_cmpuint (a->start, >=, 2 * SECTOR + 128);
        g_assert_cmpuint (a->start, <, disk_size);
        g_assert_cmpuint (a->size, <=, disk_size - a->start);
        g_assert_true (g_utf8_validate (a->name, -1, NULL));
        g_assert_cmpint (g_utf8_strlen (a->name, -1), <=, 36);
        for (const char *p = a->name; *p != '\0'; p = g_utf8_next_char (p))
            g_assert_true (g_unichar_isprint (g_utf8_get_char (p)));
        for (guint j = 0; j < i; j++) {
            const GptPartition *b = partitions->pdata[j];
            g_assert_true (a->start >= b->start + b->size ||
                           b->start >= a->start + a->size);
            g_assert_false (sev_guid_equal (&a->unique, &b->unique));
        }
    }
}

static guint64
get_le (const guint8 *data, guint bytes)
{
    guint64 value = 0;

    for (guint i = bytes; i-- > 0;)
        value = value << 8 | data[i];
    return value;
}

static void
put_crc (guint8 *at, guint32 crc)
{
    for (guint i = 0; i < 4; i++)
        at[i] = (guint8) (crc >> (8 * i));
}

/* MBR, signature and checksums as they must be. */
static void
mend (guint8 *disk, gsize len)
{
    guint8 *header = disk + SECTOR;
    const guint64 lba = get_le (header + 72, 8);
    const guint64 entries = get_le (header + 80, 4) * get_le (header + 84, 4);
    const gsize header_size = (gsize) get_le (header + 12, 4);

    disk[446 + 4] = 0xee;
    disk[510] = 0x55;
    disk[511] = 0xaa;
    memcpy (header, "EFI PART\0\0\1\0", 12);
    if (lba < len / SECTOR && entries <= len - lba * SECTOR)
        put_crc (header + ENTRIES_CRC, test_crc32 (disk + lba * SECTOR, (gsize) entries));
    memset (header + HEADER_CRC, 0, 4);
    if (header_size <= SECTOR)
        put_crc (header + HEADER_CRC, test_crc32 (header, header_size));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size < 8 || size > GPT_READ_SIZE)
        return 0;

    const guint64 disk_size = get_le (data, 8);
    const gsize len = size - 8;
    g_autofree guint8 *disk = g_malloc (MAX (len, 1));
    memcpy (disk, data + 8, len);
    check (disk, len, disk_size);
    if (len >= 2 * SECTOR) {
        mend (disk, len);
        check (disk, len, disk_size);
    }
    return 0;
}
