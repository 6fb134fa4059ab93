/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The chip, the platform's identity, and what happens to them on disk. */

#include "psp/fw/psp-keys.h"

#include <string.h>

#include "psp/fw/psp-chip-private.h"
#include "psp/fw/psp-error.h"
#include "sev/base/sev-bytes.h"
#include "tests/lib/test-vectors.h"
#include "tests/unit/psp-fake-host.h"

static void
assert_damaged (const guint8 *data, gsize len, const PspChip *chip)
{
    g_autoptr (GError) error = NULL;

    g_assert_null (psp_keys_load (data, len, chip, &error));
    g_assert_error (error, PSP_ERROR, PSP_ERROR_NV_DAMAGED);
}

static void
assert_ec_signed (const SevCert *cert, guint slot, SevUsage by, const SevEcKey *key)
{
    guint8 body[SEV_CERT_BODY_SIZE];
    SevEcSignature signature;
    g_autoptr (GError) error = NULL;

    g_assert_cmphex (cert->sig[slot].usage, ==, by);
    g_assert_cmphex (cert->sig[slot].algo, ==, SEV_ALGO_ECDSA_SHA256);
    g_assert_true (sev_cert_sig_get_ec (&cert->sig[slot], &signature, NULL));
    sev_cert_encode_body (cert, body);
    g_assert_true (
        sev_ec_verify (key, SEV_HASH_SHA256, body, sizeof body, &signature, &error));
    g_assert_no_error (error);
}

static void
assert_empty (const SevCertSig *sig)
{
    g_assert_cmphex (sig->usage, ==, 0x1000);
    g_assert_cmphex (sig->algo, ==, 0);
    g_assert_true (sev_bytes_all_zero (sig->bytes, sizeof sig->bytes));
}

static void
assert_kind (const SevCert *cert, guint32 usage, guint32 algo, guint api_minor)
{
    g_assert_cmpuint (cert->version, ==, 1);
    g_assert_cmpuint (cert->api_major, ==, api_minor == 14 ? 0 : 1);
    g_assert_cmpuint (cert->api_minor, ==, api_minor);
    g_assert_cmphex (cert->reserved, ==, 0);
    g_assert_cmphex (cert->pubkey_usage, ==, usage);
    g_assert_cmphex (cert->pubkey_algo, ==, algo);
    g_assert_cmpuint (cert->pubkey[0], ==, 2); /* P-384 */
}

/* The usages, algorithms, slots and API versions of the real chains in tests/vectors. */
static void
test_identity (void)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (PspKeys) keys = psp_keys_generate (fake_chip (), 1, 55, &error);

    g_assert_no_error (error);
    g_assert_false (keys->external_owner);
    assert_kind (&keys->oca, 0x1001, 2, 55);
    assert_kind (&keys->pek, 0x1002, 2, 55);
    assert_kind (&keys->pdh, 0x1003, 3, 55);

    g_autoptr (SevEcKey) oca = sev_cert_get_ec_key (&keys->oca, NULL);
    assert_ec_signed (&keys->oca, 0, SEV_USAGE_OCA, oca);
    assert_empty (&keys->oca.sig[1]);
    assert_ec_signed (&keys->pek, 0, SEV_USAGE_OCA, oca);
    assert_ec_signed (&keys->pek, 1, SEV_USAGE_CEK, psp_chip_cek (fake_chip ()));
    assert_ec_signed (&keys->pdh, 0, SEV_USAGE_PEK, keys->pek_key);
    assert_empty (&keys->pdh.sig[1]);
}

static void
decode_amd (GBytes *bytes, SevAmdCert *out)
{
    g_autoptr (GError) error = NULL;

    g_assert_true (sev_amd_cert_decode (g_bytes_get_data (bytes, NULL),
                                        g_bytes_get_size (bytes), out, &error));
    g_assert_no_error (error);
}

static void
assert_rsa_signed (const void *body, gsize len, const guint8 *signature, SevAmdCert *by)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (SevRsaKey) key = sev_amd_cert_get_key (by, &error);

    g_assert_no_error (error);
    g_assert_true (sev_rsa_verify (key, SEV_HASH_SHA256, body, len, signature, &error));
    g_assert_no_error (error);
}

