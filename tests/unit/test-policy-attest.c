/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Session, measurement and packet: each reason to refuse, with everything else right.  The
 * formulas themselves are held to other programs in test-policy-vectors and to
 * tests/oracle/attest.py in test-policy-oracle.
 */

#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "policy/attest/owner-packet.h"
#include "policy/policy-error.h"
#include "sev/base/sev-bytes.h"
#include "sev/crypto/sev-aes.h"
#include "sev/crypto/sev-hmac.h"
#include "sev/crypto/sev-kdf.h"
#include "tests/lib/chain-maker.h"
#include "tests/lib/test-vectors.h"

#define POLICY 0x1100002bu /* the default: min-api 0.17 */

static const guint8 keys[32] = { 1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
                                 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22,
                                 23, 24, 25, 26, 27, 28, 29, 30, 31, 32 };

/* --- session ----------------------------------------------------------------------- */

/* Opens a blob as the platform would, with the PDH's private key. */
static void
open_blob (const PolicySession *session, guint8 tek_tik[32], guint8 policy_mac[32])
{
    const TestChain *chain = test_chain_shared ();
    guint8 ms[16], kek[16], kik[16], mac[32];
    SevSessionWire wire;
    SevCert cert;

    g_assert_true (
        sev_cert_decode (g_bytes_get_data (policy_session_get_cert (session), NULL),
                         SEV_CERT_SIZE, &cert, NULL));
    g_assert_cmpuint (g_bytes_get_size (policy_session_get_blob (session)), ==, 128);
    memcpy (&wire, g_bytes_get_data (policy_session_get_blob (session), NULL), 128);
    g_autoptr (SevEcKey) owner = sev_cert_get_ec_key (&cert, NULL);
    g_autoptr (SevSecret) z = sev_ec_derive (chain->pdh_key, owner, NULL);
    g_assert_true (sev_kdf_derive (sev_secret_data (z), sev_secret_size (z),
                                   "sev-master-secret", wire.nonce, 16, ms, 16, NULL));
    g_assert_true (sev_kdf_derive (ms, 16, "sev-kek", NULL, 0, kek, 16, NULL));
    g_assert_true (sev_kdf_derive (ms, 16, "sev-kik", NULL, 0, kik, 16, NULL));
    g_assert_true (sev_hmac_sha256 (kik, 16, wire.wrap_tk, 32, mac, NULL));
    g_assert_cmpmem (mac, 32, wire.wrap_mac, 32);
    g_assert_true (sev_aes128_ctr (kek, wire.wrap_iv, wire.wrap_tk, tek_tik, 32, NULL));
    memcpy (policy_mac, wire.policy_mac, 32);
}

static void
test_session_opens (void)
{
    static const guint8 policy_le[4] = { 0x2b, 0x00, 0x00, 0x11 };
    g_autoptr (PolicyChain) chain = test_chain_verified ();
    g_autoptr (SevEcKey) key = sev_ec_key_generate (SEV_CURVE_P384, NULL);
    g_autoptr (GError) error = NULL;
    guint8 opened[32], mac[32], want[32];
    SevCert cert;

    test_owner_cert (&cert, key);
    g_autoptr (PolicySession) session =
        policy_session_new (chain, &cert, key, POLICY, &error);
    g_assert_no_error (error);
    open_blob (session, opened, mac);
    g_assert_cmpmem (opened, 16, sev_secret_data (policy_session_get_tek (session)), 16);
    g_assert_cmpmem (opened + 16, 16, sev_secret_data (policy_session_get_tik (session)),
                     16);
    g_assert_true (sev_hmac_sha256 (opened + 16, 16, policy_le, 4, want, NULL));
    g_assert_cmpmem (mac, 32, want, 32);

    /* Nothing of one session comes back in the next. */
    g_autoptr (PolicySession) second =
        policy_session_new (chain, &cert, key, POLICY, &error);
    g_assert_no_error (error);
    SevSessionWire a, b;
    memcpy (&a, g_bytes_get_data (policy_session_get_blob (session), NULL), sizeof a);
    memcpy (&b, g_bytes_get_data (policy_session_get_blob (second), NULL), sizeof b);
    g_assert_cmpint (memcmp (a.nonce, b.nonce, 16), !=, 0);
    g_assert_cmpint (memcmp (a.wrap_iv, b.wrap_iv, 16), !=, 0);
    g_assert_false (sev_secret_equal (policy_session_get_tek (session),
                                      policy_session_get_tek (second)));
    g_assert_false (sev_secret_equal (policy_session_get_tik (session),
                                      policy_session_get_tik (second)));
    g_assert_false (sev_secret_equal (policy_session_get_tek (session),
                                      policy_session_get_tik (session)));
    g_assert_cmpint (
        memcmp (policy_session_get_id (session), policy_session_get_id (second), 32), !=,
        0);

    g_autofree char *base64 = policy_session_dup_blob_base64 (session);
    g_autoptr (GBytes) back = test_unbase64 (base64);
    g_assert_true (g_bytes_equal (back, policy_session_get_blob (session)));
    g_assert_null (strchr (base64, '\n'));
    g_autofree char *cert_base64 = policy_session_dup_cert_base64 (session);
    g_autoptr (GBytes) cert_back = test_unbase64 (cert_base64);
    g_assert_true (g_bytes_equal (cert_back, policy_session_get_cert (session)));
}

