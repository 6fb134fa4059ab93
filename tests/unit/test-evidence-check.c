/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Evidence: each check with the one change that it alone refuses. */

#include <string.h>

#include "policy/attest/attest-report.h"
#include "policy/policy-error.h"
#include "sev/base/sev-bytes.h"
#include "sev/crypto/sev-digest.h"
#include "sev/sev-error.h"
#include "tests/lib/evidence-maker.h"
#include "tests/lib/test-vectors.h"

typedef struct {
    EvidenceManifest *m;
    EvidenceQuestion question;
    PolicyRoots *roots;
    /* What the report says; by default what the manifest says. */
    const guint8 *digest;
    guint32 policy;
    const SevEcKey *pek;
    gboolean no_report;
} Case;

static void
case_init (Case *c)
{
    memset (c, 0, sizeof *c);
    c->m = test_evidence_manifest ();
    c->roots = test_chain_roots (test_chain_shared ());
    c->question.signer = test_evidence_key ();
    c->question.roots = c->roots;
    c->policy = c->m->policy;
}

static void
case_clear (Case *c)
{
    g_clear_pointer (&c->m, evidence_manifest_free);
    g_clear_pointer (&c->roots, policy_roots_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Case, case_clear)

static Evidence *
case_seal (const Case *c)
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

static const EvidenceFinding *
find (const EvidenceAnswer *answer, EvidenceStanding standing, const char *id)
{
    for (guint i = 0; i < answer->findings->len; i++) {
        const EvidenceFinding *finding = g_ptr_array_index (answer->findings, i);
        if (finding->standing == standing && strcmp (finding->id, id) == 0)
            return finding;
    }
    return NULL;
}

static void
assert_says (const EvidenceAnswer *answer,
             EvidenceStanding standing,
             const char *id,
             const char *text,
             const char *to)
{
    const EvidenceFinding *finding = find (answer, standing, id);

    if (finding == NULL || strstr (finding->text, text) == NULL ||
        (to != NULL && (finding->to == NULL || strstr (finding->to, to) == NULL)))
        g_error ("no finding %s of '%s'", id, text);
}

/* @id: (nullable): the one refusal; %NULL: there is none */
static void
assert_answer (const Evidence *evidence, const EvidenceQuestion *question, const char *id)
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

static void
assert_case (const Case *c, const char *id)
{
    g_autoptr (Evidence) evidence = case_seal (c);

    assert_answer (evidence, &c->question, id);
}

static void
test_accepted (void)
{
    g_auto (Case) c = { 0 };
    g_autoptr (GError) error = NULL;

    case_init (&c);
    assert_case (&c, NULL);
    g_autoptr (Evidence) evidence = case_seal (&c);
    g_autoptr (EvidenceAnswer) answer = evidence_check (evidence, &c.question, &error);

    g_assert_no_error (error);
    g_assert_nonnull (find (answer, EVIDENCE_PROVEN, "signature"));
    assert_says (answer, EVIDENCE_PROVEN, "platform", "EMULATED", c.m->root_fingerprint);
    g_autofree char *digest = sev_hex_encode (c.m->digest, sizeof c.m->digest);
    assert_says (answer, EVIDENCE_PROVEN, "launch", digest, c.m->root_fingerprint);
    g_assert_nonnull (find (answer, EVIDENCE_OWNER_ONLY, "measurement"));
    g_assert_nonnull (find (answer, EVIDENCE_SAID, "secrets"));
    g_assert_nonnull (find (answer, EVIDENCE_SAID, "verdict"));
    g_assert_nonnull (find (answer, EVIDENCE_OPEN, "unproven"));
    g_assert_null (find (answer, EVIDENCE_OPEN, "launch"));
}

static void
test_signature (void)
{
    g_auto (Case) c = { 0 };
    g_autoptr (GError) error = NULL;

    case_init (&c);
    g_autoptr (Evidence) evidence = case_seal (&c);
    assert_answer (evidence, &c.question, NULL);
    evidence->signature[17] ^= 4;
    assert_answer (evidence, &c.question, "evidence-signature");
    evidence->signature[17] ^= 4;
    /* Without a key nobody is convinced, but nothing is refused either. */
    c.question.signer = NULL;
    g_autoptr (EvidenceAnswer) answer = evidence_check (evidence, &c.question, &error);
    g_assert_nonnull (find (answer, EVIDENCE_OPEN, "signature"));
    g_assert_false (answer->refused);
    c.question.signer = test_evidence_key ();

    c.m->signer[10] = c.m->signer[10] == '0' ? '1' : '0';
    assert_case (&c, "evidence-signer");
}

/* What is signed covers each part, and where one ends. */
static void
test_signed_parts (void)
{
    g_auto (Case) c = { 0 };
    g_autoptr (GError) error = NULL;

    case_init (&c);
    g_autoptr (Evidence) evidence = case_seal (&c);
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
    g_auto (Case) c = { 0 };

    case_init (&c);
    assert_case (&c, NULL);
    c.question.roots = NULL;
    assert_case (&c, "evidence-root");
    c.question.roots = c.roots;

    /* A bit of the PDH's signature, which nothing else is checked with. */
    GBytes *pdh = c.m->pdh;
    c.m->pdh = test_flip (pdh, SEV_CERT_BODY_SIZE + 20, 2);
    assert_case (&c, "evidence-chain");
    g_bytes_unref (c.m->pdh);
    c.m->pdh = pdh;
    assert_case (&c, NULL);

    char *owner = c.m->owner_fingerprint;
    c.m->owner_fingerprint = g_strdup ("sha256:00");
    assert_case (&c, "evidence-platform");
    g_free (c.m->owner_fingerprint);
    c.m->owner_fingerprint = owner;
    c.m->emulated = FALSE;
    assert_case (&c, "evidence-platform");
}

static void
test_report (void)
{
    static const guint8 other[SEV_DIGEST_SIZE] = { 0xdd };
    g_auto (Case) c = { 0 };
    g_autoptr (GError) error = NULL;

    case_init (&c);
    assert_case (&c, NULL);
    c.digest = other;
    assert_case (&c, "evidence-report-digest");
    c.digest = NULL;
    c.policy ^= SEV_POLICY_NODBG;
    assert_case (&c, "evidence-report-policy");
    c.policy ^= SEV_POLICY_NODBG;
    /* By a PEK that is not in the chain. */
    g_autoptr (SevEcKey) foreign = sev_ec_key_generate (SEV_CURVE_P384, &error);
    c.pek = foreign;
    assert_case (&c, "report-signature");
    c.pek = NULL;

    /* Of another manifest of the same launch. */
    g_autoptr (GBytes) text = evidence_manifest_to_bytes (c.m);
    g_autoptr (GBytes) old = test_evidence_report (text, c.m->digest, c.policy, NULL);
    c.m->counter = 2;
    g_autoptr (GBytes) new_text = evidence_manifest_to_bytes (c.m);
    g_autoptr (GBytes) file =
        evidence_seal (new_text, old, NULL, test_evidence_key (), &error);
    g_autoptr (Evidence) evidence = test_evidence_parse (file);
    assert_answer (evidence, &c.question, "evidence-report-nonce");

    g_autoptr (GBytes) reserved = test_flip (old, 0x3c, 0);
    g_autoptr (GBytes) bad_file =
        evidence_seal (text, reserved, NULL, test_evidence_key (), &error);
    g_autoptr (Evidence) bad = test_evidence_parse (bad_file);
    assert_answer (bad, &c.question, "report-malformed");
}

static void
test_no_report (void)
{
    g_auto (Case) c = { 0 };
    g_autoptr (GError) error = NULL;

    case_init (&c);
    c.no_report = TRUE;
    g_autoptr (Evidence) evidence = case_seal (&c);
    g_autoptr (EvidenceAnswer) answer = evidence_check (evidence, &c.question, &error);
    g_assert_false (answer->refused);
    assert_says (answer, EVIDENCE_OPEN, "launch", "nobody asked", NULL);
    g_assert_null (find (answer, EVIDENCE_PROVEN, "launch"));
}

/* As a courier brings it: for session and measurement, before there is a manifest. */
static void
test_early_report (void)
{
    g_auto (Case) c = { 0 };
    guint8 text[19 + POLICY_SESSION_ID_SIZE + SEV_MAC_SIZE + SEV_NONCE_SIZE];
    guint8 hash[SEV_DIGEST_SIZE];
    g_autoptr (GError) error = NULL;

    case_init (&c);
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
        g_assert_true ((find (answer, EVIDENCE_PROVEN, "launch") != NULL) == (i == 0));
        g_assert_true ((find (answer, EVIDENCE_REFUSED, "evidence-report-nonce") != NULL) ==
                       (i != 0));
        if (i != 0)
            continue;
        g_assert_false (answer->refused);
        assert_says (answer, EVIDENCE_PROVEN, "launch", "for this session and measurement",
                     c.m->root_fingerprint);
        assert_says (answer, EVIDENCE_OPEN, "early-report", "before the verdict", NULL);
        assert_says (answer, EVIDENCE_SAID, "secrets", "sealed for this launch", NULL);
        g_assert_nonnull (find (answer, EVIDENCE_OPEN, "delivered"));
    }
    /* A report for the manifest does not do where an early one is said to be. */
    c.m->early_report = TRUE;
    assert_case (&c, "evidence-report-nonce");
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
    g_auto (Case) c = { 0 };
    g_autoptr (GError) error = NULL;

    case_init (&c);
    c.no_report = TRUE;
    refuse (c.m, "boot");
    assert_case (&c, NULL);
    g_clear_pointer (&c.m->session, g_bytes_unref);
    c.m->has_measurement = c.m->has_api = FALSE;
    assert_case (&c, NULL);
    g_clear_pointer (&c.m->pdh, g_bytes_unref);
    g_clear_pointer (&c.m->cert_chain, g_bytes_unref);
    g_clear_pointer (&c.m->ask, g_bytes_unref);
    g_clear_pointer (&c.m->ark, g_bytes_unref);
    assert_case (&c, NULL);
    g_autoptr (Evidence) evidence = case_seal (&c);
    g_autoptr (EvidenceAnswer) answer = evidence_check (evidence, &c.question, &error);
    g_assert_no_error (error);
    assert_says (answer, EVIDENCE_OPEN, "platform", "before its certificates", NULL);
    assert_says (answer, EVIDENCE_OPEN, "measurement", "was refused before", NULL);
    g_assert_null (find (answer, EVIDENCE_OWNER_ONLY, "measurement"));
    g_assert_null (find (answer, EVIDENCE_PROVEN, "platform"));
}

