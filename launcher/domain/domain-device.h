/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <libxml/tree.h>

G_BEGIN_DECLS

/** domain_device_is_virtio: @device: an element of <devices>; whether it is virtio, in one
 * of the ways in which the elements say it */
gboolean domain_device_is_virtio (const xmlNode *device);

G_END_DECLS
