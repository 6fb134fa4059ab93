/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * DBG_DECRYPT: private memory to plaintext, for a debugger.
 *
 *   guest      RUNNING, active, without NODBG in its policy
 *   reads      LEN bytes of private memory at SRC_PADDR
 *   writes     their plaintext at DST_PADDR
 *   status     SUCCESS; in this order:
 *              POLICY_FAILURE (NODBG)
 *              INACTIVE (no ASID; design choice)
 *              INVALID_LENGTH (0 or not a multiple of 16; Linux, arch/x86/kvm/svm/sev.c)
 *              INVALID_ADDRESS (an address is not a multiple of 16, as Linux has it; a
 * range is not memory; the ranges overlap and are not the same: design choice)
 *
 * That the guest must be RUNNING is a design choice, too.
 */

#include "psp/fw/psp-private.h"

gboolean
psp_cmd_dbg_decrypt (PspDevice *psp,
                     PspGuest *guest,
                     void *buffer,
                     SevStatus *status,
                     GError **error)
{
    return psp_debug (psp, guest, buffer, TRUE, status, error);
}
