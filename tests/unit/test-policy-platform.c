/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Files of certificates as sevctl, AMD's sev-tool, QMP and AMD's server give them, made
 * from the chains of two real machines (tests/vectors/certs); and who owns those machines.
 */

#include <string.h>

#include "policy/attest/platform-file.h"
#include "policy/policy-error.h"
#include "tests/lib/chain-maker.h"
#include "tests/lib/test-dir.h"
#include "tests/lib/test-vectors.h"

/* tail -c +17 oca.cert | head -c 1028 | sha256sum */
#define NAPLES_OWNER                                                                       \
    "sha256:b77f104d14ec95fa612240c9a76e2a3116023e302b01285fe0805cfd014b29bf"
#define ROME_OWNER "sha256:e13e248436a9e331e11d47443c47090dff1c3a0e397d4f1d4055db0ce8d52996"

#define UNSIGNED_ARK_SIZE 576u

static GBytes *
load (const char *machine, const char *name)
{
    g_autofree char *relative = g_strdup_printf ("certs/%s/%s.cert", machine, name);

    return test_vector_load (relative);
}

/* "pek oca cek" one after the other */
static GBytes *
join (const char *machine, const char *names)
{
    g_auto (GStrv) words = g_strsplit (names, " ", -1);
    g_autoptr (GByteArray) all = g_byte_array_new ();

    for (guint i = 0; words[i] != NULL; i++) {
        g_autoptr (GBytes) one = load (machine, words[i]);
        g_byte_array_append (all, g_bytes_get_data (one, NULL),
                             (guint) g_bytes_get_size (one));
    }
    return g_byte_array_free_to_bytes (g_steal_pointer (&all));
}

static GBytes *
in_base64 (GBytes *bytes, gboolean lines)
{
    gsize len;
    const guint8 *data = g_bytes_get_data (bytes, &len);
    g_autofree char *text = g_base64_encode (data, len);
    GString *out = g_string_new (NULL);

    for (gsize i = 0; text[i] != '\0'; i++) {
        g_string_append_c (out, text[i]);
        if (lines && i % 76 == 75)
            g_string_append (out, "\r\n");
    }
    if (lines)
        g_string_append_c (out, '\n');
    return g_string_free_to_bytes (out);
}

static GBytes *
cut (GBytes *bytes, gsize len)
{
    return g_bytes_new_from_bytes (bytes, 0, len);
}

static void
add (PolicyPlatformCerts *certs, GBytes *bytes)
{
    g_autoptr (GError) error = NULL;

    g_assert_true (policy_platform_certs_add (certs, bytes, "file", &error));
    g_assert_no_error (error);
}

static PolicyChain *
verify (const PolicyPlatformCerts *certs)
{
    g_autoptr (GError) error = NULL;
    PolicyChain *chain = policy_platform_certs_verify (certs, NULL, NULL, &error);

    g_assert_no_error (error);
    return chain;
}

static void
assert_real (const PolicyPlatformCerts *certs, const char *generation, const char *owner)
{
    g_autoptr (PolicyChain) chain = verify (certs);
    g_autoptr (GError) error = NULL;

    g_assert_true (policy_chain_require (chain, &error));
    g_assert_no_error (error);
    g_assert_cmpint (policy_chain_get_kind (chain), ==, POLICY_PLATFORM_SEV);
    g_assert_cmpstr (policy_chain_get_generation (chain), ==, generation);
    g_assert_cmpstr (policy_chain_get_owner_fingerprint (chain), ==, owner);
}

static const struct {
    const char *machine;
    const char *generation;
    const char *owner;
} machines[] = {
    { "naples-ok", "Naples", NAPLES_OWNER },
    { "rome-ok", "Rome", ROME_OWNER },
};

/* Each row: files, each a list of certificates, that together are a whole chain. */
static const char *const forms[][6] = {
    { "pdh", "pek oca cek", "ask ark" }, /* firmware, AMD */
    { "pdh pek oca cek", "ask ark" },    /* sevctl export, --ca */
    { "pdh pek oca cek ask ark" },       /* sevctl export --full */
    { "pdh", "pek", "oca", "cek", "ask", "ark" },
    { "ark ask", "pek oca cek", "pdh" },
    { "pdh", "pek oca cek", "cek", "ask ark", "ark", "pdh" }, /* some twice */
};

