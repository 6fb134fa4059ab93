/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Policy, version, keys, nonce: what differs without any file. */

#include "policy/attest/why-private.h"

#include <string.h>

#include "policy/guest-policy.h"

#define MOST_API_MAJOR 2u
#define KNOWN_BUILDS 64u /* firmware of today has smaller numbers */

/* Policies. */

static gboolean
has_policy (const PolicyWhy *why, guint32 policy)
{
    const GArray *others = why->others[WHY_POLICY];

    if (policy == why->policy)
        return TRUE;
    for (guint i = 0; i < others->len; i++)
        if (g_array_index (others, WhyOther, i).number == policy)
            return TRUE;
    return FALSE;
}

static void
add_policy (PolicyWhy *why, WhyRank rank, guint32 policy, const char *id)
{
    if (has_policy (why, policy))
        return;
    g_autofree char *is = policy_guest_to_text (policy);
    g_autofree char *wanted = policy_guest_to_text (why->policy);
    char *text = g_strdup_printf ("the guest policy is 0x%x (%s) and not 0x%x (%s)", policy,
                                  is, why->policy, wanted);
    why_add (why, WHY_POLICY, rank, id, text)->number = policy;
}

/* A number that somebody read in the other base: libvirt's XML is hexadecimal. */
static void
add_other_base (PolicyWhy *why)
{
    g_autofree char *decimal = g_strdup_printf ("%u", why->policy);
    g_autofree char *hex = g_strdup_printf ("%x", why->policy);
    guint64 value;

    if (g_ascii_string_to_unsigned (decimal, 16, 0, G_MAXUINT32, &value, NULL))
        add_policy (why, WHY_UNCOMMON, (guint32) value, "policy-number-base");
    if (g_ascii_string_to_unsigned (hex, 10, 0, G_MAXUINT32, &value, NULL))
        add_policy (why, WHY_UNCOMMON, (guint32) value, "policy-number-base");
}

static void
add_policies (PolicyWhy *why)
{
    const guint32 flags = why->policy & 0x3fu;
    const guint32 api = why->policy & ~0xffffu;
    const guint32 apis[] = {
        api,       0,
        17u << 24, 24u << 24,
        1u << 16,  (why->policy >> 8 & 0xff0000u) | (why->policy << 8 & 0xff000000u)
    };

    for (guint bit = 0; bit < 6; bit++)
        if (1u << bit != SEV_POLICY_ES)
            add_policy (why, WHY_COMMON, why->policy ^ 1u << bit, "policy-bits");
    add_other_base (why);
    for (gsize i = 1; i < G_N_ELEMENTS (apis); i++)
        add_policy (why, WHY_UNCOMMON, flags | apis[i], "policy-min-api");
    for (guint32 major = 0; major <= MOST_API_MAJOR; major++)
        for (guint32 minor = 0; minor < 256; minor++)
            add_policy (why, WHY_RARE, flags | major << 16 | minor << 24, "policy-min-api");
    for (gsize i = 0; i < G_N_ELEMENTS (apis); i++)
        for (guint32 set = 0; set < 64; set++)
            add_policy (why, WHY_RARE, set | apis[i],
                        i == 0 ? "policy-bits" : "policy-min-api");
}

/* Versions. */

static void
add_version (PolicyWhy *why, WhyRank rank, guint major, guint minor, guint build)
{
    const PolicyMeasureInput *in = &why->input;
    const gboolean same_api = major == in->api_major && minor == in->api_minor;

    if (same_api && build == in->build)
        return;
    WhyOther *other = why_add (
        why, WHY_VERSION, rank,
        same_api             ? "build-differs"
        : build == in->build ? "api-differs"
                             : "api-and-build-differ",
        g_strdup_printf ("the platform's firmware is API %u.%u build %u and not %u.%u "
                         "build %u",
                         major, minor, build, in->api_major, in->api_minor, in->build));
    other->api_major = (guint8) major;
    other->api_minor = (guint8) minor;
    other->build = (guint8) build;
}

/* The formula from before API 0.17 does not depend on the version: one of it is enough. */
static void
add_legacy (PolicyWhy *why)
{
    if (!policy_api_is_bound (why->input.api_major, why->input.api_minor))
        return;
    WhyOther *other = why_add (
        why, WHY_VERSION, WHY_UNCOMMON, "api-legacy",
        g_strdup ("the platform's firmware is older than API 0.17: its measurement does "
                  "not contain its version"));
    other->api_minor = 16;
}

static void
add_versions (PolicyWhy *why)
{
    static const struct {
        guint8 major, first, last;
    } apis[] = { { 0, 17, 40 }, { 1, 30, 80 } };
    const PolicyMeasureInput *in = &why->input;

    add_legacy (why);
    for (guint build = 0; build < 256; build++) {
        const guint apart = build > in->build ? build - in->build : in->build - build;
        add_version (why, apart <= 4 ? WHY_COMMON : WHY_RARE, in->api_major, in->api_minor,
                     build);
    }
    for (gsize i = 0; i < G_N_ELEMENTS (apis); i++)
        for (guint minor = apis[i].first; minor <= apis[i].last; minor++) {
            if (apis[i].major == in->api_major && minor == in->api_minor)
                continue;
            add_version (why, WHY_UNCOMMON, apis[i].major, minor, in->build);
            for (guint build = 0; build < 256; build++)
                if (build != in->build)
                    add_version (why, build < KNOWN_BUILDS ? WHY_RARE : WHY_REMOTE,
                                 apis[i].major, minor, build);
        }
    /* As a number in hexadecimal that was read as decimal. */
    add_version (why, WHY_UNCOMMON, in->api_minor, in->api_major, in->build);
}

void
why_add_numbers (PolicyWhy *why)
{
    add_policies (why);
    add_versions (why);
    if (why->tek != NULL)
        why_add (
            why, WHY_KEY, WHY_COMMON, "keys-swapped",
            g_strdup ("the measurement was made with the session's other key: TIK and TEK "
                      "are swapped"))
            ->keyed = why->tek;
    why_add (why, WHY_NONCE, WHY_COMMON, "report-order",
             g_strdup ("the report begins with its nonce: its two halves are in the wrong "
                       "order"))
        ->reversed = TRUE;
}

void
policy_why_add_nonce (PolicyWhy *why, const guint8 mnonce[SEV_NONCE_SIZE])
{
    g_return_if_fail (why != NULL && mnonce != NULL);

    if (memcmp (mnonce, why->report + SEV_MAC_SIZE, SEV_NONCE_SIZE) == 0)
        return;
    WhyOther *other = why_add (
        why, WHY_NONCE, WHY_COMMON, "nonce-stale",
        g_strdup ("the measurement belongs to a nonce of an earlier report: an old "
                  "measurement with another nonce beside it"));
    memcpy (other->mnonce, mnonce, SEV_NONCE_SIZE);
}
