/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "psp/host/host-dir.h"

G_BEGIN_DECLS

/**
 * qemu_version_major:
 * @host: whose QEMU
 * @out: (out): its major version
 *
 * Runs "QEMU --version" once; the answer is kept in HOST/cache/sev-qemu-version together
 * with the program's path, time and size.
 * Errors: %HOST_ERROR_IO, %HOST_ERROR_CONFIG (it says something else).
 */
gboolean qemu_version_major (const HostDir *host,
                             guint *out,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** qemu_version_parse: the major version in "QEMU emulator version 7.2.22 (Debian …)" */
gboolean qemu_version_parse (const char *text, guint *out) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
