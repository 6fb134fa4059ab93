/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/inspect/domain-lint.h"

#include <string.h>

#include "launcher/inspect/domain-lint-private.h"
#include "sev/wire/sev-wire.h"

#define NO_POLICY G_MAXUINT32
#define QEMU_NAMESPACE "http://libvirt.org/schemas/domain/qemu/1.0"

#define EXAMPLE                                                                            \
    "add <launchSecurity type='sev' kernelHashes='yes'><policy>0x1100002b</policy>"        \
    "</launchSecurity>"

G_STATIC_ASSERT (DOMAIN_LINT_MAX_SIZE == XML_READ_MAX_SIZE);

/* Launch security. */

typedef struct {
    guint32 bit;
    const char *id;
    FindingLevel level;
    const char *text;
} PolicyRow;

static const PolicyRow policy_rows[] = {
    { SEV_POLICY_NODBG, "policy-debug", FINDING_INSECURE,
      "the policy lets the host read the guest's memory (bit 0, NODBG, is clear)" },
    { SEV_POLICY_NOKS, "policy-key-sharing", FINDING_INSECURE,
      "the policy lets other guests share the key (bit 1, NOKS, is clear)" },
    { SEV_POLICY_NOSEND, "policy-send", FINDING_WARN,
      "the policy lets the host send the guest to another platform (bit 3, NOSEND, is "
      "clear)" },
    { SEV_POLICY_ES, "policy-no-es", FINDING_NOTE,
      "the policy is without SEV-ES (bit 2): the host sees the guest's registers" },
};

static void
lint_policy (guint32 policy, GPtrArray *out)
{
    const guint major = policy >> SEV_POLICY_API_MAJOR_SHIFT & 0xff;
    const guint minor = policy >> SEV_POLICY_API_MINOR_SHIFT & 0xff;

    for (gsize i = 0; i < G_N_ELEMENTS (policy_rows); i++)
        if ((policy & policy_rows[i].bit) == 0)
            finding_add (out, policy_rows[i].id, policy_rows[i].level,
                         "set the bit; 'sevlaunch policy explain' says what each does",
                         "%s", policy_rows[i].text);
    if ((policy & SEV_POLICY_RESERVED) != 0)
        finding_add (out, "policy-reserved", FINDING_FAIL, "clear bits 6 to 15",
                     "the policy has reserved bits");
    if (major == 0 && minor < 17)
        finding_add (out, "policy-api", FINDING_INSECURE,
                     "ask for API 0.17: 0x11000000 in the policy",
                     "the policy takes firmware of API %u.%u, whose packets are not bound "
                     "to the measurement",
                     major, minor);
}

/* libvirt reads it as hexadecimal, with or without 0x. */
static guint32
read_policy (const xmlNode *security, GPtrArray *out)
{
    g_autofree char *text = xml_text (xml_child (security, "policy"));
    char *end = NULL;
    const guint64 value =
        text != NULL && g_ascii_isxdigit (*text) ? g_ascii_strtoull (text, &end, 16) : 0;

    if (end == NULL || *end != '\0' || value > G_MAXUINT32) {
        finding_add (out, "policy-missing", FINDING_FAIL, EXAMPLE,
                     "there is no guest policy, or it is no hexadecimal number");
        return NO_POLICY;
    }
    lint_policy ((guint32) value, out);
    return (guint32) value;
}

static void
lint_boot (const xmlNode *domain, const xmlNode *security, GPtrArray *out)
{
    if (xml_path (domain, "os/kernel") == NULL)
        finding_add (out, "no-kernel", FINDING_INSECURE,
                     "boot a unified kernel image through <kernel>, as sevlaunch run does",
                     "there is no <kernel>: what the disk boots is not measured");
    else if (!xml_attribute_is (security, "kernelHashes", "yes"))
        finding_add (out, "no-kernel-hashes", FINDING_INSECURE,
                     "kernelHashes='yes' in <launchSecurity>",
                     "kernel, initrd and command line are not measured");
}

static void
lint_session (const xmlNode *security, GPtrArray *out)
{
    const gboolean both =
        xml_child (security, "dhCert") != NULL && xml_child (security, "session") != NULL;

    if (both)
        return;
    finding_add (out, "no-session", FINDING_NOTE,
                 "sevlaunch puts the owner's certificate and session in; by hand: "
                 "sevlaunch session",
                 "<dhCert> or <session> is missing: started like this, the launch is the "
                 "host's own and proves nothing");
}

