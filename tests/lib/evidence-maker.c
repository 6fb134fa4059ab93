/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/lib/evidence-maker.h"

#include <string.h>

#include "policy/attest/owner-measure.h"
#include "policy/owner-sign.h"

#define FIRMWARE_SIZE 8192u

static const guint8 keys[32] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };

const SevSignKey *
test_evidence_key (void)
{
    static SevSignKey *key;
    g_autoptr (GError) error = NULL;

    if (key == NULL)
        key = sev_sign_key_generate (&error);
    g_assert_no_error (error);
    return key;
}

SevSecret *
test_evidence_tik (void)
{
    return sev_secret_new_copy (keys + SEV_KEY_SIZE, SEV_KEY_SIZE);
}

PolicyBootInputs *
test_evidence_files (guint8 firmware_byte)
{
    static const guint8 kernel_hash[SEV_DIGEST_SIZE] = { 0x4b };
    g_autofree guint8 *image = g_malloc0 (FIRMWARE_SIZE);
    PolicyBootPart kernel = { 0 };
    g_autoptr (GError) error = NULL;

    image[0] = firmware_byte;
    PolicyBootInputs *inputs =
        policy_boot_inputs_new ("fw.fd", image, FIRMWARE_SIZE, &error);
    g_assert_no_error (error);
    policy_boot_part_set (&kernel, "vmlinuz", 4711, kernel_hash);
    g_assert_true (
        policy_boot_inputs_set_kernel (inputs, &kernel, NULL, "console=ttyS0", &error));
    g_assert_no_error (error);
    policy_boot_part_clear (&kernel);
    return inputs;
}

static void
set_measured (EvidenceManifest *m, const PolicySession *session)
{
    g_autoptr (PolicyBootInputs) files = test_evidence_files (0);
    PolicyMeasureInput input = { .api_major = 1, .api_minor = 55, .build = 21 };
    g_autoptr (GError) error = NULL;

    evidence_manifest_set_file (&m->firmware, "/usr/share/fw.fd", files->firmware.size,
                                files->firmware.sha256);
    evidence_manifest_set_file (&m->kernel, "/boot/vmlinuz", files->kernel.size,
                                files->kernel.sha256);
    m->kernel_hashes = TRUE;
    m->cmdline = g_strdup ("console=ttyS0");
    m->has_measurement = m->has_api = TRUE;
    m->has_digest = policy_boot_inputs_digest (files, NULL, m->digest, &error);
    g_assert_no_error (error);
    m->api_major = input.api_major;
    m->api_minor = input.api_minor;
    m->build = input.build;
    memset (m->nonce, 0x6e, sizeof m->nonce);
    memcpy (input.launch_digest, m->digest, sizeof m->digest);
    g_assert_true (
        policy_measure_expected (session, &input, m->nonce, m->reported, &error));
    g_assert_no_error (error);
}

EvidenceManifest *
test_evidence_manifest (void)
{
    g_auto (TestChainInput) in = { 0 };
    g_autoptr (PolicyChain) chain = test_chain_verified ();
    g_autoptr (PolicySession) session = test_session (keys, TEST_EVIDENCE_POLICY);
    g_autoptr (PolicyVerdict) verdict = policy_verdict_new ();
    EvidenceManifest *m = evidence_manifest_new ();
    SevGuid secret;

    test_chain_input_init (&in, test_chain_shared ());
    for (guint i = 0; i < POLICY_N_CHECKS; i++)
        policy_verdict_pass (verdict, (PolicyCheck) i);
    policy_verdict_set_judged_on (verdict, POLICY_JUDGED_EMULATED_HOST);
    policy_verdict_add_unproven_standard (verdict, FALSE);
    evidence_manifest_set_verdict (m, verdict, TRUE);
    evidence_manifest_set_chain (m, &in.input, chain);
    evidence_manifest_set_session (m, session);
    set_measured (m, session);
    m->tool = g_strdup ("sevlaunch");
    m->version = g_strdup ("0.1.0");
    m->time = g_strdup ("2026-11-26T01:00:00Z");
    m->counter = 1;
    m->signer = policy_sign_key_id (test_evidence_key (), NULL);
    m->release = g_strdup ("web");
    m->acceptance = g_strdup ("acceptance");
    memset (m->acceptance_sha256, 0xac, sizeof m->acceptance_sha256);
    m->domain_name = g_strdup ("web");
    m->domain_uuid = g_strdup ("11111111-2222-4333-8444-555555555555");
    m->domain_uri = g_strdup ("qemu:///session");
    m->domain_xml = g_strdup ("<domain type='kvm'/>");
    m->vcpus = 2;
    m->memory_mib = 1024;
    memset (secret.bytes, 0x5e, sizeof secret.bytes);
    g_array_append_val (m->secrets, secret);
    return m;
}

GBytes *
test_evidence_report_for (const guint8 nonce[SEV_NONCE_SIZE],
                          const guint8 *digest,
                          guint32 policy,
                          const SevEcKey *pek)
{
    SevReportWire wire = { 0 };
    SevEcSignature signature;
    g_autoptr (GError) error = NULL;

    memcpy (wire.mnonce, nonce, sizeof wire.mnonce);
    memcpy (wire.ld, digest, sizeof wire.ld);
    wire.policy_le = GUINT32_TO_LE (policy);
    wire.sig_usage_le = GUINT32_TO_LE (SEV_USAGE_PEK);
    wire.sig_algo_le = GUINT32_TO_LE (SEV_ALGO_ECDSA_SHA256);
    g_assert_true (sev_ec_sign (pek != NULL ? pek : test_chain_shared ()->pek_key,
                                SEV_HASH_SHA256, &wire, SEV_REPORT_SIGNED_SIZE, &signature,
                                &error));
    g_assert_no_error (error);
    memcpy (wire.sig_r, signature.r, sizeof wire.sig_r);
    memcpy (wire.sig_s, signature.s, sizeof wire.sig_s);
    return g_bytes_new (&wire, sizeof wire);
}

GBytes *
test_evidence_report (GBytes *text,
                      const guint8 *digest,
                      guint32 policy,
                      const SevEcKey *pek)
{
    guint8 nonce[SEV_NONCE_SIZE];

    g_assert_true (evidence_manifest_get_mnonce (text, nonce, NULL));
    return test_evidence_report_for (nonce, digest, policy, pek);
}

GBytes *
test_evidence_seal (const EvidenceManifest *manifest)
{
    g_autoptr (GBytes) text = evidence_manifest_to_bytes (manifest);
    g_autoptr (GBytes) report =
        test_evidence_report (text, manifest->digest, manifest->policy, NULL);
    g_autoptr (GError) error = NULL;
    GBytes *file = evidence_seal (text, report, NULL, test_evidence_key (), &error);

    g_assert_no_error (error);
    return file;
}

Evidence *
test_evidence_parse (GBytes *file)
{
    g_autoptr (GError) error = NULL;
    Evidence *evidence = evidence_parse (file, &error);

    g_assert_no_error (error);
    return evidence;
}
