/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sev/crypto/sev-random.h"

#include <openssl/rand.h>

#include "sev/crypto/openssl-error.h"

gboolean
sev_random_bytes (void *out, gsize len, GError **error)
{
    g_return_val_if_fail (len <= G_MAXINT, FALSE);

    if (RAND_bytes (out, (int) len) == 1)
        return TRUE;
    sev_set_openssl_error (error, "random numbers");
    return FALSE;
}
