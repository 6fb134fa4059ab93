/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Evidence: each check with the one change that it alone refuses. */

#include <string.h>

#include "policy/attest/attest-report.h"
#include "policy/policy-error.h"
#include "sev/base/sev-bytes.h"
#include "sev/crypto/sev-digest.h"
#include "sev/sev-error.h"
#include "tests/lib/evidence-case.h"
#include "tests/lib/evidence-maker.h"
#include "tests/lib/test-vectors.h"

static void
test_accepted (void)
{
    g_auto (TestEvidenceCase) c = { 0 };
    g_autoptr (GError) error = NULL;

    test_evidence_case_init (&c);
    test_evidence_assert_case (&c, NULL);
    g_autoptr (Evidence) evidence = test_evidence_case_seal (&c);
    g_autoptr (EvidenceAnswer) answer = evidence_check (evidence, &c.question, &error);

    g_assert_no_error (error);
    g_assert_nonnull (test_evidence_find (answer, EVIDENCE_PROVEN, "signature"));
    test_evidence_assert_says (answer, EVIDENCE_PROVEN, "platform", "EMULATED",
                               c.m->root_fingerprint);
    g_autofree char *digest = sev_hex_encode (c.m->digest, sizeof c.m->digest);
    test_evidence_assert_says (answer, EVIDENCE_PROVEN, "launch", digest,
                               c.m->root_fingerprint);
    g_assert_nonnull (test_evidence_find (answer, EVIDENCE_OWNER_ONLY, "measurement"));
    g_assert_nonnull (test_evidence_find (answer, EVIDENCE_SAID, "secrets"));
    g_assert_nonnull (test_evidence_find (answer, EVIDENCE_SAID, "verdict"));
    g_assert_nonnull (test_evidence_find (answer, EVIDENCE_OPEN, "unproven"));
    g_assert_null (test_evidence_find (answer, EVIDENCE_OPEN, "launch"));
}

static void
test_signature (void)
{
    g_auto (TestEvidenceCase) c = { 0 };
    g_autoptr (GError) error = NULL;

    test_evidence_case_init (&c);
    g_autoptr (Evidence) evidence = test_evidence_case_seal (&c);
    test_evidence_assert_answer (evidence, &c.question, NULL);
    evidence->signature[17] ^= 4;
    test_evidence_assert_answer (evidence, &c.question, "evidence-signature");
    evidence->signature[17] ^= 4;
    /* Without a key nobody is convinced, but nothing is refused either. */
    c.question.signer = NULL;
    g_autoptr (EvidenceAnswer) answer = evidence_check (evidence, &c.question, &error);
    g_assert_nonnull (test_evidence_find (answer, EVIDENCE_OPEN, "signature"));
    g_assert_false (answer->refused);
    c.question.signer = test_evidence_key ();

    c.m->signer[10] = c.m->signer[10] == '0' ? '1' : '0';
    test_evidence_assert_case (&c, "evidence-signer");
}

