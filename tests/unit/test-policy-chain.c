/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The chain verifier, check by check: each row is a right chain with one thing wrong,
 * signed so that nothing but the check in question can refuse it.  That the right chain
 * verifies is shown with the same set-up first.  Chains of real machines:
 * test-policy-vectors.
 */

#include <string.h>

#include "policy/attest/chain-private.h"
#include "policy/policy-error.h"
#include "tests/lib/chain-maker.h"
#include "tests/lib/test-vectors.h"

#define LINK(name) (1u << POLICY_LINK_##name)
#define ALL_ARK (LINK (ARK_SELF) | LINK (ASK_BY_ARK))
#define ALL_ASK (LINK (ASK_BY_ARK) | LINK (CEK_BY_ASK))
#define ALL_CEK (LINK (CEK_BY_ASK) | LINK (PEK_BY_CEK))
#define ALL_OCA (LINK (OCA_SELF) | LINK (PEK_BY_OCA))
#define ALL_PEK (LINK (PEK_BY_CEK) | LINK (PEK_BY_OCA) | LINK (PDH_BY_PEK))

/* RSA of 2048 bits with exponent 3: openssl genrsa -3 2048. */
#include "tests/unit/rsa-exponent-3.h"

static void
swap_ec (SevCert *cert, SevEcKey **key, SevCurve curve)
{
    sev_ec_key_unref (*key);
    *key = sev_ec_key_generate (curve, NULL);
    g_assert_nonnull (*key);
    sev_cert_set_ec_key (cert, *key);
}

static void
swap_rsa (SevAmdCert *cert, SevRsaKey **key)
{
    sev_rsa_key_unref (*key);
    *key = sev_rsa_key_new_from_pem (rsa_exponent_3, strlen (rsa_exponent_3), NULL);
    g_assert_nonnull (*key);
    sev_amd_cert_set_key (cert, *key);
}

#define CHANGE(name, statement)                                                            \
    static void name (TestChain *c) { statement; }

