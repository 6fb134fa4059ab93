/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The kernel module's reader: what it accepts lies inside the area. */

#include <stdint.h>
#include <string.h>

#include <glib.h>

typedef guint8 u8;
typedef guint32 u32;

#include "ovmf-hooks/guest/module/secret_table.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    struct secret_slot slots[SECRET_ENTRIES_MAX];
    unsigned int count;

    if (secret_table_parse (data, size, slots, &count) != SECRET_TABLE_OK) {
        g_assert_cmpuint (count, ==, 0);
        return 0;
    }
    g_assert_cmpuint (count, <=, SECRET_ENTRIES_MAX);
    for (unsigned int i = 0; i < count; i++) {
        g_assert_cmpuint (slots[i].offset, >=, 2 * SECRET_HEADER_SIZE);
        g_assert_cmpuint (slots[i].offset, <=, size);
        g_assert_cmpuint (slots[i].len, <=, size - slots[i].offset);
    }
    return 0;
}
