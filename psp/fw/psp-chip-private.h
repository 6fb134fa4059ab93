/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "psp/fw/psp-chip.h"
#include "sev/wire/sev-cert-wire.h"

G_BEGIN_DECLS

/* What only the firmware, and in tests the manufacturer, may ask of the chip. */

/** psp_chip_ark: Returns: (transfer none): the root's key pair, the manufacturer's */
const SevRsaKey *psp_chip_ark (const PspChip *chip);

/** psp_chip_ark_cert: Returns: (transfer none) */
const SevAmdCert *psp_chip_ark_cert (const PspChip *chip);

/** psp_chip_cek: Returns: (transfer none): the chip's endorsement key pair */
const SevEcKey *psp_chip_cek (const PspChip *chip);

/** psp_chip_cek_cert: Returns: (transfer none): signed by ASK, as the key server has it */
const SevCert *psp_chip_cek_cert (const PspChip *chip);

/**
 * psp_chip_derive:
 * @label: what for; one key, one use
 * Returns: (transfer full): a key that this chip and no other has
 * Errors: %SEV_ERROR_CRYPTO.
 */
SevSecret *psp_chip_derive (const PspChip *chip,
                            const char *label,
                            gsize len,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * psp_chip_nv_key:
 * Returns: (transfer full): the key under which this chip, and no other, seals its
 *   persistent state
 * Errors: %SEV_ERROR_CRYPTO.
 */
SevSecret *psp_chip_nv_key (const PspChip *chip, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
