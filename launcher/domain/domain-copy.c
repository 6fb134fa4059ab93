/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a domain's XML says that matters to its launch. */

#include "launcher/domain/domain-copy-private.h"

#include <string.h>

#include "launcher/base/launcher-error.h"
#include "launcher/domain/domain-private.h"
#include "launcher/domain/xml-read.h"
#include "launcher/domain/xml-write.h"

#define MEMORY_MAX_MIB (1u << 20)
#define VCPUS_MAX 512u

static gboolean
refuse (GError **error, const char *what, const char *why)
{
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_CONFIG, "domain XML: %s: %s", what,
                 why);
    return FALSE;
}

/* libvirt takes the first of some and all of others: what is judged must be what it
 * takes. */
static gboolean
check_single (const xmlNode *domain, GError **error)
{
    static const char *const once[] = {
        "name",
        "uuid",
        "memory",
        "vcpu",
        "os",
        "os/loader",
        "os/nvram",
        "os/kernel",
        "os/initrd",
        "os/cmdline",
        "cpu",
        "cpu/model",
        "features",
        "features/smm",
        "memoryBacking",
        "devices",
        "memtune",
        "launchSecurity",
        "devices/emulator",
        "on_poweroff",
        "on_reboot",
        "on_crash",
        "launchSecurity/policy",
        "os/type",
        "cpu/numa",
    };

    for (gsize i = 0; i < G_N_ELEMENTS (once); i++) {
        const xmlNode *node = xml_path (domain, once[i]);

        if (node != NULL && xml_next (node, (const char *) node->name) != NULL)
            return refuse (error, once[i], "it is there twice");
    }
    return TRUE;
}

/* With its white space, which libvirt keeps and QEMU measures.
 * @out: (out) (transfer full) (nullable): NULL for none and "" */
static gboolean
take_text (const xmlNode *domain, const char *path, char **out, GError **error)
{
    g_autofree char *text = xml_content (xml_path (domain, path));

    if (text == NULL || *text == '\0')
        return TRUE;
    if (!domain_text_is_clean (text))
        return refuse (error, path, "it has characters that nobody can see");
    *out = g_steal_pointer (&text);
    return TRUE;
}

static gboolean
take_path (const xmlNode *domain, const char *path, char **out, GError **error)
{
    if (!take_text (domain, path, out, error))
        return FALSE;
    return *out == NULL || g_path_is_absolute (*out) ||
           refuse (error, path, "the path is not absolute");
}

/* As the units of virt-install and libvirt: KB is 1000 bytes, KiB and k are 1024. */
static gboolean
read_unit (const char *text, guint64 *bytes)
{
    static const char letters[] = "kmgtpe";
    const char *at = *text != '\0' ? strchr (letters, g_ascii_tolower (*text)) : NULL;
    const char *rest = text + 1;

    *bytes = 1;
    if (g_ascii_strcasecmp (text, "b") == 0 || g_ascii_strcasecmp (text, "bytes") == 0)
        return TRUE;
    if (at == NULL)
        return FALSE;
    const gboolean decimal = g_ascii_strcasecmp (rest, "b") == 0;
    if (!decimal && *rest != '\0' && g_ascii_strcasecmp (rest, "ib") != 0)
        return FALSE;
    for (gssize i = 0; i <= at - letters; i++)
        *bytes *= decimal ? 1000 : 1024;
    return TRUE;
}

static gboolean
take_memory (const xmlNode *domain, DomainFacts *out, GError **error)
{
    const xmlNode *node = xml_child (domain, "memory");
    g_autofree char *text = xml_text (node);
    g_autofree char *unit = xml_attribute (node, "unit");
    guint64 number = 0;
    guint64 scale = 0;

    if (text == NULL || !read_unit (unit != NULL ? unit : "KiB", &scale) ||
        !g_ascii_string_to_unsigned (text, 10, 1, G_MAXUINT64 / scale, &number, NULL))
        return refuse (error, "memory", "it is no amount of memory");
    const guint64 mib = (number * scale - 1) / (1u << 20) + 1;
    if (mib > MEMORY_MAX_MIB)
        return refuse (error, "memory", "it is too much");
    out->memory_mib = (guint) mib;
    return TRUE;
}

static gboolean
take_vcpus (const xmlNode *domain, DomainFacts *out, GError **error)
{
    const xmlNode *node = xml_child (domain, "vcpu");
    g_autofree char *text = xml_text (node);
    g_autofree char *current = xml_attribute (node, "current");
    guint64 most = 1;
    guint64 now;

    if (text != NULL && !g_ascii_string_to_unsigned (text, 10, 1, VCPUS_MAX, &most, NULL))
        return refuse (error, "vcpu", "it is no number of processors");
    now = most;
    if (current != NULL && !g_ascii_string_to_unsigned (current, 10, 1, most, &now, NULL))
        return refuse (error, "vcpu", "its current number is none");
    out->vcpus = (guint) now;
    out->vcpus_vary = now != most || xml_child (domain, "vcpus") != NULL;
    return TRUE;
}

