/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy/evidence/evidence-check.h"
#include "tests/lib/evidence-maker.h"

/* Evidence that is right, until a test changes something in it; and what is found in it. */

typedef struct {
    EvidenceManifest *m;
    EvidenceQuestion question;
    PolicyRoots *roots;
    /* What the report says; by default what the manifest says. */
    const guint8 *digest;
    guint32 policy;
    const SevEcKey *pek;
    gboolean no_report;
} TestEvidenceCase;

void test_evidence_case_init (TestEvidenceCase *c);
void test_evidence_case_clear (TestEvidenceCase *c);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TestEvidenceCase, test_evidence_case_clear)
Evidence *test_evidence_case_seal (const TestEvidenceCase *c);

const EvidenceFinding *test_evidence_find (const EvidenceAnswer *answer,
                                           EvidenceStanding standing,
                                           const char *id);
/* @to: (nullable): to whom it is proven */
void test_evidence_assert_says (const EvidenceAnswer *answer,
                                EvidenceStanding standing,
                                const char *id,
                                const char *text,
                                const char *to);
/* @id: (nullable): the one refusal; %NULL: there is none */
void test_evidence_assert_answer (const Evidence *evidence,
                                  const EvidenceQuestion *question,
                                  const char *id);
void test_evidence_assert_case (const TestEvidenceCase *c, const char *id);
