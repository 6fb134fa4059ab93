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
check_options (PspDevice *psp, const PspInitCmd *cmd)
{
    const guint32 options = GUINT32_FROM_LE (cmd->options_le);
    const guint64 tmr = GUINT64_FROM_LE (cmd->tmr_paddr_le);

    if ((options & ~PSP_INIT_OPTION_ES) != 0)
        return SEV_STATUS_INVALID_PARAM;
    if ((options & PSP_INIT_OPTION_ES) == 0)
        return SEV_STATUS_SUCCESS;
    if (!psp->config.es)
        return SEV_STATUS_UNSUPPORTED;
    if (GUINT32_FROM_LE (cmd->tmr_len_le) != PSP_TMR_SIZE)
        return SEV_STATUS_INVALID_LENGTH;
    if (tmr == 0 || tmr % PSP_TMR_SIZE != 0 ||
        !psp_range_ok (psp, tmr, PSP_TMR_SIZE, PSP_MEMORY_READ | PSP_MEMORY_WRITE))
        return SEV_STATUS_INVALID_ADDRESS;
    return SEV_STATUS_SUCCESS;
}

static PspKeys *
make_keys (PspDevice *psp, GError **error)
{
    g_autoptr (PspKeys) keys =
        psp_keys_generate (psp->chip, psp->config.api_major, psp->config.api_minor, error);
    if (keys == NULL)
        return NULL;
    if (!psp_store_keys (psp, keys, error))
        return NULL;
    return g_steal_pointer (&keys);
}

/* *@keys stays %NULL when *@status says why. */
static gboolean
load_keys (PspDevice *psp, PspKeys **keys, SevStatus *status, GError **error)
{
    g_autoptr (SevSecret) blob = NULL;
    g_autoptr (GError) local = NULL;

    if (!psp_nv_load (psp, &blob, error))
        return FALSE;
    if (blob == NULL) {
        *keys = make_keys (psp, error);
        return *keys != NULL;
    }

    *keys =
        psp_keys_load (sev_secret_data (blob), sev_secret_size (blob), psp->chip, &local);
    if (*keys != NULL)
        return TRUE;
    if (!g_error_matches (local, PSP_ERROR, PSP_ERROR_NV_DAMAGED)) {
        g_propagate_error (error, g_steal_pointer (&local));
        return FALSE;
    }
    g_debug ("firmware: %s", local->message);
    *status = SEV_STATUS_SECURE_DATA_INVALID;
    return psp_nv_store (psp, NULL, error);
}

gboolean
psp_cmd_init (PspDevice *psp,
              PspGuest *guest,
              void *buffer,
              SevStatus *status,
              GError **error)
{
    PspInitCmd cmd;
    g_autoptr (PspKeys) keys = NULL;

    memcpy (&cmd, buffer, sizeof cmd);
    *status = check_options (psp, &cmd);
    if (*status != SEV_STATUS_SUCCESS)
        return TRUE;

    if (!load_keys (psp, &keys, status, error))
        return FALSE;
    if (keys == NULL)
        return TRUE;

    psp->keys = g_steal_pointer (&keys);
    psp->guests = psp_guests_new (psp->config.max_asid);
    psp->es_enabled = (GUINT32_FROM_LE (cmd.options_le) & PSP_INIT_OPTION_ES) != 0;
    psp->state = SEV_PLATFORM_INIT;
    return psp_answer (status, SEV_STATUS_SUCCESS);
}
