/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The directory of an emulated host: host.conf, the platform's state and its lock. */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "psp/host/host-dir.h"
#include "psp/host/host-error.h"
#include "psp/host/state-dir.h"
#include "tests/lib/test-dir.h"

static HostDir *
open_host (const TestDir *dir)
{
    g_autoptr (GError) error = NULL;
    HostDir *host = host_dir_open (dir->path, &error);

    g_assert_no_error (error);
    return host;
}

static void
expect_refused (const char *path, int code)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (HostDir) host = host_dir_open (path, &error);

    g_assert_null (host);
    g_assert_error (error, HOST_ERROR, code);
}

static void
test_defaults (void)
{
    g_auto (TestDir) dir = { 0 };

    test_dir_init (&dir);
    g_autoptr (HostDir) host = open_host (&dir);
    g_assert_cmpstr (host->qemu, ==, "/usr/bin/qemu-system-x86_64");
    g_assert_cmpuint (host->config.api_major, ==, 1);
    g_assert_cmpuint (host->config.api_minor, ==, 55);
    g_assert_cmpuint (host->config.build, ==, 21);
    g_assert_true (host->config.es);
    g_assert_cmpint (host->generation, ==, PSP_GENERATION_MILAN);
    g_assert_cmpuint (host->config.max_asid - host->config.min_sev_asid + 1, ==, 410);
    g_assert_false (host->amd_key_id);
}

static void
test_conf (void)
{
    g_auto (TestDir) dir = { 0 };

    test_dir_init (&dir);
    test_dir_write (&dir, "host.conf",
                    "# a host\n[host]\nformat=1\n[emulator]\nqemu=/opt/q\n[platform]\n"
                    "api=0.17\nbuild=255\ngeneration=naples\nes=false\n"
                    "asids=2\namd-key-id=true\n",
                    0600);
    g_autoptr (HostDir) host = open_host (&dir);
    g_assert_cmpstr (host->qemu, ==, "/opt/q");
    g_assert_cmpuint (host->config.api_major, ==, 0);
    g_assert_cmpuint (host->config.api_minor, ==, 17);
    g_assert_cmpuint (host->config.build, ==, 255);
    g_assert_false (host->config.es);
    g_assert_cmpint (host->generation, ==, PSP_GENERATION_NAPLES);
    g_assert_cmpuint (host->config.max_asid - host->config.min_sev_asid + 1, ==, 2);
    g_assert_true (host->amd_key_id);
}

static void
test_bad_conf (void)
{
    static const char *const bad[] = {
        "",
        "[host]\n",
        "[emulator]\nqemu=/opt/q\n",
        "[host]\nformat=2\n",
        "[host]\nformat=01\n",
        "format=1\n",
        "[host]\nformat=1\nname=x\n",
        "[host]\nformat=1\n[secret]\nkey=x\n",
        "[host]\nformat=1\n[emulator]\nqemu=q\n",
        "[host]\nformat=1\n[emulator]\nqemu=\n",
        "[host]\nformat=1\n[platform]\napi=1\n",
        "[host]\nformat=1\n[platform]\napi=1.256\n",
        "[host]\nformat=1\n[platform]\napi=1.2.3\n",
        "[host]\nformat=1\n[platform]\napi=-1.2\n",
        "[host]\nformat=1\n[platform]\nbuild=256\n",
        "[host]\nformat=1\n[platform]\nbuild=x\n",
        "[host]\nformat=1\n[platform]\ngeneration=turin\n",
        "[host]\nformat=1\n[platform]\nes=yes\n",
        "[host]\nformat=1\n[platform]\nasids=0\n",
        "[host]\nformat=1\n[platform]\nasids=10001\n",
        "[host]\nformat=1\n[platform]\namd-key-id=yes\n",
        "[host]\nformat=1\nnonsense\n",
        "[host]\nformat=1\n[emulator]\nqemu=/\xff\n",
    };
    g_auto (TestDir) dir = { 0 };

    test_dir_init (&dir);
    test_dir_write (&dir, "host.conf", "[host]\nformat=1\n", 0600);
    g_autoptr (HostDir) good = open_host (&dir);
    for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_autoptr (GError) error = NULL;
        test_dir_write (&dir, "host.conf", bad[i], 0600);
        g_autoptr (HostDir) host = host_dir_open (dir.path, &error);
        g_assert_null (host);
        if (error->domain != HOST_ERROR || error->code != HOST_ERROR_CONFIG)
            g_error ("'%s': %s", bad[i], error->message);
    }
}

