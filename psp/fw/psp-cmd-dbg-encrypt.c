/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * DBG_ENCRYPT: plaintext of a debugger to private memory.
 *
 *   reads      LEN bytes of plaintext at SRC_PADDR
 *   writes     them as private memory at DST_PADDR
 *   guest, status  as DBG_DECRYPT
 */

#include "psp/fw/psp-private.h"

#include <string.h>

gboolean
psp_cmd_dbg_encrypt (PspDevice *psp,
                     PspGuest *guest,
                     void *buffer,
                     SevStatus *status,
                     GError **error)
{
    PspDbgCmd cmd;

    memcpy (&cmd, buffer, sizeof cmd);
    const PspTransfer what = {
        .src = GUINT64_FROM_LE (cmd.src_paddr_le),
        .dst = GUINT64_FROM_LE (cmd.dst_paddr_le),
        .len = GUINT32_FROM_LE (cmd.len_le),
        .dst_private = TRUE,
    };

    if ((guest->policy & SEV_POLICY_NODBG) != 0)
        return psp_answer (status, SEV_STATUS_POLICY_FAILURE);
    return psp_transfer (psp, guest, &what, status, error);
}
