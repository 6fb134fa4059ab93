/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/qmp-json.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* A gate in front of json-glib: it checks bytes and tokens, and that brackets
 * pair; commas, colons and the tree are json-glib's business. */
typedef struct {
    const char *text;
    gsize len;
    gsize pos;
    guint depth;
    char closers[QMP_JSON_MAX_DEPTH];
} Gate;

static gboolean
gate_fail (const Gate *gate, const char *what, GError **error)
{
    g_set_error (error, QMP_ERROR, QMP_ERROR_PROTOCOL, "JSON: %s at byte %" G_GSIZE_FORMAT,
                 what, gate->pos);
    return FALSE;
}

static char
gate_peek (const Gate *gate)
{
    return gate->pos < gate->len ? gate->text[gate->pos] : '\0';
}

static gboolean
gate_hex4 (Gate *gate, guint *value)
{
    *value = 0;
    for (guint i = 0; i < 4; i++, gate->pos++) {
        const int digit = g_ascii_xdigit_value (gate_peek (gate));

        if (digit < 0)
            return FALSE;
        *value = *value * 16 + (guint) digit;
    }
    return TRUE;
}

/* After the backslash. */
static gboolean
gate_escape (Gate *gate, GError **error)
{
    const char c = gate_peek (gate);
    guint unit;

    if (c == '\0' || strchr ("\"\\/bfnrtu", c) == NULL)
        return gate_fail (gate, "unknown escape", error);
    gate->pos++;
    if (c != 'u')
        return TRUE;
    if (!gate_hex4 (gate, &unit))
        return gate_fail (gate, "\\u without four hexadecimal digits", error);
    if (unit == 0)
        return gate_fail (gate, "U+0000 in a string", error);
    if (unit < 0xd800 || unit > 0xdfff)
        return TRUE;
    if (unit > 0xdbff || gate->len - gate->pos < 2 ||
        memcmp (gate->text + gate->pos, "\\u", 2) != 0)
        return gate_fail (gate, "half a surrogate pair", error);
    gate->pos += 2;
    if (!gate_hex4 (gate, &unit) || unit < 0xdc00 || unit > 0xdfff)
        return gate_fail (gate, "half a surrogate pair", error);
    return TRUE;
}

static gboolean
gate_string (Gate *gate, GError **error)
{
    gate->pos++;
    while (gate->pos < gate->len) {
        const guchar c = (guchar) gate->text[gate->pos];

        if (c < 0x20)
            return gate_fail (gate, "control byte in a string", error);
        gate->pos++;
        if (c == '"')
            return TRUE;
        if (c == '\\' && !gate_escape (gate, error))
            return FALSE;
    }
    return gate_fail (gate, "string without an end", error);
}

static gboolean
gate_digits (Gate *gate)
{
    const gsize start = gate->pos;

    while (g_ascii_isdigit (gate_peek (gate)))
        gate->pos++;
    return gate->pos > start;
}

static gboolean
integer_fits (const char *text)
{
    const gboolean negative = text[0] == '-';
    guint64 magnitude;

    if (!g_ascii_string_to_unsigned (text + negative, 10, 0, G_MAXUINT64, &magnitude, NULL))
        return FALSE;
    return !negative || magnitude <= (guint64) G_MAXINT64 + 1;
}

static gboolean
gate_number (Gate *gate, GError **error)
{
    const gsize start = gate->pos;
    gboolean integer = TRUE;

    if (gate_peek (gate) == '-')
        gate->pos++;
    if (gate_peek (gate) == '0')
        gate->pos++;
    else if (!gate_digits (gate))
        return gate_fail (gate, "number without digits", error);

    if (gate_peek (gate) == '.') {
        integer = FALSE;
        gate->pos++;
        if (!gate_digits (gate))
            return gate_fail (gate, "number without digits after the point", error);
    }
    if (gate_peek (gate) == 'e' || gate_peek (gate) == 'E') {
        integer = FALSE;
        gate->pos++;
        if (gate_peek (gate) == '+' || gate_peek (gate) == '-')
            gate->pos++;
        if (!gate_digits (gate))
            return gate_fail (gate, "number without digits in the exponent", error);
    }

    g_autofree char *number = g_strndup (gate->text + start, gate->pos - start);
    if (integer ? !integer_fits (number) : !isfinite (g_ascii_strtod (number, NULL)))
        return gate_fail (gate, "number out of range", error);
    return TRUE;
}

static gboolean
gate_word (Gate *gate, GError **error)
{
    static const char *const words[] = { "true", "false", "null" };

    for (gsize i = 0; i < G_N_ELEMENTS (words); i++) {
        const gsize n = strlen (words[i]);

        if (gate->len - gate->pos >= n &&
            memcmp (gate->text + gate->pos, words[i], n) == 0) {
            gate->pos += n;
            return TRUE;
        }
    }
    return gate_fail (gate, "unknown word", error);
}

