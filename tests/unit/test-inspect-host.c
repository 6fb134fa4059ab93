/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What keeps a host from SEV: a tree that looks like a good one, in which one thing at a
 * time is changed.  CPUID and the misc cgroup are those of an EPYC 7003 whose firmware
 * setup gives SEV-ES the ASIDs below 100.
 */

#include <string.h>

#include "launcher/inspect/firmware-list.h"
#include "launcher/inspect/host-report.h"
#include "launcher/inspect/qemu-version.h"
#include "tests/lib/test-dir.h"

#define CPUID "80000023 1780f 173 1fd 64"

static const char *const good[][2] = {
    { "cpuid", CPUID },
    { "proc/cpuinfo", "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\n"
                      "model\t\t: 1\nmodel name\t: AMD EPYC 7313\nstepping\t: 1\n"
                      "flags\t\t: fpu svm sev sev_es\n\nprocessor\t: 1\n" },
    { "proc/sys/kernel/osrelease", "6.1.0\n" },
    { "proc/self/limits", "Limit  Soft Limit  Hard Limit  Units\n"
                          "Max locked memory         unlimited   unlimited   bytes\n" },
    { "sys/module/kvm_amd/parameters/sev", "Y\n" },
    { "sys/module/kvm_amd/parameters/sev_es", "Y\n" },
    { "sys/module/ccp/version", "1\n" },
    { "sys/module/apparmor/parameters/enabled", "N\n" },
    { "sys/fs/cgroup/misc.capacity", "sev 410\nsev_es 99\n" },
    { "sys/fs/cgroup/misc.current", "sev 3\nsev_es 0\n" },
    { "dev/sev", "" },
    { "dev/kvm", "" },
    { "usr/bin/qemu-system-x86_64", "" },
    { "usr/bin/qemu-img", "" },
    { "usr/bin/mdir", "" },
    { "usr/bin/mcopy", "" },
};

static void
write_file (const TestDir *dir, const char *path, const char *text)
{
    g_autofree char *parent = g_path_get_dirname (path);
    g_autofree char *whole = test_dir_path (dir, parent);

    g_assert_cmpint (g_mkdir_with_parents (whole, 0755), ==, 0);
    test_dir_write (dir, path, text, g_str_has_prefix (path, "dev/") ? 0660 : 0755);
}

/* @text: NULL leaves the file out. */
static HostFacts *
facts_with (const char *path, const char *text)
{
    g_auto (TestDir) dir = { 0 };
    gboolean seen = path == NULL;

    test_dir_init (&dir);
    for (gsize i = 0; i < G_N_ELEMENTS (good); i++) {
        const gboolean it = path != NULL && strcmp (good[i][0], path) == 0;

        seen |= it;
        if (!it || text != NULL)
            write_file (&dir, good[i][0], it ? text : good[i][1]);
    }
    g_assert_true (seen);
    HostFacts *facts = host_facts_read (dir.path);
    facts->privileged = FALSE; /* who runs the test is not of interest */
    return facts;
}

/* Everything but @id is as on a good host. */
static void
assert_checks (const GPtrArray *out, guint n, const char *id, FindingLevel level)
{
    gboolean seen = id == NULL;

    g_assert_cmpuint (out->len, ==, n);
    for (guint i = 0; i < out->len; i++) {
        const Finding *finding = g_ptr_array_index (out, i);
        const gboolean it = g_strcmp0 (finding->id, id) == 0;

        seen |= it;
        g_test_message ("%s: %s", finding->id, finding->text);
        g_assert_cmpstr (finding_level_name (finding->level), ==,
                         finding_level_name (it ? level : FINDING_OK));
        g_assert_true (finding->level == FINDING_OK
                           ? finding->fix == NULL
                           : finding->fix != NULL || finding->level == FINDING_UNKNOWN);
    }
    g_assert_true (seen);
}

