/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/inspect/host-check.h"

#include <string.h>

#include "launcher/inspect/firmware-list.h"

#define MIN_LIBVIRT 8000000u /* <launchSecurity kernelHashes=…> */
#define MIN_QEMU 6002000u    /* kernel-hashes of sev-guest */
#define MIN_API_MINOR 17u    /* packets are bound to the measurement; AMD 55766 */
#define MIN_MEMLOCK (G_GINT64_CONSTANT (1) << 30)

#define SETUP "switch on SMEE (memory encryption) and SEV in the machine's firmware setup"

static gboolean
is_on (const char *value)
{
    return value != NULL && (*value == 'Y' || *value == 'y' || *value == '1');
}

/* Processor. */

static void
check_cpu (const HostFacts *facts, GPtrArray *out)
{
    const char *name = facts->cpu_model != NULL ? facts->cpu_model : "unknown processor";

    if (facts->cpuid.known && facts->cpuid.sev)
        finding_add (out, "cpu", FINDING_OK, NULL, "%s: has SEV, C-bit %u, %u bits lost",
                     name, facts->cpuid.c_bit, facts->cpuid.reduced);
    else if (facts->flag_sev)
        finding_add (out, "cpu", FINDING_UNKNOWN, NULL,
                     "%s: the kernel found SEV, CPUID 8000001F was not readable", name);
    else if (facts->in_guest)
        finding_add (out, "cpu", FINDING_FAIL,
                     "run sevlaunch on the machine itself, or take an emulated host "
                     "(--platform emulated)",
                     "%s: no SEV in this virtual machine, whatever the machine below has",
                     name);
    else
        finding_add (out, "cpu", FINDING_FAIL,
                     "SEV needs an AMD EPYC; elsewhere take an emulated host (--platform "
                     "emulated)",
                     "%s: no SEV", name);
}

/* The ids below EDX are for guests with SEV-ES; the firmware setup draws the line. */
static void
check_cpu_es (const HostFacts *facts, GPtrArray *out)
{
    const HostCpuid *cpuid = &facts->cpuid;

    if (!cpuid->known)
        finding_add (out, "cpu-es", FINDING_UNKNOWN, NULL,
                     "CPUID 8000001F was not readable");
    else if (!cpuid->es)
        finding_add (out, "cpu-es", FINDING_WARN,
                     "take guest policies without es, on a host of your own only",
                     "no SEV-ES: the host sees the guests' registers");
    else if (cpuid->min_asid <= 1)
        finding_add (out, "cpu-es", FINDING_WARN,
                     "raise the SEV-ES ASID space limit in the machine's firmware setup",
                     "SEV-ES has no ASID: every one is for guests without it");
    else
        finding_add (out, "cpu-es", FINDING_OK, NULL, "SEV-ES, %u ASIDs of it",
                     cpuid->min_asid - 1);
}

static void
add_asids (GString *text, const char *name, gint64 all, gint64 used)
{
    g_string_append_printf (text, "%s%" G_GINT64_FORMAT " %s", text->len > 0 ? ", " : "",
                            all, name);
    if (used >= 0)
        g_string_append_printf (text, " (%" G_GINT64_FORMAT " free)", all - used);
}

static void
check_asids (const HostFacts *facts, GPtrArray *out)
{
    const HostCpuid *cpuid = &facts->cpuid;
    g_autoptr (GString) text = g_string_new (NULL);
    gint64 sev = facts->asids.capacity;
    gint64 es = facts->es_asids.capacity;

    if (sev < 0 && cpuid->known && cpuid->asids > 0) {
        sev = cpuid->min_asid <= cpuid->asids
                  ? (gint64) cpuid->asids - MAX (cpuid->min_asid, 1u) + 1
                  : 0;
        es = cpuid->min_asid > 0 ? cpuid->min_asid - 1 : 0;
    }
    if (sev < 0) {
        finding_add (out, "asids", FINDING_UNKNOWN, NULL,
                     "neither CPUID nor the misc cgroup says how many guests there may be");
        return;
    }
    add_asids (text, "for SEV", sev, facts->asids.used);
    if (es >= 0)
        add_asids (text, "for SEV-ES", es, facts->es_asids.used);
    const gboolean full =
        (sev == 0 || sev == facts->asids.used) && (es <= 0 || es == facts->es_asids.used);
    finding_add (out, "asids", full ? FINDING_FAIL : FINDING_OK,
                 full
                     ? "end guests, or raise the number of ASIDs in the machine's firmware "
                       "setup"
                     : NULL,
                 "%s", text->str);
}

