/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/psp-table-world.h"

#include <string.h>

#include "sev/base/sev-bytes.h"
#include "sev/crypto/sev-aes.h"
#include "sev/crypto/sev-hmac.h"
#include "sev/crypto/sev-kdf.h"
#include "sev/wire/sev-cert-wire.h"
#include "tests/lib/firmware-maker.h"
#include "tests/unit/psp-table-rows.h"

#define CHAIN_SIZE 6252u

/* Areas end before the next begins; only SW and DATA are whole guest pages for commands. */
static const struct {
    const char *name;
    guint32 offset;
} areas[] = {
    { "DATA", 0x00000 }, { "VMSA", 0x05000 },    { "OUT", 0x07000 },   { "OUT2", 0x0a000 },
    { "GODH", 0x0d000 }, { "SESSION", 0x0f000 }, { "HDR", 0x11000 },   { "TRANS", 0x13000 },
    { "PDH", 0x18000 },  { "PLAT", 0x1a000 },    { "AMD", 0x1d000 },   { "CSR", 0x1f000 },
    { "OCA", 0x21000 },  { "IDS", 0x23000 },     { "MDATA", 0x24000 }, { "SW", 0x25000 },
    { "DST", 0x27000 },  { "BIG", 0x2a000 },     { "NV", 0x2f000 },    { "FW", 0x38000 },
};

gboolean
world_address (const char *text, guint64 *out)
{
    const gsize len = strcspn (text, "+-");
    g_autofree char *name = g_strndup (text, len);
    guint64 n = 0;

    if (text[len] != '\0' && !table_number (text + len + 1, &n))
        return FALSE;
    if (g_str_equal (name, "END") || g_str_equal (name, "WRAP")) {
        *out = (g_str_equal (name, "END") ? FAKE_END : G_GUINT64_CONSTANT (0)) - n;
        return TRUE;
    }
    if (g_str_equal (name, "UNMAPPED") || g_str_equal (name, "TMR")) {
        *out = (g_str_equal (name, "TMR") ? FAKE_TMR : WORLD_UNMAPPED) + n;
        return TRUE;
    }
    for (guint i = 0; i < G_N_ELEMENTS (areas); i++) {
        if (g_str_equal (name, areas[i].name)) {
            *out = FAKE_AT (areas[i].offset) + n;
            return TRUE;
        }
    }
    return FALSE;
}

gboolean
world_mapped (guint64 paddr, gsize len)
{
    return paddr >= FAKE_BASE && paddr < FAKE_END && len <= FAKE_END - paddr;
}

static guint64
at (const char *area)
{
    guint64 paddr = 0;

    g_assert_true (world_address (area, &paddr));
    return paddr;
}

GBytes *
world_blob (const World *world, const char *area)
{
    return g_hash_table_lookup (world->blobs, area);
}

static void
set_blob (World *world, const char *area, const void *data, gsize len)
{
    g_hash_table_insert (world->blobs, g_strdup (area), g_bytes_new (data, len));
}

/* Puts what lies in @area there. */
static void
place (World *world, const char *area)
{
    gsize len;
    const void *data = g_bytes_get_data (world_blob (world, area), &len);

    memcpy (fake_host_at (world->host, at (area), len), data, len);
}

guint8
world_pattern (guint64 paddr)
{
    const guint64 i = paddr - FAKE_BASE;

    return (guint8) (1 + (i * 7 + i / 255) % 255);
}

void
world_fill (World *world)
{
    for (guint64 i = 0; i < FAKE_SIZE; i++)
        world->host->memory[i] = world_pattern (FAKE_BASE + i);
}

/* A command that has to succeed, from its numbers: (offset, width, value)..., 0 width. */
typedef struct {
    guint offset, width;
    guint64 value;
} Put;

static void
issue (World *world, guint32 id, const Put *puts, guint8 *buffer, gsize len)
{
    for (const Put *put = puts; put != NULL && put->width > 0; put++) {
        const guint64 le = GUINT64_TO_LE (put->value);

        g_assert_cmpuint (put->offset + put->width, <=, len);
        memcpy (buffer + put->offset, &le, put->width);
    }
    const SevStatus status = fake_command (world->psp, id, buffer, len);
    if (status != 0)
        g_error ("command 0x%02x of the set-up: status 0x%02x", id, status);
}

