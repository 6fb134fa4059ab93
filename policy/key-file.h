/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * GKeyFile, made strict: it would take the last of two equal keys, and say nothing of
 * groups and keys that nobody asks for.
 */

typedef struct {
    const char *name;
    const char *const *keys; /* NULL-terminated */
    gboolean open;           /* other keys are allowed; the caller looks at them */
    gboolean prefix;         /* @name is what the names of such groups begin with */
} PolicyKeyFileGroup;

/**
 * policy_key_file_parse:
 * @text: (array length=len): UTF-8 without NUL, at most 64 KiB
 * @groups: (array zero-terminated=1): what is allowed; every one may be missing
 *
 * Returns: (transfer full)
 * Errors: of any domain; the caller gives it a code of its own.
 */
GKeyFile *policy_key_file_parse (const char *text,
                                 gsize len,
                                 const PolicyKeyFileGroup *const *groups,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_key_file_line:
 * @text: (array length=len): what was parsed
 * @key: (nullable): %NULL: the group itself
 * Returns: the line where it stands, from 1, or 0 if it is not there
 */
guint policy_key_file_line (const char *text,
                            gsize len,
                            const char *group,
                            const char *key);

G_END_DECLS
