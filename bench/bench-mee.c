/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * bench-mee [SECONDS] -- the memory-encryption engine, one thread.
 *
 * "NAME VALUE UNIT" a line.  Pages in cache are measured in short batches, of which the
 * best and the median count: what else runs on the machine is not the engine's speed.
 * Memory is measured once warm, beside memcpy of as much.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "psp/host/private-memory.h"
#include "psp/mee/mee.h"

#define GIB (1ull << 30)
#define BATCH_PAGES 256u

typedef gboolean (
    *Transform) (Mee *mee, guint64 paddr, void *data, gsize len, GError **error);

static void
check (gboolean ok, const GError *error)
{
    if (ok)
        return;
    fprintf (stderr, "bench-mee: %s\n", error != NULL ? error->message : "failed");
    exit (1);
}

static double
now (void)
{
    return (double) g_get_monotonic_time () / 1e6;
}

static int
compare (gconstpointer a, gconstpointer b)
{
    const double x = *(const double *) a, y = *(const double *) b;

    return (x > y) - (x < y);
}

static void
cached_pages (Mee *mee, const char *name, Transform transform, double seconds)
{
    g_autoptr (GArray) times = g_array_new (FALSE, FALSE, sizeof (double));
    g_autoptr (GError) error = NULL;
    guint8 *page = g_aligned_alloc0 (1, MEE_PAGE_SIZE, MEE_PAGE_SIZE);
    const double end = now () + seconds;

    do {
        const double start = now ();
        for (guint64 i = 0; i < BATCH_PAGES; i++)
            check (transform (mee, i * MEE_PAGE_SIZE, page, MEE_PAGE_SIZE, &error), error);
        const double took = now () - start;
        g_array_append_val (times, took);
    } while (now () < end);
    g_array_sort (times, compare);
    const double bytes = BATCH_PAGES * MEE_PAGE_SIZE;
    printf ("%s-4KiB-best %.2f GB/s\n", name,
            bytes / g_array_index (times, double, 0) / 1e9);
    printf ("%s-4KiB-median %.2f GB/s\n", name,
            bytes / g_array_index (times, double, times->len / 2) / 1e9);
    g_aligned_free (page);
}

static guint8 *
map_gib (void)
{
    guint8 *data = mmap (NULL, GIB, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    check (data != MAP_FAILED, NULL);
    return data;
}

static void
report (const char *name, double start)
{
    printf ("%s %.2f GB/s\n", name, (double) GIB / (now () - start) / 1e9);
}

static void
whole_memory (Mee *mee)
{
    g_autoptr (GError) error = NULL;
    guint8 *a = map_gib ();
    guint8 *b = map_gib ();

    memset (a, 1, GIB);
    memset (b, 2, GIB);
    double start = now ();
    memcpy (b, a, GIB);
    report ("memcpy-1GiB", start);
    munmap (b, GIB);
    start = now ();
    check (mee_encrypt (mee, 0, a, GIB, &error), error);
    report ("encrypt-1GiB", start);
    start = now ();
    check (mee_decrypt (mee, 0, a, GIB, &error), error);
    report ("decrypt-1GiB", start);
    munmap (a, GIB);
}

/* A guest of 4 GiB of which 1 GiB exists, in two pieces of the file. */
static void
guest_memory (const SevSecret *vek)
{
    const PspGuestKey key = { .handle = 1, .asid = 100, .vek = vek };
    g_autoptr (GError) error = NULL;
    g_autoptr (GuestMemory) memory = guest_memory_new (4 * GIB, &error);

    check (memory != NULL && guest_memory_map (memory, &error), error);
    g_autoptr (PrivateMemory) pm = private_memory_new (memory);
    check (private_memory_set_key (pm, &key, &error) && private_memory_decrypt (pm, &error),
           error);
    memset (guest_memory_range (memory, 0, GIB / 2), 1, GIB / 2);
    memset (guest_memory_range (memory, 5 * GIB, GIB / 2), 2, GIB / 2);
    for (guint round = 0; round < 2; round++) {
        double start = now ();
        check (private_memory_encrypt (pm, &error), error);
        printf ("guest-4GiB-with-1GiB-encrypt %.3f s\n", now () - start);
        start = now ();
        check (private_memory_decrypt (pm, &error), error);
        printf ("guest-4GiB-with-1GiB-decrypt %.3f s\n", now () - start);
    }
}

int
main (int argc, char **argv)
{
    const double seconds = argc > 1 ? g_ascii_strtod (argv[1], NULL) : 3;
    g_autoptr (GError) error = NULL;
    g_autoptr (SevSecret) vek = sev_secret_new_random (16, &error);

    check (vek != NULL, error);
    g_autoptr (Mee) mee = mee_new (vek, &error);
    check (mee != NULL, error);
    cached_pages (mee, "encrypt", mee_encrypt, seconds);
    cached_pages (mee, "decrypt", mee_decrypt, seconds);
    whole_memory (mee);
    guest_memory (vek);
    return 0;
}
