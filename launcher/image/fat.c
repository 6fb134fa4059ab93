/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/image/fat.h"

#include <string.h>

#define SECTOR 512u
#define WINDOW (32u << 10)       /* bytes of the table kept */
#define PIECE (512u << 10)       /* bytes of a file read at a time */
#define DIRECTORY_MAX (2u << 20) /* bytes: 65536 entries */
#define CLUSTER_MAX (256u << 10) /* bytes */
#define ENTRY 32u                /* bytes */
#define NAME_MAX_UNITS 255u      /* UTF-16 code units of a long name */
#define LONG_UNITS 13u           /* of one long-name entry */
#define LONG_PARTS ((NAME_MAX_UNITS + LONG_UNITS - 1) / LONG_UNITS)

#define ATTR_LABEL 0x08u
#define ATTR_DIRECTORY 0x10u
#define ATTR_LONG 0x0fu /* of the low six bits */
#define ATTR_MASK 0x3fu
#define LAST_LONG 0x40u
#define DELETED 0xe5u
#define LOWER_BASE 0x08u /* in byte 12, as Windows NT writes it */
#define LOWER_EXTENSION 0x10u

struct _Fat {
    FatRead read;
    gpointer data;
    guint64 size;

    guint bits;           /* 12, 16 or 32 */
    guint32 cluster;      /* bytes */
    guint32 clusters;     /* their number: 2 to @clusters + 1 */
    guint64 table;        /* offset of the table that counts */
    guint64 table_size;   /* bytes */
    guint64 root;         /* offset of the root directory; FAT32: none */
    guint32 root_size;    /* bytes */
    guint32 root_cluster; /* FAT32 */
    guint64 heap;         /* offset of cluster 2 */

    guint64 window_at; /* G_MAXUINT64: nothing was read */
    guint8 window[WINDOW];
};

void
fat_free (Fat *fat)
{
    g_free (fat);
}

static void
entry_free (gpointer data)
{
    FatEntry *entry = data;

    g_free (entry->name);
    g_free (entry);
}

static gboolean
broken (GError **error, const char *what)
{
    g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_FAT_BROKEN, "EFI system partition: %s",
                 what);
    return FALSE;
}

static gboolean
not_fat (GError **error)
{
    return broken (error, "its boot sector is none of a FAT file system");
}

static guint16
le16 (const guint8 *at)
{
    return (guint16) (at[0] | at[1] << 8);
}

static guint32
le32 (const guint8 *at)
{
    return le16 (at) | (guint32) le16 (at + 2) << 16;
}