/* Returns: whether the guest's policy has SEV-ES */
static gboolean
lint_security (const xmlNode *domain, GPtrArray *out)
{
    const xmlNode *security = xml_child (domain, "launchSecurity");

    if (security == NULL) {
        finding_add (out, "no-launch-security", FINDING_FAIL, EXAMPLE,
                     "there is no <launchSecurity>: an ordinary guest");
        return FALSE;
    }
    if (!xml_attribute_is (security, "type", "sev")) {
        finding_add (
            out, "launch-security-type", FINDING_FAIL, EXAMPLE,
            "<launchSecurity> is not of type sev; sevlaunch launches SEV and SEV-ES");
        return FALSE;
    }
    const guint32 policy = read_policy (security, out);
    lint_boot (domain, security, out);
    lint_session (security, out);
    return policy != NO_POLICY && (policy & SEV_POLICY_ES) != 0;
}

/* Firmware. */

static gboolean
wants_secure_boot (const xmlNode *os)
{
    const xmlNode *feature = xml_path (os, "firmware/feature");

    if (xml_attribute_is (xml_child (os, "loader"), "secure", "yes"))
        return TRUE;
    for (; feature != NULL; feature = xml_next (feature, "feature"))
        if (xml_attribute_is (feature, "name", "secure-boot") &&
            xml_attribute_is (feature, "enabled", "yes"))
            return TRUE;
    return FALSE;
}

static void
lint_variables (const xmlNode *os, const xmlNode *loader, GPtrArray *out)
{
    if (xml_child (os, "nvram") != NULL)
        finding_add (
            out, "loader-nvram", FINDING_INSECURE,
            "remove <nvram>, take a whole image and stateless='yes' in <loader>",
            "the firmware's variables are a file of the host's (<nvram>), which is "
            "not measured");
    else if (xml_attribute_is (loader, "type", "pflash") &&
             !xml_attribute_is (loader, "stateless", "yes"))
        finding_add (out, "loader-stateless", FINDING_WARN,
                     "stateless='yes' in <loader> (libvirt 8.6)",
                     "libvirt may add a file of variables to the firmware");
    if (xml_attribute_is (loader, "type", "pflash") &&
        !xml_attribute_is (loader, "readonly", "yes"))
        finding_add (out, "loader-writable", FINDING_WARN, "readonly='yes' in <loader>",
                     "the firmware is mapped writable");
}

static void
lint_loader (const xmlNode *domain, gboolean es, GPtrArray *out)
{
    const xmlNode *os = xml_child (domain, "os");
    const xmlNode *loader = xml_child (os, "loader");
    g_autofree char *path = xml_text (loader);

    /* One that has settings and no path is libvirt's to choose. */
    if (path == NULL || *g_strstrip (path) == '\0')
        loader = NULL;
    if (wants_secure_boot (os))
        finding_add (
            out, "loader-secure-boot", FINDING_INSECURE,
            "take the firmware of sevlaunch, which boots only the measured kernel",
            "a loader for Secure Boot: it keeps its keys in variables that the host "
            "can write and nobody measures, needs SMM, and such builds neither "
            "check kernel hashes nor have a place for secrets");
    if (xml_attribute_is (xml_path (domain, "features/smm"), "state", "on"))
        finding_add (out, "smm", es ? FINDING_FAIL : FINDING_WARN,
                     "remove <smm state='on'/>", "SMM is on%s",
                     es ? ", which SEV-ES does not have" : "");
    if (loader == NULL && xml_attribute_is (os, "firmware", "efi"))
        finding_add (
            out, "loader-chosen", FINDING_WARN,
            "name the image in <loader>; 'sevlaunch firmware show --all' says what "
            "each can do",
            "libvirt chooses the firmware, and distributions announce images for "
            "SEV that take no secrets");
    else if (loader == NULL)
        finding_add (out, "loader-missing", FINDING_FAIL,
                     "name a UEFI image in <loader>; 'sevlaunch firmware show --all' lists "
                     "what is there",
                     "there is no <loader>: SEV needs UEFI");
    else
        lint_variables (os, loader, out);
}

/* The machine. */

static void
lint_machine (const xmlNode *domain, GPtrArray *out)
{
    const xmlNode *type = xml_path (domain, "os/type");
    g_autofree char *arch = xml_attribute (type, "arch");
    g_autofree char *machine = xml_attribute (type, "machine");

    if (arch != NULL && strcmp (arch, "x86_64") != 0)
        finding_add (out, "arch", FINDING_FAIL,
                     "arch='x86_64' in <type>, and a guest for it", "'%s' is not x86_64",
                     arch);
    if (machine == NULL || strstr (machine, "q35") == NULL)
        finding_add (out, "machine", FINDING_WARN, "machine='q35' in <type>",
                     "the machine is not q35, for which SEV firmware is made");
    if (!xml_attribute_is (domain, "type", "kvm"))
        finding_add (out, "domain-type", FINDING_WARN, "type='kvm' in <domain>",
                     "not a guest of KVM: no SEV but on an emulated host");
}

