/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "psp/host/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "psp/host/host-error.h"

typedef int AutoFd;

static void
auto_fd_clear (AutoFd *fd)
{
    if (*fd >= 0)
        close (*fd);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (AutoFd, auto_fd_clear)

/* *@size is 0 for a file that is not there, and the descriptor -1. */
static gboolean
open_checked (int dirfd,
              const char *name,
              gsize max,
              mode_t forbidden,
              int *fd,
              gsize *size,
              GError **error)
{
    struct stat st;

    *size = 0;
    *fd = openat (dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (*fd < 0 && errno == ENOENT)
        return TRUE;
    if (*fd < 0 || fstat (*fd, &st) != 0) {
        host_error_set_errno (error, errno, "'%s'", name);
        return FALSE;
    }
    if (!S_ISREG (st.st_mode) || st.st_uid != geteuid () || (st.st_mode & forbidden) != 0) {
        g_set_error (error, HOST_ERROR, HOST_ERROR_STATE,
                     "'%s': mode %04o of user %u is not a private file of user %u", name,
                     st.st_mode & 07777, st.st_uid, geteuid ());
        return FALSE;
    }
    if ((guint64) st.st_size > max) {
        g_set_error (error, HOST_ERROR, HOST_ERROR_STATE,
                     "'%s': %" G_GINT64_FORMAT " bytes, at most %" G_GSIZE_FORMAT, name,
                     (gint64) st.st_size, max);
        return FALSE;
    }
    *size = (gsize) st.st_size;
    return TRUE;
}

static gboolean
read_all (int fd, const char *name, guint8 *buf, gsize len, GError **error)
{
    for (gsize done = 0; done < len;) {
        const ssize_t n = read (fd, buf + done, len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            host_error_set_errno (error, n == 0 ? EIO : errno, "reading '%s'", name);
            return FALSE;
        }
        done += (gsize) n;
    }
    return TRUE;
}

gboolean
files_read (int dirfd, const char *name, gsize max, GBytes **out, GError **error)
{
    g_auto (AutoFd) fd = -1;
    gsize size;

    *out = NULL;
    if (!open_checked (dirfd, name, max, 022, &fd, &size, error))
        return FALSE;
    if (fd < 0)
        return TRUE;
    g_autofree guint8 *buf = g_malloc (size + 1);
    if (!read_all (fd, name, buf, size, error))
        return FALSE;
    *out = g_bytes_new_take (g_steal_pointer (&buf), size);
    return TRUE;
}

gboolean
files_read_secret (int dirfd, const char *name, gsize max, SevSecret **out, GError **error)
{
    g_auto (AutoFd) fd = -1;
    gsize size;

    *out = NULL;
    if (!open_checked (dirfd, name, max, 077, &fd, &size, error))
        return FALSE;
    if (fd < 0)
        return TRUE;
    if (size == 0) {
        g_set_error (error, HOST_ERROR, HOST_ERROR_STATE, "'%s': empty", name);
        return FALSE;
    }
    g_autoptr (SevSecret) secret = sev_secret_new (size);
    if (!read_all (fd, name, sev_secret_writable (secret), size, error))
        return FALSE;
    *out = g_steal_pointer (&secret);
    return TRUE;
}

static gboolean
write_all (int fd, const guint8 *data, gsize len)
{
    for (gsize done = 0; done < len;) {
        const ssize_t n = write (fd, data + done, len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return FALSE;
        done += (gsize) n;
    }
    return TRUE;
}

gboolean
files_replace (int dirfd,
               const char *name,
               const void *data,
               gsize len,
               guint mode,
               GError **error)
{
    g_autofree char *draft = g_strconcat (name, ".new", NULL);

    /* A draft that a killed process left is nobody's: the lock is ours. */
    if (!files_remove (dirfd, draft, error))
        return FALSE;
    g_auto (AutoFd) fd =
        openat (dirfd, draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        host_error_set_errno (error, errno, "making '%s'", draft);
        return FALSE;
    }
    if (!write_all (fd, data, len) || fchmod (fd, mode) != 0 || fsync (fd) != 0 ||
        renameat (dirfd, draft, dirfd, name) != 0) {
        host_error_set_errno (error, errno, "writing '%s'", name);
        unlinkat (dirfd, draft, 0);
        return FALSE;
    }
    if (fsync (dirfd) != 0) {
        host_error_set_errno (error, errno, "writing '%s'", name);
        return FALSE;
    }
    return TRUE;
}

gboolean
files_remove (int dirfd, const char *name, GError **error)
{
    if (unlinkat (dirfd, name, 0) == 0 || errno == ENOENT)
        return TRUE;
    host_error_set_errno (error, errno, "removing '%s'", name);
    return FALSE;
}
