/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * INIT_EX: persistent state in memory that the host keeps.  Size and alignment, and which
 * commands write it: Linux (drivers/crypto/ccp/sev-dev.c); what is in it: ours.
 */

#include <string.h>

#include "tests/unit/psp-fake-host.h"

#define AREA FAKE_AT (0x10000)
#define AREA_SIZE 0x8000u
#define PDH FAKE_AT (0x1000)
#define CHAIN FAKE_AT (0x2000)

typedef struct {
    FakeHost *host;
    PspDevice *psp;
    guint8 *area;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
    f->host = fake_host_new ();
    f->psp = fake_device_new (f->host, NULL);
    f->area = fake_host_at (f->host, AREA, AREA_SIZE);
    memset (f->area, 0xff, AREA_SIZE);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
    psp_device_free (f->psp);
    fake_host_free (f->host);
}

static SevStatus
init_ex_in (PspDevice *psp)
{
    PspInitExCmd cmd = { .len_le = GUINT32_TO_LE (0x24),
                         .nv_paddr_le = GUINT64_TO_LE (AREA),
                         .nv_len_le = GUINT32_TO_LE (AREA_SIZE) };

    return fake_command (psp, PSP_CMD_INIT_EX, &cmd, sizeof cmd);
}

static SevStatus
init_ex (Fixture *f)
{
    return init_ex_in (f->psp);
}

static SevStatus
run (Fixture *f, guint32 id)
{
    return fake_command (f->psp, id, NULL, 0);
}

/* The PDH's certificate: it changes whenever anything of the identity does. */
static char *
identity_of (PspDevice *psp, FakeHost *host)
{
    PspPdhCertExportCmd cmd = { .pdh_paddr_le = GUINT64_TO_LE (PDH),
                                .pdh_len_le = GUINT32_TO_LE (2084),
                                .certs_paddr_le = GUINT64_TO_LE (CHAIN),
                                .certs_len_le = GUINT32_TO_LE (6252) };

    g_assert_cmphex (fake_command (psp, PSP_CMD_PDH_CERT_EXPORT, &cmd, sizeof cmd), ==, 0);
    return g_compute_checksum_for_data (G_CHECKSUM_SHA256, fake_host_at (host, PDH, 2084),
                                        2084);
}

static char *
identity (Fixture *f)
{
    return identity_of (f->psp, f->host);
}

static gboolean
is_blank (Fixture *f)
{
    for (gsize i = 0; i < AREA_SIZE; i++)
        if (f->area[i] != 0xff)
            return FALSE;
    return TRUE;
}

/* The first INIT_EX fills the area; another device with the same chip goes on from it. */
static void
test_persists (Fixture *f, gconstpointer data)
{
    if (data != NULL)
        memset (f->area, 0, AREA_SIZE);
    g_assert_cmphex (init_ex (f), ==, 0);
    g_assert_cmpint (psp_device_platform_state (f->psp), ==, SEV_PLATFORM_INIT);
    g_assert_false (is_blank (f));
    g_assert_cmpuint (f->host->stores, ==, 0);
    g_autofree char *first = identity (f);

    g_autoptr (PspDevice) other = fake_device_new (f->host, NULL);
    g_autofree guint8 *was = g_memdup2 (f->area, AREA_SIZE);
    g_assert_cmphex (init_ex_in (other), ==, 0);
    g_autofree char *second = identity_of (other, f->host);
    g_assert_cmpstr (first, ==, second);
    g_assert_cmpmem (f->area, AREA_SIZE, was, AREA_SIZE);
}

