/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sev/wire/sev-wire.h"

G_BEGIN_DECLS

/** SevHmac: a running HMAC-SHA-256 (RFC 2104) */
typedef struct _SevHmac SevHmac;

SevHmac *sev_hmac_new (const void *key,
                       gsize key_len,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** sev_hmac_copy: Returns: (transfer full): a second one that goes on from here */
SevHmac *sev_hmac_copy (const SevHmac *hmac, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean sev_hmac_update (SevHmac *hmac, const void *data, gsize len, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/** sev_hmac_finish: afterwards only sev_hmac_free() is allowed */
gboolean sev_hmac_finish (SevHmac *hmac,
                          guint8 out[SEV_MAC_SIZE],
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
void sev_hmac_free (SevHmac *hmac);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SevHmac, sev_hmac_free)

/** sev_hmac_sha256: @out is zeroed on failure. Errors: %SEV_ERROR_CRYPTO. */
gboolean sev_hmac_sha256 (const void *key,
                          gsize key_len,
                          const void *data,
                          gsize len,
                          guint8 out[SEV_MAC_SIZE],
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
