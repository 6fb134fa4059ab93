/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The owner's side against vectors of independent programs (tests/vectors/vectors.json):
 * AMD's sev-tool, libvirt's virt-qemu-sev-validate, virtee's published test values.  How
 * many there are of each kind is pinned, so that none can be lost unnoticed, and a
 * corrupted copy of each kind must fail.
 */

#include <string.h>

#include <json-glib/json-glib.h>

#include "ovmf-hooks/ovmf-hashes.h"
#include "ovmf-hooks/ovmf-image.h"
#include "ovmf-hooks/secret-guids.h"
#include "ovmf-hooks/secret-table.h"
#include "policy/attest/owner-packet.h"
#include "policy/attest/owner-private.h"
#include "policy/policy-error.h"
#include "sev/base/sev-bytes.h"
#include "sev/crypto/sev-digest.h"
#include "sev/crypto/sev-kdf.h"
#include "tests/lib/chain-maker.h"
#include "tests/lib/test-vectors.h"

static JsonArray *vectors;
static guint init2; /* digests of sev-snp-measure that agreed */

static void
load_vectors (void)
{
    static JsonParser *parser;
    g_autofree char *path = test_vector_path ("vectors.json");
    g_autoptr (GError) error = NULL;

    parser = json_parser_new ();
    json_parser_load_from_file (parser, path, &error);
    g_assert_no_error (error);
    vectors = json_object_get_array_member (
        json_node_get_object (json_parser_get_root (parser)), "vectors");
}

static gboolean
is_kind (JsonObject *v, const char *kind)
{
    return strcmp (json_object_get_string_member (v, "kind"), kind) == 0;
}

static const char *
text (JsonObject *v, const char *name)
{
    return json_object_get_string_member_with_default (v, name, NULL);
}

static guint32
number (JsonObject *v, const char *name)
{
    return (guint32) json_object_get_int_member (v, name);
}

static guint32
hex_number (JsonObject *v, const char *name)
{
    guint64 value = 0;

    g_assert_true (
        g_ascii_string_to_unsigned (text (v, name) + 2, 16, 0, G_MAXUINT32, &value, NULL));
    return (guint32) value;
}

static void
unhex_into (const char *hex, guint8 *out, gsize len)
{
    g_assert_true (sev_hex_decode (hex, out, len, NULL));
}

/* All that is in vectors.json; every kind is dealt with here or named. */
static void
test_counts (void)
{
    static const struct {
        const char *kind;
        guint count;
    } kinds[] = {
        { "measurement", 7 }, /* 4 for SEV, 3 for SEV-ES */
        { "measurement-formula", 5 }, { "secret", 4 }, { "session", 2 }, { "kdf", 1 },
        { "cert-chain", 17 },         { "csr", 2 }, /* PEK_CSR and PEK_CERT_IMPORT: not the
                                                       owner's side */
        { "attestation", 6 },                       /* tests/unit/test-psp-guest.c */
    };
    guint sum = 0;

    for (gsize k = 0; k < G_N_ELEMENTS (kinds); k++) {
        guint found = 0;
        for (guint i = 0; i < json_array_get_length (vectors); i++)
            if (is_kind (json_array_get_object_element (vectors, i), kinds[k].kind))
                found++;
        g_assert_cmpuint (found, ==, kinds[k].count);
        sum += found;
    }
    g_assert_cmpuint (sum, ==, json_array_get_length (vectors));
}

/* --- certificate chains ------------------------------------------------------------ */

static GBytes *
load_in (const char *dir, const char *name)
{
    g_autofree char *relative = g_build_filename (dir, name, NULL);

    return test_vector_load (relative);
}

static void
load_chain (const char *dir, TestChainInput *out)
{
    g_autoptr (GBytes) pek = load_in (dir, "pek.cert");
    g_autoptr (GBytes) oca = load_in (dir, "oca.cert");
    g_autoptr (GBytes) cek = load_in (dir, "cek.cert");
    GBytes *parts[] = { pek, oca, cek };

    out->input.pdh = load_in (dir, "pdh.cert");
    out->input.cert_chain = test_cat (parts, G_N_ELEMENTS (parts));
    out->input.ask = load_in (dir, "ask.cert");
    out->input.ark = load_in (dir, "ark.cert");
}

static PolicyChain *
verify_dir (const char *dir)
{
    g_auto (TestChainInput) in = { 0 };
    g_autoptr (GError) error = NULL;

    load_chain (dir, &in);
    PolicyChain *chain = policy_chain_verify (&in.input, NULL, &error);
    g_assert_no_error (error);
    return chain;
}

