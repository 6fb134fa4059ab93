/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SECTION: sev-bytes
 * @short_description: the one way to read and write little-endian fields
 *
 * A #SevReader walks over bytes it does not own and never past their end.  A read that
 * does not fit returns %FALSE, changes nothing, and makes every later read fail too, so a
 * parser may read a whole structure and look at the last result only.
 */
typedef struct {
    const guint8 *data;
    gsize len;
    gsize pos;
    gboolean failed;
} SevReader;

/**
 * sev_reader_init:
 * @reader: (out caller-allocates): cursor at the first byte
 * @data: (array length=len) (nullable): bytes that outlive @reader; %NULL only if @len is 0
 * @len: length of @data in bytes
 */
void sev_reader_init (SevReader *reader, const guint8 *data, gsize len);

/** sev_reader_left: Returns: bytes not yet read, 0 after a failed read */
gsize sev_reader_left (const SevReader *reader);

gboolean sev_reader_skip (SevReader *reader, gsize len) G_GNUC_WARN_UNUSED_RESULT;
gboolean sev_reader_bytes (SevReader *reader,
                           void *out,
                           gsize len) G_GNUC_WARN_UNUSED_RESULT;
gboolean sev_reader_u8 (SevReader *reader, guint8 *out) G_GNUC_WARN_UNUSED_RESULT;
gboolean sev_reader_u16 (SevReader *reader, guint16 *out) G_GNUC_WARN_UNUSED_RESULT;
gboolean sev_reader_u32 (SevReader *reader, guint32 *out) G_GNUC_WARN_UNUSED_RESULT;
gboolean sev_reader_u64 (SevReader *reader, guint64 *out) G_GNUC_WARN_UNUSED_RESULT;

/** sev_put_u8: appends to @out; the others likewise, little-endian */
void sev_put_u8 (GByteArray *out, guint8 value);
void sev_put_u16 (GByteArray *out, guint16 value);
void sev_put_u32 (GByteArray *out, guint32 value);
void sev_put_u64 (GByteArray *out, guint64 value);
void sev_put_bytes (GByteArray *out, const void *data, gsize len);
void sev_put_zeroes (GByteArray *out, gsize len);

/**
 * sev_bytes_all_zero:
 * @data: (array length=len) (nullable): public bytes (not constant time)
 * Returns: %TRUE if every byte is zero, also when there is none
 */
gboolean sev_bytes_all_zero (const void *data, gsize len);

/** sev_hex_encode: Returns: (transfer full): lower-case hexadecimal text of public bytes */
char *sev_hex_encode (const void *data, gsize len);

/**
 * sev_hex_decode:
 * @text: two hexadecimal digits for each byte, either case, nothing else
 * @out: (out caller-allocates) (array length=len): filled only on success
 * @len: bytes expected
 * Errors: %SEV_ERROR_MALFORMED.
 */
gboolean sev_hex_decode (const char *text, guint8 *out, gsize len, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
