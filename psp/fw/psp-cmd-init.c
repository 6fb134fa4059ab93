/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * INIT: load or make the platform's identity.
 *
 *   platform   UNINIT; becomes INIT
 *   reads      options; TMR address and length if SEV-ES is asked for; persistent state
 *   writes     persistent state, if something was missing: OCA, PEK, PDH
 *   status     SUCCESS
 *              INVALID_PARAM (unknown option), UNSUPPORTED (ES on a platform without):
 *              design choices
 *              INVALID_LENGTH, INVALID_ADDRESS (TMR: 1 MiB, 1 MiB aligned; Linux)
 *              SECURE_DATA_INVALID (persistent state is damaged; it is erased, so the next
 *              INIT succeeds with a fresh identity; Linux retries once)
 *
 * The TMR is only checked: the emulated firmware keeps nothing there.  After INIT every
 * ASID needs DF_FLUSH.
 */

#include "psp/fw/psp-private.h"

#include <string.h>

static SevStatus
check_params (PspDevice *psp, const PspInitParams *params)
{
    if ((params->options & ~PSP_INIT_OPTION_ES) != 0)
        return SEV_STATUS_INVALID_PARAM;
    if ((params->options & PSP_INIT_OPTION_ES) == 0)
        return SEV_STATUS_SUCCESS;
    if (!psp->config.es)
        return SEV_STATUS_UNSUPPORTED;
    if (params->tmr_len != PSP_TMR_SIZE)
        return SEV_STATUS_INVALID_LENGTH;
    if (params->tmr_paddr == 0 || params->tmr_paddr % PSP_TMR_SIZE != 0 ||
        !psp_range_ok (psp, params->tmr_paddr, PSP_TMR_SIZE,
                       PSP_MEMORY_READ | PSP_MEMORY_WRITE))
        return SEV_STATUS_INVALID_ADDRESS;
    return SEV_STATUS_SUCCESS;
}

static PspKeys *
make_keys (PspDevice *psp, guint64 area, GError **error)
{
    g_autoptr (PspKeys) keys =
        psp_keys_generate (psp->chip, psp->config.api_major, psp->config.api_minor, error);

    if (keys == NULL || !psp_store_keys (psp, area, keys, error))
        return NULL;
    return g_steal_pointer (&keys);
}

/* *@keys stays %NULL, without an error, where nothing is stored. */
static gboolean
load_stored (PspDevice *psp, guint64 area, PspKeys **keys, GError **error)
{
    g_autoptr (SevSecret) blob = NULL;

    if (!psp_storage_load (psp, area, &blob, error))
        return FALSE;
    if (blob == NULL)
        return TRUE;
    *keys =
        psp_keys_load (sev_secret_data (blob), sev_secret_size (blob), psp->chip, error);
    return *keys != NULL;
}

/* *@keys stays %NULL when *@status says why. */
static gboolean
load_keys (PspDevice *psp, guint64 area, PspKeys **keys, SevStatus *status, GError **error)
{
    g_autoptr (GError) local = NULL;

    if (load_stored (psp, area, keys, &local)) {
        if (*keys == NULL)
            *keys = make_keys (psp, area, error);
        return *keys != NULL;
    }
    if (!g_error_matches (local, PSP_ERROR, PSP_ERROR_NV_DAMAGED)) {
        g_propagate_error (error, g_steal_pointer (&local));
        return FALSE;
    }
    g_debug ("firmware: %s", local->message);
    *status = SEV_STATUS_SECURE_DATA_INVALID;
    return psp_storage_store (psp, area, NULL, error);
}

gboolean
psp_init (PspDevice *psp, const PspInitParams *params, SevStatus *status, GError **error)
{
    g_autoptr (PspKeys) keys = NULL;

    *status = check_params (psp, params);
    if (*status != SEV_STATUS_SUCCESS)
        return TRUE;
    if (!load_keys (psp, params->nv_area, &keys, status, error))
        return FALSE;
    if (keys == NULL)
        return TRUE;

    psp->keys = g_steal_pointer (&keys);
    psp->guests = psp_guests_new (psp->config.max_asid);
    psp->es_enabled = (params->options & PSP_INIT_OPTION_ES) != 0;
    psp->nv_area = params->nv_area;
    psp->state = SEV_PLATFORM_INIT;
    return psp_answer (status, SEV_STATUS_SUCCESS);
}

gboolean
psp_cmd_init (PspDevice *psp,
              PspGuest *guest,
              void *buffer,
              SevStatus *status,
              GError **error)
{
    PspInitCmd cmd;

    memcpy (&cmd, buffer, sizeof cmd);
    const PspInitParams params = {
        .options = GUINT32_FROM_LE (cmd.options_le),
        .tmr_paddr = GUINT64_FROM_LE (cmd.tmr_paddr_le),
        .tmr_len = GUINT32_FROM_LE (cmd.tmr_len_le),
    };
    return psp_init (psp, &params, status, error);
}