static void
issue_handle (World *world, guint32 id, guint32 handle)
{
    guint8 buffer[4];

    issue (world, id, (const Put[]){ { 0, 4, handle }, { 0 } }, buffer, sizeof buffer);
}

static void
issue_init (World *world)
{
    guint8 buffer[20] = { 0 };

    issue (world, 0x01,
           (const Put[]){ { 0, 4, world->engine_es },
                          { 8, 8, world->engine_es ? FAKE_TMR : 0 },
                          { 16, 4, world->engine_es ? 0x100000 : 0 },
                          { 0 } },
           buffer, sizeof buffer);
}

/* PDH_CERT_EXPORT to OUT and OUT2. */
static void
issue_export (World *world)
{
    guint8 buffer[28] = { 0 };

    issue (world, 0x08,
           (const Put[]){ { 0, 8, at ("OUT") },
                          { 8, 4, SEV_CERT_SIZE },
                          { 16, 8, at ("OUT2") },
                          { 24, 4, CHAIN_SIZE },
                          { 0 } },
           buffer, sizeof buffer);
}

void
world_certs (World *world, char *out[WORLD_CERTS])
{
    g_autofree guint8 *saved = g_memdup2 (world->host->memory, sizeof world->host->memory);
    const guint64 where[] = { at ("OUT2") + SEV_CERT_SIZE, at ("OUT2"), at ("OUT") };

    issue_export (world);
    for (guint i = 0; i < WORLD_CERTS; i++)
        out[i] = g_compute_checksum_for_data (
            G_CHECKSUM_SHA256, fake_host_at (world->host, where[i], SEV_CERT_SIZE),
            SEV_CERT_SIZE);
    memcpy (world->host->memory, saved, sizeof world->host->memory);
}

/* Keys that are not the firmware's; made once a process. */
static const SevEcKey *
owner_key (const char *area)
{
    static SevEcKey *dh, *oca;
    SevEcKey **key = g_str_equal (area, "GODH") ? &dh : &oca;

    if (*key == NULL)
        *key = sev_ec_key_generate (SEV_CURVE_P384, NULL);
    g_assert_nonnull (*key);
    return *key;
}

GBytes *
world_signed (const World *world, const char *area, gsize offset, guint8 value)
{
    const gboolean dh = g_str_equal (area, "GODH");
    guint8 bytes[SEV_CERT_SIZE];
    SevEcSignature signature;
    SevCert cert;

    if (g_str_equal (area, "CSR")) {
        gsize len;
        const void *csr = g_bytes_get_data (world_blob (world, "CSR.unsigned"), &len);
        g_assert_true (sev_cert_decode (csr, len, &cert, NULL));
    } else {
        sev_cert_init (&cert, dh ? SEV_USAGE_PDH : SEV_USAGE_OCA,
                       dh ? SEV_ALGO_ECDH_SHA256 : SEV_ALGO_ECDSA_SHA256);
        sev_cert_set_ec_key (&cert, owner_key (area));
    }
    sev_cert_encode (&cert, bytes);
    if (offset < SEV_CERT_BODY_SIZE)
        bytes[offset] = value;
    g_assert_true (sev_cert_decode (bytes, sizeof bytes, &cert, NULL));
    g_assert_true (sev_ec_sign (owner_key (dh ? "GODH" : "OCA"), SEV_HASH_SHA256, bytes,
                                SEV_CERT_BODY_SIZE, &signature, NULL));
    sev_cert_sig_set_ec (&cert.sig[0], dh ? SEV_USAGE_PEK : SEV_USAGE_OCA,
                         SEV_ALGO_ECDSA_SHA256, &signature);
    sev_cert_encode (&cert, bytes);
    return g_bytes_new (bytes, sizeof bytes);
}

GBytes *
world_image (guint8 build)
{
    static GBytes *images[G_MAXUINT8 + 1];
    const FirmwareSpec spec = { .api_major = 1, .api_minor = 55, .build = build };

    if (images[build] == NULL)
        images[build] = firmware_maker_image (fake_chip (), &spec);
    return g_bytes_ref (images[build]);
}

