/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/attest/why-private.h"

#include <string.h>

#include "policy/policy-error.h"

#define MOST_EXPLANATIONS 8u

gboolean
why_internal (GError *local, GError **error)
{
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_INTERNAL, "looking for the cause: %s",
                 local->message);
    g_error_free (local);
    return FALSE;
}

static void
other_clear (gpointer data)
{
    WhyOther *other = data;

    g_free (other->text);
    g_clear_pointer (&other->after_firmware, sev_digest_free);
}

WhyOther *
why_add (PolicyWhy *why, WhySubject subject, WhyRank rank, const char *id, char *text)
{
    const WhyOther other = { .rank = rank, .id = id, .text = text };
    GArray *array = why->others[subject];

    g_array_append_val (array, other);
    return &g_array_index (array, WhyOther, array->len - 1);
}

static SevHmac *
keyed (const SevSecret *key)
{
    g_autoptr (GError) error = NULL;
    SevHmac *hmac = sev_hmac_new (sev_secret_data (key), sev_secret_size (key), &error);

    if (hmac == NULL)
        g_warning ("%s", error->message);
    return hmac;
}

PolicyWhy *
policy_why_new (const SevSecret *tik,
                const SevSecret *tek,
                guint32 policy,
                const PolicyMeasureInput *input)
{
    g_return_val_if_fail (tik != NULL && input != NULL, NULL);
    g_return_val_if_fail (input->report_len == sizeof (SevMeasureWire), NULL);

    PolicyWhy *why = g_new0 (PolicyWhy, 1);
    why->tik = keyed (tik);
    why->tek = tek != NULL ? keyed (tek) : NULL;
    why->policy = policy;
    why->input = *input;
    memcpy (why->report, input->report, sizeof why->report);
    for (guint i = 0; i < WHY_N_SUBJECTS; i++) {
        why->others[i] = g_array_new (FALSE, FALSE, sizeof (WhyOther));
        g_array_set_clear_func (why->others[i], other_clear);
    }
    why_add_numbers (why);
    return why;
}

void
policy_why_free (PolicyWhy *why)
{
    if (why == NULL)
        return;
    for (guint i = 0; i < WHY_N_SUBJECTS; i++)
        g_array_unref (why->others[i]);
    g_clear_pointer (&why->tik, sev_hmac_free);
    g_clear_pointer (&why->tek, sev_hmac_free);
    g_free (why);
}

void
policy_why_allow_vcpus (PolicyWhy *why, guint last)
{
    g_return_if_fail (why != NULL && why->boot == NULL);

    why->last = last;
}

gboolean
policy_why_set_boot (PolicyWhy *why,
                     const PolicyBootInputs *inputs,
                     const PolicyVcpus *vcpus,
                     GError **error)
{
    GError *local = NULL;

    g_return_val_if_fail (why != NULL && inputs != NULL && why->boot == NULL, FALSE);

    why->boot = inputs;
    why->es = vcpus != NULL;
    if (vcpus != NULL)
        why->vcpus = *vcpus;
    why_add_vcpus (why);
    if (!ovmf_hashes_no_initrd (why->no_initrd, &local))
        return why_internal (local, error);
    if (!inputs->kernel_hashes)
        return TRUE;
    why_add (why, WHY_HASHES, WHY_COMMON, "kernel-hashes-off",
             g_strdup ("kernel hashes are off, so kernel, initrd and command line were not "
                       "measured (kernelHashes='yes' in the domain)"));
    if (inputs->initrd.name != NULL) {
        WhyOther *other = why_add (why, WHY_INITRD, WHY_COMMON, "initrd-absent",
                                   g_strdup ("there is no initrd"));
        memcpy (other->digest, why->no_initrd, SEV_DIGEST_SIZE);
    }
    return why_add_cmdlines (why, error);
}

/* The search. */

typedef struct {
    PolicyWhy *why;
    const WhyOther *chosen[WHY_N_SUBJECTS]; /* NULL: as expected */
    gboolean digest_fits;                   /* @digest is that of @chosen */
    guint8 digest[SEV_DIGEST_SIZE];
    WhyRank most; /* rarest that counts in this round */
    guint64 limit;
    gboolean stopped;
    PolicyWhyAnswer *answer;
    guint ranks[MOST_EXPLANATIONS]; /* of its explanations */
    GError *error;
} Search;

static gboolean
add_vmsas (SevDigest *digest, const PolicyVcpus *vcpus, GError **error)
{
    SevVmsaWire vmsa;

    for (guint i = 0; i < vcpus->count; i++) {
        if (i < 2) /* all but the first are alike */
            policy_vmsa_build (vcpus, i, &vmsa);
        if (!sev_digest_update (digest, &vmsa, sizeof vmsa, error))
            return FALSE;
    }
    return TRUE;
}

