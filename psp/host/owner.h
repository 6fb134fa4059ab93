/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "psp/host/platform.h"
#include "sev/crypto/sev-ec.h"

G_BEGIN_DECLS

/**
 * owner_key_read:
 * @fd: of a file with an unencrypted private key of P-384 in PEM, at most 16 KiB
 * Errors: %HOST_ERROR_CONFIG, %HOST_ERROR_IO.
 */
SevEcKey *owner_key_read (int fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * owner_import:
 * @platform: initialised, locked
 * @key: of the owner (OCA)
 *
 * The ceremony of an external owner who stands beside: PEK_CSR, his signature, a
 * certificate that he signs for himself, PEK_CERT_IMPORT.  Nothing is done if the platform
 * has an external owner.
 * Errors: %HOST_ERROR_FIRMWARE, %SEV_ERROR_CRYPTO.
 */
gboolean owner_import (Platform *platform,
                       const SevEcKey *key,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
