/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Files of an emulated host: replaced as a whole, private, and never through a link. */

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "psp/host/files.h"
#include "psp/host/host-error.h"
#include "psp/host/sealed.h"
#include "tests/lib/test-dir.h"

#define LIMIT 4096u

static void
expect_content (const TestDir *dir, const char *name, const char *expected)
{
    g_autoptr (GBytes) bytes = NULL;
    g_autoptr (GError) error = NULL;

    g_assert_true (files_read (dir->fd, name, LIMIT, &bytes, &error));
    g_assert_no_error (error);
    g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), expected,
                     strlen (expected));
}

static void
expect_unread (const TestDir *dir, const char *name, int code)
{
    g_autoptr (GBytes) bytes = NULL;
    g_autoptr (GError) error = NULL;

    g_assert_false (files_read (dir->fd, name, LIMIT, &bytes, &error));
    g_assert_error (error, HOST_ERROR, code);
    g_assert_null (bytes);
}

static void
expect_no_secret (const TestDir *dir, const char *name, int code)
{
    g_autoptr (SevSecret) secret = NULL;
    g_autoptr (GError) error = NULL;

    g_assert_false (files_read_secret (dir->fd, name, LIMIT, &secret, &error));
    g_assert_error (error, HOST_ERROR, code);
    g_assert_null (secret);
}

static void
put (const TestDir *dir, const char *name, const char *text, guint mode)
{
    g_autoptr (GError) error = NULL;

    g_assert_true (files_replace (dir->fd, name, text, strlen (text), mode, &error));
    g_assert_no_error (error);
}

static void
test_replace (void)
{
    g_auto (TestDir) dir = { 0 };

    test_dir_init (&dir);
    put (&dir, "f", "first", 0600);
    expect_content (&dir, "f", "first");
    g_assert_cmpuint (test_dir_mode (&dir, "f"), ==, 0600);
    put (&dir, "f", "2", 0644);
    expect_content (&dir, "f", "2");
    g_assert_cmpuint (test_dir_mode (&dir, "f"), ==, 0644);
    put (&dir, "f", "", 0400);
    expect_content (&dir, "f", "");
    g_assert_cmpuint (test_dir_count (&dir, "."), ==, 1);
    /* No umask gets in between. */
    const mode_t old = umask (0777);
    put (&dir, "g", "text", 0640);
    umask (old);
    g_assert_cmpuint (test_dir_mode (&dir, "g"), ==, 0640);
}

/* A link in the place of the file, or of its draft, leads nowhere. */
static void
test_links (void)
{
    g_auto (TestDir) dir = { 0 };

    test_dir_init (&dir);
    test_dir_write (&dir, "target", "target", 0600);
    expect_content (&dir, "target", "target");
    g_assert_cmpint (symlinkat ("target", dir.fd, "link"), ==, 0);
    expect_unread (&dir, "link", HOST_ERROR_IO);
    expect_no_secret (&dir, "link", HOST_ERROR_IO);

    g_assert_cmpint (symlinkat ("target", dir.fd, "link.new"), ==, 0);
    put (&dir, "link", "mine", 0600);
    expect_content (&dir, "link", "mine");
    expect_content (&dir, "target", "target");
    g_assert_false (test_dir_has (&dir, "link.new"));
}

static void
test_kinds (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (GBytes) bytes = NULL;
    g_autoptr (SevSecret) secret = NULL;
    g_autoptr (GError) error = NULL;

    test_dir_init (&dir);
    test_dir_make (&dir, "directory", 0700);
    g_assert_cmpint (mkfifoat (dir.fd, "fifo", 0600), ==, 0);
    expect_unread (&dir, "directory", HOST_ERROR_STATE);
    expect_unread (&dir, "fifo", HOST_ERROR_STATE);
    expect_no_secret (&dir, "fifo", HOST_ERROR_STATE);
    /* Nothing there is no error, and says so. */
    g_assert_true (files_read (dir.fd, "none", LIMIT, &bytes, &error));
    g_assert_no_error (error);
    g_assert_null (bytes);
    g_assert_true (files_read_secret (dir.fd, "none", LIMIT, &secret, &error));
    g_assert_no_error (error);
    g_assert_null (secret);
    g_assert_true (files_remove (dir.fd, "none", &error));
    g_assert_no_error (error);
    g_assert_false (files_remove (dir.fd, "directory", &error));
    g_assert_error (error, HOST_ERROR, HOST_ERROR_IO);
}

static void
test_modes (void)
{
    static const struct {
        guint mode;
        gboolean read;
        gboolean secret;
    } rows[] = {
        { 0600, TRUE, TRUE },   { 0400, TRUE, TRUE },   { 0644, TRUE, FALSE },
        { 0640, TRUE, FALSE },  { 0604, TRUE, FALSE },  { 0620, FALSE, FALSE },
        { 0602, FALSE, FALSE }, { 0666, FALSE, FALSE },
    };
    g_auto (TestDir) dir = { 0 };

    test_dir_init (&dir);
    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (GBytes) bytes = NULL;
        g_autoptr (SevSecret) secret = NULL;

        put (&dir, "f", "text", rows[i].mode);
        g_assert_cmpint (files_read (dir.fd, "f", LIMIT, &bytes, NULL), ==, rows[i].read);
        g_assert_cmpint (files_read_secret (dir.fd, "f", LIMIT, &secret, NULL), ==,
                         rows[i].secret);
        g_assert_true ((bytes != NULL) == rows[i].read);
        g_assert_true ((secret != NULL) == rows[i].secret);
    }
}

