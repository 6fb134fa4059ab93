/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/acceptance/acceptance-private.h"

#include <string.h>

#include "ovmf-hooks/ovmf-hashes.h"
#include "ovmf-hooks/secret-guids.h"
#include "policy/guest-policy.h"
#include "sev/base/sev-bytes.h"

#define POLICY_BITS                                                                        \
    (SEV_POLICY_NODBG | SEV_POLICY_NOKS | SEV_POLICY_ES | SEV_POLICY_NOSEND |              \
     SEV_POLICY_DOMAIN | SEV_POLICY_SEV)

/* One judgement; each part below adds the reasons of its group. */
typedef struct {
    const PolicyAcceptance *acceptance;
    const PolicyFacts *facts;
    PolicyVerdict *verdict;
    enum {
        FORESEEN,
        OF_STEP,
        FINAL
    } mode; /* of what is not known: see the callers below */
    gboolean ok;
    PolicyVerdict *open; /* (nullable): gets what is not known, as unproven */
} Judge;

static void
leave_open (const Judge *judge, const char *what)
{
    g_autofree char *text =
        g_strdup_printf ("not judged here: %s, for which the acceptance policy asks", what);

    if (judge->open != NULL)
        policy_verdict_add_unproven (judge->open, text);
}

/* Whether a demand can be judged now; if not, and it must be, @id is its reason. */
static gboolean
known (Judge *judge, gboolean fact, const char *id, const char *what)
{
    if (!fact)
        leave_open (judge, what);
    if (fact || judge->mode == FORESEEN)
        return fact;
    judge->ok = FALSE;
    policy_verdict_fail (judge->verdict, POLICY_CHECK_ACCEPTANCE, id,
                         "the acceptance policy asks for %s, which is not known here",
                         what);
    return FALSE;
}

/* Platform. */

static gboolean
root_key (const PolicyChain *chain, guint8 out[SEV_DIGEST_SIZE])
{
    const char *text = policy_chain_get_root_fingerprint (chain);
    PolicyFingerprint fingerprint;

    if (text == NULL || !policy_fingerprint_parse (text, &fingerprint, NULL))
        return FALSE;
    memcpy (out, fingerprint.bytes, SEV_DIGEST_SIZE);
    return TRUE;
}

static void
judge_root (Judge *judge)
{
    const PolicyAcceptance *a = judge->acceptance;
    const PolicyChain *chain = judge->facts->chain;
    PolicyVerdict *verdict = judge->verdict;
    const gboolean amd = policy_chain_get_kind (chain) == POLICY_PLATFORM_SEV;
    guint8 key[SEV_DIGEST_SIZE];

    if ((a->roots.set & 1u << (amd ? ROOT_AMD : ROOT_TRUSTED)) != 0 ||
        (root_key (chain, key) && policy_digest_set_contains (&a->root_keys, key)))
        return;
    judge->ok = FALSE;
    policy_verdict_fail (verdict, POLICY_CHECK_ACCEPTANCE, "acceptance-root",
                         "the acceptance policy does not take the platform's root %s (%s)",
                         policy_chain_get_root_fingerprint (chain),
                         amd ? "AMD's" : "one of trusted-roots");
}

static void
judge_kind (Judge *judge)
{
    const PolicyAcceptance *a = judge->acceptance;
    const PolicyChain *chain = judge->facts->chain;
    PolicyVerdict *verdict = judge->verdict;

    if (policy_chain_get_kind (chain) != POLICY_PLATFORM_SEV) {
        if (a->emulated)
            return;
        judge->ok = FALSE;
        policy_verdict_fail (verdict, POLICY_CHECK_ACCEPTANCE, "acceptance-emulated",
                             "the platform is EMULATED, and the acceptance policy does not "
                             "say emulated=yes");
        return;
    }
    const char *name = policy_chain_get_generation (chain);
    for (guint i = 0; i < N_GENERATIONS; i++)
        if ((a->generations.set & 1u << i) != 0 &&
            g_ascii_strcasecmp (policy_generation_words[i], name) == 0)
            return;
    g_autofree char *allowed =
        policy_words_of (a->generations.set, policy_generation_words);
    judge->ok = FALSE;
    policy_verdict_fail (
        verdict, POLICY_CHECK_ACCEPTANCE, "acceptance-generation",
        "the processor is of generation %s, the acceptance policy takes %s%s", name,
        allowed,
        a->generations.given
            ? ""
            : " (keys were extracted from chips of Naples; generations= in "
              "the acceptance policy allows it)");
}

