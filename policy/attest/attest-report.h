/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sev/wire/sev-cert-wire.h"
#include "sev/wire/sev-wire.h"

G_BEGIN_DECLS

/**
 * PolicyReport: what the platform's firmware says of a guest, in its own signature
 *
 * Source: AMD 55766, ATTESTATION; which bytes are signed: AMD's sev-tool,
 * validate_attestation.
 */
typedef struct {
    guint8 mnonce[SEV_NONCE_SIZE];  /* what it was asked with */
    guint8 digest[SEV_DIGEST_SIZE]; /* launch digest */
    guint32 policy;                 /* guest policy */
} PolicyReport;

/**
 * policy_report_parse:
 * @report: (array length=len): untrusted
 * Stricter than the tool, which ignores them: usage, algorithm and the reserved field,
 * which are not signed, must be PEK, ECDSA with SHA-256 and 0.
 * Errors: %POLICY_ERROR_REPORT_MALFORMED.
 */
gboolean policy_report_parse (const guint8 *report,
                              gsize len,
                              PolicyReport *out,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_report_verify:
 * @report: (array length=len): untrusted
 * @pek: the platform's; the caller has verified the chain that it is in
 * @out: (out caller-allocates): valid on success
 * Errors: besides, %POLICY_ERROR_REPORT_SIGNATURE.
 */
gboolean policy_report_verify (const guint8 *report,
                               gsize len,
                               const SevCert *pek,
                               PolicyReport *out,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_report_nonce_early:
 * @session: its id, 32 bytes
 * @measurement: MEASURE || MNONCE, 48 bytes
 * @out: (out caller-allocates): what ATTESTATION is asked with before there is a verdict:
 *   the first 16 bytes of SHA-256 over "sevlaunch report 1\n", @session and @measurement
 * Errors: %SEV_ERROR_CRYPTO.
 */
gboolean policy_report_nonce_early (const guint8 *session,
                                    const guint8 *measurement,
                                    guint8 out[SEV_NONCE_SIZE],
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
