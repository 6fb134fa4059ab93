/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include "launcher/base/message.h"

G_BEGIN_DECLS

/**
 * Command: a word of the command line and what it does
 * @name: "run", or "create" beneath "emulator"
 * @summary: one line for --help
 * @run: gets the words from the command's own name on; returns the exit code
 */
typedef struct {
    const char *name;
    const char *summary;
    int (*run) (int argc, char **argv);
} Command;

/** command_find: Returns: (nullable): the row called @name; a table ends with a NULL name
 */
const Command *command_find (const Command *table, const char *name);

/**
 * command_dispatch:
 * @group: "emulator"
 * @table: its commands
 * Runs the one that argv[1] names, or says which there are (usage, exit 2; 0 for --help).
 */
int command_dispatch (const char *group, const Command *table, int argc, char **argv);

/** CommandCommon: options that every command has */
typedef struct {
    gboolean json;
    gboolean quiet;
    gboolean debug;
} CommandCommon;

/**
 * command_parse:
 * @usage: what follows "[OPTION…]": "DIR", "[-- COMMAND…]", or ""
 * @summary: paragraph for --help
 * @entries: options of the command.  The name of an option's argument is for the shells'
 *   completion too: DIR is a directory, TEXT no file, and lower-case words with | between
 *   them (on|off) are what is taken.  G_OPTION_ARG_FILENAME gives the bytes as they are: a
 *   file name, or what is measured.  G_OPTION_ARG_STRING is UTF-8 whatever the locale
 * @common: (out): filled; message_init() is called accordingly
 * @argc, @argv: (inout): afterwards argv[0] and the words that are no options
 *
 * Comes first in every command.  Prints and exits the process with 0 for --help.
 * Errors: %LAUNCHER_ERROR_USAGE.
 */
gboolean command_parse (const char *name,
                        const char *usage,
                        const char *summary,
                        const GOptionEntry *entries,
                        CommandCommon *common,
                        int *argc,
                        char ***argv,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * command_fail:
 * Says the error on stderr; with --json also as an object on stdout:
 * {"schema": "sevlaunch.error/1", "reasons": [{"id", "text"}], "exit_code": N}.
 * Returns: the exit code
 */
int command_fail (const CommandCommon *common, const GError *error);

/** command_print_json: one object and a line end on stdout. Returns: 0; main.c looks
 * whether stdout took it */
int command_print_json (JsonObject *object);

/** command_print_findings: "[LEVEL] ID: TEXT", then what helps; @indent before each line
 * @findings: (element-type Finding)
 */
void command_print_findings (const GPtrArray *findings, const char *indent);

/* The commands. */
int cmd_run (int argc, char **argv);
int cmd_measure (int argc, char **argv);
int cmd_verify (int argc, char **argv);
int cmd_why (int argc, char **argv);
int cmd_session (int argc, char **argv);
int cmd_secret (int argc, char **argv);
int cmd_inject (int argc, char **argv);
int cmd_attach (int argc, char **argv);
int cmd_verify_platform (int argc, char **argv);
int cmd_courier (int argc, char **argv);
int cmd_owner_init (int argc, char **argv);
int cmd_release (int argc, char **argv);
int cmd_emulator (int argc, char **argv);
int cmd_platform (int argc, char **argv);
int cmd_evidence (int argc, char **argv);
int cmd_firmware (int argc, char **argv);
int cmd_policy (int argc, char **argv);
int cmd_doctor (int argc, char **argv);
int cmd_lint (int argc, char **argv);

G_END_DECLS