static void
assert_no_session (const PolicyChain *chain,
                   const SevCert *cert,
                   const SevEcKey *key,
                   PolicyError code)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (PolicySession) none = policy_session_new (chain, cert, key, POLICY, &error);

    g_assert_null (none);
    g_assert_error (error, POLICY_ERROR, (int) code);
}

static void
test_session_refused (void)
{
    g_autoptr (PolicyChain) chain = test_chain_verified ();
    g_autoptr (SevEcKey) key = sev_ec_key_generate (SEV_CURVE_P384, NULL);
    g_autoptr (SevEcKey) other = sev_ec_key_generate (SEV_CURVE_P384, NULL);
    g_autoptr (SevEcKey) small = sev_ec_key_generate (SEV_CURVE_P256, NULL);
    g_auto (TestChainInput) in = { 0 };
    SevCert cert;

    test_owner_cert (&cert, key);
    g_autoptr (PolicySession) good = policy_session_new (chain, &cert, key, POLICY, NULL);
    g_assert_nonnull (good);

    test_chain_input_init (&in, test_chain_shared ());
    g_autoptr (PolicyChain) untrusted = policy_chain_verify (&in.input, NULL, NULL);
    assert_no_session (untrusted, &cert, key, POLICY_ERROR_CHAIN_ROOT_UNTRUSTED);
    g_autoptr (GBytes) pdh = test_flip (in.input.pdh, 0x500, 0);
    g_autoptr (PolicyRoots) roots = test_chain_roots (test_chain_shared ());
    g_bytes_unref (in.input.pdh);
    in.input.pdh = g_bytes_ref (pdh);
    g_autoptr (PolicyChain) broken = policy_chain_verify (&in.input, roots, NULL);
    assert_no_session (broken, &cert, key, POLICY_ERROR_CHAIN_UNVERIFIED);

    assert_no_session (chain, &cert, other, POLICY_ERROR_OWNER_KEY_MISMATCH);
    g_autoptr (SevEcKey) public = sev_cert_get_ec_key (&cert, NULL);
    assert_no_session (chain, &cert, public, POLICY_ERROR_OWNER_KEY_MISMATCH);
    SevCert bad = cert;
    bad.pubkey_usage = SEV_USAGE_OCA;
    assert_no_session (chain, &bad, key, POLICY_ERROR_OWNER_CERT_KIND);
    bad = cert;
    bad.pubkey[4] ^= 1;
    assert_no_session (chain, &bad, key, POLICY_ERROR_OWNER_CERT_MALFORMED);
    test_owner_cert (&bad, small);
    assert_no_session (chain, &bad, small, POLICY_ERROR_OWNER_CERT_MALFORMED);
}

static void
assert_not_given (GBytes *blob,
                  gsize tek_len,
                  gsize tik_len,
                  guint8 tik_xor,
                  guint32 policy,
                  int code)
{
    g_autoptr (PolicyChain) chain = test_chain_verified ();
    g_autoptr (SevEcKey) key = sev_ec_key_generate (SEV_CURVE_P384, NULL);
    g_autoptr (SevSecret) tek = sev_secret_new_copy (keys, tek_len);
    g_autoptr (SevSecret) tik = sev_secret_new_copy (keys + 32 - tik_len, tik_len);
    g_autoptr (GError) error = NULL;
    SevCert cert;

    test_owner_cert (&cert, key);
    sev_secret_writable (tik)[0] ^= tik_xor;
    g_autoptr (PolicySession) session =
        policy_session_new_given (chain, &cert, NULL, blob, tek, tik, policy, &error);
    if (code < 0) {
        g_assert_no_error (error);
        g_assert_nonnull (session);
        return;
    }
    g_assert_null (session);
    g_assert_error (error, POLICY_ERROR, code);
}

