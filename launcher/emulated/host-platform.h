/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/emulated/emulated-host.h"

G_BEGIN_DECLS

/**
 * host_platform_run:
 * @verb: "init" or "status"
 * @owner_key_fd: for init: of a file with an external owner's private key; or -1
 *
 * Runs sev-platform and reads its JSON, of which nothing is taken on trust.
 * Errors: %LAUNCHER_ERROR_EMULATED_HOST, %LAUNCHER_ERROR_TOOL_MISSING,
 *   %LAUNCHER_ERROR_TIMEOUT, %G_IO_ERROR_CANCELLED.
 */
EmulatedPlatform *host_platform_run (const EmulatedHost *host,
                                     const char *verb,
                                     int owner_key_fd,
                                     GCancellable *cancellable,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
