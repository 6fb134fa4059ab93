/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/base/launcher-error.h"
#include "policy/attest/owner-session.h"

G_BEGIN_DECLS

/**
 * SECTION: session-keeper
 * @short_description: writes a launch's session files into the owner's --session-dir
 *
 * The directory is the owner's, and a program that dropped its privileges cannot write
 * there any more.  So a small process of the owner's is forked before; it knows two words,
 * write and undo, and ends with the program.
 */
typedef struct _SessionKeeper SessionKeeper;

/**
 * session_keeper_start:
 * @dir: 0700 and the caller's, else refused; made if it is missing
 *
 * Before privileges are dropped and before there are threads.
 * Errors: those of policy_dir_open(), %LAUNCHER_ERROR_IO.
 */
SessionKeeper *session_keeper_start (const char *dir,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * session_keeper_write:
 * @name: of the guest
 *
 * Writes, each 0600 and whole: NAME_tik.bin, NAME_tek.bin (16 bytes each), NAME_godh.b64,
 * NAME_session.b64 (base64), as sevctl-session(1) does.  Blocks.
 * Errors: %LAUNCHER_ERROR_IO; then none of the four is left.
 */
gboolean session_keeper_write (SessionKeeper *keeper,
                               const char *name,
                               const PolicySession *session,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** session_keeper_undo: removes what session_keeper_write() made */
void session_keeper_undo (SessionKeeper *keeper, const char *name);

/** session_keeper_free: ends the process; what was written stays */
void session_keeper_free (SessionKeeper *keeper);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SessionKeeper, session_keeper_free)

G_END_DECLS
