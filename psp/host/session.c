/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "psp/host/session-private.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

static void
queue (GByteArray *out, GBytes *bytes)
{
    gsize len;
    const guint8 *data = g_bytes_get_data (bytes, &len);

    g_byte_array_append (out, data, (guint) len);
}

void
session_answer (Session *session, GBytes *reply)
{
    queue (session->to_client, reply);
    g_bytes_unref (reply);
}

void
session_forward (Session *session, const QmpMessage *command, JsonObject *arguments)
{
    JsonNode *id = qmp_message_get_id (command);
    g_autoptr (JsonObject) root = json_object_new ();
    g_autoptr (JsonNode) node = json_node_alloc ();

    json_object_set_string_member (root,
                                   qmp_message_is_oob (command) ? "exec-oob" : "execute",
                                   qmp_message_get_name (command));
    if (arguments != NULL)
        json_object_set_object_member (root, "arguments", json_object_ref (arguments));
    if (id != NULL)
        json_object_set_member (root, "id", json_node_copy (id));
    json_node_init_object (node, root);
    g_autofree char *text = json_to_string (node, FALSE);

    g_byte_array_append (session->to_qemu, (const guint8 *) text, (guint) strlen (text));
    g_byte_array_append (session->to_qemu, (const guint8 *) "\r\n", 2);
    session->waiting = TRUE;
    session->asks_migration = strcmp (qmp_message_get_name (command), "query-migrate") == 0;
}

static void
handle (Session *session, const QmpMessage *command)
{
    session_take_fds (session);
    if (session->relay->guarded)
        session_handle_guarded (session, command);
    else if (strcmp (qmp_message_get_name (command), "query-sev-capabilities") == 0)
        session_answer (session, sev_qmp_answer (&session->relay->sev, command));
    else
        session_forward (session, command, qmp_message_get_arguments (command));
    if (!session->waiting)
        session_drop_fds (session);
}

/* Takes commands while none is with QEMU, so that answers keep the order. */
static void
handle_commands (Session *session)
{
    while (!session->waiting && !session->over && !session->relay->failed &&
           session->to_client->len < SESSION_TO_CLIENT_MAX) {
        g_autoptr (QmpMessage) command = NULL;
        g_autoptr (GBytes) reply = NULL;
        g_autoptr (GError) error = NULL;

        switch (qmp_server_next (session->commands, &command, &reply, &error)) {
        case QMP_SERVER_NEED_MORE:
            if (session->client_eof)
                session->over = TRUE;
            return;
        case QMP_SERVER_COMMAND:
            handle (session, command);
            break;
        case QMP_SERVER_REPLY:
            queue (session->to_client, reply);
            break;
        case QMP_SERVER_BROKEN:
            relay_log (session->relay->log, "closing: %s", error->message);
            if (reply != NULL)
                queue (session->to_client, reply);
            session->over = TRUE;
            break;
        }
    }
}

static void
learn_version (Session *session, const QmpMessage *greeting)
{
    JsonObject *object = qmp_message_get_root (greeting);
    static const char *const path[] = { "QMP", "version", "qemu" };

    for (gsize i = 0; i < G_N_ELEMENTS (path); i++) {
        JsonNode *node = json_object_get_member (object, path[i]);
        if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node))
            return;
        object = json_node_get_object (node);
    }
    const gint64 major = json_object_get_int_member_with_default (object, "major", 0);
    const gint64 minor = json_object_get_int_member_with_default (object, "minor", 0);
    session->relay->sev.query_sev_type = major > 9 || (major == 9 && minor >= 1);
}

static void
handle_reply (Session *session, GBytes *frame, const QmpMessage *message)
{
    const QmpMessageKind kind = qmp_message_get_kind (message);

    if (kind == QMP_MESSAGE_RETURN || kind == QMP_MESSAGE_ERROR) {
        session->waiting = FALSE;
        session_after_reply (session);
    }
    if (kind == QMP_MESSAGE_GREETING)
        learn_version (session, message);
    if (kind == QMP_MESSAGE_EVENT &&
        session_hides_event (session, qmp_message_get_name (message)))
        return;
    /* It may tell of a form that the pages do not have. */
    if (session->relay->failed)
        return;
    g_autoptr (GBytes) blocked = kind == QMP_MESSAGE_RETURN && session->asks_migration
                                     ? sev_qmp_add_blocker (&session->relay->sev, message)
                                     : NULL;
    if (blocked != NULL) {
        queue (session->to_client, blocked);
        return;
    }
    queue (session->to_client, frame);
    g_byte_array_append (session->to_client, (const guint8 *) "\r\n", 2);
}