void
world_session (const World *world, guint32 policy, WorldSession *out)
{
    guint8 ms[SEV_KEY_SIZE], kek[SEV_KEY_SIZE], kik[SEV_KEY_SIZE];
    guint8 keys[2 * SEV_KEY_SIZE];
    const guint32 policy_le = GUINT32_TO_LE (policy);
    guint8 *const nonce = out->bytes, *const iv = out->bytes + 0x30;
    gsize len;
    SevCert pdh;

    for (guint i = 0; i < sizeof keys; i++)
        keys[i] = (guint8) (0x40 + i);
    for (guint i = 0; i < SEV_NONCE_SIZE; i++) {
        nonce[i] = (guint8) (0x10 + i);
        iv[i] = (guint8) (0xe0 + i);
    }
    memcpy (out->tek, keys, SEV_KEY_SIZE);
    memcpy (out->tik, keys + SEV_KEY_SIZE, SEV_KEY_SIZE);
    const void *cert = g_bytes_get_data (world_blob (world, "own.PDH"), &len);
    g_assert_true (sev_cert_decode (cert, len, &pdh, NULL));
    g_autoptr (SevEcKey) peer = sev_cert_get_ec_key (&pdh, NULL);
    g_assert_nonnull (peer);
    g_autoptr (SevSecret) z = sev_ec_derive (owner_key ("GODH"), peer, NULL);
    g_assert_nonnull (z);
    g_assert_true (
        sev_kdf_derive (sev_secret_data (z), sev_secret_size (z), "sev-master-secret",
                        nonce, SEV_NONCE_SIZE, ms, sizeof ms, NULL) &&
        sev_kdf_derive (ms, sizeof ms, "sev-kek", NULL, 0, kek, sizeof kek, NULL) &&
        sev_kdf_derive (ms, sizeof ms, "sev-kik", NULL, 0, kik, sizeof kik, NULL) &&
        sev_aes128_ctr (kek, iv, keys, out->bytes + 0x10, sizeof keys, NULL) &&
        sev_hmac_sha256 (kik, sizeof kik, out->bytes + 0x10, sizeof keys, out->bytes + 0x40,
                         NULL) &&
        sev_hmac_sha256 (out->tik, SEV_KEY_SIZE, &policy_le, sizeof policy_le,
                         out->bytes + 0x60, NULL));
}

void
world_packet (World *world, const WorldPacket *packet)
{
    guint8 header[52] = { 0 };
    const guint32 lens[] = { GUINT32_TO_LE (packet->guest_len),
                             GUINT32_TO_LE (packet->trans_len) };
    g_autoptr (SevHmac) mac = sev_hmac_new (world->session.tik, SEV_KEY_SIZE, NULL);

    if (!world_mapped (packet->header, sizeof header) ||
        !world_mapped (packet->trans, packet->trans_len))
        return;
    memset (header + 4, 0x5a, 16);
    if (packet->offset < 20)
        header[packet->offset] = packet->value;
    guint8 *data = fake_host_at (world->host, packet->trans, packet->trans_len);
    g_assert_true (sev_aes128_ctr (world->session.tek, header + 4, data, data,
                                   packet->trans_len, NULL));
    g_assert_true (sev_hmac_update (mac, &packet->context, 1, NULL) &&
                   sev_hmac_update (mac, header, 20, NULL) &&
                   sev_hmac_update (mac, lens, sizeof lens, NULL) &&
                   sev_hmac_update (mac, data, packet->trans_len, NULL));
    if (packet->context == 1)
        g_assert_true (sev_hmac_update (mac, world->measure, sizeof world->measure, NULL));
    g_assert_true (sev_hmac_finish (mac, header + 20, NULL));
    memcpy (fake_host_at (world->host, packet->header, sizeof header), header,
            sizeof header);
}

/* PEK_CSR; the reply is in the blob CSR.unsigned, CSR and OCA are what the owner makes. */
static void
make_ceremony (World *world)
{
    guint8 buffer[12] = { 0 };

    issue (world, 0x06, (const Put[]){ { 0, 8, at ("CSR") }, { 8, 4, 2084 }, { 0 } },
           buffer, sizeof buffer);
    set_blob (world, "CSR.unsigned", fake_host_at (world->host, at ("CSR"), SEV_CERT_SIZE),
              SEV_CERT_SIZE);
    g_hash_table_insert (world->blobs, g_strdup ("CSR"),
                         world_signed (world, "CSR", G_MAXSIZE, 0));
    g_hash_table_insert (world->blobs, g_strdup ("OCA"),
                         world_signed (world, "OCA", G_MAXSIZE, 0));
}

