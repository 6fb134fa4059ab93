/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a release pins of a LUKS header.  An input that begins with '{' is the metadata of
 * an otherwise good header, any other the start of a partition.  The guest's own judgement
 * has a target of its own, fuzz-luks-header.
 */

#include <stdint.h>
#include <string.h>

#include "launcher/image/luks.h"
#include "ovmf-hooks/guest/luks-header.h"
#include "tests/lib/luks-maker.h"

#define PARTITION_SIZE (8u << 20)
#define AREA_SIZE (1u << 20)

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check (const guint8 *area, gsize len)
{
    g_autofree char *uuid = NULL;
    g_autoptr (GError) error = NULL;
    guint64 length = 0;

    if (!luks_parse (area, len, PARTITION_SIZE, &uuid, &length, &error)) {
        g_assert_nonnull (error);
        g_assert_null (uuid);
        return;
    }
    g_assert_no_error (error);
    g_assert_true (g_uuid_string_is_valid (uuid));
    g_assert_cmpuint (length, >=, LUKS_HEADER_MIN);
    g_assert_cmpuint (length, <=, len);
    g_assert_cmpuint (length, <, PARTITION_SIZE);
    g_assert_cmpuint (length % 512, ==, 0);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size > AREA_SIZE)
        return 0;
    if (size == 0 || data[0] != '{') {
        check (data, size);
        return 0;
    }

    g_autofree guint8 *area = g_malloc0 (AREA_SIZE);
    luks_maker_fill (area, data, size);
    check (area, AREA_SIZE);
    return 0;
}
