/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * LAUNCH_SECRET's header (52 bytes), guest length (4) and ciphertext (the rest), with the
 * keys and measurement of sevctl's tests/secretbuild.rs, whose packet the corpus begins
 * with.
 */

#include <stdint.h>
#include <string.h>

#include "psp/fw/psp-packet.h"
#include "sev/crypto/sev-aes.h"

static const guint8 tek_bytes[16] = { 0x52, 0xa8, 0x69, 0xb7, 0x9a, 0xb9, 0xc1, 0x3b,
                                      0xb6, 0xa9, 0x2b, 0x05, 0x61, 0x61, 0x9c, 0xb3 };
static const guint8 tik_bytes[16] = { 0xc6, 0xd5, 0xa9, 0x95, 0x61, 0x33, 0x05, 0x09,
                                      0x12, 0xb2, 0x4b, 0xbe, 0x5c, 0x37, 0x26, 0x86 };
static const guint8 measure[32] = { 0x4c, 0xb7, 0x80, 0xef, 0xad, 0x3b, 0x95, 0x94,
                                    0x27, 0xb4, 0xb8, 0xd1, 0x63, 0x5f, 0xe2, 0xfa,
                                    0xc6, 0xed, 0x75, 0x26, 0x7e, 0xef, 0x9c, 0xf1,
                                    0xa7, 0x3e, 0x0f, 0xc7, 0xd8, 0x73, 0xa4, 0x12 };

#define PREFIX (sizeof (SevPacketHeaderWire) + sizeof (guint32))

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
try_with (const guint8 *bound, const uint8_t *data, size_t size)
{
    SevPacketHeaderWire header;
    guint32 guest_len_le;
    SevStatus status;
    const guint32 len = (guint32) (size - PREFIX);
    g_autoptr (SevSecret) tek = sev_secret_new_copy (tek_bytes, sizeof tek_bytes);
    g_autoptr (SevSecret) tik = sev_secret_new_copy (tik_bytes, sizeof tik_bytes);
    g_autoptr (SevSecret) plain = NULL;

    memcpy (&header, data, sizeof header);
    memcpy (&guest_len_le, data + sizeof header, sizeof guest_len_le);
    if (!psp_packet_open (SEV_MAC_CONTEXT_SECRET, tek, tik, &header,
                          GUINT32_FROM_LE (guest_len_le), data + PREFIX, len, bound, &plain,
                          &status, NULL))
        g_assert_not_reached ();
    g_assert_true ((status == SEV_STATUS_SUCCESS) == (plain != NULL));
    if (plain == NULL)
        return;
    g_assert_cmpuint (sev_secret_size (plain), ==, len);
    g_assert_true (sev_aes128_ctr (tek_bytes, header.iv, sev_secret_data (plain),
                                   sev_secret_writable (plain), len, NULL));
    g_assert_cmpmem (sev_secret_data (plain), len, data + PREFIX, len);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size <= PREFIX || size > PREFIX + SEV_SECRET_MAX_SIZE)
        return 0;
    try_with (measure, data, size);
    try_with (NULL, data, size);
    return 0;
}
