/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/qmp-client.h"

#include "qmp/qmp-framer.h"
#include "qmp/qmp-transport-unix.h"

struct _QmpClient {
    GObject parent_instance;

    QmpTransport *transport;
    guint timeout_ms;
};

G_DEFINE_FINAL_TYPE (QmpClient, qmp_client, G_TYPE_OBJECT)

enum { SIGNAL_EVENT, SIGNAL_CLOSED, N_SIGNALS };

static guint signals[N_SIGNALS];

/* A call of the transport with a limit: whatever comes first, the caller's
 * cancellable or the limit, cancels the inner one, and the inner call's end ends
 * the task.  So there is one path by which a call ends. */
typedef struct {
    char *what;
    guint timeout_ms;
    gboolean timed_out;
    gint64 started;
    GCancellable *inner;
    GSource *timer;
    GSource *outer_cancelled;
} Limited;

static void
limited_stop (Limited *limited)
{
    if (limited->timer != NULL) {
        g_source_destroy (limited->timer);
        g_clear_pointer (&limited->timer, g_source_unref);
    }
    if (limited->outer_cancelled != NULL) {
        g_source_destroy (limited->outer_cancelled);
        g_clear_pointer (&limited->outer_cancelled, g_source_unref);
    }
}

static void
limited_free (gpointer data)
{
    Limited *limited = data;

    limited_stop (limited);
    g_object_unref (limited->inner);
    g_free (limited->what);
    g_free (limited);
}

static gboolean
on_limit (gpointer data)
{
    Limited *limited = data;

    limited->timed_out = TRUE;
    g_cancellable_cancel (limited->inner);
    return G_SOURCE_REMOVE;
}

static gboolean
on_outer_cancelled (GCancellable *cancellable, gpointer data)
{
    Limited *limited = data;

    g_cancellable_cancel (limited->inner);
    return G_SOURCE_REMOVE;
}

/* The task owns what is returned. */
static Limited *
limit (GTask *task, const char *what, guint timeout_ms)
{
    Limited *limited = g_new0 (Limited, 1);
    GCancellable *outer = g_task_get_cancellable (task);

    limited->what = g_strdup (what);
    limited->timeout_ms = timeout_ms;
    limited->started = g_get_monotonic_time ();
    limited->inner = g_cancellable_new ();
    limited->timer = g_timeout_source_new (timeout_ms);
    g_source_set_callback (limited->timer, on_limit, limited, NULL);
    g_source_attach (limited->timer, g_task_get_context (task));
    if (outer != NULL && g_cancellable_is_cancelled (outer)) {
        g_cancellable_cancel (limited->inner);
    } else if (outer != NULL) {
        limited->outer_cancelled = g_cancellable_source_new (outer);
        g_source_set_callback (limited->outer_cancelled, G_SOURCE_FUNC (on_outer_cancelled),
                               limited, NULL);
        g_source_attach (limited->outer_cancelled, g_task_get_context (task));
    }
    g_task_set_task_data (task, limited, limited_free);
    return limited;
}

/* To be called with the inner call's error (taken) or NULL.  Returns the error to
 * give to the caller, or NULL. */
static GError *
limited_end (Limited *limited, GError *error)
{
    limited_stop (limited);
    if (error != NULL && limited->timed_out &&
        g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        g_error_free (error);
        error = g_error_new (QMP_ERROR, QMP_ERROR_TIMEOUT, "%s: no answer within %u ms",
                             limited->what, limited->timeout_ms);
    }
    const gint64 us = g_get_monotonic_time () - limited->started;
    if (error == NULL)
        g_debug ("QMP: %s: done after %" G_GINT64_FORMAT " us", limited->what, us);
    else
        g_debug ("QMP: %s: failed (%s %d) after %" G_GINT64_FORMAT " us", limited->what,
                 g_quark_to_string (error->domain), error->code, us);
    return error;
}

static void
on_transport_event (QmpTransport *transport,
                    const char *name,
                    JsonObject *data,
                    gpointer user)
{
    g_autofree char *shown = qmp_error_printable (name);

    g_debug ("QMP: event %s", shown);
    g_signal_emit (user, signals[SIGNAL_EVENT], 0, name, data);
}

static void
on_transport_closed (QmpTransport *transport, const GError *why, gpointer user)
{
    g_debug ("QMP: closed: %s", why->message);
    g_signal_emit (user, signals[SIGNAL_CLOSED], 0, why);
}

