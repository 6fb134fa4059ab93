/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * QEMU's command line.  The golden input is what libvirt 9.0 started a SEV domain with (one
 * word a line, directories renamed); what must become of it is written here by hand.
 */

#include <string.h>

#include "psp/host/argv.h"
#include "psp/host/host-error.h"
#include "psp/host/qemu-opts.h"

#define SECOND_MONITOR                                                                     \
    "-chardev socket,id=charsevrelay,fd=16,server=on,wait=off "                            \
    "-mon chardev=charsevrelay,mode=control "

static const ArgvFds fds = { .monitor = 11,
                             .control = 16,
                             .ram = 12,
                             .firmware = 13,
                             .kernel = 14,
                             .initrd = 15 };

/* The golden words; to be freed with g_ptr_array_unref(); ends with NULL. */
static GPtrArray *
golden (void)
{
    g_autofree char *path = g_build_filename (g_getenv ("G_TEST_SRCDIR"),
                                              "tests/unit/libvirt-9-sev.argv", NULL);
    g_autofree char *text = NULL;
    g_autoptr (GError) error = NULL;
    GPtrArray *words = g_ptr_array_new_with_free_func (g_free);

    g_file_get_contents (path, &text, NULL, &error);
    g_assert_no_error (error);
    g_auto (GStrv) lines = g_strsplit (g_strchomp (text), "\n", -1);
    for (gsize i = 0; lines[i] != NULL; i++)
        g_ptr_array_add (words, g_strdup (lines[i]));
    g_assert_cmpuint (words->len, ==, 66);
    g_ptr_array_add (words, NULL);
    return words;
}

/* Words with blanks between them, at the end of @words. */
static void
append (GPtrArray *words, const char *more)
{
    g_auto (GStrv) parts = g_strsplit (more, " ", -1);

    g_ptr_array_remove_index (words, words->len - 1);
    for (gsize i = 0; parts[i] != NULL; i++)
        g_ptr_array_add (words, g_strdup (parts[i]));
    g_ptr_array_add (words, NULL);
}

/* The first @from in any word becomes @to. */
static void
replace (GPtrArray *words, const char *from, const char *to)
{
    for (guint i = 0; i + 1 < words->len; i++) {
        char *word = words->pdata[i];
        char *found = strstr (word, from);

        if (found == NULL)
            continue;
        g_autofree char *head = g_strndup (word, (gsize) (found - word));
        words->pdata[i] = g_strconcat (head, to, found + strlen (from), NULL);
        g_free (word);
        return;
    }
    g_error ("no '%s' in the golden command line", from);
}

static void
take_out (GPtrArray *words, const char *word, guint n)
{
    guint at;

    g_assert_true (g_ptr_array_find_with_equal_func (words, word, g_str_equal, &at));
    g_ptr_array_remove_range (words, at, n);
}

static Argv *
parse (GPtrArray *words, GError **error)
{
    return argv_parse ((const char *const *) words->pdata, error);
}

static void
check_fields (const Argv *argv)
{
    g_assert_cmpint (argv->kind, ==, ARGV_SEV);
    g_assert_cmpstr (argv->guest_name, ==, "guest1");
    g_assert_cmpint (argv->monitor_fd, ==, 22);
    g_assert_null (argv->monitor_path);
    g_assert_true (argv->start_paused);
    g_assert_cmpstr (argv->sev.id, ==, "lsec0");
    g_assert_cmphex (argv->sev.policy, ==, 0x1100002b);
    g_assert_cmpuint (argv->sev.handle, ==, 0);
    g_assert_cmpuint (argv->sev.cbitpos, ==, 51);
    g_assert_cmpuint (argv->sev.reduced_phys_bits, ==, 1);
    g_assert_true (argv->sev.kernel_hashes);
    g_assert_cmpstr (argv->sev.dh_cert_file, ==,
                     "/srv/host/c/libvirt/qemu/lib/domain-1-guest1/dh_cert.base64");
    g_assert_cmpstr (argv->sev.session_file, ==,
                     "/srv/host/c/libvirt/qemu/lib/domain-1-guest1/session.base64");
    g_assert_cmpuint (argv->ram_size, ==, 512u << 20);
    g_assert_cmpstr (argv->firmware, ==, "/usr/share/sevlaunch/sevlaunch-ovmf.fd");
    g_assert_cmpstr (argv->kernel, ==, "/srv/images/uki.efi");
    g_assert_null (argv->initrd);
    g_assert_null (argv->append);
    g_assert_cmpuint (argv->vcpus, ==, 1);
    g_assert_cmpstr (argv->cpu, ==, "max");
    g_assert_false (argv->kvm);
    g_assert_false (argv->sev.init2);
}

