/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "launcher/emulated/host-private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_DEPTH 64u
#define DRAFT ".new" /* ends the name of a file that is being written */

gboolean
host_set_errno (GError **error, int saved_errno, const char *format, ...)
{
    va_list args;

    va_start (args, format);
    g_autofree char *what = g_strdup_vprintf (format, args);
    va_end (args);
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_IO, "%s: %s", what,
                 g_strerror (saved_errno));
    return FALSE;
}

static gboolean
read_fd (int fd, guint8 *data, gsize len)
{
    gsize have = 0;

    while (have < len) {
        const ssize_t n = read (fd, data + have, len - have);
        if (n == 0 || (n < 0 && errno != EINTR))
            return FALSE;
        have += (gsize) MAX (n, 0);
    }
    return TRUE;
}

GBytes *
host_file_read (int dir, const char *name, gsize max, GError **error)
{
    struct stat st;
    const int fd = openat (dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_EMULATED_STATE,
                     "the emulated host's '%s': %s", name, g_strerror (errno));
        return NULL;
    }
    if (fstat (fd, &st) != 0 || !S_ISREG (st.st_mode) || st.st_uid != geteuid () ||
        st.st_size < 0 || (gsize) st.st_size > max) {
        close (fd);
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_EMULATED_STATE,
                     "the emulated host's '%s' must be a regular file of its user, of at "
                     "most %" G_GSIZE_FORMAT " bytes",
                     name, max);
        return NULL;
    }
    g_autofree guint8 *data = g_malloc ((gsize) st.st_size + 1);
    const gboolean ok = read_fd (fd, data, (gsize) st.st_size);
    close (fd);
    if (!ok) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_EMULATED_STATE,
                     "the emulated host's '%s' cannot be read", name);
        return NULL;
    }
    return g_bytes_new_take (g_steal_pointer (&data), (gsize) st.st_size);
}

static gboolean
write_fd (int fd, const guint8 *data, gsize len)
{
    while (len > 0) {
        const ssize_t n = write (fd, data, len);
        if (n < 0 && errno != EINTR)
            return FALSE;
        data += MAX (n, 0);
        len -= (gsize) MAX (n, 0);
    }
    return TRUE;
}

static gboolean
write_draft (int dir, const char *draft, const void *data, gsize len, guint mode)
{
    const int fd =
        openat (dir, draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

    if (fd < 0)
        return FALSE;
    const gboolean ok =
        write_fd (fd, data, len) && fchmod (fd, mode) == 0 && fsync (fd) == 0;
    const int saved = errno;
    close (fd);
    errno = saved;
    return ok;
}

gboolean
host_file_replace (int dir,
                   const char *name,
                   const void *data,
                   gsize len,
                   guint mode,
                   GError **error)
{
    g_autofree char *draft = g_strconcat (name, DRAFT, NULL);

    /* One that a crash left: whoever writes holds the host's lock. */
    unlinkat (dir, draft, 0);
    if (write_draft (dir, draft, data, len, mode) &&
        renameat (dir, draft, dir, name) == 0 && fsync (dir) == 0)
        return TRUE;
    const int saved = errno;
    unlinkat (dir, draft, 0);
    return host_set_errno (error, saved, "writing the emulated host's '%s'", name);
}

static gboolean remove_entry (int dir, const char *name, guint depth, GError **error);

static gboolean
empty_directory (int fd, const char *name, guint depth, GError **error)
{
    DIR *stream = fdopendir (fd);
    const struct dirent *entry;
    gboolean ok = TRUE;

    if (stream == NULL) {
        close (fd);
        return host_set_errno (error, errno, "reading '%s'", name);
    }
    while (ok && (entry = readdir (stream)) != NULL)
        if (strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0)
            ok = remove_entry (dirfd (stream), entry->d_name, depth + 1, error);
    closedir (stream);
    return ok;
}

static gboolean
remove_entry (int dir, const char *name, guint depth, GError **error)
{
    if (unlinkat (dir, name, 0) == 0 || errno == ENOENT)
        return TRUE;
    if (errno != EISDIR)
        return host_set_errno (error, errno, "removing '%s'", name);
    if (depth >= MAX_DEPTH)
        return host_set_errno (error, ELOOP, "removing '%s'", name);
    const int fd = openat (dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return host_set_errno (error, errno, "removing '%s'", name);
    if (!empty_directory (fd, name, depth, error))
        return FALSE;
    if (unlinkat (dir, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
        return host_set_errno (error, errno, "removing '%s'", name);
    return TRUE;
}

gboolean
host_tree_remove (int dir, const char *name, GError **error)
{
    return remove_entry (dir, name, 0, error);
}
