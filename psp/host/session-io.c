/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "psp/host/session-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE 65536u
#define MAX_FDS 16u /* with one message; libvirt sends one */

/* A descriptor from the client and where in its stream it came. */
typedef struct {
    guint64 offset;
    int fd;
} HeldFd;

static void
close_fds (GArray *fds)
{
    for (guint i = 0; i < fds->len; i++)
        close (g_array_index (fds, int, i));
    g_array_set_size (fds, 0);
}

static void
set_nonblocking (int fd)
{
    const int flags = fcntl (fd, F_GETFL);

    if (flags >= 0 && fcntl (fd, F_SETFL, flags | O_NONBLOCK) != 0)
        g_debug ("O_NONBLOCK: %s", g_strerror (errno));
}

void
session_init (Session *session, Relay *relay, int client, int qemu)
{
    *session = (Session){
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
}

void
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

void
session_take_fds (Session *session)
{
    const guint64 end = qmp_server_get_offset (session->commands);

    while (session->held->len > 0 &&
           g_array_index (session->held, HeldFd, 0).offset < end) {
        g_array_append_val (session->departing,
                            g_array_index (session->held, HeldFd, 0).fd);
        g_array_remove_index (session->held, 0);
    }
}

void
session_drop_fds (Session *session)
{
    close_fds (session->departing);
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

void
session_read_client (Session *session)
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

void
session_read_qemu (Session *session)
{
    guint8 buf[READ_SIZE];
    const ssize_t n = recv (session->qemu, buf, sizeof buf, 0);

    if (n > 0)
        qmp_framer_push (session->replies, buf, (gsize) n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        session->over = session->qemu_gone = TRUE;
}

static void
drop_front (GByteArray *out, ssize_t n)
{
    g_byte_array_remove_range (out, 0, (guint) n);
}

void
session_write_client (Session *session)
{
    const ssize_t n = send (session->client, session->to_client->data,
                            session->to_client->len, MSG_NOSIGNAL);

    if (n > 0)
        drop_front (session->to_client, n);
    else if (n < 0 && errno != EAGAIN && errno != EINTR)
        session->over = TRUE;
}

void
session_write_qemu (Session *session)
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
        session->over = session->qemu_gone = TRUE;
    }
}
