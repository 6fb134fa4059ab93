/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The device of the shim: its name, its descriptors, its looks. */

#include "config.h"

#include "psp/host/sev-shim-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "psp/host/sev-device-wire.h"

#define DEVICE_DIRECTORY "/dev"
#define DEVICE_NAME "sev"
#define DEVICE_MODE 0600u
/* Linux' misc devices are major 10; those without a number of their own start below 128. */
#define DEVICE_MAJOR 10u
#define DEVICE_MINOR 124u

ShimState shim_state;

static bool
join (char out[SHIM_PATH_MAX], const char *host, const char *name)
{
    const int n = snprintf (out, SHIM_PATH_MAX, "%s/%s", host, name);

    return n > 0 && (unsigned) n < SHIM_PATH_MAX;
}

__attribute__ ((constructor)) static void
shim_load (void)
{
    ShimState state = { 0 };
    const char *host = secure_getenv (SEV_DEVICE_VARIABLE);

    if (host == NULL || host[0] != '/' || strlen (host) >= SHIM_PATH_MAX ||
        !join (state.read_write, host, SEV_DEVICE_SOCKET_READ_WRITE) ||
        !join (state.read_only, host, SEV_DEVICE_SOCKET_READ_ONLY))
        return;
    memcpy (state.host, host, strlen (host) + 1);
    shim_state = state;
}

static bool
raw_stat (int dirfd, const char *path, int flags, struct stat *st)
{
    return syscall (SYS_newfstatat, dirfd, path, st, flags) == 0;
}

bool
shim_is_on (void)
{
    const int saved = errno;
    struct stat st;

    if (shim_state.host[0] == '\0')
        return false;
    const bool on = raw_stat (AT_FDCWD, shim_state.host, AT_SYMLINK_NOFOLLOW, &st) &&
                    S_ISDIR (st.st_mode) && (st.st_mode & 07777) == 0700 &&
                    st.st_uid == (uid_t) syscall (SYS_geteuid);
    errno = saved;
    return on;
}

static bool
same_directory (int dirfd, const char *path)
{
    const int saved = errno;
    struct stat a, b;
    const bool same = raw_stat (dirfd, path, 0, &a) &&
                      raw_stat (AT_FDCWD, DEVICE_DIRECTORY, 0, &b) &&
                      a.st_dev == b.st_dev && a.st_ino == b.st_ino;

    errno = saved;
    return same;
}

bool
shim_is_device (int dirfd, const char *path)
{
    char parent[256];

    /* A wild pointer gets its EFAULT from the kernel; only the null page is cheap to know.
     */
    if (shim_state.host[0] == '\0' || (uintptr_t) path < 4096)
        return false;
    const char *slash = strrchr (path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    if (strcmp (name, DEVICE_NAME) != 0)
        return false;
    const size_t len = (size_t) (name - path);
    if (len >= sizeof parent)
        return false;
    memcpy (parent, path, len);
    parent[len] = '\0';
    return same_directory (dirfd, len > 0 ? parent : ".") && shim_is_on ();
}

ShimMode
shim_fd_mode (int fd)
{
    const int saved = errno;
    struct sockaddr_un address;
    socklen_t len = sizeof address;
    char path[sizeof address.sun_path + 1] = { 0 };

    /* To an inert shim an abstract address, which begins with a NUL, would be its own. */
    if (shim_state.host[0] == '\0')
        return SHIM_NONE;
    const long result = syscall (SYS_getpeername, fd, &address, &len);

    errno = saved;
    if (result != 0 || len <= offsetof (struct sockaddr_un, sun_path) ||
        len > sizeof address || address.sun_family != AF_UNIX)
        return SHIM_NONE;
    memcpy (path, address.sun_path, len - offsetof (struct sockaddr_un, sun_path));
    if (strcmp (path, shim_state.read_write) == 0)
        return SHIM_READ_WRITE;
    return strcmp (path, shim_state.read_only) == 0 ? SHIM_READ_ONLY : SHIM_NONE;
}

/* The service is this user's, or it is none. */
static bool
has_own_peer (int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;

    return syscall (SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           peer.uid == (uid_t) syscall (SYS_geteuid);
}

static int
fail (int number)
{
    errno = number;
    return -1;
}

int
shim_open (int flags)
{
    const int saved = errno;
    const char *path =
        (flags & O_ACCMODE) == O_RDONLY ? shim_state.read_only : shim_state.read_write;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    long connected;

    if ((flags & O_DIRECTORY) != 0)
        return fail (ENOTDIR);
    if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
        return fail (EEXIST);
    memcpy (address.sun_path, path, strlen (path) + 1);
    const int fd =
        (int) syscall (SYS_socket, AF_UNIX,
                       SOCK_SEQPACKET | ((flags & O_CLOEXEC) != 0 ? SOCK_CLOEXEC : 0), 0);
    if (fd < 0)
        return -1;
    do
        connected = syscall (SYS_connect, fd, &address, sizeof address);
    while (connected != 0 && errno == EINTR);
    if (connected != 0 || !has_own_peer (fd)) {
        syscall (SYS_close, fd);
        return fail (ENODEV);
    }
    if ((flags & O_NONBLOCK) != 0)
        syscall (SYS_fcntl, fd, F_SETFL, O_NONBLOCK);
    errno = saved;
    return fd;
}

void
shim_stat (struct stat *st)
{
    struct stat host = { 0 };
    const int saved = errno;

    if (!raw_stat (AT_FDCWD, shim_state.host, AT_SYMLINK_NOFOLLOW, &host))
        host.st_uid = (uid_t) syscall (SYS_geteuid);
    errno = saved;
    *st = host;
    st->st_mode = S_IFCHR | DEVICE_MODE;
    st->st_nlink = 1;
    st->st_rdev = makedev (DEVICE_MAJOR, DEVICE_MINOR);
    st->st_size = 0;
    st->st_blocks = 0;
}
