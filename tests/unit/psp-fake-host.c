/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/psp-fake-host.h"

#include <gio/gio.h>
#include <string.h>

#include "sev/base/sev-bytes.h"
#include "sev/crypto/sev-aes.h"
#include "sev/crypto/sev-hmac.h"

FakeHost *
fake_host_new (void)
{
    return g_new0 (FakeHost, 1);
}

void
fake_host_free (FakeHost *host)
{
    sev_secret_unref (host->nv);
    g_free (host);
}

guint8 *
fake_host_at (FakeHost *host, guint64 paddr, gsize len)
{
    g_assert_cmpuint (paddr, >=, FAKE_BASE);
    g_assert_cmpuint (paddr + len, <=, FAKE_END);
    return host->memory + (paddr - FAKE_BASE);
}

static gboolean
works (FakeHost *host, GError **error)
{
    if (++host->calls != host->fail_at)
        return TRUE;
    if (!host->silent)
        g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE, "made to fail");
    return FALSE;
}

static gboolean
get_random (gpointer data, void *buf, gsize len, GError **error)
{
    FakeHost *host = data;
    guint8 *out = buf;

    if (!works (host, error))
        return FALSE;
    for (gsize i = 0; i < len; i++)
        out[i] = host->random_next++;
    if (host->random_len > 0) {
        const gsize n = MIN (len, host->random_len);

        memcpy (out, host->random, n);
        host->random_len -= n;
        memmove (host->random, host->random + n, host->random_len);
    }
    return TRUE;
}

static gboolean
range_ok (gpointer data, guint64 paddr, guint64 len, PspMemoryAccess access)
{
    g_assert_cmpuint (len, >, 0);
    if (paddr == FAKE_TMR && len == PSP_TMR_SIZE)
        return TRUE;
    return paddr >= FAKE_BASE && paddr < FAKE_END && len <= FAKE_END - paddr;
}

static gboolean
read_system (gpointer data, guint64 paddr, void *buf, gsize len, GError **error)
{
    FakeHost *host = data;

    if (!works (host, error))
        return FALSE;
    memcpy (buf, fake_host_at (host, paddr, len), len);
    return TRUE;
}

static gboolean
write_system (gpointer data, guint64 paddr, const void *buf, gsize len, GError **error)
{
    FakeHost *host = data;

    if (!works (host, error))
        return FALSE;
    memcpy (fake_host_at (host, paddr, len), buf, len);
    return TRUE;
}

static gboolean
nv_load (gpointer data, SevSecret **blob, GError **error)
{
    FakeHost *host = data;

    if (!works (host, error))
        return FALSE;
    *blob = host->nv != NULL ? sev_secret_ref (host->nv) : NULL;
    return TRUE;
}

static gboolean
nv_store (gpointer data, const SevSecret *blob, GError **error)
{
    FakeHost *host = data;

    if (!works (host, error))
        return FALSE;
    sev_secret_unref (host->nv);
    host->nv = blob != NULL
                   ? sev_secret_new_copy (sev_secret_data (blob), sev_secret_size (blob))
                   : NULL;
    host->stores++;
    return TRUE;
}

static gboolean
write_private (gpointer data,
               const PspGuestKey *key,
               guint64 paddr,
               const void *buf,
               gsize len,
               GError **error)
{
    FakeHost *host = data;
    const guint8 *in = buf;

    if (!works (host, error))
        return FALSE;
    guint8 *out = fake_host_at (host, paddr, len);
    for (gsize i = 0; i < len; i++)
        out[i] = (guint8) ~in[i];
    host->privates++;
    host->key = *key;
    return TRUE;
}

static gboolean
read_private (gpointer data,
              const PspGuestKey *key,
              guint64 paddr,
              void *buf,
              gsize len,
              GError **error)
{
    FakeHost *host = data;
    guint8 *out = buf;

    if (!works (host, error))
        return FALSE;
    const guint8 *in = fake_host_at (host, paddr, len);
    for (gsize i = 0; i < len; i++)
        out[i] = (guint8) ~in[i];
    host->private_reads++;
    host->key = *key;
    return TRUE;
}

