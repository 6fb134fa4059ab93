/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * LAUNCH_UPDATE_VMSA: measure the save area of one virtual CPU, then make it the guest's
 * private memory.  KVM sends one for each virtual CPU, in their order.
 *
 *   guest      LUPDATE, active, with SEV-ES in its policy
 *   reads      4096 bytes at PADDR
 *   writes     as LAUNCH_UPDATE_DATA
 *   status     SUCCESS; in this order:
 *              POLICY_FAILURE (the policy does not have ES; design choice)
 *              INACTIVE (no ASID; design choice)
 *              INVALID_LENGTH (not 4096)
 *              INVALID_ADDRESS (not a multiple of 16, or not memory)
 *
 * The digest takes it as it takes data: a save area is not told from a page.
 */

#include "psp/fw/psp-private.h"

#include <string.h>

gboolean
psp_cmd_launch_update_vmsa (PspDevice *psp,
                            PspGuest *guest,
                            void *buffer,
                            SevStatus *status,
                            GError **error)
{
    PspLaunchDataCmd cmd;

    memcpy (&cmd, buffer, sizeof cmd);
    const guint32 len = GUINT32_FROM_LE (cmd.len_le);

    if ((guest->policy & SEV_POLICY_ES) == 0)
        return psp_answer (status, SEV_STATUS_POLICY_FAILURE);
    if (guest->asid == 0)
        return psp_answer (status, SEV_STATUS_INACTIVE);
    if (len != PSP_VMSA_SIZE)
        return psp_answer (status, SEV_STATUS_INVALID_LENGTH);
    return psp_launch_update (psp, guest, GUINT64_FROM_LE (cmd.paddr_le), len, status,
                              error);
}
