/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "psp/fw/psp-device.h"

#include "psp/fw/psp-private.h"
#ifdef PSP_FAULTS
#include "psp/fw/psp-faults.h"
#endif

/* The first API that anyone published certificates of; nothing older is emulated. */
#define MIN_API_MAJOR 0u
#define MIN_API_MINOR 14u

/* ASIDs are a 16-bit field of the hardware's encryption keys table. */
#define MAX_ASID_LIMIT 65535u

void
psp_config_init (PspConfig *config)
{
    *config = (PspConfig){
        .api_major = 1,
        .api_minor = 55,
        .build = 21,
        .es = TRUE,
        .min_sev_asid = 100,
        .max_asid = 509,
    };
}

static gboolean
config_check (const PspConfig *config, GError **error)
{
    if (config->api_major == MIN_API_MAJOR && config->api_minor < MIN_API_MINOR) {
        g_set_error (error, PSP_ERROR, PSP_ERROR_CONFIG,
                     "firmware API %u.%u is older than %u.%u", config->api_major,
                     config->api_minor, MIN_API_MAJOR, MIN_API_MINOR);
        return FALSE;
    }
    if (config->min_sev_asid < 1 || config->max_asid < config->min_sev_asid ||
        config->max_asid > MAX_ASID_LIMIT) {
        g_set_error (error, PSP_ERROR, PSP_ERROR_CONFIG,
                     "ASIDs from %u to %u: expected 1 <= first <= last <= %u",
                     config->min_sev_asid, config->max_asid, MAX_ASID_LIMIT);
        return FALSE;
    }
    return TRUE;
}

PspDevice *
psp_device_new (const PspConfig *config,
                PspChip *chip,
                const PspHostOps *ops,
                gpointer host,
                GError **error)
{
    g_return_val_if_fail (ops->get_random != NULL && ops->read_system != NULL, NULL);
    g_return_val_if_fail (ops->write_system != NULL, NULL);
    g_return_val_if_fail (ops->nv_load != NULL && ops->nv_store != NULL, NULL);
    g_return_val_if_fail ((ops->write_private == NULL) == (ops->read_private == NULL),
                          NULL);

    if (!config_check (config, error))
        return NULL;

    PspDevice *psp = g_new0 (PspDevice, 1);
    psp->config = *config;
    psp->ops = *ops;
    psp->host = host;
    psp->chip = psp_chip_ref (chip);
    psp->state = SEV_PLATFORM_UNINIT;
    return psp;
}

void
psp_device_stop (PspDevice *psp)
{
    g_clear_pointer (&psp->guests, psp_guests_free);
    g_clear_pointer (&psp->keys, psp_keys_free);
    g_clear_pointer (&psp->swap_key, sev_secret_unref);
    psp->es_enabled = FALSE;
    psp->state = SEV_PLATFORM_UNINIT;
}

void
psp_device_free (PspDevice *psp)
{
    if (psp == NULL)
        return;
    psp_device_stop (psp);
    psp_chip_unref (psp->chip);
    g_free (psp);
}

static guint32
other_guests (const PspDevice *psp)
{
    return psp->ops.other_guests != NULL ? psp->ops.other_guests (psp->host) : 0;
}

guint32
psp_guest_count (const PspDevice *psp)
{
    return psp->guests != NULL ? psp_guests_count (psp->guests) + other_guests (psp) : 0;
}

SevPlatformState
psp_device_platform_state (const PspDevice *psp)
{
    return psp->state == SEV_PLATFORM_INIT && other_guests (psp) > 0 ? SEV_PLATFORM_WORKING
                                                                     : psp->state;
}

PspChip *
psp_device_chip (const PspDevice *psp)
{
    return psp->chip;
}

gboolean
psp_answer (SevStatus *status, SevStatus value)
{
    *status = value;
    return TRUE;
}

gboolean
psp_api_at_least (const PspDevice *psp, guint major, guint minor)
{
    return psp->config.api_major > major ||
           (psp->config.api_major == major && psp->config.api_minor >= minor);
}

/* The end of every host operation: a failure always has a reason. */
static gboolean
host_result (gboolean ok, const char *what, GError **error)
{
    if (ok)
        return TRUE;
    if (error != NULL && *error == NULL)
        g_set_error (error, PSP_ERROR, PSP_ERROR_HOST, "%s failed", what);
    return FALSE;
}

gboolean
psp_random (PspDevice *psp, void *buf, gsize len, GError **error)
{
    return host_result (psp->ops.get_random (psp->host, buf, len, error),
                        "the host's random numbers", error);
}

SevSecret *
psp_random_secret (PspDevice *psp, gsize len, GError **error)
{
    g_autoptr (SevSecret) secret = sev_secret_new (len);

    if (!psp_random (psp, sev_secret_writable (secret), len, error))
        return NULL;
    return g_steal_pointer (&secret);
}

gboolean
psp_range_ok (PspDevice *psp, guint64 paddr, guint64 len, PspMemoryAccess access)
{
    if (len == 0 || paddr > G_MAXUINT64 - len)
        return FALSE;
    return psp->ops.range_ok == NULL || psp->ops.range_ok (psp->host, paddr, len, access);
}

gboolean
psp_read (PspDevice *psp, guint64 paddr, void *buf, gsize len, GError **error)
{
    return host_result (psp->ops.read_system (psp->host, paddr, buf, len, error),
                        "reading system memory", error);
}

gboolean
psp_write (PspDevice *psp, guint64 paddr, const void *buf, gsize len, GError **error)
{
    return host_result (psp->ops.write_system (psp->host, paddr, buf, len, error),
                        "writing system memory", error);
}

gboolean
psp_write_private (PspDevice *psp,
                   const PspGuest *guest,
                   guint64 paddr,
                   const void *data,
                   gsize len,
                   GError **error)
{
    const PspGuestKey key = { guest->handle, guest->asid, guest->vek };

    g_return_val_if_fail (guest->asid != 0, FALSE);

    if (psp->ops.write_private == NULL)
        return psp_write (psp, paddr, data, len, error);
    return host_result (psp->ops.write_private (psp->host, &key, paddr, data, len, error),
                        "writing private memory", error);
}

gboolean
psp_read_private (PspDevice *psp,
                  const PspGuest *guest,
                  guint64 paddr,
                  void *buf,
                  gsize len,
                  GError **error)
{
    const PspGuestKey key = { guest->handle, guest->asid, guest->vek };

    g_return_val_if_fail (guest->asid != 0, FALSE);

    if (psp->ops.read_private == NULL)
        return psp_read (psp, paddr, buf, len, error);
    return host_result (psp->ops.read_private (psp->host, &key, paddr, buf, len, error),
                        "reading private memory", error);
}

gboolean
psp_nv_load (PspDevice *psp, SevSecret **blob, GError **error)
{
    *blob = NULL;
    return host_result (psp->ops.nv_load (psp->host, blob, error),
                        "reading persistent state", error);
}

gboolean
psp_nv_store (PspDevice *psp, const SevSecret *blob, GError **error)
{
    return host_result (psp->ops.nv_store (psp->host, blob, error),
                        "storing persistent state", error);
}

#ifdef PSP_FAULTS
void
psp_device_set_faults (PspDevice *psp, guint faults)
{
    psp->faults = faults;
}

gboolean
psp_device_has_fault (const PspDevice *psp, PspFault fault)
{
    return (psp->faults & fault) != 0;
}
#endif
