/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "psp/host/monitor-socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "psp/host/host-error.h"

static gboolean
bind_and_listen (int fd, const char *path, GError **error)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (strlen (path) >= sizeof address.sun_path) {
        g_set_error (error, HOST_ERROR, HOST_ERROR_IO,
                     "socket '%s': %" G_GSIZE_FORMAT " bytes, at most %" G_GSIZE_FORMAT,
                     path, strlen (path), sizeof address.sun_path - 1);
        return FALSE;
    }
    memcpy (address.sun_path, path, strlen (path) + 1);
    if (bind (fd, (struct sockaddr *) &address, sizeof address) != 0 ||
        listen (fd, 1) != 0) {
        host_error_set_errno (error, errno, "socket '%s'", path);
        return FALSE;
    }
    return TRUE;
}

int
monitor_socket_listen (const char *path, GError **error)
{
    const int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        host_error_set_errno (error, errno, "socket '%s'", path);
        return -1;
    }
    if (bind_and_listen (fd, path, error))
        return fd;
    close (fd);
    return -1;
}

gboolean
monitor_socket_private (const HostDir *host, int *listen_fd, int *path_fd, GError **error)
{
    const int dir = host_dir_open_sub (host, "rt", error);

    if (dir < 0)
        return FALSE;
    close (dir);
    g_autofree char *path =
        g_strdup_printf ("%s/rt/sq-%d-%08x", host->path, getpid (), g_random_int ());
    *listen_fd = monitor_socket_listen (path, error);
    if (*listen_fd < 0)
        return FALSE;
    *path_fd = open (path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    const int saved_errno = errno;
    unlink (path);
    if (*path_fd < 0) {
        host_error_set_errno (error, saved_errno, "socket '%s'", path);
        close (*listen_fd);
        return FALSE;
    }
    return TRUE;
}
