/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a guest knows of its own protection, from processors and files that are tables. */

#include <glib.h>
#include <glib/gstdio.h>
#include <fcntl.h>
#include <unistd.h>

#include "ovmf-hooks/guest/guest-status.h"
#include "tests/lib/test-dir.h"

#define SEV GUEST_STATUS_SEV
#define ES GUEST_STATUS_ES
#define ALL GUEST_STATUS_ALL

typedef struct {
    const char *name;
    const char *vendor;
    gboolean hypervisor;
    guint32 highest;
    GuestCpuidLeaf leaf; /* of Fn8000_001F, or what is answered in its place */
    gboolean has_leaf;
    guint32 features;
    guint32 c_bit;
} Processor;

static const Processor processors[] = {
    /* Origin: output of cpuid(1) on such machines, as their owners published it. */
    { "EPYC 7002, the machine itself",
      "AuthenticAMD",
      FALSE,
      0x80000020,
      { 0x0001000f, 0x0000016f, 0x000001fd, 0x00000001 },
      TRUE,
      SEV | ES,
      47 },
    { "EPYC 7003, the machine itself",
      "AuthenticAMD",
      FALSE,
      0x80000023,
      { 0x0101fd3f, 0x00004173, 0x000001fd, 0x00000080 },
      TRUE,
      ALL,
      51 },
    { "EPYC 7003, a guest without SEV that sees it all",
      "AuthenticAMD",
      TRUE,
      0x80000023,
      { 0x0001780f, 0x00000173, 0x000001fd, 0x00000001 },
      TRUE,
      SEV | ES,
      51 },
    /* QEMU 7.2, target/i386/cpu.c: bits 1 and 3 of EAX; EBX is cbitpos and
     * reduced-phys-bits << 6, here 51 and 1. */
    { "QEMU with KVM, a SEV guest",
      "AuthenticAMD",
      TRUE,
      0x8000001f,
      { 0x00000002, 0x00000073, 0, 0 },
      TRUE,
      SEV,
      51 },
    { "QEMU with KVM, a SEV-ES guest",
      "AuthenticAMD",
      TRUE,
      0x8000001f,
      { 0x0000000a, 0x00000073, 0, 0 },
      TRUE,
      SEV | ES,
      51 },
    { "QEMU with KVM, another guest",
      "AuthenticAMD",
      TRUE,
      0x8000001f,
      { 0, 0, 0, 0 },
      TRUE,
      0,
      0 },
    { "the same, Hygon",
      "HygonGenuine",
      TRUE,
      0x8000001f,
      { 0x00000002, 0x6f, 0, 0 },
      TRUE,
      SEV,
      47 },
    /* Beyond the highest leaf, the data of another one: of 0x24 here, measured. */
    { "Intel with KVM",
      "GenuineIntel",
      TRUE,
      0x80000008,
      { 0, 0x00070001, 0, 0 },
      FALSE,
      0,
      0 },
    /* QEMU's EPYC, which emulated hosts have: of 0xd, the components that XCR0 can have, of
     * which SSE's bit is that of SEV (tests/guest/test-guest-status.py sees it). */
    { "QEMU without KVM",
      "AuthenticAMD",
      TRUE,
      0x8000001e,
      { 0x7, 0x340, 0x340, 0 },
      FALSE,
      0,
      0 },
    { "the trap on the machine itself",
      "GenuineIntel",
      FALSE,
      0x80000008,
      { 0x7, 0x340, 0x340, 0 },
      FALSE,
      0,
      0 },
    { "another maker with as many leaves",
      "GenuineIntel",
      TRUE,
      0x80000021,
      { 0x2, 0x73, 0, 0 },
      FALSE,
      0,
      0 },
};

static GuestCpuidLeaf
answer (uint32_t leaf, void *data)
{
    const Processor *p = data;
    GuestCpuidLeaf found = { 0, 0, 0, 0 };

    if (leaf == 0) {
        found.eax = 0xd;
        memcpy (&found.ebx, p->vendor, 4);
        memcpy (&found.edx, p->vendor + 4, 4);
        memcpy (&found.ecx, p->vendor + 8, 4);
    } else if (leaf == 1)
        found.ecx = p->hypervisor ? 1u << 31 : 0;
    else if (leaf == 0x80000000)
        found.eax = p->highest;
    else
        return p->leaf;
    return found;
}