static void
lint_cpu (const xmlNode *domain, gboolean es, GPtrArray *out)
{
    const xmlNode *cpu = xml_child (domain, "cpu");
    g_autofree char *mode = xml_attribute (cpu, "mode");

    if (es &&
        (mode == NULL || strcmp (mode, "custom") != 0 || xml_child (cpu, "model") == NULL))
        finding_add (out, "cpu-model", FINDING_WARN,
                     "<cpu mode='custom' match='exact'><model>EPYC-…</model></cpu>",
                     "SEV-ES measures the processor's signature, which with %s is the "
                     "host's: the owner must know its family, model and stepping",
                     mode != NULL ? mode : "QEMU's default model");
}

/* memfd is QEMU's only kind that is shared by default. */
static gboolean
is_shared (const xmlNode *domain)
{
    const xmlNode *backing = xml_child (domain, "memoryBacking");
    const xmlNode *access = xml_child (backing, "access");
    const xmlNode *cell = xml_path (domain, "cpu/numa/cell");
    const xmlNode *more = xml_path (domain, "devices/memory");

    if (xml_attribute_is (access, "mode", "shared") ||
        (xml_attribute_is (xml_child (backing, "source"), "type", "memfd") &&
         !xml_attribute_is (access, "mode", "private")))
        return TRUE;
    for (; cell != NULL; cell = xml_next (cell, "cell"))
        if (xml_attribute_is (cell, "memAccess", "shared"))
            return TRUE;
    for (; more != NULL; more = xml_next (more, "memory"))
        if (xml_attribute_is (more, "access", "shared"))
            return TRUE;
    return FALSE;
}

static void
lint_memory (const xmlNode *domain, GPtrArray *out)
{
    if (is_shared (domain))
        finding_add (out, "memory-shared", FINDING_WARN,
                     "remove <source> and <access> from <memoryBacking>, and what shares "
                     "memory from <numa> and <memory>",
                     "other processes of the host may map the guest's memory");
    if (xml_attribute_is (domain, "type", "kvm") &&
        xml_path (domain, "memoryBacking/locked") == NULL &&
        xml_path (domain, "memtune/hard_limit") == NULL)
        finding_add (out, "memory-locked", FINDING_WARN,
                     "<memoryBacking><locked/></memoryBacking>, or <memtune><hard_limit> "
                     "above the guest's memory",
                     "all memory of a SEV guest is pinned, and may exceed the limit of "
                     "locked memory");
    if (xml_path (domain, "memoryBacking/hugepages") != NULL)
        finding_add (out, "hugepages", FINDING_NOTE, NULL,
                     "huge pages must be free for the whole guest at its start: they are "
                     "pinned at once");
}

static void
lint_events (const xmlNode *domain, GPtrArray *out)
{
    g_autofree char *reboot = xml_text (xml_child (domain, "on_reboot"));
    g_autofree char *crash = xml_text (xml_child (domain, "on_crash"));

    if (g_strcmp0 (reboot, "destroy") != 0 ||
        (crash != NULL && g_str_has_suffix (crash, "restart")))
        finding_add (out, "restart", FINDING_WARN,
                     "<on_reboot>destroy</on_reboot>, and on_crash alike",
                     "libvirt restarts the guest by itself: a launch that nobody verifies");
}

/* Of another namespace, so not for xml_child(). */
static void
lint_commandline (const xmlNode *domain, GPtrArray *out)
{
    for (const xmlNode *i = domain->children; i != NULL; i = i->next)
        if (i->type == XML_ELEMENT_NODE && i->ns != NULL &&
            strcmp ((const char *) i->ns->href, QEMU_NAMESPACE) == 0) {
            finding_add (out, "qemu-commandline", FINDING_WARN, "remove what is not needed",
                         "arguments or settings for QEMU besides libvirt's, which nobody "
                         "looked at");
            return;
        }
}

DomainLint *
domain_lint (const char *text, gsize len, GError **error)
{
    g_autoptr (xmlDoc) doc = xml_read ("domain XML", text, len, "domain", error);

    if (doc == NULL)
        return NULL;
    const xmlNode *domain = xmlDocGetRootElement (doc);
    DomainLint *lint = g_new0 (DomainLint, 1);

    lint->findings = finding_list_new ();
    lint->name = xml_text (xml_child (domain, "name"));
    lint->loader = xml_text (xml_path (domain, "os/loader"));
    if (lint->loader != NULL && *g_strstrip (lint->loader) == '\0')
        g_clear_pointer (&lint->loader, g_free);
    const gboolean es = lint_security (domain, lint->findings);
    lint_loader (domain, es, lint->findings);
    lint_machine (domain, lint->findings);
    lint_cpu (domain, es, lint->findings);
    lint_memory (domain, lint->findings);
    lint_events (domain, lint->findings);
    lint_devices (domain, lint->findings);
    lint_commandline (domain, lint->findings);
    return lint;
}

void
domain_lint_free (DomainLint *lint)
{
    g_ptr_array_unref (lint->findings);
    g_free (lint->name);
    g_free (lint->loader);
    g_free (lint);
}