static void
test_session_given_refused (void)
{
    g_autoptr (PolicySession) session = test_session (keys, POLICY);
    GBytes *blob = policy_session_get_blob (session);
    g_autoptr (GBytes) cut = g_bytes_new_from_bytes (blob, 0, 127);
    g_autoptr (GBytes) mac = test_flip (blob, 0x60, 0);

    assert_not_given (blob, 16, 16, 0, POLICY, -1);
    assert_not_given (cut, 16, 16, 0, POLICY, POLICY_ERROR_SESSION_MALFORMED);
    assert_not_given (blob, 15, 16, 0, POLICY, POLICY_ERROR_SESSION_MALFORMED);
    assert_not_given (blob, 16, 17, 0, POLICY, POLICY_ERROR_SESSION_MALFORMED);
    assert_not_given (blob, 16, 16, 1, POLICY, POLICY_ERROR_SESSION_MISMATCH);
    assert_not_given (blob, 16, 16, 0, POLICY ^ 1, POLICY_ERROR_SESSION_MISMATCH);
    assert_not_given (mac, 16, 16, 0, POLICY, POLICY_ERROR_SESSION_MISMATCH);
}

/* What the owner of @owner wraps for the platform of @pdh: AMD 55766, "session keys". */
static void
wrap (SevSessionWire *wire, const SevEcKey *owner, const SevEcKey *pdh, guint32 policy)
{
    const guint32 policy_le = GUINT32_TO_LE (policy);
    guint8 ms[16], kek[16], kik[16];
    g_autoptr (SevSecret) z = sev_ec_derive (owner, pdh, NULL);

    memset (wire->nonce, 0x17, sizeof wire->nonce);
    memset (wire->wrap_iv, 0x71, sizeof wire->wrap_iv);
    g_assert_true (sev_kdf_derive (sev_secret_data (z), sev_secret_size (z),
                                   "sev-master-secret", wire->nonce, 16, ms, 16, NULL));
    g_assert_true (sev_kdf_derive (ms, 16, "sev-kek", NULL, 0, kek, 16, NULL));
    g_assert_true (sev_kdf_derive (ms, 16, "sev-kik", NULL, 0, kik, 16, NULL));
    g_assert_true (sev_aes128_ctr (kek, wire->wrap_iv, keys, wire->wrap_tk, 32, NULL));
    g_assert_true (sev_hmac_sha256 (kik, 16, wire->wrap_tk, 32, wire->wrap_mac, NULL));
    g_assert_true (sev_hmac_sha256 (keys + 16, 16, &policy_le, 4, wire->policy_mac, NULL));
}

/* @owner: whose private key is there, or NULL with the public one in @cert */
static PolicySession *
given (const SevSessionWire *wire,
       const SevCert *cert,
       const SevEcKey *owner,
       const guint8 *tek_tik,
       GError **error)
{
    g_autoptr (PolicyChain) chain = test_chain_verified ();
    g_autoptr (SevSecret) tek = sev_secret_new_copy (tek_tik, 16);
    g_autoptr (SevSecret) tik = sev_secret_new_copy (tek_tik + 16, 16);
    g_autoptr (GBytes) blob = g_bytes_new (wire, sizeof *wire);

    return policy_session_new_given (chain, cert, owner, blob, tek, tik, POLICY, error);
}

static void
assert_unbound (const SevSessionWire *wire,
                const SevCert *cert,
                const SevEcKey *owner,
                const guint8 *tek_tik)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (PolicySession) session = given (wire, cert, owner, tek_tik, &error);

    g_assert_null (session);
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_SESSION_MISMATCH);
}

