/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Evidence as text, in files, and the key that signs it. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/evidence/evidence-store.h"
#include "policy/owner-dir.h"
#include "policy/owner-file.h"
#include "policy/owner-make.h"
#include "policy/owner-sign.h"
#include "policy/policy-error.h"
#include "sev/crypto/sev-digest.h"
#include "tests/lib/evidence-maker.h"
#include "tests/lib/test-dir.h"
#include "tests/lib/test-vectors.h"

static void
assert_malformed (const char *text)
{
    g_autoptr (GBytes) bytes = g_bytes_new (text, strlen (text));
    g_autoptr (GError) error = NULL;

    g_assert_null (evidence_manifest_parse (bytes, &error));
    g_assert_cmpstr (policy_error_id (error), ==, "evidence-malformed");
}

static char *
replace (const char *text, const char *from, const char *to)
{
    g_auto (GStrv) parts = g_strsplit (text, from, 2);

    g_assert_nonnull (parts[1]);
    return g_strjoin (to, parts[0], parts[1], NULL);
}

static void
test_text (void)
{
    static const char *const changes[][2] = {
        { "\"root_fingerprint\":\"sha256:",
          "\"root_fingerprint\":\"0; touch x\",\"x\":\"" },
        { "\"root_fingerprint\":\"sha256:", "\"root_fingerprint\":\"sha256:; touch x #" },
        { "\"owner_fingerprint\":\"sha256:", "\"owner_fingerprint\":\"sha257:" },
        { "{\"schema\":", "{\"more\":1,\"schema\":" },
        { "sevlaunch.manifest/1", "sevlaunch.manifest/2" },
        { "\"counter\":1", "\"counter\":-1" },
        { "\"counter\":1", "\"counter\":1.5" },
        { "\"counter\":1", "\"counter\":\"1\"" },
        { "\"counter\":1,", "" },
        { "\"counter\":1", "\"counter\":1,\"counter\":1" },
        { "\"counter\":1", "\"counter\":9999999999" },
        { "\"verified\"", "\"perhaps\"" },
        { "2026-11-26T01:00:00Z", "yesterday" },
        { ",\"gap\":false", "" },
        { "\"guid\":\"5e", "\"bytes\":32,\"guid\":\"5e" },
        { "\"uki\":false", "\"uki\":null" },
        { "\"uki_cmdline\":null", "\"uki_cmdline\":\"quiet\"" },
        { "\"cpu\":null",
          "\"cpu\":{\"model\":null,\"signature\":1,\"vmsa\":null,\"sev_features\":0}" },
        { "\"memory_mib\":1024", "\"memory_mib\":0" },
        { "\"vcpus\":2", "\"vcpus\":0" },
        { "\"vcpus\":2", "\"vcpus\":5000" },
        { "\"type\":\"sev\"", "\"type\":\"tdx\"" },
        { "\"checks\":[", "\"checks\":[7," },
        { "\"unproven\":[", "\"unproven\":[7," },
        { "\"api_major\":1", "\"api_major\":256" },
        { "\"kernel_hashes\":true", "\"kernel_hashes\":1" },
        { "\"kernel_hashes\":true", "\"kernel_hashes\":false" },
        { "\"judged_on\":\"emulated-host\"", "\"judged_on\":\"moon\"" },
        { "\"judged_on\":\"emulated-host\"", "\"judged_on\":null" },
        { "\"report_for\":\"manifest\"", "\"report_for\":\"anything\"" },
        { ",\"report_for\":\"manifest\"", "" },
        { "\"acceptance\":{\"name\":\"acceptance\",", "\"acceptance\":{" },
        { "\"acceptance\":{\"name\"", "\"acceptance\":{\"x\":1,\"name\"" },
        { "\"acceptance\":{", "\"acceptance\":7,\"x\":{" },
        { "\"sha256\":\"acac", "\"sha256\":\"ac" },
        { "\"guid\":\"5e", "\"guid\":\"ze" },
        { "\"id\":\"", "\"id\":\"0" },
        { "\"certificates\":{", "\"certificates\":{\"x\":null," },
        { "\"pdh\":\"", "\"pdh\":\"*" },
    };
    g_autoptr (EvidenceManifest) m = test_evidence_manifest ();
    g_autoptr (GBytes) bytes = evidence_manifest_to_bytes (m);
    g_autoptr (GError) error = NULL;
    g_autoptr (EvidenceManifest) again = evidence_manifest_parse (bytes, &error);
    gsize len;
    const char *data = g_bytes_get_data (bytes, &len);
    g_autofree char *text = g_strndup (data, len);

    g_assert_no_error (error);
    g_autoptr (GBytes) same = evidence_manifest_to_bytes (again);
    g_assert_true (g_bytes_equal (bytes, same));
    g_assert_cmpstr (again->domain_name, ==, "web");
    g_assert_cmpuint (again->secrets->len, ==, 1);
    g_assert_true (g_bytes_equal (again->session, m->session));
    for (gsize i = 0; i < G_N_ELEMENTS (changes); i++) {
        g_autofree char *changed = replace (text, changes[i][0], changes[i][1]);
        g_test_message ("%s", changes[i][1]);
        assert_malformed (changed);
    }
    assert_malformed ("[]");
    assert_malformed ("");
    assert_malformed ("{}");
}

