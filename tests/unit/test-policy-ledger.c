/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The ledger: one verdict each, none twice, whatever a crash leaves behind. */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "policy/ledger-text.h"
#include "policy/ledger.h"
#include "policy/policy-error.h"
#include "sev/base/sev-bytes.h"
#include "tests/lib/chain-maker.h"
#include "tests/lib/test-dir.h"

/* 2023-11-14T22:13:20Z */
#define TIME_US (G_GINT64_CONSTANT (1700000000) * G_USEC_PER_SEC)

static PolicySession *
session_number (guint8 number)
{
    guint8 keys[32] = { 0 };

    keys[31] = number; /* another TIK, so another blob and another id */
    return test_session (keys, 1);
}

static gboolean
record (PolicyLedger *ledger,
        const PolicySession *session,
        guint8 nonce,
        PolicyVerdict *verdict,
        GError **error)
{
    guint8 mnonce[16];

    memset (mnonce, nonce, sizeof mnonce);
    return policy_ledger_record (ledger, session, nonce != 0 ? mnonce : NULL, TRUE, "vm 1",
                                 TIME_US, verdict, error);
}

static void
test_record (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (PolicySession) first = session_number (1);
    g_autoptr (PolicySession) second = session_number (2);
    g_autoptr (PolicySession) third = session_number (3);
    g_autoptr (PolicyVerdict) good = policy_verdict_new ();
    g_autoptr (PolicyVerdict) reused = policy_verdict_new ();
    g_autoptr (PolicyVerdict) replayed = policy_verdict_new ();
    g_autoptr (GError) error = NULL;

    test_dir_init (&dir);
    g_autoptr (PolicyLedger) ledger = policy_ledger_open_at (dir.fd, "ledger", &error);
    g_assert_no_error (error);
    g_assert_cmpuint (test_dir_mode (&dir, "ledger"), ==, 0600);
    g_assert_true (
        policy_ledger_check_session (ledger, policy_session_get_id (first), &error));
    g_assert_true (record (ledger, first, 0x11, good, &error));
    g_assert_no_error (error);
    g_assert_true (policy_verdict_check_passed (good, POLICY_CHECK_FRESH));

    g_autofree char *id = sev_hex_encode (policy_session_get_id (first), 32);
    g_autofree char *want = g_strdup_printf (
        "1 2023-11-14T22:13:20Z %s 11111111111111111111111111111111 verified vm%%201\n",
        id);
    g_autofree char *text = test_dir_read (&dir, "ledger");
    g_assert_cmpstr (text, ==, want);

    /* The same session with another measurement, the same measurement in another session.
     */
    g_assert_false (
        policy_ledger_check_session (ledger, policy_session_get_id (first), &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_SESSION_REUSED);
    g_clear_error (&error);
    g_assert_false (record (ledger, first, 0x22, reused, &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_SESSION_REUSED);
    g_clear_error (&error);
    g_assert_true (policy_verdict_has_failed (reused));
    g_assert_false (record (ledger, second, 0x11, replayed, &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_MEASUREMENT_REPLAYED);
    /* More often than a replay it is the owner's second try. */
    g_assert_nonnull (strstr (error->message, "start the guest anew, with a new session"));
    g_clear_error (&error);
    g_assert_false (policy_verdict_check_passed (replayed, POLICY_CHECK_FRESH));
    g_autofree char *same = test_dir_read (&dir, "ledger");
    g_assert_cmpstr (same, ==, want);

    /* Another process, another ledger object: the file decides. */
    g_autoptr (PolicyLedger) again = policy_ledger_open_at (dir.fd, "ledger", &error);
    g_assert_no_error (error);
    g_assert_true (record (again, second, 0x22, NULL, &error));
    g_assert_true (record (again, third, 0, NULL, &error));
    g_assert_no_error (error);
    g_assert_false (record (ledger, third, 0, NULL, &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_SESSION_REUSED);
}

/* What `secret --owner` writes: seen like any other, but no launch, so no evidence is of
 * it. */
static void
test_packed (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (PolicySession) launch = session_number (1);
    g_autoptr (PolicySession) packed = session_number (2);
    g_autoptr (GError) error = NULL;
    guint8 mnonce[16];
    guint n = 0;

    memset (mnonce, 0x22, sizeof mnonce);
    test_dir_init (&dir);
    g_autoptr (PolicyLedger) ledger = policy_ledger_open_at (dir.fd, "ledger", &error);
    g_assert_no_error (error);
    g_assert_true (record (ledger, launch, 0x11, NULL, &error));
    g_assert_true (policy_ledger_count_others (ledger, NULL, &n, &error));
    g_assert_cmpuint (n, ==, 1);
    g_autofree char *before = test_dir_read (&dir, "ledger");
    g_assert_true (policy_ledger_record_id (ledger, policy_session_get_id (packed), mnonce,
                                            POLICY_LEDGER_PACKED, "by hand", TIME_US,
                                            &error));
    g_assert_no_error (error);
    g_autofree char *id = sev_hex_encode (policy_session_get_id (packed), 32);
    g_autofree char *want = g_strdup_printf (
        "%s1 2023-11-14T22:13:20Z %s 22222222222222222222222222222222 packed by%%20hand\n",
        before, id);
    g_autofree char *text = test_dir_read (&dir, "ledger");
    g_assert_cmpstr (text, ==, want);

    g_assert_true (policy_ledger_count_others (ledger, NULL, &n, &error));
    g_assert_cmpuint (n, ==, 1);
    g_autoptr (GArray) sessions = policy_ledger_sessions (text, strlen (text));
    g_assert_cmpmem (sessions->data, sessions->len * 32u, policy_session_get_id (launch),
                     32);
    g_autoptr (GArray) nonces = policy_ledger_get_nonces (ledger, &error);
    g_assert_cmpuint (nonces->len, ==, 2);
    g_assert_false (
        policy_ledger_check_session (ledger, policy_session_get_id (packed), &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_SESSION_REUSED);
}

/* A line cut at every place is closed, and what it named in full counts. */
static void
test_torn (void)
{
    g_autoptr (PolicySession) old = session_number (1);
    g_autoptr (PolicySession) cut = session_number (2);
    g_autoptr (PolicySession) next = session_number (3);
    guint8 nonce[16];

    memset (nonce, 0x22, sizeof nonce);
    g_autofree char *first = policy_ledger_format (policy_session_get_id (old), NULL,
                                                   POLICY_LEDGER_REFUSED, "a", TIME_US);
    g_autofree char *line = policy_ledger_format (policy_session_get_id (cut), nonce,
                                                  POLICY_LEDGER_VERIFIED, "b", TIME_US);
    const gsize session_end = 2 + 20 + 1 + 64;
    const gsize nonce_end = session_end + 1 + 32;
    for (gsize len = 1; len < strlen (line); len++) {
        g_auto (TestDir) dir = { 0 };
        g_autoptr (GError) error = NULL;
        g_autofree char *part = g_strndup (line, len);
        g_autofree char *content = g_strconcat (first, part, NULL);

        test_dir_init (&dir);
        test_dir_write (&dir, "ledger", content, 0600);
        g_autoptr (PolicyLedger) ledger = policy_ledger_open_at (dir.fd, "ledger", NULL);
        g_assert_cmpint (
            policy_ledger_check_session (ledger, policy_session_get_id (cut), NULL), ==,
            len < session_end);
        g_assert_cmpint (record (ledger, next, 0x22, NULL, NULL), ==, len < nonce_end);
        g_assert_true (len < nonce_end || record (ledger, next, 0x33, NULL, NULL));

        /* The ledger stays readable, and remembers what it did before. */
        g_autoptr (PolicyLedger) again = policy_ledger_open_at (dir.fd, "ledger", NULL);
        g_assert_cmpint (
            policy_ledger_check_session (again, policy_session_get_id (cut), &error), ==,
            len < session_end);
        if (len >= session_end)
            g_assert_error (error, POLICY_ERROR, POLICY_ERROR_SESSION_REUSED);
        g_assert_false (
            policy_ledger_check_session (again, policy_session_get_id (old), NULL));
        g_assert_false (
            policy_ledger_check_session (again, policy_session_get_id (next), NULL));
    }
}

/* After a power cut a file can end in zeroes. */
static void
test_zero_tail (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (PolicySession) old = session_number (1);
    g_autoptr (PolicySession) next = session_number (2);
    g_autofree char *line = policy_ledger_format (policy_session_get_id (old), NULL,
                                                  POLICY_LEDGER_VERIFIED, "a", TIME_US);
    g_autoptr (GError) error = NULL;
    static const char zeroes[300];

    test_dir_init (&dir);
    test_dir_write (&dir, "ledger", line, 0600);
    const int fd = openat (dir.fd, "ledger", O_WRONLY | O_APPEND);
    g_assert_cmpint (write (fd, zeroes, sizeof zeroes), ==, (gssize) sizeof zeroes);
    close (fd);
    g_autoptr (PolicyLedger) ledger = policy_ledger_open_at (dir.fd, "ledger", NULL);
    g_assert_true (record (ledger, next, 0x22, NULL, &error));
    g_assert_no_error (error);
    g_assert_false (
        policy_ledger_check_session (ledger, policy_session_get_id (old), NULL));
    g_assert_false (
        policy_ledger_check_session (ledger, policy_session_get_id (next), NULL));
}

static void
test_damaged (void)
{
    g_autoptr (PolicySession) session = session_number (1);
    g_autoptr (PolicySession) other = session_number (2);
    g_autofree char *line = policy_ledger_format (policy_session_get_id (session), NULL,
                                                  POLICY_LEDGER_VERIFIED, "name", TIME_US);
    static const struct {
        gsize offset;
        char value;
    } changes[] = {
        { 0, '2' },  { 1, 'x' },   { 2, 'x' },   { 12, ' ' },        { 21, 'z' },
        { 23, 'A' }, { 30, 'g' },  { 87, '-' },  { 88, '/' },        { 90, 'w' },
        { 99, '/' }, { 60, '\n' }, { 50, '\0' }, { 99, (char) 200 },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (changes); i++) {
        g_auto (TestDir) dir = { 0 };
        g_autoptr (GError) error = NULL;
        const gsize len = strlen (line);
        g_autofree char *copy = g_strdup (line);

        test_dir_init (&dir);
        test_dir_write (&dir, "ledger", copy, 0600);
        g_autoptr (PolicyLedger) good = policy_ledger_open_at (dir.fd, "ledger", NULL);
        g_assert_true (
            policy_ledger_check_session (good, policy_session_get_id (other), NULL));

        g_assert_cmpuint (changes[i].offset, <, len);
        copy[changes[i].offset] = changes[i].value;
        g_assert_cmpint (unlinkat (dir.fd, "ledger", 0), ==, 0);
        test_dir_write_bytes (&dir, "ledger", copy, len, 0600);
        g_autoptr (PolicyLedger) bad = policy_ledger_open_at (dir.fd, "ledger", NULL);
        if (policy_ledger_check_session (bad, policy_session_get_id (other), &error))
            g_error ("change %" G_GSIZE_FORMAT " was not noticed", i);
        g_assert_error (error, POLICY_ERROR, POLICY_ERROR_LEDGER_DAMAGED);
        g_clear_error (&error);
        g_autoptr (PolicyVerdict) verdict = policy_verdict_new ();
        g_assert_false (record (bad, other, 0x22, verdict, &error));
        g_assert_error (error, POLICY_ERROR, POLICY_ERROR_LEDGER_DAMAGED);
        g_assert_true (policy_verdict_has_failed (verdict));
    }
}

/* Odd names and times must not make a line that the ledger itself then refuses. */
static void
test_format_is_readable (void)
{
    static const char *const names[] = {
        "", " ", "a\nb", "\x01\xff", "torn", "1 2 3", "x torn",
    };
    static const gint64 times[] = { 0, -1, TIME_US, G_MAXINT64, G_MININT64 };
    guint8 id[32] = { 1 };
    guint8 other[32] = { 2 };
    g_autofree char *large = g_strnfill (5000, ' ');

    for (gsize n = 0; n <= G_N_ELEMENTS (names); n++) {
        for (gsize t = 0; t < G_N_ELEMENTS (times); t++) {
            const char *name = n < G_N_ELEMENTS (names) ? names[n] : large;
            g_autofree char *line =
                policy_ledger_format (id, NULL, POLICY_LEDGER_VERIFIED, name, times[t]);
            g_autoptr (GError) error = NULL;
            PolicyLedgerSeen seen;
            g_assert_true (
                policy_ledger_scan (line, strlen (line), other, NULL, &seen, &error));
            g_assert_no_error (error);
            g_assert_false (seen.session || seen.torn);
            g_assert_true (
                policy_ledger_scan (line, strlen (line), id, NULL, &seen, &error));
            g_assert_true (seen.session);
        }
    }
}

static void
test_file_refused (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (GError) error = NULL;

    test_dir_init (&dir);
    test_dir_write (&dir, "good", "", 0600);
    test_dir_write (&dir, "readable", "", 0640);
    g_assert_cmpint (symlinkat ("good", dir.fd, "link"), ==, 0);
    g_assert_cmpint (mkfifoat (dir.fd, "fifo", 0600), ==, 0);
    g_autoptr (PolicyLedger) good = policy_ledger_open_at (dir.fd, "good", &error);
    g_assert_no_error (error);
    g_assert_nonnull (good);

    g_assert_null (policy_ledger_open_at (dir.fd, "readable", &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_FILE_MODE);
    g_clear_error (&error);
    g_assert_null (policy_ledger_open_at (dir.fd, "link", &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_FILE_TYPE);
    g_clear_error (&error);
    g_assert_null (policy_ledger_open_at (dir.fd, "fifo", &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_FILE_TYPE);
}

/* Several processes at once with the same session: one of them is the first. */
static void
test_race (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autoptr (PolicySession) session = session_number (1);
    pid_t children[8];
    guint winners = 0;

    test_dir_init (&dir);
    for (guint i = 0; i < G_N_ELEMENTS (children); i++) {
        children[i] = fork ();
        g_assert_cmpint (children[i], >=, 0);
        if (children[i] == 0) {
            g_autoptr (PolicyLedger) ledger =
                policy_ledger_open_at (dir.fd, "ledger", NULL);
            _exit (ledger != NULL && record (ledger, session, (guint8) (i + 1), NULL, NULL)
                       ? 0
                       : 1);
        }
    }
    for (guint i = 0; i < G_N_ELEMENTS (children); i++) {
        int status = 0;
        g_assert_cmpint (waitpid (children[i], &status, 0), ==, children[i]);
        g_assert_true (WIFEXITED (status));
        if (WEXITSTATUS (status) == 0)
            winners++;
    }
    g_assert_cmpuint (winners, ==, 1);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    g_test_add_func ("/ledger/record", test_record);
    g_test_add_func ("/ledger/packed", test_packed);
    g_test_add_func ("/ledger/torn", test_torn);
    g_test_add_func ("/ledger/zero-tail", test_zero_tail);
    g_test_add_func ("/ledger/damaged", test_damaged);
    g_test_add_func ("/ledger/format", test_format_is_readable);
    g_test_add_func ("/ledger/file-refused", test_file_refused);
    g_test_add_func ("/ledger/race", test_race);
    return g_test_run ();
}
