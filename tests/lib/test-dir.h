/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* A temporary directory of mode 0700 that goes when the test does. */
typedef struct {
    char *path;
    int fd;
} TestDir;

void test_dir_init (TestDir *dir);
void test_dir_clear (TestDir *dir);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TestDir, test_dir_clear)

/** test_dir_path: Returns: (transfer full) */
char *test_dir_path (const TestDir *dir, const char *name);
void test_dir_make (const TestDir *dir, const char *name, guint mode);
void test_dir_write (const TestDir *dir, const char *name, const char *text, guint mode);
void test_dir_write_bytes (const TestDir *dir,
                           const char *name,
                           const void *data,
                           gsize len,
                           guint mode);
/** test_dir_read: Returns: (transfer full): content with a NUL behind it */
char *test_dir_read (const TestDir *dir, const char *name);
guint test_dir_mode (const TestDir *dir, const char *name);
gboolean test_dir_has (const TestDir *dir, const char *name);
/** test_dir_count: Returns: number of names in it, hidden ones too */
guint test_dir_count (const TestDir *dir, const char *name);
