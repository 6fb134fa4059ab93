/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "psp/host/vmsa.h"

#include <string.h>

/* Flags of a segment as QEMU caches them, in bits 8 to 15 of a descriptor's upper half
 * (target/i386/cpu.h); KVM keeps them shifted down to the lowest bits. */
#define DESC_TYPE_SHIFT 8u
#define DESC_A (1u << 8)
#define DESC_RW (1u << 9)
#define DESC_CS (1u << 11)
#define DESC_S (1u << 12)
#define DESC_P (1u << 15)
#define DESC_TYPE_LDT (2u << DESC_TYPE_SHIFT)
#define DESC_TYPE_TSS (11u << DESC_TYPE_SHIFT)

/* A register of fixed value and the width of its member. */
typedef struct {
    guint16 offset;
    guint16 width; /* bytes */
    guint64 value;
} Register;

#define AT(member, number)                                                                 \
    {                                                                                      \
        offsetof (SevVmsaWire, member), sizeof ((SevVmsaWire *) 0)->member, number         \
    }
#define SEGMENT(name, flags)                                                               \
    AT (name.limit_le, 0xffff), AT (name.attributes_le, (flags) >> DESC_TYPE_SHIFT)

/* QEMU, x86_cpu_reset_hold(); the base of CS and the instruction pointer come apart. */
static const Register qemu_reset[] = {
    SEGMENT (cs, DESC_P | DESC_S | DESC_CS | DESC_RW | DESC_A),
    SEGMENT (ds, DESC_P | DESC_S | DESC_RW | DESC_A),
    SEGMENT (es, DESC_P | DESC_S | DESC_RW | DESC_A),
    SEGMENT (ss, DESC_P | DESC_S | DESC_RW | DESC_A),
    SEGMENT (fs, DESC_P | DESC_S | DESC_RW | DESC_A),
    SEGMENT (gs, DESC_P | DESC_S | DESC_RW | DESC_A),
    SEGMENT (ldtr, DESC_P | DESC_TYPE_LDT),
    SEGMENT (tr, DESC_P | DESC_TYPE_TSS),
    AT (gdtr.limit_le, 0xffff),
    AT (idtr.limit_le, 0xffff),
    AT (cs.selector_le, 0xf000),
    AT (cr0_le, 0x60000010),
    AT (rflags_le, 0x2),
    AT (dr6_le, 0xffff0ff0),
    AT (dr7_le, 0x400),
    AT (g_pat_le, G_GUINT64_CONSTANT (0x0007040600070406)),
    AT (xcr0_le, 1),
};

/* Linux, arch/x86/kvm/svm: what the setters add for the host's sake, or take away. */
static const Register kvm_adds[] = {
    AT (efer_le, 1u << 12), /* svm_set_efer(): SVME */
    AT (cr4_le, 1u << 6),   /* svm_set_cr4(): MCE as the host has it */
    AT (cr0_le, 0x10),      /* svm_set_cr0(): CD and NW do not reach the hardware */
};

/* sev_es_sync_vmsa() copies the FPU's registers only for the types of guest that
 * KVM_SEV_INIT2 makes; these are their values after FNINIT and reset. */
static const Register init2_adds[] = {
    AT (mxcsr_le, 0x1f80),
    AT (x87_fcw_le, 0x37f),
};

static void
put (SevVmsaWire *out, guint16 offset, guint16 width, guint64 value)
{
    for (guint i = 0; i < width; i++)
        ((guint8 *) out)[offset + i] = (guint8) (value >> 8 * i);
}

static void
put_all (SevVmsaWire *out, const Register *registers, gsize n)
{
    for (gsize i = 0; i < n; i++)
        put (out, registers[i].offset, registers[i].width, registers[i].value);
}

#define PUT(out, member, value)                                                            \
    put (out, offsetof (SevVmsaWire, member), sizeof ((SevVmsaWire *) 0)->member, value)

void
vmsa_build (const VmsaKind *kind, guint index, SevVmsaWire *out)
{
    /* QEMU, sev_es_set_reset_vector(): the BSP keeps the reset vector of the processor. */
    const guint64 entry = index > 0 ? kind->reset_addr : 0xfffffff0u;

    memset (out, 0, sizeof *out);
    put_all (out, qemu_reset, G_N_ELEMENTS (qemu_reset));
    PUT (out, rdx_le, kind->signature);
    PUT (out, cs.base_le, entry & ~G_GUINT64_CONSTANT (0xffff));
    PUT (out, rip_le, entry & 0xffff);
    put_all (out, kvm_adds, G_N_ELEMENTS (kvm_adds));
    if (kind->init2)
        put_all (out, init2_adds, G_N_ELEMENTS (init2_adds));
}