static void
test_conf_file (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autofree char *comment = g_strnfill (20000, '#');

    test_dir_init (&dir);
    test_dir_write (&dir, "host.conf", "[host]\nformat=1\n", 0644);
    g_autoptr (HostDir) good = open_host (&dir);
    test_dir_write (&dir, "host.conf", "[host]\nformat=1\n", 0666);
    expect_refused (dir.path, HOST_ERROR_STATE);
    test_dir_write (&dir, "host.conf", comment, 0600);
    expect_refused (dir.path, HOST_ERROR_STATE);
    g_assert_cmpint (renameat (dir.fd, "host.conf", dir.fd, "other"), ==, 0);
    g_assert_cmpint (symlinkat ("other", dir.fd, "host.conf"), ==, 0);
    expect_refused (dir.path, HOST_ERROR_IO);
}

static void
test_directory (void)
{
    static const guint modes[] = { 0755, 0750, 0710, 0701, 0500, 01700, 02700 };
    g_auto (TestDir) dir = { 0 };

    test_dir_init (&dir);
    g_autofree char *path = test_dir_path (&dir, "host");
    g_autofree char *link = test_dir_path (&dir, "link");
    g_autofree char *none = test_dir_path (&dir, "none");
    test_dir_make (&dir, "host", 0700);
    g_autoptr (HostDir) good = host_dir_open (path, NULL);
    g_assert_nonnull (good);
    for (gsize i = 0; i < G_N_ELEMENTS (modes); i++) {
        g_assert_cmpint (fchmodat (dir.fd, "host", modes[i], 0), ==, 0);
        /* A set-group-id bit does not stick where the group is another. */
        if (test_dir_mode (&dir, "host") == modes[i])
            expect_refused (path, HOST_ERROR_CONFIG);
    }
    g_assert_cmpint (fchmodat (dir.fd, "host", 0700, 0), ==, 0);
    g_assert_cmpint (symlinkat ("host", dir.fd, "link"), ==, 0);
    expect_refused (link, HOST_ERROR_IO);
    expect_refused (none, HOST_ERROR_IO);
    test_dir_write (&dir, "none", "", 0600);
    expect_refused (none, HOST_ERROR_IO);
}

static void
test_sub (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (GError) error = NULL;

    test_dir_init (&dir);
    g_autoptr (HostDir) host = open_host (&dir);
    const int fd = host_dir_open_sub (host, "sub", &error);
    g_assert_no_error (error);
    g_assert_cmpint (fd, >=, 0);
    close (fd);
    g_assert_cmpuint (test_dir_mode (&dir, "sub"), ==, 0700);
    const int again = host_dir_open_sub (host, "sub", &error);
    g_assert_cmpint (again, >=, 0);
    close (again);
    g_assert_cmpint (symlinkat ("sub", dir.fd, "link"), ==, 0);
    g_assert_cmpint (host_dir_open_sub (host, "link", &error), ==, -1);
    g_assert_error (error, HOST_ERROR, HOST_ERROR_IO);
}

/* Writes a stored chip (Naples) where the state directory keeps one. */
static void
put_chip (const TestDir *dir)
{
    g_autofree char *path =
        g_build_filename (g_getenv ("G_TEST_SRCDIR"), "tests/unit/psp-chip-v1.b64", NULL);
    g_autofree char *text = NULL;
    gsize len;

    g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
    g_autofree guint8 *bytes = g_base64_decode (text, &len);
    test_dir_write_bytes (dir, "platform/chip", bytes, len, 0600);
}

static void
expect_chip_error (StateDir *state,
                   HostDir *host,
                   PspGeneration generation,
                   GQuark domain,
                   int code)
{
    g_autoptr (GError) error = NULL;

    host->generation = generation;
    g_autoptr (PspChip) chip = state_dir_chip (state, host, &error);

    g_assert_null (chip);
    g_assert_nonnull (error);
    if (domain != 0)
        g_assert_error (error, domain, code);
}

