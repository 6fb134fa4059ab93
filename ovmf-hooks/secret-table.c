/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ovmf-hooks/secret-table.h"

#include <string.h>

#include "ovmf-hooks/ovmf-error.h"
#include "sev/base/sev-bytes.h"
#include "sev/wire/sev-wire.h"

static const SevGuid table_guid =
    SEV_GUID_INIT (0x1e74f542, 0x71dd, 0x4d66, 0x963e, 0xef4287ff173b);

typedef struct {
    SevGuid guid;
    SevSecret *data;
} Entry;

struct _OvmfSecretTable {
    GArray *entries; /* Entry */
    gsize size;      /* header and entries, without padding */
};

static void
entry_clear (gpointer data)
{
    Entry *entry = data;

    sev_secret_unref (entry->data);
}

OvmfSecretTable *
ovmf_secret_table_new (void)
{
    OvmfSecretTable *table = g_new0 (OvmfSecretTable, 1);

    table->entries = g_array_new (FALSE, FALSE, sizeof (Entry));
    g_array_set_clear_func (table->entries, entry_clear);
    table->size = OVMF_SECRET_TABLE_HEADER_SIZE;
    return table;
}

void
ovmf_secret_table_free (OvmfSecretTable *table)
{
    if (table == NULL)
        return;
    g_array_unref (table->entries);
    g_free (table);
}

static gboolean
guid_is_free (const OvmfSecretTable *table, const SevGuid *guid, GError **error)
{
    g_autofree char *text = sev_guid_to_string (guid);

    if (sev_guid_is_zero (guid) || sev_guid_equal (guid, &table_guid)) {
        g_set_error (error, OVMF_ERROR, OVMF_ERROR_INVALID,
                     "GUID '%s' has a meaning of its own in the secret table", text);
        return FALSE;
    }
    for (guint i = 0; i < table->entries->len; i++) {
        if (sev_guid_equal (guid, &g_array_index (table->entries, Entry, i).guid)) {
            g_set_error (error, OVMF_ERROR, OVMF_ERROR_INVALID,
                         "secret '%s' is given twice", text);
            return FALSE;
        }
    }
    return TRUE;
}

gboolean
ovmf_secret_table_add (OvmfSecretTable *table,
                       const SevGuid *guid,
                       SevSecret *data,
                       GError **error)
{
    g_return_val_if_fail (table != NULL && guid != NULL && data != NULL, FALSE);
    g_return_val_if_fail (sev_secret_size (data) > 0, FALSE);

    if (!guid_is_free (table, guid, error))
        return FALSE;
    if (table->entries->len >= OVMF_SECRET_MAX_ENTRIES) {
        g_set_error (error, OVMF_ERROR, OVMF_ERROR_TOO_LARGE, "more than %u secrets",
                     OVMF_SECRET_MAX_ENTRIES);
        return FALSE;
    }
    const gsize size = sev_secret_size (data);
    const gsize room = SEV_SECRET_MAX_SIZE - table->size;
    if (room < OVMF_SECRET_ENTRY_HEADER_SIZE ||
        size > room - OVMF_SECRET_ENTRY_HEADER_SIZE) {
        g_set_error (error, OVMF_ERROR, OVMF_ERROR_TOO_LARGE,
                     "secret of %" G_GSIZE_FORMAT " bytes does not fit: the table may have "
                     "%u bytes and has %" G_GSIZE_FORMAT " without it",
                     size, SEV_SECRET_MAX_SIZE, table->size);
        return FALSE;
    }
    const Entry entry = { .guid = *guid, .data = sev_secret_ref (data) };
    g_array_append_val (table->entries, entry);
    table->size += OVMF_SECRET_ENTRY_HEADER_SIZE + size;
    return TRUE;
}

void
ovmf_secret_table_wipe (OvmfSecretTable *table)
{
    g_return_if_fail (table != NULL);

    for (guint i = 0; i < table->entries->len; i++)
        sev_secret_wipe (g_array_index (table->entries, Entry, i).data);
}

guint
ovmf_secret_table_count (const OvmfSecretTable *table)
{
    g_return_val_if_fail (table != NULL, 0);
    return table->entries->len;
}

const SevGuid *
ovmf_secret_table_get_guid (const OvmfSecretTable *table, guint index)
{
    g_return_val_if_fail (table != NULL && index < table->entries->len, NULL);
    return &g_array_index (table->entries, Entry, index).guid;
}

gsize
ovmf_secret_table_get_size (const OvmfSecretTable *table, guint index)
{
    g_return_val_if_fail (table != NULL && index < table->entries->len, 0);
    return sev_secret_size (g_array_index (table->entries, Entry, index).data);
}

