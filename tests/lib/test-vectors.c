/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/lib/test-vectors.h"

#include <string.h>

char *
test_vector_path (const char *relative)
{
    return g_test_build_filename (G_TEST_DIST, "tests", "vectors", relative, NULL);
}

GBytes *
test_vector_load (const char *relative)
{
    g_autofree char *path = test_vector_path (relative);
    g_autoptr (GError) error = NULL;
    char *content = NULL;
    gsize len;

    g_file_get_contents (path, &content, &len, &error);
    g_assert_no_error (error);
    return g_bytes_new_take (content, len);
}

GBytes *
test_unhex (const char *hex)
{
    const gsize len = strlen (hex) / 2;
    guint8 *bytes = g_malloc (len);

    g_assert_cmpuint (strlen (hex), ==, 2 * len);
    for (gsize i = 0; i < len; i++) {
        const int high = g_ascii_xdigit_value (hex[2 * i]);
        const int low = g_ascii_xdigit_value (hex[2 * i + 1]);
        g_assert_true (high >= 0 && low >= 0);
        bytes[i] = (guint8) (high << 4 | low);
    }
    return g_bytes_new_take (bytes, len);
}

GBytes *
test_unbase64 (const char *text)
{
    gsize len;
    guchar *bytes = g_base64_decode (text, &len);

    return g_bytes_new_take (bytes, len);
}

GBytes *
test_flip (GBytes *bytes, gsize offset, guint bit)
{
    gsize len;
    const guint8 *data = g_bytes_get_data (bytes, &len);
    guint8 *copy = g_memdup2 (data, len);

    g_assert_cmpuint (offset, <, len);
    copy[offset] ^= (guint8) (1u << bit);
    return g_bytes_new_take (copy, len);
}

GBytes *
test_cat (GBytes *const *parts, guint count)
{
    GByteArray *out = g_byte_array_new ();

    for (guint i = 0; i < count; i++) {
        gsize len;
        const guint8 *data = g_bytes_get_data (parts[i], &len);
        g_byte_array_append (out, data, (guint) len);
    }
    return g_byte_array_free_to_bytes (out);
}
