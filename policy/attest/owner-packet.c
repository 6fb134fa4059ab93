/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/attest/owner-packet.h"

#include <string.h>

#include "policy/attest/owner-private.h"
#include "policy/policy-error.h"
#include "sev/crypto/sev-aes.h"
#include "sev/crypto/sev-hmac.h"
#include "sev/crypto/sev-random.h"

struct _PolicyPacket {
    GBytes *header;
    GBytes *data;
};

/* What a packet is made with. */
typedef struct {
    const SevSecret *tek;
    const SevSecret *tik;
    const guint8 *measure;
    gboolean legacy;
} PacketKeys;

static PolicyPacket *
internal (GError *local, GError **error)
{
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_INTERNAL, "making the secret packet: %s",
                 local->message);
    g_error_free (local);
    return NULL;
}

/* AMD 55766, LAUNCH_SECRET: field after field.  Not compressed, so both lengths are equal.
 */
static gboolean
packet_mac (const PacketKeys *keys,
            const SevPacketHeaderWire *header,
            const guint8 *data,
            gsize len,
            guint8 out[SEV_MAC_SIZE],
            GError **error)
{
    const guint8 context = SEV_MAC_CONTEXT_SECRET;
    const guint32 len_le = GUINT32_TO_LE ((guint32) len);

    g_autoptr (SevHmac) hmac =
        sev_hmac_new (sev_secret_data (keys->tik), sev_secret_size (keys->tik), error);
    return hmac != NULL && sev_hmac_update (hmac, &context, sizeof context, error) &&
           sev_hmac_update (hmac, &header->flags_le, sizeof header->flags_le, error) &&
           sev_hmac_update (hmac, header->iv, sizeof header->iv, error) &&
           sev_hmac_update (hmac, &len_le, sizeof len_le, error) && /* GUEST_LEN */
           sev_hmac_update (hmac, &len_le, sizeof len_le, error) && /* TRANS_LEN */
           sev_hmac_update (hmac, data, len, error) &&
           /* Before API 0.17 a packet was not bound to its measurement. */
           (keys->legacy || sev_hmac_update (hmac, keys->measure, SEV_MAC_SIZE, error)) &&
           sev_hmac_finish (hmac, out, error);
}

static gboolean
check_size (const SevSecret *table, gsize limit, GError **error)
{
    const gsize len = sev_secret_size (table);

    if (len % SEV_BLOCK_SIZE == 0 && len <= MIN (limit, SEV_SECRET_MAX_SIZE))
        return TRUE;
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_SECRET_TOO_LARGE,
                 "secret table of %" G_GSIZE_FORMAT
                 " bytes, expected a multiple of %u and at most %" G_GSIZE_FORMAT,
                 len, SEV_BLOCK_SIZE, MIN (limit, (gsize) SEV_SECRET_MAX_SIZE));
    return FALSE;
}

static PolicyPacket *
make (const PacketKeys *keys,
      const SevSecret *table,
      const guint8 iv[SEV_IV_SIZE],
      GError **error)
{
    SevPacketHeaderWire header = { 0 };
    GError *local = NULL;
    const gsize len = sev_secret_size (table);
    g_autofree guint8 *data = g_malloc (len);

    memcpy (header.iv, iv, sizeof header.iv);
    if (!sev_aes128_ctr (sev_secret_data (keys->tek), header.iv, sev_secret_data (table),
                         data, len, &local) ||
        !packet_mac (keys, &header, data, len, header.mac, &local))
        return internal (local, error);

    PolicyPacket *packet = g_new0 (PolicyPacket, 1);
    packet->header = g_bytes_new (&header, sizeof header);
    packet->data = g_bytes_new_take (g_steal_pointer (&data), len);
    return packet;
}

PolicyPacket *
policy_packet_new_with_iv (const PolicyVerified *verified,
                           const PolicyVerdict *verdict,
                           const SevSecret *table,
                           gsize limit,
                           const guint8 iv[SEV_IV_SIZE],
                           GError **error)
{
    g_return_val_if_fail (verified != NULL && verdict != NULL && table != NULL, NULL);

    if (verified->verdict != verdict || !policy_verdict_is_accepted (verdict)) {
        g_set_error_literal (
            error, POLICY_ERROR, POLICY_ERROR_NOT_ACCEPTED,
            "a secret is only released to a launch whose every check passed");
        return NULL;
    }
    if (!check_size (table, limit, error))
        return NULL;
    const PacketKeys keys = {
        .tek = policy_session_get_tek (verified->session),
        .tik = policy_session_get_tik (verified->session),
        .measure = verified->measure,
        .legacy = verified->legacy,
    };
    return make (&keys, table, iv, error);
}

PolicyPacket *
policy_packet_new (const PolicyVerified *verified,
                   const PolicyVerdict *verdict,
                   const SevSecret *table,
                   gsize limit,
                   GError **error)
{
    guint8 iv[SEV_IV_SIZE];
    GError *local = NULL;

    if (!sev_random_bytes (iv, sizeof iv, &local))
        return internal (local, error);
    return policy_packet_new_with_iv (verified, verdict, table, limit, iv, error);
}

PolicyPacket *
policy_packet_new_by_hand (const SevSecret *tek,
                           const SevSecret *tik,
                           const guint8 measure[SEV_MAC_SIZE],
                           gboolean legacy,
                           const SevSecret *table,
                           gsize limit,
                           GError **error)
{
    const PacketKeys keys = { tek, tik, measure, legacy };
    guint8 iv[SEV_IV_SIZE];
    GError *local = NULL;

    g_return_val_if_fail (tek != NULL && tik != NULL && measure != NULL, NULL);
    g_return_val_if_fail (table != NULL, NULL);

    if (!check_size (table, limit, error))
        return NULL;
    if (!sev_random_bytes (iv, sizeof iv, &local))
        return internal (local, error);
    return make (&keys, table, iv, error);
}

void
policy_packet_free (PolicyPacket *packet)
{
    if (packet == NULL)
        return;
    g_bytes_unref (packet->header);
    g_bytes_unref (packet->data);
    g_free (packet);
}

GBytes *
policy_packet_get_header (const PolicyPacket *packet)
{
    g_return_val_if_fail (packet != NULL, NULL);
    return packet->header;
}

GBytes *
policy_packet_get_data (const PolicyPacket *packet)
{
    g_return_val_if_fail (packet != NULL, NULL);
    return packet->data;
}
