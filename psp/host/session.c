/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "psp/host/session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "psp/host/command-table.h"
#include "qmp/qmp-server.h"

#define READ_SIZE 65536u
#define MAX_FDS 16u              /* with one message; libvirt sends one */
#define TO_CLIENT_MAX (1u << 20) /* bytes kept before QEMU is left waiting */

/* A descriptor from the client and where in its stream it came. */
typedef struct {
    guint64 offset;
    int fd;
} HeldFd;

typedef struct {
    Relay *relay;
    int client;
    int qemu;
    QmpServer *commands; /* what the client sends */
    QmpFramer *replies;  /* what QEMU sends */
    guint64 received;    /* bytes from the client */
    GArray *held;        /* HeldFd */
    GArray *departing;   /* int: to go with the first byte of to_qemu */
    GByteArray *to_qemu;
    GByteArray *to_client;
    gboolean waiting;        /* a command is with QEMU */
    gboolean asks_migration; /* and it is query-migrate */
    gboolean client_eof;
    gboolean over;
} Session;

static void
close_fds (GArray *fds)
{
    for (guint i = 0; i < fds->len; i++)
        close (g_array_index (fds, int, i));
    g_array_set_size (fds, 0);
}

static void
session_clear (Session *session)
{
    for (guint i = 0; i < session->held->len; i++)
        close (g_array_index (session->held, HeldFd, i).fd);
    close_fds (session->departing);
    g_array_unref (session->held);
    g_array_unref (session->departing);
    g_byte_array_unref (session->to_qemu);
    g_byte_array_unref (session->to_client);
    qmp_server_free (session->commands);
    qmp_framer_free (session->replies);
    close (session->client);
    close (session->qemu);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Session, session_clear)

static void
queue (GByteArray *out, GBytes *bytes)
{
    gsize len;
    const guint8 *data = g_bytes_get_data (bytes, &len);

    g_byte_array_append (out, data, (guint) len);
}

static void
answer (Session *session, GBytes *reply)
{
    queue (session->to_client, reply);
    g_bytes_unref (reply);
}

/* The descriptors that came with the bytes of the command just read. */
static void
take_fds (Session *session)
{
    const guint64 end = qmp_server_get_offset (session->commands);

    while (session->held->len > 0 &&
           g_array_index (session->held, HeldFd, 0).offset < end) {
        g_array_append_val (session->departing,
                            g_array_index (session->held, HeldFd, 0).fd);
        g_array_remove_index (session->held, 0);
    }
}

static void
refuse_as (Session *session, const QmpMessage *command, const char *name, const char *why)
{
    g_autofree char *text =
        g_strdup_printf ("command '%.100s' is refused for a SEV guest: %s", name, why);

    relay_log (session->relay->log, "refused: '%s': %s", name, why);
    answer (session,
            qmp_message_build_error ("GenericError", text, qmp_message_get_id (command)));
}

static void
refuse (Session *session, const QmpMessage *command, const char *why)
{
    refuse_as (session, command, qmp_message_get_name (command), why);
}

/* Written anew from what was parsed: nothing of the client's spelling reaches QEMU. */
static void
forward (Session *session, const QmpMessage *command, JsonObject *arguments)
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

/* QEMU's sev_vm_state_change(): the first run ends the launch. */
static gboolean
finish_launch (Session *session, const QmpMessage *command)
{
    g_autoptr (GError) error = NULL;
    LaunchInfo info;

    if (launch_get_info (session->relay->sev.launch, &info, &error) &&
        launch_finish (session->relay->sev.launch, &error)) {
        if (info.state != SEV_GUEST_RUNNING)
            relay_log (session->relay->log, "LAUNCH_FINISH");
        return TRUE;
    }
    relay_log (session->relay->log, "%s", error->message);
    answer (session, qmp_message_build_error ("GenericError", error->message,
                                              qmp_message_get_id (command)));
    return FALSE;
}

/* The arguments of a message are immutable. */
static JsonObject *
copy_object (JsonObject *object)
{
    g_autoptr (JsonNode) node = json_node_alloc ();

    if (object == NULL)
        return json_object_new ();
    json_node_init_object (node, object);
    g_autofree char *text = json_to_string (node, FALSE);
    g_autoptr (JsonNode) copy = json_from_string (text, NULL);
    return json_node_dup_object (copy);
}

static void
handle_checked (Session *session, const QmpMessage *command, const CommandRow *row)
{
    g_autoptr (JsonObject) arguments = copy_object (qmp_message_get_arguments (command));
    const char *why = row->check (arguments);

    if (why != NULL)
        refuse (session, command, why);
    else
        forward (session, command, arguments);
}

