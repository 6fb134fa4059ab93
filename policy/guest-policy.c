/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/guest-policy.h"

#include <string.h>

#include "policy/guest-policy-private.h"
#include "policy/policy-error.h"

static const PolicyGuestWord words[] = {
    { SEV_POLICY_NODBG, "no-debug" }, { SEV_POLICY_NOKS, "no-key-sharing" },
    { SEV_POLICY_ES, "es" },          { SEV_POLICY_NOSEND, "no-send" },
    { SEV_POLICY_DOMAIN, "domain" },  { SEV_POLICY_SEV, "sev" },
};

const PolicyGuestWord *
policy_guest_words (gsize *n)
{
    *n = G_N_ELEMENTS (words);
    return words;
}

guint32
policy_guest_default (gboolean es)
{
    return SEV_POLICY_NODBG | SEV_POLICY_NOKS | SEV_POLICY_NOSEND | SEV_POLICY_SEV |
           (es ? SEV_POLICY_ES : 0u) | SEV_API_BOUND_MAJOR << SEV_POLICY_API_MAJOR_SHIFT |
           SEV_API_BOUND_MINOR << SEV_POLICY_API_MINOR_SHIFT;
}

char **
policy_guest_flags (guint32 policy)
{
    g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
    guint8 major, minor;

    for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
        if ((policy & words[i].bit) != 0)
            g_strv_builder_add (builder, words[i].name);
    policy_guest_min_api (policy, &major, &minor);
    if (major != 0 || minor != 0) {
        g_autofree char *text = g_strdup_printf (POLICY_MIN_API "%u.%u", major, minor);
        g_strv_builder_add (builder, text);
    }
    if ((policy & SEV_POLICY_RESERVED) != 0) {
        g_autofree char *text =
            g_strdup_printf ("reserved=0x%x", policy & SEV_POLICY_RESERVED);
        g_strv_builder_add (builder, text);
    }
    return g_strv_builder_end (builder);
}

char *
policy_guest_to_text (guint32 policy)
{
    g_auto (GStrv) names = policy_guest_flags (policy);

    if (names[0] == NULL)
        return g_strdup ("none");
    return g_strjoinv (",", names);
}

void
policy_guest_min_api (guint32 policy, guint8 *major, guint8 *minor)
{
    *major = (guint8) (policy >> SEV_POLICY_API_MAJOR_SHIFT & 0xff);
    *minor = (guint8) (policy >> SEV_POLICY_API_MINOR_SHIFT & 0xff);
}

static gboolean
at_least (guint8 major, guint8 minor, guint8 want_major, guint8 want_minor)
{
    return major > want_major || (major == want_major && minor >= want_minor);
}

gboolean
policy_guest_allows_api (guint32 policy, guint8 major, guint8 minor)
{
    guint8 want_major, want_minor;

    policy_guest_min_api (policy, &want_major, &want_minor);
    return at_least (major, minor, want_major, want_minor);
}

gboolean
policy_guest_require (guint32 policy, gboolean accept_debug, GError **error)
{
    if ((policy & SEV_POLICY_NODBG) != 0 || accept_debug)
        return TRUE;
    g_set_error_literal (
        error, POLICY_ERROR, POLICY_ERROR_POLICY_ALLOWS_DEBUG,
        "the guest policy is without no-debug, so the host could have the platform decrypt "
        "the guest's memory and read its secrets (--accept-debug does it all the same)");
    return FALSE;
}

void
policy_guest_lint (guint32 policy, PolicyVerdict *verdict)
{
    const struct {
        guint32 bit;
        const char *text;
    } gaps[] = {
        { SEV_POLICY_NODBG, "that the host cannot read the guest's memory: the guest "
                            "policy allows debugging (no-debug is not set)" },
        { SEV_POLICY_NOSEND,
          (policy & SEV_POLICY_SEV) != 0
              ? "that the guest stays on this platform: the guest policy allows sending it "
                "to others (no-send is not set)"
              : "that the guest stays on genuine platforms: the guest policy allows "
                "sending "
                "it to any, also one that the host made up (neither no-send nor sev is "
                "set)" },
        { SEV_POLICY_NOKS, "that no other guest has the key of this one's memory: the "
                           "guest policy allows sharing it (no-key-sharing is not set)" },
    };

    g_return_if_fail (verdict != NULL);

    for (gsize i = 0; i < G_N_ELEMENTS (gaps); i++)
        if ((policy & gaps[i].bit) == 0)
            policy_verdict_add_unproven (verdict, gaps[i].text);
}

gboolean
policy_api_is_bound (guint8 major, guint8 minor)
{
    return at_least (major, minor, SEV_API_BOUND_MAJOR, SEV_API_BOUND_MINOR);
}