/* What is missing where a launch was refused early, and nowhere else. */
static void
test_absent (void)
{
    static const char *const members[] = { "pdh", "cert_chain", "blob", "reported",
                                           "build" };

    for (guint i = 0; i <= G_N_ELEMENTS (members); i++) {
        g_autoptr (EvidenceManifest) m = test_evidence_manifest ();
        g_autoptr (GError) error = NULL;

        g_array_set_size (m->secrets, 0);
        m->vcpus = m->memory_mib = 0;
        if (i == 0 || i == G_N_ELEMENTS (members))
            g_clear_pointer (&m->pdh, g_bytes_unref);
        if (i == 1 || i == G_N_ELEMENTS (members))
            g_clear_pointer (&m->cert_chain, g_bytes_unref);
        if (i == 2 || i == G_N_ELEMENTS (members))
            g_clear_pointer (&m->session, g_bytes_unref);
        m->has_measurement = i != 3 && i != G_N_ELEMENTS (members);
        m->has_api = i != 4 && i != G_N_ELEMENTS (members);
        for (guint verified = 0; verified < 2; verified++) {
            m->verified = verified;
            g_autoptr (GBytes) bytes = evidence_manifest_to_bytes (m);
            g_autoptr (EvidenceManifest) again = evidence_manifest_parse (bytes, &error);
            g_assert_true ((again != NULL) == !verified);
            if (again == NULL) {
                g_assert_cmpstr (policy_error_id (error), ==, "evidence-malformed");
                g_clear_error (&error);
                continue;
            }
            g_autoptr (GBytes) same = evidence_manifest_to_bytes (again);
            g_assert_true (g_bytes_equal (bytes, same));
            if (i < G_N_ELEMENTS (members)) {
                g_autofree char *null = g_strdup_printf ("\"%s\":null", members[i]);
                g_assert_nonnull (g_strstr_len (g_bytes_get_data (bytes, NULL),
                                                (gssize) g_bytes_get_size (bytes), null));
            }
        }
    }
}