static void
test_cert_chains (void)
{
    guint accepted = 0, refused = 0, stricter = 0;

    for (guint i = 0; i < json_array_get_length (vectors); i++) {
        JsonObject *v = json_array_get_object_element (vectors, i);
        if (!is_kind (v, "cert-chain"))
            continue;
        const char *caution = text (v, "caution");
        const gboolean oracle = strcmp (text (v, "result"), "accept") == 0;
        /* Where the oracle is laxer than the format, this verifier is not. */
        const gboolean lax = caution != NULL && g_str_has_prefix (caution, "LAX");
        g_autoptr (PolicyChain) chain = verify_dir (text (v, "dir"));

        g_test_message ("%s: %d", text (v, "id"), policy_chain_is_verified (chain));
        g_assert_true (policy_chain_is_verified (chain) == (oracle && !lax));
        if (lax)
            stricter++;
        if (policy_chain_is_verified (chain)) {
            g_assert_cmpint (policy_chain_get_kind (chain), ==, POLICY_PLATFORM_SEV);
            accepted++;
        } else {
            refused++;
        }
    }
    g_assert_cmpuint (accepted, ==, 3); /* both originals, and PEK signatures swapped */
    g_assert_cmpuint (refused, ==, 14);
    g_assert_cmpuint (stricter, ==, 2);
}

static void
test_real_platforms (void)
{
    g_autoptr (PolicyChain) naples = verify_dir ("certs/naples-ok");
    g_autoptr (PolicyChain) rome = verify_dir ("certs/rome-ok");
    guint8 major, minor;

    g_assert_cmpstr (policy_chain_get_generation (naples), ==, "Naples");
    g_assert_cmpstr (policy_chain_get_generation (rome), ==, "Rome");
    policy_chain_get_pek_api (naples, &major, &minor);
    g_assert_cmpuint (major, ==, 0);
    g_assert_cmpuint (minor, ==, 16);
    policy_chain_get_pek_api (rome, &major, &minor);
    g_assert_cmpuint (minor, ==, 22);
    g_assert_cmpstr (policy_chain_get_owner (rome), ==, "self");
    g_assert_false (policy_chain_says_emulated (rome));
    /* tail -c +65 ark.cert | head -c 1024 | sha256sum */
    g_assert_cmpstr (policy_chain_get_root_fingerprint (rome), ==,
                     "sha256:"
                     "227cc97640363424696c3e80d4d17902a5e1784cc5805a9eb5acc00620661a71");
    /* tail -c +65 ark.cert | head -c 512 | sha256sum */
    g_assert_cmpstr (policy_chain_get_root_fingerprint (naples), ==,
                     "sha256:"
                     "fb61bb1bf3b399dfb7c811390c25845d74369aae5f2a77e25710c86cc2ecb158");
}

/* A root of AMD's in trusted-roots stays what it is. */
static void
test_trusted_amd_root (void)
{
    g_auto (TestChainInput) in = { 0 };
    g_autoptr (PolicyRoots) roots = policy_roots_new ();
    PolicyFingerprint fingerprint;
    SevAmdCert ark;
    gsize len;

    load_chain ("certs/rome-ok", &in);
    const guint8 *data = g_bytes_get_data (in.input.ark, &len);
    g_assert_true (sev_amd_cert_decode (data, len, &ark, NULL));
    g_assert_true (policy_root_fingerprint (&ark, &fingerprint, NULL));
    policy_roots_add (roots, &fingerprint);
    g_autoptr (PolicyChain) chain = policy_chain_verify (&in.input, roots, NULL);
    g_assert_cmpint (policy_chain_get_kind (chain), ==, POLICY_PLATFORM_SEV);
}

/* The platform gives its CEK unsigned; the signed one joins it, another machine's does not.
 */
