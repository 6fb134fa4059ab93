/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "launcher/image/image-server.h"

G_BEGIN_DECLS

/**
 * SECTION: image-info
 * @short_description: what a disk image is, without letting QEMU guess
 *
 * The header of every layer is read here first; QEMU then gets each format and each
 * file by name, so a file that merely claims to be something cannot make it open
 * another one.  All functions of this library block.
 */

typedef enum {
    IMAGE_FORMAT_RAW,
    IMAGE_FORMAT_QCOW2,
} ImageFormat;

/** image_format_to_string: Returns: (transfer none): "raw" or "qcow2", as QEMU and libvirt
 * say */
const char *image_format_to_string (ImageFormat format);

/**
 * image_format_from_string: Errors: %IMAGE_ERROR_FORMAT for anything but "raw" and "qcow2".
 */
gboolean image_format_from_string (const char *text,
                                   ImageFormat *format,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * ImageLayer:
 * @path: absolute, links resolved
 * @format: its format
 * @size: guest-visible size in bytes
 */
typedef struct {
    char *path;
    ImageFormat format;
    guint64 size;
} ImageLayer;

typedef struct _ImageInfo ImageInfo;

/**
 * image_info_open:
 * @path: the image
 * @format: (nullable): format as the user states it ("raw", "qcow2"); %NULL: qcow2
 *   by its magic, raw if it begins with a GPT's protective MBR, else refused
 * @backing: (nullable) (array zero-terminated=1): files that may serve as backing
 *   files, in any order
 * @cancellable: (nullable): ends the wait for QEMU
 * @error: return location for a #GError, or %NULL
 *
 * A header's backing file must be one of @backing (compared as files, not as
 * text); its own format is found by its magic and must agree with what the
 * header above says, if it says so.  A base without a magic counts as raw.  An
 * external data file is always refused: domain XML cannot carry it before libvirt
 * 10.10.
 *
 * Errors: %IMAGE_ERROR, %G_IO_ERROR_CANCELLED.
 *
 * Returns: (transfer full): the image; %NULL on error
 */
ImageInfo *image_info_open (const char *path,
                            const char *format,
                            const char *const *backing,
                            GCancellable *cancellable,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * image_info_new_closed:
 * @layers: (array length=n): of an image that was opened elsewhere; copied
 * @n: at least 1
 *
 * Returns: (transfer full): an image that can be described, but not read
 */
ImageInfo *image_info_new_closed (const ImageLayer *layers, guint n);

/** image_info_close: ends QEMU's hold on the files; what is known of them stays */
void image_info_close (ImageInfo *info);

void image_info_free (ImageInfo *info);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ImageInfo, image_info_free)

/** image_info_get_server: Returns: (transfer none) (nullable): what reads the disk; %NULL
 * once it is closed */
ImageServer *image_info_get_server (const ImageInfo *info);

/** image_info_get_n_layers: Returns: at least 1 */
guint image_info_get_n_layers (const ImageInfo *info);

/**
 * image_info_get_layer:
 * @n: 0 for the image itself, then its backing file, and so on
 *
 * Returns: (transfer none): the layer
 */
const ImageLayer *image_info_get_layer (const ImageInfo *info, guint n);

/**
 * image_info_get_qemu_name:
 *
 * Returns: (transfer none): the whole chain as a "json:" file name for QEMU's tools,
 *   every driver and file named, no backing file below the last layer
 */
const char *image_info_get_qemu_name (const ImageInfo *info);

G_END_DECLS
