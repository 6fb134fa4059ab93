/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/qmp-transport-unix.h"

#include <string.h>
#include <sys/un.h>

#include <gio/gunixsocketaddress.h>

#include "qmp/qmp-framer.h"
#include "qmp/qmp-message.h"

#define READ_SIZE (64u << 10)
#define SOCKET_PATH_MAX ((guint) sizeof (((struct sockaddr_un *) NULL)->sun_path) - 1)

struct _QmpTransportUnix {
    GObject parent_instance;

    GIOStream *stream;
    QmpFramer *framer;
    GCancellable *io; /* ends our own reads and writes */
    guint8 *chunk;

    GQueue outbox; /* of GBytes: head is being written */

    GHashTable *transactions; /* gint64 id → Transaction */
    gint64 next_id;
    GTask *opening; /* until the greeting is there and negotiation is answered */
    GSource *opening_cancelled;
    gboolean greeted;
    GError *closed; /* why nothing works any more */
};

/* One command that the peer has not answered.  Without a task nobody waits for
 * it any more, and its reply is dropped when it comes. */
typedef struct {
    QmpTransportUnix *self;
    gint64 id;
    char *command;
    GTask *task;
    GSource *cancelled_source;
} Transaction;

static void qmp_transport_unix_iface_init (QmpTransportInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (QmpTransportUnix,
                               qmp_transport_unix,
                               G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (QMP_TYPE_TRANSPORT,
                                                      qmp_transport_unix_iface_init))

static void
clear_source (GSource **source)
{
    if (*source == NULL)
        return;
    g_source_destroy (*source);
    g_clear_pointer (source, g_source_unref);
}

/* The one way out of the table for a task; the caller returns its result. */
static GTask *
transaction_take_task (Transaction *transaction)
{
    clear_source (&transaction->cancelled_source);
    return g_steal_pointer (&transaction->task);
}

static void
transaction_free (gpointer data)
{
    Transaction *transaction = data;
    GTask *task = transaction_take_task (transaction);

    g_clear_object (&task);
    g_free (transaction->command);
    g_free (transaction);
}

static gboolean
on_transaction_cancelled (GCancellable *cancellable, gpointer data)
{
    Transaction *transaction = data;
    g_autoptr (GTask) task = transaction_take_task (transaction);

    if (task != NULL)
        g_task_return_error_if_cancelled (task);
    return G_SOURCE_REMOVE;
}

static GTask *
take_opening (QmpTransportUnix *self)
{
    clear_source (&self->opening_cancelled);
    return g_steal_pointer (&self->opening);
}

/* The peer sees the end now; the descriptor is closed with the stream, when no
 * read or write is under way any more. */
static void
hang_up (GIOStream *stream)
{
    if (G_IS_SOCKET_CONNECTION (stream))
        g_socket_shutdown (g_socket_connection_get_socket (G_SOCKET_CONNECTION (stream)),
                           TRUE, TRUE, NULL);
}

/* Ends everything, once.  Tasks return from the main loop or at once, and may
 * drop the last reference to the transport, so it is held here. */
static void
shut_down (QmpTransportUnix *self, GError *why)
{
    if (self->closed != NULL) {
        g_error_free (why);
        return;
    }
    g_object_ref (self);
    self->closed = why;
    g_cancellable_cancel (self->io);

    g_autoptr (GHashTable) transactions = g_steal_pointer (&self->transactions);
    self->transactions =
        g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, transaction_free);
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init (&iter, transactions);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        g_autoptr (GTask) task = transaction_take_task (value);

        if (task != NULL)
            g_task_return_error (task, g_error_copy (why));
    }

    g_autoptr (GTask) opening = take_opening (self);
    if (opening != NULL)
        g_task_return_error (opening, g_error_copy (why));
    else
        qmp_transport_emit_closed (QMP_TRANSPORT (self), why);
    hang_up (self->stream);
    g_object_unref (self);
}

static void
shut_down_protocol (QmpTransportUnix *self, const char *what)
{
    shut_down (self, g_error_new (QMP_ERROR, QMP_ERROR_PROTOCOL, "QMP peer: %s", what));
}

static void on_read (GObject *source, GAsyncResult *result, gpointer data);
static void write_next (QmpTransportUnix *self);

