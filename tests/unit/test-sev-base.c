/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sev/base/sev-bytes.h"
#include "sev/base/sev-guid.h"
#include "sev/base/sev-secret.h"
#include "sev/sev-error.h"
#include "sev/wire/sev-status.h"

static void
test_reader_reads_little_endian (void)
{
    const guint8 bytes[] = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
                             0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f };
    SevReader r;
    guint8 u8;
    guint16 u16;
    guint32 u32;
    guint64 u64;

    sev_reader_init (&r, bytes, sizeof bytes);
    g_assert_true (sev_reader_u8 (&r, &u8) && u8 == 0x01);
    g_assert_true (sev_reader_u16 (&r, &u16) && u16 == 0x0302);
    g_assert_true (sev_reader_u32 (&r, &u32) && u32 == 0x07060504);
    g_assert_true (sev_reader_u64 (&r, &u64) &&
                   u64 == G_GUINT64_CONSTANT (0x0f0e0d0c0b0a0908));
    g_assert_cmpuint (sev_reader_left (&r), ==, 0);
}

static void
test_reader_stays_failed (void)
{
    const guint8 bytes[3] = { 1, 2, 3 };
    SevReader r;
    guint32 u32 = 77;
    guint8 u8 = 66;

    sev_reader_init (&r, bytes, sizeof bytes);
    g_assert_false (sev_reader_u32 (&r, &u32));
    g_assert_cmpuint (u32, ==, 77);
    g_assert_false (sev_reader_u8 (&r, &u8));
    g_assert_cmpuint (u8, ==, 66);
    g_assert_cmpuint (sev_reader_left (&r), ==, 0);
}

static void
test_reader_skip_cannot_wrap (void)
{
    const guint8 bytes[8] = { 0 };
    SevReader r;

    sev_reader_init (&r, bytes, sizeof bytes);
    g_assert_true (sev_reader_skip (&r, 4));
    g_assert_false (sev_reader_skip (&r, G_MAXSIZE));
    g_assert_false (sev_reader_skip (&r, 1));
}

static void
test_put_is_the_reverse (void)
{
    const guint8 expect[] = { 0x01, 0x03, 0x02, 0x07, 0x06, 0x05, 0x04, 0x0f, 0x0e,
                              0x0d, 0x0c, 0x0b, 0x0a, 0x09, 0x08, 0x00, 0x00 };
    g_autoptr (GByteArray) out = g_byte_array_new ();

    sev_put_u8 (out, 0x01);
    sev_put_u16 (out, 0x0203);
    sev_put_u32 (out, 0x04050607);
    sev_put_u64 (out, G_GUINT64_CONSTANT (0x08090a0b0c0d0e0f));
    sev_put_zeroes (out, 2);
    g_assert_cmpmem (out->data, out->len, expect, sizeof expect);
}

static void
test_hex (void)
{
    const guint8 bytes[] = { 0x00, 0x7f, 0x80, 0xff };
    guint8 back[4] = { 9, 9, 9, 9 };
    g_autoptr (GError) error = NULL;
    g_autofree char *text = sev_hex_encode (bytes, sizeof bytes);

    g_assert_cmpstr (text, ==, "007f80ff");
    g_assert_true (sev_hex_decode ("007F80ff", back, sizeof back, &error));
    g_assert_no_error (error);
    g_assert_cmpmem (back, sizeof back, bytes, sizeof bytes);

    const char *bad[] = { "", "007f80f", "007f80fff", "007f80fg", " 07f80ff", "0x7f80ff" };
    for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_autoptr (GError) refused = NULL;
        g_assert_false (sev_hex_decode (bad[i], back, sizeof back, &refused));
        g_assert_error (refused, SEV_ERROR, SEV_ERROR_MALFORMED);
        g_assert_cmpmem (back, sizeof back, bytes, sizeof bytes);
    }
}