static void
test_real_cek (void)
{
    g_auto (TestChainInput) in = { 0 };
    g_autoptr (GBytes) rome = test_vector_load ("certs/rome-ok/cek.cert");
    g_autoptr (GError) error = NULL;

    load_chain ("certs/naples-ok", &in);
    gsize len;
    g_autofree guint8 *copy =
        g_memdup2 (g_bytes_get_data (in.input.cert_chain, &len), SEV_CERT_CHAIN_SIZE);
    SevCert cek;
    g_assert_true (sev_cert_decode (copy + 2 * SEV_CERT_SIZE, SEV_CERT_SIZE, &cek, NULL));
    sev_cert_sig_clear (&cek.sig[0]);
    sev_cert_encode (&cek, copy + 2 * SEV_CERT_SIZE);
    g_bytes_unref (in.input.cert_chain);
    in.input.cert_chain = g_bytes_new (copy, len);

    in.input.cek = test_vector_load ("certs/naples-ok/cek.cert");
    g_autoptr (PolicyChain) merged = policy_chain_verify (&in.input, NULL, NULL);
    g_assert_true (policy_chain_is_verified (merged));
    g_bytes_unref (in.input.cek);
    in.input.cek = g_bytes_ref (rome);
    g_autoptr (PolicyChain) foreign = policy_chain_verify (&in.input, NULL, NULL);
    g_assert_false (policy_chain_require (foreign, &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_CHAIN_CEK_MISMATCH);
}

/* --- sessions ---------------------------------------------------------------------- */

static SevEcKey *
vector_private_key (const char *relative)
{
    g_autoptr (GBytes) pem = test_vector_load (relative);
    gsize len;
    const void *data = g_bytes_get_data (pem, &len);
    SevEcKey *key = sev_ec_key_new_from_pem (data, len, NULL);

    g_assert_nonnull (key);
    return key;
}

static SevEcKey *
vector_public_key (const char *relative)
{
    g_autoptr (GBytes) bytes = test_vector_load (relative);
    SevCert cert;
    gsize len;
    const guint8 *data = g_bytes_get_data (bytes, &len);

    g_assert_true (sev_cert_decode (data, len, &cert, NULL));
    SevEcKey *key = sev_cert_get_ec_key (&cert, NULL);
    g_assert_nonnull (key);
    return key;
}

/* Wraps the vector's keys with the vector's nonce and IV: the blob must come out. */
static void
check_session (JsonObject *v)
{
    g_autoptr (SevEcKey) own = vector_private_key (text (v, "pdh_private"));
    g_autoptr (SevEcKey) peer = vector_public_key (text (v, "godh"));
    g_autoptr (GBytes) blob = test_vector_load (text (v, "blob"));
    g_autoptr (GBytes) z = test_unhex (text (v, "z"));
    g_autoptr (SevSecret) shared = sev_ec_derive (own, peer, NULL);
    const guint32 policy = hex_number (v, "policy_in_blob");
    guint8 keys[32];
    SevSessionWire want, got = { 0 };

    g_assert_cmpbytes (z, sev_secret_data (shared), sev_secret_size (shared));
    memcpy (&want, g_bytes_get_data (blob, NULL), sizeof want);
    unhex_into (text (v, "tek"), keys, 16);
    unhex_into (text (v, "tik"), keys + 16, 16);
    g_autoptr (SevSecret) tek = sev_secret_new_copy (keys, 16);
    g_autoptr (SevSecret) tik = sev_secret_new_copy (keys + 16, 16);
    memcpy (got.nonce, want.nonce, sizeof got.nonce);
    memcpy (got.wrap_iv, want.wrap_iv, sizeof got.wrap_iv);
    g_assert_true (policy_session_wrap (&got, shared, tek, tik, policy, NULL));
    g_assert_cmpmem (&got, sizeof got, &want, sizeof want);

    /* Any other input gives another blob. */
    g_assert_true (policy_session_wrap (&got, shared, tek, tik, policy ^ 1, NULL));
    g_assert_cmpint (memcmp (&got, &want, sizeof got), !=, 0);
    g_assert_true (policy_session_wrap (&got, shared, tik, tek, policy, NULL));
    g_assert_cmpint (memcmp (&got, &want, sizeof got), !=, 0);
    sev_secret_writable (shared)[0] ^= 1;
    g_assert_true (policy_session_wrap (&got, shared, tek, tik, policy, NULL));
    g_assert_cmpint (memcmp (&got, &want, sizeof got), !=, 0);
}

/* The owner takes over sessions that sev-tool made, if keys and policy are the blob's. */
static void
check_session_given (JsonObject *v)
{
    g_autoptr (PolicyChain) chain = test_chain_verified ();
    g_autoptr (GBytes) cert_bytes = test_vector_load (text (v, "godh"));
    g_autoptr (GBytes) blob = test_vector_load (text (v, "blob"));
    g_autoptr (GBytes) tk = test_vector_load (text (v, "tk_TEK_then_TIK"));
    g_autoptr (GBytes) bad = test_flip (blob, 127, 7);
    const guint8 *keys = g_bytes_get_data (tk, NULL);
    const guint32 policy = hex_number (v, "policy_in_blob");
    g_autoptr (SevSecret) tek = sev_secret_new_copy (keys, 16);
    g_autoptr (SevSecret) tik = sev_secret_new_copy (keys + 16, 16);
    g_autoptr (GError) error = NULL;
    SevCert cert;

    g_assert_true (
        sev_cert_decode (g_bytes_get_data (cert_bytes, NULL), SEV_CERT_SIZE, &cert, NULL));
    g_autoptr (PolicySession) good =
        policy_session_new_given (chain, &cert, NULL, blob, tek, tik, policy, &error);
    g_assert_no_error (error);
    g_assert_true (g_bytes_equal (policy_session_get_blob (good), blob));
    g_autoptr (PolicySession) none =
        policy_session_new_given (chain, &cert, NULL, bad, tek, tik, policy, &error);
    g_assert_null (none);
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_SESSION_MISMATCH);
}

