/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Every command id in every platform and guest state, compared with a table that was
 * written from the sources named here, not from the dispatcher's:
 *
 *   ST  AMD's sev-tool, src/sevapi.h (legal commands by state, buffer sizes)
 *   NO  published third-party notes on AMD 55766 (guest commands need INIT or WORKING;
 *       LAUNCH_START makes WORKING; LAUNCH_FINISH makes RUNNING)
 *   LK  Linux, include/linux/psp-sev.h (GET_ID since API 0.16)
 *   D   nobody says: this project's choice, in a table of its own
 */

#include <string.h>

#include "tests/unit/psp-cell.h"

#define OUT CELL_OUT
#define OUT2 CELL_OUT2
#define DATA CELL_DATA
#define HEADER CELL_HEADER
#define TRANS CELL_TRANS

#define MAX_BUFFER CELL_BUFFER_SIZE
#define NO_GUEST CELL_NO_GUEST

typedef struct {
    guint32 id;
    const char *name;
    gsize size;
    const char *platforms; /* U: UNINIT, I: INIT, W: WORKING */
    const char *guests;    /* digits of the states; "": no guest is named */
    const char *source;
} Row;

static const Row rows[] = {
    { 0x01, "INIT", 20, "U", "", "ST" },
    { 0x02, "SHUTDOWN", 0, "IW", "", "ST" },
    { 0x03, "PLATFORM_RESET", 0, "U", "", "ST" },
    { 0x04, "PLATFORM_STATUS", 12, "UIW", "", "ST" },
    { 0x05, "PEK_GEN", 0, "I", "", "ST" },
    { 0x06, "PEK_CSR", 12, "I", "", "ST" },
    { 0x07, "PEK_CERT_IMPORT", 28, "I", "", "ST" },
    { 0x08, "PDH_CERT_EXPORT", 28, "IW", "", "ST" },
    { 0x09, "PDH_GEN", 0, "IW", "", "ST" },
    { 0x0a, "DF_FLUSH", 0, "IW", "", "ST" },
    { 0x0b, "DOWNLOAD_FIRMWARE", 12, "U", "", "ST LK" },
    { 0x0c, "GET_ID", 12, "UIW", "", "ST LK" },
    { 0x0d, "INIT_EX", 36, "U", "", "ST LK" },
    { 0x0e, "NOP", 0, "UIW", "", "D" },
    { 0x20, "DECOMMISSION", 4, "IW", "12345", "ST NO" },
    { 0x21, "ACTIVATE", 8, "IW", "12345", "ST NO" },
    { 0x22, "DEACTIVATE", 4, "IW", "12345", "ST NO" },
    { 0x23, "GUEST_STATUS", 13, "IW", "12345", "ST NO" },
    { 0x25, "ACTIVATE_EX", 24, "IW", "12345", "ST NO" },
    { 0x30, "LAUNCH_START", 36, "IW", "", "ST NO" },
    { 0x31, "LAUNCH_UPDATE_DATA", 20, "IW", "1", "ST NO" },
    { 0x32, "LAUNCH_UPDATE_VMSA", 20, "IW", "1", "ST NO" },
    { 0x33, "LAUNCH_MEASURE", 20, "IW", "1", "ST NO" },
    { 0x34, "LAUNCH_SECRET", 52, "IW", "2", "ST NO" },
    { 0x35, "LAUNCH_FINISH", 4, "IW", "2", "ST NO" },
    { 0x24, "COPY", 24, "IW", "3", "ST D" },
    { 0x36, "ATTESTATION", 36, "IW", "23", "ST D" },
    { 0x40, "SEND_START", 68, "IW", "3", "ST" },
    { 0x41, "SEND_UPDATE_DATA", 52, "IW", "4", "ST" },
    { 0x42, "SEND_UPDATE_VMSA", 52, "IW", "4", "ST" },
    { 0x43, "SEND_FINISH", 4, "IW", "4", "ST" },
    { 0x44, "SEND_CANCEL", 4, "IW", "4", "ST" },
    { 0x50, "RECEIVE_START", 36, "IW", "", "ST NO" },
    { 0x51, "RECEIVE_UPDATE_DATA", 52, "IW", "5", "ST" },
    { 0x52, "RECEIVE_UPDATE_VMSA", 52, "IW", "5", "ST" },
    { 0x53, "RECEIVE_FINISH", 4, "IW", "5", "ST" },
    { 0x60, "DBG_DECRYPT", 28, "IW", "3", "ST D" },
    { 0x61, "DBG_ENCRYPT", 28, "IW", "3", "ST D" },
    { 0x70, "SWAP_OUT", 40, "IW", "3", "ST D" },
    { 0x71, "SWAP_IN", 32, "IW", "3", "ST D" },
};

