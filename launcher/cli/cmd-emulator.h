/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/base/run-as.h"
#include "launcher/cli/command.h"
#include "launcher/emulated/emulated-host.h"

G_BEGIN_DECLS

/* What the commands of "sevlaunch emulator" share. */

typedef struct {
    CommandCommon common;
    char *option;  /* --emulated-host */
    char *wanted;  /* --run-as */
    char *path;    /* of the host, absolute */
    RunAs *run_as; /* (nullable): whom root becomes */
} EmulatorCommand;

void emulator_command_clear (EmulatorCommand *command);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (EmulatorCommand, emulator_command_clear)

/**
 * emulator_command_parse:
 * @entries: (nullable): options of this command alone
 * @max_words: words that it takes besides options
 *
 * command_parse(), and then path and user.
 */
gboolean emulator_command_parse (EmulatorCommand *command,
                                 const char *name,
                                 const char *usage,
                                 const char *summary,
                                 const GOptionEntry *entries,
                                 int max_words,
                                 int *argc,
                                 char ***argv,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * emulator_command_drop:
 * @make_directory: the host may have to be made
 *
 * Root's last act, for good; nothing for anyone else.
 */
gboolean emulator_command_drop (EmulatorCommand *command,
                                gboolean make_directory,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

int cmd_emulator_destroy (int argc, char **argv);
int cmd_emulator_exec (int argc, char **argv);
int cmd_emulator_status (int argc, char **argv);
int cmd_emulator_trust (int argc, char **argv);

G_END_DECLS
