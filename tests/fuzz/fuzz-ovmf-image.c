/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Firmware images.  A short input is put where the table of an image ends, 32 bytes before
 * the end of 8 KiB; a longer one is the image.
 */

#include <stdint.h>
#include <string.h>

#include "ovmf-hooks/ovmf-image.h"

#define IMAGE_SIZE 8192u
#define TAIL 32u /* reset vector, behind the table */
#define HASH_AREA_MIN 176u

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check_area (const OvmfArea *area, gboolean present, guint32 min)
{
    if (!present) {
        g_assert_cmpuint (area->base, ==, 0);
        g_assert_cmpuint (area->size, ==, 0);
        return;
    }
    g_assert_cmpuint (area->base, >, 0);
    g_assert_cmpuint (area->size, >=, min);
    g_assert_cmpuint ((guint64) area->base + area->size, <=, G_GUINT64_CONSTANT (1) << 32);
}

static void
check (const guint8 *image, gsize len)
{
    OvmfImageInfo info;
    OvmfImageInfo before;
    g_autoptr (GError) error = NULL;

    memset (&info, 0x5a, sizeof info);
    memcpy (&before, &info, sizeof info);
    if (!ovmf_image_inspect (image, len, &info, &error)) {
        g_assert_nonnull (error);
        g_assert_cmpmem (&info, sizeof info, &before, sizeof before);
        return;
    }

    const gboolean secret = (info.caps & OVMF_CAP_SECRET_AREA) != 0;
    const gboolean hashes = (info.caps & OVMF_CAP_HASH_AREA) != 0;
    check_area (&info.secret_area, secret, 1);
    check_area (&info.hash_area, hashes, HASH_AREA_MIN);
    g_assert_cmpuint (info.secret_area.base % 16, ==, 0);
    g_assert_true (
        !secret || !hashes ||
        (guint64) info.secret_area.base + info.secret_area.size <= info.hash_area.base ||
        (guint64) info.hash_area.base + info.hash_area.size <= info.secret_area.base);
    g_assert_true ((info.caps & OVMF_CAP_ES_RESET) != 0 || info.es_reset_addr == 0);
    g_assert_true ((info.caps & OVMF_CAP_SNP_METADATA) != 0 || info.snp_metadata == 0);
    g_assert_true (ovmf_image_require (&info, info.caps, NULL));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size > IMAGE_SIZE - TAIL) {
        check (data, size);
        return 0;
    }

    g_autofree guint8 *image = g_malloc (IMAGE_SIZE);
    memset (image, 0xaa, IMAGE_SIZE);
    memcpy (image + IMAGE_SIZE - TAIL - size, data, size);
    check (image, IMAGE_SIZE);
    return 0;
}