static void
test_sessions (void)
{
    guint count = 0;

    for (guint i = 0; i < json_array_get_length (vectors); i++) {
        JsonObject *v = json_array_get_object_element (vectors, i);
        if (!is_kind (v, "session"))
            continue;
        check_session (v);
        check_session_given (v);
        count++;
    }
    g_assert_cmpuint (count, ==, 2);
}

static void
test_kdf (void)
{
    guint count = 0;

    for (guint i = 0; i < json_array_get_length (vectors); i++) {
        JsonObject *v = json_array_get_object_element (vectors, i);
        SevSessionWire got = { 0 };
        guint8 master[16], want[32];

        if (!is_kind (v, "kdf"))
            continue;
        count++;
        g_autoptr (GBytes) z = test_unhex (text (v, "z"));
        g_autoptr (SevSecret) shared =
            sev_secret_new_copy (g_bytes_get_data (z, NULL), g_bytes_get_size (z));
        unhex_into (text (v, "nonce"), got.nonce, sizeof got.nonce);
        unhex_into (text (v, "iv"), got.wrap_iv, sizeof got.wrap_iv);
        g_autoptr (SevSecret) tek = sev_secret_new (16);
        g_autoptr (SevSecret) tik = sev_secret_new (16);
        unhex_into (text (v, "tek"), sev_secret_writable (tek), 16);
        unhex_into (text (v, "tik"), sev_secret_writable (tik), 16);

        g_assert_true (sev_kdf_derive (sev_secret_data (shared), sev_secret_size (shared),
                                       SEV_LABEL_MASTER_SECRET, got.nonce, 16, master, 16,
                                       NULL));
        unhex_into (text (v, "master"), want, 16);
        g_assert_cmpmem (master, 16, want, 16);
        g_assert_true (
            policy_session_wrap (&got, shared, tek, tik, hex_number (v, "policy"), NULL));
        unhex_into (text (v, "wrap_tk"), want, 32);
        g_assert_cmpmem (got.wrap_tk, 32, want, 32);
        unhex_into (text (v, "wrap_mac"), want, 32);
        g_assert_cmpmem (got.wrap_mac, 32, want, 32);
        unhex_into (text (v, "policy_mac"), want, 32);
        g_assert_cmpmem (got.policy_mac, 32, want, 32);

        sev_secret_writable (shared)[15] ^= 1;
        g_assert_true (
            policy_session_wrap (&got, shared, tek, tik, hex_number (v, "policy"), NULL));
        unhex_into (text (v, "wrap_tk"), want, 32);
        g_assert_cmpint (memcmp (got.wrap_tk, want, 32), !=, 0);
    }
    g_assert_cmpuint (count, ==, 1);
}

/* --- measurements ------------------------------------------------------------------ */

/* --num-cpus and the like; FALSE for any other option.  sevctl's save areas are those of a
 * family 25, model 1, stepping 1. */
static gboolean
take_cpu_option (const char *option, const char *value, guint cpu[4])
{
    static const char *const names[] = { "--num-cpus", "--cpu-family", "--cpu-model",
                                         "--cpu-stepping" };
    guint64 number;

    if (g_str_has_prefix (option, "--vmsa-cpu")) {
        cpu[1] = 25;
        cpu[2] = cpu[3] = 1;
        return TRUE;
    }
    for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
        if (strcmp (option, names[i]) != 0)
            continue;
        g_assert_true (g_ascii_string_to_unsigned (value, 10, 0, 4096, &number, NULL));
        cpu[i] = (guint) number;
        return TRUE;
    }
    return FALSE;
}