static void
test_processors (void)
{
    for (gsize i = 0; i < G_N_ELEMENTS (processors); i++) {
        Processor p = processors[i];
        GuestCpuid cpuid;

        g_test_message ("%s", p.name);
        guest_cpuid_read (&cpuid, answer, &p);
        g_assert_cmpstr (cpuid.vendor, ==, p.vendor);
        g_assert_cmpint (cpuid.hypervisor, ==, p.hypervisor);
        g_assert_cmphex (cpuid.highest, ==, p.highest);
        g_assert_cmpint (cpuid.leaf, ==, p.has_leaf);
        g_assert_cmphex (cpuid.features, ==, p.features);
        g_assert_cmpuint (cpuid.c_bit, ==, p.c_bit);
    }
}

/* What QEMU answers would show SEV if its highest leaf were one more: without the check the
 * test above would fail. */
static void
test_trap (void)
{
    Processor p = processors[8];
    GuestCpuid cpuid;

    p.highest = 0x8000001f;
    guest_cpuid_read (&cpuid, answer, &p);
    g_assert_cmphex (cpuid.features, ==, SEV);
}

static void
test_records (void)
{
    static const struct {
        const char *record;
        gboolean found;
        guint32 features;
    } rows[] = {
        /* Linux 6.1, arch/x86/mm/mem_encrypt.c; 5.10 says "AMD" first. */
        { "6,301,82438,-;Memory Encryption Features active: AMD SEV", TRUE, SEV },
        { "6,301,82438,-;Memory Encryption Features active: AMD SEV SEV-ES", TRUE,
          SEV | ES },
        { "6,301,82438,-;Memory Encryption Features active: AMD SEV SEV-ES SEV-SNP", TRUE,
          ALL },
        { "6,301,0,-;AMD Memory Encryption Features active: SEV", TRUE, SEV },
        { "6,301,0,-;Memory Encryption Features active: AMD SME", TRUE, 0 },
        { "6,301,0,-;Memory Encryption Features active: Intel TDX", TRUE, 0 },
        /* A program's: facility user (1) or daemon (3), whatever it says. */
        { "14,301,0,-;Memory Encryption Features active: AMD SEV", FALSE, 0 },
        { "30,301,0,-;Memory Encryption Features active: AMD SEV", FALSE, 0 },
        { "6,301,0,-;Linux version 6.1.0", FALSE, 0 },
        { "Memory Encryption Features active: AMD SEV", FALSE, 0 },
        { "6;Memory Encryption Features active: AMD SEV", FALSE, 0 },
        { "", FALSE, 0 },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        uint32_t features = 0;

        g_test_message ("%s", rows[i].record);
        g_assert_cmpint (guest_log_record (rows[i].record, &features), ==, rows[i].found);
        g_assert_cmphex (features, ==, rows[i].features);
    }
}

enum { NONE = -1 }; /* not known */

static void
test_verdicts (void)
{
    static const struct {
        const char *name;
        gboolean hypervisor;
        guint32 cpuid;
        gint64 msr;
        guint32 log;
        GuestVerdict verdict;
        guint32 features;
    } rows[] = {
        { "all say SEV", TRUE, SEV, 1, SEV, GUEST_VERDICT_SEV, SEV },
        { "all say SEV-ES", TRUE, SEV | ES, 3, SEV | ES, GUEST_VERDICT_SEV, SEV | ES },
        { "all say SEV-SNP", TRUE, ALL, 7, ALL, GUEST_VERDICT_SEV, ALL },
        { "the MSR has bits besides", TRUE, SEV, 0x21, 0, GUEST_VERDICT_SEV, SEV },
        { "the log has forgotten", TRUE, SEV, 1, 0, GUEST_VERDICT_SEV, SEV },
        { "the MSR cannot be read", TRUE, SEV, NONE, SEV, GUEST_VERDICT_SEV, SEV },
        { "only CPUID", TRUE, SEV, NONE, 0, GUEST_VERDICT_UNDECIDED, 0 },
        { "CPUID offers, the MSR denies", TRUE, SEV | ES, 0, 0, GUEST_VERDICT_NOT_SEV, 0 },
        { "MSR with ES and without SEV", TRUE, SEV | ES, 2, 0, GUEST_VERDICT_NOT_SEV, 0 },
        { "kernel and MSR differ", TRUE, SEV, 0, SEV, GUEST_VERDICT_UNDECIDED, 0 },
        { "only the MSR", TRUE, 0, 1, 0, GUEST_VERDICT_UNDECIDED, 0 },
        { "only the kernel", TRUE, 0, NONE, SEV, GUEST_VERDICT_UNDECIDED, 0 },
        { "nothing says SEV", TRUE, 0, NONE, 0, GUEST_VERDICT_NOT_SEV, 0 },
        { "nothing says SEV, MSR too", TRUE, 0, 0, 0, GUEST_VERDICT_NOT_SEV, 0 },
        { "a machine that could", FALSE, ALL, 0, 0, GUEST_VERDICT_NOT_SEV, 0 },
        { "a machine that could, no MSR", FALSE, ALL, NONE, 0, GUEST_VERDICT_NOT_SEV, 0 },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        const GuestFacts facts = {
            .cpuid = { .hypervisor = rows[i].hypervisor,
                       .leaf = rows[i].cpuid != 0,
                       .features = rows[i].cpuid },
            .msr_known = rows[i].msr != NONE,
            .msr = rows[i].msr != NONE ? (guint64) rows[i].msr : 0,
            .log_known = TRUE,
            .log_features = rows[i].log,
            .secrets = NONE,
        };
        const char *why = NULL;

        g_test_message ("%s", rows[i].name);
        g_assert_cmpint (guest_judge (&facts, &why), ==, rows[i].verdict);
        g_assert_nonnull (why);
        g_assert_cmphex (guest_features (&facts), ==, rows[i].features);
    }
}

