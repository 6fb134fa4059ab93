/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/attest/chain.h"

#include <string.h>

#include "policy/attest/chain-private.h"
#include "policy/policy-error.h"
#include "sev/crypto/sev-digest.h"
#include "sev/wire/sev-cert-wire.h"

PolicyChain *
policy_chain_ref (PolicyChain *chain)
{
    g_return_val_if_fail (chain != NULL, NULL);
    g_atomic_ref_count_inc (&chain->refs);
    return chain;
}

void
policy_chain_unref (PolicyChain *chain)
{
    if (chain == NULL || !g_atomic_ref_count_dec (&chain->refs))
        return;
    for (guint i = 0; i < POLICY_N_LINKS; i++)
        g_free (chain->links[i].problem);
    g_free (chain->owner_fingerprint);
    g_free (chain->root_fingerprint);
    if (chain->pdh_key != NULL)
        sev_ec_key_unref (chain->pdh_key);
    g_free (chain);
}

const char *
policy_platform_kind_name (PolicyPlatformKind kind)
{
    switch (kind) {
    case POLICY_PLATFORM_SEV:
        return "sev";
    case POLICY_PLATFORM_EMULATED:
        return "emulated";
    case POLICY_PLATFORM_UNKNOWN:
        break;
    }
    return "unknown";
}

gboolean
policy_chain_links_ok (const PolicyChain *chain)
{
    g_return_val_if_fail (chain != NULL, FALSE);
    return chain->links_ok;
}

gboolean
policy_chain_is_verified (const PolicyChain *chain)
{
    g_return_val_if_fail (chain != NULL, FALSE);
    return chain->links_ok && chain->kind != POLICY_PLATFORM_UNKNOWN;
}

static void
set_link_error (const PolicyChain *chain, GError **error)
{
    const PolicyError code = chain->cek_differs   ? POLICY_ERROR_CHAIN_CEK_MISMATCH
                             : chain->undecodable ? POLICY_ERROR_CHAIN_MALFORMED
                                                  : POLICY_ERROR_CHAIN_UNVERIFIED;
    const char *problem = "a certificate is missing";

    for (guint i = POLICY_N_LINKS; i > 0; i--)
        if (!chain->links[i - 1].ok)
            problem = chain->links[i - 1].problem;
    g_set_error (error, POLICY_ERROR, code, "platform's certificate chain: %s", problem);
}

static void
set_root_error (const PolicyChain *chain, GError **error)
{
    if (chain->amd_root)
        g_set_error_literal (error, POLICY_ERROR, POLICY_ERROR_CHAIN_ROOT_UNTRUSTED,
                             "platform's certificate chain: AMD's root with the key ids "
                             "of an emulated platform");
    else if (chain->says_emulated)
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_CHAIN_ROOT_UNTRUSTED,
                     "the platform is EMULATED, and its root %s is not among the owner's "
                     "trusted roots (sevlaunch emulator trust adds it)",
                     chain->root_fingerprint);
    else
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_CHAIN_ROOT_UNTRUSTED,
                     "platform's certificate chain ends in the unknown root %s: neither "
                     "AMD's nor among the owner's trusted roots",
                     chain->root_fingerprint);
}

gboolean
policy_chain_require (const PolicyChain *chain, GError **error)
{
    g_return_val_if_fail (chain != NULL, FALSE);

    if (!chain->links_ok) {
        set_link_error (chain, error);
        return FALSE;
    }
    if (chain->kind == POLICY_PLATFORM_UNKNOWN) {
        set_root_error (chain, error);
        return FALSE;
    }
    return TRUE;
}

static gboolean
is_told_before (const PolicyChain *chain, guint link)
{
    for (guint i = 0; i < link; i++)
        if (!chain->links[i].ok &&
            strcmp (chain->links[i].problem, chain->links[link].problem) == 0)
            return TRUE;
    return FALSE;
}

static void
judge_links (const PolicyChain *chain, gboolean absent_too, PolicyVerdict *verdict)
{
    g_autoptr (GError) error = NULL;
    guint told = 0;

    if (chain->links_ok) {
        policy_verdict_pass (verdict, POLICY_CHECK_CHAIN);
        return;
    }
    set_link_error (chain, &error);
    for (guint i = 0; i < POLICY_N_LINKS; i++) {
        const PolicyLink *link = &chain->links[i];

        if (link->ok || (link->absent && !absent_too) || is_told_before (chain, i))
            continue;
        policy_verdict_fail (verdict, POLICY_CHECK_CHAIN, policy_error_id (error),
                             "platform's certificate chain: %s", link->problem);
        told++;
    }
    if (told == 0 && absent_too)
        policy_verdict_fail_error (verdict, POLICY_CHECK_CHAIN, error);
}

static void
judge (const PolicyChain *chain, gboolean absent_too, PolicyVerdict *verdict)
{
    g_autoptr (GError) error = NULL;

    judge_links (chain, absent_too, verdict);
    /* Without an ARK there is no root to speak of. */
    if (chain->root_known) {
        if (chain->links_ok)
            policy_verdict_pass (verdict, POLICY_CHECK_ROOT);
    } else if (chain->root_fingerprint != NULL) {
        set_root_error (chain, &error);
        policy_verdict_fail_error (verdict, POLICY_CHECK_ROOT, error);
    }
}

