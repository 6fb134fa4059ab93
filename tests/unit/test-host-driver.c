/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a program sees of /dev/sev, without the program: numbers, structs and errnos of
 * <linux/psp-sev.h> and of Linux' driver. */

#include <errno.h>
#include <string.h>

#include <linux/psp-sev.h>

#include "psp/host/asids.h"
#include "psp/host/sev-driver.h"
#include "tests/unit/host-fixture.h"

#define CERT 2084u
#define UNTOUCHED 0x1234u
#define SOMEWHERE 0x1000u /* an address is only looked at for being none */

static SevDriverCall *
prepare (guint32 cmd, const void *data, gsize len)
{
    SevDriverCall *call = g_new0 (SevDriverCall, 1);

    call->cmd = cmd;
    call->writable = TRUE;
    call->error = UNTOUCHED;
    call->data_len = (guint32) len;
    if (len > 0)
        memcpy (call->data, data, len);
    return call;
}

static void
expect (const HostFixture *f, SevDriverCall *call, int number, guint32 error)
{
    g_assert_cmpint (sev_driver_call (f->host, call), ==, number);
    g_assert_cmphex (call->error, ==, error);
}

static void
simple (const HostFixture *f, guint32 cmd, int number, guint32 error)
{
    g_autofree SevDriverCall *call = prepare (cmd, NULL, 0);

    expect (f, call, number, error);
    g_assert_cmpuint (call->data_len, ==, 0);
}

static void
expect_state (const HostFixture *f, guint state, guint guests)
{
    g_autofree SevDriverCall *call = prepare (SEV_PLATFORM_STATUS, NULL, 0);
    struct sev_user_data_status status;

    call->writable = FALSE;
    expect (f, call, 0, SEV_RET_SUCCESS);
    g_assert_cmpuint (call->data_len, ==, 12);
    memcpy (&status, call->data, sizeof status);
    g_assert_cmpuint (status.state, ==, state);
    g_assert_cmpuint (status.guest_count, ==, guests);
}

/* FACTORY_RESET leaves UNINIT; whatever needs it INITs, if it may write. */
static void
test_states (HostFixture *f, gconstpointer data)
{
    const struct sev_user_data_pdh_cert_export query = { 0 };

    expect_state (f, 0, 0);
    g_autofree SevDriverCall *reader = prepare (SEV_PDH_CERT_EXPORT, &query, sizeof query);
    reader->writable = FALSE;
    expect (f, reader, EPERM, UNTOUCHED);
    expect_state (f, 0, 0);
    simple (f, SEV_PDH_GEN, 0, SEV_RET_SUCCESS);
    expect_state (f, 1, 0);
    g_assert_true (test_dir_has (&f->dir, "certs/pdh.cert"));
    g_autofree SevDriverCall *again = prepare (SEV_PDH_CERT_EXPORT, &query, sizeof query);
    again->writable = FALSE;
    expect (f, again, EIO, SEV_RET_INVALID_LEN);
    simple (f, SEV_FACTORY_RESET, 0, SEV_RET_SUCCESS);
    expect_state (f, 0, 0);
}

static void
test_guests (HostFixture *f, gconstpointer data)
{
    g_autoptr (Asids) guest = asids_open (f->host, NULL);
    guint32 asid;

    simple (f, SEV_PEK_GEN, 0, SEV_RET_SUCCESS);
    g_assert_true (asids_take (guest, FALSE, &asid, NULL));
    expect_state (f, 2, 1);
    simple (f, SEV_FACTORY_RESET, EBUSY, SEV_RET_SUCCESS);
    simple (f, SEV_PEK_GEN, EIO, SEV_RET_INVALID_PLATFORM_STATE);
    simple (f, SEV_PDH_GEN, 0, SEV_RET_SUCCESS);
    g_clear_pointer (&guest, asids_free);
    expect_state (f, 1, 0);
}

static void
test_csr (HostFixture *f, gconstpointer data)
{
    struct sev_user_data_pek_csr csr = { 0 };

    g_autofree SevDriverCall *query = prepare (SEV_PEK_CSR, &csr, sizeof csr);
    expect (f, query, EIO, SEV_RET_INVALID_LEN);
    g_assert_cmpuint (query->data_len, ==, sizeof csr);
    memcpy (&csr, query->data, sizeof csr);
    g_assert_cmpuint (csr.length, ==, CERT);
    g_assert_cmpuint (query->blob_len[0], ==, 0);

    csr = (struct sev_user_data_pek_csr){ SOMEWHERE, CERT };
    g_autofree SevDriverCall *good = prepare (SEV_PEK_CSR, &csr, sizeof csr);
    expect (f, good, 0, SEV_RET_SUCCESS);
    g_assert_cmpuint (good->blob_len[0], ==, CERT);
    g_assert_cmphex (good->blob[0][8], ==, 0x02); /* usage 1002h */
    g_assert_cmphex (good->blob[0][9], ==, 0x10);

    csr.length = CERT - 1;
    g_autofree SevDriverCall *small = prepare (SEV_PEK_CSR, &csr, sizeof csr);
    expect (f, small, EIO, SEV_RET_INVALID_LEN);
    g_assert_cmpuint (small->blob_len[0], ==, 0);

    csr.length = 0x4001;
    g_autofree SevDriverCall *large = prepare (SEV_PEK_CSR, &csr, sizeof csr);
    expect (f, large, EFAULT, UNTOUCHED);
}