static void
qmp_client_dispose (GObject *object)
{
    QmpClient *self = QMP_CLIENT (object);

    if (self->transport != NULL) {
        g_signal_handlers_disconnect_by_data (self->transport, self);
        qmp_transport_close (self->transport);
        g_clear_object (&self->transport);
    }
    G_OBJECT_CLASS (qmp_client_parent_class)->dispose (object);
}

static void
qmp_client_class_init (QmpClientClass *klass)
{
    G_OBJECT_CLASS (klass)->dispose = qmp_client_dispose;
    signals[SIGNAL_EVENT] =
        g_signal_new ("event", QMP_TYPE_CLIENT, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                      G_TYPE_NONE, 2, G_TYPE_STRING, JSON_TYPE_OBJECT);
    signals[SIGNAL_CLOSED] = g_signal_new ("closed", QMP_TYPE_CLIENT, G_SIGNAL_RUN_LAST, 0,
                                           NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_ERROR);
}

static void
qmp_client_init (QmpClient *self)
{
}

QmpClient *
qmp_client_new (QmpTransport *transport, guint timeout_ms)
{
    g_return_val_if_fail (QMP_IS_TRANSPORT (transport), NULL);
    g_return_val_if_fail (timeout_ms > 0, NULL);

    QmpClient *self = g_object_new (QMP_TYPE_CLIENT, NULL);
    self->transport = g_object_ref (transport);
    self->timeout_ms = timeout_ms;
    g_signal_connect (transport, "event", G_CALLBACK (on_transport_event), self);
    g_signal_connect (transport, "closed", G_CALLBACK (on_transport_closed), self);
    return self;
}

static void
on_connected (GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr (GTask) task = data;
    Limited *limited = g_task_get_task_data (task);
    GError *error = NULL;
    g_autoptr (QmpTransport) transport = qmp_transport_unix_new_finish (result, &error);

    error = limited_end (limited, error);
    if (error != NULL)
        g_task_return_error (task, error);
    else
        g_task_return_pointer (task, qmp_client_new (transport, limited->timeout_ms),
                               g_object_unref);
}

void
qmp_client_connect_async (const char *path,
                          guint timeout_ms,
                          GCancellable *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer user_data)
{
    g_return_if_fail (path != NULL);
    g_return_if_fail (timeout_ms > 0);

    g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
    g_autofree char *what = g_strdup_printf ("QMP socket '%s'", path);
    const Limited *limited = limit (task, what, timeout_ms);

    g_task_set_source_tag (task, qmp_client_connect_async);
    qmp_transport_unix_connect_async (path, QMP_FRAMER_CLIENT_MAX, limited->inner,
                                      on_connected, g_object_ref (task));
}

QmpClient *
qmp_client_connect_finish (GAsyncResult *result, GError **error)
{
    g_return_val_if_fail (g_task_is_valid (result, NULL), NULL);

    return g_task_propagate_pointer (G_TASK (result), error);
}

static void
on_executed (GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr (GTask) task = data;
    GError *error = NULL;
    JsonNode *reply = qmp_transport_execute_finish (QMP_TRANSPORT (source), result, &error);

    error = limited_end (g_task_get_task_data (task), error);
    if (error != NULL)
        g_task_return_error (task, error);
    else
        g_task_return_pointer (task, reply, (GDestroyNotify) json_node_unref);
}

void
qmp_client_execute_async (QmpClient *client,
                          const char *command,
                          JsonObject *arguments,
                          GCancellable *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer user_data)
{
    g_return_if_fail (QMP_IS_CLIENT (client));
    g_return_if_fail (command != NULL);

    g_autoptr (GTask) task = g_task_new (client, cancellable, callback, user_data);
    const Limited *limited = limit (task, command, client->timeout_ms);

    g_task_set_source_tag (task, qmp_client_execute_async);
    g_debug ("QMP: %s", command);
    qmp_transport_execute_async (client->transport, command, arguments, limited->inner,
                                 on_executed, g_object_ref (task));
}

JsonNode *
qmp_client_execute_finish (QmpClient *client, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail (g_task_is_valid (result, client), NULL);

    return g_task_propagate_pointer (G_TASK (result), error);
}

void
qmp_client_close (QmpClient *client)
{
    g_return_if_fail (QMP_IS_CLIENT (client));

    qmp_transport_close (client->transport);
}
