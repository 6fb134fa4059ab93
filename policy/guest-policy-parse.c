/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Guest policies as the owner writes them. */

#include <string.h>

#include "policy/guest-policy-private.h"
#include "policy/owner-file.h"
#include "policy/policy-error.h"

#define API_BOUND                                                                          \
    ((guint32) SEV_API_BOUND_MAJOR << SEV_POLICY_API_MAJOR_SHIFT |                         \
     (guint32) SEV_API_BOUND_MINOR << SEV_POLICY_API_MINOR_SHIFT)
#define API_MASK (0xffu << SEV_POLICY_API_MAJOR_SHIFT | 0xffu << SEV_POLICY_API_MINOR_SHIFT)
/* The newest firmware of SEV says 1.55 and more; none has said 2. */
#define MAX_API_MAJOR 1u
/* Of a policy of SEV-SNP: "must be one" (AMD 56860, guest policy). */
#define SNP_ONE (1u << 17)

#define KEPT (SEV_POLICY_NOKS | SEV_POLICY_SEV | API_BOUND)
static const PolicyProfile profiles[] = {
    { "prod", "a guest with secrets, on one platform (the default)",
      KEPT | SEV_POLICY_NODBG | SEV_POLICY_NOSEND, 0 },
    { "prod-es", "the same with encrypted and measured processor state (SEV-ES)",
      KEPT | SEV_POLICY_NODBG | SEV_POLICY_NOSEND | SEV_POLICY_ES, 0 },
    { "migratable", "a guest that may go to other genuine platforms of the same owner",
      KEPT | SEV_POLICY_NODBG | SEV_POLICY_DOMAIN, SEV_POLICY_NOSEND },
    { "lab", "a guest that the host may debug: no secret is safe in it",
      KEPT | SEV_POLICY_NOSEND, SEV_POLICY_NODBG },
};

const PolicyProfile *
policy_guest_profiles (gsize *n)
{
    g_return_val_if_fail (n != NULL, NULL);

    *n = G_N_ELEMENTS (profiles);
    return profiles;
}

/* What was read so far. */
typedef struct {
    guint32 words; /* bits named one by one */
    guint seen;    /* profiles, a bit each */
    gboolean has_api;
    guint32 api; /* of min-api=, in its place in the policy */
} Reading;

static gboolean G_GNUC_PRINTF (3, 4)
    refuse (GError **error, PolicyError code, const char *format, ...)
{
    va_list args;

    va_start (args, format);
    g_autofree char *text = g_strdup_vprintf (format, args);
    va_end (args);
    g_set_error (error, POLICY_ERROR, (int) code, "guest policy: %s", text);
    return FALSE;
}

static gboolean
refuse_syntax (GError **error, const char *text)
{
    return refuse (error, POLICY_ERROR_GUEST_POLICY, "%s", text);
}

/* Numbers. */

static gboolean
all_of (const char *text, gboolean hexadecimal)
{
    for (const char *p = text; *p != '\0'; p++)
        if (hexadecimal ? !g_ascii_isxdigit (*p) : !g_ascii_isdigit (*p))
            return FALSE;
    return *text != '\0';
}

static gboolean
parse_number (const char *digits,
              guint base,
              const char *text,
              guint32 *out,
              GError **error)
{
    guint64 value = 0;

    if (!g_ascii_string_to_unsigned (digits, base, 0, G_MAXUINT32, &value, NULL))
        return refuse (error, POLICY_ERROR_GUEST_POLICY, "'%s' is not a 32-bit number",
                       text);
    const guint32 policy = (guint32) value;
    if ((policy & SEV_POLICY_RESERVED) == 0) {
        *out = policy;
        return TRUE;
    }
    if (base == 16)
        return refuse (error, POLICY_ERROR_GUEST_POLICY, "'%s' sets reserved bits (0x%x)",
                       text, policy & SEV_POLICY_RESERVED);
    /* libvirt's XML has the number in hexadecimal without 0x. */
    const gboolean hex =
        g_ascii_string_to_unsigned (text, 16, 0, G_MAXUINT32, &value, NULL) &&
        ((guint32) value & SEV_POLICY_RESERVED) == 0;
    return refuse (error, POLICY_ERROR_GUEST_POLICY,
                   "'%s' is decimal for 0x%x and sets reserved bits (0x%x)%s%s%s", text,
                   policy, policy & SEV_POLICY_RESERVED, hex ? "; did you mean 0x" : "",
                   hex ? text : "", hex ? "?" : "");
}

