/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/base/launcher-error.h"

G_BEGIN_DECLS

/** RunAs: an unprivileged user who runs emulated hosts for root */
typedef struct {
    char *name;
    guint uid;
    guint gid;
    gboolean fallback; /* "nobody", because there is no user "sevlaunch" */
} RunAs;

/**
 * run_as_find:
 * @wanted: (nullable): --run-as
 * @out: (out) (transfer full) (nullable): %NULL if this process is not root's, where
 *   nothing is to be dropped
 *
 * As root: @wanted, else "sevlaunch" if there is such a user, else "nobody".
 * Errors: %LAUNCHER_ERROR_USAGE (--run-as without being root, root itself or its
 *   group, unknown user).
 */
gboolean run_as_find (const char *wanted,
                      RunAs **out,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
void run_as_free (RunAs *run_as);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (RunAs, run_as_free)

/** run_as_announce: warns if the user is only a fallback */
void run_as_announce (const RunAs *run_as);

/**
 * run_as_drop:
 * Becomes the user for good: supplementary groups of the user, group, user, and a proof
 * that there is no way back.  The process stays closed to other processes of that user
 * (PR_SET_DUMPABLE); its environment is still root's.
 * Errors: %LAUNCHER_ERROR_RUN_AS.
 */
gboolean run_as_drop (const RunAs *run_as, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** RunAsFunc: @out: as many bytes as run_as_call() was given. Errors: #LauncherError. */
typedef gboolean (*RunAsFunc) (gpointer data, guint8 *out, GError **error);

/**
 * run_as_call:
 * @run_as: (nullable): %NULL calls @func right here
 * @out: (out caller-allocates) (array length=out_len): what @func wrote
 *
 * Calls @func in a child process that became @run_as, for work on files that belong to one
 * user while this process stays another.  Call it before there are threads.
 * Errors: those of @func (their domain is #LauncherError), %LAUNCHER_ERROR_RUN_AS,
 *   %LAUNCHER_ERROR_INTERNAL if the child died.
 */
gboolean run_as_call (const RunAs *run_as,
                      RunAsFunc func,
                      gpointer data,
                      guint8 *out,
                      gsize out_len,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * run_as_call_apart: the same, always in a child process
 * @run_as: (nullable): %NULL: it stays this user's
 */
gboolean run_as_call_apart (const RunAs *run_as,
                            RunAsFunc func,
                            gpointer data,
                            guint8 *out,
                            gsize out_len,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * run_as_check_readable:
 * @paths: (array zero-terminated=1): absolute paths
 *
 * After run_as_drop(): every path can be opened by this user, else the message names the
 * path, the directory that stops it, and the command that would help.
 * Errors: %LAUNCHER_ERROR_RUN_AS_UNREADABLE, %LAUNCHER_ERROR_FILE (it is not there).
 */
gboolean run_as_check_readable (const char *const *paths,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