static void
test_forms (void)
{
    for (gsize m = 0; m < G_N_ELEMENTS (machines); m++)
        for (gsize f = 0; f < G_N_ELEMENTS (forms); f++)
            for (guint text = 0; text < 3; text++) {
                g_auto (PolicyPlatformCerts) certs = { 0 };

                for (gsize i = 0; i < 6 && forms[f][i] != NULL; i++) {
                    g_autoptr (GBytes) file = join (machines[m].machine, forms[f][i]);
                    g_autoptr (GBytes) shown =
                        text == 0 ? g_bytes_ref (file) : in_base64 (file, text == 2);
                    add (&certs, shown);
                }
                assert_real (&certs, machines[m].generation, machines[m].owner);
            }
}

/* ask_ark_naples.cert of AMD's server ends before the ARK's signature. */
static void
test_naples_ark (void)
{
    g_autoptr (GBytes) whole = join ("naples-ok", "ask ark");
    g_autoptr (GBytes) published = cut (whole, g_bytes_get_size (whole) - 256);
    g_autoptr (GBytes) full = join ("naples-ok", "pdh pek oca cek ask ark");
    g_autoptr (GBytes) full_published = cut (full, g_bytes_get_size (full) - 256);
    g_autoptr (GBytes) export = join ("naples-ok", "pdh pek oca cek");
    g_autoptr (GBytes) ark = load ("naples-ok", "ark");
    g_autoptr (GBytes) short_ark = cut (ark, UNSIGNED_ARK_SIZE);
    g_autoptr (GBytes) other_ark = test_flip (short_ark, 500, 0);
    g_auto (PolicyPlatformCerts) one = { 0 };
    g_auto (PolicyPlatformCerts) two = { 0 };
    g_auto (PolicyPlatformCerts) three = { 0 };

    g_assert_cmpuint (g_bytes_get_size (published), ==, 1408);
    add (&one, export);
    add (&one, published);
    assert_real (&one, "Naples", NAPLES_OWNER);
    add (&two, full_published);
    assert_real (&two, "Naples", NAPLES_OWNER);
    /* Only that key's certificate is completed. */
    add (&three, short_ark);
    g_assert_true (g_bytes_equal (three.cert[POLICY_CERT_ARK], ark));
    g_clear_pointer (&three.cert[POLICY_CERT_ARK], g_bytes_unref);
    add (&three, export);
    add (&three, other_ark);
    g_assert_true (g_bytes_equal (three.cert[POLICY_CERT_ARK], other_ark));
    g_autoptr (PolicyChain) chain = verify (&three);
    g_assert_false (policy_chain_is_verified (chain));
}

/* Folders of sev-tool: the vectors themselves, and what else it writes. */
static void
test_folders (void)
{
    static const struct {
        const char *name;
        gboolean good;
    } rows[] = {
        { "naples-ok", TRUE },
        { "rome-ok", TRUE },
        { "rome-pek-sigs-swapped", TRUE },
        { "naples-ark-keyid-bit", FALSE },
        { "naples-ark-keyid-byte15-bit", FALSE },
        { "naples-ask-modulus-bit", FALSE },
        { "naples-cek-sig-bit", FALSE },
        { "naples-oca-selfsig-bit", FALSE },
        { "naples-pdh-apiminor-bit_signed", FALSE },
        { "naples-pdh-pubkey-bit", FALSE },
        { "naples-pdh-sig-bit", FALSE },
        { "naples-pdh-sig1usage-oca", FALSE },
        { "naples-pdh-usage-ask", FALSE },
        { "naples-pdh-version2", FALSE },
        { "naples-pek-sig1-oca-bit", FALSE },
        { "naples-pek-sig2-cek-bit", FALSE },
        { "naples-with-rome-cek", FALSE },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autofree char *relative = g_build_filename ("certs", rows[i].name, NULL);
        g_autofree char *path = test_vector_path (relative);
        g_auto (PolicyPlatformCerts) certs = { 0 };
        g_autoptr (GError) error = NULL;

        g_assert_true (policy_platform_certs_read (&certs, path, &error));
        g_assert_no_error (error);
        g_autoptr (PolicyChain) chain = verify (&certs);
        g_assert_true (policy_chain_is_verified (chain) == rows[i].good);
    }
}

static void
put_file (const TestDir *dir, const char *name, GBytes *bytes)
{
    test_dir_write_bytes (dir, name, g_bytes_get_data (bytes, NULL),
                          g_bytes_get_size (bytes), 0644);
}