/* The same 128 bytes, or it was wrapped for somebody else. */
static void
test_session_given_bound (void)
{
    const TestChain *chain = test_chain_shared ();
    g_autoptr (SevEcKey) owner = sev_ec_key_generate (SEV_CURVE_P384, NULL);
    g_autoptr (SevEcKey) other = sev_ec_key_generate (SEV_CURVE_P384, NULL);
    g_autoptr (GError) error = NULL;
    SevSessionWire wire, bad;
    guint8 other_tek[32];
    SevCert cert;

    test_owner_cert (&cert, owner);
    wrap (&wire, owner, chain->pdh_key, POLICY);
    g_autoptr (PolicySession) good = given (&wire, &cert, owner, keys, &error);
    g_assert_no_error (error);
    g_assert_true (policy_session_is_bound (good));
    g_assert_cmpmem (g_bytes_get_data (policy_session_get_blob (good), NULL), 128, &wire,
                     128);

    for (gsize i = 0; i < sizeof wire; i++) {
        bad = wire;
        ((guint8 *) &bad)[i] ^= 0x40;
        assert_unbound (&bad, &cert, owner, keys);
    }
    memcpy (other_tek, keys, sizeof other_tek);
    other_tek[0] ^= 1;
    assert_unbound (&wire, &cert, owner, other_tek);
    /* For the PDH of another platform, by the same owner; and by another owner. */
    wrap (&bad, owner, other, POLICY);
    assert_unbound (&bad, &cert, owner, keys);
    wrap (&bad, other, chain->pdh_key, POLICY);
    assert_unbound (&bad, &cert, owner, keys);
    g_autoptr (PolicySession) none = given (&wire, &cert, other, keys, &error);
    g_assert_null (none);
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_KEY_MISMATCH);
}

/* Without the owner's key only his word lets the verdict pass. */
static void
test_session_given_unbound (void)
{
    g_autoptr (SevEcKey) owner = sev_ec_key_generate (SEV_CURVE_P384, NULL);
    g_autoptr (SevEcKey) other = sev_ec_key_generate (SEV_CURVE_P384, NULL);
    g_autoptr (PolicyVerdict) verdict = policy_verdict_new ();
    g_autoptr (PolicyVerdict) bound = policy_verdict_new ();
    SevSessionWire wire;
    SevCert cert;

    test_owner_cert (&cert, owner);
    wrap (&wire, owner, test_chain_shared ()->pdh_key, POLICY);
    g_autoptr (PolicySession) good = given (&wire, &cert, owner, keys, NULL);
    policy_session_judge (good, FALSE, bound);
    g_assert_true (policy_verdict_check_passed (bound, POLICY_CHECK_SESSION));
    g_assert_cmpuint (policy_verdict_get_unproven (bound)->len, ==, 0);

    wrap (&wire, owner, other, POLICY);
    g_autoptr (PolicySession) session = given (&wire, &cert, NULL, keys, NULL);
    g_assert_nonnull (session);
    g_assert_false (policy_session_is_bound (session));
    policy_session_judge (session, FALSE, verdict);
    g_assert_false (policy_verdict_check_passed (verdict, POLICY_CHECK_SESSION));
    policy_session_judge (session, TRUE, verdict);
    g_assert_true (policy_verdict_check_passed (verdict, POLICY_CHECK_SESSION));
    GPtrArray *unproven = policy_verdict_get_unproven (verdict);
    g_assert_cmpuint (unproven->len, ==, 1);
    g_assert_nonnull (strstr (g_ptr_array_index (unproven, 0), "made for this platform"));
}

/* --- measurement ------------------------------------------------------------------- */

typedef struct {
    PolicySession *session;
    PolicyMeasureInput input;
    guint8 report[48];
} Fixture;

/* The platform's side of the formula: one block of bytes, hashed at once. */
static void
make_report (Fixture *f, guint32 policy)
{
    const PolicyMeasureInput *in = &f->input;
    const guint8 head[4] = { 0x04, in->api_major, in->api_minor, in->build };
    g_autoptr (GByteArray) message = g_byte_array_new ();

    memset (f->report + 32, 0x5a, 16);
    if (in->api_major > 0 || in->api_minor >= 17)
        sev_put_bytes (message, head, sizeof head);
    sev_put_u32 (message, policy);
    sev_put_bytes (message, in->launch_digest, 32);
    sev_put_bytes (message, f->report + 32, 16);
    g_assert_true (
        sev_hmac_sha256 (keys + 16, 16, message->data, message->len, f->report, NULL));
    f->input.report = f->report;
    f->input.report_len = sizeof f->report;
}

