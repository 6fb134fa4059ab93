/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/psp-table-rows.h"

#include <string.h>

const char *const table_states[TABLE_STATES] = { "UNINIT",  "INIT",    "WORKING",
                                                 "LUPDATE", "LSECRET", "RUNNING",
                                                 "SUPDATE", "RUPDATE", "SENT" };

/* Numbers: AMD's sev-tool (src/sevapi.h) and, from 19h, Linux (<linux/psp-sev.h>). */
static const char *const status_names[] = {
    "SUCCESS",
    "INVALID_PLATFORM_STATE",
    "INVALID_GUEST_STATE",
    "INVALID_CONFIG",
    "INVALID_LENGTH",
    "ALREADY_OWNED",
    "INVALID_CERTIFICATE",
    "POLICY_FAILURE",
    "INACTIVE",
    "INVALID_ADDRESS",
    "BAD_SIGNATURE",
    "BAD_MEASUREMENT",
    "ASID_OWNED",
    "INVALID_ASID",
    "WBINVD_REQUIRED",
    "DF_FLUSH_REQUIRED",
    "INVALID_GUEST",
    "INVALID_COMMAND",
    "ACTIVE",
    "HWERROR_PLATFORM",
    "HWERROR_UNSAFE",
    "UNSUPPORTED",
    "INVALID_PARAM",
    "RESOURCE_LIMIT",
    "SECURE_DATA_INVALID",
    "INVALID_PAGE_SIZE",
    "INVALID_PAGE_STATE",
    "INVALID_MDATA_ENTRY",
    "INVALID_PAGE_OWNER",
    "AEAD_OFLOW",
};

guint32
table_status (const char *name)
{
    for (guint32 i = 0; i < G_N_ELEMENTS (status_names); i++)
        if (g_str_equal (name, status_names[i]))
            return i;
    if (g_str_equal (name, "BAD_SVN"))
        return 0x21;
    if (g_str_equal (name, "BAD_VERSION"))
        return 0x22;
    g_error ("no status is called '%s'", name);
}

gboolean
table_number (const char *text, guint64 *out)
{
    if (g_str_has_prefix (text, "0x"))
        return g_ascii_string_to_unsigned (text + 2, 16, 0, G_MAXUINT64, out, NULL);
    return g_ascii_string_to_unsigned (text, 10, 0, G_MAXUINT64, out, NULL);
}

const TableField *
table_field (const TableCommand *command, const char *name)
{
    for (guint i = 0; i < command->fields->len; i++) {
        const TableField *field = g_ptr_array_index (command->fields, i);

        if (g_str_equal (field->name, name))
            return field;
    }
    return NULL;
}

static void
field_free (gpointer data)
{
    TableField *field = data;

    g_free (field->name);
    g_free (field->value);
    g_free (field);
}

static void
command_free (gpointer data)
{
    TableCommand *command = data;

    g_free (command->name);
    g_free (command->start);
    g_ptr_array_unref (command->fields);
    g_strfreev (command->effects);
    g_free (command);
}

static void
case_free (gpointer data)
{
    TableCase *row = data;

    g_free (row->start);
    g_strfreev (row->edits);
    g_strfreev (row->effects);
    g_free (row->where);
    g_free (row->text);
    g_free (row);
}

void
tables_free (Tables *tables)
{
    g_ptr_array_unref (tables->cases);
    g_ptr_array_unref (tables->commands);
    g_hash_table_unref (tables->cells);
    g_free (tables);
}

/* A column of words; "-" is none. */
static char **
words (const char *column)
{
    return g_strsplit (g_str_equal (column, "-") ? "" : column, " ", -1);
}

static TableField *
field_new (const char *text)
{
    g_autoptr (GRegex) regex =
        g_regex_new ("^(\\w+)@(\\d+):(\\d)=(\\w+)$", G_REGEX_DEFAULT, 0, NULL);
    g_autoptr (GMatchInfo) match = NULL;
    TableField *field = g_new0 (TableField, 1);

    if (!g_regex_match (regex, text, 0, &match))
        g_error ("not a field: '%s'", text);
    field->name = g_match_info_fetch (match, 1);
    g_autofree char *offset = g_match_info_fetch (match, 2);
    g_autofree char *width = g_match_info_fetch (match, 3);
    field->offset = (guint) g_ascii_strtoull (offset, NULL, 10);
    field->width = (guint) g_ascii_strtoull (width, NULL, 10);
    field->value = g_match_info_fetch (match, 4);
    return field;
}

