/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/base/launcher-error.h"

G_BEGIN_DECLS

/**
 * SECTION: message
 * @short_description: what goes to stderr: progress, warnings, the one error
 *
 * Whatever comes from outside is made printable here, in one place.
 */

typedef enum {
    MESSAGE_NORMAL,
    MESSAGE_QUIET, /* no progress; warnings and errors stay */
    MESSAGE_DEBUG, /* g_debug() too; progress also when stderr is no terminal */
} MessageLevel;

/** message_init: once in a process, before the first message */
void message_init (MessageLevel level);

/**
 * message_printable:
 * Returns: (transfer full): @text fit for a terminal: valid UTF-8, '?' for what is no
 *   printable character and no line end
 */
char *message_printable (const char *text);

/** message_progress: one line a stage, with the time since the first message; only when
 * stderr is a terminal, or with %MESSAGE_DEBUG */
void message_progress (const char *format, ...) G_GNUC_PRINTF (1, 2);
/** message_info: a line that is shown unless %MESSAGE_QUIET */
void message_info (const char *format, ...) G_GNUC_PRINTF (1, 2);
/** message_warning: always shown */
void message_warning (const char *format, ...) G_GNUC_PRINTF (1, 2);
/** message_reason: "sevlaunch: error: TEXT [ID]", for one of several */
void message_reason (const char *id, const char *text);
/** message_error: "sevlaunch: error: TEXT [REASON-ID]". Returns: the exit code */
LauncherExit message_error (const GError *error);

G_END_DECLS
