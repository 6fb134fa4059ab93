/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/flow/launch-options.h"

G_BEGIN_DECLS

/**
 * LaunchCommand: commands that go through a launch, or a part of one
 * @LAUNCH_COMMAND_HOST: courier platform and courier inject
 */
typedef enum {
    LAUNCH_COMMAND_RUN = 1 << 0,
    LAUNCH_COMMAND_ATTACH = 1 << 1,
    LAUNCH_COMMAND_PREPARE = 1 << 2,
    LAUNCH_COMMAND_JUDGE = 1 << 3,
    LAUNCH_COMMAND_HOST = 1 << 4,
} LaunchCommand;

/**
 * launch_entries:
 * @options: what the entries fill in
 * @own: the command's own entries, ends with a NULL name; they come first
 *
 * An option that means the same in several of the commands has its one row here.
 * Returns: (transfer full) (element-type GOptionEntry): for command_parse()
 */
GArray *launch_entries (LaunchOptions *options,
                        LaunchCommand command,
                        const GOptionEntry *own);

G_END_DECLS