/* The hostile platform is what a reader asks for: it is no fault of the evidence. */
static void
test_refused_platform (void)
{
    g_auto (Case) c = { 0 };
    g_autoptr (PolicyRoots) none = policy_roots_new ();
    g_autoptr (GError) error = NULL;

    case_init (&c);
    c.question.roots = none;
    assert_case (&c, "evidence-root");
    refuse (c.m, "boot");
    assert_case (&c, "evidence-root");
    refuse (c.m, "root");
    g_free (c.m->platform_kind);
    c.m->platform_kind = g_strdup ("unknown");
    assert_case (&c, NULL);
    g_autoptr (Evidence) evidence = case_seal (&c);
    g_autoptr (EvidenceAnswer) answer = evidence_check (evidence, &c.question, &error);
    assert_says (answer, EVIDENCE_OPEN, "platform", "the owner refused it too", NULL);
    /* The reader trusts whom the owner did not. */
    c.question.roots = c.roots;
    assert_case (&c, NULL);
    c.question.roots = none;
    /* A chain that does not verify is another thing than a root. */
    g_autoptr (GBytes) bad = test_flip (c.m->cert_chain, 200, 0);
    g_bytes_unref (c.m->cert_chain);
    c.m->cert_chain = g_bytes_ref (bad);
    c.no_report = TRUE;
    assert_case (&c, "evidence-chain");
    refuse (c.m, "chain");
    assert_case (&c, NULL);
}

