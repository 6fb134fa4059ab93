/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* ACTIVATE_EX and DOWNLOAD_FIRMWARE; ownership and INIT_EX have files of their own. */

#include <string.h>

#include "psp/fw/psp-chip-private.h"
#include "psp/fw/psp-image.h"
#include "tests/lib/firmware-maker.h"
#include "tests/unit/psp-fake-host.h"

#define IDS FAKE_AT (0x1000)
#define IMAGE FAKE_AT (0x10000)

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
activate_ex (Fixture *f, guint32 handle, guint32 asid)
{
    PspActivateExCmd cmd = { GUINT32_TO_LE (24), GUINT32_TO_LE (handle),
                             GUINT32_TO_LE (asid), GUINT32_TO_LE (2), GUINT64_TO_LE (IDS) };

    return fake_command (f->psp, PSP_CMD_ACTIVATE_EX, &cmd, sizeof cmd);
}

static guint32
asid_of (Fixture *f, guint32 handle)
{
    PspGuestStatusCmd cmd = { .handle_le = GUINT32_TO_LE (handle) };

    g_assert_cmphex (fake_command (f->psp, PSP_CMD_GUEST_STATUS, &cmd, sizeof cmd), ==, 0);
    return GUINT32_FROM_LE (cmd.asid_le);
}

/* The rules of ACTIVATE (libvirt's source, section 6.19.1 of AMD 55766; Linux). */
static void
test_activate_ex (Fixture *f, gconstpointer data)
{
    fake_init (f->psp, TRUE);
    const guint32 sev = fake_launch (f->psp, 1);
    const guint32 other = fake_launch (f->psp, 1);
    const guint32 es = fake_launch (f->psp, 5);

    g_assert_cmphex (activate_ex (f, 77, 100), ==, SEV_STATUS_INVALID_GUEST);
    g_assert_cmphex (activate_ex (f, sev, 0), ==, SEV_STATUS_INVALID_ASID);
    g_assert_cmphex (activate_ex (f, sev, 99), ==, SEV_STATUS_INVALID_ASID);
    g_assert_cmphex (activate_ex (f, es, 100), ==, SEV_STATUS_INVALID_ASID);
    g_assert_cmphex (activate_ex (f, sev, 100), ==, 0);
    g_assert_cmpuint (asid_of (f, sev), ==, 100);
    g_assert_cmphex (activate_ex (f, sev, 101), ==, SEV_STATUS_ACTIVE);
    g_assert_cmphex (activate_ex (f, other, 100), ==, SEV_STATUS_ASID_OWNED);
    g_assert_cmphex (activate_ex (f, es, 99), ==, 0);
    g_assert_cmpuint (asid_of (f, es), ==, 99);

    PspHandleCmd handle = { GUINT32_TO_LE (sev) };
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_DEACTIVATE, &handle, sizeof handle), ==,
                     0);
    g_assert_cmphex (activate_ex (f, other, 100), ==, SEV_STATUS_DF_FLUSH_REQUIRED);
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_DF_FLUSH, NULL, 0), ==, 0);
    g_assert_cmphex (activate_ex (f, other, 100), ==, 0);
}

static void
test_activate_ex_parameters (Fixture *f, gconstpointer data)
{
    static const struct {
        guint32 ex_len, n;
        guint64 ids;
        SevStatus expect;
    } tries[] = {
        { 0, 1, IDS, SEV_STATUS_INVALID_LENGTH },
        { 23, 1, IDS, SEV_STATUS_INVALID_LENGTH },
        { 25, 1, IDS, SEV_STATUS_INVALID_LENGTH },
        { 24, 0, IDS, SEV_STATUS_INVALID_PARAM },
        { 24, 1, 0, SEV_STATUS_INVALID_ADDRESS },
        { 24, 1, FAKE_END, SEV_STATUS_INVALID_ADDRESS },
        { 24, 2, FAKE_END - 4, SEV_STATUS_INVALID_ADDRESS },
        { 24, 0x40000001, IDS, SEV_STATUS_INVALID_ADDRESS }, /* 4 bytes in 32 bits */
        { 24, 0xffffffff, IDS, SEV_STATUS_INVALID_ADDRESS },
        { 24, 1, FAKE_END - 4, SEV_STATUS_SUCCESS },
    };

    fake_init (f->psp, FALSE);
    const guint32 handle = fake_launch (f->psp, 1);
    for (gsize i = 0; i < G_N_ELEMENTS (tries); i++) {
        PspActivateExCmd cmd = { GUINT32_TO_LE (tries[i].ex_len), GUINT32_TO_LE (handle),
                                 GUINT32_TO_LE (100), GUINT32_TO_LE (tries[i].n),
                                 GUINT64_TO_LE (tries[i].ids) };

        g_test_message ("row %" G_GSIZE_FORMAT, i);
        g_assert_cmphex (fake_command (f->psp, PSP_CMD_ACTIVATE_EX, &cmd, sizeof cmd), ==,
                         tries[i].expect);
        g_assert_cmpuint (asid_of (f, handle), ==,
                          tries[i].expect == SEV_STATUS_SUCCESS ? 100 : 0);
    }
}