/* The CEK of cert_chain.cert is not signed yet, cek.cert is. */
static void
test_cek_twice (void)
{
    g_autoptr (GBytes) pdh = load ("rome-ok", "pdh");
    g_autoptr (GBytes) cek = load ("rome-ok", "cek");
    g_autoptr (GBytes) chain = join ("rome-ok", "pek oca cek");
    g_autoptr (GBytes) ca = join ("rome-ok", "ask ark");
    g_autofree guint8 *bare = g_memdup2 (g_bytes_get_data (chain, NULL), 6252);
    g_auto (TestDir) dir = { 0 };
    g_auto (PolicyPlatformCerts) certs = { 0 };
    g_auto (PolicyPlatformCerts) unsigned_only = { 0 };
    g_autoptr (GError) error = NULL;

    memset (bare + 2 * 2084 + 0x414, 0, 2084 - 0x414);
    bare[2 * 2084 + 0x415] = bare[2 * 2084 + 0x61d] = 0x10; /* usage 0x1000: empty */
    g_autoptr (GBytes) bare_chain = g_bytes_new (bare, 6252);
    test_dir_init (&dir);
    put_file (&dir, "pdh.cert", pdh);
    put_file (&dir, "cert_chain.cert", bare_chain);
    put_file (&dir, "ask_ark.cert", ca);
    g_assert_true (policy_platform_certs_read (&unsigned_only, dir.path, &error));
    g_autoptr (PolicyChain) refused = verify (&unsigned_only);
    g_assert_false (policy_chain_is_verified (refused));
    put_file (&dir, "cek.cert", cek);
    g_assert_true (policy_platform_certs_read (&certs, dir.path, &error));
    g_assert_no_error (error);
    assert_real (&certs, "Rome", ROME_OWNER);
    /* Neither order matters. */
    add (&unsigned_only, cek);
    assert_real (&unsigned_only, "Rome", ROME_OWNER);
}

static void
test_chip_id (void)
{
    g_autofree char *digits = g_strnfill (128, 'A');
    g_autofree char *text = g_strconcat (" ", digits, "\n", NULL);
    g_autofree char *more = g_strconcat (digits, "0", NULL);
    g_autoptr (GBytes) pdh = load ("rome-ok", "pdh");
    g_auto (TestDir) dir = { 0 };
    g_auto (PolicyPlatformCerts) certs = { 0 };

    test_dir_init (&dir);
    put_file (&dir, "pdh.cert", pdh);
    test_dir_write (&dir, "getid_s0_out.txt", text, 0644);
    g_assert_true (policy_platform_certs_read (&certs, dir.path, NULL));
    g_assert_cmpuint (strspn (certs.chip_id, "a"), ==, 128);
    /* One that cannot be read takes the place of none. */
    test_dir_write (&dir, "getid_s0_out.txt", "no id\n", 0644);
    g_assert_true (policy_platform_certs_read (&certs, dir.path, NULL));
    g_assert_cmpuint (strspn (certs.chip_id, "a"), ==, 128);
    test_dir_write (&dir, "getid_s0_out.txt", text, 0644);
    g_assert_true (policy_platform_certs_read (&certs, dir.path, NULL));
    g_assert_cmpuint (strspn (certs.chip_id, "a"), ==, 128);
    g_assert_null (policy_chip_id_parse (more, 129));
    g_assert_null (policy_chip_id_parse (digits, 126));
    g_assert_null (policy_chip_id_parse (NULL, 0));
}

