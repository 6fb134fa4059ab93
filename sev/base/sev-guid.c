/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sev/base/sev-guid.h"

#include <string.h>

#include "sev/base/sev-bytes.h"
#include "sev/sev-error.h"

/* Byte i of memory is digit pair order[i] of the text (UEFI 2.10, appendix A). */
static const guint8 order[SEV_GUID_SIZE] = { 3, 2, 1,  0,  5,  4,  7,  6,
                                             8, 9, 10, 11, 12, 13, 14, 15 };

gboolean
sev_guid_equal (const SevGuid *a, const SevGuid *b)
{
    return memcmp (a->bytes, b->bytes, SEV_GUID_SIZE) == 0;
}

gboolean
sev_guid_is_zero (const SevGuid *guid)
{
    return sev_bytes_all_zero (guid->bytes, SEV_GUID_SIZE);
}

char *
sev_guid_to_string (const SevGuid *guid)
{
    guint8 text_order[SEV_GUID_SIZE];

    for (guint i = 0; i < SEV_GUID_SIZE; i++)
        text_order[order[i]] = guid->bytes[i];

    g_autofree char *hex = sev_hex_encode (text_order, sizeof text_order);
    return g_strdup_printf ("%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
                            hex + 20);
}

gboolean
sev_guid_parse (const char *text, SevGuid *out, GError **error)
{
    guint8 text_order[SEV_GUID_SIZE];
    char digits[2 * SEV_GUID_SIZE + 1] = "";
    gsize n = 0;
    const gsize len = strlen (text);
    gboolean shape = len == 36;

    for (gsize i = 0; shape && i < len; i++) {
        const gboolean dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash != (text[i] == '-'))
            shape = FALSE;
        else if (!dash)
            digits[n++] = text[i];
    }
    if (!shape || !sev_hex_decode (digits, text_order, sizeof text_order, NULL)) {
        g_set_error (error, SEV_ERROR, SEV_ERROR_MALFORMED,
                     "'%.40s' is not a GUID (8-4-4-4-12 hexadecimal digits)", text);
        return FALSE;
    }
    for (guint i = 0; i < SEV_GUID_SIZE; i++)
        out->bytes[i] = text_order[order[i]];
    return TRUE;
}
