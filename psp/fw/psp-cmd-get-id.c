/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * GET_ID (API 0.16 and later).
 *
 *   platform   any
 *   writes     64 bytes at ID_PADDR, one socket; the length
 *   status     SUCCESS
 *              INVALID_LENGTH (buffer too small or address 0: the length query)
 *              INVALID_ADDRESS (not a multiple of 8, or not memory)
 */

#include "psp/fw/psp-private.h"

#include <string.h>

#define ID_ALIGN 8u

gboolean
psp_cmd_get_id (PspDevice *psp,
                PspGuest *guest,
                void *buffer,
                SevStatus *status,
                GError **error)
{
    PspGetIdCmd cmd, reply;

    memcpy (&cmd, buffer, sizeof cmd);
    const guint64 paddr = GUINT64_FROM_LE (cmd.id_paddr_le);
    reply = cmd;
    reply.id_len_le = GUINT32_TO_LE (PSP_CHIP_ID_SIZE);
    memcpy (buffer, &reply, sizeof reply);

    if (paddr == 0 || GUINT32_FROM_LE (cmd.id_len_le) < PSP_CHIP_ID_SIZE)
        return psp_answer (status, SEV_STATUS_INVALID_LENGTH);
    if (paddr % ID_ALIGN != 0 ||
        !psp_range_ok (psp, paddr, PSP_CHIP_ID_SIZE, PSP_MEMORY_WRITE))
        return psp_answer (status, SEV_STATUS_INVALID_ADDRESS);

    if (!psp_write (psp, paddr, psp_chip_id (psp->chip), PSP_CHIP_ID_SIZE, error))
        return FALSE;
    return psp_answer (status, SEV_STATUS_SUCCESS);
}
