/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "launcher/image/image-error.h"

G_BEGIN_DECLS

/**
 * SECTION: image-server
 * @short_description: a qemu-nbd of our own, which reads one disk for us
 *
 * QEMU's tables are QEMU's business: its NBD server opens the whole chain once, read-only,
 * and libnbd asks it for ranges.  The server gets its listening socket by systemd's
 * protocol (sd_listen_fds(3)); the one connection to it is made before it starts and the
 * socket's name is gone by then, so nobody else can connect and nothing is left behind. The
 * server has the limits of image_tool_run(), and dies with the thread that started it.
 *
 * For one thread at a time.  Everything blocks.
 */

typedef struct _ImageServer ImageServer;

/**
 * image_server_start:
 * @name: a "json:" name of image_info_get_qemu_name()
 * @cancellable: (nullable): ends the wait, and the server with it
 * @error: return location for a #GError, or %NULL
 *
 * Errors: %IMAGE_ERROR_BROKEN (QEMU refuses the image), %IMAGE_ERROR_IN_USE (somebody
 * writes to it), %IMAGE_ERROR_TOOL (no qemu-nbd, or none that answers),
 * %IMAGE_ERROR_TIMEOUT, %IMAGE_ERROR_IO, %G_IO_ERROR_CANCELLED.
 *
 * Returns: (transfer full): the server, ready; %NULL on error
 */
ImageServer *image_server_start (const char *name,
                                 GCancellable *cancellable,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** image_server_free: ends it, and waits for its end: the image is no longer open then */
void image_server_free (ImageServer *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ImageServer, image_server_free)

/** image_server_get_size: Returns: guest-visible bytes */
guint64 image_server_get_size (const ImageServer *server);

/**
 * image_server_read:
 * @offset: first guest-visible byte
 * @data: (out caller-allocates) (array length=len): undefined on error
 * @len: @offset + @len within the disk
 *
 * Errors: %IMAGE_ERROR_BROKEN (QEMU cannot read it, or it is outside of the disk), and
 * those of image_server_start().
 */
gboolean image_server_read (ImageServer *server,
                            guint64 offset,
                            guint8 *data,
                            gsize len,
                            GCancellable *cancellable,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
