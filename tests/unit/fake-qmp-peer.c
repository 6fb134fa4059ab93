/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/fake-qmp-peer.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "qmp/qmp-server.h"

struct _FakePeer {
    GThread *thread;
    int listen_fd;
    int fd;
    int client_fd;
    char *greeting;
    const PeerStep *steps;
    gsize n_steps;
};

static void
send_text (int fd, const char *text)
{
    gsize done = 0;
    const gsize len = strlen (text);

    while (done < len) {
        const gssize n = send (fd, text + done, len - done, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return; /* the client has gone; the test looks at the client */
        done += (gsize) n;
    }
}

/* Returns FALSE at the end of the stream. */
static gboolean
receive (int fd, QmpServer *server)
{
    char chunk[4096];
    gssize n;

    do
        n = recv (fd, chunk, sizeof chunk, 0);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return FALSE;
    qmp_server_push (server, chunk, (gsize) n);
    return TRUE;
}

static QmpMessage *
next_command (int fd, QmpServer *server)
{
    for (;;) {
        g_autoptr (QmpMessage) command = NULL;
        g_autoptr (GBytes) reply = NULL;
        g_autoptr (GError) error = NULL;
        const QmpServerStep step = qmp_server_next (server, &command, &reply, &error);

        g_assert_no_error (error);
        if (step == QMP_SERVER_COMMAND)
            return g_steal_pointer (&command);
        g_assert_cmpint (step, ==, QMP_SERVER_NEED_MORE);
        if (!receive (fd, server))
            return NULL;
    }
}

static void
check_arguments (const PeerStep *step, const QmpMessage *command)
{
    JsonObject *got = qmp_message_get_arguments (command);

    if (step->arguments == NULL) {
        g_assert_null (got);
        return;
    }
    g_assert_nonnull (got);

    g_autoptr (JsonNode) expected = json_from_string (step->arguments, NULL);
    g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), got);
    g_assert_nonnull (expected);
    g_assert_true (json_node_equal (expected, node));
}

static void
answer (int fd, const PeerStep *step, const QmpMessage *command)
{
    if (step->reply == NULL)
        return;

    g_autofree char *id = json_to_string (qmp_message_get_id (command), FALSE);
    GString *text = g_string_new (step->reply);
    g_string_replace (text, "%ID", id, 0);
    send_text (fd, text->str);
    g_string_free (text, TRUE);
}

static gpointer
run (gpointer data)
{
    FakePeer *peer = data;
    g_autoptr (QmpServer) server = qmp_server_new (QMP_SERVER_RELAY, QMP_FRAMER_SERVER_MAX);

    if (peer->fd < 0)
        peer->fd = accept (peer->listen_fd, NULL, NULL);
    g_assert_cmpint (peer->fd, >=, 0);
    send_text (peer->fd, peer->greeting);
    for (gsize i = 0; i < peer->n_steps; i++) {
        if (peer->steps[i].command == NULL) {
            while (receive (peer->fd, server))
                continue;
            break;
        }

        g_autoptr (QmpMessage) command = next_command (peer->fd, server);

        if (command == NULL)
            g_error ("the peer waits for '%s', the client has hung up",
                     peer->steps[i].command);
        g_assert_cmpstr (qmp_message_get_name (command), ==, peer->steps[i].command);
        check_arguments (&peer->steps[i], command);
        answer (peer->fd, &peer->steps[i], command);
        if (peer->steps[i].then == PEER_HANG_UP)
            break;
        if (peer->steps[i].then == PEER_WAIT) {
            g_autoptr (QmpMessage) more = next_command (peer->fd, server);

            g_assert_null (more);
        }
    }
    close (peer->fd);
    return NULL;
}

static FakePeer *
start (const char *greeting, const PeerStep *steps, gsize n_steps, int fd, int listen_fd)
{
    FakePeer *peer = g_new0 (FakePeer, 1);

    peer->greeting = g_strdup (greeting);
    peer->steps = steps;
    peer->n_steps = n_steps;
    peer->fd = fd;
    peer->listen_fd = listen_fd;
    peer->client_fd = -1;
    peer->thread = g_thread_new ("fake QMP peer", run, peer);
    return peer;
}

FakePeer *
fake_peer_new (const char *greeting, const PeerStep *steps, gsize n_steps)
{
    int fds[2];

    g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    FakePeer *peer = start (greeting, steps, n_steps, fds[0], -1);
    peer->client_fd = fds[1];
    return peer;
}

GIOStream *
fake_peer_take_stream (FakePeer *peer)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (GSocket) socket = g_socket_new_from_fd (peer->client_fd, &error);

    g_assert_no_error (error);
    peer->client_fd = -1;
    return G_IO_STREAM (g_socket_connection_factory_create_connection (socket));
}

FakePeer *
fake_peer_listen (const char *path,
                  const char *greeting,
                  const PeerStep *steps,
                  gsize n_steps)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint (fd, >=, 0);
    g_assert_cmpuint (strlen (path), <, sizeof address.sun_path);
    memcpy (address.sun_path, path, strlen (path));
    g_assert_cmpint (bind (fd, (const struct sockaddr *) &address, sizeof address), ==, 0);
    g_assert_cmpint (listen (fd, 1), ==, 0);
    return start (greeting, steps, n_steps, -1, fd);
}

void
fake_peer_finish (FakePeer *peer)
{
    g_thread_join (peer->thread);
    if (peer->listen_fd >= 0)
        close (peer->listen_fd);
    if (peer->client_fd >= 0)
        close (peer->client_fd);
    g_free (peer->greeting);
    g_free (peer);
}
