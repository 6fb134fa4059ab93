/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/lib/test-crc32.h"

/* The polynomial as it is written in the standard, bits from high to low, every byte and
 * the result turned round: another way to the number than the code under test goes. */
#define POLYNOMIAL 0x04c11db7u

static guint32
reverse (guint32 value, guint bits)
{
    guint32 out = 0;

    for (guint i = 0; i < bits; i++)
        if ((value & (1u << i)) != 0)
            out |= 1u << (bits - 1 - i);
    return out;
}

static guint32
table_entry (guint index)
{
    guint32 value = (guint32) index << 24;

    for (guint i = 0; i < 8; i++)
        value = (value & 0x80000000u) != 0 ? value << 1 ^ POLYNOMIAL : value << 1;
    return value;
}

guint32
test_crc32 (const void *data, gsize len)
{
    static guint32 table[256];
    static guint8 turned[256];
    const guint8 *bytes = data;
    guint32 crc = 0xffffffffu;

    if (table[1] == 0) {
        for (guint i = 0; i < 256; i++) {
            table[i] = table_entry (i);
            turned[i] = (guint8) reverse (i, 8);
        }
    }
    for (gsize i = 0; i < len; i++)
        crc = crc << 8 ^ table[crc >> 24 ^ turned[bytes[i]]];
    return ~reverse (crc, 32);
}