/* What becomes of which word; the others stay. */
static const struct {
    const char *begin; /* of the word */
    const char *to;    /* NULL: it goes with its option */
} rewrites[] = {
    { "{\"driver\":\"file\",\"filename\":\"/usr/share/sevlaunch",
      "{\"driver\":\"file\",\"node-name\":\"libvirt-pflash0-storage\",\"read-only\":true,"
      "\"filename\":\"/proc/self/fd/13\"}" },
    { "pc-q35-7.2,", "pc-q35-7.2,usb=off,dump-guest-core=off,memory-backend=pc.ram,"
                     "pflash0=libvirt-pflash0-format" },
    { "{\"qom-type\":\"memory-backend-ram\"",
      "{\"qom-type\":\"memory-backend-file\",\"id\":\"pc.ram\",\"size\":536870912,"
      "\"share\":true,\"mem-path\":\"/proc/self/fd/12\"}" },
    { "socket,id=charmonitor", "socket,id=charmonitor,fd=11,server=on,wait=off" },
    { "/srv/images/uki.efi", "/proc/self/fd/14" },
    { "{\"qom-type\":\"sev-guest\"", NULL },
};

static GPtrArray *
expected_words (GPtrArray *words)
{
    GPtrArray *out = g_ptr_array_new_with_free_func (g_free);
    guint used = 0;

    for (guint i = 0; i + 1 < words->len; i++) {
        const char *to = words->pdata[i];

        for (gsize j = 0; j < G_N_ELEMENTS (rewrites); j++) {
            if (!g_str_has_prefix (words->pdata[i], rewrites[j].begin))
                continue;
            to = rewrites[j].to;
            used++;
        }
        if (to != NULL)
            g_ptr_array_add (out, g_strdup (to));
        else
            g_ptr_array_remove_index (out, out->len - 1);
    }
    g_assert_cmpuint (used, ==, G_N_ELEMENTS (rewrites));
    g_ptr_array_add (out, NULL);
    return out;
}

static void
check_words (char *const *built, GPtrArray *expected)
{
    g_assert_cmpuint (g_strv_length ((char **) built), ==, expected->len - 1);
    for (gsize i = 0; built[i] != NULL; i++) {
        const char *want = expected->pdata[i];

        if (want[0] != '{') {
            g_assert_cmpstr (built[i], ==, want);
            continue;
        }
        g_autoptr (JsonNode) a = json_from_string (built[i], NULL);
        g_autoptr (JsonNode) b = json_from_string (want, NULL);
        if (a == NULL || !json_node_equal (a, b))
            g_assert_cmpstr (built[i], ==, want);
    }
}

static void
test_golden (void)
{
    g_autoptr (GPtrArray) words = golden ();
    g_autoptr (GError) error = NULL;
    g_autoptr (Argv) argv = parse (words, &error);

    g_assert_no_error (error);
    check_fields (argv);

    g_autoptr (GPtrArray) expected = expected_words (words);
    append (expected, "-fw_cfg name=etc/boot/kernel,file=/proc/self/fd/14 " SECOND_MONITOR
                      "-action reboot=shutdown");
    g_auto (GStrv) built = argv_build (argv, &fds, TRUE, TRUE);
    check_words (built, expected);

    g_autoptr (GPtrArray) without = expected_words (words);
    append (without, SECOND_MONITOR "-action reboot=shutdown");
    g_auto (GStrv) built_10 = argv_build (argv, &fds, FALSE, TRUE);
    check_words (built_10, without);
}

static gboolean
has_pair (char *const *words, const char *option, const char *value)
{
    for (gsize i = 0; words[i] != NULL && words[i + 1] != NULL; i++)
        if (strcmp (words[i], option) == 0 && strcmp (words[i + 1], value) == 0)
            return TRUE;
    return FALSE;
}

