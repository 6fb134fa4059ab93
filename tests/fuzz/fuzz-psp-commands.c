/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A sequence of commands for the emulated firmware: records of an index into the table
 * below, the size of the command buffer, and 72 bytes for it.  The host never fails, so
 * neither may the device; after each command its state must make sense.
 */

#include <stdint.h>
#include <string.h>

#include "psp/fw/psp-private.h"

#define MEMORY_SIZE 0x10000u
#define BUFFER_SIZE 72u /* SEND_START has 68 */
#define RECORD_SIZE (2 + BUFFER_SIZE)
#define MAX_RECORDS 64u

/* The order is the corpus' format. */
static const guint32 ids[] = {
    PSP_CMD_INIT,
    PSP_CMD_SHUTDOWN,
    PSP_CMD_PLATFORM_RESET,
    PSP_CMD_PLATFORM_STATUS,
    PSP_CMD_PDH_CERT_EXPORT,
    PSP_CMD_DF_FLUSH,
    PSP_CMD_GET_ID,
    PSP_CMD_DECOMMISSION,
    PSP_CMD_ACTIVATE,
    PSP_CMD_DEACTIVATE,
    PSP_CMD_GUEST_STATUS,
    PSP_CMD_LAUNCH_START,
    PSP_CMD_LAUNCH_UPDATE_DATA,
    PSP_CMD_LAUNCH_MEASURE,
    PSP_CMD_LAUNCH_SECRET,
    PSP_CMD_LAUNCH_FINISH,
    PSP_CMD_PEK_GEN,
    PSP_CMD_PEK_CSR,
    PSP_CMD_PEK_CERT_IMPORT,
    PSP_CMD_PDH_GEN,
    PSP_CMD_DOWNLOAD_FIRMWARE,
    PSP_CMD_INIT_EX,
    PSP_CMD_COPY,
    PSP_CMD_ACTIVATE_EX,
    PSP_CMD_LAUNCH_UPDATE_VMSA,
    PSP_CMD_ATTESTATION,
    PSP_CMD_SEND_START,
    PSP_CMD_SEND_UPDATE_DATA,
    PSP_CMD_SEND_UPDATE_VMSA,
    PSP_CMD_SEND_FINISH,
    PSP_CMD_SEND_CANCEL,
    PSP_CMD_RECEIVE_START,
    PSP_CMD_RECEIVE_UPDATE_DATA,
    PSP_CMD_RECEIVE_UPDATE_VMSA,
    PSP_CMD_RECEIVE_FINISH,
    PSP_CMD_DBG_DECRYPT,
    PSP_CMD_DBG_ENCRYPT,
    PSP_CMD_SWAP_OUT,
    PSP_CMD_SWAP_IN,
};
#define INDEX_POKE G_N_ELEMENTS (ids)       /* 2 bytes address, 70 bytes for memory */
#define INDEX_RAW (G_N_ELEMENTS (ids) + 1)  /* 4 bytes id, also the buffer */
#define INDEX_ROOT (G_N_ELEMENTS (ids) + 2) /* 2 bytes address: ASK, ARK, signed CEK */

typedef struct {
    guint8 memory[MEMORY_SIZE];
    SevSecret *nv;
    guint8 counter;
} Host;

int LLVMFuzzerInitialize (int *argc, char ***argv);
int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static gboolean
get_random (gpointer data, void *buf, gsize len, GError **error)
{
    Host *host = data;

    memset (buf, host->counter++, len);
    return TRUE;
}

/* The TMR is memory, and so a guest's page may be there, too; it keeps nothing. */
static gboolean
in_tmr (guint64 paddr, guint64 len)
{
    return paddr >= PSP_TMR_SIZE && paddr < 2 * PSP_TMR_SIZE &&
           len <= 2 * PSP_TMR_SIZE - paddr;
}

static gboolean
range_ok (gpointer data, guint64 paddr, guint64 len, PspMemoryAccess access)
{
    return in_tmr (paddr, len) || (paddr < MEMORY_SIZE && len <= MEMORY_SIZE - paddr);
}

