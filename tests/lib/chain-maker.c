/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/lib/chain-maker.h"

#include <string.h>

#include "sev/crypto/sev-hmac.h"
#include "tests/lib/test-vectors.h"

static void
sign_amd (SevAmdCert *cert, const SevRsaKey *key)
{
    g_autoptr (GByteArray) body = sev_amd_cert_encode_body (cert);
    const SevHash hash = sev_rsa_key_bytes (key) == 256 ? SEV_HASH_SHA256 : SEV_HASH_SHA384;

    g_assert_true (sev_rsa_sign (key, hash, body->data, body->len, cert->signature, NULL));
}

void
test_cert_sign (SevCert *cert,
                guint slot,
                const SevEcKey *key,
                SevUsage usage,
                guint32 algo)
{
    guint8 body[SEV_CERT_BODY_SIZE];
    SevEcSignature signature;

    sev_cert_encode_body (cert, body);
    g_assert_true (
        sev_ec_sign (key, algo == SEV_ALGO_ECDSA_SHA384 ? SEV_HASH_SHA384 : SEV_HASH_SHA256,
                     body, sizeof body, &signature, NULL));
    sev_cert_sig_set_ec (&cert->sig[slot], usage, (SevAlgo) algo, &signature);
}

static void
sign_cek (TestChain *chain)
{
    SevCertSig *sig = &chain->cek.sig[0];
    guint8 body[SEV_CERT_BODY_SIZE];
    const gboolean small = sev_rsa_key_bytes (chain->ask_key) == 256;

    sev_cert_encode_body (&chain->cek, body);
    sev_cert_sig_clear (sig);
    sig->usage = SEV_USAGE_ASK;
    sig->algo = small ? SEV_ALGO_RSA_SHA256 : SEV_ALGO_RSA_SHA384;
    g_assert_true (sev_rsa_sign (chain->ask_key, small ? SEV_HASH_SHA256 : SEV_HASH_SHA384,
                                 body, sizeof body, sig->bytes, NULL));
}

void
test_chain_sign (TestChain *chain)
{
    sign_amd (&chain->ark, chain->ark_key);
    sign_amd (&chain->ask, chain->ark_key);
    sign_cek (chain);
    test_cert_sign (&chain->oca, 0, chain->oca_key, SEV_USAGE_OCA, chain->oca.pubkey_algo);
    test_cert_sign (&chain->pek, 0, chain->oca_key, SEV_USAGE_OCA, chain->oca.pubkey_algo);
    test_cert_sign (&chain->pek, 1, chain->cek_key, SEV_USAGE_CEK, chain->cek.pubkey_algo);
    test_cert_sign (&chain->pdh, 0, chain->pek_key, SEV_USAGE_PEK, chain->pek.pubkey_algo);
}

static void
init_amd (SevAmdCert *cert, const SevRsaKey *key, SevUsage usage, const char *id)
{
    memset (cert, 0, sizeof *cert);
    cert->version = 1;
    cert->usage = usage;
    memcpy (cert->key_id, id, sizeof cert->key_id);
    memcpy (cert->certifying_id, "EMULATED-SEVLNCH", sizeof cert->certifying_id);
    sev_amd_cert_set_key (cert, key);
}

static SevEcKey *
init_ec (SevCert *cert, SevUsage usage, SevAlgo algo)
{
    SevEcKey *key = sev_ec_key_generate (SEV_CURVE_P384, NULL);

    g_assert_nonnull (key);
    sev_cert_init (cert, usage, algo);
    cert->api_major = 1;
    cert->api_minor = 55;
    sev_cert_set_ec_key (cert, key);
    return key;
}

/* RSA keys take long to make: a process makes each once. */
static SevRsaKey *
pool_key (guint index)
{
    static SevRsaKey *pool[4];

    g_assert_cmpuint (index, <, G_N_ELEMENTS (pool));
    if (pool[index] == NULL)
        pool[index] = sev_rsa_key_generate (2048, NULL);
    g_assert_nonnull (pool[index]);
    return sev_rsa_key_ref (pool[index]);
}

static TestChain *
chain_new (guint first_key)
{
    TestChain *chain = g_new0 (TestChain, 1);

    chain->ark_key = pool_key (first_key);
    chain->ask_key = pool_key (first_key + 1);
    init_amd (&chain->ark, chain->ark_key, SEV_USAGE_ARK, "EMULATED-SEVLNCH");
    init_amd (&chain->ask, chain->ask_key, SEV_USAGE_ASK, "EMULATED-SEVLNCA");
    chain->cek_key = init_ec (&chain->cek, SEV_USAGE_CEK, SEV_ALGO_ECDSA_SHA256);
    chain->oca_key = init_ec (&chain->oca, SEV_USAGE_OCA, SEV_ALGO_ECDSA_SHA256);
    chain->pek_key = init_ec (&chain->pek, SEV_USAGE_PEK, SEV_ALGO_ECDSA_SHA256);
    chain->pdh_key = init_ec (&chain->pdh, SEV_USAGE_PDH, SEV_ALGO_ECDH_SHA256);
    test_chain_sign (chain);
    return chain;
}

