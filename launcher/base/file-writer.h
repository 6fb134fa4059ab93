/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/base/launcher-error.h"

G_BEGIN_DECLS

/**
 * FileWriter: writes one file of the caller's, also after this program dropped its
 * privileges: a small process that was forked before does it
 */
typedef struct _FileWriter FileWriter;

#define FILE_WRITER_MAX 65536u /* bytes that a file may have */

/**
 * file_writer_start:
 * @path: a regular file that is there is replaced when the file is written
 * Before privileges are dropped and before there are threads.
 * Errors: of output_file_check().
 */
FileWriter *file_writer_start (const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * file_writer_write: once
 * The file is 0600 and appears whole or not at all.  Blocks.
 * Errors: %LAUNCHER_ERROR_IO.
 */
gboolean file_writer_write (FileWriter *writer,
                            const char *text,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** file_writer_free: ends the process; what was not written is not there */
void file_writer_free (FileWriter *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FileWriter, file_writer_free)

G_END_DECLS
