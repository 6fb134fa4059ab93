/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/inspect/host-facts.h"

#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "launcher/inspect/bounded-file.h"

#define SEV_LEAF 0x8000001fu
#define FILE_MAX 65536u

static char *
text_of (const char *root, const char *path)
{
    g_autofree char *whole = g_strconcat (root, path, NULL);

    return bounded_file_text (whole, FILE_MAX);
}

static gboolean
is_there (const char *root, const char *path)
{
    g_autofree char *whole = g_strconcat (root, path, NULL);

    return access (whole, F_OK) == 0;
}

/* Processor. */

static gboolean
ask_processor (guint32 leaf[5])
{
#if defined(__x86_64__)
    guint32 b, c, d;

    return __get_cpuid (0x80000000u, &leaf[0], &b, &c, &d) != 0 && leaf[0] >= SEV_LEAF &&
           __get_cpuid (SEV_LEAF, &leaf[1], &leaf[2], &leaf[3], &leaf[4]) != 0;
#else
    (void) leaf;
    return FALSE;
#endif
}

/* Beyond the highest leaf a processor may answer with another leaf's words. */
static void
read_cpuid (const char *root, HostCpuid *out)
{
    guint32 leaf[5] = { 0 };

    if (*root == '\0') {
        out->known = ask_processor (leaf);
    } else {
        g_autofree char *text = text_of (root, "/cpuid");
        out->known = text != NULL &&
                     sscanf (text, "%x %x %x %x %x", &leaf[0], &leaf[1], &leaf[2], &leaf[3],
                             &leaf[4]) == 5 &&
                     leaf[0] >= SEV_LEAF;
    }
    if (!out->known)
        return;
    out->sev = (leaf[1] & 1u << 1) != 0;
    out->es = (leaf[1] & 1u << 3) != 0;
    out->snp = (leaf[1] & 1u << 4) != 0;
    out->c_bit = leaf[2] & 0x3f;
    out->reduced = leaf[2] >> 6 & 0x3f;
    out->asids = leaf[3];
    out->min_asid = leaf[4];
}

static void
take_cpu_line (HostFacts *facts, const char *name, const char *value)
{
    static const char *const numbers[] = { "cpu family", "model", "stepping" };

    if (strcmp (name, "vendor_id") == 0)
        facts->cpu_vendor = g_strdup (value);
    if (strcmp (name, "model name") == 0)
        facts->cpu_model = g_strdup (value);
    for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
        if (strcmp (name, numbers[i]) == 0)
            facts->cpu_number[i] = (guint) g_ascii_strtoull (value, NULL, 10);
    if (strcmp (name, "flags") == 0) {
        g_auto (GStrv) words = g_strsplit (value, " ", -1);
        const char *const *list = (const char *const *) words;

        facts->flag_sev = g_strv_contains (list, "sev");
        facts->flag_es = g_strv_contains (list, "sev_es");
        facts->in_guest = g_strv_contains (list, "hypervisor");
    }
}

/* The first processor's paragraph. */
static void
read_cpuinfo (const char *root, HostFacts *facts)
{
    g_autofree char *text = text_of (root, "/proc/cpuinfo");
    g_auto (GStrv) lines = g_strsplit (text != NULL ? text : "", "\n", -1);

    for (char **i = lines; *i != NULL && **i != '\0'; i++) {
        char *colon = strchr (*i, ':');

        if (colon == NULL)
            continue;
        *colon = '\0';
        take_cpu_line (facts, g_strchomp (*i), g_strstrip (colon + 1));
    }
}

/* Kernel. */

static void
read_kernel (const char *root, HostFacts *facts)
{
    static const char *const base = "/sys/module/kvm_amd/parameters/";
    char **const values[] = { &facts->kvm_sev, &facts->kvm_es, &facts->kvm_snp };
    static const char *const names[] = { "sev", "sev_es", "sev_snp" };

    facts->kernel = text_of (root, "/proc/sys/kernel/osrelease");
    facts->kvm_amd_loaded = is_there (root, "/sys/module/kvm_amd");
    facts->ccp_loaded = is_there (root, "/sys/module/ccp");
    for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
        g_autofree char *path = g_strconcat (base, names[i], NULL);
        *values[i] = text_of (root, path);
    }
}

#define APPARMOR_FILES 64u

/* QEMU opens it for reading and writing. */
static gboolean
has_sev_rule (const char *text)
{
    return text != NULL &&
           g_regex_match_simple ("^\\s*((allow|owner|file)\\s+)*\"?/dev/sev\"?\\s+"
                                 "[a-z]*(rw|wr)[a-z]*\\s*,",
                                 text, G_REGEX_MULTILINE | G_REGEX_RAW, 0);
}

/* A folder of a site's own rules, which AppArmor 3 includes. */
static gboolean
folder_has_sev_rule (const char *root, const char *path)
{
    g_autofree char *whole = g_strconcat (root, path, NULL);
    g_autoptr (GDir) dir = g_dir_open (whole, 0, NULL);
    const char *name;
    gboolean found = FALSE;

    for (guint i = 0; dir != NULL && i < APPARMOR_FILES && !found; i++) {
        name = g_dir_read_name (dir);
        if (name == NULL)
            break;
        g_autofree char *file = g_build_filename (path, name, NULL);
        g_autofree char *text = text_of (root, file);
        found = has_sev_rule (text);
    }
    return found;
}

