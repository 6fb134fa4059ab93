/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "launcher/cli/command.h"
#include "sev/base/sev-secret.h"

static const Command commands[] = {
    { "emulator", "Make, use and remove an emulated SEV host", cmd_emulator },
    { NULL, NULL, NULL },
};

int
main (int argc, char **argv)
{
    setlocale (LC_ALL, "");
    g_set_prgname ("sevlaunch");
    signal (SIGPIPE, SIG_IGN);
    if (!sev_secret_heap_init ())
        fprintf (stderr, "sevlaunch: warning: memory cannot be locked; secrets might be "
                         "swapped out (see ulimit -l)\n");
    return command_dispatch ("", commands, argc, argv);
}
