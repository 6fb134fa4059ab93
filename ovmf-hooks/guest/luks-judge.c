/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * luks-judge -- says on the owner's machine what the guest would say of a LUKS header.
 *
 * luks-judge LENGTH 3<HEADER
 *
 * Reads LENGTH bytes and ends with 0 when the guest would accept them; otherwise with 1 and
 * one line, "id: phrase".  A program of its own because the guest's judgement uses json-c,
 * whose functions have the same names as json-glib's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ovmf-hooks/guest/luks-header.h"

#define HEADER_FD 3
#define EXIT_TROUBLE 2

static int
read_all (uint8_t *data, size_t len)
{
    size_t have = 0;

    while (have < len) {
        const ssize_t n = read (HEADER_FD, data + have, len - have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return 0;
        have += (size_t) n;
    }
    return 1;
}

int
main (int argc, char **argv)
{
    char *end = NULL;
    const unsigned long len = argc == 2 ? strtoul (argv[1], &end, 10) : 0;

    if (argc != 2 || *end != '\0' || len < LUKS_HEADER_MIN || len > LUKS_HEADER_MAX) {
        fprintf (stderr, "usage: luks-judge LENGTH, the header on descriptor 3\n");
        return EXIT_TROUBLE;
    }
    uint8_t *header = malloc (len);
    if (header == NULL || !read_all (header, len)) {
        fprintf (stderr, "luks-judge: cannot read the header\n");
        free (header);
        return EXIT_TROUBLE;
    }
    const char *reason = luks_header_check (header, len);
    if (reason != NULL)
        printf ("%s\n", reason);
    free (header);
    return reason != NULL ? EXIT_FAILURE : EXIT_SUCCESS;
}