static void
judge_owner (Judge *judge)
{
    const PolicyAcceptance *a = judge->acceptance;
    const char *text = policy_chain_get_owner_fingerprint (judge->facts->chain);
    PolicyVerdict *verdict = judge->verdict;
    PolicyFingerprint owner;

    if (!a->owners.given ||
        (text != NULL && policy_fingerprint_parse (text, &owner, NULL) &&
         policy_digest_set_contains (&a->owners, owner.bytes)))
        return;
    judge->ok = FALSE;
    policy_verdict_fail (
        verdict, POLICY_CHECK_ACCEPTANCE, "acceptance-owner",
        "the platform's owner (OCA) is %s, none of those of the acceptance "
        "policy",
        text != NULL ? text : "unknown");
}

/* A chain that does not verify says nothing; that it does not is a reason of its own. */
static void
judge_platform (Judge *judge)
{
    const PolicyAcceptance *a = judge->acceptance;
    const PolicyChain *chain = judge->facts->chain;

    if (chain != NULL && policy_chain_is_verified (chain)) {
        judge_root (judge);
        judge_kind (judge);
        judge_owner (judge);
        return;
    }
    if (judge->mode == OF_STEP)
        return;
    if (a->builtin) {
        if (judge->mode == FINAL)
            policy_verdict_add_unproven (judge->verdict,
                                         "which platform it is: its certificates were not "
                                         "judged");
        return;
    }
    (void) known (judge, FALSE, "acceptance-root", "the platform's root and generation");
}

static void
judge_version (Judge *judge)
{
    const PolicyAcceptance *a = judge->acceptance;
    const PolicyFacts *facts = judge->facts;
    const guint api = (guint) facts->api_major << 8 | facts->api_minor;
    PolicyVerdict *verdict = judge->verdict;

    if (!a->has_api ||
        !known (judge, facts->has_version, "acceptance-api", "the firmware's version"))
        return;
    if (api > a->api || (api == a->api && facts->build >= a->build))
        return;
    judge->ok = FALSE;
    policy_verdict_fail (verdict, POLICY_CHECK_ACCEPTANCE, "acceptance-api",
                         "the platform's firmware is API %u.%u build %u, the acceptance "
                         "policy asks for %u.%u build %u or newer",
                         facts->api_major, facts->api_minor, facts->build, a->api >> 8,
                         a->api & 0xff, a->build);
}

static guint
place_bit (PolicyJudgedOn place)
{
    switch (place) {
    case POLICY_JUDGED_OWNER_MACHINE:
        return 1u << JUDGED_OWNER_MACHINE;
    case POLICY_JUDGED_HYPERVISOR:
        return 1u << JUDGED_HYPERVISOR;
    case POLICY_JUDGED_EMULATED_HOST:
        return 1u << JUDGED_EMULATED_HOST;
    case POLICY_JUDGED_NOWHERE:
        break;
    }
    return 0;
}

static void
judge_place (Judge *judge)
{
    const PolicyAcceptance *a = judge->acceptance;
    const PolicyJudgedOn place = judge->facts->judged_on;
    PolicyVerdict *verdict = judge->verdict;

    if (!a->judged_on.given || (judge->mode == OF_STEP && place == POLICY_JUDGED_NOWHERE) ||
        !known (judge, place != POLICY_JUDGED_NOWHERE, "acceptance-judged-on",
                "a place of judgement"))
        return;
    if ((a->judged_on.set & place_bit (place)) != 0)
        return;
    g_autofree char *allowed = policy_words_of (a->judged_on.set, policy_judged_words);
    judge->ok = FALSE;
    policy_verdict_fail (verdict, POLICY_CHECK_ACCEPTANCE, "acceptance-judged-on",
                         "this is judged on: %s; the acceptance policy takes: %s",
                         policy_judged_on_name (place), allowed);
}

/* What boots. */

static gboolean
names_parts (const PolicyAcceptance *a)
{
    return a->kernel.given || a->initrd.given || a->cmdline.given;
}

gboolean
policy_acceptance_takes_uki (const PolicyAcceptance *acceptance)
{
    g_return_val_if_fail (acceptance != NULL, FALSE);

    return acceptance->uki.given || !names_parts (acceptance);
}