/* Kernel and devices. */

static void
check_kvm_amd (const HostFacts *facts, GPtrArray *out)
{
    const char *kernel = facts->kernel != NULL ? facts->kernel : "unknown";

    if (!facts->kvm_amd_loaded)
        finding_add (out, "kvm-amd", FINDING_FAIL,
                     "modprobe kvm_amd sev=1; if that fails, " SETUP
                     " and virtualization (SVM)",
                     "kernel %s: the module kvm_amd is not loaded", kernel);
    else if (!is_on (facts->kvm_sev))
        finding_add (out, "kvm-amd", FINDING_FAIL,
                     "write 'options kvm_amd sev=1 sev_es=1' to "
                     "/etc/modprobe.d/kvm_amd.conf and load the module anew; if it stays "
                     "off, " SETUP,
                     "kernel %s: kvm_amd has SEV switched off", kernel);
    else
        finding_add (out, "kvm-amd", FINDING_OK, NULL, "kernel %s: kvm_amd has SEV on",
                     kernel);
    if (!facts->kvm_amd_loaded)
        finding_add (out, "kvm-amd-es", FINDING_UNKNOWN, NULL, "kvm_amd is not loaded");
    else if (!is_on (facts->kvm_es))
        finding_add (out, "kvm-amd-es", FINDING_WARN,
                     "write 'options kvm_amd sev=1 sev_es=1' to "
                     "/etc/modprobe.d/kvm_amd.conf; needs Linux 5.11 and ASIDs for SEV-ES",
                     "kvm_amd has SEV-ES off: no guest policy with es");
    else
        finding_add (out, "kvm-amd-es", FINDING_OK, NULL, "kvm_amd has SEV-ES on");
}

static void
check_dev_sev (const HostFacts *facts, GPtrArray *out)
{
    const HostDevice *device = &facts->sev;

    if (!device->exists)
        finding_add (out, "dev-sev", FINDING_FAIL,
                     facts->ccp_loaded ? "look for ccp in the kernel's messages; " SETUP
                                       : "modprobe ccp; " SETUP,
                     "/dev/sev is missing; the module ccp is %s",
                     facts->ccp_loaded ? "loaded" : "not loaded");
    else if ((device->mode & 02) != 0)
        finding_add (out, "dev-sev", FINDING_INSECURE, "chmod 0660 /dev/sev",
                     "/dev/sev has mode %04o: every user may reset the platform",
                     device->mode);
    else
        finding_add (out, "dev-sev", FINDING_OK, NULL,
                     "/dev/sev has mode %04o and group %s; this user may %s it; libvirt's "
                     "system daemon gives it to its guests' QEMU",
                     device->mode, device->group,
                     device->writable   ? "read and write"
                     : device->readable ? "read"
                                        : "not open");
}

static void
check_dev_kvm (const HostFacts *facts, GPtrArray *out)
{
    if (!facts->kvm.exists)
        finding_add (out, "dev-kvm", FINDING_FAIL,
                     "modprobe kvm_amd; switch on virtualization (SVM) in the machine's "
                     "firmware setup",
                     "/dev/kvm is missing");
    else if (!facts->kvm.writable)
        finding_add (out, "dev-kvm", FINDING_NOTE, "add the user to that group",
                     "/dev/kvm has mode %04o and group %s; this user may not use it, only "
                     "libvirt's system daemon",
                     facts->kvm.mode, facts->kvm.group);
    else
        finding_add (out, "dev-kvm", FINDING_OK, NULL, "/dev/kvm can be used");
}

/* Every page of a SEV guest is pinned, and counts. */
static void
check_memlock (const HostFacts *facts, GPtrArray *out)
{
    if (facts->memlock < 0)
        finding_add (out, "memlock", FINDING_UNKNOWN, NULL,
                     "the limit of locked memory is not known");
    else if (facts->memlock == G_MAXINT64)
        finding_add (out, "memlock", FINDING_OK, NULL, "locked memory has no limit");
    else if (facts->privileged || facts->memlock >= MIN_MEMLOCK)
        finding_add (out, "memlock", FINDING_OK, NULL,
                     "locked memory: %" G_GINT64_FORMAT " KiB%s", facts->memlock / 1024,
                     facts->privileged ? ", which does not bind root" : "");
    else
        finding_add (out, "memlock", FINDING_WARN,
                     "use qemu:///system, whose guests sevlaunch gives <locked/>; or raise "
                     "the limit (ulimit -l, LimitMEMLOCK=) above the guest's memory",
                     "locked memory is limited to %" G_GINT64_FORMAT
                     " KiB, and the memory of a SEV guest is pinned: no guests in session "
                     "mode",
                     facts->memlock / 1024);
}