static gboolean
is_power_of_two (guint value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

/* The boot sector, and what follows from it. */

/* Which kind it is, as the firmware sees it: FAT32 by its empty field, the others by the
 * number of their clusters. */
static gboolean
set_kind (Fat *fat, const guint8 *boot, GError **error)
{
    if (le16 (boot + 22) == 0)
        fat->bits = 32;
    else
        fat->bits = fat->clusters < 4085 ? 12 : 16;
    const guint64 needed = ((guint64) fat->clusters + 2) * fat->bits;
    if ((fat->bits == 16 && fat->clusters >= 65525) || fat->clusters >= 0x0ffffff5 ||
        fat->clusters == 0 || (needed + 7) / 8 > fat->table_size)
        return not_fat (error);
    if (fat->bits < 32)
        return fat->root_size > 0 || not_fat (error);

    const guint flags = le16 (boot + 40);
    const guint active = (flags & 0x80) != 0 ? flags & 0xf : 0;
    if (le16 (boot + 42) != 0 || fat->root_size != 0 || active >= boot[16])
        return not_fat (error);
    fat->table += active * fat->table_size;
    fat->root_cluster = le32 (boot + 44);
    return TRUE;
}

static gboolean
read_boot_sector (Fat *fat, GError **error)
{
    guint8 boot[SECTOR];

    if (fat->size < SECTOR || fat->size % SECTOR != 0)
        return not_fat (error);
    if (!fat->read (fat->data, 0, boot, sizeof boot, error))
        return FALSE;

    const guint sector = le16 (boot + 11);
    const guint64 sectors = le16 (boot + 19) != 0 ? le16 (boot + 19) : le32 (boot + 32);
    const guint64 table = le16 (boot + 22) != 0 ? le16 (boot + 22) : le32 (boot + 36);
    if (boot[510] != 0x55 || boot[511] != 0xaa || sector < SECTOR || sector > 4096 ||
        !is_power_of_two (sector) || !is_power_of_two (boot[13]) ||
        sector * boot[13] > CLUSTER_MAX || le16 (boot + 14) == 0 || boot[16] < 1 ||
        boot[16] > 2 || table == 0 || sectors > fat->size / sector)
        return not_fat (error);

    /* No product can overflow: none has more than 32 + 12 + 1 bits. */
    fat->cluster = sector * boot[13];
    fat->table = (guint64) le16 (boot + 14) * sector;
    fat->table_size = table * sector;
    fat->root = fat->table + boot[16] * fat->table_size;
    fat->root_size = (le16 (boot + 17) * ENTRY + sector - 1) / sector * sector;
    fat->heap = fat->root + fat->root_size;
    if (fat->heap >= sectors * sector)
        return not_fat (error);
    fat->clusters = (guint32) ((sectors * sector - fat->heap) / fat->cluster);
    return set_kind (fat, boot, error);
}

Fat *
fat_open (guint64 size, FatRead read, gpointer data, GError **error)
{
    g_autoptr (Fat) fat = g_new0 (Fat, 1);

    fat->read = read;
    fat->data = data;
    fat->size = size;
    fat->window_at = G_MAXUINT64;
    return read_boot_sector (fat, error) ? g_steal_pointer (&fat) : NULL;
}

/* The table. */

/* A byte of the table; a FAT12 entry may lie across two windows. */
static gboolean
table_byte (Fat *fat, guint64 at, guint8 *byte, GError **error)
{
    const guint64 start = at - at % WINDOW;

    g_return_val_if_fail (at < fat->table_size, FALSE);
    if (fat->window_at != start) {
        const gsize len = (gsize) MIN (WINDOW, fat->table_size - start);

        fat->window_at = G_MAXUINT64;
        if (!fat->read (fat->data, fat->table + start, fat->window, len, error))
            return FALSE;
        fat->window_at = start;
    }
    *byte = fat->window[at - start];
    return TRUE;
}

static gboolean
is_cluster (const Fat *fat, guint32 cluster)
{
    return cluster >= 2 && cluster - 2 < fat->clusters;
}

/* @next: 0 at the end of the chain */
static gboolean
next_cluster (Fat *fat, guint32 cluster, guint32 *next, GError **error)
{
    const guint64 at = (guint64) cluster * fat->bits / 8;
    const guint n = fat->bits == 32 ? 4 : 2;
    guint8 bytes[4] = { 0 };

    for (guint i = 0; i < n; i++)
        if (!table_byte (fat, at + i, &bytes[i], error))
            return FALSE;

    const guint32 mask = fat->bits == 32 ? 0x0fffffff : (1u << fat->bits) - 1;
    guint32 value = le32 (bytes);
    if (fat->bits == 12 && cluster % 2 != 0)
        value >>= 4;
    value &= mask;
    if (value >= (mask & ~7u)) {
        *next = 0;
        return TRUE;
    }
    *next = value;
    return is_cluster (fat, value) || broken (error, "a chain of clusters leads nowhere");
}

static guint64
cluster_offset (const Fat *fat, guint32 cluster)
{
    return fat->heap + (guint64) (cluster - 2) * fat->cluster;
}

/* Gives the clusters from @first on to @sink, neighbours together: @size bytes, after which
 * the chain must end; or, with @whole, all of them, at most @size bytes. */
static gboolean
read_chain (Fat *fat,
            guint32 first,
            guint64 size,
            gboolean whole,
            FatSink sink,
            gpointer data,
            GError **error)
{
    const gsize piece = MAX (PIECE, fat->cluster);
    g_autofree guint8 *buffer = g_malloc (piece);
    guint32 cluster = first;
    guint64 done = 0;

    while (cluster != 0) {
        const guint32 start = cluster;
        gsize len = 0;

        if (!is_cluster (fat, cluster))
            return broken (error, "a file or directory begins nowhere");
        do {
            len += fat->cluster;
            if (!next_cluster (fat, cluster, &cluster, error))
                return FALSE;
        } while (cluster == start + len / fat->cluster && len + fat->cluster <= piece);
        /* The last cluster may be used in part. */
        if (done >= size ||
            (whole ? len > size - done
                   : len > size - done && len - (gsize) (size - done) >= fat->cluster))
            return broken (error, "a chain of clusters is longer than its file");
        if (!fat->read (fat->data, cluster_offset (fat, start), buffer, len, error) ||
            !sink (data, buffer, (gsize) MIN (len, size - done), error))
            return FALSE;
        done += MIN (len, size - done);
    }
    return whole || done == size ||
           broken (error, "a chain of clusters is shorter than its file");
}

gboolean
fat_read_file (Fat *fat, const FatEntry *file, FatSink sink, gpointer data, GError **error)
{
    g_return_val_if_fail (!file->directory, FALSE);

    return read_chain (fat, file->cluster, file->size, FALSE, sink, data, error);
}

/* Directories. */

/* The long name that is being put together, last part first. */
typedef struct {
    guint16 units[LONG_PARTS * LONG_UNITS];
    guint next; /* the part that must follow; 0: complete, or there is none */
    guint parts;
    guint8 checksum;
} LongName;

static guint8
name_checksum (const guint8 *entry)
{
    guint8 sum = 0;

    for (guint i = 0; i < 11; i++)
        sum = (guint8) ((sum >> 1 | sum << 7) + entry[i]);
    return sum;
}

static void
take_long (LongName *name, const guint8 *entry)
{
    static const guint8 places[LONG_UNITS] = {
        1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30
    };
    const guint part = entry[0] & 0x3f;

    if ((entry[0] & LAST_LONG) != 0) {
        name->next = name->parts = part <= LONG_PARTS ? part : 0;
        name->checksum = entry[13];
    }
    if (part == 0 || part != name->next || entry[13] != name->checksum) {
        name->next = name->parts = 0;
        return;
    }
    for (guint i = 0; i < LONG_UNITS; i++)
        name->units[(part - 1) * LONG_UNITS + i] = le16 (entry + places[i]);
    name->next--;
}

/* Returns: (transfer full) (nullable): if it belongs to @entry */
static char *
long_name (const LongName *name, const guint8 *entry)
{
    const guint max = name->parts * LONG_UNITS;
    GString *text = g_string_new (NULL);

    if (name->parts == 0 || name->next != 0 || name->checksum != name_checksum (entry)) {
        g_string_free (text, TRUE);
        return NULL;
    }
    for (guint i = 0; i < max && name->units[i] != 0; i++) {
        gunichar c = name->units[i];

        if ((c & 0xfc00) == 0xd800 && i + 1 < max &&
            (name->units[i + 1] & 0xfc00) == 0xdc00)
            c = 0x10000 + ((c & 0x3ff) << 10) + (name->units[++i] & 0x3ff);
        g_string_append_unichar (text, g_unichar_validate (c) ? c : '?');
    }
    return g_string_free (text, FALSE);
}

static void
append_short (GString *text, const guint8 *field, guint len, gboolean lower)
{
    while (len > 0 && field[len - 1] == ' ')
        len--;
    for (guint i = 0; i < len; i++) {
        const char c = field[i] >= 0x20 && field[i] < 0x7f ? (char) field[i] : '?';
        g_string_append_c (text, lower ? g_ascii_tolower (c) : c);
    }
}

static char *
short_name (const guint8 *entry)
{
    GString *text = g_string_new (NULL);

    append_short (text, entry, 8, (entry[12] & LOWER_BASE) != 0);
    if (entry[8] != ' ') {
        g_string_append_c (text, '.');
        append_short (text, entry + 8, 3, (entry[12] & LOWER_EXTENSION) != 0);
    }
    return g_string_free (text, FALSE);
}

static gboolean
is_dots (const guint8 *entry)
{
    return memcmp (entry, ".          ", 11) == 0 || memcmp (entry, "..         ", 11) == 0;
}

static FatEntry *
make_entry (const Fat *fat, const LongName *name, const guint8 *data)
{
    FatEntry *entry = g_new0 (FatEntry, 1);

    entry->name = long_name (name, data);
    if (entry->name == NULL)
        entry->name = short_name (data);
    entry->directory = (data[11] & ATTR_DIRECTORY) != 0;
    entry->cluster = le16 (data + 26);
    if (fat->bits == 32)
        entry->cluster |= (guint32) le16 (data + 20) << 16;
    entry->size = entry->directory ? 0 : le32 (data + 28);
    return entry;
}

static GPtrArray *
parse_directory (const Fat *fat, const GByteArray *bytes)
{
    g_autoptr (GPtrArray) entries = g_ptr_array_new_with_free_func (entry_free);
    LongName name = { .parts = 0 };

    for (gsize at = 0; at + ENTRY <= bytes->len; at += ENTRY) {
        const guint8 *entry = bytes->data + at;

        if (entry[0] == 0)
            break;
        if (entry[0] != DELETED && (entry[11] & ATTR_MASK) == ATTR_LONG) {
            take_long (&name, entry);
            continue;
        }
        if (entry[0] != DELETED && (entry[11] & ATTR_LABEL) == 0 && !is_dots (entry))
            g_ptr_array_add (entries, make_entry (fat, &name, entry));
        name = (LongName){ .parts = 0 };
    }
    return g_steal_pointer (&entries);
}

static gboolean
append_bytes (gpointer data, const guint8 *bytes, gsize len, GError **error)
{
    g_byte_array_append (data, bytes, (guint) len);
    return TRUE;
}

GPtrArray *
fat_list (Fat *fat, const FatEntry *directory, GError **error)
{
    g_autoptr (GByteArray) bytes = g_byte_array_new ();

    g_return_val_if_fail (directory == NULL || directory->directory, NULL);

    if (directory == NULL && fat->bits < 32) {
        g_byte_array_set_size (bytes, fat->root_size);
        if (!fat->read (fat->data, fat->root, bytes->data, fat->root_size, error))
            return NULL;
        return parse_directory (fat, bytes);
    }

    const guint32 cluster = directory != NULL ? directory->cluster : fat->root_cluster;
    if (cluster == 0) {
        broken (error, "a directory begins nowhere");
        return NULL;
    }
    if (!read_chain (fat, cluster, DIRECTORY_MAX, TRUE, append_bytes, bytes, error))
        return NULL;
    return parse_directory (fat, bytes);
}
