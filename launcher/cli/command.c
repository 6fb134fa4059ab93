/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/cli/command.h"

#include <stdio.h>
#include <string.h>

#include "launcher/cli/command-list.h"
#include "launcher/inspect/finding.h"

const Command *
command_find (const Command *table, const char *name)
{
    for (; table->name != NULL; table++)
        if (strcmp (table->name, name) == 0)
            return table;
    return NULL;
}

static void
print_commands (FILE *out, const char *group, const Command *table)
{
    const char *space = *group != '\0' ? " " : "";

    fprintf (out, "Usage: sevlaunch%s%s COMMAND [OPTION…]\n\nCommands:\n", space, group);
    for (; table->name != NULL; table++)
        fprintf (out, "  %-10s %s\n", table->name, table->summary);
    fprintf (out, "\n'sevlaunch%s%s COMMAND --help' says more; so does sevlaunch-%s(1).\n",
             space, group, group);
}

int
command_dispatch (const char *group, const Command *table, int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : NULL;

    if (command_list_active ()) {
        command_list_words (group, table);
        return LAUNCHER_EXIT_OK;
    }
    if (word != NULL && (strcmp (word, "--help") == 0 || strcmp (word, "-h") == 0)) {
        print_commands (stdout, group, table);
        return LAUNCHER_EXIT_OK;
    }
    const Command *command = word != NULL ? command_find (table, word) : NULL;
    if (command != NULL)
        return command->run (argc - 1, argv + 1);

    const char *space = *group != '\0' ? " " : "";
    g_autoptr (GError) error =
        word == NULL
            ? g_error_new (LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                           "'sevlaunch%s%s' needs a command", space, group)
            : g_error_new (LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                           "'sevlaunch%s%s' has no command '%s'", space, group, word);
    message_error (error);
    print_commands (stderr, group, table);
    return LAUNCHER_EXIT_USAGE;
}

static gboolean
refuse_both (GError **error)
{
    g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                         "--quiet and --debug exclude each other");
    return FALSE;
}

/* The command line is bytes.  GOption would recode G_OPTION_ARG_STRING from the locale's
 * character set: what is measured would differ, or, under LC_ALL=C, not be taken at all. */
static GArray *
entries_as_bytes (const GOptionEntry *entries)
{
    GArray *all = g_array_new (TRUE, TRUE, sizeof (GOptionEntry));

    for (; entries != NULL && entries->long_name != NULL; entries++) {
        GOptionEntry entry = *entries;

        if (entry.arg == G_OPTION_ARG_STRING)
            entry.arg = G_OPTION_ARG_FILENAME;
        else if (entry.arg == G_OPTION_ARG_STRING_ARRAY)
            entry.arg = G_OPTION_ARG_FILENAME_ARRAY;
        g_array_append_val (all, entry);
    }
    return all;
}

static gboolean
check_text (const char *option, const char *text, GError **error)
{
    if (text == NULL || g_utf8_validate (text, -1, NULL))
        return TRUE;
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                 "--%s: '%s' is not UTF-8 text", option, text);
    return FALSE;
}

/* What is no file name and no command line is text, in UTF-8 whatever the locale. */
static gboolean
check_texts (const GOptionEntry *entries, GError **error)
{
    for (; entries != NULL && entries->long_name != NULL; entries++) {
        char **const one = entries->arg == G_OPTION_ARG_STRING ? entries->arg_data : NULL;
        char ***const many =
            entries->arg == G_OPTION_ARG_STRING_ARRAY ? entries->arg_data : NULL;

        if (one != NULL && !check_text (entries->long_name, *one, error))
            return FALSE;
        for (char **i = many != NULL ? *many : NULL; i != NULL && *i != NULL; i++)
            if (!check_text (entries->long_name, *i, error))
                return FALSE;
    }
    return TRUE;
}

gboolean
command_parse (const char *name,
               const char *usage,
               const char *summary,
               const GOptionEntry *entries,
               CommandCommon *common,
               int *argc,
               char ***argv,
               GError **error)
{
    const GOptionEntry shared[] = {
        { "json", 0, 0, G_OPTION_ARG_NONE, &common->json,
          "Print the result as one JSON object", NULL },
        { "quiet", 'q', 0, G_OPTION_ARG_NONE, &common->quiet,
          "Say only warnings and errors", NULL },
        { "debug", 0, 0, G_OPTION_ARG_NONE, &common->debug,
          "Say what is done, step by step", NULL },
        G_OPTION_ENTRY_NULL,
    };
    if (command_list_active ()) {
        command_list_usage (name, usage);
        command_list_options (name, entries);
        command_list_options (name, shared);
        g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE, "only listed");
        return FALSE;
    }
    g_autoptr (GOptionContext) context =
        g_option_context_new (*usage != '\0' ? usage : NULL);
    g_autofree char *program = g_strdup_printf ("sevlaunch %s", name);
    g_autofree char *page =
        g_strdup_printf ("Man page: sevlaunch-%.*s(1)", (int) strcspn (name, " "), name);
    g_autoptr (GArray) own = entries_as_bytes (entries);
    g_autoptr (GError) cause = NULL;

    g_option_context_set_summary (context, summary);
    g_option_context_set_description (context, page);
    g_option_context_add_main_entries (context, (const GOptionEntry *) own->data, NULL);
    g_option_context_add_main_entries (context, shared, NULL);
    g_set_prgname (program);
    const gboolean ok = g_option_context_parse (context, argc, argv, &cause);
    g_set_prgname ("sevlaunch");
    message_init (common->quiet   ? MESSAGE_QUIET
                  : common->debug ? MESSAGE_DEBUG
                                  : MESSAGE_NORMAL);
    if (!ok) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                     "%s (see 'sevlaunch %s --help')", cause->message, name);
        return FALSE;
    }
    return check_texts (entries, error) &&
           (!common->quiet || !common->debug || refuse_both (error));
}

int
command_print_json (JsonObject *object)
{
    g_autoptr (JsonNode) node = json_node_alloc ();
    json_node_init_object (node, object);
    g_autofree char *text = json_to_string (node, TRUE);

    printf ("%s\n", text);
    return LAUNCHER_EXIT_OK;
}

int
command_fail (const CommandCommon *common, const GError *error)
{
    const LauncherReason reason = launcher_reason (error);

    if (command_list_active ())
        return LAUNCHER_EXIT_OK;
    message_error (error);
    if (common->json) {
        g_autoptr (JsonObject) object = json_object_new ();
        g_autoptr (JsonArray) reasons = json_array_new ();
        JsonObject *one = json_object_new ();

        json_object_set_string_member (one, "id", reason.id);
        g_autofree char *text = g_utf8_make_valid (error->message, -1);
        json_object_set_string_member (one, "text", text);
        json_array_add_object_element (reasons, one);
        json_object_set_string_member (object, "schema", "sevlaunch.error/1");
        json_object_set_array_member (object, "reasons", json_array_ref (reasons));
        json_object_set_int_member (object, "exit_code", reason.exit_code);
        command_print_json (object);
    }
    return (int) reason.exit_code;
}

void
command_print_findings (const GPtrArray *findings, const char *indent)
{
    for (guint i = 0; i < findings->len; i++) {
        const Finding *finding = g_ptr_array_index (findings, i);

        printf ("%s[%s] %s: %s\n", indent, finding_level_name (finding->level), finding->id,
                finding->text);
        if (finding->fix != NULL)
            printf ("%s    %s\n", indent, finding->fix);
    }
}
