/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Makes an emulated host, or what is missing of it.  host.conf comes first and is removed
 * last: with it the directory is a host, however much of it is there, and everything else
 * can be made again piece by piece.  Only the key of an external owner cannot: that one is
 * still awaited is noted before, until he has signed.
 */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/emulated/host-platform.h"
#include "launcher/emulated/host-private.h"

#define EMULATOR_PROGRAM PKGLIBEXECDIR "/sev-qemu"
#define CACHED_PDH "cache/pdh" /* which PDH libvirt's cached capabilities may show */
#define CACHED_CAPABILITIES "cache/libvirt"
#define MAX_ATTEMPTS 8u
#define MAX_ASIDS 10000 /* psp/host/host-dir.h */

#define CONF_HEAD                                                                          \
    "# An EMULATED SEV host: nothing in it is confidential.\n"                             \
    "[host]\n"                                                                             \
    "format=1\n"

static gboolean
is_version (const char *text)
{
    g_auto (GStrv) parts = g_strsplit (text, ".", 3);

    return g_strv_length (parts) == 2 &&
           g_ascii_string_to_unsigned (parts[0], 10, 0, 255, NULL, NULL) &&
           g_ascii_string_to_unsigned (parts[1], 10, 0, 255, NULL, NULL);
}

void
emulated_host_kind_init (EmulatedHostKind *kind)
{
    *kind = (EmulatedHostKind){ .build = -1, .asids = -1, .owner_key_fd = -1 };
}

gboolean
emulated_host_kind_check (const EmulatedHostKind *kind, GError **error)
{
    static const char *const generations[] = { "naples", "rome", "milan", NULL };
    const char *problem = NULL;

    if (kind->generation != NULL && !g_strv_contains (generations, kind->generation))
        problem = "--generation is one of naples, rome, milan";
    else if (kind->api != NULL && !is_version (kind->api))
        problem = "--api takes a version such as 0.24";
    else if (kind->build < -1 || kind->build > 255)
        problem = "--build takes a number from 0 to 255";
    else if (kind->es != NULL && strcmp (kind->es, "on") != 0 &&
             strcmp (kind->es, "off") != 0)
        problem = "--es is on or off";
    else if (kind->asids != -1 && (kind->asids < 1 || kind->asids > MAX_ASIDS))
        problem = "--asids takes a number from 1 to 10000";
    if (problem == NULL)
        return TRUE;
    g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE, problem);
    return FALSE;
}

static char *
conf_text (const EmulatedHostKind *kind)
{
    GString *text = g_string_new (CONF_HEAD);

    if (kind == NULL)
        return g_string_free (text, FALSE);
    g_string_append (text, "[platform]\n");
    if (kind->generation != NULL)
        g_string_append_printf (text, "generation=%s\n", kind->generation);
    if (kind->api != NULL)
        g_string_append_printf (text, "api=%s\n", kind->api);
    if (kind->build >= 0)
        g_string_append_printf (text, "build=%d\n", kind->build);
    if (kind->es != NULL)
        g_string_append_printf (text, "es=%s\n",
                                strcmp (kind->es, "on") == 0 ? "true" : "false");
    if (kind->asids > 0)
        g_string_append_printf (text, "asids=%d\n", kind->asids);
    if (kind->amd_key_id)
        g_string_append (text, "amd-key-id=true\n");
    return g_string_free (text, FALSE);
}

static gboolean
make_directories (EmulatedHost *host, GError **error)
{
    static const char *const names[] = { "bin", "rt", "c", "cache", "data", "log" };

    for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
        if (mkdirat (host->fd, names[i], 0700) != 0 && errno != EEXIST)
            return host_set_errno (error, errno, "making '%s/%s'", host->path, names[i]);
    return TRUE;
}

static gboolean
drop_capabilities (EmulatedHost *host, GError **error)
{
    return host_tree_remove (host->fd, CACHED_CAPABILITIES, error);
}

/* libvirt finds the directory's emulator by its place, and the emulator the directory by
 * its own: a link would lead out of it. */
static gboolean
copy_emulator (EmulatedHost *host, GError **error)
{
    g_autoptr (GMappedFile) installed = g_mapped_file_new (EMULATOR_PROGRAM, FALSE, NULL);
    g_autoptr (GMappedFile) copy = g_mapped_file_new (host->emulator, FALSE, NULL);
    struct stat st;

    if (installed == NULL) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_TOOL_MISSING,
                     "'%s' cannot be read", EMULATOR_PROGRAM);
        return FALSE;
    }
    const gsize len = g_mapped_file_get_length (installed);
    const char *data = g_mapped_file_get_contents (installed);
    if (copy != NULL && g_mapped_file_get_length (copy) == len && len > 0 &&
        memcmp (g_mapped_file_get_contents (copy), data, len) == 0 &&
        fstatat (host->fd, HOST_EMULATOR, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG (st.st_mode) && (st.st_mode & 07777) == 0700)
        return TRUE;
    return host_file_replace (host->fd, HOST_EMULATOR, data, len, 0700, error) &&
           drop_capabilities (host, error);
}

/* libvirt keeps what the emulator said about the platform, its PDH included, until the
 * emulator's file changes. */
