/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/qmp-json.h"

#include <string.h>

static JsonNode *
parse (const char *text, GError **error)
{
    return qmp_json_parse (text, strlen (text), error);
}

static JsonNode *
parse_good (const char *text)
{
    g_autoptr (GError) error = NULL;
    JsonNode *node = parse (text, &error);

    g_assert_no_error (error);
    g_assert_nonnull (node);
    return node;
}

static void
test_accepts (void)
{
    /* Text, and what json-glib's generator makes of it. */
    static const struct {
        const char *text;
        const char *again;
    } cases[] = {
        { "{}", "{}" },
        { " [ ]\r\n", "[]" },
        { "{\"a\": {\"a\": 1}, \"b\": [true, false, null]}",
          "{\"a\":{\"a\":1},\"b\":[true,false,null]}" },
        { "[0, -1, 9223372036854775807, -9223372036854775808]",
          "[0,-1,9223372036854775807,-9223372036854775808]" },
        { "[1.5, -0.25, 1e2]", "[1.5,-0.25,100.0]" },
        { "[\"\\ud83d\\ude00\\u00e9\"]", "[\"\xf0\x9f\x98\x80\xc3\xa9\"]" },
        { "[\"'/*#\"]", "[\"'/*#\"]" },
        { "[18446744073709551615]", "[-1]" }, /* as the header says */
    };

    for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (JsonNode) node = parse_good (cases[i].text);
        g_autofree char *again = json_to_string (node, FALSE);

        g_assert_cmpstr (again, ==, cases[i].again);
    }
}

/* Each of these but the last rows is read by json-glib 1.6 as if it were JSON. */
static void
test_refuses (void)
{
    static const char *const texts[] = {
        "{'a': 1}",
        "{\"a\": 'b'}",
        "var x = {\"a\": 1};",
        "{\"a\": 0x10}",
        "{\"a\": 010}",
        "{\"a\": 1/*c*/}",
        "{\"a\": \"x\\u0000y\"}",
        "{\"a\": 1}{\"b\": 2}",
        "{\"a\": 1} x",
        "{\"a\": 1.}",
        "{\"a\": - 1}",
        "{\"a\": -9223372036854775809}",
        "{\"a\": 18446744073709551616}",
        "{\"a\": 1e400}",
        "{\"a\": \"\\q\"}",
        "{\"a\": \"\\uZZZZ\"}",
        "{\"a\": \"\\ud800\"}",
        "{\"a\": \"\\ud800\\u0041\"}",
        "{\"a\": \"\\udc00\"}",
        "{\"a\": 1, \"a\": 2}",
        "{\"b\": [{\"a\": 1, \"c\": 3, \"a\": 1}]}",
        "{\"a\": 1, \"\\u0061\": 2}",
        /* and json-glib refuses these itself */
        "",
        " ",
        "1",
        "\"a\"",
        "null",
        "{",
        "[1, 2",
        "{\"a\"}",
        "{\"a\": }",
        "{\"a\": 1,}",
        "[1,,2]",
        "[1 2]",
        "{\"a\" \"b\": 1}",
        "{\"a\": tru}",
        "{\"a\": truefalse}",
        "{\"a\": TRUE}",
        "{\"a\": 1.5.5}",
        "{\"a\": --1}",
        "{\"a\": +1}",
        "{\"a\": .5}",
        "{\"a\": 1e}",
        "{\"a\": \"b}",
        "{\"a\": \"\\",
        "{\"a\": \"\\u00",
        "{]",
        "]",
        "[\"a\nb\"]",
        "[\"\xff\"]",
        "[\"\xc0\x80\"]",
    };

    for (gsize i = 0; i < G_N_ELEMENTS (texts); i++) {
        g_autoptr (GError) error = NULL;
        g_autoptr (JsonNode) node = parse (texts[i], &error);

        if (node != NULL)
            g_error ("accepted: %s", texts[i]);
        g_assert_error (error, QMP_ERROR, QMP_ERROR_PROTOCOL);
    }

    g_autoptr (JsonNode) nul = qmp_json_parse ("{\"a\": 1}\0{}", 11, NULL);
    g_assert_null (nul);
}

/* A member that is not UTF-8 and a control byte do not reach the message. */
static void
test_message_is_printable (void)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (JsonNode) node = parse ("{\"\\u001b[31m\" \"b\": 1}", &error);

    g_assert_null (node);
    g_assert_error (error, QMP_ERROR, QMP_ERROR_PROTOCOL);
    g_assert_null (strchr (error->message, '\x1b'));
}

