/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qmp/qmp-transport.h"

G_BEGIN_DECLS

/**
 * SECTION: qmp-transport-unix
 * @short_description: QMP over a stream socket
 *
 * Reads the greeting, negotiates (no capabilities are asked for), numbers the
 * commands, and keeps a table of those not yet answered.  Each of them ends
 * exactly once: by its reply, by its cancellable, or by the end of the
 * connection.  A reply that nobody asked for, one without an id, and any
 * message that is not QMP end the connection.
 */

#define QMP_TYPE_TRANSPORT_UNIX (qmp_transport_unix_get_type ())
G_DECLARE_FINAL_TYPE (QmpTransportUnix, qmp_transport_unix, QMP, TRANSPORT_UNIX, GObject)

/**
 * qmp_transport_unix_connect_async:
 * @path: socket file of a QMP monitor
 * @max_size: longest message accepted, in bytes (%QMP_FRAMER_CLIENT_MAX)
 * @cancellable: (nullable): ends the attempt
 * @callback: (scope async): called when negotiation is done
 * @user_data: (closure): passed to @callback
 *
 * The path must fit a socket address (107 bytes).
 */
void qmp_transport_unix_connect_async (const char *path,
                                       gsize max_size,
                                       GCancellable *cancellable,
                                       GAsyncReadyCallback callback,
                                       gpointer user_data);

/**
 * qmp_transport_unix_new_async:
 * @stream: a connected stream, the QMP server at its other end; it belongs to
 *   the transport from now on
 * @max_size: longest message accepted, in bytes
 * @cancellable: (nullable): ends the attempt
 * @callback: (scope async): called when negotiation is done
 * @user_data: (closure): passed to @callback
 */
void qmp_transport_unix_new_async (GIOStream *stream,
                                   gsize max_size,
                                   GCancellable *cancellable,
                                   GAsyncReadyCallback callback,
                                   gpointer user_data);

/**
 * qmp_transport_unix_new_finish:
 * @result: the #GAsyncResult of either async half
 * @error: return location for a #GError, or %NULL
 *
 * Errors: %QMP_ERROR_CONNECT, %QMP_ERROR_CLOSED, %QMP_ERROR_PROTOCOL,
 * %QMP_ERROR_TOO_BIG, %QMP_PEER_ERROR, %G_IO_ERROR_CANCELLED.
 *
 * Returns: (transfer full): a transport ready for commands; %NULL on error
 */
QmpTransport *qmp_transport_unix_new_finish (GAsyncResult *result,
                                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
