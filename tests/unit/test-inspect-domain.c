/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What stands in the way of a verified launch.  The domain XML that sevlaunch itself writes
 * for a real host (tests/data/domain, a golden file) has nothing against it; each row
 * changes one thing in it, and is told of that thing.
 */

#include <string.h>

#include "launcher/base/launcher-error.h"
#include "launcher/inspect/domain-lint.h"

#define GOLDEN "tests/data/domain/real-host.xml"

typedef struct {
    const char *old;
    const char *new;
    const char *ids; /* of what is found, in their order */
} Change;

static char *
golden (void)
{
    g_autofree char *path = g_test_build_filename (G_TEST_DIST, GOLDEN, NULL);
    g_autoptr (GError) error = NULL;
    char *text = NULL;

    g_file_get_contents (path, &text, NULL, &error);
    g_assert_no_error (error);
    return text;
}

static char *
changed (const char *old, const char *new)
{
    g_autofree char *text = golden ();
    g_auto (GStrv) parts = g_strsplit (text, old, -1);

    g_assert_cmpuint (g_strv_length (parts), ==, 2);
    return g_strjoinv (new, parts);
}

static void
assert_found (const char *text, const char *expected)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (DomainLint) lint = domain_lint (text, strlen (text), &error);
    g_autoptr (GString) ids = g_string_new (NULL);

    g_assert_no_error (error);
    for (guint i = 0; i < lint->findings->len; i++) {
        const Finding *finding = g_ptr_array_index (lint->findings, i);
        g_string_append_printf (ids, "%s%s:%s", i > 0 ? " " : "", finding->id,
                                finding_level_name (finding->level));
    }
    g_assert_cmpstr (ids->str, ==, expected);
}

static void
check (const Change *changes, gsize n)
{
    for (gsize i = 0; i < n; i++) {
        g_autofree char *text = changed (changes[i].old, changes[i].new);

        g_test_message ("%s -> %s", changes[i].old, changes[i].new);
        assert_found (text, changes[i].ids);
    }
}

static void
test_golden (void)
{
    g_autofree char *text = golden ();
    g_autoptr (GError) error = NULL;
    g_autoptr (DomainLint) lint = domain_lint (text, strlen (text), &error);

    g_assert_no_error (error);
    g_assert_cmpstr (lint->name, ==, "guest");
    g_assert_cmpstr (lint->loader, ==, "/usr/share/sevlaunch/sevlaunch-ovmf.fd");
    assert_found (text, "policy-no-es:note");
}

#define NOTE "policy-no-es:note"

static void
test_security (void)
{
    static const Change changes[] = {
        { "type=\"sev\"", "type=\"sev-snp\"", "launch-security-type:fail" },
        { "launchSecurity type=\"sev\" kernelHashes=\"yes\"", "launchSecurity type=\"sev\"",
          NOTE " no-kernel-hashes:insecure" },
        { "kernelHashes=\"yes\"", "kernelHashes=\"no\"",
          NOTE " no-kernel-hashes:insecure" },
        { "<kernel>/run/user/1000/sevlaunch/uki.efi</kernel>", "",
          NOTE " no-kernel:insecure" },
        { "<policy>0x1100002b</policy>", "", "policy-missing:fail" },
        { "0x1100002b", "0x1100002bx", "policy-missing:fail" },
        { "0x1100002b", "0x11100002b", "policy-missing:fail" },
        { "0x1100002b", "-1", "policy-missing:fail" },
        /* libvirt reads hexadecimal, with or without 0x. */
        { "0x1100002b", "1100002b", NOTE },
        { "0x1100002b", "0x1100002a", "policy-debug:insecure " NOTE },
        { "0x1100002b", "0x11000029", "policy-key-sharing:insecure " NOTE },
        { "0x1100002b", "0x11000023", "policy-send:warn " NOTE },
        { "0x1100002b", "0x1100006b", NOTE " policy-reserved:fail" },
        { "0x1100002b", "0x1000002b", NOTE " policy-api:insecure" },
        { "0x1100002b", "0x0001002b", NOTE },
        { "0x1100002b", "0x1100002f", "" },
        { "<dhCert>Y2VydGlmaWNhdGU=</dhCert>", "", NOTE " no-session:note" },
        { "<session>c2Vzc2lvbg==</session>", "", NOTE " no-session:note" },
    };
    g_autofree char *text = golden ();
    char *at = strstr (text, "  <launchSecurity");

    check (changes, G_N_ELEMENTS (changes));
    g_strlcpy (at, "</domain>", strlen (at) + 1);
    assert_found (text, "no-launch-security:fail");
}