CHANGE (ark_version, c->ark.version = 2)
CHANGE (ark_usage, c->ark.usage = SEV_USAGE_ASK)
CHANGE (ark_reserved, c->ark.reserved[15] = 1)
CHANGE (ark_exponent, swap_rsa (&c->ark, &c->ark_key))
CHANGE (ark_certifying, c->ark.certifying_id[15] ^= 1)
CHANGE (ark_signature, c->ark.signature[0] ^= 1)
CHANGE (ask_version, c->ask.version = 0)
CHANGE (ask_usage, c->ask.usage = SEV_USAGE_ARK)
CHANGE (ask_reserved, c->ask.reserved[0] = 1)
CHANGE (ask_exponent, swap_rsa (&c->ask, &c->ask_key))
CHANGE (ask_certifying_first, c->ask.certifying_id[0] ^= 1)
CHANGE (ask_certifying_last, c->ask.certifying_id[15] ^= 0x80)
CHANGE (ask_signature, c->ask.signature[255] ^= 1)
CHANGE (cek_version, c->cek.version = 2)
CHANGE (cek_reserved, c->cek.reserved = 1)
CHANGE (cek_usage, c->cek.pubkey_usage = SEV_USAGE_PEK)
CHANGE (cek_algo, c->cek.pubkey_algo = SEV_ALGO_ECDH_SHA256)
CHANGE (cek_padding, c->cek.pubkey[1027] = 1)
CHANGE (cek_curve, swap_ec (&c->cek, &c->cek_key, SEV_CURVE_P256))
CHANGE (cek_signature, c->cek.sig[0].bytes[100] ^= 1)
CHANGE (cek_sig_usage, c->cek.sig[0].usage = SEV_USAGE_ARK)
CHANGE (cek_sig_algo, c->cek.sig[0].algo = SEV_ALGO_RSA_SHA384)
CHANGE (cek_sig_padding, c->cek.sig[0].bytes[256] = 1)
CHANGE (cek_second_usage, c->cek.sig[1].usage = SEV_USAGE_ASK)
CHANGE (cek_second_algo, c->cek.sig[1].algo = 1)
CHANGE (cek_second_bytes, c->cek.sig[1].bytes[511] = 1)
CHANGE (oca_version, c->oca.version = 2)
CHANGE (oca_reserved, c->oca.reserved = 0x8000)
CHANGE (oca_usage, c->oca.pubkey_usage = SEV_USAGE_CEK)
CHANGE (oca_algo, c->oca.pubkey_algo = SEV_ALGO_RSA_SHA256)
CHANGE (oca_curve, swap_ec (&c->oca, &c->oca_key, SEV_CURVE_P256))
CHANGE (oca_padding, c->oca.pubkey[4 + 48] = 1)
CHANGE (oca_signature, c->oca.sig[0].bytes[0] ^= 1)
CHANGE (oca_unsigned, sev_cert_sig_clear (&c->oca.sig[0]))
CHANGE (oca_sig_algo, c->oca.sig[0].algo = SEV_ALGO_ECDSA_SHA384)
CHANGE (oca_second, c->oca.sig[1].bytes[0] = 1)
CHANGE (pek_version, c->pek.version = 2)
CHANGE (pek_reserved, c->pek.reserved = 1)
CHANGE (pek_usage, c->pek.pubkey_usage = SEV_USAGE_OCA)
CHANGE (pek_algo, c->pek.pubkey_algo = SEV_ALGO_ECDH_SHA256)
CHANGE (pek_curve, swap_ec (&c->pek, &c->pek_key, SEV_CURVE_P256))
CHANGE (pek_padding, c->pek.pubkey[4 + 144] = 1)
CHANGE (pek_oca_signature, c->pek.sig[0].bytes[72] ^= 1)
CHANGE (pek_cek_signature, c->pek.sig[1].bytes[47] ^= 1)
CHANGE (pek_oca_algo, c->pek.sig[0].algo = SEV_ALGO_ECDSA_SHA384)
CHANGE (pek_cek_padding, c->pek.sig[1].bytes[144] = 1)
CHANGE (pek_oca_wide, c->pek.sig[0].bytes[71] = 1)
CHANGE (pek_twice_oca, c->pek.sig[1] = c->pek.sig[0])
CHANGE (pek_twice_cek, c->pek.sig[0] = c->pek.sig[1])
CHANGE (pek_no_cek, sev_cert_sig_clear (&c->pek.sig[1]))
CHANGE (pek_no_oca, sev_cert_sig_clear (&c->pek.sig[0]))
CHANGE (pdh_version, c->pdh.version = 2)
CHANGE (pdh_reserved, c->pdh.reserved = 1)
CHANGE (pdh_usage, c->pdh.pubkey_usage = SEV_USAGE_PEK)
CHANGE (pdh_algo, c->pdh.pubkey_algo = SEV_ALGO_ECDSA_SHA256)
CHANGE (pdh_algo_384, c->pdh.pubkey_algo = SEV_ALGO_ECDH_SHA384)
CHANGE (pdh_curve, swap_ec (&c->pdh, &c->pdh_key, SEV_CURVE_P256))
CHANGE (pdh_not_on_curve, c->pdh.pubkey[4] ^= 1)
CHANGE (pdh_padding, c->pdh.pubkey[1000] = 1)
CHANGE (pdh_signature, c->pdh.sig[0].bytes[73] ^= 1)
CHANGE (pdh_sig_usage, c->pdh.sig[0].usage = SEV_USAGE_OCA)
CHANGE (pdh_unsigned, sev_cert_sig_clear (&c->pdh.sig[0]))
CHANGE (pdh_second, c->pdh.sig[1].usage = SEV_USAGE_PEK)
CHANGE (pdh_api, c->pdh.api_minor++)
CHANGE (pek_api, c->pek.api_minor++)

typedef struct {
    const char *name;
    void (*change) (TestChain *chain);
    gboolean sign_after; /* the change is covered by right signatures */
    guint broken;        /* exactly these links */
} Defect;

#define BEFORE TRUE
#define AFTER FALSE

