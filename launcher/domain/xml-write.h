/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <libxml/tree.h>

G_BEGIN_DECLS

/* As GLib does, these have no way on without memory. */

/** xml_add_text: Returns: (transfer none): the new last child; @text: (nullable) */
xmlNode *xml_add_text (xmlNode *parent, const char *name, const char *text);

/** xml_add: a new last child; attributes as pairs of strings, ended by %NULL */
xmlNode *xml_add (xmlNode *parent, const char *name, ...) G_GNUC_NULL_TERMINATED;

/** xml_set: an attribute, in place of one that is there */
void xml_set (xmlNode *node, const char *name, const char *value);

/** xml_take: the first child called @name, made if there is none */
xmlNode *xml_take (xmlNode *parent, const char *name);

/** xml_drop: all children called @name go */
void xml_drop (xmlNode *parent, const char *name);

/** xml_tidy: white space between elements goes, so that xml_print() indents them */
void xml_tidy (xmlNode *node);

/**
 * xml_print:
 * Returns: (transfer full): indented, without the line that declares XML
 * Errors: %LAUNCHER_ERROR_INTERNAL.
 */
char *xml_print (xmlDoc *doc, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
