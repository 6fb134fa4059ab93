/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * ACTIVATE_EX: ACTIVATE for some of the processor's cores.
 *
 *   guest      as ACTIVATE
 *   reads      nothing: emulated memory has no cores, so the list of them must be memory,
 *              and what it says makes no difference
 *   status     those of ACTIVATE, and before them, in this order:
 *              INVALID_LENGTH (EX_LEN is not 18h)
 *              INVALID_PARAM (no core is named)
 *              INVALID_ADDRESS (the list of NUM_IDS 32-bit numbers is not memory)
 *
 * Design choices but for the layout of the command buffer (AMD's sev-tool).
 */

#include "psp/fw/psp-private.h"

#include <string.h>

gboolean
psp_cmd_activate_ex (PspDevice *psp,
                     PspGuest *guest,
                     void *buffer,
                     SevStatus *status,
                     GError **error)
{
    PspActivateExCmd cmd;

    memcpy (&cmd, buffer, sizeof cmd);
    const guint64 ids = GUINT64_FROM_LE (cmd.ids_paddr_le);
    const guint64 n = GUINT32_FROM_LE (cmd.num_ids_le);

    if (GUINT32_FROM_LE (cmd.ex_len_le) != sizeof cmd)
        return psp_answer (status, SEV_STATUS_INVALID_LENGTH);
    if (n == 0)
        return psp_answer (status, SEV_STATUS_INVALID_PARAM);
    if (ids == 0 || !psp_range_ok (psp, ids, n * sizeof (guint32), PSP_MEMORY_READ))
        return psp_answer (status, SEV_STATUS_INVALID_ADDRESS);
    return psp_answer (status, psp_activate (psp, guest, GUINT32_FROM_LE (cmd.asid_le)));
}
