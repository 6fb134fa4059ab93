/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A domain that somebody defined, and the copy of it that is launched: a file as libvirt
 * gives it, and one that was written by hand from it (tests/data/domain).  Each row changes
 * one thing in the first.
 */

#include <string.h>

#include "launcher/base/launcher-error.h"
#include "launcher/domain/domain-copy.h"

#define DEFINED "tests/data/domain/defined-web.xml"
#define COPY "tests/data/domain/defined-web-copy.xml"

static const DomainDiskLayer chain[] = {
    { "/srv/web.qcow2", "qcow2" },
    { "/srv/base.raw", "raw" },
};

/* "certificate" and "session" in base64. */
static const DomainEdit real_host = {
    .uuid = "00000000-0000-4000-8000-000000000000",
    .kernel = "/tmp/sevlaunch-x/uki.efi",
    .disk = chain,
    .n_disk = G_N_ELEMENTS (chain),
    .locked_memory = TRUE,
    .policy = 0x1100002f,
    .dh_cert = "Y2VydGlmaWNhdGU=",
    .session = "c2Vzc2lvbg==",
    .kernel_hashes = TRUE,
    .libvirt_version = 9000000,
};

static char *
read_file (const char *name)
{
    g_autofree char *path = g_test_build_filename (G_TEST_DIST, name, NULL);
    g_autoptr (GError) error = NULL;
    char *text = NULL;

    g_file_get_contents (path, &text, NULL, &error);
    g_assert_no_error (error);
    return text;
}

static char *
replaced (const char *text, const char *old, const char *new)
{
    g_auto (GStrv) parts = g_strsplit (text, old, -1);

    g_assert_cmpuint (g_strv_length (parts), ==, 2);
    return g_strjoinv (new, parts);
}

static char *
changed (const char *old, const char *new)
{
    g_autofree char *text = read_file (DEFINED);

    return replaced (text, old, new);
}

static DomainCopy *
take (const char *text)
{
    g_autoptr (GError) error = NULL;
    DomainCopy *copy = domain_copy_read (text, strlen (text), &error);

    g_assert_no_error (error);
    return copy;
}

static char *
build (const char *text, const DomainEdit *edit)
{
    g_autoptr (DomainCopy) copy = take (text);
    g_autoptr (GError) error = NULL;
    char *built = domain_copy_build (copy, edit, &error);

    g_assert_no_error (error);
    return built;
}

static void
test_golden (void)
{
    g_autofree char *defined = read_file (DEFINED);
    g_autofree char *expected = read_file (COPY);
    g_autofree char *built = build (defined, &real_host);
    g_autofree char *again = build (built, &real_host);

    g_assert_cmpstr (built, ==, expected);
    /* There is no more to edit. */
    g_autofree char *reread = build (again, &real_host);
    g_assert_cmpstr (reread, ==, again);
}

static void
test_facts (void)
{
    g_autofree char *text = read_file (DEFINED);
    g_autoptr (DomainCopy) copy = take (text);
    const DomainFacts *facts = domain_copy_get_facts (copy);

    g_assert_cmpstr (facts->name, ==, "web");
    g_assert_cmpstr (facts->uuid, ==, "9959c393-191b-4c64-9310-745f8a985bee");
    g_assert_cmpuint (facts->memory_mib, ==, 2049); /* 2 GiB and a KiB */
    g_assert_cmpuint (facts->vcpus, ==, 2);
    g_assert_true (facts->vcpus_vary);
    g_assert_cmpstr (facts->loader, ==, "/usr/share/sevlaunch/sevlaunch-ovmf.fd");
    g_assert_null (facts->kernel);
    g_assert_null (facts->initrd);
    g_assert_null (facts->cmdline);
    g_assert_cmpstr (facts->disk, ==, "/srv/web.qcow2");
    g_assert_cmpstr (facts->format, ==, "qcow2");
    g_assert_cmpstr (facts->cpu_model, ==, "EPYC-Rome");
    g_assert_true (facts->has_policy);
    g_assert_cmphex (facts->policy, ==, 0x1100002b);
    g_assert_true (facts->console);
}

