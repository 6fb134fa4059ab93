/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SevStatus: what the firmware answers to a command, 16 bits.
 *
 * Numbers: AMD's sev-tool (src/sevapi.h) and Linux (<linux/psp-sev.h>), which agree up to
 * 18h.
 */
typedef enum {
    SEV_STATUS_SUCCESS = 0x00,
    SEV_STATUS_INVALID_PLATFORM_STATE = 0x01,
    SEV_STATUS_INVALID_GUEST_STATE = 0x02,
    SEV_STATUS_INVALID_CONFIG = 0x03,
    SEV_STATUS_INVALID_LENGTH = 0x04,
    SEV_STATUS_ALREADY_OWNED = 0x05,
    SEV_STATUS_INVALID_CERTIFICATE = 0x06,
    SEV_STATUS_POLICY_FAILURE = 0x07,
    SEV_STATUS_INACTIVE = 0x08,
    SEV_STATUS_INVALID_ADDRESS = 0x09,
    SEV_STATUS_BAD_SIGNATURE = 0x0a,
    SEV_STATUS_BAD_MEASUREMENT = 0x0b,
    SEV_STATUS_ASID_OWNED = 0x0c,
    SEV_STATUS_INVALID_ASID = 0x0d,
    SEV_STATUS_WBINVD_REQUIRED = 0x0e,
    SEV_STATUS_DF_FLUSH_REQUIRED = 0x0f,
    SEV_STATUS_INVALID_GUEST = 0x10,
    SEV_STATUS_INVALID_COMMAND = 0x11,
    SEV_STATUS_ACTIVE = 0x12,
    SEV_STATUS_HWERROR_PLATFORM = 0x13,
    SEV_STATUS_HWERROR_UNSAFE = 0x14,
    SEV_STATUS_UNSUPPORTED = 0x15,
    SEV_STATUS_INVALID_PARAM = 0x16,
    SEV_STATUS_RESOURCE_LIMIT = 0x17,
    SEV_STATUS_SECURE_DATA_INVALID = 0x18,
} SevStatus;

/** sev_status_name: Returns: the specification's name, or "UNKNOWN"; static storage */
const char *sev_status_name (guint32 status);

G_END_DECLS
