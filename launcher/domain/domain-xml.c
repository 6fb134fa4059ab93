/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The domain XML.  Elements and attributes: libvirt, "Domain XML format" and "Launch
 * security with AMD SEV".
 */

#include "launcher/domain/domain-config.h"

#include <libxml/tree.h>
#include <libxml/xmlsave.h>
#include <string.h>

#include "launcher/base/launcher-error.h"
#include "launcher/domain/domain-private.h"

#define LIBVIRT_KERNEL_HASHES 8000000 /* <launchSecurity kernelHashes=…> */
#define LIBVIRT_STATELESS 8006000     /* <loader stateless=…> */

#define BASE64 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="

G_DEFINE_AUTOPTR_CLEANUP_FUNC (xmlDoc, xmlFreeDoc)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (xmlBuffer, xmlBufferFree)

/* --- what can be written ------------------------------------------------------------- */

static gboolean
refuse (GError **error, const char *what, const char *value, const char *why)
{
    g_autofree char *shown = g_strescape (value, NULL);

    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_CONFIG, "%s '%s': %s", what, shown,
                 why);
    return FALSE;
}

static gboolean
check_text (const char *what, const char *text, GError **error)
{
    if (text[0] == '\0')
        return refuse (error, what, text, "it is empty");
    if (!domain_text_is_clean (text))
        return refuse (error, what, text, "control characters, or not UTF-8");
    return TRUE;
}

static gboolean
check_path (const char *what, const char *path, GError **error)
{
    if (path == NULL)
        return TRUE;
    if (!check_text (what, path, error))
        return FALSE;
    if (!g_path_is_absolute (path))
        return refuse (error, what, path, "the path must be absolute");
    return TRUE;
}

static gboolean
check_base64 (const char *what, const char *text, GError **error)
{
    if (text[0] == '\0' || text[strspn (text, BASE64)] != '\0')
        return refuse (error, what, text, "it is not base64");
    return TRUE;
}

static gboolean
check_disk (const DomainConfig *config, GError **error)
{
    for (guint i = 0; i < config->n_disk; i++) {
        const DomainDiskLayer *layer = &config->disk[i];
        const gboolean raw = strcmp (layer->format, "raw") == 0;

        if (!check_path ("disk", layer->path, error))
            return FALSE;
        if (!raw && strcmp (layer->format, "qcow2") != 0)
            return refuse (error, "format of the disk", layer->format,
                           "must be qcow2 or raw");
        if (raw && i + 1 < config->n_disk)
            return refuse (error, "disk", layer->path,
                           "a raw file cannot have a backing file");
    }
    return TRUE;
}

static gboolean
check_boot (const DomainConfig *config, GError **error)
{
    const char *cmdline = config->cmdline != NULL ? config->cmdline : "";

    if (!check_path ("firmware", config->firmware, error) ||
        !check_path ("kernel", config->kernel, error) ||
        !check_path ("initrd", config->initrd, error))
        return FALSE;
    if (!domain_text_is_clean (cmdline))
        return refuse (error, "kernel command line", cmdline,
                       "control characters, or not UTF-8");
    if (config->kernel == NULL && config->initrd != NULL)
        return refuse (error, "initrd", config->initrd, "there is no kernel to it");
    if (config->kernel == NULL && cmdline[0] != '\0')
        return refuse (error, "kernel command line", cmdline, "there is no kernel to it");
    if (config->kernel_hashes && config->libvirt_version < LIBVIRT_KERNEL_HASHES) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_CONFIG,
                     "kernel hashes need libvirt 8.0.0 or later");
        return FALSE;
    }
    return TRUE;
}

static gboolean
check_complete (const DomainConfig *config, GError **error)
{
    const gboolean named = config->network == DOMAIN_NETWORK_NETWORK ||
                           config->network == DOMAIN_NETWORK_BRIDGE;

    if (config->name != NULL && config->cpu_model != NULL && config->firmware != NULL &&
        config->dh_cert != NULL && config->session != NULL && config->memory_mib > 0 &&
        config->vcpus > 0 && (config->disk != NULL || config->n_disk == 0) &&
        (config->network_name != NULL || !named))
        return TRUE;
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_INTERNAL,
                 "domain configuration is not complete");
    return FALSE;
}

