/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/cli/command.h"
#include "launcher/flow/launch-flow.h"

G_BEGIN_DECLS

/* What the commands that launch a guest share. */

void launch_options_clear (LaunchOptions *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LaunchOptions, launch_options_clear)

/**
 * launch_command_run:
 *
 * Goes through the launch on the main loop, with signals ending it, and reports how it
 * ended.
 * Returns: the exit code
 */
int launch_command_run (const LaunchOptions *options,
                        const LaunchOwner *owner,
                        const CommandCommon *common);

G_END_DECLS
