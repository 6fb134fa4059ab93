/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the commands do: identity, launches, ASIDs, key sharing, and hosts that fail. */

#include <gio/gio.h>
#include <string.h>

#include "psp/fw/psp-chip-private.h"
#include "psp/fw/psp-nv.h"
#include "sev/base/sev-bytes.h"
#include "tests/unit/psp-fake-host.h"

#define OUT FAKE_AT (0x1000)
#define OUT2 FAKE_AT (0x4000)
#define DATA FAKE_AT (0x10000)
#define HEADER FAKE_AT (0x20000)
#define TRANS FAKE_AT (0x21000)

typedef struct {
    FakeHost *host;
    PspDevice *psp;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
    f->host = fake_host_new ();
    f->psp = fake_device_new (f->host, NULL);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
    psp_device_free (f->psp);
    fake_host_free (f->host);
}

static SevStatus
init_with (PspDevice *psp, guint32 options, guint64 tmr, guint32 tmr_len)
{
    PspInitCmd cmd = { .options_le = GUINT32_TO_LE (options),
                       .tmr_paddr_le = GUINT64_TO_LE (tmr),
                       .tmr_len_le = GUINT32_TO_LE (tmr_len) };

    return fake_command (psp, PSP_CMD_INIT, &cmd, sizeof cmd);
}

static PspPlatformStatusCmd
platform_status (PspDevice *psp)
{
    PspPlatformStatusCmd cmd;

    memset (&cmd, 0xee, sizeof cmd);
    g_assert_cmphex (fake_command (psp, PSP_CMD_PLATFORM_STATUS, &cmd, sizeof cmd), ==, 0);
    return cmd;
}

/* The PDH certificate as exported; the chain is left at OUT2. */
static guint8 *
export_pdh (Fixture *f)
{
    PspPdhCertExportCmd cmd = { .pdh_paddr_le = GUINT64_TO_LE (OUT),
                                .pdh_len_le = GUINT32_TO_LE (2084),
                                .certs_paddr_le = GUINT64_TO_LE (OUT2),
                                .certs_len_le = GUINT32_TO_LE (6252) };

    g_assert_cmphex (fake_command (f->psp, PSP_CMD_PDH_CERT_EXPORT, &cmd, sizeof cmd), ==,
                     0);
    return g_memdup2 (fake_host_at (f->host, OUT, 2084), 2084);
}

static SevStatus
handle_command (PspDevice *psp, guint32 id, guint32 handle)
{
    PspHandleCmd cmd = { GUINT32_TO_LE (handle) };

    return fake_command (psp, id, &cmd, sizeof cmd);
}

static SevStatus
activate (PspDevice *psp, guint32 handle, guint32 asid)
{
    PspActivateCmd cmd = { GUINT32_TO_LE (handle), GUINT32_TO_LE (asid) };

    return fake_command (psp, PSP_CMD_ACTIVATE, &cmd, sizeof cmd);
}

static SevStatus
launch (PspDevice *psp, guint32 shared, guint32 policy)
{
    PspLaunchStartCmd cmd = { .handle_le = GUINT32_TO_LE (shared),
                              .policy_le = GUINT32_TO_LE (policy) };

    return fake_command (psp, PSP_CMD_LAUNCH_START, &cmd, sizeof cmd);
}

static void
test_identity_persists (Fixture *f, gconstpointer data)
{
    fake_init (f->psp, FALSE);
    g_assert_cmpuint (f->host->stores, ==, 1);
    g_autofree guint8 *first = export_pdh (f);

    /* SHUTDOWN and INIT: the same, and nothing is written. */
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_SHUTDOWN, NULL, 0), ==, 0);
    fake_init (f->psp, FALSE);
    g_autofree guint8 *second = export_pdh (f);
    g_assert_cmpmem (first, 2084, second, 2084);
    g_assert_cmpuint (f->host->stores, ==, 1);

    /* Another process. */
    g_autoptr (PspDevice) other = fake_device_new (f->host, NULL);
    fake_init (other, FALSE);
    g_assert_cmpmem (&other->keys->pdh, sizeof (SevCert), &f->psp->keys->pdh,
                     sizeof (SevCert));

    /* PLATFORM_RESET: a new one. */
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_SHUTDOWN, NULL, 0), ==, 0);
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_PLATFORM_RESET, NULL, 0), ==, 0);
    g_assert_null (f->host->nv);
    fake_init (f->psp, FALSE);
    g_autofree guint8 *third = export_pdh (f);
    g_assert_cmpint (memcmp (first, third, 2084), !=, 0);
}

