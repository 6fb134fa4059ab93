/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ovmf-hooks/secret-area.h"

#include "ovmf-hooks/ovmf-error.h"
#include "sev/wire/sev-wire.h"

gboolean
ovmf_secret_area_limit (const OvmfImageInfo *info, gsize *out, GError **error)
{
    g_return_val_if_fail (info != NULL && out != NULL, FALSE);

    if (!ovmf_image_require (info, OVMF_CAP_SECRET_AREA, error))
        return FALSE;
    *out = MIN (info->secret_area.size & ~(SEV_BLOCK_SIZE - 1u), SEV_SECRET_MAX_SIZE);
    return TRUE;
}