/* What is signed covers each part, and where one ends. */
static void
test_signed_parts (void)
{
    g_auto (TestEvidenceCase) c = { 0 };
    g_autoptr (GError) error = NULL;

    test_evidence_case_init (&c);
    g_autoptr (Evidence) evidence = test_evidence_case_seal (&c);
    g_assert_true (evidence_verify_signature (evidence, test_evidence_key (), &error));
    GBytes *right = evidence->report;
    evidence->report = test_flip (right, 3, 1);
    g_assert_false (evidence_verify_signature (evidence, test_evidence_key (), &error));
    g_assert_error (error, SEV_ERROR, SEV_ERROR_BAD_SIGNATURE);
    g_clear_error (&error);
    g_bytes_unref (evidence->report);
    evidence->report = NULL;
    g_assert_false (evidence_verify_signature (evidence, test_evidence_key (), NULL));
    evidence->report = right;
    evidence->report_missing = g_strdup ("x");
    g_assert_false (evidence_verify_signature (evidence, test_evidence_key (), NULL));
    g_clear_pointer (&evidence->report_missing, g_free);
    GBytes *text = evidence->text;
    evidence->text = test_flip (text, 40, 0);
    g_assert_false (evidence_verify_signature (evidence, test_evidence_key (), NULL));
    g_bytes_unref (evidence->text);
    evidence->text = text;
    g_assert_true (evidence_verify_signature (evidence, test_evidence_key (), &error));
    g_assert_no_error (error);
    /* The format as evidence.h has it, put together by hand. */
    gsize text_len;
    gsize report_len;
    const void *text_data = g_bytes_get_data (text, &text_len);
    const void *report_data = g_bytes_get_data (right, &report_len);
    g_autoptr (GByteArray) all = g_byte_array_new ();
    g_byte_array_append (all, (const guint8 *) "sevlaunch evidence 1\n", 21);
    const guint64 sizes[] = { GUINT64_TO_LE (text_len), GUINT64_TO_LE (report_len), 0 };
    g_byte_array_append (all, (const guint8 *) &sizes[0], 8);
    g_byte_array_append (all, text_data, (guint) text_len);
    g_byte_array_append (all, (const guint8 *) &sizes[1], 8);
    g_byte_array_append (all, report_data, (guint) report_len);
    g_byte_array_append (all, (const guint8 *) &sizes[2], 8);
    g_assert_true (sev_sign_verify (test_evidence_key (), all->data, all->len,
                                    evidence->signature, &error));
}

static void
test_chain (void)
{
    g_auto (TestEvidenceCase) c = { 0 };

    test_evidence_case_init (&c);
    test_evidence_assert_case (&c, NULL);
    c.question.roots = NULL;
    test_evidence_assert_case (&c, "evidence-root");
    c.question.roots = c.roots;

    /* A bit of the PDH's signature, which nothing else is checked with. */
    GBytes *pdh = c.m->pdh;
    c.m->pdh = test_flip (pdh, SEV_CERT_BODY_SIZE + 20, 2);
    test_evidence_assert_case (&c, "evidence-chain");
    g_bytes_unref (c.m->pdh);
    c.m->pdh = pdh;
    test_evidence_assert_case (&c, NULL);

    char *owner = c.m->owner_fingerprint;
    c.m->owner_fingerprint = g_strdup (c.m->root_fingerprint);
    test_evidence_assert_case (&c, "evidence-platform");
    g_free (c.m->owner_fingerprint);
    c.m->owner_fingerprint = owner;
    c.m->emulated = FALSE;
    test_evidence_assert_case (&c, "evidence-platform");
}

static void
test_report (void)
{
    static const guint8 other[SEV_DIGEST_SIZE] = { 0xdd };
    g_auto (TestEvidenceCase) c = { 0 };
    g_autoptr (GError) error = NULL;

    test_evidence_case_init (&c);
    test_evidence_assert_case (&c, NULL);
    c.digest = other;
    test_evidence_assert_case (&c, "evidence-report-digest");
    c.digest = NULL;
    c.policy ^= SEV_POLICY_NODBG;
    test_evidence_assert_case (&c, "evidence-report-policy");
    c.policy ^= SEV_POLICY_NODBG;
    /* By a PEK that is not in the chain. */
    g_autoptr (SevEcKey) foreign = sev_ec_key_generate (SEV_CURVE_P384, &error);
    c.pek = foreign;
    test_evidence_assert_case (&c, "report-signature");
    c.pek = NULL;

    /* Of another manifest of the same launch. */
    g_autoptr (GBytes) text = evidence_manifest_to_bytes (c.m);
    g_autoptr (GBytes) old = test_evidence_report (text, c.m->digest, c.policy, NULL);
    c.m->counter = 2;
    g_autoptr (GBytes) new_text = evidence_manifest_to_bytes (c.m);
    g_autoptr (GBytes) file =
        evidence_seal (new_text, old, NULL, test_evidence_key (), &error);
    g_autoptr (Evidence) evidence = test_evidence_parse (file);
    test_evidence_assert_answer (evidence, &c.question, "evidence-report-nonce");

    g_autoptr (GBytes) reserved = test_flip (old, 0x3c, 0);
    g_autoptr (GBytes) bad_file =
        evidence_seal (text, reserved, NULL, test_evidence_key (), &error);
    g_autoptr (Evidence) bad = test_evidence_parse (bad_file);
    test_evidence_assert_answer (bad, &c.question, "report-malformed");
}

