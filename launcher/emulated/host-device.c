/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The service behind the host's /dev/sev: "sev-platform serve". */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "launcher/emulated/host-private.h"

/* See psp/host/sev-device-wire.h.  A connection that only reads: the service needs no more
 * to stay. */
#define DEVICE_SOCKET "rt/sev-ro"
#define START_SECONDS 60
#define POLL_MS 20

/* The socket's address, by the directory's true name: it is the one that a shim sees. */
static gboolean
set_address (const EmulatedHost *host, struct sockaddr_un *address)
{
    g_autofree char *real = realpath (host->path, NULL);
    const int n = g_snprintf (address->sun_path, sizeof address->sun_path,
                              "%s/" DEVICE_SOCKET, real != NULL ? real : host->path);

    address->sun_family = AF_UNIX;
    return n > 0 && (gsize) n < sizeof address->sun_path;
}

/* The service closes its sending side when it takes a connection.  One that is about to
 * end lets those that it has not taken fall. */
static gboolean
was_taken (int fd)
{
    struct pollfd end = { .fd = fd, .events = POLLRDHUP };
    int n;

    do
        n = poll (&end, 1, START_SECONDS * 1000);
    while (n < 0 && errno == EINTR);
    return n > 0 && (end.revents & (POLLHUP | POLLERR)) == 0;
}

static gboolean
take_connection (EmulatedHost *host)
{
    struct sockaddr_un address = { 0 };
    const int fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    if (fd >= 0 && set_address (host, &address) &&
        connect (fd, (struct sockaddr *) &address, sizeof address) == 0 && was_taken (fd)) {
        if (host->device >= 0)
            close (host->device);
        host->device = fd;
        return TRUE;
    }
    if (fd >= 0)
        close (fd);
    return FALSE;
}

static gboolean
failed (const EmulatedHost *host, const char *what, char *tail, GError **error)
{
    g_autofree char *said = tail;

    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_EMULATED_HOST,
                 "the service of /dev/sev of '%s' %s (%s/" HOST_DEVICE_LOG ": %s)",
                 host->path, what, host->path, said);
    return FALSE;
}

static gboolean
wait_until_ready (EmulatedHost *host,
                  int pidfd,
                  int log_fd,
                  off_t start,
                  GCancellable *cancellable,
                  GError **error)
{
    const gint64 deadline = g_get_monotonic_time () + START_SECONDS * G_TIME_SPAN_SECOND;

    while (!take_connection (host)) {
        if (host_process_ended (pidfd))
            return failed (host, "ended at once", host_log_tail (log_fd, start), error);
        if (g_cancellable_set_error_if_cancelled (cancellable, error))
            return FALSE;
        if (g_get_monotonic_time () > deadline)
            return failed (host, "does not take connections", host_log_tail (log_fd, start),
                           error);
    }
    return TRUE;
}

static gboolean
start_service (EmulatedHost *host, GCancellable *cancellable, GError **error)
{
    const char *const argv[] = { HOST_PLATFORM_PROGRAM, "--host", host->path, "serve",
                                 NULL };
    g_auto (GStrv) env = host_daemon_environment (host);
    off_t start;
    const int log_fd = host_log_open (host, HOST_DEVICE_LOG, &start, error);

    if (log_fd < 0)
        return FALSE;
    const int pidfd = host_daemon_spawn (argv, (const char *const *) env, log_fd, error);
    gboolean ok = FALSE;
    if (pidfd >= 0) {
        ok = wait_until_ready (host, pidfd, log_fd, start, cancellable, error);
        close (pidfd);
    }
    close (log_fd);
    return ok;
}

/* One that is about to end holds its pid file while its sockets are closed already. */
static gboolean
start_locked (EmulatedHost *host, GCancellable *cancellable, GError **error)
{
    const gint64 deadline = g_get_monotonic_time () + START_SECONDS * G_TIME_SPAN_SECOND;

    while (host_pid_file_holder (host->fd, HOST_DEVICE_PID) != 0) {
        if (take_connection (host))
            return TRUE;
        if (g_cancellable_set_error_if_cancelled (cancellable, error))
            return FALSE;
        if (g_get_monotonic_time () > deadline)
            return failed (host, "takes no connections", g_strdup ("it runs"), error);
        g_usleep (POLL_MS * 1000);
    }
    return start_service (host, cancellable, error);
}

gboolean
emulated_host_start_device (EmulatedHost *host, GCancellable *cancellable, GError **error)
{
    g_autoptr (GError) cause = NULL;

    if (access (HOST_SHIM, R_OK) != 0) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_TOOL_MISSING,
                     "'%s' is not there or cannot be read (Debian: package sevlaunch)",
                     HOST_SHIM);
        return FALSE;
    }
    if (take_connection (host))
        return TRUE;
    const int lock = host_lock (host->fd, host->path, cancellable, &cause);
    if (g_error_matches (cause, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_EMULATED_STATE,
                     "the emulated host '%s' was destroyed meanwhile", host->path);
        return FALSE;
    }
    if (lock < 0) {
        g_propagate_error (error, g_steal_pointer (&cause));
        return FALSE;
    }
    const gboolean ok = start_locked (host, cancellable, error);
    close (lock);
    return ok;
}

static gboolean
keep (int fd)
{
    const int flags = fcntl (fd, F_GETFD);

    return flags >= 0 && fcntl (fd, F_SETFD, flags & ~FD_CLOEXEC) == 0;
}

gboolean
emulated_host_keep (EmulatedHost *host)
{
    return keep (host->connection) && keep (host->device);
}
