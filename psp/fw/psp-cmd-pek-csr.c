/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * PEK_CSR: the PEK's certificate for an owner to sign.
 *
 *   platform   INIT (AMD's sev-tool; other notes add WORKING)
 *   writes     the PEK's certificate at CSR_PADDR, both signature slots empty (usage 1000h,
 *              algorithm 0, zero bytes; sev-tool insists on it); the length
 *   status     SUCCESS
 *              INVALID_LENGTH (buffer too small or address 0: the length query)
 *              INVALID_ADDRESS (not memory)
 *
 * Whoever owns the platform now: the ceremony of an owned one ends at PEK_CERT_IMPORT.
 */

#include "psp/fw/psp-private.h"

#include <string.h>

gboolean
psp_cmd_pek_csr (PspDevice *psp,
                 PspGuest *guest,
                 void *buffer,
                 SevStatus *status,
                 GError **error)
{
    SevCert csr = psp->keys->pek;
    guint8 bytes[SEV_CERT_SIZE];
    PspPekCsrCmd cmd, reply;

    memcpy (&cmd, buffer, sizeof cmd);
    const guint64 paddr = GUINT64_FROM_LE (cmd.csr_paddr_le);
    reply = cmd;
    reply.csr_len_le = GUINT32_TO_LE (SEV_CERT_SIZE);
    memcpy (buffer, &reply, sizeof reply);

    if (paddr == 0 || GUINT32_FROM_LE (cmd.csr_len_le) < SEV_CERT_SIZE)
        return psp_answer (status, SEV_STATUS_INVALID_LENGTH);
    if (!psp_range_ok (psp, paddr, sizeof bytes, PSP_MEMORY_WRITE))
        return psp_answer (status, SEV_STATUS_INVALID_ADDRESS);

    for (guint i = 0; i < SEV_CERT_SIGS; i++)
        sev_cert_sig_clear (&csr.sig[i]);
    sev_cert_encode (&csr, bytes);
    if (!psp_write (psp, paddr, bytes, sizeof bytes, error))
        return FALSE;
    return psp_answer (status, SEV_STATUS_SUCCESS);
}
