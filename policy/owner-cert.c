/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/owner-cert.h"

#include <string.h>

#include "policy/policy-error.h"

static const guint8 sev_prefix[] = { SEV_CERT_VERSION, 0, 0, 0 };

static gboolean
is_base64_text (const guint8 *data, gsize len)
{
    gsize digits = 0, pads = 0;

    for (gsize i = 0; i < len; i++) {
        if (g_ascii_isspace (data[i]))
            continue;
        if (data[i] == '=')
            pads++;
        else if (pads > 0 ||
                 (!g_ascii_isalnum (data[i]) && data[i] != '+' && data[i] != '/'))
            return FALSE;
        digits++;
    }
    return digits > 0 && digits % 4 == 0 && pads <= 2;
}

GBytes *
policy_unwrap_base64 (GBytes *bytes, const void *binary_prefix, gsize prefix_len)
{
    gsize len;
    const guint8 *data = g_bytes_get_data (bytes, &len);

    if ((prefix_len > 0 && len >= prefix_len &&
         memcmp (data, binary_prefix, prefix_len) == 0) ||
        !is_base64_text (data, len))
        return g_bytes_ref (bytes);
    g_autofree char *text = g_strndup ((const char *) data, len);
    gsize out_len;
    guchar *out = g_base64_decode (text, &out_len);
    return g_bytes_new_take (out, out_len);
}

static gboolean
wrong_kind (GError **error, const char *what)
{
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_CERT_KIND,
                 "owner certificate is %s, expected a SEV certificate of a PDH key "
                 "(sevlaunch owner-init makes one)",
                 what);
    return FALSE;
}

static gboolean
contains (const guint8 *data, gsize len, const char *text)
{
    return len > 0 && g_strstr_len ((const char *) data, (gssize) len, text) != NULL;
}

/* Other things that people have under the name of a certificate. */
static gboolean
check_format (const guint8 *data, gsize len, GError **error)
{
    SevAmdCert amd;

    if (contains (data, len, "-----BEGIN CERTIFICATE"))
        return wrong_kind (error, "an X.509 certificate (PEM)");
    if (contains (data, len, "-----BEGIN"))
        return wrong_kind (error, "a PEM file");
    if (len > 1 && data[0] == 0x30 && (data[1] & 0x80) != 0)
        return wrong_kind (error, "an X.509 certificate (DER)");
    if (sev_amd_cert_decode (data, len, &amd, NULL))
        return wrong_kind (error, amd.usage == SEV_USAGE_ARK ? "AMD's ARK" : "AMD's ASK");
    if (len == SEV_CERT_CHAIN_SIZE || len == SEV_CERT_CHAIN_SIZE + SEV_CERT_SIZE)
        return wrong_kind (error, "a platform's certificate chain");
    if (len < SEV_CERT_SIZE) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_CERT_TRUNCATED,
                     "owner certificate: %" G_GSIZE_FORMAT " bytes, expected %u", len,
                     SEV_CERT_SIZE);
        return FALSE;
    }
    if (len > SEV_CERT_SIZE) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_CERT_MALFORMED,
                     "owner certificate: %" G_GSIZE_FORMAT " bytes, expected %u", len,
                     SEV_CERT_SIZE);
        return FALSE;
    }
    return TRUE;
}

/*
 * A platform's PDH is signed by its PEK.  AMD's sev-tool fills the same slot of an owner's
 * certificate with a signature by the certificate's own key, which tells them apart.
 */
static gboolean
is_platform_pdh (const SevCert *cert, const SevEcKey *key)
{
    guint8 body[SEV_CERT_BODY_SIZE];
    SevEcSignature signature;

    sev_cert_encode_body (cert, body);
    for (guint i = 0; i < SEV_CERT_SIGS; i++) {
        const SevCertSig *sig = &cert->sig[i];
        if (sig->usage == SEV_USAGE_INVALID)
            continue;
        if (!sev_cert_sig_get_ec (sig, &signature, NULL) ||
            !sev_ec_verify (key, SEV_HASH_SHA256, body, sizeof body, &signature, NULL))
            return TRUE;
    }
    return FALSE;
}

static gboolean
check_cert (const SevCert *cert, GError **error)
{
    g_autoptr (GError) local = NULL;

    if (cert->version != SEV_CERT_VERSION || cert->reserved != 0) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_CERT_MALFORMED,
                     "owner certificate has version %u, expected %u", cert->version,
                     SEV_CERT_VERSION);
        return FALSE;
    }
    if (cert->pubkey_usage != SEV_USAGE_PDH) {
        g_autofree char *what = g_strdup_printf ("a certificate of a key for %s",
                                                 sev_usage_name (cert->pubkey_usage));
        return wrong_kind (error, what);
    }
    if (cert->pubkey_algo != SEV_ALGO_ECDH_SHA256) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_CERT_MALFORMED,
                     "owner certificate: algorithm 0x%x of its key, expected 0x%x (ECDH "
                     "with SHA-256)",
                     cert->pubkey_algo, SEV_ALGO_ECDH_SHA256);
        return FALSE;
    }
    g_autoptr (SevEcKey) key = sev_cert_get_ec_key (cert, &local);
    if (key == NULL || sev_ec_key_curve (key) != SEV_CURVE_P384) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_CERT_MALFORMED,
                     "owner certificate: %s",
                     key == NULL ? local->message : "its curve is not P-384");
        return FALSE;
    }
    if (is_platform_pdh (cert, key)) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_CERT_PLATFORM,
                     "this is the certificate of a platform (firmware API %u.%u, signed by "
                     "its PEK), not of a guest owner: its private key is in the processor "
                     "(sevlaunch owner-init makes an owner's)",
                     cert->api_major, cert->api_minor);
        return FALSE;
    }
    return TRUE;
}

gboolean
policy_owner_cert_parse (GBytes *bytes, SevCert *out, GError **error)
{
    g_autoptr (GError) local = NULL;
    SevCert cert;
    gsize len;

    g_return_val_if_fail (bytes != NULL && out != NULL, FALSE);

    g_autoptr (GBytes) binary = policy_unwrap_base64 (bytes, sev_prefix, sizeof sev_prefix);
    const guint8 *data = g_bytes_get_data (binary, &len);
    if (!check_format (data, len, error))
        return FALSE;
    if (!sev_cert_decode (data, len, &cert, &local)) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_CERT_MALFORMED,
                     "owner certificate: %s", local->message);
        return FALSE;
    }
    if (!check_cert (&cert, error))
        return FALSE;
    *out = cert;
    return TRUE;
}
