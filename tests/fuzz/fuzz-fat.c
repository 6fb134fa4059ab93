/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * FAT file systems: 2 bytes with the sectors of the partition, then its beginning; the rest
 * is zero.  Nothing outside of it is read, and a file has the bytes that its entry says.
 */

#include <stdint.h>
#include <string.h>

#include "launcher/image/fat.h"

#define SECTOR 512u
#define MAX_DEPTH 3u
#define MAX_ENTRIES 40u
#define MAX_FILE (4u << 20)

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

typedef struct {
    const guint8 *data;
    gsize len;
    guint64 size;
} Disk;

static gboolean
read_disk (gpointer data, guint64 offset, guint8 *out, gsize len, GError **error)
{
    const Disk *disk = data;

    g_assert_cmpuint (offset % SECTOR, ==, 0);
    g_assert_cmpuint (len % SECTOR, ==, 0);
    g_assert_cmpuint (len, >, 0);
    g_assert_cmpuint (len, <=, disk->size);
    g_assert_cmpuint (offset, <=, disk->size - len);
    memset (out, 0, len);
    if (offset < disk->len)
        memcpy (out, disk->data + offset, MIN (len, disk->len - offset));
    return TRUE;
}

static gboolean
count (gpointer data, const guint8 *bytes, gsize len, GError **error)
{
    guint64 *total = data;
    volatile guint8 last = bytes[len - 1];

    (void) last;
    *total += len;
    return TRUE;
}

static void
check_file (Fat *fat, const FatEntry *file)
{
    g_autoptr (GError) error = NULL;
    guint64 total = 0;
    const gboolean ok = fat_read_file (fat, file, count, &total, &error);

    g_assert_true (ok == (error == NULL));
    g_assert_cmpuint (total, <=, file->size);
    if (ok)
        g_assert_cmpuint (total, ==, file->size);
}

static void
walk (Fat *fat, const FatEntry *directory, guint depth)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (GPtrArray) entries = fat_list (fat, directory, &error);

    g_assert_true ((entries == NULL) == (error != NULL));
    for (guint i = 0; entries != NULL && i < MIN (entries->len, MAX_ENTRIES); i++) {
        const FatEntry *entry = entries->pdata[i];

        g_assert_true (g_utf8_validate (entry->name, -1, NULL));
        g_assert_cmpint (g_utf8_strlen (entry->name, -1), <=, 260);
        if (entry->directory && depth < MAX_DEPTH)
            walk (fat, entry, depth + 1);
        else if (!entry->directory && entry->size <= MAX_FILE)
            check_file (fat, entry);
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    g_autoptr (GError) error = NULL;

    if (size < 2)
        return 0;
    Disk disk = { data + 2, size - 2, (data[0] | (guint64) data[1] << 8) * SECTOR };
    g_autoptr (Fat) fat = fat_open (disk.size, read_disk, &disk, &error);
    g_assert_true ((fat == NULL) == (error != NULL));
    if (fat == NULL)
        return 0;
    g_assert_cmpuint (data[2 + 510], ==, 0x55);
    walk (fat, NULL, 0);
    return 0;
}
