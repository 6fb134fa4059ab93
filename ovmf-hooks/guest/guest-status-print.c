/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <json-c/json.h>

#include "ovmf-hooks/guest/guest-status.h"

static const struct {
    uint32_t bit;
    const char *word;
} names[] = {
    { GUEST_STATUS_SEV, "sev" },
    { GUEST_STATUS_ES, "sev-es" },
    { GUEST_STATUS_SNP, "sev-snp" },
};
#define N_NAMES (sizeof names / sizeof names[0])

static void
print_features (FILE *out, uint32_t features)
{
    for (size_t i = 0; i < N_NAMES; i++)
        if ((features & names[i].bit) != 0)
            fprintf (out, " %s", names[i].word);
    fprintf (out, features != 0 ? "\n" : " no SEV\n");
}

bool
guest_print_words (FILE *out, const GuestFacts *facts)
{
    static const char *const titles[] = {
        [GUEST_VERDICT_SEV] = "SEV is active",
        [GUEST_VERDICT_NOT_SEV] = "not SEV",
        [GUEST_VERDICT_UNDECIDED] = "undecided",
    };
    const GuestCpuid *cpuid = &facts->cpuid;
    const char *why;
    const GuestVerdict verdict = guest_judge (facts, &why);

    fprintf (out, "%s: %s\n", titles[verdict], why);
    fprintf (out, "  CPUID    %s, highest extended leaf 0x%08x:", cpuid->vendor,
             cpuid->highest);
    if (cpuid->leaf)
        print_features (out, cpuid->features);
    else
        fprintf (out, " no leaf 0x8000001f\n");
    fprintf (out, "  MSR      ");
    if (facts->msr_known) {
        fprintf (out, "0xc0010131 is 0x%llx:", (unsigned long long) facts->msr);
        print_features (out, (uint32_t) (facts->msr & GUEST_STATUS_ALL));
    } else
        fprintf (out, "not known (%s)\n", facts->msr_problem);
    if (facts->log_known)
        fprintf (out, "  kernel   %s\n",
                 facts->log_line[0] != '\0' ? facts->log_line
                                            : "its log says nothing of memory encryption");
    else
        fprintf (out, "  kernel   not known (%s)\n", facts->log_problem);
    if (facts->secrets >= 0)
        fprintf (out, "  secrets  %d of the launch\n", facts->secrets);
    else
        fprintf (out, "  secrets  the kernel shows none\n");
    if (verdict == GUEST_VERDICT_NOT_SEV && facts->secrets > 0)
        fprintf (out,
                 "Secrets of a launch without SEV: an emulated host. The host can read "
                 "them.\n");
    fprintf (out, "A host can lie to its guest. The proof is the verification of the "
                  "launch.\n");
    return fflush (out) == 0 && ferror (out) == 0;
}

static struct json_object *
feature_array (uint32_t features)
{
    struct json_object *array = json_object_new_array ();

    for (size_t i = 0; i < N_NAMES; i++)
        if ((features & names[i].bit) != 0)
            json_object_array_add (array, json_object_new_string (names[i].word));
    return array;
}

static struct json_object *
hex (unsigned long long number, int digits)
{
    char text[24];

    snprintf (text, sizeof text, "0x%0*llx", digits, number);
    return json_object_new_string (text);
}

static void
add_problem (struct json_object *object, bool known, const char *problem)
{
    json_object_object_add (object, "problem",
                            known ? NULL : json_object_new_string (problem));
}

static struct json_object *
sources (const GuestFacts *facts)
{
    struct json_object *all = json_object_new_object ();
    struct json_object *cpuid = json_object_new_object ();
    struct json_object *msr = json_object_new_object ();
    struct json_object *kernel = json_object_new_object ();
    const GuestCpuid *c = &facts->cpuid;

    json_object_object_add (cpuid, "vendor", json_object_new_string (c->vendor));
    json_object_object_add (cpuid, "hypervisor", json_object_new_boolean (c->hypervisor));
    json_object_object_add (cpuid, "highest_extended", hex (c->highest, 8));
    json_object_object_add (cpuid, "features",
                            c->leaf ? feature_array (c->features) : NULL);
    json_object_object_add (cpuid, "c_bit",
                            c->leaf ? json_object_new_int ((int32_t) c->c_bit) : NULL);
    json_object_object_add (all, "cpuid", cpuid);

    json_object_object_add (msr, "value", facts->msr_known ? hex (facts->msr, 1) : NULL);
    add_problem (msr, facts->msr_known, facts->msr_problem);
    json_object_object_add (all, "msr", msr);

    json_object_object_add (
        kernel, "line",
        facts->log_line[0] != '\0' ? json_object_new_string (facts->log_line) : NULL);
    add_problem (kernel, facts->log_known, facts->log_problem);
    json_object_object_add (all, "kernel", kernel);
    json_object_object_add (
        all, "secrets", facts->secrets >= 0 ? json_object_new_int (facts->secrets) : NULL);
    return all;
}

bool
guest_print_json (FILE *out, const GuestFacts *facts)
{
    static const char *const words[] = {
        [GUEST_VERDICT_SEV] = "sev",
        [GUEST_VERDICT_NOT_SEV] = "not-sev",
        [GUEST_VERDICT_UNDECIDED] = "undecided",
    };
    struct json_object *object = json_object_new_object ();
    const char *why;
    const GuestVerdict verdict = guest_judge (facts, &why);

    json_object_object_add (object, "schema",
                            json_object_new_string ("sevlaunch.guest-status/1"));
    json_object_object_add (object, "verdict", json_object_new_string (words[verdict]));
    json_object_object_add (object, "why", json_object_new_string (why));
    json_object_object_add (object, "features", feature_array (guest_features (facts)));
    json_object_object_add (object, "sources", sources (facts));
    json_object_object_add (object, "exit_code", json_object_new_int ((int) verdict));
    fprintf (out, "%s\n",
             json_object_to_json_string_ext (object, JSON_C_TO_STRING_PRETTY |
                                                         JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put (object);
    return fflush (out) == 0 && ferror (out) == 0;
}

bool
guest_print_prometheus (FILE *out, const GuestFacts *facts)
{
    const char *why;
    const GuestVerdict verdict = guest_judge (facts, &why);
    const uint32_t features = guest_features (facts);

    fprintf (out, "# HELP sevlaunch_guest_sev Whether the feature of AMD SEV is active.\n"
                  "# TYPE sevlaunch_guest_sev gauge\n");
    for (size_t i = 0; i < N_NAMES; i++)
        fprintf (out, "sevlaunch_guest_sev{feature=\"%s\"} %d\n", names[i].word,
                 (features & names[i].bit) != 0);
    fprintf (out,
             "# HELP sevlaunch_guest_sev_undecided Whether the sources do not suffice, or "
             "contradict each other.\n"
             "# TYPE sevlaunch_guest_sev_undecided gauge\n"
             "sevlaunch_guest_sev_undecided %d\n",
             verdict == GUEST_VERDICT_UNDECIDED);
    /* Not known is not none. */
    if (facts->secrets >= 0)
        fprintf (out,
                 "# HELP sevlaunch_guest_secrets Secrets of the launch that the kernel "
                 "still shows.\n"
                 "# TYPE sevlaunch_guest_secrets gauge\n"
                 "sevlaunch_guest_secrets %d\n",
                 facts->secrets);
    return fflush (out) == 0 && ferror (out) == 0;
}
