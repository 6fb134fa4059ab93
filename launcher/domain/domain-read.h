/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * domain_xml_find_session:
 * @xml: domain XML as libvirt gives it, untrusted
 *
 * Returns: (transfer full): what is in <launchSecurity><session>, decoded from base64
 * Errors: %LAUNCHER_ERROR_DOMAIN_STATE for a domain that has none or none that can be read.
 */
GBytes *domain_xml_find_session (const char *xml, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