static void
test_import (HostFixture *f, gconstpointer data)
{
    struct sev_user_data_pek_cert_import certs = { SOMEWHERE, CERT, SOMEWHERE, CERT };

    g_autofree SevDriverCall *empty = prepare (SEV_PEK_CERT_IMPORT, &certs, sizeof certs);
    empty->blob_len[0] = empty->blob_len[1] = CERT;
    expect (f, empty, EIO, SEV_RET_INVALID_CERTIFICATE);
    g_assert_cmpuint (empty->blob_len[0] + empty->blob_len[1], ==, 0);
    /* The shim sends no blob that the driver would refuse to copy. */
    g_autofree SevDriverCall *none = prepare (SEV_PEK_CERT_IMPORT, &certs, sizeof certs);
    none->blob_len[0] = CERT;
    expect (f, none, EINVAL, UNTOUCHED);
    certs.oca_cert_address = 0;
    g_autofree SevDriverCall *null = prepare (SEV_PEK_CERT_IMPORT, &certs, sizeof certs);
    null->blob_len[0] = null->blob_len[1] = CERT;
    expect (f, null, EINVAL, UNTOUCHED);
}

static void
test_id (HostFixture *f, gconstpointer data)
{
    static const guint8 zero[64];
    struct sev_user_data_get_id2 id = { SOMEWHERE, 64 };

    g_autofree SevDriverCall *old = prepare (SEV_GET_ID, NULL, 0);
    old->writable = FALSE;
    expect (f, old, 0, SEV_RET_SUCCESS);
    g_assert_cmpuint (old->data_len, ==, 128);
    g_assert_cmpmem (old->data + 64, 64, zero, 64); /* there is one socket */
    g_assert_cmpint (memcmp (old->data, zero, 64), !=, 0);
    g_autofree SevDriverCall *call = prepare (SEV_GET_ID2, &id, sizeof id);
    expect (f, call, 0, SEV_RET_SUCCESS);
    g_assert_cmpmem (call->blob[0], call->blob_len[0], old->data, 64);
    f->host->config.api_major = 0;
    f->host->config.api_minor = 15;         /* GET_ID came with 0.16 */
    simple (f, SEV_GET_ID, 524, UNTOUCHED); /* the kernel's ENOTSUPP */
}

static void
test_permissions (HostFixture *f, gconstpointer data)
{
    static const struct {
        guint32 cmd;
        guint32 data_len;
    } writers[] = { { SEV_FACTORY_RESET, 0 },
                    { SEV_PEK_GEN, 0 },
                    { SEV_PEK_CSR, 12 },
                    { SEV_PDH_GEN, 0 },
                    { SEV_PEK_CERT_IMPORT, 24 } };

    for (gsize i = 0; i < G_N_ELEMENTS (writers); i++) {
        g_autofree SevDriverCall *call = prepare (writers[i].cmd, NULL, 0);

        call->data_len = writers[i].data_len;
        call->writable = FALSE;
        expect (f, call, EPERM, UNTOUCHED);
    }
    simple (f, 9, EINVAL, UNTOUCHED);
    simple (f, G_MAXUINT32, EINVAL, UNTOUCHED);
    simple (f, SEV_PEK_CSR, EINVAL, UNTOUCHED); /* without its struct */
    expect_state (f, 0, 0);
}

/* A damaged state is found once, and replaced (Linux retries INIT). */
static void
test_damaged (HostFixture *f, gconstpointer data)
{
    simple (f, SEV_PDH_GEN, 0, SEV_RET_SUCCESS);
    g_autofree char *before = test_dir_read (&f->dir, "certs/pek.cert");
    test_dir_write (&f->dir, "platform/nv", "damaged", 0600);
    g_test_expect_message (G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "*was damaged*");
    expect_state (f, 1, 0);
    g_test_assert_expected_messages ();
    g_autofree char *after = test_dir_read (&f->dir, "certs/pek.cert");
    g_assert_cmpint (memcmp (before, after, CERT), !=, 0);
    expect_state (f, 1, 0);
    test_dir_write (&f->dir, "platform/chip", "damaged", 0600);
    g_test_expect_message (G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "*chip*");
    simple (f, SEV_PDH_GEN, EIO, (guint32) SEV_RET_NO_FW_CALL);
    g_test_assert_expected_messages ();
}

#define ADD(name, function)                                                                \
    g_test_add ("/host/driver/" name, HostFixture, NULL, host_fixture_set_up, function,    \
                host_fixture_tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    ADD ("states", test_states);
    ADD ("guests", test_guests);
    ADD ("csr", test_csr);
    ADD ("import", test_import);
    ADD ("id", test_id);
    ADD ("permissions", test_permissions);
    ADD ("damaged", test_damaged);
    return g_test_run ();
}
