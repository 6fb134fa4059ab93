/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sessions made by sev-tool (and virtee's published one) through LAUNCH_START. */

#include "psp/fw/psp-session.h"

#include <string.h>

#include "tests/unit/psp-fake-host.h"
#include "tests/unit/psp-vectors.h"

#define CERT FAKE_AT (0x1000)
#define SESSION FAKE_AT (0x2000)

typedef struct {
    FakeHost *host;
    PspDevice *psp;
    guint32 policy;
} Launch;

/* A platform whose PDH is the vector's, with its certificate and session in memory. */
static void
launch_prepare (Launch *launch, JsonObject *vector)
{
    g_autoptr (GBytes) pem = vector_file (vector, "pdh_private");
    g_autoptr (GBytes) cert = vector_file (vector, "godh");
    g_autoptr (GBytes) blob = vector_file (vector, "blob");
    g_autoptr (GError) error = NULL;

    launch->host = fake_host_new ();
    launch->psp = fake_device_new (launch->host, NULL);
    fake_init (launch->psp, TRUE);
    sev_ec_key_unref (launch->psp->keys->pdh_key);
    launch->psp->keys->pdh_key = sev_ec_key_new_from_pem (g_bytes_get_data (pem, NULL),
                                                          g_bytes_get_size (pem), &error);
    g_assert_no_error (error);
    launch->policy =
        (guint32) g_ascii_strtoull (vector_string (vector, "policy_in_blob"), NULL, 16);
    g_assert_cmpuint (g_bytes_get_size (cert), ==, SEV_CERT_SIZE);
    g_assert_cmpuint (g_bytes_get_size (blob), ==, sizeof (SevSessionWire));
    memcpy (fake_host_at (launch->host, CERT, SEV_CERT_SIZE), g_bytes_get_data (cert, NULL),
            SEV_CERT_SIZE);
    memcpy (fake_host_at (launch->host, SESSION, 128), g_bytes_get_data (blob, NULL), 128);
}

static void
launch_clear (Launch *launch)
{
    psp_device_free (launch->psp);
    fake_host_free (launch->host);
}

static SevStatus
launch_start (Launch *launch, guint32 *handle)
{
    PspLaunchStartCmd cmd = {
        .policy_le = GUINT32_TO_LE (launch->policy),
        .dh_cert_paddr_le = GUINT64_TO_LE (CERT),
        .dh_cert_len_le = GUINT32_TO_LE (2084),
        .session_paddr_le = GUINT64_TO_LE (SESSION),
        .session_len_le = GUINT32_TO_LE (128),
    };
    const SevStatus status =
        fake_command (launch->psp, PSP_CMD_LAUNCH_START, &cmd, sizeof cmd);

    *handle = GUINT32_FROM_LE (cmd.handle_le);
    return status;
}

static void
assert_secret (const SevSecret *secret, GBytes *expect)
{
    g_assert_cmpmem (sev_secret_data (secret), sev_secret_size (secret),
                     g_bytes_get_data (expect, NULL), g_bytes_get_size (expect));
}

static void
check_session (JsonObject *vector)
{
    Launch launch;
    guint32 handle;
    g_autoptr (GBytes) tek = vector_bytes (vector, "tek");
    g_autoptr (GBytes) tik = vector_bytes (vector, "tik");

    launch_prepare (&launch, vector);
    g_assert_cmpuint (launch_start (&launch, &handle), ==, SEV_STATUS_SUCCESS);
    const PspGuest *guest = psp_guests_find (launch.psp->guests, handle);
    assert_secret (guest->tek, tek);
    assert_secret (guest->tik, tik);
    g_assert_cmpuint (guest->policy, ==, launch.policy);
    launch_clear (&launch);
}

static void
test_vectors (void)
{
    vectors_for_each ("session", 2, check_session);
}

typedef struct {
    guint64 base;
    gsize offset;
    SevStatus expect;
    const char *what;
} Change;

/* One bit of each field.  WRAP_IV is under no MAC: other keys come out, and with another
 * TIK the POLICY_MAC is wrong.
 */
static const Change changes[] = {
    { SESSION, 0x00, SEV_STATUS_BAD_MEASUREMENT, "nonce" },
    { SESSION, 0x10, SEV_STATUS_BAD_MEASUREMENT, "wrapped TEK" },
    { SESSION, 0x2f, SEV_STATUS_BAD_MEASUREMENT, "wrapped TIK" },
    { SESSION, 0x30, SEV_STATUS_BAD_MEASUREMENT, "wrap IV" },
    { SESSION, 0x5f, SEV_STATUS_BAD_MEASUREMENT, "wrap MAC" },
    { SESSION, 0x60, SEV_STATUS_BAD_MEASUREMENT, "policy MAC" },
    { CERT, 0x000, SEV_STATUS_INVALID_CERTIFICATE, "version" },
    { CERT, 0x008, SEV_STATUS_INVALID_CERTIFICATE, "usage" },
    { CERT, 0x00c, SEV_STATUS_INVALID_CERTIFICATE, "algorithm" },
    { CERT, 0x010, SEV_STATUS_INVALID_CERTIFICATE, "curve" },
    { CERT, 0x014, SEV_STATUS_INVALID_CERTIFICATE, "point off the curve" },
    { CERT, 0x044, SEV_STATUS_INVALID_CERTIFICATE, "x wider than the curve" },
    { CERT, 0x413, SEV_STATUS_INVALID_CERTIFICATE, "bytes after the key" },
    /* The owner's certificate need not be signed. */
    { CERT, 0x004, SEV_STATUS_SUCCESS, "API version" },
    { CERT, 0x41c, SEV_STATUS_SUCCESS, "signature" },
};

static void
check_changes (JsonObject *vector)
{
    Launch launch;
    guint32 handle;

    launch_prepare (&launch, vector);
    for (gsize i = 0; i < G_N_ELEMENTS (changes); i++) {
        guint8 *byte = fake_host_at (launch.host, changes[i].base + changes[i].offset, 1);
        const guint32 before = psp_guests_count (launch.psp->guests);

        g_test_message ("%s", changes[i].what);
        *byte ^= 2;
        g_assert_cmphex (launch_start (&launch, &handle), ==, changes[i].expect);
        *byte ^= 2;
        g_assert_cmpuint (psp_guests_count (launch.psp->guests), ==,
                          before + (changes[i].expect == SEV_STATUS_SUCCESS ? 1 : 0));
    }

    /* Another policy than the session was made for, in any bit. */
    for (guint bit = 0; bit < 16; bit++) {
        launch.policy ^= 1u << bit;
        g_assert_cmphex (launch_start (&launch, &handle), ==, SEV_STATUS_BAD_MEASUREMENT);
        launch.policy ^= 1u << bit;
    }
    g_assert_cmphex (launch_start (&launch, &handle), ==, SEV_STATUS_SUCCESS);
    launch_clear (&launch);
}

static void
test_changes (void)
{
    vectors_for_each ("session", 2, check_changes);
}

/* A session for another platform: z differs, so WRAP_MAC is wrong. */
static void
check_other_platform (JsonObject *vector)
{
    Launch launch;
    guint32 handle;

    launch_prepare (&launch, vector);
    sev_ec_key_unref (launch.psp->keys->pdh_key);
    launch.psp->keys->pdh_key = sev_ec_key_generate (SEV_CURVE_P384, NULL);
    g_assert_cmphex (launch_start (&launch, &handle), ==, SEV_STATUS_BAD_MEASUREMENT);
    launch_clear (&launch);
}

static void
test_other_platform (void)
{
    vectors_for_each ("session", 2, check_other_platform);
}

static void
copy_member (JsonObject *vector, const char *member, void *out, gsize len)
{
    g_autoptr (GBytes) bytes = vector_bytes (vector, member);

    g_assert_cmpuint (g_bytes_get_size (bytes), ==, len);
    memcpy (out, g_bytes_get_data (bytes, NULL), len);
}

/* virtee's session starts from z; here the 16 zero bytes of its unit test. */
static void
check_kdf (JsonObject *vector)
{
    SevSessionWire session;
    guint8 z_bytes[16];
    SevStatus status;
    g_autoptr (GBytes) tek_bytes = vector_bytes (vector, "tek");
    g_autoptr (GBytes) tik_bytes = vector_bytes (vector, "tik");
    g_autoptr (SevSecret) tek = NULL;
    g_autoptr (SevSecret) tik = NULL;

    copy_member (vector, "z", z_bytes, sizeof z_bytes);
    copy_member (vector, "nonce", session.nonce, sizeof session.nonce);
    copy_member (vector, "iv", session.wrap_iv, sizeof session.wrap_iv);
    copy_member (vector, "wrap_tk", session.wrap_tk, sizeof session.wrap_tk);
    copy_member (vector, "wrap_mac", session.wrap_mac, sizeof session.wrap_mac);
    copy_member (vector, "policy_mac", session.policy_mac, sizeof session.policy_mac);
    g_autoptr (SevSecret) z = sev_secret_new_copy (z_bytes, sizeof z_bytes);

    g_assert_true (psp_session_unwrap_shared (z, &session, &tek, &tik, &status, NULL));
    g_assert_cmphex (status, ==, SEV_STATUS_SUCCESS);
    assert_secret (tek, tek_bytes);
    assert_secret (tik, tik_bytes);
    g_assert_true (psp_session_check_policy (&session, 0, tik, &status, NULL));
    g_assert_cmphex (status, ==, SEV_STATUS_SUCCESS);
    g_assert_true (psp_session_check_policy (&session, 1, tik, &status, NULL));
    g_assert_cmphex (status, ==, SEV_STATUS_BAD_MEASUREMENT);

    g_autoptr (SevSecret) none = NULL;
    session.wrap_mac[0] ^= 1;
    g_assert_true (psp_session_unwrap_shared (z, &session, &none, &none, &status, NULL));
    g_assert_cmphex (status, ==, SEV_STATUS_BAD_MEASUREMENT);
    g_assert_null (none);
}

static void
test_kdf (void)
{
    vectors_for_each ("kdf", 1, check_kdf);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/psp-session/vectors", test_vectors);
    g_test_add_func ("/psp-session/changes", test_changes);
    g_test_add_func ("/psp-session/other-platform", test_other_platform);
    g_test_add_func ("/psp-session/kdf", test_kdf);
    return g_test_run ();
}
