/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Who owns the platform: PEK_CSR, PEK_CERT_IMPORT, PEK_GEN, PDH_GEN.
 *
 * Certificates are made and judged by psp-owner.c, that is by OpenSSL; the owner's one is
 * AMD's sev-tool's.  What must hold after each command: sev-tool's own tests
 * (src/tests.cpp): pek_gen changes PEK and PDH, pdh_gen only the PDH, pek_cert_import the
 * PEK's bytes and the PDH, set_self_owned goes back by PEK_GEN.
 */

#include <string.h>

#include "psp/fw/psp-chip-private.h"
#include "tests/unit/psp-fake-host.h"
#include "tests/unit/psp-owner.h"

#define CSR FAKE_AT (0x1000)
#define OCA FAKE_AT (0x2000)
#define PDH FAKE_AT (0x4000)
#define CHAIN FAKE_AT (0x5000)

typedef struct {
    FakeHost *host;
    PspDevice *psp;
} Fixture;

/* What PDH_CERT_EXPORT shows, and who signed the CEK's part. */
typedef struct {
    guint8 pdh[OWNER_CERT_SIZE];
    guint8 pek[OWNER_CERT_SIZE];
    guint8 oca[OWNER_CERT_SIZE];
    guint8 cek[OWNER_CERT_SIZE];
} Export;

static void
set_up (Fixture *f, gconstpointer data)
{
    f->host = fake_host_new ();
    f->psp = fake_device_new (f->host, NULL);
    fake_init (f->psp, FALSE);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
    psp_device_free (f->psp);
    fake_host_free (f->host);
}

static void export(Fixture *f, Export *out)
{
    PspPdhCertExportCmd cmd = { .pdh_paddr_le = GUINT64_TO_LE (PDH),
                                .pdh_len_le = GUINT32_TO_LE (2084),
                                .certs_paddr_le = GUINT64_TO_LE (CHAIN),
                                .certs_len_le = GUINT32_TO_LE (6252) };

    g_assert_cmphex (fake_command (f->psp, PSP_CMD_PDH_CERT_EXPORT, &cmd, sizeof cmd), ==,
                     0);
    memcpy (out->pdh, fake_host_at (f->host, PDH, 2084), 2084);
    memcpy (out->pek, fake_host_at (f->host, CHAIN, 2084), 2084);
    memcpy (out->oca, fake_host_at (f->host, CHAIN + 2084, 2084), 2084);
    memcpy (out->cek, fake_host_at (f->host, CHAIN + 4168, 2084), 2084);
}

static guint
owner_bit (Fixture *f)
{
    PspPlatformStatusCmd cmd;

    g_assert_cmphex (fake_command (f->psp, PSP_CMD_PLATFORM_STATUS, &cmd, sizeof cmd), ==,
                     0);
    g_assert_cmpuint (cmd.state, ==, 1);
    return cmd.owner;
}

static gboolean
same (const guint8 *a, const guint8 *b)
{
    return memcmp (a, b, OWNER_CERT_SIZE) == 0;
}

/* The whole chain, judged by OpenSSL.  @oca_slot: of the PEK. */
static void
assert_chain (const Export *e, guint oca_slot)
{
    g_assert_true (owner_verifies (e->oca, 0, 0x1001, e->oca));
    g_assert_true (owner_slot_is_empty (e->oca, 1));
    g_assert_true (owner_verifies (e->pek, oca_slot, 0x1001, e->oca));
    g_assert_true (owner_verifies (e->pek, 1 - oca_slot, 0x1004, e->cek));
    g_assert_true (owner_verifies (e->pdh, 0, 0x1002, e->pek));
    g_assert_true (owner_slot_is_empty (e->pdh, 1));
}

static void
get_csr (Fixture *f, guint8 out[OWNER_CERT_SIZE])
{
    PspPekCsrCmd cmd = { GUINT64_TO_LE (CSR), GUINT32_TO_LE (2084) };

    g_assert_cmphex (fake_command (f->psp, PSP_CMD_PEK_CSR, &cmd, sizeof cmd), ==, 0);
    g_assert_cmpuint (GUINT32_FROM_LE (cmd.csr_len_le), ==, 2084);
    memcpy (out, fake_host_at (f->host, CSR, OWNER_CERT_SIZE), OWNER_CERT_SIZE);
}

