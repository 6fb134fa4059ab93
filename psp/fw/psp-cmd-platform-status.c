/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * PLATFORM_STATUS.
 *
 *   platform   any
 *   writes     the command buffer: version, state, owner, configuration, guest contexts
 *   status     SUCCESS
 *
 * Owner, configuration and the count read 0 in UNINIT.
 */

#include "psp/fw/psp-private.h"

#include <string.h>

gboolean
psp_cmd_platform_status (PspDevice *psp,
                         PspGuest *guest,
                         void *buffer,
                         SevStatus *status,
                         GError **error)
{
    PspPlatformStatusCmd cmd = {
        .api_major = psp->config.api_major,
        .api_minor = psp->config.api_minor,
        .state = (guint8) psp_device_platform_state (psp),
        .build = psp->config.build,
    };

    if (psp->state != SEV_PLATFORM_UNINIT) {
        cmd.owner = psp->keys->external_owner ? PSP_STATUS_OWNER_EXTERNAL : 0;
        cmd.config_le = GUINT16_TO_LE (psp->es_enabled ? PSP_STATUS_CONFIG_ES : 0);
        cmd.guest_count_le = GUINT32_TO_LE (psp_guest_count (psp));
    }
    memcpy (buffer, &cmd, sizeof cmd);
    return psp_answer (status, SEV_STATUS_SUCCESS);
}
