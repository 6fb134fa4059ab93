/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sev/base/sev-guid.h"
#include "sev/base/sev-secret.h"

G_BEGIN_DECLS

/**
 * SECTION: secret-table
 * @short_description: the GUIDed table that carries secrets into the guest
 *
 * Header: GUID 1e74f542-71dd-4d66-963e-ef4287ff173b, u32 total length with the header and
 * without padding.  Entries: GUID, u32 length with these 20 bytes, data.
 *
 * Source: Linux, drivers/virt/coco/efi_secret/efi_secret.c (the reader in the guest).
 */

#define OVMF_SECRET_TABLE_GUID "1e74f542-71dd-4d66-963e-ef4287ff173b"
#define OVMF_SECRET_TABLE_HEADER_SIZE 20u
#define OVMF_SECRET_ENTRY_HEADER_SIZE 20u
#define OVMF_SECRET_MAX_ENTRIES 64u /* Linux reads no more */

/** OvmfSecretTable: builder; holds references to its secrets */
typedef struct _OvmfSecretTable OvmfSecretTable;

OvmfSecretTable *ovmf_secret_table_new (void);
void ovmf_secret_table_free (OvmfSecretTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (OvmfSecretTable, ovmf_secret_table_free)

/**
 * ovmf_secret_table_add:
 * @data: at least one byte; a reference is taken
 * Errors: %OVMF_ERROR_INVALID: zero GUID, the table's own GUID, a GUID that is in the
 * table; %OVMF_ERROR_TOO_LARGE: more than 64 entries, or more than 16 KiB.
 */
gboolean ovmf_secret_table_add (OvmfSecretTable *table,
                                const SevGuid *guid,
                                SevSecret *data,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

guint ovmf_secret_table_count (const OvmfSecretTable *table);
/** ovmf_secret_table_get_guid: @index: below the count */
const SevGuid *ovmf_secret_table_get_guid (const OvmfSecretTable *table, guint index);
/** ovmf_secret_table_get_size: Returns: bytes of secret @index, its entry header not
 * included */
gsize ovmf_secret_table_get_size (const OvmfSecretTable *table, guint index);

/** ovmf_secret_table_wipe: overwrites the secrets, see sev_secret_wipe(); what they are
 * called and how long they are stays */
void ovmf_secret_table_wipe (OvmfSecretTable *table);

/**
 * ovmf_secret_table_build:
 * @limit: bytes that the secret area has, see ovmf_secret_area_limit()
 *
 * Returns: (transfer full): the table, padded with zeroes to 16 bytes
 * Errors: %OVMF_ERROR_TOO_LARGE with both numbers; %OVMF_ERROR_INVALID without an entry.
 */
SevSecret *ovmf_secret_table_build (const OvmfSecretTable *table,
                                    gsize limit,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** OvmfSecretEntry: points into the bytes that were parsed */
typedef struct {
    SevGuid guid;
    const guint8 *data;
    gsize len;
} OvmfSecretEntry;

/**
 * ovmf_secret_table_parse:
 * @data: (array length=len): a table as found in memory, padding included
 * @entries: (out caller-allocates): place for %OVMF_SECRET_MAX_ENTRIES entries; entries
 * with a zero GUID (used up by the guest) are left out
 * @n_entries: (out): how many were found
 * Errors: %OVMF_ERROR_MALFORMED; the outputs then hold nothing of use.
 */
gboolean ovmf_secret_table_parse (const guint8 *data,
                                  gsize len,
                                  OvmfSecretEntry entries[OVMF_SECRET_MAX_ENTRIES],
                                  guint *n_entries,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
