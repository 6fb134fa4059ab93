/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/base/output-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/owner-file.h"

static gboolean
io_error (GError **error, const char *path, int number)
{
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_IO, "cannot write %s%s%s: %s",
                 path == NULL ? "to standard output" : "'", path == NULL ? "" : path,
                 path == NULL ? "" : "'", g_strerror (number));
    return FALSE;
}

/* The descriptor that @path stands for, or -1. */
static int
descriptor_of (const char *path)
{
    static const char *const folders[] = { "/dev/fd/", "/proc/self/fd/" };
    guint64 number;

    if (strcmp (path, "-") == 0 || strcmp (path, "/dev/stdout") == 0)
        return STDOUT_FILENO;
    if (strcmp (path, "/dev/stderr") == 0)
        return STDERR_FILENO;
    for (gsize i = 0; i < G_N_ELEMENTS (folders); i++)
        if (g_str_has_prefix (path, folders[i]) &&
            g_ascii_string_to_unsigned (path + strlen (folders[i]), 10, 0, G_MAXINT,
                                        &number, NULL))
            return (int) number;
    return -1;
}

gboolean
output_file_is_stdout (const char *path)
{
    return descriptor_of (path) == STDOUT_FILENO;
}

static gboolean
write_all (int fd, const char *path, const guint8 *data, gsize len, GError **error)
{
    while (len > 0) {
        const gssize done = write (fd, data, len);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return io_error (error, path, errno);
        data += done;
        len -= (gsize) done;
    }
    return TRUE;
}

/* Descriptors of this program's own are closed on exec; the caller's are not. */
static gboolean
write_descriptor (int fd, const char *path, const void *data, gsize len, GError **error)
{
    const int flags = fcntl (fd, F_GETFD);

    if (flags < 0 || (flags & FD_CLOEXEC) != 0)
        return io_error (error, path, EBADF);
    if (fd != STDOUT_FILENO)
        return write_all (fd, path, data, len, error);
    fflush (stdout);
    return write_all (fd, NULL, data, len, error);
}

/* What is written into as it comes; -1 without error if @path is nothing like that.  The
 * descriptor is asked again: the name may have changed hands. */
static int
open_stream (const char *path, GError **error)
{
    struct stat st;

    if (lstat (path, &st) != 0 || (!S_ISCHR (st.st_mode) && !S_ISFIFO (st.st_mode)))
        return -1;
    const int fd = open (path, O_WRONLY | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat (fd, &st) != 0) {
        io_error (error, path, errno);
        if (fd >= 0)
            close (fd);
        return -1;
    }
    if (S_ISCHR (st.st_mode) || S_ISFIFO (st.st_mode))
        return fd;
    close (fd);
    io_error (error, path, ESTALE);
    return -1;
}

static gboolean
write_stream (int fd, const char *path, const void *data, gsize len, GError **error)
{
    const gboolean ok = write_all (fd, path, data, len, error);

    return close (fd) == 0 || !ok ? ok : io_error (error, path, errno);
}

/* A path that ends in a slash names no file. */
static int
open_folder (const char *path, char **name, GError **error)
{
    g_autofree char *folder = g_path_get_dirname (path);

    if (*path == '\0' || g_str_has_suffix (path, "/")) {
        io_error (error, path, EISDIR);
        return -1;
    }
    const int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        io_error (error, path, errno);
    *name = g_path_get_basename (path);
    return fd;
}

/* The library below speaks of names; whoever gave a path wants to see it. */
static gboolean
take_error (gboolean ok, const char *path, GError *cause, GError **error)
{
    if (ok)
        return TRUE;
    if (g_error_matches (cause, POLICY_ERROR, POLICY_ERROR_IO)) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_IO, "'%s': %s", path,
                     cause->message);
        g_error_free (cause);
    } else {
        g_propagate_error (error, cause);
    }
    return FALSE;
}

gboolean
output_file_write (const char *path,
                   const void *data,
                   gsize len,
                   OutputFileFlags flags,
                   GError **error)
{
    const guint mode = (flags & OUTPUT_FILE_PUBLIC) != 0 ? 0644 : 0600;
    g_autofree char *name = NULL;
    GError *cause = NULL;

    if ((flags & OUTPUT_FILE_PIPE) != 0) {
        const int given = descriptor_of (path);
        const int stream = given < 0 ? open_stream (path, &cause) : -1;

        if (given >= 0)
            return write_descriptor (given, path, data, len, error);
        if (stream >= 0)
            return write_stream (stream, path, data, len, error);
        if (cause != NULL) {
            g_propagate_error (error, cause);
            return FALSE;
        }
    }
    const int dir = open_folder (path, &name, error);
    if (dir < 0)
        return FALSE;
    const gboolean ok = policy_file_write_mode (dir, name, data, len, mode, TRUE, &cause);
    close (dir);
    return take_error (ok, path, cause, error);
}

gboolean
output_file_check (const char *path, GError **error)
{
    g_autofree char *name = NULL;
    GError *cause = NULL;
    const int dir = open_folder (path, &name, error);

    if (dir < 0)
        return FALSE;
    if (faccessat (dir, ".", W_OK | X_OK, AT_EACCESS) != 0) {
        io_error (error, path, errno);
        close (dir);
        return FALSE;
    }
    const gboolean ok = policy_file_check_place (dir, name, &cause);
    close (dir);
    return take_error (ok, path, cause, error);
}

gboolean
output_file_is_same (const char *a, const char *b)
{
    g_autofree char *folder_a = g_path_get_dirname (a);
    g_autofree char *folder_b = g_path_get_dirname (b);
    g_autofree char *name_a = g_path_get_basename (a);
    g_autofree char *name_b = g_path_get_basename (b);
    struct stat st_a, st_b;

    /* Links too: what both lead to, or two names of one file. */
    if (stat (a, &st_a) == 0 && stat (b, &st_b) == 0)
        return st_a.st_dev == st_b.st_dev && st_a.st_ino == st_b.st_ino;
    return strcmp (name_a, name_b) == 0 && stat (folder_a, &st_a) == 0 &&
           stat (folder_b, &st_b) == 0 && st_a.st_dev == st_b.st_dev &&
           st_a.st_ino == st_b.st_ino;
}
