/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/qmp-framer.h"

#include <string.h>

#define LIMIT 4096u

static char *
next (QmpFramer *framer)
{
    g_autoptr (GBytes) frame = NULL;
    g_autoptr (GError) error = NULL;

    g_assert_true (qmp_framer_next (framer, &frame, &error));
    g_assert_no_error (error);
    if (frame == NULL)
        return NULL;
    return g_strndup (g_bytes_get_data (frame, NULL), g_bytes_get_size (frame));
}

static void
assert_next (QmpFramer *framer, const char *expected)
{
    g_autofree char *frame = next (framer);

    g_assert_cmpstr (frame, ==, expected);
}

static void
push (QmpFramer *framer, const char *text)
{
    qmp_framer_push (framer, text, strlen (text));
}

static void
test_line_ends (void)
{
    g_autoptr (QmpFramer) framer = qmp_framer_new (LIMIT);

    push (framer, "{\"a\": 1}\r\n{\"b\": 2}\n\n\t {\"c\": 3}{\"d\": 4}\r\n");
    assert_next (framer, "{\"a\": 1}");
    g_assert_cmpuint (qmp_framer_get_offset (framer), ==, 8);
    assert_next (framer, "{\"b\": 2}");
    g_assert_cmpuint (qmp_framer_get_offset (framer), ==, 18);
    assert_next (framer, "{\"c\": 3}");
    assert_next (framer, "{\"d\": 4}");
    g_assert_cmpuint (qmp_framer_get_offset (framer), ==, 38);
    assert_next (framer, NULL);
    g_assert_true (qmp_framer_finish (framer, NULL));
}

static void
test_over_lines (void)
{
    g_autoptr (QmpFramer) framer = qmp_framer_new (LIMIT);

    push (framer, "{\n  \"a\":\n  [1,\n   2]\n}\n");
    assert_next (framer, "{\n  \"a\":\n  [1,\n   2]\n}");
}

/* Brackets and quotes in strings are text. */
static void
test_strings (void)
{
    const char *const frames[] = {
        "{\"a\": \"}{][\"}",
        "{\"a\": \"\\\"}\"}",
        "{\"a\": \"\\\\\"}",
        "{\"a\": \"it's // not # a comment\"}",
        "{\"\xc3\xa9\": \"\xf0\x9f\x98\x80\"}",
    };

    for (gsize i = 0; i < G_N_ELEMENTS (frames); i++) {
        g_autoptr (QmpFramer) framer = qmp_framer_new (LIMIT);

        push (framer, frames[i]);
        assert_next (framer, frames[i]);
    }
}

static void
test_byte_by_byte (void)
{
    const char text[] = " {\"a\": [\"\\\"]\"]}\r\n{\"b\": {}}\r\n";
    g_autoptr (QmpFramer) framer = qmp_framer_new (LIMIT);
    g_autoptr (GPtrArray) got = g_ptr_array_new_with_free_func (g_free);

    for (gsize i = 0; i < strlen (text); i++) {
        qmp_framer_push (framer, text + i, 1);
        char *frame = next (framer);
        if (frame != NULL)
            g_ptr_array_add (got, frame);
    }
    g_assert_cmpuint (got->len, ==, 2);
    g_assert_cmpstr (got->pdata[0], ==, "{\"a\": [\"\\\"]\"]}");
    g_assert_cmpstr (got->pdata[1], ==, "{\"b\": {}}");
    g_assert_cmpuint (qmp_framer_get_offset (framer), ==, strlen (text) - 2);
}

static void
assert_broken (const char *text, gsize len, QmpError code)
{
    g_autoptr (QmpFramer) framer = qmp_framer_new (LIMIT);
    g_autoptr (GBytes) frame = NULL;

    /* The same framer takes a good one first. */
    push (framer, "{}\n");
    assert_next (framer, "{}");
    qmp_framer_push (framer, text, len);
    for (guint i = 0; i < 2; i++) {
        g_autoptr (GError) error = NULL;

        g_assert_false (qmp_framer_next (framer, &frame, &error));
        g_assert_error (error, QMP_ERROR, (gint) code);
        g_assert_null (frame);
    }

    /* It stays broken, whatever comes. */
    push (framer, "\n{}\n");
    g_assert_false (qmp_framer_next (framer, &frame, NULL));
    g_assert_false (qmp_framer_finish (framer, NULL));
}

