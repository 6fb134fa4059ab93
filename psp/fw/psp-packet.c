/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "psp/fw/psp-packet.h"

#include <string.h>

#include "sev/crypto/sev-aes.h"
#include "sev/crypto/sev-hmac.h"

/*
 * The preimage as the firmware sees it: one flat buffer, this head, then DATA, then
 * MEASURE.  The owner's side streams the fields; neither is derived from the other, and
 * both are held to vectors of other programs.
 */
typedef struct __attribute__ ((packed)) {
    guint8 context;         /* 00h */
    guint32 flags_le;       /* 01h */
    guint8 iv[SEV_IV_SIZE]; /* 05h */
    guint32 guest_len_le;   /* 15h */
    guint32 trans_len_le;   /* 19h */
    guint8 data[];          /* 1dh */
} PacketPreimage;
G_STATIC_ASSERT (sizeof (PacketPreimage) == 0x1d);
G_STATIC_ASSERT (offsetof (PacketPreimage, flags_le) == 0x01);
G_STATIC_ASSERT (offsetof (PacketPreimage, iv) == 0x05);
G_STATIC_ASSERT (offsetof (PacketPreimage, guest_len_le) == 0x15);
G_STATIC_ASSERT (offsetof (PacketPreimage, trans_len_le) == 0x19);

static gboolean
compute_mac (guint8 context,
             const SevSecret *tik,
             const SevPacketHeaderWire *header,
             guint32 guest_len,
             const guint8 *data,
             guint32 len,
             const guint8 *measure,
             guint8 mac[SEV_MAC_SIZE],
             GError **error)
{
    const gsize total =
        sizeof (PacketPreimage) + len + (measure != NULL ? SEV_MAC_SIZE : 0);
    g_autofree PacketPreimage *pre = g_malloc (total);

    pre->context = context;
    pre->flags_le = header->flags_le;
    memcpy (pre->iv, header->iv, sizeof pre->iv);
    pre->guest_len_le = GUINT32_TO_LE (guest_len);
    pre->trans_len_le = GUINT32_TO_LE (len);
    memcpy (pre->data, data, len);
    if (measure != NULL)
        memcpy (pre->data + len, measure, SEV_MAC_SIZE);
    return sev_hmac_sha256 (sev_secret_data (tik), sev_secret_size (tik), pre, total, mac,
                            error);
}

gboolean
psp_packet_open (guint8 context,
                 const SevSecret *tek,
                 const SevSecret *tik,
                 const SevPacketHeaderWire *header,
                 guint32 guest_len,
                 const guint8 *data,
                 guint32 len,
                 const guint8 *measure,
                 SevSecret **plain,
                 SevStatus *status,
                 GError **error)
{
    const guint32 flags = GUINT32_FROM_LE (header->flags_le);
    guint8 mac[SEV_MAC_SIZE];

    g_return_val_if_fail (len > 0, FALSE);

    if ((flags & ~SEV_PACKET_FLAG_COMPRESSED) != 0) {
        *status = SEV_STATUS_INVALID_PARAM;
        return TRUE;
    }
    if ((flags & SEV_PACKET_FLAG_COMPRESSED) != 0) {
        *status = SEV_STATUS_UNSUPPORTED;
        return TRUE;
    }
    if (guest_len != len) {
        *status = SEV_STATUS_INVALID_LENGTH;
        return TRUE;
    }

    if (!compute_mac (context, tik, header, guest_len, data, len, measure, mac, error))
        return FALSE;
    if (!sev_constant_time_equal (mac, header->mac, sizeof mac)) {
        *status = SEV_STATUS_BAD_MEASUREMENT;
        return TRUE;
    }

    g_autoptr (SevSecret) out = sev_secret_new (len);
    if (!sev_aes128_ctr (sev_secret_data (tek), header->iv, data, sev_secret_writable (out),
                         len, error))
        return FALSE;
    *plain = g_steal_pointer (&out);
    *status = SEV_STATUS_SUCCESS;
    return TRUE;
}

gboolean
psp_packet_seal (guint8 context,
                 const SevSecret *tek,
                 const SevSecret *tik,
                 const SevSecret *plain,
                 SevPacketHeaderWire *header,
                 guint8 *data,
                 GError **error)
{
    const guint32 len = (guint32) sev_secret_size (plain);

    header->flags_le = 0;
    return sev_aes128_ctr (sev_secret_data (tek), header->iv, sev_secret_data (plain), data,
                           len, error) &&
           compute_mac (context, tik, header, len, data, len, NULL, header->mac, error);
}