static gboolean
read_system (gpointer data, guint64 paddr, void *buf, gsize len, GError **error)
{
    Host *host = data;

    g_assert_true (range_ok (data, paddr, len, PSP_MEMORY_READ));
    if (in_tmr (paddr, len))
        memset (buf, 0, len);
    else
        memcpy (buf, host->memory + paddr, len);
    return TRUE;
}

static gboolean
write_system (gpointer data, guint64 paddr, const void *buf, gsize len, GError **error)
{
    Host *host = data;

    g_assert_true (range_ok (data, paddr, len, PSP_MEMORY_WRITE));
    if (!in_tmr (paddr, len))
        memcpy (host->memory + paddr, buf, len);
    return TRUE;
}

static gboolean
nv_load (gpointer data, SevSecret **blob, GError **error)
{
    Host *host = data;

    *blob = host->nv != NULL ? sev_secret_ref (host->nv) : NULL;
    return TRUE;
}

static gboolean
nv_store (gpointer data, const SevSecret *blob, GError **error)
{
    Host *host = data;

    g_clear_pointer (&host->nv, sev_secret_unref);
    if (blob != NULL)
        host->nv = sev_secret_new_copy (sev_secret_data (blob), sev_secret_size (blob));
    return TRUE;
}

/* An "engine" that inverts every bit. */
static gboolean
write_private (gpointer data,
               const PspGuestKey *key,
               guint64 paddr,
               const void *buf,
               gsize len,
               GError **error)
{
    Host *host = data;
    const guint8 *in = buf;

    g_assert_true (key->asid != 0 && key->vek != NULL);
    g_assert_true (range_ok (data, paddr, len, PSP_MEMORY_WRITE));
    for (gsize i = 0; i < len && !in_tmr (paddr, len); i++)
        host->memory[paddr + i] = (guint8) ~in[i];
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
    const Host *host = data;
    guint8 *out = buf;

    g_assert_true (key->asid != 0 && key->vek != NULL);
    g_assert_true (range_ok (data, paddr, len, PSP_MEMORY_READ));
    if (in_tmr (paddr, len))
        memset (buf, 0, len);
    else
        for (gsize i = 0; i < len; i++)
            out[i] = (guint8) ~host->memory[paddr + i];
    return TRUE;
}

static const PspHostOps ops = {
    .get_random = get_random,
    .range_ok = range_ok,
    .read_system = read_system,
    .write_system = write_system,
    .nv_load = nv_load,
    .nv_store = nv_store,
    .write_private = write_private,
    .read_private = read_private,
};

static void
check_guest (const PspDevice *psp, const PspGuest *guest)
{
    const gboolean es = (guest->policy & SEV_POLICY_ES) != 0;
    const gboolean moving = guest->state == SEV_GUEST_LAUNCH_UPDATE ||
                            guest->state == SEV_GUEST_LAUNCH_SECRET ||
                            guest->state == SEV_GUEST_SEND_UPDATE ||
                            guest->state == SEV_GUEST_RECEIVE_UPDATE;

    g_assert_true (moving || guest->state == SEV_GUEST_RUNNING ||
                   guest->state == SEV_GUEST_SENT);
    g_assert_true ((guest->digest != NULL) == (guest->state == SEV_GUEST_LAUNCH_UPDATE));
    g_assert_true ((guest->tek != NULL) == moving);
    g_assert_true ((guest->tik != NULL) == moving);
    g_assert_nonnull (guest->vek);
    g_assert_true (!es || psp->es_enabled);
    if (guest->asid != 0) {
        g_assert_cmpuint (guest->asid, <=, psp->config.max_asid);
        g_assert_true (es == (guest->asid < psp->config.min_sev_asid));
        g_assert_false (psp_guests_asid_stale (psp->guests, guest->asid));
    }
}