static void
put (const char *root, const char *path, const char *content)
{
    g_autofree char *full = g_strconcat (root, path, NULL);
    g_autofree char *folder = g_path_get_dirname (full);
    g_autoptr (GError) error = NULL;

    g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
    g_file_set_contents (full, content, -1, &error);
    g_assert_no_error (error);
}

/* Linux documents the file as one of 8 bytes at the register's number. */
static void
put_msr (const char *root, guint64 value)
{
    g_autofree char *full = g_strconcat (root, "/dev/cpu/0/msr", NULL);
    const guint64 le = GUINT64_TO_LE (value);

    put (root, "/dev/cpu/0/msr", "");
    const int fd = open (full, O_WRONLY);
    g_assert_cmpint (pwrite (fd, &le, sizeof le, 0xc0010131), ==, sizeof le);
    close (fd);
}

static void
test_files (void)
{
    g_auto (TestDir) dir = { 0 };
    GuestFacts facts = { .secrets = 0 };

    test_dir_init (&dir);
    const char *root = dir.path;

    guest_facts_read (&facts, root);
    g_assert_false (facts.msr_known);
    g_assert_nonnull (strstr (facts.msr_problem, "/dev/cpu/0/msr: No such file"));
    g_assert_false (facts.log_known);
    g_assert_nonnull (strstr (facts.log_problem, "/dev/kmsg: No such file"));
    g_assert_cmpint (facts.secrets, ==, -1);

    put (root, "/dev/cpu/0/msr", "1234567");
    put (root, "/dev/kmsg", "6,0,0,-;Linux version 6.1\n SUBSYSTEM=cpu\n");
    put (root, "/sys/kernel/security/secrets/coco/736869e5-84f0-4973-92ec-06879ce3da0b",
         "s");
    facts = (GuestFacts){ 0 };
    guest_facts_read (&facts, root);
    g_assert_false (facts.msr_known);
    g_assert_nonnull (strstr (facts.msr_problem, "too short"));
    g_assert_true (facts.log_known);
    g_assert_cmpstr (facts.log_line, ==, "");
    g_assert_cmpint (facts.secrets, ==, 1);

    put_msr (root, 3);
    put (root, "/dev/kmsg",
         "6,0,0,-;Linux version 6.1\n"
         "14,1,0,-;Memory Encryption Features active: AMD SEV SEV-ES SEV-SNP\n"
         "6,2,0,-;Memory Encryption Features active: AMD SEV SEV-ES\n"
         " Memory Encryption Features active: AMD SEV\n");
    facts = (GuestFacts){ 0 };
    guest_facts_read (&facts, root);
    g_assert_true (facts.msr_known);
    g_assert_cmphex (facts.msr, ==, 3);
    g_assert_cmpstr (facts.log_line, ==,
                     "Memory Encryption Features active: AMD SEV SEV-ES");
    g_assert_cmphex (facts.log_features, ==, SEV | ES);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/guest-status/processors", test_processors);
    g_test_add_func ("/guest-status/leaf-range-trap", test_trap);
    g_test_add_func ("/guest-status/kernel-log", test_records);
    g_test_add_func ("/guest-status/verdicts", test_verdicts);
    g_test_add_func ("/guest-status/files", test_files);
    return g_test_run ();
}
