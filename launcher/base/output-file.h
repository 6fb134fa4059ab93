/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/base/launcher-error.h"

G_BEGIN_DECLS

/**
 * SECTION: output-file
 * @short_description: files that a command line names as its output
 *
 * A file appears whole or not at all, and takes the place of nothing but a regular file:
 * not of a link, a device, a pipe or a socket.
 */

typedef enum {
    OUTPUT_FILE_PRIVATE = 0,     /* 0600 */
    OUTPUT_FILE_PUBLIC = 1 << 0, /* 0644 */
    /* No secret is in it, so it may also be read by another program: into a pipe or a
     * character device it is written as it comes, and "-", /dev/stdout and /dev/fd/N are
     * the caller's descriptors, whatever they lead to. */
    OUTPUT_FILE_PIPE = 1 << 1,
} OutputFileFlags;

/**
 * output_file_write:
 * @data: (array length=len)
 * Blocks, for a pipe until somebody reads.
 * Errors: %POLICY_ERROR_OUTPUT_TYPE, %LAUNCHER_ERROR_IO.
 */
gboolean output_file_write (const char *path,
                            const void *data,
                            gsize len,
                            OutputFileFlags flags,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** output_file_is_stdout: whether @path is standard output for %OUTPUT_FILE_PIPE */
gboolean output_file_is_stdout (const char *path);

/**
 * output_file_check:
 * Before work whose result would be lost: whether a file could be written there.
 * Errors: as of output_file_write().
 */
gboolean output_file_check (const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** output_file_is_same: whether both are one file, in whatever spelling, also when it is
 * not there yet */
gboolean output_file_is_same (const char *a, const char *b);

G_END_DECLS
