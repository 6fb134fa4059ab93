/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "psp/host/host-dir.h"

G_BEGIN_DECLS

/**
 * monitor_socket_private:
 * @listen_fd: (out): listening socket for QEMU to inherit; close-on-exec
 * @path_fd: (out): O_PATH descriptor through which alone it can be connected to
 *
 * The socket is made in HOST/rt and its name is removed at once: nobody else can connect,
 * and nothing is left behind by a kill.
 * Errors: %HOST_ERROR_IO.
 */
gboolean monitor_socket_private (const HostDir *host,
                                 int *listen_fd,
                                 int *path_fd,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** monitor_socket_listen: Returns: a listening socket at @path, close-on-exec, or -1 */
int monitor_socket_listen (const char *path, GError **error);

G_END_DECLS