static SevStatus
import (Fixture *f, const guint8 *pek, const guint8 *oca)
{
    PspPekCertImportCmd cmd = { .pek_paddr_le = GUINT64_TO_LE (CSR),
                                .pek_len_le = GUINT32_TO_LE (2084),
                                .oca_paddr_le = GUINT64_TO_LE (OCA),
                                .oca_len_le = GUINT32_TO_LE (2084) };

    memcpy (fake_host_at (f->host, CSR, OWNER_CERT_SIZE), pek, OWNER_CERT_SIZE);
    memcpy (fake_host_at (f->host, OCA, OWNER_CERT_SIZE), oca, OWNER_CERT_SIZE);
    return fake_command (f->psp, PSP_CMD_PEK_CERT_IMPORT, &cmd, sizeof cmd);
}

/* A signed CSR, and the certificate of tests/vectors/csr. */
static void
make_request (Fixture *f, guint8 *pek, guint8 *oca)
{
    get_csr (f, pek);
    owner_sign (pek, 0);
    owner_get_cert (oca);
}

static void
assert_identity_restarts (Fixture *f, guint owner)
{
    Export before, after;

    export(f, &before);
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_SHUTDOWN, NULL, 0), ==, 0);
    fake_init (f->psp, FALSE);
    export(f, &after);
    g_assert_cmpmem (&after, sizeof after, &before, sizeof before);
    g_assert_cmpuint (owner_bit (f), ==, owner);
}

/* The signed body of the PEK's certificate, and slots of which nothing is set but 1000h. */
static void
test_csr (Fixture *f, gconstpointer data)
{
    guint8 csr[OWNER_CERT_SIZE];
    Export e;

    export(f, &e);
    get_csr (f, csr);
    g_assert_cmpmem (csr, OWNER_BODY_SIZE, e.pek, OWNER_BODY_SIZE);
    g_assert_true (owner_slot_is_empty (csr, 0));
    g_assert_true (owner_slot_is_empty (csr, 1));
    g_assert_cmphex (owner_get_u32 (csr, OWNER_AT_USAGE), ==, 0x1002);
    g_assert_cmpuint (owner_bit (f), ==, 0);
}

static void
test_import (Fixture *f, gconstpointer data)
{
    const guint slot = GPOINTER_TO_UINT (data);
    guint8 pek[OWNER_CERT_SIZE], oca[OWNER_CERT_SIZE];
    Export before, after;

    export(f, &before);
    assert_chain (&before, 0);
    get_csr (f, pek);
    owner_sign (pek, slot);
    owner_get_cert (oca);
    const guint stores = f->host->stores;
    g_assert_cmphex (import (f, pek, oca), ==, 0);
    g_assert_cmpuint (f->host->stores, ==, stores + 1);
    g_assert_cmpuint (owner_bit (f), ==, 1);

    export(f, &after);
    assert_chain (&after, slot);
    g_assert_true (same (after.oca, oca));
    g_assert_false (same (after.pek, before.pek));
    g_assert_cmpmem (after.pek, OWNER_BODY_SIZE, before.pek, OWNER_BODY_SIZE);
    g_assert_cmpmem (after.pek + OWNER_AT_SLOT (slot), OWNER_SLOT_SIZE,
                     pek + OWNER_AT_SLOT (slot), OWNER_SLOT_SIZE);
    g_assert_cmpint (memcmp (after.pdh, before.pdh, OWNER_BODY_SIZE), !=, 0);
    assert_identity_restarts (f, 1);

    /* Once. */
    g_autofree char *was = fake_snapshot (f->psp, f->host, FALSE);
    g_assert_cmphex (import (f, pek, oca), ==, SEV_STATUS_ALREADY_OWNED);
    owner_make (oca);
    get_csr (f, pek);
    owner_make_sign (pek, 0);
    g_assert_cmphex (import (f, pek, oca), ==, SEV_STATUS_ALREADY_OWNED);
    g_autofree char *is = fake_snapshot (f->psp, f->host, FALSE);
    g_assert_cmpstr (is, ==, was);
}