static void
test_acceptance (void)
{
    g_auto (Case) c = { 0 };
    g_autoptr (GError) error = NULL;

    case_init (&c);
    for (guint i = 0; i < 2; i++) {
        g_autoptr (Evidence) evidence = case_seal (&c);
        g_autoptr (EvidenceAnswer) answer = evidence_check (evidence, &c.question, &error);
        assert_says (answer, EVIDENCE_SAID, "acceptance",
                     i == 0 ? "was 'acceptance', sha256:acacac" : "built-in", "word");
        g_clear_pointer (&c.m->acceptance, g_free);
    }
}

static void
test_session_id (void)
{
    g_auto (Case) c = { 0 };

    case_init (&c);
    assert_case (&c, NULL);
    c.m->session_id[0] ^= 1;
    assert_case (&c, "evidence-session");
    c.m->session_id[0] ^= 1;
    GBytes *cert = c.m->owner_cert;
    c.m->owner_cert = g_bytes_new_from_bytes (cert, 0, 100);
    assert_case (&c, "evidence-session");
    g_bytes_unref (cert);
}

static void
test_verdict (void)
{
    g_auto (Case) c = { 0 };
    static const guint8 other[SEV_DIGEST_SIZE] = { 0xdd };
    g_autoptr (GError) error = NULL;

    case_init (&c);
    assert_case (&c, NULL);
    EvidenceCheck *check = g_ptr_array_index (c.m->checks, 2);
    check->passed = FALSE;
    assert_case (&c, "evidence-verdict");
    check->passed = TRUE;
    char *where = c.m->judged_on;
    c.m->judged_on = (char *) "nowhere";
    assert_case (&c, "evidence-verdict");
    c.m->judged_on = where;
    /* Refused: needs a reason, and has released nothing. */
    c.m->verified = FALSE;
    evidence_manifest_add_reason (c.m, "measurement-mismatch", "another one");
    assert_case (&c, "evidence-verdict");
    g_array_set_size (c.m->secrets, 0);
    assert_case (&c, NULL);
    g_ptr_array_set_size (c.m->reasons, 0);
    assert_case (&c, "evidence-verdict");

    /* What was refused may well have another digest; that is proven then. */
    evidence_manifest_add_reason (c.m, "measurement-mismatch", "another one");
    c.digest = other;
    g_autoptr (Evidence) evidence = case_seal (&c);
    g_autoptr (EvidenceAnswer) answer = evidence_check (evidence, &c.question, &error);
    g_assert_false (answer->refused);
    g_assert_nonnull (find (answer, EVIDENCE_PROVEN, "other-launch"));
    g_ptr_array_remove_index (c.m->checks, 0);
    assert_case (&c, "evidence-verdict");
}

