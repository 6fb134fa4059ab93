/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * SEND_* and RECEIVE_*: sessions and packets against OpenSSL called directly, snapshots,
 * changed packets, lengths, and hosts that fail.  The fake host's engine inverts every bit.
 */

#include <gio/gio.h>
#include <string.h>

#include "sev/base/sev-bytes.h"
#include "tests/unit/psp-guest-fixture.h"
#include "tests/unit/psp-mover.h"

#define PAGE FAKE_AT (0x10000)
#define PAGE2 FAKE_AT (0x12000)
#define HEADER FAKE_AT (0x20000)
#define TRANS FAKE_AT (0x21000)

#define ES SEV_POLICY_ES

static void
set_up (GuestFixture *f, gconstpointer data)
{
    guest_fixture_open_running (f, TRUE, GPOINTER_TO_UINT (data));
}

static SevStatus
handle_command (GuestFixture *f, guint32 id, guint32 handle)
{
    PspHandleCmd cmd = { GUINT32_TO_LE (handle) };

    return fake_command (f->psp, id, &cmd, sizeof cmd);
}

static guint
state_of (GuestFixture *f, guint32 handle)
{
    PspGuestStatusCmd cmd = { .handle_le = GUINT32_TO_LE (handle) };

    g_assert_cmphex (fake_command (f->psp, PSP_CMD_GUEST_STATUS, &cmd, sizeof cmd), ==, 0);
    return cmd.state;
}

static void
send_start (GuestFixture *f, const MoverTarget *target)
{
    PspSendStartCmd cmd;

    mover_put (target, f->host, f->handle, &cmd);
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_SEND_START, &cmd, sizeof cmd), ==, 0);
    g_assert_cmphex (GUINT32_FROM_LE (cmd.policy_le), ==, f->policy);
    g_assert_cmpuint (GUINT32_FROM_LE (cmd.session_len_le), ==, 128);
    g_assert_cmpuint (state_of (f, f->handle), ==, 4);
}

static PspLaunchSecretCmd
update_cmd (guint32 handle, guint64 paddr, guint32 len)
{
    return (PspLaunchSecretCmd){
        .handle_le = GUINT32_TO_LE (handle),
        .hdr_paddr_le = GUINT64_TO_LE (HEADER),
        .hdr_len_le = GUINT32_TO_LE (52),
        .guest_paddr_le = GUINT64_TO_LE (paddr),
        .guest_len_le = GUINT32_TO_LE (len),
        .trans_paddr_le = GUINT64_TO_LE (TRANS),
        .trans_len_le = GUINT32_TO_LE (len),
    };
}

static SevStatus
update (GuestFixture *f, guint32 id, guint32 handle, guint64 paddr, guint32 len)
{
    PspLaunchSecretCmd cmd = update_cmd (handle, paddr, len);

    return fake_command (f->psp, id, &cmd, sizeof cmd);
}

/* A guest that a sender with mover_tek and mover_tik is sending here, active. */
static guint32
receive_start (GuestFixture *f, guint32 asid)
{
    PspLaunchStartCmd cmd;

    mover_put_session (f->psp, f->host, f->policy, &cmd);
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_RECEIVE_START, &cmd, sizeof cmd), ==, 0);
    const guint32 handle = GUINT32_FROM_LE (cmd.handle_le);
    g_assert_cmpuint (state_of (f, handle), ==, 5);
    fake_activate (f->psp, handle, asid);
    return handle;
}

static void
assert_inverted (GuestFixture *f, guint64 paddr, const guint8 *plain, gsize len)
{
    const guint8 *memory = fake_host_at (f->host, paddr, len);

    for (gsize i = 0; i < len; i++)
        g_assert_cmphex (memory[i], ==, (guint8) ~plain[i]);
}

