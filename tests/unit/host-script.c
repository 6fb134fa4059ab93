/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/host-script.h"

#include <string.h>
#include <sys/socket.h>

void
script_say (int fd, const char *text)
{
    g_autofree char *line = g_strconcat (text, "\r\n", NULL);
    const gsize len = strlen (line);

    g_assert_cmpint (send (fd, line, len, MSG_NOSIGNAL), ==, (gssize) len);
}