static void
test_damaged_state (Fixture *f, gconstpointer data)
{
    fake_init (f->psp, FALSE);
    g_autofree guint8 *before = export_pdh (f);
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_SHUTDOWN, NULL, 0), ==, 0);

    sev_secret_writable (f->host->nv)[sev_secret_size (f->host->nv) / 2] ^= 1;
    g_assert_cmphex (init_with (f->psp, 0, 0, 0), ==, SEV_STATUS_SECURE_DATA_INVALID);
    g_assert_cmpint (psp_device_platform_state (f->psp), ==, SEV_PLATFORM_UNINIT);
    g_assert_null (f->host->nv);

    /* Once: the retry gives a fresh platform. */
    fake_init (f->psp, FALSE);
    g_autofree guint8 *after = export_pdh (f);
    g_assert_cmpint (memcmp (before, after, 2084), !=, 0);

    /* A torn file, and one that is much too large. */
    static const gsize sizes[] = { 1, 100, PSP_NV_MAX_SIZE + 1 };
    for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++) {
        g_assert_cmphex (fake_command (f->psp, PSP_CMD_SHUTDOWN, NULL, 0), ==, 0);
        sev_secret_unref (f->host->nv);
        f->host->nv = sev_secret_new (sizes[i]);
        g_assert_cmphex (init_with (f->psp, 0, 0, 0), ==, SEV_STATUS_SECURE_DATA_INVALID);
        fake_init (f->psp, FALSE);
    }
}

/* Intact state of a newer build is left alone, and is not the guest owner's business. */
static void
test_newer_state (Fixture *f, gconstpointer data)
{
    static const PspNvKind newer = { "SLPSPNV\0", 9, 9 };
    static const PspNvBlock block = { 1, 1, (const guint8 *) "" };
    PspInitCmd cmd = { 0 };
    SevStatus status;
    g_autoptr (GError) error = NULL;
    g_autoptr (SevSecret) key = psp_chip_nv_key (fake_chip (), NULL);

    f->host->nv = psp_nv_encode (&newer, &block, 1, key, NULL);
    g_autoptr (SevSecret) was = sev_secret_ref (f->host->nv);
    g_assert_false (
        psp_device_command (f->psp, PSP_CMD_INIT, &cmd, sizeof cmd, &status, &error));
    g_assert_error (error, PSP_ERROR, PSP_ERROR_NV_VERSION);
    g_assert_true (f->host->nv == was);
    g_assert_cmpuint (f->host->stores, ==, 0);
}

static void
test_export (Fixture *f, gconstpointer data)
{
    SevCert certs[3], pdh, signed_cek;
    g_autoptr (GBytes) cek = NULL;

    fake_init (f->psp, FALSE);
    g_autofree guint8 *pdh_bytes = export_pdh (f);
    const guint8 *chain = fake_host_at (f->host, OUT2, 6252);
    g_assert_true (sev_cert_decode (pdh_bytes, 2084, &pdh, NULL));
    for (gsize i = 0; i < 3; i++)
        g_assert_true (sev_cert_decode (chain + i * 2084, 2084, &certs[i], NULL));
    g_assert_cmphex (pdh.pubkey_usage, ==, 0x1003);
    g_assert_cmphex (certs[0].pubkey_usage, ==, 0x1002);
    g_assert_cmphex (certs[1].pubkey_usage, ==, 0x1001);
    g_assert_cmphex (certs[2].pubkey_usage, ==, 0x1004);

    /* The CEK is the key server's, but for the signature. */
    psp_chip_get_amd_certs (fake_chip (), NULL, NULL, &cek);
    g_assert_cmpmem (chain + 2 * 2084, 1044, g_bytes_get_data (cek, NULL), 1044);
    for (gsize i = 0; i < 2; i++) {
        g_assert_cmphex (certs[2].sig[i].usage, ==, 0x1000);
        g_assert_cmphex (certs[2].sig[i].algo, ==, 0);
        g_assert_true (sev_bytes_all_zero (certs[2].sig[i].bytes, 512));
    }
    g_assert_true (sev_cert_decode (g_bytes_get_data (cek, NULL), 2084, &signed_cek, NULL));
    g_assert_cmphex (signed_cek.sig[0].usage, ==, 0x13);
}

