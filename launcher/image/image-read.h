/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/image/image-info.h"

G_BEGIN_DECLS

/**
 * image_read_to_file:
 * @info: an image
 * @offset: first guest-visible byte, multiple of 512
 * @len: bytes, multiple of 512, at least 512; @offset + @len within the disk
 * @max: most bytes the caller will take
 * @cancellable: (nullable): kills qemu-img
 * @error: return location for a #GError, or %NULL
 *
 * Copies a range of the guest-visible disk into an unnamed private file under
 * $TMPDIR (holes stay holes).
 *
 * Errors: %IMAGE_ERROR_BROKEN (also for a range outside of the disk or above @max),
 * %IMAGE_ERROR_TOOL, %IMAGE_ERROR_TIMEOUT, %IMAGE_ERROR_IO, %G_IO_ERROR_CANCELLED.
 *
 * Returns: a read-only descriptor, the caller's to close, at position 0; -1 on error
 */
int image_read_to_file (const ImageInfo *info,
                        guint64 offset,
                        guint64 len,
                        guint64 max,
                        GCancellable *cancellable,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * image_read_bytes: as image_read_to_file(), into memory; @len at most 32 MiB
 *
 * Returns: (transfer full): @len bytes; %NULL on error
 */
GBytes *image_read_bytes (const ImageInfo *info,
                          guint64 offset,
                          guint64 len,
                          GCancellable *cancellable,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