static TableCommand *
command_new (guint32 id, const char *name, guint size)
{
    TableCommand *command = g_new0 (TableCommand, 1);

    command->id = id;
    command->name = g_strdup (name);
    command->size = size;
    command->start = g_strdup ("INIT");
    command->fields = g_ptr_array_new_with_free_func (field_free);
    command->effects = g_strsplit ("", " ", -1);
    return command;
}

/* The fields of a buffer lie one after the other and fill it. */
static void
check_fields (const TableCommand *command)
{
    guint end = 0;

    for (guint i = 0; i < command->fields->len; i++) {
        const TableField *field = g_ptr_array_index (command->fields, i);

        if (field->offset != end)
            g_error ("%s: field %s is at %u, expected %u", command->name, field->name,
                     field->offset, end);
        end += field->width;
    }
    if (end != command->size)
        g_error ("%s: the fields have %u bytes, not %u", command->name, end, command->size);
}

static TableCommand *
find_command (Tables *tables, const char *name)
{
    guint64 id;

    for (guint i = 0; i < tables->commands->len; i++) {
        TableCommand *command = g_ptr_array_index (tables->commands, i);

        if (g_str_equal (command->name, name))
            return command;
    }
    if (!table_number (name, &id) || id > G_MAXUINT32)
        g_error ("no command is called '%s'", name);
    TableCommand *command = command_new ((guint32) id, name, 0);
    g_ptr_array_add (tables->commands, command);
    return command;
}

static void
set_text (TableCase *row)
{
    g_autofree char *edits = g_strjoinv (" ", row->edits);

    row->text = g_strdup_printf ("%s in %s: %s", row->command->name, row->start, edits);
}

static TableCase *
case_new (const TableCommand *command, const char *start, guint32 status, const char *where)
{
    TableCase *row = g_new0 (TableCase, 1);

    row->command = command;
    row->start = g_strdup (start);
    row->edits = g_strsplit ("", " ", -1);
    row->status = status;
    row->where = g_strdup (where);
    return row;
}

typedef void (*RowFunc) (Tables *tables,
                         char **columns,
                         const char *where,
                         gboolean design);

static void
for_each_row (Tables *tables,
              const char *name,
              guint n_columns,
              gboolean design,
              RowFunc use)
{
    g_autofree char *path =
        g_build_filename (g_getenv ("G_TEST_SRCDIR"), "tests/data", name, NULL);
    g_autofree char *text = NULL;
    g_autoptr (GError) error = NULL;

    g_file_get_contents (path, &text, NULL, &error);
    g_assert_no_error (error);
    g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++) {
        if (lines[i][0] == '#' || lines[i][0] == '\0')
            continue;
        g_auto (GStrv) columns = g_strsplit (lines[i], "\t", -1);
        g_autofree char *where = g_strdup_printf ("%s:%u", name, i + 1);
        if (g_strv_length (columns) != n_columns)
            g_error ("%s: %u columns, expected %u", where, g_strv_length (columns),
                     n_columns);
        if (columns[n_columns - 1][0] == '\0')
            g_error ("%s: no source", where);
        use (tables, columns, where, design);
    }
}

static void
add_command (Tables *tables, char **columns, const char *where, gboolean design)
{
    guint64 id = 0, size = 0;

    g_assert_true (table_number (columns[0], &id) && table_number (columns[2], &size));
    TableCommand *command = command_new ((guint32) id, columns[1], (guint) size);
    g_free (command->start);
    command->start = g_strdup (columns[3]);
    g_auto (GStrv) fields = words (columns[4]);
    for (guint i = 0; fields[i] != NULL; i++)
        g_ptr_array_add (command->fields, field_new (fields[i]));
    check_fields (command);
    g_strfreev (command->effects);
    command->effects = words (columns[5]);
    g_ptr_array_add (tables->commands, command);

    TableCase *row = case_new (command, command->start, 0, where);
    row->effects = g_strdupv (command->effects);
    row->design = design;
    set_text (row);
    g_ptr_array_add (tables->cases, row);
}