static void
test_status (Fixture *f, gconstpointer data)
{
    PspPlatformStatusCmd s = platform_status (f->psp);

    g_assert_cmpuint (s.api_major, ==, 1);
    g_assert_cmpuint (s.api_minor, ==, 55);
    g_assert_cmpuint (s.build, ==, 21);
    g_assert_cmpuint (s.state, ==, 0);
    g_assert_cmpuint (s.owner, ==, 0);
    g_assert_cmphex (s.config_le, ==, 0);
    g_assert_cmpuint (s.reserved, ==, 0);
    g_assert_cmpuint (s.guest_count_le, ==, 0);

    fake_init (f->psp, TRUE);
    s = platform_status (f->psp);
    g_assert_cmpuint (s.state, ==, 1);
    g_assert_cmphex (GUINT16_FROM_LE (s.config_le), ==, 1);

    const guint32 a = fake_launch (f->psp, 1);
    const guint32 b = fake_launch (f->psp, 1);
    s = platform_status (f->psp);
    g_assert_cmpuint (s.state, ==, 2);
    g_assert_cmpuint (GUINT32_FROM_LE (s.guest_count_le), ==, 2);
    g_assert_cmpuint (a, !=, 0);
    g_assert_cmpuint (a, !=, b);

    /* The last guest takes WORKING with it; handles are not given again. */
    g_assert_cmphex (handle_command (f->psp, PSP_CMD_DECOMMISSION, a), ==, 0);
    g_assert_cmpuint (platform_status (f->psp).state, ==, 2);
    g_assert_cmphex (handle_command (f->psp, PSP_CMD_DECOMMISSION, b), ==, 0);
    g_assert_cmpuint (platform_status (f->psp).state, ==, 1);
    g_assert_cmphex (handle_command (f->psp, PSP_CMD_DECOMMISSION, b), ==,
                     SEV_STATUS_INVALID_GUEST);
    const guint32 c = fake_launch (f->psp, 1);
    g_assert_cmpuint (c, !=, a);
    g_assert_cmpuint (c, !=, b);

    /* SHUTDOWN takes active guests, too. */
    fake_activate (f->psp, c, 100);
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_SHUTDOWN, NULL, 0), ==, 0);
    s = platform_status (f->psp);
    g_assert_cmpuint (s.state, ==, 0);
    g_assert_cmpuint (s.guest_count_le, ==, 0);
    g_assert_cmphex (s.config_le, ==, 0);
}

static void
test_init_options (Fixture *f, gconstpointer data)
{
    static const struct {
        guint32 options;
        guint64 tmr;
        guint32 len;
        SevStatus expect;
    } tries[] = {
        { 2, FAKE_TMR, 0x100000, SEV_STATUS_INVALID_PARAM },
        { 1, FAKE_TMR, 0, SEV_STATUS_INVALID_LENGTH },
        { 1, FAKE_TMR, 0x100001, SEV_STATUS_INVALID_LENGTH },
        { 1, 0, 0x100000, SEV_STATUS_INVALID_ADDRESS },
        { 1, FAKE_TMR + 0x1000, 0x100000, SEV_STATUS_INVALID_ADDRESS },
        { 1, 0x80000000, 0x100000, SEV_STATUS_INVALID_ADDRESS },
        { 1, FAKE_TMR, 0x100000, SEV_STATUS_SUCCESS },
    };
    PspConfig config;

    for (gsize i = 0; i < G_N_ELEMENTS (tries); i++)
        g_assert_cmphex (init_with (f->psp, tries[i].options, tries[i].tmr, tries[i].len),
                         ==, tries[i].expect);
    g_assert_cmphex (init_with (f->psp, 0, 0, 0), ==, SEV_STATUS_INVALID_PLATFORM_STATE);

    psp_config_init (&config);
    config.es = FALSE;
    g_autoptr (PspDevice) without = fake_device_new (f->host, &config);
    g_assert_cmphex (init_with (without, 1, FAKE_TMR, 0x100000), ==,
                     SEV_STATUS_UNSUPPORTED);
    /* Without ES the TMR is not looked at. */
    g_assert_cmphex (init_with (without, 0, 3, 5), ==, SEV_STATUS_SUCCESS);
}

