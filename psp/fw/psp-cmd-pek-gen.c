/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * PEK_GEN: a fresh identity, in the platform's own hands.
 *
 *   platform   INIT; stays so
 *   writes     persistent state: a self-signed OCA, PEK, PDH.  An external owner is
 *              forgotten (AMD's sev-tool, test_set_self_owned)
 *   status     SUCCESS
 *
 * In effect SHUTDOWN, PLATFORM_RESET and INIT, but the old identity stays until the new one
 * is stored.  Design choices: SEV-ES stays as INIT was told, and ASIDs that were flushed
 * stay so, because Linux sends no DF_FLUSH between PEK_GEN and a launch.
 */

#include "psp/fw/psp-private.h"

gboolean
psp_cmd_pek_gen (PspDevice *psp,
                 PspGuest *guest,
                 void *buffer,
                 SevStatus *status,
                 GError **error)
{
    g_autoptr (PspKeys) keys =
        psp_keys_generate (psp->chip, psp->config.api_major, psp->config.api_minor, error);

    if (keys == NULL || !psp_replace_keys (psp, &keys, error))
        return FALSE;
    return psp_answer (status, SEV_STATUS_SUCCESS);
}