/* Linux saves the area after PDH_GEN, PEK_GEN, PEK_CERT_IMPORT and PLATFORM_RESET. */
static void
test_written_back (Fixture *f, gconstpointer data)
{
    static const guint32 ids[] = { PSP_CMD_PDH_GEN, PSP_CMD_PEK_GEN };

    g_assert_cmphex (init_ex (f), ==, 0);
    for (gsize i = 0; i < G_N_ELEMENTS (ids); i++) {
        g_autofree guint8 *was = g_memdup2 (f->area, AREA_SIZE);

        g_assert_cmphex (run (f, ids[i]), ==, 0);
        g_assert_cmpint (memcmp (was, f->area, AREA_SIZE), !=, 0);
        g_autofree char *before = identity (f);
        g_assert_cmphex (run (f, PSP_CMD_SHUTDOWN), ==, 0);
        g_assert_cmphex (init_ex (f), ==, 0);
        g_autofree char *after = identity (f);
        g_assert_cmpstr (before, ==, after);
    }
    g_assert_cmphex (run (f, PSP_CMD_SHUTDOWN), ==, 0);
    g_assert_cmphex (run (f, PSP_CMD_PLATFORM_RESET), ==, 0);
    g_assert_true (is_blank (f));
    g_assert_cmpuint (f->host->stores, ==, 0);
}

/* After a plain INIT the area is the host's own again. */
static void
test_init_after (Fixture *f, gconstpointer data)
{
    g_assert_cmphex (init_ex (f), ==, 0);
    g_autofree char *in_area = identity (f);
    g_assert_cmphex (run (f, PSP_CMD_SHUTDOWN), ==, 0);
    g_autofree guint8 *was = g_memdup2 (f->area, AREA_SIZE);

    fake_init (f->psp, FALSE);
    g_autofree char *own = identity (f);
    g_assert_cmpstr (own, !=, in_area);
    g_assert_cmphex (run (f, PSP_CMD_PDH_GEN), ==, 0);
    g_assert_cmphex (run (f, PSP_CMD_SHUTDOWN), ==, 0);
    g_assert_cmphex (run (f, PSP_CMD_PLATFORM_RESET), ==, 0);
    g_assert_cmpmem (f->area, AREA_SIZE, was, AREA_SIZE);
    g_assert_null (f->host->nv);
}

static gboolean
contains (const guint8 *data, gsize len, const char *what, gsize what_len)
{
    for (gsize i = 0; i + what_len <= len; i++)
        if (memcmp (data + i, what, what_len) == 0)
            return TRUE;
    return FALSE;
}

/* The same scan that finds keys in the firmware's own storage finds none in the area. */
static void
test_no_keys_in_it (Fixture *f, gconstpointer data)
{
    fake_init (f->psp, FALSE);
    g_assert_true (contains (sev_secret_data (f->host->nv), sev_secret_size (f->host->nv),
                             "PRIVATE KEY", 11));
    g_assert_cmphex (run (f, PSP_CMD_SHUTDOWN), ==, 0);
    g_assert_cmphex (init_ex (f), ==, 0);
    g_assert_true (contains (f->area, AREA_SIZE, "SLPSPNVA", 8));
    g_assert_false (contains (f->area, AREA_SIZE, "PRIVATE KEY", 11));
    g_assert_false (contains (f->area, AREA_SIZE, "SLPSPNV", 8));

    /* Twice the same plaintext is not twice the same ciphertext. */
    g_autofree guint8 *was = g_memdup2 (f->area, AREA_SIZE);
    g_autoptr (GError) error = NULL;
    g_assert_true (psp_store_keys (f->psp, AREA, f->psp->keys, &error));
    gsize same = 0;
    for (gsize i = 64; i < 4096; i++)
        same += was[i] == f->area[i];
    g_assert_cmpuint (same, <, 64);
}

/* Damaged once, then fresh (Linux tries INIT_EX twice). */
static void
assert_damaged (Fixture *f, const char *identity_before)
{
    g_autoptr (PspDevice) psp = fake_device_new (f->host, NULL);

    g_assert_cmphex (init_ex_in (psp), ==, SEV_STATUS_SECURE_DATA_INVALID);
    g_assert_cmpint (psp_device_platform_state (psp), ==, SEV_PLATFORM_UNINIT);
    g_assert_true (is_blank (f));
    g_assert_cmphex (init_ex_in (psp), ==, 0);
    g_autofree char *after = identity_of (psp, f->host);
    g_assert_cmpstr (after, !=, identity_before);
}

