/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "psp/host/relay.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "psp/host/session.h"

static int
connect_qemu (int path_fd)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_snprintf (address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d", path_fd);
    if (fd >= 0 && connect (fd, (struct sockaddr *) &address, sizeof address) != 0) {
        const int saved_errno = errno;
        close (fd);
        errno = saved_errno;
        return -1;
    }
    return fd;
}

/* Returns: a connection, or -1 when there is nothing left to wait for. */
static int
wait_client (Relay *relay)
{
    const int guard_fd = relay->guard != NULL ? guard_get_fd (relay->guard) : -1;

    for (;;) {
        struct pollfd fds[] = {
            { .fd = relay->listen_fd, .events = POLLIN },
            { .fd = relay->pidfd, .events = POLLIN },
            { .fd = guard_fd, .events = POLLIN },
        };
        const int timeout = relay->pidfd >= 0 ? -1 : RELAY_PROBE_SECONDS * 1000;
        const int n = poll (fds, G_N_ELEMENTS (fds), timeout);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0 || fds[1].revents != 0)
            return -1;
        if (fds[2].revents != 0 && !guard_receive (relay->guard))
            return -1;
        if (fds[0].revents == 0)
            continue;
        const int client =
            accept4 (relay->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (client >= 0)
            return client;
        if (errno != EINTR && errno != ECONNABORTED && errno != EAGAIN) {
            relay_log (relay->log, "accepting a connection: %s", g_strerror (errno));
            return -1;
        }
    }
}

/* QEMU's second monitor, before libvirt is served. */
static gboolean
open_guard (Relay *relay)
{
    g_autoptr (GError) error = NULL;
    const int fd = connect_qemu (relay->control_fd);

    if (fd < 0) {
        relay_log (relay->log, "connecting to QEMU: %s", g_strerror (errno));
        return FALSE;
    }
    Control *control = control_new (fd, relay->pidfd, &error);
    if (control == NULL) {
        relay_log (relay->log, "QEMU: %s", error->message);
        return FALSE;
    }
    relay->guard = guard_new (control, relay->private_memory, relay->log);
    return guard_settle (relay->guard) && guard_receive (relay->guard);
}

static void
serve (Relay *relay)
{
    while (!relay->failed) {
        const int client = wait_client (relay);

        if (client < 0)
            break;
        const int qemu = connect_qemu (relay->qemu_fd);
        if (qemu < 0) {
            relay_log (relay->log, "connecting to QEMU: %s", g_strerror (errno));
            close (client);
        } else {
            relay_log (relay->log, "connection begins");
            session_run (relay, client, qemu);
            relay_log (relay->log, "connection ends");
        }
        if (relay->pidfd < 0)
            break;
    }
}

void
relay_run (Relay *relay)
{
    if (!relay->guarded || open_guard (relay))
        serve (relay);
    g_clear_pointer (&relay->guard, guard_free);
    relay_log (relay->log, "relay ends");
}