static void
test_chip (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (GError) error = NULL;

    test_dir_init (&dir);
    g_autoptr (HostDir) host = open_host (&dir);
    g_autoptr (StateDir) state = state_dir_open (host, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (test_dir_mode (&dir, "platform"), ==, 0700);
    g_assert_cmpuint (test_dir_mode (&dir, "platform/lock"), ==, 0600);
    put_chip (&dir);
    g_autoptr (PspChip) chip = NULL;
    for (host->generation = PSP_GENERATION_NAPLES;
         chip == NULL && host->generation <= PSP_GENERATION_MILAN; host->generation++)
        chip = state_dir_chip (state, host, NULL);
    g_assert_nonnull (chip);
    const PspGeneration own = psp_chip_generation (chip);
    const PspGeneration other =
        own == PSP_GENERATION_MILAN ? PSP_GENERATION_ROME : PSP_GENERATION_MILAN;
    expect_chip_error (state, host, other, HOST_ERROR, HOST_ERROR_CONFIG);

    /* Damaged, open to others, or empty: never replaced by a new one. */
    test_dir_write (&dir, "platform/chip", "damaged", 0600);
    expect_chip_error (state, host, own, 0, 0);
    g_autofree char *left = test_dir_read (&dir, "platform/chip");
    g_assert_cmpstr (left, ==, "damaged");
    test_dir_write (&dir, "platform/chip", "", 0600);
    expect_chip_error (state, host, own, HOST_ERROR, HOST_ERROR_STATE);
    put_chip (&dir);
    g_assert_cmpint (fchmodat (dir.fd, "platform/chip", 0644, 0), ==, 0);
    expect_chip_error (state, host, own, HOST_ERROR, HOST_ERROR_STATE);
}

static void
check_nv (StateDir *state, const char *expected)
{
    g_autoptr (SevSecret) blob = NULL;
    g_autoptr (GError) error = NULL;

    g_assert_true (state_dir_nv_load (state, &blob, &error));
    g_assert_no_error (error);
    if (expected == NULL)
        g_assert_null (blob);
    else
        g_assert_cmpmem (sev_secret_data (blob), sev_secret_size (blob), expected,
                         strlen (expected));
}

static void
test_nv (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (SevSecret) blob = sev_secret_new_copy ("state", 5);
    g_autoptr (GError) error = NULL;

    test_dir_init (&dir);
    g_autoptr (HostDir) host = open_host (&dir);
    g_autoptr (StateDir) state = state_dir_open (host, &error);
    g_assert_no_error (error);
    check_nv (state, NULL);
    g_assert_true (state_dir_nv_store (state, blob, &error));
    check_nv (state, "state");
    g_assert_cmpuint (test_dir_mode (&dir, "platform/nv"), ==, 0600);
    g_assert_true (state_dir_nv_store (state, NULL, &error));
    check_nv (state, NULL);
    g_assert_true (state_dir_nv_store (state, NULL, &error));
    g_assert_no_error (error);
}

/* Stores two states in turn, for ever. */
static void
write_for_ever (const TestDir *dir, int ready)
{
    g_autoptr (HostDir) host = host_dir_open (dir->path, NULL);
    g_autoptr (StateDir) state = state_dir_open (host, NULL);
    g_autoptr (SevSecret) a = sev_secret_new_copy ("aaaaaaaa", 8);
    g_autoptr (SevSecret) b = sev_secret_new_copy ("bbbb", 4);

    for (guint i = 0; state != NULL; i++) {
        if (!state_dir_nv_store (state, i % 2 == 0 ? a : b, NULL))
            return;
        if (i == 2 && write (ready, "x", 1) != 1)
            return;
    }
}

/* One process at a time; the lock and a half-written file go with whoever is killed. */
static void
test_killed (void)
{
    g_auto (TestDir) dir = { 0 };
    int ready[2];
    int status;
    char byte;

    test_dir_init (&dir);
    g_autoptr (HostDir) host = open_host (&dir);
    for (guint round = 0; round < 5; round++) {
        g_assert_cmpint (pipe (ready), ==, 0);
        const pid_t pid = fork ();
        if (pid == 0) {
            write_for_ever (&dir, ready[1]);
            _exit (1);
        }
        close (ready[1]);
        g_assert_cmpint (read (ready[0], &byte, 1), ==, 1);
        const int lock = openat (dir.fd, "platform/lock", O_RDWR | O_CLOEXEC);
        g_assert_cmpint (flock (lock, LOCK_EX | LOCK_NB), ==, -1);
        g_assert_cmpint (errno, ==, EWOULDBLOCK);
        close (lock);
        g_assert_cmpint (kill (pid, SIGKILL), ==, 0);
        g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
        g_assert_true (WIFSIGNALED (status));
        close (ready[0]);

        g_autoptr (StateDir) state = state_dir_open (host, NULL);
        g_autoptr (SevSecret) blob = NULL;
        g_autoptr (SevSecret) next = sev_secret_new_copy ("next", 4);
        g_assert_true (state_dir_nv_load (state, &blob, NULL));
        g_assert_true ((sev_secret_size (blob) == 8 &&
                        memcmp (sev_secret_data (blob), "aaaaaaaa", 8) == 0) ||
                       (sev_secret_size (blob) == 4 &&
                        memcmp (sev_secret_data (blob), "bbbb", 4) == 0));
        g_assert_true (state_dir_nv_store (state, next, NULL));
        check_nv (state, "next");
        g_assert_cmpuint (test_dir_count (&dir, "platform"), ==, 2); /* lock, nv */
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    g_test_add_func ("/host/dir/defaults", test_defaults);
    g_test_add_func ("/host/dir/conf", test_conf);
    g_test_add_func ("/host/dir/bad-conf", test_bad_conf);
    g_test_add_func ("/host/dir/conf-file", test_conf_file);
    g_test_add_func ("/host/dir/directory", test_directory);
    g_test_add_func ("/host/dir/sub", test_sub);
    g_test_add_func ("/host/state/chip", test_chip);
    g_test_add_func ("/host/state/nv", test_nv);
    g_test_add_func ("/host/state/killed", test_killed);
    return g_test_run ();
}
