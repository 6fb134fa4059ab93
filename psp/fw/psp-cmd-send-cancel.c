/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * SEND_CANCEL: the guest stays.
 *
 *   guest      SUPDATE; becomes RUNNING (design choice)
 *   writes     nothing outside; TEK and TIK are wiped, so that what was sent so far cannot
 *              be gone on with
 *   status     SUCCESS
 */

#include "psp/fw/psp-private.h"

gboolean
psp_cmd_send_cancel (PspDevice *psp,
                     PspGuest *guest,
                     void *buffer,
                     SevStatus *status,
                     GError **error)
{
    psp_guest_wipe_launch (guest);
    psp_guest_advance (guest, PSP_CMD_SEND_CANCEL);
    return psp_answer (status, SEV_STATUS_SUCCESS);
}
