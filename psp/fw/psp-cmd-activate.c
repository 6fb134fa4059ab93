/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * ACTIVATE: bind a guest to an ASID.
 *
 *   guest      any state but SENT, inactive; becomes active.  Who was sent runs elsewhere
 *              and cannot be bound again (design choice)
 *   status     SUCCESS
 *              ACTIVE (the guest is active already; design choice)
 *              INVALID_ASID (SEV-ES guests: 1 to MIN - 1; SEV guests: MIN to MAX; libvirt
 *              src/qemu/qemu_capabilities.c, Linux)
 *              ASID_OWNED (another guest is active on it and does not share its key)
 *              DF_FLUSH_REQUIRED (left since the last DF_FLUSH, or never flushed)
 */

#include "psp/fw/psp-private.h"

#include <string.h>

static gboolean
asid_fits (const PspConfig *config, guint32 policy, guint32 asid)
{
    if ((policy & SEV_POLICY_ES) != 0)
        return asid >= 1 && asid < config->min_sev_asid;
    return asid >= config->min_sev_asid && asid <= config->max_asid;
}

SevStatus
psp_activate (PspDevice *psp, PspGuest *guest, guint32 asid)
{
    if (guest->asid != 0)
        return SEV_STATUS_ACTIVE;
    if (!asid_fits (&psp->config, guest->policy, asid))
        return SEV_STATUS_INVALID_ASID;
    if (psp_guests_asid_owned (psp->guests, asid, guest->vek))
        return SEV_STATUS_ASID_OWNED;
    if (psp_guests_asid_stale (psp->guests, asid))
        return SEV_STATUS_DF_FLUSH_REQUIRED;

    psp_guests_activate (psp->guests, guest, asid);
    return SEV_STATUS_SUCCESS;
}

gboolean
psp_cmd_activate (PspDevice *psp,
                  PspGuest *guest,
                  void *buffer,
                  SevStatus *status,
                  GError **error)
{
    PspActivateCmd cmd;

    memcpy (&cmd, buffer, sizeof cmd);
    return psp_answer (status, psp_activate (psp, guest, GUINT32_FROM_LE (cmd.asid_le)));
}
