/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a guest can find out about its own protection: whether AMD SEV is active.
 *
 * It is for monitoring and for finding mistakes.  A host that lies can answer CPUID as it
 * likes; what proves a launch is the owner's verification of the measurement.
 *
 * Sources: CPUID Fn8000_0000 and Fn8000_001F, MSR C001_0131 SEV_STATUS: AMD64 APM volume 3
 * appendix E.4 and volume 2 section 15.34; records of /dev/kmsg: Linux
 * Documentation/ABI/testing/dev-kmsg; the secrets: ABI/testing/securityfs-secrets-coco.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define GUEST_STATUS_SEV 0x1u /* as in SEV_STATUS */
#define GUEST_STATUS_ES 0x2u
#define GUEST_STATUS_SNP 0x4u
#define GUEST_STATUS_ALL 0x7u

/* How sevlaunch-guest ends. */
typedef enum {
    GUEST_VERDICT_SEV = 0,
    GUEST_VERDICT_NOT_SEV = 1,
    GUEST_VERDICT_USAGE = 2,
    GUEST_VERDICT_UNDECIDED = 3,
    GUEST_VERDICT_NOT_WRITTEN = 4,
} GuestVerdict;

typedef struct {
    uint32_t eax, ebx, ecx, edx;
} GuestCpuidLeaf;

/* One execution of CPUID with @leaf in EAX and 0 in ECX. */
typedef GuestCpuidLeaf (*GuestCpuidFunc) (uint32_t leaf, void *data);

typedef struct {
    char vendor[13];
    bool hypervisor;   /* the processor says that it is a virtual machine's */
    uint32_t highest;  /* extended leaf */
    bool leaf;         /* Fn8000_001F exists on this processor */
    uint32_t features; /* GUEST_STATUS_*, 0 unless .leaf */
    uint32_t c_bit;    /* number of the address bit, 0 unless .leaf */
} GuestCpuid;

typedef struct {
    GuestCpuid cpuid;
    bool msr_known;
    uint64_t msr;
    char msr_problem[128]; /* why it is not known */
    bool log_known;
    char log_line[256];    /* the kernel's own words, or "" */
    uint32_t log_features; /* GUEST_STATUS_* that they name */
    char log_problem[128];
    int secrets; /* how many files; -1: the kernel shows no folder of them */
} GuestFacts;

/*
 * guest_cpuid_read: asks for Fn8000_001F only if Fn8000_0000 says that it is there: of a
 * leaf beyond the highest, Intel's processors (and QEMU's models) return another leaf's
 * data, in which the bit of SEV may be set by chance.
 */
void guest_cpuid_read (GuestCpuid *cpuid, GuestCpuidFunc func, void *data);

/* guest_cpuid_native: a GuestCpuidFunc for this processor; @data is not used */
GuestCpuidLeaf guest_cpuid_native (uint32_t leaf, void *data);

/* guest_facts_read: everything but .cpuid, from the files below @root ("" for the system)
 */
void guest_facts_read (GuestFacts *facts, const char *root);

/*
 * guest_log_record: one record of /dev/kmsg, without its line end.
 * Returns: whether it is the kernel's line about memory encryption; @features is set then.
 * Programs can write to the log too, but never with the kernel's facility.
 */
bool guest_log_record (const char *record, uint32_t *features);

/* guest_features: those that are active, by the MSR if it is known, else by the kernel; 0
 * unless guest_judge() says SEV */
uint32_t guest_features (const GuestFacts *facts);

/*
 * guest_judge: SEV needs CPUID, and one of MSR and kernel, and that nothing contradicts.
 * @why: (out): one sentence
 * Returns: SEV, NOT_SEV or UNDECIDED
 */
GuestVerdict guest_judge (const GuestFacts *facts, const char **why);

/* guest_print_*: false if @out did not take it */
bool guest_print_words (FILE *out, const GuestFacts *facts);
bool guest_print_json (FILE *out, const GuestFacts *facts);
bool guest_print_prometheus (FILE *out, const GuestFacts *facts);
