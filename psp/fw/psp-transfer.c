/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "psp/fw/psp-private.h"

#include <string.h>

#define CHUNK_SIZE 4096u

static gboolean
overlap (guint64 a, guint64 b, guint64 len)
{
    return a != b && (a > b ? a - b : b - a) < len;
}

static SevStatus
check (PspDevice *psp, const PspGuest *guest, const PspTransfer *what)
{
    if (guest->asid == 0)
        return SEV_STATUS_INACTIVE;
    if (what->len == 0 || what->len % SEV_BLOCK_SIZE != 0)
        return SEV_STATUS_INVALID_LENGTH;
    if (what->src % SEV_BLOCK_SIZE != 0 || what->dst % SEV_BLOCK_SIZE != 0 ||
        !psp_range_ok (psp, what->src, what->len, PSP_MEMORY_READ) ||
        !psp_range_ok (psp, what->dst, what->len, PSP_MEMORY_WRITE) ||
        overlap (what->src, what->dst, what->len))
        return SEV_STATUS_INVALID_ADDRESS;
    return SEV_STATUS_SUCCESS;
}

static gboolean
move_chunk (PspDevice *psp,
            const PspGuest *guest,
            const PspTransfer *what,
            guint32 at,
            guint8 *chunk,
            guint32 n,
            GError **error)
{
    const gboolean read =
        what->src_private ? psp_read_private (psp, guest, what->src + at, chunk, n, error)
                          : psp_read (psp, what->src + at, chunk, n, error);

    if (!read)
        return FALSE;
    return what->dst_private
               ? psp_write_private (psp, guest, what->dst + at, chunk, n, error)
               : psp_write (psp, what->dst + at, chunk, n, error);
}

gboolean
psp_transfer (PspDevice *psp,
              const PspGuest *guest,
              const PspTransfer *what,
              SevStatus *status,
              GError **error)
{
    *status = check (psp, guest, what);
    if (*status != SEV_STATUS_SUCCESS)
        return TRUE;

    g_autoptr (SevSecret) chunk = sev_secret_new (MIN (what->len, CHUNK_SIZE));
    for (guint32 done = 0; done < what->len;) {
        const guint32 n = MIN (what->len - done, CHUNK_SIZE);

        if (!move_chunk (psp, guest, what, done, sev_secret_writable (chunk), n, error))
            return FALSE;
        done += n;
    }
    return TRUE;
}

gboolean
psp_debug (PspDevice *psp,
           const PspGuest *guest,
           const void *buffer,
           gboolean decrypt,
           SevStatus *status,
           GError **error)
{
    PspDbgCmd cmd;

    memcpy (&cmd, buffer, sizeof cmd);
    const PspTransfer what = {
        .src = GUINT64_FROM_LE (cmd.src_paddr_le),
        .dst = GUINT64_FROM_LE (cmd.dst_paddr_le),
        .len = GUINT32_FROM_LE (cmd.len_le),
        .src_private = decrypt,
        .dst_private = !decrypt,
    };

    if ((guest->policy & SEV_POLICY_NODBG) != 0)
        return psp_answer (status, SEV_STATUS_POLICY_FAILURE);
    return psp_transfer (psp, guest, &what, status, error);
}
