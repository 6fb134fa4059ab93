/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * SEND_START: begin to send a guest to another platform, or to a snapshot for this one.
 *
 *   guest      RUNNING; becomes SUPDATE, with fresh TEK and TIK; active or not
 *   reads      the target's PDH certificate (2084 bytes), PEK || OCA || CEK (6252), and
 *              where the policy has SEV, ASK || ARK (1664 or 3200)
 *   writes     the session for the target (128 bytes), which it opens with its PDH and this
 *              platform's; into the command buffer the policy and the session's length
 *   status     SUCCESS; in this order, which is a design choice:
 *              POLICY_FAILURE (NOSEND)
 *              INVALID_LENGTH (session buffer too small or address 0: the length query)
 *              INVALID_LENGTH (certificates)
 *              INVALID_ADDRESS (certificates or session are not in memory)
 *              then as psp_target_check()
 */

#include "psp/fw/psp-private.h"

#include <string.h>

#include "psp/fw/psp-session.h"
#include "psp/fw/psp-target.h"

typedef struct {
    guint8 pdh[SEV_CERT_SIZE];
    guint8 plat[SEV_CERT_CHAIN_SIZE];
    guint8 amd[2 * SEV_AMD_CERT_SIZE_4096];
} Certs;

static gboolean
amd_len_ok (guint32 len)
{
    return len == 2 * SEV_AMD_CERT_SIZE_2048 || len == 2 * SEV_AMD_CERT_SIZE_4096;
}

static gboolean
is_memory (PspDevice *psp, guint64 paddr, guint64 len, PspMemoryAccess access)
{
    return paddr != 0 && psp_range_ok (psp, paddr, len, access);
}

/* The parameters, with the session's length written back. */
static SevStatus
check (PspDevice *psp, const PspGuest *guest, const PspSendStartCmd *cmd, void *buffer)
{
    const gboolean amd = (guest->policy & SEV_POLICY_SEV) != 0;
    const guint32 amd_len = GUINT32_FROM_LE (cmd->amd_len_le);
    PspSendStartCmd reply = *cmd;

    if ((guest->policy & SEV_POLICY_NOSEND) != 0)
        return SEV_STATUS_POLICY_FAILURE;
    reply.session_len_le = GUINT32_TO_LE (sizeof (SevSessionWire));
    memcpy (buffer, &reply, sizeof reply);

    if (cmd->session_paddr_le == 0 ||
        GUINT32_FROM_LE (cmd->session_len_le) < sizeof (SevSessionWire) ||
        GUINT32_FROM_LE (cmd->pdh_len_le) != SEV_CERT_SIZE ||
        GUINT32_FROM_LE (cmd->plat_len_le) != SEV_CERT_CHAIN_SIZE ||
        (amd && !amd_len_ok (amd_len)))
        return SEV_STATUS_INVALID_LENGTH;
    if (!is_memory (psp, GUINT64_FROM_LE (cmd->pdh_paddr_le), SEV_CERT_SIZE,
                    PSP_MEMORY_READ) ||
        !is_memory (psp, GUINT64_FROM_LE (cmd->plat_paddr_le), SEV_CERT_CHAIN_SIZE,
                    PSP_MEMORY_READ) ||
        (amd &&
         !is_memory (psp, GUINT64_FROM_LE (cmd->amd_paddr_le), amd_len, PSP_MEMORY_READ)) ||
        !is_memory (psp, GUINT64_FROM_LE (cmd->session_paddr_le), sizeof (SevSessionWire),
                    PSP_MEMORY_WRITE))
        return SEV_STATUS_INVALID_ADDRESS;
    return SEV_STATUS_SUCCESS;
}

static gboolean
read_target (PspDevice *psp,
             const PspGuest *guest,
             const PspSendStartCmd *cmd,
             SevEcKey **pdh_key,
             SevStatus *status,
             GError **error)
{
    const gboolean amd = (guest->policy & SEV_POLICY_SEV) != 0;
    g_autofree Certs *certs = g_new (Certs, 1);
    const PspTarget target = {
        .pdh = certs->pdh,
        .plat = certs->plat,
        .amd = amd ? certs->amd : NULL,
        .amd_len = amd ? GUINT32_FROM_LE (cmd->amd_len_le) : 0,
    };

    if (!psp_read (psp, GUINT64_FROM_LE (cmd->pdh_paddr_le), certs->pdh, sizeof certs->pdh,
                   error) ||
        !psp_read (psp, GUINT64_FROM_LE (cmd->plat_paddr_le), certs->plat,
                   sizeof certs->plat, error) ||
        (amd && !psp_read (psp, GUINT64_FROM_LE (cmd->amd_paddr_le), certs->amd,
                           target.amd_len, error)))
        return FALSE;
    *status =
        psp_target_check (&target, guest->policy, &psp->keys->oca, psp->chip, pdh_key);
    return TRUE;
}

gboolean
psp_cmd_send_start (PspDevice *psp,
                    PspGuest *guest,
                    void *buffer,
                    SevStatus *status,
                    GError **error)
{
    PspSendStartCmd cmd;
    SevSessionWire session = { 0 };
    g_autoptr (SevEcKey) target = NULL;

    memcpy (&cmd, buffer, sizeof cmd);
    *status = check (psp, guest, &cmd, buffer);
    if (*status != SEV_STATUS_SUCCESS)
        return TRUE;
    if (!read_target (psp, guest, &cmd, &target, status, error))
        return FALSE;
    if (*status != SEV_STATUS_SUCCESS)
        return TRUE;

    g_autoptr (SevSecret) tek = psp_random_secret (psp, SEV_KEY_SIZE, error);
    if (tek == NULL)
        return FALSE;
    g_autoptr (SevSecret) tik = psp_random_secret (psp, SEV_KEY_SIZE, error);
    if (tik == NULL || !psp_random (psp, session.nonce, sizeof session.nonce, error) ||
        !psp_random (psp, session.wrap_iv, sizeof session.wrap_iv, error) ||
        !psp_session_wrap (psp->keys->pdh_key, target, guest->policy, tek, tik, &session,
                           error) ||
        !psp_write (psp, GUINT64_FROM_LE (cmd.session_paddr_le), &session, sizeof session,
                    error))
        return FALSE;

    cmd.policy_le = GUINT32_TO_LE (guest->policy);
    cmd.session_len_le = GUINT32_TO_LE (sizeof session);
    memcpy (buffer, &cmd, sizeof cmd);
    guest->tek = g_steal_pointer (&tek);
    guest->tik = g_steal_pointer (&tik);
    psp_guest_advance (guest, PSP_CMD_SEND_START);
    return psp_answer (status, SEV_STATUS_SUCCESS);
}
