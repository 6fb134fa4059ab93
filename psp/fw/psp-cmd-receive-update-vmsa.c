/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * RECEIVE_UPDATE_VMSA: what SEND_UPDATE_VMSA made.
 *
 *   guest      RUPDATE, active, with SEV-ES in its policy
 *   reads      packet header (52 bytes), ciphertext (4096)
 *   writes     the plaintext as private memory at GUEST_PADDR
 *   status     as psp_receive_update()
 */

#include "psp/fw/psp-migrate.h"

gboolean
psp_cmd_receive_update_vmsa (PspDevice *psp,
                             PspGuest *guest,
                             void *buffer,
                             SevStatus *status,
                             GError **error)
{
    return psp_receive_update (psp, guest, PSP_PAGE_VMSA, buffer, status, error);
}