/* D: what is legal in SENT, for which sev-tool defines only the number. */
static const char sent_commands[] = { 0x20, 0x22, 0x23 };

/* Beyond the rows, all of which are tried: SNP's (D: unknown to this firmware), and ids
 * that only look like known ones.
 */
static const guint32 absent[] = {
    0x00, 0x0f, 0x81, 0x90, 0xa0, 0xb0, 0xc0, 0xce, 0x101, 0x10001, 0x80000004, 0xffffffff,
};

static const Row *
row_of (guint32 id)
{
    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
        if (rows[i].id == id)
            return &rows[i];
    return NULL;
}

static gboolean
legal_platform (const Row *row, SevPlatformState state)
{
    return strchr (row->platforms, "UIW"[state]) != NULL;
}

static gboolean
legal_guest (const Row *row, guint state)
{
    if (state == 6)
        return memchr (sent_commands, (int) row->id, sizeof sent_commands) != NULL;
    return strchr (row->guests, '0' + (int) state) != NULL;
}

/* States after success, where they change. */
static SevPlatformState
platform_after (guint32 id, SevPlatformState before)
{
    switch (id) {
    case PSP_CMD_INIT:
    case PSP_CMD_INIT_EX:
        return SEV_PLATFORM_INIT;
    case PSP_CMD_SHUTDOWN:
        return SEV_PLATFORM_UNINIT;
    case PSP_CMD_LAUNCH_START:
    case PSP_CMD_RECEIVE_START:
        return SEV_PLATFORM_WORKING;
    case PSP_CMD_DECOMMISSION:
        return SEV_PLATFORM_INIT; /* D: it was the last one */
    default:
        return before;
    }
}

static guint
guest_after (guint32 id, guint before)
{
    switch (id) {
    case PSP_CMD_LAUNCH_MEASURE:
        return SEV_GUEST_LAUNCH_SECRET;
    case PSP_CMD_LAUNCH_FINISH:
    case PSP_CMD_SEND_CANCEL:    /* D */
    case PSP_CMD_RECEIVE_FINISH: /* D */
        return SEV_GUEST_RUNNING;
    case PSP_CMD_SEND_START:
        return SEV_GUEST_SEND_UPDATE;
    case PSP_CMD_SEND_FINISH:
        return SEV_GUEST_SENT; /* D */
    default:
        return before;
    }
}

static SevStatus
expected (const Row *row, SevPlatformState platform, guint guest)
{
    if (!legal_platform (row, platform))
        return SEV_STATUS_INVALID_PLATFORM_STATE;
    if (row->guests[0] == '\0')
        return SEV_STATUS_SUCCESS;
    if (guest == NO_GUEST)
        return SEV_STATUS_INVALID_GUEST;
    return legal_guest (row, guest) ? SEV_STATUS_SUCCESS : SEV_STATUS_INVALID_GUEST_STATE;
}