static void
on_written (GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr (QmpTransportUnix) self = data;
    g_autoptr (GError) error = NULL;

    if (!g_output_stream_write_all_finish (G_OUTPUT_STREAM (source), result, NULL,
                                           &error)) {
        shut_down (self, g_error_new (QMP_ERROR, QMP_ERROR_CLOSED,
                                      "QMP connection: cannot write: %s", error->message));
        return;
    }
    g_bytes_unref (g_queue_pop_head (&self->outbox));
    write_next (self);
}

static void
write_next (QmpTransportUnix *self)
{
    GBytes *bytes = g_queue_peek_head (&self->outbox);

    if (bytes == NULL || self->closed != NULL)
        return;
    g_output_stream_write_all_async (g_io_stream_get_output_stream (self->stream),
                                     g_bytes_get_data (bytes, NULL),
                                     g_bytes_get_size (bytes), G_PRIORITY_DEFAULT, self->io,
                                     on_written, g_object_ref (self));
}

static void
send (QmpTransportUnix *self, GBytes *bytes)
{
    g_queue_push_tail (&self->outbox, bytes);
    if (g_queue_get_length (&self->outbox) == 1)
        write_next (self);
}

/* Stores the transaction before anything can answer it, then sends. */
static void
start_transaction (QmpTransportUnix *self,
                   const char *command,
                   JsonObject *arguments,
                   GTask *task)
{
    Transaction *transaction = g_new0 (Transaction, 1);
    GCancellable *cancellable = g_task_get_cancellable (task);

    transaction->self = self;
    transaction->id = self->next_id++;
    transaction->command = g_strdup (command);
    transaction->task = g_object_ref (task);
    g_hash_table_insert (self->transactions, &transaction->id, transaction);
    if (cancellable != NULL) {
        transaction->cancelled_source = g_cancellable_source_new (cancellable);
        g_source_set_callback (transaction->cancelled_source,
                               G_SOURCE_FUNC (on_transaction_cancelled), transaction, NULL);
        g_source_attach (transaction->cancelled_source, g_task_get_context (task));
    }

    g_autoptr (JsonNode) id = json_node_init_int (json_node_alloc (), transaction->id);
    send (self, qmp_message_build_command (command, arguments, id));
}

static Transaction *
find_transaction (QmpTransportUnix *self, const QmpMessage *message)
{
    JsonNode *node = qmp_message_get_id (message);

    if (node == NULL || !JSON_NODE_HOLDS_VALUE (node) ||
        json_node_get_value_type (node) != G_TYPE_INT64)
        return NULL;

    const gint64 id = json_node_get_int (node);
    return g_hash_table_lookup (self->transactions, &id);
}

static void
handle_reply (QmpTransportUnix *self, QmpMessage *message)
{
    Transaction *transaction = find_transaction (self, message);

    if (transaction == NULL) {
        shut_down_protocol (self, "answer to a command that was not sent");
        return;
    }

    g_autofree char *command = g_strdup (transaction->command);
    g_autoptr (GTask) task = transaction_take_task (transaction);
    g_hash_table_remove (self->transactions, &transaction->id);
    if (task == NULL)
        return;
    if (qmp_message_get_kind (message) == QMP_MESSAGE_ERROR)
        g_task_return_error (
            task, qmp_peer_error_new (command, qmp_message_get_error_class (message),
                                      qmp_message_get_error_desc (message)));
    else
        g_task_return_pointer (task, json_node_copy (qmp_message_get_return (message)),
                               (GDestroyNotify) json_node_unref);
}

static void
on_negotiated (GObject *source, GAsyncResult *result, gpointer data)
{
    QmpTransportUnix *self = QMP_TRANSPORT_UNIX (source);
    GError *error = NULL;
    g_autoptr (JsonNode) reply = g_task_propagate_pointer (G_TASK (result), &error);

    if (reply == NULL) {
        shut_down (self, error);
        return;
    }

    g_autoptr (GTask) opening = take_opening (self);
    if (opening != NULL)
        g_task_return_pointer (opening, g_object_ref (self), g_object_unref);
}

static void
handle_greeting (QmpTransportUnix *self)
{
    if (self->greeted) {
        shut_down_protocol (self, "greets a second time");
        return;
    }
    self->greeted = TRUE;

    g_autoptr (GTask) task = g_task_new (self, NULL, on_negotiated, NULL);
    start_transaction (self, "qmp_capabilities", NULL, task);
}