/* Back to self by PEK_GEN, and then to another owner. */
static void
test_pek_gen (Fixture *f, gconstpointer data)
{
    guint8 pek[OWNER_CERT_SIZE], oca[OWNER_CERT_SIZE];
    Export first, owned, again;

    export(f, &first);
    make_request (f, pek, oca);
    g_assert_cmphex (import (f, pek, oca), ==, 0);
    export(f, &owned);
    g_assert_cmpuint (owner_bit (f), ==, 1);

    g_assert_cmphex (fake_command (f->psp, PSP_CMD_PEK_GEN, NULL, 0), ==, 0);
    g_assert_cmpuint (owner_bit (f), ==, 0);
    export(f, &again);
    assert_chain (&again, 0);
    g_assert_cmpmem (again.cek, OWNER_CERT_SIZE, first.cek, OWNER_CERT_SIZE);
    const guint8 *others[][2] = { { first.oca, again.oca }, { owned.oca, again.oca },
                                  { owned.pek, again.pek }, { owned.pdh, again.pdh },
                                  { first.pek, again.pek }, { first.pdh, again.pdh } };
    for (gsize i = 0; i < G_N_ELEMENTS (others); i++)
        g_assert_cmpint (memcmp (others[i][0], others[i][1], OWNER_BODY_SIZE), !=, 0);
    assert_identity_restarts (f, 0);

    /* The old request is for a PEK that is gone. */
    g_assert_cmphex (import (f, pek, oca), ==, SEV_STATUS_INVALID_CERTIFICATE);
    owner_make (oca);
    get_csr (f, pek);
    owner_make_sign (pek, 0);
    g_assert_cmphex (import (f, pek, oca), ==, 0);
    export(f, &owned);
    assert_chain (&owned, 0);
    g_assert_true (same (owned.oca, oca));
}

/* What INIT decided and DF_FLUSH did is not undone by PEK_GEN (D). */
static void
test_pek_gen_keeps (Fixture *f, gconstpointer data)
{
    PspPlatformStatusCmd cmd;

    g_assert_cmphex (fake_command (f->psp, PSP_CMD_SHUTDOWN, NULL, 0), ==, 0);
    fake_init (f->psp, TRUE);
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_PEK_GEN, NULL, 0), ==, 0);
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_PLATFORM_STATUS, &cmd, sizeof cmd), ==,
                     0);
    g_assert_cmpuint (GUINT16_FROM_LE (cmd.config_le), ==, 1);
    fake_activate (f->psp, fake_launch (f->psp, 5), 1);
}

static void
test_pdh_gen (Fixture *f, gconstpointer data)
{
    guint8 pek[OWNER_CERT_SIZE], oca[OWNER_CERT_SIZE];
    Export before, after;

    make_request (f, pek, oca);
    g_assert_cmphex (import (f, pek, oca), ==, 0);
    export(f, &before);
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_PDH_GEN, NULL, 0), ==, 0);
    export(f, &after);
    assert_chain (&after, 0);
    g_assert_cmpint (memcmp (before.pdh, after.pdh, OWNER_BODY_SIZE), !=, 0);
    g_assert_true (same (before.pek, after.pek));
    g_assert_true (same (before.oca, after.oca));
    assert_identity_restarts (f, 1);

    /* PLATFORM_RESET: self again, and another PEK. */
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_SHUTDOWN, NULL, 0), ==, 0);
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_PLATFORM_RESET, NULL, 0), ==, 0);
    fake_init (f->psp, FALSE);
    g_assert_cmpuint (owner_bit (f), ==, 0);
    export(f, &before);
    g_assert_cmpint (memcmp (before.pek, after.pek, OWNER_BODY_SIZE), !=, 0);
}

/* A guest that runs does not notice a new PDH. */
static void
test_pdh_gen_working (Fixture *f, gconstpointer data)
{
    const guint32 handle = fake_launch (f->psp, 1);
    Export before, after;

    export(f, &before);
    const PspGuest *guest = psp_guests_find (f->psp->guests, handle);
    g_autoptr (SevSecret) tik = sev_secret_ref (guest->tik);
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_PDH_GEN, NULL, 0), ==, 0);
    export(f, &after);
    g_assert_false (same (before.pdh, after.pdh));
    g_assert_true (sev_secret_equal (guest->tik, tik));
    g_assert_cmpint (psp_device_platform_state (f->psp), ==, SEV_PLATFORM_WORKING);
}

/* One change to a request that would be accepted; what it must be refused with. */
typedef struct {
    const char *name;
    gboolean in_oca;
    gsize at;
    guint8 flip;
    gboolean sign_again; /* OCA and PEK, so that only the change itself is wrong */
    SevStatus expect;
} Change;

