/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/emulated/emulated-host.h"

G_BEGIN_DECLS

/* What the files of this folder share. */

#define HOST_CONF "host.conf"
#define HOST_LOCK "lock"
#define HOST_GONE ".destroyed" /* the platform of a host that is being destroyed */
#define HOST_OWNER_PENDING ".owner-pending" /* an external owner has yet to sign */
#define HOST_EMULATOR "bin/qemu-system-x86_64"
#define HOST_LIBVIRT_LOG "log/libvirtd.log"
#define HOST_DEVICE_LOG "log/sev-device.log"
#define HOST_PLATFORM_PROGRAM PKGLIBEXECDIR "/sev-platform"
#define HOST_SHIM PKGLIBDIR "/sev-shim.so"
#define HOST_DEVICE_PID "rt/sev-device.pid"

struct _EmulatedHost {
    char *path;
    int fd;               /* of the directory */
    char *qemu;           /* the real QEMU, from host.conf */
    const char *daemon;   /* (nullable): path of libvirtd or virtqemud */
    const char *pid_file; /* of the daemon, in the directory */
    char *socket;
    char *uri;
    char *emulator;
    int connection; /* keeps the daemon from ending for lack of clients; or -1 */
    int device;     /* the same for the service behind /dev/sev; or -1 */
};

/** host_set_errno: "WHAT: TEXT OF ERRNO". Returns: %FALSE. */
gboolean host_set_errno (GError **error, int saved_errno, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

/**
 * host_dir_open_checked:
 * Returns: a descriptor of the directory, 0700 and this user's, no link; -1: @error, which
 *   is %G_FILE_ERROR_NOENT of %G_FILE_ERROR if there is nothing
 */
int host_dir_open_checked (const char *path, GError **error);

/**
 * host_dir_is_host:
 * @is_host: (out): whether host.conf is there; without it the directory must be empty but
 *   for what a creation that was interrupted leaves
 * Errors: %LAUNCHER_ERROR_EMULATED_STATE (something else lives there).
 */
gboolean host_dir_is_host (int dir, const char *path, gboolean *is_host, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/** host_new: takes @dir over; reads host.conf if it is there. Errors:
 * %LAUNCHER_ERROR_EMULATED_HOST. */
EmulatedHost *host_new (const char *path,
                        int dir,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * host_lock:
 * Waits for the lock under which a host is made, its libvirt started, and destroyed.
 * Returns: descriptor that holds it; -1: @error, which is %G_FILE_ERROR_NOENT if the
 *   directory was removed meanwhile
 */
int host_lock (int dir, const char *path, GCancellable *cancellable, GError **error);

/** host_dir_is_complete: every piece is there, and nobody is to sign */
gboolean host_dir_is_complete (int dir);

/** host_find_libvirt: (nullable): path of the daemon; @pid_file, @socket: where it makes
 * them, in the host's directory */
const char *host_find_libvirt (const char **pid_file, const char **socket);
/** host_check_tools: what must be installed. Errors: %LAUNCHER_ERROR_TOOL_MISSING,
 * %LAUNCHER_ERROR_LIBVIRT_MISSING. */
gboolean host_check_tools (const char *qemu, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** host_start_libvirt_locked: emulated_host_start_libvirt() for who holds the lock */
gboolean host_start_libvirt_locked (EmulatedHost *host,
                                    GCancellable *cancellable,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** host_log_open: Returns: descriptor of a log in the host's directory, emptied if it has
 * grown large; -1. @start: (out): where new lines begin. Errors: %LAUNCHER_ERROR_IO. */
int host_log_open (EmulatedHost *host, const char *name, off_t *start, GError **error);
/** host_log_tail: Returns: (transfer full): the last lines that came after @start,
 * printable */
char *host_log_tail (int log_fd, off_t start);
/** host_process_ended: waits a moment for the end of a process */
gboolean host_process_ended (int pidfd);

/**
 * host_daemon_spawn:
 * @argv, @env: (array zero-terminated=1)
 * @log_fd: becomes stdout and stderr
 *
 * Starts a process in a session of its own that is no child of this one, with stdin from
 * /dev/null and no other descriptors.
 * Returns: its pidfd, or -1 (%LAUNCHER_ERROR_LIBVIRT_UNREACHABLE)
 */
int host_daemon_spawn (const char *const *argv,
                       const char *const *env,
                       int log_fd,
                       GError **error);

/** host_daemon_environment: (transfer full): all that the private libvirt gets */
char **host_daemon_environment (const EmulatedHost *host);

/** host_pid_file_holder: Returns: the process that holds the lock of a pid file; 0: none.
 * libvirt's daemons and the guests' QEMU hold theirs as long as they live. */
int host_pid_file_holder (int dir, const char *name);

/** host_end_holder: ends the holder of @pid_file, by force after @grace_ms; nothing if
 * there is none. Errors: %LAUNCHER_ERROR_EMULATED_STATE. */
gboolean host_end_holder (const EmulatedHost *host,
                          const char *pid_file,
                          guint grace_ms,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** host_end_probes: ends the QEMU that a libvirt was asking for its capabilities when it
 * was killed. Errors: as above. */
gboolean host_end_probes (const EmulatedHost *host,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** host_stamp_state: Returns: (transfer full) (nullable): what can be seen from outside of
 * the platform's state; %NULL if it is not complete */
char *host_stamp_state (const EmulatedHost *host);
/** host_stamp_holds: @state: (nullable): of host_stamp_state(). Returns: whether
 * sev-platform has seen it, and what it made is still there */
gboolean host_stamp_holds (const EmulatedHost *host, const char *state);
/**
 * host_stamp_renew: @before: (nullable): the state before sev-platform was run; if it is
 *   still the same, host_stamp_holds() from now on
 * Errors: %LAUNCHER_ERROR_IO.
 */
gboolean host_stamp_renew (const EmulatedHost *host,
                           const char *before,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** host_file_read: Returns: (transfer full): a regular file of this user's, of at most
 * @max bytes. Errors: %LAUNCHER_ERROR_EMULATED_STATE. */
GBytes *host_file_read (int dir, const char *name, gsize max, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/** host_file_replace: a reader sees the old or the new file, also after a crash. Errors:
 * %LAUNCHER_ERROR_IO. */
gboolean host_file_replace (int dir,
                            const char *name,
                            const void *data,
                            gsize len,
                            guint mode,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** host_tree_remove: a file, or a directory with all that is in it; no link is followed;
 * no error if it is not there. Errors: %LAUNCHER_ERROR_IO. */
gboolean host_tree_remove (int dir,
                           const char *name,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