static void
handle_message (QmpTransportUnix *self, QmpMessage *message)
{
    const QmpMessageKind kind = qmp_message_get_kind (message);

    if (!self->greeted && kind != QMP_MESSAGE_GREETING) {
        shut_down_protocol (self, "speaks before its greeting");
        return;
    }
    switch (kind) {
    case QMP_MESSAGE_GREETING:
        handle_greeting (self);
        return;
    case QMP_MESSAGE_RETURN:
    case QMP_MESSAGE_ERROR:
        handle_reply (self, message);
        return;
    case QMP_MESSAGE_EVENT:
        if (self->opening == NULL)
            qmp_transport_emit_event (QMP_TRANSPORT (self), qmp_message_get_name (message),
                                      qmp_message_get_arguments (message));
        return;
    case QMP_MESSAGE_COMMAND:
        shut_down_protocol (self, "sends a command");
        return;
    }
}

static gboolean
handle_chunk (QmpTransportUnix *self, gsize len, GError **error)
{
    qmp_framer_push (self->framer, self->chunk, len);
    while (self->closed == NULL) {
        g_autoptr (GBytes) frame = NULL;

        if (!qmp_framer_next (self->framer, &frame, error))
            return FALSE;
        if (frame == NULL)
            return TRUE;

        g_autoptr (QmpMessage) message = qmp_message_parse (frame, error);
        if (message == NULL)
            return FALSE;
        handle_message (self, message);
    }
    return TRUE;
}

static void
read_more (QmpTransportUnix *self)
{
    g_input_stream_read_async (g_io_stream_get_input_stream (self->stream), self->chunk,
                               READ_SIZE, G_PRIORITY_DEFAULT, self->io, on_read,
                               g_object_ref (self));
}

static void
on_read (GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr (QmpTransportUnix) self = data;
    GError *error = NULL;
    const gssize n = g_input_stream_read_finish (G_INPUT_STREAM (source), result, &error);

    if (n < 0) {
        GError *why = g_error_new (QMP_ERROR, QMP_ERROR_CLOSED,
                                   "QMP connection: cannot read: %s", error->message);
        g_error_free (error);
        shut_down (self, why);
        return;
    }
    if (n == 0) {
        shut_down (self, g_error_new (QMP_ERROR, QMP_ERROR_CLOSED,
                                      "QMP connection: closed by the peer"));
        return;
    }
    if (!handle_chunk (self, (gsize) n, &error)) {
        shut_down (self, error);
        return;
    }
    if (self->closed == NULL)
        read_more (self);
}

static void
qmp_transport_unix_execute_async (QmpTransport *transport,
                                  const char *command,
                                  JsonObject *arguments,
                                  GCancellable *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data)
{
    QmpTransportUnix *self = QMP_TRANSPORT_UNIX (transport);
    g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);

    g_task_set_source_tag (task, qmp_transport_unix_execute_async);
    if (g_task_return_error_if_cancelled (task))
        return;
    if (self->closed != NULL)
        g_task_return_error (task, g_error_copy (self->closed));
    else
        start_transaction (self, command, arguments, task);
}

static JsonNode *
qmp_transport_unix_execute_finish (QmpTransport *transport,
                                   GAsyncResult *result,
                                   GError **error)
{
    g_return_val_if_fail (g_task_is_valid (result, transport), NULL);

    return g_task_propagate_pointer (G_TASK (result), error);
}

static void
qmp_transport_unix_close (QmpTransport *transport)
{
    shut_down (QMP_TRANSPORT_UNIX (transport),
               g_error_new (QMP_ERROR, QMP_ERROR_CLOSED, "QMP connection: closed"));
}

static void
qmp_transport_unix_iface_init (QmpTransportInterface *iface)
{
    iface->execute_async = qmp_transport_unix_execute_async;
    iface->execute_finish = qmp_transport_unix_execute_finish;
    iface->close = qmp_transport_unix_close;
}

static void
qmp_transport_unix_finalize (GObject *object)
{
    QmpTransportUnix *self = QMP_TRANSPORT_UNIX (object);

    g_queue_clear_full (&self->outbox, (GDestroyNotify) g_bytes_unref);
    g_hash_table_unref (self->transactions);
    g_clear_object (&self->stream);
    g_clear_object (&self->io);
    g_clear_pointer (&self->framer, qmp_framer_free);
    g_clear_error (&self->closed);
    g_free (self->chunk);
    G_OBJECT_CLASS (qmp_transport_unix_parent_class)->finalize (object);
}

