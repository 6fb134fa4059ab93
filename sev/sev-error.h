/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SevError:
 * @SEV_ERROR_TRUNCATED: the bytes end before the structure does
 * @SEV_ERROR_MALFORMED: a field has a value that the format does not allow
 * @SEV_ERROR_CRYPTO: OpenSSL failed, or a key is not a valid key
 * @SEV_ERROR_BAD_SIGNATURE: a signature was computed over other bytes or by another key
 *
 * What can go wrong in the alphabet.  Everything here is about bytes; whether they are
 * acceptable is decided elsewhere.
 */
typedef enum {
    SEV_ERROR_TRUNCATED,
    SEV_ERROR_MALFORMED,
    SEV_ERROR_CRYPTO,
    SEV_ERROR_BAD_SIGNATURE,
} SevError;

#define SEV_ERROR (sev_error_quark ())
GQuark sev_error_quark (void);

G_END_DECLS
