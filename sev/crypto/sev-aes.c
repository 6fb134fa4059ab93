/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sev/crypto/sev-aes.h"

#include <string.h>

#include <openssl/evp.h>

#include "sev/crypto/openssl-error.h"

gboolean
sev_aes128_ctr (const guint8 key[SEV_KEY_SIZE],
                const guint8 iv[SEV_IV_SIZE],
                const void *in,
                void *out,
                gsize len,
                GError **error)
{
    int done = 0;

    g_return_val_if_fail (len <= G_MAXINT, FALSE);

    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new ();
    const gboolean ok =
        ctx != NULL && EVP_EncryptInit_ex (ctx, EVP_aes_128_ctr (), NULL, key, iv) == 1 &&
        (len == 0 || EVP_EncryptUpdate (ctx, out, &done, in, (int) len) == 1) &&
        (gsize) done == len;
    EVP_CIPHER_CTX_free (ctx);
    if (ok)
        return TRUE;
    memset (out, 0, len);
    sev_set_openssl_error (error, "AES-128-CTR");
    return FALSE;
}