static void
check_cell (const Row *row, SevPlatformState platform, guint guest)
{
    Cell cell;
    guint8 buffer[MAX_BUFFER], before[MAX_BUFFER];
    const SevStatus expect = expected (row, platform, guest);

    g_test_message ("%s in platform state %d, guest state %u", row->name, platform, guest);
    cell_open (&cell, platform, guest, cell_wanted_policy (row->id),
               cell_wants_active (row->id));
    cell_good_buffer (&cell, row->id, buffer);
    memcpy (before, buffer, sizeof before);
    g_autofree char *was = fake_snapshot (cell.psp, cell.host, TRUE);

    g_assert_cmphex (fake_command (cell.psp, row->id, buffer, row->size), ==, expect);
    if (expect != SEV_STATUS_SUCCESS) {
        g_autofree char *is = fake_snapshot (cell.psp, cell.host, TRUE);
        g_assert_cmpstr (is, ==, was);
        g_assert_cmpmem (buffer, sizeof buffer, before, sizeof before);
    } else {
        g_assert_cmpint (psp_device_platform_state (cell.psp), ==,
                         platform_after (row->id, platform));
        if (guest != NO_GUEST && row->guests[0] != '\0') {
            const PspGuest *after = psp_guests_find (cell.psp->guests, cell.handle);
            if (row->id == PSP_CMD_DECOMMISSION)
                g_assert_null (after);
            else
                g_assert_cmpuint (after->state, ==, guest_after (row->id, guest));
        }
        /* Nothing beyond the command's own size. */
        g_assert_cmpmem (buffer + row->size, MAX_BUFFER - row->size, before + row->size,
                         MAX_BUFFER - row->size);
    }
    cell_close (&cell);
}

static void
test_states (void)
{
    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        check_cell (&rows[i], SEV_PLATFORM_UNINIT, NO_GUEST);
        check_cell (&rows[i], SEV_PLATFORM_INIT, NO_GUEST);
        for (guint guest = NO_GUEST; guest <= 6; guest++)
            check_cell (&rows[i], SEV_PLATFORM_WORKING, guest);
    }
}

static void
check_unknown (Cell *cell, guint32 id)
{
    guint8 buffer[MAX_BUFFER] = { 0 };

    g_assert_null (row_of (id));
    g_assert_cmphex (fake_command (cell->psp, id, buffer, sizeof buffer), ==,
                     SEV_STATUS_INVALID_COMMAND);
    g_assert_cmphex (fake_command (cell->psp, id, NULL, 0), ==, SEV_STATUS_INVALID_COMMAND);
    g_assert_cmpstr (psp_command_name (id), ==, "unknown");
}

static void
test_unknown (void)
{
    for (guint platform = 0; platform < 3; platform++) {
        Cell cell;

        cell_open (&cell, (SevPlatformState) platform, SEV_GUEST_LAUNCH_UPDATE, 0, TRUE);
        g_autofree char *was = fake_snapshot (cell.psp, cell.host, TRUE);
        for (gsize i = 0; i < G_N_ELEMENTS (absent); i++)
            check_unknown (&cell, absent[i]);
        for (guint32 id = 0; id < 0x100; id++)
            if (row_of (id) == NULL)
                check_unknown (&cell, id);
        g_autofree char *is = fake_snapshot (cell.psp, cell.host, TRUE);
        g_assert_cmpstr (is, ==, was);
        cell_close (&cell);
    }
}

/* A buffer one byte short is refused before anything else is looked at; a longer one is
 * as good.
 */
static void
test_buffer_sizes (void)
{
    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        const Row *row = &rows[i];
        const SevPlatformState platform =
            strchr (row->platforms, 'W') != NULL   ? SEV_PLATFORM_WORKING
            : strchr (row->platforms, 'I') != NULL ? SEV_PLATFORM_INIT
                                                   : SEV_PLATFORM_UNINIT;
        const guint state = row->guests[0] != '\0' ? (guint) (row->guests[0] - '0') : 0;

        g_assert_cmpstr (psp_command_name (row->id), ==, row->name);
        for (gsize len = 0; len <= row->size + 1; len++) {
            Cell cell;
            guint8 buffer[MAX_BUFFER];

            if (len > 1 && len + 1 < row->size)
                continue;
            cell_open (&cell, platform, state, cell_wanted_policy (row->id),
                       cell_wants_active (row->id));
            cell_good_buffer (&cell, row->id, buffer);
            g_test_message ("%s with %" G_GSIZE_FORMAT " bytes", row->name, len);
            g_assert_cmphex (fake_command (cell.psp, row->id, buffer, len), ==,
                             len < row->size ? SEV_STATUS_INVALID_LENGTH
                                             : SEV_STATUS_SUCCESS);
            cell_close (&cell);
        }
    }
}