/* What a row's XML says: "memory vcpus vary kernel|initrd|cmdline disk:format cpu policy
 * console". */
static char *
describe (const DomainFacts *facts)
{
    g_autofree char *policy =
        facts->has_policy ? g_strdup_printf ("0x%x", facts->policy) : g_strdup ("-");

    return g_strdup_printf (
        "%u %u %d %s|%s|%s %s:%s %s %s %d", facts->memory_mib, facts->vcpus,
        facts->vcpus_vary, facts->kernel != NULL ? facts->kernel : "-",
        facts->initrd != NULL ? facts->initrd : "-",
        facts->cmdline != NULL ? facts->cmdline : "-",
        facts->disk != NULL ? facts->disk : "-",
        facts->format != NULL ? facts->format : "-",
        facts->cpu_model != NULL ? facts->cpu_model : "-", policy, facts->console);
}

static void
test_other_facts (void)
{
#define BOOT " -|-|- "
#define REST " EPYC-Rome 0x1100002b 1"
#define WEB "/srv/web.qcow2:qcow2"
    static const struct {
        const char *old;
        const char *new;
        const char *expected;
    } rows[] = {
        { "<memory unit='KiB'>2097153", "<memory>1024", "1 2 1" BOOT WEB REST },
        { "<memory unit='KiB'>2097153", "<memory unit='b'>1048577", "2 2 1" BOOT WEB REST },
        { "<memory unit='KiB'>2097153", "<memory unit='GB'>1", "954 2 1" BOOT WEB REST },
        { "<memory unit='KiB'>2097153", "<memory unit='G'>3", "3072 2 1" BOOT WEB REST },
        { " current='2'>4<", ">4<", "2049 4 0" BOOT WEB REST },
        { "<vcpu placement='static' current='2'>4</vcpu>", "", "2049 1 0" BOOT WEB REST },
        { "</vcpu>", "</vcpu><vcpus><vcpu id='0' enabled='yes'/></vcpus>",
          "2049 2 1" BOOT WEB REST },
        { "</loader>",
          "</loader><kernel>/boot/k</kernel><initrd>/boot/i</initrd><cmdline> a  b "
          "</cmdline>",
          "2049 2 1 /boot/k|/boot/i| a  b  " WEB REST },
        { "<boot order='1'/>", "<boot order='3'/>",
          "2049 2 1" BOOT "/srv/data.qcow2:qcow2" REST },
        { "<boot order='1'/>", "", "2049 2 1" BOOT "/srv/data.qcow2:qcow2" REST },
        { "<source file='/srv/web.qcow2'/>", "", "2049 2 1" BOOT "-:-" REST },
        { "<disk type='file' device='disk'>\n      <driver name='qemu' type='qcow2' "
          "cache='none'/>\n      <source file='/srv/web.qcow2'/>",
          "<disk type='block'><source dev='/dev/sdb'/>", "2049 2 1" BOOT "-:-" REST },
        { "type='qcow2' cache='none'/>\n      <source file='/srv/web.qcow2'/>",
          "/><source file='/srv/web.qcow2'/>", "2049 2 1" BOOT "/srv/web.qcow2:raw" REST },
        { "type='qcow2' cache='none'/>\n      <source file='/srv/web.qcow2'/>",
          "type='vmdk'/><source file='/srv/web.qcow2'/>", "2049 2 1" BOOT "-:-" REST },
        { "mode='custom'", "mode='host-model'", "2049 2 1" BOOT WEB " - 0x1100002b 1" },
        { "0x1100002b", "3", "2049 2 1" BOOT WEB " EPYC-Rome 0x3 1" },
        { "<policy>0x1100002b</policy>", "", "2049 2 1" BOOT WEB " EPYC-Rome - 1" },
        { "<launchSecurity type='sev'>", "<launchSecurity type='sev-snp'>",
          "2049 2 1" BOOT WEB " EPYC-Rome - 1" },
        { "<rng ", "<serial type='file'/><rng ",
          "2049 2 1" BOOT WEB " EPYC-Rome 0x1100002b 0" },
        { "<rng ", "<serial type='file'/><console type='pty'/><rng ",
          "2049 2 1" BOOT WEB REST },
    };
#undef BOOT
#undef REST
#undef WEB

    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autofree char *text = changed (rows[i].old, rows[i].new);
        g_autoptr (DomainCopy) copy = take (text);
        g_autofree char *said = describe (domain_copy_get_facts (copy));

        g_test_message ("%s -> %s", rows[i].old, rows[i].new);
        g_assert_cmpstr (said, ==, rows[i].expected);
    }
}