const PspHostOps fake_host_ops = {
    .get_random = get_random,
    .range_ok = range_ok,
    .read_system = read_system,
    .write_system = write_system,
    .nv_load = nv_load,
    .nv_store = nv_store,
};

const PspHostOps fake_host_engine_ops = {
    .get_random = get_random,
    .range_ok = range_ok,
    .read_system = read_system,
    .write_system = write_system,
    .nv_load = nv_load,
    .nv_store = nv_store,
    .write_private = write_private,
    .read_private = read_private,
};

static PspChip *
load_chip (void)
{
    g_autofree char *path =
        g_build_filename (g_getenv ("G_TEST_SRCDIR"), "tests/unit/psp-chip-v1.b64", NULL);
    g_autofree char *text = NULL;
    g_autoptr (GError) error = NULL;
    gsize len;

    g_file_get_contents (path, &text, NULL, &error);
    g_assert_no_error (error);
    g_autofree guint8 *bytes = g_base64_decode (text, &len);
    g_autoptr (SevSecret) blob = sev_secret_new_copy (bytes, len);
    PspChip *chip = psp_chip_load (blob, &error);
    g_assert_no_error (error);
    return chip;
}

PspChip *
fake_chip (void)
{
    static PspChip *chip;

    if (chip == NULL)
        chip = load_chip ();
    return chip;
}

PspDevice *
fake_device_new (FakeHost *host, const PspConfig *config)
{
    PspConfig standard;
    g_autoptr (GError) error = NULL;

    psp_config_init (&standard);
    PspDevice *psp = psp_device_new (config != NULL ? config : &standard, fake_chip (),
                                     &fake_host_ops, host, &error);
    g_assert_no_error (error);
    return psp;
}

SevStatus
fake_command (PspDevice *psp, guint32 id, void *buffer, gsize len)
{
    g_autoptr (GError) error = NULL;
    SevStatus status;
    const gboolean ok = psp_device_command (psp, id, buffer, len, &status, &error);

    g_assert_no_error (error);
    g_assert_true (ok);
    return status;
}

void
fake_init (PspDevice *psp, gboolean es)
{
    PspInitCmd cmd = { 0 };

    if (es) {
        cmd.options_le = GUINT32_TO_LE (PSP_INIT_OPTION_ES);
        cmd.tmr_paddr_le = GUINT64_TO_LE (FAKE_TMR);
        cmd.tmr_len_le = GUINT32_TO_LE (0x100000);
    }
    g_assert_cmpuint (fake_command (psp, PSP_CMD_INIT, &cmd, sizeof cmd), ==, 0);
    g_assert_cmpuint (fake_command (psp, PSP_CMD_DF_FLUSH, NULL, 0), ==, 0);
}

guint32
fake_launch (PspDevice *psp, guint32 policy)
{
    PspLaunchStartCmd cmd = { .policy_le = GUINT32_TO_LE (policy) };

    g_assert_cmpuint (fake_command (psp, PSP_CMD_LAUNCH_START, &cmd, sizeof cmd), ==, 0);
    return GUINT32_FROM_LE (cmd.handle_le);
}

void
fake_activate (PspDevice *psp, guint32 handle, guint32 asid)
{
    PspActivateCmd cmd = { GUINT32_TO_LE (handle), GUINT32_TO_LE (asid) };

    g_assert_cmpuint (fake_command (psp, PSP_CMD_ACTIVATE, &cmd, sizeof cmd), ==, 0);
}

static void
add_secret (GByteArray *out, const SevSecret *secret)
{
    sev_put_u8 (out, secret != NULL);
    if (secret != NULL)
        sev_put_bytes (out, sev_secret_data (secret), sev_secret_size (secret));
}

