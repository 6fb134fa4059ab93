/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "psp/host/relay.h"

G_BEGIN_DECLS

/**
 * session_run:
 * @client: connected socket, taken over
 * @qemu: connected socket, taken over
 *
 * Returns: when one side is gone
 */
void session_run (Relay *relay, int client, int qemu);

G_END_DECLS
