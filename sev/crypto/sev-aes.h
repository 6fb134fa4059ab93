/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sev/wire/sev-wire.h"

G_BEGIN_DECLS

/**
 * sev_aes128_ctr:
 * @iv: the whole first counter block; increments as a 128-bit big-endian number
 *   (SP 800-38A, section 6.5; OpenSSL's aes-128-ctr)
 * @in: (array length=len): may be the same memory as @out
 *
 * Encrypts or decrypts: in counter mode both are the same.
 * Errors: %SEV_ERROR_CRYPTO; @out is zeroed then.
 */
gboolean sev_aes128_ctr (const guint8 key[SEV_KEY_SIZE],
                         const guint8 iv[SEV_IV_SIZE],
                         const void *in,
                         void *out,
                         gsize len,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
