/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "psp/host/qemu-opts.h"

#include <string.h>

#include "psp/host/host-error.h"
#include "qmp/qmp-json.h"

static void
qemu_opt_free (gpointer data)
{
    QemuOpt *opt = data;

    g_free (opt->name);
    g_free (opt->value);
    g_free (opt);
}

void
qemu_opts_free (QemuOpts *opts)
{
    g_ptr_array_unref (opts->items);
    g_free (opts);
}

static void
append (QemuOpts *opts, const char *name, const char *value)
{
    QemuOpt *opt = g_new0 (QemuOpt, 1);

    opt->name = g_strdup (name);
    opt->value = g_strdup (value);
    g_ptr_array_add (opts->items, opt);
}

/* Reads up to a single comma, with ",," standing for one; moves *@cursor behind it. */
static char *
take_value (const char **cursor)
{
    GString *out = g_string_new (NULL);
    const char *p = *cursor;

    while (*p != '\0') {
        if (*p == ',' && p[1] != ',')
            break;
        if (*p == ',')
            p++;
        g_string_append_c (out, *p++);
    }
    *cursor = *p == ',' ? p + 1 : p;
    return g_string_free (out, FALSE);
}

QemuOpts *
qemu_opts_parse (const char *text, const char *implied)
{
    QemuOpts *opts = g_new0 (QemuOpts, 1);
    const char *p = text;

    opts->items = g_ptr_array_new_with_free_func (qemu_opt_free);
    for (gboolean first = TRUE; *p != '\0'; first = FALSE) {
        const gsize len = strcspn (p, "=,");

        if (p[len] == '=') {
            g_autofree char *name = g_strndup (p, len);
            p += len + 1;
            g_autofree char *value = take_value (&p);
            append (opts, name, value);
        } else if (first && implied != NULL) {
            g_autofree char *value = take_value (&p);
            append (opts, implied, value);
        } else {
            g_autofree char *name = g_strndup (p, len);
            p += p[len] == ',' ? len + 1 : len;
            append (opts, name, NULL);
        }
    }
    return opts;
}

static QemuOpt *
find (const QemuOpts *opts, const char *name)
{
    for (guint i = opts->items->len; i > 0; i--) {
        QemuOpt *opt = g_ptr_array_index (opts->items, i - 1);
        if (strcmp (opt->name, name) == 0)
            return opt;
    }
    return NULL;
}

const char *
qemu_opts_get (const QemuOpts *opts, const char *name)
{
    const QemuOpt *opt = find (opts, name);

    if (opt == NULL)
        return NULL;
    return opt->value != NULL ? opt->value : "on";
}

void
qemu_opts_set (QemuOpts *opts, const char *name, const char *value)
{
    QemuOpt *opt = find (opts, name);

    if (opt == NULL) {
        append (opts, name, value);
        return;
    }
    g_free (opt->value);
    opt->value = g_strdup (value);
}

void
qemu_opts_remove (QemuOpts *opts, const char *name)
{
    for (guint i = opts->items->len; i > 0; i--) {
        QemuOpt *opt = g_ptr_array_index (opts->items, i - 1);
        if (strcmp (opt->name, name) == 0)
            g_ptr_array_remove_index (opts->items, i - 1);
    }
}

static void
append_escaped (GString *out, const char *value)
{
    for (const char *p = value; *p != '\0'; p++) {
        if (*p == ',')
            g_string_append_c (out, ',');
        g_string_append_c (out, *p);
    }
}

/* Whether an item in the first place can be written without its name, which is implied; a
 * value with "=" in it would be read as a key, and a flag as the implied value. */
static gboolean
may_drop_name (const QemuOpt *opt, const char *implied)
{
    return g_strcmp0 (implied, opt->name) == 0 && opt->value != NULL &&
           opt->value[0] != '\0' && strchr (opt->value, '=') == NULL;
}

