/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The one program that links the owner's side and the firmware.  Each is held to vectors of
 * other programs by its own tests; here they meet: an honest launch verifies and gets its
 * secret, and a host or firmware that lies is refused by whoever can see it.
 */

#include <string.h>

#include <fcntl.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "policy/attest/chain.h"
#include "policy/attest/owner-measure.h"
#include "policy/attest/owner-packet.h"
#include "policy/ledger.h"
#include "policy/policy-error.h"
#include "psp/fw/psp-faults.h"
#include "tests/unit/psp-fake-host.h"
#include "tests/unit/psp-owner.h"

#define OUT FAKE_AT (0x1000)
#define OUT2 FAKE_AT (0x4000)
#define CERT FAKE_AT (0x8000)
#define SESSION FAKE_AT (0x9000)
#define HEADER FAKE_AT (0xa000)
#define TRANS FAKE_AT (0x10000)
#define IMAGE FAKE_AT (0x20000)
#define SECRET_AREA FAKE_AT (0x18000)

#define IMAGE_SIZE 8192u
#define TABLE_SIZE 96u
#define POLICY 0x1100002bu /* no-debug, no-key-sharing, no-send, sev, API 0.17 */

typedef struct {
    FakeHost *host;
    PspDevice *psp;
    PspConfig config;
    PolicyRoots *roots;
    PolicyChainInput input;
    PolicyChain *chain;
    SevEcKey *owner_key;
    SevCert owner_cert;
    guint8 image[IMAGE_SIZE];
    guint8 digest[SEV_DIGEST_SIZE];
} Meeting;

static GBytes *
memory_bytes (Meeting *m, guint64 paddr, gsize len)
{
    return g_bytes_new (fake_host_at (m->host, paddr, len), len);
}

/* What the host passes on: the export, and what the key server has. */
static void
collect_certs (Meeting *m)
{
    PspPdhCertExportCmd cmd = { .pdh_paddr_le = GUINT64_TO_LE (OUT),
                                .pdh_len_le = GUINT32_TO_LE (2084),
                                .certs_paddr_le = GUINT64_TO_LE (OUT2),
                                .certs_len_le = GUINT32_TO_LE (6252) };

    g_assert_cmphex (fake_command (m->psp, PSP_CMD_PDH_CERT_EXPORT, &cmd, sizeof cmd), ==,
                     0);
    m->input.pdh = memory_bytes (m, OUT, 2084);
    m->input.cert_chain = memory_bytes (m, OUT2, 6252);
    psp_chip_get_amd_certs (fake_chip (), &m->input.ark, &m->input.ask, &m->input.cek);
}

static void
trust_root (Meeting *m)
{
    SevAmdCert ark;
    PolicyFingerprint fingerprint;

    g_assert_true (sev_amd_cert_decode (g_bytes_get_data (m->input.ark, NULL),
                                        g_bytes_get_size (m->input.ark), &ark, NULL));
    g_assert_true (policy_root_fingerprint (&ark, &fingerprint, NULL));
    policy_roots_add (m->roots, &fingerprint);
}

static void
set_up (Meeting *m, gconstpointer data)
{
    g_autoptr (GError) error = NULL;

    m->host = fake_host_new ();
    psp_config_init (&m->config);
    if (data != NULL) {
        m->config.api_major = 0;
        m->config.api_minor = (guint8) GPOINTER_TO_INT (data);
    }
    m->psp = fake_device_new (m->host, &m->config);
    fake_init (m->psp, FALSE);
    collect_certs (m);

    m->roots = policy_roots_new ();
    trust_root (m);
    m->chain = policy_chain_verify (&m->input, m->roots, &error);
    g_assert_no_error (error);
    g_assert_true (policy_chain_require (m->chain, &error));
    g_assert_no_error (error);

    m->owner_key = sev_ec_key_generate (SEV_CURVE_P384, &error);
    g_assert_no_error (error);
    sev_cert_init (&m->owner_cert, SEV_USAGE_PDH, SEV_ALGO_ECDH_SHA256);
    sev_cert_set_ec_key (&m->owner_cert, m->owner_key);

    for (gsize i = 0; i < IMAGE_SIZE; i++)
        m->image[i] = (guint8) (i * 7 + i / 256);
    g_assert_true (
        policy_launch_digest (m->image, IMAGE_SIZE, NULL, NULL, m->digest, &error));
    g_assert_no_error (error);
}

