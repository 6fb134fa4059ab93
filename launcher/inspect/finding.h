/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * SECTION: finding
 * @short_description: what an inspection found, how bad it is, and what helps
 *
 * Texts may hold words of what was inspected; they are made printable here.
 */

/** FindingLevel: the worse, the higher */
typedef enum {
    FINDING_OK,
    FINDING_NOTE,    /* worth knowing */
    FINDING_UNKNOWN, /* could not be found out */
    FINDING_WARN,    /* works, or works in part */
    FINDING_INSECURE,
    FINDING_FAIL, /* does not work */
} FindingLevel;

/** Finding: @id: static; @fix: (nullable): what the reader can do */
typedef struct {
    const char *id;
    FindingLevel level;
    char *text;
    char *fix;
} Finding;

/** finding_level_name: "ok", "note", "unknown", "warn", "insecure" or "fail" */
const char *finding_level_name (FindingLevel level);

/** finding_list_new: Returns: (transfer full) (element-type Finding) */
GPtrArray *finding_list_new (void);

/** finding_add: @fix: (nullable); the rest is the text, as in printf() */
void finding_add (GPtrArray *list,
                  const char *id,
                  FindingLevel level,
                  const char *fix,
                  const char *format,
                  ...) G_GNUC_PRINTF (5, 6);

/** finding_worst: the worst level in the list; %FINDING_OK for an empty one */
FindingLevel finding_worst (const GPtrArray *list);

/** finding_get: (nullable): the first finding with this id */
const Finding *finding_get (const GPtrArray *list, const char *id);

/** finding_list_to_json: Returns: (transfer full): [{"id", "level", "text", "fix"}] */
JsonArray *finding_list_to_json (const GPtrArray *list);

G_END_DECLS
