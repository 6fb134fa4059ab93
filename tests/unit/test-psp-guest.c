/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Save areas of virtual CPUs in the launch digest, and ATTESTATION. */

#include <string.h>

#include "tests/lib/test-vectors.h"
#include "tests/unit/psp-guest-fixture.h"
#include "tests/unit/psp-openssl.h"
#include "tests/unit/psp-vectors.h"

#define DATA FAKE_AT (0x10000)
#define OUT FAKE_AT (0x1000)

static void
set_up (GuestFixture *f, gconstpointer data)
{
    guest_fixture_open (f, TRUE, GPOINTER_TO_UINT (data));
}

static SevStatus
update (GuestFixture *f, guint32 id, guint64 paddr, guint32 len)
{
    PspLaunchDataCmd cmd = { .handle_le = GUINT32_TO_LE (f->handle),
                             .paddr_le = GUINT64_TO_LE (paddr),
                             .len_le = GUINT32_TO_LE (len) };

    return fake_command (f->psp, id, &cmd, sizeof cmd);
}

static PspGuest *
guest_of (GuestFixture *f)
{
    return psp_guests_find (f->psp->guests, f->handle);
}

/* LD is SHA-256 over the image and each save area, in the order of the calls. */
static void
test_vmsa_digest (GuestFixture *f, gconstpointer data)
{
    g_autoptr (GChecksum) sha = g_checksum_new (G_CHECKSUM_SHA256);
    guint8 expected[32];
    gsize len = sizeof expected;

    g_assert_cmphex (update (f, PSP_CMD_LAUNCH_UPDATE_DATA, DATA, 0x3000), ==, 0);
    g_assert_cmphex (update (f, PSP_CMD_LAUNCH_UPDATE_VMSA, DATA + 0x5000, 4096), ==, 0);
    g_assert_cmphex (update (f, PSP_CMD_LAUNCH_UPDATE_VMSA, DATA + 0x4000, 4096), ==, 0);
    g_assert_cmphex (update (f, PSP_CMD_LAUNCH_MEASURE, OUT, 48), ==, 0);

    g_checksum_update (sha, fake_host_at (f->host, DATA, 0x3000), 0x3000);
    g_checksum_update (sha, fake_host_at (f->host, DATA + 0x5000, 4096), 4096);
    g_checksum_update (sha, fake_host_at (f->host, DATA + 0x4000, 4096), 4096);
    g_checksum_get_digest (sha, expected, &len);
    g_assert_cmpmem (guest_of (f)->launch_digest, 32, expected, 32);
}

/* What is measured is what becomes private. */
static void
test_vmsa_private (GuestFixture *f, gconstpointer data)
{
    guint8 before[4096];

    f->psp->ops = fake_host_engine_ops;
    memcpy (before, fake_host_at (f->host, DATA, 4096), 4096);
    g_assert_cmphex (update (f, PSP_CMD_LAUNCH_UPDATE_VMSA, DATA, 4096), ==, 0);
    g_assert_cmpuint (f->host->privates, ==, 1);
    g_assert_cmpuint (f->host->key.asid, ==, 1);
    for (gsize i = 0; i < sizeof before; i++)
        g_assert_cmphex (fake_host_at (f->host, DATA + i, 1)[0], ==, (guint8) ~before[i]);
}

static void
refuse (GuestFixture *f, guint64 paddr, guint32 len, SevStatus expect)
{
    g_autofree char *was = fake_snapshot (f->psp, f->host, TRUE);

    g_assert_cmphex (update (f, PSP_CMD_LAUNCH_UPDATE_VMSA, paddr, len), ==, expect);
    g_autofree char *is = fake_snapshot (f->psp, f->host, TRUE);
    g_assert_cmpstr (is, ==, was);
}

