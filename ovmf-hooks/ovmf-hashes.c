/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ovmf-hooks/ovmf-hashes.h"

#include <string.h>

#include "ovmf-hooks/ovmf-error.h"
#include "sev/base/sev-bytes.h"
#include "sev/base/sev-guid.h"
#include "sev/crypto/sev-digest.h"

/* GUID, u16 length, SHA-256 */
#define ENTRY_SIZE (SEV_GUID_SIZE + 2u + SEV_DIGEST_SIZE)
G_STATIC_ASSERT (ENTRY_SIZE == 50);
G_STATIC_ASSERT (SEV_GUID_SIZE + 2u + 3u * ENTRY_SIZE == OVMF_HASH_TABLE_SIZE);

static const SevGuid table_guid =
    SEV_GUID_INIT (0x9438d606, 0x4f22, 0x4cc9, 0xb479, 0xa793d411fd21);
static const SevGuid cmdline_guid =
    SEV_GUID_INIT (0x97d02dd8, 0xbd20, 0x4c94, 0xaa78, 0xe7714d36ab2a);
static const SevGuid initrd_guid =
    SEV_GUID_INIT (0x44baf731, 0x3a2f, 0x4bd7, 0x9af1, 0x41e29169781d);
static const SevGuid kernel_guid =
    SEV_GUID_INIT (0x4de79437, 0xabd2, 0x427f, 0xb835, 0xd5b172d2045b);

static gboolean
hash (const void *data, gsize len, guint8 out[SEV_DIGEST_SIZE], GError **error)
{
    g_autoptr (GError) local = NULL;

    if (sev_sha256 (data, len, out, &local))
        return TRUE;
    g_set_error_literal (error, OVMF_ERROR, OVMF_ERROR_CRYPTO, local->message);
    return FALSE;
}

gboolean
ovmf_hashes_cmdline (const char *cmdline, guint8 out[SEV_DIGEST_SIZE], GError **error)
{
    const char *text = cmdline != NULL ? cmdline : "";

    return hash (text, strlen (text) + 1, out, error);
}

gboolean
ovmf_hashes_no_initrd (guint8 out[SEV_DIGEST_SIZE], GError **error)
{
    return hash ("", 0, out, error);
}

static void
put_entry (GByteArray *out, const SevGuid *guid, const guint8 digest[SEV_DIGEST_SIZE])
{
    sev_put_bytes (out, guid->bytes, sizeof guid->bytes);
    sev_put_u16 (out, ENTRY_SIZE);
    sev_put_bytes (out, digest, SEV_DIGEST_SIZE);
}

void
ovmf_hashes_build (const OvmfHashes *hashes, guint8 out[OVMF_HASH_TABLE_PADDED_SIZE])
{
    g_autoptr (GByteArray) table = g_byte_array_sized_new (OVMF_HASH_TABLE_PADDED_SIZE);

    g_return_if_fail (hashes != NULL && out != NULL);

    sev_put_bytes (table, table_guid.bytes, sizeof table_guid.bytes);
    sev_put_u16 (table, OVMF_HASH_TABLE_SIZE);
    put_entry (table, &cmdline_guid, hashes->cmdline);
    put_entry (table, &initrd_guid, hashes->initrd);
    put_entry (table, &kernel_guid, hashes->kernel);
    sev_put_zeroes (table, OVMF_HASH_TABLE_PADDED_SIZE - OVMF_HASH_TABLE_SIZE);
    g_assert (table->len == OVMF_HASH_TABLE_PADDED_SIZE);
    memcpy (out, table->data, OVMF_HASH_TABLE_PADDED_SIZE);
}
