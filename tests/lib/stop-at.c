/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * For LD_PRELOAD before sevlaunch: so that a test can look at its memory.
 *
 * It stops (SIGSTOP) before virDomainCreateXML(), when all keys are in use, and before
 * virDomainFree(), when none is needed any more.  STOP_AT_END=1: only once main() has
 * returned.  STOP_AT_LEAK=1: what is wiped or freed of the secure heap is kept in ordinary
 * memory, and OpenSSL frees without wiping, as by mistake.  STOP_AT_OPEN=1: the process
 * stays open for others of its user, who could not look into it otherwise.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int leak;
static int stay_open;
static int at_end;

/* Only sevlaunch itself: what it starts inherits nothing. */
__attribute__ ((constructor)) static void
begin (void)
{
    leak = getenv ("STOP_AT_LEAK") != NULL;
    stay_open = getenv ("STOP_AT_OPEN") != NULL;
    at_end = getenv ("STOP_AT_END") != NULL;
    unsetenv ("LD_PRELOAD");
}

static void
stop (void)
{
    kill (getpid (), SIGSTOP);
}

static void *(*create_xml) (void *, const char *, unsigned int);
static int (*domain_free) (void *);

static void *
stop_and_create (void *connection, const char *xml, unsigned int flags)
{
    stop ();
    return create_xml (connection, xml, flags);
}

static int
stop_and_free (void *domain)
{
    stop ();
    return domain_free (domain);
}

static void *
find (void *handle, const char *name)
{
    void *(*real) (void *, const char *) = dlvsym (RTLD_NEXT, "dlsym", "GLIBC_2.34");

    if (real == NULL)
        real = dlvsym (RTLD_NEXT, "dlsym", "GLIBC_2.2.5");
    return real (handle, name);
}

/* sevlaunch finds libvirt's functions by it. */
void *
dlsym (void *handle, const char *name)
{
    void *found = find (handle, name);

    if (at_end)
        return found;
    if (strcmp (name, "virDomainCreateXML") == 0) {
        *(void **) &create_xml = found;
        return stop_and_create;
    }
    if (strcmp (name, "virDomainFree") == 0) {
        *(void **) &domain_free = found;
        return stop_and_free;
    }
    return found;
}

static int (*real_main) (int, char **, char **);

static int
main_and_stop (int argc, char **argv, char **env)
{
    const int status = real_main (argc, argv, env);

    if (at_end)
        stop ();
    return status;
}

typedef int (*StartMain) (int (*) (int, char **, char **),
                          int,
                          char **,
                          void (*) (void),
                          void (*) (void),
                          void (*) (void),
                          void *);

/* The start of every program; its exit cannot be stopped, libc calls it itself. */
int
__libc_start_main (int (*start) (int, char **, char **),
                   int argc,
                   char **argv,
                   void (*init) (void),
                   void (*fini) (void),
                   void (*rtld_fini) (void),
                   void *stack_end)
{
    const StartMain next = (StartMain) find (RTLD_NEXT, "__libc_start_main");

    real_main = start;
    return next (main_and_stop, argc, argv, init, fini, rtld_fini, stack_end);
}

/* Leaves OpenSSL with its own. */
int
CRYPTO_set_mem_functions (void *allocate, void *reallocate, void *release)
{
    int (*next) (void *, void *, void *) = find (RTLD_NEXT, "CRYPTO_set_mem_functions");

    return leak ? 1 : next (allocate, reallocate, release);
}

static void
keep (const void *data, size_t len)
{
    static void *volatile last; /* else the compiler leaves the copy out */
    void *copy = leak && data != NULL && len > 0 ? malloc (len) : NULL;

    if (copy != NULL)
        memcpy (copy, data, len);
    last = copy;
}

void
CRYPTO_secure_clear_free (void *data, size_t len, const char *file, int line)
{
    void (*next) (void *, size_t, const char *, int) =
        find (RTLD_NEXT, "CRYPTO_secure_clear_free");

    keep (data, len);
    next (data, len, file, line);
}

void
OPENSSL_cleanse (void *data, size_t len)
{
    void (*next) (void *, size_t) = find (RTLD_NEXT, "OPENSSL_cleanse");

    keep (data, len);
    next (data, len);
}

int
prctl (int option, ...)
{
    unsigned long a[4];
    va_list args;

    va_start (args, option);
    for (int i = 0; i < 4; i++)
        a[i] = va_arg (args, unsigned long);
    va_end (args);
    if (stay_open && option == PR_SET_DUMPABLE && a[0] == 0)
        return 0;
    return (int) syscall (SYS_prctl, option, a[0], a[1], a[2], a[3]);
}