/* Words. */

static guint
api_rank (guint32 policy)
{
    guint8 major, minor;

    policy_guest_min_api (policy, &major, &minor);
    return (guint) major << 8 | minor;
}

static char *
api_text (guint32 policy)
{
    guint8 major, minor;

    policy_guest_min_api (policy, &major, &minor);
    return g_strdup_printf ("%u.%u", major, minor);
}

static gboolean
read_min_api (Reading *reading, const char *value, GError **error)
{
    g_auto (GStrv) parts = g_strsplit (value, ".", 3);
    guint64 major = 0;
    guint64 minor = 0;

    if (reading->has_api)
        return refuse_syntax (error, "names 'min-api' twice");
    if (g_strv_length (parts) != 2 ||
        !g_ascii_string_to_unsigned (parts[0], 10, 0, 255, &major, NULL) ||
        !g_ascii_string_to_unsigned (parts[1], 10, 0, 255, &minor, NULL))
        return refuse (error, POLICY_ERROR_GUEST_POLICY,
                       "'%s' is not an API version such as 0.17", value);
    reading->has_api = TRUE;
    reading->api = (guint32) major << SEV_POLICY_API_MAJOR_SHIFT |
                   (guint32) minor << SEV_POLICY_API_MINOR_SHIFT;
    return TRUE;
}

static gboolean
refuse_unknown (const char *word, GError **error)
{
    g_autoptr (GPtrArray) known = g_ptr_array_new ();
    g_autofree char *shown = g_strescape (word, NULL);
    gsize n = 0;
    const PolicyGuestWord *words = policy_guest_words (&n);

    if (all_of (word, TRUE))
        return refuse (error, POLICY_ERROR_GUEST_POLICY,
                       "'%s' is no number: hexadecimal is written with 0x (did you mean "
                       "0x%s?)",
                       shown, shown);
    for (gsize i = 0; i < n; i++)
        g_ptr_array_add (known, (gpointer) words[i].name);
    for (gsize i = 0; i < G_N_ELEMENTS (profiles); i++)
        g_ptr_array_add (known, (gpointer) profiles[i].name);
    g_ptr_array_add (known, (gpointer) POLICY_MIN_API);
    g_ptr_array_add (known, NULL);
    const char *equals = strchr (word, '=');
    g_autofree char *key =
        equals != NULL ? g_strndup (word, (gsize) (equals + 1 - word)) : g_strdup (word);
    const char *near = policy_suggest (key, (const char *const *) known->pdata);
    return refuse (error, POLICY_ERROR_GUEST_POLICY,
                   "unknown word '%.80s'%s%s%s (words: no-debug, no-key-sharing, es, "
                   "no-send, domain, sev, min-api=MAJOR.MINOR; profiles: prod, prod-es, "
                   "migratable, lab)",
                   shown, near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                   near != NULL ? "'?" : "");
}

static gboolean
read_word (Reading *reading, const char *word, GError **error)
{
    gsize n = 0;
    const PolicyGuestWord *words = policy_guest_words (&n);

    if (g_str_has_prefix (word, POLICY_MIN_API))
        return read_min_api (reading, word + strlen (POLICY_MIN_API), error);
    for (gsize i = 0; i < n; i++) {
        if (strcmp (word, words[i].name) != 0)
            continue;
        if ((reading->words & words[i].bit) != 0)
            return refuse (error, POLICY_ERROR_GUEST_POLICY, "names '%s' twice", word);
        reading->words |= words[i].bit;
        return TRUE;
    }
    for (gsize i = 0; i < G_N_ELEMENTS (profiles); i++) {
        if (strcmp (word, profiles[i].name) != 0)
            continue;
        if ((reading->seen & 1u << i) != 0)
            return refuse (error, POLICY_ERROR_GUEST_POLICY, "names '%s' twice", word);
        reading->seen |= 1u << i;
        return TRUE;
    }
    return refuse_unknown (word, error);
}