static void
test_sizes (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autofree char *text = g_strnfill (LIMIT + 1, 'x');

    test_dir_init (&dir);
    put (&dir, "large", text, 0600);
    expect_unread (&dir, "large", HOST_ERROR_STATE);
    expect_no_secret (&dir, "large", HOST_ERROR_STATE);
    text[LIMIT] = '\0';
    put (&dir, "fits", text, 0600);
    expect_content (&dir, "fits", text);
    put (&dir, "empty", "", 0600);
    expect_no_secret (&dir, "empty", HOST_ERROR_STATE);
}

/* Whoever reads sees one whole text or the other; the writer may die at any moment. */
static void
test_killed (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autofree char *a = g_strnfill (4000, 'a');
    g_autofree char *b = g_strnfill (3000, 'b');
    int status;

    test_dir_init (&dir);
    put (&dir, "f", a, 0600);
    for (guint round = 0; round < 10; round++) {
        const pid_t pid = fork ();

        if (pid == 0) {
            for (;;)
                if (!files_replace (dir.fd, "f", b, 3000, 0600, NULL) ||
                    !files_replace (dir.fd, "f", a, 4000, 0600, NULL))
                    _exit (1);
        }
        /* The writer is seen at work before it is killed. */
        for (guint seen_b = 0, reads = 0; seen_b == 0 || reads < 20 + round; reads++) {
            g_autofree char *text = test_dir_read (&dir, "f");
            g_assert_true (strcmp (text, a) == 0 || strcmp (text, b) == 0);
            seen_b += text[0] == 'b' ? 1 : 0;
        }
        g_assert_cmpint (kill (pid, SIGKILL), ==, 0);
        g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
        g_assert_true (WIFSIGNALED (status));
        g_autofree char *left = test_dir_read (&dir, "f");
        g_assert_true (strcmp (left, a) == 0 || strcmp (left, b) == 0);
        put (&dir, "f", a, 0600);
        g_assert_cmpuint (test_dir_count (&dir, "."), ==, 1);
    }
}

static Sealed *
seal (const TestDir *dir, const char *name, guint64 max, GError **error)
{
    g_autofree char *path = test_dir_path (dir, name);

    return sealed_read ("kernel", path, max, error);
}

static void
test_sealed (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (GError) error = NULL;
    guint8 digest[SEV_DIGEST_SIZE];

    test_dir_init (&dir);
    test_dir_write (&dir, "k", "abc", 0600);
    g_autoptr (Sealed) sealed = seal (&dir, "k", 3, &error);
    g_assert_no_error (error);
    test_dir_write (&dir, "k", "xyz", 0600);
    g_assert_cmpmem (sealed_get_data (sealed), sealed_get_size (sealed), "abc", 3);
    const int fd = sealed_get_fd (sealed);
    g_assert_cmpint (pwrite (fd, "x", 1, 0), ==, -1);
    g_assert_cmpint (ftruncate (fd, 1), ==, -1);
    g_assert_cmpint (ftruncate (fd, 10), ==, -1);
    g_assert_cmpint (fcntl (fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
    /* FIPS 180-2, appendix B.1 */
    g_assert_true (sealed_sha256 (sealed, digest, &error));
    g_assert_cmphex (digest[0], ==, 0xba);
    g_assert_cmphex (digest[31], ==, 0xad);
}

static void
test_sealed_refusals (void)
{
    static const char *const names[] = { "none", "directory", "fifo", "empty", "k" };
    g_auto (TestDir) dir = { 0 };

    test_dir_init (&dir);
    test_dir_write (&dir, "k", "abcd", 0600);
    g_autoptr (Sealed) good = seal (&dir, "k", 4, NULL);
    g_assert_nonnull (good);
    test_dir_write (&dir, "empty", "", 0600);
    test_dir_make (&dir, "directory", 0700);
    g_assert_cmpint (mkfifoat (dir.fd, "fifo", 0600), ==, 0);
    for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
        g_autoptr (GError) error = NULL;
        g_autoptr (Sealed) sealed = seal (&dir, names[i], 3, &error);
        g_assert_null (sealed);
        g_assert_error (error, HOST_ERROR, HOST_ERROR_GUEST);
        g_assert_nonnull (strstr (error->message, "kernel"));
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    g_test_add_func ("/host/files/replace", test_replace);
    g_test_add_func ("/host/files/links", test_links);
    g_test_add_func ("/host/files/kinds", test_kinds);
    g_test_add_func ("/host/files/modes", test_modes);
    g_test_add_func ("/host/files/sizes", test_sizes);
    g_test_add_func ("/host/files/killed", test_killed);
    g_test_add_func ("/host/sealed/good", test_sealed);
    g_test_add_func ("/host/sealed/refusals", test_sealed_refusals);
    return g_test_run ();
}
