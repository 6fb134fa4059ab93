/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "psp/fw/psp-chip.h"
#include "sev/wire/sev-cert-wire.h"
#include "sev/wire/sev-status.h"

G_BEGIN_DECLS

/** PspTarget: the certificates that SEND_START is given; untrusted */
typedef struct {
    const guint8 *pdh;  /* %SEV_CERT_SIZE */
    const guint8 *plat; /* %SEV_CERT_CHAIN_SIZE: PEK || OCA || CEK */
    const guint8 *amd;  /* (nullable): ASK || ARK; not looked at without SEV_POLICY_SEV */
    gsize amd_len;      /* 1664 or 3200 */
} PspTarget;

/**
 * psp_target_check: whether a guest with @policy may be sent to this platform
 * @own_oca: of the platform that the guest is on
 * @chip: of the platform that the guest is on
 * @pdh_key: (out) (transfer full): set only with SUCCESS
 *
 * In this order; which checks there are is known from a reading of AMD 55766 by others, the
 * order and the statuses are design choices:
 *
 *   always   PDH, PEK and OCA are such certificates            INVALID_CERTIFICATE
 *            OCA by itself, PEK by OCA, PDH by PEK             BAD_SIGNATURE
 *            the PEK's API version, at least POLICY.API        POLICY_FAILURE
 *   DOMAIN   OCA has the key of @own_oca                       POLICY_FAILURE
 *   SEV      CEK, ASK and ARK are such certificates            INVALID_CERTIFICATE
 *            the ARK has the key of the root of @chip          INVALID_CERTIFICATE
 *            ARK by itself, ASK by ARK, CEK by ASK, PEK by CEK BAD_SIGNATURE
 *
 * The root is the chip's own: a firmware knows the root of its manufacturer and takes no
 * other.  Two emulated hosts are of two manufacturers, so a guest with SEV in its policy
 * goes from one only to itself (a snapshot) or to a host with the same chip.
 */
SevStatus psp_target_check (const PspTarget *target,
                            guint32 policy,
                            const SevCert *own_oca,
                            const PspChip *chip,
                            SevEcKey **pdh_key) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
