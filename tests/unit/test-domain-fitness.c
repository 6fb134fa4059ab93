/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Which domains are not started with SEV.  The one in tests/data/domain is; each row
 * changes one thing in it, and is refused for that thing, or is said to be worth a warning.
 */

#include <string.h>

#include "launcher/domain/domain-copy.h"
#include "launcher/inspect/domain-fitness.h"

#define DEFINED "tests/data/domain/defined-web.xml"

typedef struct {
    const char *old;
    const char *new;
    const char *ids; /* of what is found, with levels, in their order */
} Row;

static const DomainEdit edit = {
    .kernel = "/tmp/sevlaunch-x/uki.efi",
    .locked_memory = TRUE,
    .policy = 0x1100002b,
    .dh_cert = "Y2VydGlmaWNhdGU=",
    .session = "c2Vzc2lvbg==",
    .kernel_hashes = TRUE,
    .libvirt_version = 9000000,
};

static char *
changed (const char *old, const char *new)
{
    g_autofree char *path = g_test_build_filename (G_TEST_DIST, DEFINED, NULL);
    g_autoptr (GError) error = NULL;
    g_autofree char *text = NULL;

    g_file_get_contents (path, &text, NULL, &error);
    g_assert_no_error (error);
    g_auto (GStrv) parts = g_strsplit (text, old, -1);
    g_assert_cmpuint (g_strv_length (parts), ==, 2);
    return g_strjoinv (new, parts);
}

static GPtrArray *
judge (const char *text, const DomainEdit *with, gboolean own_boot_loader)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (DomainCopy) copy = domain_copy_read (text, strlen (text), &error);

    g_assert_no_error (error);
    g_autofree char *built = domain_copy_build (copy, with, &error);
    g_assert_no_error (error);
    GPtrArray *found = domain_fitness (text, built, own_boot_loader, &error);
    g_assert_no_error (error);
    return found;
}

static void
check (const Row *row, const DomainEdit *with, gboolean own_boot_loader)
{
    g_autofree char *text = changed (row->old, row->new);
    g_autoptr (GPtrArray) found = judge (text, with, own_boot_loader);
    g_autoptr (GString) ids = g_string_new (NULL);

    for (guint i = 0; i < found->len; i++) {
        const Finding *one = g_ptr_array_index (found, i);
        g_string_append_printf (ids, "%s%s:%s", i > 0 ? " " : "", one->id,
                                finding_level_name (one->level));
        g_assert_true (domain_fitness_refuses (one) ==
                       (one->level == FINDING_INSECURE || one->level == FINDING_FAIL));
        g_assert_true (one->fix != NULL || !domain_fitness_refuses (one));
    }
    g_test_message ("%s -> %s", row->old, row->new);
    g_assert_cmpstr (ids->str, ==, row->ids);
}

#define UNCHANGED "<name>web", "<name>web"
#define LOADER "<loader type='pflash'>/usr/share/sevlaunch/sevlaunch-ovmf.fd</loader>"

