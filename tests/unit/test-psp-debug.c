/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* DBG_DECRYPT, DBG_ENCRYPT and COPY, with the fake host's engine: it inverts every bit. */

#include <string.h>

#include "tests/unit/psp-guest-fixture.h"

#define SRC FAKE_AT (0x10000)
#define DST FAKE_AT (0x20000)
#define BIG 0x3010u /* more than one piece of work */

static void
set_up (GuestFixture *f, gconstpointer data)
{
    guest_fixture_open_running (f, FALSE, GPOINTER_TO_UINT (data));
}

static SevStatus
run (GuestFixture *f, guint32 id, guint64 src, guint64 dst, guint32 len)
{
    if (id == PSP_CMD_COPY) {
        PspCopyCmd copy = { GUINT32_TO_LE (f->handle), GUINT32_TO_LE (len),
                            GUINT64_TO_LE (src), GUINT64_TO_LE (dst) };
        return fake_command (f->psp, id, &copy, sizeof copy);
    }
    PspDbgCmd dbg = { .handle_le = GUINT32_TO_LE (f->handle),
                      .src_paddr_le = GUINT64_TO_LE (src),
                      .dst_paddr_le = GUINT64_TO_LE (dst),
                      .len_le = GUINT32_TO_LE (len) };
    return fake_command (f->psp, id, &dbg, sizeof dbg);
}

/* Runs the command and returns how many bytes at @dst came out inverted; the rest must be
 * equal.
 */
static guint32
inverted (GuestFixture *f, guint32 id, guint64 src, guint64 dst, guint32 len)
{
    g_autofree guint8 *before = g_memdup2 (fake_host_at (f->host, src, len), len);
    const guint8 next = fake_host_at (f->host, dst + len, 1)[0];
    guint32 count = 0;

    g_assert_cmphex (run (f, id, src, dst, len), ==, SEV_STATUS_SUCCESS);
    const guint8 *after = fake_host_at (f->host, dst, len);
    for (guint32 i = 0; i < len; i++) {
        if (after[i] != before[i])
            g_assert_cmphex (after[i], ==, (guint8) ~before[i]);
        count += after[i] != before[i];
    }
    g_assert_cmphex (fake_host_at (f->host, dst + len, 1)[0], ==, next);
    return count;
}

/* Which side goes through the engine. */
static void
test_decrypt (GuestFixture *f, gconstpointer data)
{
    g_assert_cmpuint (inverted (f, PSP_CMD_DBG_DECRYPT, SRC, DST, BIG), ==, BIG);
    g_assert_cmpuint (f->host->private_reads, >, 0);
    g_assert_cmpuint (f->host->privates, ==, 0);
    g_assert_cmpuint (f->host->key.handle, ==, f->handle);
    g_assert_cmpuint (f->host->key.asid, ==, 100);
    g_assert_cmpuint (inverted (f, PSP_CMD_DBG_DECRYPT, SRC, SRC, 32), ==, 32);
}

static void
test_encrypt (GuestFixture *f, gconstpointer data)
{
    g_assert_cmpuint (inverted (f, PSP_CMD_DBG_ENCRYPT, SRC, DST, BIG), ==, BIG);
    g_assert_cmpuint (f->host->privates, >, 0);
    g_assert_cmpuint (f->host->private_reads, ==, 0);
}

/* What was encrypted comes back when it is decrypted. */
static void
test_round_trip (GuestFixture *f, gconstpointer data)
{
    g_autofree guint8 *plain = g_memdup2 (fake_host_at (f->host, SRC, BIG), BIG);

    g_assert_cmphex (run (f, PSP_CMD_DBG_ENCRYPT, SRC, DST, BIG), ==, 0);
    memset (fake_host_at (f->host, SRC, BIG), 0, BIG);
    g_assert_cmphex (run (f, PSP_CMD_DBG_DECRYPT, DST, SRC, BIG), ==, 0);
    g_assert_cmpmem (fake_host_at (f->host, SRC, BIG), BIG, plain, BIG);
}

/* Through the engine twice. */
static void
test_copy (GuestFixture *f, gconstpointer data)
{
    g_assert_cmpuint (inverted (f, PSP_CMD_COPY, SRC, DST, BIG), ==, 0);
    g_assert_cmpuint (f->host->private_reads, >, 0);
    g_assert_cmpuint (f->host->privates, ==, f->host->private_reads);
}