static void
judge_firmware (Judge *judge)
{
    const PolicyAcceptance *a = judge->acceptance;
    const PolicyBoot *boot = judge->facts->boot;
    PolicyVerdict *verdict = judge->verdict;

    if ((!a->firmware.given && !a->pinned) ||
        !known (judge, boot != NULL, "acceptance-firmware", "a firmware"))
        return;
    if (a->firmware.given && !policy_digest_set_contains (&a->firmware, boot->firmware)) {
        g_autofree char *hex = sev_hex_encode (boot->firmware, SEV_DIGEST_SIZE);
        judge->ok = FALSE;
        policy_verdict_fail (
            verdict, POLICY_CHECK_ACCEPTANCE, "acceptance-firmware",
            "firmware has SHA-256 %s, which the acceptance policy does not "
            "name",
            hex);
    }
    if (!a->pinned || policy_firmware_pin_holds (boot->firmware_pin) ||
        !known (judge, boot->firmware_pin != POLICY_FIRMWARE_UNKNOWN, "acceptance-firmware",
                "a pinned firmware"))
        return;
    judge->ok = FALSE;
    policy_verdict_fail (verdict, POLICY_CHECK_ACCEPTANCE, "acceptance-firmware",
                         "firmware: unpinned, and the acceptance policy says pinned=yes");
}

static void
compare (Judge *judge,
         const char *what,
         const PolicyDigestSet *allowed,
         const guint8 found[SEV_DIGEST_SIZE])
{
    PolicyVerdict *verdict = judge->verdict;

    if (!allowed->given || policy_digest_set_contains (allowed, found))
        return;
    g_autofree char *hex = sev_hex_encode (found, SEV_DIGEST_SIZE);
    judge->ok = FALSE;
    policy_verdict_fail (verdict, POLICY_CHECK_ACCEPTANCE, "acceptance-boot",
                         "the %s has SHA-256 %s, which the acceptance policy does not name",
                         what, hex);
}

/* Outside of a UKI nothing may be added to it: the firmware would pass it on. */
static void
compare_uki (Judge *judge)
{
    const PolicyBoot *boot = judge->facts->boot;
    PolicyVerdict *verdict = judge->verdict;
    guint8 no_initrd[SEV_DIGEST_SIZE], no_cmdline[SEV_DIGEST_SIZE];

    compare (judge, "unified kernel image", &judge->acceptance->uki, boot->kernel);
    if (ovmf_hashes_no_initrd (no_initrd, NULL) &&
        ovmf_hashes_cmdline (NULL, no_cmdline, NULL) &&
        memcmp (boot->initrd, no_initrd, SEV_DIGEST_SIZE) == 0 &&
        memcmp (boot->cmdline, no_cmdline, SEV_DIGEST_SIZE) == 0)
        return;
    judge->ok = FALSE;
    policy_verdict_fail (
        verdict, POLICY_CHECK_ACCEPTANCE, "acceptance-boot",
        "a unified kernel image is booted with an initrd or a command line "
        "beside it");
}

static void
judge_kernel (Judge *judge)
{
    const PolicyAcceptance *a = judge->acceptance;
    const PolicyBoot *boot = judge->facts->boot;
    PolicyVerdict *verdict = judge->verdict;

    if (!boot->measured) {
        judge->ok = FALSE;
        policy_verdict_fail (verdict, POLICY_CHECK_ACCEPTANCE, "acceptance-boot",
                             "kernel, initrd and command line are not measured, and the "
                             "acceptance policy asks for it");
        return;
    }
    if (boot->uki ? !policy_acceptance_takes_uki (a) : a->uki.given && !names_parts (a)) {
        judge->ok = FALSE;
        policy_verdict_fail (verdict, POLICY_CHECK_ACCEPTANCE, "acceptance-boot",
                             "%s is booted, the acceptance policy names %s",
                             boot->uki ? "a unified kernel image" : "a plain kernel",
                             boot->uki ? "a plain kernel" : "a unified kernel image");
        return;
    }
    if (boot->uki) {
        if (a->uki.given)
            compare_uki (judge);
        return;
    }
    compare (judge, "kernel", &a->kernel, boot->kernel);
    compare (judge, "initrd", &a->initrd, boot->initrd);
    compare (judge, "command line", &a->cmdline, boot->cmdline);
}

static void
judge_vcpus (Judge *judge)
{
    const PolicyAcceptance *a = judge->acceptance;
    const PolicyBoot *boot = judge->facts->boot;
    PolicyVerdict *verdict = judge->verdict;

    if (!boot->es) {
        judge->ok = FALSE;
        policy_verdict_fail (verdict, POLICY_CHECK_ACCEPTANCE, "acceptance-vcpus",
                             "the acceptance policy limits the number of vCPUs, which only "
                             "SEV-ES proves (--policy with es)");
        return;
    }
    for (guint i = 0; i < a->vcpus->len; i++) {
        const PolicyRange *range = &g_array_index (a->vcpus, PolicyRange, i);
        if (boot->vcpus >= range->first && boot->vcpus <= range->last)
            return;
    }
    judge->ok = FALSE;
    policy_verdict_fail (verdict, POLICY_CHECK_ACCEPTANCE, "acceptance-vcpus",
                         "%u vCPUs, a number that the acceptance policy does not name",
                         boot->vcpus);
}

