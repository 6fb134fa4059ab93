/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * bounded_file_read:
 * @max: most bytes; a larger file is an error
 *
 * Reads a regular file, or one of /proc or /sys, whose size is not known before.  Never
 * waits: a FIFO or device is an error.
 * Errors: %LAUNCHER_ERROR_FILE.
 * Returns: (transfer full) (nullable): its bytes
 */
GBytes *bounded_file_read (const char *path,
                           gsize max,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * bounded_file_text:
 * Returns: (transfer full) (nullable): at most the first @max bytes of the file up to a
 *   NUL, without white space at the end; %NULL if it cannot be read
 */
char *bounded_file_text (const char *path, gsize max);

G_END_DECLS
