/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which of the hypotheses gives the reported measurement. */

#include "policy/attest/why-private.h"

#include <string.h>

#define MOST_EXPLANATIONS 8u
#define MOST_FORMS 8u

/* A part of the search: so many differences, the rarest of them of this rank. */
typedef struct {
    guint n;
    WhyRank rank;
    WhySubject from; /* the subjects to choose among */
    WhySubject to;
    gboolean go_on; /* with the next one even if there is an explanation */
    guint share;    /* percent of the limits that may be used up to its end */
} Round;

/* What costs little comes before what costs much: processors' own differences need no other
 * prefix, and those after them no hashing at all. */
static const Round rounds[] = {
    { 0, WHY_COMMON, WHY_FIRMWARE, WHY_NONCE, FALSE, 40 },
    { 1, WHY_COMMON, WHY_FIRMWARE, WHY_NONCE, TRUE, 40 },
    { 1, WHY_UNCOMMON, WHY_FIRMWARE, WHY_NONCE, FALSE, 50 },
    { 2, WHY_COMMON, WHY_FIRMWARE, WHY_NONCE, FALSE, 55 },
    { 1, WHY_RARE, WHY_COUNT, WHY_NONCE, FALSE, 60 },
    { 2, WHY_UNCOMMON, WHY_SIGNATURE, WHY_NONCE, FALSE, 65 },
    { 1, WHY_RARE, WHY_SIGNATURE, WHY_FORM, FALSE, 70 },
    { 1, WHY_RARE, WHY_FIRMWARE, WHY_CMDLINE, FALSE, 76 },
    { 2, WHY_UNCOMMON, WHY_FIRMWARE, WHY_NONCE, FALSE, 84 },
    { 1, WHY_REMOTE, WHY_SIGNATURE, WHY_NONCE, FALSE, 90 },
    { 1, WHY_REMOTE, WHY_FIRMWARE, WHY_CMDLINE, FALSE, 96 },
    { 3, WHY_COMMON, WHY_FIRMWARE, WHY_NONCE, FALSE, 100 },
};

/* The hash over a launch grows at its end only: what two hypotheses have in common at their
 * beginning is hashed once. */
typedef struct {
    PolicyWhy *why;
    const WhyOther *chosen[WHY_N_SUBJECTS]; /* NULL: as expected */
    const Round *round;
    GPtrArray *others[WHY_N_SUBJECTS]; /* (element-type WhyOther): those of @round */
    guint form;          /* which of those that are right, policy_vcpus_variant() */
    SevDigest *prefix;   /* (nullable): over @chosen's files */
    SevDigest *areas;    /* (nullable): that, and the save areas of @counted */
    PolicyVcpus counted; /* how many are in @areas */
    SevVmsaWire vmsas[2];
    GArray
        *digests; /* (element-type guint8[32]): of @chosen, for each number that is right */
    gboolean digests_fit;
    GArray *expected[MOST_FORMS]; /* (nullable): @digests of what was expected */
    guint64 limit;                /* of this part of the search */
    guint64 max_bytes;
    gboolean stopped;
    PolicyWhyAnswer *answer;
    guint ranks[MOST_EXPLANATIONS]; /* of its explanations */
    GError *error;
} Search;

static void
forget_areas (Search *s)
{
    g_clear_pointer (&s->areas, sev_digest_free);
    s->digests_fit = FALSE;
}

static void
forget_files (Search *s)
{
    g_clear_pointer (&s->prefix, sev_digest_free);
    forget_areas (s);
}

static void
choose (Search *s, guint subject, const WhyOther *other)
{
    s->chosen[subject] = other;
    if (subject < WHY_N_FILES)
        forget_files (s);
    else if (subject < WHY_N_MEASURED)
        s->digests_fit = FALSE;
}

static gboolean
chosen_es (const Search *s)
{
    return s->chosen[WHY_COUNT] != NULL ? s->chosen[WHY_COUNT]->es : s->why->es;
}

