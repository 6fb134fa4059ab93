/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy/attest/chain.h"

G_BEGIN_DECLS

/* Filled in by chain-verify.c, only read elsewhere. */
struct _PolicyChain {
    gatomicrefcount refs;
    PolicyLink links[POLICY_N_LINKS];
    gboolean undecodable;
    gboolean cek_differs;
    gboolean links_ok;
    gboolean says_emulated;
    gboolean root_known; /* AMD's or trusted, whatever else was found */
    gboolean amd_root;   /* the ARK key is one of AMD's, whatever else was found */
    PolicyPlatformKind kind;
    const char *generation;
    guint8 api_major, api_minor;
    const char *owner;
    char *owner_fingerprint;
    char *root_fingerprint;
    SevEcKey *pdh_key;
};

/* Name of the generation whose AMD root this is, NULL for any other key. */
typedef const char *(*PolicyAmdRootFunc) (const PolicyFingerprint *fingerprint);

/*
 * policy_chain_verify_with: policy_chain_verify() with other roots in AMD's place.  Only
 * for tests, which have no key that AMD's roots would sign.
 */
PolicyChain *policy_chain_verify_with (const PolicyChainInput *input,
                                       const PolicyRoots *roots,
                                       PolicyAmdRootFunc amd_root,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