static void
test_files (void)
{
    g_auto (Case) c = { 0 };
    g_autoptr (PolicyBootInputs) right = test_evidence_files (0);
    g_autoptr (PolicyBootInputs) wrong = test_evidence_files (1);
    g_autoptr (GError) error = NULL;

    case_init (&c);
    c.question.files = right;
    c.question.files_cmdline = TRUE;
    g_autoptr (Evidence) evidence = case_seal (&c);
    g_autoptr (EvidenceAnswer) answer = evidence_check (evidence, &c.question, &error);
    g_assert_false (answer->refused);
    g_assert_nonnull (find (answer, EVIDENCE_PROVEN, "files"));
    c.question.files = wrong;
    assert_case (&c, "evidence-file");
    c.question.files = right;
    right->kernel.sha256[0] ^= 1;
    assert_case (&c, "evidence-file");
    right->kernel.sha256[0] ^= 1;
    char *cmdline = right->cmdline;
    right->cmdline = (char *) "console=ttyS1";
    assert_case (&c, "evidence-file");
    right->cmdline = cmdline;
    assert_case (&c, NULL);
    /* The same files, and a digest that does not come of them. */
    c.m->digest[0] ^= 1;
    assert_case (&c, "evidence-digest");
}

/* Of a refused launch the files are behind the digest that was expected, not behind the
 * one that the platform reports. */