/* libvirt reads it as hexadecimal, with or without 0x. */
static gboolean
take_policy (const xmlNode *domain, DomainFacts *out, GError **error)
{
    const xmlNode *security = xml_child (domain, "launchSecurity");
    g_autofree char *text = xml_text (xml_child (security, "policy"));
    char *end = NULL;

    if (text == NULL || !xml_attribute_is (security, "type", "sev"))
        return TRUE;
    const guint64 value = g_ascii_isxdigit (*text) ? g_ascii_strtoull (text, &end, 16) : 0;
    if (end == NULL || *end != '\0' || value > G_MAXUINT32)
        return refuse (error, "launchSecurity/policy", "it is no hexadecimal number");
    out->has_policy = TRUE;
    out->policy = (guint32) value;
    return TRUE;
}

/* The order that <boot order=…/> gives; without it, that of the XML. */
static guint64
boot_order (const xmlNode *disk)
{
    g_autofree char *text = xml_attribute (xml_child (disk, "boot"), "order");
    guint64 order = G_MAXUINT64;

    if (text != NULL)
        (void) !g_ascii_string_to_unsigned (text, 10, 1, G_MAXUINT32, &order, NULL);
    return order;
}

xmlNode *
domain_copy_find_disk (const xmlNode *domain)
{
    xmlNode *found = NULL;

    for (xmlNode *i = xml_path (domain, "devices/disk"); i != NULL;
         i = xml_next (i, "disk")) {
        g_autofree char *device = xml_attribute (i, "device");

        if ((device == NULL || strcmp (device, "disk") == 0) &&
            (found == NULL || boot_order (i) < boot_order (found)))
            found = i;
    }
    return found;
}

static gboolean
take_disk (const xmlNode *domain, DomainFacts *out, GError **error)
{
    const xmlNode *disk = domain_copy_find_disk (domain);
    g_autofree char *file = xml_attribute (xml_child (disk, "source"), "file");
    g_autofree char *format = xml_attribute (xml_child (disk, "driver"), "type");

    if (file == NULL || !xml_attribute_is (disk, "type", "file"))
        return TRUE;
    if (!domain_text_is_clean (file) || !g_path_is_absolute (file))
        return refuse (error, "devices/disk/source",
                       "the path is not absolute, or has characters that nobody can see");
    if (format != NULL && strcmp (format, "qcow2") != 0 && strcmp (format, "raw") != 0)
        return TRUE;
    out->disk = g_steal_pointer (&file);
    out->format = format != NULL ? g_steal_pointer (&format) : g_strdup ("raw");
    return TRUE;
}

static gboolean
has_console (const xmlNode *domain)
{
    const xmlNode *console = xml_path (domain, "devices/console");
    const xmlNode *serial = xml_path (domain, "devices/serial");
    const xmlNode *first = console != NULL ? console : serial;

    return first == NULL || xml_attribute_is (first, "type", "pty");
}

static gboolean
take_facts (const xmlNode *domain, DomainFacts *out, GError **error)
{
    const xmlNode *cpu = xml_child (domain, "cpu");

    out->console = has_console (domain);
    if (!take_text (domain, "name", &out->name, error) ||
        !take_text (domain, "uuid", &out->uuid, error))
        return FALSE;
    if (out->name == NULL)
        return refuse (error, "name", "there is none");
    if (out->uuid != NULL && !g_uuid_string_is_valid (out->uuid))
        return refuse (error, "uuid", "it is none");
    return (!xml_attribute_is (cpu, "mode", "custom") ||
            take_text (cpu, "model", &out->cpu_model, error)) &&
           take_memory (domain, out, error) && take_vcpus (domain, out, error) &&
           take_path (domain, "os/loader", &out->loader, error) &&
           take_path (domain, "os/kernel", &out->kernel, error) &&
           take_path (domain, "os/initrd", &out->initrd, error) &&
           take_text (domain, "os/cmdline", &out->cmdline, error) &&
           take_policy (domain, out, error) && take_disk (domain, out, error);
}

/* To libvirt an empty one is none. */
static void
drop_empty (xmlNode *domain)
{
    static const char *const names[] = { "kernel", "initrd", "cmdline" };
    xmlNode *os = xml_child (domain, "os");

    for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
        g_autofree char *text = xml_content (xml_child (os, names[i]));

        if (text != NULL && *text == '\0')
            xml_drop (os, names[i]);
    }
}

DomainCopy *
domain_copy_read (const char *text, gsize len, GError **error)
{
    g_autoptr (DomainCopy) copy = g_new0 (DomainCopy, 1);

    copy->doc = xml_read ("domain XML", text, len, "domain", error);
    if (copy->doc == NULL)
        return NULL;
    xmlNode *domain = xmlDocGetRootElement (copy->doc);
    if (!check_single (domain, error) || !take_facts (domain, &copy->facts, error))
        return NULL;
    drop_empty (domain);
    xml_tidy (domain);
    return g_steal_pointer (&copy);
}

void
domain_copy_free (DomainCopy *copy)
{
    DomainFacts *facts = &copy->facts;

    g_clear_pointer (&copy->doc, xmlFreeDoc);
    g_free (facts->name);
    g_free (facts->uuid);
    g_free (facts->loader);
    g_free (facts->kernel);
    g_free (facts->initrd);
    g_free (facts->cmdline);
    g_free (facts->disk);
    g_free (facts->format);
    g_free (facts->cpu_model);
    g_free (copy);
}

const DomainFacts *
domain_copy_get_facts (const DomainCopy *copy)
{
    return &copy->facts;
}
