/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * DEACTIVATE: unbind a guest from its ASID.
 *
 *   guest      any state, active; becomes inactive.  The ASID needs DF_FLUSH before it is
 *              taken again
 *   status     SUCCESS, INACTIVE (design choice)
 */

#include "psp/fw/psp-private.h"

gboolean
psp_cmd_deactivate (PspDevice *psp,
                    PspGuest *guest,
                    void *buffer,
                    SevStatus *status,
                    GError **error)
{
    if (guest->asid == 0)
        return psp_answer (status, SEV_STATUS_INACTIVE);

    psp_guests_deactivate (psp->guests, guest);
    return psp_answer (status, SEV_STATUS_SUCCESS);
}