static void
handle_hmp (Session *session, const QmpMessage *command)
{
    JsonObject *given = qmp_message_get_arguments (command);
    JsonNode *node = given != NULL ? json_object_get_member (given, "command-line") : NULL;
    g_auto (HmpLine) line = { 0 };

    if (node == NULL || !JSON_NODE_HOLDS_VALUE (node) ||
        json_node_get_string (node) == NULL) {
        answer (session, qmp_message_build_error ("GenericError",
                                                  "Parameter 'command-line' is missing",
                                                  qmp_message_get_id (command)));
        return;
    }
    hmp_line_parse (json_node_get_string (node), &line);
    if (line.class == COMMAND_REFUSED) {
        refuse_as (session, command, line.name, line.why);
        return;
    }
    if (line.class == COMMAND_OURS) {
        answer (session, sev_qmp_info (&session->relay->sev, qmp_message_get_id (command)));
        return;
    }
    if (line.class == COMMAND_CONT && !finish_launch (session, command))
        return;
    g_autoptr (JsonObject) arguments = copy_object (given);
    json_object_set_string_member (arguments, "command-line", line.canonical);
    forward (session, command, arguments);
}

static void
handle_guarded (Session *session, const QmpMessage *command)
{
    const CommandRow *row = command_table_find (qmp_message_get_name (command));

    if (row == NULL) {
        refuse (session, command, "it is not in the relay's table");
        return;
    }
    if (qmp_message_is_oob (command) && row->class != COMMAND_PASS) {
        refuse (session, command, "it cannot run out of band");
        return;
    }
    switch (row->class) {
    case COMMAND_OURS:
        relay_log (session->relay->log, "answered: %s", row->name);
        answer (session, sev_qmp_answer (&session->relay->sev, command));
        return;
    case COMMAND_PASS:
        forward (session, command, qmp_message_get_arguments (command));
        return;
    case COMMAND_CHECK:
        handle_checked (session, command, row);
        return;
    case COMMAND_CONT:
        if (finish_launch (session, command))
            forward (session, command, qmp_message_get_arguments (command));
        return;
    case COMMAND_HMP:
        handle_hmp (session, command);
        return;
    case COMMAND_WRAPPED:
    case COMMAND_REFUSED:
        refuse (session, command, row->why);
        return;
    }
}

static void
handle (Session *session, const QmpMessage *command)
{
    take_fds (session);
    if (session->relay->guarded)
        handle_guarded (session, command);
    else if (strcmp (qmp_message_get_name (command), "query-sev-capabilities") == 0)
        answer (session, sev_qmp_answer (&session->relay->sev, command));
    else
        forward (session, command, qmp_message_get_arguments (command));
    if (!session->waiting)
        close_fds (session->departing);
}

/* Takes commands while none is with QEMU, so that answers keep the order. */
static void
handle_commands (Session *session)
{
    while (!session->waiting && !session->over && session->to_client->len < TO_CLIENT_MAX) {
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
handle_replies (Session *session)
{
    for (;;) {
        g_autoptr (GBytes) frame = NULL;
        g_autoptr (GError) error = NULL;

        if (!qmp_framer_next (session->replies, &frame, &error)) {
            relay_log (session->relay->log, "QEMU: %s", error->message);
            session->over = TRUE;
            return;
        }
        if (frame == NULL)
            return;
        g_autoptr (QmpMessage) message = qmp_message_parse (frame, &error);
        if (message == NULL) {
            relay_log (session->relay->log, "QEMU: %s", error->message);
            session->over = TRUE;
            return;
        }
        const QmpMessageKind kind = qmp_message_get_kind (message);
        if (kind == QMP_MESSAGE_RETURN || kind == QMP_MESSAGE_ERROR)
            session->waiting = FALSE;
        if (kind == QMP_MESSAGE_GREETING)
            learn_version (session, message);
        g_autoptr (GBytes) blocked =
            kind == QMP_MESSAGE_RETURN && session->asks_migration
                ? sev_qmp_add_blocker (&session->relay->sev, message)
                : NULL;
        if (blocked != NULL) {
            queue (session->to_client, blocked);
            continue;
        }
        queue (session->to_client, frame);
        g_byte_array_append (session->to_client, (const guint8 *) "\r\n", 2);
    }
}

static void
hold_fds (Session *session, struct msghdr *msg, guint64 offset)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR (msg); c != NULL; c = CMSG_NXTHDR (msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        const gsize n = (c->cmsg_len - CMSG_LEN (0)) / sizeof (int);
        for (gsize i = 0; i < n; i++) {
            HeldFd held = { .offset = offset };
            memcpy (&held.fd, CMSG_DATA (c) + i * sizeof (int), sizeof (int));
            g_array_append_val (session->held, held);
        }
    }
    /* More than fit were closed by the kernel: what is left would be wrong. */
    if ((msg->msg_flags & MSG_CTRUNC) != 0 || session->held->len > MAX_FDS)
        session->over = TRUE;
}

static void
read_client (Session *session)
{
    guint8 buf[READ_SIZE];
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE (MAX_FDS * sizeof (int))];
    } control;
    struct iovec iov = { buf, sizeof buf };
    struct msghdr msg = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof control.bytes,
    };
    const ssize_t n = recvmsg (session->client, &msg, MSG_CMSG_CLOEXEC);

    if (n < 0) {
        session->over = errno != EAGAIN && errno != EINTR;
        return;
    }
    hold_fds (session, &msg, session->received);
    if (n == 0) {
        session->client_eof = TRUE;
        return;
    }
    session->received += (guint64) n;
    qmp_server_push (session->commands, buf, (gsize) n);
}