/* DOWNLOAD_FIRMWARE came with API 0.15 and GET_ID with 0.16 (LK). */
static void
test_old_api (void)
{
    PspDownloadFirmwareCmd download = { GUINT64_TO_LE (DATA), GUINT32_TO_LE (4096) };
    g_autoptr (FakeHost) host = fake_host_new ();
    PspGetIdCmd cmd = { GUINT64_TO_LE (OUT), GUINT32_TO_LE (64) };
    PspConfig config;

    psp_config_init (&config);
    config.api_major = 0;
    config.api_minor = 14;
    g_autoptr (PspDevice) oldest = fake_device_new (host, &config);
    g_assert_cmphex (
        fake_command (oldest, PSP_CMD_DOWNLOAD_FIRMWARE, &download, sizeof download), ==,
        SEV_STATUS_INVALID_COMMAND);
    config.api_minor = 15;
    g_autoptr (PspDevice) old = fake_device_new (host, &config);
    g_assert_cmphex (
        fake_command (old, PSP_CMD_DOWNLOAD_FIRMWARE, &download, sizeof download), ==,
        SEV_STATUS_BAD_SIGNATURE);
    g_assert_cmphex (fake_command (old, PSP_CMD_GET_ID, &cmd, sizeof cmd), ==,
                     SEV_STATUS_INVALID_COMMAND);
    config.api_minor = 16;
    g_autoptr (PspDevice) newer = fake_device_new (host, &config);
    g_assert_cmphex (fake_command (newer, PSP_CMD_GET_ID, &cmd, sizeof cmd), ==,
                     SEV_STATUS_SUCCESS);
}

/* The length query: too short or no address; lengths come back, nothing else happens. */
typedef struct {
    guint64 paddr;
    guint32 len;
    SevStatus expect;
} Query;

#define QUERIES(need)                                                                      \
    {                                                                                      \
        { 0, 0, SEV_STATUS_INVALID_LENGTH }, { OUT, 0, SEV_STATUS_INVALID_LENGTH },        \
            { OUT, 1, SEV_STATUS_INVALID_LENGTH },                                         \
            { OUT, (need) -1, SEV_STATUS_INVALID_LENGTH },                                 \
            { 0, need, SEV_STATUS_INVALID_LENGTH },                                        \
            { 0, 0xffffffff, SEV_STATUS_INVALID_LENGTH },                                  \
            { FAKE_END, need, SEV_STATUS_INVALID_ADDRESS },                                \
            { FAKE_END - 8, need, SEV_STATUS_INVALID_ADDRESS },                            \
            { G_MAXUINT64 - 7, need, SEV_STATUS_INVALID_ADDRESS },                         \
            { OUT, need, SEV_STATUS_SUCCESS }, { OUT, (need) + 1, SEV_STATUS_SUCCESS },    \
            { OUT, 0xffffffff, SEV_STATUS_SUCCESS },                                       \
    }

static void
check_query (Cell *cell,
             const Query *query,
             guint32 id,
             void *cmd,
             gsize size,
             const guint8 *len_field,
             guint32 need)
{
    guint32 len_le;
    g_autofree char *was = fake_snapshot (cell->psp, cell->host, TRUE);

    g_assert_cmphex (fake_command (cell->psp, id, cmd, size), ==, query->expect);
    memcpy (&len_le, len_field, sizeof len_le);
    g_assert_cmpuint (GUINT32_FROM_LE (len_le), ==, need);
    if (query->expect != SEV_STATUS_SUCCESS) {
        g_autofree char *is = fake_snapshot (cell->psp, cell->host, TRUE);
        g_assert_cmpstr (is, ==, was);
    }
}

