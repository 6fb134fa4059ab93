/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "policy/verdict.h"
#include "sev/wire/sev-wire.h"

G_BEGIN_DECLS

/**
 * SECTION: guest-policy
 * @short_description: the policy word of SEV and SEV-ES, as numbers and as names
 *
 * Text form, wherever a guest policy is read: words with commas between them, for example
 * "no-debug,no-key-sharing,no-send,sev,min-api=0.17"; or a number, hexadecimal with 0x or
 * decimal.  Words: no-debug, no-key-sharing, es, no-send, domain, sev,
 * min-api=MAJOR.MINOR, and the names of profiles ("prod,es"), each of which stands for
 * words.  "none" alone is 0.
 *
 * Source: AMD 55766, guest policy structure; Linux,
 * Documentation/virt/kvm/x86/amd-memory-encryption.rst.
 */

/** policy_guest_default: @es: both platform and firmware can run SEV-ES guests */
guint32 policy_guest_default (gboolean es);

/**
 * PolicyProfile: a name for a guest policy
 * @name: as in the text form
 * @summary: what it is for, without full stop
 * @policy: the bits and min-api that it stands for
 * @without: bits that it promises not to set; a policy that names it and sets one of them
 *   contradicts itself
 */
typedef struct {
    const char *name;
    const char *summary;
    guint32 policy;
    guint32 without;
} PolicyProfile;

/** policy_guest_profiles: Returns: (array length=n): static storage */
const PolicyProfile *policy_guest_profiles (gsize *n);

/**
 * policy_guest_parse:
 * @text: words or a number; hexadecimal digits without 0x are refused, because tools
 *   disagree on the base (libvirt reads hexadecimal, sevctl decimal)
 *
 * A word may repeat what a profile says; a min-api may be above that of a profile, not
 * below.
 * Errors: %POLICY_ERROR_GUEST_POLICY: unknown or repeated word, reserved bits;
 *   %POLICY_ERROR_GUEST_CONTRADICTION: profiles or words that exclude each other.
 */
gboolean policy_guest_parse (const char *text,
                             guint32 *out,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_guest_check:
 * Refuses a policy that no platform can satisfy: one that asks for an API beyond every
 * firmware's (major version above 1).  The mistakes behind it are swapped versions
 * (min-api=24.0) and a policy of SEV-SNP (0x30000), whose fields are others.
 *
 * Not refused: domain and sev beside no-send, which have no effect; es with any min-api,
 * since no public source names the first API with SEV-ES.
 * Errors: %POLICY_ERROR_GUEST_CONTRADICTION.
 */
gboolean policy_guest_check (guint32 policy, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_guest_to_text:
 * Returns: (transfer full): text form in the order of the bits; reserved bits as
 *   "reserved=0xN"; "none" for 0
 */
char *policy_guest_to_text (guint32 policy);
/** policy_guest_flags: Returns: (transfer full): the same, one name an element */
char **policy_guest_flags (guint32 policy);

/** policy_guest_min_api: the least firmware API that the policy asks for; 0.0 for any */
void policy_guest_min_api (guint32 policy, guint8 *major, guint8 *minor);
/** policy_guest_allows_api: Returns: %TRUE if API @major.@minor satisfies the policy */
gboolean policy_guest_allows_api (guint32 policy, guint8 major, guint8 minor);

/**
 * policy_guest_require:
 * @accept_debug: the owner's word (--accept-debug)
 *
 * Refuses a policy under which the host may read the guest's memory whatever is verified:
 * one without no-debug (AMD 55766, DBG_DECRYPT).
 * Errors: %POLICY_ERROR_POLICY_ALLOWS_DEBUG.
 */
gboolean policy_guest_require (guint32 policy,
                               gboolean accept_debug,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
/**
 * policy_guest_lint:
 * Adds to @verdict what stays unproven because no-debug, no-send or no-key-sharing is not
 * set, a sentence each.
 */
void policy_guest_lint (guint32 policy, PolicyVerdict *verdict);

/** policy_api_is_bound: Returns: %TRUE from API 0.17 on: MACs bind version and context */
gboolean policy_api_is_bound (guint8 major, guint8 minor);

G_END_DECLS
