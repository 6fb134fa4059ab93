/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * COPY: private memory to another place in memory.  A hypervisor that moves a page by
 * itself moves ciphertext, which is garbage at another address.
 *
 *   guest      RUNNING, active
 *   reads      LEN bytes of private memory at SRC_PADDR
 *   writes     the same plaintext as private memory at DST_PADDR
 *   status     SUCCESS; in this order:
 *              INACTIVE
 *              INVALID_LENGTH (0 or not a multiple of 16)
 *              INVALID_ADDRESS (an address is not a multiple of 16; a range is not memory;
 *              the ranges overlap and are not the same)
 *
 * No public source describes more than the command buffer; the rest is a design choice.
 */

#include "psp/fw/psp-private.h"

#include <string.h>

gboolean
psp_cmd_copy (PspDevice *psp,
              PspGuest *guest,
              void *buffer,
              SevStatus *status,
              GError **error)
{
    PspCopyCmd cmd;

    memcpy (&cmd, buffer, sizeof cmd);
    const PspTransfer what = {
        .src = GUINT64_FROM_LE (cmd.src_paddr_le),
        .dst = GUINT64_FROM_LE (cmd.dst_paddr_le),
        .len = GUINT32_FROM_LE (cmd.len_le),
        .src_private = TRUE,
        .dst_private = TRUE,
    };

    return psp_transfer (psp, guest, &what, status, error);
}