static void
test_hostile (void)
{
    static const struct {
        const char *old;
        const char *new;
        const char *says;
    } rows[] = {
        { "<name>web</name>", "", "name" },
        { "<name>web</name>", "<name/>", "name" },
        { "<name>web</name>", "<name>we\302\233b</name>", "characters" },
        { "<name>web</name>", "<name>web</name><name>bew</name>", "twice" },
        { "9959c393-191b", "9959c393", "uuid" },
        { "<os>", "<os/><os>", "os: it is there twice" },
        { "</loader>", "</loader><loader>/srv/x</loader>", "os/loader: it is there twice" },
        { "</loader>", "</loader><kernel>boot/k</kernel>", "not absolute" },
        { "</loader>", "</loader><cmdline>a\nb</cmdline>", "characters" },
        { "'>/usr/share", "'>usr/share", "os/loader: the path is not absolute" },
        { "/srv/web.qcow2", "web.qcow2", "not absolute" },
        { "<memory unit='KiB'>2097153</memory>", "", "memory" },
        { "<memory unit='KiB'>2097153", "<memory unit='KiB'>0", "memory" },
        { "<memory unit='KiB'>2097153", "<memory unit='XiB'>1", "memory" },
        { "<memory unit='KiB'>2097153", "<memory unit='EiB'>16", "memory" },
        { "<memory unit='KiB'>2097153", "<memory unit='TiB'>17", "too much" },
        { "current='2'>4", "current='5'>4", "vcpu" },
        { "current='2'>4", ">4000000000", "vcpu" },
        { "0x1100002b", "0x1100002g", "hexadecimal" },
        { "0x1100002b", "0x11100002b", "hexadecimal" },
        { "0x1100002b", "", "hexadecimal" },
        { "</devices>", "</devices><devices/>", "twice" },
        { "<domain type='kvm'>", "<!DOCTYPE domain [<!ENTITY a 'b'>]><domain>",
          "entities" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autofree char *text = changed (rows[i].old, rows[i].new);
        g_autoptr (GError) error = NULL;
        g_autoptr (DomainCopy) copy = domain_copy_read (text, strlen (text), &error);

        g_test_message ("%s -> %s", rows[i].old, rows[i].new);
        g_assert_null (copy);
        g_assert_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_CONFIG);
        g_assert_nonnull (strstr (error->message, rows[i].says));
    }
}

/* What each part of an edit puts into the copy, and what it leaves. */
static void
check_edit (const DomainEdit *edit,
            const char *old,
            const char *new,
            const char *with,
            const char *without)
{
    g_autofree char *text = changed (old, new);
    g_autofree char *built = build (text, edit);

    if (strstr (built, with) == NULL || strstr (built, without) != NULL)
        g_error ("with %s, without %s:\n%s", with, without, built);
}

#define UNCHANGED "<name>web", "<name>web"