static void
test_policy (Fixture *f, gconstpointer data)
{
    fake_init (f->psp, FALSE);
    /* Firmware is 1.55: minimum version in bits 16-23 (major) and 24-31 (minor). */
    g_assert_cmphex (launch (f->psp, 0, 0x37010001), ==, SEV_STATUS_SUCCESS);
    g_assert_cmphex (launch (f->psp, 0, 0xff000001), ==, SEV_STATUS_SUCCESS);
    g_assert_cmphex (launch (f->psp, 0, 0x38010001), ==, SEV_STATUS_POLICY_FAILURE);
    g_assert_cmphex (launch (f->psp, 0, 0x00020001), ==, SEV_STATUS_POLICY_FAILURE);
    /* SEV-ES was not asked for. */
    g_assert_cmphex (launch (f->psp, 0, 0x00000005), ==, SEV_STATUS_UNSUPPORTED);
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_SHUTDOWN, NULL, 0), ==, 0);
    fake_init (f->psp, TRUE);
    g_assert_cmphex (launch (f->psp, 0, 0x00000005), ==, SEV_STATUS_SUCCESS);
}

static void
test_asids (Fixture *f, gconstpointer data)
{
    fake_init (f->psp, TRUE);
    const guint32 sev = fake_launch (f->psp, 1);
    const guint32 sev2 = fake_launch (f->psp, 1);
    const guint32 es = fake_launch (f->psp, 5);

    /* ES 1-99, SEV 100-509. */
    g_assert_cmphex (activate (f->psp, sev, 0), ==, SEV_STATUS_INVALID_ASID);
    g_assert_cmphex (activate (f->psp, sev, 99), ==, SEV_STATUS_INVALID_ASID);
    g_assert_cmphex (activate (f->psp, sev, 510), ==, SEV_STATUS_INVALID_ASID);
    g_assert_cmphex (activate (f->psp, sev, 0xffffffff), ==, SEV_STATUS_INVALID_ASID);
    g_assert_cmphex (activate (f->psp, es, 0), ==, SEV_STATUS_INVALID_ASID);
    g_assert_cmphex (activate (f->psp, es, 100), ==, SEV_STATUS_INVALID_ASID);
    g_assert_cmphex (activate (f->psp, es, 99), ==, SEV_STATUS_SUCCESS);
    g_assert_cmphex (activate (f->psp, sev, 509), ==, SEV_STATUS_SUCCESS);

    g_assert_cmphex (activate (f->psp, sev, 100), ==, SEV_STATUS_ACTIVE);
    g_assert_cmphex (activate (f->psp, sev2, 509), ==, SEV_STATUS_ASID_OWNED);
    g_assert_cmphex (handle_command (f->psp, PSP_CMD_DEACTIVATE, sev2), ==,
                     SEV_STATUS_INACTIVE);
    g_assert_cmphex (handle_command (f->psp, PSP_CMD_DECOMMISSION, sev), ==,
                     SEV_STATUS_ACTIVE);

    /* A left ASID needs DF_FLUSH. */
    g_assert_cmphex (handle_command (f->psp, PSP_CMD_DEACTIVATE, sev), ==, 0);
    g_assert_cmphex (handle_command (f->psp, PSP_CMD_DECOMMISSION, sev), ==, 0);
    g_assert_cmphex (activate (f->psp, sev2, 509), ==, SEV_STATUS_DF_FLUSH_REQUIRED);
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_DF_FLUSH, NULL, 0), ==, 0);
    g_assert_cmphex (activate (f->psp, sev2, 509), ==, SEV_STATUS_SUCCESS);

    /* And so does every ASID after INIT. */
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_SHUTDOWN, NULL, 0), ==, 0);
    g_assert_cmphex (init_with (f->psp, 0, 0, 0), ==, 0);
    const guint32 again = fake_launch (f->psp, 1);
    g_assert_cmphex (activate (f->psp, again, 200), ==, SEV_STATUS_DF_FLUSH_REQUIRED);
}

