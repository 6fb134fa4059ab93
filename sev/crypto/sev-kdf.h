/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sev/wire/sev-wire.h"

G_BEGIN_DECLS

#define SEV_KDF_MAX_OUT                                                                    \
    SEV_MAC_SIZE /* one block of the PRF; the protocol asks for 16 bytes */

/**
 * sev_kdf_derive:
 * @key: (array length=key_len): key-derivation key
 * @label: hashed without its NUL
 * @context: (nullable) (array length=context_len): context bytes
 * @out: (out caller-allocates) (array length=out_len): derived key; zeroes on failure
 * @out_len: 1 to %SEV_KDF_MAX_OUT
 *
 * First @out_len bytes of HMAC-SHA-256 (key, LE32 (1) || label || 00h || context ||
 * LE32 (8 * out_len)): AMD's profile of SP 800-108r1, section 4.1.  Counter and length are
 * little-endian, so OpenSSL's KBKDF (big-endian) is another function; the unit test shows
 * the difference.
 *
 * Errors: %SEV_ERROR_CRYPTO.
 */
gboolean sev_kdf_derive (const guint8 *key,
                         gsize key_len,
                         const char *label,
                         const guint8 *context,
                         gsize context_len,
                         guint8 *out,
                         gsize out_len,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