/* What is sent opens with the target's key and nothing else, page by page. */
static void
test_send (GuestFixture *f, gconstpointer data)
{
    const gboolean es = (f->policy & ES) != 0;
    g_autoptr (MoverTarget) target = mover_make (1, 55);
    guint8 tek[16], tik[16], plain[4096], first_iv[16];

    send_start (f, target);
    mover_open_session (target, f->psp, f->host, f->policy, tek, tik);

    for (guint32 len = 16; len <= 4096; len *= 4) {
        g_assert_cmphex (update (f, PSP_CMD_SEND_UPDATE_DATA, f->handle, PAGE, len), ==, 0);
        mover_open_packet (f->host, tek, tik, 2, HEADER, TRANS, plain, len);
        assert_inverted (f, PAGE, plain, len);
        if (len == 16)
            memcpy (first_iv, fake_host_at (f->host, HEADER + 4, 16), 16);
        else
            g_assert_cmpint (memcmp (first_iv, fake_host_at (f->host, HEADER + 4, 16), 16),
                             !=, 0);
    }
    if (es) {
        g_assert_cmphex (update (f, PSP_CMD_SEND_UPDATE_VMSA, f->handle, PAGE, 4096), ==,
                         0);
        mover_open_packet (f->host, tek, tik, 3, HEADER, TRANS, plain, 4096);
        assert_inverted (f, PAGE, plain, 4096);
    }
}

static void
test_send_end (GuestFixture *f, gconstpointer data)
{
    g_autoptr (MoverTarget) target = mover_make (1, 55);
    const PspGuest *guest = psp_guests_find (f->psp->guests, f->handle);
    guint8 first[128];

    /* CANCEL: back to RUNNING; the next session has other keys. */
    send_start (f, target);
    memcpy (first, fake_host_at (f->host, MOVER_SESSION, 128), 128);
    g_assert_nonnull (guest->tek);
    g_assert_cmphex (handle_command (f, PSP_CMD_SEND_CANCEL, f->handle), ==, 0);
    g_assert_cmpuint (state_of (f, f->handle), ==, 3);
    g_assert_null (guest->tek);
    g_assert_null (guest->tik);
    g_assert_cmphex (update (f, PSP_CMD_SEND_UPDATE_DATA, f->handle, PAGE, 16), ==,
                     SEV_STATUS_INVALID_GUEST_STATE);
    send_start (f, target);
    g_assert_cmpint (memcmp (first, fake_host_at (f->host, MOVER_SESSION, 128), 16), !=, 0);
    g_assert_cmpint (
        memcmp (first + 0x10, fake_host_at (f->host, MOVER_SESSION + 0x10, 32), 32), !=, 0);

    /* FINISH: it can only be taken down. */
    g_assert_cmphex (handle_command (f, PSP_CMD_SEND_FINISH, f->handle), ==, 0);
    g_assert_cmpuint (state_of (f, f->handle), ==, 6);
    g_assert_null (guest->tek);
    g_assert_null (guest->tik);
    g_assert_cmphex (handle_command (f, PSP_CMD_SEND_CANCEL, f->handle), ==,
                     SEV_STATUS_INVALID_GUEST_STATE);
    g_assert_cmphex (handle_command (f, PSP_CMD_DEACTIVATE, f->handle), ==, 0);
    PspActivateCmd activate = { GUINT32_TO_LE (f->handle), GUINT32_TO_LE (101) };
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_ACTIVATE, &activate, sizeof activate),
                     ==, SEV_STATUS_INVALID_GUEST_STATE);
    g_assert_cmphex (handle_command (f, PSP_CMD_DECOMMISSION, f->handle), ==, 0);
}

static void
test_receive (GuestFixture *f, gconstpointer data)
{
    static const guint8 plain[4096] = "a page of another host";
    const guint32 handle = receive_start (f, (f->policy & ES) != 0 ? 2 : 101);
    const PspGuest *guest = psp_guests_find (f->psp->guests, handle);

    mover_put_packet (f->host, mover_tek, mover_tik, 2, HEADER, TRANS, plain, 0x200);
    g_assert_cmphex (update (f, PSP_CMD_RECEIVE_UPDATE_DATA, handle, PAGE + 0xe00, 0x200),
                     ==, 0);
    assert_inverted (f, PAGE + 0xe00, plain, 0x200);
    g_assert_cmpuint (f->host->key.handle, ==, handle);
    if ((f->policy & ES) != 0) {
        mover_put_packet (f->host, mover_tek, mover_tik, 3, HEADER, TRANS, plain, 4096);
        g_assert_cmphex (update (f, PSP_CMD_RECEIVE_UPDATE_VMSA, handle, PAGE2, 4096), ==,
                         0);
        assert_inverted (f, PAGE2, plain, 4096);
    }

    g_assert_cmphex (handle_command (f, PSP_CMD_RECEIVE_FINISH, handle), ==, 0);
    g_assert_cmpuint (state_of (f, handle), ==, 3);
    g_assert_null (guest->tek);
    g_assert_null (guest->tik);
    /* It was not measured here. */
    g_assert_true (sev_bytes_all_zero (guest->launch_digest, 32));
}

