/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/lib/test-dir.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

void
test_dir_init (TestDir *dir)
{
    g_autoptr (GError) error = NULL;

    dir->path = g_dir_make_tmp ("sl-policy-XXXXXX", &error);
    g_assert_no_error (error);
    dir->fd = open (dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g_assert_cmpint (dir->fd, >=, 0);
}

static void
remove_tree (const char *path)
{
    g_autoptr (GDir) dir = NULL;

    (void) g_chmod (path, 0700);
    dir = g_dir_open (path, 0, NULL);
    for (const char *name; dir != NULL && (name = g_dir_read_name (dir)) != NULL;) {
        g_autofree char *child = g_build_filename (path, name, NULL);
        if (g_file_test (child, G_FILE_TEST_IS_DIR) &&
            !g_file_test (child, G_FILE_TEST_IS_SYMLINK))
            remove_tree (child);
        else
            g_assert_cmpint (g_unlink (child), ==, 0);
    }
    g_assert_cmpint (g_rmdir (path), ==, 0);
}

void
test_dir_clear (TestDir *dir)
{
    if (dir->path == NULL)
        return;
    close (dir->fd);
    remove_tree (dir->path);
    g_clear_pointer (&dir->path, g_free);
}

char *
test_dir_path (const TestDir *dir, const char *name)
{
    return g_build_filename (dir->path, name, NULL);
}

void
test_dir_make (const TestDir *dir, const char *name, guint mode)
{
    g_assert_cmpint (mkdirat (dir->fd, name, 0700), ==, 0);
    g_assert_cmpint (fchmodat (dir->fd, name, mode, 0), ==, 0);
}

void
test_dir_write_bytes (const TestDir *dir,
                      const char *name,
                      const void *data,
                      gsize len,
                      guint mode)
{
    const int fd = openat (dir->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    g_assert_cmpint (fd, >=, 0);
    g_assert_cmpint (write (fd, data, len), ==, (gssize) len);
    g_assert_cmpint (fchmod (fd, mode), ==, 0);
    g_assert_cmpint (close (fd), ==, 0);
}

void
test_dir_write (const TestDir *dir, const char *name, const char *text, guint mode)
{
    test_dir_write_bytes (dir, name, text, strlen (text), mode);
}

char *
test_dir_read (const TestDir *dir, const char *name)
{
    g_autofree char *path = test_dir_path (dir, name);
    g_autoptr (GError) error = NULL;
    char *text = NULL;

    g_file_get_contents (path, &text, NULL, &error);
    g_assert_no_error (error);
    return text;
}

guint
test_dir_mode (const TestDir *dir, const char *name)
{
    struct stat st;

    g_assert_cmpint (fstatat (dir->fd, name, &st, AT_SYMLINK_NOFOLLOW), ==, 0);
    return st.st_mode & 07777;
}

gboolean
test_dir_has (const TestDir *dir, const char *name)
{
    struct stat st;

    return fstatat (dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

guint
test_dir_count (const TestDir *dir, const char *name)
{
    g_autofree char *path = test_dir_path (dir, name);
    g_autoptr (GDir) entries = g_dir_open (path, 0, NULL);
    guint count = 0;

    g_assert_nonnull (entries);
    while (g_dir_read_name (entries) != NULL)
        count++;
    return count;
}