/* The type and the policy that was signed say the same of SEV-ES. */
static void
test_es (void)
{
    for (guint i = 0; i < 8; i++) {
        g_autoptr (EvidenceManifest) m = test_evidence_manifest ();
        g_autoptr (GError) error = NULL;
        const gboolean same = ((i & 1) != 0) == ((i & 2) != 0);

        m->es = m->has_cpu = (i & 1) != 0;
        m->policy = TEST_EVIDENCE_POLICY | ((i & 2) != 0 ? SEV_POLICY_ES : 0);
        m->verified = (i & 4) != 0;
        g_autoptr (GBytes) bytes = evidence_manifest_to_bytes (m);
        g_autoptr (EvidenceManifest) again = evidence_manifest_parse (bytes, &error);
        g_assert_true ((again != NULL) == (same || !m->verified));
        if (again == NULL)
            g_assert_cmpstr (policy_error_id (error), ==, "evidence-malformed");
    }
}

/* Strings of the host's making stay strings. */
static void
test_hostile_text (void)
{
    g_autoptr (EvidenceManifest) m = test_evidence_manifest ();
    g_autoptr (GError) error = NULL;

    g_free (m->domain_xml);
    m->domain_xml = g_strdup ("\"},\"verdict\":{\\ \x01\xff</script>\n");
    g_autoptr (GBytes) bytes = evidence_manifest_to_bytes (m);
    g_autoptr (EvidenceManifest) again = evidence_manifest_parse (bytes, &error);

    g_assert_no_error (error);
    g_assert_true (again->verified);
    g_assert_true (g_str_has_prefix (again->domain_xml, "\"},\"verdict\":{\\ \x01"));
    g_assert_true (g_utf8_validate (again->domain_xml, -1, NULL));
}

/* No flipped bit of the file goes unnoticed. */
static void
test_flipped_bits (void)
{
    g_autoptr (EvidenceManifest) m = test_evidence_manifest ();
    g_autoptr (GBytes) file = test_evidence_seal (m);
    g_autoptr (PolicyRoots) roots = test_chain_roots (test_chain_shared ());
    const EvidenceQuestion question = { .signer = test_evidence_key (), .roots = roots };
    const gsize len = g_bytes_get_size (file);
    guint tried = 0;

    for (gsize at = 0; at < len; at += len / 150 + 1, tried++) {
        g_autoptr (GBytes) bad = test_flip (file, at, (guint) (at % 7));
        g_autoptr (Evidence) evidence = evidence_parse (bad, NULL);
        if (evidence == NULL)
            continue;
        g_autoptr (EvidenceAnswer) answer = evidence_check (evidence, &question, NULL);
        g_assert_true (answer->refused);
    }
    g_assert_cmpuint (tried, >, 100);
    for (gsize cut = 0; cut < len; cut += len / 40 + 1) {
        g_autoptr (GBytes) less = g_bytes_new_from_bytes (file, 0, cut);
        g_assert_null (evidence_parse (less, NULL));
    }
}

/* Signed, and nobody could read it. */
static void
test_no_reason (void)
{
    g_autoptr (EvidenceManifest) m = test_evidence_manifest ();
    g_autoptr (GBytes) text = evidence_manifest_to_bytes (m);
    g_autoptr (GError) error = NULL;
    g_autoptr (GBytes) file =
        evidence_seal (text, NULL, "nobody asked", test_evidence_key (), &error);

    g_assert_no_error (error);
    g_autoptr (Evidence) read = evidence_parse (file, &error);
    g_assert_no_error (error);
    g_assert_cmpstr (read->report_missing, ==, "nobody asked");
    g_assert_null (evidence_seal (text, NULL, NULL, test_evidence_key (), &error));
    g_assert_cmpstr (policy_error_id (error), ==, "evidence-malformed");
}

/* The folder. */

static char *
write_one (EvidenceStore *store, const char *name, EvidencePlace *place)
{
    g_autoptr (GError) error = NULL;

    g_assert_true (evidence_store_begin (store, place, NULL, &error));
    g_assert_no_error (error);
    g_autofree char *content = g_strdup_printf ("%s %u", name, (guint) place->counter);
    g_autoptr (GBytes) bytes = g_bytes_new (content, strlen (content));
    char *file = evidence_store_commit (store, name, bytes, &error);
    g_assert_no_error (error);
    return file;
}