static void
assert_chip_certs (PspChip *chip)
{
    g_autoptr (GBytes) ark_bytes = NULL;
    g_autoptr (GBytes) ask_bytes = NULL;
    g_autoptr (GBytes) cek_bytes = NULL;
    SevAmdCert ark, ask;
    SevCert cek;

    psp_chip_get_amd_certs (chip, &ark_bytes, &ask_bytes, &cek_bytes);
    g_assert_cmpuint (g_bytes_get_size (ark_bytes), ==, 832);
    decode_amd (ark_bytes, &ark);
    decode_amd (ask_bytes, &ask);
    g_assert_true (sev_cert_decode (g_bytes_get_data (cek_bytes, NULL),
                                    g_bytes_get_size (cek_bytes), &cek, NULL));

    g_assert_cmpmem (ark.key_id, 16, "EMULATED-SEVLNCH", 16);
    g_assert_cmpmem (ark.certifying_id, 16, "EMULATED-SEVLNCH", 16);
    g_assert_cmpmem (ask.key_id, 16, "EMULATED-SEVLNCA", 16);
    g_assert_cmpmem (ask.certifying_id, 16, "EMULATED-SEVLNCH", 16);
    g_assert_cmphex (ark.usage, ==, 0);
    g_assert_cmphex (ask.usage, ==, 0x13);

    g_autoptr (GByteArray) ark_body = sev_amd_cert_encode_body (&ark);
    g_autoptr (GByteArray) ask_body = sev_amd_cert_encode_body (&ask);
    assert_rsa_signed (ark_body->data, ark_body->len, ark.signature, &ark);
    assert_rsa_signed (ask_body->data, ask_body->len, ask.signature, &ark);

    guint8 body[SEV_CERT_BODY_SIZE];
    assert_kind (&cek, 0x1004, 2, 14);
    g_assert_cmphex (cek.sig[0].usage, ==, 0x13);
    g_assert_cmphex (cek.sig[0].algo, ==, 1);
    assert_empty (&cek.sig[1]);
    sev_cert_encode_body (&cek, body);
    assert_rsa_signed (body, sizeof body, cek.sig[0].bytes, &ask);
}

static void
test_chip (void)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (PspChip) fresh = psp_chip_manufacture (PSP_GENERATION_NAPLES, NULL, &error);

    g_assert_no_error (error);
    assert_chip_certs (fresh);
    assert_chip_certs (fake_chip ());
    g_assert_cmpint (memcmp (psp_chip_id (fresh), psp_chip_id (fake_chip ()), 64), !=, 0);

    /* Another chip's persistent state is as good as damaged. */
    g_autoptr (PspKeys) keys = psp_keys_generate (fresh, 1, 55, &error);
    g_autoptr (SevSecret) blob = psp_keys_save (keys, fresh, &error);
    g_assert_no_error (error);
    assert_damaged (sev_secret_data (blob), sev_secret_size (blob), fake_chip ());
}

/* The published roots of AMD, and the real key's own id where it is not asked for. */
static void
test_amd_key_id (void)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (GBytes) amd = test_vector_load ("certs/naples-ok/ark.cert");
    g_autoptr (PspChip) chip =
        psp_chip_manufacture_as (PSP_GENERATION_NAPLES, TRUE, NULL, &error);
    g_autoptr (GBytes) ark_bytes = NULL;
    g_autoptr (GBytes) ask_bytes = NULL;
    SevAmdCert ark, ask;
    gsize len;

    g_assert_no_error (error);
    psp_chip_get_amd_certs (chip, &ark_bytes, &ask_bytes, NULL);
    const guint8 *data = g_bytes_get_data (ark_bytes, &len);
    g_assert_true (sev_amd_cert_decode (data, len, &ark, &error));
    data = g_bytes_get_data (ask_bytes, &len);
    g_assert_true (sev_amd_cert_decode (data, len, &ask, &error));
    const guint8 *real = g_bytes_get_data (amd, NULL);
    g_assert_cmpmem (ark.key_id, 8, real + 4, 8);
    g_assert_cmpmem (ark.key_id + 8, 8, "EMULATED", 8);
    g_assert_cmpmem (ark.certifying_id, 16, ark.key_id, 16);
    g_assert_cmpmem (ask.certifying_id, 16, ark.key_id, 16);
    g_assert_cmpmem (ask.key_id, 16, "EMULATED-SEVLNCA", 16);
    g_autoptr (GByteArray) body = sev_amd_cert_encode_body (&ask);
    assert_rsa_signed (body->data, body->len, ask.signature, &ark);
}

static void
test_chip_saved (void)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (SevSecret) blob = psp_chip_save (fake_chip (), &error);
    g_assert_no_error (error);
    g_assert_cmpuint (sev_secret_size (blob), <=, PSP_NV_MAX_SIZE);
    g_autoptr (PspChip) again = psp_chip_load (blob, &error);
    g_assert_no_error (error);

    g_autoptr (SevSecret) blob2 = psp_chip_save (again, &error);
    g_assert_no_error (error);
    g_assert_true (sev_secret_equal (blob, blob2));
    g_assert_cmpmem (psp_chip_id (again), 64, psp_chip_id (fake_chip ()), 64);
    g_assert_cmpint (psp_chip_generation (again), ==, PSP_GENERATION_NAPLES);

    guint8 *bytes = sev_secret_writable (blob2);
    for (gsize i = 0; i < sev_secret_size (blob2); i += 37) {
        g_autoptr (GError) damage = NULL;
        bytes[i] ^= 0x10;
        g_assert_null (psp_chip_load (blob2, &damage));
        g_assert_error (damage, PSP_ERROR, PSP_ERROR_CHIP);
        bytes[i] ^= 0x10;
    }
    g_autoptr (PspChip) whole = psp_chip_load (blob2, NULL);
    g_assert_nonnull (whole);
}