static void
drop_certs (Meeting *m)
{
    g_bytes_unref (m->input.pdh);
    g_bytes_unref (m->input.cert_chain);
    g_bytes_unref (m->input.ark);
    g_bytes_unref (m->input.ask);
    g_bytes_unref (m->input.cek);
}

static void
tear_down (Meeting *m, gconstpointer data)
{
    policy_chain_unref (m->chain);
    policy_roots_free (m->roots);
    drop_certs (m);
    sev_ec_key_unref (m->owner_key);
    psp_device_free (m->psp);
    fake_host_free (m->host);
}

static PolicySession *
new_session (Meeting *m, guint32 policy)
{
    g_autoptr (GError) error = NULL;
    PolicySession *session =
        policy_session_new (m->chain, &m->owner_cert, m->owner_key, policy, &error);

    g_assert_no_error (error);
    return session;
}

static void
to_memory (Meeting *m, guint64 paddr, GBytes *bytes)
{
    const gsize len = g_bytes_get_size (bytes);

    memcpy (fake_host_at (m->host, paddr, len), g_bytes_get_data (bytes, NULL), len);
}

/* LAUNCH_START and ACTIVATE; @policy is what the hypervisor says. */
static SevStatus
start (Meeting *m, const PolicySession *session, guint32 policy, guint32 *handle)
{
    PspLaunchStartCmd cmd = {
        .policy_le = GUINT32_TO_LE (policy),
        .dh_cert_paddr_le = GUINT64_TO_LE (CERT),
        .dh_cert_len_le = GUINT32_TO_LE (2084),
        .session_paddr_le = GUINT64_TO_LE (SESSION),
        .session_len_le = GUINT32_TO_LE (128),
    };

    to_memory (m, CERT, policy_session_get_cert (session));
    to_memory (m, SESSION, policy_session_get_blob (session));
    const SevStatus status = fake_command (m->psp, PSP_CMD_LAUNCH_START, &cmd, sizeof cmd);
    *handle = GUINT32_FROM_LE (cmd.handle_le);
    if (status == SEV_STATUS_SUCCESS)
        fake_activate (m->psp, *handle, 100 + *handle);
    return status;
}

/* LAUNCH_UPDATE_DATA with the image and LAUNCH_MEASURE; the report is at OUT. */
static void
measure (Meeting *m, guint32 handle)
{
    PspLaunchDataCmd update = { .handle_le = GUINT32_TO_LE (handle),
                                .paddr_le = GUINT64_TO_LE (IMAGE),
                                .len_le = GUINT32_TO_LE (IMAGE_SIZE) };
    PspLaunchDataCmd report = { .handle_le = GUINT32_TO_LE (handle),
                                .paddr_le = GUINT64_TO_LE (OUT),
                                .len_le = GUINT32_TO_LE (48) };

    memcpy (fake_host_at (m->host, IMAGE, IMAGE_SIZE), m->image, IMAGE_SIZE);
    g_assert_cmphex (
        fake_command (m->psp, PSP_CMD_LAUNCH_UPDATE_DATA, &update, sizeof update), ==, 0);
    g_assert_cmphex (fake_command (m->psp, PSP_CMD_LAUNCH_MEASURE, &report, sizeof report),
                     ==, 0);
}

static PolicyMeasureInput
report_of (Meeting *m)
{
    PolicyMeasureInput input = {
        .api_major = m->config.api_major,
        .api_minor = m->config.api_minor,
        .build = m->config.build,
        .report = fake_host_at (m->host, OUT, 48),
        .report_len = 48,
        .allow_legacy = m->config.api_major == 0 && m->config.api_minor < 17,
    };

    memcpy (input.launch_digest, m->digest, sizeof input.launch_digest);
    return input;
}