static void
test_vmsa_limits (GuestFixture *f, gconstpointer data)
{
    g_assert_cmphex (update (f, PSP_CMD_LAUNCH_UPDATE_VMSA, DATA, 4096), ==, 0);

    refuse (f, DATA, 0, SEV_STATUS_INVALID_LENGTH);
    refuse (f, DATA, 4080, SEV_STATUS_INVALID_LENGTH);
    refuse (f, DATA, 4112, SEV_STATUS_INVALID_LENGTH);
    refuse (f, DATA, 8192, SEV_STATUS_INVALID_LENGTH);
    refuse (f, DATA + 8, 4096, SEV_STATUS_INVALID_ADDRESS);
    refuse (f, 0, 4096, SEV_STATUS_INVALID_ADDRESS);
    refuse (f, FAKE_END - 16, 4096, SEV_STATUS_INVALID_ADDRESS);
    refuse (f, G_MAXUINT64 - 15, 4096, SEV_STATUS_INVALID_ADDRESS);

    psp_guests_deactivate (f->psp->guests, guest_of (f));
    refuse (f, DATA, 4096, SEV_STATUS_INACTIVE);
}

/* The same guest without ES in its policy takes data, but no save area. */
static void
test_vmsa_policy (GuestFixture *f, gconstpointer data)
{
    g_assert_cmphex (update (f, PSP_CMD_LAUNCH_UPDATE_DATA, DATA, 4096), ==, 0);
    refuse (f, DATA, 4096, SEV_STATUS_POLICY_FAILURE);
}

/* The rule that sev-tool's validate_attestation follows: PEK, SHA-256, 52 bytes. */
static gboolean
report_verifies (const guint8 *report, const guint8 *pek_cert)
{
    EVP_PKEY *key = ossl_cert_key (pek_cert);
    const gboolean ok = ossl_verify (key, report, 52, report + 64);

    EVP_PKEY_free (key);
    return ok;
}

static void
check_vector (JsonObject *vector)
{
    const char *dir = vector_string (vector, "dir");
    g_autofree char *report_path = g_build_filename (dir, "attestation_report.bin", NULL);
    g_autofree char *pek_path = g_build_filename (dir, "pek.cert", NULL);
    g_autoptr (GBytes) report = test_vector_load (report_path);
    g_autoptr (GBytes) pek = test_vector_load (pek_path);

    g_assert_cmpuint (g_bytes_get_size (report), ==, 208);
    g_assert_cmpuint (g_bytes_get_size (pek), ==, 2084);
    g_assert_cmpint (
        report_verifies (g_bytes_get_data (report, NULL), g_bytes_get_data (pek, NULL)), ==,
        strcmp (vector_string (vector, "result"), "accept") == 0);
}

/* The test's own verifier says what sev-tool said. */
static void
test_report_vectors (void)
{
    vectors_for_each ("attestation", 6, check_vector);
}

static SevStatus
attest (GuestFixture *f, guint64 paddr, guint32 len, guint32 *len_back)
{
    PspAttestationCmd cmd = { .handle_le = GUINT32_TO_LE (f->handle),
                              .paddr_le = GUINT64_TO_LE (paddr),
                              .mnonce = "sixteen or less",
                              .len_le = GUINT32_TO_LE (len) };
    const SevStatus status = fake_command (f->psp, PSP_CMD_ATTESTATION, &cmd, sizeof cmd);

    *len_back = GUINT32_FROM_LE (cmd.len_le);
    return status;
}

static void
check_report (GuestFixture *f, const guint8 *expected_ld)
{
    static const guint8 tail[12] = { 0x02, 0x10, 0, 0, 0x02, 0, 0, 0, 0, 0, 0, 0 };
    static const guint8 policy[4] = { 0x05, 0, 0, 0 };
    guint8 pek[SEV_CERT_SIZE];
    guint32 len;

    sev_cert_encode (&f->psp->keys->pek, pek);
    memset (fake_host_at (f->host, OUT, 209), 0xee, 209);
    g_assert_cmphex (attest (f, OUT, 208, &len), ==, SEV_STATUS_SUCCESS);
    guint8 *report = fake_host_at (f->host, OUT, 209);
    g_assert_cmpmem (report, 16, "sixteen or less", 16);
    g_assert_cmpmem (report + 0x10, 32, expected_ld, 32);
    g_assert_cmpmem (report + 0x30, 4, policy, 4);
    g_assert_cmpmem (report + 0x34, 12, tail, 12);
    g_assert_cmphex (report[208], ==, 0xee);
    g_assert_true (report_verifies (report, pek));
    report[0x30] ^= 1;
    g_assert_false (report_verifies (report, pek));
}

