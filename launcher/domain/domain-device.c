/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/domain/domain-device.h"

#include <string.h>

#include "launcher/domain/xml-read.h"

gboolean
domain_device_is_virtio (const xmlNode *device)
{
    const char *name = (const char *) device->name;
    g_autofree char *own = xml_attribute (device, "model");
    g_autofree char *bus = xml_attribute (xml_child (device, "target"), "bus");
    g_autofree char *own_bus = xml_attribute (device, "bus");
    g_autofree char *model = xml_attribute (xml_child (device, "model"), "type");

    if (strcmp (name, "disk") == 0)
        return g_strcmp0 (bus, "virtio") == 0;
    if (strcmp (name, "input") == 0)
        return g_strcmp0 (own_bus, "virtio") == 0;
    if (strcmp (name, "controller") == 0) {
        g_autofree char *type = xml_attribute (device, "type");

        return g_strcmp0 (type, "virtio-serial") == 0 ||
               (own != NULL && g_str_has_prefix (own, "virtio"));
    }
    if (strcmp (name, "interface") == 0 || strcmp (name, "video") == 0)
        return model != NULL && g_str_has_prefix (model, "virtio");
    return strcmp (name, "vsock") == 0 || (own != NULL && g_str_has_prefix (own, "virtio"));
}
