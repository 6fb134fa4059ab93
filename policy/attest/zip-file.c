/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/attest/zip-file.h"

#include <string.h>
#define ZLIB_CONST /* z_stream.next_in is not written to */
#include <zlib.h>

#include "policy/policy-error.h"
#include "sev/base/sev-bytes.h"

#define LOCAL_MAGIC 0x04034b50u
#define CENTRAL_MAGIC 0x02014b50u
#define END_MAGIC 0x06054b50u
#define END_SIZE 22u
#define COMMENT_MAX 65535u
#define FLAG_ENCRYPTED 0x0001u

typedef enum {
    METHOD_STORED = 0,
    METHOD_DEFLATED = 8,
} Method;

/* A file, by its record in the central directory. */
typedef struct {
    guint16 flags;
    guint16 method;
    guint32 crc;
    guint32 packed;
    guint32 size;
    guint16 name_len;
    guint32 local; /* offset of its local header */
    const char *name;
} Entry;

static gboolean G_GNUC_PRINTF (2, 3) refuse (GError **error, const char *format, ...)
{
    va_list args;

    va_start (args, format);
    g_autofree char *text = g_strdup_vprintf (format, args);
    va_end (args);
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_PLATFORM_FILE, "zip archive: %s", text);
    return FALSE;
}

static gboolean
damaged (GError **error)
{
    return refuse (error, "it is damaged, or of a kind that is not read");
}

gboolean
policy_zip_is (GBytes *bytes)
{
    SevReader reader;
    guint32 magic = 0;
    gsize len;
    const guint8 *data = g_bytes_get_data (bytes, &len);

    sev_reader_init (&reader, data, len);
    return sev_reader_u32 (&reader, &magic) && magic == LOCAL_MAGIC;
}

/* The record at the end, which a comment may follow: where the directory is. */
static gboolean
find_directory (const guint8 *data, gsize len, guint16 *count, guint32 *offset)
{
    const gsize last = len >= END_SIZE ? len - END_SIZE : 0;
    const gsize first = last > COMMENT_MAX ? last - COMMENT_MAX : 0;

    for (gsize at = last; len >= END_SIZE && at + 1 > first; at--) {
        SevReader reader;
        guint32 magic, size;
        guint16 disk, directory_disk, here, comment;

        sev_reader_init (&reader, data + at, len - at);
        if (sev_reader_u32 (&reader, &magic) && magic == END_MAGIC &&
            sev_reader_u16 (&reader, &disk) && sev_reader_u16 (&reader, &directory_disk) &&
            sev_reader_u16 (&reader, &here) && sev_reader_u16 (&reader, count) &&
            sev_reader_u32 (&reader, &size) && sev_reader_u32 (&reader, offset) &&
            sev_reader_u16 (&reader, &comment) && comment == sev_reader_left (&reader))
            return disk == 0 && directory_disk == 0 && here == *count;
        if (at == 0)
            break;
    }
    return FALSE;
}

static gboolean
read_entry (SevReader *reader, Entry *entry)
{
    guint32 magic;
    guint16 extra, comment, disk;

    if (!sev_reader_u32 (reader, &magic) || magic != CENTRAL_MAGIC ||
        !sev_reader_skip (reader, 4) || !sev_reader_u16 (reader, &entry->flags) ||
        !sev_reader_u16 (reader, &entry->method) || !sev_reader_skip (reader, 4) ||
        !sev_reader_u32 (reader, &entry->crc) || !sev_reader_u32 (reader, &entry->packed) ||
        !sev_reader_u32 (reader, &entry->size) ||
        !sev_reader_u16 (reader, &entry->name_len) || !sev_reader_u16 (reader, &extra) ||
        !sev_reader_u16 (reader, &comment) || !sev_reader_u16 (reader, &disk) ||
        disk != 0 || !sev_reader_skip (reader, 6) ||
        !sev_reader_u32 (reader, &entry->local))
        return FALSE;
    entry->name = (const char *) reader->data + reader->pos;
    return sev_reader_skip (reader, entry->name_len) && sev_reader_skip (reader, extra) &&
           sev_reader_skip (reader, comment);
}

