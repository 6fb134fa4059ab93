/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy/evidence/evidence-check.h"
#include "tests/lib/chain-maker.h"

/* Evidence of a launch that never was, sound in every part until a test changes one. */

#define TEST_EVIDENCE_POLICY 0x1100002bu /* no-debug,no-key-sharing,no-send,sev */

/** test_evidence_key: Returns: (transfer none): the signer's, made once a process */
const SevSignKey *test_evidence_key (void);
/** test_evidence_tik: Returns: (transfer full): of the session in the evidence */
SevSecret *test_evidence_tik (void);
/** test_evidence_files: Returns: (transfer full): firmware, kernel and command line that
 * were measured; @firmware_byte: 0 for that firmware */
PolicyBootInputs *test_evidence_files (guint8 firmware_byte);
/** test_evidence_manifest: Returns: (transfer full): verified, with one secret */
EvidenceManifest *test_evidence_manifest (void);

/**
 * test_evidence_report:
 * @text: the manifest that it is for
 * @digest: launch digest
 * @pek: (nullable): what signs; %NULL: the shared chain's
 */
GBytes *test_evidence_report (GBytes *text,
                              const guint8 *digest,
                              guint32 policy,
                              const SevEcKey *pek);
/** test_evidence_report_for: the same, asked for with @nonce */
GBytes *test_evidence_report_for (const guint8 nonce[SEV_NONCE_SIZE],
                                  const guint8 *digest,
                                  guint32 policy,
                                  const SevEcKey *pek);
/** test_evidence_seal: Returns: (transfer full): @manifest's file, with a right report of
 * what it says was measured */
GBytes *test_evidence_seal (const EvidenceManifest *manifest);
/** test_evidence_parse: Returns: (transfer full) */
Evidence *test_evidence_parse (GBytes *file);
