/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/image/image-info.h"

G_BEGIN_DECLS

/**
 * image_read:
 * @info: an image, not closed
 * @offset: first guest-visible byte, multiple of 512
 * @out: (out caller-allocates) (array length=len): undefined on error
 * @len: bytes, multiple of 512, from 512 to 32 MiB; @offset + @len within the disk
 * @cancellable: (nullable): ends the wait for QEMU
 * @error: return location for a #GError, or %NULL
 *
 * Reads a range of the guest-visible disk.
 *
 * Errors: %IMAGE_ERROR_BROKEN (also for a range outside of the disk or above the limit),
 * %IMAGE_ERROR_TOOL, %IMAGE_ERROR_TIMEOUT, %IMAGE_ERROR_IO, %G_IO_ERROR_CANCELLED.
 */
gboolean image_read (const ImageInfo *info,
                     guint64 offset,
                     guint8 *out,
                     gsize len,
                     GCancellable *cancellable,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * image_read_bytes: as image_read(), into new memory
 *
 * Returns: (transfer full): @len bytes; %NULL on error
 */
GBytes *image_read_bytes (const ImageInfo *info,
                          guint64 offset,
                          gsize len,
                          GCancellable *cancellable,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * image_read_partitions:
 *
 * Errors: as image_read(), %IMAGE_ERROR_GPT_MISSING, %IMAGE_ERROR_GPT_BROKEN.
 *
 * Returns: (transfer full) (element-type GptPartition): see gpt_parse()
 */
GPtrArray *image_read_partitions (const ImageInfo *info,
                                  GCancellable *cancellable,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