/* Appends to secret memory of the right size; a GByteArray would leave copies behind. */
typedef struct {
    guint8 *at;
    gsize left;
} Cursor;

static void
put (Cursor *cursor, const void *data, gsize len)
{
    g_assert (len <= cursor->left);
    memcpy (cursor->at, data, len);
    cursor->at += len;
    cursor->left -= len;
}

static void
put_head (Cursor *cursor, const SevGuid *guid, gsize len)
{
    const guint32 len_le = GUINT32_TO_LE ((guint32) len);

    put (cursor, guid->bytes, sizeof guid->bytes);
    put (cursor, &len_le, sizeof len_le);
}

SevSecret *
ovmf_secret_table_build (const OvmfSecretTable *table, gsize limit, GError **error)
{
    g_return_val_if_fail (table != NULL, NULL);

    if (table->entries->len == 0) {
        g_set_error_literal (error, OVMF_ERROR, OVMF_ERROR_INVALID,
                             "secret table without a secret");
        return NULL;
    }
    const gsize padded =
        (table->size + SEV_BLOCK_SIZE - 1) / SEV_BLOCK_SIZE * SEV_BLOCK_SIZE;
    if (padded > MIN (limit, SEV_SECRET_MAX_SIZE)) {
        g_set_error (error, OVMF_ERROR, OVMF_ERROR_TOO_LARGE,
                     "secret table needs %" G_GSIZE_FORMAT
                     " bytes, but the firmware's secret area takes %" G_GSIZE_FORMAT,
                     padded, MIN (limit, (gsize) SEV_SECRET_MAX_SIZE));
        return NULL;
    }

    SevSecret *out = sev_secret_new (padded);
    Cursor cursor = { sev_secret_writable (out), padded };
    put_head (&cursor, &table_guid, table->size);
    for (guint i = 0; i < table->entries->len; i++) {
        const Entry *entry = &g_array_index (table->entries, Entry, i);
        const gsize len = sev_secret_size (entry->data);
        put_head (&cursor, &entry->guid, OVMF_SECRET_ENTRY_HEADER_SIZE + len);
        put (&cursor, sev_secret_data (entry->data), len);
    }
    g_assert (cursor.left == padded - table->size);
    return out;
}

static gboolean
malformed (GError **error, const char *what, gsize offset)
{
    g_set_error (error, OVMF_ERROR, OVMF_ERROR_MALFORMED,
                 "secret table: %s at offset %" G_GSIZE_FORMAT, what, offset);
    return FALSE;
}

gboolean
ovmf_secret_table_parse (const guint8 *data,
                         gsize len,
                         OvmfSecretEntry entries[OVMF_SECRET_MAX_ENTRIES],
                         guint *n_entries,
                         GError **error)
{
    SevReader reader;
    SevGuid guid;
    guint32 total = 0;

    g_return_val_if_fail (data != NULL || len == 0, FALSE);
    g_return_val_if_fail (entries != NULL && n_entries != NULL, FALSE);

    *n_entries = 0;
    sev_reader_init (&reader, data, len);
    if (!sev_reader_bytes (&reader, guid.bytes, sizeof guid.bytes) ||
        !sev_reader_u32 (&reader, &total))
        return malformed (error, "header is cut off", 0);
    if (!sev_guid_equal (&guid, &table_guid))
        return malformed (error, "header GUID is another one", 0);
    if (total < OVMF_SECRET_TABLE_HEADER_SIZE || total > len)
        return malformed (error, "length does not fit", SEV_GUID_SIZE);

    sev_reader_init (&reader, data, total);
    const gboolean whole = sev_reader_skip (&reader, OVMF_SECRET_TABLE_HEADER_SIZE);
    g_assert (whole);
    for (guint seen = 0; sev_reader_left (&reader) > 0; seen++) {
        const gsize at = reader.pos;
        guint32 entry_len = 0;

        if (seen >= OVMF_SECRET_MAX_ENTRIES)
            return malformed (error, "too many entries", at);
        if (!sev_reader_bytes (&reader, guid.bytes, sizeof guid.bytes) ||
            !sev_reader_u32 (&reader, &entry_len))
            return malformed (error, "entry is cut off", at);
        if (entry_len < OVMF_SECRET_ENTRY_HEADER_SIZE)
            return malformed (error, "entry is shorter than its header", at);
        const gsize data_len = entry_len - OVMF_SECRET_ENTRY_HEADER_SIZE;
        const gsize data_at = reader.pos;
        if (!sev_reader_skip (&reader, data_len))
            return malformed (error, "entry is longer than the table", at);
        if (!sev_guid_is_zero (&guid))
            entries[(*n_entries)++] =
                (OvmfSecretEntry){ .guid = guid, .data = data + data_at, .len = data_len };
    }
    return TRUE;
}