static void
test_files_refused (void)
{
    static const guint8 other[SEV_DIGEST_SIZE] = { 0xdd };
    g_auto (Case) c = { 0 };
    g_autoptr (PolicyBootInputs) files = test_evidence_files (0);
    g_autoptr (GError) error = NULL;

    case_init (&c);
    c.question.files = files;
    c.m->verified = FALSE;
    g_array_set_size (c.m->secrets, 0);
    evidence_manifest_add_reason (c.m, "measurement-mismatch", "another one");
    g_autoptr (Evidence) same = case_seal (&c);
    g_autoptr (EvidenceAnswer) right = evidence_check (same, &c.question, &error);
    g_assert_nonnull (find (right, EVIDENCE_PROVEN, "files"));

    c.digest = other;
    g_autoptr (Evidence) evidence = case_seal (&c);
    g_autoptr (EvidenceAnswer) answer = evidence_check (evidence, &c.question, &error);
    g_assert_false (answer->refused);
    g_assert_nonnull (find (answer, EVIDENCE_PROVEN, "other-launch"));
    g_assert_null (find (answer, EVIDENCE_PROVEN, "files"));
    assert_says (answer, EVIDENCE_SAID, "files", "that the owner expected", NULL);
}

/* A report that was made for another manifest proves nothing of this one's files. */
static void
test_files_foreign_report (void)
{
    g_auto (Case) c = { 0 };
    g_autoptr (PolicyBootInputs) files = test_evidence_files (0);
    g_autoptr (GError) error = NULL;

    case_init (&c);
    c.question.files = files;
    g_autoptr (GBytes) text = evidence_manifest_to_bytes (c.m);
    g_autoptr (GBytes) old = test_evidence_report (text, c.m->digest, c.policy, NULL);
    c.m->counter = 2;
    g_autoptr (GBytes) new_text = evidence_manifest_to_bytes (c.m);
    g_autoptr (GBytes) file =
        evidence_seal (new_text, old, NULL, test_evidence_key (), &error);
    g_autoptr (Evidence) evidence = test_evidence_parse (file);
    g_autoptr (EvidenceAnswer) answer = evidence_check (evidence, &c.question, &error);

    g_assert_nonnull (find (answer, EVIDENCE_REFUSED, "evidence-report-nonce"));
    g_assert_null (find (answer, EVIDENCE_PROVEN, "files"));
    g_assert_nonnull (find (answer, EVIDENCE_SAID, "files"));
}

static void
set_bytes (GBytes **slot, GBytes *bytes)
{
    g_clear_pointer (slot, g_bytes_unref);
    *slot = bytes;
}

/* The certificates of a real platform, as one evidence. */
static EvidenceAnswer *
answer_real (Case *c, const char *dir)
{
    static const char *const names[] = { "pdh", "pek", "oca", "cek", "ask", "ark" };
    GBytes *certs[G_N_ELEMENTS (names)];
    EvidenceManifest *m = c->m;
    g_autoptr (GError) error = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
        g_autofree char *path = g_strdup_printf ("certs/%s/%s.cert", dir, names[i]);
        certs[i] = test_vector_load (path);
    }
    set_bytes (&m->pdh, certs[0]);
    set_bytes (&m->cert_chain, test_cat (certs + 1, 3));
    set_bytes (&m->cek, NULL);
    set_bytes (&m->ask, certs[4]);
    set_bytes (&m->ark, certs[5]);
    for (guint i = 1; i < 4; i++)
        g_bytes_unref (certs[i]);
    c->no_report = TRUE;
    g_autoptr (Evidence) evidence = case_seal (c);
    EvidenceAnswer *answer = evidence_check (evidence, &c->question, &error);
    g_assert_no_error (error);
    return answer;
}