static void
test_key_sharing (Fixture *f, gconstpointer data)
{
    fake_init (f->psp, FALSE);
    const guint32 open = fake_launch (f->psp, 1);
    const guint32 closed = fake_launch (f->psp, 3);

    g_assert_cmphex (launch (f->psp, 99, 1), ==, SEV_STATUS_INVALID_GUEST);
    g_assert_cmphex (launch (f->psp, open, 9), ==, SEV_STATUS_POLICY_FAILURE);
    g_assert_cmphex (launch (f->psp, closed, 3), ==, SEV_STATUS_POLICY_FAILURE);

    PspLaunchStartCmd cmd = { .handle_le = GUINT32_TO_LE (open),
                              .policy_le = GUINT32_TO_LE (1) };
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_LAUNCH_START, &cmd, sizeof cmd), ==, 0);
    const guint32 sharer = GUINT32_FROM_LE (cmd.handle_le);
    g_assert_cmpuint (sharer, !=, open);
    const PspGuest *a = psp_guests_find (f->psp->guests, open);
    const PspGuest *b = psp_guests_find (f->psp->guests, sharer);
    const PspGuest *c = psp_guests_find (f->psp->guests, closed);
    g_assert_true (sev_secret_equal (a->vek, b->vek));
    g_assert_false (sev_secret_equal (a->vek, c->vek));
    g_assert_false (sev_secret_equal (a->tik, b->tik));

    /* One key, one ASID; it is left when the last of them leaves. */
    g_assert_cmphex (activate (f->psp, open, 100), ==, 0);
    g_assert_cmphex (activate (f->psp, closed, 100), ==, SEV_STATUS_ASID_OWNED);
    g_assert_cmphex (activate (f->psp, sharer, 100), ==, 0);
    g_assert_cmphex (handle_command (f->psp, PSP_CMD_DEACTIVATE, open), ==, 0);
    g_assert_cmphex (activate (f->psp, open, 100), ==, 0);
    g_assert_cmphex (handle_command (f->psp, PSP_CMD_DEACTIVATE, open), ==, 0);
    g_assert_cmphex (handle_command (f->psp, PSP_CMD_DEACTIVATE, sharer), ==, 0);
    g_assert_cmphex (activate (f->psp, open, 100), ==, SEV_STATUS_DF_FLUSH_REQUIRED);

    /* The key outlives the guest that it was made for. */
    g_assert_cmphex (handle_command (f->psp, PSP_CMD_DECOMMISSION, open), ==, 0);
    g_assert_cmphex (activate (f->psp, sharer, 101), ==, 0);
    g_assert_cmpuint (sev_secret_size (b->vek), ==, 16);
}

static void
test_resource_limit (Fixture *f, gconstpointer data)
{
    PspConfig config;

    psp_config_init (&config);
    config.min_sev_asid = 1;
    config.max_asid = 3;
    g_autoptr (PspDevice) psp = fake_device_new (f->host, &config);
    fake_init (psp, FALSE);
    for (guint i = 0; i < 3; i++)
        g_assert_cmphex (launch (psp, 0, 1), ==, SEV_STATUS_SUCCESS);
    g_assert_cmphex (launch (psp, 0, 1), ==, SEV_STATUS_RESOURCE_LIMIT);
    g_assert_cmphex (handle_command (psp, PSP_CMD_DECOMMISSION, 2), ==, 0);
    g_assert_cmphex (launch (psp, 0, 1), ==, SEV_STATUS_SUCCESS);
}

