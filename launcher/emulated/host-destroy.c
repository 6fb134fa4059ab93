/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "launcher/emulated/host-private.h"

#define GRACE_MS 10000u
#define RELAY_SECONDS 10
#define POLL_US 20000u

static gboolean
refuse_guests (const EmulatedHost *host, GPtrArray *guests, GError **error)
{
    g_autoptr (GString) names = g_string_new (NULL);

    for (guint i = 0; i < guests->len; i++)
        g_string_append_printf (names, "%s%s", i > 0 ? ", " : "",
                                ((EmulatedGuest *) guests->pdata[i])->name);
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_EMULATED_STATE,
                 "guests run on the emulated host '%s': %s (end them, or use --force)",
                 host->path, names->str);
    return FALSE;
}

static void
ignore_virt_error (void *data, virErrorPtr error)
{
    g_debug ("libvirt: %s", error->message);
}

/* As its user would, so that libvirt tidies up.  What this does not reach is ended below.
 */
static void
destroy_through_libvirt (EmulatedHost *host, GPtrArray *guests)
{
    g_autoptr (GError) error = NULL;

    virSetErrorFunc (NULL, ignore_virt_error);
    virConnectPtr conn =
        host_start_libvirt_locked (host, NULL, &error) ? virConnectOpen (host->uri) : NULL;
    if (conn == NULL) {
        g_debug ("guests are ended without libvirt: %s",
                 error != NULL ? error->message : "no connection");
        return;
    }
    for (guint i = 0; i < guests->len; i++) {
        const EmulatedGuest *guest = guests->pdata[i];
        virDomainPtr domain = virDomainLookupByName (conn, guest->name);

        if (domain == NULL)
            continue;
        virDomainDestroy (domain);
        virDomainFree (domain);
    }
    virConnectClose (conn);
}

static gboolean
end_guests (EmulatedHost *host, gboolean force, GError **error)
{
    g_autoptr (GPtrArray) guests = emulated_host_guests (host);

    if (guests->len == 0)
        return TRUE;
    if (!force)
        return refuse_guests (host, guests, error);
    destroy_through_libvirt (host, guests);
    for (guint i = 0; i < guests->len; i++)
        if (!host_end_holder (host, ((EmulatedGuest *) guests->pdata[i])->pid_file,
                              GRACE_MS, error))
            return FALSE;
    return TRUE;
}

static gboolean
end_daemons (EmulatedHost *host, GError **error)
{
    static const char *const pid_files[] = { "rt/libvirt/libvirtd.pid",
                                             "rt/libvirt/virtqemud.pid",
                                             "rt/libvirt/virtlogd.pid", HOST_DEVICE_PID };

    if (host->connection >= 0)
        close (host->connection);
    host->connection = -1;
    if (host->device >= 0)
        close (host->device);
    host->device = -1;
    for (gsize i = 0; i < G_N_ELEMENTS (pid_files); i++)
        if (!host_end_holder (host, pid_files[i], GRACE_MS, error))
            return FALSE;
    return TRUE;
}

/* A relay ends soon after its QEMU; until then it has a lock on the directory. */
static gboolean
wait_for_relays (EmulatedHost *host, GError **error)
{
    const gint64 deadline = g_get_monotonic_time () + RELAY_SECONDS * G_TIME_SPAN_SECOND;

    while (flock (host->fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return host_set_errno (error, errno, "locking '%s'", host->path);
        if (g_get_monotonic_time () > deadline) {
            g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_EMULATED_STATE,
                         "emulated host '%s': the relay of a guest still runs", host->path);
            return FALSE;
        }
        g_usleep (POLL_US);
    }
    return TRUE;
}

/* With its keys moved away at once, a host that a crash leaves half destroyed gets a new
 * identity, and never the rest of the old one. */
static gboolean
remove_content (EmulatedHost *host, GError **error)
{
    static const char *const parts[] = {
        HOST_GONE, "platform",         "certs",  "rt", "c", "cache", "data", "log",
        "bin",     HOST_OWNER_PENDING, HOST_CONF
    };

    if (!host_tree_remove (host->fd, HOST_GONE, error))
        return FALSE;
    if (renameat (host->fd, "platform", host->fd, HOST_GONE) != 0 && errno != ENOENT)
        return host_set_errno (error, errno, "removing '%s/platform'", host->path);
    for (gsize i = 0; i < G_N_ELEMENTS (parts); i++)
        if (!host_tree_remove (host->fd, parts[i], error))
            return FALSE;
    return TRUE;
}

static gboolean
destroy_locked (EmulatedHost *host, gboolean force, GError **error)
{
    gboolean is_host;

    if (!host_dir_is_host (host->fd, host->path, &is_host, error) ||
        !end_guests (host, force, error) || !end_daemons (host, error) ||
        /* One that somebody started meanwhile. */
        !end_guests (host, force, error) || !end_daemons (host, error) ||
        !host_end_probes (host, error) || !wait_for_relays (host, error) ||
        !remove_content (host, error))
        return FALSE;
    unlinkat (host->fd, HOST_CONF ".new", 0);
    unlinkat (host->fd, HOST_OWNER_PENDING ".new", 0);
    unlinkat (host->fd, HOST_LOCK, 0);
    return TRUE;
}

static gboolean
absent (const char *path, GError **error)
{
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_EMULATED_STATE,
                 "there is no emulated host at '%s'", path);
    return FALSE;
}

gboolean
emulated_host_destroy (const char *path, gboolean force, GError **error)
{
    g_autoptr (GError) cause = NULL;
    gboolean is_host;
    const int dir = host_dir_open_checked (path, &cause);

    if (g_error_matches (cause, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        return absent (path, error);
    if (dir < 0) {
        g_propagate_error (error, g_steal_pointer (&cause));
        return FALSE;
    }
    if (!host_dir_is_host (dir, path, &is_host, error)) {
        close (dir);
        return FALSE;
    }
    g_autoptr (EmulatedHost) host = host_new (path, dir, error);
    if (host == NULL)
        return FALSE;
    const int lock = host_lock (dir, path, NULL, &cause);
    if (g_error_matches (cause, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        return absent (path, error);
    if (lock < 0) {
        g_propagate_error (error, g_steal_pointer (&cause));
        return FALSE;
    }
    const gboolean ok = destroy_locked (host, force, error);
    close (lock);
    /* Root's helper made the directory where this user may not remove it. */
    if (ok && rmdir (path) != 0 && errno != EACCES && errno != EPERM && errno != ENOENT)
        return host_set_errno (error, errno, "removing '%s'", path);
    return ok;
}
