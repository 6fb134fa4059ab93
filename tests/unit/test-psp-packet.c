/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Secret packets of virt-qemu-sev-validate, sev-tool and sevctl, opened by LAUNCH_SECRET.
 */

#include "psp/fw/psp-packet.h"

#include <string.h>

#include "tests/lib/test-vectors.h"
#include "tests/unit/psp-fake-host.h"
#include "tests/unit/psp-vectors.h"

#define HEADER FAKE_AT (0x1000)
#define TRANS FAKE_AT (0x2000)
#define TARGET FAKE_AT (0x10000)

typedef struct {
    GBytes *header, *payload, *tek, *tik;
    guint8 measure[SEV_MAC_SIZE];
    gboolean legacy;
} Packet;

static GBytes *
half (GBytes *keys, gsize index)
{
    g_assert_cmpuint (g_bytes_get_size (keys), ==, 2 * SEV_KEY_SIZE);
    return g_bytes_new_from_bytes (keys, index * SEV_KEY_SIZE, SEV_KEY_SIZE);
}

static void
packet_load (Packet *packet, JsonObject *vector)
{
    const gboolean b64 = json_object_has_member (vector, "header_b64");
    g_autoptr (GBytes) measure = json_object_has_member (vector, "measurement")
                                     ? vector_bytes (vector, "measurement")
                                     : vector_bytes (vector, "launch_measure_b64");

    packet->header = vector_bytes (vector, b64 ? "header_b64" : "header");
    packet->payload = vector_bytes (vector, b64 ? "payload_b64" : "ciphertext");
    if (json_object_has_member (vector, "tk")) {
        g_autoptr (GBytes) keys = vector_file (vector, "tk");
        packet->tek = half (keys, 0);
        packet->tik = half (keys, 1);
    } else {
        packet->tek = vector_file (vector, "tek");
        packet->tik = vector_file (vector, "tik");
    }
    g_assert_cmpuint (g_bytes_get_size (measure), >=, SEV_MAC_SIZE);
    memcpy (packet->measure, g_bytes_get_data (measure, NULL), SEV_MAC_SIZE);
    packet->legacy = json_object_get_boolean_member_with_default (
        vector, "mac_excludes_measurement", FALSE);
}

static void
packet_clear (Packet *packet)
{
    g_bytes_unref (packet->header);
    g_bytes_unref (packet->payload);
    g_bytes_unref (packet->tek);
    g_bytes_unref (packet->tik);
}