/* Keys were extracted from chips of Naples: a chain of theirs leaves a question open. */
static void
test_weak_generation (void)
{
    g_auto (Case) c = { 0 };

    case_init (&c);
    g_autoptr (EvidenceAnswer) rome = answer_real (&c, "rome-ok");
    assert_says (rome, EVIDENCE_PROVEN, "platform", "Rome", "AMD's root");
    g_assert_null (find (rome, EVIDENCE_OPEN, "generation-weak"));
    g_autoptr (EvidenceAnswer) naples = answer_real (&c, "naples-ok");
    assert_says (naples, EVIDENCE_PROVEN, "platform", "Naples", "AMD's root");
    assert_says (naples, EVIDENCE_OPEN, "generation-weak", "Naples", NULL);
}

/* Each check of a verdict is in its list. */
static void
test_missing_check (void)
{
    for (guint i = 0; i < POLICY_N_CHECKS; i++) {
        g_auto (Case) c = { 0 };

        case_init (&c);
        assert_case (&c, NULL);
        g_test_message ("without %s", policy_check_name ((PolicyCheck) i));
        g_ptr_array_remove_index (c.m->checks, i);
        assert_case (&c, "evidence-verdict");
    }
}

static void
test_measurement (void)
{
    g_auto (Case) c = { 0 };
    g_autoptr (SevSecret) tik = test_evidence_tik ();
    g_autoptr (GError) error = NULL;

    case_init (&c);
    c.question.tik = tik;
    g_autoptr (Evidence) evidence = case_seal (&c);
    g_autoptr (EvidenceAnswer) answer = evidence_check (evidence, &c.question, &error);
    g_assert_false (answer->refused);
    assert_says (answer, EVIDENCE_OWNER_ONLY, "measurement", "by the TIK",
                 "only the owner");
    c.m->reported[5] ^= 1;
    assert_case (&c, "evidence-measurement");
    c.m->reported[5] ^= 1;
    c.m->build++;
    assert_case (&c, "evidence-measurement");
}

/* AMD's sev-tool: accepts a report if the signature is right; what it ignores is refused.
 */
static void
test_vectors (void)
{
    static const struct {
        const char *folder;
        int code; /* -1: verifies */
    } rows[] = {
        { "ok", -1 },
        { "nonce-bit", POLICY_ERROR_REPORT_SIGNATURE },
        { "sig-r-bit", POLICY_ERROR_REPORT_SIGNATURE },
        { "reserved-bit_unsigned", POLICY_ERROR_REPORT_MALFORMED },
        { "sigalgo-bit_unsigned", POLICY_ERROR_REPORT_MALFORMED },
        { "sigusage-bit_unsigned", POLICY_ERROR_REPORT_MALFORMED },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autofree char *report_path =
            g_strdup_printf ("attest/%s/attestation_report.bin", rows[i].folder);
        g_autofree char *pek_path = g_strdup_printf ("attest/%s/pek.cert", rows[i].folder);
        g_autoptr (GBytes) report = test_vector_load (report_path);
        g_autoptr (GBytes) pek = test_vector_load (pek_path);
        g_autoptr (GError) error = NULL;
        PolicyReport out;
        SevCert cert;

        g_assert_true (sev_cert_decode (g_bytes_get_data (pek, NULL),
                                        g_bytes_get_size (pek), &cert, &error));
        const gboolean ok =
            policy_report_verify (g_bytes_get_data (report, NULL),
                                  g_bytes_get_size (report), &cert, &out, &error);
        g_assert_cmpint (ok, ==, rows[i].code < 0);
        if (!ok)
            g_assert_error (error, POLICY_ERROR, rows[i].code);
        g_clear_error (&error);
        g_assert_false (policy_report_verify (g_bytes_get_data (report, NULL),
                                              g_bytes_get_size (report) - 1, &cert, &out,
                                              &error));
        g_assert_error (error, POLICY_ERROR, POLICY_ERROR_REPORT_MALFORMED);
    }
}

/* A folder. */

typedef struct {
    Evidence *evidence[4];
    EvidenceRow rows[4];
} Folder;

