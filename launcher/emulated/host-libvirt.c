/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "launcher/emulated/host-private.h"
#include "qmp/qmp-error.h"

#define IDLE_OPTION "--timeout=120" /* seconds without clients after which it ends */
#define START_SECONDS 30
#define POLL_MS 20
#define LOG_MAX (1u << 20)
#define TAIL_BYTES 2048u
#define TAIL_LINES 4u

/* Returns: a connected socket or -1 with errno. */
static int
connect_daemon (const EmulatedHost *host)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    g_assert (strlen (host->socket) < sizeof address.sun_path);
    memcpy (address.sun_path, host->socket, strlen (host->socket) + 1);
    if (fd < 0 || connect (fd, (struct sockaddr *) &address, sizeof address) == 0)
        return fd;
    const int saved = errno;
    close (fd);
    errno = saved;
    return -1;
}

static gboolean
take_connection (EmulatedHost *host)
{
    const int fd = connect_daemon (host);

    if (fd < 0)
        return FALSE;
    if (host->connection >= 0)
        close (host->connection);
    host->connection = fd;
    return TRUE;
}

int
host_log_open (EmulatedHost *host, const char *name, off_t *start, GError **error)
{
    struct stat st;
    const int fd =
        openat (host->fd, name,
                O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

    if (fd < 0 || fstat (fd, &st) != 0 || !S_ISREG (st.st_mode) ||
        (st.st_size > (off_t) LOG_MAX && ftruncate (fd, 0) != 0) || fstat (fd, &st) != 0) {
        host_set_errno (error, errno, "opening '%s/%s'", host->path, name);
        if (fd >= 0)
            close (fd);
        return -1;
    }
    *start = st.st_size;
    return fd;
}

char *
host_log_tail (int log_fd, off_t start)
{
    char text[TAIL_BYTES + 1];
    const off_t end = lseek (log_fd, 0, SEEK_END);
    const off_t from = MAX (start, end - (off_t) TAIL_BYTES);
    const ssize_t n = pread (log_fd, text, TAIL_BYTES, from);

    text[MAX (n, 0)] = '\0';
    g_auto (GStrv) lines = g_strsplit (g_strchomp (text), "\n", -1);
    const guint count = g_strv_length (lines);
    char **last = lines + (count > TAIL_LINES ? count - TAIL_LINES : 0);
    g_autoptr (GString) out = g_string_new (NULL);
    for (; *last != NULL; last++) {
        g_autofree char *printable = qmp_error_printable (*last);
        g_string_append_printf (out, "%s%s", out->len > 0 ? "; " : "", printable);
    }
    if (out->len == 0)
        g_string_append (out, "its log says nothing");
    return g_string_free (g_steal_pointer (&out), FALSE);
}

static gboolean
unreachable (const EmulatedHost *host, const char *what, char *tail, GError **error)
{
    g_autofree char *said = tail;

    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_LIBVIRT_UNREACHABLE,
                 "the private libvirt of '%s' %s (%s/" HOST_LIBVIRT_LOG ": %s)", host->path,
                 what, host->path, said);
    return FALSE;
}

gboolean
host_process_ended (int pidfd)
{
    struct pollfd ended = { .fd = pidfd, .events = POLLIN };

    return poll (&ended, 1, POLL_MS) > 0;
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
            return unreachable (host, "ended at once", host_log_tail (log_fd, start),
                                error);
        if (g_cancellable_set_error_if_cancelled (cancellable, error))
            return FALSE;
        if (g_get_monotonic_time () > deadline)
            return unreachable (host, "does not take connections",
                                host_log_tail (log_fd, start), error);
    }
    return TRUE;
}

/* One that is about to end holds its pid file while its socket is closed already. */
static gboolean
wait_for_predecessor (EmulatedHost *host, GCancellable *cancellable, GError **error)
{
    const gint64 deadline = g_get_monotonic_time () + START_SECONDS * G_TIME_SPAN_SECOND;
    int pid;

    while ((pid = host_pid_file_holder (host->fd, host->pid_file)) != 0) {
        if (take_connection (host))
            return TRUE;
        if (g_cancellable_set_error_if_cancelled (cancellable, error))
            return FALSE;
        if (g_get_monotonic_time () > deadline) {
            g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_LIBVIRT_UNREACHABLE,
                         "the private libvirt of '%s' runs as process %d but takes no "
                         "connections",
                         host->path, pid);
            return FALSE;
        }
        g_usleep (POLL_MS * 1000);
    }
    return TRUE;
}

static gboolean
start_daemon (EmulatedHost *host, GCancellable *cancellable, GError **error)
{
    const char *const argv[] = { host->daemon, IDLE_OPTION, NULL };
    g_auto (GStrv) env = host_daemon_environment (host);
    off_t start;
    const int log_fd = host_log_open (host, HOST_LIBVIRT_LOG, &start, error);

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

gboolean
host_start_libvirt_locked (EmulatedHost *host, GCancellable *cancellable, GError **error)
{
    if (take_connection (host))
        return TRUE;
    if (host->daemon == NULL)
        return host_check_tools (host->qemu, error);
    if (!wait_for_predecessor (host, cancellable, error))
        return FALSE;
    return take_connection (host) || start_daemon (host, cancellable, error);
}

gboolean
emulated_host_start_libvirt (EmulatedHost *host, GCancellable *cancellable, GError **error)
{
    if (take_connection (host))
        return TRUE;
    g_autoptr (GError) cause = NULL;
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
    const gboolean ok = host_start_libvirt_locked (host, cancellable, error);
    close (lock);
    return ok;
}

int
emulated_host_libvirt_pid (const EmulatedHost *host)
{
    return host_pid_file_holder (host->fd, host->pid_file);
}