static void
test_no_report (void)
{
    g_auto (TestEvidenceCase) c = { 0 };
    g_autoptr (GError) error = NULL;

    test_evidence_case_init (&c);
    c.no_report = TRUE;
    g_autoptr (Evidence) evidence = test_evidence_case_seal (&c);
    g_autoptr (EvidenceAnswer) answer = evidence_check (evidence, &c.question, &error);
    g_assert_false (answer->refused);
    test_evidence_assert_says (answer, EVIDENCE_OPEN, "launch", "nobody asked", NULL);
    g_assert_null (test_evidence_find (answer, EVIDENCE_PROVEN, "launch"));
}

/* As a courier brings it: for session and measurement, before there is a manifest. */
static void
test_early_report (void)
{
    g_auto (TestEvidenceCase) c = { 0 };
    guint8 text[19 + POLICY_SESSION_ID_SIZE + SEV_MAC_SIZE + SEV_NONCE_SIZE];
    guint8 hash[SEV_DIGEST_SIZE];
    g_autoptr (GError) error = NULL;

    test_evidence_case_init (&c);
    memcpy (text, "sevlaunch report 1\n", 19);
    memcpy (text + 19, c.m->session_id, POLICY_SESSION_ID_SIZE);
    memcpy (text + 19 + POLICY_SESSION_ID_SIZE, c.m->reported, SEV_MAC_SIZE);
    memcpy (text + sizeof text - SEV_NONCE_SIZE, c.m->nonce, SEV_NONCE_SIZE);
    g_assert_true (sev_sha256 (text, sizeof text, hash, &error));
    g_autoptr (GBytes) report =
        test_evidence_report_for (hash, c.m->digest, c.m->policy, NULL);
    for (guint i = 0; i < 4; i++) {
        /* The right one; of another session, of another measurement, for a manifest. */
        c.m->early_report = i != 3;
        c.m->session_id[0] ^= i == 1;
        c.m->reported[5] ^= i == 2;
        g_autoptr (GBytes) manifest = evidence_manifest_to_bytes (c.m);
        g_autoptr (GBytes) file =
            evidence_seal (manifest, report, NULL, test_evidence_key (), &error);
        g_autoptr (Evidence) evidence = test_evidence_parse (file);
        g_autoptr (EvidenceAnswer) answer = evidence_check (evidence, &c.question, &error);
        c.m->session_id[0] ^= i == 1;
        c.m->reported[5] ^= i == 2;
        g_assert_true ((test_evidence_find (answer, EVIDENCE_PROVEN, "launch") != NULL) ==
                       (i == 0));
        g_assert_true ((test_evidence_find (answer, EVIDENCE_REFUSED,
                                            "evidence-report-nonce") != NULL) == (i != 0));
        if (i != 0)
            continue;
        g_assert_false (answer->refused);
        test_evidence_assert_says (answer, EVIDENCE_PROVEN, "launch",
                                   "for who knew this session and measurement",
                                   c.m->root_fingerprint);
        test_evidence_assert_says (answer, EVIDENCE_OPEN, "early-report",
                                   "before the verdict", NULL);
        test_evidence_assert_says (answer, EVIDENCE_OPEN, "early-report",
                                   "whether the report is of the guest that was measured",
                                   NULL);
        test_evidence_assert_says (answer, EVIDENCE_SAID, "secrets",
                                   "sealed for this launch", NULL);
        g_assert_nonnull (test_evidence_find (answer, EVIDENCE_OPEN, "delivered"));
    }
    /* A report for the manifest does not do where an early one is said to be. */
    c.m->early_report = TRUE;
    test_evidence_assert_case (&c, "evidence-report-nonce");
}

/* A check of the verdict that was not passed, and what it says. */
static void
refuse (EvidenceManifest *m, const char *name)
{
    m->verified = FALSE;
    g_array_set_size (m->secrets, 0);
    for (guint i = 0; i < m->checks->len; i++) {
        EvidenceCheck *check = g_ptr_array_index (m->checks, i);
        if (strcmp (check->name, name) == 0)
            check->passed = FALSE;
    }
    evidence_manifest_add_reason (m, "test", "it was refused");
}