void
host_check_machine (const HostFacts *facts, GPtrArray *out)
{
    check_cpu (facts, out);
    check_cpu_es (facts, out);
    check_asids (facts, out);
    check_kvm_amd (facts, out);
    check_dev_sev (facts, out);
    check_dev_kvm (facts, out);
    check_memlock (facts, out);
}

/* Where libvirt's virt-aa-helper lets a domain's file lie: src/security/virt-aa-helper.c,
 * valid_path(), for files that are read only. */
static gboolean
helper_takes (const char *path)
{
    static const char *const taken[] = { "/usr/share/OVMF/", "/usr/share/ovmf/",
                                         "/usr/share/AAVMF/", "/usr/share/qemu-efi/" };
    static const char *const refused[] = { "/usr/share/", "/usr/lib", "/usr/local/lib",
                                           "/lib", "/etc/" };

    for (gsize i = 0; i < G_N_ELEMENTS (taken); i++)
        if (g_str_has_prefix (path, taken[i]))
            return TRUE;
    for (gsize i = 0; i < G_N_ELEMENTS (refused); i++)
        if (g_str_has_prefix (path, refused[i]))
            return FALSE;
    return TRUE;
}

void
host_check_apparmor (const HostFacts *facts, const char *datadir, GPtrArray *out)
{
    g_autofree char *path = g_build_filename (datadir, FIRMWARE_OWN_NAME, NULL);

    if (!facts->apparmor)
        finding_add (out, "apparmor", FINDING_OK, NULL, "AppArmor is not on");
    else if (!facts->apparmor_libvirt)
        finding_add (out, "apparmor", FINDING_NOTE,
                     "if a guest does not start, look for DENIED in the kernel's messages",
                     "AppArmor is on, and libvirt's rules for guests are not where they "
                     "usually are");
    else if (!facts->apparmor_sev)
        finding_add (out, "apparmor", FINDING_WARN,
                     "add the line '/dev/sev rw,' to "
                     "/etc/apparmor.d/local/abstractions/libvirt-qemu (Debian, Ubuntu) or "
                     "to a file in /etc/apparmor.d/abstractions/libvirt-qemu.d",
                     "AppArmor is on, and libvirt's rules do not let guests open /dev/sev");
    else if (!helper_takes (path))
        finding_add (out, "apparmor", FINDING_WARN,
                     "copy it to /usr/share/OVMF and name it with --firmware",
                     "AppArmor is on, and libvirt's virt-aa-helper takes no firmware from "
                     "'%s'",
                     datadir);
    else
        finding_add (out, "apparmor", FINDING_OK, NULL,
                     "AppArmor is on, and lets libvirt's guests open /dev/sev");
}

void
host_check_psp (const HostPsp *psp, GPtrArray *out)
{
    if (!psp->known)
        finding_add (out, "psp-firmware", FINDING_UNKNOWN,
                     "see dev-sev; ask as root, or as a user who may read /dev/sev",
                     "the platform's firmware was not asked%s%s",
                     psp->problem != NULL ? ": " : "",
                     psp->problem != NULL ? psp->problem : "");
    else if (psp->api_major == 0 && psp->api_minor < MIN_API_MINOR)
        finding_add (
            out, "psp-firmware", FINDING_FAIL,
            "update the SEV firmware (/lib/firmware/amd, or the machine's firmware)",
            "API %u.%u build %u: below 0.17 secrets are not bound to the "
            "measurement, and sevlaunch refuses it",
            psp->api_major, psp->api_minor, psp->build);
    else
        finding_add (out, "psp-firmware", FINDING_OK, NULL, "API %u.%u build %u, state %s",
                     psp->api_major, psp->api_minor, psp->build, psp->state);
}

/* libvirt. */

static void
check_version (GPtrArray *out,
               const char *id,
               const char *name,
               gulong version,
               gulong least,
               const char *why)
{
    g_autofree char *words = g_strdup_printf ("%s %lu.%lu.%lu", name, version / 1000000u,
                                              version / 1000u % 1000u, version % 1000u);

    if (version == 0)
        finding_add (out, id, FINDING_UNKNOWN, NULL, "%s did not say its version", name);
    else if (version < least)
        finding_add (out, id, FINDING_FAIL, "take a newer release of the distribution",
                     "%s is too old: %s needs %lu.%lu", words, why, least / 1000000u,
                     least / 1000u % 1000u);
    else
        finding_add (out, id, FINDING_OK, NULL, "%s", words);
}

