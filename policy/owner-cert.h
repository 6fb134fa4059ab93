/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sev/wire/sev-cert-wire.h"

G_BEGIN_DECLS

/**
 * policy_unwrap_base64:
 * @bytes: content of a file
 * @binary_prefix: (array length=prefix_len): how the binary form begins
 * Returns: (transfer full): the bytes themselves if they begin so, or if they are not
 * base64 text; else what the text stands for
 */
GBytes *policy_unwrap_base64 (GBytes *bytes, const void *binary_prefix, gsize prefix_len);

/**
 * policy_owner_cert_parse:
 * @bytes: content of the file, untrusted; binary or base64
 *
 * The owner's certificate: SEV format, a PDH key on P-384, and not a platform's own.
 * Errors: %POLICY_ERROR_OWNER_CERT_TRUNCATED, %POLICY_ERROR_OWNER_CERT_MALFORMED,
 *   %POLICY_ERROR_OWNER_CERT_KIND, %POLICY_ERROR_OWNER_CERT_PLATFORM.
 */
gboolean policy_owner_cert_parse (GBytes *bytes,
                                  SevCert *out,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