/* QEMU 7.2, target/i386/sev.c and docs: the text form and the bytes of the same GUID. */
static void
test_guid (void)
{
    const SevGuid initialised =
        SEV_GUID_INIT (0x9438d606, 0x4f22, 0x4cc9, 0xb479, 0xa793d411fd21);
    const guint8 memory[] = { 0x06, 0xd6, 0x38, 0x94, 0x22, 0x4f, 0xc9, 0x4c,
                              0xb4, 0x79, 0xa7, 0x93, 0xd4, 0x11, 0xfd, 0x21 };
    SevGuid parsed;
    g_autoptr (GError) error = NULL;

    g_assert_cmpmem (initialised.bytes, SEV_GUID_SIZE, memory, sizeof memory);
    g_assert_true (
        sev_guid_parse ("9438D606-4f22-4cc9-b479-a793d411fd21", &parsed, &error));
    g_assert_no_error (error);
    g_assert_true (sev_guid_equal (&parsed, &initialised));
    g_assert_false (sev_guid_is_zero (&parsed));

    g_autofree char *text = sev_guid_to_string (&parsed);
    g_assert_cmpstr (text, ==, "9438d606-4f22-4cc9-b479-a793d411fd21");

    const char *bad[] = { "",
                          "9438d606-4f22-4cc9-b479-a793d411fd2",
                          "9438d606-4f22-4cc9-b479-a793d411fd211",
                          "9438d6064-f22-4cc9-b479-a793d411fd21",
                          "9438d606-4f22-4cc9-b479-a793d411fdzz",
                          "{9438d606-4f22-4cc9-b479-a793d411fd2" };
    for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_autoptr (GError) refused = NULL;
        g_assert_false (sev_guid_parse (bad[i], &parsed, &refused));
        g_assert_error (refused, SEV_ERROR, SEV_ERROR_MALFORMED);
    }
}

/* Nobody takes the zeroes of a wiped secret for a key. */
static void
test_secret_wiped (void)
{
    if (g_test_subprocess ()) {
        g_autoptr (SevSecret) secret = sev_secret_new_copy ("key", 3);

        g_assert_cmpint (sev_secret_data (secret)[0], ==, 'k');
        sev_secret_wipe (secret);
        g_printerr ("wiped\n");
        (void) sev_secret_data (secret);
        return;
    }
    g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
    g_test_trap_assert_failed ();
    g_test_trap_assert_stderr ("*wiped*is used after it was wiped*");
}

static void
test_secret (void)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (SevSecret) a = sev_secret_new_random (32, &error);
    g_assert_no_error (error);
    g_autoptr (SevSecret) b =
        sev_secret_new_copy (sev_secret_data (a), sev_secret_size (a));
    g_autoptr (SevSecret) shorter = sev_secret_new_copy (sev_secret_data (a), 31);

    g_assert_true (sev_secret_equal (a, b));
    g_assert_false (sev_secret_equal (a, shorter));
    sev_secret_writable (b)[31] ^= 1;
    g_assert_false (sev_secret_equal (a, b));
    g_assert_false (sev_bytes_all_zero (sev_secret_data (a), 32));

    const guint8 *bytes = sev_secret_data (a);
    sev_secret_wipe (a);
    g_assert_true (sev_bytes_all_zero (bytes, 32));
    g_assert_cmpuint (sev_secret_size (a), ==, 32);
}

static void
test_status_names (void)
{
    g_assert_cmpstr (sev_status_name (0x0b), ==, "BAD_MEASUREMENT");
    g_assert_cmpstr (sev_status_name (0x18), ==, "SECURE_DATA_INVALID");
    g_assert_cmpstr (sev_status_name (0x19), ==, "INVALID_PAGE_SIZE");
    g_assert_cmpstr (sev_status_name (0x1e), ==, "UNKNOWN");
    g_assert_cmpstr (sev_status_name (0x22), ==, "BAD_VERSION");
    g_assert_cmpstr (sev_status_name (0x27), ==, "INVALID_KEY");
    g_assert_cmpstr (sev_status_name (0x28), ==, "UNKNOWN");
    g_assert_cmpstr (sev_status_name (G_MAXUINT32), ==, "UNKNOWN");
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    g_test_add_func ("/sev/bytes/little-endian", test_reader_reads_little_endian);
    g_test_add_func ("/sev/bytes/stays-failed", test_reader_stays_failed);
    g_test_add_func ("/sev/bytes/skip-cannot-wrap", test_reader_skip_cannot_wrap);
    g_test_add_func ("/sev/bytes/put", test_put_is_the_reverse);
    g_test_add_func ("/sev/bytes/hex", test_hex);
    g_test_add_func ("/sev/guid", test_guid);
    g_test_add_func ("/sev/secret", test_secret);
    g_test_add_func ("/sev/secret/wiped", test_secret_wiped);
    g_test_add_func ("/sev/status-names", test_status_names);

    return g_test_run ();
}
