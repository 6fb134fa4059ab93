/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "launcher/base/run-as.h"
#include "launcher/image/esp.h"
#include "launcher/image/image-info.h"
#include "launcher/image/luks.h"

G_BEGIN_DECLS

/**
 * SECTION: image-reader
 * @short_description: the process that looks at the image
 *
 * A disk image is hostile.  What is read of it is read by a child process, forked while
 * there is no secret in memory, which has dropped privileges and cannot get any back; it
 * opens the image once and answers what it is asked.  Its answers are checked, not trusted:
 * a digest that it names is worth as much as the image is, until the platform's measurement
 * confirms it.
 *
 * For one thread at a time.  The child ends with this process.
 */

typedef struct _ImageReader ImageReader;

/**
 * image_reader_start:
 * @path: absolute path of the image
 * @format: (nullable): as image_info_open()
 * @backing: (nullable) (array zero-terminated=1): as image_info_open()
 * @run_as: (nullable): the user who is to do it
 *
 * Forks; looks at nothing yet.  Before there are secrets, and before there are threads.
 * Errors: %LAUNCHER_ERROR_IO.
 */
ImageReader *image_reader_start (const char *path,
                                 const char *format,
                                 const char *const *backing,
                                 const RunAs *run_as,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** image_reader_close: ends the child; the image is no longer open then */
void image_reader_close (ImageReader *reader);

void image_reader_free (ImageReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ImageReader, image_reader_free)

/**
 * image_reader_open:
 * @cancellable: (nullable): ends the child
 *
 * Errors: %IMAGE_ERROR of image_info_open(), %LAUNCHER_ERROR_RUN_AS_UNREADABLE,
 * %LAUNCHER_ERROR_INTERNAL (the child died or answered nonsense), %G_IO_ERROR_CANCELLED.
 *
 * Returns: (transfer full): the image's layers, closed; %NULL on error
 */
ImageInfo *image_reader_open (ImageReader *reader,
                              GCancellable *cancellable,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * image_reader_uuid:
 * @uuid: (out) (transfer full) (nullable): of its one encrypted partition, 36 characters;
 *   %NULL if it has none that can be read
 *
 * Errors: as image_reader_open().  What is wrong inside of the image is none here.
 */
gboolean image_reader_uuid (ImageReader *reader,
                            char **uuid,
                            GCancellable *cancellable,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * image_reader_uki: Errors: those of image_reader_open() and esp_extract_uki().
 *
 * Returns: (transfer full): the kernel image of the EFI system partition
 */
EspUki *image_reader_uki (ImageReader *reader,
                          GCancellable *cancellable,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * image_reader_hold:
 *
 * Ends QEMU's hold on the image, but not the child: it keeps the kernel image that
 * image_reader_uki() gave, for another process of its user to open by name.  Nothing is
 * copied, and image_reader_close() takes it away.
 * Errors: those of image_reader_open().
 *
 * Returns: (transfer full): the name, beneath /proc
 */
char *image_reader_hold (ImageReader *reader,
                         GCancellable *cancellable,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** image_reader_luks: Errors: those of image_reader_open() and luks_find(). */
LuksHeader *image_reader_luks (ImageReader *reader,
                               GCancellable *cancellable,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
