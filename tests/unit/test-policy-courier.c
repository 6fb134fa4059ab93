/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The files of a courier, and what the owner keeps between two of them. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/attest/attest-report.h"
#include "policy/courier/courier-file.h"
#include "policy/courier/courier-store.h"
#include "policy/owner-make.h"
#include "sev/base/sev-bytes.h"
#include "tests/lib/chain-maker.h"
#include "tests/lib/test-dir.h"

#define DIGEST_OF_A "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
#define DIGEST_OF_ZEROES_128                                                               \
    "38723a2e5e8a17aa7950dc008209944e898f69a7bd10a23c839d341e935fd5ca"

/* A text with the value of one key replaced; NULL: the line goes. */
static char *
changed (const char *text, const char *key, const char *value)
{
    g_autofree char *begin = g_strdup_printf ("\n%s=", key);
    const char *at = strstr (text, begin);

    g_assert_nonnull (at);
    const char *end = strchr (at + 1, '\n');
    g_autofree char *head = g_strndup (text, (gsize) (at + 1 - text));
    return value != NULL ? g_strdup_printf ("%s%s=%s%s", head, key, value, end)
                         : g_strconcat (head, end + 1, NULL);
}

static char *
base64_of (gsize len, guint8 fill)
{
    g_autofree guint8 *data = g_malloc (len);

    memset (data, fill, len);
    return g_base64_encode (data, len);
}

static void
assert_error (const GError *error, const char *word)
{
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_COURIER_FILE);
    g_assert_nonnull (strstr (error->message, word));
}

/* Measurement and packet, as hand-written texts. */

static char *
measurement_text (void)
{
    g_autofree char *report = base64_of (48, 7);

    return g_strdup_printf ("[courier-measurement]\nformat=1\nsession=" DIGEST_OF_A
                            "\napi=0.24\nbuild=10\nreport=%s\n",
                            report);
}

static void
test_measurement (void)
{
    g_autofree char *text = measurement_text ();
    g_auto (PolicyCourierMeasurement) read = { 0 };
    g_auto (PolicyCourierMeasurement) again = { 0 };
    g_autoptr (GError) error = NULL;

    g_assert_true (policy_courier_measurement_parse (text, strlen (text), &read, &error));
    g_assert_no_error (error);
    g_autofree char *session = sev_hex_encode (read.session, sizeof read.session);
    g_assert_cmpstr (session, ==, DIGEST_OF_A);
    g_assert_cmpuint (read.api_major, ==, 0);
    g_assert_cmpuint (read.api_minor, ==, 24);
    g_assert_cmpuint (read.build, ==, 10);
    g_assert_cmpuint (g_bytes_get_size (read.report), ==, 48);

    g_autofree char *written = policy_courier_measurement_format (&read);
    g_assert_true (
        policy_courier_measurement_parse (written, strlen (written), &again, NULL));
    g_assert_true (g_bytes_equal (read.report, again.report));
    g_assert_null (again.attestation);

    g_auto (PolicyCourierMeasurement) whole = { 0 };
    g_autofree char *attestation = base64_of (208, 9);
    g_autofree char *with = g_strdup_printf ("%sattestation=%s\n", text, attestation);
    g_assert_true (policy_courier_measurement_parse (with, strlen (with), &whole, &error));
    g_assert_cmpuint (g_bytes_get_size (whole.attestation), ==, 208);
    g_autofree char *again_with = policy_courier_measurement_format (&whole);
    g_assert_cmpstr (again_with, ==, with);
}

/* printf 'sevlaunch report 1\n', 32 bytes 5a, 48 bytes 07, through sha256sum */
static void
test_early_nonce (void)
{
    guint8 session[POLICY_SESSION_ID_SIZE];
    guint8 measurement[48];
    guint8 nonce[SEV_NONCE_SIZE];
    g_autoptr (GError) error = NULL;

    memset (session, 0x5a, sizeof session);
    memset (measurement, 7, sizeof measurement);
    g_assert_true (policy_report_nonce_early (session, measurement, nonce, &error));
    g_autofree char *hex = sev_hex_encode (nonce, sizeof nonce);
    g_assert_cmpstr (hex, ==, "fd4ead88eed2674ee138332e724b2570");
}