static void
judge_boot (Judge *judge)
{
    const PolicyAcceptance *a = judge->acceptance;
    const gboolean boot = judge->facts->boot != NULL;

    judge_firmware (judge);
    if ((a->measured || a->uki.given || a->kernel.given || a->initrd.given ||
         a->cmdline.given) &&
        known (judge, boot, "acceptance-boot", "what boots"))
        judge_kernel (judge);
    if (a->vcpus->len > 0 && known (judge, boot, "acceptance-vcpus", "a number of vCPUs"))
        judge_vcpus (judge);
}

/* Guest policy and secrets. */

static guint
api_of (guint32 policy)
{
    guint8 major, minor;

    policy_guest_min_api (policy, &major, &minor);
    return (guint) major << 8 | minor;
}

static void
judge_guest (Judge *judge)
{
    const PolicyAcceptance *a = judge->acceptance;
    const guint32 policy = judge->facts->guest_policy;
    PolicyVerdict *verdict = judge->verdict;

    if ((a->require | a->forbid) == 0 ||
        !known (judge, judge->facts->has_policy, "acceptance-guest-policy",
                "a guest policy"))
        return;
    const guint32 lacking = a->require & ~policy & POLICY_BITS;
    if (lacking != 0) {
        g_autofree char *words = policy_guest_to_text (lacking);
        judge->ok = FALSE;
        policy_verdict_fail (verdict, POLICY_CHECK_ACCEPTANCE, "acceptance-guest-policy",
                             "the guest policy is without %s, which the acceptance policy "
                             "requires",
                             words);
    }
    if ((policy & a->forbid) != 0) {
        g_autofree char *words = policy_guest_to_text (policy & a->forbid);
        judge->ok = FALSE;
        policy_verdict_fail (verdict, POLICY_CHECK_ACCEPTANCE, "acceptance-guest-policy",
                             "the guest policy has %s, which the acceptance policy forbids",
                             words);
    }
    if (api_of (policy) >= api_of (a->require))
        return;
    judge->ok = FALSE;
    policy_verdict_fail (
        verdict, POLICY_CHECK_ACCEPTANCE, "acceptance-guest-policy",
        "the guest policy has min-api=%u.%u, the acceptance policy requires "
        "%u.%u",
        api_of (policy) >> 8, api_of (policy) & 0xff, api_of (a->require) >> 8,
        api_of (a->require) & 0xff);
}

/* Whether the fact behind a need is known, and then whether it holds. */
static gboolean
need_known (const PolicyFacts *facts, guint need, gboolean *met)
{
    const PolicyChain *chain = facts->chain;

    switch (need) {
    case NEED_ES:
        *met = (facts->guest_policy & SEV_POLICY_ES) != 0;
        return facts->has_policy;
    case NEED_NO_DEBUG:
        *met = (facts->guest_policy & SEV_POLICY_NODBG) != 0;
        return facts->has_policy;
    case NEED_MEASURED_BOOT:
        *met = facts->boot != NULL && facts->boot->measured;
        return facts->boot != NULL;
    case NEED_FIRMWARE_PINNED:
        *met = facts->boot != NULL && policy_firmware_pin_holds (facts->boot->firmware_pin);
        return facts->boot != NULL && facts->boot->firmware_pin != POLICY_FIRMWARE_UNKNOWN;
    case NEED_OWNER_MACHINE:
        *met = facts->judged_on == POLICY_JUDGED_OWNER_MACHINE;
        return facts->judged_on != POLICY_JUDGED_NOWHERE;
    case NEED_AMD:
        *met = chain != NULL && policy_chain_get_kind (chain) == POLICY_PLATFORM_SEV;
        return chain != NULL;
    default:
        *met = FALSE;
        return TRUE;
    }
}

