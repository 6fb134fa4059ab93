/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "launcher/emulated/host-private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONF_MAX 16384u
#define CERT_MAX 8192u
#define LOCK_SECONDS 120
#define LOCK_POLL_US 20000u

int
host_dir_open_checked (const char *path, GError **error)
{
    struct stat st = { 0 };
    const int fd = open (path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    const int saved = errno;

    if (fd >= 0 && fstat (fd, &st) == 0 && st.st_uid == geteuid () &&
        (st.st_mode & 07777) == 0700)
        return fd;
    if (fd >= 0) {
        close (fd);
    } else if (saved == ENOENT) {
        g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "'%s' is not there", path);
        return -1;
    } else if (saved != EACCES || lstat (path, &st) != 0) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_EMULATED_HOST,
                     "emulated host '%s': %s", path,
                     saved == ELOOP || saved == ENOTDIR
                         ? "not a directory, or a link to one"
                         : g_strerror (saved));
        return -1;
    }
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_EMULATED_HOST,
                 "emulated host '%s': the directory has mode %04o and belongs to user %u; "
                 "it must have mode 0700 and belong to user %u, who runs it",
                 path, st.st_mode & 07777, st.st_uid, geteuid ());
    return -1;
}

/* What may lie in a directory that is not a host yet: what ensure makes before
 * host.conf, and destroy removes after it. */
static gboolean
is_leftover (const char *name)
{
    static const char *const known[] = {
        ".",
        "..",
        HOST_LOCK,
        HOST_CONF ".new",
        HOST_OWNER_PENDING,
        HOST_OWNER_PENDING ".new",
        NULL,
    };

    return g_strv_contains (known, name);
}

gboolean
host_dir_is_host (int dir, const char *path, gboolean *is_host, GError **error)
{
    struct stat st;
    const struct dirent *entry;
    gboolean foreign = FALSE;

    *is_host = fstatat (dir, HOST_CONF, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (*is_host)
        return TRUE;
    const int copy = openat (dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = copy >= 0 ? fdopendir (copy) : NULL;
    if (stream == NULL)
        return host_set_errno (error, errno, "reading '%s'", path);
    while (!foreign && (entry = readdir (stream)) != NULL)
        foreign = !is_leftover (entry->d_name);
    closedir (stream);
    if (foreign)
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_EMULATED_STATE,
                     "'%s' is not empty and not an emulated host: nothing is done to it",
                     path);
    return !foreign;
}

static gboolean
bad_conf (EmulatedHost *host, const char *why, GError **error)
{
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_EMULATED_HOST,
                 "emulated host '%s': " HOST_CONF ": %s", host->path, why);
    return FALSE;
}

/* Only what the launcher itself must know; the rest is for the emulator to judge. */
static gboolean
read_conf (EmulatedHost *host, GError **error)
{
    g_autoptr (GKeyFile) conf = g_key_file_new ();
    g_autoptr (GBytes) text = host_file_read (host->fd, HOST_CONF, CONF_MAX, error);
    gsize len = 0;

    if (text == NULL)
        return FALSE;
    const char *data = g_bytes_get_data (text, &len);
    if (len == 0 || !g_key_file_load_from_data (conf, data, len, G_KEY_FILE_NONE, NULL))
        return bad_conf (host, "not a key file", error);
    g_autofree char *format = g_key_file_get_string (conf, "host", "format", NULL);
    if (g_strcmp0 (format, "1") != 0)
        return bad_conf (host, "made by another version of this program", error);
    g_autofree char *qemu = g_key_file_get_string (conf, "emulator", "qemu", NULL);
    if (qemu != NULL && !g_path_is_absolute (qemu))
        return bad_conf (host, "[emulator] qemu must be an absolute path", error);
    host->qemu = g_steal_pointer (&qemu);
    return TRUE;
}

EmulatedHost *
host_new (const char *path, int dir, GError **error)
{
    g_autoptr (EmulatedHost) host = g_new0 (EmulatedHost, 1);
    struct stat st;
    const char *socket;

    host->path = g_strdup (path);
    host->fd = dir;
    host->connection = -1;
    host->device = -1;
    host->daemon = host_find_libvirt (&host->pid_file, &socket);
    host->socket = g_build_filename (path, socket, NULL);
    host->emulator = g_build_filename (path, HOST_EMULATOR, NULL);
    g_autofree char *escaped = g_uri_escape_string (host->socket, "/", FALSE);
    host->uri = g_strdup_printf ("qemu+unix:///session?socket=%s", escaped);
    if (fstatat (dir, HOST_CONF, &st, AT_SYMLINK_NOFOLLOW) == 0 && !read_conf (host, error))
        return NULL;
    return g_steal_pointer (&host);
}