/* Those of the guest, and how many at most. */
static PolicyVcpus
chosen_vcpus (const Search *s)
{
    PolicyVcpus vcpus = s->why->vcpus.vcpus;
    const WhyOther *const *chosen = s->chosen;
    const WhyOther *form = s->why->es ? chosen[WHY_FORM] : chosen[WHY_COUNT];

    if (s->why->vcpus.any_form)
        (void) policy_vcpus_variant (s->form, &vcpus);
    vcpus.count =
        chosen[WHY_COUNT] != NULL ? chosen[WHY_COUNT]->number : s->why->vcpus.last;
    if (chosen[WHY_SIGNATURE] != NULL)
        vcpus.signature = chosen[WHY_SIGNATURE]->number;
    if (form != NULL) {
        vcpus.form = form->form;
        vcpus.features = form->features;
    }
    vcpus.reset_addr = chosen[WHY_FIRMWARE] != NULL ? chosen[WHY_FIRMWARE]->reset_addr
                                                    : s->why->boot->info.es_reset_addr;
    return vcpus;
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
need_prefix (Search *s, GError **error)
{
    guint8 table[OVMF_HASH_TABLE_PADDED_SIZE];

    if (s->prefix != NULL)
        return TRUE;
    const SevDigest *start = s->chosen[WHY_FIRMWARE] != NULL
                                 ? s->chosen[WHY_FIRMWARE]->after_firmware
                                 : s->why->boot->after_firmware;
    s->prefix = sev_digest_copy (start, error);
    return s->prefix != NULL && (!chosen_table (s, table) ||
                                 sev_digest_update (s->prefix, table, sizeof table, error));
}

static gboolean
add_digest (Search *s, const SevDigest *running, GError **error)
{
    g_autoptr (SevDigest) copy = sev_digest_copy (running, error);
    guint8 digest[SEV_DIGEST_SIZE];

    if (copy == NULL || !sev_digest_finish (copy, digest, error))
        return FALSE;
    g_array_append_val (s->digests, digest);
    return TRUE;
}

/* Whether @areas is a beginning of what is hashed for @vcpus. */
static gboolean
areas_fit (const Search *s, const PolicyVcpus *vcpus, guint first)
{
    const PolicyVcpus *have = &s->counted;

    return s->areas != NULL && have->count < first && have->signature == vcpus->signature &&
           have->form == vcpus->form && have->features == vcpus->features &&
           have->reset_addr == vcpus->reset_addr;
}

static gboolean
begin_areas (Search *s, const PolicyVcpus *vcpus, GError **error)
{
    g_clear_pointer (&s->areas, sev_digest_free);
    s->areas = sev_digest_copy (s->prefix, error);
    s->counted = *vcpus;
    s->counted.count = 0;
    /* All but the first are alike. */
    for (guint i = 0; i < G_N_ELEMENTS (s->vmsas); i++)
        policy_vmsa_build (vcpus, i, &s->vmsas[i]);
    return s->areas != NULL;
}

/* @vcpus: with the greatest number of them. Nothing is added if it would be too much. */
static gboolean
add_vcpu_digests (Search *s, const PolicyVcpus *vcpus, guint first, GError **error)
{
    const guint have = areas_fit (s, vcpus, first) ? s->counted.count : 0;
    const guint64 more = (guint64) (vcpus->count - have) * sizeof s->vmsas[0];

    if (s->answer->hashed + more > s->max_bytes) {
        s->answer->complete = FALSE;
        /* What costs no hashing may still be tried; of three that is next to nothing. */
        s->stopped = s->round->n > 2;
        return TRUE;
    }
    s->answer->hashed += more;
    if (have == 0 && (!need_prefix (s, error) || !begin_areas (s, vcpus, error)))
        return FALSE;
    while (s->counted.count < vcpus->count) {
        const SevVmsaWire *vmsa = &s->vmsas[MIN (s->counted.count, 1u)];

        if (!sev_digest_update (s->areas, vmsa, sizeof *vmsa, error))
            return FALSE;
        s->counted.count++;
        if (s->counted.count >= first && !add_digest (s, s->areas, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
add_digests (Search *s, GError **error)
{
    if (s->why->boot == NULL) {
        g_array_append_val (s->digests, s->why->input.launch_digest);
        return TRUE;
    }
    if (!chosen_es (s))
        return need_prefix (s, error) && add_digest (s, s->prefix, error);
    const PolicyVcpus vcpus = chosen_vcpus (s);
    const guint first =
        s->chosen[WHY_COUNT] != NULL ? vcpus.count : s->why->vcpus.vcpus.count;
    return add_vcpu_digests (s, &vcpus, first, error);
}

static gboolean
is_as_expected (const Search *s)
{
    for (guint i = 0; i < WHY_N_MEASURED; i++)
        if (s->chosen[i] != NULL)
            return FALSE;
    return TRUE;
}

static gboolean
compute_digests (Search *s, GError **error)
{
    GArray **kept = is_as_expected (s) ? &s->expected[s->form] : NULL;

    g_array_set_size (s->digests, 0);
    s->digests_fit = TRUE;
    if (kept != NULL && *kept != NULL)
        g_array_append_vals (s->digests, (*kept)->data, (*kept)->len);
    else if (!add_digests (s, error))
        return FALSE;
    else if (kept != NULL)
        *kept = g_array_copy (s->digests);
    return TRUE;
}

static PolicyMeasureInput
chosen_input (const Search *s, const guint8 *digest)
{
    const WhyOther *version = s->chosen[WHY_VERSION];
    PolicyMeasureInput input = s->why->input;

    if (version != NULL) {
        input.api_major = version->api_major;
        input.api_minor = version->api_minor;
        input.build = version->build;
    }
    memcpy (input.launch_digest, digest, SEV_DIGEST_SIZE);
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
fits (const Search *s, const guint8 *digest, gboolean *out, GError **error)
{
    const WhyOther *nonce = s->chosen[WHY_NONCE];
    const SevHmac *key =
        s->chosen[WHY_KEY] != NULL ? s->chosen[WHY_KEY]->keyed : s->why->tik;
    const PolicyMeasureInput input = chosen_input (s, digest);
    const guint8 *report = s->why->report;
    const guint8 *measure = report;
    const guint8 *mnonce = report + SEV_MAC_SIZE;
    guint8 mac[SEV_MAC_SIZE];

    if (nonce != NULL) {
        measure = nonce->reversed ? report + SEV_NONCE_SIZE : report;
        mnonce = nonce->reversed ? report : nonce->mnonce;
    }
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
    /* As one tells it: how many processors, then which. */
    static const WhySubject told[WHY_N_SUBJECTS] = {
        WHY_FIRMWARE,  WHY_HASHES, WHY_KERNEL, WHY_INITRD,  WHY_CMDLINE, WHY_COUNT,
        WHY_SIGNATURE, WHY_FORM,   WHY_POLICY, WHY_VERSION, WHY_KEY,     WHY_NONCE,
    };
    g_autoptr (GPtrArray) causes = g_ptr_array_new_with_free_func (cause_free);
    guint rank = 0;

    for (guint i = 0; i < WHY_N_SUBJECTS; i++) {
        const WhyOther *other = s->chosen[told[i]];

        if (other == NULL)
            continue;
        PolicyWhyCause *cause = g_new0 (PolicyWhyCause, 1);
        cause->id = other->id;
        cause->text = g_strdup (other->text);
        g_ptr_array_add (causes, cause);
        rank += other->rank;
    }
    if (causes->len == 0)
        s->answer->matches = TRUE;
    else if (s->answer->explanations->len < MOST_EXPLANATIONS)
        insert (s, g_steal_pointer (&causes), rank);
}

/* Without a hash table its parts change nothing, and of processors that nobody expected no
 * signature is known. */
static gboolean
is_sense (const Search *s)
{
    const gboolean parts = s->chosen[WHY_KERNEL] != NULL || s->chosen[WHY_INITRD] != NULL ||
                           s->chosen[WHY_CMDLINE] != NULL;
    const gboolean es = chosen_es (s);

    if (s->why->boot == NULL)
        return TRUE;
    if (s->chosen[WHY_HASHES] != NULL && parts)
        return FALSE;
    if (!s->why->boot->kernel_hashes && s->chosen[WHY_KERNEL] == NULL && parts)
        return FALSE;
    if (!es)
        return s->form == 0 && s->chosen[WHY_SIGNATURE] == NULL &&
               s->chosen[WHY_FORM] == NULL;
    return s->why->es || s->chosen[WHY_SIGNATURE] != NULL;
}

static void
try_one (Search *s, const guint8 *digest)
{
    gboolean found = FALSE;

    if (s->answer->tried >= s->limit) {
        s->stopped = TRUE;
        s->answer->complete = FALSE;
        return;
    }
    s->answer->tried++;
    if (!fits (s, digest, &found, &s->error))
        s->stopped = TRUE;
    else if (found)
        record (s);
}

static void
try_chosen (Search *s, WhyRank rarest)
{
    if (rarest != s->round->rank || !is_sense (s))
        return;
    if (!s->digests_fit && !compute_digests (s, &s->error)) {
        s->stopped = TRUE;
        return;
    }
    for (guint i = 0; i < s->digests->len && !s->stopped; i++)
        try_one (s, (const guint8 *) s->digests->data + i * SEV_DIGEST_SIZE);
}

/* Every choice of @left subjects from @from on. */
static void
walk (Search *s, guint from, guint left, WhyRank rarest)
{
    if (left == 0) {
        try_chosen (s, rarest);
        return;
    }
    for (guint i = from; i + left <= s->round->to + 1u && !s->stopped; i++) {
        const GPtrArray *others = s->others[i];

        for (guint k = 0; k < others->len && !s->stopped; k++) {
            const WhyOther *other = g_ptr_array_index (others, k);

            choose (s, i, other);
            walk (s, i + 1, left - 1, MAX (rarest, other->rank));
        }
        if (s->chosen[i] != NULL)
            choose (s, i, NULL);
    }
}

static guint
n_forms (const PolicyWhy *why)
{
    PolicyVcpus vcpus;
    guint n = 1;

    if (!why->es || !why->vcpus.any_form)
        return 1;
    while (n < MOST_FORMS && policy_vcpus_variant (n, &vcpus))
        n++;
    return n;
}

static void
gather_others (Search *s)
{
    for (guint i = 0; i < WHY_N_SUBJECTS; i++) {
        const GArray *all = s->why->others[i];

        g_ptr_array_set_size (s->others[i], 0);
        for (guint k = 0; k < all->len; k++) {
            WhyOther *other = &g_array_index (all, WhyOther, k);

            if (s->round->n == 1 ? other->rank == s->round->rank
                                 : other->rank <= s->round->rank)
                g_ptr_array_add (s->others[i], other);
        }
    }
}

/* Each form has its part of what the round may use. */
static void
go_round (Search *s, guint64 limit, guint64 max_bytes)
{
    const guint n = n_forms (s->why);
    const guint64 tried = s->answer->tried;
    const guint64 hashed = s->answer->hashed;

    limit = MAX (limit * s->round->share / 100, tried);
    max_bytes = MAX (max_bytes * s->round->share / 100, hashed);
    for (s->form = 0; s->form < n && s->error == NULL; s->form++) {
        s->limit = tried + (limit - tried) * (s->form + 1) / n;
        s->max_bytes = hashed + (max_bytes - hashed) * (s->form + 1) / n;
        s->stopped = FALSE;
        forget_areas (s);
        walk (s, s->round->from, s->round->n, WHY_COMMON);
    }
}

static void
search_clear (Search *s)
{
    forget_files (s);
    for (guint i = 0; i < WHY_N_SUBJECTS; i++)
        g_ptr_array_unref (s->others[i]);
    for (guint i = 0; i < MOST_FORMS; i++)
        g_clear_pointer (&s->expected[i], g_array_unref);
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
policy_why_search (PolicyWhy *why, guint64 limit, guint64 max_bytes, GError **error)
{
    g_autoptr (PolicyWhyAnswer) answer = g_new0 (PolicyWhyAnswer, 1);
    g_autoptr (GArray) digests = g_array_new (FALSE, FALSE, SEV_DIGEST_SIZE);
    Search search = { .why = why, .answer = answer, .digests = digests };

    g_return_val_if_fail (why != NULL && limit > 0, NULL);

    for (guint i = 0; i < WHY_N_SUBJECTS; i++)
        search.others[i] = g_ptr_array_new ();
    answer->complete = TRUE;
    answer->explanations =
        g_ptr_array_new_with_free_func ((GDestroyNotify) g_ptr_array_unref);
    for (gsize i = 0; i < G_N_ELEMENTS (rounds) && search.error == NULL; i++) {
        search.round = &rounds[i];
        gather_others (&search);
        go_round (&search, limit, max_bytes);
        if (answer->matches || (answer->explanations->len > 0 && !rounds[i].go_on))
            break;
    }
    search_clear (&search);
    if (search.error == NULL)
        return g_steal_pointer (&answer);
    why_internal (search.error, error);
    return NULL;
}