/* The other ways to say the same. */
static void
test_other_forms (void)
{
    g_autoptr (GPtrArray) words = golden ();
    g_autoptr (GError) error = NULL;

    replace (words, ",pflash0=libvirt-pflash0-format", "");
    replace (words, "confidential-guest-support=", "memory-encryption=");
    replace (words, "fd=22,server=on,wait=off", "path=/srv/q.sock,server,nowait");
    replace (words, "\"kernel-hashes\":true", "\"legacy-vm-type\":true");
    append (words, "-drive if=pflash,format=raw,unit=0,readonly=on,file=/srv/a,,b.fd "
                   "-drive if=pflash,format=raw,unit=1,file=/srv/vars.fd "
                   "-initrd /srv/initrd -append root=/dev/fd/1");
    g_autoptr (Argv) argv = parse (words, &error);
    g_assert_no_error (error);
    g_assert_cmpstr (argv->firmware, ==, "/srv/a,b.fd");
    g_assert_cmpint (argv->monitor_fd, ==, -1);
    g_assert_cmpstr (argv->monitor_path, ==, "/srv/q.sock");
    g_assert_false (argv->sev.kernel_hashes);
    g_assert_cmpstr (argv->initrd, ==, "/srv/initrd");
    g_assert_cmpstr (argv->append, ==, "root=/dev/fd/1");

    g_auto (GStrv) built = argv_build (argv, &fds, FALSE, TRUE);
    g_assert_true (has_pair (
        built, "-drive", "file=/proc/self/fd/13,if=pflash,format=raw,unit=0,readonly=on"));
    g_assert_true (
        has_pair (built, "-drive", "if=pflash,format=raw,unit=1,file=/srv/vars.fd"));
    g_assert_true (has_pair (built, "-initrd", "/proc/self/fd/15"));
    g_assert_true (has_pair (built, "-append", "root=/dev/fd/1"));
    g_assert_true (
        has_pair (built, "-chardev", "socket,id=charmonitor,fd=11,server=on,wait=off"));
}

/* How many processors QEMU makes at the start (its -smp in the manual). */
static void
test_vcpus (void)
{
    static const struct {
        const char *smp;
        guint vcpus;
    } cases[] = {
        { "4", 4 },
        { "2,maxcpus=8,sockets=8", 2 },
        { "cpus=3,maxcpus=4", 3 },
        { "maxcpus=6", 6 },
        { "sockets=2,cores=3,threads=2", 12 },
        { "sockets=2,dies=2,cores=1", 4 },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (GPtrArray) words = golden ();
        g_autoptr (GError) error = NULL;

        replace (words, "1,sockets=1,cores=1,threads=1", cases[i].smp);
        g_autoptr (Argv) argv = parse (words, &error);
        g_assert_no_error (error);
        g_assert_cmpuint (argv->vcpus, ==, cases[i].vcpus);
    }
}

/* What else goes into the save areas of processors. */
static void
test_vmsa_kind (void)
{
    static const struct {
        const char *from;
        const char *to;
        const char *more; /* (nullable) */
        gboolean init2;
        gboolean kvm;
    } cases[] = {
        { "\"kernel-hashes\":true", "\"legacy-vm-type\":false", NULL, TRUE, FALSE },
        { "\"kernel-hashes\":true", "\"legacy-vm-type\":\"off\"", NULL, TRUE, FALSE },
        { "\"kernel-hashes\":true", "\"legacy-vm-type\":\"auto\"", NULL, FALSE, FALSE },
        { "\"kernel-hashes\":true", "\"legacy-vm-type\":\"on\"", NULL, FALSE, FALSE },
        { "usb=off", "usb=off,accel=kvm", NULL, FALSE, TRUE },
        { "usb=off", "usb=off", "-enable-kvm", FALSE, TRUE },
        { "usb=off", "usb=off", "-accel kvm", FALSE, TRUE },
        { "usb=off", "usb=off,accel=tcg", NULL, FALSE, FALSE },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (GPtrArray) words = golden ();
        g_autoptr (GError) error = NULL;

        replace (words, cases[i].from, cases[i].to);
        if (cases[i].more != NULL)
            append (words, cases[i].more);
        g_autoptr (Argv) argv = parse (words, &error);
        g_assert_no_error (error);
        g_assert_cmpint (argv->sev.init2, ==, cases[i].init2);
        g_assert_cmpint (argv->kvm, ==, cases[i].kvm);
    }
}

