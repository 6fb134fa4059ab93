/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * HostError:
 * @HOST_ERROR_ARGV: a QEMU command line that a SEV guest may not have
 * @HOST_ERROR_CONFIG: host.conf or the host's directory is not what it must be
 * @HOST_ERROR_STATE: a file of the platform's state is damaged or of the wrong kind
 * @HOST_ERROR_IO: a system call failed
 * @HOST_ERROR_FIRMWARE: the firmware answered a command with another status than SUCCESS
 * @HOST_ERROR_GUEST: a guest cannot be launched as asked: the words are QEMU's own
 */
typedef enum {
    HOST_ERROR_ARGV,
    HOST_ERROR_CONFIG,
    HOST_ERROR_STATE,
    HOST_ERROR_IO,
    HOST_ERROR_FIRMWARE,
    HOST_ERROR_GUEST,
} HostError;

#define HOST_ERROR (host_error_quark ())
GQuark host_error_quark (void);

/** host_error_set_errno: sets %HOST_ERROR_IO: "@what: " and the text of @saved_errno */
void host_error_set_errno (GError **error, int saved_errno, const char *what, ...)
    G_GNUC_PRINTF (3, 4);

G_END_DECLS
