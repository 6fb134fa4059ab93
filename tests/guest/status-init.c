/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * /init of the guest in test-guest-status.py: what CPUID answers for a leaf beyond its
 * highest, then what sevlaunch-guest says, in words and in JSON.  Then systemd takes over.
 */

#include <cpuid.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void
say_status (const char *option)
{
    const pid_t child = fork ();
    int status = -1;

    if (child == 0) {
        execl ("/usr/sbin/sevlaunch-guest", "sevlaunch-guest", "status", option, NULL);
        _exit (127);
    }
    waitpid (child, &status, 0);
    printf ("guest: exit %d\n", WIFEXITED (status) ? WEXITSTATUS (status) : -1);
    fflush (stdout);
}

int
main (void)
{
    unsigned int highest, eax, ebx, ecx, edx;

    mount ("devtmpfs", "/dev", "devtmpfs", 0, NULL);
    mkdir ("/sys", 0755);
    mount ("sysfs", "/sys", "sysfs", 0, NULL);
    for (int fd = 0; fd < 3; fd++)
        dup2 (open ("/dev/console", O_RDWR), fd);
    __cpuid_count (0x80000000, 0, highest, ebx, ecx, edx);
    __cpuid_count (0x8000001f, 0, eax, ebx, ecx, edx);
    printf ("\nguest: cpuid 0x%08x 0x%08x\n", highest, eax);
    fflush (stdout);
    say_status (NULL);
    say_status ("--json");
    printf ("guest: done\n");
    fflush (stdout);
    execl ("/usr/lib/systemd/systemd", "systemd", "--unit=tests.target", NULL);
    for (;;)
        pause ();
}
