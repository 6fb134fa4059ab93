/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "policy/roots.h"
#include "policy/verdict.h"
#include "sev/crypto/sev-ec.h"

G_BEGIN_DECLS

/**
 * SECTION: chain
 * @short_description: is this platform genuine, and whose is it
 *
 *     ARK (self) --> ASK --> CEK --\
 *                                   PEK --> PDH
 *                  OCA (self) -----/
 *
 * Every certificate comes from the host and is untrusted until the chain verifies.  What
 * the platform is, is decided by the ARK key alone: one of AMD's makes it
 * %POLICY_PLATFORM_SEV, one in the owner's trusted roots %POLICY_PLATFORM_EMULATED, any
 * other leaves it unknown and the chain unaccepted.
 *
 * Source: AMD 55766, appendix C and chapter 2; values of reserved and padding bytes as in
 * the chains of real machines.  Stricter than AMD's sev-tool: OCA self-signature and ARK
 * signature are required, key ids compared over all 16 bytes, curve, padding and empty
 * slots checked.
 */

/** PolicyChainInput: what the host gave; borrowed for the call */
typedef struct {
    GBytes *pdh;        /* 2084 bytes, or a file that begins with a PDH certificate */
    GBytes *cert_chain; /* PEK || OCA || CEK, 6252 bytes (query-sev-capabilities); or
                           %NULL, and each by itself: */
    GBytes *pek, *oca, *own_cek; /* (nullable): looked at without @cert_chain only */
    GBytes *cek; /* (nullable): CEK with the ASK's signature, 2084 bytes; without it
                    the one in cert_chain must be signed */
    GBytes *ask; /* (nullable): without it the chain cannot verify */
    GBytes *ark; /* (nullable) */
} PolicyChainInput;

typedef enum {
    POLICY_PLATFORM_UNKNOWN,
    POLICY_PLATFORM_SEV,
    POLICY_PLATFORM_EMULATED,
} PolicyPlatformKind;

/** policy_platform_kind_name: "sev", "emulated" or "unknown"; static storage */
const char *policy_platform_kind_name (PolicyPlatformKind kind);

typedef enum {
    POLICY_LINK_ARK_SELF,
    POLICY_LINK_ASK_BY_ARK,
    POLICY_LINK_CEK_BY_ASK,
    POLICY_LINK_PEK_BY_CEK,
    POLICY_LINK_OCA_SELF,
    POLICY_LINK_PEK_BY_OCA,
    POLICY_LINK_PDH_BY_PEK,
} PolicyLinkId;
#define POLICY_N_LINKS 7u

/** PolicyLink: verdict on one signature and on the form of the two certificates it joins */
typedef struct {
    PolicyLinkId id;
    const char *subject; /* "ASK" */
    const char *signer;  /* "ARK" */
    gboolean ok;
    char *problem;   /* (nullable): why not; %NULL if @ok */
    gboolean absent; /* not @ok only because a certificate of AMD's is missing */
} PolicyLink;

/** PolicyChain: the verdict on a chain; immutable, reference-counted */
typedef struct _PolicyChain PolicyChain;

/**
 * policy_chain_verify:
 * @roots: (nullable): the owner's trusted roots
 *
 * Returns: (transfer full): the verdict, also for a chain that does not verify;
 *   %NULL only on internal failure
 * Errors: %POLICY_ERROR_INTERNAL.
 */
PolicyChain *policy_chain_verify (const PolicyChainInput *input,
                                  const PolicyRoots *roots,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
PolicyChain *policy_chain_ref (PolicyChain *chain);
void policy_chain_unref (PolicyChain *chain);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PolicyChain, policy_chain_unref)

/** policy_chain_links_ok: every link verifies; says nothing of the root */
gboolean policy_chain_links_ok (const PolicyChain *chain);
/** policy_chain_is_verified: every link verifies and the root is AMD's or trusted */
gboolean policy_chain_is_verified (const PolicyChain *chain);
/**
 * policy_chain_require:
 * Errors: %POLICY_ERROR_CHAIN_MALFORMED, %POLICY_ERROR_CHAIN_CEK_MISMATCH,
 *   %POLICY_ERROR_CHAIN_UNVERIFIED, %POLICY_ERROR_CHAIN_ROOT_UNTRUSTED.
 */
gboolean policy_chain_require (const PolicyChain *chain,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
/**
 * policy_chain_require_owner:
 * @owner: fingerprint of the OCA key that the platform must have; see
 *   policy_chain_get_owner_fingerprint()
 * Errors: %POLICY_ERROR_PLATFORM_OWNER; also for a chain that is not verified, whose owner
 *   nobody has shown.
 */
gboolean policy_chain_require_owner (const PolicyChain *chain,
                                     const PolicyFingerprint *owner,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
/**
 * policy_oca_fingerprint:
 * @oca: an OCA certificate, 2084 bytes
 * Errors: %POLICY_ERROR_PLATFORM_FILE (it is no OCA certificate), %POLICY_ERROR_INTERNAL.
 */
gboolean policy_oca_fingerprint (GBytes *oca,
                                 PolicyFingerprint *out,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** policy_chain_judge: records %POLICY_CHECK_CHAIN and %POLICY_CHECK_ROOT, with a reason
 * for every defect */
void policy_chain_judge (const PolicyChain *chain, PolicyVerdict *verdict);
/** policy_chain_judge_given: the same without what is @absent, for a caller who has
 * recorded why it could not be had */
void policy_chain_judge_given (const PolicyChain *chain, PolicyVerdict *verdict);

/** policy_chain_get_link: one of %POLICY_N_LINKS */
const PolicyLink *policy_chain_get_link (const PolicyChain *chain, PolicyLinkId id);

/* Everything below is %POLICY_PLATFORM_UNKNOWN, 0 or %NULL unless the chain is verified. */
PolicyPlatformKind policy_chain_get_kind (const PolicyChain *chain);
/** policy_chain_get_generation: "Rome" ..., or "EMULATED"; static storage */
const char *policy_chain_get_generation (const PolicyChain *chain);
/** policy_chain_get_pek_api: API version of the firmware that made the PEK (signed) */
void policy_chain_get_pek_api (const PolicyChain *chain, guint8 *major, guint8 *minor);
/**
 * policy_chain_get_owner:
 * Returns: "self" or "external": a self-made OCA carries the firmware's API version, an
 *   imported one 0.0 (AMD's sev-tool requires it of what it imports)
 */
const char *policy_chain_get_owner (const PolicyChain *chain);
/** policy_chain_get_owner_fingerprint: "sha256:HEX" of the OCA's 1028-byte public key field
 */
const char *policy_chain_get_owner_fingerprint (const PolicyChain *chain);
/** policy_chain_get_pdh_key: Returns: (transfer none): what sessions are made for */
const SevEcKey *policy_chain_get_pdh_key (const PolicyChain *chain);

/**
 * policy_chain_get_root_fingerprint:
 * Returns: (nullable): "sha256:HEX" of the ARK key, also for an unknown root whose
 *   certificate could be read
 */
const char *policy_chain_get_root_fingerprint (const PolicyChain *chain);
/** policy_chain_says_emulated: ARK or ASK carry the key ids of an emulated platform */
gboolean policy_chain_says_emulated (const PolicyChain *chain);

/**
 * policy_split_ca:
 * @ca: ASK || ARK as AMD publishes them (ask_ark_rome.cert), 1664 or 3200 bytes
 * Errors: %POLICY_ERROR_CHAIN_MALFORMED.
 */
gboolean policy_split_ca (GBytes *ca, GBytes **ask, GBytes **ark, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