/* In both states in which it is legal, with the digest that was measured. */
static void
test_report (GuestFixture *f, gconstpointer data)
{
    PspHandleCmd finish = { GUINT32_TO_LE (f->handle) };
    guint8 expected[32];
    gsize expected_len = sizeof expected;
    guint32 len;

    g_autoptr (GChecksum) sha = g_checksum_new (G_CHECKSUM_SHA256);
    g_checksum_update (sha, fake_host_at (f->host, DATA, 4096), 4096);
    g_checksum_get_digest (sha, expected, &expected_len);

    g_assert_cmphex (update (f, PSP_CMD_LAUNCH_UPDATE_DATA, DATA, 4096), ==, 0);
    g_assert_cmphex (attest (f, OUT, 208, &len), ==, SEV_STATUS_INVALID_GUEST_STATE);
    g_assert_cmphex (update (f, PSP_CMD_LAUNCH_MEASURE, OUT, 48), ==, 0);
    check_report (f, expected);
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_LAUNCH_FINISH, &finish, sizeof finish),
                     ==, 0);
    check_report (f, expected);
    psp_guests_deactivate (f->psp->guests, guest_of (f));
    check_report (f, expected);
}

/* The length query, as for LAUNCH_MEASURE. */
static void
test_report_query (GuestFixture *f, gconstpointer data)
{
    static const struct {
        guint64 paddr;
        guint32 len;
        SevStatus expect;
    } tries[] = {
        { 0, 0, SEV_STATUS_INVALID_LENGTH },
        { OUT, 0, SEV_STATUS_INVALID_LENGTH },
        { OUT, 207, SEV_STATUS_INVALID_LENGTH },
        { 0, 208, SEV_STATUS_INVALID_LENGTH },
        { FAKE_END - 192, 208, SEV_STATUS_INVALID_ADDRESS },
        { G_MAXUINT64 - 7, 208, SEV_STATUS_INVALID_ADDRESS },
    };
    guint32 len;

    g_assert_cmphex (update (f, PSP_CMD_LAUNCH_MEASURE, OUT, 48), ==, 0);
    g_assert_cmphex (attest (f, OUT, 0xffffffff, &len), ==, SEV_STATUS_SUCCESS);
    g_assert_cmpuint (len, ==, 208);
    for (gsize i = 0; i < G_N_ELEMENTS (tries); i++) {
        g_autofree char *was = fake_snapshot (f->psp, f->host, TRUE);

        g_assert_cmphex (attest (f, tries[i].paddr, tries[i].len, &len), ==,
                         tries[i].expect);
        g_assert_cmpuint (len, ==, 208);
        g_autofree char *is = fake_snapshot (f->psp, f->host, TRUE);
        g_assert_cmpstr (is, ==, was);
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(path, policy, func)                                                            \
    g_test_add ("/psp-guest/" path, GuestFixture, GUINT_TO_POINTER (policy), set_up, func, \
                guest_fixture_tear_down)
    ADD ("vmsa/digest", 0x5, test_vmsa_digest);
    ADD ("vmsa/private", 0x5, test_vmsa_private);
    ADD ("vmsa/limits", 0x5, test_vmsa_limits);
    ADD ("vmsa/policy", 0x1, test_vmsa_policy);
    ADD ("report/states", 0x5, test_report);
    ADD ("report/query", 0x5, test_report_query);
#undef ADD
    g_test_add_func ("/psp-guest/report/vectors", test_report_vectors);
    return g_test_run ();
}
