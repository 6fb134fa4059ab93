/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/flow/launch-domain.h"

#include <string.h>

#include "launcher/base/message.h"
#include "launcher/flow/domain-source.h"
#include "launcher/host/virt.h"
#include "launcher/inspect/bounded-file.h"
#include "launcher/inspect/domain-fitness.h"
#include "launcher/inspect/domain-lint.h"
#include "policy/attest/owner-vmsa.h"
#include "policy/guest-policy.h"

#define NO_UUID "-"

/* Options. */

static gboolean
is_remote (const LaunchOptions *o)
{
    return o->connect != NULL && virt_uri_is_remote (o->connect);
}

/* What the XML says, and nobody may say otherwise. */
static const char *
other_option (const LaunchOptions *o)
{
    const gboolean here = !is_remote (o);
    const struct {
        gboolean given;
        const char *name;
    } rows[] = {
        { o->image != NULL, "--image" },
        { o->format != NULL, "--format" },
        { o->name != NULL, "--name" },
        { o->memory != 0, "--memory" },
        { o->vcpus != 0, "--vcpus" },
        { o->network != NULL, "--network" },
        { o->append != NULL, "--append" },
        { o->host_firmware != NULL, "--host-firmware" },
        { o->host_kernel != NULL, "--host-kernel" },
        { o->host_initrd != NULL, "--host-initrd" },
        /* Another machine's are hashed from copies here. */
        { here && o->firmware != NULL, "--firmware" },
        { here && o->uki != NULL, "--uki" },
        { here && o->kernel != NULL, "--kernel" },
        { here && o->initrd != NULL, "--initrd" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
        if (rows[i].given)
            return rows[i].name;
    return NULL;
}

gboolean
launch_domain_check (const LaunchOptions *o, GError **error)
{
    const char *option = other_option (o);

    if (option != NULL)
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                     "--domain and %s exclude each other: the domain's XML says that",
                     option);
    else if (*o->existing == '\0' || o->owner_cert == NULL)
        g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                             "--domain and --owner-cert are needed (see 'sevlaunch "
                             "--help')");
    else
        return TRUE;
    return FALSE;
}

/* XML. */

static gboolean
is_file (const char *word)
{
    return strchr (word, '/') != NULL || g_str_has_suffix (word, ".xml");
}

static char *
read_file (const char *path, GError **error)
{
    g_autoptr (GBytes) bytes = bounded_file_read (path, DOMAIN_LINT_MAX_SIZE, error);
    gsize len = 0;

    if (bytes == NULL)
        return NULL;
    const char *data = g_bytes_get_data (bytes, &len);
    return g_strndup (data, len);
}

/* @text: (out) (transfer full) */
static gboolean
read_domain (const LaunchOptions *o, LaunchOwner *owner, char **text, GError **error)
{
    const gboolean file = is_file (o->existing);

    *text = file ? read_file (o->existing, error)
                 : domain_source_ask (owner, o->existing, NULL, error);
    if (*text == NULL)
        return FALSE;
    owner->existing = domain_copy_read (*text, strlen (*text), error);
    if (owner->existing == NULL)
        return FALSE;
    const DomainFacts *facts = domain_copy_get_facts (owner->existing);
    if (file) {
        g_autofree char *none = domain_source_ask (
            owner, facts->name, facts->uuid != NULL ? facts->uuid : NO_UUID, error);
        return none != NULL;
    }
    if (strcmp (facts->name, o->existing) == 0)
        return TRUE;
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_REPLY_ALTERED,
                 "libvirt's XML of domain '%s' is that of '%s'", o->existing, facts->name);
    return FALSE;
}

/* Guest policy. */

/* The host's own word must not make the guest weaker than the owner would have it who says
 * nothing. */
static gboolean
is_weak (guint32 policy)
{
    const guint32 least = policy_guest_default (FALSE);
    guint8 major, minor;

    policy_guest_min_api (least, &major, &minor);
    const guint32 api = (guint32) major << 8 | minor;
    policy_guest_min_api (policy, &major, &minor);
    return (least & ~policy & 0xffffu) != 0 || ((guint32) major << 8 | minor) < api;
}

static gboolean
choose_policy (LaunchOptions *o, const DomainFacts *facts, guint32 *policy, GError **error)
{
    *policy = policy_guest_default (FALSE);
    if (o->policy != NULL && !policy_guest_parse (o->policy, policy, error))
        return FALSE;
    if (!facts->has_policy)
        return TRUE;
    g_autofree char *words = policy_guest_to_text (facts->policy);
    if (o->policy != NULL && facts->policy != *policy)
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_DOMAIN_POLICY,
                     "--policy is 0x%08x, but the domain's <launchSecurity> says 0x%08x "
                     "(%s): change one of them",
                     *policy, facts->policy, words);
    else if (o->policy == NULL && is_weak (facts->policy))
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_DOMAIN_POLICY,
                     "the domain's guest policy 0x%08x (%s) is weaker than the default, "
                     "and the XML is the host's: change it, or say --policy 0x%x if that "
                     "is meant",
                     facts->policy, words, facts->policy);
    else {
        *policy = facts->policy;
        g_free (o->policy);
        o->policy = g_strdup_printf ("0x%x", *policy);
        return TRUE;
    }
    return FALSE;
}

/* Fitness. */

