/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "psp/fw/psp-private.h"

G_BEGIN_DECLS

/*
 * How a guest context begins: what LAUNCH_START and RECEIVE_START have in common.  Both
 * come with a #PspLaunchStartCmd.
 *
 * Design choices, for which no public source decides: the order of the checks, and the
 * statuses of a missing handle, of a policy that wants a newer API, of ES on a platform
 * without, and of too many contexts.  Reserved policy bits are not looked at: they are
 * under POLICY_MAC and in the measurement (AMD's sev-tool makes sessions with them set).
 */

/**
 * psp_start_check:
 * @sharer: (out) (nullable) (transfer none): the guest whose memory key is shared
 *
 * Returns: SUCCESS; in this order:
 *   INVALID_GUEST (HANDLE is not 0 and no guest's),
 *   POLICY_FAILURE (key sharing: policies differ or NOKS is set),
 *   POLICY_FAILURE (the policy wants a newer API),
 *   UNSUPPORTED (ES wanted, the platform was not initialised for it),
 *   RESOURCE_LIMIT (as many contexts as ASIDs)
 */
SevStatus psp_start_check (const PspDevice *psp,
                           const PspLaunchStartCmd *cmd,
                           PspGuest **sharer);

/**
 * psp_start_open_session: TEK and TIK out of the certificate and session in memory
 * @status: (out): SUCCESS; in this order:
 *   INVALID_LENGTH (certificate or session; AMDSEV issues 62 and 70),
 *   INVALID_ADDRESS (certificate or session are not in memory),
 *   INVALID_CERTIFICATE (not for ECDH on P-384),
 *   BAD_MEASUREMENT (WRAP_MAC, POLICY_MAC)
 */
gboolean psp_start_open_session (PspDevice *psp,
                                 const PspLaunchStartCmd *cmd,
                                 PspGuest *guest,
                                 SevStatus *status,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** psp_start_set_vek: a fresh memory key, or that of @sharer: (nullable) */
gboolean psp_start_set_vek (PspDevice *psp,
                            PspGuest *guest,
                            const PspGuest *sharer,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * psp_start_commit: the context gets a handle, the platform is WORKING
 * @guest: (transfer full)
 * @command: LAUNCH_START or RECEIVE_START
 * @buffer: (out): the command buffer, with the new handle
 */
void psp_start_commit (PspDevice *psp,
                       PspGuest *guest,
                       guint32 command,
                       const PspLaunchStartCmd *cmd,
                       void *buffer);

G_END_DECLS
