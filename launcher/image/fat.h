/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/image/image-error.h"

G_BEGIN_DECLS

/**
 * SECTION: fat
 * @short_description: a reader of FAT file systems
 *
 * Source: Microsoft "FAT: General Overview of On-Disk Format" 1.03 and the UEFI 2.10
 * specification, section 13.3.  FAT12, FAT16 and FAT32 with long names, read only, and no
 * more of it than is asked for.  No I/O of its own: bytes come from a function.
 *
 * Stricter than other readers: everything lies inside the partition, a chain of clusters
 * ends where its file does and never meets a free or bad one, a directory is at most 2 MiB
 * and of whole clusters.  What is wrong is %IMAGE_ERROR_FAT_BROKEN.
 */

/** FatRead: fills @out with @len bytes at @offset of the partition; @offset and @len are
 * multiples of 512 and inside of it */
typedef gboolean (
    *FatRead) (gpointer data, guint64 offset, guint8 *out, gsize len, GError **error);

/** FatSink: takes the next @len bytes of a file */
typedef gboolean (*FatSink) (gpointer data, const guint8 *bytes, gsize len, GError **error);

/**
 * FatEntry:
 * @name: UTF-8; what cannot be shown so is '?'
 * @directory: a directory, not a file
 * @cluster: its first one, 0: none
 * @size: bytes; 0 for a directory
 */
typedef struct {
    char *name;
    gboolean directory;
    guint32 cluster;
    guint32 size;
} FatEntry;

typedef struct _Fat Fat;

/**
 * fat_open:
 * @size: bytes of the partition
 * @read: where its bytes come from; valid as long as the #Fat is
 *
 * Errors: %IMAGE_ERROR_FAT_BROKEN, those of @read.
 *
 * Returns: (transfer full): the file system
 */
Fat *fat_open (guint64 size, FatRead read, gpointer data, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void fat_free (Fat *fat);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Fat, fat_free)

/**
 * fat_list:
 * @directory: (nullable): an entry that is one; %NULL: the root
 *
 * Errors: as fat_open().
 *
 * Returns: (transfer full) (element-type FatEntry): files and directories in their order,
 *   without volume labels, "." and ".."
 */
GPtrArray *fat_list (Fat *fat,
                     const FatEntry *directory,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * fat_read_file:
 * @file: an entry that is no directory
 *
 * Gives the whole file to @sink, piece by piece.
 * Errors: as fat_open(), those of @sink.
 */
gboolean fat_read_file (Fat *fat,
                        const FatEntry *file,
                        FatSink sink,
                        gpointer data,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
