/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/key-file.h"

#include <string.h>

#include "policy/owner-file.h"
#include "policy/policy-error.h"

#define MAX_SIZE 65536u

static gboolean G_GNUC_PRINTF (2, 3) refuse (GError **error, const char *format, ...)
{
    va_list args;

    va_start (args, format);
    g_autofree char *text = g_strdup_vprintf (format, args);
    va_end (args);
    g_set_error_literal (error, POLICY_ERROR, POLICY_ERROR_INTERNAL, text);
    return FALSE;
}

guint
policy_key_file_line (const char *text, gsize len, const char *group, const char *key)
{
    g_autofree char *copy = g_strndup (text, len);
    g_auto (GStrv) lines = g_strsplit (copy, "\n", 0);
    gboolean inside = FALSE;

    for (guint i = 0; lines[i] != NULL; i++) {
        char *line = g_strstrip (lines[i]);
        const gsize size = strlen (line);

        if (line[0] == '[' && line[size - 1] == ']') {
            line[size - 1] = '\0';
            inside = strcmp (line + 1, group) == 0;
            if (inside && key == NULL)
                return i + 1;
        } else if (inside && line[0] != '#' && strchr (line, '=') != NULL) {
            *strchr (line, '=') = '\0';
            if (g_strcmp0 (g_strchomp (line), key) == 0)
                return i + 1;
        }
    }
    return 0;
}

/* GKeyFile says such a thing without its line. */
static gboolean
check_line (const char *line, guint number, GError **error)
{
    const char *wrong = line[0] == '\0' || line[0] == '#' ? NULL
                        : line[0] == '[' && !g_str_has_suffix (line, "]")
                            ? "is no group in brackets"
                        : line[0] != '[' && strchr (line, '=') == NULL
                            ? "is no group, no key=value and no comment"
                            : NULL;
    g_autofree char *shown = g_strescape (line, NULL);

    return wrong == NULL || refuse (error, "line %u %s: '%.80s'", number, wrong, shown);
}

/* A group or key that occurs twice: GKeyFile merges the one and keeps the last other. */
static gboolean
check_lines (const char *text, GError **error)
{
    g_autoptr (GHashTable) seen =
        g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    g_auto (GStrv) lines = g_strsplit (text, "\n", 0);
    g_autofree char *group = g_strdup ("");

    for (guint i = 0; lines[i] != NULL; i++) {
        g_autofree char *line = g_strstrip (g_strdup (lines[i]));
        const char *equals = strchr (line, '=');
        char *mark = NULL;

        if (!check_line (line, i + 1, error))
            return FALSE;
        if (line[0] == '[') {
            g_free (group);
            group = g_strdup (line);
            mark = g_strdup (line);
        } else if (line[0] != '#' && equals != NULL) {
            g_autofree char *key = g_strndup (line, (gsize) (equals - line));
            mark = g_strconcat (group, " ", g_strchomp (key), NULL);
        }
        if (mark != NULL && !g_hash_table_add (seen, mark))
            return refuse (error, "line %u repeats what stands above it: '%s'", i + 1,
                           line);
    }
    return TRUE;
}

static const PolicyKeyFileGroup *
find_group (const char *name, const PolicyKeyFileGroup *const *groups)
{
    for (gsize i = 0; groups[i] != NULL; i++)
        if (groups[i]->prefix ? g_str_has_prefix (name, groups[i]->name)
                              : strcmp (groups[i]->name, name) == 0)
            return groups[i];
    return NULL;
}

static gboolean
refuse_unknown (const char *what,
                guint line,
                const char *word,
                const char *group,
                const char *const *known,
                GError **error)
{
    const char *near = policy_suggest (word, known);
    g_autofree char *shown = g_strescape (word, NULL);
    g_autofree char *place = group != NULL ? g_strdup_printf (" in [%s]", group) : NULL;

    if (near != NULL)
        return refuse (error, "line %u: unknown %s '%s'%s (did you mean '%s'?)", line, what,
                       shown, place != NULL ? place : "", near);
    return refuse (error, "line %u: unknown %s '%s'%s", line, what, shown,
                   place != NULL ? place : "");
}

static gboolean
check_group (GKeyFile *file,
             const char *text,
             const char *name,
             const PolicyKeyFileGroup *const *groups,
             GError **error)
{
    const PolicyKeyFileGroup *group = find_group (name, groups);

    if (group == NULL) {
        g_autoptr (GPtrArray) known = g_ptr_array_new ();
        for (gsize i = 0; groups[i] != NULL; i++)
            g_ptr_array_add (known, (gpointer) groups[i]->name);
        g_ptr_array_add (known, NULL);
        return refuse_unknown ("group",
                               policy_key_file_line (text, strlen (text), name, NULL), name,
                               NULL, (const char *const *) known->pdata, error);
    }
    if (group->open)
        return TRUE;
    g_auto (GStrv) keys = g_key_file_get_keys (file, name, NULL, error);
    if (keys == NULL)
        return FALSE;
    for (gsize i = 0; keys[i] != NULL; i++)
        if (!g_strv_contains (group->keys, keys[i]))
            return refuse_unknown (
                "key", policy_key_file_line (text, strlen (text), name, keys[i]), keys[i],
                name, group->keys, error);
    return TRUE;
}

GKeyFile *
policy_key_file_parse (const char *text,
                       gsize len,
                       const PolicyKeyFileGroup *const *groups,
                       GError **error)
{
    g_return_val_if_fail (text != NULL || len == 0, NULL);
    g_return_val_if_fail (groups != NULL, NULL);

    if (len > MAX_SIZE) {
        refuse (error, "%" G_GSIZE_FORMAT " bytes, at most %u", len, MAX_SIZE);
        return NULL;
    }
    if (len == 0 || !g_utf8_validate_len (text, len, NULL)) {
        refuse (error, "empty, or not UTF-8 text");
        return NULL;
    }
    g_autofree char *copy = g_strndup (text, len);
    g_autoptr (GKeyFile) file = g_key_file_new ();
    if (!check_lines (copy, error) ||
        !g_key_file_load_from_data (file, copy, len, G_KEY_FILE_NONE, error))
        return NULL;
    g_auto (GStrv) names = g_key_file_get_groups (file, NULL);
    for (gsize i = 0; names[i] != NULL; i++)
        if (!check_group (file, copy, names[i], groups, error))
            return NULL;
    return g_steal_pointer (&file);
}
