/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/attest/owner-vmsa.h"

#include <string.h>

/* Attributes of a segment as the VMSA packs them: present, code or data, accessed. */
#define SEG_PRESENT 0x80u
#define SEG_CODE_OR_DATA 0x10u
#define SEG_CODE_READ_ACCESSED 0x0bu
#define SEG_DATA_WRITE_ACCESSED 0x03u
#define SEG_LDT 0x02u
#define SEG_TSS_BUSY 0x0bu

#define SEG_LIMIT 0xffffu
#define RESET_SELECTOR 0xf000u
#define RESET_BASE 0xffff0000u
#define RESET_RIP 0xfff0u

#define EFER_SVME (1u << 12)
#define CR0_ET (1u << 4)
#define CR4_MCE (1u << 6)
#define RFLAGS_FIXED (1u << 1)
#define DR6_RESET 0xffff0ff0u
#define DR7_RESET 0x400u
#define XCR0_X87 1u
#define PAT_RESET G_GUINT64_CONSTANT (0x0007040600070406)
#define MXCSR_RESET 0x1f80u
#define FCW_RESET 0x37fu

#define FEATURE_DEBUG_SWAP (1u << 5)

/* Family, model and stepping of QEMU's models (target/i386/cpu.c); all versions of a model
 * have the same. */
static const struct {
    const char *name;
    guint family;
    guint model;
    guint stepping;
} models[] = {
    { "EPYC", 23, 1, 2 },          { "EPYC-IBPB", 23, 1, 2 },   { "EPYC-Rome", 23, 49, 0 },
    { "EPYC-Milan", 25, 1, 1 },    { "EPYC-Genoa", 25, 17, 0 }, { "Westmere", 6, 44, 1 },
    { "Westmere-IBRS", 6, 44, 1 },
};

const char *
policy_vmsa_form_name (PolicyVmsaForm form)
{
    return form == POLICY_VMSA_INIT2 ? "init2" : "legacy";
}

gboolean
policy_vcpus_variant (guint index, PolicyVcpus *vcpus)
{
    static const struct {
        PolicyVmsaForm form;
        guint64 features;
    } variants[] = {
        { POLICY_VMSA_LEGACY, 0 },
        { POLICY_VMSA_INIT2, 0 },
        { POLICY_VMSA_LEGACY, FEATURE_DEBUG_SWAP },
    };

    g_return_val_if_fail (vcpus != NULL, FALSE);

    if (index >= G_N_ELEMENTS (variants))
        return FALSE;
    vcpus->form = variants[index].form;
    vcpus->features = variants[index].features;
    return TRUE;
}

/* AMD 25481, CPUID Fn0000_0001_EAX: the base family ends at 15, the rest is extended. */
guint32
policy_cpu_signature_make (guint family, guint model, guint stepping)
{
    const guint base = MIN (family, 15u);

    g_return_val_if_fail (family <= 0x10e && model <= 0xff && stepping <= 0xf, 0);

    return (family - base) << 20 | (model >> 4) << 16 | base << 8 | (model & 0xf) << 4 |
           stepping;
}

char *
policy_cpu_models (void)
{
    GString *text = g_string_new (NULL);

    for (gsize i = 0; i < G_N_ELEMENTS (models); i++)
        g_string_append_printf (text, "%s%s", i > 0 ? ", " : "", models[i].name);
    return g_string_free (text, FALSE);
}

gboolean
policy_cpu_signature (const char *model, guint32 *out)
{
    g_return_val_if_fail (model != NULL && out != NULL, FALSE);

    for (gsize i = 0; i < G_N_ELEMENTS (models); i++)
        if (strcmp (models[i].name, model) == 0) {
            *out = policy_cpu_signature_make (models[i].family, models[i].model,
                                              models[i].stepping);
            return TRUE;
        }
    return FALSE;
}