static const Defect defects[] = {
    { "ark-version", ark_version, BEFORE, ALL_ARK },
    { "ark-usage", ark_usage, BEFORE, ALL_ARK },
    { "ark-reserved", ark_reserved, BEFORE, ALL_ARK },
    { "ark-exponent", ark_exponent, BEFORE, ALL_ARK },
    { "ark-certifying-id", ark_certifying, BEFORE, LINK (ARK_SELF) },
    { "ark-signature", ark_signature, AFTER, LINK (ARK_SELF) },
    { "ask-version", ask_version, BEFORE, ALL_ASK },
    { "ask-usage", ask_usage, BEFORE, ALL_ASK },
    { "ask-reserved", ask_reserved, BEFORE, ALL_ASK },
    { "ask-exponent", ask_exponent, BEFORE, ALL_ASK },
    { "ask-certifying-id-first", ask_certifying_first, BEFORE, LINK (ASK_BY_ARK) },
    { "ask-certifying-id-last", ask_certifying_last, BEFORE, LINK (ASK_BY_ARK) },
    { "ask-signature", ask_signature, AFTER, LINK (ASK_BY_ARK) },
    { "cek-version", cek_version, BEFORE, ALL_CEK },
    { "cek-reserved", cek_reserved, BEFORE, ALL_CEK },
    { "cek-usage", cek_usage, BEFORE, ALL_CEK },
    { "cek-algo", cek_algo, BEFORE, ALL_CEK },
    { "cek-padding", cek_padding, BEFORE, ALL_CEK },
    { "cek-curve", cek_curve, BEFORE, ALL_CEK },
    { "cek-signature", cek_signature, AFTER, LINK (CEK_BY_ASK) },
    { "cek-signer", cek_sig_usage, AFTER, LINK (CEK_BY_ASK) },
    { "cek-signature-algo", cek_sig_algo, AFTER, LINK (CEK_BY_ASK) },
    { "cek-signature-padding", cek_sig_padding, AFTER, LINK (CEK_BY_ASK) },
    { "cek-second-slot-usage", cek_second_usage, AFTER, LINK (CEK_BY_ASK) },
    { "cek-second-slot-algo", cek_second_algo, AFTER, LINK (CEK_BY_ASK) },
    { "cek-second-slot-bytes", cek_second_bytes, AFTER, LINK (CEK_BY_ASK) },
    { "oca-version", oca_version, BEFORE, ALL_OCA },
    { "oca-reserved", oca_reserved, BEFORE, ALL_OCA },
    { "oca-usage", oca_usage, BEFORE, ALL_OCA },
    { "oca-algo", oca_algo, BEFORE, ALL_OCA },
    { "oca-curve", oca_curve, BEFORE, ALL_OCA },
    { "oca-coordinate-too-wide", oca_padding, BEFORE, ALL_OCA },
    { "oca-self-signature", oca_signature, AFTER, LINK (OCA_SELF) },
    { "oca-unsigned", oca_unsigned, AFTER, LINK (OCA_SELF) },
    { "oca-signature-algo", oca_sig_algo, AFTER, LINK (OCA_SELF) },
    { "oca-second-slot", oca_second, AFTER, LINK (OCA_SELF) },
    { "pek-version", pek_version, BEFORE, ALL_PEK },
    { "pek-reserved", pek_reserved, BEFORE, ALL_PEK },
    { "pek-usage", pek_usage, BEFORE, ALL_PEK },
    { "pek-algo", pek_algo, BEFORE, ALL_PEK },
    { "pek-curve", pek_curve, BEFORE, ALL_PEK },
    { "pek-padding", pek_padding, BEFORE, ALL_PEK },
    { "pek-signature-by-oca", pek_oca_signature, AFTER, LINK (PEK_BY_OCA) },
    { "pek-signature-by-cek", pek_cek_signature, AFTER, LINK (PEK_BY_CEK) },
    { "pek-signature-algo", pek_oca_algo, AFTER, LINK (PEK_BY_OCA) },
    { "pek-signature-padding", pek_cek_padding, AFTER, LINK (PEK_BY_CEK) },
    { "pek-signature-too-wide", pek_oca_wide, AFTER, LINK (PEK_BY_OCA) },
    { "pek-signed-twice-by-oca", pek_twice_oca, AFTER,
      LINK (PEK_BY_OCA) | LINK (PEK_BY_CEK) },
    { "pek-signed-twice-by-cek", pek_twice_cek, AFTER,
      LINK (PEK_BY_OCA) | LINK (PEK_BY_CEK) },
    { "pek-not-signed-by-cek", pek_no_cek, AFTER, LINK (PEK_BY_OCA) | LINK (PEK_BY_CEK) },
    { "pek-not-signed-by-oca", pek_no_oca, AFTER, LINK (PEK_BY_OCA) | LINK (PEK_BY_CEK) },
    { "pek-api-is-signed", pek_api, AFTER, LINK (PEK_BY_OCA) | LINK (PEK_BY_CEK) },
    { "pdh-version", pdh_version, BEFORE, LINK (PDH_BY_PEK) },
    { "pdh-reserved", pdh_reserved, BEFORE, LINK (PDH_BY_PEK) },
    { "pdh-usage", pdh_usage, BEFORE, LINK (PDH_BY_PEK) },
    { "pdh-algo-ecdsa", pdh_algo, BEFORE, LINK (PDH_BY_PEK) },
    { "pdh-algo-sha384", pdh_algo_384, BEFORE, LINK (PDH_BY_PEK) },
    { "pdh-curve", pdh_curve, BEFORE, LINK (PDH_BY_PEK) },
    { "pdh-not-on-curve", pdh_not_on_curve, BEFORE, LINK (PDH_BY_PEK) },
    { "pdh-padding", pdh_padding, BEFORE, LINK (PDH_BY_PEK) },
    { "pdh-signature", pdh_signature, AFTER, LINK (PDH_BY_PEK) },
    { "pdh-signer", pdh_sig_usage, AFTER, LINK (PDH_BY_PEK) },
    { "pdh-unsigned", pdh_unsigned, AFTER, LINK (PDH_BY_PEK) },
    { "pdh-second-slot", pdh_second, AFTER, LINK (PDH_BY_PEK) },
    { "pdh-api-is-signed", pdh_api, AFTER, LINK (PDH_BY_PEK) },
};

