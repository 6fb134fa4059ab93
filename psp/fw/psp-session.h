/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sev/base/sev-secret.h"
#include "sev/crypto/sev-ec.h"
#include "sev/wire/sev-status.h"
#include "sev/wire/sev-wire.h"

G_BEGIN_DECLS

/*
 * AMD 55766, "Secure session": shared secret, master secret, KEK and KIK, transport keys,
 * policy.  The receiving end is used where another party made the session for this
 * platform's PDH, the sending end where a guest goes to another platform.
 */

/**
 * psp_session_unwrap:
 * @pdh: the platform's own key pair
 * @cert: (array length=cert_len): the peer's DH certificate, untrusted
 * @tek: (out) (transfer full): set only with SUCCESS
 * @tik: (out) (transfer full): set only with SUCCESS
 * @status: (out): SUCCESS; INVALID_CERTIFICATE: not a certificate for ECDH on the
 *   platform's curve; BAD_MEASUREMENT: WRAP_MAC is wrong
 *
 * The certificate's signature is not verified, on purpose: with WRAP_MAC the guest owner
 * proves that he has the private key, and nothing else about him matters to the platform
 * (AMD's sev-tool signs it, sevctl does not; firmware takes both).
 *
 * Errors: %SEV_ERROR_CRYPTO (host fault).
 */
gboolean psp_session_unwrap (const SevEcKey *pdh,
                             const guint8 *cert,
                             gsize cert_len,
                             const SevSessionWire *session,
                             SevSecret **tek,
                             SevSecret **tik,
                             SevStatus *status,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * psp_session_unwrap_shared: the part after ECDH
 * @z: x coordinate of the shared point, big-endian
 * @tek: @tik: (out) (transfer full): set only with SUCCESS
 * @status: (out): SUCCESS or BAD_MEASUREMENT
 * Errors: %SEV_ERROR_CRYPTO (host fault).
 */
gboolean psp_session_unwrap_shared (const SevSecret *z,
                                    const SevSessionWire *session,
                                    SevSecret **tek,
                                    SevSecret **tik,
                                    SevStatus *status,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * psp_session_check_policy:
 * @status: (out): SUCCESS, or BAD_MEASUREMENT: the session was made for another policy
 *   (libvirt docs/manpages/virt-qemu-sev-validate.rst: fw_error=11)
 * Errors: %SEV_ERROR_CRYPTO (host fault).
 */
gboolean psp_session_check_policy (const SevSessionWire *session,
                                   guint32 policy,
                                   const SevSecret *tik,
                                   SevStatus *status,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * psp_session_wrap: a session for another platform
 * @pdh: the platform's own key pair
 * @peer: the target's PDH
 * @session: (inout): NONCE and WRAP_IV in, both fresh; the rest out
 * Errors: %SEV_ERROR_CRYPTO (host fault).
 */
gboolean psp_session_wrap (const SevEcKey *pdh,
                           const SevEcKey *peer,
                           guint32 policy,
                           const SevSecret *tek,
                           const SevSecret *tik,
                           SevSessionWire *session,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
