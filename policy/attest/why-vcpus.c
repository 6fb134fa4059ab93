/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Processors: how many, which, and how the host fills their save areas. */

#include "policy/attest/why-private.h"

#define MOST_COUNT 1024u
#define COMMON_COUNT 16u
#define MOST_UNEXPECTED 64u /* where no processor was expected to be measured */
#define N_STEPPINGS 16u

/* Number. */

static char *
count_text (const PolicyWhy *why, guint n)
{
    const PolicyWhyVcpus *own = &why->vcpus;
    const char *s = n == 1 ? "" : "s";

    if (own->last > own->vcpus.count)
        return g_strdup_printf ("the guest has %u processor%s and not %u to %u", n, s,
                                own->vcpus.count, own->last);
    return g_strdup_printf ("the guest has %u processor%s and not %u", n, s,
                            own->vcpus.count);
}

static void
add_counts (PolicyWhy *why)
{
    why_add (why, WHY_COUNT, WHY_COMMON, "es-off",
             g_strdup ("it is a guest without SEV-ES: no processor was measured and the "
                       "policy is without es"));
    for (guint n = 1; n <= MOST_COUNT; n++) {
        if (n >= why->vcpus.vcpus.count && n <= why->vcpus.last)
            continue;
        WhyOther *other =
            why_add (why, WHY_COUNT, n <= COMMON_COUNT ? WHY_UNCOMMON : WHY_RARE,
                     "vcpu-count", count_text (why, n));
        other->number = n;
        other->es = TRUE;
    }
}

/* Which they are, a second difference says. */
static void
add_unexpected (PolicyWhy *why)
{
    PolicyVcpus tried = { 0 };

    for (guint i = 0; policy_vcpus_variant (i, &tried); i++)
        for (guint n = 1; n <= MOST_UNEXPECTED; n++) {
            WhyOther *other = why_add (
                why, WHY_COUNT, WHY_UNCOMMON, "es-on",
                g_strdup_printf ("it is a guest with SEV-ES and %u processor%s, save areas "
                                 "\"%s\"%s",
                                 n, n == 1 ? "" : "s", policy_vmsa_form_name (tried.form),
                                 tried.features != 0 ? " with DebugSwap" : ""));
            other->number = n;
            other->es = TRUE;
            other->form = tried.form;
            other->features = tried.features;
        }
}

/* Signature. */

static gboolean
has_signature (const PolicyWhy *why, guint32 signature)
{
    const GArray *others = why->others[WHY_SIGNATURE];

    if (why->es && signature == why->vcpus.vcpus.signature)
        return TRUE;
    for (guint i = 0; i < others->len; i++) {
        const WhyOther *other = &g_array_index (others, WhyOther, i);

        /* Those that come by the hundred do not repeat each other. */
        if (other->rank == WHY_REMOTE)
            break;
        if (other->number == signature)
            return TRUE;
    }
    return FALSE;
}

/* @name: (nullable) */
static void
add_signature (PolicyWhy *why,
               WhyRank rank,
               guint family,
               guint model,
               guint stepping,
               const char *name)
{
    const guint32 signature = policy_cpu_signature_make (family, model, stepping);

    if (has_signature (why, signature))
        return;
    char *text =
        g_strdup_printf ("the processors are of family %u, model %u, stepping %u%s%s%s",
                         family, model, stepping, name != NULL ? " (" : "",
                         name != NULL ? name : "", name != NULL ? ")" : "");
    why_add (why, WHY_SIGNATURE, rank, "cpu-signature", text)->number = signature;
}

static void
add_models (PolicyWhy *why)
{
    /* QEMU's models (target/i386/cpu.c), and what "host" is on servers of AMD. */
    static const struct {
        guint8 family, model, stepping;
        const char *name;
    } cpus[] = {
        { 23, 1, 2, "EPYC, Naples" },    { 23, 49, 0, "EPYC-Rome" },
        { 25, 1, 1, "EPYC-Milan" },      { 25, 17, 0, "EPYC-Genoa" },
        { 26, 2, 0, "EPYC-Turin" },      { 25, 1, 0, "Milan" },
        { 25, 1, 2, "Milan-X" },         { 25, 17, 1, "Genoa" },
        { 25, 17, 2, "Genoa-X" },        { 25, 160, 1, "Bergamo" },
        { 25, 160, 2, "Siena" },         { 26, 2, 1, "Turin" },
        { 26, 17, 0, "Turin Dense" },    { 6, 44, 1, "Westmere" },
        { 6, 13, 3, "qemu32 or older" }, { 15, 107, 1, "qemu64" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (cpus); i++)
        add_signature (why, WHY_UNCOMMON, cpus[i].family, cpus[i].model, cpus[i].stepping,
                       cpus[i].name);
}

/* Steppings of servers: AMD's, and Intel's as QEMU has models of them. */
static void
add_steppings (PolicyWhy *why)
{
    static const struct {
        guint8 family, model;
    } servers[] = {
        { 25, 1 }, { 25, 17 }, { 25, 160 }, { 26, 2 },  { 26, 17 }, { 23, 1 }, { 23, 49 },
        { 6, 85 }, { 6, 106 }, { 6, 134 },  { 6, 143 }, { 6, 173 }, { 6, 60 }, { 6, 61 },
        { 6, 42 }, { 6, 58 },  { 6, 26 },   { 6, 23 },  { 6, 15 },  { 6, 63 }, { 6, 79 },
    };

    for (guint stepping = 0; stepping < N_STEPPINGS; stepping++)
        for (gsize i = 0; i < G_N_ELEMENTS (servers); i++)
            add_signature (why, WHY_RARE, servers[i].family, servers[i].model, stepping,
                           NULL);
}

/* Every model of families that can run a guest. */
static void
add_families (PolicyWhy *why)
{
    static const struct {
        guint8 family, steppings;
    } families[] = { { 25, 4 }, { 26, 4 }, { 23, 4 }, { 24, 4 }, { 6, 16 } };

    for (gsize i = 0; i < G_N_ELEMENTS (families); i++)
        for (guint model = 0; model < 256; model++)
            for (guint stepping = 0; stepping < families[i].steppings; stepping++)
                add_signature (why, WHY_REMOTE, families[i].family, model, stepping, NULL);
}

/* Form. */

static void
add_forms (PolicyWhy *why)
{
    const PolicyVcpus *own = &why->vcpus.vcpus;
    PolicyVcpus tried = { 0 };

    for (guint i = 0; policy_vcpus_variant (i, &tried); i++) {
        if (tried.form == own->form && tried.features == own->features)
            continue;
        WhyOther *other = why_add (
            why, WHY_FORM, WHY_COMMON, "vmsa-form",
            g_strdup_printf ("the host fills the processors' save areas as \"%s\"%s",
                             policy_vmsa_form_name (tried.form),
                             tried.features != 0 ? " and sets DebugSwap" : ""));
        other->form = tried.form;
        other->features = tried.features;
    }
}

void
why_add_vcpus (PolicyWhy *why)
{
    add_models (why);
    if (!why->es) {
        add_unexpected (why);
        return;
    }
    add_counts (why);
    add_steppings (why);
    add_families (why);
    if (!why->vcpus.any_form)
        add_forms (why);
}