static SevStatus
download_at (Fixture *f, guint64 paddr, gsize len)
{
    PspDownloadFirmwareCmd cmd = { GUINT64_TO_LE (paddr), GUINT32_TO_LE ((guint32) len) };

    return fake_command (f->psp, PSP_CMD_DOWNLOAD_FIRMWARE, &cmd, sizeof cmd);
}

static SevStatus
download (Fixture *f, const FirmwareSpec *spec)
{
    g_autoptr (GBytes) image = firmware_maker_image (fake_chip (), spec);
    const gsize len = g_bytes_get_size (image);

    memcpy (fake_host_at (f->host, IMAGE, len), g_bytes_get_data (image, NULL), len);
    return download_at (f, IMAGE, len);
}

static void
assert_runs (Fixture *f, guint major, guint minor, guint build)
{
    PspPlatformStatusCmd cmd;

    g_assert_cmphex (fake_command (f->psp, PSP_CMD_PLATFORM_STATUS, &cmd, sizeof cmd), ==,
                     0);
    g_assert_cmpuint (cmd.api_major, ==, major);
    g_assert_cmpuint (cmd.api_minor, ==, minor);
    g_assert_cmpuint (cmd.build, ==, build);
    g_assert_cmpuint (cmd.state, ==, 0);
}

/* Versions in order, then each that is older in one number. */
static void
test_firmware_versions (Fixture *f, gconstpointer data)
{
    static const struct {
        guint8 major, minor, build;
        SevStatus expect;
    } steps[] = {
        { 1, 55, 21, SEV_STATUS_SUCCESS }, /* the one that runs */
        { 1, 55, 22, SEV_STATUS_SUCCESS },     { 1, 55, 21, SEV_STATUS_BAD_VERSION },
        { 1, 56, 0, SEV_STATUS_SUCCESS },      { 1, 55, 255, SEV_STATUS_BAD_VERSION },
        { 2, 0, 0, SEV_STATUS_SUCCESS },       { 1, 255, 255, SEV_STATUS_BAD_VERSION },
        { 255, 255, 255, SEV_STATUS_SUCCESS },
    };
    guint8 running[3] = { 1, 55, 21 };

    for (gsize i = 0; i < G_N_ELEMENTS (steps); i++) {
        const FirmwareSpec spec = { .api_major = steps[i].major,
                                    .api_minor = steps[i].minor,
                                    .build = steps[i].build };

        g_assert_cmphex (download (f, &spec), ==, steps[i].expect);
        if (steps[i].expect == SEV_STATUS_SUCCESS)
            memcpy (running, &steps[i], sizeof running);
        assert_runs (f, running[0], running[1], running[2]);
    }
}

/* Old firmware without GET_ID (0.16, Linux) learns it; stored certificates stay (D), and
 * what is made from now on carries the new version.
 */
static void
test_firmware_effect (Fixture *f, gconstpointer data)
{
    const FirmwareSpec spec = { .api_major = 0, .api_minor = 24, .build = 15 };
    PspGetIdCmd id = { GUINT64_TO_LE (IDS), GUINT32_TO_LE (64) };
    PspConfig config;

    psp_config_init (&config);
    config.api_major = 0;
    config.api_minor = 15;
    config.build = 1;
    psp_device_free (f->psp);
    f->psp = fake_device_new (f->host, &config);
    fake_init (f->psp, FALSE);
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_GET_ID, &id, sizeof id), ==,
                     SEV_STATUS_INVALID_COMMAND);
    g_assert_cmphex (download (f, &spec), ==, SEV_STATUS_INVALID_PLATFORM_STATE);
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_SHUTDOWN, NULL, 0), ==, 0);

    g_assert_cmphex (download (f, &spec), ==, 0);
    assert_runs (f, 0, 24, 15);
    fake_init (f->psp, FALSE);
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_GET_ID, &id, sizeof id), ==, 0);
    g_assert_cmpuint (f->psp->keys->pek.api_minor, ==, 15);
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_PDH_GEN, NULL, 0), ==, 0);
    g_assert_cmpuint (f->psp->keys->pek.api_minor, ==, 15);
    g_assert_cmpuint (f->psp->keys->pdh.api_minor, ==, 24);
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_PEK_GEN, NULL, 0), ==, 0);
    g_assert_cmpuint (f->psp->keys->pek.api_minor, ==, 24);

    /* It is gone with the power. */
    psp_device_free (f->psp);
    f->psp = fake_device_new (f->host, &config);
    assert_runs (f, 0, 15, 1);
}

