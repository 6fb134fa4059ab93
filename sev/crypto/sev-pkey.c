/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sev/crypto/sev-pkey.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "sev/crypto/openssl-error.h"
#include "sev/sev-error.h"

const EVP_MD *
sev_hash_md (SevHash hash)
{
    return hash == SEV_HASH_SHA384 ? EVP_sha384 () : EVP_sha256 ();
}

/* An encrypted key would make OpenSSL ask at the terminal: refuse instead. */
static int
no_passphrase (char *buf, int size, int rwflag, void *data)
{
    return -1;
}

/* Takes @pkey. */
static EVP_PKEY *
require_type (EVP_PKEY *pkey, const char *what, const char *type, GError **error)
{
    if (pkey == NULL) {
        sev_set_openssl_error (error, what);
        return NULL;
    }
    if (!EVP_PKEY_is_a (pkey, type)) {
        g_set_error (error, SEV_ERROR, SEV_ERROR_MALFORMED, "%s: a %s key, expected %s",
                     what, EVP_PKEY_get0_type_name (pkey), type);
        EVP_PKEY_free (pkey);
        return NULL;
    }
    return pkey;
}

EVP_PKEY *
sev_pkey_from_pem (const void *pem, gsize len, const char *type, GError **error)
{
    g_return_val_if_fail (len <= G_MAXINT, NULL);

    BIO *bio = BIO_new_mem_buf (pem, (int) len);
    EVP_PKEY *pkey =
        bio != NULL ? PEM_read_bio_PrivateKey (bio, NULL, no_passphrase, NULL) : NULL;
    BIO_free (bio);
    return require_type (pkey, "private key in PEM", type, error);
}

EVP_PKEY *
sev_pkey_public_from_pem (const void *pem, gsize len, const char *type, GError **error)
{
    g_return_val_if_fail (len <= G_MAXINT, NULL);

    BIO *bio = BIO_new_mem_buf (pem, (int) len);
    EVP_PKEY *pkey =
        bio != NULL ? PEM_read_bio_PUBKEY (bio, NULL, no_passphrase, NULL) : NULL;
    BIO_free (bio);
    return require_type (pkey, "public key in PEM", type, error);
}

SevSecret *
sev_pkey_to_pem (EVP_PKEY *pkey, GError **error)
{
    char *text = NULL;
    BIO *bio = BIO_new (BIO_s_secmem ());
    SevSecret *pem = NULL;

    if (bio != NULL &&
        PEM_write_bio_PKCS8PrivateKey (bio, pkey, NULL, NULL, 0, NULL, NULL) == 1) {
        const long len = BIO_get_mem_data (bio, &text);
        if (len > 0)
            pem = sev_secret_new_copy (text, (gsize) len);
    }
    BIO_free (bio);
    if (pem == NULL)
        sev_set_openssl_error (error, "private key to PEM");
    return pem;
}

gboolean
sev_signature_verdict (int verdict, const char *what, GError **error)
{
    if (verdict == 1)
        return TRUE;
    /* A number out of range makes OpenSSL fail instead of refuse; both mean "not signed".
     */
    ERR_clear_error ();
    g_set_error (error, SEV_ERROR, SEV_ERROR_BAD_SIGNATURE, "%s signature does not verify",
                 what);
    return FALSE;
}
