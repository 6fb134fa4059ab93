/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The service behind /dev/sev where descriptors run out.  It runs in a child of one second
 * of processor time: a loop that never rests does not live to see the test's condition.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "psp/host/sev-device-wire.h"
#include "psp/host/sev-service.h"
#include "tests/lib/test-dir.h"

#define LIMIT 64
#define CLIENTS 80
#define OTHERS 40 /* descriptors that are taken from the service */

typedef struct {
    TestDir dir;
    pid_t child;
    int clients[CLIENTS];
} Fixture;

static void
run_child (const Fixture *f, guint others)
{
    const struct rlimit descriptors = { LIMIT, LIMIT };
    const struct rlimit seconds = { 1, 1 };

    setrlimit (RLIMIT_NOFILE, &descriptors);
    setrlimit (RLIMIT_CPU, &seconds);
    g_autoptr (HostDir) host = host_dir_open (f->dir.path, NULL);
    for (guint i = 0; i < others; i++)
        if (open ("/dev/null", O_RDONLY) < 0)
            _exit (2);
    _exit (host != NULL && sev_service_run (host, NULL) ? 0 : 1);
}

static int
reach (const Fixture *f)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const int fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    g_snprintf (address.sun_path, sizeof address.sun_path, "%s/%s", f->dir.path,
                SEV_DEVICE_SOCKET_READ_WRITE);
    g_assert_cmpint (fd, >=, 0);
    while (connect (fd, (struct sockaddr *) &address, sizeof address) != 0) {
        g_assert_true (errno == ENOENT || errno == ECONNREFUSED);
        g_assert_cmpint (waitpid (f->child, NULL, WNOHANG), ==, 0);
        g_usleep (1000);
    }
    return fd;
}

static void
begin (Fixture *f, guint others)
{
    test_dir_init (&f->dir);
    test_dir_write (&f->dir, "host.conf", "[host]\nformat=1\n", 0600);
    f->child = fork ();
    if (f->child == 0)
        run_child (f, others);
    for (guint i = 0; i < CLIENTS; i++)
        f->clients[i] = reach (f);
}

/* Every client leaves, and so does the service. */
static void
end (Fixture *f)
{
    int status;

    for (guint i = 0; i < CLIENTS; i++)
        close (f->clients[i]);
    g_assert_cmpint (waitpid (f->child, &status, 0), ==, f->child);
    g_assert_cmpint (status, ==, 0);
    test_dir_clear (&f->dir);
}

/* Whether an accepted client reads its end of file, or a refused one is hung up on: only
 * then is the other half shut down too. */
static gboolean
is_refused (int fd)
{
    struct pollfd entry = { .fd = fd };

    return poll (&entry, 1, 0) == 1 && (entry.revents & POLLHUP) != 0;
}

static void
wait_until_refused (int fd)
{
    struct pollfd entry = { .fd = fd };

    g_assert_cmpint (poll (&entry, 1, -1), ==, 1);
    g_assert_true (is_refused (fd));
}

static void
test_limit (void)
{
    Fixture f = { 0 };

    begin (&f, 0);
    /* Clients come in their order. */
    wait_until_refused (f.clients[CLIENTS - 1]);
    g_assert_false (is_refused (f.clients[0]));
    g_assert_false (is_refused (f.clients[LIMIT / 4]));
    g_assert_true (is_refused (f.clients[LIMIT]));
    end (&f);
}

/* How often a process began to wait for something. */
static guint64
count_rests (pid_t pid)
{
    static const char name[] = "\nvoluntary_ctxt_switches:";
    g_autofree char *path = g_strdup_printf ("/proc/%d/status", pid);
    g_autofree char *text = NULL;

    g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
    const char *found = strstr (text, name);
    if (found == NULL)
        g_error ("the service has died: %s", text);
    return g_ascii_strtoull (found + strlen (name), NULL, 10);
}

static gboolean
has_ended (pid_t pid)
{
    siginfo_t info = { 0 };

    g_assert_cmpint (waitid (P_PID, (id_t) pid, &info, WEXITED | WNOHANG | WNOWAIT), ==, 0);
    return info.si_pid == pid;
}

/* Clients for whom there is no descriptor wait, and the service rests meanwhile. */
static void
test_none_left (void)
{
    Fixture f = { 0 };

    begin (&f, OTHERS);
    const guint64 before = count_rests (f.child);
    while (!has_ended (f.child) && count_rests (f.child) < before + 5)
        g_usleep (1000);
    g_assert_false (has_ended (f.child));
    g_assert_false (is_refused (f.clients[0]));
    g_assert_false (is_refused (f.clients[CLIENTS - 1]));
    end (&f);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    g_test_add_func ("/host/service/limit", test_limit);
    g_test_add_func ("/host/service/none-left", test_none_left);
    return g_test_run ();
}
