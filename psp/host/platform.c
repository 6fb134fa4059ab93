/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "psp/host/platform.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "psp/host/asids.h"
#include "psp/host/files.h"
#include "psp/host/host-error.h"
#include "psp/host/state-dir.h"
#include "sev/crypto/sev-random.h"
#include "sev/wire/sev-cert-wire.h"

struct _Platform {
    const HostDir *host;
    StateDir *state; /* (nullable): only while its lock is held */
    Asids *asids;
    PspChip *chip;
    PspDevice *device;
    Bus *bus;
    gboolean state_was_replaced;
};

void
platform_free (Platform *platform)
{
    g_clear_pointer (&platform->device, psp_device_free);
    g_clear_pointer (&platform->chip, psp_chip_unref);
    g_clear_pointer (&platform->asids, asids_free);
    g_clear_pointer (&platform->state, state_dir_free);
    g_clear_pointer (&platform->bus, bus_free);
    g_free (platform);
}

guint32
platform_cbitpos (const Platform *platform)
{
    return platform->host->generation == PSP_GENERATION_NAPLES ? 47 : 51;
}

Bus *
platform_get_bus (const Platform *platform)
{
    return platform->bus;
}

PspChip *
platform_get_chip (const Platform *platform)
{
    return platform->chip;
}

const HostDir *
platform_get_host (const Platform *platform)
{
    return platform->host;
}

gboolean
platform_state_was_replaced (const Platform *platform)
{
    return platform->state_was_replaced;
}

static gboolean
op_random (gpointer host, void *buf, gsize len, GError **error)
{
    return sev_random_bytes (buf, len, error);
}

static gboolean
op_range_ok (gpointer host, guint64 paddr, guint64 len, PspMemoryAccess access)
{
    return bus_range_ok (((Platform *) host)->bus, paddr, len, access);
}

static gboolean
op_read (gpointer host, guint64 paddr, void *buf, gsize len, GError **error)
{
    return bus_read (((Platform *) host)->bus, paddr, buf, len, error);
}

static gboolean
op_write (gpointer host, guint64 paddr, const void *buf, gsize len, GError **error)
{
    return bus_write (((Platform *) host)->bus, paddr, buf, len, error);
}

static guint32
op_other_guests (gpointer host)
{
    return asids_count_others (((Platform *) host)->asids);
}

static gboolean
op_write_private (gpointer host,
                  const PspGuestKey *key,
                  guint64 paddr,
                  const void *data,
                  gsize len,
                  GError **error)
{
    return bus_write_private (((Platform *) host)->bus, key, paddr, data, len, error);
}

static gboolean
op_read_private (gpointer host,
                 const PspGuestKey *key,
                 guint64 paddr,
                 void *buf,
                 gsize len,
                 GError **error)
{
    return bus_read_private (((Platform *) host)->bus, key, paddr, buf, len, error);
}

/* Whoever touches the persistent state holds its lock. */
static gboolean
need_state (const Platform *platform, GError **error)
{
    if (platform->state != NULL)
        return TRUE;
    g_set_error_literal (error, HOST_ERROR, HOST_ERROR_STATE,
                         "the platform's state is not locked");
    return FALSE;
}

static gboolean
op_nv_load (gpointer host, SevSecret **blob, GError **error)
{
    Platform *platform = host;

    return need_state (platform, error) && state_dir_nv_load (platform->state, blob, error);
}

static gboolean
op_nv_store (gpointer host, const SevSecret *blob, GError **error)
{
    Platform *platform = host;

    return need_state (platform, error) &&
           state_dir_nv_store (platform->state, blob, error);
}

static const PspHostOps host_ops = {
    .get_random = op_random,
    .range_ok = op_range_ok,
    .read_system = op_read,
    .write_system = op_write,
    .nv_load = op_nv_load,
    .nv_store = op_nv_store,
    .other_guests = op_other_guests,
    .write_private = op_write_private,
    .read_private = op_read_private,
};

Platform *
platform_open_locked (const HostDir *host, GError **error)
{
    g_autoptr (Platform) platform = g_new0 (Platform, 1);

    platform->host = host;
    platform->bus = bus_new ();
    platform->state = state_dir_open (host, error);
    if (platform->state == NULL)
        return NULL;
    platform->asids = asids_open (host, error);
    if (platform->asids == NULL)
        return NULL;
    platform->chip = state_dir_chip (platform->state, host, error);
    if (platform->chip == NULL)
        return NULL;
    platform->device =
        psp_device_new (&host->config, platform->chip, &host_ops, platform, error);
    if (platform->device == NULL)
        return NULL;
    return g_steal_pointer (&platform);
}

