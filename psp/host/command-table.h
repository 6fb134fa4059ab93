/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * SECTION: command-table
 * @short_description: what may be asked of a SEV guest's QEMU
 *
 * One table for QMP commands, one for lines of the human monitor.  What is in neither is
 * refused.
 */

/**
 * CommandClass:
 * @COMMAND_OURS: answered by the emulated platform
 * @COMMAND_PASS: handed to QEMU
 * @COMMAND_CHECK: handed to QEMU if its arguments are harmless; they may be changed
 * @COMMAND_CONT: handed to QEMU after LAUNCH_FINISH, when the guest's pages are decrypted
 * @COMMAND_STOP: handed to QEMU; its pages are encrypted before the answer is passed on
 * @COMMAND_PAUSED: handed to QEMU if the guest does not run, and so shows ciphertext
 * @COMMAND_WRAPPED: handed to QEMU between a stop and a cont of the relay's own if the
 * guest runs, and so shows ciphertext; its arguments may have to be harmless too
 * @COMMAND_HMP: the line is looked up in the second table
 * @COMMAND_REFUSED: never
 */
typedef enum {
    COMMAND_OURS,
    COMMAND_PASS,
    COMMAND_CHECK,
    COMMAND_CONT,
    COMMAND_STOP,
    COMMAND_PAUSED,
    COMMAND_WRAPPED,
    COMMAND_HMP,
    COMMAND_REFUSED,
} CommandClass;

/**
 * CommandCheck:
 * @arguments: (nullable): of the command; may be changed
 * Returns: (nullable): why the command is refused with these arguments; static storage
 */
typedef const char *(*CommandCheck) (JsonObject *arguments);

/** COMMAND_WHY_RUNNING: why a %COMMAND_PAUSED is refused while the guest runs */
#define COMMAND_WHY_RUNNING                                                                \
    "it shows guest memory, which lies in plain while the guest runs"

typedef struct {
    const char *name; /* a whole name, or a prefix that ends in '*' */
    CommandClass class;
    CommandCheck check; /* for %COMMAND_CHECK, (nullable) for %COMMAND_WRAPPED */
    const char *why;    /* for %COMMAND_REFUSED */
} CommandRow;

/** command_table_find: Returns: (nullable): the row of a QMP command */
const CommandRow *command_table_find (const char *name);

/** HmpLine: a line of the human monitor, understood */
typedef struct {
    CommandClass class; /* not %COMMAND_CHECK nor %COMMAND_HMP */
    char *name;         /* the command without its arguments, for logs */
    char *canonical;    /* (nullable): the line to hand on: words with one blank between */
    const char *why;    /* (nullable): for %COMMAND_REFUSED; static storage */
} HmpLine;

/**
 * hmp_line_parse:
 * @line: "command-line" of human-monitor-command
 *
 * QEMU's monitor has quotes, escapes and formats; lines that need those are refused, so
 * nothing depends on reading them as QEMU does.  Only "x" and "xp" may have a format, and
 * only the last word of a command that reads memory, a file's name, may stand in quotes.
 */
void hmp_line_parse (const char *line, HmpLine *out);
void hmp_line_clear (HmpLine *line);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (HmpLine, hmp_line_clear)

G_END_DECLS