TestChain *
test_chain_new (void)
{
    return chain_new (0);
}

TestChain *
test_chain_new_other_root (void)
{
    return chain_new (2);
}

void
test_chain_free (TestChain *chain)
{
    sev_rsa_key_unref (chain->ark_key);
    sev_rsa_key_unref (chain->ask_key);
    sev_ec_key_unref (chain->cek_key);
    sev_ec_key_unref (chain->oca_key);
    sev_ec_key_unref (chain->pek_key);
    sev_ec_key_unref (chain->pdh_key);
    g_free (chain);
}

GBytes *
test_cert_bytes (const SevCert *cert)
{
    guint8 bytes[SEV_CERT_SIZE];

    sev_cert_encode (cert, bytes);
    return g_bytes_new (bytes, sizeof bytes);
}

GBytes *
test_amd_cert_bytes (const SevAmdCert *cert)
{
    return g_byte_array_free_to_bytes (sev_amd_cert_encode (cert));
}

void
test_chain_input_init (TestChainInput *out, const TestChain *chain)
{
    SevCert bare = chain->cek;
    sev_cert_sig_clear (&bare.sig[0]);
    g_autoptr (GBytes) pek = test_cert_bytes (&chain->pek);
    g_autoptr (GBytes) oca = test_cert_bytes (&chain->oca);
    g_autoptr (GBytes) cek = test_cert_bytes (&bare);
    GBytes *parts[] = { pek, oca, cek };

    out->input.pdh = test_cert_bytes (&chain->pdh);
    out->input.cert_chain = test_cat (parts, G_N_ELEMENTS (parts));
    out->input.cek = test_cert_bytes (&chain->cek);
    out->input.ask = test_amd_cert_bytes (&chain->ask);
    out->input.ark = test_amd_cert_bytes (&chain->ark);
}

void
test_chain_input_clear (TestChainInput *in)
{
    g_clear_pointer (&in->input.pdh, g_bytes_unref);
    g_clear_pointer (&in->input.cert_chain, g_bytes_unref);
    g_clear_pointer (&in->input.cek, g_bytes_unref);
    g_clear_pointer (&in->input.ask, g_bytes_unref);
    g_clear_pointer (&in->input.ark, g_bytes_unref);
}

PolicyRoots *
test_chain_roots (const TestChain *chain)
{
    PolicyRoots *roots = policy_roots_new ();
    PolicyFingerprint fingerprint;

    g_assert_true (policy_root_fingerprint (&chain->ark, &fingerprint, NULL));
    policy_roots_add (roots, &fingerprint);
    return roots;
}

const TestChain *
test_chain_shared (void)
{
    static TestChain *chain;

    if (chain == NULL)
        chain = test_chain_new ();
    return chain;
}

PolicyChain *
test_chain_verified (void)
{
    static PolicyChain *verified;

    if (verified == NULL) {
        g_auto (TestChainInput) in = { 0 };
        g_autoptr (PolicyRoots) roots = test_chain_roots (test_chain_shared ());
        test_chain_input_init (&in, test_chain_shared ());
        verified = policy_chain_verify (&in.input, roots, NULL);
        g_assert_true (policy_chain_is_verified (verified));
    }
    return policy_chain_ref (verified);
}

void
test_owner_cert (SevCert *cert, const SevEcKey *key)
{
    sev_cert_init (cert, SEV_USAGE_PDH, SEV_ALGO_ECDH_SHA256);
    sev_cert_set_ec_key (cert, key);
}

PolicySession *
test_session (const guint8 *tek_tik, guint32 policy)
{
    const guint32 policy_le = GUINT32_TO_LE (policy);
    g_autoptr (PolicyChain) chain = test_chain_verified ();
    g_autoptr (SevEcKey) key = sev_ec_key_generate (SEV_CURVE_P384, NULL);
    g_autoptr (SevSecret) tek = sev_secret_new_copy (tek_tik, SEV_KEY_SIZE);
    g_autoptr (SevSecret) tik = sev_secret_new_copy (tek_tik + SEV_KEY_SIZE, SEV_KEY_SIZE);
    g_autoptr (GError) error = NULL;
    SevSessionWire wire = { 0 };
    SevCert cert;

    test_owner_cert (&cert, key);
    g_assert_true (sev_hmac_sha256 (tek_tik + SEV_KEY_SIZE, SEV_KEY_SIZE, &policy_le,
                                    sizeof policy_le, wire.policy_mac, NULL));
    g_autoptr (GBytes) blob = g_bytes_new (&wire, sizeof wire);
    PolicySession *session =
        policy_session_new_given (chain, &cert, NULL, blob, tek, tik, policy, &error);
    g_assert_no_error (error);
    return session;
}
