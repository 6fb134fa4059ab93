/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/cli/command.h"

G_BEGIN_DECLS

/**
 * command_list:
 * Prints what the shells' completion is made of (launcher/completion), lines of fields
 * with tabs between them:
 *
 *     word    GROUP  NAME  SUMMARY         GROUP: "" or "emulator"
 *     default GROUP  NAME                  the command that may be left out
 *     usage   COMMAND  WORDS               "emulator exec", what follows its options
 *     option  COMMAND  LONG  SHORT  KIND  ARGUMENT  DESCRIPTION
 *
 * SHORT and ARGUMENT are "-" where there is none; KIND is none, file, text, file+ or
 * text+ (+: can be repeated).  ARGUMENT is DIR for a directory, and a list of words
 * such as on|off where only these are taken.
 * Returns: the exit code
 */
int command_list (const Command *table);

/** command_list_active: whether commands are only asked for their options */
gboolean command_list_active (void);

/** command_list_default: for a group of which one command may be left out */
void command_list_default (const char *group, const char *name);

/* For command.c, which every command goes through. */
void command_list_words (const char *group, const Command *table);
void command_list_usage (const char *name, const char *usage);
void command_list_options (const char *name, const GOptionEntry *entries);

G_END_DECLS
