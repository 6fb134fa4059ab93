/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdint.h>

#include <glib.h>

/*
 * For what is signed or sealed, and therefore out of a fuzzer's reach: the input is a list
 * of edits of a good one, 4 bytes each: where (24 bits), and what is XORed there.
 */
#define FUZZ_EDIT_SIZE 4u

static inline void
fuzz_edit (guint8 *bytes, gsize len, const uint8_t *data, size_t size)
{
    for (; size >= FUZZ_EDIT_SIZE; data += FUZZ_EDIT_SIZE, size -= FUZZ_EDIT_SIZE) {
        const gsize at = (gsize) data[0] | (gsize) data[1] << 8 | (gsize) data[2] << 16;

        if (at < len)
            bytes[at] ^= data[3];
    }
}
