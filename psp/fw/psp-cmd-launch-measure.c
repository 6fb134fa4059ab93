/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * LAUNCH_MEASURE.
 *
 *   guest      LUPDATE; becomes LSECRET
 *   writes     48 bytes MEASURE || MNONCE at PADDR; the length
 *   status     SUCCESS
 *              INVALID_LENGTH (buffer too small or address 0: the length query; the guest
 *              stays in LUPDATE, QEMU relies on it)
 *              INVALID_ADDRESS (not memory)
 */

#include "psp/fw/psp-private.h"

#include <string.h>

#include "psp/fw/psp-faults.h"
#include "psp/fw/psp-measure.h"

static gboolean
measure (PspDevice *psp,
         const PspGuest *guest,
         const guint8 ld[SEV_DIGEST_SIZE],
         SevMeasureWire *reply,
         GError **error)
{
    PspMeasurement what = {
        .api_major = psp->config.api_major,
        .api_minor = psp->config.api_minor,
        .build = psp->config.build,
        .policy = guest->policy,
    };

    if (PSP_HAS_FAULT (psp, PSP_FAULT_POLICY_BIG_ENDIAN))
        what.policy = GUINT32_SWAP_LE_BE (guest->policy);
    if (!PSP_HAS_FAULT (psp, PSP_FAULT_REUSE_MNONCE) &&
        !psp_random (psp, what.mnonce, sizeof what.mnonce, error))
        return FALSE;
    memcpy (what.ld, ld, sizeof what.ld);
    memcpy (reply->mnonce, what.mnonce, sizeof reply->mnonce);
    return psp_measure (&what, guest->tik, reply->measure, error);
}

gboolean
psp_cmd_launch_measure (PspDevice *psp,
                        PspGuest *guest,
                        void *buffer,
                        SevStatus *status,
                        GError **error)
{
    PspLaunchDataCmd cmd;
    SevMeasureWire reply;
    guint8 ld[SEV_DIGEST_SIZE];

    memcpy (&cmd, buffer, sizeof cmd);
    const guint64 paddr = GUINT64_FROM_LE (cmd.paddr_le);
    const guint32 room = GUINT32_FROM_LE (cmd.len_le);
    cmd.len_le = GUINT32_TO_LE (sizeof reply);
    memcpy (buffer, &cmd, sizeof cmd);

    if (paddr == 0 || room < sizeof reply)
        return psp_answer (status, SEV_STATUS_INVALID_LENGTH);
    if (!psp_range_ok (psp, paddr, sizeof reply, PSP_MEMORY_WRITE))
        return psp_answer (status, SEV_STATUS_INVALID_ADDRESS);

    /* On a copy: a host fault below leaves the guest able to be measured again. */
    g_autoptr (SevDigest) digest = sev_digest_copy (guest->digest, error);
    if (digest == NULL || !sev_digest_finish (digest, ld, error) ||
        !measure (psp, guest, ld, &reply, error) ||
        !psp_write (psp, paddr, &reply, sizeof reply, error))
        return FALSE;

    g_clear_pointer (&guest->digest, sev_digest_free);
    memcpy (guest->launch_digest, ld, sizeof guest->launch_digest);
    memcpy (guest->measure, reply.measure, sizeof guest->measure);
    psp_guest_advance (guest, PSP_CMD_LAUNCH_MEASURE);
    return psp_answer (status, SEV_STATUS_SUCCESS);
}
