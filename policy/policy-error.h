/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * PolicyError: one code for each reason to stop; policy_error_id() gives its stable name
 * and policy_error_class() the exit code it belongs to.
 */
typedef enum {
    POLICY_ERROR_INTERNAL,             /* internal-error */
    POLICY_ERROR_IO,                   /* host-io */
    POLICY_ERROR_GUEST_POLICY,         /* guest-policy-syntax */
    POLICY_ERROR_GUEST_CONTRADICTION,  /* guest-policy-contradiction */
    POLICY_ERROR_POLICY_ALLOWS_DEBUG,  /* policy-allows-debug */
    POLICY_ERROR_OWNER_DIR_MODE,       /* owner-dir-mode */
    POLICY_ERROR_OWNER_DIR_OWNER,      /* owner-dir-owner */
    POLICY_ERROR_OWNER_FILE_MODE,      /* owner-file-mode */
    POLICY_ERROR_OWNER_FILE_TYPE,      /* owner-file-type: link, device, foreign owner */
    POLICY_ERROR_OWNER_FILE_SIZE,      /* owner-file-size */
    POLICY_ERROR_OWNER_MISSING,        /* owner-missing */
    POLICY_ERROR_OWNER_EXISTS,         /* owner-exists */
    POLICY_ERROR_OUTPUT_TYPE,          /* output-type: no regular file is in its place */
    POLICY_ERROR_OWNER_CERT_TRUNCATED, /* owner-cert-truncated */
    POLICY_ERROR_OWNER_CERT_MALFORMED, /* owner-cert-malformed */
    POLICY_ERROR_OWNER_CERT_KIND,      /* owner-cert-kind: OCA, CEK, PEK, ARK, ASK, X.509 */
    POLICY_ERROR_OWNER_CERT_PLATFORM,  /* owner-cert-platform: a platform's own PDH */
    POLICY_ERROR_OWNER_KEY_MALFORMED,  /* owner-key-malformed */
    POLICY_ERROR_OWNER_KEY_MISMATCH,   /* owner-key-mismatch */
    POLICY_ERROR_TRUSTED_ROOTS,        /* trusted-roots-syntax */
    POLICY_ERROR_TRUSTED_FIRMWARE,     /* trusted-firmware-syntax */
    POLICY_ERROR_ACCEPTANCE_SYNTAX,    /* acceptance-syntax */
    POLICY_ERROR_RELEASE_MISSING,      /* release-missing */
    POLICY_ERROR_RELEASE_AMBIGUOUS,    /* release-ambiguous */
    POLICY_ERROR_RELEASE_SYNTAX,       /* release-syntax */
    POLICY_ERROR_RELEASE_SECRET,       /* release-secret: a secret's file cannot be used */
    POLICY_ERROR_RELEASE_EXISTS,       /* release-exists */
    POLICY_ERROR_BOOT_CONFIG_SYNTAX,   /* boot-config-syntax */
    POLICY_ERROR_BOOT_CONFIG_FORBIDDEN, /* boot-config-forbidden */
    POLICY_ERROR_BOOT_CONFIG_PATH,      /* boot-config-path */
    POLICY_ERROR_CHAIN_MALFORMED,       /* chain-malformed */
    POLICY_ERROR_CHAIN_CEK_MISMATCH,    /* chain-cek-mismatch */
    POLICY_ERROR_CHAIN_UNVERIFIED,      /* chain-unverified */
    POLICY_ERROR_CHAIN_ROOT_UNTRUSTED,  /* chain-root-untrusted */
    POLICY_ERROR_PLATFORM_FILE,  /* platform-file: no file of a platform's certificates */
    POLICY_ERROR_PLATFORM_OWNER, /* platform-owner: the platform is not the owner's */
    POLICY_ERROR_SESSION_MALFORMED, /* session-malformed */
    POLICY_ERROR_SESSION_MISMATCH,  /* session-mismatch: keys, policy and blob disagree */
    POLICY_ERROR_API_TOO_OLD,       /* api-too-old */
    POLICY_ERROR_MEASUREMENT_MALFORMED, /* measurement-malformed */
    POLICY_ERROR_MEASUREMENT_MISMATCH,  /* measurement-mismatch */
    POLICY_ERROR_NOT_ACCEPTED,     /* not-accepted: a secret asked for without a verdict */
    POLICY_ERROR_SECRET_TOO_LARGE, /* secret-too-large */
    POLICY_ERROR_SESSION_REUSED,   /* session-reused */
    POLICY_ERROR_MEASUREMENT_REPLAYED, /* measurement-replayed */
    POLICY_ERROR_COURIER_FILE,         /* courier-file: cannot be read */
    POLICY_ERROR_COURIER_SESSION,      /* courier-session: files of two sessions */
    POLICY_ERROR_COURIER_ALTERED,      /* courier-altered: not as it was sent */
    POLICY_ERROR_COURIER_BOOT,         /* courier-boot: not what the bundle is for */
    POLICY_ERROR_LEDGER_DAMAGED,       /* ledger-damaged */
    POLICY_ERROR_REPORT_MALFORMED,     /* report-malformed: of ATTESTATION */
    POLICY_ERROR_REPORT_SIGNATURE,     /* report-signature */
    POLICY_ERROR_REPORT_MISSING,       /* report-missing: --require-evidence */
    POLICY_ERROR_EVIDENCE_MALFORMED,   /* evidence-malformed */
    POLICY_ERROR_EVIDENCE_STORE,       /* evidence-store: the folder is damaged */
} PolicyError;

#define POLICY_ERROR (policy_error_quark ())
GQuark policy_error_quark (void);

/** PolicyClass: what kind of stop it is; the values are sevlaunch's exit codes */
typedef enum {
    POLICY_CLASS_NOT_VERIFIED = 1,
    POLICY_CLASS_USAGE = 2,
    POLICY_CLASS_INSECURE = 3,
    POLICY_CLASS_INPUT = 4,
    POLICY_CLASS_HOST = 6,
    POLICY_CLASS_INTERNAL = 70,
} PolicyClass;

/**
 * policy_error_id:
 * @error: an error of any domain
 * Returns: lower-case name with dashes, "internal-error" for other domains; static storage
 */
const char *policy_error_id (const GError *error);
/** policy_error_class: Returns: %POLICY_CLASS_INTERNAL for other domains */
PolicyClass policy_error_class (const GError *error);

G_END_DECLS
