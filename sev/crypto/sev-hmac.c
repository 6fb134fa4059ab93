/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sev/crypto/sev-hmac.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "sev/crypto/openssl-error.h"

static EVP_MAC_CTX *
context (SevHmac *hmac)
{
    return (EVP_MAC_CTX *) hmac;
}

SevHmac *
sev_hmac_new (const void *key, gsize key_len, GError **error)
{
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string (OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end (),
    };

    g_return_val_if_fail (key != NULL && key_len > 0, NULL);

    EVP_MAC *mac = EVP_MAC_fetch (NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = mac != NULL ? EVP_MAC_CTX_new (mac) : NULL;
    EVP_MAC_free (mac);
    if (ctx == NULL || EVP_MAC_init (ctx, key, key_len, params) != 1) {
        EVP_MAC_CTX_free (ctx);
        sev_set_openssl_error (error, "HMAC-SHA-256");
        return NULL;
    }
    return (SevHmac *) ctx;
}

SevHmac *
sev_hmac_copy (const SevHmac *hmac, GError **error)
{
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup ((const EVP_MAC_CTX *) hmac);

    if (ctx == NULL)
        sev_set_openssl_error (error, "HMAC-SHA-256");
    return (SevHmac *) ctx;
}

gboolean
sev_hmac_update (SevHmac *hmac, const void *data, gsize len, GError **error)
{
    if (len == 0 || EVP_MAC_update (context (hmac), data, len) == 1)
        return TRUE;
    sev_set_openssl_error (error, "HMAC-SHA-256");
    return FALSE;
}

gboolean
sev_hmac_finish (SevHmac *hmac, guint8 out[SEV_MAC_SIZE], GError **error)
{
    gsize len = 0;

    if (EVP_MAC_final (context (hmac), out, &len, SEV_MAC_SIZE) == 1 && len == SEV_MAC_SIZE)
        return TRUE;
    memset (out, 0, SEV_MAC_SIZE);
    sev_set_openssl_error (error, "HMAC-SHA-256");
    return FALSE;
}

void
sev_hmac_free (SevHmac *hmac)
{
    EVP_MAC_CTX_free (context (hmac));
}

gboolean
sev_hmac_sha256 (const void *key,
                 gsize key_len,
                 const void *data,
                 gsize len,
                 guint8 out[SEV_MAC_SIZE],
                 GError **error)
{
    memset (out, 0, SEV_MAC_SIZE);

    g_autoptr (SevHmac) hmac = sev_hmac_new (key, key_len, error);
    return hmac != NULL && sev_hmac_update (hmac, data, len, error) &&
           sev_hmac_finish (hmac, out, error);
}
