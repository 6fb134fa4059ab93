/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The page for a human reader: hostile texts stay texts. */

#include <string.h>

#include "policy/evidence/evidence-html.h"
#include "tests/lib/evidence-maker.h"

/* A tag, quotes, an entity, a control character, one that turns the direction. */
#define HOSTILE "zq<script>\"'&lt;\x01\xe2\x80\xae"
#define SAFE "zq&lt;script&gt;&quot;&#39;&amp;lt;\xef\xbf\xbd\xef\xbf\xbd"

static guint
count (const char *text, const char *part)
{
    guint n = 0;

    for (const char *p = text; (p = strstr (p, part)) != NULL; p++)
        n++;
    return n;
}

static void
set (char **slot)
{
    g_free (*slot);
    *slot = g_strdup (HOSTILE);
}

static char *
page_of_file (const EvidenceManifest *m, gboolean with_key, const char *name)
{
    g_autoptr (GBytes) file = test_evidence_seal (m);
    g_autoptr (Evidence) evidence = test_evidence_parse (file);
    g_autoptr (PolicyRoots) roots = test_chain_roots (test_chain_shared ());
    const EvidenceQuestion question = { .signer = with_key ? test_evidence_key () : NULL,
                                        .roots = roots };
    g_autoptr (GError) error = NULL;
    g_autoptr (EvidenceAnswer) answer = evidence_check (evidence, &question, &error);

    g_assert_no_error (error);
    return evidence_html (evidence, answer, name, "0.1");
}

static char *
page_of (const EvidenceManifest *m, gboolean with_key)
{
    return page_of_file (m, with_key, "0001" HOSTILE);
}

static void
test_escaping (void)
{
    g_autoptr (EvidenceManifest) m = test_evidence_manifest ();
    char **const slots[] = {
        &m->tool,        &m->version,        &m->signer,       &m->release,
        &m->domain_name, &m->domain_uuid,    &m->domain_uri,   &m->domain_xml,
        &m->generation,  &m->firmware->path, &m->kernel->path, &m->cmdline,
        &m->acceptance,  &m->uki_cmdline,
    };

    m->uki = TRUE;
    g_autofree char *plain = page_of (m, TRUE);
    g_assert_null (strstr (plain, "<script"));
    for (gsize i = 0; i < G_N_ELEMENTS (slots); i++)
        set (slots[i]);
    g_ptr_array_add (m->unproven, g_strdup (HOSTILE));
    evidence_manifest_add_reason (m, HOSTILE, HOSTILE);
    g_autofree char *page = page_of (m, TRUE);
    g_assert_null (strstr (page, "zq<"));
    g_assert_null (strstr (page, "<script"));
    g_assert_null (strchr (page, '\x01'));
    g_assert_null (strstr (page, "\xe2\x80\xae"));
    /* Each text is there, but the generation, which is not said of an EMULATED platform. */
    g_assert_cmpuint (count (page, SAFE), >=, G_N_ELEMENTS (slots) + 3);
    /* As many tags as before, and those of the reasons. */
    g_assert_cmpuint (count (page, "<table"), ==, count (plain, "<table"));
    g_assert_cmpuint (count (page, "<pre"), ==, count (plain, "<pre"));
}

/* The command that the page offers, to be pasted into a shell. */
static void
test_command (void)
{
    g_autoptr (EvidenceManifest) m = test_evidence_manifest ();
    g_autofree char *root = g_strdup (m->root_fingerprint);
    g_autofree char *right = page_of_file (m, TRUE, "a b.json");
    g_autofree char *line = g_strdup_printf ("--trust-root %s</pre>", root);

    g_assert_nonnull (strstr (right, "evidence verify &#39;a b.json&#39; "));
    g_assert_nonnull (strstr (right, line));
    /* The certificates say which root it is, and the manifest another one. */
    g_free (m->root_fingerprint);
    m->root_fingerprint = g_strdup (m->owner_fingerprint);
    g_autofree char *lie = page_of_file (m, TRUE, "x; touch 'y");
    g_assert_nonnull (strstr (lie, line));
    g_assert_nonnull (
        strstr (lie, "evidence verify &#39;x; touch &#39;\\&#39;&#39;y&#39; "));
}

