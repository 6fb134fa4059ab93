/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SECTION: console-text
 * @short_description: what a guest says of itself on its serial console
 *
 * Pure.  The lines are those of ovmf-hooks/console-lines.h.  The console belongs to the
 * host, which can print them itself or swallow them: they explain, they prove nothing.
 */

typedef enum {
    CONSOLE_NOTHING,
    CONSOLE_UNLOCKED,         /* the guest opened its disk */
    CONSOLE_GUEST_REFUSED,    /* the guest refused its disk, and powers off */
    CONSOLE_FIRMWARE_REFUSED, /* the firmware refused to boot, and powers off */
} ConsoleSaid;

typedef struct _ConsoleText ConsoleText;

#define CONSOLE_TEXT_LINE_MAX 400u
#define CONSOLE_TEXT_KEEP 12u /* lines for a message when nothing else explains */

ConsoleText *console_text_new (void);
void console_text_free (ConsoleText *text);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ConsoleText, console_text_free)

/**
 * console_text_push:
 * @data: (array length=len): untrusted bytes; control sequences of terminals are dropped
 * Returns: the first of the lines above that was seen so far
 */
ConsoleSaid console_text_push (ConsoleText *text, const void *data, gsize len);

ConsoleSaid console_text_get_said (const ConsoleText *text);
/** console_text_get_id: (nullable): the id of a refusal, "header-mismatch" */
const char *console_text_get_id (const ConsoleText *text);
/** console_text_get_line: (nullable): the whole line, printable */
const char *console_text_get_line (const ConsoleText *text);
/** console_text_dup_last: Returns: (transfer full): the last lines, printable, each with a
 * line end; "" if there was nothing */
char *console_text_dup_last (const ConsoleText *text);

G_END_DECLS