/* A packet that is changed in any way is refused, and writes nothing. */
static void
test_receive_changed (GuestFixture *f, gconstpointer data)
{
    static const guint8 plain[64] = "bytes of a page";
    static const struct {
        guint64 at;
        SevStatus expect;
    } flips[] = {
        { HEADER, SEV_STATUS_UNSUPPORTED },         /* compressed */
        { HEADER + 1, SEV_STATUS_INVALID_PARAM },   /* reserved flags */
        { HEADER + 4, SEV_STATUS_BAD_MEASUREMENT }, /* IV */
        { HEADER + 20, SEV_STATUS_BAD_MEASUREMENT },
        { HEADER + 51, SEV_STATUS_BAD_MEASUREMENT },
        { TRANS, SEV_STATUS_BAD_MEASUREMENT },
        { TRANS + 63, SEV_STATUS_BAD_MEASUREMENT },
    };
    const guint32 handle = receive_start (f, 2);

    mover_put_packet (f->host, mover_tek, mover_tik, 2, HEADER, TRANS, plain, sizeof plain);
    for (gsize i = 0; i < G_N_ELEMENTS (flips); i++) {
        *fake_host_at (f->host, flips[i].at, 1) ^= 1;
        g_autofree char *was = fake_snapshot (f->psp, f->host, TRUE);
        g_assert_cmphex (update (f, PSP_CMD_RECEIVE_UPDATE_DATA, handle, PAGE, 64), ==,
                         flips[i].expect);
        g_autofree char *is = fake_snapshot (f->psp, f->host, TRUE);
        g_assert_cmpstr (is, ==, was);
        *fake_host_at (f->host, flips[i].at, 1) ^= 1;
    }
    g_assert_cmphex (update (f, PSP_CMD_RECEIVE_UPDATE_DATA, handle, PAGE, 48), ==,
                     SEV_STATUS_BAD_MEASUREMENT);
    g_assert_cmphex (update (f, PSP_CMD_RECEIVE_UPDATE_DATA, handle, PAGE, 64), ==, 0);

    /* A page is not a save area, nor the other way about. */
    static const guint8 page[4096] = "either";
    mover_put_packet (f->host, mover_tek, mover_tik, 2, HEADER, TRANS, page, 4096);
    g_assert_cmphex (update (f, PSP_CMD_RECEIVE_UPDATE_VMSA, handle, PAGE, 4096), ==,
                     SEV_STATUS_BAD_MEASUREMENT);
    g_assert_cmphex (update (f, PSP_CMD_RECEIVE_UPDATE_DATA, handle, PAGE, 4096), ==, 0);
    mover_put_packet (f->host, mover_tek, mover_tik, 3, HEADER, TRANS, page, 4096);
    g_assert_cmphex (update (f, PSP_CMD_RECEIVE_UPDATE_DATA, handle, PAGE, 4096), ==,
                     SEV_STATUS_BAD_MEASUREMENT);
    g_assert_cmphex (update (f, PSP_CMD_RECEIVE_UPDATE_VMSA, handle, PAGE, 4096), ==, 0);
}