/* The areas themselves, by their SHA-256 or as sevctl's files. */
static void
check_vmsas (JsonObject *v, const PolicyVcpus *vcpus)
{
    static const char *const names[] = { "vmsa0_sha256", "vmsa1_sha256" };
    static const char *const files[] = { "inputs/vmsa0.bin", "inputs/vmsa1.bin" };

    for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
        guint8 want[SEV_DIGEST_SIZE], got[SEV_DIGEST_SIZE];
        SevVmsaWire vmsa;

        if (text (v, names[i]) == NULL) {
            g_autoptr (GBytes) file = test_vector_load (files[i]);
            policy_vmsa_build (vcpus, i, &vmsa);
            g_assert_cmpbytes (file, &vmsa, sizeof vmsa);
            continue;
        }
        unhex_into (text (v, names[i]), want, sizeof want);
        policy_vmsa_build (vcpus, i, &vmsa);
        g_assert_true (sev_sha256 (&vmsa, sizeof vmsa, got, NULL));
        g_assert_cmpmem (got, sizeof got, want, sizeof want);
    }
}

/* The digests of SEV-ES: libvirt's program knows KVM's older way to fill the areas,
 * sev-snp-measure the newer one. */
static void
digest_es (JsonObject *v,
           GBytes *firmware,
           const guint8 *table,
           const guint cpu[4],
           guint8 out[SEV_DIGEST_SIZE])
{
    gsize len;
    const guint8 *data = g_bytes_get_data (firmware, &len);
    guint8 other[SEV_DIGEST_SIZE], want[SEV_DIGEST_SIZE];
    OvmfImageInfo info;

    g_assert_true (ovmf_image_inspect (data, len, &info, NULL));
    g_assert_cmpuint (info.caps & OVMF_CAP_ES_RESET, !=, 0);
    PolicyVcpus vcpus = { .count = cpu[0],
                          .signature = policy_cpu_signature_make (cpu[1], cpu[2], cpu[3]),
                          .reset_addr = info.es_reset_addr };
    check_vmsas (v, &vcpus);
    g_assert_true (policy_launch_digest (data, len, table, &vcpus, out, NULL));
    if (text (v, "sev_snp_measure_digest") != NULL) {
        vcpus.form = POLICY_VMSA_INIT2;
        g_assert_true (policy_launch_digest (data, len, table, &vcpus, other, NULL));
        unhex_into (text (v, "sev_snp_measure_digest"), want, sizeof want);
        g_assert_cmpmem (other, sizeof other, want, sizeof want);
        init2++;
    }

    /* One processor more, or another processor, is another digest. */
    vcpus.form = POLICY_VMSA_LEGACY;
    vcpus.count++;
    g_assert_true (policy_launch_digest (data, len, table, &vcpus, other, NULL));
    g_assert_cmpint (memcmp (other, out, sizeof other), !=, 0);
    vcpus.count--;
    vcpus.signature ^= 1;
    g_assert_true (policy_launch_digest (data, len, table, &vcpus, other, NULL));
    g_assert_cmpint (memcmp (other, out, sizeof other), !=, 0);
}

