/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "psp/host/host-dir.h"
#include "psp/host/sev-device-wire.h"

G_BEGIN_DECLS

/**
 * SECTION: sev-driver
 * @short_description: what Linux' driver makes of the ioctls of /dev/sev
 *
 * The order of checks, the INIT on its own, the errnos and the lengths that are written
 * back are the driver's (Linux, drivers/crypto/ccp/sev-dev.c, sev_ioctl() and what it
 * calls); the rest is the firmware's.
 *
 * The host's platform is no process: its state is what is stored and who is there.  Each
 * call loads it under its lock, so programs that use /dev/sev, guests and sevlaunch itself
 * see one platform, and a kill at any moment leaves a platform that loads.
 */

/**
 * SevDriverCall: one SEV_ISSUE_CMD
 * @cmd: as in <linux/psp-sev.h>
 * @writable: whether the descriptor was opened for writing
 * @error: (inout): the firmware's status; as it was if the firmware was not asked
 * @data: (inout): the command's own struct
 * @data_len: (inout): bytes that the caller gave; then those to write back, or 0
 * @blob: (inout): what the struct points to: certificates to import, or results
 * @blob_len: (inout): 0: none
 */
typedef struct {
    guint32 cmd;
    gboolean writable;
    guint32 error;
    guint8 data[SEV_DEVICE_STRUCT_MAX];
    guint32 data_len;
    guint8 blob[SEV_DEVICE_BLOBS][SEV_DEVICE_BLOB_MAX];
    guint32 blob_len[SEV_DEVICE_BLOBS];
} SevDriverCall;

/**
 * sev_driver_call:
 *
 * Afterwards HOST/certs shows the platform as it is (platform_update_certs()).
 * Returns: 0 or the errno of the ioctl; a fault of the host is EIO with an @error of -1
 * (SEV_RET_NO_FW_CALL), and is logged
 */
int sev_driver_call (const HostDir *host, SevDriverCall *call);

G_END_DECLS