static void
import (World *world)
{
    guint8 buffer[28] = { 0 };

    make_ceremony (world);
    place (world, "CSR");
    place (world, "OCA");
    issue (world, 0x07,
           (const Put[]){ { 0, 8, at ("CSR") },
                          { 8, 4, 2084 },
                          { 16, 8, at ("OCA") },
                          { 24, 4, 2084 },
                          { 0 } },
           buffer, sizeof buffer);
}

/* Stored by a platform that was initialised once, and maybe owned; made once a process. */
static SevSecret *
stored_state (guint which, gboolean owned)
{
    static SevSecret *states[3];

    if (states[which] == NULL) {
        g_autoptr (World) world = world_new ("UNINIT+fresh");

        issue_init (world);
        if (owned)
            import (world);
        states[which] = sev_secret_ref (world->host->nv);
    }
    return sev_secret_ref (states[which]);
}

static void
set_stored (World *world)
{
    if (world->fresh)
        return;
    sev_secret_unref (world->host->nv);
    world->host->nv = stored_state (world->owned ? 1 : 0, world->owned);
}

/* A flipped bit in the middle of what is stored. */
static void
damage (World *world)
{
    g_autoptr (SevSecret) good = world->host->nv;
    const gsize len = sev_secret_size (good);
    g_autofree guint8 *bytes = g_memdup2 (sev_secret_data (good), len);

    bytes[len / 2] ^= 0x10;
    world->host->nv = sev_secret_new_copy (bytes, len);
}

static void
export_blobs (World *world, const char *pdh, const char *plat)
{
    issue_export (world);
    set_blob (world, pdh, fake_host_at (world->host, at ("OUT"), SEV_CERT_SIZE),
              SEV_CERT_SIZE);
    set_blob (world, plat, fake_host_at (world->host, at ("OUT2"), CHAIN_SIZE), CHAIN_SIZE);
}

/* Another platform on the same chip: the same CEK, another owner. */
static void
export_other (World *world)
{
    g_autoptr (World) other = world_new (world->old ? "UNINIT+fresh+old" : "UNINIT+fresh");

    sev_secret_unref (other->host->nv);
    other->host->nv = world->old ? NULL : stored_state (2, FALSE);
    issue_init (other);
    export_blobs (other, "PDH", "PLAT");
    g_hash_table_insert (world->blobs, g_strdup ("PDH"),
                         g_bytes_ref (world_blob (other, "PDH")));
    g_hash_table_insert (world->blobs, g_strdup ("PLAT"),
                         g_bytes_ref (world_blob (other, "PLAT")));
}

/* What SEND_START is given: PDH, PLAT, AMD. */
static void
make_target (World *world)
{
    g_autoptr (GBytes) ark = NULL, ask = NULL, cek = NULL;
    g_autoptr (GByteArray) amd = g_byte_array_new ();

    if (world->other)
        export_other (world);
    else
        export_blobs (world, "PDH", "PLAT");
    psp_chip_get_amd_certs (fake_chip (), &ark, &ask, &cek);
    g_byte_array_append (amd, g_bytes_get_data (ask, NULL), (guint) g_bytes_get_size (ask));
    g_byte_array_append (amd, g_bytes_get_data (ark, NULL), (guint) g_bytes_get_size (ark));
    set_blob (world, "AMD", amd->data, amd->len);
    if (world->chain_signed) {
        g_autofree guint8 *plat =
            g_memdup2 (g_bytes_get_data (world_blob (world, "PLAT"), NULL), CHAIN_SIZE);

        memcpy (plat + 2 * SEV_CERT_SIZE, g_bytes_get_data (cek, NULL), SEV_CERT_SIZE);
        set_blob (world, "PLAT", plat, CHAIN_SIZE);
    }
}

