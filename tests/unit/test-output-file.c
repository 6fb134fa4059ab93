/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a command may write over, and what it writes into. */

#include "launcher/base/output-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "launcher/base/file-writer.h"
#include "policy/policy-error.h"
#include "tests/lib/test-dir.h"

static void
make_socket (const char *path)
{
    const int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    g_assert_cmpint (g_strlcpy (address.sun_path, path, sizeof address.sun_path), <,
                     sizeof address.sun_path);
    g_assert_cmpint (bind (fd, (struct sockaddr *) &address, sizeof address), ==, 0);
    close (fd);
}

static void
make_fifo (const char *path)
{
    g_assert_cmpint (mkfifo (path, 0600), ==, 0);
}

static void
make_folder (const char *path)
{
    g_assert_cmpint (mkdir (path, 0700), ==, 0);
}

static void
make_link (const char *path)
{
    g_assert_cmpint (symlink ("file", path), ==, 0);
}

static void
make_dangling (const char *path)
{
    g_assert_cmpint (symlink ("nothing", path), ==, 0);
}

/* A null device of its own, in the test's folder. */
static void
make_device (const char *path)
{
    if (mknod (path, S_IFCHR | 0600, makedev (1, 3)) == 0)
        return;
    g_test_message ("no device can be made here (%s): a pipe in its place",
                    g_strerror (errno));
    make_fifo (path);
}

static const struct {
    const char *name;
    void (*make) (const char *path);
} others[] = {
    { "link", make_link },     { "dangling", make_dangling }, { "fifo", make_fifo },
    { "socket", make_socket }, { "device", make_device },     { "folder", make_folder },
};

/* A regular file is replaced; what is none stays as it was, with nothing beside it. */
static void
test_place (void)
{
    g_auto (TestDir) dir = { 0 };

    test_dir_init (&dir);
    test_dir_write (&dir, "file", "old", 0644);
    for (gsize i = 0; i < G_N_ELEMENTS (others); i++) {
        g_autofree char *file = test_dir_path (&dir, "file");
        g_autofree char *path = test_dir_path (&dir, others[i].name);
        g_autoptr (GError) error = NULL;
        struct stat before, after;

        g_assert_true (output_file_write (file, "new", 3, OUTPUT_FILE_PRIVATE, &error));
        g_assert_no_error (error);
        others[i].make (path);
        const guint names = test_dir_count (&dir, ".");
        g_assert_cmpint (lstat (path, &before), ==, 0);
        g_assert_false (output_file_write (path, "new", 3, OUTPUT_FILE_PRIVATE, &error));
        g_assert_error (error, POLICY_ERROR, POLICY_ERROR_OUTPUT_TYPE);
        g_assert_cmpstr (policy_error_id (error), ==, "output-type");
        g_clear_error (&error);
        g_assert_false (output_file_check (path, &error));
        g_assert_error (error, POLICY_ERROR, POLICY_ERROR_OUTPUT_TYPE);
        g_clear_error (&error);
        g_assert_null (file_writer_start (path, &error));
        g_assert_error (error, POLICY_ERROR, POLICY_ERROR_OUTPUT_TYPE);
        g_assert_cmpint (lstat (path, &after), ==, 0);
        g_assert_cmpuint (after.st_mode, ==, before.st_mode);
        g_assert_cmpuint (after.st_ino, ==, before.st_ino);
        g_assert_cmpuint (test_dir_count (&dir, "."), ==, names);
    }
    g_autofree char *text = test_dir_read (&dir, "file");
    g_assert_cmpstr (text, ==, "new");
    g_assert_cmpuint (test_dir_mode (&dir, "file"), ==, 0600);
}

/* The place was good when the launch began, and is a link when it ends. */
static void
test_writer (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (GError) error = NULL;

    test_dir_init (&dir);
    g_autofree char *path = test_dir_path (&dir, "out");
    g_autoptr (FileWriter) good = file_writer_start (path, &error);
    g_assert_no_error (error);
    g_assert_true (file_writer_write (good, "text", &error));
    g_autofree char *text = test_dir_read (&dir, "out");
    g_assert_cmpstr (text, ==, "text");

    g_autoptr (FileWriter) late = file_writer_start (path, &error);
    g_assert_no_error (error);
    test_dir_write (&dir, "file", "old", 0644);
    g_assert_cmpint (unlink (path), ==, 0);
    make_link (path);
    g_assert_false (file_writer_write (late, "text", &error));
    g_assert_nonnull (strstr (error->message, "symbolic link"));
    g_autofree char *old = test_dir_read (&dir, "file");
    g_assert_cmpstr (old, ==, "old");
}