/* A digest computed from the vector's files. Returns: whether it is one of SEV-ES */
static gboolean
digest_from_files (JsonObject *v, guint8 out[SEV_DIGEST_SIZE])
{
    JsonArray *args = json_object_get_array_member (v, "args");
    g_autoptr (GBytes) firmware = test_vector_load (text (v, "firmware"));
    guint8 table[OVMF_HASH_TABLE_PADDED_SIZE];
    gboolean has_kernel = FALSE;
    OvmfHashes hashes;
    gsize len;

    guint cpu[4] = { 0 };

    g_assert_true (ovmf_hashes_no_initrd (hashes.initrd, NULL));
    g_assert_true (ovmf_hashes_cmdline (NULL, hashes.cmdline, NULL));
    for (guint i = 0; i + 1 < json_array_get_length (args); i += 2) {
        const char *option = json_array_get_string_element (args, i);
        const char *value = json_array_get_string_element (args, i + 1);
        if (strcmp (option, "--cmdline") == 0) {
            g_assert_true (ovmf_hashes_cmdline (value, hashes.cmdline, NULL));
            continue;
        }
        if (take_cpu_option (option, value, cpu))
            continue;
        g_autofree char *base = g_path_get_basename (value);
        g_autoptr (GBytes) file = load_in ("inputs", base);
        const guint8 *data = g_bytes_get_data (file, &len);
        const gboolean kernel = strcmp (option, "--kernel") == 0;
        g_assert_true (kernel || strcmp (option, "--initrd") == 0);
        has_kernel = has_kernel || kernel;
        g_assert_true (
            sev_sha256 (data, len, kernel ? hashes.kernel : hashes.initrd, NULL));
    }
    ovmf_hashes_build (&hashes, table);
    if (has_kernel && text (v, "kernel_table") != NULL) {
        g_autoptr (GBytes) want = test_unhex (text (v, "kernel_table"));
        g_assert_cmpbytes (want, table, sizeof table);
    }
    if ((number (v, "policy") & SEV_POLICY_ES) != 0) {
        digest_es (v, firmware, has_kernel ? table : NULL, cpu, out);
        return TRUE;
    }
    const guint8 *data = g_bytes_get_data (firmware, &len);
    g_assert_true (
        policy_launch_digest (data, len, has_kernel ? table : NULL, NULL, out, NULL));
    return FALSE;
}

static void
assert_mismatch (const PolicySession *session, const PolicyMeasureInput *input)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (PolicyVerified) none = policy_measure_verify (session, input, NULL, &error);

    g_assert_null (none);
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_MEASUREMENT_MISMATCH);
}

/* The measurement verifies, and none of its fields can change. */
static void
check_measurement (const guint8 *tek_tik,
                   guint32 policy,
                   const PolicyMeasureInput *good,
                   gboolean version_is_bound)
{
    g_autoptr (PolicySession) session = test_session (tek_tik, policy);
    g_autoptr (PolicySession) other_policy = test_session (tek_tik, policy ^ 2);
    g_autoptr (GError) error = NULL;
    guint8 keys[32], report[48];
    PolicyMeasureInput input = *good;

    g_autoptr (PolicyVerified) verified =
        policy_measure_verify (session, good, NULL, &error);
    g_assert_no_error (error);
    g_assert_cmpmem (policy_verified_get_measure (verified), 32, good->report, 32);
    g_assert_cmpmem (policy_verified_get_mnonce (verified), 16, good->report + 32, 16);

    assert_mismatch (other_policy, good);
    memcpy (keys, tek_tik, 32);
    keys[31] ^= 1;
    g_autoptr (PolicySession) other_tik = test_session (keys, policy);
    assert_mismatch (other_tik, good);
    input.launch_digest[0] ^= 1;
    assert_mismatch (session, &input);
    if (version_is_bound) {
        input = *good;
        input.build ^= 1;
        assert_mismatch (session, &input);
        input = *good;
        input.api_minor++;
        if (input.api_minor != 0)
            assert_mismatch (session, &input);
    }
    for (gsize at = 0; at < sizeof report; at++) {
        input = *good;
        memcpy (report, good->report, sizeof report);
        report[at] ^= 0x10;
        input.report = report;
        assert_mismatch (session, &input);
    }
}

static void
test_measurements (void)
{
    guint sev = 0, es = 0;

    for (guint i = 0; i < json_array_get_length (vectors); i++) {
        JsonObject *v = json_array_get_object_element (vectors, i);
        guint8 want[SEV_DIGEST_SIZE];
        PolicyMeasureInput input = { 0 };

        if (!is_kind (v, "measurement"))
            continue;
        unhex_into (text (v, "launch_digest"), want, sizeof want);
        if (digest_from_files (v, input.launch_digest))
            es++;
        else
            sev++;
        g_assert_cmpmem (input.launch_digest, SEV_DIGEST_SIZE, want, sizeof want);
        g_autoptr (GBytes) tk = test_vector_load (text (v, "tk"));
        g_autoptr (GBytes) report = test_unbase64 (text (v, "launch_measure_b64"));
        input.api_major = (guint8) number (v, "api_major");
        input.api_minor = (guint8) number (v, "api_minor");
        input.build = (guint8) number (v, "build");
        input.report = g_bytes_get_data (report, &input.report_len);
        check_measurement (g_bytes_get_data (tk, NULL), number (v, "policy"), &input, TRUE);
    }
    g_assert_cmpuint (sev, ==, 4);
    g_assert_cmpuint (es, ==,
                      3); /* lv-es-1cpu-milan, lv-es-2cpu-rome, sevctl-fixture-es4 */
    g_assert_cmpuint (init2, ==, 2);
}

