/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * RECEIVE_FINISH: the guest may run.
 *
 *   guest      RUPDATE; becomes RUNNING (design choice)
 *   writes     nothing outside; TEK and TIK are wiped
 *   status     SUCCESS
 */

#include "psp/fw/psp-private.h"

gboolean
psp_cmd_receive_finish (PspDevice *psp,
                        PspGuest *guest,
                        void *buffer,
                        SevStatus *status,
                        GError **error)
{
    psp_guest_wipe_launch (guest);
    psp_guest_advance (guest, PSP_CMD_RECEIVE_FINISH);
    return psp_answer (status, SEV_STATUS_SUCCESS);
}
