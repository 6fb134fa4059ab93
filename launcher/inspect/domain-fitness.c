/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/inspect/domain-fitness.h"

#include <string.h>

#include "launcher/domain/xml-read.h"
#include "launcher/inspect/domain-lint.h"

#define OWN_FIRMWARE PKGDATADIR "/sevlaunch-ovmf.fd"

/* Worse here than for somebody who looks at a domain. */
static const struct {
    const char *id;
    FindingLevel level;
} raised[] = {
    { "cpu-model", FINDING_FAIL }, /* only said of SEV-ES */
    { "filesystem", FINDING_INSECURE },    { "hostdev", FINDING_INSECURE },
    { "loader-chosen", FINDING_FAIL },     { "machine", FINDING_FAIL },
    { "memory-shared", FINDING_INSECURE }, { "qemu-commandline", FINDING_INSECURE },
};

/* Said elsewhere, or of no interest once a domain is started. */
static gboolean
is_left_out (const char *id, gboolean own_boot_loader)
{
    static const char *const others[] = { "memory-locked", "no-serial" };

    for (gsize i = 0; i < G_N_ELEMENTS (others); i++)
        if (strcmp (others[i], id) == 0)
            return TRUE;
    return g_str_has_prefix (id, "policy-") ||
           (own_boot_loader && strcmp (id, "no-kernel") == 0);
}

static FindingLevel
level_of (const Finding *finding)
{
    for (gsize i = 0; i < G_N_ELEMENTS (raised); i++)
        if (strcmp (raised[i].id, finding->id) == 0)
            return raised[i].level;
    return finding->level;
}

static void
take (const Finding *finding, GPtrArray *out)
{
    finding_add (out, finding->id, level_of (finding), finding->fix, "%s", finding->text);
}

/* What is not the copy's any more. */
static gboolean
judge_original (const char *text, GPtrArray *out, GError **error)
{
    g_autoptr (DomainLint) lint = domain_lint (text, strlen (text), error);

    if (lint == NULL)
        return FALSE;
    const Finding *type = finding_get (lint->findings, "launch-security-type");
    if (type != NULL)
        take (type, out);
    return TRUE;
}

static void
judge_loader (const xmlNode *domain, GPtrArray *out)
{
    const xmlNode *os = xml_child (domain, "os");
    const xmlNode *loader = xml_child (os, "loader");
    const char *fix = "<loader readonly='yes' type='pflash' stateless='yes'>" OWN_FIRMWARE
                      "</loader>, without firmware='efi' in <os>";
    g_autofree char *chosen = xml_attribute (os, "firmware");
    g_autofree char *format = xml_attribute (loader, "format");

    if (loader != NULL && !xml_attribute_is (loader, "type", "pflash"))
        finding_add (out, "loader-type", FINDING_FAIL, fix,
                     "the firmware is not mapped as flash, which is what SEV measures");
    if (loader != NULL && chosen != NULL)
        finding_add (out, "loader-chosen", FINDING_FAIL, fix,
                     "libvirt chooses the firmware (firmware='%s'), and may add variables",
                     chosen);
    if (format != NULL && strcmp (format, "raw") != 0)
        finding_add (out, "loader-format", FINDING_FAIL, fix,
                     "the firmware is a file of format '%s': what is mapped is not the "
                     "file that is measured",
                     format);
}

/* What would be in the evidence, and in what --print-xml shows.  @path is the end of one.
 */
static const struct {
    const char *path[2];
    const char *attribute; /* (nullable): that holds it, else the element does */
    const char *id;
    const char *fix;
    const char *text;
} secrets[] = {
    { { "devices", "graphics" },
      "passwd",
      "graphics-password",
      "remove <graphics>, use the serial console",
      "a password in <graphics>: the XML goes into the evidence" },
    { { "source", "cookies" },
      NULL,
      "disk-cookies",
      "a disk that needs no <cookies>",
      "cookies in a disk's <source>: the XML goes into the evidence" },
    { { "sysinfo", "entry" },
      NULL,
      "sysinfo-fwcfg",
      "remove <sysinfo type='fwcfg'>; secrets are released with --secret",
      "<sysinfo type='fwcfg'> tells the guest something: not measured, and in the "
      "evidence" },
    { { "oemStrings", "entry" },
      NULL,
      "sysinfo-oem-strings",
      "remove <oemStrings>; secrets are released with --secret",
      "<oemStrings> tell the guest something: not measured, and in the evidence" },
};

static gboolean
holds (const xmlNode *node, gsize row)
{
    g_autofree char *value = secrets[row].attribute != NULL
                                 ? xml_attribute (node, secrets[row].attribute)
                                 : g_strdup ("");

    return strcmp ((const char *) node->name, secrets[row].path[1]) == 0 &&
           strcmp ((const char *) node->parent->name, secrets[row].path[0]) == 0 &&
           value != NULL;
}

/* Of each only the first is said.  xml_read() limits how deep it goes. */
static void
judge_secrets (const xmlNode *node, GPtrArray *out)
{
    for (const xmlNode *i = node->children; i != NULL; i = i->next) {
        if (i->type != XML_ELEMENT_NODE)
            continue;
        for (gsize row = 0; row < G_N_ELEMENTS (secrets); row++)
            if (holds (i, row) && finding_get (out, secrets[row].id) == NULL)
                finding_add (out, secrets[row].id, FINDING_INSECURE, secrets[row].fix, "%s",
                             secrets[row].text);
        judge_secrets (i, out);
    }
}

static gboolean
judge_copy (const char *text, gboolean own_boot_loader, GPtrArray *out, GError **error)
{
    const gsize len = strlen (text);
    g_autoptr (DomainLint) lint = domain_lint (text, len, error);
    g_autoptr (xmlDoc) doc =
        lint != NULL ? xml_read ("domain XML", text, len, "domain", error) : NULL;

    if (doc == NULL)
        return FALSE;
    for (guint i = 0; i < lint->findings->len; i++) {
        const Finding *finding = g_ptr_array_index (lint->findings, i);

        if (!is_left_out (finding->id, own_boot_loader))
            take (finding, out);
    }
    judge_loader (xmlDocGetRootElement (doc), out);
    judge_secrets (xmlDocGetRootElement (doc), out);
    return TRUE;
}

GPtrArray *
domain_fitness (const char *original,
                const char *copy,
                gboolean own_boot_loader,
                GError **error)
{
    g_autoptr (GPtrArray) found = finding_list_new ();

    if (!judge_original (original, found, error) ||
        !judge_copy (copy, own_boot_loader, found, error))
        return NULL;
    return g_steal_pointer (&found);
}

gboolean
domain_fitness_refuses (const Finding *finding)
{
    return finding->level >= FINDING_INSECURE;
}