static void
test_machine (void)
{
    static const struct {
        const char *path;
        const char *text;
        const char *id; /* NULL: all is well */
        FindingLevel level;
    } cases[] = {
        { NULL, NULL, NULL, FINDING_OK },
        /* Leaf 80000000 answers less than 8000001F: the words are another leaf's. */
        { "cpuid", "8000001e 1780f 173 1fd 64", "cpu-es", FINDING_UNKNOWN },
        { "cpuid", "80000023 17807 173 1fd 64", "cpu-es", FINDING_WARN },
        { "cpuid", "80000023 1780f 173 1fd 1", "cpu-es", FINDING_WARN },
        { "sys/module/kvm_amd/parameters/sev", "N\n", "kvm-amd", FINDING_FAIL },
        { "sys/module/kvm_amd/parameters/sev", NULL, "kvm-amd", FINDING_FAIL },
        { "sys/module/kvm_amd/parameters/sev", "1\n", NULL, FINDING_OK },
        { "sys/module/kvm_amd/parameters/sev_es", "0\n", "kvm-amd-es", FINDING_WARN },
        { "sys/fs/cgroup/misc.current", "sev 410\nsev_es 99\n", "asids", FINDING_FAIL },
        { "sys/fs/cgroup/misc.current", "sev 410\nsev_es 98\n", NULL, FINDING_OK },
        { "sys/fs/cgroup/misc.current", NULL, NULL, FINDING_OK },
        { "dev/sev", NULL, "dev-sev", FINDING_FAIL },
        { "dev/kvm", NULL, "dev-kvm", FINDING_FAIL },
        { "proc/self/limits", "Max locked memory  8388608  8388608  bytes\n", "memlock",
          FINDING_WARN },
        { "proc/self/limits", "Max locked memory  8589934592  8589934592  bytes\n", NULL,
          FINDING_OK },
        { "proc/self/limits", NULL, "memlock", FINDING_UNKNOWN },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (HostFacts) facts = facts_with (cases[i].path, cases[i].text);
        g_autoptr (GPtrArray) out = finding_list_new ();

        g_test_message ("case %" G_GSIZE_FORMAT, i);
        host_check_machine (facts, out);
        /* Without CPUID the kernel's word remains. */
        if (!facts->cpuid.known) {
            g_assert_cmpint ((int) finding_get (out, "cpu")->level, ==, FINDING_UNKNOWN);
            g_ptr_array_remove_index (out, 0);
            assert_checks (out, 7, cases[i].id, cases[i].level);
            continue;
        }
        assert_checks (out, 8, cases[i].id, cases[i].level);
    }
}

#define RULES "etc/apparmor.d/abstractions/libvirt-qemu"
#define LOCAL "etc/apparmor.d/local/abstractions/libvirt-qemu"
#define SHARE "/usr/local/share/sevlaunch"

static void
test_apparmor (void)
{
    static const struct {
        const char *on;
        const char *path; /* (nullable): the one file of rules beside RULES */
        const char *rules;
        const char *datadir;
        FindingLevel level;
    } cases[] = {
        { "N\n", NULL, NULL, SHARE, FINDING_OK },
        { "Y\n", NULL, NULL, SHARE, FINDING_WARN },
        { "Y\n", LOCAL, "  /dev/sev rw,\n", SHARE, FINDING_OK },
        { "Y\n", LOCAL, "  \"/dev/sev\" rwk, # for SEV\n", SHARE, FINDING_OK },
        { "Y\n", RULES ".d/sev", "/dev/sev rw,\n", SHARE, FINDING_OK },
        { "Y\n", RULES, "  /dev/kvm rw,\n  owner /dev/sev rw,\n", SHARE, FINDING_OK },
        { "Y\n", LOCAL, "  #/dev/sev rw,\n", SHARE, FINDING_WARN },
        { "Y\n", LOCAL, "  deny /dev/sev rw,\n", SHARE, FINDING_WARN },
        { "Y\n", LOCAL, "  /dev/sev r,\n", SHARE, FINDING_WARN },
        { "Y\n", LOCAL, "  /dev/sev-guest rw,\n", SHARE, FINDING_WARN },
        { "Y\n", LOCAL, "/dev/sev rw,\n", "/usr/share/sevlaunch", FINDING_WARN },
        { "Y\n", LOCAL, "/dev/sev rw,\n", "/usr/share/OVMF", FINDING_OK },
        { "Y\n", LOCAL, "/dev/sev rw,\n", "/opt/sevlaunch/share", FINDING_OK },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_auto (TestDir) dir = { 0 };
        g_autoptr (GPtrArray) out = finding_list_new ();

        g_test_message ("case %" G_GSIZE_FORMAT, i);
        test_dir_init (&dir);
        write_file (&dir, "sys/module/apparmor/parameters/enabled", cases[i].on);
        write_file (&dir, RULES, "  /dev/kvm rw,\n");
        if (cases[i].path != NULL)
            write_file (&dir, cases[i].path, cases[i].rules);
        g_autoptr (HostFacts) facts = host_facts_read (dir.path);
        host_check_apparmor (facts, cases[i].datadir, out);
        assert_checks (out, 1, "apparmor", cases[i].level);
    }
    g_autoptr (HostFacts) facts =
        facts_with ("sys/module/apparmor/parameters/enabled", "Y\n");
    g_autoptr (GPtrArray) out = finding_list_new ();
    host_check_apparmor (facts, SHARE, out);
    assert_checks (out, 1, "apparmor", FINDING_NOTE);
}