static void
fixture_init (Fixture *f, guint32 policy, guint8 api_major, guint8 api_minor)
{
    memset (f, 0, sizeof *f);
    f->session = test_session (keys, policy);
    f->input.api_major = api_major;
    f->input.api_minor = api_minor;
    f->input.build = 7;
    memset (f->input.launch_digest, 0xd1, sizeof f->input.launch_digest);
    make_report (f, policy);
}

static void
fixture_clear (Fixture *f)
{
    policy_session_unref (f->session);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Fixture, fixture_clear)

static void
assert_verified (const Fixture *f)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (PolicyVerdict) verdict = policy_verdict_new ();
    g_autoptr (PolicyVerified) verified =
        policy_measure_verify (f->session, &f->input, verdict, &error);
    guint8 expected[32];

    g_assert_no_error (error);
    g_assert_nonnull (verified);
    g_assert_true (policy_verdict_check_passed (verdict, POLICY_CHECK_API));
    g_assert_true (policy_verdict_check_passed (verdict, POLICY_CHECK_MEASUREMENT));
    g_assert_true (
        policy_measure_expected (f->session, &f->input, f->report + 32, expected, NULL));
    g_assert_cmpmem (expected, 32, f->report, 32);
}

/* Sentences about an old API that a verdict on @f lists. */
static guint
n_unproven_of_age (const Fixture *f)
{
    g_autoptr (PolicyVerdict) verdict = policy_verdict_new ();
    g_autoptr (PolicyVerified) verified =
        policy_measure_verify (f->session, &f->input, verdict, NULL);
    GPtrArray *unproven = policy_verdict_get_unproven (verdict);
    guint n = 0;

    g_assert_nonnull (verified);
    for (guint i = 0; i < unproven->len; i++) {
        const char *text = g_ptr_array_index (unproven, i);
        g_assert_nonnull (strstr (text, "0.17"));
        n += strstr (text, "firmware version") != NULL;
        n += strstr (text, "secrets go to the measured launch only") != NULL;
    }
    return n;
}

static void
assert_not_verified (const Fixture *f, PolicyError code, PolicyCheck check, const char *id)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (PolicyVerdict) verdict = policy_verdict_new ();
    g_autoptr (PolicyVerified) verified =
        policy_measure_verify (f->session, &f->input, verdict, &error);

    g_assert_null (verified);
    g_assert_error (error, POLICY_ERROR, (int) code);
    g_assert_false (policy_verdict_check_passed (verdict, check));
    const PolicyReason *reason =
        g_ptr_array_index (policy_verdict_get_reasons (verdict), 0);
    g_assert_cmpstr (reason->id, ==, id);
}

#define MISMATCH                                                                           \
    POLICY_ERROR_MEASUREMENT_MISMATCH, POLICY_CHECK_MEASUREMENT, "measurement-mismatch"
#define MALFORMED                                                                          \
    POLICY_ERROR_MEASUREMENT_MALFORMED, POLICY_CHECK_MEASUREMENT, "measurement-malformed"
#define TOO_OLD POLICY_ERROR_API_TOO_OLD, POLICY_CHECK_API, "api-too-old"

static void
test_measure_refused (void)
{
    g_auto (Fixture) f = { 0 };

    fixture_init (&f, POLICY, 0, 24);
    assert_verified (&f);
    f.report[0] ^= 1;
    assert_not_verified (&f, MISMATCH);
    f.report[0] ^= 1;
    f.report[31] ^= 0x80;
    assert_not_verified (&f, MISMATCH);
    f.report[31] ^= 0x80;
    f.report[47] ^= 1;
    assert_not_verified (&f, MISMATCH);
    f.report[47] ^= 1;
    f.input.launch_digest[31] ^= 1;
    assert_not_verified (&f, MISMATCH);
    f.input.launch_digest[31] ^= 1;
    f.input.build++;
    assert_not_verified (&f, MISMATCH);
    f.input.build--;
    f.input.api_minor++;
    assert_not_verified (&f, MISMATCH);
    f.input.api_minor--;
    f.input.api_major++;
    assert_not_verified (&f, MISMATCH);
    f.input.api_major--;
    f.input.report_len = 47;
    assert_not_verified (&f, MALFORMED);
    f.input.report_len = 49;
    assert_not_verified (&f, MALFORMED);
    f.input.report_len = 0;
    f.input.report = NULL;
    assert_not_verified (&f, MALFORMED);

    /* The host launched with another policy than the owner's and measured that. */
    make_report (&f, POLICY & ~1u);
    assert_not_verified (&f, MISMATCH);
    make_report (&f, POLICY);
    assert_verified (&f);
}

