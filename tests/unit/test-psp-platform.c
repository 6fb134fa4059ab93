/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* ACTIVATE_EX and DOWNLOAD_FIRMWARE; ownership and INIT_EX have files of their own. */

#include <string.h>

#include "tests/unit/psp-fake-host.h"

#define IDS FAKE_AT (0x1000)

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

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(path, data, func)                                                              \
    g_test_add ("/psp-platform/" path, Fixture, data, set_up, func, tear_down)
    ADD ("activate-ex", NULL, test_activate_ex);
    ADD ("activate-ex/parameters", NULL, test_activate_ex_parameters);
#undef ADD
    return g_test_run ();
}
