/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The formats against certificates of real machines and of AMD (tests/vectors/certs, whose
 * README says where they come from): field by field, signature by signature.
 */

#include <string.h>

#include "sev/base/sev-bytes.h"
#include "sev/sev-error.h"
#include "sev/wire/sev-cert-wire.h"

static guint8 *
load (const char *chain, const char *name, gsize *len)
{
    g_autofree char *path =
        g_test_build_filename (G_TEST_DIST, "tests", "vectors", "certs", chain, name, NULL);
    g_autoptr (GError) error = NULL;
    char *content = NULL;

    g_file_get_contents (path, &content, len, &error);
    g_assert_no_error (error);
    return (guint8 *) content;
}

static void
load_cert (const char *chain, const char *name, SevCert *cert)
{
    gsize len;
    g_autofree guint8 *bytes = load (chain, name, &len);
    g_autoptr (GError) error = NULL;
    guint8 again[SEV_CERT_SIZE];

    g_assert_true (sev_cert_decode (bytes, len, cert, &error));
    g_assert_no_error (error);
    sev_cert_encode (cert, again);
    g_assert_cmpmem (again, sizeof again, bytes, len);
}

static void
load_amd (const char *chain, const char *name, SevAmdCert *cert)
{
    gsize len;
    g_autofree guint8 *bytes = load (chain, name, &len);
    g_autoptr (GError) error = NULL;

    g_assert_true (sev_amd_cert_decode (bytes, len, cert, &error));
    g_assert_no_error (error);
    g_autoptr (GByteArray) again = sev_amd_cert_encode (cert);
    g_assert_cmpmem (again->data, again->len, bytes, len);
}

/* Fields as AMD's sev-tool and virtee/sev print them for these two chains. */
static void
test_fields (void)
{
    static const struct {
        const char *chain, *name;
        guint8 api_minor;
        guint32 usage, algo, sig0_usage, sig1_usage;
    } rows[] = {
        { "naples-ok", "pdh.cert", 16, SEV_USAGE_PDH, SEV_ALGO_ECDH_SHA256, SEV_USAGE_PEK,
          SEV_USAGE_INVALID },
        { "naples-ok", "pek.cert", 16, SEV_USAGE_PEK, SEV_ALGO_ECDSA_SHA256, SEV_USAGE_OCA,
          SEV_USAGE_CEK },
        { "rome-ok", "pek.cert", 22, SEV_USAGE_PEK, SEV_ALGO_ECDSA_SHA256, SEV_USAGE_OCA,
          SEV_USAGE_CEK },
        { "rome-ok", "cek.cert", 14, SEV_USAGE_CEK, SEV_ALGO_ECDSA_SHA256, SEV_USAGE_ASK,
          SEV_USAGE_INVALID },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        SevCert cert;
        load_cert (rows[i].chain, rows[i].name, &cert);
        g_assert_cmpuint (cert.version, ==, 1);
        g_assert_cmpuint (cert.api_major, ==, 0);
        g_assert_cmpuint (cert.api_minor, ==, rows[i].api_minor);
        g_assert_cmphex (cert.pubkey_usage, ==, rows[i].usage);
        g_assert_cmphex (cert.pubkey_algo, ==, rows[i].algo);
        g_assert_cmphex (cert.sig[0].usage, ==, rows[i].sig0_usage);
        g_assert_cmphex (cert.sig[1].usage, ==, rows[i].sig1_usage);
    }
}

static gboolean
signed_by (const SevCert *child, guint slot, const SevCert *parent)
{
    guint8 body[SEV_CERT_BODY_SIZE];
    SevEcSignature sig;
    g_autoptr (GError) error = NULL;
    g_autoptr (SevEcKey) key = sev_cert_get_ec_key (parent, &error);

    g_assert_no_error (error);
    g_assert_true (sev_cert_sig_get_ec (&child->sig[slot], &sig, &error));
    sev_cert_encode_body (child, body);
    return sev_ec_verify (key, SEV_HASH_SHA256, body, sizeof body, &sig, NULL);
}

static void
test_real_ec_signatures (gconstpointer chain)
{
    SevCert pdh, pek, oca, cek;

    load_cert (chain, "pdh.cert", &pdh);
    load_cert (chain, "pek.cert", &pek);
    load_cert (chain, "oca.cert", &oca);
    load_cert (chain, "cek.cert", &cek);
    g_assert_true (signed_by (&pdh, 0, &pek));
    g_assert_true (signed_by (&pek, 0, &oca));
    g_assert_true (signed_by (&pek, 1, &cek));
    g_assert_true (signed_by (&oca, 0, &oca));
    g_assert_false (signed_by (&pek, 1, &oca));
    pdh.api_minor ^= 1;
    g_assert_false (signed_by (&pdh, 0, &pek));
}

