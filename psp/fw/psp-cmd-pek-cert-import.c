/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * PEK_CERT_IMPORT: the platform gets an external owner.
 *
 *   platform   INIT
 *   reads      the CSR with the owner's signature in either slot; the owner's certificate
 *              (OCA)
 *   writes     persistent state: OCA, PEK with the CEK's signature in the other slot, a
 *              fresh PDH; the owner is external
 *   status     SUCCESS; in this order:
 *              ALREADY_OWNED (the platform is not self-owned)
 *              INVALID_LENGTH (2084 bytes each)
 *              INVALID_ADDRESS (not memory)
 *              INVALID_CERTIFICATE (OCA: version, usage, ECDSA-SHA256 on P-384; PEK: not
 *              what PEK_CSR gives)
 *              BAD_SIGNATURE (OCA not by itself, PEK not by OCA)
 *
 * Design choices: the order and the statuses.  The PEK's certificate must be that of the
 * CSR in every signed byte, not only in its key: the CEK is about to sign it, and must not
 * vouch for a version that the owner made up.  What stands in the slot that the CEK gets is
 * not looked at.
 */

#include "psp/fw/psp-private.h"

#include <string.h>

#include "psp/fw/psp-certs.h"

static gboolean
read_certs (PspDevice *psp,
            const PspPekCertImportCmd *cmd,
            SevCert *pek,
            SevCert *oca,
            SevStatus *status,
            GError **error)
{
    const guint64 pek_paddr = GUINT64_FROM_LE (cmd->pek_paddr_le);
    const guint64 oca_paddr = GUINT64_FROM_LE (cmd->oca_paddr_le);
    guint8 pek_bytes[SEV_CERT_SIZE], oca_bytes[SEV_CERT_SIZE];

    if (GUINT32_FROM_LE (cmd->pek_len_le) != sizeof pek_bytes ||
        GUINT32_FROM_LE (cmd->oca_len_le) != sizeof oca_bytes)
        return psp_answer (status, SEV_STATUS_INVALID_LENGTH);
    if (pek_paddr == 0 || oca_paddr == 0 ||
        !psp_range_ok (psp, pek_paddr, sizeof pek_bytes, PSP_MEMORY_READ) ||
        !psp_range_ok (psp, oca_paddr, sizeof oca_bytes, PSP_MEMORY_READ))
        return psp_answer (status, SEV_STATUS_INVALID_ADDRESS);
    if (!psp_read (psp, pek_paddr, pek_bytes, sizeof pek_bytes, error) ||
        !psp_read (psp, oca_paddr, oca_bytes, sizeof oca_bytes, error))
        return FALSE;
    if (!sev_cert_decode (pek_bytes, sizeof pek_bytes, pek, NULL) ||
        !sev_cert_decode (oca_bytes, sizeof oca_bytes, oca, NULL))
        return psp_answer (status, SEV_STATUS_INVALID_CERTIFICATE);
    return psp_answer (status, SEV_STATUS_SUCCESS);
}

static gboolean
same_body (const SevCert *a, const SevCert *b)
{
    guint8 body_a[SEV_CERT_BODY_SIZE], body_b[SEV_CERT_BODY_SIZE];

    sev_cert_encode_body (a, body_a);
    sev_cert_encode_body (b, body_b);
    return memcmp (body_a, body_b, sizeof body_a) == 0;
}

static SevStatus
check_certs (const PspDevice *psp, const SevCert *pek, const SevCert *oca, guint *oca_slot)
{
    g_autoptr (SevEcKey) oca_key = psp_cert_get_key (oca, SEV_USAGE_OCA);

    if (oca_key == NULL || !same_body (pek, &psp->keys->pek))
        return SEV_STATUS_INVALID_CERTIFICATE;
    if (!psp_cert_signed_by (oca, SEV_USAGE_OCA, oca_key, NULL) ||
        !psp_cert_signed_by (pek, SEV_USAGE_OCA, oca_key, oca_slot))
        return SEV_STATUS_BAD_SIGNATURE;
    return SEV_STATUS_SUCCESS;
}

gboolean
psp_cmd_pek_cert_import (PspDevice *psp,
                         PspGuest *guest,
                         void *buffer,
                         SevStatus *status,
                         GError **error)
{
    PspPekCertImportCmd cmd;
    SevCert pek, oca;
    guint oca_slot = 0;

    memcpy (&cmd, buffer, sizeof cmd);
    if (psp->keys->external_owner)
        return psp_answer (status, SEV_STATUS_ALREADY_OWNED);
    if (!read_certs (psp, &cmd, &pek, &oca, status, error))
        return FALSE;
    if (*status == SEV_STATUS_SUCCESS)
        *status = check_certs (psp, &pek, &oca, &oca_slot);
    if (*status != SEV_STATUS_SUCCESS)
        return TRUE;

    g_autoptr (PspKeys) keys =
        psp_keys_import_owner (psp->keys, psp->chip, &oca, &pek, oca_slot,
                               psp->config.api_major, psp->config.api_minor, error);
    if (keys == NULL || !psp_replace_keys (psp, &keys, error))
        return FALSE;
    return psp_answer (status, SEV_STATUS_SUCCESS);
}
