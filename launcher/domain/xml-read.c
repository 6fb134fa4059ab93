/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/domain/xml-read.h"

#include <libxml/parser.h>
#include <string.h>

#include "launcher/base/launcher-error.h"

static xmlDoc *
refuse (GError **error, const char *what, const char *why)
{
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_CONFIG, "%s: %s", what, why);
    return NULL;
}

xmlDoc *
xml_read (const char *what, const char *text, gsize len, const char *root, GError **error)
{
    if (len > XML_READ_MAX_SIZE)
        return refuse (error, what, "it is too large");
    /* Another encoding would hide a DTD from the search below. */
    if (!g_utf8_validate (text, (gssize) len, NULL))
        return refuse (error, what, "it is not UTF-8 text");
    if (g_strstr_len (text, (gssize) len, "<!DOCTYPE") != NULL ||
        g_strstr_len (text, (gssize) len, "<!ENTITY") != NULL)
        return refuse (error, what, "it has a document type or entities of its own");

    g_autoptr (xmlDoc) doc = xmlReadMemory (text, (int) len, NULL, "UTF-8",
                                            XML_PARSE_NONET | XML_PARSE_NOERROR |
                                                XML_PARSE_NOWARNING | XML_PARSE_NOCDATA);
    if (doc == NULL)
        return refuse (error, what, "it is not well-formed XML");
    const xmlNode *element = xmlDocGetRootElement (doc);
    if (element == NULL || element->ns != NULL ||
        strcmp ((const char *) element->name, root) != 0) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_CONFIG,
                     "%s: its element is not <%s>", what, root);
        return NULL;
    }
    return g_steal_pointer (&doc);
}

static xmlNode *
find (xmlNode *node, const char *name)
{
    for (; node != NULL; node = node->next)
        if (node->type == XML_ELEMENT_NODE && node->ns == NULL &&
            strcmp ((const char *) node->name, name) == 0)
            return node;
    return NULL;
}

xmlNode *
xml_child (const xmlNode *node, const char *name)
{
    return node != NULL ? find (node->children, name) : NULL;
}

xmlNode *
xml_next (const xmlNode *node, const char *name)
{
    return find (node->next, name);
}

xmlNode *
xml_path (const xmlNode *node, const char *path)
{
    g_auto (GStrv) words = g_strsplit (path, "/", -1);
    xmlNode *at = NULL;

    for (char **i = words; *i != NULL; i++) {
        at = xml_child (node, *i);
        node = at;
    }
    return at;
}

static char *
take (xmlChar *text)
{
    char *copy = text != NULL ? g_strdup ((const char *) text) : NULL;

    xmlFree (text);
    return copy;
}

char *
xml_attribute (const xmlNode *node, const char *name)
{
    return node != NULL ? take (xmlGetNoNsProp (node, BAD_CAST name)) : NULL;
}

gboolean
xml_attribute_is (const xmlNode *node, const char *name, const char *value)
{
    g_autofree char *found = xml_attribute (node, name);

    return g_strcmp0 (found, value) == 0;
}

char *
xml_content (const xmlNode *node)
{
    return node != NULL ? take (xmlNodeGetContent (node)) : NULL;
}

char *
xml_text (const xmlNode *node)
{
    char *text = xml_content (node);

    return text != NULL ? g_strstrip (text) : NULL;
}
