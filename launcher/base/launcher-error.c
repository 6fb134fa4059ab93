/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/base/launcher-error.h"

#include "launcher/image/image-error.h"
#include "ovmf-hooks/ovmf-error.h"
#include "policy/policy-error.h"
#include "qmp/qmp-error.h"

G_DEFINE_QUARK (launcher - error - quark, launcher_error)

#define REASON(code, name, end) [LAUNCHER_ERROR_##code] = { name, LAUNCHER_EXIT_##end }

static const LauncherReason reasons[] = {
    REASON (INTERNAL, "internal-error", INTERNAL),
    REASON (USAGE, "usage", USAGE),
    REASON (UNMEASURED_BOOT, "unmeasured-boot", INSECURE),
    REASON (RELEASE_UNNAMED, "release-unnamed", INSECURE),
    REASON (SESSION_UNBOUND, "session-unbound", INSECURE),
    REASON (DOMAIN_INSECURE, "domain-insecure", INSECURE),
    REASON (DOMAIN_POLICY, "domain-policy", INSECURE),
    REASON (DOMAIN_UNFIT, "domain-unfit", INPUT),
    REASON (FIRMWARE_MISSING, "firmware-missing", INPUT),
    REASON (FIRMWARE_UNSUITABLE, "firmware-unsuitable", INPUT),
    REASON (FILE, "file-unreadable", INPUT),
    REASON (RUN_AS_UNREADABLE, "run-as-unreadable", INPUT),
    REASON (CEK_MISSING, "cek-missing", INPUT),
    REASON (CONFIG, "configuration", INPUT),
    REASON (SEV_UNUSABLE, "sev-unusable", STATE),
    REASON (NO_SEV, "sev-missing", STATE),
    REASON (DOMAIN_EXISTS, "domain-exists", STATE),
    REASON (DOMAIN_STATE, "domain-state", STATE),
    REASON (PLATFORM_STATE, "platform-state", STATE),
    REASON (EMULATED_STATE, "emulated-host-state", STATE),
    REASON (TOOL_MISSING, "tool-missing", HOST),
    REASON (RUN_AS, "run-as", HOST),
    REASON (EMULATED_HOST, "emulated-host", HOST),
    REASON (LIBVIRT_MISSING, "libvirt-missing", HOST),
    REASON (LIBVIRT_UNREACHABLE, "libvirt-unreachable", HOST),
    REASON (LIBVIRT, "libvirt-failed", HOST),
    REASON (MONITOR, "monitor-unreachable", HOST),
    REASON (QEMU_DIED, "qemu-died", HOST),
    REASON (IO, "host-io", HOST),
    REASON (KDS_NOT_FOUND, "kds-not-found", HOST),
    REASON (KDS_UNREACHABLE, "kds-unreachable", HOST),
    REASON (KDS_ANSWER, "kds-answer", HOST),
    REASON (TIMEOUT, "host-timeout", HOST),
    REASON (REPLY_ALTERED, "reply-implausible", HOST),
    REASON (GUEST_STOPPED, "guest-stopped", HOST),
    REASON (GUEST_SILENT, "guest-silent", HOST),
    REASON (GUEST_REFUSED, "guest-refused", HOST),
    REASON (GUEST_FIRMWARE_REFUSED, "guest-firmware-refused", HOST),
    REASON (PSP_REFUSED, "platform-refused", NOT_VERIFIED),
    REASON (PSP, "platform-error", FIRMWARE),
    REASON (INTERRUPTED, "interrupted", SIGINT),
    REASON (TERMINATED, "terminated", SIGTERM),
};
G_STATIC_ASSERT (G_N_ELEMENTS (reasons) == LAUNCHER_ERROR_TERMINATED + 1);

const LauncherReason *
launcher_error_list (gsize *n)
{
    *n = G_N_ELEMENTS (reasons);
    return reasons;
}

static LauncherReason
image_reason (const GError *error)
{
    LauncherReason reason = { image_error_id ((ImageError) error->code),
                              LAUNCHER_EXIT_INPUT };

    switch ((ImageError) error->code) {
    case IMAGE_ERROR_BACKING_FILE:
    case IMAGE_ERROR_DATA_FILE:
    case IMAGE_ERROR_UKI_STUB_UNKNOWN:
    case IMAGE_ERROR_UKI_STUB_TOO_NEW:
    case IMAGE_ERROR_LUKS_UNFIT:
        reason.exit_code = LAUNCHER_EXIT_INSECURE;
        break;
    case IMAGE_ERROR_IN_USE:
        reason.exit_code = LAUNCHER_EXIT_STATE;
        break;
    case IMAGE_ERROR_TOOL:
    case IMAGE_ERROR_TIMEOUT:
    case IMAGE_ERROR_IO:
        reason.exit_code = LAUNCHER_EXIT_HOST;
        break;
    default:
        break;
    }
    return reason;
}

static LauncherReason
qmp_reason (const GError *error)
{
    if (g_error_matches (error, QMP_ERROR, QMP_ERROR_TIMEOUT))
        return reasons[LAUNCHER_ERROR_TIMEOUT];
    if (g_error_matches (error, QMP_ERROR, QMP_ERROR_CLOSED))
        return reasons[LAUNCHER_ERROR_QEMU_DIED];
    if (g_error_matches (error, QMP_ERROR, QMP_ERROR_ARGUMENT))
        return reasons[LAUNCHER_ERROR_INTERNAL];
    if (g_error_matches (error, QMP_ERROR, QMP_ERROR_PROTOCOL) ||
        g_error_matches (error, QMP_ERROR, QMP_ERROR_TOO_BIG))
        return reasons[LAUNCHER_ERROR_REPLY_ALTERED];
    return reasons[LAUNCHER_ERROR_LIBVIRT];
}

LauncherReason
launcher_reason (const GError *error)
{
    if (error->domain == LAUNCHER_ERROR && error->code >= 0 &&
        (gsize) error->code < G_N_ELEMENTS (reasons))
        return reasons[error->code];
    if (error->domain == POLICY_ERROR)
        return (LauncherReason){ policy_error_id (error),
                                 (LauncherExit) policy_error_class (error) };
    if (error->domain == IMAGE_ERROR && error->code >= 0 && error->code <= IMAGE_ERROR_IO)
        return image_reason (error);
    if (error->domain == QMP_ERROR || error->domain == QMP_PEER_ERROR)
        return qmp_reason (error);
    if (g_error_matches (error, OVMF_ERROR, OVMF_ERROR_UNSUPPORTED) ||
        g_error_matches (error, OVMF_ERROR, OVMF_ERROR_MALFORMED) ||
        g_error_matches (error, OVMF_ERROR, OVMF_ERROR_TOO_LARGE))
        return reasons[LAUNCHER_ERROR_FIRMWARE_UNSUITABLE];
    if (error->domain == G_OPTION_ERROR)
        return reasons[LAUNCHER_ERROR_USAGE];
    if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return reasons[LAUNCHER_ERROR_INTERRUPTED];
    return reasons[LAUNCHER_ERROR_INTERNAL];
}
