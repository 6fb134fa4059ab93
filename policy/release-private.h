/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy/release.h"

G_BEGIN_DECLS

/**
 * policy_release_load_secrets:
 * @dirfd: the release's directory
 * Errors: %POLICY_ERROR_RELEASE_SECRET, %POLICY_ERROR_OWNER_FILE_MODE,
 *   %POLICY_ERROR_OWNER_FILE_TYPE.
 */
gboolean policy_release_load_secrets (PolicyRelease *release,
                                      int dirfd,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** policy_release_wipe_secrets: those that were loaded, see sev_secret_wipe() */
void policy_release_wipe_secrets (PolicyRelease *release);

/** policy_is_uuid: 8-4-4-4-12 hexadecimal digits */
gboolean policy_is_uuid (const char *text);

G_END_DECLS
