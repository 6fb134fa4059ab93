/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>

#include <glib.h>

G_BEGIN_DECLS

/*
 * The save area of a virtual processor (VMSA), as LAUNCH_UPDATE_VMSA measures it: layout
 * only.  What stands in it at launch is composed twice, by the owner's side
 * (policy/attest/owner-vmsa.c) and by the emulated host (psp/host/vmsa.c).
 *
 * Source: AMD 24593 (APM volume 2), table "VMSA layout, state save area for SEV-ES"; Linux,
 * arch/x86/include/asm/svm.h (struct sev_es_save_area).  The area has 1648 bytes there and
 * fills a page with zeroes.
 */

#define SEV_VMSA_SIZE 4096u

typedef struct __attribute__ ((packed)) {
    guint16 selector_le;
    guint16 attributes_le; /* bits 0-7: type, S, DPL, P; bits 8-11: AVL, L, D/B, G */
    guint32 limit_le;
    guint64 base_le;
} SevVmsaSegment;
G_STATIC_ASSERT (sizeof (SevVmsaSegment) == 16);

/* Only members that are not zero in every launch have names. */
typedef struct __attribute__ ((packed)) {
    SevVmsaSegment es;   /* 000h */
    SevVmsaSegment cs;   /* 010h */
    SevVmsaSegment ss;   /* 020h */
    SevVmsaSegment ds;   /* 030h */
    SevVmsaSegment fs;   /* 040h */
    SevVmsaSegment gs;   /* 050h */
    SevVmsaSegment gdtr; /* 060h */
    SevVmsaSegment ldtr; /* 070h */
    SevVmsaSegment idtr; /* 080h */
    SevVmsaSegment tr;   /* 090h */
    guint8 unnamed_a0[0x0d0 - 0x0a0];
    guint64 efer_le; /* 0D0h */
    guint8 unnamed_d8[0x148 - 0x0d8];
    guint64 cr4_le; /* 148h */
    guint64 cr3_le; /* 150h */
    guint64 cr0_le; /* 158h */
    guint64 dr7_le; /* 160h */
    guint64 dr6_le; /* 168h */
    guint64 rflags_le;
    guint64 rip_le; /* 178h */
    guint8 unnamed_180[0x268 - 0x180];
    guint64 g_pat_le; /* 268h */
    guint8 unnamed_270[0x310 - 0x270];
    guint64 rdx_le; /* 310h */
    guint8 unnamed_318[0x3b0 - 0x318];
    guint64 sev_features_le; /* 3B0h */
    guint8 unnamed_3b8[0x3e8 - 0x3b8];
    guint64 xcr0_le; /* 3E8h */
    guint8 unnamed_3f0[0x408 - 0x3f0];
    guint32 mxcsr_le; /* 408h */
    guint16 x87_ftw_le;
    guint16 x87_fsw_le;
    guint16 x87_fcw_le; /* 410h */
    guint8 unnamed_412[SEV_VMSA_SIZE - 0x412];
} SevVmsaWire;
G_STATIC_ASSERT (sizeof (SevVmsaWire) == SEV_VMSA_SIZE);
G_STATIC_ASSERT (offsetof (SevVmsaWire, tr) == 0x090);
G_STATIC_ASSERT (offsetof (SevVmsaWire, efer_le) == 0x0d0);
G_STATIC_ASSERT (offsetof (SevVmsaWire, cr4_le) == 0x148);
G_STATIC_ASSERT (offsetof (SevVmsaWire, cr0_le) == 0x158);
G_STATIC_ASSERT (offsetof (SevVmsaWire, dr7_le) == 0x160);
G_STATIC_ASSERT (offsetof (SevVmsaWire, dr6_le) == 0x168);
G_STATIC_ASSERT (offsetof (SevVmsaWire, rflags_le) == 0x170);
G_STATIC_ASSERT (offsetof (SevVmsaWire, rip_le) == 0x178);
G_STATIC_ASSERT (offsetof (SevVmsaWire, g_pat_le) == 0x268);
G_STATIC_ASSERT (offsetof (SevVmsaWire, rdx_le) == 0x310);
G_STATIC_ASSERT (offsetof (SevVmsaWire, sev_features_le) == 0x3b0);
G_STATIC_ASSERT (offsetof (SevVmsaWire, xcr0_le) == 0x3e8);
G_STATIC_ASSERT (offsetof (SevVmsaWire, mxcsr_le) == 0x408);
G_STATIC_ASSERT (offsetof (SevVmsaWire, x87_fcw_le) == 0x410);

G_END_DECLS
