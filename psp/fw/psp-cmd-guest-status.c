/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * GUEST_STATUS.
 *
 *   guest      any state
 *   writes     the command buffer: policy, ASID (0 when inactive), state
 *   status     SUCCESS
 */

#include "psp/fw/psp-private.h"

#include <string.h>

gboolean
psp_cmd_guest_status (PspDevice *psp,
                      PspGuest *guest,
                      void *buffer,
                      SevStatus *status,
                      GError **error)
{
    const PspGuestStatusCmd cmd = {
        .handle_le = GUINT32_TO_LE (guest->handle),
        .policy_le = GUINT32_TO_LE (guest->policy),
        .asid_le = GUINT32_TO_LE (guest->asid),
        .state = (guint8) guest->state,
    };

    memcpy (buffer, &cmd, sizeof cmd);
    return psp_answer (status, SEV_STATUS_SUCCESS);
}
