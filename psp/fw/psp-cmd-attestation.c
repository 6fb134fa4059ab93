/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * ATTESTATION: a report about a guest, signed by the platform, at any time after its
 * launch.
 *
 *   guest      LSECRET, RUNNING (design choice: once there is a launch digest, and before
 *              the guest is sent away); active or not
 *   writes     208 bytes SevReportWire at PADDR; the length
 *   status     SUCCESS
 *              INVALID_LENGTH (buffer too small or address 0: the length query)
 *              INVALID_ADDRESS (not memory)
 *
 * The PEK signs bytes 00h to 33h with ECDSA and SHA-256: the caller's nonce, the launch
 * digest, the policy (AMD's sev-tool, validate_attestation).  The digest is the one that
 * LAUNCH_MEASURE measured, although LAUNCH_FINISH ends the launch.  A guest that came by
 * RECEIVE_* was not measured here: its digest reads 0 (design choice), which is nobody's.
 */

#include "psp/fw/psp-private.h"

#include <string.h>

static gboolean
make_report (const PspDevice *psp,
             const PspGuest *guest,
             const guint8 mnonce[SEV_NONCE_SIZE],
             SevReportWire *report,
             GError **error)
{
    SevEcSignature signature;

    memset (report, 0, sizeof *report);
    memcpy (report->mnonce, mnonce, sizeof report->mnonce);
    memcpy (report->ld, guest->launch_digest, sizeof report->ld);
    report->policy_le = GUINT32_TO_LE (guest->policy);
    report->sig_usage_le = GUINT32_TO_LE (SEV_USAGE_PEK);
    report->sig_algo_le = GUINT32_TO_LE (SEV_ALGO_ECDSA_SHA256);
    if (!sev_ec_sign (psp->keys->pek_key, SEV_HASH_SHA256, report, SEV_REPORT_SIGNED_SIZE,
                      &signature, error))
        return FALSE;
    memcpy (report->sig_r, signature.r, sizeof report->sig_r);
    memcpy (report->sig_s, signature.s, sizeof report->sig_s);
    return TRUE;
}

gboolean
psp_cmd_attestation (PspDevice *psp,
                     PspGuest *guest,
                     void *buffer,
                     SevStatus *status,
                     GError **error)
{
    PspAttestationCmd cmd;
    SevReportWire report;

    memcpy (&cmd, buffer, sizeof cmd);
    const guint64 paddr = GUINT64_FROM_LE (cmd.paddr_le);
    const guint32 room = GUINT32_FROM_LE (cmd.len_le);
    cmd.len_le = GUINT32_TO_LE (sizeof report);
    memcpy (buffer, &cmd, sizeof cmd);

    if (paddr == 0 || room < sizeof report)
        return psp_answer (status, SEV_STATUS_INVALID_LENGTH);
    if (!psp_range_ok (psp, paddr, sizeof report, PSP_MEMORY_WRITE))
        return psp_answer (status, SEV_STATUS_INVALID_ADDRESS);

    if (!make_report (psp, guest, cmd.mnonce, &report, error) ||
        !psp_write (psp, paddr, &report, sizeof report, error))
        return FALSE;
    return psp_answer (status, SEV_STATUS_SUCCESS);
}
