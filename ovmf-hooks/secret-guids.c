/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ovmf-hooks/secret-guids.h"

#include <string.h>

#include "ovmf-hooks/ovmf-error.h"
#include "ovmf-hooks/secret-table.h"
#include "sev/base/sev-bytes.h"

static const struct {
    const char *alias;
    SevGuid guid;
} aliases[] = {
    { OVMF_SECRET_LUKS_KEY,
      SEV_GUID_INIT (0x736869e5, 0x84f0, 0x4973, 0x92ec, 0x06879ce3da0b) },
    { OVMF_SECRET_LUKS_HEADER,
      SEV_GUID_INIT (0x5ebfa30f, 0x6bd1, 0x4e0c, 0x8a0d, 0x3d2b4c0f7a11) },
};

gboolean
ovmf_secret_guid_parse (const char *name, SevGuid *out, GError **error)
{
    SevGuid guid;

    g_return_val_if_fail (name != NULL && out != NULL, FALSE);

    for (gsize i = 0; i < G_N_ELEMENTS (aliases); i++) {
        if (strcmp (name, aliases[i].alias) == 0) {
            *out = aliases[i].guid;
            return TRUE;
        }
    }
    if (!sev_guid_parse (name, &guid, NULL)) {
        g_set_error (error, OVMF_ERROR, OVMF_ERROR_INVALID,
                     "secret name '%s' is neither '%s' nor '%s' nor a GUID", name,
                     OVMF_SECRET_LUKS_KEY, OVMF_SECRET_LUKS_HEADER);
        return FALSE;
    }
    g_autofree char *text = sev_guid_to_string (&guid);
    if (sev_guid_is_zero (&guid) || strcmp (text, OVMF_SECRET_TABLE_GUID) == 0) {
        g_set_error (error, OVMF_ERROR, OVMF_ERROR_INVALID,
                     "GUID '%s' has a meaning of its own in the secret table", text);
        return FALSE;
    }
    *out = guid;
    return TRUE;
}

const char *
ovmf_secret_guid_alias (const SevGuid *guid)
{
    g_return_val_if_fail (guid != NULL, NULL);

    for (gsize i = 0; i < G_N_ELEMENTS (aliases); i++)
        if (sev_guid_equal (guid, &aliases[i].guid))
            return aliases[i].alias;
    return NULL;
}

gboolean
ovmf_luks_header_pin (const guint8 sha256[SEV_DIGEST_SIZE],
                      guint64 length,
                      guint8 out[OVMF_LUKS_HEADER_PIN_SIZE],
                      GError **error)
{
    g_autoptr (GByteArray) pin = g_byte_array_sized_new (OVMF_LUKS_HEADER_PIN_SIZE);

    g_return_val_if_fail (sha256 != NULL && out != NULL, FALSE);

    if (length < OVMF_LUKS_HEADER_MIN_LENGTH || length > OVMF_LUKS_HEADER_MAX_LENGTH ||
        length % 512 != 0) {
        g_set_error (error, OVMF_ERROR, OVMF_ERROR_INVALID,
                     "LUKS header of %" G_GUINT64_FORMAT
                     " bytes, expected a multiple of 512 from %u to %u",
                     length, OVMF_LUKS_HEADER_MIN_LENGTH, OVMF_LUKS_HEADER_MAX_LENGTH);
        return FALSE;
    }
    sev_put_bytes (pin, sha256, SEV_DIGEST_SIZE);
    sev_put_u64 (pin, length);
    g_assert (pin->len == OVMF_LUKS_HEADER_PIN_SIZE);
    memcpy (out, pin->data, OVMF_LUKS_HEADER_PIN_SIZE);
    return TRUE;
}
