/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/guest-policy.h"

#include <string.h>

#include "policy/policy-error.h"

#define MIN_API "min-api="

static const struct {
    guint32 bit;
    const char *name;
} flags[] = {
    { SEV_POLICY_NODBG, "no-debug" }, { SEV_POLICY_NOKS, "no-key-sharing" },
    { SEV_POLICY_ES, "es" },          { SEV_POLICY_NOSEND, "no-send" },
    { SEV_POLICY_DOMAIN, "domain" },  { SEV_POLICY_SEV, "sev" },
};

guint32
policy_guest_default (gboolean es)
{
    return SEV_POLICY_NODBG | SEV_POLICY_NOKS | SEV_POLICY_NOSEND | SEV_POLICY_SEV |
           (es ? SEV_POLICY_ES : 0u) | SEV_API_BOUND_MAJOR << SEV_POLICY_API_MAJOR_SHIFT |
           SEV_API_BOUND_MINOR << SEV_POLICY_API_MINOR_SHIFT;
}

static gboolean
parse_number (const char *text, guint32 *out, GError **error)
{
    g_autoptr (GError) local = NULL;
    guint64 value = 0;

    if (!g_ascii_string_to_unsigned (text + 2, 16, 0, G_MAXUINT32, &value, &local)) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_GUEST_POLICY,
                     "guest policy '%s' is not a 32-bit hexadecimal number", text);
        return FALSE;
    }
    if (((guint32) value & SEV_POLICY_RESERVED) != 0) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_GUEST_POLICY,
                     "guest policy '%s' sets reserved bits (0x%x)", text,
                     (guint32) value & SEV_POLICY_RESERVED);
        return FALSE;
    }
    *out = (guint32) value;
    return TRUE;
}

static gboolean
parse_min_api (const char *value, guint32 *out, GError **error)
{
    g_auto (GStrv) parts = g_strsplit (value, ".", 3);
    guint64 major = 0;
    guint64 minor = 0;

    if (g_strv_length (parts) != 2 ||
        !g_ascii_string_to_unsigned (parts[0], 10, 0, 255, &major, NULL) ||
        !g_ascii_string_to_unsigned (parts[1], 10, 0, 255, &minor, NULL)) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_GUEST_POLICY,
                     "guest policy: '%s' is not an API version such as 0.17", value);
        return FALSE;
    }
    *out |= (guint32) major << SEV_POLICY_API_MAJOR_SHIFT |
            (guint32) minor << SEV_POLICY_API_MINOR_SHIFT;
    return TRUE;
}

static gboolean
parse_name (const char *name, guint32 *out, GError **error)
{
    for (gsize i = 0; i < G_N_ELEMENTS (flags); i++) {
        if (strcmp (name, flags[i].name) != 0)
            continue;
        if ((*out & flags[i].bit) != 0) {
            g_set_error (error, POLICY_ERROR, POLICY_ERROR_GUEST_POLICY,
                         "guest policy names '%s' twice", name);
            return FALSE;
        }
        *out |= flags[i].bit;
        return TRUE;
    }
    if (g_ascii_isdigit (name[0]))
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_GUEST_POLICY,
                     "guest policy: write the number '%s' with 0x and in hexadecimal",
                     name);
    else
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_GUEST_POLICY,
                     "guest policy: unknown name '%s' (known: no-debug, no-key-sharing, "
                     "es, no-send, domain, sev, min-api=MAJOR.MINOR)",
                     name);
    return FALSE;
}

gboolean
policy_guest_parse (const char *text, guint32 *out, GError **error)
{
    guint32 policy = 0;
    gboolean has_api = FALSE;

    g_return_val_if_fail (text != NULL && out != NULL, FALSE);

    if (g_str_has_prefix (text, "0x"))
        return parse_number (text, out, error);
    if (strcmp (text, "none") == 0) {
        *out = 0;
        return TRUE;
    }

    g_auto (GStrv) names = g_strsplit (text, ",", 0);
    if (names[0] == NULL)
        return parse_name ("", out, error);
    for (gsize i = 0; names[i] != NULL; i++) {
        if (!g_str_has_prefix (names[i], MIN_API)) {
            if (!parse_name (names[i], &policy, error))
                return FALSE;
            continue;
        }
        if (has_api) {
            g_set_error_literal (error, POLICY_ERROR, POLICY_ERROR_GUEST_POLICY,
                                 "guest policy names 'min-api' twice");
            return FALSE;
        }
        has_api = TRUE;
        if (!parse_min_api (names[i] + strlen (MIN_API), &policy, error))
            return FALSE;
    }
    *out = policy;
    return TRUE;
}

char **
policy_guest_flags (guint32 policy)
{
    g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
    guint8 major, minor;

    for (gsize i = 0; i < G_N_ELEMENTS (flags); i++)
        if ((policy & flags[i].bit) != 0)
            g_strv_builder_add (builder, flags[i].name);
    policy_guest_min_api (policy, &major, &minor);
    if (major != 0 || minor != 0) {
        g_autofree char *text = g_strdup_printf (MIN_API "%u.%u", major, minor);
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
    static const struct {
        guint32 bit;
        const char *text;
    } gaps[] = {
        { SEV_POLICY_NODBG, "that the host cannot read the guest's memory: the guest "
                            "policy allows debugging (no-debug is not set)" },
        { SEV_POLICY_NOSEND, "that the guest stays on this platform: the guest policy "
                             "allows sending it to others (no-send is not set)" },
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