static void
test_measurement_refused (void)
{
    static const struct {
        const char *key, *value, *says;
    } rows[] = {
        { "format", "2", "format" },      { "session", NULL, "session" },
        { "session", "abcd", "session" }, { "api", "0", "api" },
        { "api", "0.256", "api" },        { "api", "0.24.1", "api" },
        { "build", "256", "build" },      { "report", "AAAA", "report" },
        { "report", "*", "report" },      { "report", NULL, "report" },
    };
    g_autofree char *text = measurement_text ();

    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_auto (PolicyCourierMeasurement) read = { 0 };
        g_autoptr (GError) error = NULL;
        g_autofree char *bad = changed (text, rows[i].key, rows[i].value);

        g_assert_false (
            policy_courier_measurement_parse (bad, strlen (bad), &read, &error));
        assert_error (error, rows[i].says);
        g_assert_null (read.report);
    }
    g_autofree char *short_one = g_strconcat (text, "attestation=AAAA\n", NULL);
    g_auto (PolicyCourierMeasurement) none = { 0 };
    g_autoptr (GError) cause = NULL;
    g_assert_false (
        policy_courier_measurement_parse (short_one, strlen (short_one), &none, &cause));
    assert_error (cause, "attestation");
    g_autofree char *more = g_strconcat (text, "verdict=verified\n", NULL);
    g_auto (PolicyCourierMeasurement) read = { 0 };
    g_autoptr (GError) error = NULL;
    g_assert_false (policy_courier_measurement_parse (more, strlen (more), &read, &error));
    assert_error (error, "verdict");
}

static void
test_packet (void)
{
    g_autofree char *report = base64_of (48, 1);
    g_autofree char *header = base64_of (52, 2);
    g_autofree char *data = base64_of (64, 3);
    g_autofree char *text =
        g_strdup_printf ("[courier-packet]\nformat=1\nsession=" DIGEST_OF_A
                         "\nreport=%s\nheader=%s\ndata=%s\n",
                         report, header, data);
    g_auto (PolicyCourierPacket) read = { 0 };
    g_auto (PolicyCourierPacket) empty = { 0 };
    g_auto (PolicyCourierPacket) half = { 0 };
    g_autoptr (GError) error = NULL;

    g_assert_true (policy_courier_packet_parse (text, strlen (text), &read, &error));
    g_assert_cmpuint (g_bytes_get_size (read.data), ==, 64);
    g_autofree char *written = policy_courier_packet_format (&read);
    g_assert_nonnull (strstr (written, header));

    /* A launch without secrets is verified too. */
    g_autofree char *without = changed (text, "header", NULL);
    g_assert_false (policy_courier_packet_parse (without, strlen (without), &half, &error));
    assert_error (error, "go together");
    g_autofree char *none = changed (without, "data", NULL);
    g_assert_true (policy_courier_packet_parse (none, strlen (none), &empty, NULL));
    g_assert_null (empty.header);
}

/* Bundle. */

static char *
bundle_text (void)
{
    g_autofree char *cert = base64_of (2084, 0);
    g_autofree char *blob = base64_of (128, 0);

    return g_strdup_printf (
        "[courier-bundle]\nformat=1\nsession=" DIGEST_OF_ZEROES_128
        "\nplatform=" DIGEST_OF_A "\nname=vm-1\npolicy=0x1100002b\nowner-cert=%s\n"
        "launch-blob=%s\nfirmware=" DIGEST_OF_A "\nkind=kernel\nkernel=" DIGEST_OF_A
        "\ninitrd=" DIGEST_OF_A "\nappend=quiet root=/dev/vda\nvcpus=2\nmemory=1024\n"
        "cpu=EPYC\n",
        cert, blob);
}

static void
test_bundle (void)
{
    /* printf 'quiet root=/dev/vda\0' | sha256sum */
    static const char cmdline[] =
        "c56c9aae5cc81814481abd265a31123758350c11713b73d5d4dbb22ba50a9daf";
    g_autofree char *text = bundle_text ();
    g_auto (PolicyCourierBundle) read = { 0 };
    g_auto (PolicyCourierBundle) again = { 0 };
    g_autoptr (GError) error = NULL;

    g_assert_true (policy_courier_bundle_parse (text, strlen (text), &read, &error));
    g_assert_no_error (error);
    g_assert_cmpstr (read.name, ==, "vm-1");
    g_assert_cmphex (read.policy, ==, 0x1100002b);
    g_assert_cmpstr (read.cmdline, ==, "quiet root=/dev/vda");
    g_assert_cmpuint (read.vcpus, ==, 2);
    g_assert_false (read.uki);
    g_autofree char *hashed = sev_hex_encode (read.hashes.cmdline, SEV_DIGEST_SIZE);
    g_assert_cmpstr (hashed, ==, cmdline);
    g_autofree char *written = policy_courier_bundle_format (&read);
    g_assert_true (policy_courier_bundle_parse (written, strlen (written), &again, NULL));
    g_assert_cmpstr (again.cpu, ==, "EPYC");
}

