/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/qmp-transport-libvirt.h"

#include <libvirt/libvirt-qemu.h>
#include <string.h>

#include "qmp/qmp-error.h"
#include "qmp/qmp-framer.h"
#include "qmp/qmp-json.h"
#include "qmp/qmp-message.h"

struct _QmpTransportLibvirt {
    GObject parent_instance;

    virDomainPtr domain;
    GMainContext *context;
    int monitor_events; /* callback id, or -1 */
    int life_cycle;     /* callback id, or -1 */
    GMutex one_at_a_time;
    GError *closed;
};

static void qmp_transport_libvirt_iface_init (QmpTransportInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (QmpTransportLibvirt,
                               qmp_transport_libvirt,
                               G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (QMP_TYPE_TRANSPORT,
                                                      qmp_transport_libvirt_iface_init))

/* What a libvirt thread has to tell to the transport's main context. */
typedef struct {
    GWeakRef transport;
    char *event; /* NULL: the domain has stopped */
    char *details;
} Notice;

static void
notice_free (gpointer data)
{
    Notice *notice = data;

    g_weak_ref_clear (&notice->transport);
    g_free (notice->event);
    g_free (notice->details);
    g_free (notice);
}

static void
shut_down (QmpTransportLibvirt *self, const char *what)
{
    if (self->closed != NULL)
        return;
    self->closed =
        g_error_new (QMP_ERROR, QMP_ERROR_CLOSED, "QMP through libvirt: %s", what);
    qmp_transport_emit_closed (QMP_TRANSPORT (self), self->closed);
}

static gboolean
on_notice (gpointer data)
{
    Notice *notice = data;
    g_autoptr (QmpTransportLibvirt) self = g_weak_ref_get (&notice->transport);

    if (self == NULL || self->closed != NULL)
        return G_SOURCE_REMOVE;
    if (notice->event == NULL) {
        shut_down (self, "the domain has stopped");
        return G_SOURCE_REMOVE;
    }

    g_autoptr (JsonNode) root = NULL;
    if (notice->details != NULL)
        root = qmp_json_parse (notice->details, strlen (notice->details), NULL);
    JsonObject *object =
        root != NULL && JSON_NODE_HOLDS_OBJECT (root) ? json_node_get_object (root) : NULL;
    qmp_transport_emit_event (QMP_TRANSPORT (self), notice->event, object);
    return G_SOURCE_REMOVE;
}

/* The callbacks' opaque pointer: libvirt frees it when no callback can come. */
typedef struct {
    GWeakRef transport;
    GMainContext *context;
} Listener;

static void
listener_free (void *data)
{
    Listener *listener = data;

    g_weak_ref_clear (&listener->transport);
    g_main_context_unref (listener->context);
    g_free (listener);
}

static Listener *
listener_new (QmpTransportLibvirt *self)
{
    Listener *listener = g_new0 (Listener, 1);

    g_weak_ref_init (&listener->transport, self);
    listener->context = g_main_context_ref (self->context);
    return listener;
}

static void
tell (Listener *listener, const char *event, const char *details)
{
    g_autoptr (GObject) transport = g_weak_ref_get (&listener->transport);
    Notice *notice = g_new0 (Notice, 1);

    g_weak_ref_init (&notice->transport, transport);
    notice->event = g_strdup (event);
    notice->details = g_strdup (details);
    g_main_context_invoke_full (listener->context, G_PRIORITY_DEFAULT, on_notice, notice,
                                notice_free);
}

static void
on_monitor_event (virConnectPtr connection,
                  virDomainPtr domain,
                  const char *event,
                  long long seconds,
                  unsigned int micros,
                  const char *details,
                  void *opaque)
{
    tell (opaque, event, details);
}

static int
on_life_cycle (virConnectPtr connection,
               virDomainPtr domain,
               int event,
               int detail,
               void *opaque)
{
    if (event == VIR_DOMAIN_EVENT_STOPPED)
        tell (opaque, NULL, NULL);
    return 0;
}

gboolean
qmp_libvirt_is_closed (const virError *error)
{
    if (error == NULL)
        return FALSE;
    if (error->code == VIR_ERR_NO_DOMAIN || error->code == VIR_ERR_OPERATION_INVALID)
        return TRUE;
    /* A monitor that closes during a command has no code of its own. */
    return error->message != NULL &&
           (strstr (error->message, "Missing monitor reply object") != NULL ||
            strstr (error->message, "End of file from qemu monitor") != NULL);
}

static GError *
error_from_libvirt (const char *command)
{
    const virError *last = virGetLastError ();
    const char *text =
        last != NULL && last->message != NULL ? last->message : "no reason given";
    /* It may be the monitor's own. */
    g_autofree char *message = qmp_error_printable (text);

    return g_error_new (
        QMP_ERROR, qmp_libvirt_is_closed (last) ? QMP_ERROR_CLOSED : QMP_ERROR_TRANSPORT,
        "%s: libvirt: %s", command, message);
}

static JsonNode *
read_reply (const char *command, const char *text, GError **error)
{
    const gsize len = strlen (text);

    if (len > QMP_FRAMER_CLIENT_MAX) {
        g_set_error (error, QMP_ERROR, QMP_ERROR_TOO_BIG,
                     "%s: reply of %" G_GSIZE_FORMAT " bytes", command, len);
        return NULL;
    }

    g_autoptr (GBytes) frame = g_bytes_new (text, len);
    g_autoptr (QmpMessage) message = qmp_message_parse (frame, error);
    if (message == NULL) {
        g_prefix_error (error, "%s: ", command);
        return NULL;
    }
    switch (qmp_message_get_kind (message)) {
    case QMP_MESSAGE_RETURN:
        return json_node_copy (qmp_message_get_return (message));
    case QMP_MESSAGE_ERROR:
        g_propagate_error (
            error, qmp_peer_error_new (command, qmp_message_get_error_class (message),
                                       qmp_message_get_error_desc (message)));
        return NULL;
    case QMP_MESSAGE_GREETING:
    case QMP_MESSAGE_EVENT:
    case QMP_MESSAGE_COMMAND:
        break;
    }
    g_set_error (error, QMP_ERROR, QMP_ERROR_PROTOCOL, "%s: libvirt gives no reply",
                 command);
    return NULL;
}

typedef struct {
    char *command;
    char *text;
} Request;

static void
request_free (gpointer data)
{
    Request *request = data;

    g_free (request->command);
    g_free (request->text);
    g_free (request);
}

static void
run_command (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    QmpTransportLibvirt *self = source;
    const Request *request = data;
    G_GNUC_UNUSED g_autoptr (GMutexLocker) locker =
        g_mutex_locker_new (&self->one_at_a_time);
    char *text = NULL;
    GError *error = NULL;

    /* Cancelled while waiting for its turn: it must not reach the guest. */
    if (g_task_return_error_if_cancelled (task))
        return;
    if (virDomainQemuMonitorCommand (self->domain, request->text, &text, 0) < 0) {
        g_task_return_error (task, error_from_libvirt (request->command));
        return;
    }

    JsonNode *value = read_reply (request->command, text, &error);
    free (text);
    if (value == NULL)
        g_task_return_error (task, error);
    else
        g_task_return_pointer (task, value, (GDestroyNotify) json_node_unref);
}

static void
qmp_transport_libvirt_execute_async (QmpTransport *transport,
                                     const char *command,
                                     JsonObject *arguments,
                                     GCancellable *cancellable,
                                     GAsyncReadyCallback callback,
                                     gpointer user_data)
{
    QmpTransportLibvirt *self = QMP_TRANSPORT_LIBVIRT (transport);
    g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);

    g_task_set_source_tag (task, qmp_transport_libvirt_execute_async);
    if (self->closed != NULL) {
        g_task_return_error (task, g_error_copy (self->closed));
        return;
    }

    g_autoptr (GBytes) line = qmp_message_build_command (command, arguments, NULL);
    Request *request = g_new0 (Request, 1);
    request->command = g_strdup (command);
    request->text = g_strndup (g_bytes_get_data (line, NULL), g_bytes_get_size (line));
    g_task_set_task_data (task, request, request_free);
    g_task_set_return_on_cancel (task, TRUE);
    g_task_run_in_thread (task, run_command);
}