static void
test_asids (void)
{
    /* From CPUID alone: 100 to 509 for SEV, 1 to 99 for SEV-ES. */
    g_autoptr (HostFacts) facts = facts_with ("sys/fs/cgroup/misc.capacity", NULL);
    g_autoptr (GPtrArray) out = finding_list_new ();

    host_check_machine (facts, out);
    g_assert_cmpstr (finding_get (out, "asids")->text, ==,
                     "410 for SEV (407 free), 99 for SEV-ES (99 free)");
    g_assert_cmpuint (facts->cpuid.c_bit, ==, 51);
    g_assert_cmpuint (facts->cpuid.reduced, ==, 5);
}

static void
test_no_amd (void)
{
    g_autoptr (HostFacts) facts =
        facts_with ("proc/cpuinfo",
                    "vendor_id : GenuineIntel\nmodel name : X\nflags : fpu hypervisor\n");
    g_autoptr (GPtrArray) out = finding_list_new ();

    facts->cpuid = (HostCpuid){ .known = FALSE };
    facts->sev.exists = FALSE;
    g_assert_false (host_facts_has_hardware (facts));
    host_check_machine (facts, out);
    const Finding *cpu = finding_get (out, "cpu");
    g_assert_cmpint ((int) cpu->level, ==, FINDING_FAIL);
    g_assert_nonnull (strstr (cpu->text, "virtual machine"));
}

static void
test_dev_sev_open_to_all (void)
{
    g_autoptr (HostFacts) facts = facts_with (NULL, NULL);
    g_autoptr (GPtrArray) out = finding_list_new ();

    g_assert_cmphex (facts->sev.mode, ==, 0660);
    facts->sev.mode = 0666;
    host_check_machine (facts, out);
    assert_checks (out, 8, "dev-sev", FINDING_INSECURE);
}

static void
test_psp (void)
{
    static const struct {
        HostPsp psp;
        FindingLevel level;
    } cases[] = {
        { { TRUE, NULL, 1, 55, 21, "working" }, FINDING_OK },
        { { TRUE, NULL, 0, 17, 1, "init" }, FINDING_OK },
        { { TRUE, NULL, 0, 16, 99, "init" }, FINDING_FAIL },
        { { FALSE, "no right", 0, 0, 0, NULL }, FINDING_UNKNOWN },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (GPtrArray) out = finding_list_new ();

        host_check_psp (&cases[i].psp, out);
        g_assert_cmpint ((int) finding_worst (out), ==, (int) cases[i].level);
    }
}

/* libvirt. */

#define CAPABILITIES(sev)                                                                  \
    "<domainCapabilities><path>/q</path><features><gic supported='no'/>" sev               \
    "</features></domainCapabilities>"
#define YES                                                                                \
    "<sev supported='yes'><cbitpos>51</cbitpos><reducedPhysBits>5</reducedPhysBits>"       \
    "<maxGuests>410</maxGuests><maxESGuests>99</maxESGuests></sev>"