/* As LAUNCH_START refuses a session, and each refusal leaves the platform as it was. */
static void
test_receive_session (GuestFixture *f, gconstpointer data)
{
    static const struct {
        gsize at;
        SevStatus expect;
    } flips[] = {
        { 0x00, SEV_STATUS_BAD_MEASUREMENT }, /* NONCE */
        { 0x10, SEV_STATUS_BAD_MEASUREMENT }, /* WRAP_TK */
        { 0x40, SEV_STATUS_BAD_MEASUREMENT }, /* WRAP_MAC */
        { 0x60, SEV_STATUS_BAD_MEASUREMENT }, /* POLICY_MAC */
        { 0x30, SEV_STATUS_BAD_MEASUREMENT }, /* WRAP_IV: another TIK, POLICY_MAC */
    };
    static const struct {
        guint32 handle, policy, cert_len, session_len;
        guint64 cert, session;
        SevStatus expect;
    } tries[] = {
        { 0, 0, 2084, 128, MOVER_PDH, MOVER_SESSION, SEV_STATUS_BAD_MEASUREMENT },
        { 77, 1, 2084, 128, MOVER_PDH, MOVER_SESSION, SEV_STATUS_INVALID_GUEST },
        { 0, 0x38010001, 2084, 128, MOVER_PDH, MOVER_SESSION, SEV_STATUS_POLICY_FAILURE },
        { 0, 1, 2083, 128, MOVER_PDH, MOVER_SESSION, SEV_STATUS_INVALID_LENGTH },
        { 0, 1, 2084, 127, MOVER_PDH, MOVER_SESSION, SEV_STATUS_INVALID_LENGTH },
        { 0, 1, 0, 0, 0, 0, SEV_STATUS_INVALID_LENGTH },
        { 0, 1, 2084, 128, 0, MOVER_SESSION, SEV_STATUS_INVALID_ADDRESS },
        { 0, 1, 2084, 128, MOVER_PDH, 0, SEV_STATUS_INVALID_ADDRESS },
        { 0, 1, 2084, 128, FAKE_END - 16, MOVER_SESSION, SEV_STATUS_INVALID_ADDRESS },
        { 0, 1, 2084, 128, MOVER_SESSION, MOVER_SESSION, SEV_STATUS_INVALID_CERTIFICATE },
        { 0, 1, 2084, 128, MOVER_PDH, MOVER_SESSION, SEV_STATUS_SUCCESS },
    };
    PspLaunchStartCmd good;

    mover_put_session (f->psp, f->host, 1, &good);
    for (gsize i = 0; i < G_N_ELEMENTS (flips); i++) {
        PspLaunchStartCmd cmd = good;

        *fake_host_at (f->host, MOVER_SESSION + flips[i].at, 1) ^= 1;
        g_autofree char *was = fake_snapshot (f->psp, f->host, TRUE);
        g_assert_cmphex (fake_command (f->psp, PSP_CMD_RECEIVE_START, &cmd, sizeof cmd), ==,
                         flips[i].expect);
        g_autofree char *is = fake_snapshot (f->psp, f->host, TRUE);
        g_assert_cmpstr (is, ==, was);
        *fake_host_at (f->host, MOVER_SESSION + flips[i].at, 1) ^= 1;
    }
    for (gsize i = 0; i < G_N_ELEMENTS (tries); i++) {
        PspLaunchStartCmd cmd = {
            .handle_le = GUINT32_TO_LE (tries[i].handle),
            .policy_le = GUINT32_TO_LE (tries[i].policy),
            .dh_cert_paddr_le = GUINT64_TO_LE (tries[i].cert),
            .dh_cert_len_le = GUINT32_TO_LE (tries[i].cert_len),
            .session_paddr_le = GUINT64_TO_LE (tries[i].session),
            .session_len_le = GUINT32_TO_LE (tries[i].session_len),
        };

        g_test_message ("try %" G_GSIZE_FORMAT, i);
        g_assert_cmphex (fake_command (f->psp, PSP_CMD_RECEIVE_START, &cmd, sizeof cmd), ==,
                         tries[i].expect);
    }
}

/* ES on a platform that was not initialised for it. */
static void
test_receive_es (GuestFixture *f, gconstpointer data)
{
    PspLaunchStartCmd cmd;

    mover_put_session (f->psp, f->host, ES, &cmd);
    f->psp->es_enabled = FALSE;
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_RECEIVE_START, &cmd, sizeof cmd), ==,
                     SEV_STATUS_UNSUPPORTED);
    f->psp->es_enabled = TRUE;
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_RECEIVE_START, &cmd, sizeof cmd), ==, 0);
}

/* A guest that arrives may share the key of one that is here, if its policy lets it. */
static void
test_receive_sharing (GuestFixture *f, gconstpointer data)
{
    const gboolean noks = (f->policy & SEV_POLICY_NOKS) != 0;
    PspLaunchStartCmd cmd;

    mover_put_session (f->psp, f->host, f->policy, &cmd);
    cmd.handle_le = GUINT32_TO_LE (f->handle);
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_RECEIVE_START, &cmd, sizeof cmd), ==,
                     noks ? SEV_STATUS_POLICY_FAILURE : SEV_STATUS_SUCCESS);
    if (noks)
        return;
    const guint32 handle = GUINT32_FROM_LE (cmd.handle_le);
    g_assert_cmpuint (handle, !=, f->handle);
    g_assert_true (psp_guests_find (f->psp->guests, handle)->vek ==
                   psp_guests_find (f->psp->guests, f->handle)->vek);

    mover_put_session (f->psp, f->host, f->policy | SEV_POLICY_DOMAIN, &cmd);
    cmd.handle_le = GUINT32_TO_LE (f->handle);
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_RECEIVE_START, &cmd, sizeof cmd), ==,
                     SEV_STATUS_POLICY_FAILURE);
}

