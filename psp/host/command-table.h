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
 * @COMMAND_CONT: handed to QEMU after LAUNCH_FINISH
 * @COMMAND_HMP: the line is looked up in the second table
 * @COMMAND_WRAPPED: stops or copies the guest; refused until the relay can wrap it into an
 *   encrypted form of its own
 * @COMMAND_REFUSED: never
 */
typedef enum {
    COMMAND_OURS,
    COMMAND_PASS,
    COMMAND_CHECK,
    COMMAND_CONT,
    COMMAND_HMP,
    COMMAND_WRAPPED,
    COMMAND_REFUSED,
} CommandClass;

/**
 * CommandCheck:
 * @arguments: (nullable): of the command; may be changed
 * Returns: (nullable): why the command is refused with these arguments; static storage
 */
typedef const char *(*CommandCheck) (JsonObject *arguments);

typedef struct {
    const char *name; /* a whole name, or a prefix that ends in '*' */
    CommandClass class;
    CommandCheck check; /* for %COMMAND_CHECK */
    const char *why;    /* for %COMMAND_WRAPPED and %COMMAND_REFUSED */
} CommandRow;

/** command_table_find: Returns: (nullable): the row of a QMP command */
const CommandRow *command_table_find (const char *name);

/** HmpLine: a line of the human monitor, understood */
typedef struct {
    CommandClass class; /* %COMMAND_OURS, %COMMAND_PASS, %COMMAND_CONT, %COMMAND_REFUSED */
    char *name;         /* the command without its arguments, for logs */
    char *canonical;    /* (nullable): the line to hand on: words with one blank between */
    const char *why;    /* (nullable): for %COMMAND_REFUSED; static storage */
} HmpLine;

/**
 * hmp_line_parse:
 * @line: "command-line" of human-monitor-command
 *
 * QEMU's monitor has quotes, escapes and formats ("x/8i"); lines that need those are
 * refused, so nothing depends on reading them as QEMU does.
 */
void hmp_line_parse (const char *line, HmpLine *out);
void hmp_line_clear (HmpLine *line);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (HmpLine, hmp_line_clear)

G_END_DECLS
