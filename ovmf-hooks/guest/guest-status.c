/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ovmf-hooks/guest/guest-status.h"

#include <cpuid.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HIGHEST_LEAF 0x80000000u
#define ENCRYPTION_LEAF 0x8000001fu
#define SEV_STATUS_MSR 0xc0010131
#define MSR_FILE "/dev/cpu/0/msr"
#define LOG_FILE "/dev/kmsg"
#define SECRETS_FOLDER "/sys/kernel/security/secrets/coco"

#define RECORD_MAX 8192u     /* a larger one is cut by the kernel */
#define LOG_READS_MAX 65536u /* a log that grows faster than it is read ends some time */

GuestCpuidLeaf
guest_cpuid_native (uint32_t leaf, void *data)
{
    GuestCpuidLeaf found;

    (void) data;
    __cpuid_count (leaf, 0, found.eax, found.ebx, found.ecx, found.edx);
    return found;
}

void
guest_cpuid_read (GuestCpuid *cpuid, GuestCpuidFunc func, void *data)
{
    const GuestCpuidLeaf first = func (0, data);
    const uint32_t vendor[] = { first.ebx, first.edx, first.ecx };

    memset (cpuid, 0, sizeof *cpuid);
    memcpy (cpuid->vendor, vendor, sizeof vendor);
    for (size_t i = 0; i < sizeof vendor; i++)
        if (cpuid->vendor[i] < ' ' || cpuid->vendor[i] > '~')
            cpuid->vendor[i] = '?';
    cpuid->hypervisor = (func (1, data).ecx & 1u << 31) != 0;
    cpuid->highest = func (HIGHEST_LEAF, data).eax;
    /* The leaf is AMD's, and Hygon's, who builds AMD's processors. */
    cpuid->leaf =
        cpuid->highest >= ENCRYPTION_LEAF && (strcmp (cpuid->vendor, "AuthenticAMD") == 0 ||
                                              strcmp (cpuid->vendor, "HygonGenuine") == 0);
    if (!cpuid->leaf)
        return;

    const GuestCpuidLeaf leaf = func (ENCRYPTION_LEAF, data);
    cpuid->features = ((leaf.eax & 1u << 1) != 0 ? GUEST_STATUS_SEV : 0) |
                      ((leaf.eax & 1u << 3) != 0 ? GUEST_STATUS_ES : 0) |
                      ((leaf.eax & 1u << 4) != 0 ? GUEST_STATUS_SNP : 0);
    cpuid->c_bit = leaf.ebx & 0x3f;
}

static int
open_below (const char *root, const char *path, int flags, char *problem, size_t size)
{
    char full[PATH_MAX];
    const int n = snprintf (full, sizeof full, "%s%s", root, path);

    if (n < 0 || (size_t) n >= sizeof full)
        errno = ENAMETOOLONG;
    else {
        const int fd = open (full, O_RDONLY | O_CLOEXEC | flags);
        if (fd >= 0)
            return fd;
    }
    snprintf (problem, size, "%s: %s", path, strerror (errno));
    return -1;
}

static void
read_msr (GuestFacts *facts, const char *root)
{
    const int fd =
        open_below (root, MSR_FILE, 0, facts->msr_problem, sizeof facts->msr_problem);

    if (fd < 0)
        return;
    /* EIO: there is no such register. */
    const ssize_t n = pread (fd, &facts->msr, sizeof facts->msr, SEV_STATUS_MSR);
    facts->msr_known = n == (ssize_t) sizeof facts->msr;
    if (!facts->msr_known)
        snprintf (facts->msr_problem, sizeof facts->msr_problem, "%s: %s", MSR_FILE,
                  n < 0 ? strerror (errno) : "too short");
    close (fd);
}

bool
guest_log_record (const char *record, uint32_t *features)
{
    static const char said[] = "Memory Encryption Features active:";
    char *end;

    /* "PRIORITY,SEQUENCE,MICROSECONDS,FLAGS;TEXT"; the facility is above three bits. */
    const unsigned long priority = strtoul (record, &end, 10);
    const char *text = strchr (record, ';');
    if (end == record || *end != ',' || priority > 7 || text == NULL)
        return false;
    text = strstr (text + 1, said);
    if (text == NULL)
        return false;

    char words[128];
    char *rest = NULL;
    *features = 0;
    snprintf (words, sizeof words, "%s", text + strlen (said));
    for (char *word = strtok_r (words, " ", &rest); word != NULL;
         word = strtok_r (NULL, " ", &rest))
        *features |= strcmp (word, "SEV") == 0       ? GUEST_STATUS_SEV
                     : strcmp (word, "SEV-ES") == 0  ? GUEST_STATUS_SEV | GUEST_STATUS_ES
                     : strcmp (word, "SEV-SNP") == 0 ? GUEST_STATUS_ALL
                                                     : 0;
    return true;
}

