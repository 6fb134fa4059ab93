/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/qmp-server.h"

struct _QmpServer {
    QmpFramer *framer;
    gboolean negotiating;
};

QmpServer *
qmp_server_new (QmpServerFlags flags, gsize max_size)
{
    QmpServer *server = g_new0 (QmpServer, 1);

    server->framer = qmp_framer_new (max_size);
    server->negotiating = flags == QMP_SERVER_NEGOTIATE;
    return server;
}

void
qmp_server_free (QmpServer *server)
{
    if (server == NULL)
        return;
    qmp_framer_free (server->framer);
    g_free (server);
}

void
qmp_server_push (QmpServer *server, const void *data, gsize len)
{
    g_return_if_fail (server != NULL);

    qmp_framer_push (server->framer, data, len);
}

/* An answer of QEMU's own to a frame that is no command.  The id cannot be
 * trusted to be there, so there is none, as in QEMU's answer to bad JSON. */
static GBytes *
complain (const GError *why)
{
    return qmp_message_build_error ("GenericError", why->message, NULL);
}

static QmpServerStep
refuse_not_command (const QmpMessage *message, GBytes **reply)
{
    *reply = qmp_message_build_error ("GenericError", "QMP input lacks member 'execute'",
                                      qmp_message_get_id (message));
    return QMP_SERVER_REPLY;
}

static QmpServerStep
negotiate (QmpServer *server, const QmpMessage *message, GBytes **reply)
{
    const char *name = qmp_message_get_name (message);
    JsonNode *id = qmp_message_get_id (message);

    if (g_str_equal (name, "qmp_capabilities")) {
        server->negotiating = FALSE;
        *reply = qmp_message_build_return (NULL, id);
    } else {
        *reply = qmp_message_build_error (
            "CommandNotFound", "Expecting capabilities negotiation with 'qmp_capabilities'",
            id);
    }
    return QMP_SERVER_REPLY;
}

QmpServerStep
qmp_server_next (QmpServer *server, QmpMessage **command, GBytes **reply, GError **error)
{
    g_return_val_if_fail (server != NULL, QMP_SERVER_BROKEN);
    g_return_val_if_fail (command != NULL && reply != NULL, QMP_SERVER_BROKEN);

    g_autoptr (GBytes) frame = NULL;
    g_autoptr (GError) local = NULL;

    *command = NULL;
    *reply = NULL;
    if (!qmp_framer_next (server->framer, &frame, &local)) {
        *reply = complain (local);
        g_propagate_error (error, g_steal_pointer (&local));
        return QMP_SERVER_BROKEN;
    }
    if (frame == NULL)
        return QMP_SERVER_NEED_MORE;

    g_autoptr (QmpMessage) message = qmp_message_parse (frame, &local);
    if (message == NULL) {
        *reply = complain (local);
        return QMP_SERVER_REPLY;
    }
    if (qmp_message_get_kind (message) != QMP_MESSAGE_COMMAND)
        return refuse_not_command (message, reply);
    if (server->negotiating)
        return negotiate (server, message, reply);

    *command = g_steal_pointer (&message);
    return QMP_SERVER_COMMAND;
}

guint64
qmp_server_get_offset (const QmpServer *server)
{
    g_return_val_if_fail (server != NULL, 0);

    return qmp_framer_get_offset (server->framer);
}
