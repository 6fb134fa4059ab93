/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "psp/fw/psp-private.h"

G_BEGIN_DECLS

/*
 * Pages on their way: what SEND_UPDATE_DATA and _VMSA, RECEIVE_UPDATE_DATA and _VMSA have
 * in common.  All four come with a #PspLaunchSecretCmd.
 *
 * One call moves bytes of one 4 KiB page (Linux, arch/x86/kvm/svm/sev.c), in multiples of
 * 16, because private memory is encrypted in blocks of 16.  A save area is a whole page of
 * a guest with SEV-ES in its policy.  The MAC does not say which page it is: whoever
 * carries the pages can exchange them (AMD's formula).
 *
 * Design choices: the order of the checks, ES as a matter of policy, INACTIVE, and that the
 * length query asks for a whole page where GUEST_LEN is no length.
 */
typedef enum {
    PSP_PAGE_DATA,
    PSP_PAGE_VMSA,
} PspPageKind;

/**
 * psp_send_update: private memory into a packet for the target
 * @buffer: (inout): a #PspLaunchSecretCmd; both lengths are written back with any status
 *   but POLICY_FAILURE and INACTIVE
 * @status: (out): SUCCESS; in this order:
 *   POLICY_FAILURE (a save area, but no ES),
 *   INACTIVE (no ASID),
 *   INVALID_LENGTH (header or packet buffer too small or address 0: the length query; the
 *   guest's length 0, no multiple of 16, or more than a page),
 *   INVALID_ADDRESS (guest address no multiple of 16, more than one page, not memory)
 */
gboolean psp_send_update (PspDevice *psp,
                          const PspGuest *guest,
                          PspPageKind kind,
                          void *buffer,
                          SevStatus *status,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * psp_receive_update: a packet into private memory
 * @buffer: a #PspLaunchSecretCmd
 * @status: (out): SUCCESS; in this order:
 *   POLICY_FAILURE (a save area, but no ES),
 *   INACTIVE (no ASID),
 *   INVALID_LENGTH (header not 52 bytes; a length as above),
 *   INVALID_ADDRESS (as above; the packet is not in memory),
 *   then as psp_packet_open(): BAD_MEASUREMENT for a packet that was changed
 */
gboolean psp_receive_update (PspDevice *psp,
                             const PspGuest *guest,
                             PspPageKind kind,
                             const void *buffer,
                             SevStatus *status,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
