/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include "policy/attest/platform-file.h"

G_BEGIN_DECLS

/**
 * SECTION: platform-tree
 * @short_description: ARK -> ASK -> CEK -> PEK <- OCA, PEK -> PDH, for people and programs
 *
 * What the certificates say of themselves, and of each signature whether it verifies.
 */

/** platform_tree_print: on standard output */
void platform_tree_print (const PolicyPlatformCerts *certs, const PolicyChain *chain);

/**
 * platform_tree_add_json: adds "certificates" and "links" to @object
 *
 * A certificate that is missing or cannot be read has its name and "present" only.
 */
void platform_tree_add_json (JsonObject *object,
                             const PolicyPlatformCerts *certs,
                             const PolicyChain *chain);

G_END_DECLS