static void
test_fifo (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (GError) error = NULL;
    char got[8] = "";

    test_dir_init (&dir);
    g_autofree char *path = test_dir_path (&dir, "fifo");
    make_fifo (path);
    const int reader = open (path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    g_assert_true (output_file_write (path, "page", 4, OUTPUT_FILE_PIPE, &error));
    g_assert_no_error (error);
    g_assert_cmpint (read (reader, got, sizeof got), ==, 4);
    g_assert_cmpstr (got, ==, "page");
    close (reader);
}

/* A device that is full, of the test's own: it stays, and the error is said. */
static void
test_device (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (GError) error = NULL;
    struct stat st;

    test_dir_init (&dir);
    g_autofree char *path = test_dir_path (&dir, "full");
    if (mknod (path, S_IFCHR | 0600, makedev (1, 7)) != 0) {
        g_test_skip ("no device can be made here");
        return;
    }
    const int fd = open (path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        g_test_skip ("devices in the test's folder cannot be opened (nodev)");
        return;
    }
    close (fd);
    g_assert_false (output_file_write (path, "page", 4, OUTPUT_FILE_PIPE, &error));
    g_assert_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_IO);
    g_assert_nonnull (strstr (error->message, g_strerror (ENOSPC)));
    g_assert_cmpint (lstat (path, &st), ==, 0);
    g_assert_true (S_ISCHR (st.st_mode));
}

/* Of the caller's descriptors; one of the program's own is none of them. */
static void
test_descriptor (void)
{
    g_autoptr (GError) error = NULL;
    int ends[2];
    char got[8] = "";

    g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM, 0, ends), ==, 0);
    g_autofree char *path = g_strdup_printf ("/dev/fd/%d", ends[0]);
    g_assert_true (output_file_write (path, "page", 4, OUTPUT_FILE_PIPE, &error));
    g_assert_no_error (error);
    g_assert_cmpint (read (ends[1], got, sizeof got), ==, 4);
    g_assert_cmpstr (got, ==, "page");
    g_assert_false (output_file_write (path, "page", 4, OUTPUT_FILE_PRIVATE, &error));
    g_clear_error (&error);
    g_assert_cmpint (fcntl (ends[0], F_SETFD, FD_CLOEXEC), ==, 0);
    g_assert_false (output_file_write (path, "page", 4, OUTPUT_FILE_PIPE, &error));
    g_assert_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_IO);
    close (ends[0]);
    close (ends[1]);
    g_assert_true (output_file_is_stdout ("-"));
    g_assert_true (output_file_is_stdout ("/dev/stdout"));
    g_assert_true (output_file_is_stdout ("/dev/fd/1"));
    g_assert_false (output_file_is_stdout ("/dev/fd/12"));
    g_assert_false (output_file_is_stdout ("stdout"));
}

static void
test_same (void)
{
    g_auto (TestDir) dir = { 0 };

    test_dir_init (&dir);
    test_dir_make (&dir, "sub", 0700);
    test_dir_write (&dir, "a", "", 0600);
    g_autofree char *a = test_dir_path (&dir, "a");
    g_autofree char *a2 = test_dir_path (&dir, "sub/../a");
    g_autofree char *b = test_dir_path (&dir, "b");
    g_autofree char *b2 = test_dir_path (&dir, "./sub/..//b");
    g_autofree char *elsewhere = test_dir_path (&dir, "sub/b");
    g_autofree char *link = test_dir_path (&dir, "link");

    g_assert_cmpint (symlink ("a", link), ==, 0);
    g_assert_true (output_file_is_same (a, a2));
    g_assert_true (output_file_is_same (b, b2));
    g_assert_true (output_file_is_same (a, link));
    g_assert_false (output_file_is_same (a, b));
    g_assert_false (output_file_is_same (b, elsewhere));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/output-file/place", test_place);
    g_test_add_func ("/output-file/writer", test_writer);
    g_test_add_func ("/output-file/fifo", test_fifo);
    g_test_add_func ("/output-file/device", test_device);
    g_test_add_func ("/output-file/descriptor", test_descriptor);
    g_test_add_func ("/output-file/same", test_same);
    return g_test_run ();
}