void
platform_unlock (Platform *platform)
{
    g_clear_pointer (&platform->state, state_dir_free);
}

gboolean
platform_has_identity (const Platform *platform)
{
    return platform->state != NULL && state_dir_has_nv (platform->state);
}

gboolean
platform_is_up (const Platform *platform)
{
    return psp_device_platform_state (platform->device) != SEV_PLATFORM_UNINIT;
}

/* As Linux: SEV-ES wherever the firmware takes it, which needs memory of its own. */
static gboolean
try_init (Platform *platform, SevStatus *status, GError **error)
{
    PspInitCmd cmd = { 0 };
    void *tmr = NULL;

    if (platform->host->config.es) {
        tmr = g_malloc0 (PSP_TMR_SIZE);
        cmd.options_le = GUINT32_TO_LE (PSP_INIT_OPTION_ES);
        cmd.tmr_paddr_le = GUINT64_TO_LE (bus_lend (platform->bus, tmr, PSP_TMR_SIZE));
        cmd.tmr_len_le = GUINT32_TO_LE (PSP_TMR_SIZE);
    }
    const gboolean answered =
        platform_command (platform, PSP_CMD_INIT, &cmd, sizeof cmd, status, error);
    g_free (tmr);
    return answered;
}

/* As Linux: a damaged state is erased by the first INIT, the second makes a new one. */
gboolean
platform_init (Platform *platform, SevStatus *status, GError **error)
{
    if (!try_init (platform, status, error))
        return FALSE;
    if (*status != SEV_STATUS_SECURE_DATA_INVALID)
        return TRUE;
    platform->state_was_replaced = TRUE;
    return try_init (platform, status, error);
}

Platform *
platform_open_init (const HostDir *host, GError **error)
{
    g_autoptr (Platform) platform = platform_open_locked (host, error);
    SevStatus status;

    if (platform == NULL)
        return NULL;
    if (!platform_init (platform, &status, error) ||
        !platform_check (PSP_CMD_INIT, status, error) ||
        !platform_update_certs (platform, error))
        return NULL;
    return g_steal_pointer (&platform);
}

Platform *
platform_open (const HostDir *host, GError **error)
{
    Platform *platform = platform_open_init (host, error);

    if (platform != NULL)
        platform_unlock (platform);
    return platform;
}

gboolean
platform_take_asid (Platform *platform, gboolean es, guint32 *asid, GError **error)
{
    return need_state (platform, error) && asids_take (platform->asids, es, asid, error);
}

gboolean
platform_command (Platform *platform,
                  PspCommandId command,
                  void *buffer,
                  gsize len,
                  SevStatus *status,
                  GError **error)
{
    const gboolean answered =
        psp_device_command (platform->device, command, buffer, len, status, error);

    bus_take_back (platform->bus);
    return answered;
}

gboolean
platform_check (PspCommandId command, SevStatus status, GError **error)
{
    if (status == SEV_STATUS_SUCCESS)
        return TRUE;
    g_set_error (error, HOST_ERROR, HOST_ERROR_FIRMWARE, "%s: firmware status %s (%d)",
                 psp_command_name (command), sev_status_name (status), status);
    return FALSE;
}

gboolean
platform_require (Platform *platform,
                  PspCommandId command,
                  void *buffer,
                  gsize len,
                  GError **error)
{
    SevStatus status;

    if (!platform_command (platform, command, buffer, len, &status, error))
        return FALSE;
    return platform_check (command, status, error);
}

gboolean
platform_status (Platform *platform, PspPlatformStatusCmd *out, GError **error)
{
    return platform_require (platform, PSP_CMD_PLATFORM_STATUS, out, sizeof *out, error);
}

gboolean
platform_export (Platform *platform, GBytes **pdh, GBytes **chain, GError **error)
{
    g_autofree guint8 *pdh_buf = g_malloc0 (SEV_CERT_SIZE);
    g_autofree guint8 *chain_buf = g_malloc0 (SEV_CERT_CHAIN_SIZE);
    PspPdhCertExportCmd cmd = {
        .pdh_paddr_le = GUINT64_TO_LE (bus_lend (platform->bus, pdh_buf, SEV_CERT_SIZE)),
        .pdh_len_le = GUINT32_TO_LE (SEV_CERT_SIZE),
        .certs_paddr_le =
            GUINT64_TO_LE (bus_lend (platform->bus, chain_buf, SEV_CERT_CHAIN_SIZE)),
        .certs_len_le = GUINT32_TO_LE (SEV_CERT_CHAIN_SIZE),
    };

    if (!platform_require (platform, PSP_CMD_PDH_CERT_EXPORT, &cmd, sizeof cmd, error))
        return FALSE;
    *pdh = g_bytes_new_take (g_steal_pointer (&pdh_buf), SEV_CERT_SIZE);
    *chain = g_bytes_new_take (g_steal_pointer (&chain_buf), SEV_CERT_CHAIN_SIZE);
    return TRUE;
}

