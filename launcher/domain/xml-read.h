/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <libxml/tree.h>

G_BEGIN_DECLS

#define XML_READ_MAX_SIZE (1024u * 1024u) /* bytes; libvirt's own limit is 4 MiB */

G_DEFINE_AUTOPTR_CLEANUP_FUNC (xmlDoc, xmlFreeDoc)

/**
 * xml_read:
 * @what: for messages
 * @text: (array length=len): untrusted
 * @root: name that the document's element must have
 *
 * UTF-8 only; no DTD, no entities of its own, nothing loaded from elsewhere.
 * Errors: %LAUNCHER_ERROR_CONFIG.
 * Returns: (transfer full) (nullable)
 */
xmlDoc *xml_read (const char *what,
                  const char *text,
                  gsize len,
                  const char *root,
                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** xml_child: (nullable): the first child element called @name; @node may be %NULL */
xmlNode *xml_child (const xmlNode *node, const char *name);
/** xml_next: (nullable): the next sibling element called @name */
xmlNode *xml_next (const xmlNode *node, const char *name);
/** xml_path: xml_child() for each word of "a/b/c" */
xmlNode *xml_path (const xmlNode *node, const char *path);
/** xml_attribute: Returns: (transfer full) (nullable); @node may be %NULL */
char *xml_attribute (const xmlNode *node, const char *name);
/** xml_attribute_is: whether the attribute is there and has this value */
gboolean xml_attribute_is (const xmlNode *node, const char *name, const char *value);
/** xml_content: Returns: (transfer full) (nullable): all text in the element, as it is;
 * %NULL if @node is */
char *xml_content (const xmlNode *node);
/** xml_text: Returns: (transfer full) (nullable): the element's text without white space
 * around it; %NULL if @node is */
char *xml_text (const xmlNode *node);

G_END_DECLS
