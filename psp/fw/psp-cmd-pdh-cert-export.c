/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * PDH_CERT_EXPORT.
 *
 *   platform   INIT or WORKING
 *   writes     PDH certificate (2084 bytes) at PDH_PADDR, PEK || OCA || CEK (6252) at
 *              CERTS_PADDR; both lengths
 *   status     SUCCESS
 *              INVALID_LENGTH (a buffer is too small or its address is 0: the length query,
 *              both lengths are written back)
 *              INVALID_ADDRESS (a range is not memory)
 *
 * The CEK has no ASK signature here: the key server gives the signed one.
 */

#include "psp/fw/psp-private.h"

#include <string.h>

#include "psp/fw/psp-chip-private.h"

static void
encode_chain (const PspDevice *psp, guint8 out[SEV_CERT_CHAIN_SIZE])
{
    SevCert cek = *psp_chip_cek_cert (psp->chip);

    G_STATIC_ASSERT (SEV_CERT_CHAIN_SIZE == 3 * SEV_CERT_SIZE);
    for (guint i = 0; i < SEV_CERT_SIGS; i++)
        sev_cert_sig_clear (&cek.sig[i]);
    sev_cert_encode (&psp->keys->pek, out);
    sev_cert_encode (&psp->keys->oca, out + SEV_CERT_SIZE);
    sev_cert_encode (&cek, out + 2 * SEV_CERT_SIZE);
}

gboolean
psp_cmd_pdh_cert_export (PspDevice *psp,
                         PspGuest *guest,
                         void *buffer,
                         SevStatus *status,
                         GError **error)
{
    guint8 pdh[SEV_CERT_SIZE], chain[SEV_CERT_CHAIN_SIZE];
    PspPdhCertExportCmd cmd, reply;

    memcpy (&cmd, buffer, sizeof cmd);
    const guint64 pdh_paddr = GUINT64_FROM_LE (cmd.pdh_paddr_le);
    const guint64 certs_paddr = GUINT64_FROM_LE (cmd.certs_paddr_le);
    reply = cmd;
    reply.pdh_len_le = GUINT32_TO_LE (SEV_CERT_SIZE);
    reply.certs_len_le = GUINT32_TO_LE (SEV_CERT_CHAIN_SIZE);
    memcpy (buffer, &reply, sizeof reply);

    if (pdh_paddr == 0 || certs_paddr == 0 ||
        GUINT32_FROM_LE (cmd.pdh_len_le) < SEV_CERT_SIZE ||
        GUINT32_FROM_LE (cmd.certs_len_le) < SEV_CERT_CHAIN_SIZE)
        return psp_answer (status, SEV_STATUS_INVALID_LENGTH);
    if (!psp_range_ok (psp, pdh_paddr, sizeof pdh, PSP_MEMORY_WRITE) ||
        !psp_range_ok (psp, certs_paddr, sizeof chain, PSP_MEMORY_WRITE))
        return psp_answer (status, SEV_STATUS_INVALID_ADDRESS);

    sev_cert_encode (&psp->keys->pdh, pdh);
    encode_chain (psp, chain);
    if (!psp_write (psp, pdh_paddr, pdh, sizeof pdh, error) ||
        !psp_write (psp, certs_paddr, chain, sizeof chain, error))
        return FALSE;
    return psp_answer (status, SEV_STATUS_SUCCESS);
}
