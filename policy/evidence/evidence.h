/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy/evidence/evidence-manifest.h"
#include "sev/crypto/sev-sign.h"

G_BEGIN_DECLS

/**
 * SECTION: evidence
 * @short_description: the signed file that a launch leaves
 *
 *     {"schema": "sevlaunch.evidence/1", "manifest": BASE64, "report": BASE64 or null,
 *      "report_missing": why there is none, or null, "signature": BASE64}
 *
 * The report is the platform's answer to ATTESTATION with the first half of the manifest's
 * SHA-256 as nonce, so that the platform's PEK signs for the manifest too.  The signature
 * is Ed25519 over
 *
 *     "sevlaunch evidence 1\n", then of manifest, report and report_missing each the length
 *     as 8 bytes, least first, and the bytes (none where there is none)
 */

#define EVIDENCE_SCHEMA "sevlaunch.evidence/1"
#define EVIDENCE_SIGNED_PREFIX "sevlaunch evidence 1\n"
#define EVIDENCE_MAX_SIZE (4u * 1024u * 1024u)
#define EVIDENCE_SUFFIX ".evidence.json"

/** Evidence: what stands in a file; nothing of it is verified */
typedef struct {
    GBytes *text; /* of the manifest */
    EvidenceManifest *manifest;
    GBytes *report;       /* (nullable) */
    char *report_missing; /* (nullable): exactly one of the two is there */
    guint8 signature[SEV_SIGN_SIGNATURE_SIZE];
    guint8 sha256[SEV_DIGEST_SIZE]; /* of the whole file: what the next one names */
} Evidence;

/** evidence_parse: @bytes: a whole file, untrusted. Errors:
 * %POLICY_ERROR_EVIDENCE_MALFORMED. */
Evidence *evidence_parse (GBytes *bytes, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void evidence_free (Evidence *evidence);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Evidence, evidence_free)

/**
 * evidence_seal:
 * @manifest: evidence_manifest_to_bytes()
 * @report: (nullable): 208 bytes
 * @report_missing: (nullable): a sentence; needed without @report
 * Returns: (transfer full): the file
 * Errors: %SEV_ERROR_CRYPTO; %POLICY_ERROR_EVIDENCE_MALFORMED (neither of both).
 */
GBytes *evidence_seal (GBytes *manifest,
                       GBytes *report,
                       const char *report_missing,
                       const SevSignKey *key,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** evidence_verify_signature: Errors: %SEV_ERROR_BAD_SIGNATURE, %SEV_ERROR_CRYPTO. */
gboolean evidence_verify_signature (const Evidence *evidence,
                                    const SevSignKey *key,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