static guint
broken_links (const PolicyChain *chain)
{
    guint broken = 0;

    for (guint i = 0; i < POLICY_N_LINKS; i++) {
        const PolicyLink *link = policy_chain_get_link (chain, (PolicyLinkId) i);
        g_assert_true (link->ok == (link->problem == NULL));
        if (!link->ok)
            broken |= 1u << i;
    }
    return broken;
}

static PolicyChain *
verify (const TestChain *chain, const PolicyRoots *roots)
{
    g_auto (TestChainInput) in = { 0 };
    g_autoptr (GError) error = NULL;

    test_chain_input_init (&in, chain);
    PolicyChain *result = policy_chain_verify (&in.input, roots, &error);
    g_assert_no_error (error);
    return result;
}

static void
assert_refused (const PolicyChain *chain, PolicyError code)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (PolicyVerdict) verdict = policy_verdict_new ();

    g_assert_false (policy_chain_is_verified (chain));
    g_assert_false (policy_chain_require (chain, &error));
    g_assert_error (error, POLICY_ERROR, (int) code);
    g_assert_cmpint (policy_chain_get_kind (chain), ==, POLICY_PLATFORM_UNKNOWN);
    g_assert_null (policy_chain_get_pdh_key (chain));
    g_assert_null (policy_chain_get_owner (chain));
    policy_chain_judge (chain, verdict);
    g_assert_true (policy_verdict_has_failed (verdict));
    g_assert_false (policy_verdict_check_passed (verdict, POLICY_CHECK_ROOT));
}

