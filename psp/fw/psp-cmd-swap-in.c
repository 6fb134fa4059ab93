/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * SWAP_IN: what SWAP_OUT gave becomes the guest's private memory again.
 *
 *   guest      RUNNING, active
 *   reads      ciphertext of 4 KiB or 2 MiB at SRC_PADDR, a metadata entry at MDATA_PADDR
 *   writes     the plaintext as private memory at DST_PADDR, or with IN_PLACE at SRC_PADDR
 *   status     SUCCESS; in this order:
 *              INVALID_PARAM, POLICY_FAILURE, INACTIVE (psp_swap_check_guest())
 *              INVALID_ADDRESS (an address is not a multiple of the page's or the entry's
 *              size; a range is not memory)
 *              INVALID_MDATA_ENTRY (of another size or type, another guest's, never out or
 *              back already; entry or page were changed)
 *
 * What is a design choice stands in psp-swap.h.
 */

#include "psp/fw/psp-private.h"

#include <string.h>

#include "psp/fw/psp-swap.h"

#define CHUNK_SIZE 4096u

/* The command without IN_PLACE. */
typedef struct {
    guint32 flags; /* size and type */
    guint32 size;
    guint64 src;
    guint64 dst;
    guint64 mdata;
} SwapIn;

static SwapIn
parse (const void *buffer)
{
    PspSwapInCmd cmd;
    SwapIn in;

    memcpy (&cmd, buffer, sizeof cmd);
    const guint32 flags = GUINT32_FROM_LE (cmd.flags_le);
    in.flags = flags & ~PSP_SWAP_FLAG_IN_PLACE;
    in.size = psp_swap_page_size (flags);
    in.src = GUINT64_FROM_LE (cmd.src_paddr_le);
    in.dst =
        (flags & PSP_SWAP_FLAG_IN_PLACE) != 0 ? in.src : GUINT64_FROM_LE (cmd.dst_paddr_le);
    in.mdata = GUINT64_FROM_LE (cmd.mdata_paddr_le);
    return in;
}

static SevStatus
check (PspDevice *psp, const PspGuest *guest, const SwapIn *in)
{
    const SevStatus status = psp_swap_check_guest (guest, in->flags);

    if (status != SEV_STATUS_SUCCESS)
        return status;
    if (in->src % in->size != 0 || in->dst % in->size != 0 ||
        in->mdata % sizeof (PspSwapEntry) != 0 ||
        !psp_range_ok (psp, in->src, in->size, PSP_MEMORY_READ) ||
        !psp_range_ok (psp, in->dst, in->size, PSP_MEMORY_WRITE) ||
        !psp_range_ok (psp, in->mdata, sizeof (PspSwapEntry), PSP_MEMORY_READ))
        return SEV_STATUS_INVALID_ADDRESS;
    return SEV_STATUS_SUCCESS;
}

static gboolean
decrypt (PspDevice *psp,
         const PspGuest *guest,
         const PspSwap *swap,
         const SwapIn *in,
         const PspSwapEntry *entry,
         const guint8 *page,
         GError **error)
{
    g_autoptr (SevSecret) plain = sev_secret_new (CHUNK_SIZE);

    for (guint32 at = 0; at < in->size; at += CHUNK_SIZE)
        if (!psp_swap_crypt (swap, entry, at, page + at, sev_secret_writable (plain),
                             CHUNK_SIZE, error) ||
            !psp_write_private (psp, guest, in->dst + at, sev_secret_data (plain),
                                CHUNK_SIZE, error))
            return FALSE;
    return TRUE;
}

/* The page is read once, so that what is decrypted is what the MAC is of. */
static gboolean
swap_in (PspDevice *psp,
         const PspGuest *guest,
         const PspSwap *swap,
         const SwapIn *in,
         const PspSwapEntry *entry,
         SevStatus *status,
         GError **error)
{
    g_autofree guint8 *page = g_malloc (in->size);
    guint8 mac[SEV_MAC_SIZE];

    if (!psp_read (psp, in->src, page, in->size, error) ||
        !psp_swap_mac (swap, entry, page, in->size, mac, error))
        return FALSE;
    if (!sev_constant_time_equal (mac, entry->mac, sizeof mac))
        return psp_answer (status, SEV_STATUS_INVALID_MDATA_ENTRY);
    return psp_answer (status, SEV_STATUS_SUCCESS) &&
           decrypt (psp, guest, swap, in, entry, page, error);
}

gboolean
psp_cmd_swap_in (PspDevice *psp,
                 PspGuest *guest,
                 void *buffer,
                 SevStatus *status,
                 GError **error)
{
    const SwapIn in = parse (buffer);
    PspSwapEntry entry;
    PspSwap swap;

    *status = check (psp, guest, &in);
    if (*status != SEV_STATUS_SUCCESS)
        return TRUE;
    if (!psp_read (psp, in.mdata, &entry, sizeof entry, error))
        return FALSE;
    if (GUINT32_FROM_LE (entry.flags_le) != in.flags ||
        !psp_guest_is_swapped (guest, entry.nonce))
        return psp_answer (status, SEV_STATUS_INVALID_MDATA_ENTRY);

    const gboolean ok = psp_swap_init (&swap, psp->swap_key, guest, error) &&
                        swap_in (psp, guest, &swap, &in, &entry, status, error);
    psp_swap_clear (&swap);
    if (ok && *status == SEV_STATUS_SUCCESS)
        psp_guest_remove_swapped (guest, entry.nonce);
    return ok;
}
