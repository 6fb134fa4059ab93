/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * LAUNCH_START: a new guest context, with the transport keys of its owner.
 *
 *   platform   INIT or WORKING; becomes WORKING
 *   guest      new, in LUPDATE and inactive
 *   reads      the owner's DH certificate (2084 bytes) and session (128 bytes), unless
 *              DH_CERT_PADDR is 0: then the firmware makes up TEK and TIK, and nobody can
 *              verify the launch (QEMU without dh-cert-file)
 *   writes     the new handle into the command buffer
 *   status     SUCCESS; as psp_start_check(), then as psp_start_open_session()
 */

#include "psp/fw/psp-private.h"

#include <string.h>

#include "psp/fw/psp-faults.h"
#include "psp/fw/psp-start.h"

static gboolean
make_keys (PspDevice *psp, PspGuest *guest, SevStatus *status, GError **error)
{
    guest->tek = psp_random_secret (psp, SEV_KEY_SIZE, error);
    if (guest->tek == NULL)
        return FALSE;
    guest->tik = psp_random_secret (psp, SEV_KEY_SIZE, error);
    if (guest->tik == NULL)
        return FALSE;
    return psp_answer (status, SEV_STATUS_SUCCESS);
}

/* TEK and TIK, memory key, empty digest. */
static gboolean
fill_guest (PspDevice *psp,
            const PspLaunchStartCmd *cmd,
            const PspGuest *sharer,
            PspGuest *guest,
            SevStatus *status,
            GError **error)
{
    const gboolean done = cmd->dh_cert_paddr_le != 0
                              ? psp_start_open_session (psp, cmd, guest, status, error)
                              : make_keys (psp, guest, status, error);
    if (!done || *status != SEV_STATUS_SUCCESS)
        return done;

    if (PSP_HAS_FAULT (psp, PSP_FAULT_SWAP_KEYS)) {
        SevSecret *tek = guest->tek;
        guest->tek = guest->tik;
        guest->tik = tek;
    }
    if (!psp_start_set_vek (psp, guest, sharer, error))
        return FALSE;
    guest->digest = sev_digest_new (error);
    return guest->digest != NULL;
}

gboolean
psp_cmd_launch_start (PspDevice *psp,
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
    if (!fill_guest (psp, &cmd, sharer, guest, status, error))
        return FALSE;
    if (*status != SEV_STATUS_SUCCESS)
        return TRUE;

    psp_start_commit (psp, g_steal_pointer (&guest), PSP_CMD_LAUNCH_START, &cmd, buffer);
    return psp_answer (status, SEV_STATUS_SUCCESS);
}
