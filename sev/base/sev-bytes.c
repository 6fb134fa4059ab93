/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sev/base/sev-bytes.h"

#include <string.h>

#include "sev/sev-error.h"

void
sev_reader_init (SevReader *reader, const guint8 *data, gsize len)
{
    g_return_if_fail (data != NULL || len == 0);

    *reader = (SevReader){ .data = data, .len = len };
}

gsize
sev_reader_left (const SevReader *reader)
{
    return reader->failed ? 0 : reader->len - reader->pos;
}

gboolean
sev_reader_skip (SevReader *reader, gsize len)
{
    if (reader->failed || len > reader->len - reader->pos) {
        reader->failed = TRUE;
        return FALSE;
    }
    reader->pos += len;
    return TRUE;
}

gboolean
sev_reader_bytes (SevReader *reader, void *out, gsize len)
{
    const gsize start = reader->pos;

    if (!sev_reader_skip (reader, len))
        return FALSE;
    if (len > 0)
        memcpy (out, reader->data + start, len);
    return TRUE;
}

gboolean
sev_reader_u8 (SevReader *reader, guint8 *out)
{
    return sev_reader_bytes (reader, out, 1);
}

gboolean
sev_reader_u16 (SevReader *reader, guint16 *out)
{
    guint16 le;

    if (!sev_reader_bytes (reader, &le, sizeof le))
        return FALSE;
    *out = GUINT16_FROM_LE (le);
    return TRUE;
}

gboolean
sev_reader_u32 (SevReader *reader, guint32 *out)
{
    guint32 le;

    if (!sev_reader_bytes (reader, &le, sizeof le))
        return FALSE;
    *out = GUINT32_FROM_LE (le);
    return TRUE;
}

gboolean
sev_reader_u64 (SevReader *reader, guint64 *out)
{
    guint64 le;

    if (!sev_reader_bytes (reader, &le, sizeof le))
        return FALSE;
    *out = GUINT64_FROM_LE (le);
    return TRUE;
}

void
sev_put_bytes (GByteArray *out, const void *data, gsize len)
{
    g_return_if_fail (len <= G_MAXUINT);
    if (len > 0)
        g_byte_array_append (out, data, (guint) len);
}

void
sev_put_u8 (GByteArray *out, guint8 value)
{
    sev_put_bytes (out, &value, sizeof value);
}

void
sev_put_u16 (GByteArray *out, guint16 value)
{
    const guint16 le = GUINT16_TO_LE (value);
    sev_put_bytes (out, &le, sizeof le);
}

void
sev_put_u32 (GByteArray *out, guint32 value)
{
    const guint32 le = GUINT32_TO_LE (value);
    sev_put_bytes (out, &le, sizeof le);
}

void
sev_put_u64 (GByteArray *out, guint64 value)
{
    const guint64 le = GUINT64_TO_LE (value);
    sev_put_bytes (out, &le, sizeof le);
}

void
sev_put_zeroes (GByteArray *out, gsize len)
{
    const guint old = out->len;

    g_return_if_fail (len <= G_MAXUINT - old);
    if (len == 0)
        return;
    g_byte_array_set_size (out, old + (guint) len);
    memset (out->data + old, 0, len);
}

gboolean
sev_bytes_all_zero (const void *data, gsize len)
{
    const guint8 *p = data;

    for (gsize i = 0; i < len; i++)
        if (p[i] != 0)
            return FALSE;
    return TRUE;
}

char *
sev_hex_encode (const void *data, gsize len)
{
    static const char digits[] = "0123456789abcdef";
    const guint8 *p = data;
    char *text = g_malloc (len * 2 + 1);

    for (gsize i = 0; i < len; i++) {
        text[2 * i] = digits[p[i] >> 4];
        text[2 * i + 1] = digits[p[i] & 15];
    }
    text[len * 2] = '\0';
    return text;
}

gboolean
sev_hex_decode (const char *text, guint8 *out, gsize len, GError **error)
{
    g_return_val_if_fail (text != NULL && out != NULL, FALSE);

    if (strlen (text) != len * 2) {
        g_set_error (error, SEV_ERROR, SEV_ERROR_MALFORMED,
                     "%" G_GSIZE_FORMAT " hexadecimal digits, expected %" G_GSIZE_FORMAT,
                     strlen (text), len * 2);
        return FALSE;
    }
    for (gsize i = 0; i < len * 2; i++) {
        if (!g_ascii_isxdigit (text[i])) {
            g_set_error (error, SEV_ERROR, SEV_ERROR_MALFORMED,
                         "'%c' is not a hexadecimal digit",
                         g_ascii_isprint (text[i]) ? text[i] : '?');
            return FALSE;
        }
    }
    for (gsize i = 0; i < len; i++)
        out[i] = (guint8) (g_ascii_xdigit_value (text[2 * i]) << 4 |
                           g_ascii_xdigit_value (text[2 * i + 1]));
    return TRUE;
}