char *
qemu_opts_format (const QemuOpts *opts, const char *implied)
{
    GString *out = g_string_new (NULL);
    gboolean first = TRUE;

    for (guint i = 0; i < opts->items->len; i++) {
        const QemuOpt *opt = g_ptr_array_index (opts->items, i);
        const char *value = opt->value;

        /* Nothing between two commas: written again they would stand for a comma. */
        if (value == NULL && opt->name[0] == '\0')
            continue;
        if (value == NULL && first && implied != NULL)
            value = "on";
        if (!first)
            g_string_append_c (out, ',');
        if (!first || !may_drop_name (opt, implied))
            g_string_append (out, opt->name);
        if (value != NULL && (!first || !may_drop_name (opt, implied)))
            g_string_append_c (out, '=');
        if (value != NULL)
            append_escaped (out, value);
        first = FALSE;
    }
    return g_string_free (out, FALSE);
}

static JsonObject *
text_to_object (const char *text, const char *implied)
{
    g_autoptr (QemuOpts) opts = qemu_opts_parse (text, implied);
    JsonObject *object = json_object_new ();

    for (guint i = 0; i < opts->items->len; i++) {
        const QemuOpt *opt = g_ptr_array_index (opts->items, i);

        if (opt->value != NULL)
            json_object_set_string_member (object, opt->name, opt->value);
        else if (g_str_has_prefix (opt->name, "no") && opt->name[2] != '\0')
            json_object_set_string_member (object, opt->name + 2, "off");
        else
            json_object_set_string_member (object, opt->name, "on");
    }
    return object;
}

JsonObject *
qemu_opts_to_object (const char *text,
                     const char *implied,
                     gboolean *is_json,
                     GError **error)
{
    *is_json = text[0] == '{';
    if (!*is_json)
        return text_to_object (text, implied);

    g_autoptr (GError) cause = NULL;
    g_autoptr (JsonNode) root = qmp_json_parse (text, strlen (text), &cause);
    if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root)) {
        g_set_error (error, HOST_ERROR, HOST_ERROR_ARGV, "'%.60s': %s", text,
                     cause != NULL ? cause->message : "not a JSON object");
        return NULL;
    }
    /* The node is immutable; members are changed later. */
    JsonObject *copy = json_object_new ();
    JsonObjectIter iter;
    const char *name;
    JsonNode *node;

    json_object_iter_init (&iter, json_node_get_object (root));
    while (json_object_iter_next (&iter, &name, &node))
        json_object_set_member (copy, name, json_node_copy (node));
    return copy;
}

char *
qemu_opts_object_to_json (JsonObject *object)
{
    g_autoptr (JsonNode) node = json_node_alloc ();

    json_node_init_object (node, object);
    return json_to_string (node, FALSE);
}

gboolean
qemu_opts_parse_size (const char *text, guint64 default_unit, guint64 *out)
{
    static const char units[] = "bkmgt";
    guint64 unit = default_unit;
    g_autofree char *digits = g_strdup (text);
    const gsize len = strlen (digits);

    if (len > 0 && !g_ascii_isdigit (digits[len - 1])) {
        const char *found = strchr (units, g_ascii_tolower (digits[len - 1]));
        if (found == NULL)
            return FALSE;
        unit = 1ull << (10 * (found - units));
        digits[len - 1] = '\0';
    }
    guint64 number;
    if (!g_ascii_string_to_unsigned (digits, 10, 0, G_MAXUINT64, &number, NULL))
        return FALSE;
    return g_uint64_checked_mul (out, number, unit);
}

char *
qemu_opts_member_text (JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member (object, name);

    if (node == NULL || !JSON_NODE_HOLDS_VALUE (node))
        return NULL;
    switch (json_node_get_value_type (node)) {
    case G_TYPE_STRING:
        return g_strdup (json_node_get_string (node));
    case G_TYPE_INT64:
        return g_strdup_printf ("%" G_GINT64_FORMAT, json_node_get_int (node));
    case G_TYPE_BOOLEAN:
        return g_strdup (json_node_get_boolean (node) ? "on" : "off");
    default:
        return NULL;
    }
}
