/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy/attest/owner-session.h"

G_BEGIN_DECLS

/**
 * SECTION: session-files
 * @short_description: a session as four files, named as sevctl names them
 *
 * NAME_tik.bin, NAME_tek.bin (16 bytes each, secret), NAME_godh.b64, NAME_session.b64
 * (base64, one line without its end); each 0600.
 */

/** PolicySessionFiles: what goes into them; borrowed */
typedef struct {
    const guint8 *tik; /* 16 bytes */
    const guint8 *tek; /* 16 bytes */
    const char *godh;  /* base64 */
    const char *blob;  /* base64 */
} PolicySessionFiles;

/**
 * policy_session_files_write:
 * @dirfd: of policy_dir_open()
 * @name: a plain name, see policy_name_is_plain()
 * @replace: files of this name are replaced; else they are an error
 *
 * All of them or none.
 * Errors: %POLICY_ERROR_OWNER_EXISTS, %POLICY_ERROR_IO.
 */
gboolean policy_session_files_write (int dirfd,
                                     const char *name,
                                     const PolicySessionFiles *files,
                                     gboolean replace,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** policy_session_files_remove: what is missing is no error */
void policy_session_files_remove (int dirfd, const char *name);

G_END_DECLS
