/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/flow/launch-owner.h"

G_BEGIN_DECLS

/**
 * launch_place_choose:
 * @owner: (inout): place, uri, emulated_path, run_as and what was wanted are set
 *
 * "auto" takes this machine's SEV where it has any, and never emulates where the hardware
 * has SEV that cannot be used; only without SEV hardware it takes the emulated host, with a
 * warning.
 * Errors: %LAUNCHER_ERROR_USAGE, %LAUNCHER_ERROR_SEV_UNUSABLE, %LAUNCHER_ERROR_NO_SEV.
 */
gboolean launch_place_choose (const LaunchOptions *options,
                              LaunchOwner *owner,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
