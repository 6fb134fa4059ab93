/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "launcher/image/image-read.h"

#include "launcher/image/gpt.h"

#define READ_MAX (32u << 20) /* bytes */

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
