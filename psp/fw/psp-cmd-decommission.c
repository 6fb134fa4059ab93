/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * DECOMMISSION: wipe and delete a guest context.
 *
 *   platform   WORKING; becomes INIT with the last context (design choice)
 *   guest      any state, inactive; is gone
 *   status     SUCCESS, ACTIVE (DEACTIVATE comes first; design choice)
 */

#include "psp/fw/psp-private.h"

gboolean
psp_cmd_decommission (PspDevice *psp,
                      PspGuest *guest,
                      void *buffer,
                      SevStatus *status,
                      GError **error)
{
    if (guest->asid != 0)
        return psp_answer (status, SEV_STATUS_ACTIVE);

    psp_guests_remove (psp->guests, guest);
    if (psp_guests_count (psp->guests) == 0)
        psp->state = SEV_PLATFORM_INIT;
    return psp_answer (status, SEV_STATUS_SUCCESS);
}
