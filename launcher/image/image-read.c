/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "launcher/image/image-read.h"

#include "launcher/image/gpt.h"

#define READ_MAX (32u << 20) /* bytes */
#define USUAL_TABLE 20480u   /* bytes in which a partition table ends that is as usual */

static gboolean
check_range (const ImageInfo *info, guint64 offset, guint64 len, GError **error)
{
    const guint64 size = image_info_get_layer (info, 0)->size;

    if (len == 0 || offset % GPT_SECTOR_SIZE != 0 || len % GPT_SECTOR_SIZE != 0 ||
        offset > size || len > size - offset || len > READ_MAX) {
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_BROKEN,
                     "cannot read %" G_GUINT64_FORMAT " bytes at %" G_GUINT64_FORMAT
                     " of a disk of %" G_GUINT64_FORMAT " (limit %u)",
                     len, offset, size, READ_MAX);
        return FALSE;
    }
    return TRUE;
}

gboolean
image_read (const ImageInfo *info,
            guint64 offset,
            guint8 *out,
            gsize len,
            GCancellable *cancellable,
            GError **error)
{
    return check_range (info, offset, len, error) &&
           image_server_read (image_info_get_server (info), offset, out, len, cancellable,
                              error);
}

GBytes *
image_read_bytes (const ImageInfo *info,
                  guint64 offset,
                  gsize len,
                  GCancellable *cancellable,
                  GError **error)
{
    g_autofree guint8 *data = g_try_malloc (MAX (len, 1));

    if (data == NULL) {
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_IO,
                     "reading the disk: no memory for %" G_GSIZE_FORMAT " bytes", len);
        return NULL;
    }
    if (!image_read (info, offset, data, len, cancellable, error))
        return NULL;
    return g_bytes_new_take (g_steal_pointer (&data), len);
}

static GPtrArray *
parse_head (const ImageInfo *info, gsize len, GCancellable *cancellable, GError **error)
{
    g_autoptr (GBytes) head = image_read_bytes (info, 0, len, cancellable, error);

    return head != NULL ? gpt_parse (g_bytes_get_data (head, NULL), len,
                                     image_info_get_layer (info, 0)->size, error)
                        : NULL;
}

GPtrArray *
image_read_partitions (const ImageInfo *info, GCancellable *cancellable, GError **error)
{
    const guint64 size = image_info_get_layer (info, 0)->size;
    g_autoptr (GError) cause = NULL;
    GPtrArray *partitions =
        parse_head (info, (gsize) MIN (size, USUAL_TABLE), cancellable, &cause);

    if (partitions != NULL)
        return partitions;
    /* A table may lie further behind. */
    if (size > USUAL_TABLE && cause->domain == IMAGE_ERROR &&
        cause->code == IMAGE_ERROR_GPT_BROKEN)
        return parse_head (info, (gsize) MIN (size, GPT_READ_SIZE), cancellable, error);
    g_propagate_error (error, g_steal_pointer (&cause));
    return NULL;
}