static void
test_query_measure (void)
{
    static const Query queries[] = QUERIES (48);

    for (gsize i = 0; i < G_N_ELEMENTS (queries); i++) {
        Cell cell;

        cell_open (&cell, SEV_PLATFORM_WORKING, SEV_GUEST_LAUNCH_UPDATE, 0, FALSE);
        PspLaunchDataCmd cmd = { .handle_le = GUINT32_TO_LE (cell.handle),
                                 .paddr_le = GUINT64_TO_LE (queries[i].paddr),
                                 .len_le = GUINT32_TO_LE (queries[i].len) };
        check_query (&cell, &queries[i], PSP_CMD_LAUNCH_MEASURE, &cmd, sizeof cmd,
                     (guint8 *) &cmd + 16, 48);
        cell_close (&cell);
    }
}

static void
test_query_id (void)
{
    static const Query queries[] = QUERIES (64);
    Cell cell;

    cell_open (&cell, SEV_PLATFORM_INIT, NO_GUEST, 0, FALSE);
    for (gsize i = 0; i < G_N_ELEMENTS (queries); i++) {
        PspGetIdCmd cmd = { GUINT64_TO_LE (queries[i].paddr),
                            GUINT32_TO_LE (queries[i].len) };
        check_query (&cell, &queries[i], PSP_CMD_GET_ID, &cmd, sizeof cmd,
                     (guint8 *) &cmd + 8, 64);
    }
    g_assert_cmpmem (fake_host_at (cell.host, OUT, 64), 64, psp_chip_id (fake_chip ()), 64);

    /* LK: 8-byte alignment. */
    const Query unaligned = { OUT + 4, 64, SEV_STATUS_INVALID_ADDRESS };
    PspGetIdCmd cmd = { GUINT64_TO_LE (OUT + 4), GUINT32_TO_LE (64) };
    check_query (&cell, &unaligned, PSP_CMD_GET_ID, &cmd, sizeof cmd, (guint8 *) &cmd + 8,
                 64);
    cell_close (&cell);
}

static void
test_query_csr (void)
{
    static const Query queries[] = QUERIES (2084);
    Cell cell;

    cell_open (&cell, SEV_PLATFORM_INIT, NO_GUEST, 0, FALSE);
    for (gsize i = 0; i < G_N_ELEMENTS (queries); i++) {
        PspPekCsrCmd cmd = { GUINT64_TO_LE (queries[i].paddr),
                             GUINT32_TO_LE (queries[i].len) };
        check_query (&cell, &queries[i], PSP_CMD_PEK_CSR, &cmd, sizeof cmd,
                     (guint8 *) &cmd + 8, 2084);
    }
    cell_close (&cell);
}

static void
test_query_export (void)
{
    static const Query pdh_queries[] = QUERIES (2084);
    static const Query chain_queries[] = QUERIES (6252);
    Cell cell;

    cell_open (&cell, SEV_PLATFORM_INIT, NO_GUEST, 0, FALSE);
    for (gsize i = 0; i < G_N_ELEMENTS (pdh_queries); i++) {
        const Query *query = &pdh_queries[i];
        PspPdhCertExportCmd cmd = { .pdh_paddr_le = GUINT64_TO_LE (query->paddr),
                                    .pdh_len_le = GUINT32_TO_LE (query->len),
                                    .certs_paddr_le = GUINT64_TO_LE (OUT2),
                                    .certs_len_le = GUINT32_TO_LE (6252) };
        check_query (&cell, query, PSP_CMD_PDH_CERT_EXPORT, &cmd, sizeof cmd,
                     (guint8 *) &cmd + 8, 2084);
        g_assert_cmpuint (GUINT32_FROM_LE (cmd.certs_len_le), ==, 6252);
    }
    for (gsize i = 0; i < G_N_ELEMENTS (chain_queries); i++) {
        const Query *query = &chain_queries[i];
        PspPdhCertExportCmd cmd = { .pdh_paddr_le = GUINT64_TO_LE (OUT2),
                                    .pdh_len_le = GUINT32_TO_LE (2084),
                                    .certs_paddr_le = GUINT64_TO_LE (query->paddr),
                                    .certs_len_le = GUINT32_TO_LE (query->len) };
        check_query (&cell, query, PSP_CMD_PDH_CERT_EXPORT, &cmd, sizeof cmd,
                     (guint8 *) &cmd + 24, 6252);
        g_assert_cmpuint (GUINT32_FROM_LE (cmd.pdh_len_le), ==, 2084);
    }
    cell_close (&cell);
}