void
policy_chain_judge (const PolicyChain *chain, PolicyVerdict *verdict)
{
    g_return_if_fail (chain != NULL && verdict != NULL);

    judge (chain, TRUE, verdict);
}

void
policy_chain_judge_given (const PolicyChain *chain, PolicyVerdict *verdict)
{
    g_return_if_fail (chain != NULL && verdict != NULL);

    judge (chain, FALSE, verdict);
}

gboolean
policy_oca_fingerprint (GBytes *oca, PolicyFingerprint *out, GError **error)
{
    g_autoptr (GError) local = NULL;
    SevCert cert;
    gsize len;

    g_return_val_if_fail (oca != NULL && out != NULL, FALSE);

    const guint8 *data = g_bytes_get_data (oca, &len);
    if (!sev_cert_decode (data, len, &cert, NULL) || cert.pubkey_usage != SEV_USAGE_OCA) {
        g_set_error_literal (error, POLICY_ERROR, POLICY_ERROR_PLATFORM_FILE,
                             "not the certificate of a platform's owner (OCA)");
        return FALSE;
    }
    if (sev_sha256 (cert.pubkey, sizeof cert.pubkey, out->bytes, &local))
        return TRUE;
    g_set_error_literal (error, POLICY_ERROR, POLICY_ERROR_INTERNAL, local->message);
    return FALSE;
}

gboolean
policy_chain_require_owner (const PolicyChain *chain,
                            const PolicyFingerprint *owner,
                            GError **error)
{
    g_return_val_if_fail (chain != NULL && owner != NULL, FALSE);

    g_autofree char *wanted = policy_fingerprint_to_text (owner);
    if (chain->owner_fingerprint == NULL) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_PLATFORM_OWNER,
                     "the platform's owner is not shown by a chain that does not verify; "
                     "%s was asked for",
                     wanted);
        return FALSE;
    }
    if (strcmp (wanted, chain->owner_fingerprint) == 0)
        return TRUE;
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_PLATFORM_OWNER,
                 "the platform's owner is %s (%s), %s was asked for",
                 chain->owner_fingerprint, chain->owner, wanted);
    return FALSE;
}

const PolicyLink *
policy_chain_get_link (const PolicyChain *chain, PolicyLinkId id)
{
    g_return_val_if_fail (chain != NULL && (guint) id < POLICY_N_LINKS, NULL);
    return &chain->links[id];
}

PolicyPlatformKind
policy_chain_get_kind (const PolicyChain *chain)
{
    g_return_val_if_fail (chain != NULL, POLICY_PLATFORM_UNKNOWN);
    return chain->kind;
}

const char *
policy_chain_get_generation (const PolicyChain *chain)
{
    g_return_val_if_fail (chain != NULL, NULL);
    return chain->generation;
}

void
policy_chain_get_pek_api (const PolicyChain *chain, guint8 *major, guint8 *minor)
{
    g_return_if_fail (chain != NULL && major != NULL && minor != NULL);
    *major = chain->api_major;
    *minor = chain->api_minor;
}

const char *
policy_chain_get_owner (const PolicyChain *chain)
{
    g_return_val_if_fail (chain != NULL, NULL);
    return chain->owner;
}

const char *
policy_chain_get_owner_fingerprint (const PolicyChain *chain)
{
    g_return_val_if_fail (chain != NULL, NULL);
    return chain->owner_fingerprint;
}

const SevEcKey *
policy_chain_get_pdh_key (const PolicyChain *chain)
{
    g_return_val_if_fail (chain != NULL, NULL);
    return chain->pdh_key;
}

const char *
policy_chain_get_root_fingerprint (const PolicyChain *chain)
{
    g_return_val_if_fail (chain != NULL, NULL);
    return chain->root_fingerprint;
}

gboolean
policy_chain_says_emulated (const PolicyChain *chain)
{
    g_return_val_if_fail (chain != NULL, FALSE);
    return chain->says_emulated;
}

gboolean
policy_split_ca (GBytes *ca, GBytes **ask, GBytes **ark, GError **error)
{
    g_return_val_if_fail (ca != NULL && ask != NULL && ark != NULL, FALSE);

    const gsize len = g_bytes_get_size (ca);
    if (len != 2 * SEV_AMD_CERT_SIZE_2048 && len != 2 * SEV_AMD_CERT_SIZE_4096) {
        g_set_error (
            error, POLICY_ERROR, POLICY_ERROR_CHAIN_MALFORMED,
            "ASK and ARK certificates: %" G_GSIZE_FORMAT " bytes, expected %u or %u%s", len,
            2 * SEV_AMD_CERT_SIZE_2048, 2 * SEV_AMD_CERT_SIZE_4096,
            len == 1408 ? " (AMD published the Naples ARK without its signature)" : "");
        return FALSE;
    }
    *ask = g_bytes_new_from_bytes (ca, 0, len / 2);
    *ark = g_bytes_new_from_bytes (ca, len / 2, len / 2);
    return TRUE;
}
