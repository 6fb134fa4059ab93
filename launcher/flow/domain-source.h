/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/flow/launch-owner.h"

G_BEGIN_DECLS

/**
 * domain_source_ask:
 * @owner: its place is chosen
 * @name: of a domain
 * @uuid: (nullable): that a domain of this name must have, if there is one; %NULL: there
 *   must be one, and its XML is wanted
 *
 * Asks the libvirt of the launch, in a process of its own that is the emulated host's user
 * already; before there are threads.  Blocks.
 * Returns: (transfer full): the XML of the domain as it is defined; "" if it is not wanted
 * Errors: of virt_find_startable(), %LAUNCHER_ERROR_DOMAIN_STATE (there is no such domain),
 *   %LAUNCHER_ERROR_CONFIG (too large), of virt_open(), of emulated_host_ensure().
 */
char *domain_source_ask (const LaunchOwner *owner,
                         const char *name,
                         const char *uuid,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
