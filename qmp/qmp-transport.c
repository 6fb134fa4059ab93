/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/qmp-transport.h"

G_DEFINE_INTERFACE (QmpTransport, qmp_transport, G_TYPE_OBJECT)

enum { SIGNAL_EVENT, SIGNAL_CLOSED, N_SIGNALS };

static guint signals[N_SIGNALS];

static void
qmp_transport_default_init (QmpTransportInterface *iface)
{
    signals[SIGNAL_EVENT] =
        g_signal_new ("event", QMP_TYPE_TRANSPORT, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                      G_TYPE_NONE, 2, G_TYPE_STRING, JSON_TYPE_OBJECT);
    signals[SIGNAL_CLOSED] =
        g_signal_new ("closed", QMP_TYPE_TRANSPORT, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                      G_TYPE_NONE, 1, G_TYPE_ERROR);
}

void
qmp_transport_execute_async (QmpTransport *transport,
                             const char *command,
                             JsonObject *arguments,
                             GCancellable *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer user_data)
{
    g_return_if_fail (QMP_IS_TRANSPORT (transport));
    g_return_if_fail (command != NULL);

    QMP_TRANSPORT_GET_IFACE (transport)->execute_async (transport, command, arguments,
                                                        cancellable, callback, user_data);
}

JsonNode *
qmp_transport_execute_finish (QmpTransport *transport, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail (QMP_IS_TRANSPORT (transport), NULL);

    return QMP_TRANSPORT_GET_IFACE (transport)->execute_finish (transport, result, error);
}

void
qmp_transport_close (QmpTransport *transport)
{
    g_return_if_fail (QMP_IS_TRANSPORT (transport));

    QMP_TRANSPORT_GET_IFACE (transport)->close (transport);
}

void
qmp_transport_emit_event (QmpTransport *transport, const char *name, JsonObject *data)
{
    g_signal_emit (transport, signals[SIGNAL_EVENT], 0, name, data);
}

void
qmp_transport_emit_closed (QmpTransport *transport, const GError *why)
{
    g_signal_emit (transport, signals[SIGNAL_CLOSED], 0, why);
}