static void
read_qemu (Session *session)
{
    guint8 buf[READ_SIZE];
    const ssize_t n = recv (session->qemu, buf, sizeof buf, 0);

    if (n < 0) {
        session->over = errno != EAGAIN && errno != EINTR;
        return;
    }
    if (n == 0) {
        session->over = TRUE;
        return;
    }
    qmp_framer_push (session->replies, buf, (gsize) n);
    handle_replies (session);
}

static void
drop_front (GByteArray *out, ssize_t n)
{
    g_byte_array_remove_range (out, 0, (guint) n);
}

static void
write_client (Session *session)
{
    const ssize_t n = send (session->client, session->to_client->data,
                            session->to_client->len, MSG_NOSIGNAL);

    if (n > 0)
        drop_front (session->to_client, n);
    else if (n < 0 && errno != EAGAIN && errno != EINTR)
        session->over = TRUE;
}

static void
write_qemu (Session *session)
{
    const gsize fds_size = session->departing->len * sizeof (int);
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE (MAX_FDS * sizeof (int))];
    } control = { 0 };
    struct iovec iov = { session->to_qemu->data, session->to_qemu->len };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

    if (fds_size > 0) {
        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE (fds_size);
        struct cmsghdr *c = CMSG_FIRSTHDR (&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN (fds_size);
        memcpy (CMSG_DATA (c), session->departing->data, fds_size);
    }
    const ssize_t n = sendmsg (session->qemu, &msg, MSG_NOSIGNAL);
    if (n > 0) {
        drop_front (session->to_qemu, n);
        close_fds (session->departing);
    } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
        session->over = TRUE;
    }
}

/* One turn: waits for what can be done and does it. */
static void
turn (Session *session)
{
    const gboolean idle = !session->waiting && !session->client_eof;
    struct pollfd client = { .fd = session->client };
    struct pollfd qemu = { .fd = session->qemu };

    if (idle && session->to_client->len < TO_CLIENT_MAX)
        client.events |= POLLIN;
    if (session->to_client->len > 0)
        client.events |= POLLOUT;
    if (session->to_client->len < TO_CLIENT_MAX)
        qemu.events |= POLLIN;
    if (session->to_qemu->len > 0)
        qemu.events |= POLLOUT;

    struct pollfd fds[] = { client,
                            qemu,
                            { .fd = session->relay->pidfd, .events = POLLIN } };
    if (poll (fds, G_N_ELEMENTS (fds), -1) < 0) {
        session->over = errno != EINTR;
        return;
    }
    if ((fds[0].revents & POLLIN) != 0)
        read_client (session);
    else if ((fds[0].revents & (POLLHUP | POLLERR)) != 0)
        session->over = TRUE;
    if ((fds[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
        read_qemu (session);
    else if (fds[2].revents != 0)
        session->over = TRUE; /* QEMU is gone, and said all it had to say */
    handle_commands (session);
    if (session->to_qemu->len > 0)
        write_qemu (session);
    if (session->to_client->len > 0)
        write_client (session);
}

static void
set_nonblocking (int fd)
{
    const int flags = fcntl (fd, F_GETFL);

    if (flags >= 0 && fcntl (fd, F_SETFL, flags | O_NONBLOCK) != 0)
        g_debug ("O_NONBLOCK: %s", g_strerror (errno));
}

void
session_run (Relay *relay, int client, int qemu)
{
    g_auto (Session) session = {
        .relay = relay,
        .client = client,
        .qemu = qemu,
        .commands = qmp_server_new (QMP_SERVER_RELAY, QMP_FRAMER_SERVER_MAX),
        .replies = qmp_framer_new (QMP_FRAMER_CLIENT_MAX),
        .held = g_array_new (FALSE, FALSE, sizeof (HeldFd)),
        .departing = g_array_new (FALSE, FALSE, sizeof (int)),
        .to_qemu = g_byte_array_new (),
        .to_client = g_byte_array_new (),
    };

    set_nonblocking (client);
    set_nonblocking (qemu);
    while (!session.over)
        turn (&session);
    /* The last words, as far as they fit into the socket. */
    if (session.to_client->len > 0)
        write_client (&session);
}