static PolicyVcpus
chosen_vcpus (const Search *s)
{
    PolicyVcpus vcpus = s->why->vcpus;
    const WhyOther *const *chosen = s->chosen;

    if (chosen[WHY_COUNT] != NULL)
        vcpus.count = chosen[WHY_COUNT]->number;
    if (chosen[WHY_SIGNATURE] != NULL)
        vcpus.signature = chosen[WHY_SIGNATURE]->number;
    if (chosen[WHY_FORM] != NULL) {
        vcpus.form = chosen[WHY_FORM]->form;
        vcpus.features = chosen[WHY_FORM]->features;
    }
    vcpus.reset_addr = chosen[WHY_FIRMWARE] != NULL ? chosen[WHY_FIRMWARE]->reset_addr
                                                    : s->why->boot->info.es_reset_addr;
    return vcpus;
}

static gboolean
chosen_es (const Search *s)
{
    return s->chosen[WHY_COUNT] != NULL ? s->chosen[WHY_COUNT]->es : s->why->es;
}

/* Whether there is a hash table; a kernel that nobody expected brings one. */
static gboolean
chosen_table (const Search *s, guint8 table[OVMF_HASH_TABLE_PADDED_SIZE])
{
    OvmfHashes hashes = s->why->boot->hashes;
    guint8 *const fields[] = { hashes.kernel, hashes.initrd, hashes.cmdline };

    if (s->chosen[WHY_HASHES] != NULL ||
        (!s->why->boot->kernel_hashes && s->chosen[WHY_KERNEL] == NULL))
        return FALSE;
    if (!s->why->boot->kernel_hashes) {
        memcpy (hashes.initrd, s->why->no_initrd, SEV_DIGEST_SIZE);
        if (!ovmf_hashes_cmdline (NULL, hashes.cmdline, NULL))
            return FALSE;
    }
    for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
        if (s->chosen[WHY_KERNEL + i] != NULL)
            memcpy (fields[i], s->chosen[WHY_KERNEL + i]->digest, SEV_DIGEST_SIZE);
    ovmf_hashes_build (&hashes, table);
    return TRUE;
}

static gboolean
compute_digest (Search *s, GError **error)
{
    guint8 table[OVMF_HASH_TABLE_PADDED_SIZE];

    if (s->why->boot == NULL) {
        memcpy (s->digest, s->why->input.launch_digest, SEV_DIGEST_SIZE);
        return TRUE;
    }
    const SevDigest *start = s->chosen[WHY_FIRMWARE] != NULL
                                 ? s->chosen[WHY_FIRMWARE]->after_firmware
                                 : s->why->boot->after_firmware;
    const gboolean has_table = chosen_table (s, table);
    const PolicyVcpus vcpus = chosen_vcpus (s);
    g_autoptr (SevDigest) digest = sev_digest_copy (start, error);

    return digest != NULL &&
           (!has_table || sev_digest_update (digest, table, sizeof table, error)) &&
           (!chosen_es (s) || add_vmsas (digest, &vcpus, error)) &&
           sev_digest_finish (digest, s->digest, error);
}

static PolicyMeasureInput
chosen_input (const Search *s)
{
    const WhyOther *version = s->chosen[WHY_VERSION];
    PolicyMeasureInput input = s->why->input;

    if (version != NULL) {
        input.api_major = version->api_major;
        input.api_minor = version->api_minor;
        input.build = version->build;
    }
    memcpy (input.launch_digest, s->digest, SEV_DIGEST_SIZE);
    return input;
}

static guint32
chosen_policy (const Search *s)
{
    guint32 policy =
        s->chosen[WHY_POLICY] != NULL ? s->chosen[WHY_POLICY]->number : s->why->policy;

    /* The bit and the measured processors go together. */
    if (s->why->boot != NULL && s->chosen[WHY_COUNT] != NULL)
        policy = s->chosen[WHY_COUNT]->es ? policy | SEV_POLICY_ES
                                          : policy & ~(guint32) SEV_POLICY_ES;
    return policy;
}

static gboolean
fits (Search *s, gboolean *out, GError **error)
{
    const WhyOther *nonce = s->chosen[WHY_NONCE];
    const SevHmac *key =
        s->chosen[WHY_KEY] != NULL ? s->chosen[WHY_KEY]->keyed : s->why->tik;
    const guint8 *report = s->why->report;
    const guint8 *measure = report;
    const guint8 *mnonce = report + SEV_MAC_SIZE;
    guint8 mac[SEV_MAC_SIZE];

    if (nonce != NULL) {
        measure = nonce->reversed ? report + SEV_NONCE_SIZE : report;
        mnonce = nonce->reversed ? report : nonce->mnonce;
    }
    if (!s->digest_fits && !compute_digest (s, error))
        return FALSE;
    s->digest_fits = TRUE;
    const PolicyMeasureInput input = chosen_input (s);
    if (!policy_measure_mac (key, chosen_policy (s), &input, mnonce, mac, error))
        return FALSE;
    *out = sev_constant_time_equal (mac, measure, sizeof mac);
    return TRUE;
}

