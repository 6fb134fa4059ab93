/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * LAUNCH_SECRET (Linux: LAUNCH_UPDATE_SECRET): put a secret of the owner into the guest.
 *
 *   guest      LSECRET, active; stays so: more secrets may follow
 *   reads      packet header (52 bytes), ciphertext (TRANS_LEN)
 *   writes     plaintext at GUEST_PADDR, through the memory-encryption engine if there is
 *              one (PspHostOps.write_private)
 *   status     SUCCESS; in this order:
 *              INACTIVE (no ASID; design choice)
 *              INVALID_LENGTH (header not 52 bytes; a length 0, above 16 KiB or not a
 *              multiple of 16; virtee/sevctl tests/secretbuild.rs)
 *              INVALID_ADDRESS (guest address not a multiple of 16, design choice; or a
 *              range is not memory)
 *              INVALID_PARAM, UNSUPPORTED (reserved flags, compressed; design choices)
 *              INVALID_LENGTH (uncompressed, but the two lengths differ)
 *              BAD_MEASUREMENT (the MAC; design choice)
 *
 * Before API 0.17 the MAC does not cover MEASURE (AMD's sev-tool package_secret).
 */

#include "psp/fw/psp-private.h"

#include <string.h>

#include "psp/fw/psp-packet.h"

static gboolean
len_ok (guint32 len)
{
    return len > 0 && len <= SEV_SECRET_MAX_SIZE && len % SEV_BLOCK_SIZE == 0;
}

static SevStatus
check (PspDevice *psp, const PspGuest *guest, const PspLaunchSecretCmd *cmd)
{
    const guint64 guest_paddr = GUINT64_FROM_LE (cmd->guest_paddr_le);
    const guint32 guest_len = GUINT32_FROM_LE (cmd->guest_len_le);
    const guint32 trans_len = GUINT32_FROM_LE (cmd->trans_len_le);

    if (guest->asid == 0)
        return SEV_STATUS_INACTIVE;
    if (GUINT32_FROM_LE (cmd->hdr_len_le) != sizeof (SevPacketHeaderWire) ||
        !len_ok (guest_len) || !len_ok (trans_len))
        return SEV_STATUS_INVALID_LENGTH;
    if (guest_paddr % SEV_BLOCK_SIZE != 0 ||
        !psp_range_ok (psp, GUINT64_FROM_LE (cmd->hdr_paddr_le),
                       sizeof (SevPacketHeaderWire), PSP_MEMORY_READ) ||
        !psp_range_ok (psp, guest_paddr, guest_len, PSP_MEMORY_WRITE) ||
        !psp_range_ok (psp, GUINT64_FROM_LE (cmd->trans_paddr_le), trans_len,
                       PSP_MEMORY_READ))
        return SEV_STATUS_INVALID_ADDRESS;
    return SEV_STATUS_SUCCESS;
}

gboolean
psp_cmd_launch_secret (PspDevice *psp,
                       PspGuest *guest,
                       void *buffer,
                       SevStatus *status,
                       GError **error)
{
    PspLaunchSecretCmd cmd;
    SevPacketHeaderWire header;
    g_autoptr (SevSecret) plain = NULL;

    memcpy (&cmd, buffer, sizeof cmd);
    *status = check (psp, guest, &cmd);
    if (*status != SEV_STATUS_SUCCESS)
        return TRUE;

    const guint32 len = GUINT32_FROM_LE (cmd.trans_len_le);
    g_autofree guint8 *data = g_malloc (len);
    if (!psp_read (psp, GUINT64_FROM_LE (cmd.hdr_paddr_le), &header, sizeof header,
                   error) ||
        !psp_read (psp, GUINT64_FROM_LE (cmd.trans_paddr_le), data, len, error))
        return FALSE;

    const gboolean bound = psp_api_at_least (psp, SEV_API_BOUND_MAJOR, SEV_API_BOUND_MINOR);
    if (!psp_packet_open (SEV_MAC_CONTEXT_SECRET, guest->tek, guest->tik, &header,
                          GUINT32_FROM_LE (cmd.guest_len_le), data, len,
                          bound ? guest->measure : NULL, &plain, status, error))
        return FALSE;
    if (*status != SEV_STATUS_SUCCESS)
        return TRUE;

    if (!psp_write_private (psp, guest, GUINT64_FROM_LE (cmd.guest_paddr_le),
                            sev_secret_data (plain), len, error))
        return FALSE;
    return psp_answer (status, SEV_STATUS_SUCCESS);
}
