/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What QEMU calls the firmware's statuses and the guest's states.
 */

#include "psp/host/launch.h"

static const char *const texts[] = {
    [SEV_STATUS_SUCCESS] = "",
    [SEV_STATUS_INVALID_PLATFORM_STATE] = "Platform state is invalid",
    [SEV_STATUS_INVALID_GUEST_STATE] = "Guest state is invalid",
    [SEV_STATUS_INVALID_CONFIG] = "Platform configuration is invalid",
    [SEV_STATUS_INVALID_LENGTH] = "Buffer too small",
    [SEV_STATUS_ALREADY_OWNED] = "Platform is already owned",
    [SEV_STATUS_INVALID_CERTIFICATE] = "Certificate is invalid",
    [SEV_STATUS_POLICY_FAILURE] = "Policy is not allowed",
    [SEV_STATUS_INACTIVE] = "Guest is not active",
    [SEV_STATUS_INVALID_ADDRESS] = "Invalid address",
    [SEV_STATUS_BAD_SIGNATURE] = "Bad signature",
    [SEV_STATUS_BAD_MEASUREMENT] = "Bad measurement",
    [SEV_STATUS_ASID_OWNED] = "ASID is already owned",
    [SEV_STATUS_INVALID_ASID] = "Invalid ASID",
    [SEV_STATUS_WBINVD_REQUIRED] = "WBINVD is required",
    [SEV_STATUS_DF_FLUSH_REQUIRED] = "DF_FLUSH is required",
    [SEV_STATUS_INVALID_GUEST] = "Guest handle is invalid",
    [SEV_STATUS_INVALID_COMMAND] = "Invalid command",
    [SEV_STATUS_ACTIVE] = "Guest is active",
    [SEV_STATUS_HWERROR_PLATFORM] = "Hardware error",
    [SEV_STATUS_HWERROR_UNSAFE] = "Hardware unsafe",
    [SEV_STATUS_UNSUPPORTED] = "Feature not supported",
    [SEV_STATUS_INVALID_PARAM] = "Invalid parameter",
    [SEV_STATUS_RESOURCE_LIMIT] = "Required firmware resource depleted",
    [SEV_STATUS_SECURE_DATA_INVALID] = "Part-specific integrity check failure",
};

const char *
launch_fw_error_text (guint32 status)
{
    return status < G_N_ELEMENTS (texts) ? texts[status] : "unknown error";
}

/* QEMU's enumeration ends before SENT. */
const char *
launch_state_name (SevGuestState state)
{
    switch (state) {
    case SEV_GUEST_UNINIT:
        return "uninit";
    case SEV_GUEST_LAUNCH_UPDATE:
        return "launch-update";
    case SEV_GUEST_LAUNCH_SECRET:
        return "launch-secret";
    case SEV_GUEST_RUNNING:
        return "running";
    case SEV_GUEST_SEND_UPDATE:
    case SEV_GUEST_SENT:
        return "send-update";
    case SEV_GUEST_RECEIVE_UPDATE:
        return "receive-update";
    }
    return "uninit";
}
