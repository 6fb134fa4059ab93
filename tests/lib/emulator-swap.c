/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * For the libvirt of a hostile hypervisor: with this object in LD_PRELOAD, a program that
 * would run $SWAP_FROM runs $SWAP_TO.  See hostile.py.
 */

#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

int
execve (const char *path, char *const argv[], char *const envp[])
{
    const char *from = getenv ("SWAP_FROM");
    const char *to = getenv ("SWAP_TO");

    if (from != NULL && to != NULL && strcmp (path, from) == 0)
        path = to;
    return (int) syscall (SYS_execve, path, argv, envp);
}

int
execv (const char *path, char *const argv[])
{
    return execve (path, argv, environ);
}
