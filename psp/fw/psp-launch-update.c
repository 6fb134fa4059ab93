/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "psp/fw/psp-faults.h"
#include "psp/fw/psp-private.h"

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
psp_launch_update (PspDevice *psp,
                   PspGuest *guest,
                   guint64 paddr,
                   guint32 len,
                   SevStatus *status,
                   GError **error)
{
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