/* The word or profile that sets @bit. */
static const char *
setter (const Reading *reading, guint32 bit)
{
    gsize n = 0;
    const PolicyGuestWord *words = policy_guest_words (&n);

    for (gsize i = 0; i < n; i++)
        if (words[i].bit == bit && (reading->words & bit) != 0)
            return words[i].name;
    for (gsize i = 0; i < G_N_ELEMENTS (profiles); i++)
        if ((reading->seen & 1u << i) != 0 && (profiles[i].policy & bit) != 0)
            return profiles[i].name;
    return "-";
}

static gboolean
check_profile (const Reading *reading,
               const PolicyProfile *profile,
               guint32 policy,
               GError **error)
{
    const guint32 clash = policy & profile->without;

    if (clash != 0)
        return refuse (error, POLICY_ERROR_GUEST_CONTRADICTION,
                       "'%s' contradicts '%s', which is for %s", setter (reading, clash),
                       profile->name, profile->summary);
    if (!reading->has_api || api_rank (reading->api) >= api_rank (profile->policy))
        return TRUE;
    g_autofree char *given = api_text (reading->api);
    g_autofree char *wanted = api_text (profile->policy);
    return refuse (error, POLICY_ERROR_GUEST_CONTRADICTION,
                   "min-api=%s contradicts '%s', which says min-api=%s", given,
                   profile->name, wanted);
}

static gboolean
put_together (const Reading *reading, guint32 *out, GError **error)
{
    guint32 policy = reading->words;
    guint32 api = reading->api;

    for (gsize i = 0; i < G_N_ELEMENTS (profiles); i++) {
        if ((reading->seen & 1u << i) == 0)
            continue;
        policy |= profiles[i].policy & ~API_MASK;
        if (!reading->has_api)
            api = profiles[i].policy & API_MASK;
    }
    for (gsize i = 0; i < G_N_ELEMENTS (profiles); i++)
        if ((reading->seen & 1u << i) != 0 &&
            !check_profile (reading, &profiles[i], policy, error))
            return FALSE;
    *out = policy | api;
    return TRUE;
}

gboolean
policy_guest_parse (const char *text, guint32 *out, GError **error)
{
    Reading reading = { 0 };

    g_return_val_if_fail (text != NULL && out != NULL, FALSE);

    if (g_str_has_prefix (text, "0x"))
        return parse_number (text + 2, 16, text, out, error);
    if (all_of (text, FALSE) && (text[0] != '0' || text[1] == '\0'))
        return parse_number (text, 10, text, out, error);
    if (strcmp (text, "none") == 0) {
        *out = 0;
        return TRUE;
    }
    if (*text == '\0')
        return refuse_syntax (error, "is empty ('none' sets no bit)");
    g_auto (GStrv) words = g_strsplit (text, ",", 0);
    for (gsize i = 0; words[i] != NULL; i++)
        if (!read_word (&reading, words[i], error))
            return FALSE;
    return put_together (&reading, out, error);
}

gboolean
policy_guest_check (guint32 policy, GError **error)
{
    guint8 major, minor;

    policy_guest_min_api (policy, &major, &minor);
    if (major <= MAX_API_MAJOR)
        return TRUE;
    if ((policy & SNP_ONE) != 0 && minor == 0 && (policy & 0xffff) == 0)
        return refuse (error, POLICY_ERROR_GUEST_CONTRADICTION,
                       "0x%x asks for API %u.0, which no firmware has; it looks like a "
                       "policy of SEV-SNP, whose bits are others",
                       policy, major);
    if (minor <= MAX_API_MAJOR)
        return refuse (error, POLICY_ERROR_GUEST_CONTRADICTION,
                       "min-api=%u.%u is beyond every firmware (did you mean "
                       "min-api=%u.%u?)",
                       major, minor, minor, major);
    return refuse (error, POLICY_ERROR_GUEST_CONTRADICTION,
                   "min-api=%u.%u is beyond every firmware, so no platform would start the "
                   "guest",
                   major, minor);
}
