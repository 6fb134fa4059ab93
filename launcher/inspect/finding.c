/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/inspect/finding.h"

#include <string.h>

#include "launcher/base/message.h"

static const char *const level_names[] = {
    [FINDING_OK] = "ok",     [FINDING_NOTE] = "note",         [FINDING_UNKNOWN] = "unknown",
    [FINDING_WARN] = "warn", [FINDING_INSECURE] = "insecure", [FINDING_FAIL] = "fail",
};

const char *
finding_level_name (FindingLevel level)
{
    g_return_val_if_fail ((gsize) level < G_N_ELEMENTS (level_names), "unknown");
    return level_names[level];
}

static void
finding_free (gpointer data)
{
    Finding *finding = data;

    g_free (finding->text);
    g_free (finding->fix);
    g_free (finding);
}

GPtrArray *
finding_list_new (void)
{
    return g_ptr_array_new_with_free_func (finding_free);
}

void
finding_add (GPtrArray *list,
             const char *id,
             FindingLevel level,
             const char *fix,
             const char *format,
             ...)
{
    Finding *finding = g_new0 (Finding, 1);
    va_list args;

    va_start (args, format);
    g_autofree char *text = g_strdup_vprintf (format, args);
    va_end (args);
    finding->id = id;
    finding->level = level;
    finding->text = message_printable (text);
    finding->fix = fix != NULL ? message_printable (fix) : NULL;
    g_ptr_array_add (list, finding);
}

FindingLevel
finding_worst (const GPtrArray *list)
{
    FindingLevel worst = FINDING_OK;

    for (guint i = 0; i < list->len; i++) {
        const Finding *finding = g_ptr_array_index (list, i);
        worst = MAX (worst, finding->level);
    }
    return worst;
}

const Finding *
finding_get (const GPtrArray *list, const char *id)
{
    for (guint i = 0; i < list->len; i++) {
        const Finding *finding = g_ptr_array_index (list, i);
        if (strcmp (finding->id, id) == 0)
            return finding;
    }
    return NULL;
}

JsonArray *
finding_list_to_json (const GPtrArray *list)
{
    JsonArray *array = json_array_new ();

    for (guint i = 0; i < list->len; i++) {
        const Finding *finding = g_ptr_array_index (list, i);
        JsonObject *object = json_object_new ();

        json_object_set_string_member (object, "id", finding->id);
        json_object_set_string_member (object, "level",
                                       finding_level_name (finding->level));
        json_object_set_string_member (object, "text", finding->text);
        if (finding->fix != NULL)
            json_object_set_string_member (object, "fix", finding->fix);
        else
            json_object_set_null_member (object, "fix");
        json_array_add_object_element (array, object);
    }
    return array;
}