static void
test_bundle_refused (void)
{
    static const struct {
        const char *key, *value, *says;
    } rows[] = {
        { "session", DIGEST_OF_A, "session" },
        { "policy", "1100002b", "policy" },
        { "policy", "0x100000000", "policy" },
        { "name", "../x", "name" },
        { "kind", "disk", "kind" },
        { "vcpus", "0", "vcpus" },
        { "vcpus", "4097", "vcpus" },
        { "memory", "-1", "memory" },
        { "append", "a\\nb", "append" },
        { "owner-cert", "AAAA", "owner-cert" },
        { "launch-blob", NULL, "launch-blob" },
        { "cpu", "a b", "cpu" },
    };
    g_autofree char *text = bundle_text ();

    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_auto (PolicyCourierBundle) read = { 0 };
        g_autoptr (GError) error = NULL;
        g_autofree char *bad = changed (text, rows[i].key, rows[i].value);

        g_assert_false (policy_courier_bundle_parse (bad, strlen (bad), &read, &error));
        assert_error (error, rows[i].says);
        g_assert_null (read.blob);
    }
}

static void
test_platform (void)
{
    g_autofree char *cert = base64_of (2084, 0);
    g_autofree char *chain = base64_of (6252, 0);
    g_autofree char *text = g_strdup_printf (
        "[courier-platform]\nformat=1\npdh=%s\ncert-chain=%s\nchip-id=00ff\n", cert, chain);
    g_autofree char *bad = changed (text, "chip-id", "0");
    g_auto (PolicyCourierPlatform) read = { 0 };
    g_auto (PolicyCourierPlatform) none = { 0 };
    g_autoptr (GError) error = NULL;

    g_assert_true (policy_courier_platform_parse (text, strlen (text), &read, &error));
    g_assert_null (read.cek);
    /* head -c 2084 /dev/zero | sha256sum */
    g_autofree char *id = sev_hex_encode (read.id, sizeof read.id);
    g_assert_cmpstr (id, ==,
                     "3d5c26caebb16e4ee12fd1433e75abfb74ea1b9dd2ab2cf74882d3fd82405d82");
    g_autofree char *written = policy_courier_platform_format (&read);
    g_assert_cmpstr (written, ==, text);
    g_assert_false (policy_courier_platform_parse (bad, strlen (bad), &none, &error));
    assert_error (error, "chip-id");
}