static void
qmp_transport_unix_class_init (QmpTransportUnixClass *klass)
{
    G_OBJECT_CLASS (klass)->finalize = qmp_transport_unix_finalize;
}

static void
qmp_transport_unix_init (QmpTransportUnix *self)
{
    g_queue_init (&self->outbox);
    self->io = g_cancellable_new ();
    self->chunk = g_malloc (READ_SIZE);
    self->transactions =
        g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, transaction_free);
}

static gboolean
on_opening_cancelled (GCancellable *cancellable, gpointer data)
{
    GError *why = NULL;

    if (g_cancellable_set_error_if_cancelled (cancellable, &why))
        shut_down (data, why);
    return G_SOURCE_REMOVE;
}

/* Takes a reference to the task; greeting and negotiation go on from here. */
static void
open_stream (GTask *task, GIOStream *stream)
{
    g_autoptr (QmpTransportUnix) self = g_object_new (QMP_TYPE_TRANSPORT_UNIX, NULL);
    GCancellable *cancellable = g_task_get_cancellable (task);
    const gsize *max_size = g_task_get_task_data (task);

    self->stream = g_object_ref (stream);
    self->framer = qmp_framer_new (*max_size);
    self->opening = g_object_ref (task);
    if (cancellable != NULL) {
        self->opening_cancelled = g_cancellable_source_new (cancellable);
        g_source_set_callback (self->opening_cancelled,
                               G_SOURCE_FUNC (on_opening_cancelled), self, NULL);
        g_source_attach (self->opening_cancelled, g_task_get_context (task));
    }
    read_more (self);
}

static GTask *
new_opening (gsize max_size,
             GCancellable *cancellable,
             GAsyncReadyCallback callback,
             gpointer user_data)
{
    GTask *task = g_task_new (NULL, cancellable, callback, user_data);

    g_task_set_source_tag (task, new_opening);
    g_task_set_task_data (task, g_memdup2 (&max_size, sizeof max_size), g_free);
    return task;
}

static void
on_connected (GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr (GTask) task = data;
    g_autoptr (GError) error = NULL;
    g_autoptr (GSocketConnection) connection =
        g_socket_client_connect_finish (G_SOCKET_CLIENT (source), result, &error);

    if (connection != NULL) {
        open_stream (task, G_IO_STREAM (connection));
        return;
    }
    if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        g_task_return_error (task, g_steal_pointer (&error));
    else
        g_task_return_new_error (task, QMP_ERROR, QMP_ERROR_CONNECT,
                                 "cannot connect to QMP socket: %s", error->message);
}

void
qmp_transport_unix_connect_async (const char *path,
                                  gsize max_size,
                                  GCancellable *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data)
{
    g_return_if_fail (path != NULL);

    g_autoptr (GTask) task = new_opening (max_size, cancellable, callback, user_data);
    if (strlen (path) > SOCKET_PATH_MAX) {
        g_task_return_new_error (task, QMP_ERROR, QMP_ERROR_CONNECT,
                                 "QMP socket path is %" G_GSIZE_FORMAT
                                 " bytes, at most %u fit",
                                 strlen (path), SOCKET_PATH_MAX);
        return;
    }

    g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);
    g_autoptr (GSocketClient) socket_client = g_socket_client_new ();
    g_socket_client_connect_async (socket_client, G_SOCKET_CONNECTABLE (address),
                                   cancellable, on_connected, g_steal_pointer (&task));
}

void
qmp_transport_unix_new_async (GIOStream *stream,
                              gsize max_size,
                              GCancellable *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer user_data)
{
    g_return_if_fail (G_IS_IO_STREAM (stream));

    g_autoptr (GTask) task = new_opening (max_size, cancellable, callback, user_data);
    open_stream (task, stream);
}

QmpTransport *
qmp_transport_unix_new_finish (GAsyncResult *result, GError **error)
{
    g_return_val_if_fail (g_task_is_valid (result, NULL), NULL);

    return g_task_propagate_pointer (G_TASK (result), error);
}