static gboolean
check_config (const DomainConfig *config, GError **error)
{
    if (!check_complete (config, error))
        return FALSE;
    if (config->uuid != NULL && !g_uuid_string_is_valid (config->uuid))
        return refuse (error, "UUID", config->uuid, "it is none");
    if (!domain_name_is_valid (config->name))
        return refuse (error, "domain name", config->name,
                       "1 to 64 letters, digits and ._+-, no number, no UUID");
    if ((config->network == DOMAIN_NETWORK_NETWORK ||
         config->network == DOMAIN_NETWORK_BRIDGE) &&
        !domain_network_name_is_valid (config->network, config->network_name))
        return refuse (error, "network", config->network_name,
                       "it is no name of a network or bridge");
    return check_text ("CPU model", config->cpu_model, error) &&
           check_path ("emulator", config->emulator, error) && check_boot (config, error) &&
           check_disk (config, error) &&
           check_base64 ("owner's certificate", config->dh_cert, error) &&
           check_base64 ("session", config->session, error);
}

/* --- writing ------------------------------------------------------------------------- */

/* As GLib does, there is no way on without memory. */
static xmlNode *
add_text (xmlNode *parent, const char *name, const char *text)
{
    xmlNode *node = xmlNewTextChild (parent, NULL, BAD_CAST name, BAD_CAST text);

    if (node == NULL)
        g_error ("no memory for domain XML");
    return node;
}

static void
set (xmlNode *node, const char *name, const char *value)
{
    if (xmlNewProp (node, BAD_CAST name, BAD_CAST value) == NULL)
        g_error ("no memory for domain XML");
}

/* Attributes as pairs of strings, ended by NULL. */
static xmlNode *G_GNUC_NULL_TERMINATED
add (xmlNode *parent, const char *name, ...)
{
    xmlNode *node = add_text (parent, name, NULL);
    const char *attribute;
    va_list args;

    va_start (args, name);
    while ((attribute = va_arg (args, const char *)) != NULL)
        set (node, attribute, va_arg (args, const char *));
    va_end (args);
    return node;
}

static void
add_number (xmlNode *parent, const char *name, guint value)
{
    g_autofree char *text = g_strdup_printf ("%u", value);

    add_text (parent, name, text);
}

static void
add_os (xmlNode *domain, const DomainConfig *config)
{
    xmlNode *os = add (domain, "os", NULL);
    xmlNode *node = add_text (os, "type", "hvm");

    set (node, "arch", "x86_64");
    set (node, "machine", "q35");

    /* Unit 0 of pflash is what SEV measures; there is no store for variables. */
    node = add_text (os, "loader", config->firmware);
    set (node, "readonly", "yes");
    set (node, "type", "pflash");
    if (config->libvirt_version >= LIBVIRT_STATELESS)
        set (node, "stateless", "yes");
    if (config->kernel != NULL)
        add_text (os, "kernel", config->kernel);
    if (config->initrd != NULL)
        add_text (os, "initrd", config->initrd);
    if (config->cmdline != NULL && config->cmdline[0] != '\0')
        add_text (os, "cmdline", config->cmdline);
}

static void
add_cpu (xmlNode *domain, const DomainConfig *config)
{
    xmlNode *cpu = add (domain, "cpu", "mode", "custom", "match", "exact", NULL);
    xmlNode *model;

    /* TCG leaves out what it does not have of a model; libvirt would refuse it for that. */
    if (!config->kvm)
        set (cpu, "check", "none");
    model = add_text (cpu, "model", config->cpu_model);
    set (model, "fallback", "forbid");
}

static void
add_machine (xmlNode *domain, const DomainConfig *config)
{
    xmlNode *node;

    node = add (domain, "features", NULL);
    add (node, "acpi", NULL);
    add (node, "apic", NULL);
    /* VMware's port hands registers to the host, which SEV-ES hides. */
    add (node, "vmport", "state", "off", NULL);
    add_cpu (domain, config);
    add (domain, "clock", "offset", "utc", NULL);

    /* Another start would be another launch with another measurement. */
    add_text (domain, "on_poweroff", "destroy");
    add_text (domain, "on_reboot", "destroy");
    add_text (domain, "on_crash", "destroy");
    node = add (domain, "pm", NULL);
    add (node, "suspend-to-mem", "enabled", "no", NULL);
    add (node, "suspend-to-disk", "enabled", "no", NULL);
}

/* The whole chain with the formats: else libvirt and QEMU would ask the files, which are
 * the adversary's. */
