/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "psp/fw/psp-chip.h"
#include "sev/wire/sev-cert-wire.h"

G_BEGIN_DECLS

/**
 * SECTION: psp-keys
 * @short_description: the platform's identity: OCA, PEK, PDH
 *
 * What INIT loads or makes and PLATFORM_RESET erases.  A #PspKeys is immutable: a command
 * that changes it makes another one, stores it, and only then puts it in place.
 *
 * The private half of a self-owned OCA signs the PEK once and is not kept: nothing that the
 * firmware does needs it again.
 */
typedef struct {
    gboolean external_owner; /* the OCA certificate was imported */
    SevCert oca;
    SevCert pek;
    SevCert pdh;
    SevEcKey *pek_key;
    SevEcKey *pdh_key;
} PspKeys;

/**
 * psp_keys_generate: a self-owned platform with fresh OCA, PEK and PDH
 * @api_major: @api_minor: go into the certificates
 * Errors: %SEV_ERROR_CRYPTO.
 */
PspKeys *psp_keys_generate (const PspChip *chip,
                            guint8 api_major,
                            guint8 api_minor,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * psp_keys_renew_pdh: the same OCA and PEK with a fresh PDH
 * Errors: %SEV_ERROR_CRYPTO.
 */
PspKeys *psp_keys_renew_pdh (const PspKeys *keys,
                             guint8 api_major,
                             guint8 api_minor,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * psp_keys_import_owner: the same PEK in the hands of an external owner, with a fresh PDH
 * @oca: the owner's certificate, checked
 * @pek: the PEK's certificate with the owner's signature, checked
 * @oca_slot: of @pek, where that signature is; the other one gets the CEK's
 * Errors: %SEV_ERROR_CRYPTO.
 */
PspKeys *psp_keys_import_owner (const PspKeys *keys,
                                const PspChip *chip,
                                const SevCert *oca,
                                const SevCert *pek,
                                guint oca_slot,
                                guint8 api_major,
                                guint8 api_minor,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * psp_keys_load:
 * @data: (array length=len): untrusted
 *
 * All of it must be of one piece: PDH by PEK, PEK by OCA and by this chip's CEK, OCA by
 * itself, each with the private key that is stored.  Going back to a complete older state
 * of the same chip cannot be noticed.
 *
 * Errors: %PSP_ERROR_NV_DAMAGED: torn, changed, another chip's, or of several pieces;
 *   %PSP_ERROR_NV_VERSION; %SEV_ERROR_CRYPTO.
 */
PspKeys *psp_keys_load (const guint8 *data, gsize len, const PspChip *chip, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/** psp_keys_save: Errors: %SEV_ERROR_CRYPTO. */
SevSecret *psp_keys_save (const PspKeys *keys,
                          const PspChip *chip,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

void psp_keys_free (PspKeys *keys);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PspKeys, psp_keys_free)

G_END_DECLS
