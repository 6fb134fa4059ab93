/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * OvmfError:
 * @OVMF_ERROR_MALFORMED: bytes of an image or table do not follow their format
 * @OVMF_ERROR_UNSUPPORTED: the image is well formed and lacks what is asked of it
 * @OVMF_ERROR_TOO_LARGE: more bytes than the place for them has
 * @OVMF_ERROR_INVALID: a name, GUID or secret that may not be used
 * @OVMF_ERROR_CRYPTO: the hash function failed
 */
typedef enum {
    OVMF_ERROR_MALFORMED,
    OVMF_ERROR_UNSUPPORTED,
    OVMF_ERROR_TOO_LARGE,
    OVMF_ERROR_INVALID,
    OVMF_ERROR_CRYPTO,
} OvmfError;

#define OVMF_ERROR (ovmf_error_quark ())
GQuark ovmf_error_quark (void);

G_END_DECLS
