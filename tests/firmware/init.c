/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * /init of the firmware tests' Linux guests, without a C library: prints that
 * it runs and the kernel's command line on the console, and powers off.
 */

#include <linux/reboot.h>
#include <sys/syscall.h>

static long
call (long number, long a, long b, long c, long d, long e)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
}

static void
print (const char *text)
{
    long length = 0;
    while (text[length])
        length++;
    call (SYS_write, 1, (long) text, length, 0, 0);
}

void
_start (void)
{
    static char cmdline[512];

    call (SYS_mkdir, (long) "/proc", 0755, 0, 0, 0);
    call (SYS_mount, (long) "proc", (long) "/proc", (long) "proc", 0, 0);
    long file = call (SYS_open, (long) "/proc/cmdline", 0, 0, 0, 0);
    call (SYS_read, file, (long) cmdline, sizeof cmdline - 1, 0, 0);
    print ("\nLINUX runs <");
    print (cmdline);
    print (">\n");
    call (SYS_reboot, (long) LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
          LINUX_REBOOT_CMD_POWER_OFF, 0, 0);
    for (;;)
        ;
}