/* Every check but those of chain, session and measurement, which the test is about. */
static PolicyVerdict *
new_verdict (Meeting *m, const PolicySession *session)
{
    PolicyVerdict *verdict = policy_verdict_new ();

    policy_verdict_set_judged_on (verdict, POLICY_JUDGED_EMULATED_HOST);
    policy_chain_judge (m->chain, verdict);
    policy_session_judge (session, FALSE, verdict);
    policy_verdict_pass (verdict, POLICY_CHECK_FIRMWARE);
    policy_verdict_pass (verdict, POLICY_CHECK_BOOT);
    policy_verdict_pass (verdict, POLICY_CHECK_ACCEPTANCE);
    policy_verdict_pass (verdict, POLICY_CHECK_FRESH);
    return verdict;
}

static SevStatus
inject (Meeting *m, guint32 handle, const PolicyPacket *packet)
{
    GBytes *data = policy_packet_get_data (packet);
    const guint32 len = (guint32) g_bytes_get_size (data);
    PspLaunchSecretCmd cmd = { .handle_le = GUINT32_TO_LE (handle),
                               .hdr_paddr_le = GUINT64_TO_LE (HEADER),
                               .hdr_len_le = GUINT32_TO_LE (52),
                               .guest_paddr_le = GUINT64_TO_LE (SECRET_AREA),
                               .guest_len_le = GUINT32_TO_LE (len),
                               .trans_paddr_le = GUINT64_TO_LE (TRANS),
                               .trans_len_le = GUINT32_TO_LE (len) };

    to_memory (m, HEADER, policy_packet_get_header (packet));
    to_memory (m, TRANS, data);
    return fake_command (m->psp, PSP_CMD_LAUNCH_SECRET, &cmd, sizeof cmd);
}

static SevSecret *
new_table (void)
{
    SevSecret *table = sev_secret_new (TABLE_SIZE);

    for (gsize i = 0; i < TABLE_SIZE; i++)
        sev_secret_writable (table)[i] = (guint8) (0xa0 ^ i);
    return table;
}

/* An honest launch, to its end. */
static void
assert_launches (Meeting *m)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (PolicySession) session = new_session (m, POLICY & 0xff);
    g_autoptr (PolicyVerdict) verdict = new_verdict (m, session);
    g_autoptr (SevSecret) table = new_table ();
    guint32 handle;

    g_assert_cmphex (start (m, session, POLICY & 0xff, &handle), ==, 0);
    measure (m, handle);
    const PolicyMeasureInput report = report_of (m);
    g_autoptr (PolicyVerified) verified =
        policy_measure_verify (session, &report, verdict, &error);
    g_assert_no_error (error);
    g_assert_true (policy_verdict_is_accepted (verdict));

    g_autoptr (PolicyPacket) packet =
        policy_packet_new (verified, verdict, table, 0xc00, &error);
    g_assert_no_error (error);
    g_assert_cmphex (inject (m, handle, packet), ==, SEV_STATUS_SUCCESS);
    g_assert_cmpmem (fake_host_at (m->host, SECRET_AREA, TABLE_SIZE), TABLE_SIZE,
                     sev_secret_data (table), TABLE_SIZE);

    PspHandleCmd finish = { GUINT32_TO_LE (handle) };
    g_assert_cmphex (fake_command (m->psp, PSP_CMD_LAUNCH_FINISH, &finish, sizeof finish),
                     ==, 0);
}

static void
test_launch (Meeting *m, gconstpointer data)
{
    assert_launches (m);
    assert_launches (m); /* beside the first, with a session of its own */
}

static void
assert_chain_refused (Meeting *m,
                      const PolicyChainInput *input,
                      const PolicyRoots *roots,
                      PolicyError code)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (PolicyChain) chain = policy_chain_verify (input, roots, &error);

    g_assert_no_error (error);
    g_assert_false (policy_chain_require (chain, &error));
    g_assert_error (error, POLICY_ERROR, (int) code);
}

