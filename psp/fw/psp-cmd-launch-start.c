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
 *   status     SUCCESS; in this order:
 *              INVALID_GUEST (HANDLE is not 0 and no guest's)
 *              POLICY_FAILURE (key sharing: policies differ or NOKS is set)
 *              POLICY_FAILURE (the policy wants a newer API; design choice)
 *              UNSUPPORTED (ES wanted, the platform was not initialised for it; design
 *              choice)
 *              RESOURCE_LIMIT (as many contexts as ASIDs; design choice)
 *              INVALID_LENGTH (certificate or session; AMDSEV issues 62 and 70)
 *              INVALID_ADDRESS (certificate or session are not in memory)
 *              INVALID_CERTIFICATE (not for ECDH on P-384)
 *              BAD_MEASUREMENT (WRAP_MAC, POLICY_MAC)
 *
 * Reserved policy bits are not looked at: they are under POLICY_MAC and in the measurement
 * (design choice; AMD's sev-tool makes sessions with them set).
 */

#include "psp/fw/psp-private.h"

#include <string.h>

#include "psp/fw/psp-faults.h"
#include "psp/fw/psp-session.h"

/* The guest whose memory key is shared, or %NULL in *@sharer. */
static SevStatus
check_sharing (const PspDevice *psp, guint32 handle, guint32 policy, PspGuest **sharer)
{
    *sharer = NULL;
    if (handle == 0)
        return SEV_STATUS_SUCCESS;
    *sharer = psp_guests_find (psp->guests, handle);
    if (*sharer == NULL)
        return SEV_STATUS_INVALID_GUEST;
    if ((*sharer)->policy != policy || (policy & SEV_POLICY_NOKS) != 0)
        return SEV_STATUS_POLICY_FAILURE;
    return SEV_STATUS_SUCCESS;
}

static SevStatus
check_policy (const PspDevice *psp, guint32 policy)
{
    if (!psp_api_at_least (psp, (policy >> SEV_POLICY_API_MAJOR_SHIFT) & 0xff,
                           (policy >> SEV_POLICY_API_MINOR_SHIFT) & 0xff))
        return SEV_STATUS_POLICY_FAILURE;
    if ((policy & SEV_POLICY_ES) != 0 && !psp->es_enabled)
        return SEV_STATUS_UNSUPPORTED;
    if (psp_guests_full (psp->guests))
        return SEV_STATUS_RESOURCE_LIMIT;
    return SEV_STATUS_SUCCESS;
}

static gboolean
open_session (PspDevice *psp,
              const PspLaunchStartCmd *cmd,
              PspGuest *guest,
              SevStatus *status,
              GError **error)
{
    const guint64 cert_paddr = GUINT64_FROM_LE (cmd->dh_cert_paddr_le);
    const guint64 session_paddr = GUINT64_FROM_LE (cmd->session_paddr_le);
    guint8 cert[SEV_CERT_SIZE];
    SevSessionWire session;

    if (GUINT32_FROM_LE (cmd->dh_cert_len_le) != sizeof cert ||
        GUINT32_FROM_LE (cmd->session_len_le) != sizeof session)
        return psp_answer (status, SEV_STATUS_INVALID_LENGTH);
    if (session_paddr == 0 ||
        !psp_range_ok (psp, cert_paddr, sizeof cert, PSP_MEMORY_READ) ||
        !psp_range_ok (psp, session_paddr, sizeof session, PSP_MEMORY_READ))
        return psp_answer (status, SEV_STATUS_INVALID_ADDRESS);
    if (!psp_read (psp, cert_paddr, cert, sizeof cert, error) ||
        !psp_read (psp, session_paddr, &session, sizeof session, error))
        return FALSE;

    if (!psp_session_unwrap (psp->keys->pdh_key, cert, sizeof cert, &session, &guest->tek,
                             &guest->tik, status, error))
        return FALSE;
    if (*status != SEV_STATUS_SUCCESS || PSP_HAS_FAULT (psp, PSP_FAULT_SKIP_POLICY_MAC))
        return TRUE;
    return psp_session_check_policy (&session, guest->policy, guest->tik, status, error);
}

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
                              ? open_session (psp, cmd, guest, status, error)
                              : make_keys (psp, guest, status, error);
    if (!done || *status != SEV_STATUS_SUCCESS)
        return done;

    if (PSP_HAS_FAULT (psp, PSP_FAULT_SWAP_KEYS)) {
        SevSecret *tek = guest->tek;
        guest->tek = guest->tik;
        guest->tik = tek;
    }
    guest->vek = sharer != NULL ? sev_secret_ref (sharer->vek)
                                : psp_random_secret (psp, SEV_KEY_SIZE, error);
    if (guest->vek == NULL)
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
    const guint32 policy = GUINT32_FROM_LE (cmd.policy_le);
    *status = check_sharing (psp, GUINT32_FROM_LE (cmd.handle_le), policy, &sharer);
    if (*status == SEV_STATUS_SUCCESS)
        *status = check_policy (psp, policy);
    if (*status != SEV_STATUS_SUCCESS)
        return TRUE;

    g_autoptr (PspGuest) guest = psp_guest_new (policy);
    if (!fill_guest (psp, &cmd, sharer, guest, status, error))
        return FALSE;
    if (*status != SEV_STATUS_SUCCESS)
        return TRUE;

    psp_guest_advance (guest, PSP_CMD_LAUNCH_START);
    psp_guests_add (psp->guests, guest);
    cmd.handle_le = GUINT32_TO_LE (guest->handle);
    memcpy (buffer, &cmd, sizeof cmd);
    g_steal_pointer (&guest);
    psp->state = SEV_PLATFORM_WORKING;
    return psp_answer (status, SEV_STATUS_SUCCESS);
}
