/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/lib/evidence-case.h"

#include <string.h>

#include "tests/lib/evidence-maker.h"

void
test_evidence_case_init (TestEvidenceCase *c)
{
    memset (c, 0, sizeof *c);
    c->m = test_evidence_manifest ();
    c->roots = test_chain_roots (test_chain_shared ());
    c->question.signer = test_evidence_key ();
    c->question.roots = c->roots;
    c->policy = c->m->policy;
}

void
test_evidence_case_clear (TestEvidenceCase *c)
{
    g_clear_pointer (&c->m, evidence_manifest_free);
    g_clear_pointer (&c->roots, policy_roots_free);
}
Evidence *
test_evidence_case_seal (const TestEvidenceCase *c)
{
    g_autoptr (GBytes) text = evidence_manifest_to_bytes (c->m);
    g_autoptr (GBytes) report = test_evidence_report (
        text, c->digest != NULL ? c->digest : c->m->digest, c->policy, c->pek);
    g_autoptr (GError) error = NULL;
    g_autoptr (GBytes) file = evidence_seal (text, c->no_report ? NULL : report,
                                             "nobody asked", test_evidence_key (), &error);

    g_assert_no_error (error);
    return test_evidence_parse (file);
}

const EvidenceFinding *
test_evidence_find (const EvidenceAnswer *answer, EvidenceStanding standing, const char *id)
{
    for (guint i = 0; i < answer->findings->len; i++) {
        const EvidenceFinding *finding = g_ptr_array_index (answer->findings, i);
        if (finding->standing == standing && strcmp (finding->id, id) == 0)
            return finding;
    }
    return NULL;
}

void
test_evidence_assert_says (const EvidenceAnswer *answer,
                           EvidenceStanding standing,
                           const char *id,
                           const char *text,
                           const char *to)
{
    const EvidenceFinding *finding = test_evidence_find (answer, standing, id);

    if (finding == NULL || strstr (finding->text, text) == NULL ||
        (to != NULL && (finding->to == NULL || strstr (finding->to, to) == NULL)))
        g_error ("no finding %s of '%s'", id, text);
}

void
test_evidence_assert_answer (const Evidence *evidence,
                             const EvidenceQuestion *question,
                             const char *id)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (EvidenceAnswer) answer = evidence_check (evidence, question, &error);
    guint refusals = 0;

    g_assert_no_error (error);
    for (guint i = 0; i < answer->findings->len; i++) {
        const EvidenceFinding *finding = g_ptr_array_index (answer->findings, i);
        if (finding->standing != EVIDENCE_REFUSED)
            continue;
        g_test_message ("%s: %s", finding->id, finding->text);
        g_assert_cmpstr (finding->id, ==, id);
        refusals++;
    }
    g_assert_cmpuint (refusals, ==, id != NULL ? 1 : 0);
    g_assert_cmpint (answer->refused, ==, id != NULL);
}

void
test_evidence_assert_case (const TestEvidenceCase *c, const char *id)
{
    g_autoptr (Evidence) evidence = test_evidence_case_seal (c);

    test_evidence_assert_answer (evidence, &c->question, id);
}