static void
test_formulas (void)
{
    guint count = 0, legacy = 0;

    for (guint i = 0; i < json_array_get_length (vectors); i++) {
        JsonObject *v = json_array_get_object_element (vectors, i);
        PolicyMeasureInput input = { 0 };
        guint8 keys[32] = { 0 };

        if (!is_kind (v, "measurement-formula"))
            continue;
        count++;
        g_autoptr (GBytes) report = test_unhex (text (v, "launch_measure_blob"));
        unhex_into (text (v, "digest"), input.launch_digest, SEV_DIGEST_SIZE);
        unhex_into (text (v, "tik"), keys + 16, 16);
        input.api_major = (guint8) number (v, "api_major");
        input.api_minor = (guint8) number (v, "api_minor");
        input.build = (guint8) number (v, "build");
        input.report = g_bytes_get_data (report, &input.report_len);
        const guint32 policy = hex_number (v, "policy");
        const gboolean bound = input.api_major > 0 || input.api_minor >= 17;
        if (!bound) {
            /* The old formula is there only for who asks for it. */
            g_autoptr (PolicySession) session = test_session (keys, policy);
            g_autoptr (GError) error = NULL;
            g_autoptr (PolicyVerified) none =
                policy_measure_verify (session, &input, NULL, &error);
            g_assert_null (none);
            g_assert_error (error, POLICY_ERROR, POLICY_ERROR_API_TOO_OLD);
            input.allow_legacy = TRUE;
            legacy++;
        }
        check_measurement (keys, policy, &input, bound);
    }
    g_assert_cmpuint (count, ==, 5);
    g_assert_cmpuint (legacy, ==, 1);
}

/* --- secret packets ---------------------------------------------------------------- */

typedef struct {
    GBytes *header, *data; /* expected */
    guint8 keys[32];
    guint8 measure[32];
    SevSecret *table;
    gboolean legacy;
} Packet;