static void
take (LibvirtFacts *libvirt, const char *text)
{
    g_autoptr (GError) error = NULL;

    libvirt->libvirt_version = 9000000;
    libvirt->qemu_version = 7002022;
    if (!libvirt_facts_parse (text, strlen (text), libvirt, &error))
        g_assert_nonnull (error);
}

static void
test_libvirt (void)
{
    g_autoptr (HostFacts) facts = facts_with (NULL, NULL);
    static const struct {
        const char *text;
        FindingLevel level;
        const char *words;
    } cases[] = {
        { CAPABILITIES (YES), FINDING_OK, "C-bit 51, 5 bits" },
        { CAPABILITIES ("<sev supported='no'/>"), FINDING_FAIL, "stale" },
        { CAPABILITIES (""), FINDING_FAIL, "stale" },
        { CAPABILITIES ("<sev supported='yes'><cbitpos>47</cbitpos></sev>"), FINDING_FAIL,
          "C-bit 47, the processor 51" },
        { "<domain/>", FINDING_UNKNOWN, "did not say" },
        { "<!DOCTYPE domainCapabilities>" CAPABILITIES (YES), FINDING_UNKNOWN, "did not" },
        { "<domainCapabilities>", FINDING_UNKNOWN, "did not" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (GPtrArray) out = finding_list_new ();
        LibvirtFacts libvirt = { .uri = (char *) "test:///x" };

        take (&libvirt, cases[i].text);
        host_check_libvirt (facts, &libvirt, out);
        const Finding *sev = finding_get (out, "libvirt-sev");
        g_assert_cmpstr (finding_level_name (sev->level), ==,
                         finding_level_name (cases[i].level));
        g_assert_nonnull (strstr (sev->text, cases[i].words));
        g_assert_cmpuint (out->len, ==, 4);
    }
    /* Where the kernel has none, libvirt is right to say so. */
    g_autoptr (GPtrArray) out = finding_list_new ();
    LibvirtFacts libvirt = { .uri = (char *) "test:///x" };
    facts->sev.exists = FALSE;
    take (&libvirt, CAPABILITIES (""));
    host_check_libvirt (facts, &libvirt, out);
    g_assert_null (strstr (finding_get (out, "libvirt-sev")->text, "stale"));
}

static void
test_versions (void)
{
    g_autoptr (HostFacts) facts = facts_with (NULL, NULL);
    static const struct {
        gulong libvirt, qemu;
        FindingLevel libvirt_level, qemu_level;
    } cases[] = {
        { 8000000, 6002000, FINDING_OK, FINDING_OK },
        { 7010000, 6001001, FINDING_FAIL, FINDING_FAIL },
        { 11003000, 0, FINDING_OK, FINDING_UNKNOWN },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (GPtrArray) out = finding_list_new ();
        LibvirtFacts libvirt = { .uri = (char *) "test:///x",
                                 .libvirt_version = cases[i].libvirt,
                                 .qemu_version = cases[i].qemu };

        host_check_libvirt (facts, &libvirt, out);
        g_assert_cmpint ((int) finding_get (out, "libvirt-version")->level, ==,
                         (int) cases[i].libvirt_level);
        g_assert_cmpint ((int) finding_get (out, "qemu-version")->level, ==,
                         (int) cases[i].qemu_level);
    }
    LibvirtFacts gone = { .uri = (char *) "test:///x", .problem = (char *) "no socket" };
    g_autoptr (GPtrArray) out = finding_list_new ();
    host_check_libvirt (facts, &gone, out);
    g_assert_cmpuint (out->len, ==, 4);
    g_assert_cmpint ((int) finding_get (out, "libvirt")->level, ==, FINDING_FAIL);
    g_assert_cmpint ((int) finding_get (out, "libvirt-version")->level, ==,
                     FINDING_UNKNOWN);
    g_assert_cmpint ((int) finding_get (out, "qemu-version")->level, ==, FINDING_UNKNOWN);
    g_assert_cmpint ((int) finding_get (out, "libvirt-sev")->level, ==, FINDING_UNKNOWN);
}

static void
test_qemu_version (void)
{
    static const struct {
        const char *text;
        gulong version;
    } cases[] = {
        { "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)\nCopyright",
          7002022 },
        { "QEMU emulator version 10.0.2\n", 10000002 },
        { "QEMU emulator version 7.2", 0 },
        { "QEMU emulator version -1.2.3", 0 },
        { "kvm version 7.2.22", 0 },
        { "", 0 },
    };
    g_auto (TestDir) dir = { 0 };

    for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
        g_assert_cmpuint (qemu_version_parse (cases[i].text, strlen (cases[i].text)), ==,
                          cases[i].version);
    test_dir_init (&dir);
    g_assert_cmpuint (qemu_version_ask (dir.path), ==, 0);
    write_file (
        &dir, "usr/bin/" QEMU_VERSION_PROGRAM,
        "#!/bin/sh\n[ \"$1\" = --version ] && echo 'QEMU emulator version 8.1.0'\n");
    g_assert_cmpuint (qemu_version_ask (dir.path), ==, 8001000);
    write_file (&dir, "usr/bin/" QEMU_VERSION_PROGRAM, "#!/bin/sh\nyes\n");
    g_assert_cmpuint (qemu_version_ask (dir.path), ==, 0);
}

static void
test_programs (void)
{
    g_autoptr (HostFacts) all = facts_with (NULL, NULL);
    g_autoptr (HostFacts) some = facts_with ("usr/bin/mcopy", NULL);
    g_autoptr (GPtrArray) out = finding_list_new ();

    host_check_programs (all, out);
    g_assert_cmpint ((int) finding_worst (out), ==, FINDING_OK);
    host_check_programs (some, out);
    g_assert_cmpint ((int) finding_worst (out), ==, FINDING_FAIL);
    g_assert_cmpstr (((Finding *) g_ptr_array_index (out, 1))->text, ==,
                     "not in PATH: mcopy");
}

static void
test_report (void)
{
    static const char *const words[] = { "/home/alice", "~",      "node7", "<host>",
                                         "alice",       "<user>", NULL };
    g_autoptr (HostFacts) facts = facts_with (NULL, NULL);
    g_autoptr (GPtrArray) checks = finding_list_new ();
    g_autoptr (GPtrArray) firmware = g_ptr_array_new ();
    const HostPsp psp = { TRUE, NULL, 1, 55, 21, "working" };
    HostReport report = {
        .facts = facts, .psp = &psp, .checks = checks, .firmware = firmware
    };

    finding_add (checks, "cpu", FINDING_OK, NULL,
                 "'/home/alice/x' of alice on node7, not node77 or malice; "
                 "/home/bob/y and %%2Fhome%%2Fcarol and /home/alice%%2Fz");
    g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
    json_node_take_object (node, host_report_build (&report));
    g_autofree char *open = json_to_string (node, TRUE);
    g_assert_nonnull (strstr (open, "alice on node7,"));

    report.private_words = words;
    json_node_take_object (node, host_report_build (&report));
    g_autofree char *text = json_to_string (node, TRUE);
    g_assert_nonnull (strstr (text, "'~/x' of <user> on <host>, not node77 or malice"));
    g_assert_null (strstr (text, "/home/alice"));
    g_assert_nonnull (strstr (text, "/home/<user>/y and /home/<user> and ~%2Fz"));
    g_assert_nonnull (strstr (text, "\"AMD EPYC 7313\""));
    g_assert_nonnull (strstr (text, "\"sev_asids\" : 410"));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/inspect/host/machine", test_machine);
    g_test_add_func ("/inspect/host/apparmor", test_apparmor);
    g_test_add_func ("/inspect/host/asids", test_asids);
    g_test_add_func ("/inspect/host/no-amd", test_no_amd);
    g_test_add_func ("/inspect/host/dev-sev-open-to-all", test_dev_sev_open_to_all);
    g_test_add_func ("/inspect/host/psp", test_psp);
    g_test_add_func ("/inspect/host/libvirt", test_libvirt);
    g_test_add_func ("/inspect/host/versions", test_versions);
    g_test_add_func ("/inspect/host/qemu-version", test_qemu_version);
    g_test_add_func ("/inspect/host/programs", test_programs);
    g_test_add_func ("/inspect/host/report", test_report);
    return g_test_run ();
}
