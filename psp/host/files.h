/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sev/base/sev-secret.h"

G_BEGIN_DECLS

/**
 * files_read:
 * @dirfd: directory
 * @name: of a regular file in it that belongs to this user and that nobody else may write
 * @max: largest size accepted, in bytes
 * @out: (out) (nullable) (transfer full): the contents; %NULL if there is no such file
 *
 * Errors: %HOST_ERROR_IO, %HOST_ERROR_STATE (another owner, kind, mode, or too large).
 */
gboolean files_read (int dirfd, const char *name, gsize max, GBytes **out, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/** files_read_secret: the same into wiped memory; the file must be 0600 or stricter */
gboolean files_read_secret (int dirfd,
                            const char *name,
                            gsize max,
                            SevSecret **out,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * files_replace:
 * @mode: of the new file
 *
 * Makes @data the contents of @name: a reader sees the old or the new file and never a
 * part, also after a crash at any moment.  When it returns, the new file is on the disk.
 * Two writers of one name must hold a lock.
 * Errors: %HOST_ERROR_IO.
 */
gboolean files_replace (int dirfd,
                        const char *name,
                        const void *data,
                        gsize len,
                        guint mode,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** files_remove: no error if it is not there. Errors: %HOST_ERROR_IO. */
gboolean files_remove (int dirfd,
                       const char *name,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