/* LAUNCH_START (0x30) or RECEIVE_START (0x50) with the session; no session if @bare. */
static guint32
start_guest (World *world, guint32 id, guint32 policy, gboolean bare)
{
    guint8 buffer[36] = { 0 };
    guint32 handle;

    place (world, "GODH");
    memcpy (fake_host_at (world->host, at ("SESSION"), 128), world->session.bytes, 128);
    issue (world, id,
           (const Put[]){ { 4, 4, policy },
                          { 8, 8, bare ? 0 : at ("GODH") },
                          { 16, 4, 2084 },
                          { 24, 8, at ("SESSION") },
                          { 32, 4, 128 },
                          { 0 } },
           buffer, sizeof buffer);
    memcpy (&handle, buffer, sizeof handle);
    return GUINT32_FROM_LE (handle);
}

static void
activate (World *world, guint32 handle, guint32 asid)
{
    guint8 buffer[8];

    issue (world, 0x21, (const Put[]){ { 0, 4, handle }, { 4, 4, asid }, { 0 } }, buffer,
           sizeof buffer);
}

static void
flush (World *world)
{
    issue (world, 0x0a, NULL, NULL, 0);
}

static void
measure (World *world, guint32 handle, guint8 out[SEV_MAC_SIZE])
{
    guint8 buffer[20] = { 0 };

    issue (world, 0x33,
           (const Put[]){ { 0, 4, handle }, { 8, 8, at ("OUT") }, { 16, 4, 48 }, { 0 } },
           buffer, sizeof buffer);
    if (out != NULL)
        memcpy (out, fake_host_at (world->host, at ("OUT"), SEV_MAC_SIZE), SEV_MAC_SIZE);
}

static void
run_second (World *world, guint32 asid)
{
    const guint32 second = start_guest (world, 0x30, 0, TRUE);

    activate (world, second, asid);
    measure (world, second, NULL);
    issue_handle (world, 0x35, second);
    world->second = second;
}

static void
make_stale (World *world, guint32 asid)
{
    const guint32 gone = start_guest (world, 0x30, world->policy, TRUE);

    activate (world, gone, asid);
    issue_handle (world, 0x22, gone);
    issue_handle (world, 0x20, gone);
}

static void
send_start (World *world)
{
    guint8 buffer[68] = { 0 };

    place (world, "PDH");
    place (world, "PLAT");
    place (world, "AMD");
    issue (world, 0x40,
           (const Put[]){ { 0, 4, world->handle },
                          { 8, 8, at ("PDH") },
                          { 16, 4, SEV_CERT_SIZE },
                          { 24, 8, at ("PLAT") },
                          { 32, 4, CHAIN_SIZE },
                          { 40, 8, at ("AMD") },
                          { 48, 4, g_bytes_get_size (world_blob (world, "AMD")) },
                          { 56, 8, at ("OUT") },
                          { 64, 4, 128 },
                          { 0 } },
           buffer, sizeof buffer);
}

static void
swap_out (World *world)
{
    guint8 buffer[40] = { 0 };

    world_fill (world);
    issue (world, 0x70,
           (const Put[]){ { 0, 4, world->handle },
                          { 8, 8, at ("DATA") },
                          { 16, 8, at ("SW") },
                          { 24, 8, at ("MDATA") },
                          { 0 } },
           buffer, sizeof buffer);
    set_blob (world, "SW", fake_host_at (world->host, at ("SW"), 4096), 4096);
    set_blob (world, "MDATA", fake_host_at (world->host, at ("MDATA"), 64), 64);
}

static void
swap_in (World *world)
{
    guint8 buffer[32] = { 0 };

    issue (world, 0x71,
           (const Put[]){ { 0, 4, world->handle },
                          { 8, 8, at ("SW") },
                          { 16, 8, at ("DST") },
                          { 24, 8, at ("MDATA") },
                          { 0 } },
           buffer, sizeof buffer);
}

static void
make_guest (World *world, const char *state)
{
    const guint32 min = world->full ? 1 : world->policy & SEV_POLICY_ES ? 1 : 100;

    if (world->stale)
        make_stale (world, min);
    world->handle = start_guest (world, g_str_equal (state, "RUPDATE") ? 0x50 : 0x30,
                                 world->policy, FALSE);
    if (g_str_equal (state, "LUPDATE") && world->inactive)
        return;
    activate (world, world->handle, min);
    if (world->two)
        run_second (world, 101);
    if (world->full)
        run_second (world, 2);
    if (!g_str_equal (state, "LUPDATE") && !g_str_equal (state, "RUPDATE"))
        measure (world, world->handle, world->measure);
    if (g_str_equal (state, "RUNNING") || state[0] == 'S')
        issue_handle (world, 0x35, world->handle);
    if (world->swapped)
        swap_out (world);
    if (world->spent)
        swap_in (world);
    if (state[0] == 'S')
        send_start (world);
    if (g_str_equal (state, "SENT"))
        issue_handle (world, 0x43, world->handle);
    if (world->inactive) {
        issue_handle (world, 0x22, world->handle);
        flush (world);
    }
}