static void
assert_no_file (const void *data, gsize len, const char *says)
{
    g_auto (PolicyPlatformCerts) certs = { 0 };
    g_autoptr (GBytes) bytes = g_bytes_new (data, len);
    g_autoptr (GError) error = NULL;

    g_assert_false (policy_platform_certs_add (&certs, bytes, "file", &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_PLATFORM_FILE);
    g_assert_cmpstr (policy_error_id (error), ==, "platform-file");
    g_assert_nonnull (strstr (error->message, says));
    for (guint i = 0; i < POLICY_N_CERTS; i++)
        g_assert_null (certs.cert[i]);
}

static void
test_no_files (void)
{
    static const char page[] = "\n<!DOCTYPE html><html>Not found</html>";
    static const char pem[] = "-----BEGIN CERTIFICATE-----\nMIIB\n";
    static const char der[] = "\x30\x82\x01\x02";
    static const char zip[] = "PK\x03\x04....";
    g_autoptr (GBytes) full = join ("rome-ok", "pdh pek oca cek ask ark");
    const guint8 *data = g_bytes_get_data (full, NULL);
    g_autofree guint8 *large = g_malloc0 (POLICY_PLATFORM_FILE_MAX + 1);
    g_autofree guint8 *unknown = g_memdup2 (data, 2084);

    assert_no_file (NULL, 0, "empty");
    assert_no_file (zip, sizeof zip - 1, "read by itself only");
    assert_no_file (page, strlen (page), "web page");
    assert_no_file (pem, strlen (pem), "SEV-SNP");
    assert_no_file (der, 4, "SEV-SNP");
    assert_no_file ("{\"pdh\": 1}", 10, "JSON");
    assert_no_file (large, POLICY_PLATFORM_FILE_MAX + 1, "more than");
    unknown[9] = 0x11;
    assert_no_file (unknown, 2084, "nothing known");
    /* Every length but those of the table, a certificate's around each. */
    for (gsize len = 1; len <= g_bytes_get_size (full); len++)
        if (len != 2084 && len != 6252 && len != 8336 && len != 10000 && len != 11536 &&
            len != 9744 && len != 832 && len != 1600 && len != 576 && len != 1664 &&
            len != 3200 && len != 1408)
            assert_no_file (data, len, "bytes");
}

static void
test_contradiction (void)
{
    g_autoptr (GBytes) naples = join ("naples-ok", "pek oca cek");
    g_autoptr (GBytes) rome = join ("rome-ok", "pdh pek oca cek");
    g_auto (PolicyPlatformCerts) certs = { 0 };
    g_autoptr (GError) error = NULL;

    add (&certs, naples);
    g_assert_false (policy_platform_certs_add (&certs, rome, "second", &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_PLATFORM_FILE);
    /* Nothing of a file that was refused. */
    g_assert_null (certs.cert[POLICY_CERT_PDH]);
}

static void
test_ca_file (void)
{
    g_autoptr (GBytes) ca = join ("rome-ok", "ask ark");
    g_autoptr (GBytes) ark = load ("rome-ok", "ark");
    g_autoptr (GBytes) naples = join ("naples-ok", "pdh pek oca cek ask ark");
    g_auto (TestDir) dir = { 0 };
    g_auto (PolicyPlatformCerts) certs = { 0 };
    g_autoptr (GError) error = NULL;

    test_dir_init (&dir);
    put_file (&dir, "ca", ca);
    put_file (&dir, "ark", ark);
    put_file (&dir, "full", naples);
    g_autofree char *good = test_dir_path (&dir, "ca");
    g_autofree char *alone = test_dir_path (&dir, "ark");
    g_autofree char *full = test_dir_path (&dir, "full");
    add (&certs, naples);
    g_assert_true (policy_platform_certs_read_ca (&certs, good, &error));
    g_assert_no_error (error);
    g_assert_true (g_bytes_equal (certs.cert[POLICY_CERT_ARK], ark));
    g_assert_false (policy_platform_certs_read_ca (&certs, alone, NULL));
    g_assert_false (policy_platform_certs_read_ca (&certs, full, NULL));
    g_assert_true (g_bytes_equal (certs.cert[POLICY_CERT_ARK], ark));
    g_autoptr (GBytes) one =
        policy_platform_certs_read_one (alone, POLICY_CERT_ARK, &error);
    g_assert_no_error (error);
    g_assert_true (g_bytes_equal (one, ark));
    g_assert_null (policy_platform_certs_read_one (alone, POLICY_CERT_ASK, NULL));
    g_assert_null (policy_platform_certs_read_one (full, POLICY_CERT_ARK, &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_PLATFORM_FILE);
}

/* Nothing is accepted because a certificate is not there. */
static void
test_missing (void)
{
    g_autoptr (GBytes) full = join ("rome-ok", "pdh pek oca cek ask ark");

    for (guint i = 0; i < POLICY_N_CERTS; i++) {
        g_auto (PolicyPlatformCerts) certs = { 0 };
        g_autoptr (PolicyVerdict) verdict = policy_verdict_new ();
        g_autofree char *says = g_strdup_printf (
            "%s certificate is missing", policy_cert_kind_name ((PolicyCertKind) i));

        add (&certs, full);
        assert_real (&certs, "Rome", ROME_OWNER);
        g_clear_pointer (&certs.cert[i], g_bytes_unref);
        g_autoptr (PolicyChain) chain = verify (&certs);
        g_assert_false (policy_chain_is_verified (chain));
        policy_chain_judge (chain, verdict);
        const GPtrArray *reasons = policy_verdict_get_reasons (verdict);
        g_assert_cmpuint (reasons->len, ==, 1);
        const PolicyReason *reason = g_ptr_array_index (reasons, 0);
        g_assert_nonnull (strstr (reason->text, says));
    }
}

/* Every defect is told, not only the first; an unknown root too. */
static void
test_all_reasons (void)
{
    g_autoptr (TestChain) chain = test_chain_new ();
    g_autoptr (PolicyVerdict) verdict = policy_verdict_new ();
    g_auto (TestChainInput) in = { 0 };
    g_autoptr (GError) error = NULL;

    chain->pdh.sig[0].bytes[0] ^= 1;
    chain->oca.sig[0].bytes[0] ^= 1;
    test_chain_input_init (&in, chain);
    g_autoptr (PolicyChain) judged = policy_chain_verify (&in.input, NULL, &error);
    g_assert_no_error (error);
    policy_chain_judge (judged, verdict);
    const GPtrArray *reasons = policy_verdict_get_reasons (verdict);
    static const char *const says[] = { "OCA", "PDH", "root" };
    g_assert_cmpuint (reasons->len, ==, G_N_ELEMENTS (says));
    for (guint i = 0; i < G_N_ELEMENTS (says); i++) {
        const PolicyReason *reason = g_ptr_array_index (reasons, i);
        g_assert_nonnull (strstr (reason->text, says[i]));
    }
    g_assert_cmpstr (((PolicyReason *) g_ptr_array_index (reasons, 2))->id, ==,
                     "chain-root-untrusted");
}

static void
test_owner (void)
{
    g_autoptr (GBytes) full = join ("rome-ok", "pdh pek oca cek ask ark");
    g_autoptr (GBytes) oca = load ("rome-ok", "oca");
    g_autoptr (GBytes) other = load ("naples-ok", "oca");
    g_autoptr (GBytes) pek = load ("rome-ok", "pek");
    g_auto (PolicyPlatformCerts) certs = { 0 };
    PolicyFingerprint mine, theirs, text;
    g_autoptr (GError) error = NULL;

    add (&certs, full);
    g_autoptr (PolicyChain) chain = verify (&certs);
    g_assert_true (policy_oca_fingerprint (oca, &mine, &error));
    g_assert_true (policy_oca_fingerprint (other, &theirs, &error));
    g_assert_true (policy_fingerprint_parse (ROME_OWNER, &text, &error));
    g_assert_true (policy_fingerprint_equal (&mine, &text));
    g_assert_true (policy_chain_require_owner (chain, &mine, &error));
    g_assert_no_error (error);
    g_assert_false (policy_chain_require_owner (chain, &theirs, &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_PLATFORM_OWNER);
    g_assert_cmpstr (policy_error_id (error), ==, "platform-owner");
    g_clear_error (&error);
    g_assert_false (policy_oca_fingerprint (pek, &mine, &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_PLATFORM_FILE);
    g_clear_error (&error);
    /* A chain that does not verify has shown no owner. */
    g_clear_pointer (&certs.cert[POLICY_CERT_PDH], g_bytes_unref);
    g_autoptr (PolicyChain) broken = verify (&certs);
    g_assert_false (policy_chain_require_owner (broken, &text, &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_PLATFORM_OWNER);
}

static void
test_generations (void)
{
    static const char *const names[] = { "Rome", "Milan", "Genoa", "Turin", "EMULATED" };

    g_assert_true (policy_generation_banned_by_default ("Naples"));
    for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
        g_assert_false (policy_generation_banned_by_default (names[i]));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/policy/platform/forms", test_forms);
    g_test_add_func ("/policy/platform/naples-ark", test_naples_ark);
    g_test_add_func ("/policy/platform/folders", test_folders);
    g_test_add_func ("/policy/platform/cek-twice", test_cek_twice);
    g_test_add_func ("/policy/platform/chip-id", test_chip_id);
    g_test_add_func ("/policy/platform/no-files", test_no_files);
    g_test_add_func ("/policy/platform/contradiction", test_contradiction);
    g_test_add_func ("/policy/platform/ca-file", test_ca_file);
    g_test_add_func ("/policy/platform/missing", test_missing);
    g_test_add_func ("/policy/platform/all-reasons", test_all_reasons);
    g_test_add_func ("/policy/platform/owner", test_owner);
    g_test_add_func ("/policy/platform/generations", test_generations);
    return g_test_run ();
}