/* What every guest of libvirt gets, from its package and from the site. */
static void
read_apparmor (const char *root, HostFacts *facts)
{
    static const char *const files[] = { "/etc/apparmor.d/abstractions/libvirt-qemu",
                                         "/etc/apparmor.d/local/abstractions/libvirt-qemu",
                                         "/etc/apparmor.d/libvirt/TEMPLATE.qemu" };
    g_autofree char *on = text_of (root, "/sys/module/apparmor/parameters/enabled");

    facts->apparmor = on != NULL && *on == 'Y';
    facts->apparmor_libvirt = is_there (root, files[0]);
    facts->apparmor_sev =
        folder_has_sev_rule (root, "/etc/apparmor.d/abstractions/libvirt-qemu.d");
    for (gsize i = 0; i < G_N_ELEMENTS (files); i++) {
        g_autofree char *text = text_of (root, files[i]);
        facts->apparmor_sev = facts->apparmor_sev || has_sev_rule (text);
    }
}

static void
read_device (const char *root, const char *path, HostDevice *out)
{
    g_autofree char *whole = g_strconcat (root, path, NULL);
    struct stat st;

    if (stat (whole, &st) != 0)
        return;
    const struct group *group = getgrgid (st.st_gid);
    out->exists = TRUE;
    out->mode = st.st_mode & 0777;
    out->group = group != NULL ? g_strdup (group->gr_name)
                               : g_strdup_printf ("%u", (guint) st.st_gid);
    out->readable = access (whole, R_OK) == 0;
    out->writable = access (whole, W_OK) == 0;
}

/* Lines "sev 410" and "sev_es 99". */
static gint64
misc_value (const char *text, const char *name)
{
    g_auto (GStrv) lines = g_strsplit (text != NULL ? text : "", "\n", -1);

    for (char **i = lines; *i != NULL; i++) {
        g_auto (GStrv) words = g_strsplit (*i, " ", 2);

        if (g_strv_length (words) == 2 && strcmp (words[0], name) == 0)
            return g_ascii_strtoll (words[1], NULL, 10);
    }
    return -1;
}

static void
read_asids (const char *root, HostFacts *facts)
{
    g_autofree char *capacity = text_of (root, "/sys/fs/cgroup/misc.capacity");
    g_autofree char *used = text_of (root, "/sys/fs/cgroup/misc.current");

    facts->asids = (HostAsids){ misc_value (capacity, "sev"), misc_value (used, "sev") };
    facts->es_asids =
        (HostAsids){ misc_value (capacity, "sev_es"), misc_value (used, "sev_es") };
}

static gint64
read_memlock (const char *root)
{
    static const char name[] = "Max locked memory";
    g_autofree char *text = text_of (root, "/proc/self/limits");
    const char *line = text != NULL ? strstr (text, name) : NULL;

    if (line == NULL)
        return -1;
    line += strlen (name);
    line += strspn (line, " ");
    return g_str_has_prefix (line, "unlimited") ? G_MAXINT64
                                                : g_ascii_strtoll (line, NULL, 10);
}

/* Programs. */

static char **
find_missing (const char *root)
{
    static const char *const tools[] = { "qemu-system-x86_64", "qemu-img", "mdir",
                                         "mcopy" };
    GPtrArray *missing = g_ptr_array_new ();

    for (gsize i = 0; i < G_N_ELEMENTS (tools); i++) {
        g_autofree char *path = *root == '\0'
                                    ? g_find_program_in_path (tools[i])
                                    : g_build_filename (root, "usr/bin", tools[i], NULL);

        if (path == NULL || access (path, X_OK) != 0)
            g_ptr_array_add (missing, g_strdup (tools[i]));
    }
    g_ptr_array_add (missing, NULL);
    return (char **) g_ptr_array_free (missing, FALSE);
}

HostFacts *
host_facts_read (const char *root)
{
    HostFacts *facts = g_new0 (HostFacts, 1);

    read_cpuinfo (root, facts);
    read_cpuid (root, &facts->cpuid);
    read_kernel (root, facts);
    read_apparmor (root, facts);
    read_device (root, "/dev/sev", &facts->sev);
    read_device (root, "/dev/kvm", &facts->kvm);
    read_asids (root, facts);
    facts->memlock = read_memlock (root);
    facts->privileged = geteuid () == 0;
    facts->missing_tools = find_missing (root);
    /* Inside of an emulated host, the shim's device is not the machine's. */
    if (g_getenv ("SEVLAUNCH_SEV_DEVICE") != NULL)
        facts->sev.exists = FALSE;
    return facts;
}

void
host_facts_free (HostFacts *facts)
{
    char *const texts[] = { facts->cpu_vendor, facts->cpu_model, facts->kernel,
                            facts->kvm_sev,    facts->kvm_es,    facts->kvm_snp,
                            facts->sev.group,  facts->kvm.group };

    for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
        g_free (texts[i]);
    g_strfreev (facts->missing_tools);
    g_free (facts);
}

gboolean
host_facts_has_hardware (const HostFacts *facts)
{
    return (facts->cpuid.known && facts->cpuid.sev) || facts->flag_sev || facts->sev.exists;
}
