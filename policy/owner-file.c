/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "policy/owner-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "sev/crypto/sev-random.h"

#define MAX_NAME 128u
#define OWNER_DIR "owner directory"

static gboolean
io_error (GError **error, const char *what, const char *name, int number)
{
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_IO, "%s '%s': %s", what, name,
                 g_strerror (number));
    return FALSE;
}

/* Type, owner and mode of what @fd is, not of what @name now names. */
static gboolean
check_file (int fd,
            const char *name,
            gsize max,
            PolicyFileFlags flags,
            gsize *size,
            GError **error)
{
    struct stat st;

    if (fstat (fd, &st) != 0)
        return io_error (error, "looking at", name, errno);
    if (!S_ISREG (st.st_mode)) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_FILE_TYPE,
                     "owner's file '%s' is not a regular file", name);
        return FALSE;
    }
    if (st.st_uid != geteuid ()) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_FILE_TYPE,
                     "owner's file '%s' belongs to user %u, expected %u", name, st.st_uid,
                     geteuid ());
        return FALSE;
    }
    if ((flags & POLICY_FILE_SECRET) != 0 && (st.st_mode & 077) != 0) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_FILE_MODE,
                     "secret file '%s' has mode %04o, others may use it (chmod 600)", name,
                     st.st_mode & 07777);
        return FALSE;
    }
    if ((st.st_mode & 022) != 0) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_FILE_MODE,
                     "owner's file '%s' has mode %04o, others may write it (chmod go-w)",
                     name, st.st_mode & 07777);
        return FALSE;
    }
    if (st.st_size < 0 || (guint64) st.st_size > max) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_FILE_SIZE,
                     "owner's file '%s' has %" G_GINT64_FORMAT
                     " bytes, at most %" G_GSIZE_FORMAT,
                     name, (gint64) st.st_size, max);
        return FALSE;
    }
    *size = (gsize) st.st_size;
    return TRUE;
}

/* O_NONBLOCK: a FIFO in the place of a file must not hang the program. */
static int
open_file (int dirfd,
           const char *name,
           gsize max,
           PolicyFileFlags flags,
           gsize *size,
           GError **error)
{
    const int fd =
        openat (dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0 && errno == ENOENT && (flags & POLICY_FILE_OPTIONAL) != 0)
        return -1;
    if (fd < 0 && errno == ENOENT) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_MISSING,
                     "owner's file '%s' is missing", name);
        return -1;
    }
    if (fd < 0 && (errno == ELOOP || errno == ENXIO)) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_FILE_TYPE,
                     "owner's file '%s' is a link or a socket", name);
        return -1;
    }
    if (fd < 0) {
        io_error (error, "opening", name, errno);
        return -1;
    }
    if (!check_file (fd, name, max, flags, size, error)) {
        close (fd);
        return -1;
    }
    return fd;
}

/* Reads a file of @size bytes into @buffer of @size + 1, so that growth shows. */
static gboolean
read_all (int fd, const char *name, guint8 *buffer, gsize size, GError **error)
{
    gsize len = 0;

    while (len <= size) {
        const gssize got = read (fd, buffer + len, size + 1 - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return io_error (error, "reading", name, errno);
        if (got == 0)
            break;
        len += (gsize) got;
    }
    if (len == size)
        return TRUE;
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_FILE_SIZE,
                 "owner's file '%s' changed its size while it was read", name);
    return FALSE;
}

gboolean
policy_file_read (int dirfd,
                  const char *name,
                  gsize max,
                  PolicyFileFlags flags,
                  GBytes **out,
                  GError **error)
{
    GError *local = NULL;
    gsize size = 0;

    g_return_val_if_fail (name != NULL && out != NULL, FALSE);

    *out = NULL;
    const int fd = open_file (dirfd, name, max, flags, &size, &local);
    if (fd < 0 && local == NULL)
        return TRUE;
    if (fd < 0) {
        g_propagate_error (error, local);
        return FALSE;
    }
    g_autofree guint8 *buffer = g_malloc (size + 1);
    const gboolean ok = read_all (fd, name, buffer, size, error);
    close (fd);
    if (ok)
        *out = g_bytes_new (buffer, size);
    return ok;
}

/* Reads what @fd is to its end, and closes it. */
static GBytes *
read_to_end (int fd, const char *path, gsize max, GError **error)
{
    gsize len = 0;
    g_autofree guint8 *content = g_malloc (max + 1);
    while (len <= max) {
        const gssize got = read (fd, content + len, max + 1 - len);
        if (got == 0)
            break;
        if (got < 0 && errno != EINTR) {
            g_set_error (error, POLICY_ERROR, POLICY_ERROR_IO, "'%s': %s", path,
                         g_strerror (errno));
            close (fd);
            return NULL;
        }
        len += got > 0 ? (gsize) got : 0;
    }
    close (fd);
    if (len > max) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_FILE_SIZE,
                     "'%s': more than %" G_GSIZE_FORMAT " bytes", path, max);
        return NULL;
    }
    return g_bytes_new (content, len);
}