static JsonNode *
qmp_transport_libvirt_execute_finish (QmpTransport *transport,
                                      GAsyncResult *result,
                                      GError **error)
{
    g_return_val_if_fail (g_task_is_valid (result, transport), NULL);

    return g_task_propagate_pointer (G_TASK (result), error);
}

static void
qmp_transport_libvirt_close (QmpTransport *transport)
{
    shut_down (QMP_TRANSPORT_LIBVIRT (transport), "closed");
}

static void
qmp_transport_libvirt_iface_init (QmpTransportInterface *iface)
{
    iface->execute_async = qmp_transport_libvirt_execute_async;
    iface->execute_finish = qmp_transport_libvirt_execute_finish;
    iface->close = qmp_transport_libvirt_close;
}

static void
qmp_transport_libvirt_finalize (GObject *object)
{
    QmpTransportLibvirt *self = QMP_TRANSPORT_LIBVIRT (object);
    virConnectPtr connection = virDomainGetConnect (self->domain);

    if (self->monitor_events >= 0)
        virConnectDomainQemuMonitorEventDeregister (connection, self->monitor_events);
    if (self->life_cycle >= 0)
        virConnectDomainEventDeregisterAny (connection, self->life_cycle);
    virDomainFree (self->domain);
    g_main_context_unref (self->context);
    g_mutex_clear (&self->one_at_a_time);
    g_clear_error (&self->closed);
    G_OBJECT_CLASS (qmp_transport_libvirt_parent_class)->finalize (object);
}

