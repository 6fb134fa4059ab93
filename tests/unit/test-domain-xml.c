/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Domain XML against files, against the rules for SEV guests, and what it refuses; names.
 */

#include <glib/gstdio.h>
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <string.h>

#include "launcher/base/launcher-error.h"
#include "launcher/domain/domain-config.h"
#include "tests/lib/test-dir.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC (xmlDoc, xmlFreeDoc)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (xmlXPathContext, xmlXPathFreeContext)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (xmlXPathObject, xmlXPathFreeObject)

/* "certificate" and "session" in base64. */
#define DH_CERT "Y2VydGlmaWNhdGU="
#define SESSION "c2Vzc2lvbg=="

#define ODD_PATH "/srv/a & b/<\"Gäste\">/d'or, 100%.qcow2"
#define ODD_CMDLINE "root=LABEL=\"a & b\" x=<1> y='é' z=]]> w=&amp;"

/* --- golden files -------------------------------------------------------------------- */

static const DomainDiskLayer one_layer[] = {
    { "/home/u/images/disk.qcow2", "qcow2" },
};
static const DomainDiskLayer three_layers[] = {
    { "/srv/top.qcow2", "qcow2" },
    { "/srv/middle.qcow2", "qcow2" },
    { "/srv/base.raw", "raw" },
};
static const DomainDiskLayer odd_layers[] = {
    { ODD_PATH, "qcow2" },
    { ODD_PATH ".base", "raw" },
};

/* An emulated host with a UKI; the other cases say what differs. */
static DomainConfig
emulated_uki (void)
{
    return (DomainConfig){
        .name = "guest",
        .emulator = "/home/u/.local/share/sevlaunch/host/bin/qemu-system-x86_64",
        .memory_mib = 1024,
        .vcpus = 2,
        .cpu_model = "EPYC",
        .firmware = "/usr/share/sevlaunch/sevlaunch-ovmf.fd",
        .kernel = "/run/user/1000/sevlaunch/uki.efi",
        .disk = one_layer,
        .n_disk = G_N_ELEMENTS (one_layer),
        .network = DOMAIN_NETWORK_USER,
        .policy = 0x1100002b,
        .dh_cert = DH_CERT,
        .session = SESSION,
        .kernel_hashes = TRUE,
        .libvirt_version = 9000000,
    };
}

static void
set_kernel (DomainConfig *config)
{
    config->kernel = "/boot/vmlinuz";
    config->initrd = "/boot/initrd.img";
    config->cmdline = "root=/dev/mapper/root ro console=ttyS0 panic=-1";
}

static void
set_real_host (DomainConfig *config)
{
    config->kvm = TRUE;
    config->emulator = NULL;
    config->cpu_model = "EPYC-Milan";
    config->locked_memory = TRUE;
    config->network = DOMAIN_NETWORK_NETWORK;
    config->network_name = "default";
}

static void
set_no_network (DomainConfig *config)
{
    config->network = DOMAIN_NETWORK_NONE;
}

static void
set_bridge (DomainConfig *config)
{
    config->network = DOMAIN_NETWORK_BRIDGE;
    config->network_name = "br0";
}

static void
set_old_libvirt (DomainConfig *config)
{
    config->libvirt_version = 8005000;
}

static void
set_chain (DomainConfig *config)
{
    config->disk = three_layers;
    config->n_disk = G_N_ELEMENTS (three_layers);
}

static void
set_no_disk (DomainConfig *config)
{
    config->disk = NULL;
    config->n_disk = 0;
}

static void
set_odd_text (DomainConfig *config)
{
    config->name = "a.b_c+d-9";
    config->emulator = "/opt/<q&a>/\"sev\"-qemu";
    config->firmware = "/opt/f'w/ü&.fd";
    config->kernel = "/boot/a&b";
    config->initrd = "/boot/<initrd>";
    config->cmdline = ODD_CMDLINE;
    config->disk = odd_layers;
    config->n_disk = G_N_ELEMENTS (odd_layers);
    config->network = DOMAIN_NETWORK_NETWORK;
    config->network_name = "büro \"1\" & <2>";
}

static void
set_es (DomainConfig *config)
{
    config->policy = 0x1100002f;
}

static void
set_bare (DomainConfig *config)
{
    config->kernel = NULL;
    config->cmdline = "";
    config->kernel_hashes = FALSE;
    config->policy = 0x1;
}