static void
test_chain (Meeting *m, gconstpointer data)
{
    g_autoptr (PolicyRoots) nothing = policy_roots_new ();
    PolicyChainInput other = m->input;

    g_assert_cmpint (policy_chain_get_kind (m->chain), ==, POLICY_PLATFORM_EMULATED);
    g_assert_true (policy_chain_says_emulated (m->chain));
    g_assert_cmpstr (policy_chain_get_generation (m->chain), ==, "EMULATED");
    g_assert_cmpstr (policy_chain_get_owner (m->chain), ==, "self");
    for (guint i = 0; i < POLICY_N_LINKS; i++)
        g_assert_true (policy_chain_get_link (m->chain, (PolicyLinkId) i)->ok);

    assert_chain_refused (m, &m->input, nothing, POLICY_ERROR_CHAIN_ROOT_UNTRUSTED);
    /* The exported CEK has no signature: without the key server's the chain is open. */
    other.cek = NULL;
    assert_chain_refused (m, &other, m->roots, POLICY_ERROR_CHAIN_UNVERIFIED);
    g_autoptr (PolicySession) session = new_session (m, 1);
    other = m->input;
    other.pdh = policy_session_get_cert (session);
    assert_chain_refused (m, &other, m->roots, POLICY_ERROR_CHAIN_UNVERIFIED);
}

/* The owner's verdict on what is at OUT. */
static void
assert_measurement_refused (Meeting *m, const PolicySession *session)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (PolicyVerdict) verdict = new_verdict (m, session);
    const PolicyMeasureInput report = report_of (m);

    g_assert_null (policy_measure_verify (session, &report, verdict, &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_MEASUREMENT_MISMATCH);
    g_assert_false (policy_verdict_is_accepted (verdict));
}

/* What only a firmware could get wrong shows in the measurement. */
static void
check_firmware_fault (Meeting *m, PspFault fault)
{
    g_autoptr (PolicySession) session = new_session (m, POLICY);
    guint32 handle;

    assert_launches (m);
    psp_device_set_faults (m->psp, fault);
    g_assert_cmphex (start (m, session, POLICY, &handle), ==, 0);
    measure (m, handle);
    assert_measurement_refused (m, session);
    psp_device_set_faults (m->psp, 0);
    assert_launches (m);
}

static void
test_swapped_keys (Meeting *m, gconstpointer data)
{
    check_firmware_fault (m, PSP_FAULT_SWAP_KEYS);
}

static void
test_policy_endianness (Meeting *m, gconstpointer data)
{
    check_firmware_fault (m, PSP_FAULT_POLICY_BIG_ENDIAN);
}

static void
test_skipped_digest (Meeting *m, gconstpointer data)
{
    check_firmware_fault (m, PSP_FAULT_SKIP_DIGEST);
}

/* Firmware that takes any policy, and a hypervisor that wants to debug. */
static void
test_skipped_policy_mac (Meeting *m, gconstpointer data)
{
    g_autoptr (PolicySession) session = new_session (m, POLICY);
    guint32 handle;

    assert_launches (m);
    g_assert_cmphex (start (m, session, POLICY & ~1u, &handle), ==,
                     SEV_STATUS_BAD_MEASUREMENT);
    psp_device_set_faults (m->psp, PSP_FAULT_SKIP_POLICY_MAC);
    g_assert_cmphex (start (m, session, POLICY & ~1u, &handle), ==, 0);
    measure (m, handle);
    assert_measurement_refused (m, session);
}

