/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sev/crypto/sev-kdf.h"

#include <string.h>

#include "sev/base/sev-secret.h"
#include "sev/crypto/sev-hmac.h"

gboolean
sev_kdf_derive (const guint8 *key,
                gsize key_len,
                const char *label,
                const guint8 *context,
                gsize context_len,
                guint8 *out,
                gsize out_len,
                GError **error)
{
    const guint32 counter_le = GUINT32_TO_LE (1);
    const guint32 bits_le = GUINT32_TO_LE ((guint32) out_len * 8);
    guint8 block[SEV_MAC_SIZE];

    g_return_val_if_fail (key != NULL && key_len > 0 && label != NULL, FALSE);
    g_return_val_if_fail (context != NULL || context_len == 0, FALSE);
    g_return_val_if_fail (out_len > 0 && out_len <= SEV_KDF_MAX_OUT, FALSE);

    memset (out, 0, out_len);

    g_autoptr (SevHmac) prf = sev_hmac_new (key, key_len, error);
    const gboolean ok = prf != NULL &&
                        sev_hmac_update (prf, &counter_le, sizeof counter_le, error) &&
                        sev_hmac_update (prf, label, strlen (label) + 1, error) &&
                        sev_hmac_update (prf, context, context_len, error) &&
                        sev_hmac_update (prf, &bits_le, sizeof bits_le, error) &&
                        sev_hmac_finish (prf, block, error);
    if (!ok) {
        g_prefix_error (error, "deriving '%s': ", label);
        return FALSE;
    }
    memcpy (out, block, out_len);
    sev_wipe (block, sizeof block);
    return TRUE;
}