static void
test_bios (void)
{
    g_autoptr (GPtrArray) words = golden ();
    g_autoptr (GError) error = NULL;

    replace (words, ",pflash0=libvirt-pflash0-format", "");
    append (words, "-bios /srv/OVMF.fd");
    g_autoptr (Argv) argv = parse (words, &error);
    g_assert_no_error (error);
    g_assert_cmpstr (argv->firmware, ==, "/srv/OVMF.fd");
    g_auto (GStrv) built = argv_build (argv, &fds, FALSE, TRUE);
    g_assert_true (has_pair (built, "-bios", "/proc/self/fd/13"));
}

static void
test_probe (void)
{
    /* reference: what libvirt runs to learn an emulator's capabilities */
    static const char *const words[] = {
        "-S",          "-no-user-config",
        "-nodefaults", "-nographic",
        "-machine",    "none,accel=kvm:tcg",
        "-qmp",        "unix:/srv/qmp.monitor,server=on,wait=off",
        "-pidfile",    "/srv/qmp.pid",
        "-daemonize",  NULL,
    };
    g_autoptr (GError) error = NULL;
    g_autoptr (Argv) argv = argv_parse (words, &error);

    g_assert_no_error (error);
    g_assert_cmpint (argv->kind, ==, ARGV_PROBE);
    g_assert_cmpstr (argv->monitor_path, ==, "/srv/qmp.monitor");
    g_auto (GStrv) with_kvm = argv_build (argv, &fds, FALSE, TRUE);
    g_assert_true (has_pair (with_kvm, "-machine", "none,accel=kvm:tcg"));
    g_assert_true (
        has_pair (with_kvm, "-chardev", "socket,id=charmonitor,fd=11,server=on,wait=off"));
    g_assert_true (has_pair (with_kvm, "-mon", "chardev=charmonitor,mode=control"));
    g_assert_true (has_pair (with_kvm, "-pidfile", "/srv/qmp.pid"));
    g_assert_false (g_strv_contains ((const char *const *) with_kvm, "-qmp"));
    g_auto (GStrv) without = argv_build (argv, &fds, FALSE, FALSE);
    g_assert_true (has_pair (without, "-machine", "none,accel=tcg"));
}

/* Nothing of SEV: whatever it says is handed on as it is. */
static void
test_plain (void)
{
    static const char *const words[] = {
        "-m",       "512",
        "--foo",    "-gdb",
        "tcp::1",   "x.img",
        "-monitor", "stdio",
        "-object",  "memory-backend-file,id=a,size=1M,mem-path=/x",
        "-m",       NULL
    };
    g_autoptr (GError) error = NULL;
    g_autoptr (Argv) argv = argv_parse (words, &error);

    g_assert_no_error (error);
    g_assert_cmpint (argv->kind, ==, ARGV_PLAIN);
    g_auto (GStrv) built = argv_build (argv, NULL, FALSE, FALSE);
    g_assert_true (g_strv_equal ((const char *const *) built, words));
}

/* What is changed in the golden command line, and what the refusal must name. */
typedef struct {
    const char *name;
    const char *from;
    const char *to;
    const char *more;
    const char *says;
} Refusal;

#define SEV_CBIT "\"cbitpos\":51,"
#define FW_FILE "\"driver\":\"file\",\"filename\":\"/usr/share"

