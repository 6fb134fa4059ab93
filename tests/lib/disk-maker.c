/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/lib/disk-maker.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sev/base/sev-guid.h"
#include "tests/lib/test-crc32.h"

#define N_ENTRIES 128u

void
disk_put_le (guint8 *at, guint64 value, guint bytes)
{
    for (guint i = 0; i < bytes; i++)
        at[i] = (guint8) (value >> (8 * i));
}

guint64
disk_get_le (const guint8 *at, guint bytes)
{
    guint64 value = 0;

    for (guint i = bytes; i-- > 0;)
        value = value << 8 | at[i];
    return value;
}

static void
put_guid (guint8 *at, const char *text)
{
    SevGuid guid;

    g_assert_true (sev_guid_parse (text, &guid, NULL));
    memcpy (at, guid.bytes, sizeof guid.bytes);
}

static void
put_entry (guint8 *at, const DiskPartition *partition, guint number)
{
    g_autofree char *unique = g_strdup_printf ("00000000-0000-4000-8000-%012x", number);
    g_autofree gunichar2 *name = g_utf8_to_utf16 (partition->name, -1, NULL, NULL, NULL);

    put_guid (at, partition->type);
    put_guid (at + 16, unique);
    disk_put_le (at + 32, partition->first, 8);
    disk_put_le (at + 40, partition->last, 8);
    for (guint i = 0; i < 36 && name[i] != 0; i++)
        disk_put_le (at + 56 + 2 * i, name[i], 2);
}

void
disk_gpt_seal (GByteArray *gpt)
{
    guint8 *header = gpt->data + DISK_HEADER;
    const gsize entries = (gsize) disk_get_le (header + 80, 4) * DISK_ENTRY;

    if (entries <= gpt->len - DISK_ENTRIES)
        disk_put_le (header + 88, test_crc32 (gpt->data + DISK_ENTRIES, entries), 4);
    disk_put_le (header + 16, 0, 4);
    disk_put_le (
        header + 16,
        test_crc32 (header, MIN ((gsize) disk_get_le (header + 12, 4), DISK_SECTOR)), 4);
}

GByteArray *
disk_gpt (guint64 sectors, const DiskPartition *partitions, guint n)
{
    GByteArray *gpt = g_byte_array_new ();

    g_byte_array_set_size (gpt, DISK_FIRST * DISK_SECTOR);
    memset (gpt->data, 0, gpt->len);
    gpt->data[446 + 4] = 0xee;
    disk_put_le (gpt->data + 446 + 8, 1, 4);
    disk_put_le (gpt->data + 446 + 12, MIN (sectors - 1, G_MAXUINT32), 4);
    disk_put_le (gpt->data + 510, 0xaa55, 2);

    guint8 *header = gpt->data + DISK_HEADER;
    memcpy (header, "EFI PART", 8);
    disk_put_le (header + 8, 0x10000, 4);
    disk_put_le (header + 12, 92, 4);
    disk_put_le (header + 24, 1, 8);
    disk_put_le (header + 32, sectors - 1, 8);
    disk_put_le (header + 40, DISK_FIRST, 8);
    disk_put_le (header + 48, sectors - 34, 8);
    put_guid (header + 56, "8f3c1f6e-0000-4000-8000-000000000001");
    disk_put_le (header + 72, 2, 8);
    disk_put_le (header + 80, N_ENTRIES, 4);
    disk_put_le (header + 84, DISK_ENTRY, 4);
    for (guint i = 0; i < n; i++)
        put_entry (gpt->data + DISK_ENTRIES + i * DISK_ENTRY, &partitions[i], i + 1);
    disk_gpt_seal (gpt);
    return gpt;
}

void
disk_put (const char *path, guint64 offset, const void *data, gsize len)
{
    const int fd = open (path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    g_assert_cmpint (fd, >=, 0);
    g_assert_cmpint (pwrite (fd, data, len, (off_t) offset), ==, (gssize) len);
    g_assert_cmpint (close (fd), ==, 0);
}

guint8 *
disk_get (const char *path, guint64 offset, gsize len)
{
    const int fd = open (path, O_RDONLY | O_CLOEXEC);
    guint8 *data = g_malloc (len);

    g_assert_cmpint (fd, >=, 0);
    g_assert_cmpint (pread (fd, data, len, (off_t) offset), ==, (gssize) len);
    g_assert_cmpint (close (fd), ==, 0);
    return data;
}

void
disk_write (const char *path, guint64 sectors, const DiskPartition *partitions, guint n)
{
    g_autoptr (GByteArray) gpt = disk_gpt (sectors, partitions, n);

    (void) unlink (path);
    disk_put (path, 0, gpt->data, gpt->len);
    g_assert_cmpint (truncate (path, (off_t) (sectors * DISK_SECTOR)), ==, 0);
}
