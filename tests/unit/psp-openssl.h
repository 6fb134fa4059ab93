/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <openssl/evp.h>

/*
 * OpenSSL called directly, for expected values that owe nothing to sev/crypto and psp/fw.
 * Everything here succeeds or ends the test.
 */

/* The public key of a SEV certificate, read at the offsets of AMD's sev-tool. */
EVP_PKEY *ossl_cert_key (const guint8 *cert);
/* A private key in PEM. */
EVP_PKEY *ossl_private_key (const void *pem, gsize len);
/* Whether r (72 bytes, little-endian) and s after it sign @data with SHA-256. */
gboolean ossl_verify (EVP_PKEY *key, const void *data, gsize len, const guint8 *r_s);
/* The x coordinate of the shared point of two P-384 keys. */
void ossl_ecdh (EVP_PKEY *own, EVP_PKEY *peer, guint8 z[48]);
void ossl_hmac (const guint8 *key, gsize key_len, const void *data, gsize len, guint8 *out);
void ossl_ctr (const guint8 *key, const guint8 *iv, const void *in, void *out, int len);