static void
test_defect (gconstpointer data)
{
    const Defect *defect = data;
    g_autoptr (TestChain) chain = test_chain_new ();
    g_autoptr (PolicyRoots) before = test_chain_roots (chain);
    g_autoptr (PolicyChain) good = verify (chain, before);

    g_assert_true (policy_chain_is_verified (good));
    defect->change (chain);
    if (defect->sign_after)
        test_chain_sign (chain);
    g_autoptr (PolicyRoots) roots = test_chain_roots (chain);
    g_autoptr (PolicyChain) bad = verify (chain, roots);
    g_assert_cmphex (broken_links (bad), ==, defect->broken);
    assert_refused (bad, POLICY_ERROR_CHAIN_UNVERIFIED);
}

static void
test_good (void)
{
    g_autoptr (TestChain) chain = test_chain_new ();
    g_autoptr (PolicyRoots) roots = test_chain_roots (chain);
    g_autoptr (PolicyChain) good = verify (chain, roots);
    g_autoptr (PolicyVerdict) verdict = policy_verdict_new ();
    guint8 major, minor;

    g_assert_cmphex (broken_links (good), ==, 0);
    g_assert_true (policy_chain_links_ok (good));
    g_assert_true (policy_chain_is_verified (good));
    g_assert_cmpint (policy_chain_get_kind (good), ==, POLICY_PLATFORM_EMULATED);
    g_assert_cmpstr (policy_chain_get_generation (good), ==, "EMULATED");
    g_assert_true (policy_chain_says_emulated (good));
    g_assert_cmpstr (policy_chain_get_owner (good), ==, "self");
    policy_chain_get_pek_api (good, &major, &minor);
    g_assert_cmpuint (major, ==, 1);
    g_assert_cmpuint (minor, ==, 55);
    g_assert_true (
        sev_ec_key_same_public (policy_chain_get_pdh_key (good), chain->pdh_key));
    policy_chain_judge (good, verdict);
    g_assert_true (policy_verdict_check_passed (verdict, POLICY_CHECK_CHAIN));
    g_assert_true (policy_verdict_check_passed (verdict, POLICY_CHECK_ROOT));
}

/* PEK signatures in the other order, OCA with SHA-384, an external owner. */
static void
test_also_good (void)
{
    g_autoptr (TestChain) chain = test_chain_new ();
    g_autoptr (PolicyRoots) roots = test_chain_roots (chain);

    const SevCertSig first = chain->pek.sig[0];
    chain->pek.sig[0] = chain->pek.sig[1];
    chain->pek.sig[1] = first;
    g_autoptr (PolicyChain) swapped = verify (chain, roots);
    g_assert_true (policy_chain_is_verified (swapped));

    chain->oca.pubkey_algo = SEV_ALGO_ECDSA_SHA384;
    chain->oca.api_major = 0;
    chain->oca.api_minor = 0;
    test_chain_sign (chain);
    g_autoptr (PolicyChain) sha384 = verify (chain, roots);
    g_assert_true (policy_chain_is_verified (sha384));
    g_assert_cmpstr (policy_chain_get_owner (sha384), ==, "external");
    g_assert_cmpstr (policy_chain_get_owner_fingerprint (sha384), ==,
                     policy_chain_get_owner_fingerprint (swapped));
}

/* ARK and ASK of 4096 bits sign with SHA-384; the CEK's slot then is full. */
static void
test_4096 (void)
{
    g_autoptr (TestChain) chain = test_chain_new ();

    sev_rsa_key_unref (chain->ark_key);
    sev_rsa_key_unref (chain->ask_key);
    chain->ark_key = sev_rsa_key_generate (4096, NULL);
    chain->ask_key = sev_rsa_key_generate (4096, NULL);
    sev_amd_cert_set_key (&chain->ark, chain->ark_key);
    sev_amd_cert_set_key (&chain->ask, chain->ask_key);
    test_chain_sign (chain);
    g_autoptr (PolicyRoots) roots = test_chain_roots (chain);
    g_autoptr (PolicyChain) good = verify (chain, roots);
    g_assert_true (policy_chain_is_verified (good));

    chain->cek.sig[0].algo = SEV_ALGO_RSA_SHA256;
    g_autoptr (PolicyChain) bad = verify (chain, roots);
    g_assert_cmphex (broken_links (bad), ==, LINK (CEK_BY_ASK));
}

