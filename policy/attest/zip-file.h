/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SECTION: zip-file
 * @short_description: files out of a zip archive, as AMD's sev-tool packs certificates
 *
 * Untrusted bytes.  Read are archives of one part, whose files are stored or deflated and
 * not encrypted; of everything else, zip64 included, nothing.
 *
 * Source: PKWARE's APPNOTE.TXT, 4.3 and 4.4.
 */

#define POLICY_ZIP_FILES_MAX 64u

/**
 * policy_zip_is: whether @bytes begin as an archive does
 */
gboolean policy_zip_is (GBytes *bytes);

/**
 * policy_zip_read:
 * @name: the last part of a file's name in the archive
 * @max: bytes that the file may have
 * @out: (out) (nullable): its content; %NULL if there is no file of this name
 *
 * Errors: %POLICY_ERROR_PLATFORM_FILE: no archive of the kind above, a damaged one, two
 *   files of this name, one that is larger than @max.
 */
gboolean policy_zip_read (GBytes *bytes,
                          const char *name,
                          gsize max,
                          GBytes **out,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