/* Sends the page to the platform itself and leaves packet and session in memory.  Returns
 * a RECEIVE_START for it.
 */
static PspLaunchStartCmd
take_snapshot (GuestFixture *f)
{
    g_autoptr (MoverTarget) self = mover_own (f->psp);

    send_start (f, self);
    g_assert_cmphex (update (f, PSP_CMD_SEND_UPDATE_DATA, f->handle, PAGE, 4096), ==, 0);
    g_assert_cmphex (handle_command (f, PSP_CMD_SEND_FINISH, f->handle), ==, 0);
    return (PspLaunchStartCmd){
        .policy_le = GUINT32_TO_LE (f->policy),
        .dh_cert_paddr_le = GUINT64_TO_LE (MOVER_PDH), /* the sender is the target */
        .dh_cert_len_le = GUINT32_TO_LE (SEV_CERT_SIZE),
        .session_paddr_le = GUINT64_TO_LE (MOVER_SESSION),
        .session_len_le = GUINT32_TO_LE (128),
    };
}

static void
test_snapshot (GuestFixture *f, gconstpointer data)
{
    guint8 page[4096];

    memcpy (page, fake_host_at (f->host, PAGE, 4096), 4096);
    PspLaunchStartCmd cmd = take_snapshot (f);
    g_assert_cmpint (memcmp (fake_host_at (f->host, TRANS, 4096), page, 64), !=, 0);
    memset (fake_host_at (f->host, PAGE, 4096), 0, 4096);

    /* Also after a restart of the platform. */
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_SHUTDOWN, NULL, 0), ==, 0);
    fake_init (f->psp, TRUE);
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_RECEIVE_START, &cmd, sizeof cmd), ==, 0);
    const guint32 handle = GUINT32_FROM_LE (cmd.handle_le);
    fake_activate (f->psp, handle, 101);
    g_assert_cmphex (update (f, PSP_CMD_RECEIVE_UPDATE_DATA, handle, PAGE, 4096), ==, 0);
    g_assert_cmpmem (fake_host_at (f->host, PAGE, 4096), 4096, page, 4096);
    g_assert_cmphex (handle_command (f, PSP_CMD_RECEIVE_FINISH, handle), ==, 0);
}

/* The key that it was made for is gone. */
static void
test_snapshot_pdh_gen (GuestFixture *f, gconstpointer data)
{
    PspLaunchStartCmd cmd = take_snapshot (f);
    PspLaunchStartCmd again = cmd;

    g_assert_cmphex (fake_command (f->psp, PSP_CMD_RECEIVE_START, &cmd, sizeof cmd), ==, 0);
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_PDH_GEN, NULL, 0), ==, 0);
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_RECEIVE_START, &again, sizeof again), ==,
                     SEV_STATUS_BAD_MEASUREMENT);
}

typedef struct {
    gsize offset; /* in the command buffer */
    gsize width;
    guint64 value;
    SevStatus expect;
} Try;

/* A command that is good but for one member. */
static void
run_try (GuestFixture *f, guint32 id, const void *good, gsize size, const Try *try)
{
    const guint64 value_le = GUINT64_TO_LE (try->value);
    guint8 buffer[PSP_CMD_MAX_SIZE];

    memcpy (buffer, good, size);
    memcpy (buffer + try->offset, &value_le, try->width);
    g_autofree char *was = fake_snapshot (f->psp, f->host, TRUE);
    g_test_message ("%s: offset %" G_GSIZE_FORMAT " = %" G_GINT64_MODIFIER "x",
                    psp_command_name (id), try->offset, try->value);
    g_assert_cmphex (fake_command (f->psp, id, buffer, size), ==, try->expect);
    g_autofree char *is = fake_snapshot (f->psp, f->host, TRUE);
    if (try->expect != SEV_STATUS_SUCCESS)
        g_assert_cmpstr (is, ==, was);
}