static void
test_config (void)
{
    static const struct {
        guint8 major, minor;
        guint32 min_asid, max_asid;
        gboolean ok;
    } tries[] = {
        { 0, 14, 1, 1, TRUE },        { 0, 13, 1, 1, FALSE },   { 0, 24, 0, 5, FALSE },
        { 0, 24, 6, 5, FALSE },       { 1, 0, 1, 65535, TRUE }, { 1, 0, 1, 65536, FALSE },
        { 255, 255, 100, 509, TRUE },
    };
    g_autoptr (FakeHost) host = fake_host_new ();

    for (gsize i = 0; i < G_N_ELEMENTS (tries); i++) {
        const PspConfig config = { .api_major = tries[i].major,
                                   .api_minor = tries[i].minor,
                                   .min_sev_asid = tries[i].min_asid,
                                   .max_asid = tries[i].max_asid };
        g_autoptr (GError) error = NULL;
        g_autoptr (PspDevice) psp =
            psp_device_new (&config, fake_chip (), &fake_host_ops, host, &error);

        g_assert_cmpint (psp != NULL, ==, tries[i].ok);
        if (!tries[i].ok)
            g_assert_error (error, PSP_ERROR, PSP_ERROR_CONFIG);
    }
}

/* Steps of a whole launch, each to be run with any host operation failing. */
typedef struct {
    guint32 id;
    gsize size;
} Step;

static const Step steps[] = {
    { PSP_CMD_INIT, sizeof (PspInitCmd) },
    { PSP_CMD_DF_FLUSH, 0 },
    { PSP_CMD_PDH_CERT_EXPORT, sizeof (PspPdhCertExportCmd) },
    { PSP_CMD_GET_ID, sizeof (PspGetIdCmd) },
    { PSP_CMD_LAUNCH_START, sizeof (PspLaunchStartCmd) },
    { PSP_CMD_ACTIVATE, sizeof (PspActivateCmd) },
    { PSP_CMD_LAUNCH_UPDATE_DATA, sizeof (PspLaunchDataCmd) },
    { PSP_CMD_LAUNCH_MEASURE, sizeof (PspLaunchDataCmd) },
    { PSP_CMD_LAUNCH_SECRET, sizeof (PspLaunchSecretCmd) },
    { PSP_CMD_LAUNCH_FINISH, sizeof (PspHandleCmd) },
    { PSP_CMD_GUEST_STATUS, sizeof (PspGuestStatusCmd) },
    { PSP_CMD_DEACTIVATE, sizeof (PspHandleCmd) },
    { PSP_CMD_DECOMMISSION, sizeof (PspHandleCmd) },
    { PSP_CMD_SHUTDOWN, 0 },
    { PSP_CMD_PLATFORM_RESET, 0 },
};

static const guint8 secret[32] = "the key to the guest's own disk";

static void
step_buffer (Fixture *f, guint32 id, guint8 buffer[64])
{
    const guint32 handle_le = GUINT32_TO_LE (1);
    const PspPdhCertExportCmd export = { .pdh_paddr_le = GUINT64_TO_LE (OUT),
                                         .pdh_len_le = GUINT32_TO_LE (2084),
                                         .certs_paddr_le = GUINT64_TO_LE (OUT2),
                                         .certs_len_le = GUINT32_TO_LE (6252) };
    const PspGetIdCmd get_id = { GUINT64_TO_LE (OUT), GUINT32_TO_LE (64) };
    const PspActivateCmd act = { handle_le, GUINT32_TO_LE (100) };
    const PspLaunchDataCmd update = { .handle_le = handle_le,
                                      .paddr_le = GUINT64_TO_LE (DATA),
                                      .len_le = GUINT32_TO_LE (0x21000) };
    const PspLaunchDataCmd measure = { .handle_le = handle_le,
                                       .paddr_le = GUINT64_TO_LE (OUT),
                                       .len_le = GUINT32_TO_LE (48) };
    const PspLaunchSecretCmd inject = { .handle_le = handle_le,
                                        .hdr_paddr_le = GUINT64_TO_LE (HEADER),
                                        .hdr_len_le = GUINT32_TO_LE (52),
                                        .guest_paddr_le = GUINT64_TO_LE (DATA),
                                        .guest_len_le = GUINT32_TO_LE (sizeof secret),
                                        .trans_paddr_le = GUINT64_TO_LE (TRANS),
                                        .trans_len_le = GUINT32_TO_LE (sizeof secret) };

    memset (buffer, 0, 64);
    switch (id) {
    case PSP_CMD_PDH_CERT_EXPORT:
        memcpy (buffer, &export, sizeof export);
        break;
    case PSP_CMD_GET_ID:
        memcpy (buffer, &get_id, sizeof get_id);
        break;
    case PSP_CMD_ACTIVATE:
        memcpy (buffer, &act, sizeof act);
        break;
    case PSP_CMD_LAUNCH_UPDATE_DATA:
        memcpy (buffer, &update, sizeof update);
        break;
    case PSP_CMD_LAUNCH_MEASURE:
        memcpy (buffer, &measure, sizeof measure);
        break;
    case PSP_CMD_LAUNCH_SECRET:
        fake_packet (f->host, psp_guests_find (f->psp->guests, 1), HEADER, TRANS, secret,
                     sizeof secret);
        memcpy (buffer, &inject, sizeof inject);
        break;
    case PSP_CMD_LAUNCH_START:
    case PSP_CMD_INIT:
        break;
    default:
        memcpy (buffer, &handle_le, sizeof handle_le);
        break;
    }
}