/* "LUPDATE" with what the good call of @command wants of its guest. */
static char *
start_in (const TableCommand *command, guint column)
{
    const char *state = column == 2 ? "RUNNING" : table_states[column];
    const char *modifiers = strchr (command->start, '+');
    const gboolean at_home = g_str_has_prefix (command->start, state) &&
                             g_str_equal (table_states[column], state);

    if (modifiers == NULL || (strstr (modifiers, "swapped") != NULL && !at_home))
        return g_strdup (state);
    return g_strconcat (state, modifiers, NULL);
}

static guint32
cell_status (const char *cell, const char *where)
{
    static const struct {
        const char *cell, *status;
    } short_names[] = {
        { "P", "INVALID_PLATFORM_STATE" },
        { "G", "INVALID_GUEST_STATE" },
        { "H", "INVALID_GUEST" },
        { "C", "INVALID_COMMAND" },
    };

    if (g_str_has_prefix (cell, "ok"))
        return 0;
    for (guint i = 0; i < G_N_ELEMENTS (short_names); i++)
        if (g_str_equal (cell, short_names[i].cell))
            return table_status (short_names[i].status);
    g_error ("%s: no cell '%s'", where, cell);
}

static char **
cell_effects (const TableCommand *command, const char *cell)
{
    const char *next = strchr (cell, '>');
    const TableField *handle = table_field (command, "handle");
    const gboolean guest = handle != NULL && g_str_equal (handle->value, "H");
    g_autofree char *effect =
        next != NULL ? g_strconcat (guest ? "guest=" : "platform=", next + 1, NULL)
                     : g_strdup ("");

    return g_strsplit (effect, " ", -1);
}

static void
add_states (Tables *tables, char **columns, const char *where, gboolean design)
{
    const TableCommand *command = find_command (tables, columns[0]);
    const TableField *handle = table_field (command, "handle");

    for (guint i = 0; i < TABLE_STATES; i++) {
        const char *cell = columns[1 + i];

        if (g_str_equal (cell, "="))
            cell = columns[3];
        if (g_str_equal (cell, "-"))
            continue;
        g_autofree char *start = start_in (command, i);
        TableCase *row = case_new (command, start, cell_status (cell, where), where);
        row->effects = cell_effects (command, cell);
        row->loose = TRUE;
        row->design = design;
        if (i == 2 && handle != NULL && g_str_equal (handle->value, "H")) {
            g_strfreev (row->edits);
            row->edits = g_strsplit ("handle=bad", " ", -1);
        }
        set_text (row);
        g_ptr_array_add (tables->cases, row);
        if (!g_hash_table_add (tables->cells,
                               g_strdup_printf ("0x%02x %s", command->id, table_states[i])))
            g_error ("%s: %s was said before", where, table_states[i]);
    }
}

/* Every choice of one alternative for each edit. */
static void
expand_edits (char **edits, guint n, GPtrArray *chosen, GPtrArray *out)
{
    if (edits[n] == NULL) {
        g_ptr_array_add (chosen, NULL);
        g_ptr_array_add (out, g_strdupv ((char **) chosen->pdata));
        g_ptr_array_set_size (chosen, (int) n);
        return;
    }
    const char *equals = strchr (edits[n], '=');
    if (equals == NULL) {
        g_ptr_array_add (chosen, edits[n]);
        expand_edits (edits, n + 1, chosen, out);
        g_ptr_array_set_size (chosen, (int) n);
        return;
    }
    g_autofree char *key = g_strndup (edits[n], (gsize) (equals - edits[n]));
    g_auto (GStrv) values = g_strsplit (equals + 1, "|", -1);
    for (guint i = 0; values[i] != NULL; i++) {
        g_autofree char *edit = g_strconcat (key, "=", values[i], NULL);

        g_ptr_array_add (chosen, edit);
        expand_edits (edits, n + 1, chosen, out);
        g_ptr_array_set_size (chosen, (int) n);
    }
}

/* Columns of edits with each "*" replaced by each field that it stands for. */
static GPtrArray *
expand_fields (const TableCommand *command, const char *column, const char *where)
{
    GPtrArray *out = g_ptr_array_new_with_free_func (g_free);

    if (strchr (column, '*') == NULL) {
        g_ptr_array_add (out, g_strdup (column));
        return out;
    }
    const char *equals = strchr (column, '=');
    g_autofree char *pattern = g_strndup (column, (gsize) (equals - column));
    for (guint i = 0; i < command->fields->len; i++) {
        const TableField *field = g_ptr_array_index (command->fields, i);

        if (g_pattern_match_simple (pattern, field->name))
            g_ptr_array_add (out, g_strconcat (field->name, equals, NULL));
    }
    if (out->len == 0 && !g_str_equal (pattern, "*_paddr"))
        g_error ("%s: %s has no field '%s'", where, command->name, pattern);
    return out;
}

