/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * SEND_FINISH: the guest is gone from here.
 *
 *   guest      SUPDATE; becomes SENT, in which it can only be taken down (design choice:
 *              nobody says what is legal then)
 *   writes     nothing outside; TEK and TIK are wiped
 *   status     SUCCESS
 */

#include "psp/fw/psp-private.h"

gboolean
psp_cmd_send_finish (PspDevice *psp,
                     PspGuest *guest,
                     void *buffer,
                     SevStatus *status,
                     GError **error)
{
    psp_guest_wipe_launch (guest);
    psp_guest_advance (guest, PSP_CMD_SEND_FINISH);
    return psp_answer (status, SEV_STATUS_SUCCESS);
}
