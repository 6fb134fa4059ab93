/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sev/base/sev-secret.h"
#include "sev/wire/sev-wire.h"

G_BEGIN_DECLS

/** PspMeasurement: what a measurement vouches for */
typedef struct {
    guint8 api_major;
    guint8 api_minor;
    guint8 build;
    guint32 policy;
    guint8 ld[SEV_DIGEST_SIZE];
    guint8 mnonce[SEV_NONCE_SIZE];
} PspMeasurement;

/**
 * psp_measure:
 * @out: (out caller-allocates): MEASURE
 *
 * HMAC (TIK, 04h || API_MAJOR || API_MINOR || BUILD || POLICY || LD || MNONCE), without
 * the first four bytes before API 0.17 (AMD's sev-tool, calc_measurement).
 *
 * Errors: %SEV_ERROR_CRYPTO.
 */
gboolean psp_measure (const PspMeasurement *what,
                      const SevSecret *tik,
                      guint8 out[SEV_MAC_SIZE],
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
