/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * main() for fuzz targets that are built without libFuzzer: "make check" runs each target
 * over its corpus, over every truncation of each file and over one flipped bit at each of
 * many places.  With --enable-fuzzing libFuzzer brings its own main() and this is empty.
 */

#ifndef SEVLAUNCH_LIBFUZZER

#include <stdint.h>
#include <string.h>

#include <glib.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* Places in a file; a slow target's Makefile.inc has fewer. */
#ifndef MAX_VARIANTS
#define MAX_VARIANTS 128u
#endif

static guint inputs;

/* An exact-size heap copy, so that AddressSanitizer sees a read past the end. */
static void
try_bytes (const guint8 *data, gsize len)
{
    guint8 *copy = g_malloc (len > 0 ? len : 1);

    if (len > 0)
        memcpy (copy, data, len);
    (void) LLVMFuzzerTestOneInput (copy, len);
    g_free (copy);
    inputs++;
}

static void
try_file (const char *path)
{
    g_autofree char *content = NULL;
    g_autoptr (GError) error = NULL;
    gsize len;

    if (!g_file_get_contents (path, &content, &len, &error))
        g_error ("%s", error->message);

    guint8 *bytes = (guint8 *) content;
    const gsize step = MAX (1, len / MAX_VARIANTS);
    try_bytes (bytes, len);
    for (gsize i = 0; i < len; i += step) {
        try_bytes (bytes, i);
        bytes[i] ^= (guint8) (1u << (i % 8));
        try_bytes (bytes, len);
        bytes[i] ^= (guint8) (1u << (i % 8));
    }
}

int
main (int argc, char **argv)
{
    g_autofree char *program = g_path_get_basename (argv[0]);
    const char *srcdir = g_getenv ("G_TEST_SRCDIR");
    const char *name = g_str_has_prefix (program, "lt-") ? program + 3 : program;
    guint files = 0;

    g_assert_true (g_str_has_prefix (name, "fuzz-"));
    g_autofree char *corpus = g_build_filename (srcdir != NULL ? srcdir : ".",
                                                "tests/fuzz/corpus", name + 5, NULL);
    g_autoptr (GDir) dir = g_dir_open (corpus, 0, NULL);

    g_print ("1..1\n");
    for (const char *entry; dir != NULL && (entry = g_dir_read_name (dir)) != NULL;
         files++) {
        g_autofree char *path = g_build_filename (corpus, entry, NULL);
        try_file (path);
    }
    /* A corpus that is missing is a failure, not a success over nothing. */
    g_print ("%s 1 - %s: %u inputs from %u files of %s\n", files > 0 ? "ok" : "not ok",
             name, inputs, files, corpus);
    return files > 0 ? 0 : 1;
}

#endif