/* Effects of the good call, but those that the row names otherwise. */
static char **
merge_effects (const TableCommand *command, const char *column, guint32 status)
{
    g_autoptr (GPtrArray) all = g_ptr_array_new ();
    g_auto (GStrv) own = words (column);

    for (guint i = 0; status == 0 && command->effects[i] != NULL; i++) {
        const char *effect = command->effects[i];
        const gsize key = strcspn (effect, "=");
        gboolean again = FALSE;

        for (guint j = 0; own[j] != NULL; j++)
            again = again || (strcspn (own[j], "=") == key && key < strlen (effect) &&
                              strncmp (own[j], effect, key) == 0);
        if (!again)
            g_ptr_array_add (all, (gpointer) effect);
    }
    for (guint j = 0; own[j] != NULL; j++)
        g_ptr_array_add (all, own[j]);
    g_ptr_array_add (all, NULL);
    return g_strdupv ((char **) all->pdata);
}

static void
add_case (Tables *tables,
          const TableCommand *command,
          const char *start,
          char **columns,
          const char *where,
          gboolean design)
{
    g_autoptr (GPtrArray) patterns = expand_fields (command, columns[2], where);

    for (guint p = 0; p < patterns->len; p++) {
        g_auto (GStrv) edits = words (g_ptr_array_index (patterns, p));
        g_autoptr (GPtrArray) chosen = g_ptr_array_new ();
        g_autoptr (GPtrArray) all =
            g_ptr_array_new_with_free_func ((GDestroyNotify) g_strfreev);

        expand_edits (edits, 0, chosen, all);
        for (guint i = 0; i < all->len; i++) {
            TableCase *row = case_new (command, start, table_status (columns[3]), where);

            g_strfreev (row->edits);
            row->edits = g_strdupv (g_ptr_array_index (all, i));
            row->effects = merge_effects (command, columns[4], row->status);
            row->design = design;
            set_text (row);
            g_ptr_array_add (tables->cases, row);
        }
    }
}

static void
add_cases (Tables *tables, char **columns, const char *where, gboolean design)
{
    g_autoptr (GPtrArray) commands = g_ptr_array_new ();
    g_auto (GStrv) names = g_strsplit (columns[0], ",", -1);

    for (guint i = 0; names[i] != NULL && !g_str_equal (columns[0], "*"); i++)
        g_ptr_array_add (commands, find_command (tables, names[i]));
    for (guint i = 0; i < tables->commands->len && g_str_equal (columns[0], "*"); i++) {
        const TableCommand *command = g_ptr_array_index (tables->commands, i);

        if (!g_ascii_isdigit (command->name[0]))
            g_ptr_array_add (commands, (gpointer) command);
    }
    for (guint i = 0; i < commands->len; i++) {
        const TableCommand *command = g_ptr_array_index (commands, i);
        g_auto (GStrv) starts = g_strsplit (
            g_str_equal (columns[1], "-") ? command->start : columns[1], ",", -1);

        for (guint j = 0; starts[j] != NULL; j++)
            add_case (tables, command, starts[j], columns, where, design);
    }
}

static int
by_start (gconstpointer a, gconstpointer b)
{
    const TableCase *const *left = a, *const *right = b;
    const int order = strcmp ((*left)->start, (*right)->start);

    return order != 0 ? order : strcmp ((*left)->where, (*right)->where);
}

Tables *
tables_load (void)
{
    Tables *tables = g_new0 (Tables, 1);

    tables->commands = g_ptr_array_new_with_free_func (command_free);
    tables->cases = g_ptr_array_new_with_free_func (case_free);
    tables->cells = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    for_each_row (tables, "psp-commands.tsv", 7, FALSE, add_command);
    for_each_row (tables, "psp-states.tsv", 11, FALSE, add_states);
    for_each_row (tables, "psp-states-d.tsv", 11, TRUE, add_states);
    for_each_row (tables, "psp-cases.tsv", 6, FALSE, add_cases);
    for_each_row (tables, "psp-cases-d.tsv", 6, TRUE, add_cases);
    g_ptr_array_sort (tables->cases, by_start);
    return tables;
}
