/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * LD_PRELOAD library that gives a program /dev/sev on an emulated host: the C library's
 * functions that name the device, or are handed one of its descriptors.  close, dup, fork
 * and exec are not here: a descriptor is a socket, and the kernel does the rest.
 *
 * Not here either: fopen() and other functions with which the C library opens files by
 * itself, programs without a dynamic C library, and reading, writing or mapping the device,
 * which the real one does not support.
 */

#include "config.h"

#include "psp/host/sev-shim-private.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <linux/ioctl.h>
#include <linux/psp-sev.h>

#define EXPORT __attribute__ ((visibility ("default")))

/* Names of the C library that its headers declare only to some, or no longer. */
EXPORT int __open_2 (const char *path, int flags);
EXPORT int __open64_2 (const char *path, int flags);
EXPORT int __openat_2 (int dirfd, const char *path, int flags);
EXPORT int __openat64_2 (int dirfd, const char *path, int flags);
EXPORT int __xstat (int version, const char *path, struct stat *st);
EXPORT int __xstat64 (int version, const char *path, struct stat64 *st);
EXPORT int __lxstat (int version, const char *path, struct stat *st);
EXPORT int __lxstat64 (int version, const char *path, struct stat64 *st);
EXPORT int __fxstat (int version, int fd, struct stat *st);
EXPORT int __fxstat64 (int version, int fd, struct stat64 *st);
EXPORT int __fxstatat (int version,
                       int dirfd,
                       const char *path,
                       struct stat *st,
                       int flags);
EXPORT int __fxstatat64 (int version,
                         int dirfd,
                         const char *path,
                         struct stat64 *st,
                         int flags);
EXPORT int ioctl (int fd, unsigned long request, ...);
/* Of <sys/xattr.h>, which says that names are never NULL. */
EXPORT ssize_t getxattr (const char *path, const char *name, void *value, size_t size);
EXPORT ssize_t lgetxattr (const char *path, const char *name, void *value, size_t size);
EXPORT ssize_t listxattr (const char *path, char *list, size_t size);
EXPORT ssize_t llistxattr (const char *path, char *list, size_t size);

_Static_assert(sizeof (struct stat) == sizeof (struct stat64), "one layout");

/* What comes next in the search order, found before main(); the fortified forms end a
 * program that forgot the mode. */
#define NEXT(name, arguments) static int (*next_##name) arguments
NEXT (open, (const char *, int, ...));
NEXT (open64, (const char *, int, ...));
NEXT (openat, (int, const char *, int, ...));
NEXT (openat64, (int, const char *, int, ...));
NEXT (creat, (const char *, mode_t));
NEXT (creat64, (const char *, mode_t));
NEXT (__open_2, (const char *, int) );
NEXT (__open64_2, (const char *, int) );
NEXT (__openat_2, (int, const char *, int) );
NEXT (__openat64_2, (int, const char *, int) );
NEXT (stat, (const char *, struct stat *) );
NEXT (lstat, (const char *, struct stat *) );
NEXT (fstat, (int, struct stat *) );
NEXT (fstatat, (int, const char *, struct stat *, int) );
NEXT (statx, (int, const char *, int, unsigned, struct statx *) );
NEXT (access, (const char *, int) );
NEXT (faccessat, (int, const char *, int, int) );
NEXT (euidaccess, (const char *, int) );
NEXT (ioctl, (int, unsigned long, ...));

static void
find (void *slot, const char *name)
{
    void *function = dlsym (RTLD_NEXT, name);

    memcpy (slot, &function, sizeof function);
}

/* A function that another library's constructor calls before this one finds it here. */
#define NEED(name) (next_##name == NULL ? find (&next_##name, #name) : (void) 0)

__attribute__ ((constructor)) static void
shim_find (void)
{
    NEED (open);
    NEED (open64);
    NEED (openat);
    NEED (openat64);
    NEED (creat);
    NEED (creat64);
    NEED (__open_2);
    NEED (__open64_2);
    NEED (__openat_2);
    NEED (__openat64_2);
    NEED (stat);
    NEED (lstat);
    NEED (fstat);
    NEED (fstatat);
    NEED (statx);
    NEED (access);
    NEED (faccessat);
    NEED (euidaccess);
    NEED (ioctl);
}

/* The mode follows only if there may be a new file. */
#define TAKE_MODE(flags, mode)                                                             \
    do {                                                                                   \
        if (((flags) &O_CREAT) != 0 || ((flags) &O_TMPFILE) == O_TMPFILE) {                \
            va_list list;                                                                  \
            va_start (list, flags);                                                        \
            mode = va_arg (list, mode_t);                                                  \
            va_end (list);                                                                 \
        }                                                                                  \
    } while (0)

EXPORT int
open (const char *path, int flags, ...)
{
    mode_t mode = 0;

    TAKE_MODE (flags, mode);
    if (shim_is_device (AT_FDCWD, path))
        return shim_open (flags);
    NEED (open);
    return next_open (path, flags, mode);
}

