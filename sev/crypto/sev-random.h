/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** sev_random_bytes: public random values (nonces, IVs). Errors: %SEV_ERROR_CRYPTO. */
gboolean sev_random_bytes (void *out, gsize len, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