static const struct {
    const char *name;
    void (*set) (DomainConfig *config);
} cases[] = {
    { "emulated-uki", NULL },
    { "emulated-kernel", set_kernel },
    { "real-host", set_real_host },
    { "no-network", set_no_network },
    { "bridge", set_bridge },
    { "old-libvirt", set_old_libvirt },
    { "backing-chain", set_chain },
    { "no-disk", set_no_disk },
    { "special-characters", set_odd_text },
    { "es-policy", set_es },
    { "no-kernel", set_bare },
};

static char *
build_case (gsize i)
{
    g_autoptr (GError) error = NULL;
    DomainConfig config = emulated_uki ();

    if (cases[i].set != NULL)
        cases[i].set (&config);
    char *xml = domain_xml_build (&config, &error);
    g_assert_no_error (error);
    return xml;
}

static void
print_diff (const char *golden, const char *xml)
{
    g_auto (TestDir) dir = { 0 };
    g_autofree char *out = NULL;

    test_dir_init (&dir);
    test_dir_write (&dir, "built.xml", xml, 0600);
    g_autofree char *built = test_dir_path (&dir, "built.xml");
    const char *argv[] = { "diff", "-u", golden, built, NULL };
    if (!g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out,
                       NULL, NULL, NULL))
        out = g_strdup (xml);
    g_auto (GStrv) lines = g_strsplit (out, "\n", -1);
    for (char **line = lines; *line != NULL; line++)
        g_test_message ("%s", *line);
}

static void
test_golden (gconstpointer data)
{
    const gsize i = GPOINTER_TO_SIZE (data);
    g_autofree char *file = g_strconcat (cases[i].name, ".xml", NULL);
    g_autofree char *golden =
        g_test_build_filename (G_TEST_DIST, "tests", "data", "domain", file, NULL);
    g_autofree char *xml = build_case (i);
    g_autofree char *expected = NULL;

    if (g_strcmp0 (g_getenv ("SEVLAUNCH_REGENERATE"), "domain") == 0) {
        g_assert_true (g_file_set_contents (golden, xml, -1, NULL));
        g_test_skip ("written anew, not compared (SEVLAUNCH_REGENERATE)");
        return;
    }
    if (!g_file_get_contents (golden, &expected, NULL, NULL)) {
        g_test_message ("cannot read '%s'", golden);
        g_test_fail ();
        return;
    }
    if (strcmp (xml, expected) != 0) {
        print_diff (golden, xml);
        g_test_fail ();
    }
}

/* --- rules for SEV guests, asked of every case --------------------------------------- */

static double
count (const char *xml, const char *xpath)
{
    g_autoptr (xmlDoc) doc = xmlReadMemory (xml, (int) strlen (xml), NULL, NULL, 0);
    g_assert_nonnull (doc);
    g_autoptr (xmlXPathContext) context = xmlXPathNewContext (doc);
    g_autoptr (xmlXPathObject) found = xmlXPathEvalExpression (BAD_CAST xpath, context);
    g_assert_nonnull (found);
    return found->nodesetval != NULL ? found->nodesetval->nodeNr : 0;
}

static char *
text_at (const char *xml, const char *xpath)
{
    g_autoptr (xmlDoc) doc = xmlReadMemory (xml, (int) strlen (xml), NULL, NULL, 0);
    g_assert_nonnull (doc);
    g_autoptr (xmlXPathContext) context = xmlXPathNewContext (doc);
    g_autoptr (xmlXPathObject) found = xmlXPathEvalExpression (BAD_CAST xpath, context);
    g_assert_nonnull (found);
    g_assert_nonnull (found->nodesetval);
    g_assert_cmpint (found->nodesetval->nodeNr, ==, 1);
    xmlChar *text = xmlXPathCastNodeToString (found->nodesetval->nodeTab[0]);
    char *copy = g_strdup ((const char *) text);
    xmlFree (text);
    return copy;
}