static void
test_keys_saved (void)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (PspKeys) keys = psp_keys_generate (fake_chip (), 1, 55, &error);
    g_assert_no_error (error);
    g_autoptr (SevSecret) blob = psp_keys_save (keys, fake_chip (), &error);
    g_assert_no_error (error);
    const gsize len = sev_secret_size (blob);
    guint8 *bytes = sev_secret_writable (blob);

    g_autoptr (PspKeys) again = psp_keys_load (bytes, len, fake_chip (), &error);
    g_assert_no_error (error);
    g_assert_cmpmem (&again->oca, sizeof (SevCert), &keys->oca, sizeof (SevCert));
    g_assert_cmpmem (&again->pek, sizeof (SevCert), &keys->pek, sizeof (SevCert));
    g_assert_cmpmem (&again->pdh, sizeof (SevCert), &keys->pdh, sizeof (SevCert));
    g_assert_true (sev_ec_key_same_public (again->pek_key, keys->pek_key));
    g_assert_true (sev_ec_key_same_public (again->pdh_key, keys->pdh_key));

    for (gsize i = 0; i < len; i += 29) {
        assert_damaged (bytes, i, fake_chip ());
        bytes[i] ^= 0x01;
        assert_damaged (bytes, len, fake_chip ());
        bytes[i] ^= 0x01;
    }
}

static gboolean
loads (const PspKeys *keys)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (SevSecret) blob = psp_keys_save (keys, fake_chip (), NULL);
    g_autoptr (PspKeys) loaded = psp_keys_load (
        sev_secret_data (blob), sev_secret_size (blob), fake_chip (), &error);

    if (loaded == NULL)
        g_assert_error (error, PSP_ERROR, PSP_ERROR_NV_DAMAGED);
    return loaded != NULL;
}

/* Whole and sealed by this chip, but of two platforms, or not signed by whom it must. */
static void
test_mixed_identity (void)
{
    g_autoptr (PspKeys) a = psp_keys_generate (fake_chip (), 1, 55, NULL);
    g_autoptr (PspKeys) b = psp_keys_generate (fake_chip (), 1, 55, NULL);
    const struct {
        const char *what;
        void *to;
        const void *from;
        gsize size;
    } mixes[] = {
        { "OCA", &a->oca, &b->oca, sizeof a->oca },
        { "PEK", &a->pek, &b->pek, sizeof a->pek },
        { "PEK's key", &a->pek_key, &b->pek_key, sizeof a->pek_key },
        { "PDH", &a->pdh, &b->pdh, sizeof a->pdh },
        { "PDH's key", &a->pdh_key, &b->pdh_key, sizeof a->pdh_key },
        { "OCA's signature", &a->oca.sig[0], &b->oca.sig[0], sizeof a->oca.sig[0] },
        { "PEK by OCA", &a->pek.sig[0], &b->pek.sig[0], sizeof a->pek.sig[0] },
        { "PEK by CEK", &a->pek.sig[1], &b->pek.sig[1], sizeof a->pek.sig[1] },
        { "PDH by PEK", &a->pdh.sig[0], &b->pdh.sig[0], sizeof a->pdh.sig[0] },
    };
    guint8 was[sizeof (SevCert)];

    for (gsize i = 0; i < G_N_ELEMENTS (mixes); i++) {
        g_test_message ("%s", mixes[i].what);
        g_assert_true (loads (a));
        memcpy (was, mixes[i].to, mixes[i].size);
        memcpy (mixes[i].to, mixes[i].from, mixes[i].size);
        g_assert_false (loads (a));
        memcpy (mixes[i].to, was, mixes[i].size);
    }

    /* Key and certificate of the PDH together, but of another PEK. */
    SevCert pdh = a->pdh;
    SevEcKey *pdh_key = a->pdh_key;
    a->pdh = b->pdh;
    a->pdh_key = b->pdh_key;
    g_assert_false (loads (a));
    a->pdh = pdh;
    a->pdh_key = pdh_key;
    g_assert_true (loads (a));
}

static void
test_generations (void)
{
    g_autoptr (GError) error = NULL;
    PspGeneration generation;

    g_assert_true (psp_generation_parse ("milan", &generation));
    g_assert_cmpstr (psp_generation_name (generation), ==, "milan");
    g_assert_false (psp_generation_parse ("turin", &generation));
    g_assert_null (psp_generation_name (77));
    g_assert_null (psp_chip_manufacture (77, NULL, &error));
    g_assert_error (error, PSP_ERROR, PSP_ERROR_CONFIG);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/psp-keys/identity", test_identity);
    g_test_add_func ("/psp-keys/amd-key-id", test_amd_key_id);
    g_test_add_func ("/psp-keys/saved", test_keys_saved);
    g_test_add_func ("/psp-keys/mixed-identity", test_mixed_identity);
    g_test_add_func ("/psp-chip/certificates", test_chip);
    g_test_add_func ("/psp-chip/saved", test_chip_saved);
    g_test_add_func ("/psp-chip/generations", test_generations);
    return g_test_run ();
}
