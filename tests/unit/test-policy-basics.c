/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Verdict, roots, error names. */

#include <string.h>

#include "policy/policy-error.h"
#include "policy/roots.h"
#include "policy/verdict.h"
#include "tests/lib/test-vectors.h"

/* --- verdict ----------------------------------------------------------------------- */

static PolicyVerdict *
full_verdict (void)
{
    PolicyVerdict *verdict = policy_verdict_new ();

    for (guint i = 0; i < POLICY_N_CHECKS; i++)
        policy_verdict_pass (verdict, (PolicyCheck) i);
    policy_verdict_set_judged_on (verdict, POLICY_JUDGED_OWNER_MACHINE);
    return verdict;
}

/* Each check alone keeps the verdict refused: by failing, and by never being made. */
static void
test_verdict_needs_every_check (void)
{
    g_autoptr (PolicyVerdict) full = full_verdict ();

    g_assert_true (policy_verdict_is_accepted (full));
    for (guint i = 0; i < POLICY_N_CHECKS; i++) {
        g_autoptr (PolicyVerdict) failed = full_verdict ();
        g_autoptr (PolicyVerdict) missing = policy_verdict_new ();
        g_autoptr (PolicyVerdict) retried = policy_verdict_new ();

        policy_verdict_fail (failed, (PolicyCheck) i, "some-reason", "number %u", i);
        g_assert_false (policy_verdict_is_accepted (failed));
        g_assert_cmpuint (policy_verdict_get_reasons (failed)->len, ==, 1);

        policy_verdict_set_judged_on (missing, POLICY_JUDGED_OWNER_MACHINE);
        policy_verdict_set_judged_on (retried, POLICY_JUDGED_OWNER_MACHINE);
        policy_verdict_fail (retried, (PolicyCheck) i, "some-reason", "first");
        for (guint j = 0; j < POLICY_N_CHECKS; j++) {
            if (j != i)
                policy_verdict_pass (missing, (PolicyCheck) j);
            policy_verdict_pass (retried, (PolicyCheck) j);
        }
        g_assert_false (policy_verdict_is_accepted (missing));
        g_assert_false (policy_verdict_has_failed (missing));
        g_autoptr (GPtrArray) why = policy_verdict_dup_refusal (missing);
        g_assert_cmpuint (why->len, ==, 1);
        const PolicyReason *reason = g_ptr_array_index (why, 0);
        g_assert_cmpstr (reason->id, ==, "check-missing");
        g_assert_nonnull (strstr (reason->text, policy_check_name ((PolicyCheck) i)));
        /* A failure is not taken back by passing later. */
        g_assert_false (policy_verdict_is_accepted (retried));
    }
}

/* What a verdict lacks besides the last check is not overlooked. */
static void
test_verdict_but_one (void)
{
    for (guint i = 0; i < POLICY_N_CHECKS; i++) {
        g_autoptr (PolicyVerdict) verdict = policy_verdict_new ();

        policy_verdict_set_judged_on (verdict, POLICY_JUDGED_OWNER_MACHINE);
        for (guint j = 0; j < POLICY_N_CHECKS; j++)
            if (j != i && j != POLICY_CHECK_FRESH)
                policy_verdict_pass (verdict, (PolicyCheck) j);
        g_assert_cmpint (policy_verdict_is_accepted_but (verdict, POLICY_CHECK_FRESH), ==,
                         i == POLICY_CHECK_FRESH);
        g_assert_false (policy_verdict_is_accepted (verdict));
    }
    g_autoptr (PolicyVerdict) full = full_verdict ();
    g_assert_true (policy_verdict_is_accepted_but (full, POLICY_CHECK_FRESH));
    policy_verdict_set_judged_on (full, POLICY_JUDGED_NOWHERE);
    g_assert_false (policy_verdict_is_accepted_but (full, POLICY_CHECK_FRESH));
    g_autoptr (PolicyVerdict) failed = full_verdict ();
    policy_verdict_fail (failed, POLICY_CHECK_FRESH, "some-reason", "no");
    g_assert_false (policy_verdict_is_accepted_but (failed, POLICY_CHECK_FRESH));
}

static void
test_verdict_needs_a_place (void)
{
    g_autoptr (PolicyVerdict) verdict = full_verdict ();

    g_assert_true (policy_verdict_is_accepted (verdict));
    policy_verdict_set_judged_on (verdict, POLICY_JUDGED_NOWHERE);
    g_assert_false (policy_verdict_is_accepted (verdict));
    g_autoptr (GPtrArray) why = policy_verdict_dup_refusal (verdict);
    g_assert_cmpuint (why->len, ==, 1);
    g_assert_cmpstr (policy_judged_on_name (POLICY_JUDGED_HYPERVISOR), ==, "hypervisor");
}