/* Before the host was asked, or before there was a guest. */
static void
test_refused_early (void)
{
    g_auto (TestEvidenceCase) c = { 0 };
    g_autoptr (GError) error = NULL;

    test_evidence_case_init (&c);
    c.no_report = TRUE;
    refuse (c.m, "boot");
    test_evidence_assert_case (&c, NULL);
    g_clear_pointer (&c.m->session, g_bytes_unref);
    c.m->has_measurement = c.m->has_api = FALSE;
    test_evidence_assert_case (&c, NULL);
    g_clear_pointer (&c.m->pdh, g_bytes_unref);
    g_clear_pointer (&c.m->cert_chain, g_bytes_unref);
    g_clear_pointer (&c.m->ask, g_bytes_unref);
    g_clear_pointer (&c.m->ark, g_bytes_unref);
    test_evidence_assert_case (&c, NULL);
    g_autoptr (Evidence) evidence = test_evidence_case_seal (&c);
    g_autoptr (EvidenceAnswer) answer = evidence_check (evidence, &c.question, &error);
    g_assert_no_error (error);
    test_evidence_assert_says (answer, EVIDENCE_OPEN, "platform", "before its certificates",
                               NULL);
    test_evidence_assert_says (answer, EVIDENCE_OPEN, "measurement", "was refused before",
                               NULL);
    g_assert_null (test_evidence_find (answer, EVIDENCE_OWNER_ONLY, "measurement"));
    g_assert_null (test_evidence_find (answer, EVIDENCE_PROVEN, "platform"));
}

/* The hostile platform is what a reader asks for: it is no fault of the evidence. */
static void
test_refused_platform (void)
{
    g_auto (TestEvidenceCase) c = { 0 };
    g_autoptr (PolicyRoots) none = policy_roots_new ();
    g_autoptr (GError) error = NULL;

    test_evidence_case_init (&c);
    c.question.roots = none;
    test_evidence_assert_case (&c, "evidence-root");
    refuse (c.m, "boot");
    test_evidence_assert_case (&c, "evidence-root");
    refuse (c.m, "root");
    g_free (c.m->platform_kind);
    c.m->platform_kind = g_strdup ("unknown");
    test_evidence_assert_case (&c, NULL);
    g_autoptr (Evidence) evidence = test_evidence_case_seal (&c);
    g_autoptr (EvidenceAnswer) answer = evidence_check (evidence, &c.question, &error);
    test_evidence_assert_says (answer, EVIDENCE_OPEN, "platform",
                               "the owner refused it too", NULL);
    /* The reader trusts whom the owner did not. */
    c.question.roots = c.roots;
    test_evidence_assert_case (&c, NULL);
    c.question.roots = none;
    /* A chain that does not verify is another thing than a root. */
    g_autoptr (GBytes) bad = test_flip (c.m->cert_chain, 200, 0);
    g_bytes_unref (c.m->cert_chain);
    c.m->cert_chain = g_bytes_ref (bad);
    c.no_report = TRUE;
    test_evidence_assert_case (&c, "evidence-chain");
    refuse (c.m, "chain");
    test_evidence_assert_case (&c, NULL);
}

/* A measurement that the owner refused too is no fault of the evidence. */
static void
test_refused_measurement (void)
{
    g_auto (TestEvidenceCase) c = { 0 };
    g_autoptr (SevSecret) tik = test_evidence_tik ();
    g_autoptr (GError) error = NULL;

    test_evidence_case_init (&c);
    c.question.tik = tik;
    test_evidence_assert_case (&c, NULL);
    c.m->reported[3] ^= 1;
    test_evidence_assert_case (&c, "evidence-measurement");
    refuse (c.m, "boot");
    test_evidence_assert_case (&c, "evidence-measurement");
    refuse (c.m, "measurement");
    test_evidence_assert_case (&c, NULL);
    g_autoptr (Evidence) evidence = test_evidence_case_seal (&c);
    g_autoptr (EvidenceAnswer) answer = evidence_check (evidence, &c.question, &error);
    test_evidence_assert_says (answer, EVIDENCE_OWNER_ONLY, "measurement",
                               "it did not match, by the TIK that was given", NULL);
}