/* libvirt, "Launch security with AMD SEV": what a guest with encrypted memory needs. */
static void
test_rules (void)
{
    static const struct {
        const char *xpath;
        guint n;
    } rules[] = {
        { "/domain/os/type[@arch='x86_64'][@machine='q35']", 1 },
        { "/domain/os/loader[@readonly='yes'][@type='pflash']", 1 },
        { "/domain/os/nvram|/domain/os/boot|//boot", 0 },
        { "/domain/cpu[@mode='custom'][@match='exact']/model[@fallback='forbid']", 1 },
        { "//devices/rng[@model='virtio']/driver[@iommu='on']", 1 },
        { "//devices/disk[not(driver/@iommu='on')][target/@bus='virtio']", 0 },
        { "//devices/disk[not(target/@bus='virtio')]", 0 },
        { "//devices/disk[not(driver/@type)]|//backingStore[*][not(format/@type)]", 0 },
        { "//devices/disk[not(.//backingStore[not(*)])]", 0 },
        { "//devices/interface[not(driver/@iommu='on')]", 0 },
        { "//devices/interface[not(rom/@enabled='no')]", 0 },
        { "//devices/memballoon[@model='none']", 1 },
        { "//devices/controller[@type='usb'][@model='none']", 1 },
        { "//graphics|//video|//sound|//redirdev|//hostdev|//tpm|//channel|//input", 0 },
        { "/domain/features[acpi][apic]/vmport[@state='off']", 1 },
        { "/domain/on_reboot[.='destroy']", 1 },
        { "/domain/on_poweroff[.='destroy']", 1 },
        { "/domain/on_crash[.='destroy']", 1 },
        { "/domain/launchSecurity[@type='sev'][policy][dhCert][session]", 1 },
        { "//cbitpos|//reducedPhysBits", 0 },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autofree char *xml = build_case (i);
        for (gsize k = 0; k < G_N_ELEMENTS (rules); k++) {
            const double n = count (xml, rules[k].xpath);
            if (n != rules[k].n)
                g_test_message ("%s: %s", cases[i].name, rules[k].xpath);
            g_assert_cmpfloat (n, ==, rules[k].n);
        }
    }
}

static void
test_conditions (void)
{
    static const struct {
        void (*set) (DomainConfig *config);
        const char *xpath;
        guint n;
    } rows[] = {
        { NULL, "/domain[@type='qemu']/cpu[@check='none']", 1 },
        { set_real_host, "/domain[@type='kvm']/cpu[not(@check)]", 1 },
        { NULL, "//loader[@stateless='yes']", 1 },
        { set_old_libvirt, "//loader[@stateless]", 0 },
        { NULL, "//memoryBacking", 0 },
        { set_real_host, "/domain/memoryBacking/locked", 1 },
        { NULL, "//launchSecurity[@kernelHashes='yes']", 1 },
        { set_bare, "//launchSecurity[@kernelHashes]", 0 },
        { set_bare, "//kernel|//initrd|//cmdline", 0 },
        { NULL, "//emulator", 1 },
        { set_real_host, "//emulator", 0 },
        { set_bare, "//policy[.='0x0001']", 1 },
        { set_es, "//policy[.='0x1100002f']", 1 },
        { set_chain, "/domain/devices/disk/backingStore[source/@file='/srv/middle.qcow2']",
          1 },
        { set_chain, "//disk/backingStore/backingStore[source/@file='/srv/base.raw']", 1 },
        { set_chain, "//disk/backingStore/backingStore/backingStore[not(*)][not(@*)]", 1 },
        { set_no_disk, "//disk", 0 },
        { set_no_network, "//interface", 0 },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (GError) error = NULL;
        DomainConfig config = emulated_uki ();
        if (rows[i].set != NULL)
            rows[i].set (&config);
        g_autofree char *xml = domain_xml_build (&config, &error);
        g_assert_no_error (error);
        if (count (xml, rows[i].xpath) != rows[i].n)
            g_test_message ("%s", rows[i].xpath);
        g_assert_cmpfloat (count (xml, rows[i].xpath), ==, rows[i].n);
    }
}

/* What an XML reader gets back is what went in. */
static void
test_odd_text_survives (void)
{
    static const struct {
        const char *xpath;
        const char *text;
    } rows[] = {
        { "//loader", "/opt/f'w/ü&.fd" },
        { "//os/kernel", "/boot/a&b" },
        { "//os/initrd", "/boot/<initrd>" },
        { "//os/cmdline", ODD_CMDLINE },
        { "//emulator", "/opt/<q&a>/\"sev\"-qemu" },
        { "//disk/source/@file", ODD_PATH },
        { "//disk/backingStore/source/@file", ODD_PATH ".base" },
        { "//interface/source/@network", "büro \"1\" & <2>" },
    };
    g_autoptr (GError) error = NULL;
    DomainConfig config = emulated_uki ();

    set_odd_text (&config);
    g_autofree char *xml = domain_xml_build (&config, &error);
    g_assert_no_error (error);
    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autofree char *text = text_at (xml, rows[i].xpath);
        g_assert_cmpstr (text, ==, rows[i].text);
    }
}

