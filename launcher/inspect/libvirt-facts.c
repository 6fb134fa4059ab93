/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/inspect/libvirt-facts.h"

#include <stdlib.h>
#include <string.h>

#include "launcher/host/virt.h"
#include "launcher/domain/xml-read.h"

static guint
number_of (const xmlNode *sev, const char *name)
{
    g_autofree char *text = xml_text (xml_child (sev, name));

    return text != NULL ? (guint) MIN (g_ascii_strtoull (text, NULL, 10), G_MAXUINT) : 0;
}

gboolean
libvirt_facts_parse (const char *text, gsize len, LibvirtFacts *facts, GError **error)
{
    g_autoptr (xmlDoc) doc =
        xml_read ("domain capabilities", text, len, "domainCapabilities", error);

    if (doc == NULL)
        return FALSE;
    const xmlNode *sev = xml_path (xmlDocGetRootElement (doc), "features/sev");
    facts->told = TRUE;
    facts->sev = xml_attribute_is (sev, "supported", "yes");
    facts->c_bit = number_of (sev, "cbitpos");
    facts->reduced = number_of (sev, "reducedPhysBits");
    facts->max_guests = number_of (sev, "maxGuests");
    facts->max_es_guests = number_of (sev, "maxESGuests");
    return TRUE;
}

static void
ask_capabilities (virConnectPtr connection, LibvirtFacts *facts)
{
    g_autoptr (GError) error = NULL;
    char *text =
        virConnectGetDomainCapabilities (connection, NULL, "x86_64", "q35", "kvm", 0);

    /* Without KVM there is no such machine; that QEMU does SEV is still worth knowing. */
    if (text == NULL)
        text =
            virConnectGetDomainCapabilities (connection, NULL, "x86_64", "q35", "qemu", 0);
    if (text != NULL && !libvirt_facts_parse (text, strlen (text), facts, &error))
        g_debug ("%s", error->message);
    free (text);
}

LibvirtFacts *
libvirt_facts_read (const char *uri)
{
    LibvirtFacts *facts = g_new0 (LibvirtFacts, 1);
    g_autoptr (GError) error = NULL;

    facts->uri = g_strdup (uri);
    if (!virt_init (&error)) {
        facts->problem = g_strdup (error->message);
        return facts;
    }
    g_autoptr (virConnect) connection = virt_open (uri, &error);
    if (connection == NULL) {
        facts->problem = g_strdup (error->message);
        return facts;
    }
    virConnectGetLibVersion (connection, &facts->libvirt_version);
    virConnectGetVersion (connection, &facts->qemu_version);
    ask_capabilities (connection, facts);
    return facts;
}

void
libvirt_facts_free (LibvirtFacts *facts)
{
    g_free (facts->uri);
    g_free (facts->problem);
    g_free (facts);
}