GBytes *
policy_file_read_any (const char *path, gsize max, GError **error)
{
    g_return_val_if_fail (path != NULL && max < G_MAXUINT32, NULL);

    const int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        g_set_error (error, POLICY_ERROR,
                     errno == ENOENT ? POLICY_ERROR_OWNER_MISSING : POLICY_ERROR_IO,
                     "'%s': %s", path, g_strerror (errno));
        return NULL;
    }
    return read_to_end (fd, path, max, error);
}

GBytes *
policy_file_read_found (const char *path, gsize max, GError **error)
{
    struct stat st;

    g_return_val_if_fail (path != NULL && max < G_MAXUINT32, NULL);

    /* As in open_file(). */
    const int fd = open (path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    const int number = errno;
    if (fd >= 0 && fstat (fd, &st) == 0 && S_ISREG (st.st_mode))
        return read_to_end (fd, path, max, error);
    if (fd >= 0)
        close (fd);
    if (fd >= 0 || number == ELOOP || number == ENXIO)
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_FILE_TYPE,
                     "'%s' is not a regular file", path);
    else
        g_set_error (error, POLICY_ERROR,
                     number == ENOENT ? POLICY_ERROR_OWNER_MISSING : POLICY_ERROR_IO,
                     "'%s': %s", path, g_strerror (number));
    return NULL;
}

SevSecret *
policy_file_read_secret (int dirfd, const char *name, gsize max, GError **error)
{
    gsize size = 0;

    g_return_val_if_fail (name != NULL, NULL);

    const int fd = open_file (dirfd, name, max, POLICY_FILE_SECRET, &size, error);
    if (fd < 0)
        return NULL;
    g_autoptr (SevSecret) buffer = sev_secret_new (size + 1);
    const gboolean ok = read_all (fd, name, sev_secret_writable (buffer), size, error);
    close (fd);
    if (!ok)
        return NULL;
    if (size == 0) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_FILE_SIZE,
                     "secret file '%s' is empty", name);
        return NULL;
    }
    return sev_secret_new_copy (sev_secret_data (buffer), size);
}

static gboolean
write_all (int fd, const guint8 *data, gsize len)
{
    while (len > 0) {
        const gssize done = write (fd, data, len);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return FALSE;
        data += done;
        len -= (gsize) done;
    }
    return TRUE;
}

static const char *
type_name (mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFLNK:
        return "a symbolic link";
    case S_IFDIR:
        return "a directory";
    case S_IFCHR:
    case S_IFBLK:
        return "a device";
    case S_IFIFO:
        return "a pipe";
    default:
        return "a socket";
    }
}

gboolean
policy_file_check_place (int dirfd, const char *name, GError **error)
{
    struct stat st;

    if (fstatat (dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT || io_error (error, "looking at", name, errno);
    if (S_ISREG (st.st_mode))
        return TRUE;
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_OUTPUT_TYPE,
                 "'%s' is %s, and stays as it is: a file can only take the place of a "
                 "regular file",
                 name, type_name (st.st_mode));
    return FALSE;
}

gboolean
policy_file_write (int dirfd,
                   const char *name,
                   const void *data,
                   gsize len,
                   gboolean replace,
                   GError **error)
{
    return policy_file_write_mode (dirfd, name, data, len, 0600, replace, error);
}

gboolean
policy_file_write_mode (int dirfd,
                        const char *name,
                        const void *data,
                        gsize len,
                        guint mode,
                        gboolean replace,
                        GError **error)
{
    guint64 number = 0;

    g_return_val_if_fail (name != NULL && (data != NULL || len == 0), FALSE);

    if ((replace && !policy_file_check_place (dirfd, name, error)) ||
        !sev_random_bytes (&number, sizeof number, error))
        return FALSE;
    g_autofree char *temporary =
        g_strdup_printf (".%s.%016" G_GINT64_MODIFIER "x", name, number);
    const int fd = openat (dirfd, temporary,
                           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0)
        return io_error (error, "creating", temporary, errno);

    const gboolean written = write_all (fd, data, len) && fsync (fd) == 0;
    const int write_errno = errno;
    if (close (fd) != 0 || !written) {
        unlinkat (dirfd, temporary, 0);
        return io_error (error, "writing", name, written ? errno : write_errno);
    }
    /* The name appears with its whole content. */
    if (renameat2 (dirfd, temporary, dirfd, name, replace ? 0 : RENAME_NOREPLACE) != 0) {
        const int number_of_error = errno;
        unlinkat (dirfd, temporary, 0);
        if (number_of_error != EEXIST)
            return io_error (error, "writing", name, number_of_error);
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_EXISTS,
                     "'%s' is there already and stays as it is", name);
        return FALSE;
    }
    if (fsync (dirfd) != 0)
        return io_error (error, "writing the directory of", name, errno);
    return TRUE;
}

gboolean
policy_file_overwrite (int fd, off_t size, const char *name, GError **error)
{
    static const guint8 zeroes[4096];

    for (off_t done = 0; done < size;) {
        const ssize_t n =
            pwrite (fd, zeroes, MIN ((gsize) (size - done), sizeof zeroes), done);
        if (n <= 0 && errno != EINTR)
            return io_error (error, "overwriting", name, errno);
        done += MAX (n, 0);
    }
    return fsync (fd) == 0 || io_error (error, "overwriting", name, errno);
}

