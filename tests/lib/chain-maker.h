/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "policy/attest/chain.h"
#include "policy/attest/owner-session.h"
#include "sev/crypto/sev-ec.h"
#include "sev/crypto/sev-rsa.h"
#include "sev/wire/sev-cert-wire.h"

/*
 * A whole chain with keys of its own, any field of which a test may change: before
 * test_chain_sign(), so that every signature is right and only that field is wrong, or
 * after, so that only a signature is wrong.
 */
typedef struct {
    SevRsaKey *ark_key, *ask_key;
    SevEcKey *cek_key, *oca_key, *pek_key, *pdh_key;
    SevAmdCert ark, ask;
    SevCert cek; /* signed by the ASK */
    SevCert oca, pek, pdh;
} TestChain;

/** test_chain_new: a right and signed chain, ARK and ASK of 2048 bits; only the other keys
 * are new each time */
TestChain *test_chain_new (void);
/** test_chain_new_other_root: the same with other ARK and ASK keys */
TestChain *test_chain_new_other_root (void);
void test_chain_free (TestChain *chain);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TestChain, test_chain_free)

/** test_chain_sign: signs everything again, over what the fields now hold */
void test_chain_sign (TestChain *chain);
/** test_cert_sign: fills one slot; the hash follows the signer's algorithm */
void test_cert_sign (SevCert *cert,
                     guint slot,
                     const SevEcKey *key,
                     SevUsage usage,
                     guint32 algo);

/** test_chain_bytes: Returns: (transfer full): 2084 bytes */
GBytes *test_cert_bytes (const SevCert *cert);
GBytes *test_amd_cert_bytes (const SevAmdCert *cert);

/** TestChainInput: owns what its member points to */
typedef struct {
    PolicyChainInput input;
} TestChainInput;
void test_chain_input_init (TestChainInput *out, const TestChain *chain);
void test_chain_input_clear (TestChainInput *in);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TestChainInput, test_chain_input_clear)

/** test_chain_roots: Returns: (transfer full): trusts this chain's ARK and nothing else */
PolicyRoots *test_chain_roots (const TestChain *chain);
/** test_chain_verified: Returns: (transfer full): the verdict, EMULATED, made once a
 * process */
PolicyChain *test_chain_verified (void);
/** test_chain_shared: Returns: (transfer none): the chain of test_chain_verified() */
const TestChain *test_chain_shared (void);

/** test_owner_cert: an owner's certificate of @key, empty signature slots */
void test_owner_cert (SevCert *cert, const SevEcKey *key);

/**
 * test_session: Returns: (transfer full): a session with these keys on the shared chain
 * @tek_tik: 32 bytes, TEK and then TIK
 */
PolicySession *test_session (const guint8 *tek_tik, guint32 policy);