static SevSecret *
to_secret (GBytes *bytes)
{
    return sev_secret_new_copy (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
}

/* A guest in LSECRET that was measured as the packet says. */
static PspDevice *
platform_for (FakeHost *host, const Packet *packet, guint32 *handle)
{
    PspConfig config;

    psp_config_init (&config);
    config.api_major = 0;
    config.api_minor = packet->legacy ? 16 : 17;
    PspDevice *psp = fake_device_new (host, &config);
    fake_init (psp, FALSE);
    *handle = fake_launch (psp, 1);
    fake_activate (psp, *handle, 100);

    PspGuest *guest = psp_guests_find (psp->guests, *handle);
    psp_guest_wipe_launch (guest);
    guest->tek = to_secret (packet->tek);
    guest->tik = to_secret (packet->tik);
    memcpy (guest->measure, packet->measure, sizeof guest->measure);
    guest->state = SEV_GUEST_LAUNCH_SECRET;

    memcpy (fake_host_at (host, HEADER, 52), g_bytes_get_data (packet->header, NULL), 52);
    memcpy (fake_host_at (host, TRANS, g_bytes_get_size (packet->payload)),
            g_bytes_get_data (packet->payload, NULL), g_bytes_get_size (packet->payload));
    return psp;
}

static SevStatus
inject (PspDevice *psp, guint32 handle, gsize guest_len, gsize trans_len)
{
    PspLaunchSecretCmd cmd = {
        .handle_le = GUINT32_TO_LE (handle),
        .hdr_paddr_le = GUINT64_TO_LE (HEADER),
        .hdr_len_le = GUINT32_TO_LE (52),
        .guest_paddr_le = GUINT64_TO_LE (TARGET),
        .guest_len_le = GUINT32_TO_LE ((guint32) guest_len),
        .trans_paddr_le = GUINT64_TO_LE (TRANS),
        .trans_len_le = GUINT32_TO_LE ((guint32) trans_len),
    };

    return fake_command (psp, PSP_CMD_LAUNCH_SECRET, &cmd, sizeof cmd);
}

static gboolean
contains (const guint8 *data, gsize len, GBytes *wanted)
{
    gsize n;
    const guint8 *bytes = g_bytes_get_data (wanted, &n);

    g_assert_cmpuint (n, >, 0);
    for (gsize i = 0; i + n <= len; i++)
        if (memcmp (data + i, bytes, n) == 0)
            return TRUE;
    return FALSE;
}

/* The plaintext, or at least the secret that the other program put into its table. */
static void
assert_plaintext (JsonObject *vector, const guint8 *data, gsize len)
{
    /* The header GUID of the secret table, 1e74f542-71dd-4d66-963e-ef4287ff173b. */
    static const guint8 table[] = { 0x42, 0xf5, 0x74, 0x1e, 0xdd, 0x71, 0x66, 0x4d,
                                    0x96, 0x3e, 0xef, 0x42, 0x87, 0xff, 0x17, 0x3b };

    if (json_object_has_member (vector, "plaintext")) {
        g_autoptr (GBytes) expect = vector_bytes (vector, "plaintext");
        g_assert_cmpmem (data, len, g_bytes_get_data (expect, NULL),
                         g_bytes_get_size (expect));
        return;
    }
    g_assert_cmpmem (data, sizeof table, table, sizeof table);
    if (json_object_has_member (vector, "inject")) {
        g_autoptr (GBytes) secret = test_vector_load ("secret/luks.txt");
        g_assert_true (contains (data, len, secret));
    } else if (json_object_has_member (vector, "secret_file")) {
        g_autoptr (GBytes) secret = vector_file (vector, "secret_file");
        g_assert_true (contains (data, len, secret));
    } else {
        JsonArray *files = json_object_get_array_member (vector, "secret_files");
        g_assert_cmpuint (json_array_get_length (files), ==, 2);
        for (guint i = 0; i < 2; i++) {
            g_autoptr (GBytes) secret =
                test_vector_load (json_array_get_string_element (files, i));
            g_assert_true (contains (data, len, secret));
        }
    }
}

static void
check_packet (JsonObject *vector)
{
    Packet packet;
    guint32 handle;
    g_autoptr (FakeHost) host = fake_host_new ();

    packet_load (&packet, vector);
    const gsize len = g_bytes_get_size (packet.payload);
    g_autoptr (PspDevice) psp = platform_for (host, &packet, &handle);

    g_assert_cmphex (inject (psp, handle, len, len), ==, SEV_STATUS_SUCCESS);
    assert_plaintext (vector, fake_host_at (host, TARGET, len), len);
    g_assert_cmpuint (psp_guests_find (psp->guests, handle)->state, ==,
                      SEV_GUEST_LAUNCH_SECRET);
    packet_clear (&packet);
}

static void
test_vectors (void)
{
    vectors_for_each ("secret", 4, check_packet);
}

typedef struct {
    guint64 paddr;
    guint8 mask;
    SevStatus expect;
} Change;

static const Change changes[] = {
    { HEADER + 0, 0x01, SEV_STATUS_UNSUPPORTED },   /* says it is compressed */
    { HEADER + 0, 0x02, SEV_STATUS_INVALID_PARAM }, /* reserved flags */
    { HEADER + 3, 0x80, SEV_STATUS_INVALID_PARAM },
    { HEADER + 4, 0x01, SEV_STATUS_BAD_MEASUREMENT },  /* IV */
    { HEADER + 20, 0x01, SEV_STATUS_BAD_MEASUREMENT }, /* MAC */
    { HEADER + 51, 0x80, SEV_STATUS_BAD_MEASUREMENT },
    { TRANS + 0, 0x01, SEV_STATUS_BAD_MEASUREMENT },
    { TRANS + 31, 0x80, SEV_STATUS_BAD_MEASUREMENT },
};

static void
assert_untouched (FakeHost *host)
{
    static const guint8 zeroes[256];

    g_assert_cmpmem (fake_host_at (host, TARGET, sizeof zeroes), sizeof zeroes, zeroes,
                     sizeof zeroes);
}

static void
check_changes (JsonObject *vector)
{
    Packet packet;
    guint32 handle;
    g_autoptr (FakeHost) host = fake_host_new ();

    packet_load (&packet, vector);
    const gsize len = g_bytes_get_size (packet.payload);
    g_autoptr (PspDevice) psp = platform_for (host, &packet, &handle);
    PspGuest *guest = psp_guests_find (psp->guests, handle);

    for (gsize i = 0; i < G_N_ELEMENTS (changes); i++) {
        guint8 *byte = fake_host_at (host, changes[i].paddr, 1);

        *byte ^= changes[i].mask;
        g_assert_cmphex (inject (psp, handle, len, len), ==, changes[i].expect);
        *byte ^= changes[i].mask;
        assert_untouched (host);
    }
    /* Lengths are under the MAC too; 16 bytes less is another packet. */
    g_assert_cmphex (inject (psp, handle, len - 16, len - 16), ==,
                     SEV_STATUS_BAD_MEASUREMENT);
    g_assert_cmphex (inject (psp, handle, len - 16, len), ==, SEV_STATUS_INVALID_LENGTH);

    /* A packet for another launch, where packets are bound to one. */
    guest->measure[0] ^= 1;
    g_assert_cmphex (inject (psp, handle, len, len), ==,
                     packet.legacy ? SEV_STATUS_SUCCESS : SEV_STATUS_BAD_MEASUREMENT);
    if (!packet.legacy)
        assert_untouched (host);
    guest->measure[0] ^= 1;

    /* The other formula. */
    psp->config.api_minor = packet.legacy ? 17 : 16;
    g_assert_cmphex (inject (psp, handle, len, len), ==, SEV_STATUS_BAD_MEASUREMENT);
    psp->config.api_minor = packet.legacy ? 16 : 17;
    g_assert_cmphex (inject (psp, handle, len, len), ==, SEV_STATUS_SUCCESS);
    packet_clear (&packet);
}

static void
test_changes (void)
{
    vectors_for_each ("secret", 4, check_changes);
}

/* With an engine the plaintext goes through it, under the guest's key. */
static void
check_engine (JsonObject *vector)
{
    Packet packet;
    guint32 handle;
    g_autoptr (FakeHost) host = fake_host_new ();

    packet_load (&packet, vector);
    const gsize len = g_bytes_get_size (packet.payload);
    g_autoptr (PspDevice) psp = platform_for (host, &packet, &handle);
    psp->ops = fake_host_engine_ops;

    g_assert_cmphex (inject (psp, handle, len, len), ==, SEV_STATUS_SUCCESS);
    guint8 *target = fake_host_at (host, TARGET, len);
    for (gsize i = 0; i < len; i++)
        target[i] = (guint8) ~target[i];
    assert_plaintext (vector, target, len);
    g_assert_cmpuint (host->privates, ==, 1);
    g_assert_cmpuint (host->key.handle, ==, handle);
    g_assert_cmpuint (host->key.asid, ==, 100);
    g_assert_true (host->key.vek == psp_guests_find (psp->guests, handle)->vek);
    packet_clear (&packet);
}

static void
test_engine (void)
{
    vectors_for_each ("secret", 4, check_engine);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/psp-packet/vectors", test_vectors);
    g_test_add_func ("/psp-packet/changes", test_changes);
    g_test_add_func ("/psp-packet/engine", test_engine);
    return g_test_run ();
}
