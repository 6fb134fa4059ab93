/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * SEND_UPDATE_VMSA: the save area of one virtual CPU for the target.
 *
 *   guest      SUPDATE, active, with SEV-ES in its policy
 *   reads      4096 bytes of private memory
 *   writes     packet header (52 bytes), ciphertext (4096); both lengths
 *   status     as psp_send_update()
 */

#include "psp/fw/psp-migrate.h"

gboolean
psp_cmd_send_update_vmsa (PspDevice *psp,
                          PspGuest *guest,
                          void *buffer,
                          SevStatus *status,
                          GError **error)
{
    return psp_send_update (psp, guest, PSP_PAGE_VMSA, buffer, status, error);
}
