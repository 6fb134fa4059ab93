/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is looked up in domain XML that somebody else wrote. */

#include "launcher/domain/domain-read.h"

#include <string.h>

#include "launcher/base/launcher-error.h"
#include "launcher/domain/xml-read.h"

GBytes *
domain_xml_find_session (const char *xml, GError **error)
{
    g_autoptr (xmlDoc) doc = xml_read ("domain XML", xml, strlen (xml), "domain", NULL);
    const xmlNode *root = doc != NULL ? xmlDocGetRootElement (doc) : NULL;
    g_autofree char *text = xml_text (xml_path (root, "launchSecurity/session"));

    if (text == NULL) {
        g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_DOMAIN_STATE,
                             "the domain was not started with a launch session");
        return NULL;
    }
    gsize size = 0;
    guchar *data = g_base64_decode (text, &size);
    return g_bytes_new_take (data, size);
}