static void
packet_clear (Packet *packet)
{
    g_clear_pointer (&packet->header, g_bytes_unref);
    g_clear_pointer (&packet->data, g_bytes_unref);
    g_clear_pointer (&packet->table, sev_secret_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Packet, packet_clear)

static void
add_secret (OvmfSecretTable *table, const char *name, const char *file)
{
    g_autoptr (GBytes) bytes = test_vector_load (file);
    gsize len;
    const guint8 *data = g_bytes_get_data (bytes, &len);
    g_autoptr (SevSecret) secret = sev_secret_new_copy (data, len);
    SevGuid guid;

    g_assert_true (ovmf_secret_guid_parse (name, &guid, NULL));
    g_assert_true (ovmf_secret_table_add (table, &guid, secret, NULL));
}

static SevSecret *
build_table (JsonObject *v)
{
    g_autoptr (OvmfSecretTable) table = ovmf_secret_table_new ();

    if (json_object_has_member (v, "inject")) {
        JsonArray *inject = json_object_get_array_member (v, "inject");
        g_auto (GStrv) parts =
            g_strsplit (json_array_get_string_element (inject, 0), ":", 2);
        add_secret (table, parts[0], parts[1]);
    } else if (json_object_has_member (v, "uuid")) {
        add_secret (table, text (v, "uuid"), text (v, "secret_file"));
    } else {
        JsonArray *uuids = json_object_get_array_member (v, "uuids");
        JsonArray *files = json_object_get_array_member (v, "secret_files");
        for (guint i = 0; i < json_array_get_length (uuids); i++)
            add_secret (table, json_array_get_string_element (uuids, i),
                        json_array_get_string_element (files, i));
    }
    return ovmf_secret_table_build (table, 3072, NULL);
}

static void
load_packet (JsonObject *v, Packet *out)
{
    if (text (v, "header_b64") != NULL) {
        out->header = test_unbase64 (text (v, "header_b64"));
        out->data = test_unbase64 (text (v, "payload_b64"));
        out->table = build_table (v);
    } else {
        g_autoptr (GBytes) plain = test_unhex (text (v, "plaintext"));
        out->header = test_unhex (text (v, "header"));
        out->data = test_unhex (text (v, "ciphertext"));
        out->table =
            sev_secret_new_copy (g_bytes_get_data (plain, NULL), g_bytes_get_size (plain));
        out->legacy = !json_object_get_boolean_member (v, "mac_includes_measurement");
    }
    if (text (v, "tk") != NULL) {
        g_autoptr (GBytes) tk = test_vector_load (text (v, "tk"));
        memcpy (out->keys, g_bytes_get_data (tk, NULL), 32);
    } else {
        g_autoptr (GBytes) tek = test_vector_load (text (v, "tek"));
        g_autoptr (GBytes) tik = test_vector_load (text (v, "tik"));
        memcpy (out->keys, g_bytes_get_data (tek, NULL), 16);
        memcpy (out->keys + 16, g_bytes_get_data (tik, NULL), 16);
    }
    if (text (v, "measurement") != NULL) {
        unhex_into (text (v, "measurement"), out->measure, 32);
    } else {
        g_autoptr (GBytes) report = test_unbase64 (text (v, "launch_measure_b64"));
        memcpy (out->measure, g_bytes_get_data (report, NULL), 32);
    }
}

/* These vectors say the measurement but not how it came about: it stands in as verified. */
static PolicyPacket *
make_packet (const Packet *p, const PolicyVerdict *verdict)
{
    const guint8 *header = g_bytes_get_data (p->header, NULL);
    g_autoptr (PolicySession) session = test_session (p->keys, 1);
    PolicyVerified verified = { .session = session,
                                .legacy = p->legacy,
                                .verdict = verdict };
    g_autoptr (GError) error = NULL;

    memcpy (verified.measure, p->measure, sizeof verified.measure);
    PolicyPacket *packet =
        policy_packet_new_with_iv (&verified, verdict, p->table, 3072, header + 4, &error);
    g_assert_no_error (error);
    return packet;
}

static void
test_secrets (void)
{
    g_autoptr (PolicyVerdict) verdict = policy_verdict_new ();
    guint count = 0;

    for (guint i = 0; i < POLICY_N_CHECKS; i++)
        policy_verdict_pass (verdict, (PolicyCheck) i);
    policy_verdict_set_judged_on (verdict, POLICY_JUDGED_OWNER_MACHINE);
    for (guint i = 0; i < json_array_get_length (vectors); i++) {
        JsonObject *v = json_array_get_object_element (vectors, i);

        if (!is_kind (v, "secret"))
            continue;
        count++;
        g_auto (Packet) p = { 0 };
        load_packet (v, &p);
        g_autoptr (PolicyPacket) good = make_packet (&p, verdict);
        g_assert_true (g_bytes_equal (policy_packet_get_header (good), p.header));
        g_assert_true (g_bytes_equal (policy_packet_get_data (good), p.data));

        p.keys[16] ^= 1;
        g_autoptr (PolicyPacket) other_tik = make_packet (&p, verdict);
        g_assert_false (g_bytes_equal (policy_packet_get_header (other_tik), p.header));
        g_assert_true (g_bytes_equal (policy_packet_get_data (other_tik), p.data));
        p.keys[16] ^= 1;
        p.measure[31] ^= 1;
        g_autoptr (PolicyPacket) other_measure = make_packet (&p, verdict);
        g_assert_true (g_bytes_equal (policy_packet_get_header (other_measure), p.header) ==
                       p.legacy);
        p.measure[31] ^= 1;
        sev_secret_writable (p.table)[0] ^= 1;
        g_autoptr (PolicyPacket) other_data = make_packet (&p, verdict);
        g_assert_false (g_bytes_equal (policy_packet_get_header (other_data), p.header));
        g_assert_false (g_bytes_equal (policy_packet_get_data (other_data), p.data));
    }
    g_assert_cmpuint (count, ==, 4);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    load_vectors ();

    g_test_add_func ("/vectors/counts", test_counts);
    g_test_add_func ("/vectors/cert-chain", test_cert_chains);
    g_test_add_func ("/vectors/cert-chain/platforms", test_real_platforms);
    g_test_add_func ("/vectors/cert-chain/trusted-amd-root", test_trusted_amd_root);
    g_test_add_func ("/vectors/cert-chain/signed-cek", test_real_cek);
    g_test_add_func ("/vectors/session", test_sessions);
    g_test_add_func ("/vectors/kdf", test_kdf);
    g_test_add_func ("/vectors/measurement", test_measurements);
    g_test_add_func ("/vectors/measurement-formula", test_formulas);
    g_test_add_func ("/vectors/secret", test_secrets);
    return g_test_run ();
}