static const Refusal refusals[] = {
    { "unknown-option", NULL, NULL, "-frobnicate", "unknown option '-frobnicate'" },
    { "unknown-option-long", NULL, NULL, "--frob x", "unknown option '--frob'" },
    { "word", NULL, NULL, "disk.img", "unknown option 'disk.img'" },
    { "no-value", NULL, NULL, "-m", "option '-m' without its value" },

    { "smp-0", "1,sockets=1,cores=1,threads=1", "0", NULL, "-smp cpus='0'" },
    { "smp-many", "1,sockets=1,cores=1,threads=1", "4097", NULL, "-smp cpus='4097'" },
    { "smp-product", "1,sockets=1,cores=1,threads=1", "sockets=4096,cores=4096", NULL,
      "-smp 'sockets=4096,cores=4096': too many" },
    { "smp-twice", NULL, NULL, "-smp 1", "-smp given twice" },
    { "vm-type", "\"kernel-hashes\":true", "\"legacy-vm-type\":\"yes\"", NULL,
      "sev-guest legacy-vm-type='yes'" },

    { "ram-file", NULL, NULL, "-object memory-backend-file,id=x,size=1M,mem-path=/x",
      "RAM backend 'x' (memory-backend-file)" },
    { "ram-second", NULL, NULL, "-object memory-backend-ram,id=y,size=1M",
      "RAM backend 'y'" },
    { "ram-epc", NULL, NULL, "-object memory-backend-epc,id=z,size=1M", "RAM backend 'z'" },
    { "ram-huge-pages", "\"id\":\"pc.ram\"", "\"id\":\"pc.ram\",\"hugetlb\":true", NULL,
      "RAM backend 'pc.ram' of huge pages" },
    { "ram-option", "\"id\":\"pc.ram\"", "\"id\":\"pc.ram\",\"rom\":true", NULL,
      "RAM backend 'pc.ram' with option 'rom'" },
    { "ram-size-odd", "536870912", "536870913", NULL, "of size '536870913'" },
    { "ram-size-0", "536870912", "0", NULL, "of size '0'" },
    { "ram-size-large", "536870912", "549755817984", NULL, "of size '549755817984'" },
    { "ram-size-huge", "536870912", "\"99999999999999999999\"", NULL, "RAM backend" },
    { "ram-not-the-machines", "memory-backend=pc.ram", "memory-backend=other", NULL,
      "no RAM backend that is the machine's" },
    { "ram-none", "memory-backend=pc.ram,", "", NULL, "no RAM backend" },
    { "mem-path", NULL, NULL, "-mem-path /dev/shm", "option '-mem-path'" },
    { "mem-prealloc", NULL, NULL, "-mem-prealloc", "option '-mem-prealloc'" },
    { "numa", NULL, NULL, "-numa node,memdev=pc.ram", "option '-numa'" },
    { "memory-slots", NULL, NULL, "-m 512,slots=4,maxmem=1G", "-m with option 'slots'" },

    { "snp", NULL, NULL, "-object sev-snp-guest,id=s", "no SEV-SNP" },
    { "two-sev-guests", NULL, NULL, "-object sev-guest,id=s,cbitpos=51,reduced-phys-bits=1",
      "more than one sev-guest" },
    { "sev-no-cbitpos", SEV_CBIT, "", NULL, "sev-guest without 'cbitpos'" },
    { "sev-cbitpos-word", SEV_CBIT, "\"cbitpos\":\"x\",", NULL, "sev-guest cbitpos='x'" },
    { "sev-policy-wide", "285212715", "4294967296", NULL, "policy='4294967296'" },
    { "sev-policy-negative", "285212715", "-1", NULL, "policy='-1'" },
    { "sev-property", SEV_CBIT, SEV_CBIT "\"upm-mode\":true,", NULL,
      "sev-guest property 'upm-mode'" },
    { "sev-hashes", "\"kernel-hashes\":true", "\"kernel-hashes\":\"maybe\"", NULL,
      "kernel-hashes='maybe'" },
    { "sev-twice-in-json", SEV_CBIT, SEV_CBIT SEV_CBIT, NULL, NULL },
    { "sev-single-quotes", SEV_CBIT, "'cbitpos':51,", NULL, NULL },
    { "sev-not-the-machines", "confidential-guest-support=lsec0",
      "confidential-guest-support=other", NULL, "sev-guest 'lsec0' is not the machine's" },
    { "sev-not-used", "confidential-guest-support=lsec0,", "", NULL,
      "sev-guest 'lsec0' is not the machine's" },

    { "machine-i440fx", "pc-q35-7.2", "pc-i440fx-7.2", NULL, "machine 'pc-i440fx-7.2'" },
    { "machine-microvm", "pc-q35-7.2", "microvm", NULL, "machine 'microvm'" },
    { "machine-nvdimm", "usb=off", "nvdimm=on", NULL, "-machine nvdimm=on" },
    { "machine-cxl", "usb=off", "cxl=on", NULL, "-machine cxl=on" },
    { "machine-hmat", "usb=off", "hmat", NULL, "-machine hmat=on" },
    { "machine-property", "usb=off", "sgx-epc.0.memdev=x", NULL,
      "-machine property 'sgx-epc.0.memdev'" },
    { "machine-kernel", "usb=off", "kernel=/srv/k", NULL, "-machine property 'kernel'" },
    { "machine-firmware", "usb=off", "firmware=/srv/k", NULL,
      "-machine property 'firmware'" },
    { "machine-twice", NULL, NULL, "-machine q35", "-machine given twice" },

    { "device-dimm", NULL, NULL, "-device pc-dimm,memdev=x", "device 'pc-dimm'" },
    { "device-nvdimm", NULL, NULL, "-device nvdimm,memdev=x", "device 'nvdimm'" },
    { "device-virtio-mem", NULL, NULL, "-device virtio-mem-pci",
      "device 'virtio-mem-pci'" },
    { "device-pmem", NULL, NULL, "-device virtio-pmem-pci", "device 'virtio-pmem-pci'" },
    { "device-ivshmem", NULL, NULL, "-device ivshmem-plain", "device 'ivshmem-plain'" },
    { "device-vga", NULL, NULL, "-device VGA", "device 'VGA'" },
    { "device-cirrus", NULL, NULL, "-device cirrus-vga", "device 'cirrus-vga'" },
    { "device-virtio-gpu", NULL, NULL, "-device virtio-gpu-pci",
      "device 'virtio-gpu-pci'" },
    { "device-qxl", NULL, NULL, "-device qxl", "device 'qxl'" },
    { "device-ramfb", NULL, NULL, "-device ramfb", "device 'ramfb'" },
    { "device-bochs", NULL, NULL, "-device bochs-display", "device 'bochs-display'" },
    { "device-vfio", NULL, NULL, "-device vfio-pci,host=01:00.0", "device 'vfio-pci'" },
    { "device-vhost-user", NULL, NULL, "-device vhost-user-fs-pci",
      "device 'vhost-user-fs-pci'" },
    { "device-channel", NULL, NULL, "-device virtserialport,chardev=c",
      "device 'virtserialport'" },
    { "device-console", NULL, NULL, "-device virtconsole,chardev=c",
      "device 'virtconsole'" },
    { "device-9p", NULL, NULL, "-device virtio-9p-pci,fsdev=f", "device 'virtio-9p-pci'" },
    { "device-input-host", NULL, NULL, "-device virtio-input-host-pci",
      "device 'virtio-input-host-pci'" },
    { "device-usb-host", NULL, NULL, "-device usb-host", "device 'usb-host'" },
    { "device-usb-redir", NULL, NULL, "-device usb-redir", "device 'usb-redir'" },
    { "device-usb-serial", NULL, NULL, "-device usb-serial", "device 'usb-serial'" },
    { "device-loader", NULL, NULL, "-device loader,file=/x,addr=0", "device 'loader'" },
    { "device-memdev", NULL, NULL, "-device edu,memdev=x", "device 'edu'" },
    { "device-no-driver", NULL, NULL, "-device {\"id\":\"x\"}", "-device without driver" },
    { "device-json", NULL, NULL, "-device {\"driver\":\"VGA\"}", "device 'VGA'" },
    { "netdev-vhost-user", NULL, NULL, "-netdev vhost-user,id=n,chardev=c",
      "network 'vhost-user'" },
    { "object-filter-dump", NULL, NULL, "-object filter-dump,id=f,netdev=n,file=x",
      "-object of type 'filter-dump'" },
    { "object-no-type", NULL, NULL, "-object {\"id\":\"x\"}", "-object without type" },

    { "monitor", NULL, NULL, "-monitor stdio", "'-monitor stdio' (only none)" },
    { "qmp", NULL, NULL, "-qmp unix:/x,server", "'-qmp unix:/x,server' (only none)" },
    { "qmp-pretty", NULL, NULL, "-qmp-pretty stdio", "(only none)" },
    { "mon", NULL, NULL, "-mon chardev=other,mode=control", "-mon 'chardev=other" },
    { "mon-readline", "mode=control", "mode=readline", NULL,
      "the only monitor is libvirt's" },
    { "mon-twice", NULL, NULL, "-mon chardev=charmonitor,mode=control",
      "the only monitor" },
    { "serial-monitor", NULL, NULL, "-serial mon:stdio",
      "'-serial mon:stdio' (a monitor)" },
    { "parallel-monitor", NULL, NULL, "-parallel mon:stdio", "(a monitor)" },
    { "debugcon-monitor", NULL, NULL, "-debugcon mon:stdio", "(a monitor)" },
    { "charmonitor-twice", NULL, NULL, "-chardev socket,id=charmonitor,fd=5,server=on",
      "'charmonitor' given twice" },
    { "charmonitor-client", "server=on", "server=off", NULL, "does not listen" },
    { "charmonitor-pty", "socket,id=charmonitor", "pty,id=charmonitor", NULL,
      "does not listen" },
    { "charmonitor-stdin", "fd=22", "fd=0", NULL, "with fd='0'" },
    { "charmonitor-nowhere", "fd=22,", "", NULL, "without fd or path" },
    { "charmonitor-none", "id=charmonitor,fd", "id=another,fd", NULL,
      "no chardev 'charmonitor'" },
    { "gdb", NULL, NULL, "-gdb tcp::1234", "option '-gdb'" },
    { "gdb-short", NULL, NULL, "-s", "option '-s'" },
    { "trace", NULL, NULL, "-trace x", "option '-trace'" },
    { "log", NULL, NULL, "-d exec", "option '-d'" },
    { "log-file", NULL, NULL, "-D /x", "option '-D'" },
    { "plugin", NULL, NULL, "-plugin /x", "option '-plugin'" },
    { "incoming", NULL, NULL, "-incoming defer", "option '-incoming'" },
    { "loadvm", NULL, NULL, "-loadvm x", "option '-loadvm'" },
    { "icount", NULL, NULL, "-icount 1", "option '-icount'" },
    { "readconfig", NULL, NULL, "-readconfig /x", "option '-readconfig'" },
    { "set", NULL, NULL, "-set device.x.memdev=y", "option '-set'" },
    { "preconfig", NULL, NULL, "-preconfig", "option '-preconfig'" },
    { "daemonize", NULL, NULL, "-daemonize", "option '-daemonize'" },
    { "chroot", NULL, NULL, "-chroot /", "option '-chroot'" },
    { "runas", NULL, NULL, "-runas nobody", "option '-runas'" },
    { "vga", NULL, NULL, "-vga std", "'-vga std' (only none)" },
    { "data-directory", NULL, NULL, "-L /x", "option '-L'" },
    { "pflash", NULL, NULL, "-pflash /x", "option '-pflash'" },

    { "no-firmware", ",pflash0=libvirt-pflash0-format", "", NULL, "no firmware" },
    { "firmware-nowhere", "pflash0=libvirt-pflash0-format", "pflash0=nowhere", NULL,
      "no block device 'nowhere'" },
    { "firmware-qcow2", "\"driver\":\"raw\"", "\"driver\":\"qcow2\"", NULL,
      "firmware of format 'qcow2'" },
    { "firmware-remote", FW_FILE, "\"driver\":\"nbd\",\"filename\":\"/usr/share", NULL,
      "firmware must be a plain file" },
    { "firmware-window", "\"driver\":\"raw\"", "\"driver\":\"raw\",\"offset\":512", NULL,
      "firmware with option 'offset'" },
    { "firmware-file-option", FW_FILE,
      "\"driver\":\"file\",\"drop-cache\":true,\"filename\":\"/usr/share", NULL,
      "firmware with option 'drop-cache'" },
    { "firmware-nothing-below", "\"file\":\"libvirt-pflash0-storage\"", "\"file\":\"none\"",
      NULL, "no file below" },
    { "firmware-twice", NULL, NULL, "-bios /x", "there is firmware already" },
    { "drive-qcow2", ",pflash0=libvirt-pflash0-format", "",
      "-drive if=pflash,unit=0,format=qcow2,file=/x", "format must be raw" },
    { "drive-no-unit", ",pflash0=libvirt-pflash0-format", "",
      "-drive if=pflash,format=raw,file=/x", "say unit=0 or unit=1" },
    { "drive-option", ",pflash0=libvirt-pflash0-format", "",
      "-drive if=pflash,unit=0,format=raw,file=/x,snapshot=on", "with option 'snapshot'" },

    { "kernel-twice", NULL, NULL, "-kernel /x", "-kernel given twice" },
    { "initrd-twice", NULL, NULL, "-initrd /x -initrd /y", "-initrd given twice" },
    { "append-twice", NULL, NULL, "-append x -append y", "-append given twice" },
    { "descriptor-proc", NULL, NULL, "-drive file=/proc/self/fd/12,if=virtio",
      "names a descriptor" },
    { "descriptor-dev", NULL, NULL, "-initrd /dev/fd/12", "names a descriptor" },
};

