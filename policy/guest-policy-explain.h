/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "policy/guest-policy.h"

G_BEGIN_DECLS

/**
 * SECTION: guest-policy-explain
 * @short_description: what a guest policy lets the host do, in words
 *
 * Source: AMD 55766, guest policy, DBG_DECRYPT, LAUNCH_START (key sharing), SEND_START.
 */

/**
 * PolicyBitText: one bit of a guest policy
 * @name: its word
 * @bit: its value
 * @set: whether it is set
 * @text: (transfer none): what that means for the guest, a sentence without full stop
 */
typedef struct {
    const char *name;
    guint32 bit;
    gboolean set;
    const char *text;
} PolicyBitText;

#define POLICY_N_BITS 6u

/** policy_guest_explain: @out: every bit, in their order; static storage behind it */
void policy_guest_explain (guint32 policy, PolicyBitText out[POLICY_N_BITS]);
/** policy_guest_explain_api: Returns: (transfer full): the same of the least API */
char *policy_guest_explain_api (guint32 policy);

/**
 * policy_guest_warnings:
 * Returns: (transfer full) (array zero-terminated=1): sentences: what lets the host read
 *   the guest, and what has no effect
 */
char **policy_guest_warnings (guint32 policy);

/** policy_guest_dangers: those of them that say how the host can read the guest */
char **policy_guest_dangers (guint32 policy);

/** policy_guest_profile_name: Returns: (nullable): profile that is exactly @policy */
const char *policy_guest_profile_name (guint32 policy);

G_END_DECLS