static void
handle_replies (Session *session)
{
    for (;;) {
        g_autoptr (GBytes) frame = NULL;
        g_autoptr (QmpMessage) message = NULL;
        g_autoptr (GError) error = NULL;

        if (!qmp_framer_next (session->replies, &frame, &error) ||
            (frame != NULL && (message = qmp_message_parse (frame, &error)) == NULL)) {
            relay_log (session->relay->log, "QEMU: %s", error->message);
            session->over = session->qemu_gone = TRUE;
            return;
        }
        if (message == NULL)
            return;
        handle_reply (session, frame, message);
    }
}

static void
do_turn (Session *session, const struct pollfd *fds)
{
    Relay *relay = session->relay;

    if ((fds[0].revents & POLLIN) != 0)
        session_read_client (session);
    else if ((fds[0].revents & (POLLHUP | POLLERR)) != 0)
        session->over = TRUE;
    if ((fds[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
        session_read_qemu (session);
        handle_replies (session);
    } else if (fds[2].revents != 0) {
        session->over = session->qemu_gone = TRUE; /* it said all it had to say */
    }
    handle_commands (session);
    if (relay->guard != NULL && !guard_receive (relay->guard))
        relay->failed = TRUE;
    if (relay->failed)
        session->over = TRUE;
    if (session->to_qemu->len > 0)
        session_write_qemu (session);
    if (session->to_client->len > 0)
        session_write_client (session);
}

/* One turn: waits for what can be done and does it. */
static void
turn (Session *session)
{
    const Relay *relay = session->relay;
    const gboolean idle = !session->waiting && !session->client_eof;
    const gboolean room = session->to_client->len < SESSION_TO_CLIENT_MAX;
    struct pollfd fds[] = {
        { .fd = session->client },
        { .fd = session->qemu },
        { .fd = relay->pidfd, .events = POLLIN },
        { .fd = relay->guard != NULL ? guard_get_fd (relay->guard) : -1, .events = POLLIN },
    };

    if (idle && room)
        fds[0].events |= POLLIN;
    if (session->to_client->len > 0)
        fds[0].events |= POLLOUT;
    if (room)
        fds[1].events |= POLLIN;
    if (session->to_qemu->len > 0)
        fds[1].events |= POLLOUT;
    if (poll (fds, G_N_ELEMENTS (fds), -1) >= 0)
        do_turn (session, fds);
    else
        session->over = errno != EINTR;
}

/* Libvirt is gone, but QEMU will still do what it was told: if that is a "cont", it must
 * not come after the pages were encrypted again. */
static void
finish_command (Session *session)
{
    while (session->waiting && !session->qemu_gone && !session->relay->failed) {
        struct pollfd fds[] = {
            { .fd = session->qemu, .events = POLLIN },
            { .fd = session->relay->pidfd, .events = POLLIN },
        };

        if (session->to_qemu->len > 0)
            fds[0].events |= POLLOUT;
        if (poll (fds, G_N_ELEMENTS (fds), -1) < 0 && errno != EINTR)
            return;
        if (fds[0].revents == 0 && fds[1].revents != 0)
            return;
        if (session->to_qemu->len > 0)
            session_write_qemu (session);
        session_read_qemu (session);
        handle_replies (session);
        g_byte_array_set_size (session->to_client, 0);
    }
}

static gboolean
qemu_lives (const Relay *relay)
{
    struct pollfd fd = { .fd = relay->pidfd, .events = POLLIN };

    return relay->pidfd < 0 || poll (&fd, 1, 0) == 0;
}

/* A QEMU that lives without its answer having come, its monitor broken: whether the "cont"
 * for which the pages were decrypted has run is to be asked on the other one. */
static void
settle_at_end (Session *session)
{
    Relay *relay = session->relay;

    if (relay->guard == NULL || relay->failed || !qemu_lives (relay))
        return;
    if ((session->waiting && !guard_settle (relay->guard)) || !guard_receive (relay->guard))
        relay->failed = TRUE;
}

void
session_run (Relay *relay, int client, int qemu)
{
    g_auto (Session) session = { 0 };

    session_init (&session, relay, client, qemu);
    while (!session.over)
        turn (&session);
    /* The last words, as far as they fit into the socket. */
    if (session.to_client->len > 0)
        session_write_client (&session);
    if (relay->guarded)
        finish_command (&session);
    settle_at_end (&session);
}
