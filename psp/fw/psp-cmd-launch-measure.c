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
 *
 * MEASURE = HMAC (TIK, 04h || API_MAJOR || API_MINOR || BUILD || POLICY || LD || MNONCE),
 * without the first four bytes before API 0.17 (AMD's sev-tool calc_measurement).
 */

#include "psp/fw/psp-private.h"

#include <string.h>

#include "psp/fw/psp-faults.h"
#include "sev/crypto/sev-hmac.h"

/*
 * The preimage as the firmware sees it: one flat buffer.  The owner's side streams the same
 * fields one at a time; neither is derived from the other, and both are held to vectors of
 * other programs.
 */
typedef struct __attribute__ ((packed)) {
    guint8 context;                /* 00h: tells a measurement from a packet */
    guint8 api_major;              /* 01h */
    guint8 api_minor;              /* 02h */
    guint8 build;                  /* 03h */
    guint32 policy_le;             /* 04h: where the old formula begins */
    guint8 ld[SEV_DIGEST_SIZE];    /* 08h */
    guint8 mnonce[SEV_NONCE_SIZE]; /* 28h */
} MeasurePreimage;
G_STATIC_ASSERT (sizeof (MeasurePreimage) == 0x38);
G_STATIC_ASSERT (offsetof (MeasurePreimage, policy_le) == 0x04);
G_STATIC_ASSERT (offsetof (MeasurePreimage, ld) == 0x08);
G_STATIC_ASSERT (offsetof (MeasurePreimage, mnonce) == 0x28);

static gboolean
measure (PspDevice *psp,
         const PspGuest *guest,
         const guint8 ld[SEV_DIGEST_SIZE],
         SevMeasureWire *reply,
         GError **error)
{
    MeasurePreimage pre = {
        .context = SEV_MAC_CONTEXT_MEASURE,
        .api_major = psp->config.api_major,
        .api_minor = psp->config.api_minor,
        .build = psp->config.build,
        .policy_le = GUINT32_TO_LE (guest->policy),
    };
    const guint8 *start = (const guint8 *) &pre;
    gsize skip = 0;

    if (!psp_api_at_least (psp, SEV_API_BOUND_MAJOR, SEV_API_BOUND_MINOR))
        skip = offsetof (MeasurePreimage, policy_le);
    if (PSP_HAS_FAULT (psp, PSP_FAULT_POLICY_BIG_ENDIAN))
        pre.policy_le = GUINT32_TO_BE (guest->policy);

    if (!PSP_HAS_FAULT (psp, PSP_FAULT_REUSE_MNONCE) &&
        !psp_random (psp, pre.mnonce, sizeof pre.mnonce, error))
        return FALSE;
    memcpy (pre.ld, ld, sizeof pre.ld);
    memcpy (reply->mnonce, pre.mnonce, sizeof reply->mnonce);
    return sev_hmac_sha256 (sev_secret_data (guest->tik), sev_secret_size (guest->tik),
                            start + skip, sizeof pre - skip, reply->measure, error);
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