/* libvirt keeps what it once learned of a QEMU, also across restarts, by the time stamp of
 * the program: that SEV was switched on later is none of it. */
static void
check_libvirt_sev (const HostFacts *facts, const LibvirtFacts *libvirt, GPtrArray *out)
{
    static const char drop[] =
        "rm /var/cache/libvirt/qemu/capabilities/*.xml and restart libvirtd (or virtqemud)";
    const gboolean ready = is_on (facts->kvm_sev) && facts->sev.exists;

    if (!libvirt->told)
        finding_add (out, "libvirt-sev", FINDING_UNKNOWN, NULL,
                     "libvirt did not say what domains it can have");
    else if (!libvirt->sev && ready)
        finding_add (out, "libvirt-sev", FINDING_FAIL, drop,
                     "the kernel has SEV, libvirt says there is none: its cache of "
                     "capabilities is stale, or its QEMU cannot open /dev/sev");
    else if (!libvirt->sev)
        finding_add (out, "libvirt-sev", FINDING_FAIL,
                     "see the checks above; then drop libvirt's cache of capabilities",
                     "libvirt says that there is no SEV");
    else if (facts->cpuid.known && facts->cpuid.sev && libvirt->c_bit != 0 &&
             libvirt->c_bit != facts->cpuid.c_bit)
        finding_add (
            out, "libvirt-sev", FINDING_FAIL, drop,
            "libvirt says C-bit %u, the processor %u: its cache of capabilities is "
            "stale",
            libvirt->c_bit, facts->cpuid.c_bit);
    else
        finding_add (out, "libvirt-sev", FINDING_OK, NULL,
                     "libvirt offers SEV, C-bit %u, %u bits lost", libvirt->c_bit,
                     libvirt->reduced);
}

void
host_check_libvirt (const HostFacts *facts, const LibvirtFacts *libvirt, GPtrArray *out)
{
    if (libvirt->problem != NULL)
        finding_add (out, "libvirt", FINDING_FAIL,
                     "install and start libvirt (Debian: libvirt-daemon-system); be in its "
                     "group (libvirt)",
                     "%s", libvirt->problem);
    else
        finding_add (out, "libvirt", FINDING_OK, NULL, "'%s' answers", libvirt->uri);
    check_version (out, "libvirt-version", "libvirt", libvirt->libvirt_version, MIN_LIBVIRT,
                   "measuring kernels");
    check_version (out, "qemu-version", "QEMU", libvirt->qemu_version, MIN_QEMU,
                   "measuring kernels");
    check_libvirt_sev (facts, libvirt, out);
}

/* What every launch needs. */

void
host_check_programs (const HostFacts *facts, GPtrArray *out)
{
    g_autofree char *words = g_strjoinv (", ", facts->missing_tools);

    if (*words == '\0')
        finding_add (out, "tools", FINDING_OK, NULL, "QEMU, qemu-img and mtools are there");
    else
        finding_add (out, "tools", FINDING_FAIL,
                     "install them (Debian: qemu-system-x86 qemu-utils mtools)",
                     "not in PATH: %s", words);
}

void
host_check_firmware (const char *datadir, GPtrArray *out)
{
    g_autofree char *path = g_build_filename (datadir, FIRMWARE_OWN_NAME, NULL);
    char *const paths[] = { path, NULL };
    g_autoptr (GError) error = NULL;
    g_autoptr (GPtrArray) list = firmware_list_named (paths, datadir, &error);

    if (list == NULL) {
        finding_add (out, "firmware", FINDING_FAIL,
                     "build it with ovmf-hooks/edk2/build-firmware.sh", "%s",
                     error->message);
        return;
    }
    const FirmwareEntry *entry = g_ptr_array_index (list, 0);
    const FirmwareInfo *info = entry->info;
    const FindingLevel worst = finding_worst (info->findings);
    if (worst == FINDING_OK) {
        finding_add (out, "firmware", FINDING_OK, NULL, "'%s' sha256:%s", path,
                     info->sha256);
        return;
    }
    const Finding *first = g_ptr_array_index (info->findings, 0);
    finding_add (
        out, "firmware", worst,
        "build it with ovmf-hooks/edk2/build-firmware.sh; 'sevlaunch firmware' says "
        "more",
        "'%s': %s", path, first->text);
}
