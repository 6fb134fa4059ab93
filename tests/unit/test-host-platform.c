/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The host's platform where processes are killed, or hold what others have changed. */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <linux/psp-sev.h>

#include "psp/host/host-error.h"
#include "psp/host/platform.h"
#include "psp/host/sev-driver.h"
#include "psp/host/sev-qmp.h"
#include "sev/wire/sev-cert-wire.h"
#include "tests/unit/host-fixture.h"

static Platform *
open_init (const HostFixture *f, gboolean replaced)
{
    g_autoptr (GError) error = NULL;
    Platform *platform = platform_open_init (f->host, &error);

    g_assert_no_error (error);
    g_assert_cmpint (platform_state_was_replaced (platform), ==, replaced);
    return platform;
}

static void
expect_certs (const HostFixture *f, Platform *platform)
{
    g_autoptr (GBytes) pdh = NULL;
    g_autoptr (GBytes) chain = NULL;
    g_autofree char *shown = test_dir_read (&f->dir, "certs/pdh.cert");

    g_assert_true (platform_export (platform, &pdh, &chain, NULL));
    g_assert_cmpmem (shown, SEV_CERT_SIZE, g_bytes_get_data (pdh, NULL), SEV_CERT_SIZE);
}

/* Stores a new identity, and goes no further. */
static void
store_and_die (const HostFixture *f)
{
    g_autoptr (Platform) platform = open_init (f, FALSE);
    g_autoptr (GError) error = NULL;

    expect_certs (f, platform);
    g_assert_true (platform_require (platform, PSP_CMD_PEK_GEN, NULL, 0, &error));
    g_assert_no_error (error);
}

static SevDriverCall *
call_new (guint32 cmd, const void *data, gsize len)
{
    SevDriverCall *call = g_new0 (SevDriverCall, 1);

    call->cmd = cmd;
    call->writable = TRUE;
    call->data_len = (guint32) len;
    if (len > 0)
        memcpy (call->data, data, len);
    return call;
}

static void
test_certs (HostFixture *f, gconstpointer data)
{
    g_autofree SevDriverCall *status = call_new (SEV_PLATFORM_STATUS, NULL, 0);

    store_and_die (f);
    g_autoptr (Platform) next = open_init (f, FALSE);
    expect_certs (f, next);
    g_clear_pointer (&next, platform_free);

    store_and_die (f);
    g_assert_cmpint (sev_driver_call (f->host, status), ==, 0);
    g_autoptr (Platform) platform = platform_open_locked (f->host, NULL);
    SevStatus init;
    g_assert_true (platform_init (platform, &init, NULL));
    expect_certs (f, platform);
}

static void
test_sizes (HostFixture *f, gconstpointer data)
{
    static const off_t sizes[] = { 0, 1, PSP_NV_MAX_SIZE, PSP_NV_MAX_SIZE + 1 };
    g_autofree char *path = test_dir_path (&f->dir, "platform/nv");

    platform_free (open_init (f, FALSE));
    platform_free (open_init (f, FALSE));
    for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++) {
        g_assert_cmpint (truncate (path, sizes[i]), ==, 0);
        platform_free (open_init (f, TRUE));
        platform_free (open_init (f, FALSE));
    }
}

/* What another process has loaded never comes back over what is stored. */
static void
test_stale (HostFixture *f, gconstpointer data)
{
    g_autoptr (Platform) old = platform_open (f->host, NULL);
    g_autoptr (GError) error = NULL;

    store_and_die (f);
    g_autofree char *stored = test_dir_read (&f->dir, "platform/nv");
    g_assert_false (platform_require (old, PSP_CMD_PDH_GEN, NULL, 0, &error));
    g_assert_error (error, HOST_ERROR, HOST_ERROR_STATE);
    g_autofree char *now = test_dir_read (&f->dir, "platform/nv");
    g_assert_cmpmem (stored, 64, now, 64);

    g_autofree SevDriverCall *pdh_gen = call_new (SEV_PDH_GEN, NULL, 0);
    platform_free (open_init (f, FALSE));
    g_autofree char *pek = test_dir_read (&f->dir, "certs/pek.cert");
    g_assert_cmpint (sev_driver_call (f->host, pdh_gen), ==, 0);
    g_autofree char *same = test_dir_read (&f->dir, "certs/pek.cert");
    g_assert_cmpmem (pek, SEV_CERT_SIZE, same, SEV_CERT_SIZE);
}

