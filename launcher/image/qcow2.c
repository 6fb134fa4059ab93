/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/image/qcow2.h"

#include <string.h>

#define MAGIC "QFI\xfb"
#define V2_HEADER_SIZE 72u
#define V3_HEADER_SIZE 104u
#define BACKING_NAME_MAX 1023u
#define BACKING_FORMAT_MAX 31u

#define INCOMPATIBLE_DATA_FILE (1u << 2)

#define EXTENSION_END 0u
#define EXTENSION_BACKING_FORMAT 0xe2792acau
#define EXTENSION_DATA_FILE 0x44415441u

static guint32
be32 (const guint8 *head, gsize offset)
{
    guint32 value;

    memcpy (&value, head + offset, sizeof value);
    return GUINT32_FROM_BE (value);
}

static guint64
be64 (const guint8 *head, gsize offset)
{
    guint64 value;

    memcpy (&value, head + offset, sizeof value);
    return GUINT64_FROM_BE (value);
}

void
qcow2_header_clear (Qcow2Header *header)
{
    g_free (header->backing_name);
    g_free (header->backing_format);
    memset (header, 0, sizeof *header);
}

gboolean
qcow2_has_magic (const guint8 *head, gsize len)
{
    return len >= 4 && memcmp (head, MAGIC, 4) == 0;
}

static gboolean
broken (Qcow2Header *header, const char *what, GError **error)
{
    qcow2_header_clear (header);
    g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_BROKEN, "qcow2 header: %s", what);
    return FALSE;
}

/* A name is text without NUL, or it is not what QEMU would take it for. */
static char *
take_text (const guint8 *head, guint64 offset, guint32 size)
{
    if (memchr (head + offset, '\0', size) != NULL)
        return NULL;
    return g_strndup ((const char *) head + offset, size);
}

static gboolean
read_extension (const guint8 *head,
                gsize offset,
                guint32 type,
                guint32 size,
                Qcow2Header *header,
                GError **error)
{
    if (type == EXTENSION_DATA_FILE)
        header->data_file = TRUE;
    if (type != EXTENSION_BACKING_FORMAT)
        return TRUE;
    if (header->backing_format != NULL || size == 0 || size > BACKING_FORMAT_MAX)
        return broken (header, "backing format is not one name", error);
    header->backing_format = take_text (head, offset, size);
    if (header->backing_format == NULL)
        return broken (header, "backing format holds a NUL", error);
    return TRUE;
}

/* Extensions run from the header to the backing file's name, else to the cluster's end. */
static gboolean
read_extensions (const guint8 *head,
                 gsize offset,
                 gsize end,
                 Qcow2Header *header,
                 GError **error)
{
    while (offset < end) {
        if (end - offset < 8)
            return broken (header, "extension is cut off", error);

        const guint32 type = be32 (head, offset);
        const guint32 size = be32 (head, offset + 4);
        offset += 8;
        if (type == EXTENSION_END)
            return TRUE;
        if (size > end - offset)
            return broken (header, "extension is longer than the header", error);
        if (!read_extension (head, offset, type, size, header, error))
            return FALSE;

        const gsize padded = ((gsize) size + 7) & ~(gsize) 7;
        if (padded > end - offset)
            return TRUE;
        offset += padded;
    }
    return TRUE;
}

static gboolean
read_backing_name (const guint8 *head,
                   gsize cluster,
                   gsize header_size,
                   gsize *end,
                   Qcow2Header *header,
                   GError **error)
{
    const guint64 offset = be64 (head, 8);
    const guint32 size = be32 (head, 16);

    if (offset == 0)
        return TRUE;
    if (size == 0 || size > BACKING_NAME_MAX)
        return broken (header, "length of the backing file's name is out of range", error);
    if (offset < header_size || offset > cluster || size > cluster - offset)
        return broken (header, "backing file's name lies outside of the header", error);
    header->backing_name = take_text (head, offset, size);
    if (header->backing_name == NULL)
        return broken (header, "backing file's name holds a NUL", error);
    *end = (gsize) offset;
    return TRUE;
}

gboolean
qcow2_header_parse (const guint8 *head, gsize len, Qcow2Header *header, GError **error)
{
    memset (header, 0, sizeof *header);
    if (!qcow2_has_magic (head, len)) {
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_FORMAT, "not a qcow2 image");
        return FALSE;
    }
    if (len < V2_HEADER_SIZE)
        return broken (header, "file ends inside the header", error);

    const guint32 version = be32 (head, 4);
    if (version != 2 && version != 3) {
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
                     "qcow version %u is not supported, only qcow2 versions 2 and 3 are",
                     version);
        return FALSE;
    }
    if (version == 3 && len < V3_HEADER_SIZE)
        return broken (header, "file ends inside the header", error);

    const guint32 cluster_bits = be32 (head, 20);
    const gsize header_size = version == 3 ? be32 (head, 100) : V2_HEADER_SIZE;
    if (cluster_bits < 9 || cluster_bits > 21)
        return broken (header, "cluster size is out of range", error);
    const gsize cluster = MIN ((gsize) 1 << cluster_bits, len);
    if (version == 3 && (header_size < V3_HEADER_SIZE || header_size % 8 != 0))
        return broken (header, "header length is out of range", error);
    if (header_size > cluster)
        return broken (header, "header is longer than a cluster", error);

    header->virtual_size = be64 (head, 24);
    header->encrypted = be32 (head, 32) != 0;
    header->data_file = version == 3 && (be64 (head, 72) & INCOMPATIBLE_DATA_FILE) != 0;

    gsize end = cluster;
    return read_backing_name (head, cluster, header_size, &end, header, error) &&
           read_extensions (head, header_size, end, header, error);
}