static void
cause_free (gpointer data)
{
    PolicyWhyCause *cause = data;

    g_free (cause->text);
    g_free (cause);
}

/* The commoner comes first. */
static void
insert (Search *s, GPtrArray *causes, guint rank)
{
    GPtrArray *found = s->answer->explanations;
    guint at = found->len;

    while (at > 0 && s->ranks[at - 1] > rank) {
        s->ranks[at] = s->ranks[at - 1];
        at--;
    }
    s->ranks[at] = rank;
    g_ptr_array_insert (found, (gint) at, causes);
}

static void
record (Search *s)
{
    g_autoptr (GPtrArray) causes = g_ptr_array_new_with_free_func (cause_free);
    guint rank = 0;

    for (guint i = 0; i < WHY_N_SUBJECTS; i++) {
        if (s->chosen[i] == NULL)
            continue;
        PolicyWhyCause *cause = g_new0 (PolicyWhyCause, 1);
        cause->id = s->chosen[i]->id;
        cause->text = g_strdup (s->chosen[i]->text);
        g_ptr_array_add (causes, cause);
        rank += s->chosen[i]->rank;
    }
    if (causes->len == 0)
        s->answer->matches = TRUE;
    else if (s->answer->explanations->len < MOST_EXPLANATIONS)
        insert (s, g_steal_pointer (&causes), rank);
}

/* Without a hash table its parts change nothing. */
static gboolean
is_sense (const Search *s)
{
    const gboolean parts = s->chosen[WHY_KERNEL] != NULL || s->chosen[WHY_INITRD] != NULL ||
                           s->chosen[WHY_CMDLINE] != NULL;

    if (s->why->boot == NULL)
        return TRUE;
    if (s->chosen[WHY_HASHES] != NULL && parts)
        return FALSE;
    if (!s->why->boot->kernel_hashes && s->chosen[WHY_KERNEL] == NULL && parts)
        return FALSE;
    return chosen_es (s) ||
           (s->chosen[WHY_SIGNATURE] == NULL && s->chosen[WHY_FORM] == NULL);
}

static void
try_one (Search *s)
{
    gboolean found = FALSE;

    if (!is_sense (s))
        return;
    if (s->answer->tried == s->limit) {
        s->stopped = TRUE;
        s->answer->complete = FALSE;
        return;
    }
    s->answer->tried++;
    if (!fits (s, &found, &s->error))
        s->stopped = TRUE;
    else if (found)
        record (s);
}

/* Every choice of @left subjects from @from on. */
static void
walk (Search *s, guint from, guint left)
{
    if (left == 0) {
        try_one (s);
        return;
    }
    for (guint i = from; i + left <= WHY_N_SUBJECTS && !s->stopped; i++) {
        const GArray *others = s->why->others[i];

        for (guint k = 0; k < others->len && !s->stopped; k++) {
            const WhyOther *other = &g_array_index (others, WhyOther, k);

            if (other->rank > s->most)
                continue;
            s->chosen[i] = other;
            if (i < WHY_N_MEASURED)
                s->digest_fits = FALSE;
            walk (s, i + 1, left - 1);
        }
        s->chosen[i] = NULL;
        if (i < WHY_N_MEASURED)
            s->digest_fits = FALSE;
    }
}

void
policy_why_answer_free (PolicyWhyAnswer *answer)
{
    if (answer == NULL)
        return;
    g_ptr_array_unref (answer->explanations);
    g_free (answer);
}

PolicyWhyAnswer *
policy_why_search (PolicyWhy *why, guint64 limit, GError **error)
{
    static const WhyRank rounds[] = { WHY_RARE, WHY_RARE, WHY_UNCOMMON, WHY_COMMON };
    g_autoptr (PolicyWhyAnswer) answer = g_new0 (PolicyWhyAnswer, 1);
    Search search = { .why = why, .limit = limit, .answer = answer };

    g_return_val_if_fail (why != NULL && limit > 0, NULL);

    answer->complete = TRUE;
    answer->explanations =
        g_ptr_array_new_with_free_func ((GDestroyNotify) g_ptr_array_unref);
    for (guint n = 0; n < G_N_ELEMENTS (rounds) && !search.stopped; n++) {
        search.most = rounds[n];
        walk (&search, 0, n);
        if (answer->matches || answer->explanations->len > 0)
            break;
    }
    if (search.error == NULL)
        return g_steal_pointer (&answer);
    why_internal (search.error, error);
    return NULL;
}
