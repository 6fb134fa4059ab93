/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "psp/fw/psp-device.h"

G_BEGIN_DECLS

/**
 * SECTION: host-dir
 * @short_description: the directory of an emulated host
 *
 * Everything that a program of psp/host knows about its surroundings comes from here, never
 * from the environment: libvirt cleans that.
 */

#define HOST_DEFAULT_QEMU "/usr/bin/qemu-system-x86_64"

/** HostDir: an open directory and what its host.conf says */
typedef struct {
    char *path;
    int fd;
    char *qemu;       /* the real QEMU, an absolute path */
    PspConfig config; /* API, build, SEV-ES */
    PspGeneration generation;
    gboolean amd_key_id; /* of the root of a chip that is made (psp-chip.h) */
} HostDir;

#define HOST_MAX_ASIDS 10000u

/**
 * host_dir_from_program:
 *
 * Returns: (transfer full): the directory above the one that this program's file lies in
 *   (HOST/bin/qemu-system-x86_64), links followed
 * Errors: %HOST_ERROR_IO.
 */
char *host_dir_from_program (GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * host_dir_open:
 * @path: must be a directory of mode 0700 that belongs to this process's user
 *
 * Reads HOST/host.conf; without the file the defaults hold:
 *
 *     [host]      format=1
 *     [emulator]  qemu=/usr/bin/qemu-system-x86_64
 *     [platform]  api=1.55  build=21  generation=milan  es=true
 *                 asids=410 (for guests without SEV-ES)  amd-key-id=false
 *
 * Errors: %HOST_ERROR_CONFIG, %HOST_ERROR_IO.
 * Returns: (transfer full)
 */
HostDir *host_dir_open (const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void host_dir_free (HostDir *host);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HostDir, host_dir_free)

/**
 * host_dir_open_sub:
 * @name: of a directory in @host
 *
 * Makes it with mode 0700 if it is missing.
 * Returns: a descriptor of the directory, or -1; errors: %HOST_ERROR_IO
 */
int host_dir_open_sub (const HostDir *host, const char *name, GError **error);

/**
 * host_conf_parse:
 * @text: (array length=len): contents of a host.conf
 * @host: (inout): @qemu, @config and @generation are set from it
 *
 * Groups and keys that are not known are refused.
 * Errors: %HOST_ERROR_CONFIG.
 */
gboolean host_conf_parse (const char *text, gsize len, HostDir *host, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
