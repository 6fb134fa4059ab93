/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/base/run-as.h"

G_BEGIN_DECLS

/**
 * image_peek_luks_uuid:
 * @path: absolute path of an image, untrusted
 * @format: (nullable): as image_info_open()
 * @backing: (nullable) (array zero-terminated=1): as image_info_open()
 * @run_as: (nullable): the user who is to do it
 * @uuid: (out) (transfer full) (nullable): of its one encrypted partition, 36 characters;
 *   %NULL if it has none that can be read
 *
 * For finding the release before privileges are dropped: the image is hostile, so it is
 * read by a forked process that has dropped them already.
 * Errors: %IMAGE_ERROR for an image that cannot be used at all, %LAUNCHER_ERROR.
 */
gboolean image_peek_luks_uuid (const char *path,
                               const char *format,
                               const char *const *backing,
                               const RunAs *run_as,
                               char **uuid,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
