/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Which signature QEMU gives to the processors of a guest.
 */

#include <cpuid.h>
#include <string.h>

#include "psp/host/host-error.h"
#include "psp/host/qemu-opts.h"
#include "psp/host/vmsa.h"

#define DEFAULT_MODEL "qemu64"

typedef struct {
    guint64 family;
    guint64 model;
    guint64 stepping;
} Fms;

/* QEMU 7.2 and 10.0, target/i386/cpu.c: models whose versions ("-v2") do not differ in
 * these numbers.  tests/relay/test-cpu-models.py asks the QEMU at hand. */
static const struct {
    const char *name;
    Fms fms;
} models[] = {
    { "Broadwell", { 6, 61, 2 } },      { "Dhyana", { 24, 0, 1 } },
    { "EPYC", { 23, 1, 2 } },           { "EPYC-Genoa", { 25, 17, 0 } },
    { "EPYC-IBPB", { 23, 1, 2 } },      { "EPYC-Milan", { 25, 1, 1 } },
    { "EPYC-Rome", { 23, 49, 0 } },     { "IvyBridge", { 6, 58, 9 } },
    { "IvyBridge-IBRS", { 6, 58, 9 } }, { "Nehalem", { 6, 26, 3 } },
    { "Nehalem-IBRS", { 6, 26, 3 } },   { "Opteron_G1", { 15, 6, 1 } },
    { "Opteron_G2", { 15, 6, 1 } },     { "Opteron_G3", { 16, 2, 3 } },
    { "Opteron_G4", { 21, 1, 2 } },     { "Opteron_G5", { 21, 2, 0 } },
    { "SandyBridge", { 6, 42, 1 } },    { "SandyBridge-IBRS", { 6, 42, 1 } },
    { "Skylake-Client", { 6, 94, 3 } }, { "Skylake-Server", { 6, 85, 4 } },
    { "Westmere", { 6, 44, 1 } },       { "Westmere-IBRS", { 6, 44, 1 } },
    { "kvm64", { 15, 6, 1 } },          { "max", { 15, 107, 1 } },
    { "qemu64", { 15, 107, 1 } },
};

/* "EPYC-v2" is a version of "EPYC". */
static char *
strip_version (const char *name)
{
    const char *dash = strrchr (name, '-');

    if (dash != NULL && dash[1] == 'v' && g_ascii_isdigit (dash[2]) &&
        strspn (dash + 2, "0123456789") == strlen (dash + 2))
        return g_strndup (name, (gsize) (dash - name));
    return g_strdup (name);
}

static gboolean
find_model (const char *name, Fms *out)
{
    g_autofree char *plain = strip_version (name);

    for (gsize i = 0; i < G_N_ELEMENTS (models); i++)
        if (strcmp (models[i].name, plain) == 0) {
            *out = models[i].fms;
            return TRUE;
        }
    return FALSE;
}

/* QEMU, host_cpu_vendor_fms(). */
static gboolean
this_cpu (Fms *out)
{
    guint eax, ebx, ecx, edx;

    if (__get_cpuid (1, &eax, &ebx, &ecx, &edx) == 0)
        return FALSE;
    out->family = ((eax >> 8) & 0x0f) + ((eax >> 20) & 0xff);
    out->model = ((eax >> 4) & 0x0f) | ((eax >> 12) & 0xf0);
    out->stepping = eax & 0x0f;
    return TRUE;
}

static gboolean
take_property (const QemuOpts *opts,
               const char *name,
               guint64 max,
               guint64 *out,
               GError **error)
{
    const char *text = qemu_opts_get (opts, name);

    if (text == NULL || g_ascii_string_to_unsigned (text, 10, 0, max, out, NULL))
        return TRUE;
    g_set_error (error, HOST_ERROR, HOST_ERROR_GUEST, "-cpu %s='%s' is not a number to %u",
                 name, text, (guint) max);
    return FALSE;
}

gboolean
vmsa_cpu_signature (const char *cpu, gboolean kvm, guint32 *out, GError **error)
{
    g_autoptr (QemuOpts) opts =
        qemu_opts_parse (cpu != NULL ? cpu : DEFAULT_MODEL, "model-name");
    const char *name = qemu_opts_get (opts, "model-name");
    const gboolean host =
        name != NULL && (strcmp (name, "host") == 0 || (kvm && strcmp (name, "max") == 0));
    Fms fms;

    if (name == NULL || !(host ? this_cpu (&fms) : find_model (name, &fms))) {
        g_set_error (error, HOST_ERROR, HOST_ERROR_GUEST,
                     "SEV-ES: the signature of CPU model '%s', which is measured, is not "
                     "known here",
                     name != NULL ? name : "");
        return FALSE;
    }
    if (!take_property (opts, "family", 0xff + 0xf, &fms.family, error) ||
        !take_property (opts, "model", 0xff, &fms.model, error) ||
        !take_property (opts, "stepping", 0xf, &fms.stepping, error))
        return FALSE;
    /* QEMU, x86_cpuid_version_set_family(), _model(), _stepping(). */
    *out = fms.family > 0xf ? 0xf00 | (guint32) (fms.family - 0xf) << 20
                            : (guint32) fms.family << 8;
    *out |= (guint32) (fms.model & 0xf) << 4 | (guint32) (fms.model >> 4) << 16;
    *out |= (guint32) fms.stepping;
    return TRUE;
}
