/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The file of an acceptance policy: what is refused, by its line, and what is said of it in
 * words. */

#include <string.h>

#include "ovmf-hooks/secret-guids.h"
#include "policy/acceptance/acceptance.h"
#include "policy/policy-error.h"
#include "tests/lib/test-dir.h"

#define HEAD "[acceptance]\nformat=1\n"
#define SECRET "[secret luks-key]\nneeds="
/* Any fingerprint. */
#define OWNER "sha256:" DIGEST_C
#define DIGEST_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DIGEST_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define DIGEST_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

static PolicyAcceptance *
parse (const char *text)
{
    g_autofree char *whole = g_strconcat (HEAD, text, NULL);
    g_autoptr (GError) error = NULL;
    PolicyAcceptance *acceptance =
        policy_acceptance_parse ("test", NULL, whole, strlen (whole), &error);

    g_assert_no_error (error);
    return acceptance;
}

static void
test_refused (void)
{
    static const struct {
        const char *text;
        const char *says;
    } bad[] = {
        { "[platform]\nroots=amd\n", "format" },
        { "[acceptance]\nformat=2\n", "format is '2'" },
        { HEAD "colour=red\n", "unknown key 'colour' in [acceptance]" },
        { HEAD "[platfrom]\nroots=amd\n", "did you mean 'platform'" },
        { HEAD "[secrets]\nluks-key=es\n", "unknown group 'secrets'" },
        { HEAD "[platform]\nroot=amd\n", "did you mean 'roots'" },
        { HEAD "[platform]\nroots=amd\nroots=trusted\n", "repeats" },
        { HEAD "[boot]\nvcpus=1\n[boot]\nuki=" DIGEST_A "\n", "repeats" },
        { HEAD "[platform]\nroots=\n", "empty" },
        { HEAD "[platform]\nroots=adm\n", "'adm' is not" },
        { HEAD "[platform]\nroots=sha256:12\n", "64 hexadecimal" },
        { HEAD "[platform]\ngenerations=roma\n", "did you mean 'rome'" },
        { HEAD "[platform]\ngenerations=rome;rome\n", "twice" },
        { HEAD "[platform]\nemulated=true\n", "not yes or no" },
        { HEAD "[platform]\nowners=" DIGEST_A "\n", "sha256:" },
        { HEAD "[platform]\nmin-api=24\n", "a version" },
        { HEAD "[platform]\nmin-api=0.256\n", "a version" },
        { HEAD "[platform]\nmin-build=3\n", "needs min-api" },
        { HEAD "[platform]\nmin-api=0.24\nmin-build=256\n", "up to 255" },
        { HEAD "[verdict]\njudged-on=owner\n", "unknown word 'owner'" },
        { HEAD "[firmware]\nsha256=xy\n", "64 hexadecimal" },
        { HEAD "[firmware]\npinned=1\n", "not yes or no" },
        { HEAD "[boot]\nuki=sha256:" DIGEST_A "\n", "64 hexadecimal" },
        { HEAD "[boot]\nvcpus=0\n", "a range" },
        { HEAD "[boot]\nvcpus=4-1\n", "a range" },
        { HEAD "[boot]\nvcpus=4097\n", "a range" },
        { HEAD "[boot]\nvcpus=1-\n", "a range" },
        { HEAD "[boot]\ncmdline=a\\q\n", "cmdline" },
        { HEAD "[guest]\nrequire=no-debgu\n", "did you mean 'no-debug'" },
        { HEAD "[guest]\nforbid=min-api=0.24\n", "names bits" },
        { HEAD "[guest]\nrequire=es,no-send\nforbid=es\n", "both name es" },
        { HEAD "[secret luks-key]\n", "no key 'needs'" },
        { HEAD "[secret luks-key]\nneeds=amd-only\n", "unknown word 'amd-only'" },
        { HEAD "[secret luks-key]\nneeds=owner-machin\n", "did you mean 'owner-machine'" },
        { HEAD "[secret luks-kye]\nneeds=es\n", "luks-kye" },
        { HEAD "[secret luks-key]\nneeds=es\n[secret " OVMF_SECRET_LUKS_KEY_GUID
               "]\nneeds=amd\n",
          "rules already" },
        { "", "empty" },
        { HEAD "\xff", "UTF-8" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_autoptr (GError) error = NULL;
        g_assert_null (policy_acceptance_parse ("file", NULL, bad[i].text,
                                                strlen (bad[i].text), &error));
        g_assert_error (error, POLICY_ERROR, POLICY_ERROR_ACCEPTANCE_SYNTAX);
        g_assert_nonnull (strstr (error->message, "'file'"));
        if (strstr (error->message, bad[i].says) == NULL)
            g_error ("'%s' does not say '%s'", error->message, bad[i].says);
    }
}

static void
test_load (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (GError) error = NULL;
    g_autoptr (GError) large = NULL;
    g_autoptr (GError) missing = NULL;
    g_autoptr (GError) folder = NULL;

    test_dir_init (&dir);
    g_autofree char *path = test_dir_path (&dir, "file");
    g_assert_true (g_file_set_contents (path, HEAD, -1, NULL));
    g_autoptr (PolicyAcceptance) good = policy_acceptance_load (path, &error);
    g_assert_no_error (error);
    g_assert_cmpstr (policy_acceptance_get_source (good), ==, path);

    g_autofree char *filler = g_strnfill (65536, '#');
    g_autofree char *text = g_strconcat (HEAD, filler, NULL);
    g_assert_true (g_file_set_contents (path, text, -1, NULL));
    g_assert_null (policy_acceptance_load (path, &large));
    g_assert_error (large, POLICY_ERROR, POLICY_ERROR_ACCEPTANCE_SYNTAX);
    g_assert_null (policy_acceptance_load (dir.path, &folder));
    g_assert_error (folder, POLICY_ERROR, POLICY_ERROR_ACCEPTANCE_SYNTAX);
    g_autofree char *none = test_dir_path (&dir, "none");
    g_assert_null (policy_acceptance_load (none, &missing));
    g_assert_error (missing, POLICY_ERROR, POLICY_ERROR_ACCEPTANCE_SYNTAX);
    g_assert_nonnull (strstr (missing->message, none));
}

/* What is wrong is found by its line. */
static void
test_lines (void)
{
    static const struct {
        const char *text;
        const char *says;
    } bad[] = {
        { "# a comment\n" HEAD "\n[platform]\n  root = amd\n",
          ": line 6: unknown key 'root' in [platform] (did you mean 'roots'?)" },
        { HEAD "[verdict]\njudged-on=hypervisor\n[platfrom]\n",
          ": line 5: unknown group 'platfrom' (did you mean 'platform'?)" },
        { HEAD "[boot]\nvcpus=1\n[platform]\ngenerations=rome;melan\n",
          ": line 6: [platform] generations: unknown word 'melan' (did you mean "
          "'milan'?)" },
        { HEAD "[guest]\n\nrequire=3d\n", ": line 5: [guest] require: " },
        { HEAD "[secret luks-key]\n", ": line 3: [secret luks-key] has no key" },
        { HEAD "[boot]\nmeasured\n", ": line 4 is no group, no key=value" },
        { HEAD "[boot\nmeasured=yes\n", ": line 3 is no group in brackets" },
        { HEAD "[platform]\nemulated=no\nemulated=no\n", ": line 5 repeats" },
        { HEAD "[firmware]\npinned=yse\n",
          ": line 4: [firmware] pinned: 'yse' is not yes or no (did you mean 'yes'?)" },
        { HEAD "[platform]\nroots=trused\n",
          "amd, trusted or sha256:HEX (did you mean 'trusted'?)" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_autoptr (GError) error = NULL;
        g_assert_null (policy_acceptance_parse ("file", NULL, bad[i].text,
                                                strlen (bad[i].text), &error));
        if (strstr (error->message, bad[i].says) == NULL)
            g_error ("'%s' does not say '%s'", error->message, bad[i].says);
    }
}

static const char *
find_demand (const GPtrArray *demands, const char *key)
{
    for (guint i = 0; i < demands->len; i++) {
        const PolicyDemand *demand = g_ptr_array_index (demands, i);
        if (strcmp (demand->key, key) == 0)
            return demand->text;
    }
    g_error ("nothing is said of %s", key);
}

/* Every key is said in words: other ones where it is there than where it is not. */
static void
test_explain (void)
{
    static const struct {
        const char *key;
        const char *text;
        const char *without; /* (nullable): said where the key is not there */
        const char *with;
    } said[] = {
        { "platform/roots", "[platform]\nroots=amd\n", "AMD's roots, the owner's",
          "in: AMD's roots" },
        { "platform/generations", "[platform]\ngenerations=rome;naples\n",
          "rome, milan, genoa, turin; refused: naples",
          "naples, rome; refused: milan, genoa, turin" },
        { "platform/emulated", "[platform]\nemulated=yes\n", "no: ", "yes: " },
        { "platform/owners", "[platform]\nowners=" OWNER "\n", "any platform owner",
          OWNER },
        { "platform/min-api", "[platform]\nmin-api=1.55\n", "any version",
          "API 1.55 build 0 or newer" },
        { "platform/min-api", "[platform]\nmin-api=1.55\nmin-build=21\n", "any version",
          "API 1.55 build 21 or newer" },
        { "verdict/judged-on", "[verdict]\njudged-on=hypervisor\n",
          "owner-machine, hypervisor, emulated-host", "on: hypervisor" },
        { "firmware/sha256", "[firmware]\nsha256=" DIGEST_A ";" DIGEST_B "\n", "any image",
          DIGEST_A ", " DIGEST_B },
        { "firmware/pinned", "[firmware]\npinned=yes\n", "no: ", "yes: " },
        { "boot/measured", "[boot]\nmeasured=yes\n", "no: ", "yes: " },
        { "boot/measured", "[boot]\ninitrd=" DIGEST_A "\n", "no: ", "yes: " },
        { "boot/uki", "[boot]\nuki=" DIGEST_A "\n", NULL, DIGEST_A },
        { "boot/kernel", "[boot]\nuki=" DIGEST_A "\n", NULL, "refused" },
        { "boot/kernel", "[boot]\nkernel=" DIGEST_A "\n", NULL, DIGEST_A },
        { "boot/uki", "[boot]\nkernel=" DIGEST_A "\n", NULL, "refused" },
        { "boot/initrd", "[boot]\ninitrd=" DIGEST_A "\n", NULL, DIGEST_A },
        /* printf 'quiet\0' | sha256sum */
        { "boot/cmdline", "[boot]\ncmdline=quiet\n", NULL,
          "c801d8e83dec6220b30fe179a8aabec923c8977255530ecc7dc23b95a6959bbc" },
        { "boot/vcpus", "[boot]\nvcpus=1-4;8\n", NULL, "vCPUs: 1-4, 8; only with SEV-ES" },
        { "guest/require", "[guest]\nrequire=es,no-debug\n", "nothing", "no-debug,es" },
        { "guest/forbid", "[guest]\nforbid=domain\n", "nothing", "domain" },
        { "secret luks-key/needs", SECRET "es;amd\n", NULL, "needs: es, amd" },
    };
    g_autoptr (PolicyAcceptance) empty = parse ("");
    g_autoptr (GPtrArray) nothing = policy_acceptance_explain (empty);

    for (gsize i = 0; i < G_N_ELEMENTS (said); i++) {
        g_autoptr (PolicyAcceptance) acceptance = parse (said[i].text);
        g_autoptr (GPtrArray) demands = policy_acceptance_explain (acceptance);
        const char *with = find_demand (demands, said[i].key);
        g_auto (GStrv) warnings = policy_acceptance_warnings (acceptance);

        if (strstr (with, said[i].with) == NULL)
            g_error ("%s: '%s' does not say '%s'", said[i].key, with, said[i].with);
        if (said[i].without != NULL)
            g_assert_nonnull (strstr (find_demand (nothing, said[i].key), said[i].without));
        g_assert_cmpuint (g_strv_length (warnings), ==, 0);
    }
}

static void
test_warnings (void)
{
    static const struct {
        const char *good;
        const char *bad;
        const char *says;
    } rows_of[] = {
        { "[platform]\nemulated=yes\n", "[platform]\nemulated=yes\nroots=amd\n",
          "emulated=yes has no effect" },
        { "[platform]\nemulated=yes\nroots=trusted\n", "[platform]\nroots=trusted\n",
          "no platform is taken" },
        { "[platform]\nemulated=yes\n[verdict]\njudged-on=emulated-host\n",
          "[verdict]\njudged-on=emulated-host\n", "no launch is taken" },
        { "[boot]\nvcpus=1\n", "[boot]\nvcpus=1\n[guest]\nforbid=es\n",
          "no launch is taken" },
        { SECRET "es\n", "[guest]\nforbid=es\n" SECRET "es\n", "luks-key is never" },
        { SECRET "no-debug\n", "[guest]\nforbid=no-debug\n" SECRET "no-debug\n",
          "luks-key is never" },
        { SECRET "owner-machine\n",
          "[verdict]\njudged-on=hypervisor\n" SECRET "owner-machine\n",
          "luks-key is never" },
        { SECRET "amd\n", "[platform]\nroots=trusted\nemulated=yes\n" SECRET "amd\n",
          "luks-key is never" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (rows_of); i++) {
        g_autoptr (PolicyAcceptance) good = parse (rows_of[i].good);
        g_autoptr (PolicyAcceptance) bad = parse (rows_of[i].bad);
        g_auto (GStrv) none = policy_acceptance_warnings (good);
        g_auto (GStrv) one = policy_acceptance_warnings (bad);

        g_assert_cmpuint (g_strv_length (none), ==, 0);
        g_assert_cmpuint (g_strv_length (one), ==, 1);
        g_assert_nonnull (strstr (one[0], rows_of[i].says));
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/acceptance-file/refused", test_refused);
    g_test_add_func ("/acceptance-file/load", test_load);
    g_test_add_func ("/acceptance-file/lines", test_lines);
    g_test_add_func ("/acceptance-file/explain", test_explain);
    g_test_add_func ("/acceptance-file/warnings", test_warnings);
    return g_test_run ();
}
