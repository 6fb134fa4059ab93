/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/psp-vectors.h"

#include <string.h>

#include "sev/base/sev-bytes.h"

GBytes *
vector_path (const char *path)
{
    g_autofree char *full =
        g_build_filename (g_getenv ("G_TEST_SRCDIR"), "tests/vectors", path, NULL);
    g_autoptr (GError) error = NULL;
    char *content;
    gsize len;

    g_file_get_contents (full, &content, &len, &error);
    g_assert_no_error (error);
    return g_bytes_new_take (content, len);
}

void
vectors_for_each (const char *kind, guint expected, VectorCheck check)
{
    g_autoptr (GBytes) file = vector_path ("vectors.json");
    g_autoptr (JsonParser) parser = json_parser_new ();
    g_autoptr (GError) error = NULL;
    gsize len;
    guint count = 0;

    const char *text = g_bytes_get_data (file, &len);
    json_parser_load_from_data (parser, text, (gssize) len, &error);
    g_assert_no_error (error);
    JsonArray *all = json_object_get_array_member (
        json_node_get_object (json_parser_get_root (parser)), "vectors");
    for (guint i = 0; i < json_array_get_length (all); i++) {
        JsonObject *vector = json_array_get_object_element (all, i);

        if (strcmp (vector_string (vector, "kind"), kind) != 0)
            continue;
        g_test_message ("%s", vector_string (vector, "id"));
        check (vector);
        count++;
    }
    g_assert_cmpuint (count, ==, expected);
}

const char *
vector_string (JsonObject *vector, const char *member)
{
    g_assert_true (json_object_has_member (vector, member));
    return json_object_get_string_member (vector, member);
}

GBytes *
vector_bytes (JsonObject *vector, const char *member)
{
    const char *text = vector_string (vector, member);
    gsize len;

    if (g_str_has_suffix (member, "_b64")) {
        guint8 *raw = g_base64_decode (text, &len);
        return g_bytes_new_take (raw, len);
    }
    len = strlen (text) / 2;
    guint8 *raw = g_malloc (len);
    g_assert_true (sev_hex_decode (text, raw, len, NULL));
    return g_bytes_new_take (raw, len);
}

GBytes *
vector_file (JsonObject *vector, const char *member)
{
    return vector_path (vector_string (vector, member));
}