/* The same nonce in two launches: each measurement verifies, the ledger sees it. */
static void
test_reused_nonce (Meeting *m, gconstpointer data)
{
    g_autoptr (GError) error = NULL;
    g_autofree char *dir = g_dir_make_tmp ("sl-agree-XXXXXX", &error);
    g_assert_no_error (error);
    const int dirfd = open (dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g_assert_cmpint (dirfd, >=, 0);
    g_autoptr (PolicyLedger) ledger = policy_ledger_open_at (dirfd, "ledger", &error);
    g_assert_no_error (error);

    for (guint round = 0; round < 4; round++) {
        const gboolean faulty = round >= 2;
        g_autoptr (PolicySession) session = new_session (m, POLICY);
        g_autoptr (PolicyVerdict) verdict = new_verdict (m, session);
        guint32 handle;

        psp_device_set_faults (m->psp, faulty ? PSP_FAULT_REUSE_MNONCE : 0);
        g_assert_cmphex (start (m, session, POLICY, &handle), ==, 0);
        measure (m, handle);
        const PolicyMeasureInput report = report_of (m);
        g_autoptr (PolicyVerified) verified =
            policy_measure_verify (session, &report, verdict, &error);
        g_assert_no_error (error);
        const gboolean recorded =
            policy_ledger_record (ledger, session, policy_verified_get_mnonce (verified),
                                  TRUE, "guest", 1700000000000000, verdict, &error);
        if (round < 3) {
            g_assert_no_error (error);
            g_assert_true (recorded);
        } else {
            g_assert_error (error, POLICY_ERROR, POLICY_ERROR_MEASUREMENT_REPLAYED);
            g_assert_false (policy_verdict_is_accepted (verdict));
        }
    }

    g_assert_cmpint (unlinkat (dirfd, "ledger", 0), ==, 0);
    close (dirfd);
    g_rmdir (dir);
}

/* A host that changes the image, its version, or the report. */
static void
test_lying_host (Meeting *m, gconstpointer data)
{
    g_autoptr (PolicySession) session = new_session (m, POLICY);
    guint32 handle;

    assert_launches (m);
    m->image[IMAGE_SIZE - 1] ^= 1;
    g_assert_cmphex (start (m, session, POLICY, &handle), ==, 0);
    measure (m, handle);
    assert_measurement_refused (m, session);
    m->image[IMAGE_SIZE - 1] ^= 1;

    g_autoptr (PolicySession) second = new_session (m, POLICY);
    g_assert_cmphex (start (m, second, POLICY, &handle), ==, 0);
    measure (m, handle);
    m->config.build ^= 1;
    assert_measurement_refused (m, second);
    m->config.build ^= 1;
    for (gsize i = 0; i < 48; i++) {
        *fake_host_at (m->host, OUT + i, 1) ^= 0x80;
        assert_measurement_refused (m, second);
        *fake_host_at (m->host, OUT + i, 1) ^= 0x80;
    }
    /* And the first launch's report for the second's session. */
    assert_measurement_refused (m, session);
}

/* A packet opens only in the launch that it was made for. */
static void
test_foreign_packet (Meeting *m, gconstpointer data)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (PolicySession) session = new_session (m, POLICY);
    g_autoptr (PolicyVerdict) verdict = new_verdict (m, session);
    g_autoptr (SevSecret) table = new_table ();
    guint32 one, two, three;

    g_assert_cmphex (start (m, session, POLICY, &one), ==, 0);
    measure (m, one);
    const PolicyMeasureInput report = report_of (m);
    g_autoptr (PolicyVerified) verified =
        policy_measure_verify (session, &report, verdict, &error);
    g_assert_no_error (error);
    g_autoptr (PolicyPacket) packet =
        policy_packet_new (verified, verdict, table, 0xc00, &error);
    g_assert_no_error (error);

    /* The same session again: same keys, another measurement. */
    g_assert_cmphex (start (m, session, POLICY, &two), ==, 0);
    measure (m, two);
    g_assert_cmphex (inject (m, two, packet), ==, SEV_STATUS_BAD_MEASUREMENT);
    /* Another session: other keys. */
    g_autoptr (PolicySession) other = new_session (m, POLICY);
    g_assert_cmphex (start (m, other, POLICY, &three), ==, 0);
    measure (m, three);
    g_assert_cmphex (inject (m, three, packet), ==, SEV_STATUS_BAD_MEASUREMENT);

    g_assert_cmphex (inject (m, one, packet), ==, SEV_STATUS_SUCCESS);
}

/* A session is for one platform: another one, or this one after a reset, cannot open it. */
static void
test_foreign_platform (Meeting *m, gconstpointer data)
{
    g_autoptr (PolicySession) session = new_session (m, POLICY);
    guint32 handle;

    g_assert_cmphex (start (m, session, POLICY, &handle), ==, 0);
    g_assert_cmphex (fake_command (m->psp, PSP_CMD_SHUTDOWN, NULL, 0), ==, 0);
    g_assert_cmphex (fake_command (m->psp, PSP_CMD_PLATFORM_RESET, NULL, 0), ==, 0);
    fake_init (m->psp, FALSE);
    g_assert_cmphex (start (m, session, POLICY, &handle), ==, SEV_STATUS_BAD_MEASUREMENT);
}

