/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* What tests say as QEMU's monitor, from a script. */

#define STATUS(name) "{\"return\":{\"status\":\"" name "\"}}"
#define DONE "{\"return\":{}}"
#define FAILS "{\"error\":{\"class\":\"GenericError\",\"desc\":\"no\"}}"

typedef struct {
    const char *command; /* that must come */
    const char *says;    /* what comes before its answer, and the answer */
} ScriptLine;

/* Sends @text as a line. */
void script_say (int fd, const char *text);
