/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * NOP: nothing, in any state (design choice; AMD's sev-tool has the id and no buffer).
 *
 *   status     SUCCESS
 */

#include "psp/fw/psp-private.h"

gboolean
psp_cmd_nop (PspDevice *psp,
             PspGuest *guest,
             void *buffer,
             SevStatus *status,
             GError **error)
{
    return psp_answer (status, SEV_STATUS_SUCCESS);
}
