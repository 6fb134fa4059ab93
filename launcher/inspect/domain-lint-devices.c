/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/inspect/domain-lint-private.h"

#include <string.h>

#include "launcher/domain/domain-device.h"

#define LISTED_MAX 8u /* devices that one finding names */

/* Names of devices that one finding is about. */
typedef struct {
    GString *names;
    guint n;
} Listed;

static void
list_add (Listed *list, const char *element, const char *name)
{
    if (list->names == NULL)
        list->names = g_string_new (NULL);
    if (list->n++ < LISTED_MAX)
        g_string_append_printf (list->names, "%s%s%s%s", list->n > 1 ? ", " : "", element,
                                name != NULL ? " " : "", name != NULL ? name : "");
    else if (list->n == LISTED_MAX + 1)
        g_string_append (list->names, ", …");
}

static void
list_clear (Listed *list)
{
    if (list->names != NULL)
        g_string_free (list->names, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Listed, list_clear)

static char *
name_of (const xmlNode *device)
{
    g_autofree char *target = xml_attribute (xml_child (device, "target"), "dev");
    g_autofree char *mac = xml_attribute (xml_child (device, "mac"), "address");
    char *type = xml_attribute (device, "type");

    if (target == NULL && mac == NULL)
        return type;
    g_free (type);
    return target != NULL ? g_steal_pointer (&target) : g_steal_pointer (&mac);
}

static gboolean
is_transitional (const xmlNode *device)
{
    g_autofree char *own = xml_attribute (device, "model");
    g_autofree char *model = xml_attribute (xml_child (device, "model"), "type");

    return (own != NULL && g_str_has_suffix (own, "-transitional") &&
            !g_str_has_suffix (own, "non-transitional")) ||
           (model != NULL && g_str_has_suffix (model, "-transitional") &&
            !g_str_has_suffix (model, "non-transitional"));
}

static void
lint_virtio (const xmlNode *devices, GPtrArray *out)
{
    g_auto (Listed) plain = { 0 };
    g_auto (Listed) old = { 0 };

    for (const xmlNode *i = devices->children; i != NULL; i = i->next) {
        if (i->type != XML_ELEMENT_NODE || !domain_device_is_virtio (i))
            continue;
        g_autofree char *name = name_of (i);
        if (is_transitional (i))
            list_add (&old, (const char *) i->name, name);
        if (!xml_attribute_is (xml_child (i, "driver"), "iommu", "on") &&
            strcmp ((const char *) i->name, "memballoon") != 0)
            list_add (&plain, (const char *) i->name, name);
    }
    if (plain.n > 0)
        finding_add (out, "virtio-iommu", FINDING_WARN,
                     "<driver iommu='on'/> in each; QEMU 6.0 and later do it by themselves",
                     "virtio devices that do not use the DMA interface, and cannot reach "
                     "encrypted memory: %s",
                     plain.names->str);
    if (old.n > 0)
        finding_add (out, "virtio-transitional", FINDING_FAIL,
                     "take models without -transitional",
                     "virtio before 1.0 cannot work with SEV: %s", old.names->str);
}

static void
lint_disks (const xmlNode *devices, GPtrArray *out)
{
    g_auto (Listed) unsafe = { 0 };
    g_auto (Listed) guessed = { 0 };

    for (const xmlNode *i = xml_child (devices, "disk"); i != NULL;
         i = xml_next (i, "disk")) {
        const xmlNode *driver = xml_child (i, "driver");
        g_autofree char *name = name_of (i);
        g_autofree char *format = xml_attribute (driver, "type");

        if (xml_attribute_is (driver, "cache", "unsafe"))
            list_add (&unsafe, "disk", name);
        if (format == NULL && xml_child (i, "source") != NULL)
            list_add (&guessed, "disk", name);
    }
    if (unsafe.n > 0)
        finding_add (out, "disk-cache", FINDING_WARN, "cache='writeback', or 'none'",
                     "cache='unsafe' ignores what the guest flushes: %s",
                     unsafe.names->str);
    if (guessed.n > 0)
        finding_add (out, "disk-format", FINDING_WARN, "<driver type='qcow2'/> or 'raw'",
                     "no format is stated, and a disk can lie about its own: %s",
                     guessed.names->str);
}

static void
lint_rom (const xmlNode *devices, GPtrArray *out)
{
    g_auto (Listed) roms = { 0 };

    for (const xmlNode *i = xml_child (devices, "interface"); i != NULL;
         i = xml_next (i, "interface")) {
        const xmlNode *rom = xml_child (i, "rom");
        g_autofree char *name = name_of (i);

        if (!xml_attribute_is (rom, "enabled", "no") &&
            !xml_attribute_is (rom, "bar", "off"))
            list_add (&roms, "interface", name);
    }
    if (roms.n > 0)
        finding_add (out, "option-rom", FINDING_WARN, "<rom enabled='no'/> in each",
                     "an option ROM is code that nobody measures: %s", roms.names->str);
}

static void
lint_output (const xmlNode *devices, GPtrArray *out)
{
    const xmlNode *balloon = xml_child (devices, "memballoon");
    const xmlNode *video = xml_path (devices, "video/model");

    if (!xml_attribute_is (balloon, "model", "none"))
        finding_add (out, "memballoon", FINDING_WARN, "<memballoon model='none'/>",
                     "a balloon%s: pinned memory cannot be given back",
                     balloon == NULL ? " (libvirt adds one)" : "");
    if (video != NULL && !xml_attribute_is (video, "type", "none"))
        finding_add (out, "video", FINDING_WARN,
                     "remove <video> and <graphics>, use the serial console",
                     "what the guest shows on a screen is shown to the host");
    else if (video == NULL && xml_child (devices, "graphics") != NULL)
        finding_add (out, "video", FINDING_WARN, "remove <graphics>",
                     "libvirt adds a video device to <graphics>, whose picture the host "
                     "sees");
    if (xml_child (devices, "serial") == NULL)
        finding_add (out, "no-serial", FINDING_NOTE, "<serial type='pty'/>",
                     "without a serial console nobody hears why a guest does not start");
}

static gboolean
has_host_device (const xmlNode *devices)
{
    for (const xmlNode *i = xml_child (devices, "interface"); i != NULL;
         i = xml_next (i, "interface"))
        if (xml_attribute_is (i, "type", "hostdev"))
            return TRUE;
    return xml_child (devices, "hostdev") != NULL;
}

static void
lint_shared (const xmlNode *devices, GPtrArray *out)
{
    if (xml_child (devices, "filesystem") != NULL)
        finding_add (out, "filesystem", FINDING_WARN, "give the guest a disk or a network",
                     "files of the host's: the guest takes them unverified, and virtiofs "
                     "cannot share encrypted memory");
    if (has_host_device (devices))
        finding_add (out, "hostdev", FINDING_WARN, "give the guest a virtio device",
                     "a device of the host: it reaches only what the guest shares, and is "
                     "not measured");
    if (xml_child (devices, "tpm") != NULL)
        finding_add (out, "tpm", FINDING_NOTE, NULL,
                     "the TPM is the host's: it proves nothing to the guest's owner");
}

void
lint_devices (const xmlNode *domain, GPtrArray *out)
{
    const xmlNode *devices = xml_child (domain, "devices");

    if (devices == NULL)
        return;
    lint_virtio (devices, out);
    lint_disks (devices, out);
    lint_rom (devices, out);
    lint_output (devices, out);
    lint_shared (devices, out);
}