static void
test_untrusted_root (void)
{
    g_autoptr (TestChain) chain = test_chain_new ();
    g_autoptr (TestChain) other = test_chain_new_other_root ();
    g_autoptr (PolicyRoots) roots = test_chain_roots (chain);
    g_autoptr (PolicyRoots) wrong = test_chain_roots (other);
    g_autoptr (PolicyChain) good = verify (chain, roots);
    g_autoptr (PolicyChain) none = verify (chain, NULL);
    g_autoptr (PolicyChain) bad = verify (chain, wrong);
    g_autoptr (GError) error = NULL;

    g_assert_true (policy_chain_is_verified (good));
    g_assert_true (policy_chain_links_ok (none));
    assert_refused (none, POLICY_ERROR_CHAIN_ROOT_UNTRUSTED);
    assert_refused (bad, POLICY_ERROR_CHAIN_ROOT_UNTRUSTED);
    g_assert_cmpstr (policy_chain_get_root_fingerprint (bad), ==,
                     policy_chain_get_root_fingerprint (good));
    g_assert_false (policy_chain_require (bad, &error));
    g_assert_nonnull (strstr (error->message, "EMULATED"));
    g_assert_nonnull (strstr (error->message, policy_chain_get_root_fingerprint (bad)));
}

/* Stands in for AMD's table: the root of the chain that the test made is "AMD's". */
static PolicyFingerprint amd_fingerprint;

static const char *
test_amd_root (const PolicyFingerprint *fingerprint)
{
    return policy_fingerprint_equal (fingerprint, &amd_fingerprint) ? "Test" : NULL;
}

static PolicyChain *
verify_as_amd (const TestChain *chain, const PolicyRoots *roots)
{
    g_auto (TestChainInput) in = { 0 };

    g_assert_true (policy_root_fingerprint (&chain->ark, &amd_fingerprint, NULL));
    test_chain_input_init (&in, chain);
    PolicyChain *result = policy_chain_verify_with (&in.input, roots, test_amd_root, NULL);
    g_assert_nonnull (result);
    return result;
}

static void
set_ids (TestChain *chain, const char *ark, const char *ask)
{
    memcpy (chain->ark.key_id, ark, 16);
    memcpy (chain->ark.certifying_id, ark, 16);
    memcpy (chain->ask.key_id, ask, 16);
    memcpy (chain->ask.certifying_id, ark, 16);
    test_chain_sign (chain);
}

/* The key alone decides, but an emulated platform's key id never becomes sev. */
static void
test_amd_root_and_ids (void)
{
    g_autoptr (TestChain) chain = test_chain_new ();
    g_autoptr (PolicyRoots) roots = test_chain_roots (chain);

    set_ids (chain, "0123456789abcdef", "fedcba9876543210");
    g_autoptr (PolicyChain) amd = verify_as_amd (chain, NULL);
    g_assert_cmpint (policy_chain_get_kind (amd), ==, POLICY_PLATFORM_SEV);
    g_assert_cmpstr (policy_chain_get_generation (amd), ==, "Test");
    g_autoptr (PolicyChain) trusted = verify_as_amd (chain, roots);
    g_assert_cmpint (policy_chain_get_kind (trusted), ==, POLICY_PLATFORM_SEV);

    set_ids (chain, "EMULATED-SEVLNCH", "fedcba9876543210");
    g_autoptr (PolicyChain) ark = verify_as_amd (chain, roots);
    assert_refused (ark, POLICY_ERROR_CHAIN_ROOT_UNTRUSTED);
    set_ids (chain, "01234567EMULATED", "fedcba9876543210");
    g_autoptr (PolicyChain) half = verify_as_amd (chain, roots);
    assert_refused (half, POLICY_ERROR_CHAIN_ROOT_UNTRUSTED);
    set_ids (chain, "0123456789abcdef", "EMULATED-SEVLNCA");
    g_autoptr (PolicyChain) ask = verify_as_amd (chain, roots);
    assert_refused (ask, POLICY_ERROR_CHAIN_ROOT_UNTRUSTED);

    /* AMD's key id with another key: not AMD's. */
    g_autoptr (GBytes) naples = test_vector_load ("certs/naples-ok/ark.cert");
    const guint8 *data = g_bytes_get_data (naples, NULL);
    set_ids (chain, (const char *) data + 4, "fedcba9876543210");
    g_autoptr (PolicyChain) borrowed = verify (chain, NULL);
    g_assert_true (policy_chain_links_ok (borrowed));
    assert_refused (borrowed, POLICY_ERROR_CHAIN_ROOT_UNTRUSTED);
}

