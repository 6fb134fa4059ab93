/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * DBG_ENCRYPT: plaintext of a debugger to private memory.
 *
 *   reads      LEN bytes of plaintext at SRC_PADDR
 *   writes     them as private memory at DST_PADDR
 *   guest, status  as DBG_DECRYPT
 */

#include "psp/fw/psp-private.h"

gboolean
psp_cmd_dbg_encrypt (PspDevice *psp,
                     PspGuest *guest,
                     void *buffer,
                     SevStatus *status,
                     GError **error)
{
    return psp_debug (psp, guest, buffer, FALSE, status, error);
}
