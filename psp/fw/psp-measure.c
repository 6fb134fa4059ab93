/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "psp/fw/psp-measure.h"

#include <string.h>

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
is_bound (const PspMeasurement *what)
{
    return what->api_major > SEV_API_BOUND_MAJOR ||
           (what->api_major == SEV_API_BOUND_MAJOR &&
            what->api_minor >= SEV_API_BOUND_MINOR);
}

gboolean
psp_measure (const PspMeasurement *what,
             const SevSecret *tik,
             guint8 out[SEV_MAC_SIZE],
             GError **error)
{
    MeasurePreimage pre = {
        .context = SEV_MAC_CONTEXT_MEASURE,
        .api_major = what->api_major,
        .api_minor = what->api_minor,
        .build = what->build,
        .policy_le = GUINT32_TO_LE (what->policy),
    };
    const guint8 *start = (const guint8 *) &pre;
    const gsize skip = is_bound (what) ? 0 : offsetof (MeasurePreimage, policy_le);

    memcpy (pre.ld, what->ld, sizeof pre.ld);
    memcpy (pre.mnonce, what->mnonce, sizeof pre.mnonce);
    return sev_hmac_sha256 (sev_secret_data (tik), sev_secret_size (tik), start + skip,
                            sizeof pre - skip, out, error);
}