GBytes *
platform_get_id (Platform *platform, GError **error)
{
    g_autofree guint8 *id = g_malloc0 (PSP_CHIP_ID_SIZE);
    PspGetIdCmd cmd = {
        .id_paddr_le = GUINT64_TO_LE (bus_lend (platform->bus, id, PSP_CHIP_ID_SIZE)),
        .id_len_le = GUINT32_TO_LE (PSP_CHIP_ID_SIZE),
    };

    if (!platform_require (platform, PSP_CMD_GET_ID, &cmd, sizeof cmd, error))
        return NULL;
    return g_bytes_new_take (g_steal_pointer (&id), PSP_CHIP_ID_SIZE);
}

static gboolean
write_cert (int dir, const char *name, const guint8 *data, gsize len, GError **error)
{
    return files_replace (dir, name, data, len, 0644, error);
}

/* Whether HOST/certs/pdh.cert is of this platform already. */
static gboolean
pdh_is_known (int dir, GBytes *pdh)
{
    g_autoptr (GBytes) known = NULL;

    return files_read (dir, "pdh.cert", SEV_CERT_SIZE, &known, NULL) && known != NULL &&
           g_bytes_equal (known, pdh);
}

/* libvirt asks its emulator about the platform again only when the file has changed. */
static void
touch_emulator (const Platform *platform)
{
    if (utimensat (platform->host->fd, "bin/qemu-system-x86_64", NULL,
                   AT_SYMLINK_NOFOLLOW) != 0)
        g_debug ("touching the emulator: %s", g_strerror (errno));
}

static gboolean
write_certs (Platform *platform, int dir, GBytes *pdh, GBytes *chain, GError **error)
{
    g_autoptr (GBytes) ark = NULL;
    g_autoptr (GBytes) ask = NULL;
    g_autoptr (GBytes) cek = NULL;
    gsize ark_len, ask_len, cek_len, pdh_len;

    psp_chip_get_amd_certs (platform->chip, &ark, &ask, &cek);
    const guint8 *pek = g_bytes_get_data (chain, NULL);
    const guint8 *ark_data = g_bytes_get_data (ark, &ark_len);
    const guint8 *ask_data = g_bytes_get_data (ask, &ask_len);
    const guint8 *cek_data = g_bytes_get_data (cek, &cek_len);
    const guint8 *pdh_data = g_bytes_get_data (pdh, &pdh_len);

    /* The PDH's last: while it is not there, platform_update_certs() writes all again. */
    return write_cert (dir, "ark.cert", ark_data, ark_len, error) &&
           write_cert (dir, "ask.cert", ask_data, ask_len, error) &&
           write_cert (dir, "cek.cert", cek_data, cek_len, error) &&
           write_cert (dir, "oca.cert", pek + SEV_CERT_SIZE, SEV_CERT_SIZE, error) &&
           write_cert (dir, "pek.cert", pek, SEV_CERT_SIZE, error) &&
           write_cert (dir, "pdh.cert", pdh_data, pdh_len, error);
}

static gboolean
update_certs (Platform *platform, gboolean always, GError **error)
{
    g_autoptr (GBytes) pdh = NULL;
    g_autoptr (GBytes) chain = NULL;

    if (!need_state (platform, error) || !platform_export (platform, &pdh, &chain, error))
        return FALSE;
    const int dir = host_dir_open_sub (platform->host, "certs", error);
    if (dir < 0)
        return FALSE;
    const gboolean known = pdh_is_known (dir, pdh);
    if (!known)
        touch_emulator (platform);
    const gboolean ok =
        (known && !always) || write_certs (platform, dir, pdh, chain, error);
    close (dir);
    return ok;
}

gboolean
platform_write_certs (Platform *platform, GError **error)
{
    return update_certs (platform, TRUE, error);
}

gboolean
platform_update_certs (Platform *platform, GError **error)
{
    return update_certs (platform, FALSE, error);
}