void
emulated_host_free (EmulatedHost *host)
{
    if (host->connection >= 0)
        close (host->connection);
    if (host->device >= 0)
        close (host->device);
    if (host->fd >= 0)
        close (host->fd);
    g_free (host->path);
    g_free (host->qemu);
    g_free (host->socket);
    g_free (host->uri);
    g_free (host->emulator);
    g_free (host);
}

/* Waits for the lock of an open file. */
static gboolean
wait_for_lock (int fd, const char *path, GCancellable *cancellable, GError **error)
{
    const gint64 deadline = g_get_monotonic_time () + LOCK_SECONDS * G_TIME_SPAN_SECOND;

    while (flock (fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return host_set_errno (error, errno, "locking '%s'", path);
        if (g_cancellable_set_error_if_cancelled (cancellable, error))
            return FALSE;
        if (g_get_monotonic_time () > deadline) {
            g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_TIMEOUT,
                         "emulated host '%s': another process has held its lock for %d "
                         "seconds",
                         path, LOCK_SECONDS);
            return FALSE;
        }
        g_usleep (LOCK_POLL_US);
    }
    return TRUE;
}

int
host_lock (int dir, const char *path, GCancellable *cancellable, GError **error)
{
    struct stat mine, current;

    for (;;) {
        const int fd =
            openat (dir, HOST_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0 && errno == ENOENT) {
            g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "'%s' was removed", path);
            return -1;
        }
        if (fd < 0) {
            host_set_errno (error, errno, "locking '%s'", path);
            return -1;
        }
        if (!wait_for_lock (fd, path, cancellable, error)) {
            close (fd);
            return -1;
        }
        /* Whoever destroyed the host meanwhile removed the file. */
        if (fstat (fd, &mine) == 0 &&
            fstatat (dir, HOST_LOCK, &current, AT_SYMLINK_NOFOLLOW) == 0 &&
            mine.st_ino == current.st_ino && mine.st_dev == current.st_dev)
            return fd;
        close (fd);
    }
}

gboolean
host_dir_is_complete (int dir)
{
    static const char *const pieces[] = { HOST_CONF, HOST_EMULATOR, "platform/chip",
                                          "certs/ark.cert", "certs/pdh.cert" };
    struct stat st;

    for (gsize i = 0; i < G_N_ELEMENTS (pieces); i++)
        if (fstatat (dir, pieces[i], &st, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG (st.st_mode))
            return FALSE;
    return fstatat (dir, HOST_OWNER_PENDING, &st, AT_SYMLINK_NOFOLLOW) != 0;
}

EmulatedHost *
emulated_host_open (const char *path, GError **error)
{
    g_autoptr (GError) cause = NULL;
    gboolean is_host;
    const int dir = host_dir_open_checked (path, &cause);

    if (g_error_matches (cause, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_EMULATED_STATE,
                     "there is no emulated host at '%s' (make it: sevlaunch emulator "
                     "create)",
                     path);
        return NULL;
    }
    if (dir < 0) {
        g_propagate_error (error, g_steal_pointer (&cause));
        return NULL;
    }
    if (!host_dir_is_host (dir, path, &is_host, error)) {
        close (dir);
        return NULL;
    }
    g_autoptr (EmulatedHost) host = host_new (path, dir, error);
    if (host == NULL || host_dir_is_complete (dir))
        return g_steal_pointer (&host);
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_EMULATED_STATE,
                 "the emulated host '%s' is not complete (complete it: sevlaunch emulator "
                 "create)",
                 path);
    return NULL;
}

const char *
emulated_host_get_path (const EmulatedHost *host)
{
    return host->path;
}

const char *
emulated_host_get_uri (const EmulatedHost *host)
{
    return host->uri;
}

const char *
emulated_host_get_emulator (const EmulatedHost *host)
{
    return host->emulator;
}

gboolean
emulated_host_uses_kvm (const EmulatedHost *host)
{
    g_autofree char *text = NULL;
    gboolean capable = FALSE;

    if (access ("/dev/kvm", R_OK | W_OK) != 0 ||
        !g_file_get_contents ("/proc/cpuinfo", &text, NULL, NULL))
        return FALSE;
    const char *flags = strstr (text, "\nflags");
    if (flags == NULL)
        return FALSE;
    g_autofree char *line = g_strndup (flags + 1, strcspn (flags + 1, "\n"));
    g_auto (GStrv) words = g_strsplit_set (line, " \t", -1);
    capable = g_strv_contains ((const char *const *) words, "svm") ||
              g_strv_contains ((const char *const *) words, "vmx");
    return capable;
}

GBytes *
emulated_host_read_cert (const EmulatedHost *host, const char *name, GError **error)
{
    static const char *const names[] = { "ark", "ask", "cek", "oca", "pek", "pdh", NULL };

    g_return_val_if_fail (g_strv_contains (names, name), NULL);
    g_autofree char *file = g_strdup_printf ("certs/%s.cert", name);
    return host_file_read (host->fd, file, CERT_MAX, error);
}
