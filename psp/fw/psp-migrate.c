/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "psp/fw/psp-migrate.h"

#include <string.h>

#include "psp/fw/psp-packet.h"

#define PAGE_SIZE 4096u

static guint8
mac_context (PspPageKind kind)
{
    return kind == PSP_PAGE_VMSA ? SEV_MAC_CONTEXT_VMSA : SEV_MAC_CONTEXT_DATA;
}

static SevStatus
check_guest (const PspGuest *guest, PspPageKind kind)
{
    if (kind == PSP_PAGE_VMSA && (guest->policy & SEV_POLICY_ES) == 0)
        return SEV_STATUS_POLICY_FAILURE;
    return guest->asid != 0 ? SEV_STATUS_SUCCESS : SEV_STATUS_INACTIVE;
}

static gboolean
len_ok (PspPageKind kind, guint32 len)
{
    if (kind == PSP_PAGE_VMSA)
        return len == PSP_VMSA_SIZE;
    return len > 0 && len <= PAGE_SIZE && len % SEV_BLOCK_SIZE == 0;
}

static gboolean
page_ok (PspDevice *psp, guint64 paddr, guint32 len, PspMemoryAccess access)
{
    return paddr % SEV_BLOCK_SIZE == 0 && paddr % PAGE_SIZE + len <= PAGE_SIZE &&
           psp_range_ok (psp, paddr, len, access);
}

/* The parameters of SEND_UPDATE_*, with the lengths written back. */
static SevStatus
check_send (PspDevice *psp, PspPageKind kind, const PspLaunchSecretCmd *cmd, void *buffer)
{
    const guint64 hdr_paddr = GUINT64_FROM_LE (cmd->hdr_paddr_le);
    const guint64 trans_paddr = GUINT64_FROM_LE (cmd->trans_paddr_le);
    const guint32 guest_len = GUINT32_FROM_LE (cmd->guest_len_le);
    const guint32 need = len_ok (kind, guest_len) ? guest_len : PAGE_SIZE;
    PspLaunchSecretCmd reply = *cmd;

    reply.hdr_len_le = GUINT32_TO_LE (sizeof (SevPacketHeaderWire));
    reply.trans_len_le = GUINT32_TO_LE (need);
    memcpy (buffer, &reply, sizeof reply);

    if (hdr_paddr == 0 || trans_paddr == 0 ||
        GUINT32_FROM_LE (cmd->hdr_len_le) < sizeof (SevPacketHeaderWire) ||
        GUINT32_FROM_LE (cmd->trans_len_le) < need || !len_ok (kind, guest_len))
        return SEV_STATUS_INVALID_LENGTH;
    if (!page_ok (psp, GUINT64_FROM_LE (cmd->guest_paddr_le), guest_len, PSP_MEMORY_READ) ||
        !psp_range_ok (psp, hdr_paddr, sizeof (SevPacketHeaderWire), PSP_MEMORY_WRITE) ||
        !psp_range_ok (psp, trans_paddr, guest_len, PSP_MEMORY_WRITE))
        return SEV_STATUS_INVALID_ADDRESS;
    return SEV_STATUS_SUCCESS;
}

gboolean
psp_send_update (PspDevice *psp,
                 const PspGuest *guest,
                 PspPageKind kind,
                 void *buffer,
                 SevStatus *status,
                 GError **error)
{
    PspLaunchSecretCmd cmd;
    SevPacketHeaderWire header = { 0 };

    memcpy (&cmd, buffer, sizeof cmd);
    *status = check_guest (guest, kind);
    if (*status == SEV_STATUS_SUCCESS)
        *status = check_send (psp, kind, &cmd, buffer);
    if (*status != SEV_STATUS_SUCCESS)
        return TRUE;

    const guint32 len = GUINT32_FROM_LE (cmd.guest_len_le);
    g_autoptr (SevSecret) plain = sev_secret_new (len);
    g_autofree guint8 *data = g_malloc (len);
    return psp_read_private (psp, guest, GUINT64_FROM_LE (cmd.guest_paddr_le),
                             sev_secret_writable (plain), len, error) &&
           psp_random (psp, header.iv, sizeof header.iv, error) &&
           psp_packet_seal (mac_context (kind), guest->tek, guest->tik, plain, &header,
                            data, error) &&
           psp_write (psp, GUINT64_FROM_LE (cmd.trans_paddr_le), data, len, error) &&
           psp_write (psp, GUINT64_FROM_LE (cmd.hdr_paddr_le), &header, sizeof header,
                      error);
}

static SevStatus
check_receive (PspDevice *psp, PspPageKind kind, const PspLaunchSecretCmd *cmd)
{
    const guint32 guest_len = GUINT32_FROM_LE (cmd->guest_len_le);
    const guint32 trans_len = GUINT32_FROM_LE (cmd->trans_len_le);

    if (GUINT32_FROM_LE (cmd->hdr_len_le) != sizeof (SevPacketHeaderWire) ||
        !len_ok (kind, guest_len) || !len_ok (kind, trans_len))
        return SEV_STATUS_INVALID_LENGTH;
    if (!page_ok (psp, GUINT64_FROM_LE (cmd->guest_paddr_le), guest_len,
                  PSP_MEMORY_WRITE) ||
        !psp_range_ok (psp, GUINT64_FROM_LE (cmd->hdr_paddr_le),
                       sizeof (SevPacketHeaderWire), PSP_MEMORY_READ) ||
        !psp_range_ok (psp, GUINT64_FROM_LE (cmd->trans_paddr_le), trans_len,
                       PSP_MEMORY_READ))
        return SEV_STATUS_INVALID_ADDRESS;
    return SEV_STATUS_SUCCESS;
}

gboolean
psp_receive_update (PspDevice *psp,
                    const PspGuest *guest,
                    PspPageKind kind,
                    const void *buffer,
                    SevStatus *status,
                    GError **error)
{
    PspLaunchSecretCmd cmd;
    SevPacketHeaderWire header;
    g_autoptr (SevSecret) plain = NULL;

    memcpy (&cmd, buffer, sizeof cmd);
    *status = check_guest (guest, kind);
    if (*status == SEV_STATUS_SUCCESS)
        *status = check_receive (psp, kind, &cmd);
    if (*status != SEV_STATUS_SUCCESS)
        return TRUE;

    const guint32 len = GUINT32_FROM_LE (cmd.trans_len_le);
    g_autofree guint8 *data = g_malloc (len);
    if (!psp_read (psp, GUINT64_FROM_LE (cmd.hdr_paddr_le), &header, sizeof header,
                   error) ||
        !psp_read (psp, GUINT64_FROM_LE (cmd.trans_paddr_le), data, len, error) ||
        !psp_packet_open (mac_context (kind), guest->tek, guest->tik, &header,
                          GUINT32_FROM_LE (cmd.guest_len_le), data, len, NULL, &plain,
                          status, error))
        return FALSE;
    if (*status != SEV_STATUS_SUCCESS)
        return TRUE;
    return psp_write_private (psp, guest, GUINT64_FROM_LE (cmd.guest_paddr_le),
                              sev_secret_data (plain), len, error);
}