/* Who would know it, for whom packs by hand. */
static const char *
need_told_by (guint need)
{
    static const char *const told[N_NEEDS] = {
        [NEED_ES] = "a guest policy that was verified (--policy)",
        [NEED_NO_DEBUG] = "a guest policy that was verified (--policy)",
        [NEED_MEASURED_BOOT] = "a measurement that was verified (--firmware, --kernel)",
        [NEED_FIRMWARE_PINNED] =
            "the owner's word for a firmware that was verified (--owner)",
        [NEED_OWNER_MACHINE] = "a judge who knows where he is ('courier judge', 'run')",
        [NEED_AMD] = "a platform that was verified ('courier judge', 'run')",
    };

    return told[need];
}

static void
judge_need (Judge *judge, const PolicySecretRule *rule, guint need)
{
    PolicyVerdict *verdict = judge->verdict;
    const char *alias = ovmf_secret_guid_alias (&rule->guid);
    g_autofree char *guid = sev_guid_to_string (&rule->guid);
    const char *name = alias != NULL ? alias : guid;
    gboolean met = FALSE;
    const gboolean is_known = need_known (judge->facts, need, &met);

    if (is_known ? met : judge->mode == FORESEEN)
        return;
    judge->ok = FALSE;
    if (is_known || judge->mode == FINAL)
        policy_verdict_fail (verdict, POLICY_CHECK_ACCEPTANCE, "acceptance-secret",
                             "the secret %s needs '%s' by the acceptance policy, and this "
                             "launch is without it",
                             name, policy_need_words[need]);
    else
        policy_verdict_fail (
            verdict, POLICY_CHECK_ACCEPTANCE, "acceptance-secret",
            "the secret %s needs '%s' by the acceptance policy, which cannot "
            "be judged without %s",
            name, policy_need_words[need], need_told_by (need));
}

static void
judge_secret (Judge *judge, const PolicySecretRule *rule)
{
    for (guint need = 0; need < N_NEEDS; need++)
        if ((rule->needs & 1u << need) != 0)
            judge_need (judge, rule, need);
}

static void
judge_secrets (Judge *judge)
{
    const GArray *rules = judge->acceptance->secrets;
    const PolicyFacts *facts = judge->facts;

    for (guint i = 0; i < rules->len; i++) {
        const PolicySecretRule *rule = &g_array_index (rules, PolicySecretRule, i);
        for (guint j = 0; j < facts->n_secrets; j++)
            if (sev_guid_equal (&facts->secrets[j], &rule->guid)) {
                judge_secret (judge, rule);
                break;
            }
    }
}

static void
judge_parts (Judge *judge)
{
    judge_platform (judge);
    judge_version (judge);
    judge_place (judge);
    judge_boot (judge);
    judge_guest (judge);
    judge_secrets (judge);
}

static gboolean
judge_all (const PolicyAcceptance *acceptance,
           const PolicyFacts *facts,
           PolicyVerdict *verdict,
           guint mode)
{
    Judge judge = { acceptance, facts, verdict, mode, TRUE, NULL };

    judge_parts (&judge);
    return judge.ok;
}

void
policy_acceptance_add_open (const PolicyAcceptance *acceptance,
                            const PolicyFacts *facts,
                            PolicyVerdict *verdict)
{
    g_autoptr (PolicyVerdict) unused = policy_verdict_new ();
    Judge judge = { acceptance, facts, unused, FORESEEN, TRUE, verdict };

    g_return_if_fail (acceptance != NULL && facts != NULL && verdict != NULL);

    judge_parts (&judge);
    if (facts->n_secrets == 0 && acceptance->secrets->len > 0)
        leave_open (&judge, "what single secrets need");
}

gboolean
policy_acceptance_foresee (const PolicyAcceptance *acceptance,
                           const PolicyFacts *facts,
                           PolicyVerdict *verdict)
{
    g_return_val_if_fail (acceptance != NULL && facts != NULL && verdict != NULL, FALSE);

    return judge_all (acceptance, facts, verdict, FORESEEN);
}

gboolean
policy_acceptance_judge_step (const PolicyAcceptance *acceptance,
                              const PolicyFacts *facts,
                              PolicyVerdict *verdict)
{
    g_return_val_if_fail (acceptance != NULL && facts != NULL && verdict != NULL, FALSE);

    return judge_all (acceptance, facts, verdict, OF_STEP);
}

gboolean
policy_acceptance_judge (const PolicyAcceptance *acceptance,
                         const PolicyFacts *facts,
                         PolicyVerdict *verdict)
{
    g_return_val_if_fail (acceptance != NULL && facts != NULL && verdict != NULL, FALSE);

    const gboolean ok = judge_all (acceptance, facts, verdict, FINAL);
    if (ok)
        policy_verdict_pass (verdict, POLICY_CHECK_ACCEPTANCE);
    return ok;
}