static gboolean
follow_pdh (EmulatedHost *host, const EmulatedPlatform *platform, GError **error)
{
    g_autoptr (GBytes) seen = host_file_read (host->fd, CACHED_PDH, 256, NULL);
    gsize len = 0;
    const char *data = seen != NULL ? g_bytes_get_data (seen, &len) : NULL;

    if (len == strlen (platform->pdh_sha256) &&
        memcmp (data, platform->pdh_sha256, len) == 0)
        return TRUE;
    if (utimensat (host->fd, HOST_EMULATOR, NULL, AT_SYMLINK_NOFOLLOW) != 0)
        return host_set_errno (error, errno, "touching '%s'", host->emulator);
    return drop_capabilities (host, error) &&
           host_file_replace (host->fd, CACHED_PDH, platform->pdh_sha256,
                              strlen (platform->pdh_sha256), 0600, error);
}

/* A host that was to have an external owner never becomes its own. */
static gboolean
note_owner (int dir,
            const char *path,
            gboolean is_host,
            const EmulatedHostKind *kind,
            GError **error)
{
    struct stat st;

    if (kind != NULL && kind->owner_key_fd >= 0)
        return host_file_replace (dir, HOST_OWNER_PENDING, "", 0, 0600, error);
    if (!is_host)
        return host_tree_remove (dir, HOST_OWNER_PENDING, error);
    if (fstatat (dir, HOST_OWNER_PENDING, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return TRUE;
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_EMULATED_STATE,
                 "the emulated host '%s' was not completed: its external owner has yet to "
                 "sign (repeat \"sevlaunch emulator create --external-owner FILE\", or "
                 "destroy it)",
                 path);
    return FALSE;
}

/* host.conf, and before it what it must not be without. */
static gboolean
begin (const char *path,
       int dir,
       const EmulatedHostKind *kind,
       gboolean *created,
       GError **error)
{
    g_autofree char *conf = conf_text (kind);
    gboolean is_host;

    if (!host_dir_is_host (dir, path, &is_host, error))
        return FALSE;
    *created = !is_host || !host_dir_is_complete (dir);
    if (*created && !note_owner (dir, path, is_host, kind, error))
        return FALSE;
    return is_host || host_file_replace (dir, HOST_CONF, conf, strlen (conf), 0600, error);
}

/* Returns: (transfer full): the host, complete; the caller holds the lock. */
static EmulatedHost *
complete (const char *path,
          int dir,
          const EmulatedHostKind *kind,
          gboolean *created,
          GCancellable *cancellable,
          GError **error)
{
    if (!begin (path, dir, kind, created, error)) {
        close (dir);
        return NULL;
    }
    g_autoptr (EmulatedHost) host = host_new (path, dir, error);
    if (host == NULL || !host_check_tools (host->qemu, error))
        return NULL;
    if (!host_tree_remove (dir, HOST_GONE, error) || !make_directories (host, error) ||
        !copy_emulator (host, error))
        return NULL;
    g_autofree char *state = host_stamp_state (host);
    if (!*created && host_stamp_holds (host, state))
        return g_steal_pointer (&host);
    g_autoptr (EmulatedPlatform) platform =
        host_platform_run (host, "init", *created && kind != NULL ? kind->owner_key_fd : -1,
                           cancellable, error);
    if (platform == NULL || !host_tree_remove (dir, HOST_OWNER_PENDING, error) ||
        !follow_pdh (host, platform, error) || !host_stamp_renew (host, state, error))
        return NULL;
    return g_steal_pointer (&host);
}

static EmulatedHost *
try_ensure (const char *path,
            const EmulatedHostKind *kind,
            gboolean *created,
            GCancellable *cancellable,
            GError **error)
{
    gboolean is_host;

    if (mkdir (path, 0700) != 0 && errno != EEXIST) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_EMULATED_HOST,
                     "making the emulated host '%s': %s", path, g_strerror (errno));
        return NULL;
    }
    const int dir = host_dir_open_checked (path, error);
    if (dir < 0)
        return NULL;
    /* Before the lock is made: nothing must appear in somebody else's directory. */
    const int lock = host_dir_is_host (dir, path, &is_host, error)
                         ? host_lock (dir, path, cancellable, error)
                         : -1;
    if (lock < 0) {
        close (dir);
        return NULL;
    }
    EmulatedHost *host = complete (path, dir, kind, created, cancellable, error);
    close (lock);
    return host;
}

EmulatedHost *
emulated_host_ensure (const char *path,
                      const EmulatedHostKind *kind,
                      gboolean *created,
                      GCancellable *cancellable,
                      GError **error)
{
    struct stat st;
    gboolean made = FALSE;
    EmulatedHost *host = NULL;

    if (lstat (path, &st) != 0 && !host_check_tools (NULL, error))
        return NULL;
    for (guint i = 0; host == NULL && i < MAX_ATTEMPTS; i++) {
        g_autoptr (GError) cause = NULL;

        host = try_ensure (path, kind, &made, cancellable, &cause);
        /* Another process destroyed it while this one waited. */
        if (host == NULL && (i + 1 == MAX_ATTEMPTS ||
                             !g_error_matches (cause, G_FILE_ERROR, G_FILE_ERROR_NOENT))) {
            g_propagate_error (error, g_steal_pointer (&cause));
            return NULL;
        }
    }
    if (created != NULL)
        *created = made;
    return host;
}
