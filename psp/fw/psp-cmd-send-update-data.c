/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * SEND_UPDATE_DATA: a page, or a part of one, for the target.
 *
 *   guest      SUPDATE, active
 *   reads      GUEST_LEN bytes of private memory
 *   writes     packet header (52 bytes), ciphertext (GUEST_LEN); both lengths
 *   status     as psp_send_update()
 */

#include "psp/fw/psp-migrate.h"

gboolean
psp_cmd_send_update_data (PspDevice *psp,
                          PspGuest *guest,
                          void *buffer,
                          SevStatus *status,
                          GError **error)
{
    return psp_send_update (psp, guest, PSP_PAGE_DATA, buffer, status, error);
}