static void
check_device (const PspDevice *psp)
{
    const gboolean up = psp->state != SEV_PLATFORM_UNINIT;

    g_assert_true ((psp->keys != NULL) == up);
    g_assert_true ((psp->guests != NULL) == up);
    if (!up)
        return;
    g_assert_true ((psp_guests_count (psp->guests) > 0) ==
                   (psp->state == SEV_PLATFORM_WORKING));
    for (guint32 handle = 1; handle <= MAX_RECORDS; handle++) {
        const PspGuest *guest = psp_guests_find (psp->guests, handle);
        if (guest != NULL)
            check_guest (psp, guest);
    }
}

/* What the manufacturer publishes about the chip, as the owner would fetch it. */
static void
poke_root (PspDevice *psp, Host *host, guint at)
{
    g_autoptr (GBytes) ark = NULL, ask = NULL, cek = NULL;

    psp_chip_get_amd_certs (psp_device_chip (psp), &ark, &ask, &cek);
    GBytes *const all[] = { ask, ark, cek };
    for (guint i = 0; i < G_N_ELEMENTS (all); i++) {
        gsize len;
        const void *data = g_bytes_get_data (all[i], &len);

        if (len > MEMORY_SIZE - at)
            return;
        memcpy (host->memory + at, data, len);
        at += (guint) len;
    }
}

static void
run_record (PspDevice *psp, Host *host, const uint8_t record[RECORD_SIZE])
{
    const guint index = record[0] % (INDEX_ROOT + 1);
    const guint at = (guint) (record[2] | record[3] << 8);
    const gsize len = MIN (record[1], BUFFER_SIZE);
    guint8 buffer[BUFFER_SIZE];
    SevStatus status;
    guint32 id;

    memcpy (buffer, record + 2, sizeof buffer);
    if (index == INDEX_POKE) {
        memcpy (host->memory + MIN (at, MEMORY_SIZE - 70), buffer + 2, 70);
        return;
    }
    if (index == INDEX_ROOT) {
        poke_root (psp, host, at);
        return;
    }
    if (index == INDEX_RAW)
        memcpy (&id, buffer, sizeof id);
    else
        id = ids[index];
    /* An exact-size copy, so that AddressSanitizer sees an access past its end. */
    g_autofree guint8 *exact = g_memdup2 (buffer, len);
    if (!psp_device_command (psp, id, exact, len, &status, NULL))
        g_assert_not_reached ();
    g_assert_cmpstr (sev_status_name (status), !=, "UNKNOWN");
    check_device (psp);
}

static PspChip *
the_chip (void)
{
    static PspChip *chip;

    if (chip == NULL)
        chip = psp_chip_manufacture (PSP_GENERATION_NAPLES, NULL, NULL);
    return chip;
}

/* libFuzzer calls it first, so that making RSA keys is no input's time. */
int
LLVMFuzzerInitialize (int *argc, char ***argv)
{
    g_assert_nonnull (the_chip ());
    return 0;
}

/* A platform after INIT; making its keys for each input would be most of the work. */
static PspDevice *
new_device (Host *host)
{
    PspChip *chip = the_chip ();
    static PspKeys *keys;
    static SevSecret *saved;
    PspConfig config;

    if (keys == NULL) {
        keys = psp_keys_generate (chip, 1, 55, NULL);
        saved = psp_keys_save (keys, chip, NULL);
    }
    psp_config_init (&config);
    host->nv = sev_secret_ref (saved);
    PspDevice *psp = psp_device_new (&config, chip, &ops, host, NULL);
    psp->keys = g_memdup2 (keys, sizeof *keys);
    sev_ec_key_ref (psp->keys->pek_key);
    sev_ec_key_ref (psp->keys->pdh_key);
    psp->guests = psp_guests_new (config.max_asid);
    psp->state = SEV_PLATFORM_INIT;
    return psp;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    g_autofree Host *host = g_new0 (Host, 1);
    g_autoptr (PspDevice) psp = new_device (host);

    for (gsize n = 0; n < MAX_RECORDS && size >= RECORD_SIZE; n++) {
        run_record (psp, host, data);
        data += RECORD_SIZE;
        size -= RECORD_SIZE;
    }
    g_clear_pointer (&psp, psp_device_free);
    sev_secret_unref (host->nv);
    return 0;
}
