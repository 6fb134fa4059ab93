/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * RECEIVE_UPDATE_DATA: what SEND_UPDATE_DATA made.
 *
 *   guest      RUPDATE, active
 *   reads      packet header (52 bytes), ciphertext (TRANS_LEN)
 *   writes     the plaintext as private memory at GUEST_PADDR
 *   status     as psp_receive_update()
 */

#include "psp/fw/psp-migrate.h"

gboolean
psp_cmd_receive_update_data (PspDevice *psp,
                             PspGuest *guest,
                             void *buffer,
                             SevStatus *status,
                             GError **error)
{
    return psp_receive_update (psp, guest, PSP_PAGE_DATA, buffer, status, error);
}
