/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A platform's chain.  Byte 0 says which of CEK (1), ASK (2) and ARK (4) come, and that ASK
 * and ARK have keys of 4096 bits (8); then PDH, PEK || OCA || CEK, CEK, ASK, ARK, each cut
 * off where the input ends.  The corpus begins with a real machine's.
 */

#include <stdint.h>
#include <string.h>

#include "policy/attest/chain.h"

#define PDH_SIZE 2084u
#define CHAIN_SIZE 6252u
#define AMD_2048_SIZE 832u
#define AMD_4096_SIZE 1600u

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static GBytes *
take (const uint8_t **data, size_t *size, gsize len)
{
    const gsize n = MIN (len, *size);
    GBytes *bytes = g_bytes_new (*data, n);

    *data += n;
    *size -= n;
    return bytes;
}

static void
check_unknown (const PolicyChain *chain)
{
    g_assert_cmpint (policy_chain_get_kind (chain), ==, POLICY_PLATFORM_UNKNOWN);
    g_assert_null (policy_chain_get_generation (chain));
    g_assert_null (policy_chain_get_owner (chain));
    g_assert_null (policy_chain_get_pdh_key (chain));
}

static void
check (const PolicyChain *chain)
{
    gboolean all = TRUE;
    g_autoptr (GError) error = NULL;
    g_autoptr (PolicyVerdict) verdict = policy_verdict_new ();

    for (guint i = 0; i < POLICY_N_LINKS; i++) {
        const PolicyLink *link = policy_chain_get_link (chain, (PolicyLinkId) i);

        g_assert_true (link->ok == (link->problem == NULL));
        all = all && link->ok;
    }
    g_assert_true (policy_chain_links_ok (chain) == all);
    const gboolean verified = policy_chain_is_verified (chain);
    g_assert_true (policy_chain_require (chain, &error) == verified);
    g_assert_true (verified == (error == NULL));
    policy_chain_judge (chain, verdict);
    g_assert_true (policy_verdict_has_failed (verdict) == !verified);
    g_assert_false (policy_verdict_is_accepted (verdict));
    if (!verified) {
        check_unknown (chain);
        return;
    }

    PolicyFingerprint root;
    g_assert_true (all);
    /* No root is trusted here but AMD's. */
    g_assert_cmpint (policy_chain_get_kind (chain), ==, POLICY_PLATFORM_SEV);
    g_assert_true (
        policy_fingerprint_parse (policy_chain_get_root_fingerprint (chain), &root, NULL));
    g_assert_cmpstr (policy_builtin_root_name (&root), ==,
                     policy_chain_get_generation (chain));
    g_assert_nonnull (policy_chain_get_pdh_key (chain));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;

    const guint flags = *data++;
    const gsize amd = (flags & 8) != 0 ? AMD_4096_SIZE : AMD_2048_SIZE;
    size--;
    g_autoptr (GBytes) pdh = take (&data, &size, PDH_SIZE);
    g_autoptr (GBytes) middle = take (&data, &size, CHAIN_SIZE);
    g_autoptr (GBytes) cek = (flags & 1) != 0 ? take (&data, &size, PDH_SIZE) : NULL;
    g_autoptr (GBytes) ask = (flags & 2) != 0 ? take (&data, &size, amd) : NULL;
    g_autoptr (GBytes) ark = (flags & 4) != 0 ? take (&data, &size, amd) : NULL;
    const PolicyChainInput input = {
        .pdh = pdh, .cert_chain = middle, .cek = cek, .ask = ask, .ark = ark
    };
    g_autoptr (GError) error = NULL;
    g_autoptr (PolicyChain) chain = policy_chain_verify (&input, NULL, &error);

    g_assert_no_error (error);
    check (chain);
    return 0;
}