/* Returns how many host operations the step needs, having failed each of them once. */
static guint
fail_everywhere (Fixture *f, const Step *step)
{
    guint8 buffer[64], before[64];

    for (guint n = 1;; n++) {
        g_autoptr (GError) error = NULL;
        SevStatus status = 0;

        step_buffer (f, step->id, buffer);
        memcpy (before, buffer, sizeof before);
        g_autofree char *was = fake_snapshot (f->psp, f->host, FALSE);
        f->host->calls = 0;
        f->host->fail_at = n;
        f->host->silent = n % 2 == 0;
        const gboolean ok =
            psp_device_command (f->psp, step->id, buffer, step->size, &status, &error);
        f->host->fail_at = 0;
        if (ok) {
            g_assert_no_error (error);
            g_assert_cmphex (status, ==, SEV_STATUS_SUCCESS);
            g_assert_cmpuint (f->host->calls, ==, n - 1);
            return n - 1;
        }
        g_assert_nonnull (error);
        if (n % 2 == 0)
            g_assert_error (error, PSP_ERROR, PSP_ERROR_HOST);
        else
            g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
        g_assert_true (strstr (error->message, psp_command_name (step->id)) != NULL);
        g_assert_cmphex (status, ==, 0xffff);
        g_assert_cmpmem (buffer, sizeof buffer, before, sizeof before);

        /* The device is as it was; memory may be half-written. */
        g_autofree char *is = fake_snapshot (f->psp, f->host, FALSE);
        g_assert_cmpstr (is, ==, was);
    }
}

static void
test_host_faults (Fixture *f, gconstpointer data)
{
    const gboolean engine = data != NULL;
    guint total = 0;

    if (engine)
        f->psp->ops = fake_host_engine_ops;
    for (gsize i = 0; i < G_N_ELEMENTS (steps); i++) {
        memset (f->host->memory, 0, sizeof f->host->memory);
        g_test_message ("%s", psp_command_name (steps[i].id));
        total += fail_everywhere (f, &steps[i]);
    }
    /* INIT 2, EXPORT 2, GET_ID 1, START 3, UPDATE 3 (and 3 by the engine), MEASURE 2,
     * SECRET 3, RESET 1. */
    g_assert_cmpuint (total, ==, engine ? 20 : 17);
}