static void
test_send_start_limits (GuestFixture *f, gconstpointer data)
{
    static const Try tries[] = {
        { 16, 4, 2083, SEV_STATUS_INVALID_LENGTH },
        { 16, 4, 2085, SEV_STATUS_INVALID_LENGTH },
        { 32, 4, 6251, SEV_STATUS_INVALID_LENGTH },
        { 32, 4, 6253, SEV_STATUS_INVALID_LENGTH },
        { 48, 4, 0, SEV_STATUS_INVALID_LENGTH },
        { 48, 4, 1663, SEV_STATUS_INVALID_LENGTH },
        { 48, 4, 3201, SEV_STATUS_INVALID_LENGTH },
        { 64, 4, 127, SEV_STATUS_INVALID_LENGTH },
        { 56, 8, 0, SEV_STATUS_INVALID_LENGTH },
        { 8, 8, 0, SEV_STATUS_INVALID_ADDRESS },
        { 24, 8, FAKE_END - 16, SEV_STATUS_INVALID_ADDRESS },
        { 40, 8, 0, SEV_STATUS_INVALID_ADDRESS },
        { 56, 8, G_MAXUINT64 - 8, SEV_STATUS_INVALID_ADDRESS },
    };
    g_autoptr (MoverTarget) target = mover_make (1, 55);
    PspSendStartCmd good, query = { .handle_le = GUINT32_TO_LE (f->handle) };

    mover_put (target, f->host, f->handle, &good);
    for (gsize i = 0; i < G_N_ELEMENTS (tries); i++)
        run_try (f, PSP_CMD_SEND_START, &good, sizeof good, &tries[i]);

    /* The length query, as Linux makes it: nothing but the handle. */
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_SEND_START, &query, sizeof query), ==,
                     SEV_STATUS_INVALID_LENGTH);
    g_assert_cmpuint (GUINT32_FROM_LE (query.session_len_le), ==, 128);
    g_assert_cmpuint (state_of (f, f->handle), ==, 3);
    const Try fine = { 64, 4, 4096, SEV_STATUS_SUCCESS };
    run_try (f, PSP_CMD_SEND_START, &good, sizeof good, &fine);
}

/* What SEND_UPDATE_* and RECEIVE_UPDATE_* refuse alike. */
static const Try update_tries[] = {
    { 16, 4, 51, SEV_STATUS_INVALID_LENGTH },
    { 32, 4, 0, SEV_STATUS_INVALID_LENGTH },
    { 32, 4, 24, SEV_STATUS_INVALID_LENGTH },
    { 32, 4, 4112, SEV_STATUS_INVALID_LENGTH },
    { 32, 4, 0xfffffff0, SEV_STATUS_INVALID_LENGTH },
    { 48, 4, 16, SEV_STATUS_INVALID_LENGTH },
    { 24, 8, PAGE + 8, SEV_STATUS_INVALID_ADDRESS },
    { 24, 8, PAGE + 0xff0, SEV_STATUS_INVALID_ADDRESS }, /* two pages */
    { 24, 8, 0, SEV_STATUS_INVALID_ADDRESS },
    { 24, 8, FAKE_END, SEV_STATUS_INVALID_ADDRESS },
    { 24, 8, G_MAXUINT64 - 31, SEV_STATUS_INVALID_ADDRESS },
    { 8, 8, FAKE_END - 16, SEV_STATUS_INVALID_ADDRESS },
    { 40, 8, FAKE_END - 16, SEV_STATUS_INVALID_ADDRESS },
    { 24, 8, PAGE + 0xfe0, SEV_STATUS_SUCCESS },
};