/* A CEK that comes from elsewhere. */
static void
test_cek (void)
{
    g_autoptr (TestChain) chain = test_chain_new ();
    g_autoptr (TestChain) other = test_chain_new_other_root ();
    g_autoptr (PolicyRoots) roots = test_chain_roots (chain);
    g_auto (TestChainInput) in = { 0 };

    test_chain_input_init (&in, chain);
    g_autoptr (PolicyChain) good = policy_chain_verify (&in.input, roots, NULL);
    g_assert_true (policy_chain_is_verified (good));

    /* Without it: the platform's own carries no signature. */
    g_clear_pointer (&in.input.cek, g_bytes_unref);
    g_autoptr (PolicyChain) none = policy_chain_verify (&in.input, roots, NULL);
    g_assert_cmphex (broken_links (none), ==, LINK (CEK_BY_ASK));
    assert_refused (none, POLICY_ERROR_CHAIN_UNVERIFIED);

    /* Of another chip under the same ASK: every signature in it is right. */
    swap_ec (&other->cek, &other->cek_key, SEV_CURVE_P384);
    sev_rsa_key_unref (other->ask_key);
    other->ask_key = sev_rsa_key_ref (chain->ask_key);
    test_chain_sign (other);
    in.input.cek = test_cert_bytes (&other->cek);
    g_autoptr (PolicyChain) foreign = policy_chain_verify (&in.input, roots, NULL);
    assert_refused (foreign, POLICY_ERROR_CHAIN_CEK_MISMATCH);

    g_clear_pointer (&in.input.cek, g_bytes_unref);
    g_autoptr (GBytes) whole = test_cert_bytes (&chain->cek);
    in.input.cek = g_bytes_new_from_bytes (whole, 0, SEV_CERT_SIZE - 1);
    g_autoptr (PolicyChain) cut = policy_chain_verify (&in.input, roots, NULL);
    assert_refused (cut, POLICY_ERROR_CHAIN_MALFORMED);
}

/* Every input missing, cut by a byte, or longer by one. */
static void
test_sizes (void)
{
    g_autoptr (TestChain) chain = test_chain_new ();
    g_autoptr (PolicyRoots) roots = test_chain_roots (chain);
    g_auto (TestChainInput) in = { 0 };
    GBytes **inputs[] = { &in.input.pdh, &in.input.cert_chain, &in.input.ask,
                          &in.input.ark };

    test_chain_input_init (&in, chain);
    g_autoptr (PolicyChain) good = policy_chain_verify (&in.input, roots, NULL);
    g_assert_true (policy_chain_is_verified (good));
    for (guint i = 0; i < G_N_ELEMENTS (inputs); i++) {
        GBytes *saved = *inputs[i];
        g_autoptr (GBytes) one = g_bytes_new_static ("", 1);
        GBytes *parts[] = { saved, one };
        g_autoptr (GBytes) longer = test_cat (parts, 2);
        g_autoptr (GBytes) cut =
            g_bytes_new_from_bytes (saved, 0, g_bytes_get_size (saved) - 1);
        g_autoptr (GBytes) empty = g_bytes_new_static ("", 0);
        GBytes *bad[] = { NULL, empty, cut, longer };

        for (guint j = 0; j < G_N_ELEMENTS (bad); j++) {
            *inputs[i] = bad[j];
            g_autoptr (PolicyChain) result = policy_chain_verify (&in.input, roots, NULL);
            *inputs[i] = saved;
            /* A file that begins with the PDH is as good (sevctl export). */
            if (inputs[i] == &in.input.pdh && bad[j] == longer)
                g_assert_true (policy_chain_is_verified (result));
            else
                assert_refused (result, POLICY_ERROR_CHAIN_MALFORMED);
        }
    }
}