/* The report is right each time; only the version decides. */
static void
test_measure_api (void)
{
    g_auto (Fixture) min_api = { 0 };
    g_auto (Fixture) enough = { 0 };
    g_auto (Fixture) old = { 0 };

    fixture_init (&enough, 0x18000001, 0, 24);
    assert_verified (&enough);
    g_assert_cmpuint (n_unproven_of_age (&enough), ==, 0);
    fixture_init (&min_api, 0x18000001, 0, 23);
    assert_not_verified (&min_api, TOO_OLD);
    /* Not even with legacy allowed: the policy is the owner's word. */
    min_api.input.allow_legacy = TRUE;
    assert_not_verified (&min_api, TOO_OLD);

    fixture_init (&old, 0x1, 0, 16);
    assert_not_verified (&old, TOO_OLD);
    old.input.allow_legacy = TRUE;
    assert_verified (&old);
    g_assert_cmpuint (n_unproven_of_age (&old), ==, 2);
    g_autoptr (PolicyVerified) verified =
        policy_measure_verify (old.session, &old.input, NULL, NULL);
    g_assert_true (policy_verified_is_legacy (verified));
    /* A new platform that answers by the old formula is refused, legacy or not. */
    old.input.api_minor = 17;
    assert_not_verified (&old, MISMATCH);
}

static int
temporary_file (const void *data, gsize len)
{
    g_autofree char *name = NULL;
    const int fd = g_file_open_tmp ("sl-policy-XXXXXX", &name, NULL);

    g_assert_cmpint (fd, >=, 0);
    g_assert_cmpint (g_unlink (name), ==, 0);
    g_assert_cmpint (write (fd, data, len), ==, (gssize) len);
    return fd;
}