/* The platform's owner signs the PEK into @slot. */
static void
take_ownership (Meeting *m, guint slot)
{
    PspPekCsrCmd csr = { GUINT64_TO_LE (OUT), GUINT32_TO_LE (2084) };
    const PspPekCertImportCmd import = { .pek_paddr_le = GUINT64_TO_LE (OUT),
                                         .pek_len_le = GUINT32_TO_LE (2084),
                                         .oca_paddr_le = GUINT64_TO_LE (CERT),
                                         .oca_len_le = GUINT32_TO_LE (2084) };
    guint8 buffer[sizeof import];

    g_assert_cmphex (fake_command (m->psp, PSP_CMD_PEK_CSR, &csr, sizeof csr), ==, 0);
    owner_sign (fake_host_at (m->host, OUT, OWNER_CERT_SIZE), slot);
    owner_get_cert (fake_host_at (m->host, CERT, OWNER_CERT_SIZE));
    memcpy (buffer, &import, sizeof import);
    g_assert_cmphex (fake_command (m->psp, PSP_CMD_PEK_CERT_IMPORT, buffer, sizeof buffer),
                     ==, 0);
}

/* The guest's owner looks at the platform again. */
static PolicySession *
meet_again (Meeting *m)
{
    g_autoptr (GError) error = NULL;

    drop_certs (m);
    policy_chain_unref (m->chain);
    collect_certs (m);
    m->chain = policy_chain_verify (&m->input, m->roots, &error);
    g_assert_no_error (error);
    g_assert_true (policy_chain_require (m->chain, &error));
    g_assert_no_error (error);
    return new_session (m, POLICY);
}

static void
restart (Meeting *m)
{
    g_assert_cmphex (fake_command (m->psp, PSP_CMD_SHUTDOWN, NULL, 0), ==, 0);
    fake_init (m->psp, FALSE);
}

/* An externally owned platform is as good to the guest's owner as a self-owned one; but its
 * PDH is another, and a session for the old one is void.
 */
static void
test_external_owner (Meeting *m, gconstpointer data)
{
    for (guint slot = 0; slot < 2; slot++) {
        g_autoptr (PolicySession) before = meet_again (m);
        guint32 handle;

        g_assert_cmphex (start (m, before, POLICY, &handle), ==, SEV_STATUS_SUCCESS);
        restart (m);
        take_ownership (m, slot);
        g_assert_cmphex (start (m, before, POLICY, &handle), ==,
                         SEV_STATUS_BAD_MEASUREMENT);

        g_autoptr (PolicySession) after = meet_again (m);
        g_assert_cmphex (start (m, after, POLICY, &handle), ==, SEV_STATUS_SUCCESS);
        restart (m);
        g_assert_cmphex (fake_command (m->psp, PSP_CMD_PEK_GEN, NULL, 0), ==, 0);
        g_assert_cmphex (start (m, after, POLICY, &handle), ==, SEV_STATUS_BAD_MEASUREMENT);
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(path, data, func)                                                              \
    g_test_add ("/attest-agree/" path, Meeting, data, set_up, func, tear_down)
    ADD ("launch/1.55", NULL, test_launch);
    ADD ("launch/0.17", GINT_TO_POINTER (17), test_launch);
    ADD ("launch/0.24", GINT_TO_POINTER (24), test_launch);
    ADD ("launch/0.16-legacy", GINT_TO_POINTER (16), test_launch);
    ADD ("chain", NULL, test_chain);
    ADD ("fault/swapped-keys", NULL, test_swapped_keys);
    ADD ("fault/policy-endianness", NULL, test_policy_endianness);
    ADD ("fault/skipped-digest", NULL, test_skipped_digest);
    ADD ("fault/skipped-policy-mac", NULL, test_skipped_policy_mac);
    ADD ("fault/reused-nonce", NULL, test_reused_nonce);
    ADD ("lying-host", NULL, test_lying_host);
    ADD ("foreign-packet", NULL, test_foreign_packet);
    ADD ("external-owner", NULL, test_external_owner);
    ADD ("foreign-platform", NULL, test_foreign_platform);
#undef ADD
    return g_test_run ();
}