static gboolean
gate_bracket (Gate *gate, char c, GError **error)
{
    if (c == '{' || c == '[') {
        if (gate->depth == QMP_JSON_MAX_DEPTH) {
            g_set_error (error, QMP_ERROR, QMP_ERROR_TOO_BIG,
                         "JSON: more than %u brackets open", QMP_JSON_MAX_DEPTH);
            return FALSE;
        }
        gate->closers[gate->depth++] = c == '{' ? '}' : ']';
    } else if (gate->closers[--gate->depth] != c) {
        return gate_fail (gate, "brackets do not match", error);
    }
    gate->pos++;
    return TRUE;
}

static void
gate_skip_space (Gate *gate)
{
    while (gate->pos < gate->len && strchr (" \t\r\n", gate->text[gate->pos]) != NULL &&
           gate->text[gate->pos] != '\0')
        gate->pos++;
}

/* json-glib would read on, and take "010" for an octal number. */
static gboolean
gate_word_end (Gate *gate, GError **error)
{
    if (gate->pos == gate->len || strchr (" \t\r\n,]}", gate_peek (gate)) != NULL)
        return TRUE;
    return gate_fail (gate, "number or word that does not end", error);
}

static gboolean
gate_token (Gate *gate, GError **error)
{
    const char c = gate_peek (gate);

    if (c == ',' || c == ':') {
        gate->pos++;
        return TRUE;
    }
    if (c != '\0' && strchr ("{}[]", c) != NULL)
        return gate_bracket (gate, c, error);
    if (c == '"')
        return gate_string (gate, error);
    if (c == '-' || g_ascii_isdigit (c))
        return gate_number (gate, error) && gate_word_end (gate, error);
    if (g_ascii_islower (c))
        return gate_word (gate, error) && gate_word_end (gate, error);
    return gate_fail (gate, "byte that JSON does not have", error);
}

static gboolean
gate_check (const char *text, gsize len, GError **error)
{
    Gate gate = { .text = text, .len = len };

    gate_skip_space (&gate);
    if (gate_peek (&gate) != '{' && gate_peek (&gate) != '[')
        return gate_fail (&gate, "neither object nor array", error);
    do {
        if (!gate_token (&gate, error))
            return FALSE;
        gate_skip_space (&gate);
    } while (gate.depth > 0 && gate.pos < gate.len);

    if (gate.depth > 0)
        return gate_fail (&gate, "end inside the value", error);
    if (gate.pos < gate.len)
        return gate_fail (&gate, "bytes after the value", error);
    if (!g_utf8_validate_len (text, len, NULL))
        return gate_fail (&gate, "text is not UTF-8", error);
    return TRUE;
}

/* json-glib replaces a member that comes twice; count what it was given. */
typedef struct {
    GArray *counts; /* of guint: members seen, one element per open object */
    char *duplicate_in;
} MemberCount;

static void
on_object_start (JsonParser *parser, gpointer data)
{
    MemberCount *count = data;
    const guint zero = 0;

    g_array_append_val (count->counts, zero);
}

static void
on_object_member (JsonParser *parser, JsonObject *object, const char *name, gpointer data)
{
    MemberCount *count = data;

    if (count->counts->len == 0)
        return;
    g_array_index (count->counts, guint, count->counts->len - 1)++;
}

static void
on_object_end (JsonParser *parser, JsonObject *object, gpointer data)
{
    MemberCount *count = data;

    if (count->counts->len == 0)
        return;

    const guint seen = g_array_index (count->counts, guint, count->counts->len - 1);
    g_array_set_size (count->counts, count->counts->len - 1);
    if (seen != json_object_get_size (object) && count->duplicate_in == NULL)
        count->duplicate_in =
            g_strdup_printf ("%u members, %u names", seen, json_object_get_size (object));
}