static void
test_whole_launch (Fixture *f, gconstpointer data)
{
    guint8 buffer[64];

    for (gsize i = 0; i < G_N_ELEMENTS (steps); i++) {
        step_buffer (f, steps[i].id, buffer);
        g_assert_cmphex (fake_command (f->psp, steps[i].id, buffer, steps[i].size), ==, 0);
        const PspGuest *guest =
            f->psp->guests != NULL ? psp_guests_find (f->psp->guests, 1) : NULL;

        switch (steps[i].id) {
        case PSP_CMD_LAUNCH_SECRET:
            g_assert_cmpmem (fake_host_at (f->host, DATA, sizeof secret), sizeof secret,
                             secret, sizeof secret);
            break;
        case PSP_CMD_LAUNCH_FINISH:
            g_assert_null (guest->tek);
            g_assert_null (guest->tik);
            g_assert_null (guest->digest);
            g_assert_true (sev_bytes_all_zero (guest->measure, sizeof guest->measure));
            g_assert_false (
                sev_bytes_all_zero (guest->launch_digest, sizeof guest->launch_digest));
            break;
        case PSP_CMD_GUEST_STATUS: {
            PspGuestStatusCmd status;
            memcpy (&status, buffer, sizeof status);
            g_assert_cmpuint (GUINT32_FROM_LE (status.asid_le), ==, 100);
            g_assert_cmpuint (status.state, ==, 3);
            g_assert_cmphex (status.policy_le, ==, 0);
            break;
        }
        default:
            break;
        }
    }
}

/* LAUNCH_UPDATE_DATA and LAUNCH_SECRET need the guest's key to be in place. */
static void
test_inactive (Fixture *f, gconstpointer data)
{
    PspLaunchDataCmd cmd = { .handle_le = GUINT32_TO_LE (1),
                             .paddr_le = GUINT64_TO_LE (DATA),
                             .len_le = GUINT32_TO_LE (16) };
    guint8 buffer[64];

    fake_init (f->psp, FALSE);
    g_assert_cmpuint (fake_launch (f->psp, 1), ==, 1);
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_LAUNCH_UPDATE_DATA, &cmd, sizeof cmd),
                     ==, SEV_STATUS_INACTIVE);
    psp_guests_find (f->psp->guests, 1)->state = SEV_GUEST_LAUNCH_SECRET;
    step_buffer (f, PSP_CMD_LAUNCH_SECRET, buffer);
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_LAUNCH_SECRET, buffer, 52), ==,
                     SEV_STATUS_INACTIVE);
    fake_activate (f->psp, 1, 100);
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_LAUNCH_SECRET, buffer, 52), ==, 0);
}

/* Two instances know nothing of each other. */
static void
test_instances (Fixture *f, gconstpointer data)
{
    g_autoptr (FakeHost) host = fake_host_new ();
    g_autoptr (PspDevice) other = fake_device_new (host, NULL);

    fake_init (f->psp, FALSE);
    fake_init (other, TRUE);
    g_assert_cmpuint (fake_launch (f->psp, 1), ==, 1);
    g_assert_cmpuint (platform_status (other).state, ==, 1);
    g_assert_cmpuint (fake_launch (other, 5), ==, 1);
    g_assert_false (sev_ec_key_same_public (f->psp->keys->pdh_key, other->keys->pdh_key));
    g_assert_cmphex (fake_command (other, PSP_CMD_SHUTDOWN, NULL, 0), ==, 0);
    g_assert_cmpuint (platform_status (f->psp).state, ==, 2);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(path, data, func)                                                              \
    g_test_add ("/psp-launch/" path, Fixture, data, set_up, func, tear_down)
    ADD ("identity-persists", NULL, test_identity_persists);
    ADD ("damaged-state", NULL, test_damaged_state);
    ADD ("newer-state", NULL, test_newer_state);
    ADD ("export", NULL, test_export);
    ADD ("status", NULL, test_status);
    ADD ("init-options", NULL, test_init_options);
    ADD ("policy", NULL, test_policy);
    ADD ("asids", NULL, test_asids);
    ADD ("key-sharing", NULL, test_key_sharing);
    ADD ("resource-limit", NULL, test_resource_limit);
    ADD ("whole-launch", NULL, test_whole_launch);
    ADD ("host-faults/plain", NULL, test_host_faults);
    ADD ("host-faults/engine", "engine", test_host_faults);
    ADD ("inactive", NULL, test_inactive);
    ADD ("instances", NULL, test_instances);
#undef ADD
    g_test_add_func ("/psp-launch/config", test_config);
    return g_test_run ();
}