static gboolean
is_named (const Entry *entry, const char *name)
{
    const gsize len = strlen (name);
    const gsize rest = entry->name_len - MIN (len, entry->name_len);

    return entry->name_len >= len && memcmp (entry->name + rest, name, len) == 0 &&
           (rest == 0 || entry->name[rest - 1] == '/');
}

/* Where the packed bytes of a file begin. */
static const guint8 *
find_packed (const guint8 *data, gsize len, const Entry *entry)
{
    SevReader reader;
    guint32 magic;
    guint16 name, extra;

    sev_reader_init (&reader, data, len);
    if (!sev_reader_skip (&reader, entry->local) || !sev_reader_u32 (&reader, &magic) ||
        magic != LOCAL_MAGIC || !sev_reader_skip (&reader, 22) ||
        !sev_reader_u16 (&reader, &name) || !sev_reader_u16 (&reader, &extra) ||
        !sev_reader_skip (&reader, name) || !sev_reader_skip (&reader, extra) ||
        sev_reader_left (&reader) < entry->packed)
        return NULL;
    return data + reader.pos;
}

/* @out has room for what the directory says; more is damage, and so is less. */
static gboolean
inflate_into (const guint8 *packed, const Entry *entry, guint8 *out)
{
    z_stream stream = {
        .next_in = packed,
        .avail_in = entry->packed,
        .next_out = out,
        .avail_out = entry->size,
    };

    if (inflateInit2 (&stream, -MAX_WBITS) != Z_OK)
        return FALSE;
    const int end = inflate (&stream, Z_FINISH);
    const gboolean whole = end == Z_STREAM_END && stream.total_out == entry->size;
    inflateEnd (&stream);
    return whole;
}

static gboolean
unpack (const guint8 *data,
        gsize len,
        const Entry *entry,
        gsize max,
        GBytes **out,
        GError **error)
{
    const guint8 *packed = find_packed (data, len, entry);

    if (packed == NULL)
        return damaged (error);
    if (entry->size > max)
        return refuse (error, "a file in it has %u bytes, more than %" G_GSIZE_FORMAT,
                       entry->size, max);
    if ((entry->flags & FLAG_ENCRYPTED) != 0)
        return refuse (error, "it is encrypted");
    g_autofree guint8 *content = g_malloc (MAX (entry->size, 1u));
    if (entry->method == METHOD_STORED && entry->packed == entry->size)
        memcpy (content, packed, entry->size);
    else if (entry->method != METHOD_DEFLATED || !inflate_into (packed, entry, content))
        return damaged (error);
    if (crc32 (0, content, entry->size) != entry->crc)
        return damaged (error);
    *out = g_bytes_new_take (g_steal_pointer (&content), entry->size);
    return TRUE;
}

gboolean
policy_zip_read (GBytes *bytes, const char *name, gsize max, GBytes **out, GError **error)
{
    gsize len;
    const guint8 *data = g_bytes_get_data (bytes, &len);
    SevReader reader;
    guint16 count;
    guint32 offset;
    Entry found = { 0 };

    g_return_val_if_fail (name != NULL && *name != '\0' && out != NULL, FALSE);

    *out = NULL;
    if (!find_directory (data, len, &count, &offset))
        return damaged (error);
    if (count > POLICY_ZIP_FILES_MAX)
        return refuse (error, "%u files in it, more than %u", count, POLICY_ZIP_FILES_MAX);
    sev_reader_init (&reader, data, len);
    if (!sev_reader_skip (&reader, offset))
        return damaged (error);
    for (guint i = 0; i < count; i++) {
        Entry entry = { 0 };

        if (!read_entry (&reader, &entry))
            return damaged (error);
        if (!is_named (&entry, name))
            continue;
        if (found.name != NULL)
            return refuse (error, "'%s' is there twice", name);
        found = entry;
    }
    return found.name == NULL || unpack (data, len, &found, max, out, error);
}
