/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "psp/host/host-dir.h"

G_BEGIN_DECLS

/**
 * sev_service_run:
 *
 * Answers the /dev/sev shims of a host (sev-device-wire.h) until nobody is connected any
 * more; whoever starts programs with the shim keeps a connection for them.  Without a
 * first one it ends after a while.  HOST/rt/sev-device.pid is locked meanwhile, and holds
 * the process id.  Only processes of this user are answered.
 *
 * Errors: %HOST_ERROR_IO, %HOST_ERROR_STATE (there is a service already).
 */
gboolean sev_service_run (const HostDir *host, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
