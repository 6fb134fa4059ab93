/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/acceptance/acceptance-private.h"

#include "ovmf-hooks/secret-guids.h"
#include "policy/guest-policy.h"
#include "sev/base/sev-bytes.h"

static void
demand_free (gpointer data)
{
    PolicyDemand *demand = data;

    g_free (demand->key);
    g_free (demand->text);
    g_free (demand);
}

static void G_GNUC_PRINTF (3, 4)
    say (GPtrArray *all, const char *key, const char *format, ...)
{
    PolicyDemand *demand = g_new0 (PolicyDemand, 1);
    va_list args;

    va_start (args, format);
    demand->key = g_strdup (key);
    demand->text = g_strdup_vprintf (format, args);
    va_end (args);
    g_ptr_array_add (all, demand);
}

/* @prefix: of each digest. */
static char *
digests (const PolicyDigestSet *set, const char *prefix)
{
    g_autoptr (GString) text = g_string_new (NULL);

    for (guint i = 0; i < set->digests->len; i++) {
        const guint8 *digest =
            (const guint8 *) set->digests->data + (gsize) i * SEV_DIGEST_SIZE;
        g_autofree char *hex = sev_hex_encode (digest, SEV_DIGEST_SIZE);

        g_string_append_printf (text, "%s%s%s", i > 0 ? ", " : "", prefix, hex);
    }
    return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
say_roots (const PolicyAcceptance *a, GPtrArray *all)
{
    const guint amd = a->roots.set & 1u << ROOT_AMD;
    const guint trusted = a->roots.set & 1u << ROOT_TRUSTED;
    g_autofree char *keys = digests (&a->root_keys, "sha256:");

    say (all, "platform/roots", "a platform's certificates may end in: %s%s%s%s%s",
         amd ? "AMD's roots" : "", amd && trusted ? ", " : "",
         trusted ? "the owner's trusted-roots" : "",
         (amd || trusted) && *keys != '\0' ? ", " : "", keys);
}

static void
say_platform (const PolicyAcceptance *a, GPtrArray *all)
{
    g_autofree char *taken = policy_words_of (a->generations.set, policy_generation_words);
    g_autofree char *others = policy_words_of (
        ~a->generations.set & ((1u << N_GENERATIONS) - 1), policy_generation_words);
    g_autofree char *owners = digests (&a->owners, "sha256:");

    say_roots (a, all);
    say (all, "platform/generations", "AMD's processors of: %s; refused: %s", taken,
         *others != '\0' ? others : "none");
    say (all, "platform/emulated", "%s",
         a->emulated ? "yes: an EMULATED platform is taken, which protects nothing"
                     : "no: an EMULATED platform is refused");
    say (all, "platform/owners", "%s%s",
         a->owners.given ? "only of a platform owner whose OCA has the key "
                         : "of any platform owner",
         owners);
    if (a->has_api)
        say (all, "platform/min-api",
             "firmware of the platform: API %u.%u build %u or newer", a->api >> 8,
             a->api & 0xff, a->build);
    else
        say (all, "platform/min-api",
             "firmware of the platform: any version that the guest "
             "policy takes");
    g_autofree char *places = policy_words_of (a->judged_on.set, policy_judged_words);
    say (all, "verdict/judged-on", "a launch may be judged on: %s", places);
}

static void
say_one_of (GPtrArray *all, const char *key, const char *what, const PolicyDigestSet *set)
{
    g_autofree char *list = digests (set, "");

    if (set->given)
        say (all, key, "%s: only SHA-256 %s", what, list);
}

static void
say_boot (const PolicyAcceptance *a, GPtrArray *all)
{
    const gboolean parts = a->kernel.given || a->initrd.given || a->cmdline.given;
    g_autoptr (GString) ranges = g_string_new (NULL);

    if (a->firmware.given)
        say_one_of (all, "firmware/sha256", "guest firmware", &a->firmware);
    else
        say (all, "firmware/sha256", "guest firmware: any image");
    say (all, "firmware/pinned", "%s",
         a->pinned
             ? "yes: a release or 'firmware trust' must name it; --accept-firmware is "
               "not enough"
             : "no: --accept-firmware is enough");
    say (all, "boot/measured", "%s",
         a->measured || a->uki.given || parts
             ? "yes: kernel, initrd and command line must be measured"
             : "no: --allow-unmeasured-boot is enough");
    say_one_of (all, "boot/uki", "unified kernel image", &a->uki);
    if (a->uki.given && !parts)
        say (all, "boot/kernel", "plain kernels are refused");
    say_one_of (all, "boot/kernel", "plain kernel", &a->kernel);
    say_one_of (all, "boot/initrd", "initrd of a plain kernel", &a->initrd);
    say_one_of (all, "boot/cmdline", "command line of a plain kernel, as it is measured",
                &a->cmdline);
    if (parts && !a->uki.given)
        say (all, "boot/uki", "unified kernel images are refused");
    for (guint i = 0; i < a->vcpus->len; i++) {
        const PolicyRange *range = &g_array_index (a->vcpus, PolicyRange, i);
        g_string_append_printf (ranges, "%s%u", i > 0 ? ", " : "", range->first);
        if (range->last != range->first)
            g_string_append_printf (ranges, "-%u", range->last);
    }
    if (ranges->len > 0)
        say (all, "boot/vcpus", "vCPUs: %s; only with SEV-ES, which proves the number",
             ranges->str);
}

static void
say_guest (const PolicyAcceptance *a, GPtrArray *all)
{
    g_autofree char *require = policy_guest_to_text (a->require);
    g_autofree char *forbid = policy_guest_to_text (a->forbid);

    say (all, "guest/require", "the guest policy must have: %s",
         a->require != 0 ? require : "nothing");
    say (all, "guest/forbid", "the guest policy may not have: %s",
         a->forbid != 0 ? forbid : "nothing is forbidden");
}

static void
say_secrets (const PolicyAcceptance *a, GPtrArray *all)
{
    for (guint i = 0; i < a->secrets->len; i++) {
        const PolicySecretRule *rule = &g_array_index (a->secrets, PolicySecretRule, i);
        const char *alias = ovmf_secret_guid_alias (&rule->guid);
        g_autofree char *guid = sev_guid_to_string (&rule->guid);
        g_autofree char *needs = policy_words_of (rule->needs, policy_need_words);
        g_autofree char *key =
            g_strdup_printf ("secret %s/needs", alias != NULL ? alias : guid);

        say (all, key, "a launch that would release it needs: %s", needs);
    }
    if (a->secrets->len == 0)
        say (all, "secret", "no secret needs more than the others");
}

GPtrArray *
policy_acceptance_explain (const PolicyAcceptance *acceptance)
{
    g_return_val_if_fail (acceptance != NULL, NULL);

    GPtrArray *all = g_ptr_array_new_with_free_func (demand_free);
    say_platform (acceptance, all);
    say_boot (acceptance, all);
    say_guest (acceptance, all);
    say_secrets (acceptance, all);
    return all;
}

/* Demands that exclude each other. */

static void
warn_platform (const PolicyAcceptance *a, GPtrArray *all)
{
    const gboolean real =
        (a->roots.set & 1u << ROOT_AMD) != 0 || a->root_keys.digests->len > 0;
    const gboolean others =
        (a->roots.set & 1u << ROOT_TRUSTED) != 0 || a->root_keys.digests->len > 0;

    if (a->emulated && !others)
        g_ptr_array_add (all,
                         g_strdup ("emulated=yes has no effect: roots takes AMD's only, "
                                   "and no emulated platform ends in one"));
    if (!a->emulated && !real)
        g_ptr_array_add (
            all, g_strdup ("no platform is taken: roots leaves out AMD's, and every "
                           "other one is EMULATED (emulated=yes)"));
    if (!a->emulated && a->judged_on.set == 1u << JUDGED_EMULATED_HOST)
        g_ptr_array_add (all, g_strdup ("no launch is taken: judged-on names the emulated "
                                        "host only, and emulated=yes is not there"));
}

static void
warn_secret (const PolicyAcceptance *a, const PolicySecretRule *rule, GPtrArray *all)
{
    static const struct {
        guint need;
        guint32 bit;
    } bits[] = { { NEED_ES, SEV_POLICY_ES }, { NEED_NO_DEBUG, SEV_POLICY_NODBG } };
    const char *alias = ovmf_secret_guid_alias (&rule->guid);
    g_autofree char *guid = sev_guid_to_string (&rule->guid);
    const char *name = alias != NULL ? alias : guid;

    for (gsize i = 0; i < G_N_ELEMENTS (bits); i++)
        if ((rule->needs & 1u << bits[i].need) != 0 && (a->forbid & bits[i].bit) != 0)
            g_ptr_array_add (all,
                             g_strdup_printf ("the secret %s is never released: it needs "
                                              "'%s', which [guest] forbid forbids",
                                              name, policy_need_words[bits[i].need]));
    if ((rule->needs & 1u << NEED_OWNER_MACHINE) != 0 &&
        (a->judged_on.set & 1u << JUDGED_OWNER_MACHINE) == 0)
        g_ptr_array_add (all,
                         g_strdup_printf ("the secret %s is never released: it needs "
                                          "'owner-machine', which judged-on leaves out",
                                          name));
    if ((rule->needs & 1u << NEED_AMD) != 0 && (a->roots.set & 1u << ROOT_AMD) == 0 &&
        a->root_keys.digests->len == 0)
        g_ptr_array_add (all, g_strdup_printf ("the secret %s is never released: it needs "
                                               "'amd', and roots leaves out AMD's",
                                               name));
}

char **
policy_acceptance_warnings (const PolicyAcceptance *acceptance)
{
    g_autoptr (GPtrArray) all = g_ptr_array_new ();

    g_return_val_if_fail (acceptance != NULL, NULL);

    warn_platform (acceptance, all);
    if (acceptance->vcpus->len > 0 && (acceptance->forbid & SEV_POLICY_ES) != 0)
        g_ptr_array_add (all,
                         g_strdup ("no launch is taken: vcpus needs SEV-ES, and [guest] "
                                   "forbid forbids es"));
    for (guint i = 0; i < acceptance->secrets->len; i++)
        warn_secret (acceptance, &g_array_index (acceptance->secrets, PolicySecretRule, i),
                     all);
    g_ptr_array_add (all, NULL);
    return (char **) g_ptr_array_free (g_steal_pointer (&all), FALSE);
}