static const Change changes[] = {
    { "nothing", TRUE, 0, 0, TRUE, SEV_STATUS_SUCCESS },
    { "nothing, PEK", FALSE, 0, 0, TRUE, SEV_STATUS_SUCCESS },
    { "OCA version", TRUE, 0x000, 3, TRUE, SEV_STATUS_INVALID_CERTIFICATE },
    { "OCA usage PEK", TRUE, 0x008, 3, TRUE, SEV_STATUS_INVALID_CERTIFICATE },
    { "OCA usage PDH", TRUE, 0x008, 2, TRUE, SEV_STATUS_INVALID_CERTIFICATE },
    { "OCA algorithm ECDH", TRUE, 0x00c, 1, TRUE, SEV_STATUS_INVALID_CERTIFICATE },
    { "OCA algorithm RSA", TRUE, 0x00c, 3, TRUE, SEV_STATUS_INVALID_CERTIFICATE },
    { "OCA curve P-256", TRUE, 0x010, 3, TRUE, SEV_STATUS_INVALID_CERTIFICATE },
    { "OCA curve unknown", TRUE, 0x010, 0xff, TRUE, SEV_STATUS_INVALID_CERTIFICATE },
    { "OCA point", TRUE, 0x014, 1, TRUE, SEV_STATUS_INVALID_CERTIFICATE },
    { "OCA wide number", TRUE, 0x05b, 1, TRUE, SEV_STATUS_INVALID_CERTIFICATE },
    { "OCA after the key", TRUE, 0x413, 1, TRUE, SEV_STATUS_INVALID_CERTIFICATE },
    { "OCA signed byte", TRUE, 0x005, 1, FALSE, SEV_STATUS_BAD_SIGNATURE },
    { "OCA r", TRUE, 0x41c, 1, FALSE, SEV_STATUS_BAD_SIGNATURE },
    { "OCA s", TRUE, 0x464, 1, FALSE, SEV_STATUS_BAD_SIGNATURE },
    { "OCA after s", TRUE, 0x4ac, 1, FALSE, SEV_STATUS_BAD_SIGNATURE },
    { "OCA signer PEK", TRUE, 0x414, 3, FALSE, SEV_STATUS_BAD_SIGNATURE },
    { "OCA signature RSA", TRUE, 0x418, 3, FALSE, SEV_STATUS_BAD_SIGNATURE },
    { "PEK version", FALSE, 0x000, 3, TRUE, SEV_STATUS_INVALID_CERTIFICATE },
    { "PEK API major", FALSE, 0x004, 1, TRUE, SEV_STATUS_INVALID_CERTIFICATE },
    { "PEK API minor", FALSE, 0x005, 1, TRUE, SEV_STATUS_INVALID_CERTIFICATE },
    { "PEK reserved", FALSE, 0x006, 1, TRUE, SEV_STATUS_INVALID_CERTIFICATE },
    { "PEK usage PDH", FALSE, 0x008, 1, TRUE, SEV_STATUS_INVALID_CERTIFICATE },
    { "PEK algorithm", FALSE, 0x00c, 1, TRUE, SEV_STATUS_INVALID_CERTIFICATE },
    { "PEK key", FALSE, 0x014, 1, TRUE, SEV_STATUS_INVALID_CERTIFICATE },
    { "PEK after the key", FALSE, 0x413, 0x80, TRUE, SEV_STATUS_INVALID_CERTIFICATE },
    { "PEK r", FALSE, 0x41c, 1, FALSE, SEV_STATUS_BAD_SIGNATURE },
    { "PEK s", FALSE, 0x464, 1, FALSE, SEV_STATUS_BAD_SIGNATURE },
    { "PEK signer CEK", FALSE, 0x414, 5, FALSE, SEV_STATUS_BAD_SIGNATURE },
    { "PEK signature ECDH", FALSE, 0x418, 1, FALSE, SEV_STATUS_BAD_SIGNATURE },
    { "PEK slot that the CEK gets", FALSE, 0x630, 1, FALSE, SEV_STATUS_SUCCESS },
};

static void
apply (const Change *change, guint8 *pek, guint8 *oca)
{
    guint8 *cert = change->in_oca ? oca : pek;

    cert[change->at] ^= change->flip;
    if (!change->sign_again)
        return;
    owner_sign (oca, 0);
    owner_sign (pek, 0);
}