static void
folder_init (Folder *f)
{
    memset (f, 0, sizeof *f);
    for (guint i = 0; i < 4; i++) {
        g_autoptr (EvidenceManifest) m = test_evidence_manifest ();
        m->counter = i + 1;
        m->has_previous = i > 0;
        if (i > 0)
            memcpy (m->previous, f->evidence[i - 1]->sha256, SEV_DIGEST_SIZE);
        g_autoptr (GBytes) file = test_evidence_seal (m);
        f->evidence[i] = test_evidence_parse (file);
        f->rows[i] = (EvidenceRow){ "file", i + 1, f->evidence[i] };
    }
}

static void
folder_clear (Folder *f)
{
    for (guint i = 0; i < 4; i++)
        g_clear_pointer (&f->evidence[i], evidence_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Folder, folder_clear)

static void
assert_order (const EvidenceRow *rows,
              guint n,
              guint64 head,
              const guint8 *sha256,
              const char *id)
{
    g_autoptr (GPtrArray) found = evidence_check_order (rows, n, head, sha256);

    g_assert_cmpuint (found->len, ==, id != NULL ? 1 : 0);
    if (id != NULL)
        g_assert_cmpstr (((EvidenceFinding *) g_ptr_array_index (found, 0))->id, ==, id);
}

static void
test_order (void)
{
    g_auto (Folder) f = { 0 };

    folder_init (&f);
    const guint8 *last = f.evidence[3]->sha256;
    assert_order (f.rows, 4, 4, last, NULL);
    /* No head: nobody knows which was the last. */
    assert_order (f.rows, 4, 0, NULL, "evidence-gap");
    assert_order (f.rows, 0, 0, NULL, NULL);
    /* A crash leaves a file more than the head says; more than one is not of a crash. */
    assert_order (f.rows, 4, 3, f.evidence[2]->sha256, NULL);
    assert_order (f.rows, 4, 2, f.evidence[1]->sha256, "evidence-order");
    /* One gone: in the middle, at the start, at the end. */
    const EvidenceRow middle[] = { f.rows[0], f.rows[1], f.rows[3] };
    assert_order (middle, 3, 4, last, "evidence-gap");
    assert_order (f.rows + 1, 3, 4, last, "evidence-gap");
    assert_order (f.rows, 3, 4, last, "evidence-gap");
    const EvidenceRow twice[] = { f.rows[0], f.rows[0] };
    assert_order (twice, 2, 1, f.evidence[0]->sha256, "evidence-gap");
    /* Another number in the name than in the file. */
    EvidenceRow renamed[] = { f.rows[0], f.rows[2] };
    renamed[1].number = 2;
    assert_order (renamed, 2, 2, f.evidence[2]->sha256, "evidence-order");
    /* Written without knowing which was the last. */
    f.evidence[2]->manifest->gap = TRUE;
    assert_order (f.rows, 4, 4, last, "evidence-gap");
    f.evidence[2]->manifest->gap = FALSE;
    /* Made anew after the next one was written. */
    f.evidence[1]->sha256[0] ^= 1;
    assert_order (f.rows, 4, 4, last, "evidence-order");
    f.evidence[1]->sha256[0] ^= 1;
    assert_order (f.rows, 4, 4, f.evidence[0]->sha256, "evidence-order");
    f.evidence[0]->manifest->has_previous = TRUE;
    assert_order (f.rows, 4, 4, last, "evidence-order");
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
    g_test_add_func ("/evidence/check/acceptance", test_acceptance);
    g_test_add_func ("/evidence/check/session", test_session_id);
    g_test_add_func ("/evidence/check/verdict", test_verdict);
    g_test_add_func ("/evidence/check/files", test_files);
    g_test_add_func ("/evidence/check/files-refused", test_files_refused);
    g_test_add_func ("/evidence/check/files-foreign-report", test_files_foreign_report);
    g_test_add_func ("/evidence/check/weak-generation", test_weak_generation);
    g_test_add_func ("/evidence/check/missing-check", test_missing_check);
    g_test_add_func ("/evidence/check/measurement", test_measurement);
    g_test_add_func ("/evidence/check/vectors", test_vectors);
    g_test_add_func ("/evidence/check/order", test_order);

    return g_test_run ();
}
