/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/domain/xml-write.h"

#include <libxml/xmlsave.h>

#include "launcher/base/launcher-error.h"
#include "launcher/domain/xml-read.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC (xmlBuffer, xmlBufferFree)

xmlNode *
xml_add_text (xmlNode *parent, const char *name, const char *text)
{
    xmlNode *node = xmlNewTextChild (parent, NULL, BAD_CAST name, BAD_CAST text);

    if (node == NULL)
        g_error ("no memory for XML");
    return node;
}

void
xml_set (xmlNode *node, const char *name, const char *value)
{
    if (xmlSetProp (node, BAD_CAST name, BAD_CAST value) == NULL)
        g_error ("no memory for XML");
}

xmlNode *
xml_add (xmlNode *parent, const char *name, ...)
{
    xmlNode *node = xml_add_text (parent, name, NULL);
    const char *attribute;
    va_list args;

    va_start (args, name);
    while ((attribute = va_arg (args, const char *)) != NULL)
        xml_set (node, attribute, va_arg (args, const char *));
    va_end (args);
    return node;
}

xmlNode *
xml_take (xmlNode *parent, const char *name)
{
    xmlNode *found = xml_child (parent, name);

    return found != NULL ? found : xml_add_text (parent, name, NULL);
}

void
xml_drop (xmlNode *parent, const char *name)
{
    xmlNode *node;

    while ((node = xml_child (parent, name)) != NULL) {
        xmlUnlinkNode (node);
        xmlFreeNode (node);
    }
}

static gboolean
has_elements (const xmlNode *node)
{
    for (const xmlNode *i = node->children; i != NULL; i = i->next)
        if (i->type == XML_ELEMENT_NODE)
            return TRUE;
    return FALSE;
}

/* The parser's limit of depth bounds the recursion. */
void
xml_tidy (xmlNode *node)
{
    const gboolean container = has_elements (node);
    xmlNode *next;

    for (xmlNode *i = node->children; i != NULL; i = next) {
        next = i->next;
        if (i->type == XML_ELEMENT_NODE) {
            xml_tidy (i);
        } else if (container && xmlIsBlankNode (i)) {
            xmlUnlinkNode (i);
            xmlFreeNode (i);
        }
    }
}

char *
xml_print (xmlDoc *doc, GError **error)
{
    g_autoptr (xmlBuffer) buffer = xmlBufferCreate ();
    xmlSaveCtxt *save =
        buffer == NULL
            ? NULL
            : xmlSaveToBuffer (buffer, "UTF-8", XML_SAVE_FORMAT | XML_SAVE_NO_DECL);

    if (save == NULL) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_INTERNAL, "cannot write XML");
        return NULL;
    }
    const long written = xmlSaveDoc (save, doc);
    if (xmlSaveClose (save) < 0 || written < 0) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_INTERNAL, "cannot write XML");
        return NULL;
    }
    return g_strdup ((const char *) xmlBufferContent (buffer));
}
