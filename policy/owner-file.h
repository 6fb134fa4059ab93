/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <sys/types.h>

#include "policy/policy-error.h"
#include "sev/base/sev-secret.h"

G_BEGIN_DECLS

/**
 * SECTION: owner-file
 * @short_description: how files of the owner's directory are opened, read and written
 *
 * A file there is regular, the caller's and no link; nothing is opened before that is
 * certain, and what is read is what was checked, because both go by one descriptor.
 */

typedef enum {
    POLICY_FILE_PUBLIC = 0,
    POLICY_FILE_SECRET = 1 << 0,   /* nobody but its owner may have any right to it */
    POLICY_FILE_OPTIONAL = 1 << 1, /* that it is missing is no error */
} PolicyFileFlags;

/**
 * policy_file_read:
 * @dirfd: where @name is; @name has no slash
 * @max: most bytes that it may have
 * @out: (out) (transfer full) (nullable): %NULL if missing and optional
 * Errors: %POLICY_ERROR_OWNER_MISSING, %POLICY_ERROR_OWNER_FILE_TYPE,
 *   %POLICY_ERROR_OWNER_FILE_MODE, %POLICY_ERROR_OWNER_FILE_SIZE, %POLICY_ERROR_IO.
 */
gboolean policy_file_read (int dirfd,
                           const char *name,
                           gsize max,
                           PolicyFileFlags flags,
                           GBytes **out,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_file_read_any:
 * @path: a public file that may lie anywhere and be anybody's; links are followed, a pipe
 * is read to its end Errors: %POLICY_ERROR_OWNER_MISSING (ENOENT),
 * %POLICY_ERROR_OWNER_FILE_SIZE (more than
 *   @max bytes), %POLICY_ERROR_IO.
 */
GBytes *policy_file_read_any (const char *path,
                              gsize max,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_file_read_found:
 * @path: a public file that was found in a folder of anybody's: what is no regular file
 * is not read, and a FIFO not waited for
 * Errors: those of policy_file_read_any(), %POLICY_ERROR_OWNER_FILE_TYPE.
 */
GBytes *policy_file_read_found (const char *path,
                                gsize max,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** policy_file_read_secret: the same as policy_file_read() into secret memory; at least one
 * byte */
SevSecret *policy_file_read_secret (int dirfd, const char *name, gsize max, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_file_check_place:
 * Whether a new file may take the place of what is called @name: nothing or a regular
 * file, never a link, device, pipe, socket or directory.
 *
 * renameat(2) cannot ask for that itself: who may write the directory can put something
 * else there between this look and the renaming.  It is his then that goes.
 * Errors: %POLICY_ERROR_OUTPUT_TYPE, %POLICY_ERROR_IO.
 */
gboolean policy_file_check_place (int dirfd,
                                  const char *name,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_file_write:
 * @data: (array length=len)
 * @replace: a regular file that is there is replaced; else it is an error
 * Writes 0600: the file appears whole or not at all, and survives a power cut.
 * Errors: %POLICY_ERROR_OWNER_EXISTS, %POLICY_ERROR_OUTPUT_TYPE
 * (policy_file_check_place()), %POLICY_ERROR_IO.
 */
gboolean policy_file_write (int dirfd,
                            const char *name,
                            const void *data,
                            gsize len,
                            gboolean replace,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** policy_file_write_mode: the same with another @mode, from which umask takes */
gboolean policy_file_write_mode (int dirfd,
                                 const char *name,
                                 const void *data,
                                 gsize len,
                                 guint mode,
                                 gboolean replace,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_file_overwrite:
 * @fd: of a regular file of @size bytes, open for writing
 * @name: for messages
 * Writes zeroes over what is in it, and waits for the disk.  File systems that copy on
 * write, and SSDs, may keep the old bytes all the same.
 * Errors: %POLICY_ERROR_IO.
 */
gboolean policy_file_overwrite (int fd, off_t size, const char *name, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/**
 * policy_file_erase:
 * Overwrites a file of the caller's and removes it; only removes what cannot be
 * overwritten.
 * Errors: %POLICY_ERROR_IO: it is still there.
 */
gboolean policy_file_erase (int dirfd,
                            const char *name,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_dir_open:
 * @path: followed through links
 * @resolved: (out) (optional): its path without links
 * Returns: a descriptor of a directory that is the caller's and 0700, or -1
 * Errors: %POLICY_ERROR_OWNER_MISSING, %POLICY_ERROR_OWNER_DIR_MODE,
 *   %POLICY_ERROR_OWNER_DIR_OWNER, %POLICY_ERROR_IO.
 */
int policy_dir_open (const char *path, char **resolved, GError **error);
/** policy_dir_open_as: the same for another directory; @what: "owner directory", for
 * messages */
int policy_dir_open_as (const char *what,
                        const char *path,
                        char **resolved,
                        GError **error);
/** policy_dir_open_at: the same beneath @dirfd and no link; -1 without error if optional */
int policy_dir_open_at (int dirfd, const char *name, gboolean optional, GError **error);
/** policy_dir_make_at: makes it 0700 if it is missing, then policy_dir_open_at() */
int policy_dir_make_at (int dirfd, const char *name, GError **error);

/** policy_name_is_plain: letters, digits and "._+-", not starting with a dot, 1..128 */
gboolean policy_name_is_plain (const char *name);

/**
 * policy_suggest: the known word nearest to @word, if one is near
 * @known: (array zero-terminated=1)
 * Returns: (nullable): an element of @known
 */
const char *policy_suggest (const char *word, const char *const *known);

G_END_DECLS
