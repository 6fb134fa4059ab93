/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * RECEIVE_START: a new guest context for a guest that SEND_* sent.
 *
 *   platform   INIT or WORKING; becomes WORKING
 *   guest      new, in RUPDATE and inactive
 *   reads      the sender's PDH certificate (2084 bytes) and session (128 bytes)
 *   writes     the new handle into the command buffer
 *   status     SUCCESS; as psp_start_check(), then as psp_start_open_session(); address 0
 *              is INVALID_ADDRESS
 *
 * Nobody vouches for the sender: there is no chain in the command buffer, and the
 * certificate's signature is not looked at.  The owner trusted the target, not the source.
 */

#include "psp/fw/psp-private.h"

#include <string.h>

#include "psp/fw/psp-start.h"

gboolean
psp_cmd_receive_start (PspDevice *psp,
                       PspGuest *none,
                       void *buffer,
                       SevStatus *status,
                       GError **error)
{
    PspLaunchStartCmd cmd;
    PspGuest *sharer;

    memcpy (&cmd, buffer, sizeof cmd);
    *status = psp_start_check (psp, &cmd, &sharer);
    if (*status != SEV_STATUS_SUCCESS)
        return TRUE;

    g_autoptr (PspGuest) guest = psp_guest_new (GUINT32_FROM_LE (cmd.policy_le));
    if (!psp_start_open_session (psp, &cmd, guest, status, error))
        return FALSE;
    if (*status != SEV_STATUS_SUCCESS)
        return TRUE;
    if (!psp_start_set_vek (psp, guest, sharer, error))
        return FALSE;

    psp_start_commit (psp, g_steal_pointer (&guest), PSP_CMD_RECEIVE_START, &cmd, buffer);
    return psp_answer (status, SEV_STATUS_SUCCESS);
}
