/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "psp/fw/psp-nv.h"

#include <string.h>

#include "psp/fw/psp-device.h"
#include "psp/fw/psp-error.h"
#include "sev/base/sev-bytes.h"
#include "sev/crypto/sev-digest.h"
#include "sev/crypto/sev-hmac.h"

#define HEADER_SIZE 16u
#define BLOCK_HEADER_SIZE 8u
#define TRAILER_SIZE SEV_MAC_SIZE
G_STATIC_ASSERT (SEV_MAC_SIZE == SEV_DIGEST_SIZE);

static gboolean
compute_trailer (const guint8 *data,
                 gsize len,
                 const SevSecret *key,
                 guint8 out[TRAILER_SIZE],
                 GError **error)
{
    if (key == NULL)
        return sev_sha256 (data, len, out, error);
    return sev_hmac_sha256 (sev_secret_data (key), sev_secret_size (key), data, len, out,
                            error);
}

/* Header and block headers are not secret; only data is, and never passes a plain heap. */
SevSecret *
psp_nv_encode (const PspNvKind *kind,
               const PspNvBlock *blocks,
               gsize n_blocks,
               const SevSecret *key,
               GError **error)
{
    gsize total = HEADER_SIZE + TRAILER_SIZE;

    g_return_val_if_fail (n_blocks <= PSP_NV_MAX_BLOCKS, NULL);
    for (gsize i = 0; i < n_blocks; i++) {
        g_return_val_if_fail (psp_nv_find (blocks, i, blocks[i].tag) == NULL, NULL);
        total += BLOCK_HEADER_SIZE + blocks[i].len;
    }
    g_return_val_if_fail (total <= PSP_NV_MAX_SIZE, NULL);

    g_autoptr (SevSecret) blob = sev_secret_new (total);
    guint8 *p = sev_secret_writable (blob);
    g_autoptr (GByteArray) head = g_byte_array_new ();
    sev_put_bytes (head, kind->magic, PSP_NV_MAGIC_SIZE);
    sev_put_u16 (head, kind->version);
    sev_put_u16 (head, kind->min_version);
    sev_put_u32 (head, (guint32) total);
    g_assert (head->len == HEADER_SIZE);
    memcpy (p, head->data, head->len);
    p += head->len;

    for (gsize i = 0; i < n_blocks; i++) {
        g_byte_array_set_size (head, 0);
        sev_put_u32 (head, blocks[i].tag);
        sev_put_u32 (head, blocks[i].len);
        memcpy (p, head->data, head->len);
        p += head->len;
        if (blocks[i].len > 0)
            memcpy (p, blocks[i].data, blocks[i].len);
        p += blocks[i].len;
    }

    if (!compute_trailer (sev_secret_data (blob), total - TRAILER_SIZE, key, p, error))
        return NULL;
    return g_steal_pointer (&blob);
}

static gboolean
damaged (GError **error, const char *what)
{
    g_set_error (error, PSP_ERROR, PSP_ERROR_NV_DAMAGED, "stored state is damaged: %s",
                 what);
    return FALSE;
}

static gboolean
read_blocks (SevReader *reader, PspNvBlock *blocks, gsize *n_blocks, GError **error)
{
    gsize n = 0;

    while (sev_reader_left (reader) > 0) {
        PspNvBlock block;

        if (!sev_reader_u32 (reader, &block.tag) || !sev_reader_u32 (reader, &block.len) ||
            block.len > sev_reader_left (reader))
            return damaged (error, "a block goes past the end");
        if (n == PSP_NV_MAX_BLOCKS)
            return damaged (error, "too many blocks");
        if (psp_nv_find (blocks, n, block.tag) != NULL)
            return damaged (error, "a block is there twice");
        block.data = reader->data + reader->pos;
        if (!sev_reader_skip (reader, block.len))
            return damaged (error, "a block goes past the end");
        blocks[n++] = block;
    }
    *n_blocks = n;
    return TRUE;
}

gboolean
psp_nv_decode (const PspNvKind *kind,
               const guint8 *data,
               gsize len,
               const SevSecret *key,
               PspNvBlock blocks[PSP_NV_MAX_BLOCKS],
               gsize *n_blocks,
               GError **error)
{
    SevReader reader;
    guint8 magic[PSP_NV_MAGIC_SIZE], trailer[TRAILER_SIZE];
    guint16 version, min_version;
    guint32 total;

    if (len < HEADER_SIZE + TRAILER_SIZE || len > PSP_NV_MAX_SIZE)
        return damaged (error, "wrong size");
    if (!compute_trailer (data, len - TRAILER_SIZE, key, trailer, error))
        return FALSE;
    if (!sev_constant_time_equal (trailer, data + len - TRAILER_SIZE, TRAILER_SIZE))
        return damaged (error, "its checksum is wrong");

    sev_reader_init (&reader, data, len - TRAILER_SIZE);
    if (!sev_reader_bytes (&reader, magic, sizeof magic) ||
        !sev_reader_u16 (&reader, &version) || !sev_reader_u16 (&reader, &min_version) ||
        !sev_reader_u32 (&reader, &total))
        return damaged (error, "no header");
    if (memcmp (magic, kind->magic, sizeof magic) != 0)
        return damaged (error, "it is of another kind");
    if (total != len)
        return damaged (error, "its length disagrees with its size");
    if (min_version > kind->version) {
        g_set_error (error, PSP_ERROR, PSP_ERROR_NV_VERSION,
                     "stored state has version %u and needs at least %u, this build knows "
                     "%u",
                     version, min_version, kind->version);
        return FALSE;
    }
    return read_blocks (&reader, blocks, n_blocks, error);
}

const PspNvBlock *
psp_nv_find (const PspNvBlock *blocks, gsize n_blocks, guint32 tag)
{
    for (gsize i = 0; i < n_blocks; i++)
        if (blocks[i].tag == tag)
            return &blocks[i];
    return NULL;
}