static void
test_acceptance (void)
{
    g_auto (TestEvidenceCase) c = { 0 };
    g_autoptr (GError) error = NULL;

    test_evidence_case_init (&c);
    for (guint i = 0; i < 2; i++) {
        g_autoptr (Evidence) evidence = test_evidence_case_seal (&c);
        g_autoptr (EvidenceAnswer) answer = evidence_check (evidence, &c.question, &error);
        test_evidence_assert_says (answer, EVIDENCE_SAID, "acceptance",
                                   i == 0 ? "was 'acceptance', sha256:acacac" : "built-in",
                                   "word");
        g_clear_pointer (&c.m->acceptance, g_free);
    }
}

static void
test_session_id (void)
{
    g_auto (TestEvidenceCase) c = { 0 };

    test_evidence_case_init (&c);
    test_evidence_assert_case (&c, NULL);
    c.m->session_id[0] ^= 1;
    test_evidence_assert_case (&c, "evidence-session");
    c.m->session_id[0] ^= 1;
    GBytes *cert = c.m->owner_cert;
    c.m->owner_cert = g_bytes_new_from_bytes (cert, 0, 100);
    test_evidence_assert_case (&c, "evidence-session");
    g_bytes_unref (cert);
}

static void
test_verdict (void)
{
    g_auto (TestEvidenceCase) c = { 0 };
    static const guint8 other[SEV_DIGEST_SIZE] = { 0xdd };
    g_autoptr (GError) error = NULL;

    test_evidence_case_init (&c);
    test_evidence_assert_case (&c, NULL);
    EvidenceCheck *check = g_ptr_array_index (c.m->checks, 2);
    check->passed = FALSE;
    test_evidence_assert_case (&c, "evidence-verdict");
    check->passed = TRUE;
    char *where = c.m->judged_on;
    c.m->judged_on = (char *) "nowhere";
    test_evidence_assert_case (&c, "evidence-verdict");
    c.m->judged_on = where;
    /* Refused: needs a reason, and has released nothing. */
    c.m->verified = FALSE;
    evidence_manifest_add_reason (c.m, "measurement-mismatch", "another one");
    test_evidence_assert_case (&c, "evidence-verdict");
    g_array_set_size (c.m->secrets, 0);
    test_evidence_assert_case (&c, NULL);
    g_ptr_array_set_size (c.m->reasons, 0);
    test_evidence_assert_case (&c, "evidence-verdict");

    /* What was refused may well have another digest; that is proven then. */
    evidence_manifest_add_reason (c.m, "measurement-mismatch", "another one");
    c.digest = other;
    g_autoptr (Evidence) evidence = test_evidence_case_seal (&c);
    g_autoptr (EvidenceAnswer) answer = evidence_check (evidence, &c.question, &error);
    g_assert_false (answer->refused);
    g_assert_nonnull (test_evidence_find (answer, EVIDENCE_PROVEN, "other-launch"));
    g_ptr_array_remove_index (c.m->checks, 0);
    test_evidence_assert_case (&c, "evidence-verdict");
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/evidence/check/accepted", test_accepted);
    g_test_add_func ("/evidence/check/signature", test_signature);
    g_test_add_func ("/evidence/check/signed-parts", test_signed_parts);
    g_test_add_func ("/evidence/check/chain", test_chain);
    g_test_add_func ("/evidence/check/report", test_report);
    g_test_add_func ("/evidence/check/no-report", test_no_report);
    g_test_add_func ("/evidence/check/early-report", test_early_report);
    g_test_add_func ("/evidence/check/refused-early", test_refused_early);
    g_test_add_func ("/evidence/check/refused-platform", test_refused_platform);
    g_test_add_func ("/evidence/check/refused-measurement", test_refused_measurement);
    g_test_add_func ("/evidence/check/acceptance", test_acceptance);
    g_test_add_func ("/evidence/check/session", test_session_id);
    g_test_add_func ("/evidence/check/verdict", test_verdict);
    return g_test_run ();
}