static void
test_send_update_limits (GuestFixture *f, gconstpointer data)
{
    static const Try more[] = {
        { 8, 8, 0, SEV_STATUS_INVALID_LENGTH },
        { 40, 8, 0, SEV_STATUS_INVALID_LENGTH },
        { 16, 4, 53, SEV_STATUS_SUCCESS },
        { 48, 4, 4096, SEV_STATUS_SUCCESS },
    };
    g_autoptr (MoverTarget) target = mover_make (1, 55);
    PspLaunchSecretCmd good = update_cmd (f->handle, PAGE, 32);
    PspLaunchSecretCmd query = { .handle_le = GUINT32_TO_LE (f->handle) };

    send_start (f, target);
    for (gsize i = 0; i < G_N_ELEMENTS (update_tries); i++)
        run_try (f, PSP_CMD_SEND_UPDATE_DATA, &good, sizeof good, &update_tries[i]);
    for (gsize i = 0; i < G_N_ELEMENTS (more); i++)
        run_try (f, PSP_CMD_SEND_UPDATE_DATA, &good, sizeof good, &more[i]);

    /* The length query, for a page or for what is asked. */
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_SEND_UPDATE_DATA, &query, sizeof query),
                     ==, SEV_STATUS_INVALID_LENGTH);
    g_assert_cmpuint (GUINT32_FROM_LE (query.hdr_len_le), ==, 52);
    g_assert_cmpuint (GUINT32_FROM_LE (query.trans_len_le), ==, 4096);
    query = good;
    query.trans_len_le = 0;
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_SEND_UPDATE_DATA, &query, sizeof query),
                     ==, SEV_STATUS_INVALID_LENGTH);
    g_assert_cmpuint (GUINT32_FROM_LE (query.trans_len_le), ==, 32);

    g_assert_cmphex (update (f, PSP_CMD_SEND_UPDATE_VMSA, f->handle, PAGE, 4080), ==,
                     SEV_STATUS_INVALID_LENGTH);
    g_assert_cmphex (update (f, PSP_CMD_SEND_UPDATE_VMSA, f->handle, PAGE, 4096), ==,
                     SEV_STATUS_SUCCESS);
    g_assert_cmphex (handle_command (f, PSP_CMD_DEACTIVATE, f->handle), ==, 0);
    g_assert_cmphex (update (f, PSP_CMD_SEND_UPDATE_DATA, f->handle, PAGE, 32), ==,
                     SEV_STATUS_INACTIVE);
}

static void
test_receive_update_limits (GuestFixture *f, gconstpointer data)
{
    static const guint8 plain[32] = "thirty-two bytes of a page.....";
    static const Try more[] = {
        { 16, 4, 53, SEV_STATUS_INVALID_LENGTH },
        { 48, 4, 4112, SEV_STATUS_INVALID_LENGTH },
        { 48, 4, 48, SEV_STATUS_INVALID_LENGTH }, /* not guest_len */
        { 8, 8, 0, SEV_STATUS_INVALID_ADDRESS },
        { 40, 8, 0, SEV_STATUS_INVALID_ADDRESS },
    };
    const guint32 handle = receive_start (f, 2);
    PspLaunchSecretCmd good = update_cmd (handle, PAGE, 32);

    mover_put_packet (f->host, mover_tek, mover_tik, 2, HEADER, TRANS, plain, 32);
    for (gsize i = 0; i < G_N_ELEMENTS (update_tries); i++)
        run_try (f, PSP_CMD_RECEIVE_UPDATE_DATA, &good, sizeof good, &update_tries[i]);
    for (gsize i = 0; i < G_N_ELEMENTS (more); i++)
        run_try (f, PSP_CMD_RECEIVE_UPDATE_DATA, &good, sizeof good, &more[i]);
    g_assert_cmphex (handle_command (f, PSP_CMD_DEACTIVATE, handle), ==, 0);
    g_assert_cmphex (update (f, PSP_CMD_RECEIVE_UPDATE_DATA, handle, PAGE, 32), ==,
                     SEV_STATUS_INACTIVE);
}

/* Save areas are for guests with ES in their policy; this one's pages move. */
static void
test_vmsa_policy (GuestFixture *f, gconstpointer data)
{
    static const guint8 plain[4096] = "a page";
    g_autoptr (MoverTarget) target = mover_make (1, 55);
    const guint32 handle = receive_start (f, 101);

    mover_put_packet (f->host, mover_tek, mover_tik, 3, HEADER, TRANS, plain, 4096);
    g_assert_cmphex (update (f, PSP_CMD_RECEIVE_UPDATE_VMSA, handle, PAGE, 4096), ==,
                     SEV_STATUS_POLICY_FAILURE);
    mover_put_packet (f->host, mover_tek, mover_tik, 2, HEADER, TRANS, plain, 4096);
    g_assert_cmphex (update (f, PSP_CMD_RECEIVE_UPDATE_DATA, handle, PAGE, 4096), ==, 0);

    send_start (f, target);
    g_assert_cmphex (update (f, PSP_CMD_SEND_UPDATE_VMSA, f->handle, PAGE, 4096), ==,
                     SEV_STATUS_POLICY_FAILURE);
    g_assert_cmphex (update (f, PSP_CMD_SEND_UPDATE_DATA, f->handle, PAGE, 4096), ==, 0);
}

