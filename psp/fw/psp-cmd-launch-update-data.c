/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * LAUNCH_UPDATE_DATA: measure plaintext, then make it the guest's private memory.
 *
 *   guest      LUPDATE, active
 *   reads      LEN bytes at PADDR
 *   writes     the same bytes in the form that the host's memory-encryption engine gives
 *              them; nothing where there is no engine (PspHostOps.write_private)
 *   status     SUCCESS
 *              INACTIVE (no ASID, so no key is in place; design choice)
 *              INVALID_LENGTH (0 or not a multiple of 16)
 *              INVALID_ADDRESS (not a multiple of 16, or not memory)
 *
 * The digest depends on the bytes in their order, not on how calls divide them.
 */

#include "psp/fw/psp-private.h"

#include <string.h>

gboolean
psp_cmd_launch_update_data (PspDevice *psp,
                            PspGuest *guest,
                            void *buffer,
                            SevStatus *status,
                            GError **error)
{
    PspLaunchDataCmd cmd;

    memcpy (&cmd, buffer, sizeof cmd);
    const guint32 len = GUINT32_FROM_LE (cmd.len_le);

    if (guest->asid == 0)
        return psp_answer (status, SEV_STATUS_INACTIVE);
    if (len == 0 || len % SEV_BLOCK_SIZE != 0)
        return psp_answer (status, SEV_STATUS_INVALID_LENGTH);
    return psp_launch_update (psp, guest, GUINT64_FROM_LE (cmd.paddr_le), len, status,
                              error);
}
