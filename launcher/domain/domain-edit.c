/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The copy of a domain that is launched with SEV. */

#include <string.h>

#include "launcher/base/launcher-error.h"
#include "launcher/domain/domain-copy-private.h"
#include "launcher/domain/domain-device.h"
#include "launcher/domain/domain-private.h"
#include "launcher/domain/xml-read.h"
#include "launcher/domain/xml-write.h"

static gboolean
check_edit (const DomainEdit *edit, GError **error)
{
    const char *const texts[] = { edit->kernel, edit->initrd, edit->cmdline };

    for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
        if (texts[i] != NULL && !domain_text_is_clean (texts[i])) {
            g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_CONFIG,
                                 "what boots has control characters in its name or "
                                 "command line, which domain XML cannot carry");
            return FALSE;
        }
    if (!edit->kernel_hashes || edit->libvirt_version >= DOMAIN_LIBVIRT_KERNEL_HASHES)
        return TRUE;
    g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_CONFIG,
                         "kernel hashes need libvirt 8.0.0 or later");
    return FALSE;
}

static void
set_text (xmlNode *parent, const char *name, const char *text)
{
    xml_drop (parent, name);
    xml_add_text (parent, name, text);
}

/* Unit 0 of pflash is what SEV measures; there is no store for variables. */
static void
edit_boot (xmlNode *domain, const DomainEdit *edit)
{
    xmlNode *os = xml_take (domain, "os");
    xmlNode *loader = xml_child (os, "loader");

    if (loader != NULL) {
        xml_set (loader, "readonly", "yes");
        if (edit->libvirt_version >= DOMAIN_LIBVIRT_STATELESS)
            xml_set (loader, "stateless", "yes");
    }
    if (edit->kernel == NULL || xml_child (os, "kernel") != NULL)
        return;
    xml_drop (os, "initrd");
    xml_drop (os, "cmdline");
    xml_add_text (os, "kernel", edit->kernel);
    if (edit->initrd != NULL)
        xml_add_text (os, "initrd", edit->initrd);
    if (edit->cmdline != NULL && *edit->cmdline != '\0')
        xml_add_text (os, "cmdline", edit->cmdline);
}

/* QEMU's emulation of processors has neither the host's own nor all of a model. */
static void
edit_cpu (xmlNode *domain)
{
    xmlNode *cpu = xml_child (domain, "cpu");
    g_autofree char *mode = xml_attribute (cpu, "mode");

    if (g_strcmp0 (mode, "custom") == 0)
        xml_set (cpu, "check", "none");
    if (mode == NULL || !g_str_has_prefix (mode, "host-"))
        return;
    xml_drop (domain, "cpu");
    cpu =
        xml_add (domain, "cpu", "mode", "custom", "match", "exact", "check", "none", NULL);
    xml_set (xml_add_text (cpu, "model", "EPYC"), "fallback", "forbid");
}

static void
edit_machine (xmlNode *domain, const DomainEdit *edit)
{
    xmlNode *features = xml_take (domain, "features");

    /* VMware's port hands registers to the host, which SEV-ES hides. */
    xml_set (xml_take (features, "vmport"), "state", "off");
    if (edit->type != NULL)
        xml_set (domain, "type", edit->type);
    if (g_strcmp0 (edit->type, "qemu") == 0)
        edit_cpu (domain);

    /* Another start would be another launch with another measurement. */
    set_text (domain, "on_poweroff", "destroy");
    set_text (domain, "on_reboot", "destroy");
    set_text (domain, "on_crash", "destroy");
    if (edit->locked_memory && xml_path (domain, "memtune/hard_limit") == NULL)
        xml_take (xml_take (domain, "memoryBacking"), "locked");
}

/* The whole chain with the formats: else libvirt and QEMU would ask the files, which are
 * the adversary's. */
static void
edit_disk (xmlNode *domain, const DomainEdit *edit)
{
    xmlNode *disk = domain_copy_find_disk (domain);
    xmlNode *chain = disk;

    if (disk == NULL || edit->n_disk == 0)
        return;
    xml_set (xml_take (disk, "driver"), "type", edit->disk[0].format);
    xml_drop (disk, "backingStore");
    for (guint i = 1; i < edit->n_disk; i++) {
        chain = xml_add (chain, "backingStore", "type", "file", NULL);
        xml_add (chain, "format", "type", edit->disk[i].format, NULL);
        xml_add (chain, "source", "file", edit->disk[i].path, NULL);
    }
    xml_add (chain, "backingStore", NULL);
}

static void
edit_devices (xmlNode *domain, const DomainEdit *edit)
{
    xmlNode *devices = xml_take (domain, "devices");

    if (edit->emulator != NULL)
        set_text (devices, "emulator", edit->emulator);
    edit_disk (domain, edit);
    xml_drop (devices, "memballoon");
    xml_add (devices, "memballoon", "model", "none", NULL);
    for (xmlNode *i = devices->children; i != NULL; i = i->next) {
        if (i->type != XML_ELEMENT_NODE)
            continue;
        if (domain_device_is_virtio (i))
            xml_set (xml_take (i, "driver"), "iommu", "on");
        /* An option ROM would be code that nobody measured. */
        if (strcmp ((const char *) i->name, "interface") == 0) {
            xml_drop (i, "rom");
            xml_add (i, "rom", "enabled", "no", NULL);
        }
    }
    if (xml_child (devices, "serial") != NULL || xml_child (devices, "console") != NULL)
        return;
    xml_add (xml_add (devices, "serial", "type", "pty", NULL), "target", "type",
             "isa-serial", "port", "0", NULL);
    xml_add (xml_add (devices, "console", "type", "pty", NULL), "target", "type", "serial",
             "port", "0", NULL);
}

/* cbitpos and reducedPhysBits are the host's; libvirt fills them in. */
static void
edit_security (xmlNode *domain, const DomainEdit *edit)
{
    g_autofree char *policy = g_strdup_printf ("0x%04x", edit->policy);

    xml_drop (domain, "launchSecurity");
    xmlNode *security = xml_add (domain, "launchSecurity", "type", "sev", NULL);
    if (edit->kernel_hashes)
        xml_set (security, "kernelHashes", "yes");
    xml_add_text (security, "policy", policy);
    xml_add_text (security, "dhCert", edit->dh_cert);
    xml_add_text (security, "session", edit->session);
}

char *
domain_copy_build (const DomainCopy *copy, const DomainEdit *edit, GError **error)
{
    if (!check_edit (edit, error))
        return NULL;
    g_autoptr (xmlDoc) doc = xmlCopyDoc (copy->doc, 1);
    if (doc == NULL)
        g_error ("no memory for domain XML");
    xmlNode *domain = xmlDocGetRootElement (doc);

    if (copy->facts.uuid == NULL && edit->uuid != NULL)
        set_text (domain, "uuid", edit->uuid);
    edit_boot (domain, edit);
    edit_machine (domain, edit);
    edit_devices (domain, edit);
    edit_security (domain, edit);
    return xml_print (doc, error);
}