/* Records may be continued by lines that begin with a blank; those say nothing here. */
static void
look_at_lines (GuestFacts *facts, char *lines)
{
    char *rest = NULL;

    for (char *line = strtok_r (lines, "\n", &rest); line != NULL;
         line = strtok_r (NULL, "\n", &rest)) {
        if (facts->log_line[0] != '\0' || line[0] == ' ' ||
            !guest_log_record (line, &facts->log_features))
            continue;
        snprintf (facts->log_line, sizeof facts->log_line, "%s", strchr (line, ';') + 1);
        for (char *c = facts->log_line; *c != '\0'; c++)
            if (*c < ' ' || *c > '~')
                *c = '?';
    }
}

static void
read_log (GuestFacts *facts, const char *root)
{
    char record[RECORD_MAX + 1];
    const int fd = open_below (root, LOG_FILE, O_NONBLOCK, facts->log_problem,
                               sizeof facts->log_problem);

    if (fd < 0)
        return;
    for (unsigned i = 0; i < LOG_READS_MAX; i++) {
        const ssize_t n = read (fd, record, RECORD_MAX);
        if (n < 0 && (errno == EINTR || errno == EPIPE)) /* EPIPE: some were overwritten */
            continue;
        if (n <= 0) {
            facts->log_known = n == 0 || errno == EAGAIN;
            break;
        }
        facts->log_known = true;
        record[n] = '\0';
        look_at_lines (facts, record);
    }
    if (!facts->log_known)
        snprintf (facts->log_problem, sizeof facts->log_problem, "%s: %s", LOG_FILE,
                  strerror (errno));
    close (fd);
}

static int
count_secrets (const char *root)
{
    char full[PATH_MAX];
    const int n = snprintf (full, sizeof full, "%s" SECRETS_FOLDER, root);

    if (n < 0 || (size_t) n >= sizeof full)
        return -1;
    DIR *folder = opendir (full);
    if (folder == NULL)
        return -1;

    int count = 0;
    for (struct dirent *entry; (entry = readdir (folder)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir (folder);
    return count;
}

void
guest_facts_read (GuestFacts *facts, const char *root)
{
    read_msr (facts, root);
    read_log (facts, root);
    facts->secrets = count_secrets (root);
}

GuestVerdict
guest_judge (const GuestFacts *facts, const char **why)
{
    const GuestCpuid *cpuid = &facts->cpuid;
    const bool cpuid_yes = (cpuid->features & GUEST_STATUS_SEV) != 0;
    const bool msr_yes = facts->msr_known && (facts->msr & GUEST_STATUS_SEV) != 0;
    const bool msr_no = facts->msr_known && !msr_yes;
    const bool kernel_yes = (facts->log_features & GUEST_STATUS_SEV) != 0;

    if (msr_no && kernel_yes)
        *why = "the kernel says that SEV is active, and the processor's MSR that it is not";
    else if ((msr_yes || kernel_yes) && !cpuid_yes)
        *why = "MSR or kernel say that SEV is active, and CPUID knows no SEV";
    else if (msr_yes || kernel_yes) {
        *why = msr_yes && kernel_yes ? "CPUID, MSR and kernel say that SEV is active"
               : msr_yes             ? "CPUID and MSR say that SEV is active"
                                     : "CPUID and kernel say that SEV is active";
        return GUEST_VERDICT_SEV;
    } else if (!cpuid->hypervisor) {
        *why = "this is no virtual machine: what its processor can do protects no guest";
        return GUEST_VERDICT_NOT_SEV;
    } else if (msr_no || !cpuid_yes) {
        *why = cpuid_yes ? "CPUID offers SEV, and the processor's MSR says that it is off"
               : !cpuid->leaf ? "the processor has no CPUID leaf 0x8000001f"
                              : "CPUID leaf 0x8000001f offers no SEV";
        return GUEST_VERDICT_NOT_SEV;
    } else
        *why =
            "only CPUID offers SEV, which the host can write; neither MSR nor kernel could "
            "be asked";
    return GUEST_VERDICT_UNDECIDED;
}

uint32_t
guest_features (const GuestFacts *facts)
{
    const char *why;

    if (guest_judge (facts, &why) != GUEST_VERDICT_SEV)
        return 0;
    return facts->msr_known ? (uint32_t) (facts->msr & GUEST_STATUS_ALL)
                            : facts->log_features;
}
