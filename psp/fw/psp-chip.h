/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sev/base/sev-secret.h"

G_BEGIN_DECLS

/**
 * SECTION: psp-chip
 * @short_description: what a chip has from its manufacturer
 *
 * A #PspChip stands for the fuses of one processor and for the manufacturer behind it: the
 * root (ARK) and signing (ASK) key that AMD would keep, the chip's id, its secret, and its
 * endorsement key (CEK).  It is made once per emulated host, never changes, and is not
 * touched by any command, PLATFORM_RESET included.
 *
 * ARK and ASK carry the ASCII key ids %PSP_ARK_KEY_ID and %PSP_ASK_KEY_ID, so that nobody
 * takes them for AMD's.
 *
 * Immutable, reference-counted; may be shared by several devices.
 */
typedef struct _PspChip PspChip;

#define PSP_CHIP_ID_SIZE 64u /* GET_ID, per socket */
#define PSP_ARK_KEY_ID "EMULATED-SEVLNCH"
#define PSP_ASK_KEY_ID "EMULATED-SEVLNCA"
#define PSP_CHIP_AMD_ID_SIZE 8u

/**
 * PspGeneration: which processors the chip looks like.  Decides the manufacturer's
 * algorithm: RSA-2048 with SHA-256 for Naples, RSA-4096 with SHA-384 later (AMD's
 * published roots; virtee/sev src/certs/sev/builtin).
 */
typedef enum {
    PSP_GENERATION_NAPLES = 1,
    PSP_GENERATION_ROME = 2,
    PSP_GENERATION_MILAN = 3,
} PspGeneration;

/** psp_generation_name: Returns: "naples", "rome", "milan", or %NULL; static storage */
const char *psp_generation_name (PspGeneration generation);
/** psp_generation_parse: Returns: %FALSE for an unknown name; @out then is unchanged */
gboolean psp_generation_parse (const char *name, PspGeneration *out);

/**
 * psp_chip_manufacture:
 * @chip_id: (nullable) (array fixed-size=64): the id that GET_ID reports; %NULL: random
 *
 * Makes ARK, ASK and CEK with OpenSSL's generator.  Two RSA-4096 keys take a second to
 * several; Naples' RSA-2048 a tenth of that.
 *
 * Errors: %SEV_ERROR_CRYPTO, %PSP_ERROR_CONFIG (unknown generation).
 * Returns: (transfer full): a new chip, like no other
 */
PspChip *psp_chip_manufacture (PspGeneration generation,
                               const guint8 *chip_id,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * psp_chip_manufacture_as:
 * @amd_key_id: whether the ARK's key id begins with the eight bytes with which AMD's root
 *   of that generation has its own (the published certificates), and ends with "EMULATED".
 *   AMD's sev-tool compares no more than those, and takes no other root
 */
PspChip *psp_chip_manufacture_as (PspGeneration generation,
                                  gboolean amd_key_id,
                                  const guint8 *chip_id,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * psp_chip_load:
 * @blob: what psp_chip_save() gave, as read from a file that might be damaged
 * Errors: %PSP_ERROR_CHIP, %SEV_ERROR_CRYPTO.
 * Returns: (transfer full)
 */
PspChip *psp_chip_load (const SevSecret *blob, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * psp_chip_save:
 * Returns: (transfer full): private keys and certificates, at most %PSP_NV_MAX_SIZE bytes;
 *   to be written to a file of mode 0600
 */
SevSecret *psp_chip_save (const PspChip *chip, GError **error) G_GNUC_WARN_UNUSED_RESULT;

PspChip *psp_chip_ref (PspChip *chip);
void psp_chip_unref (PspChip *chip);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PspChip, psp_chip_unref)

PspGeneration psp_chip_generation (const PspChip *chip);
/** psp_chip_id: Returns: (transfer none) (array fixed-size=64): public */
const guint8 *psp_chip_id (const PspChip *chip);

/**
 * psp_chip_get_amd_certs:
 * @ark: (out) (optional) (transfer full): root, 832 or 1600 bytes
 * @ask: (out) (optional) (transfer full): signed by ARK, 832 or 1600 bytes
 * @cek: (out) (optional) (transfer full): 2084 bytes, signed by ASK
 *
 * What AMD's key server gives for a chip id.  The CEK certificate that PDH_CERT_EXPORT
 * writes is the same, without the signature.
 */
void psp_chip_get_amd_certs (const PspChip *chip, GBytes **ark, GBytes **ask, GBytes **cek);

G_END_DECLS