/* Linux, sev_ioctl_do_pek_csr() and sev_ioctl_do_pdh_export(). */
static void
test_large_blobs (HostFixture *f, gconstpointer data)
{
    struct sev_user_data_pek_csr csr = { 4096, SEV_DEVICE_BLOB_MAX };
    struct sev_user_data_pdh_cert_export both = { 4096, SEV_DEVICE_BLOB_MAX, 8192,
                                                  SEV_DEVICE_BLOB_MAX };

    g_autofree SevDriverCall *a = call_new (SEV_PEK_CSR, &csr, sizeof csr);
    g_assert_cmpint (sev_driver_call (f->host, a), ==, 0);
    csr.length++;
    g_autofree SevDriverCall *b = call_new (SEV_PEK_CSR, &csr, sizeof csr);
    g_assert_cmpint (sev_driver_call (f->host, b), ==, EFAULT);
    g_autofree SevDriverCall *c = call_new (SEV_PDH_CERT_EXPORT, &both, sizeof both);
    g_assert_cmpint (sev_driver_call (f->host, c), ==, 0);
    both.cert_chain_len++;
    g_autofree SevDriverCall *d = call_new (SEV_PDH_CERT_EXPORT, &both, sizeof both);
    g_assert_cmpint (sev_driver_call (f->host, d), ==, EFAULT);
}

static void
expect_shown (const HostFixture *f, SevQmp *sev)
{
    static const char query[] = "{\"execute\":\"query-sev-capabilities\"}";
    g_autoptr (GBytes) frame = g_bytes_new_static (query, strlen (query));
    g_autoptr (QmpMessage) command = qmp_message_parse (frame, NULL);
    g_autoptr (GBytes) bytes = sev_qmp_answer (sev, command);
    g_autoptr (QmpMessage) reply = qmp_message_parse (bytes, NULL);
    gsize len;

    g_assert_cmpint ((int) qmp_message_get_kind (reply), ==, (int) QMP_MESSAGE_RETURN);
    JsonObject *value = json_node_get_object (qmp_message_get_return (reply));
    g_autofree guint8 *pdh =
        g_base64_decode (json_object_get_string_member (value, "pdh"), &len);
    g_autofree char *stored = test_dir_read (&f->dir, "certs/pdh.cert");
    g_assert_cmpmem (pdh, len, stored, SEV_CERT_SIZE);
}

/* A guest's relay answers for the host, not for the moment when the guest began. */
static void
test_capabilities (HostFixture *f, gconstpointer data)
{
    g_autofree SevDriverCall *pdh_gen = call_new (SEV_PDH_GEN, NULL, 0);
    SevQmp sev = { .host = f->host, .platform = platform_open (f->host, NULL) };

    g_assert_nonnull (sev.platform);
    expect_shown (f, &sev);
    g_autofree char *before = test_dir_read (&f->dir, "certs/pdh.cert");
    g_assert_cmpint (sev_driver_call (f->host, pdh_gen), ==, 0);
    g_autofree char *after = test_dir_read (&f->dir, "certs/pdh.cert");
    g_assert_cmpint (memcmp (before, after, SEV_CERT_SIZE), !=, 0);
    expect_shown (f, &sev);
    platform_free (sev.platform);
}

#define ADD(name, function)                                                                \
    g_test_add ("/host/platform/" name, HostFixture, NULL, host_fixture_set_up, function,  \
                host_fixture_tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    ADD ("certs", test_certs);
    ADD ("sizes", test_sizes);
    ADD ("stale", test_stale);
    ADD ("large-blobs", test_large_blobs);
    ADD ("capabilities", test_capabilities);
    return g_test_run ();
}
