/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy/attest/owner-measure.h"

G_BEGIN_DECLS

/* Made by owner-measure.c only, used up by owner-packet.c. */
struct _PolicyVerified {
    PolicySession *session;
    guint8 measure[SEV_MAC_SIZE];
    guint8 mnonce[SEV_NONCE_SIZE];
    gboolean legacy;
    const PolicyVerdict *verdict; /* only compared: the verdict that this belongs to */
};

/*
 * policy_session_wrap: the rest of a launch blob whose nonce and IV are set
 * @shared: from sev_ec_derive()
 *
 * WRAP_TK and WRAP_MAC hold TEK and TIK under keys that only owner and platform can derive,
 * POLICY_MAC binds the policy to the TIK.
 */
gboolean policy_session_wrap (SevSessionWire *wire,
                              const SevSecret *shared,
                              const SevSecret *tek,
                              const SevSecret *tik,
                              guint32 policy,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * policy_packet_new_with_iv: policy_packet_new() with a given IV.  An IV must never be used
 * twice under one TEK: this is for the vectors of other programs.
 */
struct _PolicyPacket *policy_packet_new_with_iv (const PolicyVerified *verified,
                                                 const PolicyVerdict *verdict,
                                                 const SevSecret *table,
                                                 gsize limit,
                                                 const guint8 iv[SEV_IV_SIZE],
                                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