static void
test_firmware_refused (Fixture *f, gconstpointer data)
{
    g_autoptr (PspChip) foreign = psp_chip_manufacture (PSP_GENERATION_NAPLES, NULL, NULL);
    const FirmwareSpec good = { .api_major = 2 };
    const FirmwareSpec refused[] = {
        { .api_major = 2, .root = psp_chip_ark (foreign) },
        { .api_major = 2, .usage = SEV_USAGE_PEK },
        { .api_major = 2, .usage = SEV_USAGE_CEK },
        { .api_major = 2,
          .cert = psp_chip_cek_cert (fake_chip ()),
          .signer = psp_chip_cek (fake_chip ()) },
    };
    const FirmwareSpec milan = { .api_major = 2, .generation = PSP_GENERATION_MILAN };

    for (gsize i = 0; i < G_N_ELEMENTS (refused); i++)
        g_assert_cmphex (download (f, &refused[i]), ==, SEV_STATUS_BAD_SIGNATURE);
    g_assert_cmphex (download (f, &milan), ==, SEV_STATUS_UNSUPPORTED);
    assert_runs (f, 1, 55, 21);

    g_autoptr (GBytes) image = firmware_maker_image (fake_chip (), &good);
    const gsize len = g_bytes_get_size (image);
    guint8 *memory = fake_host_at (f->host, IMAGE, len + 1);
    memcpy (memory, g_bytes_get_data (image, NULL), len);
    for (gsize i = 0; i < len; i += i < 0x40 ? 1 : 61) {
        memory[i] ^= 0x01;
        g_assert_cmphex (download_at (f, IMAGE, len), ==, SEV_STATUS_BAD_SIGNATURE);
        memory[i] ^= 0x01;
    }
    g_assert_cmphex (download_at (f, IMAGE, len - 1), ==, SEV_STATUS_BAD_SIGNATURE);
    g_assert_cmphex (download_at (f, IMAGE, len + 1), ==, SEV_STATUS_BAD_SIGNATURE);
    g_assert_cmphex (download_at (f, IMAGE, 1), ==, SEV_STATUS_BAD_SIGNATURE);
    assert_runs (f, 1, 55, 21);
    g_assert_cmphex (download_at (f, IMAGE, len), ==, SEV_STATUS_SUCCESS);
    assert_runs (f, 2, 0, 0);
}

/* Linux and AMD's sev-tool: 32-byte aligned; 64 KiB, on Milan 128. */
static void
test_firmware_limits (Fixture *f, gconstpointer data)
{
    const FirmwareSpec largest = { .api_major = 2, .size = 65536 };

    g_assert_cmpuint (psp_image_max_size (PSP_GENERATION_NAPLES), ==, 65536);
    g_assert_cmpuint (psp_image_max_size (PSP_GENERATION_ROME), ==, 65536);
    g_assert_cmpuint (psp_image_max_size (PSP_GENERATION_MILAN), ==, 131072);

    g_assert_cmphex (download_at (f, IMAGE, 0), ==, SEV_STATUS_INVALID_LENGTH);
    g_assert_cmphex (download_at (f, IMAGE, 65537), ==, SEV_STATUS_INVALID_LENGTH);
    g_assert_cmphex (download_at (f, IMAGE, 0xffffffff), ==, SEV_STATUS_INVALID_LENGTH);
    g_assert_cmphex (download_at (f, 0, 4096), ==, SEV_STATUS_INVALID_ADDRESS);
    g_assert_cmphex (download_at (f, IMAGE + 16, 4096), ==, SEV_STATUS_INVALID_ADDRESS);
    g_assert_cmphex (download_at (f, FAKE_END - 4064, 4096), ==,
                     SEV_STATUS_INVALID_ADDRESS);
    g_assert_cmphex (download_at (f, G_MAXUINT64 - 31, 4096), ==,
                     SEV_STATUS_INVALID_ADDRESS);
    g_assert_cmphex (download (f, &largest), ==, SEV_STATUS_SUCCESS);
    assert_runs (f, 2, 0, 0);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(path, data, func)                                                              \
    g_test_add ("/psp-platform/" path, Fixture, data, set_up, func, tear_down)
    ADD ("activate-ex", NULL, test_activate_ex);
    ADD ("activate-ex/parameters", NULL, test_activate_ex_parameters);
    ADD ("firmware/versions", NULL, test_firmware_versions);
    ADD ("firmware/effect", NULL, test_firmware_effect);
    ADD ("firmware/refused", NULL, test_firmware_refused);
    ADD ("firmware/limits", NULL, test_firmware_limits);
#undef ADD
    return g_test_run ();
}