static void
test_refusal (gconstpointer data)
{
    const Refusal *refusal = data;
    g_autoptr (GPtrArray) good = golden ();
    g_autoptr (GPtrArray) words = golden ();
    g_autoptr (GError) error = NULL;

    g_autoptr (Argv) accepted = parse (good, &error);
    g_assert_no_error (error);
    check_fields (accepted);

    if (refusal->from != NULL)
        replace (words, refusal->from, refusal->to);
    if (refusal->more != NULL)
        append (words, refusal->more);
    g_autoptr (Argv) argv = parse (words, &error);
    g_assert_null (argv);
    g_assert_error (error, HOST_ERROR, HOST_ERROR_ARGV);
    if (refusal->says != NULL && strstr (error->message, refusal->says) == NULL)
        g_assert_cmpstr (error->message, ==, refusal->says);
}

static void
expect_refused (GPtrArray *words, const char *says)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (Argv) argv = parse (words, &error);

    g_assert_null (argv);
    g_assert_error (error, HOST_ERROR, HOST_ERROR_ARGV);
    g_assert_nonnull (strstr (error->message, says));
}

/* What is refused because it is missing. */
static void
test_left_out (void)
{
    g_autoptr (GPtrArray) no_defaults = golden ();
    g_autoptr (GPtrArray) no_mon = golden ();
    g_autoptr (GPtrArray) no_machine = golden ();
    g_autoptr (GPtrArray) no_kernel = golden ();

    take_out (no_defaults, "-nodefaults", 1);
    expect_refused (no_defaults, "no -nodefaults");
    take_out (no_mon, "-mon", 2);
    expect_refused (no_mon, "no -mon");
    take_out (no_machine, "-machine", 2);
    expect_refused (no_machine, "no -machine");
    take_out (no_kernel, "-kernel", 2);
    append (no_kernel, "-initrd /srv/initrd");
    expect_refused (no_kernel, "-initrd without -kernel");
}

