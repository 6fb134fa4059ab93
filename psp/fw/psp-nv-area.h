/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "psp/fw/psp-chip.h"
#include "psp/fw/psp-device.h"
#include "sev/wire/sev-wire.h"

G_BEGIN_DECLS

/**
 * SECTION: psp-nv-area
 * @short_description: persistent state in memory of the host, INIT_EX
 *
 * The host keeps the area for the firmware (Linux, in a file), so it holds ciphertext.  It
 * is a container of psp-nv with the blocks
 *
 *   1  16  IV
 *   2      AES-128-CTR of the state, which is a container itself
 *
 * under keys that this chip alone has, one to encrypt and one for the trailer; the rest of
 * the area is ffh.  An area of nothing but ffh or 00h has never been written.
 *
 * The format is a design choice: nothing public says what real firmware writes.
 */

#define PSP_NV_AREA_SIZE PSP_NV_MAX_SIZE /* 32 KiB (AMD's sev-tool, Linux) */
#define PSP_NV_AREA_ALIGN 4096u          /* Linux */

/**
 * psp_nv_area_seal:
 * @blob: (nullable): %NULL: nothing is stored
 * @iv: never used before with this chip
 * Errors: %SEV_ERROR_CRYPTO.
 */
gboolean psp_nv_area_seal (const PspChip *chip,
                           const SevSecret *blob,
                           const guint8 iv[SEV_IV_SIZE],
                           guint8 out[PSP_NV_AREA_SIZE],
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * psp_nv_area_open:
 * @area: untrusted
 * @blob: (out) (nullable) (transfer full): %NULL if nothing is stored
 * Errors: %PSP_ERROR_NV_DAMAGED, %PSP_ERROR_NV_VERSION, %SEV_ERROR_CRYPTO.
 */
gboolean psp_nv_area_open (const PspChip *chip,
                           const guint8 area[PSP_NV_AREA_SIZE],
                           SevSecret **blob,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