/* Digest of fw8k.bin: vector lv-sev-fw, which sev-snp-measure confirms. */
static void
test_digest (void)
{
    g_autoptr (GBytes) firmware = test_vector_load ("inputs/fw8k.bin");
    g_autoptr (GBytes) want =
        test_unhex ("0f9800e27bb99166e0ae7604614019a1a18eb9a39e076c4c3fb97007f73f9b44");
    guint8 whole[32], got[32];
    g_autoptr (GError) error = NULL;
    guint64 len = 0;
    gsize size;
    const guint8 *data = g_bytes_get_data (firmware, &size);

    g_assert_true (policy_launch_digest (data, size, NULL, NULL, whole, &error));
    g_assert_no_error (error);
    g_assert_cmpbytes (want, whole, 32);
    const int fd = temporary_file (data, size);
    g_assert_true (policy_file_sha256_fd (fd, 8192, got, &len, &error));
    g_assert_no_error (error);
    g_assert_cmpuint (len, ==, 8192);
    g_assert_cmpbytes (want, got, 32);
    g_assert_false (policy_file_sha256_fd (fd, 8191, got, &len, &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_IO);
    close (fd);
}

/* --- packet ------------------------------------------------------------------------ */

static PolicyVerdict *
accepted_but (const PolicyCheck *missing)
{
    PolicyVerdict *verdict = policy_verdict_new ();

    for (guint i = 0; i < POLICY_N_CHECKS; i++)
        if (missing == NULL || (PolicyCheck) i != *missing)
            policy_verdict_pass (verdict, (PolicyCheck) i);
    policy_verdict_set_judged_on (verdict, POLICY_JUDGED_OWNER_MACHINE);
    return verdict;
}

static void
assert_no_packet (const PolicyVerified *verified,
                  const PolicyVerdict *verdict,
                  gsize table_len,
                  gsize limit,
                  PolicyError code)
{
    g_autoptr (SevSecret) table = sev_secret_new (table_len);
    g_autoptr (GError) error = NULL;
    g_autoptr (PolicyPacket) packet =
        policy_packet_new (verified, verdict, table, limit, &error);

    g_assert_null (packet);
    g_assert_error (error, POLICY_ERROR, (int) code);
}

static void
test_packet (void)
{
    g_auto (Fixture) f = { 0 };
    g_autoptr (PolicyVerdict) verdict = accepted_but (NULL);
    g_autoptr (SevSecret) table = sev_secret_new (64);
    g_autoptr (GError) error = NULL;
    guint8 plain[64];

    fixture_init (&f, POLICY, 1, 55);
    memset (sev_secret_writable (table), 0x41, 64);
    g_autoptr (PolicyVerified) verified =
        policy_measure_verify (f.session, &f.input, verdict, &error);
    g_assert_no_error (error);
    g_autoptr (PolicyPacket) a = policy_packet_new (verified, verdict, table, 64, &error);
    g_assert_no_error (error);
    g_autoptr (PolicyPacket) b = policy_packet_new (verified, verdict, table, 64, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (g_bytes_get_size (policy_packet_get_header (a)), ==, 52);
    g_assert_cmpuint (g_bytes_get_size (policy_packet_get_data (a)), ==, 64);
    /* A fresh IV each time, else the second packet would tell what the first one hides. */
    g_assert_false (g_bytes_equal (policy_packet_get_data (a), policy_packet_get_data (b)));
    const guint8 *header = g_bytes_get_data (policy_packet_get_header (a), NULL);
    g_assert_true (sev_aes128_ctr (keys, header + 4,
                                   g_bytes_get_data (policy_packet_get_data (a), NULL),
                                   plain, sizeof plain, NULL));
    g_assert_cmpmem (plain, 64, sev_secret_data (table), 64);

    assert_no_packet (verified, verdict, 80, 64, POLICY_ERROR_SECRET_TOO_LARGE);
    assert_no_packet (verified, verdict, 60, 64, POLICY_ERROR_SECRET_TOO_LARGE);
    assert_no_packet (verified, verdict, 16400, 65536, POLICY_ERROR_SECRET_TOO_LARGE);
    /* An accepted verdict, but of something else. */
    g_autoptr (PolicyVerdict) other = accepted_but (NULL);
    assert_no_packet (verified, other, 64, 64, POLICY_ERROR_NOT_ACCEPTED);
}

/* Each check that is missing alone keeps the secret back. */
static void
test_packet_needs_every_check (void)
{
    for (guint i = 0; i < POLICY_N_CHECKS; i++) {
        const PolicyCheck check = (PolicyCheck) i;
        g_auto (Fixture) f = { 0 };
        g_autoptr (PolicyVerdict) verdict = accepted_but (&check);

        fixture_init (&f, POLICY, 1, 55);
        g_autoptr (PolicyVerified) verified =
            policy_measure_verify (f.session, &f.input, verdict, NULL);
        g_assert_nonnull (verified);
        if (check == POLICY_CHECK_API || check == POLICY_CHECK_MEASUREMENT) {
            g_assert_true (policy_verdict_is_accepted (verdict));
            policy_verdict_fail (verdict, check, "test", "test");
        }
        assert_no_packet (verified, verdict, 64, 64, POLICY_ERROR_NOT_ACCEPTED);
    }
}

/* Without a verdict from the start there is nothing that could release. */
static void
test_packet_needs_the_verdict (void)
{
    g_auto (Fixture) f = { 0 };
    g_autoptr (PolicyVerdict) verdict = accepted_but (NULL);

    fixture_init (&f, POLICY, 1, 55);
    g_autoptr (PolicyVerified) verified =
        policy_measure_verify (f.session, &f.input, NULL, NULL);
    g_assert_nonnull (verified);
    assert_no_packet (verified, verdict, 64, 64, POLICY_ERROR_NOT_ACCEPTED);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    g_test_add_func ("/session/opens", test_session_opens);
    g_test_add_func ("/session/refused", test_session_refused);
    g_test_add_func ("/session/given-refused", test_session_given_refused);
    g_test_add_func ("/session/given-bound", test_session_given_bound);
    g_test_add_func ("/session/given-unbound", test_session_given_unbound);
    g_test_add_func ("/measure/refused", test_measure_refused);
    g_test_add_func ("/measure/api", test_measure_api);
    g_test_add_func ("/measure/digest", test_digest);
    g_test_add_func ("/packet/good", test_packet);
    g_test_add_func ("/packet/every-check", test_packet_needs_every_check);
    g_test_add_func ("/packet/the-verdict", test_packet_needs_the_verdict);
    return g_test_run ();
}