/* --- refusals ------------------------------------------------------------------------ */

static void
assert_refused (const DomainConfig *config, LauncherError code, const char *about)
{
    g_autoptr (GError) error = NULL;
    g_autofree char *xml = domain_xml_build (config, &error);

    if (xml != NULL)
        g_test_message ("not refused: %s", about);
    g_assert_null (xml);
    g_assert_error (error, LAUNCHER_ERROR, (int) code);
    if (strstr (error->message, about) == NULL)
        g_test_message ("'%s' says nothing of '%s'", error->message, about);
    g_assert_nonnull (strstr (error->message, about));
    g_assert_true (g_utf8_validate (error->message, -1, NULL));
    for (const char *c = error->message; *c != '\0'; c++)
        g_assert_false (g_ascii_iscntrl (*c));
}

/* Each text of the configuration, one after the other, everything else being good. */
static void
test_texts_refused (void)
{
    static const char *const never[] = { "",           "/a\nb",      "/a\tb",
                                         "/a\rb",      "/a\033[2Jb", "/a\x7f",
                                         "/a\xc2\x85", "/a\xff",     "/a\xef\xbf\xbf" };
    static const struct {
        gsize offset;
        const char *about;
        const char *relative; /* refused only where a path is meant */
        const char *good;
    } fields[] = {
        { G_STRUCT_OFFSET (DomainConfig, name), "domain name", NULL, "good" },
        { G_STRUCT_OFFSET (DomainConfig, cpu_model), "CPU model", NULL, "EPYC" },
        { G_STRUCT_OFFSET (DomainConfig, emulator), "emulator", "bin/qemu", "/q" },
        { G_STRUCT_OFFSET (DomainConfig, firmware), "firmware", "ovmf.fd", "/f" },
        { G_STRUCT_OFFSET (DomainConfig, kernel), "kernel", "./vmlinuz", "/k" },
        { G_STRUCT_OFFSET (DomainConfig, initrd), "initrd", "../initrd", "/i" },
        { G_STRUCT_OFFSET (DomainConfig, network_name), "network", NULL, "default" },
        { G_STRUCT_OFFSET (DomainConfig, dh_cert), "certificate", "a b", DH_CERT },
        { G_STRUCT_OFFSET (DomainConfig, session), "session", "a<b", SESSION },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (fields); i++) {
        g_autoptr (GError) error = NULL;
        DomainConfig config = emulated_uki ();
        config.network = DOMAIN_NETWORK_NETWORK;
        config.network_name = "default";
        const char **field = (const char **) G_STRUCT_MEMBER_P (&config, fields[i].offset);
        *field = fields[i].good;
        g_autofree char *xml = domain_xml_build (&config, &error);
        g_assert_no_error (error);
        g_assert_nonnull (xml);

        for (gsize k = 0; k < G_N_ELEMENTS (never); k++) {
            *field = never[k];
            assert_refused (&config, LAUNCHER_ERROR_CONFIG, fields[i].about);
        }
        if (fields[i].relative != NULL) {
            *field = fields[i].relative;
            assert_refused (&config, LAUNCHER_ERROR_CONFIG, fields[i].about);
        }
    }
}

static void
test_cmdline_refused (void)
{
    static const char *const bad[] = { "a\nb", "a\tb", "\001", "\xff" };
    DomainConfig config = emulated_uki ();

    for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
        config.cmdline = bad[i];
        assert_refused (&config, LAUNCHER_ERROR_CONFIG, "command line");
    }
}