static void
assert_previous (const EvidencePlace *place, const char *content)
{
    guint8 digest[SEV_DIGEST_SIZE];

    g_assert_true (sev_sha256 (content, strlen (content), digest, NULL));
    g_assert_true (place->has_previous);
    g_assert_cmpmem (place->previous, sizeof place->previous, digest, sizeof digest);
}

static void
test_store (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (GError) error = NULL;
    EvidencePlace place;

    test_dir_init (&dir);
    g_autoptr (EvidenceStore) store = evidence_store_open_at (dir.fd, &error);
    g_autofree char *first = write_one (store, "web", &place);
    g_assert_cmpstr (first, ==, "000001-web.evidence.json");
    g_assert_false (place.has_previous);
    g_assert_cmpuint (test_dir_mode (&dir, "evidence/000001-web.evidence.json"), ==, 0600);
    g_assert_cmpuint (test_dir_mode (&dir, "evidence"), ==, 0700);
    g_autofree char *second = write_one (store, "db", &place);
    g_assert_cmpstr (second, ==, "000002-db.evidence.json");
    assert_previous (&place, "web 1");

    /* A launch that was given up uses up no number. */
    g_assert_true (evidence_store_begin (store, &place, NULL, &error));
    g_assert_cmpuint (place.counter, ==, 3);
    evidence_store_abort (store);
    g_autofree char *third = write_one (store, "web", &place);
    g_assert_cmpstr (third, ==, "000003-web.evidence.json");

    /* The last one taken away: its number stays used. */
    g_assert_cmpint (unlinkat (dir.fd, "evidence/000003-web.evidence.json", 0), ==, 0);
    g_autofree char *fourth = write_one (store, "web", &place);
    g_assert_cmpstr (fourth, ==, "000004-web.evidence.json");
    assert_previous (&place, "web 3");

    g_autoptr (GPtrArray) list = evidence_store_list (dir.path, &place, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (list->len, ==, 3);
    g_assert_cmpuint (((EvidenceEntry *) g_ptr_array_index (list, 2))->number, ==, 4);
    g_assert_cmpuint (place.counter, ==, 4);
    assert_previous (&place, "web 4");
}

static void
test_store_crash (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (GError) error = NULL;
    EvidencePlace place;

    test_dir_init (&dir);
    g_autoptr (EvidenceStore) store = evidence_store_open_at (dir.fd, &error);
    g_autofree char *first = write_one (store, "web", &place);
    /* Killed between the file and the head. */
    test_dir_write (&dir, "evidence/000002-web.evidence.json", "web 2", 0600);
    g_autofree char *third = write_one (store, "web", &place);
    g_assert_cmpstr (third, ==, "000003-web.evidence.json");
    assert_previous (&place, "web 2");

    /* An older head put back. */
    test_dir_write (&dir, "evidence/head",
                    "1 0000000000000000000000000000000000000000000000000000000000000000\n",
                    0600);
    g_assert_false (evidence_store_begin (store, &place, NULL, &error));
    g_assert_cmpstr (policy_error_id (error), ==, "evidence-store");
    g_clear_error (&error);
    test_dir_write (&dir, "evidence/head", "3 zz\n", 0600);
    g_assert_false (evidence_store_begin (store, &place, NULL, &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_EVIDENCE_STORE);
    g_clear_error (&error);
    g_assert_null (evidence_store_list (dir.path, &place, &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_EVIDENCE_STORE);
    g_clear_error (&error);
    g_autofree char *none = test_dir_path (&dir, "none");
    g_assert_null (evidence_store_list (none, &place, &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_MISSING);
}

/* Nobody knows which was the last: no place for who insists, and one that says so for who
 * does not. */
static void
test_store_head (void)
{
    static const char *const heads[] = {
        NULL, "nonsense\n", "",
        "1 0000000000000000000000000000000000000000000000000000000000000000\n"
    };
    for (guint i = 0; i < G_N_ELEMENTS (heads); i++) {
        g_auto (TestDir) dir = { 0 };
        g_autoptr (GError) error = NULL;
        g_autofree char *why = NULL;
        EvidencePlace place;

        test_dir_init (&dir);
        g_autoptr (EvidenceStore) store = evidence_store_open_at (dir.fd, &error);
        for (guint n = 1; n <= 3; n++) {
            g_autofree char *file = write_one (store, "web", &place);
            g_assert_false (place.gap);
        }
        g_assert_true (evidence_store_begin (store, &place, &why, &error));
        evidence_store_abort (store);
        g_assert_null (why);
        g_assert_false (place.gap);

        g_assert_cmpint (unlinkat (dir.fd, "evidence/head", 0), ==, 0);
        if (heads[i] != NULL)
            test_dir_write (&dir, "evidence/head", heads[i], 0600);
        g_assert_false (evidence_store_begin (store, &place, NULL, &error));
        g_assert_error (error, POLICY_ERROR, POLICY_ERROR_EVIDENCE_STORE);
        g_assert_nonnull (strstr (error->message, "away and keep it"));
        g_assert_true ((strstr (error->message, "is missing") != NULL) == (i == 0));
        g_clear_error (&error);
        g_assert_true (evidence_store_begin (store, &place, &why, &error));
        g_assert_nonnull (why);
        g_assert_true (place.gap);
        g_assert_cmpuint (place.counter, ==, 4);
        assert_previous (&place, "web 3");
        evidence_store_abort (store);
    }
}

/* A folder that somebody sent: what is no regular file is not waited for. */
static void
test_store_pipe (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (GError) error = NULL;
    EvidencePlace place;

    test_dir_init (&dir);
    g_autoptr (EvidenceStore) store = evidence_store_open_at (dir.fd, &error);
    g_autofree char *first = write_one (store, "web", &place);
    g_autofree char *path = test_dir_path (&dir, "evidence/head");
    g_autoptr (GBytes) head = policy_file_read_found (path, 128, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (g_bytes_get_size (head), ==, 67);
    g_assert_null (policy_file_read_found (path, 66, &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_FILE_SIZE);
    g_clear_error (&error);
    g_autoptr (GPtrArray) list = evidence_store_list (dir.path, &place, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (list->len, ==, 1);

    g_assert_cmpint (renameat (dir.fd, "evidence/head", dir.fd, "evidence/kept"), ==, 0);
    g_assert_null (policy_file_read_found (path, 128, &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_MISSING);
    g_clear_error (&error);
    for (guint i = 0; i < 3; i++) {
        g_assert_cmpint (i == 0   ? mkfifoat (dir.fd, "evidence/head", 0600)
                         : i == 1 ? symlinkat ("kept", dir.fd, "evidence/head")
                                  : mkdirat (dir.fd, "evidence/head", 0700),
                         ==, 0);
        g_assert_null (policy_file_read_found (path, 128, &error));
        g_assert_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_FILE_TYPE);
        g_clear_error (&error);
        g_assert_null (evidence_store_list (dir.path, &place, &error));
        g_assert_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_FILE_TYPE);
        g_clear_error (&error);
        g_assert_cmpint (unlinkat (dir.fd, "evidence/head", i == 2 ? AT_REMOVEDIR : 0), ==,
                         0);
    }
}

static gpointer
begin_in_thread (gpointer data)
{
    EvidencePlace place;
    g_autoptr (GError) error = NULL;

    g_assert_true (evidence_store_begin (data, &place, NULL, &error));
    evidence_store_abort (data);
    return GUINT_TO_POINTER ((guint) place.counter);
}

/* Two launches of one owner: the second waits, and counts on. */
static void
test_store_two (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (GError) error = NULL;
    EvidencePlace place;

    test_dir_init (&dir);
    g_autoptr (EvidenceStore) one = evidence_store_open_at (dir.fd, &error);
    g_autoptr (EvidenceStore) two = evidence_store_open_at (dir.fd, &error);
    g_assert_true (evidence_store_begin (one, &place, NULL, &error));
    GThread *thread = g_thread_new ("two", begin_in_thread, two);
    g_autoptr (GBytes) bytes = g_bytes_new ("x", 1);
    g_autofree char *file = evidence_store_commit (one, "web", bytes, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (GPOINTER_TO_UINT (g_thread_join (thread)), ==, 2);
    /* A name that leads out of the folder. */
    g_assert_true (evidence_store_begin (one, &place, NULL, &error));
    g_assert_null (evidence_store_commit (one, "../web", bytes, &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_EVIDENCE_STORE);
}

/* The key. */

static void
test_key (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (GError) error = NULL;
    g_autoptr (SevSignKey) none = NULL;
    g_autoptr (SevSignKey) key = NULL;
    guint8 signature[SEV_SIGN_SIGNATURE_SIZE];

    test_dir_init (&dir);
    g_assert_true (policy_sign_key_load (dir.path, &none, &error));
    g_assert_null (none);
    g_assert_true (policy_owner_init (dir.path, &error));
    g_assert_no_error (error);
    g_assert_cmpuint (test_dir_mode (&dir, "sign.key"), ==, 0600);
    g_assert_true (policy_sign_key_load (dir.path, &key, &error));
    g_autofree char *path = test_dir_path (&dir, "sign.pub");
    g_autoptr (SevSignKey) public = policy_sign_pub_load (path, &error);
    g_assert_no_error (error);
    g_assert_true (sev_sign (key, "a", 1, signature, &error));
    g_assert_true (sev_sign_verify (public, "a", 1, signature, &error));
    g_autofree char *id = policy_sign_key_id (key, &error);
    g_autofree char *public_id = policy_sign_key_id (public, &error);
    g_assert_cmpstr (id, ==, public_id);
    g_assert_cmpuint (strlen (id), ==, 71);

    g_assert_false (policy_sign_key_make (dir.path, &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_EXISTS);
    g_clear_error (&error);
    g_assert_cmpint (fchmodat (dir.fd, "sign.key", 0640, 0), ==, 0);
    g_clear_pointer (&key, sev_sign_key_free);
    g_assert_false (policy_sign_key_load (dir.path, &key, &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_FILE_MODE);
    g_clear_error (&error);
    /* The DH key in its place does not sign. */
    g_assert_cmpint (renameat (dir.fd, "pdh.key", dir.fd, "sign.key"), ==, 0);
    g_assert_false (policy_sign_key_load (dir.path, &key, &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_KEY_MALFORMED);
    g_clear_error (&error);
    g_assert_cmpint (unlinkat (dir.fd, "sign.key", 0), ==, 0);
    g_assert_cmpint (unlinkat (dir.fd, "sign.pub", 0), ==, 0);
    g_assert_true (policy_sign_key_make (dir.path, &error));
    g_assert_no_error (error);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    g_test_add_func ("/evidence/file/text", test_text);
    g_test_add_func ("/evidence/file/absent", test_absent);
    g_test_add_func ("/evidence/file/es", test_es);
    g_test_add_func ("/evidence/file/hostile-text", test_hostile_text);
    g_test_add_func ("/evidence/file/flipped-bits", test_flipped_bits);
    g_test_add_func ("/evidence/file/no-reason", test_no_reason);
    g_test_add_func ("/evidence/file/store", test_store);
    g_test_add_func ("/evidence/file/store-crash", test_store_crash);
    g_test_add_func ("/evidence/file/store-head", test_store_head);
    g_test_add_func ("/evidence/file/store-pipe", test_store_pipe);
    g_test_add_func ("/evidence/file/store-two", test_store_two);
    g_test_add_func ("/evidence/file/key", test_key);

    return g_test_run ();
}