EXPORT int
open64 (const char *path, int flags, ...)
{
    mode_t mode = 0;

    TAKE_MODE (flags, mode);
    if (shim_is_device (AT_FDCWD, path))
        return shim_open (flags);
    NEED (open64);
    return next_open64 (path, flags, mode);
}

EXPORT int
openat (int dirfd, const char *path, int flags, ...)
{
    mode_t mode = 0;

    TAKE_MODE (flags, mode);
    if (shim_is_device (dirfd, path))
        return shim_open (flags);
    NEED (openat);
    return next_openat (dirfd, path, flags, mode);
}

EXPORT int
openat64 (int dirfd, const char *path, int flags, ...)
{
    mode_t mode = 0;

    TAKE_MODE (flags, mode);
    if (shim_is_device (dirfd, path))
        return shim_open (flags);
    NEED (openat64);
    return next_openat64 (dirfd, path, flags, mode);
}

/* Where there is no /dev/sev, root's program would make a plain file of that name. */
#define CREAT_FLAGS (O_CREAT | O_WRONLY | O_TRUNC)

EXPORT int
creat (const char *path, mode_t mode)
{
    NEED (creat);
    return shim_is_device (AT_FDCWD, path) ? shim_open (CREAT_FLAGS)
                                           : next_creat (path, mode);
}

EXPORT int
creat64 (const char *path, mode_t mode)
{
    NEED (creat64);
    return shim_is_device (AT_FDCWD, path) ? shim_open (CREAT_FLAGS)
                                           : next_creat64 (path, mode);
}

EXPORT int
__open_2 (const char *path, int flags)
{
    NEED (__open_2);
    return shim_is_device (AT_FDCWD, path) ? shim_open (flags)
                                           : next___open_2 (path, flags);
}

EXPORT int
__open64_2 (const char *path, int flags)
{
    NEED (__open64_2);
    return shim_is_device (AT_FDCWD, path) ? shim_open (flags)
                                           : next___open64_2 (path, flags);
}

EXPORT int
__openat_2 (int dirfd, const char *path, int flags)
{
    NEED (__openat_2);
    return shim_is_device (dirfd, path) ? shim_open (flags)
                                        : next___openat_2 (dirfd, path, flags);
}

EXPORT int
__openat64_2 (int dirfd, const char *path, int flags)
{
    NEED (__openat64_2);
    return shim_is_device (dirfd, path) ? shim_open (flags)
                                        : next___openat64_2 (dirfd, path, flags);
}

EXPORT int
stat (const char *path, struct stat *st)
{
    NEED (stat);
    return shim_is_device (AT_FDCWD, path) ? (shim_stat (st), 0) : next_stat (path, st);
}

EXPORT int
lstat (const char *path, struct stat *st)
{
    NEED (lstat);
    return shim_is_device (AT_FDCWD, path) ? (shim_stat (st), 0) : next_lstat (path, st);
}

/* Only a socket can be one of the device's descriptors. */
static bool
looks_like_device (int fd, const struct stat *st)
{
    return S_ISSOCK (st->st_mode) && shim_fd_mode (fd) != SHIM_NONE;
}

EXPORT int
fstat (int fd, struct stat *st)
{
    NEED (fstat);
    const int result = next_fstat (fd, st);

    if (result == 0 && looks_like_device (fd, st))
        shim_stat (st);
    return result;
}

EXPORT int
fstatat (int dirfd, const char *path, struct stat *st, int flags)
{
    if (shim_is_device (dirfd, path)) {
        shim_stat (st);
        return 0;
    }
    NEED (fstatat);
    const int result = next_fstatat (dirfd, path, st, flags);
    if (result == 0 && (flags & AT_EMPTY_PATH) != 0 && looks_like_device (dirfd, st))
        shim_stat (st);
    return result;
}

EXPORT int
stat64 (const char *path, struct stat64 *st)
{
    return stat (path, (struct stat *) st);
}

EXPORT int
lstat64 (const char *path, struct stat64 *st)
{
    return lstat (path, (struct stat *) st);
}

EXPORT int
fstat64 (int fd, struct stat64 *st)
{
    return fstat (fd, (struct stat *) st);
}

EXPORT int
fstatat64 (int dirfd, const char *path, struct stat64 *st, int flags)
{
    return fstatat (dirfd, path, (struct stat *) st, flags);
}

/* As programs call them that were built against a C library before 2.33. */
EXPORT int
__xstat (int version, const char *path, struct stat *st)
{
    return stat (path, st);
}

EXPORT int
__xstat64 (int version, const char *path, struct stat64 *st)
{
    return stat (path, (struct stat *) st);
}

EXPORT int
__lxstat (int version, const char *path, struct stat *st)
{
    return lstat (path, st);
}

EXPORT int
__lxstat64 (int version, const char *path, struct stat64 *st)
{
    return lstat (path, (struct stat *) st);
}

EXPORT int
__fxstat (int version, int fd, struct stat *st)
{
    return fstat (fd, st);
}