static void
test_depth (void)
{
    g_autofree char *text = g_malloc0 (2 * (QMP_JSON_MAX_DEPTH + 1) + 1);
    g_autoptr (GError) error = NULL;

    memset (text, '[', QMP_JSON_MAX_DEPTH);
    memset (text + QMP_JSON_MAX_DEPTH, ']', QMP_JSON_MAX_DEPTH);
    g_autoptr (JsonNode) fits = parse_good (text);

    memset (text, '[', QMP_JSON_MAX_DEPTH + 1);
    memset (text + QMP_JSON_MAX_DEPTH + 1, ']', QMP_JSON_MAX_DEPTH + 1);
    g_autoptr (JsonNode) too_deep = parse (text, &error);
    g_assert_null (too_deep);
    g_assert_error (error, QMP_ERROR, QMP_ERROR_TOO_BIG);
}

static void
test_get_uint (void)
{
    g_autoptr (JsonNode) node = parse_good (
        "{\"zero\": 0, \"max\": 255, \"over\": 256, \"minus\": -1, \"real\": 1.0,"
        " \"text\": \"1\", \"true\": true, \"null\": null, \"big\": 18446744073709551615}");
    JsonObject *object = json_node_get_object (node);
    static const char *const bad[] = { "over", "minus", "real", "text",
                                       "true", "null",  "big",  "absent" };
    guint64 value = 77;

    g_assert_true (qmp_json_get_uint (object, "zero", 255, &value, NULL));
    g_assert_cmpuint (value, ==, 0);
    g_assert_true (qmp_json_get_uint (object, "max", 255, &value, NULL));
    g_assert_cmpuint (value, ==, 255);
    for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_autoptr (GError) error = NULL;

        g_assert_false (qmp_json_get_uint (object, bad[i], 255, &value, &error));
        g_assert_error (error, QMP_ERROR, QMP_ERROR_PROTOCOL);
        g_assert_cmpuint (value, ==, 255);
    }
}

static void
test_get_others (void)
{
    g_autoptr (JsonNode) node = parse_good ("{\"s\": \"x\", \"b\": true, \"o\": {}}");
    JsonObject *object = json_node_get_object (node);
    gboolean flag = FALSE;

    g_assert_cmpstr (qmp_json_get_string (object, "s", NULL), ==, "x");
    g_assert_null (qmp_json_get_string (object, "b", NULL));
    g_assert_null (qmp_json_get_string (object, "no", NULL));
    g_assert_nonnull (qmp_json_get_object (object, "o", NULL));
    g_assert_null (qmp_json_get_object (object, "s", NULL));
    g_assert_null (qmp_json_get_object (object, "no", NULL));
    g_assert_true (qmp_json_get_boolean (object, "b", &flag, NULL));
    g_assert_true (flag);
    g_assert_false (qmp_json_get_boolean (object, "s", &flag, NULL));
    g_assert_false (qmp_json_get_boolean (object, "no", &flag, NULL));
}

static void
test_base64 (void)
{
    /* RFC 4648 section 10, then texts that are near them. */
    static const struct {
        const char *text;
        const char *bytes;
    } cases[] = {
        { "", "" },
        { "Zg==", "f" },
        { "Zm8=", "fo" },
        { "Zm9v", "foo" },
        { "Zm9vYg==", "foob" },
        { "Zh==", NULL },
        { "Zg=", NULL },
        { "Zg", NULL },
        { "Zg== ", NULL },
        { " Zg==", NULL },
        { "Zg\\n==", NULL },
        { "Zm9v\\n", NULL },
        { "Zm9*", NULL },
        { "Zg==Zg==", NULL },
        { "====", NULL },
        { "Zm-_", NULL },
        { "Z===", NULL },
        { "Zm9vYmFyYg==", NULL }, /* 7 bytes, 6 allowed */
    };

    for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autofree char *text = g_strdup_printf ("{\"d\": \"%s\"}", cases[i].text);
        g_autoptr (JsonNode) node = parse_good (text);
        g_autoptr (GError) error = NULL;
        g_autoptr (GBytes) bytes =
            qmp_json_get_bytes (json_node_get_object (node), "d", 6, &error);

        if (cases[i].bytes == NULL) {
            g_assert_null (bytes);
            g_assert_error (error, QMP_ERROR, QMP_ERROR_PROTOCOL);
            continue;
        }
        g_assert_no_error (error);
        g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes),
                         cases[i].bytes, strlen (cases[i].bytes));
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/qmp/json/accepts", test_accepts);
    g_test_add_func ("/qmp/json/refuses", test_refuses);
    g_test_add_func ("/qmp/json/message-is-printable", test_message_is_printable);
    g_test_add_func ("/qmp/json/depth", test_depth);
    g_test_add_func ("/qmp/json/get-uint", test_get_uint);
    g_test_add_func ("/qmp/json/get-others", test_get_others);
    g_test_add_func ("/qmp/json/base64", test_base64);
    return g_test_run ();
}