/* Returns how many host operations the command needs, having failed each of them once. */
static guint
fail_everywhere (GuestFixture *f, guint32 id, const void *good, gsize size)
{
    for (guint n = 1;; n++) {
        guint8 buffer[PSP_CMD_MAX_SIZE];
        g_autoptr (GError) error = NULL;
        SevStatus status;

        memcpy (buffer, good, size);
        g_autofree char *was = fake_snapshot (f->psp, f->host, FALSE);
        f->host->calls = 0;
        f->host->fail_at = n;
        const gboolean ok = psp_device_command (f->psp, id, buffer, size, &status, &error);
        f->host->fail_at = 0;
        if (ok) {
            g_assert_cmphex (status, ==, SEV_STATUS_SUCCESS);
            return n - 1;
        }
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
        g_assert_cmpmem (buffer, size, good, size);
        g_autofree char *is = fake_snapshot (f->psp, f->host, FALSE);
        g_assert_cmpstr (is, ==, was);
    }
}

static void
test_host_faults (GuestFixture *f, gconstpointer data)
{
    static const guint8 plain[4096] = "a page";
    g_autoptr (MoverTarget) target = mover_make (1, 55);
    PspSendStartCmd send;
    PspLaunchStartCmd receive;

    mover_put (target, f->host, f->handle, &send);
    /* PDH, chain, AMD's; TEK, TIK, NONCE, IV; session. */
    g_assert_cmpuint (fail_everywhere (f, PSP_CMD_SEND_START, &send, sizeof send), ==, 8);
    const PspLaunchSecretCmd out = update_cmd (f->handle, PAGE, 4096);
    /* Page, IV; packet, header. */
    g_assert_cmpuint (fail_everywhere (f, PSP_CMD_SEND_UPDATE_DATA, &out, sizeof out), ==,
                      4);

    mover_put_session (f->psp, f->host, f->policy, &receive);
    /* Certificate, session; memory key. */
    g_assert_cmpuint (fail_everywhere (f, PSP_CMD_RECEIVE_START, &receive, sizeof receive),
                      ==, 3);
    const guint32 handle = f->handle + 1;
    fake_activate (f->psp, handle, 101);
    mover_put_packet (f->host, mover_tek, mover_tik, 2, HEADER, TRANS, plain, 4096);
    const PspLaunchSecretCmd in = update_cmd (handle, PAGE, 4096);
    /* Header, packet; page. */
    g_assert_cmpuint (fail_everywhere (f, PSP_CMD_RECEIVE_UPDATE_DATA, &in, sizeof in), ==,
                      3);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(path, policy, func)                                                            \
    g_test_add ("/psp-migrate/" path, GuestFixture, GUINT_TO_POINTER (policy), set_up,     \
                func, guest_fixture_tear_down)
    ADD ("send/pages", 1, test_send);
    ADD ("send/save-areas", ES, test_send);
    ADD ("send/end", 0, test_send_end);
    ADD ("receive/pages", 1, test_receive);
    ADD ("receive/save-areas", ES, test_receive);
    ADD ("receive/changed", ES, test_receive_changed);
    ADD ("receive/session", 1, test_receive_session);
    ADD ("receive/es", ES, test_receive_es);
    ADD ("receive/sharing", 0, test_receive_sharing);
    ADD ("receive/no-sharing", SEV_POLICY_NOKS, test_receive_sharing);
    ADD ("snapshot/self", 0, test_snapshot);
    ADD ("snapshot/pdh-gen", 0, test_snapshot_pdh_gen);
    ADD ("limits/send-start", SEV_POLICY_SEV, test_send_start_limits);
    ADD ("limits/send-update", ES, test_send_update_limits);
    ADD ("limits/receive-update", ES, test_receive_update_limits);
    ADD ("vmsa-policy", 0, test_vmsa_policy);
    ADD ("host-faults", SEV_POLICY_SEV, test_host_faults);
#undef ADD
    return g_test_run ();
}
