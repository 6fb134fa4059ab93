/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "psp/fw/psp-device.h"

G_BEGIN_DECLS

/*
 * Faults that a lying or broken firmware could have, to show that the owner's side refuses
 * each.  They exist only where PSP_FAULTS is defined: a second build of the library, made
 * for tests/agree/ and never installed or linked elsewhere.
 */
typedef enum {
    PSP_FAULT_SKIP_POLICY_MAC = 1 << 0,   /* LAUNCH_START, RECEIVE_START take any policy */
    PSP_FAULT_REUSE_MNONCE = 1 << 1,      /* LAUNCH_MEASURE's nonce is always the same */
    PSP_FAULT_SWAP_KEYS = 1 << 2,         /* LAUNCH_START takes TEK for TIK */
    PSP_FAULT_POLICY_BIG_ENDIAN = 1 << 3, /* LAUNCH_MEASURE */
    PSP_FAULT_SKIP_DIGEST = 1 << 4,       /* LAUNCH_UPDATE_DATA measures nothing */
} PspFault;

#ifdef PSP_FAULTS
void psp_device_set_faults (PspDevice *device, guint faults);
gboolean psp_device_has_fault (const PspDevice *device, PspFault fault);
#define PSP_HAS_FAULT(device, fault) psp_device_has_fault (device, fault)
#else
#define PSP_HAS_FAULT(device, fault) FALSE
#endif

G_END_DECLS
