/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * SWAP_OUT: a page in a form that a hypervisor can keep elsewhere.
 *
 *   guest      RUNNING, active
 *   reads      4 KiB or 2 MiB of private memory at SRC_PADDR
 *   writes     ciphertext of the same size at DST_PADDR, a metadata entry at MDATA_PADDR
 *   status     SUCCESS; in this order:
 *              INVALID_PARAM, POLICY_FAILURE, INACTIVE (psp_swap_check_guest())
 *              INVALID_ADDRESS (an address is not a multiple of the page's or the entry's
 *              size; a range is not memory)
 *              RESOURCE_LIMIT (%PSP_SWAP_MAX_PAGES are out)
 *
 * The page stays where it is: to use its memory again is the hypervisor's business.  What
 * is a design choice stands in psp-swap.h.
 */

#include "psp/fw/psp-private.h"

#include <string.h>

#include "psp/fw/psp-error.h"
#include "psp/fw/psp-swap.h"

#define CHUNK_SIZE 4096u

static SevStatus
check (PspDevice *psp, const PspGuest *guest, const PspSwapOutCmd *cmd)
{
    const guint32 flags = GUINT32_FROM_LE (cmd->flags_le);
    const guint32 size = psp_swap_page_size (flags);
    const guint64 src = GUINT64_FROM_LE (cmd->src_paddr_le);
    const guint64 dst = GUINT64_FROM_LE (cmd->dst_paddr_le);
    const guint64 mdata = GUINT64_FROM_LE (cmd->mdata_paddr_le);
    const SevStatus status = psp_swap_check_guest (guest, flags);

    if (status != SEV_STATUS_SUCCESS)
        return status;
    if (src % size != 0 || dst % size != 0 || mdata % sizeof (PspSwapEntry) != 0 ||
        !psp_range_ok (psp, src, size, PSP_MEMORY_READ) ||
        !psp_range_ok (psp, dst, size, PSP_MEMORY_WRITE) ||
        !psp_range_ok (psp, mdata, sizeof (PspSwapEntry), PSP_MEMORY_WRITE))
        return SEV_STATUS_INVALID_ADDRESS;
    return psp_guest_swapped_count (guest) < PSP_SWAP_MAX_PAGES ? SEV_STATUS_SUCCESS
                                                                : SEV_STATUS_RESOURCE_LIMIT;
}

/* A nonce that no page of the guest has that is out. */
static gboolean
make_nonce (PspDevice *psp, const PspGuest *guest, PspSwapEntry *entry, GError **error)
{
    if (!psp_random (psp, entry->nonce, sizeof entry->nonce, error))
        return FALSE;
    if (!psp_guest_is_swapped (guest, entry->nonce))
        return TRUE;
    g_set_error_literal (error, PSP_ERROR, PSP_ERROR_HOST,
                         "the host's random numbers repeat");
    return FALSE;
}

static gboolean
encrypt (PspDevice *psp,
         const PspGuest *guest,
         const PspSwap *swap,
         guint64 src,
         PspSwapEntry *entry,
         guint8 *page,
         guint32 size,
         GError **error)
{
    g_autoptr (SevSecret) plain = sev_secret_new (CHUNK_SIZE);

    for (guint32 at = 0; at < size; at += CHUNK_SIZE)
        if (!psp_read_private (psp, guest, src + at, sev_secret_writable (plain),
                               CHUNK_SIZE, error) ||
            !psp_swap_crypt (swap, entry, at, sev_secret_data (plain), page + at,
                             CHUNK_SIZE, error))
            return FALSE;
    return psp_swap_mac (swap, entry, page, size, entry->mac, error);
}

static gboolean
swap_out (PspDevice *psp,
          const PspGuest *guest,
          const SevSecret *swap_key,
          const PspSwapOutCmd *cmd,
          PspSwapEntry *entry,
          GError **error)
{
    const guint32 size = psp_swap_page_size (GUINT32_FROM_LE (cmd->flags_le));
    g_autofree guint8 *page = g_malloc (size);
    PspSwap swap;

    const gboolean ok = psp_swap_init (&swap, swap_key, guest, error) &&
                        encrypt (psp, guest, &swap, GUINT64_FROM_LE (cmd->src_paddr_le),
                                 entry, page, size, error);
    psp_swap_clear (&swap);
    return ok && psp_write (psp, GUINT64_FROM_LE (cmd->dst_paddr_le), page, size, error) &&
           psp_write (psp, GUINT64_FROM_LE (cmd->mdata_paddr_le), entry, sizeof *entry,
                      error);
}

gboolean
psp_cmd_swap_out (PspDevice *psp,
                  PspGuest *guest,
                  void *buffer,
                  SevStatus *status,
                  GError **error)
{
    PspSwapOutCmd cmd;

    memcpy (&cmd, buffer, sizeof cmd);
    *status = check (psp, guest, &cmd);
    if (*status != SEV_STATUS_SUCCESS)
        return TRUE;

    PspSwapEntry entry = { .software_le = cmd.software_le, .flags_le = cmd.flags_le };
    g_autoptr (SevSecret) key = psp->swap_key != NULL
                                    ? sev_secret_ref (psp->swap_key)
                                    : psp_random_secret (psp, SEV_MAC_SIZE, error);
    if (key == NULL || !make_nonce (psp, guest, &entry, error) ||
        !swap_out (psp, guest, key, &cmd, &entry, error))
        return FALSE;

    if (psp->swap_key == NULL)
        psp->swap_key = g_steal_pointer (&key);
    psp_guest_add_swapped (guest, entry.nonce);
    return psp_answer (status, SEV_STATUS_SUCCESS);
}
