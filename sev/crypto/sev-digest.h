/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sev/wire/sev-wire.h"

G_BEGIN_DECLS

typedef enum {
    SEV_HASH_SHA256,
    SEV_HASH_SHA384,
} SevHash;

/** SevDigest: a running SHA-256 */
typedef struct _SevDigest SevDigest;

SevDigest *sev_digest_new (GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** sev_digest_copy: Returns: (transfer full): a second digest that goes on from here */
SevDigest *sev_digest_copy (const SevDigest *digest,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean sev_digest_update (SevDigest *digest, const void *data, gsize len, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/** sev_digest_finish: afterwards only sev_digest_free() is allowed */
gboolean sev_digest_finish (SevDigest *digest,
                            guint8 out[SEV_DIGEST_SIZE],
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
void sev_digest_free (SevDigest *digest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SevDigest, sev_digest_free)

/** sev_sha256: @out is zeroed on failure. Errors: %SEV_ERROR_CRYPTO. */
gboolean sev_sha256 (const void *data,
                     gsize len,
                     guint8 out[SEV_DIGEST_SIZE],
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
