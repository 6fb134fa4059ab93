/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* qcow2 headers: what is taken from one are bounded texts; a refused one leaves nothing. */

#include "config.h"

#include <stdint.h>
#include <string.h>

#include "launcher/image/qcow2.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check_text (const uint8_t *data, size_t size, const char *text, gsize max)
{
    if (text == NULL)
        return;
    g_assert_cmpuint (strlen (text), >, 0);
    g_assert_cmpuint (strlen (text), <=, max);
    g_assert_nonnull (memmem (data, size, text, strlen (text)));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static const Qcow2Header none = { 0 };
    const gsize len = MIN (size, QCOW2_HEAD_SIZE);
    Qcow2Header header;
    g_autoptr (GError) error = NULL;

    if (!qcow2_header_parse (data, len, &header, &error)) {
        g_assert_nonnull (error);
        g_assert_cmpmem (&header, sizeof header, &none, sizeof none);
        return 0;
    }
    g_assert_true (qcow2_has_magic (data, len));
    /* docs/interop/qcow2.txt: bytes 4 to 7 are the version, 1023 bytes the longest name */
    g_assert_true (data[7] == 2 || data[7] == 3);
    check_text (data, len, header.backing_name, 1023);
    check_text (data, len, header.backing_format, 1023);
    /* Byte 79, bit 2: the incompatible feature "external data file". */
    g_assert_true (data[7] == 2 || (data[79] & 4) == 0 || header.data_file);
    qcow2_header_clear (&header);
    g_assert_cmpmem (&header, sizeof header, &none, sizeof none);
    return 0;
}
