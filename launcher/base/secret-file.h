/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/base/launcher-error.h"
#include "sev/base/sev-guid.h"
#include "sev/base/sev-secret.h"

G_BEGIN_DECLS

/**
 * secret_file_read:
 * @path: a regular file or a pipe; "-": standard input
 * @max: most bytes that it may have; at least one
 * Errors: %LAUNCHER_ERROR_FILE.
 */
SevSecret *secret_file_read (const char *path,
                             gsize max,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * secret_key_read: a session's key, as sevlaunch, sevctl and sev-tool write it
 * @option: for messages
 * @size: bytes that it must have: %SEV_KEY_SIZE, or twice that for TEK and TIK in one file
 * Warns if others may read the file: sevctl makes such files, so it is no error.
 * Errors: %LAUNCHER_ERROR_FILE.
 */
SevSecret *secret_key_read (const char *option,
                            const char *path,
                            gsize size,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * secret_tk_read: both keys of a session from one file, TEK first, as sev-tool writes
 * tmp_tk.bin
 * Errors: %LAUNCHER_ERROR_FILE.
 */
gboolean secret_tk_read (const char *option,
                         const char *path,
                         SevSecret **tek,
                         SevSecret **tik,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * secret_argument_parse:
 * @text: "ALIAS|GUID:FILE" of --secret
 * @guid: (out caller-allocates)
 * @name: (out) (transfer full): alias or GUID as given
 * @value: (out) (transfer full): what is in the file
 * Errors: %LAUNCHER_ERROR_USAGE, %LAUNCHER_ERROR_FILE.
 */
gboolean secret_argument_parse (const char *text,
                                SevGuid *guid,
                                char **name,
                                SevSecret **value,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