static void
test_import_refused (Fixture *f, gconstpointer data)
{
    for (gsize i = 0; i < G_N_ELEMENTS (changes); i++) {
        guint8 pek[OWNER_CERT_SIZE], oca[OWNER_CERT_SIZE];

        g_test_message ("%s", changes[i].name);
        make_request (f, pek, oca);
        apply (&changes[i], pek, oca);
        g_autofree char *was = fake_snapshot (f->psp, f->host, FALSE);
        g_assert_cmphex (import (f, pek, oca), ==, changes[i].expect);
        if (changes[i].expect == SEV_STATUS_SUCCESS) {
            g_assert_cmpuint (owner_bit (f), ==, 1);
            g_assert_cmphex (fake_command (f->psp, PSP_CMD_PEK_GEN, NULL, 0), ==, 0);
        } else {
            g_autofree char *is = fake_snapshot (f->psp, f->host, FALSE);
            g_assert_cmpstr (is, ==, was);
            g_assert_cmpuint (owner_bit (f), ==, 0);
        }
    }
}

/* An unsigned request, one that another owner signed, and sev-tool's for another PEK. */
static void
test_import_foreign (Fixture *f, gconstpointer data)
{
    guint8 pek[OWNER_CERT_SIZE], oca[OWNER_CERT_SIZE], other[OWNER_CERT_SIZE];
    g_autofree char *path = g_build_filename (
        g_getenv ("G_TEST_SRCDIR"), "tests/vectors/csr/pek_csr.signed.cert", NULL);
    g_autofree char *signed_csr = NULL;
    gsize len;

    make_request (f, pek, oca);
    get_csr (f, other);
    g_assert_cmphex (import (f, other, oca), ==, SEV_STATUS_BAD_SIGNATURE);
    owner_make (other);
    g_assert_cmphex (import (f, pek, other), ==, SEV_STATUS_BAD_SIGNATURE);
    owner_make_sign (pek, 0);
    g_assert_cmphex (import (f, pek, oca), ==, SEV_STATUS_BAD_SIGNATURE);

    g_assert_true (g_file_get_contents (path, &signed_csr, &len, NULL));
    g_assert_cmpuint (len, ==, OWNER_CERT_SIZE);
    g_assert_true (owner_verifies ((const guint8 *) signed_csr, 0, 0x1001, oca));
    g_assert_cmphex (import (f, (const guint8 *) signed_csr, oca), ==,
                     SEV_STATUS_INVALID_CERTIFICATE);

    g_assert_cmpuint (owner_bit (f), ==, 0);
    make_request (f, pek, oca);
    g_assert_cmphex (import (f, pek, oca), ==, 0);
}

static void
test_import_buffers (Fixture *f, gconstpointer data)
{
    static const struct {
        guint64 pek, oca;
        guint32 pek_len, oca_len;
        SevStatus expect;
    } tries[] = {
        { CSR, OCA, 0, 2084, SEV_STATUS_INVALID_LENGTH },
        { CSR, OCA, 2083, 2084, SEV_STATUS_INVALID_LENGTH },
        { CSR, OCA, 2085, 2084, SEV_STATUS_INVALID_LENGTH },
        { CSR, OCA, 2084, 0, SEV_STATUS_INVALID_LENGTH },
        { CSR, OCA, 2084, 2083, SEV_STATUS_INVALID_LENGTH },
        { CSR, OCA, 2084, 0xffffffff, SEV_STATUS_INVALID_LENGTH },
        { 0, OCA, 2084, 2084, SEV_STATUS_INVALID_ADDRESS },
        { CSR, 0, 2084, 2084, SEV_STATUS_INVALID_ADDRESS },
        { FAKE_END - 2083, OCA, 2084, 2084, SEV_STATUS_INVALID_ADDRESS },
        { CSR, G_MAXUINT64 - 1, 2084, 2084, SEV_STATUS_INVALID_ADDRESS },
        { CSR, OCA, 2084, 2084, SEV_STATUS_SUCCESS },
    };
    guint8 pek[OWNER_CERT_SIZE], oca[OWNER_CERT_SIZE];

    make_request (f, pek, oca);
    memcpy (fake_host_at (f->host, CSR, sizeof pek), pek, sizeof pek);
    memcpy (fake_host_at (f->host, OCA, sizeof oca), oca, sizeof oca);
    for (gsize i = 0; i < G_N_ELEMENTS (tries); i++) {
        PspPekCertImportCmd cmd = { .pek_paddr_le = GUINT64_TO_LE (tries[i].pek),
                                    .pek_len_le = GUINT32_TO_LE (tries[i].pek_len),
                                    .reserved = 0xffffffff,
                                    .oca_paddr_le = GUINT64_TO_LE (tries[i].oca),
                                    .oca_len_le = GUINT32_TO_LE (tries[i].oca_len) };

        g_assert_cmphex (fake_command (f->psp, PSP_CMD_PEK_CERT_IMPORT, &cmd, sizeof cmd),
                         ==, tries[i].expect);
    }
}