/* A disk without -kernel boots through its own loader. */
static void
test_no_kernel (void)
{
    g_autoptr (GPtrArray) words = golden ();
    g_autoptr (GError) error = NULL;

    take_out (words, "-kernel", 2);
    g_autoptr (Argv) argv = parse (words, &error);
    g_assert_no_error (error);
    g_assert_null (argv->kernel);
    g_auto (GStrv) built = argv_build (argv, &fds, TRUE, TRUE);
    g_assert_false (g_strv_contains ((const char *const *) built, "-fw_cfg"));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    g_test_add_func ("/host/argv/golden", test_golden);
    g_test_add_func ("/host/argv/other-forms", test_other_forms);
    g_test_add_func ("/host/argv/vcpus", test_vcpus);
    g_test_add_func ("/host/argv/vmsa-kind", test_vmsa_kind);
    g_test_add_func ("/host/argv/bios", test_bios);
    g_test_add_func ("/host/argv/probe", test_probe);
    g_test_add_func ("/host/argv/plain", test_plain);
    g_test_add_func ("/host/argv/left-out", test_left_out);
    g_test_add_func ("/host/argv/no-kernel", test_no_kernel);
    for (gsize i = 0; i < G_N_ELEMENTS (refusals); i++) {
        g_autofree char *path = g_strconcat ("/host/argv/refused/", refusals[i].name, NULL);
        g_test_add_data_func (path, &refusals[i], test_refusal);
    }
    return g_test_run ();
}
