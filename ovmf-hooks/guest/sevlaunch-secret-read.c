/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * sevlaunch-secret-read [--directory DIR] GUID
 *
 * Copies one launch secret to standard output, which must be a pipe: never a
 * terminal, a file or a log.  DIR is where the kernel shows the secrets,
 * /sys/kernel/security/secrets/coco unless told.
 *
 * The kernel does not clear the pages of a pipe when it frees them, so no secret is
 * written into one: the pipe is given the pages of the buffer here, the only ones that
 * hold the secret, and they are overwritten when the reader has taken what they held.
 * Exit status: 0, or 1 with the reason on standard error.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define SECRET_MAX (64u * 1024) /* the largest area that the driver maps */

#define READER_PATIENCE_MS 60000

static uint8_t secret[SECRET_MAX + 1] __attribute__ ((aligned (4096)));

static int
fail (const char *what)
{
    fprintf (stderr, "sevlaunch-secret-read: %s\n", what);
    return 1;
}

/* 8-4-4-4-12 lower-case hexadecimal digits: also what makes it safe as a file name. */
static bool
is_guid (const char *text)
{
    static const char pattern[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

    if (strlen (text) != sizeof pattern - 1)
        return false;
    for (size_t i = 0; i < sizeof pattern - 1; i++) {
        const bool hex = strchr ("0123456789abcdef", text[i]) != NULL;
        if (pattern[i] == 'x' ? !hex : text[i] != '-')
            return false;
    }
    return true;
}

static bool
is_pipe (int fd)
{
    struct stat st;

    return fstat (fd, &st) == 0 && S_ISFIFO (st.st_mode);
}

static ssize_t
read_secret (int fd)
{
    size_t len = 0;

    while (len < sizeof secret) {
        const ssize_t n = read (fd, secret + len, sizeof secret - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        len += (size_t) n;
    }
    return (ssize_t) len;
}

/* Puts the buffer's own pages into the pipe. */
static bool
lend_secret (size_t len)
{
    struct iovec rest = { secret, len };

    while (rest.iov_len > 0) {
        const ssize_t n = vmsplice (STDOUT_FILENO, &rest, 1, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        rest.iov_base = (uint8_t *) rest.iov_base + n;
        rest.iov_len -= (size_t) n;
    }
    return true;
}

/* Until the pipe is empty; false when its reader goes away or is too slow. */
static bool
wait_until_taken (void)
{
    for (int waited = 0; waited < READER_PATIENCE_MS; waited++) {
        struct pollfd reader = { STDOUT_FILENO, 0, 0 };
        int left;

        if (ioctl (STDOUT_FILENO, FIONREAD, &left) != 0)
            return false;
        if (left == 0)
            return true;
        if (poll (&reader, 1, 1) > 0)
            return false;
    }
    return false;
}

static int
copy_secret (const char *path)
{
    const int fd = open (path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return fail ("no such secret, or it cannot be opened");

    const ssize_t len = read_secret (fd);
    close (fd);
    if (len < 0)
        return fail ("secret cannot be read");
    if (len == 0)
        return fail ("secret is empty");
    if ((size_t) len > SECRET_MAX)
        return fail ("secret is longer than 64 KiB");
    if (!lend_secret ((size_t) len) || !wait_until_taken ())
        return fail ("reader of the secret went away");
    return 0;
}

int
main (int argc, char **argv)
{
    static const struct option options[] = { { "directory", required_argument, NULL, 'd' },
                                             { NULL, 0, NULL, 0 } };
    const char *directory = "/sys/kernel/security/secrets/coco";
    char path[PATH_MAX];

    for (int c; (c = getopt_long (argc, argv, "", options, NULL)) != -1;) {
        if (c != 'd')
            return fail ("usage: sevlaunch-secret-read [--directory DIR] GUID");
        directory = optarg;
    }
    if (argc - optind != 1 || !is_guid (argv[optind]))
        return fail ("usage: sevlaunch-secret-read [--directory DIR] GUID");
    if (!is_pipe (STDOUT_FILENO))
        return fail ("standard output is not a pipe: secret not printed");

    const int n = snprintf (path, sizeof path, "%s/%s", directory, argv[optind]);
    if (n < 0 || (size_t) n >= sizeof path)
        return fail ("name of directory is too long");

    /* A reader that goes away must not end the program before it has wiped. */
    signal (SIGPIPE, SIG_IGN);
    /* Neither a core dump nor a debugger nor swap shall see it. */
    if (prctl (PR_SET_DUMPABLE, 0) != 0 || mlock (secret, sizeof secret) != 0)
        return fail ("memory for the secret cannot be locked");

    const int status = copy_secret (path);
    explicit_bzero (secret, sizeof secret);
    return status;
}
