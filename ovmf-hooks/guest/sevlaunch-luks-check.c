/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * sevlaunch-luks-check --pin FILE --output COPY DEVICE...
 *
 * Finds the device whose first bytes are the LUKS2 header that the owner pinned,
 * copies them into COPY (a new file, in the guest's memory), checks that copy, and
 * prints the device's name.  The device is read once; nothing read from it later is
 * believed.
 *
 * FILE holds the pin as the owner released it: SHA-256 of the header area, then its
 * length as 64 bits, little-endian.
 *
 * Exit status: 0, DEVICE printed; 1, refused for good; 2, refused, but a device that
 * appears later may do; each with the reason on standard output; 3, it could not be
 * tried, with the reason on standard error.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ovmf-hooks/guest/luks-header.h"

#define DEVICES_MAX 256

enum { FOUND = 0, REFUSED = 1, NOT_YET = 2, FAILED = 3 };

static bool
read_full (int fd, uint8_t *buf, size_t len)
{
    size_t done = 0;

    while (done < len) {
        const ssize_t n = pread (fd, buf + done, len - done, (off_t) done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (size_t) n;
    }
    return true;
}

static bool
write_full (int fd, const uint8_t *buf, size_t len)
{
    while (len > 0) {
        const ssize_t n = write (fd, buf, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        buf += n;
        len -= (size_t) n;
    }
    return true;
}

static int
fail (const char *what, const char *name)
{
    fprintf (stderr, "sevlaunch-luks-check: %s '%s': %s\n", what, name, strerror (errno));
    return FAILED;
}

/* securityfs files have no size and cannot seek: read until the end. */
static int
read_pin (const char *path, uint8_t pin[LUKS_PIN_SIZE])
{
    uint8_t buf[LUKS_PIN_SIZE + 1];
    size_t len = 0;

    const int fd = open (path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return fail ("cannot open pin", path);
    while (len < sizeof buf) {
        const ssize_t n = read (fd, buf + len, sizeof buf - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        len += (size_t) n;
    }
    close (fd);

    if (len != LUKS_PIN_SIZE || luks_pin_length (buf) == 0) {
        puts ("bad-pin: pin is not a digest and the length of a header area");
        return REFUSED;
    }
    memcpy (pin, buf, LUKS_PIN_SIZE);
    return FOUND;
}

static int
write_copy (const char *path, const uint8_t *header, size_t len)
{
    const int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail ("cannot create", path);

    const bool ok = write_full (fd, header, len);
    if (close (fd) != 0 || !ok) {
        unlink (path);
        return fail ("cannot write", path);
    }
    return FOUND;
}

/* What was seen of all devices together. */
typedef struct {
    bool readable;
    bool luks;
} Seen;

/* Reads the header area of @device into @header, once. */
static bool
is_pinned (const char *device,
           const uint8_t pin[LUKS_PIN_SIZE],
           uint8_t *header,
           Seen *seen)
{
    const size_t len = luks_pin_length (pin);
    const int fd = open (device, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return false;

    uint8_t magic[6];
    const bool any = read_full (fd, magic, sizeof magic);
    const bool whole = any && read_full (fd, header, len);
    close (fd);

    seen->readable = seen->readable || any;
    seen->luks = seen->luks || (any && luks_header_magic (magic, sizeof magic));
    return whole && luks_pin_matches (pin, header, len);
}

static int
find (const uint8_t pin[LUKS_PIN_SIZE],
      char **devices,
      int n,
      const char *output,
      uint8_t *header)
{
    const size_t len = luks_pin_length (pin);
    Seen seen = { false, false };

    for (int i = 0; i < n; i++) {
        if (!is_pinned (devices[i], pin, header, &seen))
            continue;

        const char *reason = luks_header_check (header, len);
        if (reason != NULL) {
            puts (reason);
            return REFUSED;
        }
        const int result = write_copy (output, header, len);
        if (result == FOUND)
            puts (devices[i]);
        return result;
    }

    if (!seen.readable)
        puts ("no-disk: no disk that can be read");
    else if (!seen.luks)
        puts ("no-luks: no disk has a LUKS header");
    else
        puts ("header-mismatch: LUKS header is not the pinned one");
    return NOT_YET;
}

static int
usage (void)
{
    fputs ("usage: sevlaunch-luks-check --pin FILE --output COPY DEVICE...\n", stderr);
    return FAILED;
}

int
main (int argc, char **argv)
{
    static const struct option options[] = { { "output", required_argument, NULL, 'o' },
                                             { "pin", required_argument, NULL, 'p' },
                                             { NULL, 0, NULL, 0 } };
    const char *output = NULL;
    const char *pin_file = NULL;
    uint8_t pin[LUKS_PIN_SIZE];

    for (int c; (c = getopt_long (argc, argv, "", options, NULL)) != -1;) {
        if (c == 'o')
            output = optarg;
        else if (c == 'p')
            pin_file = optarg;
        else
            return usage ();
    }
    if (output == NULL || pin_file == NULL || argc - optind > DEVICES_MAX)
        return usage ();

    int result = read_pin (pin_file, pin);
    if (result != FOUND)
        return result;

    uint8_t *header = malloc (luks_pin_length (pin));
    if (header == NULL)
        return fail ("no memory for header of", pin_file);
    result = find (pin, argv + optind, argc - optind, output, header);
    free (header);
    return fflush (stdout) == 0 ? result : fail ("cannot write", "standard output");
}
