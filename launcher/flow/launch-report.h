/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include "launcher/flow/launch-flow.h"

G_BEGIN_DECLS

/**
 * launch_report_json:
 * @error: (nullable): how the launch ended
 *
 * Returns: (transfer full): schema "sevlaunch.launch/1"; members whose step was not reached
 *   are null.  No secret and no hash of one is in it.
 */
JsonObject *launch_report_json (const LaunchOptions *options,
                                const LaunchOwner *owner,
                                const LaunchResult *result,
                                const GError *error);

/** launch_report_words: the same on stdout for people, after a verified launch */
void launch_report_words (const LaunchOptions *options,
                          const LaunchOwner *owner,
                          const LaunchResult *result);

/** launch_report_courier: likewise after a step of a courier */
void launch_report_courier (const LaunchOptions *options,
                            const LaunchOwner *owner,
                            const LaunchResult *result);

/** launch_report_refusal: every reason of a refused verdict on stderr.
 * Returns: %FALSE if there is none, so that the error itself is to be said */
gboolean launch_report_refusal (const LaunchResult *result);

G_END_DECLS
