/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * /init of a guest whose memory the tests look at, without a C library.  It fills PAGES
 * pages with a text that is nowhere else, each with its number in front, and does what it
 * is told on the console, a letter a line:
 *
 *   a  where page 0 and page 1 lie in physical memory: "PAGES HEX HEX"
 *   v  reads all pages: "VERIFY bad=N moved=N"; moved: another page's contents
 *   p  panics (pvpanic), w  lets the watchdog fire (ib700), o  powers off, r  reboots
 */

#include <fcntl.h>
#include <linux/reboot.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define PAGES 512
#define PAGE_SIZE 4096
#define BLOCK 16
#define UNCACHED 040000 /* UNCACHED, which needs _GNU_SOURCE */

static char pages[PAGES][PAGE_SIZE] __attribute__ ((aligned (PAGE_SIZE)));

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
out (unsigned short port, unsigned char value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static void
print (const char *text)
{
    long length = 0;
    while (text[length])
        length++;
    call (SYS_write, 1, (long) text, length, 0, 0);
}

static void
print_number (unsigned long value, unsigned long base)
{
    char text[24];
    int at = sizeof text - 1;

    text[at] = '\0';
    do {
        text[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value > 0);
    print (text + at);
}

/* Byte i of page n.  The text is put together here, so that the program has it not. */
static char
expected (unsigned long n, unsigned long i)
{
    static const char scrambled[BLOCK] = "ftdrs,ok`hmsdws ";

    if (i < BLOCK)
        return i < 8 ? "page no "[i] : (char) ('a' + (n >> (4 * (15 - i)) & 15));
    return (char) (scrambled[i % BLOCK] + 1);
}

static void
fill (void)
{
    for (unsigned long n = 0; n < PAGES; n++)
        for (unsigned long i = 0; i < PAGE_SIZE; i++)
            pages[n][i] = expected (n, i);
}

static int
is_page (const char *page, unsigned long n)
{
    for (unsigned long i = 0; i < PAGE_SIZE; i++)
        if (page[i] != expected (n, i))
            return 0;
    return 1;
}

static void
verify (void)
{
    unsigned long bad = 0, moved = 0;

    for (unsigned long n = 0; n < PAGES; n++) {
        if (is_page (pages[n], n))
            continue;
        bad++;
        for (unsigned long other = 0; other < PAGES; other++)
            moved += is_page (pages[n], other) ? 1 : 0;
    }
    print ("VERIFY bad=");
    print_number (bad, 10);
    print (" moved=");
    print_number (moved, 10);
    print ("\n");
}

static unsigned long
physical (const void *address)
{
    unsigned long entry = 0;
    const long file = call (SYS_open, (long) "/proc/self/pagemap", O_RDONLY, 0, 0, 0);

    call (SYS_pread64, file, (long) &entry, sizeof entry,
          (long) ((unsigned long) address / PAGE_SIZE * sizeof entry), 0);
    call (SYS_close, file, 0, 0, 0, 0);
    return (entry & ((1ul << 55) - 1)) * PAGE_SIZE;
}

static void
reboot_with (unsigned long command)
{
    call (SYS_reboot, (long) LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, (long) command, 0,
          0);
}

static void
obey (char command)
{
    switch (command) {
    case 'a':
        print ("PAGES ");
        print_number (physical (pages[0]), 16);
        print (" ");
        print_number (physical (pages[1]), 16);
        print ("\n");
        break;
    case 'v':
        verify ();
        break;
    case 'p':
        out (0x505, 1);
        print ("PANIC survived\n");
        break;
    case 'w':
        out (0x443, 15); /* 0 seconds */
        break;
    case 'o':
        reboot_with (LINUX_REBOOT_CMD_POWER_OFF);
        break;
    case 'r':
        reboot_with (LINUX_REBOOT_CMD_RESTART);
        break;
    default:
        break;
    }
}

void
_start (void)
{
    char command;

    call (SYS_mkdir, (long) "/proc", 0755, 0, 0, 0);
    call (SYS_mount, (long) "proc", (long) "/proc", (long) "proc", 0, 0);
    call (SYS_mount, (long) "dev", (long) "/dev", (long) "devtmpfs", 0, 0);
    call (SYS_iopl, 3, 0, 0, 0, 0);
    fill ();
    print ("\nMEMORY ready\n");
    while (call (SYS_read, 0, (long) &command, 1, 0, 0) == 1)
        obey (command);
    reboot_with (LINUX_REBOOT_CMD_POWER_OFF);
}
