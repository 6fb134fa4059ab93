/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qmp/qmp-transport.h"

G_BEGIN_DECLS

/**
 * SECTION: qmp-client
 * @short_description: commands with a time limit, over any transport
 *
 * Adds to a #QmpTransport what is the same for all of them: each call ends
 * within its time, and g_debug() says which command ran and how it ended, never
 * what it carried.  Signals "event" (name, data) and "closed" (error) are the
 * transport's.  The last unref closes the transport.
 */

#define QMP_TYPE_CLIENT (qmp_client_get_type ())
G_DECLARE_FINAL_TYPE (QmpClient, qmp_client, QMP, CLIENT, GObject)

#define QMP_CLIENT_DEFAULT_TIMEOUT 30000u /* milliseconds */

/**
 * qmp_client_new:
 * @transport: a transport ready for commands, for example from
 *   qmp_transport_libvirt_new()
 * @timeout_ms: milliseconds that each command may take, at least 1
 *
 * Returns: (transfer full): a client
 */
QmpClient *qmp_client_new (QmpTransport *transport, guint timeout_ms);

/**
 * qmp_client_connect_async:
 * @path: socket file of a QMP monitor
 * @timeout_ms: milliseconds that connecting and each later command may take
 * @cancellable: (nullable): ends the attempt
 * @callback: (scope async): called when the client is ready for commands
 * @user_data: (closure): passed to @callback
 */
void qmp_client_connect_async (const char *path,
                               guint timeout_ms,
                               GCancellable *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer user_data);

/**
 * qmp_client_connect_finish:
 * @result: the #GAsyncResult given to the callback
 * @error: return location for a #GError, or %NULL
 *
 * Errors: %QMP_ERROR_CONNECT, %QMP_ERROR_TIMEOUT and those of
 * qmp_transport_unix_new_finish().
 *
 * Returns: (transfer full): a client; %NULL on error
 */
QmpClient *qmp_client_connect_finish (GAsyncResult *result,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * qmp_client_execute_async:
 * @client: a client
 * @command: name of the command
 * @arguments: (nullable): its arguments
 * @cancellable: (nullable): cancels the wait, not the command in the peer
 * @callback: (scope async): called on the transport's main context
 * @user_data: (closure): passed to @callback
 *
 * A command that timed out may still be executed by the peer.
 */
void qmp_client_execute_async (QmpClient *client,
                               const char *command,
                               JsonObject *arguments,
                               GCancellable *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer user_data);

/**
 * qmp_client_execute_finish:
 * @client: the client given to the async half
 * @result: the #GAsyncResult given to the callback
 * @error: return location for a #GError, or %NULL
 *
 * Errors: %QMP_ERROR, %QMP_PEER_ERROR, %G_IO_ERROR_CANCELLED.
 *
 * Returns: (transfer full): what the peer returned; %NULL on error
 */
JsonNode *qmp_client_execute_finish (QmpClient *client,
                                     GAsyncResult *result,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * qmp_client_close:
 * @client: a client; closing it twice is allowed
 *
 * Outstanding calls end with %QMP_ERROR_CLOSED.
 */
void qmp_client_close (QmpClient *client);

G_END_DECLS
