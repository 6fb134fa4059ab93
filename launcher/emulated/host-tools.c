/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "launcher/emulated/host-private.h"

#include <sys/stat.h>
#include <unistd.h>

#define EMULATOR_PROGRAM PKGLIBEXECDIR "/sev-qemu"
#define DEFAULT_QEMU "/usr/bin/qemu-system-x86_64"

/* Where daemons are; first of them wins.  Newer distributions have only the second. */
static const struct {
    const char *path;
    const char *pid_file;
    const char *socket;
} daemons[] = {
    { "/usr/sbin/libvirtd", "rt/libvirt/libvirtd.pid", "rt/libvirt/libvirt-sock" },
    { "/usr/local/sbin/libvirtd", "rt/libvirt/libvirtd.pid", "rt/libvirt/libvirt-sock" },
    { "/usr/bin/libvirtd", "rt/libvirt/libvirtd.pid", "rt/libvirt/libvirt-sock" },
    { "/usr/sbin/virtqemud", "rt/libvirt/virtqemud.pid", "rt/libvirt/virtqemud-sock" },
    { "/usr/local/sbin/virtqemud", "rt/libvirt/virtqemud.pid",
      "rt/libvirt/virtqemud-sock" },
    { "/usr/bin/virtqemud", "rt/libvirt/virtqemud.pid", "rt/libvirt/virtqemud-sock" },
};

static gboolean
is_program (const char *path)
{
    struct stat st;

    return stat (path, &st) == 0 && S_ISREG (st.st_mode) && access (path, X_OK) == 0;
}

const char *
host_find_libvirt (const char **pid_file, const char **socket)
{
    for (gsize i = 0; i < G_N_ELEMENTS (daemons); i++) {
        if (!is_program (daemons[i].path))
            continue;
        *pid_file = daemons[i].pid_file;
        *socket = daemons[i].socket;
        return daemons[i].path;
    }
    *pid_file = daemons[0].pid_file;
    *socket = daemons[0].socket;
    return NULL;
}

static gboolean
missing (const char *program, const char *package, GError **error)
{
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_TOOL_MISSING,
                 "'%s' is not there or cannot be run (Debian: package %s)", program,
                 package);
    return FALSE;
}

gboolean
emulated_host_check_installed (GError **error)
{
    return host_check_tools (NULL, error);
}

gboolean
host_check_tools (const char *qemu, GError **error)
{
    const char *pid_file, *socket;

    if (!is_program (HOST_PLATFORM_PROGRAM))
        return missing (HOST_PLATFORM_PROGRAM, "sevlaunch", error);
    if (!is_program (EMULATOR_PROGRAM))
        return missing (EMULATOR_PROGRAM, "sevlaunch", error);
    if (qemu == NULL)
        qemu = DEFAULT_QEMU;
    if (!is_program (qemu))
        return missing (qemu, "qemu-system-x86", error);
    if (host_find_libvirt (&pid_file, &socket) != NULL)
        return TRUE;
    g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_LIBVIRT_MISSING,
                         "neither libvirtd nor virtqemud is installed (Debian: packages "
                         "libvirt-daemon and libvirt-daemon-driver-qemu)");
    return FALSE;
}