static void
test_nothing_loaded (void)
{
    static const char *const forbidden[] = { "src=",   "href=", "url(",    "@import",
                                             "<link",  "<img",  "<iframe", "<object",
                                             "onload", "http:", "https:" };
    g_autoptr (EvidenceManifest) m = test_evidence_manifest ();
    g_autofree char *page = page_of (m, TRUE);

    for (gsize i = 0; i < G_N_ELEMENTS (forbidden); i++)
        g_assert_null (strstr (page, forbidden[i]));
    g_assert_nonnull (strstr (page, "default-src 'none'"));
    g_assert_nonnull (strstr (page, "<svg "));
}

/* What the page says depends on what was checked. */
static void
test_words (void)
{
    g_autoptr (EvidenceManifest) m = test_evidence_manifest ();
    g_autofree char *page = page_of (m, TRUE);
    g_autofree char *unsigned_page = page_of (m, FALSE);

    g_assert_nonnull (strstr (page, "EMULATED platform"));
    g_assert_nonnull (strstr (page, "launch verified"));
    g_assert_nonnull (strstr (page, "no legal assessment"));
    g_assert_null (strstr (page, "This evidence was refused"));
    g_assert_null (strstr (page, "who signed this"));
    g_assert_nonnull (strstr (unsigned_page, "who signed this"));
    g_assert_nonnull (strstr (page, "banner good"));
    g_assert_null (strstr (page, "Who signed this was not checked"));
    g_assert_null (strstr (unsigned_page, "banner good"));
    g_assert_nonnull (strstr (unsigned_page, "Who signed this was not checked"));

    /* The certificates say what the platform is, not the manifest. */
    m->emulated = FALSE;
    g_autofree char *lie = page_of (m, TRUE);
    g_assert_nonnull (strstr (lie, "EMULATED platform"));
    g_assert_nonnull (strstr (lie, "EMULATED root"));
    g_assert_null (strstr (lie, "saw ciphertext"));
    g_assert_null (strstr (lie, "AMD SEV"));
    m->emulated = TRUE;

    m->session_id[0] ^= 1;
    g_autofree char *refused = page_of (m, TRUE);
    g_assert_nonnull (strstr (refused, "This evidence was refused"));
    g_assert_nonnull (strstr (refused, "evidence-session"));
    m->session_id[0] ^= 1;
    m->verified = FALSE;
    g_array_set_size (m->secrets, 0);
    evidence_manifest_add_reason (m, "measurement-mismatch", "something else ran");
    g_autofree char *no = page_of (m, TRUE);
    g_assert_nonnull (strstr (no, "launch refused"));
    g_assert_nonnull (strstr (no, "No secret was released"));
    g_assert_nonnull (strstr (no, "something else ran"));
}

/* What could be seen depends on what happened, and no line contradicts another. */
static void
test_sight (void)
{
    g_autoptr (EvidenceManifest) m = test_evidence_manifest ();

    m->es = m->has_cpu = TRUE;
    m->policy |= SEV_POLICY_ES;
    m->cpu_signature = 0x00800f12;
    g_ptr_array_add (m->unproven, g_strdup ("vCPU registers (the EMULATED host measures "
                                            "their first values and encrypts none)"));
    g_autofree char *es = page_of (m, TRUE);
    g_assert_nonnull (strstr (es, "measured their first values, and encrypts none"));
    g_assert_null (strstr (es, "has the key that encrypts"));
    g_assert_nonnull (strstr (es, "passed them into the guest"));
    g_assert_nonnull (strstr (es, "2 processors (measured)"));
    g_assert_null (strstr (es, "no guest was started"));

    m->verified = FALSE;
    g_array_set_size (m->secrets, 0);
    evidence_manifest_add_reason (m, "measurement-mismatch", "something else ran");
    g_autofree char *refused = page_of (m, TRUE);
    g_assert_null (strstr (refused, "passed them into the guest"));
    g_assert_null (strstr (refused, "saw ciphertext"));
    g_assert_null (strstr (refused, "carries all of it"));
    g_assert_null (strstr (refused, "(measured)"));
    g_assert_nonnull (strstr (refused, "got no secret and was not resumed"));
    g_assert_cmpuint (count (refused, "none was released"), ==, 2);
    g_assert_null (strstr (refused, "What was measured"));
    g_assert_nonnull (strstr (refused, "What should have been measured"));
}