static gboolean
amd_signed_by (const SevAmdCert *child, const SevAmdCert *parent, SevHash hash)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (SevRsaKey) key = sev_amd_cert_get_key (parent, &error);
    g_autoptr (GByteArray) body = sev_amd_cert_encode_body (child);

    g_assert_no_error (error);
    return sev_rsa_verify (key, hash, body->data, body->len, child->signature, NULL);
}

static void
test_real_rsa_signatures (gconstpointer chain)
{
    const gboolean naples = strcmp (chain, "naples-ok") == 0;
    const SevHash hash = naples ? SEV_HASH_SHA256 : SEV_HASH_SHA384;
    SevAmdCert ark, ask;

    load_amd (chain, "ark.cert", &ark);
    load_amd (chain, "ask.cert", &ask);
    g_assert_cmpuint (ark.modulus_bits, ==, naples ? 2048 : 4096);
    g_assert_cmphex (ark.usage, ==, SEV_USAGE_ARK);
    g_assert_cmphex (ask.usage, ==, SEV_USAGE_ASK);
    g_assert_cmpmem (ask.certifying_id, 16, ark.key_id, 16);
    g_assert_true (amd_signed_by (&ark, &ark, hash));
    g_assert_true (amd_signed_by (&ask, &ark, hash));
    g_assert_false (amd_signed_by (&ark, &ask, hash));
    ask.modulus[0] ^= 1;
    g_assert_false (amd_signed_by (&ask, &ark, hash));
}

static void
test_lengths (void)
{
    gsize len;
    g_autofree guint8 *cert = load ("rome-ok", "pek.cert", &len);
    guint8 longer[SEV_CERT_SIZE + 1] = { 0 };
    SevCert out;
    g_autoptr (GError) error = NULL;

    g_assert_true (sev_cert_decode (cert, len, &out, &error));
    g_assert_false (sev_cert_decode (cert, len - 1, &out, &error));
    g_assert_error (error, SEV_ERROR, SEV_ERROR_TRUNCATED);
    g_clear_error (&error);
    memcpy (longer, cert, len);
    g_assert_false (sev_cert_decode (longer, sizeof longer, &out, &error));
    g_assert_error (error, SEV_ERROR, SEV_ERROR_MALFORMED);
}

static void
test_amd_lengths (void)
{
    gsize len;
    g_autofree guint8 *bytes = load ("naples-ok", "ask.cert", &len);
    SevAmdCert out;
    g_autoptr (GError) error = NULL;

    g_assert_true (sev_amd_cert_decode (bytes, len, &out, &error));
    /* Naples' ARK was once published without its signature, 576 bytes. */
    g_assert_false (sev_amd_cert_decode (bytes, 576, &out, &error));
    g_assert_error (error, SEV_ERROR, SEV_ERROR_TRUNCATED);
    g_clear_error (&error);
    g_assert_false (sev_amd_cert_decode (bytes, 63, &out, &error));
    g_assert_error (error, SEV_ERROR, SEV_ERROR_TRUNCATED);
    g_clear_error (&error);
    bytes[0x3c] ^= 1; /* modulus size 2049 bits */
    g_assert_false (sev_amd_cert_decode (bytes, len, &out, &error));
    g_assert_error (error, SEV_ERROR, SEV_ERROR_MALFORMED);
}

static void
test_padding_is_checked (void)
{
    SevCert cert;
    SevEcSignature sig;
    g_autoptr (GError) error = NULL;

    load_cert ("rome-ok", "pek.cert", &cert);
    cert.pubkey[SEV_CERT_PUBKEY_SIZE - 1] = 1;
    g_assert_null (sev_cert_get_ec_key (&cert, &error));
    g_assert_error (error, SEV_ERROR, SEV_ERROR_MALFORMED);
    g_clear_error (&error);
    cert.sig[0].bytes[SEV_CERT_SIG_SIZE - 1] = 1;
    g_assert_false (sev_cert_sig_get_ec (&cert.sig[0], &sig, &error));
    g_assert_error (error, SEV_ERROR, SEV_ERROR_MALFORMED);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    g_test_add_func ("/sev/cert/fields", test_fields);
    g_test_add_data_func ("/sev/cert/ec/naples", "naples-ok", test_real_ec_signatures);
    g_test_add_data_func ("/sev/cert/ec/rome", "rome-ok", test_real_ec_signatures);
    g_test_add_data_func ("/sev/cert/rsa/naples", "naples-ok", test_real_rsa_signatures);
    g_test_add_data_func ("/sev/cert/rsa/rome", "rome-ok", test_real_rsa_signatures);
    g_test_add_func ("/sev/cert/lengths", test_lengths);
    g_test_add_func ("/sev/cert/amd-lengths", test_amd_lengths);
    g_test_add_func ("/sev/cert/padding", test_padding_is_checked);

    return g_test_run ();
}
