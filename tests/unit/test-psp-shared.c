/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Guests of one platform in several instances of its firmware. */

#include "tests/unit/psp-fake-host.h"

static guint32 others;

static guint32
count_others (gpointer host)
{
    return others;
}

static void
expect_status (PspDevice *psp, SevPlatformState state, guint32 guests)
{
    PspPlatformStatusCmd status;

    g_assert_cmphex (fake_command (psp, PSP_CMD_PLATFORM_STATUS, &status, sizeof status),
                     ==, SEV_STATUS_SUCCESS);
    g_assert_cmpuint (status.state, ==, state);
    g_assert_cmpuint (GUINT32_FROM_LE (status.guest_count_le), ==, guests);
    g_assert_cmpuint (psp_device_platform_state (psp), ==, state);
}

static void
expect (PspDevice *psp, guint32 command, SevStatus status)
{
    g_assert_cmphex (fake_command (psp, command, NULL, 0), ==, status);
}

/* They make the platform WORKING: no fresh identity beneath them, but a fresh PDH (the
 * states in which AMD's sev-tool lists PEK_GEN and PDH_GEN). */
static void
test_working (void)
{
    g_autoptr (FakeHost) host = fake_host_new ();
    PspHostOps ops = fake_host_ops;
    PspConfig config;

    psp_config_init (&config);
    ops.other_guests = count_others;
    g_autoptr (PspDevice) psp = psp_device_new (&config, fake_chip (), &ops, host, NULL);
    g_assert_nonnull (psp);
    others = 2;
    expect_status (psp, SEV_PLATFORM_UNINIT, 0);
    others = 0;
    fake_init (psp, FALSE);
    expect_status (psp, SEV_PLATFORM_INIT, 0);
    expect (psp, PSP_CMD_PEK_GEN, SEV_STATUS_SUCCESS);

    others = 2;
    expect_status (psp, SEV_PLATFORM_WORKING, 2);
    expect (psp, PSP_CMD_PEK_GEN, SEV_STATUS_INVALID_PLATFORM_STATE);
    expect (psp, PSP_CMD_PDH_GEN, SEV_STATUS_SUCCESS);
    fake_launch (psp, 0);
    expect_status (psp, SEV_PLATFORM_WORKING, 3);
    others = 0;
    expect_status (psp, SEV_PLATFORM_WORKING, 1);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    g_test_add_func ("/psp-shared/working", test_working);
    return g_test_run ();
}
