/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is looked up in domain XML that somebody else wrote. */

#include "launcher/domain/domain-read.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <string.h>

#include "launcher/base/launcher-error.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC (xmlDoc, xmlFreeDoc)

static xmlNode *
find_child (xmlNode *parent, const char *name)
{
    xmlNode *child = parent != NULL ? parent->children : NULL;

    while (child != NULL &&
           (child->type != XML_ELEMENT_NODE || xmlStrcmp (child->name, BAD_CAST name) != 0))
        child = child->next;
    return child;
}

GBytes *
domain_xml_find_session (const char *xml, GError **error)
{
    const gsize len = strlen (xml);
    g_autoptr (xmlDoc) doc =
        len <= DOMAIN_XML_MAX
            ? xmlReadMemory (xml, (int) len, NULL, NULL,
                             XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING)
            : NULL;
    xmlNode *root = doc != NULL ? xmlDocGetRootElement (doc) : NULL;
    xmlNode *session = find_child (find_child (root, "launchSecurity"), "session");
    xmlChar *text = session != NULL ? xmlNodeGetContent (session) : NULL;

    if (text == NULL) {
        g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_DOMAIN_STATE,
                             "the domain was not started with a launch session");
        return NULL;
    }
    gsize size = 0;
    guchar *data = g_base64_decode ((const char *) text, &size);
    xmlFree (text);
    return g_bytes_new_take (data, size);
}
