/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "psp/host/asids.h"
#include "tests/lib/test-dir.h"

#define MIN_SEV_ASID 3u
#define MAX_ASID 5u

static HostDir *
open_host (const TestDir *dir)
{
    HostDir *host = host_dir_open (dir->path, NULL);

    g_assert_nonnull (host);
    host->config.min_sev_asid = MIN_SEV_ASID;
    host->config.max_asid = MAX_ASID;
    return host;
}

static Asids *
open_asids (const HostDir *host)
{
    g_autoptr (GError) error = NULL;
    Asids *asids = asids_open (host, &error);

    g_assert_no_error (error);
    return asids;
}

/* Returns: (transfer full): what holds ASID @expected */
static Asids *
take (const HostDir *host, gboolean es, guint32 expected)
{
    Asids *asids = open_asids (host);
    g_autoptr (GError) error = NULL;
    guint32 asid;

    g_assert_true (asids_take (asids, es, &asid, &error));
    g_assert_no_error (error);
    g_assert_cmpuint (asid, ==, expected);
    return asids;
}

/* CPUID 8000001F: those below EDX are for SEV-ES guests, the rest up to ECX for others. */
static void
test_ranges (void)
{
    g_auto (TestDir) dir = { 0 };

    test_dir_init (&dir);
    g_autoptr (HostDir) host = open_host (&dir);
    g_autoptr (Asids) counter = open_asids (host);
    g_assert_cmpuint (asids_count_others (counter), ==, 0);
    g_autoptr (Asids) a = take (host, FALSE, 3);
    g_autoptr (Asids) b = take (host, TRUE, 1);
    g_autoptr (Asids) c = take (host, FALSE, 4);
    g_autoptr (Asids) d = take (host, FALSE, 5);
    g_autoptr (Asids) e = take (host, TRUE, 2);
    g_assert_cmpuint (asids_count_others (counter), ==, 5);
    g_assert_cmpuint (asids_count_others (a), ==, 4);
    g_autoptr (Asids) no_sev = take (host, FALSE, 0);
    g_autoptr (Asids) no_es = take (host, TRUE, 0);
    g_clear_pointer (&c, asids_free);
    g_assert_cmpuint (asids_count_others (counter), ==, 4);
    g_autoptr (Asids) again = take (host, FALSE, 4);
    g_assert_cmpuint (test_dir_mode (&dir, "platform/asids"), ==, 0600);
}

/* A guest that is killed gives its ASID back. */
static void
test_killed (void)
{
    g_auto (TestDir) dir = { 0 };
    int ready[2], status;
    char byte;

    test_dir_init (&dir);
    g_autoptr (HostDir) host = open_host (&dir);
    g_autoptr (Asids) counter = open_asids (host);
    g_assert_cmpint (pipe (ready), ==, 0);
    const pid_t pid = fork ();
    if (pid == 0) {
        g_autoptr (HostDir) own = open_host (&dir);
        g_autoptr (Asids) mine = take (own, FALSE, 3);
        if (write (ready[1], "x", 1) == 1)
            pause ();
        _exit (1);
    }
    g_assert_cmpint (read (ready[0], &byte, 1), ==, 1);
    g_assert_cmpuint (asids_count_others (counter), ==, 1);
    g_assert_cmpint (kill (pid, SIGKILL), ==, 0);
    g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
    g_assert_true (WIFSIGNALED (status));
    g_assert_cmpuint (asids_count_others (counter), ==, 0);
    g_autoptr (Asids) next = take (host, FALSE, 3);
    close (ready[0]);
    close (ready[1]);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    g_test_add_func ("/host/asids/ranges", test_ranges);
    g_test_add_func ("/host/asids/killed", test_killed);
    return g_test_run ();
}