static void
test_verdict_waive (void)
{
    g_autoptr (PolicyVerdict) verdict = policy_verdict_new ();

    policy_verdict_set_judged_on (verdict, POLICY_JUDGED_HYPERVISOR);
    for (guint i = 0; i < POLICY_N_CHECKS; i++)
        if (i != POLICY_CHECK_BOOT)
            policy_verdict_pass (verdict, (PolicyCheck) i);
    g_assert_false (policy_verdict_is_accepted (verdict));
    policy_verdict_waive (verdict, POLICY_CHECK_BOOT, "what the disk boots");
    policy_verdict_waive (verdict, POLICY_CHECK_BOOT, "what the disk boots");
    g_assert_true (policy_verdict_is_accepted (verdict));
    g_assert_cmpuint (policy_verdict_get_unproven (verdict)->len, ==, 1);

    policy_verdict_fail (verdict, POLICY_CHECK_FIRMWARE, "firmware-not-released", "no");
    policy_verdict_waive (verdict, POLICY_CHECK_FIRMWARE, "the firmware");
    g_assert_false (policy_verdict_is_accepted (verdict));
    g_assert_false (policy_verdict_check_passed (verdict, POLICY_CHECK_FIRMWARE));
}

/* Only three checks are the owner's to waive. */
static void
test_verdict_waive_others (void)
{
    if (g_test_subprocess ()) {
        g_autoptr (PolicyVerdict) verdict = policy_verdict_new ();
        policy_verdict_waive (verdict, POLICY_CHECK_MEASUREMENT, "everything");
        return;
    }
    g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
    g_test_trap_assert_failed ();
    g_test_trap_assert_stderr ("*check == POLICY_CHECK_FIRMWARE*");
}

static void
test_verdict_error (void)
{
    g_autoptr (PolicyVerdict) verdict = policy_verdict_new ();
    g_autoptr (GError) error =
        g_error_new_literal (POLICY_ERROR, POLICY_ERROR_MEASUREMENT_MISMATCH, "differs");

    policy_verdict_fail_error (verdict, POLICY_CHECK_MEASUREMENT, error);
    const PolicyReason *reason =
        g_ptr_array_index (policy_verdict_get_reasons (verdict), 0);
    g_assert_cmpstr (reason->id, ==, "measurement-mismatch");
    g_assert_cmpstr (reason->text, ==, "differs");
    policy_verdict_add_unproven_standard (verdict, FALSE);
    const guint without_es = policy_verdict_get_unproven (verdict)->len;
    g_autoptr (PolicyVerdict) es = policy_verdict_new ();
    policy_verdict_add_unproven_standard (es, TRUE);
    g_assert_cmpuint (policy_verdict_get_unproven (es)->len, <, without_es);
}

/* --- errors ------------------------------------------------------------------------ */

static void
test_errors (void)
{
    g_autoptr (GHashTable) ids = g_hash_table_new (g_str_hash, g_str_equal);
    g_autoptr (GError) foreign = g_error_new_literal (G_FILE_ERROR, 0, "foreign");

    for (int code = 0; code <= POLICY_ERROR_EVIDENCE_STORE; code++) {
        g_autoptr (GError) error = g_error_new_literal (POLICY_ERROR, code, "x");
        const char *id = policy_error_id (error);
        g_assert_nonnull (id);
        g_assert_true (g_hash_table_add (ids, (gpointer) id));
        for (const char *p = id; *p != '\0'; p++)
            g_assert_true (g_ascii_islower (*p) || g_ascii_isdigit (*p) || *p == '-');
        g_assert_cmpint (policy_error_class (error), !=, 0);
    }
    g_assert_cmpstr (policy_error_id (foreign), ==, "internal-error");
    g_assert_cmpint (policy_error_class (foreign), ==, POLICY_CLASS_INTERNAL);
}

/* --- roots ------------------------------------------------------------------------- */

#define HEX64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define FINGERPRINT "sha256:" HEX64

