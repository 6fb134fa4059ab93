/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "launcher/emulated/host-private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The longest socket is a guest's monitor:
 *   DIR "/c/libvirt/qemu/lib/" 20 "domain-" 7 N "-" 1 20 characters of the guest's name
 *   "/monitor.sock" 13, together DIR + 61 + digits of N, of 107: 42 leaves four digits.
 * (A guest agent's channel takes DIR + 83, so guests of users who want one need DIR <= 24.)
 */
G_STATIC_ASSERT (EMULATED_HOST_PATH_MAX + 61 + 4 == 107);

#define SYSTEM_PARENT "/var/lib/sevlaunch"
#define SYSTEM_PATH SYSTEM_PARENT "/host"
#define USER_NAME ".sevlaunch"

static gboolean
check_path (const char *path, GError **error)
{
    const gsize len = strlen (path);

    if (len > EMULATED_HOST_PATH_MAX) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                     "emulated host '%s': the path has %" G_GSIZE_FORMAT
                     " bytes, at most %u fit into the addresses of libvirt's sockets (see "
                     "--emulated-host)",
                     path, len, EMULATED_HOST_PATH_MAX);
        return FALSE;
    }
    for (const char *c = path; *c != '\0'; c++) {
        if (*c != ':' && !g_ascii_iscntrl (*c))
            continue;
        g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                             "the path of an emulated host becomes a part of PATH: it may "
                             "hold neither ':' nor control characters");
        return FALSE;
    }
    if (strcmp (path, "/") != 0)
        return TRUE;
    g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                         "'/' cannot be an emulated host");
    return FALSE;
}

char *
emulated_host_path (const char *option, GError **error)
{
    const char *variable = g_getenv ("SEVLAUNCH_EMULATED_HOST");
    g_autofree char *chosen = NULL;

    if (option != NULL && *option == '\0') {
        g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                             "--emulated-host needs the path of a directory");
        return NULL;
    }
    if (option != NULL)
        chosen = g_strdup (option);
    else if (variable != NULL && *variable != '\0')
        chosen = g_strdup (variable);
    else if (geteuid () == 0)
        chosen = g_strdup (SYSTEM_PATH);
    else
        chosen = g_build_filename (g_get_home_dir (), USER_NAME, NULL);

    g_autofree char *path = g_canonicalize_filename (chosen, NULL);
    return check_path (path, error) ? g_steal_pointer (&path) : NULL;
}

static gboolean
is_empty (int fd)
{
    const int copy = openat (fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = copy >= 0 ? fdopendir (copy) : NULL;
    const struct dirent *entry;
    gboolean empty = stream != NULL;

    while (empty && (entry = readdir (stream)) != NULL)
        empty = strcmp (entry->d_name, ".") == 0 || strcmp (entry->d_name, "..") == 0;
    if (stream != NULL)
        closedir (stream);
    return empty;
}

/* Only what is root's, closed and empty is given away; anything else stays as it is, and
 * emulated_host_ensure() judges it as the user. */
static gboolean
give_away (int fd, guint uid, guint gid)
{
    struct stat st;

    if (fstat (fd, &st) != 0)
        return FALSE;
    if (st.st_uid != 0 || (st.st_mode & 07777) != 0700 || !is_empty (fd))
        return TRUE;
    return fchown (fd, uid, gid) == 0;
}

gboolean
emulated_host_prepare_parent (const char *path, guint uid, guint gid, GError **error)
{
    struct stat st;

    /* Leaves no empty directory behind where nothing could be made in it. */
    if (lstat (path, &st) != 0 && !host_check_tools (NULL, error))
        return FALSE;
    if (strcmp (path, SYSTEM_PATH) == 0 && mkdir (SYSTEM_PARENT, 0755) != 0 &&
        errno != EEXIST) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_EMULATED_HOST, "making '%s': %s",
                     SYSTEM_PARENT, g_strerror (errno));
        return FALSE;
    }
    if (mkdir (path, 0700) != 0 && errno != EEXIST) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_EMULATED_HOST,
                     "making the emulated host '%s': %s", path, g_strerror (errno));
        return FALSE;
    }
    const int fd = open (path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    const gboolean ok = fd >= 0 && give_away (fd, uid, gid);
    if (!ok)
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_EMULATED_HOST,
                     "emulated host '%s': %s", path, g_strerror (errno));
    if (fd >= 0)
        close (fd);
    return ok;
}

void
emulated_host_remove_parent (const char *path)
{
    if (rmdir (path) != 0 && errno != ENOENT)
        g_debug ("rmdir '%s': %s", path, g_strerror (errno));
    if (strcmp (path, SYSTEM_PATH) == 0 && rmdir (SYSTEM_PARENT) != 0)
        g_debug ("rmdir '%s': %s", SYSTEM_PARENT, g_strerror (errno));
}
