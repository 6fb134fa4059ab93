/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/*
 * Disks with a GUID partition table, written from UEFI 2.10, chapter 5.  Everything aborts
 * the test when it fails.
 */

#define DISK_SECTOR 512u
#define DISK_TYPE_ESP "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
#define DISK_TYPE_LUKS "ca7d7ccb-63ed-4c53-861c-1742536059cc"
#define DISK_TYPE_LINUX "0fc63daf-8483-4772-8e79-3d69d8477de4"
#define DISK_HEADER 512u   /* where the header lies */
#define DISK_ENTRIES 1024u /* where the array of entries lies */
#define DISK_ENTRY 128u
#define DISK_FIRST 34u /* first usable sector behind 128 entries */

typedef struct {
    const char *type; /* GUID as text */
    guint64 first;    /* sector */
    guint64 last;     /* sector, still in it */
    const char *name;
} DiskPartition;

/** disk_gpt: Returns: (transfer full): MBR, header and 128 entries: 34 sectors of a disk of
 * @sectors; unique GUIDs are made of the number */
GByteArray *disk_gpt (guint64 sectors, const DiskPartition *partitions, guint n);
/** disk_gpt_seal: computes both checksums anew */
void disk_gpt_seal (GByteArray *gpt);

/** disk_write: a sparse raw disk at @path */
void disk_write (const char *path,
                 guint64 sectors,
                 const DiskPartition *partitions,
                 guint n);
/** disk_put: @len bytes at @offset of the file @path */
void disk_put (const char *path, guint64 offset, const void *data, gsize len);
/** disk_get: Returns: (transfer full): @len bytes at @offset of the file @path */
guint8 *disk_get (const char *path, guint64 offset, gsize len);

/** put_le: @value as @bytes bytes, lowest first */
void disk_put_le (guint8 *at, guint64 value, guint bytes);
guint64 disk_get_le (const guint8 *at, guint bytes);