/* Refused before there was a guest, and of one that was there already. */
static void
test_not_known (void)
{
    g_autoptr (EvidenceManifest) m = test_evidence_manifest ();

    g_autofree char *known = page_of (m, TRUE);
    g_assert_nonnull (strstr (known, "2 processors asked for, not measured"));
    g_assert_nonnull (strstr (known, "1024 MiB asked for, not measured"));
    g_assert_null (strstr (known, "32 bytes"));
    m->vcpus = m->memory_mib = 0;
    g_autofree char *attached = page_of (m, TRUE);
    g_assert_nonnull (
        strstr (attached, "SEV; number of processors not known; memory not known"));

    m->verified = m->has_measurement = m->has_api = FALSE;
    g_array_set_size (m->secrets, 0);
    evidence_manifest_add_reason (m, "session-reused", "this session was judged before");
    g_clear_pointer (&m->session, g_bytes_unref);
    g_clear_pointer (&m->domain_uuid, g_free);
    g_autoptr (GBytes) text = evidence_manifest_to_bytes (m);
    g_autoptr (GError) error = NULL;
    g_autoptr (GBytes) file = evidence_seal (text, NULL, "there was no guest to ask about",
                                             test_evidence_key (), &error);
    g_autoptr (Evidence) evidence = test_evidence_parse (file);
    g_autoptr (PolicyRoots) roots = test_chain_roots (test_chain_shared ());
    const EvidenceQuestion question = { .signer = test_evidence_key (), .roots = roots };
    g_autoptr (EvidenceAnswer) answer = evidence_check (evidence, &question, &error);
    g_autofree char *early = evidence_html (evidence, answer, "1", "0.1");
    g_assert_false (answer->refused);
    g_assert_nonnull (strstr (early, "API and build not known"));
    g_assert_cmpuint (count (early, "no guest was started"), ==, 2);
    g_assert_nonnull (strstr (early, "there were none"));
    g_assert_null (strstr (early, "has them"));
}

/* The command line in a unified kernel image is the one that is run. */
static void
test_uki (void)
{
    g_autoptr (EvidenceManifest) m = test_evidence_manifest ();

    m->uki = TRUE;
    m->uki_cmdline = g_strdup ("root=/dev/mapper/root quiet");
    g_free (m->cmdline);
    m->cmdline = g_strdup ("");
    g_autofree char *page = page_of (m, TRUE);
    g_assert_nonnull (strstr (page, "Unified kernel image"));
    g_assert_nonnull (strstr (page, "<code>root=/dev/mapper/root quiet</code>"));
    g_clear_pointer (&m->uki_cmdline, g_free);
    g_autofree char *without = page_of (m, TRUE);
    g_assert_nonnull (strstr (without, "measured with it, not looked at"));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    g_test_add_func ("/evidence/html/escaping", test_escaping);
    g_test_add_func ("/evidence/html/command", test_command);
    g_test_add_func ("/evidence/html/nothing-loaded", test_nothing_loaded);
    g_test_add_func ("/evidence/html/words", test_words);
    g_test_add_func ("/evidence/html/sight", test_sight);
    g_test_add_func ("/evidence/html/not-known", test_not_known);
    g_test_add_func ("/evidence/html/uki", test_uki);

    return g_test_run ();
}
