/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * LAUNCH_FINISH: the guest may run.
 *
 *   guest      LSECRET; becomes RUNNING
 *   writes     nothing outside; TEK, TIK and MEASURE are wiped.  The finalised launch
 *              digest stays, ATTESTATION reports it
 *   status     SUCCESS
 */

#include "psp/fw/psp-private.h"

gboolean
psp_cmd_launch_finish (PspDevice *psp,
                       PspGuest *guest,
                       void *buffer,
                       SevStatus *status,
                       GError **error)
{
    psp_guest_wipe_launch (guest);
    psp_guest_advance (guest, PSP_CMD_LAUNCH_FINISH);
    return psp_answer (status, SEV_STATUS_SUCCESS);
}
