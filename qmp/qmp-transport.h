/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

#include "qmp/qmp-error.h"

G_BEGIN_DECLS

/**
 * SECTION: qmp-transport
 * @short_description: something that can execute QMP commands
 *
 * The level is "request to reply", not "send bytes": libvirt's passthrough is a
 * call that returns a reply, without ids.  A transport lives on the main context
 * that was the thread's default one when it was made; everything it calls back
 * is called there.
 */

#define QMP_TYPE_TRANSPORT (qmp_transport_get_type ())
G_DECLARE_INTERFACE (QmpTransport, qmp_transport, QMP, TRANSPORT, GObject)

/**
 * QmpTransportInterface:
 * @execute_async: start a command; must end soon after it is cancelled
 * @execute_finish: its reply
 * @close: end the connection; outstanding commands end with %QMP_ERROR_CLOSED
 *
 * Signals: "event" (const char *name, JsonObject *data, nullable) for each event
 * of the peer; "closed" (const GError *why), once, after which nothing comes.
 */
struct _QmpTransportInterface {
    GTypeInterface parent;

    void (*execute_async) (QmpTransport *transport,
                           const char *command,
                           JsonObject *arguments,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data);
    JsonNode *(*execute_finish) (QmpTransport *transport,
                                 GAsyncResult *result,
                                 GError **error);
    void (*close) (QmpTransport *transport);
};

/**
 * qmp_transport_execute_async:
 * @transport: a transport
 * @command: name of the command
 * @arguments: (nullable): its arguments
 * @cancellable: (nullable): cancels the wait, not the command in the peer
 * @callback: (scope async): called on the transport's main context
 * @user_data: (closure): passed to @callback
 *
 * No time-out: that is the client's.
 */
void qmp_transport_execute_async (QmpTransport *transport,
                                  const char *command,
                                  JsonObject *arguments,
                                  GCancellable *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data);

/**
 * qmp_transport_execute_finish:
 * @transport: the transport given to the async half
 * @result: the #GAsyncResult given to the callback
 * @error: return location for a #GError, or %NULL
 *
 * Errors: %QMP_ERROR, %QMP_PEER_ERROR, %G_IO_ERROR_CANCELLED.
 *
 * Returns: (transfer full): what the peer returned; %NULL on error
 */
JsonNode *qmp_transport_execute_finish (QmpTransport *transport,
                                        GAsyncResult *result,
                                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * qmp_transport_close:
 * @transport: a transport; closing it twice is allowed
 */
void qmp_transport_close (QmpTransport *transport);

/* For implementations. */
void qmp_transport_emit_event (QmpTransport *transport, const char *name, JsonObject *data);
void qmp_transport_emit_closed (QmpTransport *transport, const GError *why);

G_END_DECLS