/* SECURITY.md: a complete older state of the same chip is not noticed. */
static void
test_rollback (Fixture *f, gconstpointer data)
{
    guint8 pek[OWNER_CERT_SIZE], oca[OWNER_CERT_SIZE];
    Export before, after;
    g_autoptr (SevSecret) old = sev_secret_ref (f->host->nv);

    export(f, &before);
    make_request (f, pek, oca);
    g_assert_cmphex (import (f, pek, oca), ==, 0);
    assert_identity_restarts (f, 1);
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_SHUTDOWN, NULL, 0), ==, 0);
    sev_secret_unref (f->host->nv);
    f->host->nv = g_steal_pointer (&old);
    fake_init (f->psp, FALSE);
    export(f, &after);
    g_assert_cmpmem (&after, sizeof after, &before, sizeof before);
    g_assert_cmpuint (owner_bit (f), ==, 0);
}

/* The host fails at each call in turn; only the last try, in which none does, counts. */
static void
test_host_faults (Fixture *f, gconstpointer data)
{
    static const guint32 ids[] = { PSP_CMD_PEK_CERT_IMPORT, PSP_CMD_PDH_GEN,
                                   PSP_CMD_PEK_GEN };
    guint8 pek[OWNER_CERT_SIZE], oca[OWNER_CERT_SIZE];
    PspPekCertImportCmd cmd = { .pek_paddr_le = GUINT64_TO_LE (CSR),
                                .pek_len_le = GUINT32_TO_LE (2084),
                                .oca_paddr_le = GUINT64_TO_LE (OCA),
                                .oca_len_le = GUINT32_TO_LE (2084) };

    make_request (f, pek, oca);
    memcpy (fake_host_at (f->host, CSR, sizeof pek), pek, sizeof pek);
    memcpy (fake_host_at (f->host, OCA, sizeof oca), oca, sizeof oca);
    for (gsize i = 0; i < G_N_ELEMENTS (ids); i++) {
        const guint calls = ids[i] == PSP_CMD_PEK_CERT_IMPORT ? 3 : 1;

        for (guint n = 1; n <= calls; n++) {
            g_autoptr (GError) error = NULL;
            SevStatus status;
            g_autofree char *was = fake_snapshot (f->psp, f->host, FALSE);

            f->host->fail_at = f->host->calls + n;
            g_assert_false (
                psp_device_command (f->psp, ids[i], &cmd, sizeof cmd, &status, &error));
            g_assert_nonnull (error);
            g_autofree char *is = fake_snapshot (f->psp, f->host, FALSE);
            g_assert_cmpstr (is, ==, was);
        }
        f->host->fail_at = 0;
        g_assert_cmphex (fake_command (f->psp, ids[i], &cmd, sizeof cmd), ==, 0);
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(path, data, func)                                                              \
    g_test_add ("/psp-ownership/" path, Fixture, data, set_up, func, tear_down)
    ADD ("csr", NULL, test_csr);
    ADD ("import/slot-0", GUINT_TO_POINTER (0), test_import);
    ADD ("import/slot-1", GUINT_TO_POINTER (1), test_import);
    ADD ("import/refused", NULL, test_import_refused);
    ADD ("import/foreign", NULL, test_import_foreign);
    ADD ("import/buffers", NULL, test_import_buffers);
    ADD ("pek-gen", NULL, test_pek_gen);
    ADD ("pek-gen/keeps", NULL, test_pek_gen_keeps);
    ADD ("pdh-gen", NULL, test_pdh_gen);
    ADD ("pdh-gen/working", NULL, test_pdh_gen_working);
    ADD ("rollback", NULL, test_rollback);
    ADD ("host-faults", NULL, test_host_faults);
#undef ADD
    return g_test_run ();
}