static void
test_check_session (void)
{
    const guint8 one[POLICY_SESSION_ID_SIZE] = { 1 };
    const guint8 two[POLICY_SESSION_ID_SIZE] = { [POLICY_SESSION_ID_SIZE - 1] = 1 };
    g_autoptr (GError) error = NULL;

    g_assert_true (policy_courier_check_session (one, one, "it", &error));
    g_assert_false (policy_courier_check_session (one, two, "it", &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_COURIER_SESSION);
}

/* What is kept. */

static void
fill_record (PolicyCourierRecord *record)
{
    memset (record->session, 0x5a, sizeof record->session);
    record->tek = sev_secret_new_copy ("0123456789abcdef", 16);
    record->tik = sev_secret_new_copy ("fedcba9876543210", 16);
    record->bundle = g_bytes_new_static ("bundle", 6);
    record->platform = g_bytes_new_static ("platform", 8);
    record->release = g_strdup ("disk.qcow2");
    record->boot = (PolicyBoot){ .measured = TRUE, .uki = TRUE, .es = TRUE, .vcpus = 3 };
    memset (record->boot.kernel, 9, SEV_DIGEST_SIZE);
    memset (record->digests, 0x11, sizeof record->digests);
    memset (record->digests[1], 0x22, SEV_DIGEST_SIZE);
    record->n_digests = 2;
    record->room = 4096;
    record->firmware = (PolicyCourierPart){ g_strdup ("/usr/share/fw.fd"), 4194304 };
    record->kernel = (PolicyCourierPart){ g_strdup ("EFI/Linux/a b;c.efi"), 4711 };
}

static void
test_store (void)
{
    g_auto (TestDir) dir = { 0 };
    g_auto (PolicyCourierRecord) kept = { 0 };
    g_auto (PolicyCourierRecord) found = { 0 };
    g_auto (PolicyCourierRecord) none = { 0 };
    g_autoptr (GError) error = NULL;

    test_dir_init (&dir);
    fill_record (&kept);
    g_assert_true (policy_courier_keep (dir.path, &kept, &error));
    g_assert_no_error (error);
    g_autofree char *id = sev_hex_encode (kept.session, sizeof kept.session);
    g_autofree char *at = g_strconcat ("sessions/", id, NULL);
    g_assert_cmpuint (test_dir_mode (&dir, at) & 07777, ==, 0700);
    for (guint i = 0; i < 2; i++) {
        g_autofree char *key = g_strconcat (at, i == 0 ? "/tek" : "/tik", NULL);
        g_assert_cmpuint (test_dir_mode (&dir, key) & 07777, ==, 0600);
    }
    g_assert_false (policy_courier_keep (dir.path, &kept, &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_EXISTS);
    g_clear_error (&error);

    g_assert_true (policy_courier_recall (dir.path, kept.session, &found, &error));
    g_assert_no_error (error);
    g_assert_cmpmem (sev_secret_data (found.tik), 16, "fedcba9876543210", 16);
    g_assert_cmpmem (sev_secret_data (found.tek), 16, "0123456789abcdef", 16);
    g_assert_true (g_bytes_equal (found.bundle, kept.bundle));
    g_assert_cmpstr (found.release, ==, "disk.qcow2");
    g_assert_cmpuint (found.boot.vcpus, ==, 3);
    g_assert_true (found.boot.es && found.boot.uki && !found.boot.firmware_accepted);
    g_assert_cmpstr (found.firmware.path, ==, "/usr/share/fw.fd");
    g_assert_cmpuint (found.firmware.size, ==, 4194304);
    g_assert_cmpstr (found.kernel.path, ==, "EFI/Linux/a b;c.efi");
    g_assert_null (found.initrd.path);
    g_assert_cmpuint (found.n_digests, ==, 2);
    g_assert_cmpmem (found.digests[1], SEV_DIGEST_SIZE, kept.digests[1], SEV_DIGEST_SIZE);

    g_assert_true (policy_courier_forget (dir.path, kept.session, &error));
    g_assert_cmpuint (test_dir_count (&dir, "sessions"), ==, 0);
    g_assert_false (policy_courier_recall (dir.path, kept.session, &none, &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_COURIER_SESSION);
}

/* Through a descriptor of the time when it was there. */
static void
assert_overwritten (int fd, gsize size)
{
    g_autofree guint8 *data = g_malloc (size + 1);

    g_assert_cmpint (pread (fd, data, size + 1, 0), ==, size);
    for (gsize i = 0; i < size; i++)
        g_assert_cmpint (data[i], ==, 0);
    close (fd);
}

static int
open_kept (const TestDir *dir, const char *folder, const char *name)
{
    g_autofree char *path = g_strconcat ("sessions/", folder, "/", name, NULL);
    const int fd = openat (dir->fd, path, O_RDONLY | O_CLOEXEC);

    g_assert_cmpint (fd, >=, 0);
    return fd;
}

static void
test_store_erased (void)
{
    g_auto (TestDir) dir = { 0 };
    g_auto (PolicyCourierRecord) one = { 0 };
    g_auto (PolicyCourierRecord) two = { 0 };
    g_auto (PolicyCourierRecord) found = { 0 };
    g_autoptr (GError) error = NULL;
    guint n = 7;

    test_dir_init (&dir);
    g_assert_true (policy_courier_forget_all (dir.fd, &n, &error));
    g_assert_cmpuint (n, ==, 0);
    fill_record (&one);
    fill_record (&two);
    two.session[0] ^= 1;
    two.key = sev_secret_new_copy ("-----BEGIN", 10);
    g_assert_true (policy_courier_keep (dir.path, &one, &error));
    g_assert_true (policy_courier_keep (dir.path, &two, &error));
    g_assert_no_error (error);
    g_assert_true (policy_courier_recall (dir.path, two.session, &found, &error));
    g_assert_cmpmem (sev_secret_data (found.key), sev_secret_size (found.key), "-----BEGIN",
                     10);

    g_autofree char *id = sev_hex_encode (one.session, sizeof one.session);
    const int tek = open_kept (&dir, id, "tek");
    const int tik = open_kept (&dir, id, "tik");
    g_assert_true (policy_courier_forget (dir.path, one.session, &error));
    g_assert_no_error (error);
    assert_overwritten (tek, 16);
    assert_overwritten (tik, 16);
    g_assert_cmpuint (test_dir_count (&dir, "sessions"), ==, 1);

    /* What an interrupted write left behind goes too, and a stranger's file stays. */
    g_autofree char *other = sev_hex_encode (two.session, sizeof two.session);
    g_autofree char *part = g_strconcat ("sessions/", other, "/.tek.0123", NULL);
    test_dir_write (&dir, part, "0123456789abcdef", 0600);
    test_dir_write (&dir, "sessions/note", "mine", 0600);
    const int half = open_kept (&dir, other, ".tek.0123");
    const int key = open_kept (&dir, other, "key");
    g_assert_true (policy_courier_forget_all (dir.fd, &n, &error));
    g_assert_no_error (error);
    g_assert_cmpuint (n, ==, 1);
    assert_overwritten (half, 16);
    assert_overwritten (key, 10);
    g_assert_cmpuint (test_dir_count (&dir, "sessions"), ==, 1);
    g_autofree char *note = test_dir_read (&dir, "sessions/note");
    g_assert_cmpstr (note, ==, "mine");
}

/* A link in the place of a key: the link goes, what it leads to stays. */
static void
test_store_link (void)
{
    g_auto (TestDir) dir = { 0 };
    g_auto (PolicyCourierRecord) kept = { 0 };
    g_autoptr (GError) error = NULL;

    test_dir_init (&dir);
    fill_record (&kept);
    g_assert_true (policy_courier_keep (dir.path, &kept, &error));
    test_dir_write (&dir, "elsewhere", "untouched", 0600);
    g_autofree char *id = sev_hex_encode (kept.session, sizeof kept.session);
    g_autofree char *path = g_strconcat ("sessions/", id, "/link", NULL);
    g_assert_cmpint (symlinkat ("../../elsewhere", dir.fd, path), ==, 0);
    g_assert_true (policy_courier_forget (dir.path, kept.session, &error));
    g_assert_no_error (error);
    g_autofree char *text = test_dir_read (&dir, "elsewhere");
    g_assert_cmpstr (text, ==, "untouched");
    g_assert_cmpuint (test_dir_count (&dir, "sessions"), ==, 0);
}

static void
test_rotate (void)
{
    g_auto (TestDir) dir = { 0 };
    g_auto (PolicyCourierRecord) kept = { 0 };
    g_autoptr (GError) error = NULL;
    guint n = 7;

    test_dir_init (&dir);
    g_assert_true (policy_owner_init (dir.path, &error));
    fill_record (&kept);
    g_assert_true (policy_courier_keep (dir.path, &kept, &error));
    /* With the old pair what was prepared can still be judged. */
    g_assert_true (policy_owner_rotate (dir.path, "old", &n, &error));
    g_assert_no_error (error);
    g_assert_cmpuint (n, ==, 0);
    g_assert_cmpuint (test_dir_count (&dir, "sessions"), ==, 1);
    g_assert_true (policy_owner_rotate (dir.path, NULL, &n, &error));
    g_assert_no_error (error);
    g_assert_cmpuint (n, ==, 1);
    g_assert_cmpuint (test_dir_count (&dir, "sessions"), ==, 0);
}

/* As an empty file is read: there is no text to point to. */
static void
test_empty (void)
{
    PolicyCourierPlatform platform;
    PolicyCourierBundle bundle;
    PolicyCourierMeasurement measurement;
    PolicyCourierPacket packet;

    for (guint i = 0; i < 4; i++) {
        g_autoptr (GError) error = NULL;
        const gboolean ok =
            i == 0   ? policy_courier_platform_parse (NULL, 0, &platform, &error)
            : i == 1 ? policy_courier_bundle_parse (NULL, 0, &bundle, &error)
            : i == 2 ? policy_courier_measurement_parse (NULL, 0, &measurement, &error)
                     : policy_courier_packet_parse (NULL, 0, &packet, &error);

        g_assert_false (ok);
        g_assert_error (error, POLICY_ERROR, POLICY_ERROR_COURIER_FILE);
    }
}

/* What cannot be renewed takes nothing away. */
static void
test_rotate_refused (void)
{
    g_auto (TestDir) dir = { 0 };
    g_auto (PolicyCourierRecord) kept = { 0 };
    g_autoptr (GError) error = NULL;
    guint n = 7;

    test_dir_init (&dir);
    g_assert_true (policy_owner_init (dir.path, &error));
    fill_record (&kept);
    g_assert_true (policy_courier_keep (dir.path, &kept, &error));
    g_autofree char *key = test_dir_read (&dir, "pdh.key");
    g_assert_cmpint (renameat (dir.fd, "pdh.cert", dir.fd, "elsewhere"), ==, 0);
    g_assert_cmpint (symlinkat ("elsewhere", dir.fd, "pdh.cert"), ==, 0);
    g_assert_false (policy_owner_rotate (dir.path, NULL, &n, &error));
    g_assert_error (error, POLICY_ERROR, POLICY_ERROR_OUTPUT_TYPE);
    g_clear_error (&error);
    g_autofree char *same = test_dir_read (&dir, "pdh.key");
    g_assert_true (strcmp (same, key) == 0); /* not for the log */
    g_assert_cmpuint (n, ==, 0);
    g_assert_cmpuint (test_dir_count (&dir, "sessions"), ==, 1);

    g_assert_cmpint (renameat (dir.fd, "elsewhere", dir.fd, "pdh.cert"), ==, 0);
    g_assert_true (policy_owner_rotate (dir.path, NULL, &n, &error));
    g_assert_no_error (error);
    g_assert_cmpuint (n, ==, 1);
    g_assert_cmpuint (test_dir_count (&dir, "sessions"), ==, 0);
}

static void
test_store_damaged (void)
{
    g_auto (TestDir) dir = { 0 };
    g_auto (PolicyCourierRecord) kept = { 0 };
    g_autoptr (GError) error = NULL;

    test_dir_init (&dir);
    fill_record (&kept);
    g_assert_true (policy_courier_keep (dir.path, &kept, &error));
    g_autofree char *id = sev_hex_encode (kept.session, sizeof kept.session);
    g_autofree char *path = g_strconcat ("sessions/", id, "/record", NULL);
    g_autofree char *text = test_dir_read (&dir, path);
    g_autofree char *bad = changed (text, "digests", "");

    for (guint i = 0; i < 2; i++) {
        g_auto (PolicyCourierRecord) found = { 0 };
        test_dir_write (&dir, path, i == 0 ? bad : text, 0600);
        g_assert_true (policy_courier_recall (dir.path, kept.session, &found, &error) ==
                       (i == 1));
        if (i == 0) {
            g_assert_error (error, POLICY_ERROR, POLICY_ERROR_COURIER_FILE);
            g_assert_null (found.tik);
        }
        g_clear_error (&error);
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    g_test_add_func ("/courier/measurement", test_measurement);
    g_test_add_func ("/courier/measurement/refused", test_measurement_refused);
    g_test_add_func ("/courier/early-nonce", test_early_nonce);
    g_test_add_func ("/courier/packet", test_packet);
    g_test_add_func ("/courier/bundle", test_bundle);
    g_test_add_func ("/courier/bundle/refused", test_bundle_refused);
    g_test_add_func ("/courier/platform", test_platform);
    g_test_add_func ("/courier/check-session", test_check_session);
    g_test_add_func ("/courier/store", test_store);
    g_test_add_func ("/courier/store/damaged", test_store_damaged);
    g_test_add_func ("/courier/store/erased", test_store_erased);
    g_test_add_func ("/courier/store/link", test_store_link);
    g_test_add_func ("/courier/empty", test_empty);
    g_test_add_func ("/courier/rotate", test_rotate);
    g_test_add_func ("/courier/rotate/refused", test_rotate_refused);

    return g_test_run ();
}
