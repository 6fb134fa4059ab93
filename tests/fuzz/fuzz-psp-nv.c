/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Persistent state of the emulated firmware: as it comes, and with its checksum put right.
 */

#include <stdint.h>
#include <string.h>

#include "psp/fw/psp-nv.h"
#include "sev/crypto/sev-digest.h"

static const PspNvKind kind = { "SLPSPNV", 1, 1 };

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* What decodes lies inside the input, and encodes to bytes that decode to the same. */
static void
decode (const guint8 *data, gsize size)
{
    PspNvBlock blocks[PSP_NV_MAX_BLOCKS], again[PSP_NV_MAX_BLOCKS];
    gsize n, n_again;

    if (!psp_nv_decode (&kind, data, size, NULL, blocks, &n, NULL))
        return;
    for (gsize i = 0; i < n; i++) {
        g_assert_true (blocks[i].data >= data);
        g_assert_cmpuint ((gsize) (blocks[i].data - data) + blocks[i].len, <=, size);
    }
    g_autoptr (SevSecret) blob = psp_nv_encode (&kind, blocks, n, NULL, NULL);
    g_assert_nonnull (blob);
    g_assert_cmpuint (sev_secret_size (blob), ==, size);
    g_assert_true (
        psp_nv_decode (&kind, sev_secret_data (blob), size, NULL, again, &n_again, NULL));
    g_assert_cmpuint (n_again, ==, n);
    for (gsize i = 0; i < n; i++)
        g_assert_cmpmem (blocks[i].data, blocks[i].len, again[i].data, again[i].len);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    guint8 digest[SEV_DIGEST_SIZE];

    decode (data, size);

    g_autoptr (GByteArray) sealed = g_byte_array_new ();
    if (size > 0)
        g_byte_array_append (sealed, data, (guint) size);
    /* The total length too, or nearly nothing would get past it. */
    if (size >= 16) {
        const guint32 total_le = GUINT32_TO_LE ((guint32) size + SEV_DIGEST_SIZE);
        memcpy (sealed->data + 12, &total_le, sizeof total_le);
    }
    if (!sev_sha256 (sealed->data, sealed->len, digest, NULL))
        g_assert_not_reached ();
    g_byte_array_append (sealed, digest, sizeof digest);
    decode (sealed->data, sealed->len);
    return 0;
}
