/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/host-fixture.h"

void
host_fixture_set_up (HostFixture *f, gconstpointer data)
{
    g_autofree char *path =
        g_build_filename (g_getenv ("G_TEST_SRCDIR"), "tests/unit/psp-chip-v1.b64", NULL);
    g_autofree char *text = NULL;
    gsize len;

    test_dir_init (&f->dir);
    test_dir_write (&f->dir, "host.conf",
                    "[host]\nformat=1\n[platform]\ngeneration=naples\nes=false\n", 0600);
    test_dir_make (&f->dir, "platform", 0700);
    g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
    g_autofree guint8 *chip = g_base64_decode (text, &len);
    test_dir_write_bytes (&f->dir, "platform/chip", chip, len, 0600);
    f->host = host_dir_open (f->dir.path, NULL);
    g_assert_nonnull (f->host);
}

void
host_fixture_tear_down (HostFixture *f, gconstpointer data)
{
    host_dir_free (f->host);
    test_dir_clear (&f->dir);
}