static void
test_loader (void)
{
    static const Change changes[] = {
        { "<loader readonly=\"yes\"", "<loader secure=\"yes\" readonly=\"yes\"",
          NOTE " loader-secure-boot:insecure" },
        { "<loader readonly",
          "<firmware><feature enabled='no' name='enrolled-keys'/><feature "
          "enabled='yes' name='secure-boot'/></firmware><loader readonly",
          NOTE " loader-secure-boot:insecure" },
        { " stateless=\"yes\"", "", NOTE " loader-stateless:warn" },
        { "readonly=\"yes\" type", "readonly=\"no\" type", NOTE " loader-writable:warn" },
        { "</loader>", "</loader><nvram>/var/lib/x_VARS.fd</nvram>",
          NOTE " loader-nvram:insecure" },
        { "<loader readonly=\"yes\" type=\"pflash\" stateless=\"yes\">/usr/share/sevlaunch/"
          "sevlaunch-ovmf.fd</loader>",
          "", NOTE " loader-missing:fail" },
        { "<apic/>", "<apic/><smm state='on'/>", NOTE " smm:warn" },
    };
    g_autofree char *text = changed (
        "<loader readonly=\"yes\" type=\"pflash\" stateless=\"yes\">/usr/share/sevlaunch/"
        "sevlaunch-ovmf.fd</loader>",
        "");
    g_auto (GStrv) parts = g_strsplit (text, "<os>", 2);
    g_autofree char *automatic = g_strjoinv ("<os firmware='efi'>", parts);

    check (changes, G_N_ELEMENTS (changes));
    assert_found (automatic, NOTE " loader-chosen:warn");
}

