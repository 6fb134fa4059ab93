/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/domain/domain-config.h"

G_BEGIN_DECLS

/* The first versions of libvirt that know an attribute. */
#define DOMAIN_LIBVIRT_KERNEL_HASHES 8000000 /* <launchSecurity kernelHashes=…> */
#define DOMAIN_LIBVIRT_STATELESS 8006000     /* <loader stateless=…> */

/** domain_text_is_clean: UTF-8 without control characters and non-characters, so that XML
 * and everybody's terminal can carry it */
gboolean domain_text_is_clean (const char *text);

/** domain_network_name_is_valid: @network: NETWORK or BRIDGE */
gboolean domain_network_name_is_valid (DomainNetwork network, const char *name);

G_END_DECLS
