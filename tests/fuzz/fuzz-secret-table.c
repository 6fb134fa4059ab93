/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Secret tables: entries lie inside, and a table built of them has the same entries. */

#include <stdint.h>
#include <string.h>

#include "ovmf-hooks/secret-table.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static gboolean
add (OvmfSecretTable *table, const OvmfSecretEntry *entry)
{
    if (entry->len == 0)
        return FALSE;
    g_autoptr (SevSecret) secret = sev_secret_new_copy (entry->data, entry->len);
    return ovmf_secret_table_add (table, &entry->guid, secret, NULL);
}

static void
check_again (const OvmfSecretEntry *entries, guint n)
{
    OvmfSecretEntry again[OVMF_SECRET_MAX_ENTRIES];
    g_autoptr (OvmfSecretTable) table = ovmf_secret_table_new ();
    g_autoptr (GError) error = NULL;
    guint n_again;

    for (guint i = 0; i < n; i++)
        if (!add (table, &entries[i]))
            return;
    g_autoptr (SevSecret) built = ovmf_secret_table_build (table, G_MAXUINT16, NULL);
    if (built == NULL)
        return;
    g_assert_cmpuint (sev_secret_size (built) % 16, ==, 0);
    g_assert_true (ovmf_secret_table_parse (
        sev_secret_data (built), sev_secret_size (built), again, &n_again, &error));
    g_assert_cmpuint (n_again, ==, n);
    for (guint i = 0; i < n; i++) {
        g_assert_true (sev_guid_equal (&again[i].guid, &entries[i].guid));
        g_assert_cmpmem (again[i].data, again[i].len, entries[i].data, entries[i].len);
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    OvmfSecretEntry entries[OVMF_SECRET_MAX_ENTRIES];
    g_autoptr (GError) error = NULL;
    const guint8 *last = data + OVMF_SECRET_TABLE_HEADER_SIZE;
    guint n = 0;

    if (!ovmf_secret_table_parse (data, size, entries, &n, &error)) {
        g_assert_nonnull (error);
        return 0;
    }
    g_assert_cmpuint (n, <=, OVMF_SECRET_MAX_ENTRIES);
    for (guint i = 0; i < n; i++) {
        g_assert_true (entries[i].data >= last + OVMF_SECRET_ENTRY_HEADER_SIZE);
        g_assert_true (entries[i].data <= data + size);
        g_assert_cmpuint (entries[i].len, <=, (gsize) (data + size - entries[i].data));
        g_assert_false (sev_guid_is_zero (&entries[i].guid));
        last = entries[i].data + entries[i].len;
    }
    check_again (entries, n);
    return 0;
}
