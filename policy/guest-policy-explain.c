/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/guest-policy-explain.h"

#include "policy/guest-policy-private.h"

#define NO_SEND_WINS "without effect: the guest is never sent (no-send)"

typedef struct {
    guint32 bit;
    const char *set;
    const char *clear;
    gboolean of_sending; /* no-send takes its effect away */
} Meaning;

static const Meaning meanings[POLICY_N_BITS] = {
    { SEV_POLICY_NODBG,
      "the platform refuses to decrypt or change the guest's memory for the host",
      "the host may have the platform decrypt and change the guest's memory: it can read "
      "every secret",
      FALSE },
    { SEV_POLICY_NOKS, "no other guest gets the key of this one's memory",
      "the host may start other guests with the key of this one's memory, and read it with "
      "them",
      FALSE },
    { SEV_POLICY_ES,
      "registers are encrypted whenever the guest stops (SEV-ES); their first state and "
      "the "
      "number of processors are measured",
      "the host sees and can change the registers whenever the guest stops; their first "
      "state and the number of processors are not measured",
      FALSE },
    { SEV_POLICY_NOSEND, "the guest stays on this platform: no migration, no snapshot",
      "the host may send the guest, memory included, to platforms that domain and sev "
      "allow",
      FALSE },
    { SEV_POLICY_DOMAIN, "it may be sent only to platforms of the same owner (OCA)",
      "it may be sent to platforms of any owner (OCA)", TRUE },
    { SEV_POLICY_SEV, "it may be sent only to platforms that AMD's keys prove genuine",
      "it may be sent to any platform, also to one that the host made up: whoever has its "
      "key reads the memory",
      TRUE },
};

void
policy_guest_explain (guint32 policy, PolicyBitText out[POLICY_N_BITS])
{
    gsize n = 0;
    const PolicyGuestWord *words = policy_guest_words (&n);

    g_return_if_fail (out != NULL && n == POLICY_N_BITS);

    for (gsize i = 0; i < n; i++) {
        const Meaning *meaning = &meanings[i];
        const gboolean set = (policy & meaning->bit) != 0;

        g_assert (words[i].bit == meaning->bit);
        out[i].name = words[i].name;
        out[i].bit = meaning->bit;
        out[i].set = set;
        out[i].text = meaning->of_sending && (policy & SEV_POLICY_NOSEND) != 0
                          ? NO_SEND_WINS
                      : set ? meaning->set
                            : meaning->clear;
    }
}

char *
policy_guest_explain_api (guint32 policy)
{
    guint8 major, minor;

    policy_guest_min_api (policy, &major, &minor);
    if (major == 0 && minor == 0)
        return g_strdup ("firmware of any API version starts the guest");
    return g_strdup_printf ("firmware with an API older than %u.%u refuses the guest",
                            major, minor);
}

static void
add_dangers (guint32 policy, GStrvBuilder *out)
{
    if ((policy & SEV_POLICY_NODBG) == 0)
        g_strv_builder_add (out,
                            "without no-debug the host can read the guest; 'run' takes "
                            "it with --accept-debug only");
    if ((policy & SEV_POLICY_NOKS) == 0)
        g_strv_builder_add (out, "without no-key-sharing the host can read the guest by "
                                 "means of another one");
    if ((policy & (SEV_POLICY_NOSEND | SEV_POLICY_SEV)) == 0)
        g_strv_builder_add (out, "without no-send and without sev the host can send the "
                                 "guest to a platform of its own making and read it");
}

char **
policy_guest_dangers (guint32 policy)
{
    g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

    add_dangers (policy, builder);
    return g_strv_builder_end (builder);
}

char **
policy_guest_warnings (guint32 policy)
{
    g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
    guint8 major, minor;

    policy_guest_min_api (policy, &major, &minor);
    add_dangers (policy, builder);
    if (!policy_api_is_bound (major, minor))
        g_strv_builder_add (builder, "min-api is below 0.17: older firmware binds neither "
                                     "secrets nor version to the measurement; 'run' takes "
                                     "such firmware with --allow-legacy-api only");
    if ((policy & SEV_POLICY_NOSEND) != 0 && (policy & SEV_POLICY_DOMAIN) != 0)
        g_strv_builder_add (builder, "domain is without effect beside no-send");
    if ((policy & SEV_POLICY_RESERVED) != 0)
        g_strv_builder_add (builder, "reserved bits are set");
    return g_strv_builder_end (builder);
}

const char *
policy_guest_profile_name (guint32 policy)
{
    gsize n = 0;
    const PolicyProfile *profiles = policy_guest_profiles (&n);

    for (gsize i = 0; i < n; i++)
        if (profiles[i].policy == policy)
            return profiles[i].name;
    return NULL;
}