static void
test_roots_parse (void)
{
    static const char good[] = "# roots\n"
                               "\n" FINGERPRINT "  my laptop\n"
                               "sha256:ff112233445566778899aabbccddeeff"
                               "00112233445566778899aabbccddeeff";
    g_autoptr (GError) error = NULL;
    g_autoptr (PolicyRoots) roots = policy_roots_parse (good, strlen (good), &error);
    PolicyFingerprint fingerprint;

    g_assert_no_error (error);
    g_assert_cmpuint (policy_roots_count (roots), ==, 2);
    g_assert_true (policy_fingerprint_parse (FINGERPRINT, &fingerprint, NULL));
    g_assert_true (policy_roots_contains (roots, &fingerprint));
    g_autofree char *again = policy_fingerprint_to_text (&fingerprint);
    g_assert_cmpstr (again, ==, FINGERPRINT);
    fingerprint.bytes[31] ^= 1;
    g_assert_false (policy_roots_contains (roots, &fingerprint));
    g_autoptr (PolicyRoots) none = policy_roots_parse (NULL, 0, &error);
    g_assert_cmpuint (policy_roots_count (none), ==, 0);
}

static void
test_roots_refused (void)
{
    static const char *const bad[] = {
        "sha256:0011\n",      HEX64 "\n",
        "sha512:" HEX64 "\n", " " FINGERPRINT "\n",
        FINGERPRINT "0\n",    FINGERPRINT "\r\n",
        FINGERPRINT "\n*\n",  "sha256:" HEX64 "\xff\n",
    };

    for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_autoptr (GError) error = NULL;
        g_autoptr (PolicyRoots) roots =
            policy_roots_parse (bad[i], strlen (bad[i]), &error);
        g_assert_null (roots);
        g_assert_error (error, POLICY_ERROR, POLICY_ERROR_TRUSTED_ROOTS);
    }
    g_autoptr (GError) error = NULL;
    g_autofree char *large = g_strnfill (65537, '\n');
    g_autoptr (PolicyRoots) roots = policy_roots_parse (large, 65537, &error);
    g_assert_null (roots);
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_TRUSTED_ROOTS);
}

static void
test_builtin_roots (void)
{
    static const char *const chains[][2] = { { "certs/naples-ok/ark.cert", "Naples" },
                                             { "certs/rome-ok/ark.cert", "Rome" } };

    for (gsize i = 0; i < G_N_ELEMENTS (chains); i++) {
        g_autoptr (GBytes) bytes = test_vector_load (chains[i][0]);
        PolicyFingerprint fingerprint;
        SevAmdCert ark;
        gsize len;
        const guint8 *data = g_bytes_get_data (bytes, &len);

        g_assert_true (sev_amd_cert_decode (data, len, &ark, NULL));
        g_assert_true (policy_root_fingerprint (&ark, &fingerprint, NULL));
        g_assert_cmpstr (policy_builtin_root_name (&fingerprint), ==, chains[i][1]);
        g_assert_false (policy_key_id_is_emulated (ark.key_id));

        /* The key alone counts: not its id, and all of the key. */
        ark.key_id[0] ^= 1;
        g_assert_true (policy_root_fingerprint (&ark, &fingerprint, NULL));
        g_assert_nonnull (policy_builtin_root_name (&fingerprint));
        ark.exponent[3] ^= 1;
        g_assert_true (policy_root_fingerprint (&ark, &fingerprint, NULL));
        g_assert_null (policy_builtin_root_name (&fingerprint));
    }
    g_assert_true (policy_key_id_is_emulated ((const guint8 *) "EMULATED-SEVLNCH"));
    g_assert_true (policy_key_id_is_emulated ((const guint8 *) "EMULATED-SEVLNCA"));
    g_assert_true (policy_key_id_is_emulated ((const guint8 *) "12345678EMULATED"));
    g_assert_false (policy_key_id_is_emulated ((const guint8 *) "1234EMULATED5678"));
    g_assert_false (policy_key_id_is_emulated ((const guint8 *) "emulated-sevlnch"));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    g_test_add_func ("/verdict/every-check", test_verdict_needs_every_check);
    g_test_add_func ("/verdict/but-one", test_verdict_but_one);
    g_test_add_func ("/verdict/place", test_verdict_needs_a_place);
    g_test_add_func ("/verdict/waive", test_verdict_waive);
    g_test_add_func ("/verdict/waive-others", test_verdict_waive_others);
    g_test_add_func ("/verdict/error", test_verdict_error);
    g_test_add_func ("/errors", test_errors);
    g_test_add_func ("/roots/parse", test_roots_parse);
    g_test_add_func ("/roots/refused", test_roots_refused);
    g_test_add_func ("/roots/builtin", test_builtin_roots);
    return g_test_run ();
}
