/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * INIT_EX: INIT with the persistent state in memory of the host.
 *
 *   platform   UNINIT; becomes INIT
 *   reads      what INIT reads; the area at NV_PADDR instead of the firmware's own storage
 *   writes     the area, if something was missing; later whenever the state changes, until
 *              the next INIT or INIT_EX, so that the host can save it (Linux, after
 *              PLATFORM_RESET too, which comes after SHUTDOWN)
 *   status     those of INIT, and before them, in this order:
 *              INVALID_LENGTH (LEN is not 24h; NV_LEN is not 32 KiB)
 *              INVALID_ADDRESS (NV_PADDR: 4 KiB aligned memory; Linux)
 *
 * Design choices: the statuses; an area of ffh or 00h only counts as empty; a damaged one
 * is answered with SECURE_DATA_INVALID and emptied, as INIT does.
 */

#include "psp/fw/psp-nv-area.h"
#include "psp/fw/psp-private.h"

#include <string.h>

gboolean
psp_cmd_init_ex (PspDevice *psp,
                 PspGuest *guest,
                 void *buffer,
                 SevStatus *status,
                 GError **error)
{
    PspInitExCmd cmd;

    memcpy (&cmd, buffer, sizeof cmd);
    const guint64 area = GUINT64_FROM_LE (cmd.nv_paddr_le);
    const PspInitParams params = {
        .options = GUINT32_FROM_LE (cmd.options_le),
        .tmr_paddr = GUINT64_FROM_LE (cmd.tmr_paddr_le),
        .tmr_len = GUINT32_FROM_LE (cmd.tmr_len_le),
        .nv_area = area,
    };

    if (GUINT32_FROM_LE (cmd.len_le) != sizeof cmd ||
        GUINT32_FROM_LE (cmd.nv_len_le) != PSP_NV_AREA_SIZE)
        return psp_answer (status, SEV_STATUS_INVALID_LENGTH);
    if (area == 0 || area % PSP_NV_AREA_ALIGN != 0 ||
        !psp_range_ok (psp, area, PSP_NV_AREA_SIZE, PSP_MEMORY_READ | PSP_MEMORY_WRITE))
        return psp_answer (status, SEV_STATUS_INVALID_ADDRESS);
    return psp_init (psp, &params, status, error);
}