static gboolean
refuse (const DomainFacts *facts, const GPtrArray *findings, GError **error)
{
    g_autoptr (GString) text = g_string_new (NULL);
    gboolean insecure = FALSE;

    for (guint i = 0; i < findings->len; i++) {
        const Finding *one = g_ptr_array_index (findings, i);

        if (!domain_fitness_refuses (one))
            continue;
        insecure |= one->level == FINDING_INSECURE;
        g_string_append_printf (text, "\n  %s: %s", one->id, one->text);
        if (one->fix != NULL)
            g_string_append_printf (text, "\n    %s", one->fix);
    }
    if (text->len == 0)
        return TRUE;
    g_set_error (error, LAUNCHER_ERROR,
                 insecure ? LAUNCHER_ERROR_DOMAIN_INSECURE : LAUNCHER_ERROR_DOMAIN_UNFIT,
                 "domain '%s' is not launched with SEV like this:%s", facts->name,
                 text->str);
    return FALSE;
}

/* SEV-ES measures the processors. */
static void
judge_processors (const DomainFacts *facts, GPtrArray *findings)
{
    guint32 signature;

    if (facts->vcpus_vary)
        finding_add (
            findings, "vcpus-vary", FINDING_FAIL, "<vcpu> with one number, and no <vcpus>",
            "with SEV-ES the processors are measured, and none can be added later");
    if (facts->cpu_model != NULL && !policy_cpu_signature (facts->cpu_model, &signature))
        finding_add (findings, "cpu-model", FINDING_FAIL,
                     "<cpu mode='custom' match='exact'><model>EPYC-…</model></cpu>",
                     "with SEV-ES the processor's signature is measured, and that of '%s' "
                     "is not known",
                     facts->cpu_model);
}

static gboolean
judge (const LaunchOptions *o,
       const LaunchOwner *owner,
       const char *text,
       guint32 policy,
       GError **error)
{
    const DomainFacts *facts = domain_copy_get_facts (owner->existing);
    const gboolean es = (policy & SEV_POLICY_ES) != 0;
    /* Of a disk here the UKI will be taken, if there is one. */
    const gboolean taken = facts->disk != NULL && !owner->remote && !o->own_boot_loader;
    const DomainEdit edit = {
        .type = owner->place == LAUNCH_PLACE_EMULATED && !es ? "qemu" : NULL,
        .kernel = taken ? "/" : NULL,
        .locked_memory = TRUE,
        .policy = policy,
        .dh_cert = "",
        .session = "",
        .kernel_hashes = !o->own_boot_loader,
        .libvirt_version = G_MAXULONG,
    };
    g_autofree char *copy = domain_copy_build (owner->existing, &edit, error);
    g_autoptr (GPtrArray) findings =
        copy != NULL ? domain_fitness (text, copy, o->own_boot_loader, error) : NULL;

    if (findings == NULL)
        return FALSE;
    if (es)
        judge_processors (facts, findings);
    if (!refuse (facts, findings, error))
        return FALSE;
    for (guint i = 0; i < findings->len; i++) {
        const Finding *one = g_ptr_array_index (findings, i);
        /* An emulated host says itself what it is. */
        if (one->level == FINDING_WARN &&
            (strcmp (one->id, "domain-type") != 0 || owner->place != LAUNCH_PLACE_EMULATED))
            message_warning ("%s (%s)", one->text, one->id);
    }
    return TRUE;
}

/* Filling in. */

static gboolean
bad (GError **error, const char *text)
{
    g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_DOMAIN_UNFIT, text);
    return FALSE;
}

/* Paths of another machine; what is hashed are the copies that the options name. */
static gboolean
fill_remote (LaunchOptions *o, const DomainFacts *facts, GError **error)
{
    o->host_firmware = g_strdup (facts->loader);
    o->host_kernel = g_strdup (facts->kernel);
    o->host_initrd = facts->kernel != NULL ? g_strdup (facts->initrd) : NULL;
    if (facts->kernel == NULL)
        return TRUE;
    if (o->uki == NULL && o->kernel == NULL)
        return bad (error, "the domain boots a kernel of another machine's: --uki or "
                           "--kernel names your copy of it");
    if ((facts->initrd != NULL) != (o->initrd != NULL))
        return bad (error, "the domain has an <initrd> or not as you give --initrd, your "
                           "copy of it, or not");
    if (o->uki != NULL && facts->cmdline != NULL)
        return bad (error, "the domain has a <cmdline>, which would take the place of that "
                           "in the unified kernel image: remove it");
    o->append = g_strdup (facts->cmdline);
    return TRUE;
}

static void
fill_here (LaunchOptions *o, const DomainFacts *facts)
{
    o->firmware = g_strdup (facts->loader);
    if (facts->kernel == NULL)
        return;
    o->kernel = g_strdup (facts->kernel);
    o->initrd = g_strdup (facts->initrd);
    o->append = g_strdup (facts->cmdline);
}

static gboolean
fill (LaunchOptions *o, const LaunchOwner *owner, guint32 policy, GError **error)
{
    const DomainFacts *facts = domain_copy_get_facts (owner->existing);

    o->name = g_strdup (facts->name);
    o->memory = (int) facts->memory_mib;
    o->vcpus = (int) facts->vcpus;
    o->image = g_strdup (facts->disk);
    o->format = g_strdup (facts->format);
    if ((policy & SEV_POLICY_ES) != 0)
        o->cpu = g_strdup (facts->cpu_model);
    if (owner->remote)
        return fill_remote (o, facts, error);
    fill_here (o, facts);
    return TRUE;
}

gboolean
launch_domain_take (LaunchOptions *options, LaunchOwner *owner, GError **error)
{
    g_autofree char *text = NULL;
    guint32 policy;

    if (!read_domain (options, owner, &text, error))
        return FALSE;
    const DomainFacts *facts = domain_copy_get_facts (owner->existing);
    return choose_policy (options, facts, &policy, error) &&
           judge (options, owner, text, policy, error) &&
           fill (options, owner, policy, error);
}
