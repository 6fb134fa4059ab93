/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * SHUTDOWN: forget everything that is not persistent.
 *
 *   platform   INIT or WORKING; becomes UNINIT
 *   writes     nothing outside; every guest context is wiped, active or not
 *   status     SUCCESS
 *
 * AMD's sev-tool allows it in INIT and WORKING, another reading of the specification in any
 * state; the narrower is taken.
 */

#include "psp/fw/psp-private.h"

gboolean
psp_cmd_shutdown (PspDevice *psp,
                  PspGuest *guest,
                  void *buffer,
                  SevStatus *status,
                  GError **error)
{
    psp_device_stop (psp);
    return psp_answer (status, SEV_STATUS_SUCCESS);
}
