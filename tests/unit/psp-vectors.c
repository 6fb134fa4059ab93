/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/psp-vectors.h"

#include <string.h>

#include "tests/lib/test-vectors.h"

void
vectors_for_each (const char *kind, guint expected, VectorCheck check)
{
    g_autoptr (GBytes) file = test_vector_load ("vectors.json");
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

    return g_str_has_suffix (member, "_b64") ? test_unbase64 (text) : test_unhex (text);
}

GBytes *
vector_file (JsonObject *vector, const char *member)
{
    return test_vector_load (vector_string (vector, member));
}
