/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The inside of the /dev/sev shim.  It lives in other people's programs, so it is plain C
 * with raw system calls: callable from a signal handler, no cancellation point, no
 * allocation that a program could see, no descriptor left behind.
 */

#include <stdbool.h>
#include <stdint.h>

#include <sys/stat.h>

#define SHIM_PATH_MAX 108u /* of a socket's address */

typedef enum {
    SHIM_NONE, /* no descriptor of the device */
    SHIM_READ_ONLY,
    SHIM_READ_WRITE,
} ShimMode;

/** shim_state: set before main() and never again; empty strings: the shim is inert */
typedef struct {
    char host[SHIM_PATH_MAX];
    char read_write[SHIM_PATH_MAX];
    char read_only[SHIM_PATH_MAX];
} ShimState;
extern ShimState shim_state;

/** shim_is_on: there is a host whose directory is 0700 and this user's */
bool shim_is_on (void);
/** shim_is_device: whether the path is /dev/sev, however it is written; with
 * shim_is_on() */
bool shim_is_device (int dirfd, const char *path);
/** shim_fd_mode: whether a descriptor is the device's; leaves errno as it is */
ShimMode shim_fd_mode (int fd);
/** shim_open: open() of the device. Returns: a descriptor or -1 with errno */
int shim_open (int flags);
/** shim_stat: what fstat() says of the device */
void shim_stat (struct stat *st);
/** shim_issue: SEV_ISSUE_CMD with the caller's pointer. Returns: 0 or an errno */
int shim_issue (int fd, ShimMode mode, uintptr_t argument);
