/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sev/crypto/openssl-error.h"

#include <openssl/err.h>

#include "sev/sev-error.h"

void
sev_set_openssl_error (GError **error, const char *what)
{
    const unsigned long code = ERR_peek_last_error ();
    const char *reason = ERR_reason_error_string (code);

    ERR_clear_error ();
    g_set_error (error, SEV_ERROR, SEV_ERROR_CRYPTO, "%s: %s", what,
                 reason != NULL ? reason : "OpenSSL gives no reason");
}
