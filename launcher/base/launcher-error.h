/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * SECTION: launcher-error
 * @short_description: how the program ends: exit codes and reason ids
 *
 * Every end that is not a success has one reason id.  launcher_reason() gives id and exit
 * code of an error of any domain that reaches the command line; the ids and codes are part
 * of the command line's contract (sevlaunch(1), REASONS).
 */

typedef enum {
    LAUNCHER_EXIT_OK = 0,
    LAUNCHER_EXIT_NOT_VERIFIED = 1,
    LAUNCHER_EXIT_USAGE = 2,
    LAUNCHER_EXIT_INSECURE = 3, /* it was not tried */
    LAUNCHER_EXIT_INPUT = 4,    /* image, firmware, certificate, configuration */
    LAUNCHER_EXIT_STATE = 5,    /* wrong state of domain or platform */
    LAUNCHER_EXIT_HOST = 6,     /* libvirt, QEMU, I/O, the guest did not come up */
    LAUNCHER_EXIT_FIRMWARE = 7, /* another error of the SEV firmware */
    LAUNCHER_EXIT_INTERNAL = 70,
    LAUNCHER_EXIT_SIGINT = 130,
    LAUNCHER_EXIT_SIGTERM = 143,
} LauncherExit;

/** LauncherError: one code for each reason that no library below has; see
 * launcher-error.c for id and exit code of each */
typedef enum {
    LAUNCHER_ERROR_INTERNAL,
    LAUNCHER_ERROR_USAGE,                  /* usage */
    LAUNCHER_ERROR_UNMEASURED_BOOT,        /* unmeasured-boot */
    LAUNCHER_ERROR_RELEASE_UNNAMED,        /* release-unnamed */
    LAUNCHER_ERROR_SESSION_UNBOUND,        /* session-unbound */
    LAUNCHER_ERROR_DOMAIN_INSECURE,        /* domain-insecure */
    LAUNCHER_ERROR_DOMAIN_POLICY,          /* domain-policy */
    LAUNCHER_ERROR_DOMAIN_UNFIT,           /* domain-unfit */
    LAUNCHER_ERROR_FIRMWARE_MISSING,       /* firmware-missing */
    LAUNCHER_ERROR_FIRMWARE_UNSUITABLE,    /* firmware-unsuitable */
    LAUNCHER_ERROR_FILE,                   /* file-unreadable */
    LAUNCHER_ERROR_RUN_AS_UNREADABLE,      /* run-as-unreadable */
    LAUNCHER_ERROR_CEK_MISSING,            /* cek-missing */
    LAUNCHER_ERROR_CONFIG,                 /* configuration */
    LAUNCHER_ERROR_SEV_UNUSABLE,           /* sev-unusable */
    LAUNCHER_ERROR_NO_SEV,                 /* sev-missing */
    LAUNCHER_ERROR_DOMAIN_EXISTS,          /* domain-exists */
    LAUNCHER_ERROR_DOMAIN_STATE,           /* domain-state */
    LAUNCHER_ERROR_PLATFORM_STATE,         /* platform-state */
    LAUNCHER_ERROR_EMULATED_STATE,         /* emulated-host-state */
    LAUNCHER_ERROR_TOOL_MISSING,           /* tool-missing */
    LAUNCHER_ERROR_RUN_AS,                 /* run-as */
    LAUNCHER_ERROR_EMULATED_HOST,          /* emulated-host */
    LAUNCHER_ERROR_LIBVIRT_MISSING,        /* libvirt-missing */
    LAUNCHER_ERROR_LIBVIRT_UNREACHABLE,    /* libvirt-unreachable */
    LAUNCHER_ERROR_LIBVIRT,                /* libvirt-failed */
    LAUNCHER_ERROR_MONITOR,                /* monitor-unreachable: a QMP socket */
    LAUNCHER_ERROR_QEMU_DIED,              /* qemu-died */
    LAUNCHER_ERROR_IO,                     /* host-io */
    LAUNCHER_ERROR_KDS_NOT_FOUND,          /* kds-not-found: AMD's server has it not */
    LAUNCHER_ERROR_KDS_UNREACHABLE,        /* kds-unreachable */
    LAUNCHER_ERROR_KDS_ANSWER,             /* kds-answer: not the certificate asked for */
    LAUNCHER_ERROR_TIMEOUT,                /* host-timeout */
    LAUNCHER_ERROR_REPLY_ALTERED,          /* reply-implausible */
    LAUNCHER_ERROR_GUEST_STOPPED,          /* guest-stopped */
    LAUNCHER_ERROR_GUEST_SILENT,           /* guest-silent */
    LAUNCHER_ERROR_GUEST_REFUSED,          /* guest-refused */
    LAUNCHER_ERROR_GUEST_FIRMWARE_REFUSED, /* guest-firmware-refused */
    LAUNCHER_ERROR_PSP_REFUSED, /* platform-refused: session, certificate, policy */
    LAUNCHER_ERROR_PSP,         /* platform-error */
    LAUNCHER_ERROR_INTERRUPTED, /* interrupted */
    LAUNCHER_ERROR_TERMINATED,  /* terminated */
} LauncherError;

#define LAUNCHER_ERROR (launcher_error_quark ())
GQuark launcher_error_quark (void);

/** LauncherReason: @id: static storage */
typedef struct {
    const char *id;
    LauncherExit exit_code;
} LauncherReason;

/**
 * launcher_reason:
 * @error: of any domain
 *
 * Returns: id and exit code; "internal-error" and 70 for what nobody thought of, so that
 *   no unknown failure can look like a success or a verdict
 */
LauncherReason launcher_reason (const GError *error);

/**
 * launcher_error_list:
 * @n: (out): how many
 * Returns: (array length=n): every reason of #LauncherError in its order
 */
const LauncherReason *launcher_error_list (gsize *n);

G_END_DECLS