static void
add_guest (GByteArray *out, const PspGuest *guest)
{
    guint8 digest[SEV_DIGEST_SIZE] = { 0 };

    if (guest->digest != NULL) {
        g_autoptr (SevDigest) copy = sev_digest_copy (guest->digest, NULL);
        g_assert_true (sev_digest_finish (copy, digest, NULL));
    }
    sev_put_u32 (out, guest->handle);
    sev_put_u32 (out, guest->asid);
    sev_put_u32 (out, guest->policy);
    sev_put_u32 (out, guest->state);
    add_secret (out, guest->vek);
    add_secret (out, guest->tek);
    add_secret (out, guest->tik);
    sev_put_u8 (out, guest->digest != NULL);
    sev_put_bytes (out, digest, sizeof digest);
    sev_put_bytes (out, guest->launch_digest, sizeof guest->launch_digest);
    sev_put_bytes (out, guest->measure, sizeof guest->measure);
    sev_put_u32 (out, psp_guest_swapped_count (guest));
}

char *
fake_snapshot (PspDevice *psp, FakeHost *host, gboolean memory)
{
    g_autoptr (GByteArray) all = g_byte_array_new ();

    sev_put_u32 (all, psp->state);
    sev_put_u32 (all, (guint32) psp->es_enabled);
    sev_put_bytes (all, &psp->keys, sizeof psp->keys);
    sev_put_u64 (all, psp->nv_area);
    sev_put_u8 (all, psp->config.api_major);
    sev_put_u8 (all, psp->config.api_minor);
    sev_put_u8 (all, psp->config.build);
    add_secret (all, psp->swap_key);
    add_secret (all, host->nv);
    if (memory)
        sev_put_bytes (all, host->memory, sizeof host->memory);
    if (psp->guests != NULL) {
        sev_put_u32 (all, psp_guests_count (psp->guests));
        for (guint32 handle = 1; handle < 64; handle++) {
            const PspGuest *guest = psp_guests_find (psp->guests, handle);
            if (guest != NULL)
                add_guest (all, guest);
        }
        for (guint32 asid = 0; asid <= psp->config.max_asid; asid++)
            sev_put_u8 (all, (guint8) psp_guests_asid_stale (psp->guests, asid));
    }
    return g_compute_checksum_for_data (G_CHECKSUM_SHA256, all->data, all->len);
}

void
fake_packet (FakeHost *host,
             const PspGuest *guest,
             guint64 header_paddr,
             guint64 trans_paddr,
             const guint8 *plain,
             guint32 len)
{
    static const guint8 context = 0x01;
    SevPacketHeaderWire header = { .iv = { 0x11, 0x22, 0x33 } };
    const guint32 len_le = GUINT32_TO_LE (len);
    guint8 *data = fake_host_at (host, trans_paddr, len);
    g_autoptr (SevHmac) mac =
        sev_hmac_new (sev_secret_data (guest->tik), SEV_KEY_SIZE, NULL);

    g_assert_true (
        sev_aes128_ctr (sev_secret_data (guest->tek), header.iv, plain, data, len, NULL));
    g_assert_true (sev_hmac_update (mac, &context, 1, NULL) &&
                   sev_hmac_update (mac, &header.flags_le, sizeof header.flags_le, NULL) &&
                   sev_hmac_update (mac, header.iv, sizeof header.iv, NULL) &&
                   sev_hmac_update (mac, &len_le, sizeof len_le, NULL) &&
                   sev_hmac_update (mac, &len_le, sizeof len_le, NULL) &&
                   sev_hmac_update (mac, data, len, NULL) &&
                   sev_hmac_update (mac, guest->measure, sizeof guest->measure, NULL) &&
                   sev_hmac_finish (mac, header.mac, NULL));
    memcpy (fake_host_at (host, header_paddr, sizeof header), &header, sizeof header);
}