static void
test_damage (Fixture *f, gconstpointer data)
{
    g_assert_cmphex (init_ex (f), ==, 0);
    g_autofree char *before = identity (f);
    g_autofree guint8 *good = g_memdup2 (f->area, AREA_SIZE);
    gsize used = AREA_SIZE;
    while (good[used - 1] == 0xff)
        used--;
    const gsize places[] = { 0,         8,         10,       12,   15,           16,
                             20,        24,        40,       44,   48,           used / 2,
                             used - 33, used - 32, used - 1, used, AREA_SIZE - 1 };

    for (gsize i = 0; i < G_N_ELEMENTS (places); i++) {
        g_test_message ("byte %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT, places[i], used);
        memcpy (f->area, good, AREA_SIZE);
        f->area[places[i]] ^= 0x04;
        assert_damaged (f, before);
    }
    const gsize cuts[] = { 1, 16, 48, used / 2, used - 1 };
    for (gsize i = 0; i < G_N_ELEMENTS (cuts); i++) {
        memcpy (f->area, good, AREA_SIZE);
        memset (f->area + cuts[i], i % 2 == 0 ? 0xff : 0, AREA_SIZE - cuts[i]);
        assert_damaged (f, before);
    }

    /* Half of an older state, half of this one. */
    memcpy (f->area, good, AREA_SIZE);
    g_assert_cmphex (run (f, PSP_CMD_PDH_GEN), ==, 0);
    g_autofree guint8 *newer = g_memdup2 (f->area, AREA_SIZE);
    memcpy (f->area, good, 2048);
    assert_damaged (f, before);

    /* A whole older state is as good as a newer one: nobody can tell. */
    memcpy (f->area, newer, AREA_SIZE);
    g_autoptr (PspDevice) third = fake_device_new (f->host, NULL);
    g_assert_cmphex (init_ex_in (third), ==, 0);
    memcpy (f->area, good, AREA_SIZE);
    g_autoptr (PspDevice) fourth = fake_device_new (f->host, NULL);
    g_assert_cmphex (init_ex_in (fourth), ==, 0);
    g_autofree char *again = identity_of (fourth, f->host);
    g_assert_cmpstr (again, ==, before);
}

static void
test_foreign (Fixture *f, gconstpointer data)
{
    g_autoptr (PspChip) chip = psp_chip_manufacture (PSP_GENERATION_NAPLES, NULL, NULL);
    PspConfig config;

    psp_config_init (&config);
    g_assert_cmphex (init_ex (f), ==, 0);
    g_autoptr (PspDevice) other =
        psp_device_new (&config, chip, &fake_host_ops, f->host, NULL);
    g_assert_cmphex (init_ex_in (other), ==, SEV_STATUS_SECURE_DATA_INVALID);
    g_assert_cmphex (init_ex_in (other), ==, 0);
}

static void
test_parameters (Fixture *f, gconstpointer data)
{
    static const struct {
        guint32 len, options;
        guint64 tmr;
        guint32 tmr_len;
        guint64 nv;
        guint32 nv_len;
        SevStatus expect;
    } tries[] = {
        { 0, 0, 0, 0, AREA, AREA_SIZE, SEV_STATUS_INVALID_LENGTH },
        { 0x23, 0, 0, 0, AREA, AREA_SIZE, SEV_STATUS_INVALID_LENGTH },
        { 0x28, 0, 0, 0, AREA, AREA_SIZE, SEV_STATUS_INVALID_LENGTH },
        { 0x24, 0, 0, 0, AREA, 0, SEV_STATUS_INVALID_LENGTH },
        { 0x24, 0, 0, 0, AREA, AREA_SIZE - 1, SEV_STATUS_INVALID_LENGTH },
        { 0x24, 0, 0, 0, AREA, 2 * AREA_SIZE, SEV_STATUS_INVALID_LENGTH },
        { 0x24, 0, 0, 0, 0, AREA_SIZE, SEV_STATUS_INVALID_ADDRESS },
        { 0x24, 0, 0, 0, AREA + 0x800, AREA_SIZE, SEV_STATUS_INVALID_ADDRESS },
        { 0x24, 0, 0, 0, FAKE_END - 0x7000, AREA_SIZE, SEV_STATUS_INVALID_ADDRESS },
        { 0x24, 0, 0, 0, G_MAXUINT64 - 0xfff, AREA_SIZE, SEV_STATUS_INVALID_ADDRESS },
        { 0x24, 2, 0, 0, AREA, AREA_SIZE, SEV_STATUS_INVALID_PARAM },
        { 0x24, 1, FAKE_TMR, 0, AREA, AREA_SIZE, SEV_STATUS_INVALID_LENGTH },
        { 0x24, 1, FAKE_TMR + 1, 0x100000, AREA, AREA_SIZE, SEV_STATUS_INVALID_ADDRESS },
        { 0x24, 1, FAKE_TMR, 0x100000, AREA, AREA_SIZE, SEV_STATUS_SUCCESS },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (tries); i++) {
        PspInitExCmd cmd = { .len_le = GUINT32_TO_LE (tries[i].len),
                             .options_le = GUINT32_TO_LE (tries[i].options),
                             .tmr_paddr_le = GUINT64_TO_LE (tries[i].tmr),
                             .tmr_len_le = GUINT32_TO_LE (tries[i].tmr_len),
                             .nv_paddr_le = GUINT64_TO_LE (tries[i].nv),
                             .nv_len_le = GUINT32_TO_LE (tries[i].nv_len) };
        g_autofree char *was = fake_snapshot (f->psp, f->host, TRUE);

        g_test_message ("row %" G_GSIZE_FORMAT, i);
        g_assert_cmphex (fake_command (f->psp, PSP_CMD_INIT_EX, &cmd, sizeof cmd), ==,
                         tries[i].expect);
        g_autofree char *is = fake_snapshot (f->psp, f->host, TRUE);
        g_assert_cmpint (strcmp (was, is) == 0, ==, tries[i].expect != SEV_STATUS_SUCCESS);
    }
    PspPlatformStatusCmd status;
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_PLATFORM_STATUS, &status, sizeof status),
                     ==, 0);
    g_assert_cmpuint (GUINT16_FROM_LE (status.config_le), ==, 1);
}

