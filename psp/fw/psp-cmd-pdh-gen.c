/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * PDH_GEN: a fresh PDH, signed by the same PEK.
 *
 *   platform   INIT or WORKING
 *   writes     persistent state: the PDH.  Guests keep the keys that were agreed with the
 *              old one; sessions made for it no longer open
 *   status     SUCCESS
 */

#include "psp/fw/psp-private.h"

gboolean
psp_cmd_pdh_gen (PspDevice *psp,
                 PspGuest *guest,
                 void *buffer,
                 SevStatus *status,
                 GError **error)
{
    g_autoptr (PspKeys) keys =
        psp_keys_renew_pdh (psp->keys, psp->config.api_major, psp->config.api_minor, error);

    if (keys == NULL || !psp_replace_keys (psp, &keys, error))
        return FALSE;
    return psp_answer (status, SEV_STATUS_SUCCESS);
}
