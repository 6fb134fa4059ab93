/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * PLATFORM_RESET (Linux: FACTORY_RESET): erase the persistent state.
 *
 *   platform   UNINIT; stays so
 *   writes     persistent state, where the last INIT or INIT_EX had it: nothing is stored
 *              afterwards.  The next one makes a self-owned identity.  The chip (CEK, ASK,
 *              ARK, id) is not touched
 *   status     SUCCESS
 */

#include "psp/fw/psp-private.h"

gboolean
psp_cmd_platform_reset (PspDevice *psp,
                        PspGuest *guest,
                        void *buffer,
                        SevStatus *status,
                        GError **error)
{
    if (!psp_storage_store (psp, psp->nv_area, NULL, error))
        return FALSE;
    return psp_answer (status, SEV_STATUS_SUCCESS);
}
