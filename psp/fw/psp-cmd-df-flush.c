/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * DF_FLUSH: what makes left ASIDs usable again, and all of them after INIT.
 *
 *   platform   INIT or WORKING
 *   status     SUCCESS
 */

#include "psp/fw/psp-private.h"

gboolean
psp_cmd_df_flush (PspDevice *psp,
                  PspGuest *guest,
                  void *buffer,
                  SevStatus *status,
                  GError **error)
{
    psp_guests_flush (psp->guests);
    return psp_answer (status, SEV_STATUS_SUCCESS);
}
