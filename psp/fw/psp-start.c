/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "psp/fw/psp-start.h"

#include <string.h>

#include "psp/fw/psp-faults.h"
#include "psp/fw/psp-session.h"

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

SevStatus
psp_start_check (const PspDevice *psp, const PspLaunchStartCmd *cmd, PspGuest **sharer)
{
    const guint32 policy = GUINT32_FROM_LE (cmd->policy_le);
    const SevStatus sharing =
        check_sharing (psp, GUINT32_FROM_LE (cmd->handle_le), policy, sharer);

    if (sharing != SEV_STATUS_SUCCESS)
        return sharing;
    if (!psp_api_at_least (psp, (policy >> SEV_POLICY_API_MAJOR_SHIFT) & 0xff,
                           (policy >> SEV_POLICY_API_MINOR_SHIFT) & 0xff))
        return SEV_STATUS_POLICY_FAILURE;
    if ((policy & SEV_POLICY_ES) != 0 && !psp->es_enabled)
        return SEV_STATUS_UNSUPPORTED;
    if (psp_guests_full (psp->guests))
        return SEV_STATUS_RESOURCE_LIMIT;
    return SEV_STATUS_SUCCESS;
}

gboolean
psp_start_open_session (PspDevice *psp,
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
    if (cert_paddr == 0 || session_paddr == 0 ||
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

gboolean
psp_start_set_vek (PspDevice *psp, PspGuest *guest, const PspGuest *sharer, GError **error)
{
    guest->vek = sharer != NULL ? sev_secret_ref (sharer->vek)
                                : psp_random_secret (psp, SEV_KEY_SIZE, error);
    return guest->vek != NULL;
}

void
psp_start_commit (PspDevice *psp,
                  PspGuest *guest,
                  guint32 command,
                  const PspLaunchStartCmd *cmd,
                  void *buffer)
{
    PspLaunchStartCmd reply = *cmd;

    psp_guest_advance (guest, command);
    psp_guests_add (psp->guests, guest);
    reply.handle_le = GUINT32_TO_LE (guest->handle);
    memcpy (buffer, &reply, sizeof reply);
    psp->state = SEV_PLATFORM_WORKING;
}
