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
 *     DIR/log/            what libvirt and the relays said
 *     DIR/lock            held while the host is made, its libvirt started, or destroyed
 */
typedef struct _EmulatedHost EmulatedHost;

/* A socket's address has 107 bytes; libvirt makes the monitor's in DIR (see host-path.c
 * for the sum). */
#define EMULATED_HOST_PATH_MAX 42u

/**
 * emulated_host_path:
 * @option: (nullable): --emulated-host
 *
 * Returns: (transfer full): @option, else $SEVLAUNCH_EMULATED_HOST, else the user's own:
 *   ~/.sevlaunch, or /var/lib/sevlaunch/host for a user who only serves root; absolute
 * Errors: %LAUNCHER_ERROR_USAGE (too long for a socket's address, with both numbers; a
 *   colon, which PATH does not allow).
 */
char *emulated_host_path (const char *option, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * emulated_host_prepare_parent:
 * @path: from emulated_host_path(), computed before privileges are dropped
 * @uid, @gid: of the user to be
 *
 * As root, before run_as_drop(): makes @path itself, 0700 and that user's, if it is
 * missing, because the user may not write where it lies; of its parents only
 * /var/lib/sevlaunch.  An existing directory changes hands only if it is root's, 0700 and
 * empty; nothing is said about any other.
 * Errors: %LAUNCHER_ERROR_EMULATED_HOST, and if @path is missing also
 *   %LAUNCHER_ERROR_TOOL_MISSING, %LAUNCHER_ERROR_LIBVIRT_MISSING.
 */
gboolean emulated_host_prepare_parent (const char *path,
                                       guint uid,
                                       guint gid,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** emulated_host_remove_parent: its inverse, after emulated_host_destroy() in a process of
 * the user's; removes empty directories only */
void emulated_host_remove_parent (const char *path);

/** emulated_host_check_installed: Errors: %LAUNCHER_ERROR_TOOL_MISSING (emulator or QEMU),
 * %LAUNCHER_ERROR_LIBVIRT_MISSING. */
gboolean emulated_host_check_installed (GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** EmulatedHostKind: which platform a new host has; NULL and -1: the default */
typedef struct {
    const char *generation; /* (nullable): "naples", "rome", "milan" */
    const char *api;        /* (nullable): version of the firmware's API, "0.24" */
    int build;              /* of the firmware, 0 to 255; -1 */
    const char *es;         /* (nullable): "on", "off": SEV-ES */
    int asids;              /* for guests without SEV-ES, 1 to 10000; -1 */
    gboolean amd_key_id;    /* the root's key id begins as AMD's (psp/fw/psp-chip.h) */
    int owner_key_fd;       /* of the external owner's private key; -1: it owns itself */
} EmulatedHostKind;
/** emulated_host_kind_init: all defaults */
void emulated_host_kind_init (EmulatedHostKind *kind);

/** emulated_host_kind_check: Errors: %LAUNCHER_ERROR_USAGE. */
gboolean emulated_host_kind_check (const EmulatedHostKind *kind,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * emulated_host_ensure:
 * @path: directory
 * @kind: (nullable): of a host that this call makes; without effect on one that is there
 * @created: (out) (optional): whether the host was made by this call
 *
 * Opens the host; makes it first if it is missing or empty: keys and certificates by
 * sev-platform, a copy of sev-qemu.  A copy that differs from the installed program is
 * replaced, and libvirt's cache of capabilities dropped, as it is when the platform has
 * another PDH.  What an interrupted call left is completed.  Several processes may call
 * this at once; one of them makes the host.
 * Errors: %LAUNCHER_ERROR_EMULATED_HOST (wrong mode or owner, sev-platform failed),
 *   %LAUNCHER_ERROR_EMULATED_STATE (not empty and not a host; an interrupted call was to
 *   give it an external owner, and this one has no key),
 *   %LAUNCHER_ERROR_TOOL_MISSING (no sev-platform or QEMU),
 *   %LAUNCHER_ERROR_LIBVIRT_MISSING, %LAUNCHER_ERROR_IO, %LAUNCHER_ERROR_TIMEOUT,
 *   %G_IO_ERROR_CANCELLED.
 */
EmulatedHost *emulated_host_ensure (const char *path,
                                    const EmulatedHostKind *kind,
                                    gboolean *created,
                                    GCancellable *cancellable,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** emulated_host_open: a host that must exist and be complete already
 * (%LAUNCHER_ERROR_EMULATED_STATE); changes nothing */
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
 * Makes sure that the private libvirtd (or virtqemud, where there is no libvirtd) runs and
 * takes connections at its socket.  It ends by itself after a while without clients; @host
 * is one until emulated_host_free().  It is no child of this process, and its guests
 * outlive it.
 * Errors: %LAUNCHER_ERROR_IO, %LAUNCHER_ERROR_LIBVIRT_MISSING,
 * %LAUNCHER_ERROR_LIBVIRT_UNREACHABLE (with the last lines of its log),
 * %G_IO_ERROR_CANCELLED.
 */
gboolean emulated_host_start_libvirt (EmulatedHost *host,
                                      GCancellable *cancellable,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * emulated_host_start_device:
 *
 * Makes sure that the service behind the host's /dev/sev runs.  It ends by itself when
 * nobody is connected; @host is until emulated_host_free().
 * Errors: %LAUNCHER_ERROR_TOOL_MISSING (the shim is not installed), %LAUNCHER_ERROR_IO,
 *   %LAUNCHER_ERROR_EMULATED_HOST (with what it said), %LAUNCHER_ERROR_EMULATED_STATE,
 *   %G_IO_ERROR_CANCELLED.
 */
gboolean emulated_host_start_device (EmulatedHost *host,
                                     GCancellable *cancellable,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** emulated_host_keep: after emulated_host_start_libvirt() and _device(): programs that
 * this process becomes inherit the connections that keep them from ending */
gboolean emulated_host_keep (EmulatedHost *host) G_GNUC_WARN_UNUSED_RESULT;
/** emulated_host_libvirt_pid: the running private libvirt; 0: none */
int emulated_host_libvirt_pid (const EmulatedHost *host);

/** EmulatedGuest: @pid: of its QEMU */
typedef struct {
    char *name;
    int pid;
    char *pid_file; /* in the host's directory; QEMU holds its lock */
} EmulatedGuest;

/** emulated_host_guests: Returns: (transfer full) (element-type EmulatedGuest): guests
 * whose QEMU runs, by name; found without libvirt */
GPtrArray *emulated_host_guests (const EmulatedHost *host);

/** EmulatedPlatform: what sev-platform says of the platform; digests are 64 digits */
typedef struct {
    guint api_major;
    guint api_minor;
    guint build;
    guint guest_count;
    char *state; /* "uninit", "init", "working" */
    char *owner; /* "self", "external" */
    char *generation;
    gboolean es;
    gboolean identity_replaced; /* its state was damaged and made anew */
    char *ark_sha256;           /* fingerprint of its root, see policy/roots.h */
    char *pdh_sha256;
} EmulatedPlatform;

/** emulated_host_platform: Errors: %LAUNCHER_ERROR_EMULATED_HOST, %LAUNCHER_ERROR_TIMEOUT.
 */
EmulatedPlatform *emulated_host_platform (const EmulatedHost *host,
                                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
void emulated_platform_free (EmulatedPlatform *platform);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (EmulatedPlatform, emulated_platform_free)

/**
 * emulated_host_destroy:
 * @force: guests that run are ended
 *
 * Ends the private libvirt and removes the directory, complete or not.  The empty directory
 * itself stays if its parent is not this user's; see emulated_host_remove_parent().
 * Errors: %LAUNCHER_ERROR_EMULATED_STATE (guests run, no host, something else),
 *   %LAUNCHER_ERROR_EMULATED_HOST, %LAUNCHER_ERROR_IO, %LAUNCHER_ERROR_TIMEOUT.
 */
gboolean emulated_host_destroy (const char *path,
                                gboolean force,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * emulated_host_environment:
 * Returns: (transfer full): environment for programs inside of the host:
 * LIBVIRT_DEFAULT_URI, PATH, XDG_*, SEVLAUNCH_EMULATED=1, SEVLAUNCH_EMULATED_HOST, a
 * prompt; after emulated_host_start_device() also LD_PRELOAD and SEVLAUNCH_SEV_DEVICE for
 * the /dev/sev shim (psp/host/sev-device-wire.h); HOME, USER and LOGNAME too where HOME is
 * not a directory of this user's
 */
char **emulated_host_environment (const EmulatedHost *host);

G_END_DECLS