static void
test_disk_refused (void)
{
    static const DomainDiskLayer relative[] = { { "disk.qcow2", "qcow2" } };
    static const DomainDiskLayer deep[] = { { "/a", "qcow2" }, { "b", "raw" } };
    static const DomainDiskLayer vmdk[] = { { "/a", "vmdk" } };
    static const DomainDiskLayer raw_first[] = { { "/a", "raw" }, { "/b", "raw" } };
    static const DomainDiskLayer control[] = { { "/a\nb", "raw" } };
    static const struct {
        const DomainDiskLayer *disk;
        guint n;
        const char *about;
    } rows[] = {
        { relative, 1, "disk.qcow2" }, { deep, 2, "'b'" },    { vmdk, 1, "vmdk" },
        { raw_first, 2, "raw" },       { control, 1, "\\n" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        DomainConfig config = emulated_uki ();
        config.disk = rows[i].disk;
        config.n_disk = rows[i].n;
        assert_refused (&config, LAUNCHER_ERROR_CONFIG, rows[i].about);
    }
}

static void
test_boot_refused (void)
{
    DomainConfig config = emulated_uki ();

    config.kernel = NULL;
    config.initrd = "/boot/initrd";
    assert_refused (&config, LAUNCHER_ERROR_CONFIG, "initrd");
    config.initrd = NULL;
    config.cmdline = "quiet";
    assert_refused (&config, LAUNCHER_ERROR_CONFIG, "command line");

    config = emulated_uki ();
    config.libvirt_version = 7010000;
    assert_refused (&config, LAUNCHER_ERROR_CONFIG, "kernel hashes");
}

static void
test_incomplete (void)
{
    static const gsize needed[] = {
        G_STRUCT_OFFSET (DomainConfig, name),     G_STRUCT_OFFSET (DomainConfig, cpu_model),
        G_STRUCT_OFFSET (DomainConfig, firmware), G_STRUCT_OFFSET (DomainConfig, dh_cert),
        G_STRUCT_OFFSET (DomainConfig, session),
    };
    DomainConfig config;

    for (gsize i = 0; i < G_N_ELEMENTS (needed); i++) {
        config = emulated_uki ();
        *(const char **) G_STRUCT_MEMBER_P (&config, needed[i]) = NULL;
        assert_refused (&config, LAUNCHER_ERROR_INTERNAL, "complete");
    }
    config = emulated_uki ();
    config.memory_mib = 0;
    assert_refused (&config, LAUNCHER_ERROR_INTERNAL, "complete");
    config = emulated_uki ();
    config.vcpus = 0;
    assert_refused (&config, LAUNCHER_ERROR_INTERNAL, "complete");
    config = emulated_uki ();
    config.network = DOMAIN_NETWORK_BRIDGE;
    assert_refused (&config, LAUNCHER_ERROR_INTERNAL, "complete");
}

/* --- names --------------------------------------------------------------------------- */

#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static void
test_name_valid (void)
{
    static const char *const good[] = { "a", "vm-1", "A.b_c+d", "9lives", "_x", "+x",
                                        "abc1", "cafe", "1-2", "db", X64,
                                        /* 31 and 33 hexadecimal digits */
                                        "0123456789abcdef0123456789abcde",
                                        "0123456789abcdef0123456789abcdef0" };
    static const char *const bad[] = { "",
                                       ".",
                                       "..",
                                       ".x",
                                       "-x",
                                       "a b",
                                       "a/b",
                                       "a\nb",
                                       "ü",
                                       "a:b",
                                       "a,b",
                                       "a&b",
                                       "1",
                                       "0042",
                                       X64 "x",
                                       "c7a5fdbd-edaf-9455-926a-d65c16db1809",
                                       "C7A5FDBD-EDAF-9455-926A-D65C16DB1809",
                                       "c7a5fdbdedaf9455926ad65c16db1809",
                                       "c7a5fdbd-edaf9455926ad65c16db1809" };

    for (gsize i = 0; i < G_N_ELEMENTS (good); i++) {
        if (!domain_name_is_valid (good[i]))
            g_test_message ("'%s'", good[i]);
        g_assert_true (domain_name_is_valid (good[i]));
    }
    for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
        if (domain_name_is_valid (bad[i]))
            g_test_message ("'%s'", bad[i]);
        g_assert_false (domain_name_is_valid (bad[i]));
    }
}