/* A host without an engine keeps plaintext: the bytes move as they are. */
static void
test_no_engine (GuestFixture *f, gconstpointer data)
{
    static const guint32 ids[] = { PSP_CMD_DBG_DECRYPT, PSP_CMD_DBG_ENCRYPT, PSP_CMD_COPY };

    f->psp->ops = fake_host_ops;
    for (gsize i = 0; i < G_N_ELEMENTS (ids); i++) {
        memset (fake_host_at (f->host, DST, 0x20), 0, 0x20);
        g_assert_cmpuint (inverted (f, ids[i], SRC, DST, 0x20), ==, 0);
    }
}

static void
refuse (GuestFixture *f,
        guint32 id,
        guint64 src,
        guint64 dst,
        guint32 len,
        SevStatus expect)
{
    g_autofree char *was = fake_snapshot (f->psp, f->host, TRUE);

    g_test_message ("%s %" G_GINT64_MODIFIER "x %" G_GINT64_MODIFIER "x %x",
                    psp_command_name (id), src, dst, len);
    g_assert_cmphex (run (f, id, src, dst, len), ==, expect);
    g_autofree char *is = fake_snapshot (f->psp, f->host, TRUE);
    g_assert_cmpstr (is, ==, was);
}

/* NODBG is for debuggers; a guest's page may still be copied. */
static void
test_policy (GuestFixture *f, gconstpointer data)
{
    refuse (f, PSP_CMD_DBG_DECRYPT, SRC, DST, 32, SEV_STATUS_POLICY_FAILURE);
    refuse (f, PSP_CMD_DBG_ENCRYPT, SRC, DST, 32, SEV_STATUS_POLICY_FAILURE);
    g_assert_cmphex (run (f, PSP_CMD_COPY, SRC, DST, 32), ==, SEV_STATUS_SUCCESS);
}

static void
test_limits (GuestFixture *f, gconstpointer data)
{
    static const guint32 ids[] = { PSP_CMD_DBG_DECRYPT, PSP_CMD_DBG_ENCRYPT, PSP_CMD_COPY };
    static const struct {
        guint64 src, dst;
        guint32 len;
        SevStatus expect;
    } tries[] = {
        { SRC, DST, 0, SEV_STATUS_INVALID_LENGTH },
        { SRC, DST, 8, SEV_STATUS_INVALID_LENGTH },
        { SRC, DST, 17, SEV_STATUS_INVALID_LENGTH },
        { SRC, DST, 0xffffffff, SEV_STATUS_INVALID_LENGTH },
        { SRC, DST, 0xfffffff0, SEV_STATUS_INVALID_ADDRESS },
        { SRC + 8, DST, 16, SEV_STATUS_INVALID_ADDRESS },
        { SRC, DST + 1, 16, SEV_STATUS_INVALID_ADDRESS },
        { 0, DST, 16, SEV_STATUS_INVALID_ADDRESS },
        { SRC, 0, 16, SEV_STATUS_INVALID_ADDRESS },
        { FAKE_END - 16, DST, 32, SEV_STATUS_INVALID_ADDRESS },
        { SRC, G_MAXUINT64 - 15, 32, SEV_STATUS_INVALID_ADDRESS },
        { SRC, SRC + 16, 32, SEV_STATUS_INVALID_ADDRESS },
        { SRC + 16, SRC, 32, SEV_STATUS_INVALID_ADDRESS },
    };

    for (gsize c = 0; c < G_N_ELEMENTS (ids); c++) {
        g_assert_cmphex (run (f, ids[c], SRC, SRC + 16, 16), ==, SEV_STATUS_SUCCESS);
        g_assert_cmphex (run (f, ids[c], FAKE_END - 16, DST, 16), ==, SEV_STATUS_SUCCESS);
        for (gsize i = 0; i < G_N_ELEMENTS (tries); i++)
            refuse (f, ids[c], tries[i].src, tries[i].dst, tries[i].len, tries[i].expect);
    }
    psp_guests_deactivate (f->psp->guests, psp_guests_find (f->psp->guests, f->handle));
    for (gsize c = 0; c < G_N_ELEMENTS (ids); c++)
        refuse (f, ids[c], SRC, DST, 16, SEV_STATUS_INACTIVE);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(path, policy, func)                                                            \
    g_test_add ("/psp-debug/" path, GuestFixture, GUINT_TO_POINTER (policy), set_up, func, \
                guest_fixture_tear_down)
    ADD ("decrypt", 0, test_decrypt);
    ADD ("encrypt", 0, test_encrypt);
    ADD ("round-trip", 0, test_round_trip);
    ADD ("copy", 0, test_copy);
    ADD ("no-engine", 0, test_no_engine);
    ADD ("policy", SEV_POLICY_NODBG, test_policy);
    ADD ("limits", 0, test_limits);
#undef ADD
    return g_test_run ();
}
