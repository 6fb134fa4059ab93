/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "launcher/image/image-error.h"

G_BEGIN_DECLS

/**
 * SECTION: image-tool
 * @short_description: runs programs on hostile data, with limits
 *
 * The tool gets PATH, TMPDIR and nothing else of the environment, no stdin, no core
 * files, a limit on memory, processor time and file size; it dies with the thread that
 * started it.
 */

/**
 * ImageTool:
 * @argv: (array zero-terminated=1): program, found in PATH, and its arguments
 * @fd: given to the tool as descriptor 3 ("/dev/fd/3"); -1: none
 * @max_output: most bytes of standard output taken; more is an error
 * @max_file: largest file that it may write, in bytes
 * @timeout_ms: milliseconds that it may run
 */
typedef struct {
    const char *const *argv;
    int fd;
    gsize max_output;
    guint64 max_file;
    guint timeout_ms;
} ImageTool;

/**
 * ImageToolResult:
 * @exit_status: 0 to 255
 * @output: standard output
 * @complaint: printable first line of standard error, may be ""
 */
typedef struct {
    int exit_status;
    GBytes *output;
    char *complaint;
} ImageToolResult;

void image_tool_result_clear (ImageToolResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ImageToolResult, image_tool_result_clear)

/**
 * image_tool_run:
 * @tool: what to run
 * @cancellable: (nullable): kills it
 * @result: (out caller-allocates): filled on success
 * @error: return location for a #GError, or %NULL
 *
 * Blocks.  An exit status other than 0 is a success here.
 *
 * Errors: %IMAGE_ERROR_TOOL (not found, killed by a signal), %IMAGE_ERROR_TIMEOUT,
 * %IMAGE_ERROR_BROKEN (more output than allowed), %G_IO_ERROR_CANCELLED.
 *
 * Returns: %TRUE if it ran to its end
 */
gboolean image_tool_run (const ImageTool *tool,
                         GCancellable *cancellable,
                         ImageToolResult *result,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * image_tool_limit_process:
 * @max_file: as in #ImageTool
 *
 * For a tool that is started in another way, between fork and exec: the limits above.
 * Async-signal-safe.
 *
 * Returns: %FALSE if one could not be set
 */
gboolean image_tool_limit_process (guint64 max_file) G_GNUC_WARN_UNUSED_RESULT;

/** image_tool_environment: Returns: (transfer full): what a tool gets as environment */
GStrv image_tool_environment (void);

G_END_DECLS
