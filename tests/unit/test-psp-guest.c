/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Save areas of virtual CPUs in the launch digest. */

#include <string.h>

#include "tests/unit/psp-fake-host.h"

#define DATA FAKE_AT (0x10000)
#define OUT FAKE_AT (0x1000)

typedef struct {
    FakeHost *host;
    PspDevice *psp;
    guint32 handle;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
    const guint32 policy = GPOINTER_TO_UINT (data);

    f->host = fake_host_new ();
    f->psp = fake_device_new (f->host, NULL);
    fake_init (f->psp, TRUE);
    f->handle = fake_launch (f->psp, policy);
    fake_activate (f->psp, f->handle, (policy & SEV_POLICY_ES) != 0 ? 1 : 100);
    for (gsize i = 0; i < sizeof f->host->memory; i++)
        f->host->memory[i] = (guint8) (i * 7 + i / 251);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
    psp_device_free (f->psp);
    fake_host_free (f->host);
}

static SevStatus
update (Fixture *f, guint32 id, guint64 paddr, guint32 len)
{
    PspLaunchDataCmd cmd = { .handle_le = GUINT32_TO_LE (f->handle),
                             .paddr_le = GUINT64_TO_LE (paddr),
                             .len_le = GUINT32_TO_LE (len) };

    return fake_command (f->psp, id, &cmd, sizeof cmd);
}

static PspGuest *
guest_of (Fixture *f)
{
    return psp_guests_find (f->psp->guests, f->handle);
}

/* LD is SHA-256 over the image and each save area, in the order of the calls. */
static void
test_vmsa_digest (Fixture *f, gconstpointer data)
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
test_vmsa_private (Fixture *f, gconstpointer data)
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
refuse (Fixture *f, guint64 paddr, guint32 len, SevStatus expect)
{
    g_autofree char *was = fake_snapshot (f->psp, f->host, TRUE);

    g_assert_cmphex (update (f, PSP_CMD_LAUNCH_UPDATE_VMSA, paddr, len), ==, expect);
    g_autofree char *is = fake_snapshot (f->psp, f->host, TRUE);
    g_assert_cmpstr (is, ==, was);
}

static void
test_vmsa_limits (Fixture *f, gconstpointer data)
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
test_vmsa_policy (Fixture *f, gconstpointer data)
{
    g_assert_cmphex (update (f, PSP_CMD_LAUNCH_UPDATE_DATA, DATA, 4096), ==, 0);
    refuse (f, DATA, 4096, SEV_STATUS_POLICY_FAILURE);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(path, policy, func)                                                            \
    g_test_add ("/psp-guest/" path, Fixture, GUINT_TO_POINTER (policy), set_up, func,      \
                tear_down)
    ADD ("vmsa/digest", 0x5, test_vmsa_digest);
    ADD ("vmsa/private", 0x5, test_vmsa_private);
    ADD ("vmsa/limits", 0x5, test_vmsa_limits);
    ADD ("vmsa/policy", 0x1, test_vmsa_policy);
#undef ADD
    return g_test_run ();
}