static void
test_name_from_image (void)
{
    static const struct {
        const char *image;
        const char *name;
    } rows[] = {
        { "/srv/debian.qcow2", "debian" },
        { "disk.img", "disk" },
        { "disk", "disk" },
        { "/srv/v1.2.raw", "v1.2" },
        { "/srv/my disk (2).qcow2", "my-disk--2-" },
        { "/srv/büro.qcow2", "b-ro" },
        { "/srv/.hidden.qcow2", "hidden" },
        { "/srv/.qcow2", "qcow2" },
        { "/srv/--x.qcow2", "x" },
        { "/srv/&.qcow2", "vm" },
        { "/", "vm" },
        { "/srv/42.qcow2", "vm-42" },
        { "c7a5fdbd-edaf-9455-926a-d65c16db1809.qcow2",
          "vm-c7a5fdbd-edaf-9455-926a-d65c16db1809" },
        { X64 X64 ".qcow2", X64 },
        { "/srv/\xff\xfe.qcow2", "vm" },
        { "/srv/x\xff.qcow2", "x-" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autofree char *name = domain_name_from_image (rows[i].image);
        g_assert_cmpstr (name, ==, rows[i].name);
        g_assert_true (domain_name_is_valid (name));
    }

    /* Zeros to the limit, cut before what made it a name. */
    g_autoptr (GString) zeros = g_string_new (NULL);
    for (guint i = 0; i < 64; i++)
        g_string_append_c (zeros, '0');
    g_string_append (zeros, "x.raw");
    g_autofree char *name = domain_name_from_image (zeros->str);
    g_assert_true (domain_name_is_valid (name));
}

static void
test_network_parse (void)
{
    static const struct {
        const char *text;
        DomainNetwork network;
        const char *name;
    } good[] = {
        { "none", DOMAIN_NETWORK_NONE, NULL },
        { "user", DOMAIN_NETWORK_USER, NULL },
        { "network=default", DOMAIN_NETWORK_NETWORK, "default" },
        { "network=büro 1", DOMAIN_NETWORK_NETWORK, "büro 1" },
        { "network=a=b", DOMAIN_NETWORK_NETWORK, "a=b" },
        { "network=c7a5fdbd-edaf-9455-926a-d65c16db1809", DOMAIN_NETWORK_NETWORK,
          "c7a5fdbd-edaf-9455-926a-d65c16db1809" },
        { "bridge=br0", DOMAIN_NETWORK_BRIDGE, "br0" },
        { "bridge=fifteen-letters", DOMAIN_NETWORK_BRIDGE, "fifteen-letters" },
    };
    static const char *const bad[] = { "",
                                       "None",
                                       "none ",
                                       "user=x",
                                       "network",
                                       "network=",
                                       "network=a/b",
                                       "network=a\nb",
                                       "network=\xff",
                                       "bridge=",
                                       "bridge=sixteen-letters-",
                                       "bridge=a b",
                                       "bridge=..",
                                       "bridge=a/b",
                                       "bridge:br0",
                                       "nat",
                                       "network=\033[2J" };

    for (gsize i = 0; i < G_N_ELEMENTS (good); i++) {
        g_autoptr (GError) error = NULL;
        g_autofree char *name = NULL;
        DomainNetwork network;
        g_assert_true (domain_network_parse (good[i].text, &network, &name, &error));
        g_assert_no_error (error);
        g_assert_cmpint (network, ==, good[i].network);
        g_assert_cmpstr (name, ==, good[i].name);
    }
    for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_autoptr (GError) error = NULL;
        g_autofree char *name = NULL;
        DomainNetwork network = DOMAIN_NETWORK_NONE;
        g_assert_false (domain_network_parse (bad[i], &network, &name, &error));
        g_assert_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE);
        g_assert_null (name);
        for (const char *c = error->message; *c != '\0'; c++)
            g_assert_false (g_ascii_iscntrl (*c));
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autofree char *path = g_strconcat ("/domain-xml/golden/", cases[i].name, NULL);
        g_test_add_data_func (path, GSIZE_TO_POINTER (i), test_golden);
    }
    g_test_add_func ("/domain-xml/rules", test_rules);
    g_test_add_func ("/domain-xml/conditions", test_conditions);
    g_test_add_func ("/domain-xml/odd-text-survives", test_odd_text_survives);
    g_test_add_func ("/domain-xml/texts-refused", test_texts_refused);
    g_test_add_func ("/domain-xml/cmdline-refused", test_cmdline_refused);
    g_test_add_func ("/domain-xml/disk-refused", test_disk_refused);
    g_test_add_func ("/domain-xml/boot-refused", test_boot_refused);
    g_test_add_func ("/domain-xml/incomplete", test_incomplete);
    g_test_add_func ("/domain-name/valid", test_name_valid);
    g_test_add_func ("/domain-name/from-image", test_name_from_image);
    g_test_add_func ("/domain-name/network", test_network_parse);
    return g_test_run ();
}
