/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The domain XML.  Elements and attributes: libvirt, "Domain XML format" and "Launch
 * security with AMD SEV".
 */

#include "launcher/domain/domain-config.h"

#include <libxml/tree.h>
#include <string.h>

#include "launcher/base/launcher-error.h"
#include "launcher/domain/domain-private.h"
#include "launcher/domain/xml-read.h"
#include "launcher/domain/xml-write.h"

#define BASE64 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="

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
    if (config->kernel_hashes && config->libvirt_version < DOMAIN_LIBVIRT_KERNEL_HASHES) {
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

static void
add_number (xmlNode *parent, const char *name, guint value)
{
    g_autofree char *text = g_strdup_printf ("%u", value);

    xml_add_text (parent, name, text);
}

static void
add_os (xmlNode *domain, const DomainConfig *config)
{
    xmlNode *os = xml_add (domain, "os", NULL);
    xmlNode *node = xml_add_text (os, "type", "hvm");

    xml_set (node, "arch", "x86_64");
    xml_set (node, "machine", "q35");

    /* Unit 0 of pflash is what SEV measures; there is no store for variables. */
    node = xml_add_text (os, "loader", config->firmware);
    xml_set (node, "readonly", "yes");
    xml_set (node, "type", "pflash");
    if (config->libvirt_version >= DOMAIN_LIBVIRT_STATELESS)
        xml_set (node, "stateless", "yes");
    if (config->kernel != NULL)
        xml_add_text (os, "kernel", config->kernel);
    if (config->initrd != NULL)
        xml_add_text (os, "initrd", config->initrd);
    if (config->cmdline != NULL && config->cmdline[0] != '\0')
        xml_add_text (os, "cmdline", config->cmdline);
}

static void
add_cpu (xmlNode *domain, const DomainConfig *config)
{
    xmlNode *cpu = xml_add (domain, "cpu", "mode", "custom", "match", "exact", NULL);
    xmlNode *model;

    /* TCG leaves out what it does not have of a model; libvirt would refuse it for that. */
    if (!config->kvm)
        xml_set (cpu, "check", "none");
    model = xml_add_text (cpu, "model", config->cpu_model);
    xml_set (model, "fallback", "forbid");
}

static void
add_machine (xmlNode *domain, const DomainConfig *config)
{
    xmlNode *node;

    node = xml_add (domain, "features", NULL);
    xml_add (node, "acpi", NULL);
    xml_add (node, "apic", NULL);
    /* VMware's port hands registers to the host, which SEV-ES hides. */
    xml_add (node, "vmport", "state", "off", NULL);
    add_cpu (domain, config);
    xml_add (domain, "clock", "offset", "utc", NULL);

    /* Another start would be another launch with another measurement. */
    xml_add_text (domain, "on_poweroff", "destroy");
    xml_add_text (domain, "on_reboot", "destroy");
    xml_add_text (domain, "on_crash", "destroy");
    node = xml_add (domain, "pm", NULL);
    xml_add (node, "suspend-to-mem", "enabled", "no", NULL);
    xml_add (node, "suspend-to-disk", "enabled", "no", NULL);
}

/* The whole chain with the formats: else libvirt and QEMU would ask the files, which are
 * the adversary's. */
static void
add_disk (xmlNode *devices, const DomainConfig *config)
{
    xmlNode *disk, *chain;

    if (config->n_disk == 0)
        return;
    disk = xml_add (devices, "disk", "type", "file", "device", "disk", NULL);
    xml_add (disk, "driver", "name", "qemu", "type", config->disk[0].format, "cache",
             "writeback", "discard", "unmap", "iommu", "on", NULL);
    xml_add (disk, "source", "file", config->disk[0].path, NULL);
    chain = disk;
    for (guint i = 1; i < config->n_disk; i++) {
        chain = xml_add (chain, "backingStore", "type", "file", NULL);
        xml_add (chain, "format", "type", config->disk[i].format, NULL);
        xml_add (chain, "source", "file", config->disk[i].path, NULL);
    }
    xml_add (chain, "backingStore", NULL);
    xml_add (disk, "target", "dev", "vda", "bus", "virtio", NULL);
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
    interface = xml_add (devices, "interface", "type", types[config->network], NULL);
    if (config->network != DOMAIN_NETWORK_USER)
        xml_add (interface, "source", types[config->network], config->network_name, NULL);
    xml_add (interface, "model", "type", "virtio", NULL);
    xml_add (interface, "driver", "iommu", "on", NULL);
    /* An option ROM would be code that nobody measured. */
    xml_add (interface, "rom", "enabled", "no", NULL);
}

static void
add_devices (xmlNode *domain, const DomainConfig *config)
{
    xmlNode *devices = xml_add (domain, "devices", NULL);
    xmlNode *node;

    if (config->emulator != NULL)
        xml_add_text (devices, "emulator", config->emulator);
    add_disk (devices, config);
    xml_add (devices, "controller", "type", "usb", "model", "none", NULL);
    add_network (devices, config);

    node = xml_add (devices, "serial", "type", "pty", NULL);
    xml_add (node, "target", "type", "isa-serial", "port", "0", NULL);
    node = xml_add (devices, "console", "type", "pty", NULL);
    xml_add (node, "target", "type", "serial", "port", "0", NULL);

    xml_add (devices, "memballoon", "model", "none", NULL);
    node = xml_add (devices, "rng", "model", "virtio", NULL);
    xml_add (node, "driver", "iommu", "on", NULL);
    xml_set (xml_add_text (node, "backend", "/dev/urandom"), "model", "random");
}

/* cbitpos and reducedPhysBits are the host's; libvirt fills them in. */
static void
add_launch_security (xmlNode *domain, const DomainConfig *config)
{
    xmlNode *security = xml_add (domain, "launchSecurity", "type", "sev", NULL);
    g_autofree char *policy = g_strdup_printf ("0x%04x", config->policy);

    if (config->kernel_hashes)
        xml_set (security, "kernelHashes", "yes");
    xml_add_text (security, "policy", policy);
    xml_add_text (security, "dhCert", config->dh_cert);
    xml_add_text (security, "session", config->session);
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

    xml_set (domain, "type", config->kvm ? "kvm" : "qemu");
    xml_add_text (domain, "name", config->name);
    if (config->uuid != NULL)
        xml_add_text (domain, "uuid", config->uuid);
    add_number (domain, "memory", config->memory_mib);
    xml_set (domain->last, "unit", "MiB");
    add_number (domain, "vcpu", config->vcpus);
    if (config->locked_memory)
        xml_add (xml_add (domain, "memoryBacking", NULL), "locked", NULL);
    add_os (domain, config);
    add_machine (domain, config);
    add_devices (domain, config);
    add_launch_security (domain, config);
    return xml_print (doc, error);
}