/* Multiples of 16 (Linux, amd-memory-encryption.rst); 0 and the rest: D. */
static void
test_update_data_limits (void)
{
    static const struct {
        guint64 paddr;
        guint32 len;
        SevStatus expect;
    } tries[] = {
        { DATA, 0, SEV_STATUS_INVALID_LENGTH },
        { DATA, 8, SEV_STATUS_INVALID_LENGTH },
        { DATA, 17, SEV_STATUS_INVALID_LENGTH },
        { DATA, 0xffffffff, SEV_STATUS_INVALID_LENGTH },
        { DATA, 0xfffffff0, SEV_STATUS_INVALID_ADDRESS },
        { DATA + 1, 16, SEV_STATUS_INVALID_ADDRESS },
        { DATA + 8, 16, SEV_STATUS_INVALID_ADDRESS },
        { 0, 16, SEV_STATUS_INVALID_ADDRESS },
        { FAKE_END - 16, 32, SEV_STATUS_INVALID_ADDRESS },
        { G_MAXUINT64 - 15, 32, SEV_STATUS_INVALID_ADDRESS },
        { FAKE_END - 16, 16, SEV_STATUS_SUCCESS },
        { FAKE_BASE, FAKE_SIZE, SEV_STATUS_SUCCESS },
        { DATA, 16, SEV_STATUS_SUCCESS },
    };
    Cell cell;

    cell_open (&cell, SEV_PLATFORM_WORKING, SEV_GUEST_LAUNCH_UPDATE, 0, TRUE);
    for (gsize i = 0; i < G_N_ELEMENTS (tries); i++) {
        PspLaunchDataCmd cmd = { .handle_le = GUINT32_TO_LE (cell.handle),
                                 .paddr_le = GUINT64_TO_LE (tries[i].paddr),
                                 .len_le = GUINT32_TO_LE (tries[i].len) };
        g_autofree char *was = fake_snapshot (cell.psp, cell.host, TRUE);

        g_assert_cmphex (
            fake_command (cell.psp, PSP_CMD_LAUNCH_UPDATE_DATA, &cmd, sizeof cmd), ==,
            tries[i].expect);
        g_autofree char *is = fake_snapshot (cell.psp, cell.host, TRUE);
        g_assert_cmpint (strcmp (is, was) == 0, ==, tries[i].expect != SEV_STATUS_SUCCESS);
    }
    cell_close (&cell);
}

