/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Every command asks command_parse() before anything else, so running each of them finds
 * all options where --help finds them, and no command needs a second list. */

#include "launcher/cli/command-list.h"

#include <stdio.h>

static gboolean active;

gboolean
command_list_active (void)
{
    return active;
}

void
command_list_words (const char *group, const Command *table)
{
    for (; table->name != NULL; table++) {
        char *words[] = { (char *) table->name, NULL };

        printf ("word\t%s\t%s\t%s\n", group, table->name, table->summary);
        table->run (1, words);
    }
}

/* "none", "file" or "text"; with "+" where the option can be repeated. */
static const char *
kind_of (GOptionArg arg)
{
    switch (arg) {
    case G_OPTION_ARG_NONE:
        return "none";
    case G_OPTION_ARG_FILENAME:
        return "file";
    case G_OPTION_ARG_FILENAME_ARRAY:
        return "file+";
    case G_OPTION_ARG_STRING_ARRAY:
        return "text+";
    default:
        return "text";
    }
}

void
command_list_options (const char *name, const GOptionEntry *entries)
{
    for (; entries != NULL && entries->long_name != NULL; entries++) {
        if ((entries->flags & G_OPTION_FLAG_HIDDEN) != 0)
            continue;
        const char letter[] = { entries->short_name != 0 ? entries->short_name : '-', 0 };

        printf ("option\t%s\t%s\t%s\t%s\t%s\t%s\n", name, entries->long_name, letter,
                kind_of (entries->arg),
                entries->arg_description != NULL ? entries->arg_description : "-",
                entries->description);
    }
}

void
command_list_usage (const char *name, const char *usage)
{
    printf ("usage\t%s\t%s\n", name, usage);
}

void
command_list_default (const char *group, const char *name)
{
    printf ("default\t%s\t%s\n", group, name);
}

int
command_list (const Command *table)
{
    active = TRUE;
    command_list_words ("", table);
    active = FALSE;
    return LAUNCHER_EXIT_OK;
}
