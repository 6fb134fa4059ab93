/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Evidence: what is proven of files, measurements and real platforms, and the order of a
 * folder. */

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
test_files (void)
{
    g_auto (TestEvidenceCase) c = { 0 };
    g_autoptr (PolicyBootInputs) right = test_evidence_files (0);
    g_autoptr (PolicyBootInputs) wrong = test_evidence_files (1);
    g_autoptr (GError) error = NULL;

    test_evidence_case_init (&c);
    c.question.files = right;
    c.question.files_cmdline = TRUE;
    g_autoptr (Evidence) evidence = test_evidence_case_seal (&c);
    g_autoptr (EvidenceAnswer) answer = evidence_check (evidence, &c.question, &error);
    g_assert_false (answer->refused);
    g_assert_nonnull (test_evidence_find (answer, EVIDENCE_PROVEN, "files"));
    c.question.files = wrong;
    test_evidence_assert_case (&c, "evidence-file");
    c.question.files = right;
    right->kernel.sha256[0] ^= 1;
    test_evidence_assert_case (&c, "evidence-file");
    right->kernel.sha256[0] ^= 1;
    char *cmdline = right->cmdline;
    right->cmdline = (char *) "console=ttyS1";
    test_evidence_assert_case (&c, "evidence-file");
    right->cmdline = cmdline;
    test_evidence_assert_case (&c, NULL);
    /* The same files, and a digest that does not come of them. */
    c.m->digest[0] ^= 1;
    test_evidence_assert_case (&c, "evidence-digest");
}

/* Of a refused launch the files are behind the digest that was expected, not behind the
 * one that the platform reports. */
static void
test_files_refused (void)
{
    static const guint8 other[SEV_DIGEST_SIZE] = { 0xdd };
    g_auto (TestEvidenceCase) c = { 0 };
    g_autoptr (PolicyBootInputs) files = test_evidence_files (0);
    g_autoptr (GError) error = NULL;

    test_evidence_case_init (&c);
    c.question.files = files;
    c.m->verified = FALSE;
    g_array_set_size (c.m->secrets, 0);
    evidence_manifest_add_reason (c.m, "measurement-mismatch", "another one");
    g_autoptr (Evidence) same = test_evidence_case_seal (&c);
    g_autoptr (EvidenceAnswer) right = evidence_check (same, &c.question, &error);
    g_assert_nonnull (test_evidence_find (right, EVIDENCE_PROVEN, "files"));

    c.digest = other;
    g_autoptr (Evidence) evidence = test_evidence_case_seal (&c);
    g_autoptr (EvidenceAnswer) answer = evidence_check (evidence, &c.question, &error);
    g_assert_false (answer->refused);
    g_assert_nonnull (test_evidence_find (answer, EVIDENCE_PROVEN, "other-launch"));
    g_assert_null (test_evidence_find (answer, EVIDENCE_PROVEN, "files"));
    test_evidence_assert_says (answer, EVIDENCE_SAID, "files", "that the owner expected",
                               NULL);
}

/* A report that was made for another manifest proves nothing of this one's files. */
static void
test_files_foreign_report (void)
{
    g_auto (TestEvidenceCase) c = { 0 };
    g_autoptr (PolicyBootInputs) files = test_evidence_files (0);
    g_autoptr (GError) error = NULL;

    test_evidence_case_init (&c);
    c.question.files = files;
    g_autoptr (GBytes) text = evidence_manifest_to_bytes (c.m);
    g_autoptr (GBytes) old = test_evidence_report (text, c.m->digest, c.policy, NULL);
    c.m->counter = 2;
    g_autoptr (GBytes) new_text = evidence_manifest_to_bytes (c.m);
    g_autoptr (GBytes) file =
        evidence_seal (new_text, old, NULL, test_evidence_key (), &error);
    g_autoptr (Evidence) evidence = test_evidence_parse (file);
    g_autoptr (EvidenceAnswer) answer = evidence_check (evidence, &c.question, &error);

    g_assert_nonnull (
        test_evidence_find (answer, EVIDENCE_REFUSED, "evidence-report-nonce"));
    g_assert_null (test_evidence_find (answer, EVIDENCE_PROVEN, "files"));
    g_assert_nonnull (test_evidence_find (answer, EVIDENCE_SAID, "files"));
}

static void
set_bytes (GBytes **slot, GBytes *bytes)
{
    g_clear_pointer (slot, g_bytes_unref);
    *slot = bytes;
}

/* The certificates of a real platform, as one evidence. */
static EvidenceAnswer *
answer_real (TestEvidenceCase *c, const char *dir)
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
    g_autoptr (Evidence) evidence = test_evidence_case_seal (c);
    EvidenceAnswer *answer = evidence_check (evidence, &c->question, &error);
    g_assert_no_error (error);
    return answer;
}

/* Keys were extracted from chips of Naples: a chain of theirs leaves a question open. */
static void
test_weak_generation (void)
{
    g_auto (TestEvidenceCase) c = { 0 };

    test_evidence_case_init (&c);
    g_autoptr (EvidenceAnswer) rome = answer_real (&c, "rome-ok");
    test_evidence_assert_says (rome, EVIDENCE_PROVEN, "platform", "Rome", "AMD's root");
    g_assert_null (test_evidence_find (rome, EVIDENCE_OPEN, "generation-weak"));
    g_autoptr (EvidenceAnswer) naples = answer_real (&c, "naples-ok");
    test_evidence_assert_says (naples, EVIDENCE_PROVEN, "platform", "Naples", "AMD's root");
    test_evidence_assert_says (naples, EVIDENCE_OPEN, "generation-weak", "Naples", NULL);
}

/* Each check of a verdict is in its list. */
static void
test_missing_check (void)
{
    for (guint i = 0; i < POLICY_N_CHECKS; i++) {
        g_auto (TestEvidenceCase) c = { 0 };

        test_evidence_case_init (&c);
        test_evidence_assert_case (&c, NULL);
        g_test_message ("without %s", policy_check_name ((PolicyCheck) i));
        g_ptr_array_remove_index (c.m->checks, i);
        test_evidence_assert_case (&c, "evidence-verdict");
    }
}

static void
test_measurement (void)
{
    g_auto (TestEvidenceCase) c = { 0 };
    g_autoptr (SevSecret) tik = test_evidence_tik ();
    g_autoptr (GError) error = NULL;

    test_evidence_case_init (&c);
    c.question.tik = tik;
    g_autoptr (Evidence) evidence = test_evidence_case_seal (&c);
    g_autoptr (EvidenceAnswer) answer = evidence_check (evidence, &c.question, &error);
    g_assert_false (answer->refused);
    test_evidence_assert_says (answer, EVIDENCE_OWNER_ONLY, "measurement", "by the TIK",
                               "only the owner");
    c.m->reported[5] ^= 1;
    test_evidence_assert_case (&c, "evidence-measurement");
    c.m->reported[5] ^= 1;
    c.m->build++;
    test_evidence_assert_case (&c, "evidence-measurement");
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
    g_test_add_func ("/evidence/facts/files", test_files);
    g_test_add_func ("/evidence/facts/files-refused", test_files_refused);
    g_test_add_func ("/evidence/facts/files-foreign-report", test_files_foreign_report);
    g_test_add_func ("/evidence/facts/weak-generation", test_weak_generation);
    g_test_add_func ("/evidence/facts/missing-check", test_missing_check);
    g_test_add_func ("/evidence/facts/measurement", test_measurement);
    g_test_add_func ("/evidence/facts/vectors", test_vectors);
    g_test_add_func ("/evidence/facts/order", test_order);
    return g_test_run ();
}