/* Reading, a random IV, writing: whichever fails, nothing is initialised. */
static void
test_host_faults (Fixture *f, gconstpointer data)
{
    for (guint n = 1; n <= 3; n++) {
        g_autoptr (GError) error = NULL;
        PspInitExCmd cmd = { .len_le = GUINT32_TO_LE (0x24),
                             .nv_paddr_le = GUINT64_TO_LE (AREA),
                             .nv_len_le = GUINT32_TO_LE (AREA_SIZE) };
        SevStatus status;

        f->host->fail_at = f->host->calls + n;
        g_assert_false (psp_device_command (f->psp, PSP_CMD_INIT_EX, &cmd, sizeof cmd,
                                            &status, &error));
        g_assert_nonnull (error);
        g_assert_cmpint (psp_device_platform_state (f->psp), ==, SEV_PLATFORM_UNINIT);
        g_assert_true (is_blank (f));
    }
    f->host->fail_at = 0;
    g_assert_cmphex (init_ex (f), ==, 0);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(path, data, func)                                                              \
    g_test_add ("/psp-nv-area/" path, Fixture, data, set_up, func, tear_down)
    ADD ("persists/ff", NULL, test_persists);
    ADD ("persists/00", "zeroes", test_persists);
    ADD ("written-back", NULL, test_written_back);
    ADD ("init-after", NULL, test_init_after);
    ADD ("no-keys-in-it", NULL, test_no_keys_in_it);
    ADD ("damage", NULL, test_damage);
    ADD ("foreign", NULL, test_foreign);
    ADD ("parameters", NULL, test_parameters);
    ADD ("host-faults", NULL, test_host_faults);
#undef ADD
    return g_test_run ();
}