static void
qmp_transport_libvirt_class_init (QmpTransportLibvirtClass *klass)
{
    G_OBJECT_CLASS (klass)->finalize = qmp_transport_libvirt_finalize;
}

static void
qmp_transport_libvirt_init (QmpTransportLibvirt *self)
{
    g_mutex_init (&self->one_at_a_time);
    self->context = g_main_context_ref_thread_default ();
    self->monitor_events = -1;
    self->life_cycle = -1;
}

/* libvirt frees the listener only after a registration that succeeded. */
static void
listen (QmpTransportLibvirt *self)
{
    virConnectPtr connection = virDomainGetConnect (self->domain);
    Listener *listener = listener_new (self);

    self->monitor_events = virConnectDomainQemuMonitorEventRegister (
        connection, self->domain, NULL, on_monitor_event, listener, listener_free, 0);
    if (self->monitor_events < 0) {
        listener_free (listener);
        g_debug ("QMP through libvirt: no monitor events: %s", virGetLastErrorMessage ());
    }

    listener = listener_new (self);
    self->life_cycle = virConnectDomainEventRegisterAny (
        connection, self->domain, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
        VIR_DOMAIN_EVENT_CALLBACK (on_life_cycle), listener, listener_free);
    if (self->life_cycle < 0) {
        listener_free (listener);
        g_debug ("QMP through libvirt: no life cycle events: %s",
                 virGetLastErrorMessage ());
    }
}

QmpTransport *
qmp_transport_libvirt_new (virDomainPtr domain)
{
    g_return_val_if_fail (domain != NULL, NULL);

    QmpTransportLibvirt *self = g_object_new (QMP_TYPE_TRANSPORT_LIBVIRT, NULL);
    virDomainRef (domain);
    self->domain = domain;
    listen (self);
    return QMP_TRANSPORT (self);
}