static void
test_es (void)
{
    static const Change changes[] = {
        { "mode=\"custom\"", "mode=\"host-passthrough\"", "cpu-model:warn" },
        { "<model fallback=\"forbid\">EPYC-Milan</model>", "", "cpu-model:warn" },
        { "<apic/>", "<apic/><smm state='on'/>", "smm:fail" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (changes); i++) {
        g_autofree char *text = changed (changes[i].old, changes[i].new);
        g_auto (GStrv) parts = g_strsplit (text, "0x1100002b", 2);
        g_autofree char *es = g_strjoinv ("0x1100002f", parts);

        assert_found (es, changes[i].ids);
    }
}

static void
test_machine (void)
{
    static const Change changes[] = {
        { "x86_64", "aarch64", NOTE " arch:fail" },
        { "machine=\"q35\"", "machine=\"pc-q35-7.2\"", NOTE },
        { "machine=\"q35\"", "machine=\"pc\"", NOTE " machine:warn" },
        { "domain type=\"kvm\"", "domain type=\"qemu\"", NOTE " domain-type:warn" },
        { "<locked/>", "", NOTE " memory-locked:warn" },
        { "<locked/>", "<locked/><hugepages/>", NOTE " hugepages:note" },
        { "<locked/>", "<locked/><source type='memfd'/>", NOTE " memory-shared:warn" },
        { "<locked/>", "<locked/><source type='memfd'/><access mode='private'/>", NOTE },
        { "<locked/>", "<locked/><access mode='shared'/>", NOTE " memory-shared:warn" },
        { "</cpu>",
          "<numa><cell id='0' memory='1' cpus='0'/><cell id='1' memory='1' cpus='1' "
          "memAccess='shared'/></numa></cpu>",
          NOTE " memory-shared:warn" },
        { "<memballoon", "<memory model='dimm' access='shared'/><memballoon",
          NOTE " memory-shared:warn" },
        { "<on_reboot>destroy", "<on_reboot>restart", NOTE " restart:warn" },
        { "<on_crash>destroy", "<on_crash>coredump-restart", NOTE " restart:warn" },
        { "<cpu mode=\"custom\"", "<cpu mode=\"host-passthrough\"", NOTE },
        { "</domain>",
          "<q:commandline xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'>"
          "<q:arg value='-S'/></q:commandline></domain>",
          NOTE " qemu-commandline:warn" },
    };

    check (changes, G_N_ELEMENTS (changes));
}

static void
test_devices (void)
{
    static const Change changes[] = {
        { "discard=\"unmap\" iommu=\"on\"", "discard=\"unmap\"",
          NOTE " virtio-iommu:warn" },
        { "<model type=\"virtio\"/>\n      <driver iommu=\"on\"/>",
          "<model type=\"virtio\"/>", NOTE " virtio-iommu:warn" },
        { "<model type=\"virtio\"/>\n      <driver iommu=\"on\"/>",
          "<model type=\"e1000e\"/>", NOTE },
        { "<rng model=\"virtio\">\n      <driver iommu=\"on\"/>", "<rng model=\"virtio\">",
          NOTE " virtio-iommu:warn" },
        { "<model type=\"virtio\"/>", "<model type=\"virtio-transitional\"/>",
          NOTE " virtio-transitional:fail" },
        { "<model type=\"virtio\"/>", "<model type=\"virtio-non-transitional\"/>", NOTE },
        { "<controller type=\"usb\" model=\"none\"/>",
          "<controller type='scsi' model='virtio-scsi'/>", NOTE " virtio-iommu:warn" },
        { "cache=\"writeback\"", "cache=\"unsafe\"", NOTE " disk-cache:warn" },
        { "type=\"qcow2\" cache", "cache", NOTE " disk-format:warn" },
        { "<rom enabled=\"no\"/>", "", NOTE " option-rom:warn" },
        { "<rom enabled=\"no\"/>", "<rom bar='off'/>", NOTE },
        { "<memballoon model=\"none\"/>", "", NOTE " memballoon:warn" },
        { "<memballoon model=\"none\"/>", "<memballoon model='virtio'/>",
          NOTE " memballoon:warn" },
        { "<memballoon", "<video><model type='qxl'/></video><memballoon",
          NOTE " video:warn" },
        { "<memballoon", "<video><model type='none'/></video><memballoon", NOTE },
        { "<memballoon", "<graphics type='vnc'/><memballoon", NOTE " video:warn" },
        { "<memballoon", "<filesystem type='mount'/><memballoon", NOTE " filesystem:warn" },
        { "<memballoon", "<hostdev mode='subsystem'/><memballoon", NOTE " hostdev:warn" },
        { "<memballoon",
          "<interface type='hostdev'><rom enabled='no'/></interface><memballoon",
          NOTE " hostdev:warn" },
        { "<memballoon", "<tpm model='tpm-crb'/><memballoon", NOTE " tpm:note" },
    };

    check (changes, G_N_ELEMENTS (changes));
}

static void
test_names (void)
{
    g_autofree char *text =
        changed ("iommu=\"on\"/>\n      <source file", "/><source file");
    g_autoptr (DomainLint) lint = domain_lint (text, strlen (text), NULL);

    g_assert_nonnull (lint);
    g_assert_nonnull (
        strstr (finding_get (lint->findings, "virtio-iommu")->text, "disk vda"));
}

static void
test_hostile (void)
{
    static const char *const bad[] = {
        "",
        "<domain>",
        "<network/>",
        "<domain xmlns='urn:other'/>",
        "<!DOCTYPE domain [<!ENTITY a 'b'>]><domain>&a;</domain>",
        "<!DOCTYPE domain SYSTEM 'file:///etc/passwd'><domain/>",
        "<domain>\xff</domain>",
        "<domain>&undefined;</domain>",
    };

    for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_autoptr (GError) error = NULL;
        g_autoptr (DomainLint) lint = domain_lint (bad[i], strlen (bad[i]), &error);

        g_assert_null (lint);
        g_assert_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_CONFIG);
    }
    g_autofree char *spaces = g_strnfill (DOMAIN_LINT_MAX_SIZE, ' ');
    g_autofree char *whole = g_strconcat ("<domain>", spaces, "</domain>", NULL);
    g_autoptr (GError) error = NULL;
    g_assert_null (domain_lint (whole, strlen (whole), &error));
    g_assert_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_CONFIG);

    /* An element of another namespace is another element. */
    assert_found ("<domain type='kvm'><x:os xmlns:x='u'><x:loader/></x:os></domain>",
                  "no-launch-security:fail loader-missing:fail machine:warn "
                  "memory-locked:warn restart:warn");
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/inspect/domain/golden", test_golden);
    g_test_add_func ("/inspect/domain/security", test_security);
    g_test_add_func ("/inspect/domain/loader", test_loader);
    g_test_add_func ("/inspect/domain/es", test_es);
    g_test_add_func ("/inspect/domain/machine", test_machine);
    g_test_add_func ("/inspect/domain/devices", test_devices);
    g_test_add_func ("/inspect/domain/names", test_names);
    g_test_add_func ("/inspect/domain/hostile", test_hostile);
    return g_test_run ();
}
