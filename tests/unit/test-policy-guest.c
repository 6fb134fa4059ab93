/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Guest policies: words, numbers, profiles, contradictions, and what they mean. */

#include <string.h>

#include "policy/guest-policy-explain.h"
#include "policy/guest-policy.h"
#include "policy/policy-error.h"

/* Bits: AMD 55766 and Linux, amd-memory-encryption.rst; 0.24 and debug off: 0x18000001. */
static void
test_guest_policy_words (void)
{
    static const struct {
        const char *text;
        guint32 word;
    } rows[] = {
        { "none", 0 },
        { "no-debug", 0x1 },
        { "no-key-sharing", 0x2 },
        { "es", 0x4 },
        { "no-send", 0x8 },
        { "domain", 0x10 },
        { "sev", 0x20 },
        { "no-debug,min-api=0.24", 0x18000001 },
        { "min-api=1.0", 0x00010000 },
        { "min-api=255.255", 0xffff0000 },
        { "no-debug,no-key-sharing,no-send,sev,min-api=0.17", 0x1100002b },
        { "no-debug,no-key-sharing,es,no-send,sev,min-api=0.17", 0x1100002f },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (GError) error = NULL;
        guint32 word = 0xdead;
        g_assert_true (policy_guest_parse (rows[i].text, &word, &error));
        g_assert_no_error (error);
        g_assert_cmphex (word, ==, rows[i].word);
        g_autofree char *text = policy_guest_to_text (word);
        g_assert_cmpstr (text, ==, rows[i].text);
        g_autofree char *number = g_strdup_printf ("0x%x", rows[i].word);
        g_assert_true (policy_guest_parse (number, &word, &error));
        g_assert_cmphex (word, ==, rows[i].word);
        g_autofree char *decimal = g_strdup_printf ("%u", rows[i].word);
        g_assert_true (policy_guest_parse (decimal, &word, &error));
        g_assert_cmphex (word, ==, rows[i].word);
    }
    g_assert_cmphex (policy_guest_default (FALSE), ==, 0x1100002b);
    g_assert_cmphex (policy_guest_default (TRUE), ==, 0x1100002f);
    g_autofree char *reserved = policy_guest_to_text (0x41);
    g_assert_cmpstr (reserved, ==, "no-debug,reserved=0x40");
}

static void
test_guest_policy_refused (void)
{
    static const char *const bad[] = {
        "",
        "no-debug,",
        "no-debug, sev",
        "NO-DEBUG",
        "debug",
        "sev,sev",
        "min-api=0.17,min-api=0.17",
        "min-api=0",
        "min-api=0.256",
        "min-api=0.17.1",
        "min-api=-1.0",
        "3d",
        "1100002b",
        "017",
        "-1",
        "+1",
        "1 ",
        "4294967296",
        "64",
        "0X3d",
        "0x",
        "none,es",
        "prod,prod",
        "min-api",
        "0x1g",
        "0x100000000",
        "0x40",
        "0x8000",
    };

    for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_autoptr (GError) error = NULL;
        guint32 word = 0;
        if (policy_guest_parse (bad[i], &word, &error))
            g_error ("'%s' was taken as 0x%x", bad[i], word);
        g_assert_error (error, POLICY_ERROR, POLICY_ERROR_GUEST_POLICY);
    }
}

static void
test_guest_policy_api (void)
{
    g_assert_true (policy_guest_allows_api (0x18000001, 0, 24));
    g_assert_true (policy_guest_allows_api (0x18000001, 0, 25));
    g_assert_true (policy_guest_allows_api (0x18000001, 1, 0));
    g_assert_false (policy_guest_allows_api (0x18000001, 0, 23));
    g_assert_true (policy_guest_allows_api (0x05010000, 1, 5));
    g_assert_false (policy_guest_allows_api (0x05010000, 1, 4));
    g_assert_false (policy_guest_allows_api (0x05010000, 0, 255));
    g_assert_true (policy_guest_allows_api (0, 0, 0));
    g_assert_true (policy_api_is_bound (0, 17));
    g_assert_true (policy_api_is_bound (1, 0));
    g_assert_false (policy_api_is_bound (0, 16));
}

static guint
n_gaps (guint32 policy, const char *named)
{
    g_autoptr (PolicyVerdict) verdict = policy_verdict_new ();

    policy_guest_lint (policy, verdict);
    GPtrArray *unproven = policy_verdict_get_unproven (verdict);
    if (named != NULL)
        g_assert_nonnull (strstr (g_ptr_array_index (unproven, 0), named));
    return unproven->len;
}

/* AMD 55766: a guest without NODBG may be read by DBG_DECRYPT, without NOKS share its key,
 * without NOSEND leave the platform. */