static void
test_malformed (void)
{
    const char *const texts[] = {
        "x",
        "}",
        "[1]",
        "\"a\"",
        "1",
        "true",
        "\xff{}",
        "{]",
        "{\"a\": [}",
        "{\"a\": (1)}",
        "{'a': 1}",
        "{\"a\": 'b'}",
        "{/* */}",
        "{# }",
        "{\"a\": %d}",
        "{\"a\n\": 1}",
        "{\"a\x1f\": 1}",
        "var x = {}",
        "{\"a\"=1}",
    };

    for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
        assert_broken (texts[i], strlen (texts[i]), QMP_ERROR_PROTOCOL);
    assert_broken ("\0{}", 3, QMP_ERROR_PROTOCOL);
    assert_broken ("{\"a\": \"\0\"}", 10, QMP_ERROR_PROTOCOL);
    assert_broken ("{\0}", 3, QMP_ERROR_PROTOCOL);
}

static void
test_size_limit (void)
{
    g_autofree char *fits = g_strnfill (LIMIT, ' ');
    g_autofree char *too_long = g_strnfill (LIMIT + 1, ' ');
    g_autoptr (QmpFramer) framer = qmp_framer_new (LIMIT);

    fits[0] = too_long[0] = '{';
    fits[LIMIT - 1] = too_long[LIMIT] = '}';
    push (framer, fits);
    assert_next (framer, fits);
    push (framer, "\r\n");
    push (framer, fits);
    assert_next (framer, fits);
    assert_broken (too_long, LIMIT + 1, QMP_ERROR_TOO_BIG);

    /* An endless message is refused before its end. */
    too_long[LIMIT] = ' ';
    assert_broken (too_long, LIMIT + 1, QMP_ERROR_TOO_BIG);
}

static char *
nested (guint depth)
{
    GString *text = g_string_new ("{\"a\":");

    for (guint i = 1; i < depth; i++)
        g_string_append_c (text, '[');
    for (guint i = 1; i < depth; i++)
        g_string_append_c (text, ']');
    g_string_append_c (text, '}');
    return g_string_free (text, FALSE);
}

static void
test_depth_limit (void)
{
    g_autofree char *fits = nested (QMP_FRAMER_MAX_DEPTH);
    g_autofree char *too_deep = nested (QMP_FRAMER_MAX_DEPTH + 1);
    g_autoptr (QmpFramer) framer = qmp_framer_new (LIMIT);

    push (framer, fits);
    assert_next (framer, fits);
    assert_broken (too_deep, strlen (too_deep), QMP_ERROR_TOO_BIG);
}

static void
test_finish (void)
{
    g_autoptr (QmpFramer) framer = qmp_framer_new (LIMIT);
    g_autoptr (GError) error = NULL;

    g_assert_true (qmp_framer_finish (framer, NULL));
    push (framer, "{}\r\n");
    assert_next (framer, "{}");
    g_assert_true (qmp_framer_finish (framer, NULL));
    push (framer, "{\"a\"");
    assert_next (framer, NULL);
    g_assert_false (qmp_framer_finish (framer, &error));
    g_assert_error (error, QMP_ERROR, QMP_ERROR_PROTOCOL);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/qmp/framer/line-ends", test_line_ends);
    g_test_add_func ("/qmp/framer/over-lines", test_over_lines);
    g_test_add_func ("/qmp/framer/strings", test_strings);
    g_test_add_func ("/qmp/framer/byte-by-byte", test_byte_by_byte);
    g_test_add_func ("/qmp/framer/malformed", test_malformed);
    g_test_add_func ("/qmp/framer/size-limit", test_size_limit);
    g_test_add_func ("/qmp/framer/depth-limit", test_depth_limit);
    g_test_add_func ("/qmp/framer/finish", test_finish);
    return g_test_run ();
}