static void
parse_start (World *world, char **parts)
{
    const struct {
        const char *name;
        gboolean *flag;
    } flags[] = {
        { "es", &world->engine_es },    { "inactive", &world->inactive },
        { "swapped", &world->swapped }, { "spent", &world->spent },
        { "noflush", &world->noflush }, { "stale", &world->stale },
        { "two", &world->two },         { "owned", &world->owned },
        { "fresh", &world->fresh },     { "nvbad", &world->nvbad },
        { "nvbad2", &world->nvbad2 },   { "full", &world->full },
        { "noes", &world->noes },       { "other", &world->other },
        { "old", &world->old },         { "signed", &world->chain_signed },
    };

    for (guint i = 1; parts[i] != NULL; i++) {
        guint64 policy;
        gboolean known = FALSE;

        if (g_str_has_prefix (parts[i], "policy=") &&
            table_number (parts[i] + 7, &policy)) {
            world->policy = (guint32) policy;
            continue;
        }
        for (guint j = 0; j < G_N_ELEMENTS (flags); j++)
            if (g_str_equal (parts[i], flags[j].name))
                known = *flags[j].flag = TRUE;
        if (!known)
            g_error ("no modifier '%s'", parts[i]);
    }
    if (world->engine_es)
        world->policy |= SEV_POLICY_ES;
}

static void
make_device (World *world)
{
    g_autoptr (GError) error = NULL;
    PspConfig config;

    psp_config_init (&config);
    if (world->noes)
        config.es = FALSE;
    if (world->old && !world->other)
        config.api_minor = 40;
    if (world->full) {
        config.min_sev_asid = 1;
        config.max_asid = 2;
    }
    world->psp =
        psp_device_new (&config, fake_chip (), &fake_host_engine_ops, world->host, &error);
    g_assert_no_error (error);
    set_stored (world);
}

/* Everything that needs an initialised platform, and then back where @state is. */
static void
enter (World *world, const char *state)
{
    issue_init (world);
    world_certs (world, world->certs);
    export_blobs (world, "own.PDH", "own.PLAT");
    g_hash_table_insert (world->blobs, g_strdup ("GODH"),
                         world_signed (world, "GODH", G_MAXSIZE, 0));
    g_hash_table_insert (world->blobs, g_strdup ("FW"), world_image (22));
    world_session (world, world->policy, &world->session);
    make_ceremony (world);
    make_target (world);
    if (!world->noflush)
        flush (world);
    if (g_str_equal (state, "UNINIT"))
        issue (world, 0x02, NULL, NULL, 0);
    else if (!g_str_equal (state, "INIT"))
        make_guest (world, state);
}

World *
world_new (const char *start)
{
    g_auto (GStrv) parts = g_strsplit (start, "+", -1);
    World *world = g_new0 (World, 1);

    world->host = fake_host_new ();
    world->blobs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                          (GDestroyNotify) g_bytes_unref);
    world->handle = WORLD_BAD_HANDLE;
    parse_start (world, parts);
    make_device (world);
    if (world->fresh)
        return world;
    enter (world, parts[0]);
    if (world->nvbad || world->nvbad2)
        damage (world);
    if (world->nvbad2) {
        guint8 buffer[20] = { 0 };

        g_assert_cmpuint (fake_command (world->psp, 0x01, buffer, sizeof buffer), ==,
                          table_status ("SECURE_DATA_INVALID"));
    }
    return world;
}

void
world_free (World *world)
{
    psp_device_free (world->psp);
    fake_host_free (world->host);
    g_hash_table_unref (world->blobs);
    for (guint i = 0; i < WORLD_CERTS; i++)
        g_free (world->certs[i]);
    g_free (world);
}
