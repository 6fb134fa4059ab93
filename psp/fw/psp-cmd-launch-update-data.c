/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * LAUNCH_UPDATE_DATA: measure plaintext, then make it the guest's private memory.
 *
 *   guest      LUPDATE, active
 *   reads      LEN bytes at PADDR
 *   writes     the same bytes in the form that the host's memory-encryption engine gives
 *              them; nothing where there is no engine (PspHostOps.write_private)
 *   status     SUCCESS
 *              INACTIVE (no ASID, so no key is in place; design choice)
 *              INVALID_LENGTH (0 or not a multiple of 16)
 *              INVALID_ADDRESS (not a multiple of 16, or not memory)
 *
 * The digest depends on the bytes in their order, not on how calls divide them.
 */

#include "psp/fw/psp-private.h"

#include <string.h>

#include "psp/fw/psp-faults.h"

#define CHUNK_SIZE 65536u

/* Each byte is read once, so that what is measured is what is encrypted. */
static gboolean
take (PspDevice *psp,
      const PspGuest *guest,
      guint64 paddr,
      guint32 len,
      SevDigest *digest,
      GError **error)
{
    g_autofree guint8 *chunk = g_malloc (MIN (len, CHUNK_SIZE));

    for (guint32 done = 0; done < len;) {
        const guint32 n = MIN (len - done, CHUNK_SIZE);

        if (!psp_read (psp, paddr + done, chunk, n, error))
            return FALSE;
        if (!PSP_HAS_FAULT (psp, PSP_FAULT_SKIP_DIGEST) &&
            !sev_digest_update (digest, chunk, n, error))
            return FALSE;
        if (psp->ops.write_private != NULL &&
            !psp_write_private (psp, guest, paddr + done, chunk, n, error))
            return FALSE;
        done += n;
    }
    return TRUE;
}

gboolean
psp_cmd_launch_update_data (PspDevice *psp,
                            PspGuest *guest,
                            void *buffer,
                            SevStatus *status,
                            GError **error)
{
    PspLaunchDataCmd cmd;

    memcpy (&cmd, buffer, sizeof cmd);
    const guint64 paddr = GUINT64_FROM_LE (cmd.paddr_le);
    const guint32 len = GUINT32_FROM_LE (cmd.len_le);

    if (guest->asid == 0)
        return psp_answer (status, SEV_STATUS_INACTIVE);
    if (len == 0 || len % SEV_BLOCK_SIZE != 0)
        return psp_answer (status, SEV_STATUS_INVALID_LENGTH);
    if (paddr % SEV_BLOCK_SIZE != 0 ||
        !psp_range_ok (psp, paddr, len, PSP_MEMORY_READ | PSP_MEMORY_WRITE))
        return psp_answer (status, SEV_STATUS_INVALID_ADDRESS);

    g_autoptr (SevDigest) digest = sev_digest_copy (guest->digest, error);
    if (digest == NULL || !take (psp, guest, paddr, len, digest, error))
        return FALSE;

    sev_digest_free (guest->digest);
    guest->digest = g_steal_pointer (&digest);
    return psp_answer (status, SEV_STATUS_SUCCESS);
}
