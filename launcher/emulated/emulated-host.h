/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "launcher/base/launcher-error.h"

G_BEGIN_DECLS

/**
 * SECTION: emulated-host
 * @short_description: life of an emulated host: its directory and its private libvirt
 *
 * All functions run as the user whom the host belongs to: drop privileges first.  They
 * block.
 *
 *     DIR/host.conf       configuration (psp/host/host-dir.h)
 *     DIR/bin/            qemu-system-x86_64: a copy of sev-qemu, libvirt's emulator
 *     DIR/platform/       keys and state of the emulated platform
 *     DIR/certs/          its certificates, public
 *     DIR/rt c cache data run-time, configuration, cache, data of the private libvirt
 *     DIR/log/            what the relays said
 */
typedef struct _EmulatedHost EmulatedHost;

/* A socket's address has 107 bytes; libvirt makes the monitor's in DIR (see
 * emulated-host.c for the sum). */
#define EMULATED_HOST_PATH_MAX 42u

/**
 * emulated_host_path:
 * @option: (nullable): --emulated-host
 *
 * Returns: (transfer full): @option, else $SEVLAUNCH_EMULATED_HOST, else the user's own:
 *   ~/.sevlaunch, or /var/lib/sevlaunch/host for a user who only serves root; absolute
 * Errors: %LAUNCHER_ERROR_USAGE (too long for a socket's address, with both numbers).
 */
char *emulated_host_path (const char *option, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * emulated_host_prepare_parent:
 * @path: from emulated_host_path(), computed before privileges are dropped
 * @uid, @gid: of the user to be
 *
 * As root, before run_as_drop(): makes @path itself, 0700 and that user's, if it is
 * missing, because the user may not write where it lies.
 * Errors: %LAUNCHER_ERROR_EMULATED_HOST.
 */
gboolean emulated_host_prepare_parent (const char *path,
                                       guint uid,
                                       guint gid,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * emulated_host_ensure:
 * @path: directory
 * @created: (out) (optional): whether the host was made by this call
 *
 * Opens the host; makes it first if it is missing or empty: keys and certificates by
 * sev-platform, a copy of sev-qemu.  A copy that is older than the installed program is
 * replaced, and libvirt's cache of its capabilities dropped.
 * Errors: %LAUNCHER_ERROR_EMULATED_HOST, %LAUNCHER_ERROR_EMULATED_STATE,
 *   %LAUNCHER_ERROR_TOOL_MISSING (no sev-platform, QEMU or libvirt), %G_IO_ERROR_CANCELLED.
 */
EmulatedHost *emulated_host_ensure (const char *path,
                                    gboolean *created,
                                    GCancellable *cancellable,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** emulated_host_open: the same for a host that must exist already
 * (%LAUNCHER_ERROR_EMULATED_STATE) */
EmulatedHost *emulated_host_open (const char *path,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
void emulated_host_free (EmulatedHost *host);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (EmulatedHost, emulated_host_free)

const char *emulated_host_get_path (const EmulatedHost *host);
/** emulated_host_get_uri: "qemu+unix:///session?socket=DIR/rt/libvirt/libvirt-sock" */
const char *emulated_host_get_uri (const EmulatedHost *host);
/** emulated_host_get_emulator: DIR/bin/qemu-system-x86_64 */
const char *emulated_host_get_emulator (const EmulatedHost *host);
/** emulated_host_uses_kvm: the CPU has svm or vmx and /dev/kvm can be opened */
gboolean emulated_host_uses_kvm (const EmulatedHost *host);

/**
 * emulated_host_read_cert:
 * @name: "ark", "ask", "cek", "oca", "pek" or "pdh"
 * Returns: (transfer full): DIR/certs/NAME.cert, at most 8 KiB, as it lies there: untrusted
 * Errors: %LAUNCHER_ERROR_EMULATED_STATE.
 */
GBytes *emulated_host_read_cert (const EmulatedHost *host,
                                 const char *name,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * emulated_host_start_libvirt:
 *
 * Makes sure that the private libvirtd runs and takes connections at its socket; it ends by
 * itself after a while without clients.
 * Errors: %LAUNCHER_ERROR_LIBVIRT_MISSING, %LAUNCHER_ERROR_LIBVIRT_UNREACHABLE (with the
 *   last lines of its log), %G_IO_ERROR_CANCELLED.
 */
gboolean emulated_host_start_libvirt (EmulatedHost *host,
                                      GCancellable *cancellable,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * emulated_host_environment:
 * Returns: (transfer full): environment for programs inside of the host:
 * LIBVIRT_DEFAULT_URI, PATH, XDG_*, SEVLAUNCH_EMULATED=1, SEVLAUNCH_EMULATED_HOST, a prompt
 */
char **emulated_host_environment (const EmulatedHost *host);

G_END_DECLS
