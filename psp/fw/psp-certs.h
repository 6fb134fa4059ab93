/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sev/wire/sev-cert-wire.h"

G_BEGIN_DECLS

/*
 * How the firmware issues certificates.  The owner's side verifies with code of its own.
 */

/* Signature slots of a PEK certificate; every other one uses the first (real chains). */
#define PSP_SLOT_FIRST 0u
#define PSP_SLOT_PEK_BY_OCA 0u
#define PSP_SLOT_PEK_BY_CEK 1u

/**
 * psp_cert_issue: a certificate for @key with empty signature slots
 * @api_major: @api_minor: of the firmware that issues it; real PDH, PEK and self-owned OCA
 *   certificates carry it, although AMD's sev-tool says "PEK only"
 */
void psp_cert_issue (SevCert *out,
                     SevUsage usage,
                     const SevEcKey *key,
                     guint8 api_major,
                     guint8 api_minor);

/** psp_cert_sign: ECDSA with SHA-256 over the body. Errors: %SEV_ERROR_CRYPTO. */
gboolean psp_cert_sign (SevCert *cert,
                        guint slot,
                        SevUsage signer,
                        const SevEcKey *key,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** psp_cert_sign_rsa: the ASK's signature of a CEK: SHA-256 for 2048 bits, else SHA-384 */
gboolean psp_cert_sign_rsa (SevCert *cert,
                            const SevRsaKey *key,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** psp_cert_is_for: whether the certificate is for this usage and this very key */
gboolean psp_cert_is_for (const SevCert *cert, SevUsage usage, const SevEcKey *key);

/**
 * psp_cert_get_key: the key of a certificate from outside
 *
 * Design choice, for which no public source decides: version 1, the usage's own algorithm
 * with SHA-256, and P-384, as in every published chain.  Who signed it is not looked at.
 *
 * Returns: (transfer full) (nullable): %NULL if the certificate is not such a one
 */
SevEcKey *psp_cert_get_key (const SevCert *cert, SevUsage usage) G_GNUC_WARN_UNUSED_RESULT;

/**
 * psp_cert_signed_by:
 * @slot: (out) (optional): where the signature is; either slot is good (AMD's sev-tool)
 * Returns: whether @key signed the certificate, ECDSA with SHA-256, as a @signer
 */
gboolean psp_cert_signed_by (const SevCert *cert,
                             SevUsage signer,
                             const SevEcKey *key,
                             guint *slot) G_GNUC_WARN_UNUSED_RESULT;

/**
 * psp_amd_cert_issue: an ARK or ASK certificate for @key, signed by @signer
 * @id: @signer_id: %SEV_AMD_KEY_ID_SIZE bytes; equal in an ARK
 */
gboolean psp_amd_cert_issue (SevAmdCert *out,
                             SevUsage usage,
                             const char *id,
                             const SevRsaKey *key,
                             const char *signer_id,
                             const SevRsaKey *signer,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