JsonNode *
qmp_json_parse (const char *text, gsize len, GError **error)
{
    g_return_val_if_fail (text != NULL || len == 0, NULL);

    if (len > G_MAXINT / 2) {
        g_set_error (error, QMP_ERROR, QMP_ERROR_TOO_BIG,
                     "JSON: text of %" G_GSIZE_FORMAT " bytes", len);
        return NULL;
    }
    if (!gate_check (text, len, error))
        return NULL;

    g_autoptr (GArray) counts = g_array_new (FALSE, FALSE, sizeof (guint));
    MemberCount count = { .counts = counts };
    g_autoptr (JsonParser) parser = json_parser_new_immutable ();
    g_autoptr (GError) parse_error = NULL;

    g_signal_connect (parser, "object-start", G_CALLBACK (on_object_start), &count);
    g_signal_connect (parser, "object-member", G_CALLBACK (on_object_member), &count);
    g_signal_connect (parser, "object-end", G_CALLBACK (on_object_end), &count);

    const gboolean parsed =
        json_parser_load_from_data (parser, text, (gssize) len, &parse_error);
    g_autofree char *duplicate_in = g_steal_pointer (&count.duplicate_in);

    if (!parsed) {
        g_autofree char *why = qmp_error_printable (parse_error->message);
        g_set_error (error, QMP_ERROR, QMP_ERROR_PROTOCOL, "JSON: %s", why);
        return NULL;
    }
    if (duplicate_in != NULL) {
        g_set_error (error, QMP_ERROR, QMP_ERROR_PROTOCOL,
                     "JSON: a member name comes twice in one object (%s)", duplicate_in);
        return NULL;
    }
    return json_parser_steal_root (parser);
}

/* Returns the member, or NULL with an error when absent. */
static JsonNode *
find_member (JsonObject *object, const char *member, GError **error)
{
    JsonNode *node = json_object_get_member (object, member);

    if (node == NULL)
        g_set_error (error, QMP_ERROR, QMP_ERROR_PROTOCOL, "member '%s' is missing",
                     member);
    return node;
}

static gboolean
holds (JsonNode *node, GType type)
{
    return JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == type;
}

gboolean
qmp_json_get_uint (JsonObject *object,
                   const char *member,
                   guint64 max,
                   guint64 *value,
                   GError **error)
{
    g_return_val_if_fail (max <= G_MAXINT64, FALSE);

    JsonNode *node = find_member (object, member, error);
    if (node == NULL)
        return FALSE;
    if (!holds (node, G_TYPE_INT64)) {
        g_set_error (error, QMP_ERROR, QMP_ERROR_PROTOCOL, "member '%s' is not an integer",
                     member);
        return FALSE;
    }

    const gint64 number = json_node_get_int (node);
    if (number < 0 || (guint64) number > max) {
        g_set_error (error, QMP_ERROR, QMP_ERROR_PROTOCOL,
                     "member '%s' is not in the range 0 to %" G_GUINT64_FORMAT, member,
                     max);
        return FALSE;
    }
    *value = (guint64) number;
    return TRUE;
}

gboolean
qmp_json_get_boolean (JsonObject *object,
                      const char *member,
                      gboolean *value,
                      GError **error)
{
    JsonNode *node = find_member (object, member, error);

    if (node == NULL)
        return FALSE;
    if (!holds (node, G_TYPE_BOOLEAN)) {
        g_set_error (error, QMP_ERROR, QMP_ERROR_PROTOCOL, "member '%s' is not a boolean",
                     member);
        return FALSE;
    }
    *value = json_node_get_boolean (node);
    return TRUE;
}

const char *
qmp_json_get_string (JsonObject *object, const char *member, GError **error)
{
    JsonNode *node = find_member (object, member, error);

    if (node == NULL)
        return NULL;
    if (!holds (node, G_TYPE_STRING)) {
        g_set_error (error, QMP_ERROR, QMP_ERROR_PROTOCOL, "member '%s' is not a string",
                     member);
        return NULL;
    }
    return json_node_get_string (node);
}

JsonObject *
qmp_json_get_object (JsonObject *object, const char *member, GError **error)
{
    JsonNode *node = find_member (object, member, error);

    if (node == NULL)
        return NULL;
    if (!JSON_NODE_HOLDS_OBJECT (node)) {
        g_set_error (error, QMP_ERROR, QMP_ERROR_PROTOCOL, "member '%s' is not an object",
                     member);
        return NULL;
    }
    return json_node_get_object (node);
}

GBytes *
qmp_json_get_bytes (JsonObject *object, const char *member, gsize max, GError **error)
{
    const char *text = qmp_json_get_string (object, member, error);

    if (text == NULL)
        return NULL;

    /* Whatever GLib's decoder skips or forgives does not come out of its encoder
     * again, so text that survives the round trip is canonical base64. */
    gsize len;
    g_autofree guchar *raw = g_base64_decode (text, &len);
    g_autofree char *again = g_base64_encode (raw, len);
    if (!g_str_equal (again, text)) {
        g_set_error (error, QMP_ERROR, QMP_ERROR_PROTOCOL,
                     "member '%s' is not valid base64", member);
        return NULL;
    }
    if (len > max) {
        g_set_error (error, QMP_ERROR, QMP_ERROR_PROTOCOL,
                     "member '%s' is %" G_GSIZE_FORMAT " bytes, at most %" G_GSIZE_FORMAT
                     " expected",
                     member, len, max);
        return NULL;
    }
    return g_bytes_new_take (g_steal_pointer (&raw), len);
}