static void
add_disk (xmlNode *devices, const DomainConfig *config)
{
    xmlNode *disk, *chain;

    if (config->n_disk == 0)
        return;
    disk = add (devices, "disk", "type", "file", "device", "disk", NULL);
    add (disk, "driver", "name", "qemu", "type", config->disk[0].format, "cache",
         "writeback", "discard", "unmap", "iommu", "on", NULL);
    add (disk, "source", "file", config->disk[0].path, NULL);
    chain = disk;
    for (guint i = 1; i < config->n_disk; i++) {
        chain = add (chain, "backingStore", "type", "file", NULL);
        add (chain, "format", "type", config->disk[i].format, NULL);
        add (chain, "source", "file", config->disk[i].path, NULL);
    }
    add (chain, "backingStore", NULL);
    add (disk, "target", "dev", "vda", "bus", "virtio", NULL);
}

static void
add_network (xmlNode *devices, const DomainConfig *config)
{
    static const char *const types[] = {
        [DOMAIN_NETWORK_USER] = "user",
        [DOMAIN_NETWORK_NETWORK] = "network",
        [DOMAIN_NETWORK_BRIDGE] = "bridge",
    };
    xmlNode *interface;

    if (config->network == DOMAIN_NETWORK_NONE)
        return;
    interface = add (devices, "interface", "type", types[config->network], NULL);
    if (config->network != DOMAIN_NETWORK_USER)
        add (interface, "source", types[config->network], config->network_name, NULL);
    add (interface, "model", "type", "virtio", NULL);
    add (interface, "driver", "iommu", "on", NULL);
    /* An option ROM would be code that nobody measured. */
    add (interface, "rom", "enabled", "no", NULL);
}

static void
add_devices (xmlNode *domain, const DomainConfig *config)
{
    xmlNode *devices = add (domain, "devices", NULL);
    xmlNode *node;

    if (config->emulator != NULL)
        add_text (devices, "emulator", config->emulator);
    add_disk (devices, config);
    add (devices, "controller", "type", "usb", "model", "none", NULL);
    add_network (devices, config);

    node = add (devices, "serial", "type", "pty", NULL);
    add (node, "target", "type", "isa-serial", "port", "0", NULL);
    node = add (devices, "console", "type", "pty", NULL);
    add (node, "target", "type", "serial", "port", "0", NULL);

    add (devices, "memballoon", "model", "none", NULL);
    node = add (devices, "rng", "model", "virtio", NULL);
    add (node, "driver", "iommu", "on", NULL);
    set (add_text (node, "backend", "/dev/urandom"), "model", "random");
}

/* cbitpos and reducedPhysBits are the host's; libvirt fills them in. */
static void
add_launch_security (xmlNode *domain, const DomainConfig *config)
{
    xmlNode *security = add (domain, "launchSecurity", "type", "sev", NULL);
    g_autofree char *policy = g_strdup_printf ("0x%04x", config->policy);

    if (config->kernel_hashes)
        set (security, "kernelHashes", "yes");
    add_text (security, "policy", policy);
    add_text (security, "dhCert", config->dh_cert);
    add_text (security, "session", config->session);
}

static char *
print (xmlDoc *doc, GError **error)
{
    g_autoptr (xmlBuffer) buffer = xmlBufferCreate ();
    xmlSaveCtxt *save =
        buffer == NULL
            ? NULL
            : xmlSaveToBuffer (buffer, "UTF-8", XML_SAVE_FORMAT | XML_SAVE_NO_DECL);

    if (save == NULL) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_INTERNAL,
                     "cannot write domain XML");
        return NULL;
    }
    const long written = xmlSaveDoc (save, doc);
    if (xmlSaveClose (save) < 0 || written < 0) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_INTERNAL,
                     "cannot write domain XML");
        return NULL;
    }
    return g_strdup ((const char *) xmlBufferContent (buffer));
}

char *
domain_xml_build (const DomainConfig *config, GError **error)
{
    if (!check_config (config, error))
        return NULL;

    g_autoptr (xmlDoc) doc = xmlNewDoc (BAD_CAST "1.0");
    xmlNode *domain =
        doc == NULL ? NULL : xmlNewDocNode (doc, NULL, BAD_CAST "domain", NULL);
    if (domain == NULL)
        g_error ("no memory for domain XML");
    xmlDocSetRootElement (doc, domain);

    set (domain, "type", config->kvm ? "kvm" : "qemu");
    add_text (domain, "name", config->name);
    if (config->uuid != NULL)
        add_text (domain, "uuid", config->uuid);
    add_number (domain, "memory", config->memory_mib);
    set (domain->last, "unit", "MiB");
    add_number (domain, "vcpu", config->vcpus);
    if (config->locked_memory)
        add (add (domain, "memoryBacking", NULL), "locked", NULL);
    add_os (domain, config);
    add_machine (domain, config);
    add_devices (domain, config);
    add_launch_security (domain, config);
    return print (doc, error);
}