/* Every single byte of every certificate counts: none can change unnoticed. */
static void
test_every_byte (void)
{
    g_autoptr (TestChain) chain = test_chain_new ();
    g_autoptr (PolicyRoots) roots = test_chain_roots (chain);
    g_auto (TestChainInput) in = { 0 };
    GBytes **inputs[] = { &in.input.pdh, &in.input.cert_chain, &in.input.ask, &in.input.ark,
                          &in.input.cek };

    test_chain_input_init (&in, chain);
    for (guint i = 0; i < G_N_ELEMENTS (inputs); i++) {
        GBytes *saved = *inputs[i];
        const gsize len = g_bytes_get_size (saved);
        for (gsize at = 0; at < len; at += g_test_thorough () ? 1 : 41) {
            /* The platform's own CEK gives its key only; the rest is the signed one's. */
            if (inputs[i] == &in.input.cert_chain && at >= 2 * SEV_CERT_SIZE &&
                (at < 2 * SEV_CERT_SIZE + 8 ||
                 at >= 2 * SEV_CERT_SIZE + SEV_CERT_BODY_SIZE))
                continue;
            g_autoptr (GBytes) flipped = test_flip (saved, at, (guint) (at % 8));
            *inputs[i] = flipped;
            g_autoptr (PolicyChain) result = policy_chain_verify (&in.input, roots, NULL);
            *inputs[i] = saved;
            if (policy_chain_is_verified (result))
                g_error ("input %u: byte %" G_GSIZE_FORMAT " changed unnoticed", i, at);
        }
    }
}

static void
test_split_ca (void)
{
    g_autoptr (GBytes) ask = test_vector_load ("certs/rome-ok/ask.cert");
    g_autoptr (GBytes) ark = test_vector_load ("certs/rome-ok/ark.cert");
    GBytes *parts[] = { ask, ark };
    g_autoptr (GBytes) ca = test_cat (parts, 2);
    g_autoptr (GBytes) cut = g_bytes_new_from_bytes (ca, 0, 1408);
    g_autoptr (GBytes) got_ask = NULL;
    g_autoptr (GBytes) got_ark = NULL;
    g_autoptr (GError) error = NULL;
    GBytes *unused_ask, *unused_ark;

    g_assert_true (policy_split_ca (ca, &got_ask, &got_ark, &error));
    g_assert_true (g_bytes_equal (ask, got_ask));
    g_assert_true (g_bytes_equal (ark, got_ark));
    g_assert_false (policy_split_ca (cut, &unused_ask, &unused_ark, &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_CHAIN_MALFORMED);
    g_assert_nonnull (strstr (error->message, "Naples"));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    g_test_add_func ("/chain/good", test_good);
    g_test_add_func ("/chain/also-good", test_also_good);
    g_test_add_func ("/chain/4096", test_4096);
    for (gsize i = 0; i < G_N_ELEMENTS (defects); i++) {
        g_autofree char *path = g_strconcat ("/chain/defect/", defects[i].name, NULL);
        g_test_add_data_func (path, &defects[i], test_defect);
    }
    g_test_add_func ("/chain/untrusted-root", test_untrusted_root);
    g_test_add_func ("/chain/amd-root-and-key-ids", test_amd_root_and_ids);
    g_test_add_func ("/chain/cek", test_cek);
    g_test_add_func ("/chain/sizes", test_sizes);
    g_test_add_func ("/chain/every-byte", test_every_byte);
    g_test_add_func ("/chain/split-ca", test_split_ca);
    return g_test_run ();
}