static void
test_rows (void)
{
    static const Row rows[] = {
        { UNCHANGED, "" },
        { "<launchSecurity type='sev'>", "<launchSecurity type='sev-snp'>",
          "launch-security-type:fail" },
        /* The launch has a policy of its own. */
        { "0x1100002b", "0", "" },
        { LOADER, "", "loader-missing:fail" },
        { "<loader type='pflash'>", "<loader>", "loader-type:fail" },
        { "<loader type='pflash'>", "<loader type='rom'>", "loader-type:fail" },
        { "<loader type='pflash'>", "<loader type='pflash' format='qcow2'>",
          "loader-format:fail" },
        { "<loader type='pflash'>", "<loader type='pflash' format='raw'>", "" },
        { "<os>", "<os firmware='efi'>", "loader-chosen:fail" },
        { "</loader>", "</loader><nvram>/var/lib/x_VARS.fd</nvram>",
          "loader-nvram:insecure" },
        { "<loader type", "<loader secure='yes' type", "loader-secure-boot:insecure" },
        { "machine='pc-q35-7.2'", "machine='pc-i440fx-7.2'", "machine:fail" },
        { "<domain type='kvm'>", "<domain type='qemu'>", "domain-type:warn" },
        { "arch='x86_64'", "arch='i686'", "arch:fail" },
        { "</vcpu>", "</vcpu><memoryBacking><source type='memfd'/></memoryBacking>",
          "memory-shared:insecure" },
        { "</vcpu>", "</vcpu><memoryBacking><access mode='shared'/></memoryBacking>",
          "memory-shared:insecure" },
        { "</vcpu>", "</vcpu><memoryBacking><hugepages/></memoryBacking>",
          "hugepages:note" },
        { "<rng ", "<filesystem type='mount'/><rng ", "filesystem:insecure" },
        { "<rng ", "<hostdev mode='subsystem'/><rng ", "hostdev:insecure" },
        { "<interface type='user'>", "<interface type='hostdev'>", "hostdev:insecure" },
        { "<launchSecurity ",
          "<q:commandline xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'>"
          "<q:arg value='-S'/></q:commandline><launchSecurity ",
          "qemu-commandline:insecure" },
        { "<model type='virtio'/>", "<model type='virtio-transitional'/>",
          "virtio-transitional:fail" },
        { "<rng ",
          "<graphics type='vnc' passwd='x'/><video><model type='none'/></video><rng ",
          "graphics-password:insecure" },
        { "<rng ", "<graphics type='vnc'/><rng ", "video:warn" },
        { "<source file='/srv/web.qcow2'/>",
          "<source file='/srv/web.qcow2'><cookies/></source>", "disk-cookies:insecure" },
        { "<rng ",
          "<disk type='network' device='cdrom'><driver type='raw'/><source "
          "protocol='https' name='a'>"
          "<cookies><cookie name='c'>s</cookie></cookies></source><target dev='sdb' "
          "bus='sata'/></disk><rng ",
          "disk-cookies:insecure" },
        { "<rng ",
          "<disk type='file'><driver type='raw'/><source file='/b'/><backingStore "
          "type='network'><source "
          "protocol='https' name='a'><cookies><cookie name='c'>s</cookie></cookies>"
          "</source></backingStore><target dev='vdz' bus='virtio'/></disk><rng ",
          "disk-cookies:insecure" },
        { "<launchSecurity ",
          "<sysinfo type='fwcfg'><entry name='opt/a'>s</entry><entry name='opt/b' "
          "file='/b'/></sysinfo><launchSecurity ",
          "sysinfo-fwcfg:insecure" },
        { "<launchSecurity ",
          "<sysinfo type='smbios'><oemStrings><entry>s</entry></oemStrings></sysinfo>"
          "<sysinfo type='fwcfg'><entry name='opt/a'>s</entry></sysinfo><launchSecurity ",
          "sysinfo-oem-strings:insecure sysinfo-fwcfg:insecure" },
        { "<launchSecurity ",
          "<sysinfo type='smbios'><bios><entry name='vendor'>s</entry></bios></sysinfo>"
          "<launchSecurity ",
          "" },
        { "cache='none'/>\n      <source file='/srv/web",
          "cache='unsafe'/><source file='/srv/web", "disk-cache:warn" },
        /* Everything, not the first. */
        { LOADER, "<loader>/x</loader><nvram>/y</nvram>",
          "loader-nvram:insecure loader-type:fail" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
        check (&rows[i], &edit, FALSE);
}

static void
test_boot (void)
{
    static const Row none = { UNCHANGED, "no-kernel:insecure" };
    static const Row taken = { UNCHANGED, "" };
    DomainEdit unmeasured = edit;

    unmeasured.kernel = NULL;
    unmeasured.kernel_hashes = FALSE;
    check (&none, &unmeasured, FALSE);
    check (&taken, &unmeasured, TRUE);
}

static void
test_es (void)
{
    static const Row rows[] = {
        { UNCHANGED, "" },
        { "mode='custom'", "mode='host-passthrough'", "cpu-model:fail" },
        { "<apic/>", "<apic/><smm state='on'/>", "smm:fail" },
    };
    static const Row without = { "mode='custom'", "mode='host-passthrough'", "" };
    DomainEdit es = edit;

    es.policy |= 4;
    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
        check (&rows[i], &es, FALSE);
    check (&without, &edit, FALSE);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/domain-fitness/rows", test_rows);
    g_test_add_func ("/domain-fitness/boot", test_boot);
    g_test_add_func ("/domain-fitness/es", test_es);
    return g_test_run ();
}