static void
test_edits (void)
{
    DomainEdit emulated = real_host;
    DomainEdit old_libvirt = real_host;
    DomainEdit unmeasured = real_host;

    emulated.type = "qemu";
    emulated.emulator = "/h/bin/qemu & co";
    emulated.locked_memory = FALSE;
    old_libvirt.libvirt_version = 8005000;
    unmeasured.kernel = NULL;
    unmeasured.kernel_hashes = FALSE;

    check_edit (&emulated, UNCHANGED, "<domain type=\"qemu\">", "<locked");
    check_edit (&emulated, UNCHANGED, "<emulator>/h/bin/qemu &amp; co</emulator>",
                "/usr/bin");
    check_edit (&emulated, UNCHANGED,
                "check=\"none\">\n    <model fallback=\"allow\">EPYC-Rome", "partial");
    check_edit (&emulated, "mode='custom'", "mode='host-passthrough'",
                "<model fallback=\"forbid\">EPYC</model>", "EPYC-Rome");
    check_edit (&emulated, "mode='custom'", "mode='maximum'", "mode=\"maximum\"",
                "none\">\n    <model");
    check_edit (&real_host, "mode='custom'", "mode='host-passthrough'",
                "mode=\"host-passthrough\"", "check=\"none\"");
    check_edit (&old_libvirt, UNCHANGED, "readonly=\"yes\"", "stateless");
    check_edit (&unmeasured, UNCHANGED, "<launchSecurity type=\"sev\">", "<kernel");
    check_edit (&real_host, "</loader>",
                "</loader><kernel>/boot/k</kernel><cmdline>c</cmdline>",
                "<kernel>/boot/k</kernel>\n    <cmdline>c</cmdline>", "uki.efi");
    check_edit (&real_host, "</loader>",
                "</loader><kernel/><initrd></initrd><cmdline><!-- none --></cmdline>",
                "<kernel>/tmp/sevlaunch-x/uki.efi</kernel>\n  </os>", "<initrd");
    check_edit (&unmeasured, "</loader>", "</loader><kernel/>",
                "<launchSecurity type=\"sev\">", "<kernel");
    check_edit (&real_host, "<uuid>9959c393-191b-4c64-9310-745f8a985bee</uuid>", "",
                "<uuid>00000000-0000-4000-8000-000000000000</uuid>", "9959c393");
    check_edit (&real_host, "</vcpu>",
                "</vcpu><memtune><hard_limit>9</hard_limit></memtune>", "<hard_limit>",
                "<locked");
    check_edit (&real_host, "<rng ", "<serial type='tcp'/><rng ", "<serial type=\"tcp\"/>",
                "<console");
    check_edit (&real_host, "<rng ", "<vsock model='virtio'/><rng ",
                "<vsock model=\"virtio\">\n      <driver iommu=\"on\"/>", "<nothing");
    check_edit (&real_host, "<features>", "<features><vmport state='on'/>",
                "<vmport state=\"off\"/>", "state=\"on\"");
}

static void
test_refused_edits (void)
{
    g_autofree char *text = read_file (DEFINED);
    g_autoptr (DomainCopy) copy = take (text);
    g_autofree char *built = NULL;
    g_autoptr (GError) error = NULL;
    DomainEdit edit = real_host;

    edit.cmdline = "a\nb";
    built = domain_copy_build (copy, &edit, &error);
    g_assert_null (built);
    g_assert_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_CONFIG);
    g_clear_error (&error);
    edit.cmdline = "a b";
    edit.libvirt_version = 7009000;
    built = domain_copy_build (copy, &edit, &error);
    g_assert_null (built);
    g_assert_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_CONFIG);
    edit.libvirt_version = 8000000;
    built = domain_copy_build (copy, &edit, NULL);
    g_assert_nonnull (built);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/domain-copy/golden", test_golden);
    g_test_add_func ("/domain-copy/facts", test_facts);
    g_test_add_func ("/domain-copy/other-facts", test_other_facts);
    g_test_add_func ("/domain-copy/hostile", test_hostile);
    g_test_add_func ("/domain-copy/edits", test_edits);
    g_test_add_func ("/domain-copy/refused-edits", test_refused_edits);
    return g_test_run ();
}
