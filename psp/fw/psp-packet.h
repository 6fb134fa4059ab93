/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sev/base/sev-secret.h"
#include "sev/wire/sev-status.h"
#include "sev/wire/sev-wire.h"

G_BEGIN_DECLS

/**
 * psp_packet_open:
 * @context: %SEV_MAC_CONTEXT_SECRET, or that of another kind of packet
 * @header: untrusted
 * @guest_len: length of the plaintext, from the command buffer
 * @data: (array length=len): ciphertext, untrusted; at least one byte
 * @measure: (nullable) (array fixed-size=32): what binds the packet to a launch; %NULL for
 *   packets that are not (API below 0.17, or a context without it)
 * @plain: (out) (transfer full): @len bytes; set only with SUCCESS
 * @status: (out): SUCCESS; INVALID_PARAM: reserved flags; UNSUPPORTED: compressed (no
 *   public source describes the compression); INVALID_LENGTH: @guest_len is not @len;
 *   BAD_MEASUREMENT: the MAC is wrong
 *
 * MAC = HMAC (TIK, context || FLAGS || IV || GUEST_LEN || TRANS_LEN || DATA || MEASURE),
 * plaintext = AES-128-CTR (TEK, IV, DATA); AMD's sev-tool package_secret, virtee/sev,
 * virt-qemu-sev-validate.
 *
 * Errors: %SEV_ERROR_CRYPTO (host fault).
 */
gboolean psp_packet_open (guint8 context,
                          const SevSecret *tek,
                          const SevSecret *tik,
                          const SevPacketHeaderWire *header,
                          guint32 guest_len,
                          const guint8 *data,
                          guint32 len,
                          const guint8 *measure,
                          SevSecret **plain,
                          SevStatus *status,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * psp_packet_seal: the other direction, for packets that nothing binds to a launch
 * @plain: at least one byte
 * @header: (inout): IV in, which must be fresh under @tek; MAC out; no flags
 * @data: (out caller-allocates): ciphertext, as long as @plain
 *
 * Errors: %SEV_ERROR_CRYPTO (host fault).
 */
gboolean psp_packet_seal (guint8 context,
                          const SevSecret *tek,
                          const SevSecret *tik,
                          const SevSecret *plain,
                          SevPacketHeaderWire *header,
                          guint8 *data,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