EXPORT int
__fxstat64 (int version, int fd, struct stat64 *st)
{
    return fstat (fd, (struct stat *) st);
}

EXPORT int
__fxstatat (int version, int dirfd, const char *path, struct stat *st, int flags)
{
    return fstatat (dirfd, path, st, flags);
}

EXPORT int
__fxstatat64 (int version, int dirfd, const char *path, struct stat64 *st, int flags)
{
    return fstatat (dirfd, path, (struct stat *) st, flags);
}

static void
fill_statx (struct statx *out)
{
    struct stat st;

    shim_stat (&st);
    memset (out, 0, sizeof *out);
    out->stx_mask = STATX_BASIC_STATS;
    out->stx_blksize = (uint32_t) st.st_blksize;
    out->stx_nlink = (uint32_t) st.st_nlink;
    out->stx_uid = st.st_uid;
    out->stx_gid = st.st_gid;
    out->stx_mode = (uint16_t) st.st_mode;
    out->stx_ino = st.st_ino;
    out->stx_atime.tv_sec = st.st_atim.tv_sec;
    out->stx_mtime.tv_sec = st.st_mtim.tv_sec;
    out->stx_ctime.tv_sec = st.st_ctim.tv_sec;
    out->stx_rdev_major = major (st.st_rdev);
    out->stx_rdev_minor = minor (st.st_rdev);
    out->stx_dev_major = major (st.st_dev);
    out->stx_dev_minor = minor (st.st_dev);
}

EXPORT int
statx (int dirfd, const char *path, int flags, unsigned mask, struct statx *out)
{
    if (shim_is_device (dirfd, path)) {
        fill_statx (out);
        return 0;
    }
    NEED (statx);
    const int result = next_statx (dirfd, path, flags, mask, out);
    if (result == 0 && (flags & AT_EMPTY_PATH) != 0 && S_ISSOCK (out->stx_mode) &&
        shim_fd_mode (dirfd) != SHIM_NONE)
        fill_statx (out);
    return result;
}

/* Its owner may read and write, nobody may execute. */
static int
judge_access (int mode)
{
    if ((mode & X_OK) == 0)
        return 0;
    errno = EACCES;
    return -1;
}

EXPORT int
access (const char *path, int mode)
{
    NEED (access);
    return shim_is_device (AT_FDCWD, path) ? judge_access (mode) : next_access (path, mode);
}

EXPORT int
faccessat (int dirfd, const char *path, int mode, int flags)
{
    NEED (faccessat);
    return shim_is_device (dirfd, path) ? judge_access (mode)
                                        : next_faccessat (dirfd, path, mode, flags);
}

EXPORT int
euidaccess (const char *path, int mode)
{
    NEED (euidaccess);
    return shim_is_device (AT_FDCWD, path) ? judge_access (mode)
                                           : next_euidaccess (path, mode);
}

EXPORT int
eaccess (const char *path, int mode)
{
    return euidaccess (path, mode);
}

/* The device has no extended attributes; ls asks for them. */
EXPORT ssize_t
getxattr (const char *path, const char *name, void *value, size_t size)
{
    if (!shim_is_device (AT_FDCWD, path))
        return syscall (SYS_getxattr, path, name, value, size);
    errno = ENODATA;
    return -1;
}

EXPORT ssize_t
lgetxattr (const char *path, const char *name, void *value, size_t size)
{
    if (!shim_is_device (AT_FDCWD, path))
        return syscall (SYS_lgetxattr, path, name, value, size);
    errno = ENODATA;
    return -1;
}

EXPORT ssize_t
listxattr (const char *path, char *list, size_t size)
{
    return shim_is_device (AT_FDCWD, path) ? 0 : syscall (SYS_listxattr, path, list, size);
}

EXPORT ssize_t
llistxattr (const char *path, char *list, size_t size)
{
    return shim_is_device (AT_FDCWD, path) ? 0 : syscall (SYS_llistxattr, path, list, size);
}

static int
issue (int fd, ShimMode mode, uintptr_t argument)
{
    const int saved = errno;
    const int result = shim_issue (fd, mode, argument);

    errno = result == 0 ? saved : result;
    return result == 0 ? 0 : -1;
}

EXPORT int
ioctl (int fd, unsigned long request, ...)
{
    va_list list;
    ShimMode mode;

    va_start (list, request);
    void *argument = va_arg (list, void *);
    va_end (list);
    /* The kernel takes the low half: some programs hold the number in an int. */
    if ((uint32_t) request == SEV_ISSUE_CMD && (mode = shim_fd_mode (fd)) != SHIM_NONE)
        return issue (fd, mode, (uintptr_t) argument);
    NEED (ioctl);
    const int result = next_ioctl (fd, request, argument);
    /* What a socket does not know, the driver answers in its own way. */
    if (result < 0 && errno != EBADF && shim_fd_mode (fd) != SHIM_NONE)
        errno = EINVAL;
    return result;
}
