/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Guest memory.  Where RAM lies in the guest is QEMU's hw/i386/pc_q35.c: RAM from
 * 0xb0000000 bytes on is split at 2 GiB, smaller RAM is one piece; the second piece begins
 * at 4 GiB.
 */

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "psp/host/guest-memory.h"

#define G(n) ((guint64) (n) << 30)
#define SPLIT G_GUINT64_CONSTANT (0xb0000000)

static const struct {
    guint64 size;
    guint64 gpa;
    guint64 len;
    gint64 offset; /* -1: not RAM, or not in one piece */
} rows[] = {
    { G (1), 0, 1, 0 },
    { G (1), 0, G (1), 0 },
    { G (1), 0, G (1) + 1, -1 },
    { G (1), G (1) - 1, 1, G (1) - 1 },
    { G (1), G (1) - 1, 2, -1 },
    { G (1), G (1), 1, -1 },
    { G (1), G (4), 1, -1 },
    { G (1), 0, 0, -1 },
    { G (1), 16, G_MAXUINT64, -1 },
    { G (1), G_MAXUINT64, 1, -1 },
    { G (1), G_MAXUINT64, 2, -1 },

    { SPLIT - 4096, SPLIT - 4097, 1, SPLIT - 4097 },
    { SPLIT - 4096, SPLIT - 4096, 1, -1 },
    { SPLIT - 4096, G (4), 1, -1 },

    { SPLIT, G (2) - 1, 1, G (2) - 1 },
    { SPLIT, G (2) - 1, 2, -1 },
    { SPLIT, G (2), 1, -1 },
    { SPLIT, G (4) - 1, 1, -1 },
    { SPLIT, G (4) - 1, 2, -1 },
    { SPLIT, G (4), 1, G (2) },
    { SPLIT, G (4), 0x30000000, G (2) },
    { SPLIT, G (4), 0x30000001, -1 },
    { SPLIT, G (4) + 0x2fffffff, 1, SPLIT - 1 },
    { SPLIT, G (4) + 0x30000000, 1, -1 },

    { G (8), 0, G (2), 0 },
    { G (8), G (4), G (6), G (2) },
    { G (8), G (4), G (6) + 1, -1 },
    { G (8), G (10) - 1, 1, G (8) - 1 },
    { G (8), G (10), 1, -1 },
    { G (8), G (3), G (2), -1 },
};

static void
test_offsets (void)
{
    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (GError) error = NULL;
        g_autoptr (GuestMemory) memory = guest_memory_new (rows[i].size, &error);
        guint64 offset = G_MAXUINT64;

        g_assert_no_error (error);
        const gboolean ok = guest_memory_offset (memory, rows[i].gpa, rows[i].len, &offset);
        if (ok != (rows[i].offset >= 0) || (ok && offset != (guint64) rows[i].offset))
            g_error ("row %" G_GSIZE_FORMAT ": %d %" G_GINT64_MODIFIER "x", i, ok, offset);
    }
}

static void
test_map (void)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (GuestMemory) memory = guest_memory_new (1u << 20, &error);
    char text[6] = { 0 };

    g_assert_no_error (error);
    const int fd = guest_memory_get_fd (memory);
    g_assert_null (guest_memory_range (memory, 0, 1));
    g_assert_true (guest_memory_map (memory, &error));
    g_assert_no_error (error);
    /* What one side writes the other one sees. */
    memcpy (guest_memory_range (memory, 4096, 5), "hello", 5);
    g_assert_cmpint (pread (fd, text, 5, 4096), ==, 5);
    g_assert_cmpstr (text, ==, "hello");
    g_assert_cmpint (pwrite (fd, "J", 1, 4096), ==, 1);
    g_assert_cmpmem (guest_memory_range (memory, 4096, 5), 5, "Jello", 5);
    g_assert_null (guest_memory_range (memory, (1u << 20) - 1, 2));
    g_assert_null (guest_memory_range (memory, 0, 0));
    g_assert_cmpint (fcntl (fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
    g_assert_cmpint (ftruncate (fd, 4096), ==, -1);
    g_assert_cmpint (ftruncate (fd, 2 << 20), ==, -1);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    g_test_add_func ("/host/memory/offsets", test_offsets);
    g_test_add_func ("/host/memory/map", test_map);
    return g_test_run ();
}