gboolean
policy_file_erase (int dirfd, const char *name, GError **error)
{
    struct stat st;
    const int fd = openat (dirfd, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd >= 0 && fstat (fd, &st) == 0 && S_ISREG (st.st_mode) &&
        st.st_uid == geteuid () && !policy_file_overwrite (fd, st.st_size, name, NULL))
        g_debug ("'%s' is removed, but was not overwritten", name);
    if (fd >= 0)
        close (fd);
    return unlinkat (dirfd, name, 0) == 0 || errno == ENOENT ||
           io_error (error, "removing", name, errno);
}

static gboolean
check_dir (int fd, const char *what, const char *name, GError **error)
{
    struct stat st;

    if (fstat (fd, &st) != 0)
        return io_error (error, "looking at", name, errno);
    if (st.st_uid != geteuid ()) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_DIR_OWNER,
                     "%s '%s' belongs to user %u, expected %u", what, name, st.st_uid,
                     geteuid ());
        return FALSE;
    }
    if ((st.st_mode & 077) != 0) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_DIR_MODE,
                     "%s '%s' has mode %04o, others may use it (chmod 700)", what, name,
                     st.st_mode & 07777);
        return FALSE;
    }
    return TRUE;
}

static void
set_missing (const char *what, const char *path, GError **error)
{
    const gboolean owner = strcmp (what, OWNER_DIR) == 0;

    g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_MISSING,
                 "%s '%s' does not exist%s", what, path,
                 owner ? " (sevlaunch owner-init makes one)" : "");
}

int
policy_dir_open_as (const char *what, const char *path, char **resolved, GError **error)
{
    g_return_val_if_fail (what != NULL && path != NULL, -1);

    char *real = realpath (path, NULL);
    const int number = errno;
    g_autofree char *copy = g_strdup (real);
    free (real);
    if (copy == NULL) {
        if (number != ENOENT)
            io_error (error, what, path, number);
        else
            set_missing (what, path, error);
        return -1;
    }
    const int fd = open (copy, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOTDIR) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_FILE_TYPE,
                     "%s '%s' is not a directory", what, copy);
        return -1;
    }
    if (fd < 0) {
        io_error (error, what, copy, errno);
        return -1;
    }
    if (!check_dir (fd, what, copy, error)) {
        close (fd);
        return -1;
    }
    if (resolved != NULL)
        *resolved = g_steal_pointer (&copy);
    return fd;
}

int
policy_dir_open (const char *path, char **resolved, GError **error)
{
    return policy_dir_open_as (OWNER_DIR, path, resolved, error);
}

int
policy_dir_open_at (int dirfd, const char *name, gboolean optional, GError **error)
{
    const int fd = openat (dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT && optional)
        return -1;
    if (fd < 0 && (errno == ENOTDIR || errno == ELOOP)) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_FILE_TYPE,
                     "'%s' in the owner directory is not a directory", name);
        return -1;
    }
    if (fd < 0) {
        io_error (error, "opening", name, errno);
        return -1;
    }
    if (!check_dir (fd, OWNER_DIR, name, error)) {
        close (fd);
        return -1;
    }
    return fd;
}

int
policy_dir_make_at (int dirfd, const char *name, GError **error)
{
    if (mkdirat (dirfd, name, 0700) != 0 && errno != EEXIST) {
        io_error (error, "making", name, errno);
        return -1;
    }
    return policy_dir_open_at (dirfd, name, FALSE, error);
}

gboolean
policy_name_is_plain (const char *name)
{
    const gsize len = strlen (name);

    if (len == 0 || len > MAX_NAME || name[0] == '.')
        return FALSE;
    for (gsize i = 0; i < len; i++)
        if (!g_ascii_isalnum (name[i]) && strchr ("._+-", name[i]) == NULL)
            return FALSE;
    return TRUE;
}

/* Levenshtein's distance of two short words. */
static guint
distance (const char *a, const char *b)
{
    const gsize len_a = strlen (a);
    const gsize len_b = strlen (b);
    g_autofree guint *row = g_new (guint, len_b + 1);

    for (gsize j = 0; j <= len_b; j++)
        row[j] = (guint) j;
    for (gsize i = 1; i <= len_a; i++) {
        guint diagonal = row[0];
        row[0] = (guint) i;
        for (gsize j = 1; j <= len_b; j++) {
            const guint change = diagonal + (a[i - 1] == b[j - 1] ? 0u : 1u);
            diagonal = row[j];
            row[j] = MIN (change, MIN (row[j], row[j - 1]) + 1);
        }
    }
    return row[len_b];
}

const char *
policy_suggest (const char *word, const char *const *known)
{
    const char *best = NULL;
    guint best_distance = 4;

    if (strlen (word) > 64)
        return NULL;
    for (gsize i = 0; known[i] != NULL; i++) {
        const guint d = distance (word, known[i]);
        if (d < best_distance && d < strlen (known[i])) {
            best = known[i];
            best_distance = d;
        }
    }
    return best;
}