static void
test_guest_policy_protects (void)
{
    g_autoptr (GError) error = NULL;

    g_assert_true (policy_guest_require (0x1, FALSE, &error));
    g_assert_true (policy_guest_require (policy_guest_default (FALSE), FALSE, &error));
    g_assert_no_error (error);
    g_assert_false (policy_guest_require (0x1100002a, FALSE, &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_POLICY_ALLOWS_DEBUG);
    g_assert_cmpint (policy_error_class (error), ==, POLICY_CLASS_INSECURE);
    g_clear_error (&error);
    g_assert_true (policy_guest_require (0x1100002a, TRUE, &error));
    g_assert_no_error (error);

    g_assert_cmpuint (n_gaps (0x1100002b, NULL), ==, 0);
    g_assert_cmpuint (n_gaps (0x1100002a, "no-debug"), ==, 1);
    g_assert_cmpuint (n_gaps (0x11000029, "no-key-sharing"), ==, 1);
    g_assert_cmpuint (n_gaps (0x11000023, "no-send"), ==, 1);
    g_assert_cmpuint (n_gaps (0, NULL), ==, 3);
}

static void
assert_refused (const char *text, PolicyError code, const char *says)
{
    g_autoptr (GError) error = NULL;
    guint32 word = 0;

    g_assert_false (policy_guest_parse (text, &word, &error));
    g_assert_error (error, POLICY_ERROR, (int) code);
    if (strstr (error->message, says) == NULL)
        g_error ("'%s': '%s' does not say '%s'", text, error->message, says);
}

/* What somebody probably meant. */
static void
test_suggestions (void)
{
    static const struct {
        const char *text;
        const char *says;
    } rows[] = {
        { "3d", "mean 0x3d" },
        { "1100002b", "mean 0x1100002b" },
        { "no-debug,2f", "mean 0x2f" },
        { "no-sned", "mean 'no-send'" },
        { "no-debug,domian", "mean 'domain'" },
        { "prod-se", "mean 'prod-es'" },
        { "min_api=0.17", "mean 'min-api='" },
        /* 18000001 in decimal is 0x112a881. */
        { "18000001", "did you mean 0x18000001?" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
        assert_refused (rows[i].text, POLICY_ERROR_GUEST_POLICY, rows[i].says);
}

/* The words of each profile, as the manual lists them. */
static void
test_profiles (void)
{
    static const struct {
        const char *text;
        const char *words;
    } rows[] = {
        { "prod", "no-debug,no-key-sharing,no-send,sev,min-api=0.17" },
        { "prod-es", "no-debug,no-key-sharing,es,no-send,sev,min-api=0.17" },
        { "prod,es", "no-debug,no-key-sharing,es,no-send,sev,min-api=0.17" },
        { "es,prod", "no-debug,no-key-sharing,es,no-send,sev,min-api=0.17" },
        { "prod,no-debug", "no-debug,no-key-sharing,no-send,sev,min-api=0.17" },
        { "prod,min-api=0.24", "no-debug,no-key-sharing,no-send,sev,min-api=0.24" },
        { "min-api=1.0,prod", "no-debug,no-key-sharing,no-send,sev,min-api=1.0" },
        { "prod,prod-es", "no-debug,no-key-sharing,es,no-send,sev,min-api=0.17" },
        { "migratable", "no-debug,no-key-sharing,domain,sev,min-api=0.17" },
        { "migratable,es", "no-debug,no-key-sharing,es,domain,sev,min-api=0.17" },
        { "lab", "no-key-sharing,no-send,sev,min-api=0.17" },
        { "lab,es", "no-key-sharing,es,no-send,sev,min-api=0.17" },
    };
    gsize n = 0;
    const PolicyProfile *profiles = policy_guest_profiles (&n);

    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (GError) error = NULL;
        guint32 word = 0;
        g_assert_true (policy_guest_parse (rows[i].text, &word, &error));
        g_assert_no_error (error);
        g_autofree char *text = policy_guest_to_text (word);
        g_assert_cmpstr (text, ==, rows[i].words);
    }
    g_assert_cmpuint (n, ==, 4);
    for (gsize i = 0; i < n; i++)
        g_assert_cmpstr (policy_guest_profile_name (profiles[i].policy), ==,
                         profiles[i].name);
    g_assert_null (policy_guest_profile_name (0x1));
}

static void
test_contradictions (void)
{
    static const struct {
        const char *fine;
        const char *text;
        const char *says;
    } rows[] = {
        { "lab,es", "lab,no-debug", "'no-debug' contradicts 'lab'" },
        { "prod", "prod,lab", "'prod' contradicts 'lab'" },
        { "migratable,es", "migratable,no-send", "'no-send' contradicts 'migratable'" },
        { "prod-es", "migratable,prod-es", "'prod-es' contradicts 'migratable'" },
        { "prod,min-api=0.17", "prod,min-api=0.16", "min-api=0.16 contradicts 'prod'" },
        { "prod,min-api=1.0", "prod,min-api=0.0", "min-api=0.0 contradicts 'prod'" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (GError) error = NULL;
        guint32 word = 0;
        g_assert_true (policy_guest_parse (rows[i].fine, &word, &error));
        g_assert_no_error (error);
        assert_refused (rows[i].text, POLICY_ERROR_GUEST_CONTRADICTION, rows[i].says);
    }
}

static void
assert_impossible (guint32 policy, const char *says)
{
    g_autoptr (GError) error = NULL;

    g_assert_false (policy_guest_check (policy, &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_GUEST_CONTRADICTION);
    g_assert_cmpint (policy_error_class (error), ==, POLICY_CLASS_USAGE);
    g_assert_nonnull (strstr (error->message, says));
}

/* The firmware of tests/vectors says 0.14 to 1.55; no-debug and min-api=0.24: 0x18000001;
 * QEMU's default policy of a SEV-SNP guest: 0x30000. */
static void
test_impossible (void)
{
    static const guint32 fine[] = { 0, 0x1, 0x1100002b, 0x18000001, 0x37010001, 0x3f };

    for (gsize i = 0; i < G_N_ELEMENTS (fine); i++) {
        g_autoptr (GError) error = NULL;
        g_assert_true (policy_guest_check (fine[i], &error));
        g_assert_no_error (error);
    }
    assert_impossible (0x00180001, "mean min-api=0.24");
    assert_impossible (0x01180001, "mean min-api=1.24");
    assert_impossible (0x18180001, "beyond every firmware");
    assert_impossible (0x30000, "SEV-SNP");
}

static gboolean
warns_of (guint32 policy, const char *word)
{
    g_auto (GStrv) warnings = policy_guest_warnings (policy);

    for (char **i = warnings; *i != NULL; i++)
        if (strstr (*i, word) != NULL)
            return TRUE;
    return FALSE;
}

/* AMD 55766: the bits from 0 on are NODBG, NOKS, ES, NOSEND, DOMAIN, SEV. */
static void
test_explain (void)
{
    static const char *const names[POLICY_N_BITS] = { "no-debug", "no-key-sharing", "es",
                                                      "no-send",  "domain",         "sev" };
    PolicyBitText text[POLICY_N_BITS];

    for (guint bit = 0; bit < POLICY_N_BITS; bit++) {
        policy_guest_explain (1u << bit, text);
        for (guint i = 0; i < POLICY_N_BITS; i++) {
            g_assert_cmpstr (text[i].name, ==, names[i]);
            g_assert_cmphex (text[i].bit, ==, 1u << i);
            g_assert_cmpint (text[i].set, ==, i == bit);
            g_assert_cmpstr (text[i].text, !=, "");
        }
    }
    policy_guest_explain (0x28, text);
    g_assert_nonnull (strstr (text[5].text, "without effect"));
    policy_guest_explain (0x20, text);
    g_assert_nonnull (strstr (text[5].text, "genuine"));
    policy_guest_explain (0, text);
    g_assert_nonnull (strstr (text[5].text, "made up"));

    g_autofree char *any = policy_guest_explain_api (0x1);
    g_assert_nonnull (strstr (any, "any API"));
    g_autofree char *some = policy_guest_explain_api (0x18000001);
    g_assert_nonnull (strstr (some, "0.24"));
}

static void
test_warnings (void)
{
    g_auto (GStrv) none = policy_guest_warnings (0x1100002b);
    g_assert_cmpuint (g_strv_length (none), ==, 0);
    g_assert_true (warns_of (0x1100002a, "--accept-debug"));
    g_assert_true (warns_of (0x11000029, "no-key-sharing"));
    g_assert_true (warns_of (0x11000003, "of its own making"));
    g_assert_false (warns_of (0x11000023, "of its own making"));
    g_assert_true (warns_of (0x1000002b, "below 0.17"));
    g_assert_true (warns_of (0x1100003b, "domain is without effect"));
}

static guint
n_dangers (guint32 policy)
{
    g_auto (GStrv) dangers = policy_guest_dangers (policy);

    return g_strv_length (dangers);
}

/* The ways to the guest's memory: debugging, a shared key, a platform of the host's own. */
static void
test_dangers (void)
{
    g_assert_cmpuint (n_dangers (0x1100002b), ==, 0);
    g_assert_cmpuint (n_dangers (0x1000003b), ==, 0);
    g_assert_cmpuint (n_dangers (0x1100002a), ==, 1);
    g_assert_cmpuint (n_dangers (0x11000029), ==, 1);
    g_assert_cmpuint (n_dangers (0x11000023), ==, 0);
    g_assert_cmpuint (n_dangers (0x11000003), ==, 1);
    g_assert_cmpuint (n_dangers (0x11000013), ==, 1);
    g_assert_cmpuint (n_dangers (0), ==, 3);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/guest-policy/words", test_guest_policy_words);
    g_test_add_func ("/guest-policy/refused", test_guest_policy_refused);
    g_test_add_func ("/guest-policy/suggestions", test_suggestions);
    g_test_add_func ("/guest-policy/profiles", test_profiles);
    g_test_add_func ("/guest-policy/contradictions", test_contradictions);
    g_test_add_func ("/guest-policy/impossible", test_impossible);
    g_test_add_func ("/guest-policy/api", test_guest_policy_api);
    g_test_add_func ("/guest-policy/protects", test_guest_policy_protects);
    g_test_add_func ("/guest-policy/explain", test_explain);
    g_test_add_func ("/guest-policy/warnings", test_warnings);
    g_test_add_func ("/guest-policy/dangers", test_dangers);
    return g_test_run ();
}