/* At most 16 KiB in multiples of 16 (virtee/sevctl, tests/secretbuild.rs). */
static void
test_secret_limits (void)
{
    static const struct {
        gsize offset; /* in the command buffer */
        gsize width;
        guint64 value;
        SevStatus expect;
    } tries[] = {
        { 16, 4, 51, SEV_STATUS_INVALID_LENGTH },
        { 16, 4, 53, SEV_STATUS_INVALID_LENGTH },
        { 32, 4, 0, SEV_STATUS_INVALID_LENGTH },
        { 32, 4, 24, SEV_STATUS_INVALID_LENGTH },
        { 32, 4, 48, SEV_STATUS_INVALID_LENGTH }, /* not trans_len */
        { 32, 4, 16400, SEV_STATUS_INVALID_LENGTH },
        { 48, 4, 0, SEV_STATUS_INVALID_LENGTH },
        { 48, 4, 31, SEV_STATUS_INVALID_LENGTH },
        { 48, 4, 16, SEV_STATUS_INVALID_LENGTH }, /* not guest_len */
        { 48, 4, 16400, SEV_STATUS_INVALID_LENGTH },
        { 48, 4, 0xfffffff0, SEV_STATUS_INVALID_LENGTH },
        { 8, 8, 0, SEV_STATUS_INVALID_ADDRESS },
        { 8, 8, FAKE_END - 16, SEV_STATUS_INVALID_ADDRESS },
        { 24, 8, DATA + 8, SEV_STATUS_INVALID_ADDRESS },
        { 24, 8, 0, SEV_STATUS_INVALID_ADDRESS },
        { 24, 8, FAKE_END, SEV_STATUS_INVALID_ADDRESS },
        { 40, 8, G_MAXUINT64 - 8, SEV_STATUS_INVALID_ADDRESS },
        { 40, 8, 0, SEV_STATUS_INVALID_ADDRESS },
        { 4, 4, 0xffffffff, SEV_STATUS_SUCCESS }, /* reserved members: D */
        { 20, 4, 0xffffffff, SEV_STATUS_SUCCESS },
        { 36, 4, 0xffffffff, SEV_STATUS_SUCCESS },
    };
    Cell cell;
    guint8 buffer[MAX_BUFFER];

    cell_open (&cell, SEV_PLATFORM_WORKING, SEV_GUEST_LAUNCH_SECRET, 0, TRUE);
    for (gsize i = 0; i < G_N_ELEMENTS (tries); i++) {
        const guint64 value_le = GUINT64_TO_LE (tries[i].value);

        cell_put_secret (&cell, buffer);
        memcpy (buffer + tries[i].offset, &value_le, tries[i].width);
        g_autofree char *was = fake_snapshot (cell.psp, cell.host, TRUE);
        g_test_message ("offset %" G_GSIZE_FORMAT " = %" G_GINT64_MODIFIER "x",
                        tries[i].offset, tries[i].value);
        g_assert_cmphex (fake_command (cell.psp, PSP_CMD_LAUNCH_SECRET, buffer, 52), ==,
                         tries[i].expect);
        g_autofree char *is = fake_snapshot (cell.psp, cell.host, TRUE);
        if (tries[i].expect != SEV_STATUS_SUCCESS)
            g_assert_cmpstr (is, ==, was);
    }

    /* The largest packet there is. */
    const PspGuest *guest = psp_guests_find (cell.psp->guests, cell.handle);
    g_autofree guint8 *plain = g_malloc0 (16384);
    memset (plain, 'x', 16384);
    cell_put_secret (&cell, buffer);
    fake_packet (cell.host, guest, HEADER, TRANS, plain, 16384);
    const guint32 len_le = GUINT32_TO_LE (16384);
    memcpy (buffer + 32, &len_le, 4);
    memcpy (buffer + 48, &len_le, 4);
    g_assert_cmphex (fake_command (cell.psp, PSP_CMD_LAUNCH_SECRET, buffer, 52), ==, 0);
    g_assert_cmpmem (fake_host_at (cell.host, DATA, 16384), 16384, plain, 16384);
    cell_close (&cell);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/psp-commands/states", test_states);
    g_test_add_func ("/psp-commands/unknown", test_unknown);
    g_test_add_func ("/psp-commands/buffer-sizes", test_buffer_sizes);
    g_test_add_func ("/psp-commands/old-api", test_old_api);
    g_test_add_func ("/psp-commands/query/measure", test_query_measure);
    g_test_add_func ("/psp-commands/query/id", test_query_id);
    g_test_add_func ("/psp-commands/query/csr", test_query_csr);
    g_test_add_func ("/psp-commands/query/export", test_query_export);
    g_test_add_func ("/psp-commands/limits/update-data", test_update_data_limits);
    g_test_add_func ("/psp-commands/limits/secret", test_secret_limits);
    const int result = g_test_run ();
    cell_finish ();
    return result;
}