gboolean
policy_cpu_signature_parse (const char *text, guint32 *out, char **problem)
{
    g_auto (GStrv) parts = g_strsplit (text, ",", 4);
    guint64 family, model, stepping;

    g_return_val_if_fail (out != NULL && problem != NULL, FALSE);

    if (policy_cpu_signature (text, out))
        return TRUE;
    if (g_strv_length (parts) == 3 &&
        g_ascii_string_to_unsigned (parts[0], 10, 0, 0x10e, &family, NULL) &&
        g_ascii_string_to_unsigned (parts[1], 10, 0, 0xff, &model, NULL) &&
        g_ascii_string_to_unsigned (parts[2], 10, 0, 0xf, &stepping, NULL)) {
        *out = policy_cpu_signature_make ((guint) family, (guint) model, (guint) stepping);
        return TRUE;
    }
    /* "host" and versions of models are other processors on each host and QEMU. */
    g_autofree char *known = policy_cpu_models ();
    *problem = g_strdup_printf ("'%s' is neither FAMILY,MODEL,STEPPING in decimal, as "
                                "/proc/cpuinfo in the guest says them, nor a model that is "
                                "known (%s)",
                                text, known);
    return FALSE;
}

static void
set_segment (SevVmsaSegment *segment, guint attributes)
{
    segment->attributes_le = GUINT16_TO_LE ((guint16) attributes);
    segment->limit_le = GUINT32_TO_LE (SEG_LIMIT);
}

/* A processor after reset begins at FFFFFFF0h; under SEV-ES the host cannot set it to
 * anything else later, so all others wait where the firmware's table says. */
static void
set_entry (const PolicyVcpus *vcpus, guint index, SevVmsaWire *out)
{
    const guint32 base = index == 0 ? RESET_BASE : vcpus->reset_addr & 0xffff0000u;
    const guint32 rip = index == 0 ? RESET_RIP : vcpus->reset_addr & 0x0000ffffu;

    out->cs.selector_le = GUINT16_TO_LE (RESET_SELECTOR);
    out->cs.base_le = GUINT64_TO_LE (base);
    out->rip_le = GUINT64_TO_LE (rip);
}

void
policy_vmsa_build (const PolicyVcpus *vcpus, guint index, SevVmsaWire *out)
{
    const guint data = SEG_PRESENT | SEG_CODE_OR_DATA | SEG_DATA_WRITE_ACCESSED;

    g_return_if_fail (vcpus != NULL && out != NULL);

    memset (out, 0, sizeof *out);
    set_segment (&out->es, data);
    set_segment (&out->cs, SEG_PRESENT | SEG_CODE_OR_DATA | SEG_CODE_READ_ACCESSED);
    set_segment (&out->ss, data);
    set_segment (&out->ds, data);
    set_segment (&out->fs, data);
    set_segment (&out->gs, data);
    set_segment (&out->gdtr, 0);
    set_segment (&out->ldtr, SEG_PRESENT | SEG_LDT);
    set_segment (&out->idtr, 0);
    set_segment (&out->tr, SEG_PRESENT | SEG_TSS_BUSY);
    out->efer_le = GUINT64_TO_LE (EFER_SVME);
    out->cr4_le = GUINT64_TO_LE (CR4_MCE);
    out->cr0_le = GUINT64_TO_LE (CR0_ET);
    out->dr7_le = GUINT64_TO_LE (DR7_RESET);
    out->dr6_le = GUINT64_TO_LE (DR6_RESET);
    out->rflags_le = GUINT64_TO_LE (RFLAGS_FIXED);
    out->g_pat_le = GUINT64_TO_LE (PAT_RESET);
    out->rdx_le = GUINT64_TO_LE (vcpus->signature);
    out->sev_features_le = GUINT64_TO_LE (vcpus->features);
    out->xcr0_le = GUINT64_TO_LE (XCR0_X87);
    set_entry (vcpus, index, out);
    if (vcpus->form == POLICY_VMSA_INIT2) {
        out->mxcsr_le = GUINT32_TO_LE (MXCSR_RESET);
        out->x87_fcw_le = GUINT16_TO_LE (FCW_RESET);
    }
}
