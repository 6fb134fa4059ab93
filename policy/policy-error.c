/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/policy-error.h"

G_DEFINE_QUARK (policy - error - quark, policy_error)

typedef struct {
    const char *id;
    PolicyClass class;
} ErrorKind;

#define KIND(code, name, kind) [POLICY_ERROR_##code] = { name, POLICY_CLASS_##kind }

static const ErrorKind kinds[] = {
    KIND (INTERNAL, "internal-error", INTERNAL),
    KIND (IO, "host-io", HOST),
    KIND (GUEST_POLICY, "guest-policy-syntax", USAGE),
    KIND (GUEST_CONTRADICTION, "guest-policy-contradiction", USAGE),
    KIND (POLICY_ALLOWS_DEBUG, "policy-allows-debug", INSECURE),
    KIND (OWNER_DIR_MODE, "owner-dir-mode", INSECURE),
    KIND (OWNER_DIR_OWNER, "owner-dir-owner", INSECURE),
    KIND (OWNER_FILE_MODE, "owner-file-mode", INSECURE),
    KIND (OWNER_FILE_TYPE, "owner-file-type", INSECURE),
    KIND (OWNER_FILE_SIZE, "owner-file-size", INPUT),
    KIND (OWNER_MISSING, "owner-missing", INPUT),
    KIND (OWNER_EXISTS, "owner-exists", INPUT),
    KIND (OUTPUT_TYPE, "output-type", INPUT),
    KIND (OWNER_CERT_TRUNCATED, "owner-cert-truncated", INPUT),
    KIND (OWNER_CERT_MALFORMED, "owner-cert-malformed", INPUT),
    KIND (OWNER_CERT_KIND, "owner-cert-kind", INPUT),
    KIND (OWNER_CERT_PLATFORM, "owner-cert-platform", INPUT),
    KIND (OWNER_KEY_MALFORMED, "owner-key-malformed", INPUT),
    KIND (OWNER_KEY_MISMATCH, "owner-key-mismatch", INPUT),
    KIND (TRUSTED_ROOTS, "trusted-roots-syntax", INPUT),
    KIND (TRUSTED_FIRMWARE, "trusted-firmware-syntax", INPUT),
    KIND (ACCEPTANCE_SYNTAX, "acceptance-syntax", INPUT),
    KIND (RELEASE_MISSING, "release-missing", INPUT),
    KIND (RELEASE_AMBIGUOUS, "release-ambiguous", INPUT),
    KIND (RELEASE_SYNTAX, "release-syntax", INPUT),
    KIND (RELEASE_SECRET, "release-secret", INPUT),
    KIND (RELEASE_EXISTS, "release-exists", INPUT),
    KIND (BOOT_CONFIG_SYNTAX, "boot-config-syntax", INPUT),
    KIND (BOOT_CONFIG_FORBIDDEN, "boot-config-forbidden", INPUT),
    KIND (BOOT_CONFIG_PATH, "boot-config-path", INPUT),
    KIND (CHAIN_MALFORMED, "chain-malformed", NOT_VERIFIED),
    KIND (CHAIN_CEK_MISMATCH, "chain-cek-mismatch", NOT_VERIFIED),
    KIND (CHAIN_UNVERIFIED, "chain-unverified", NOT_VERIFIED),
    KIND (CHAIN_ROOT_UNTRUSTED, "chain-root-untrusted", NOT_VERIFIED),
    KIND (PLATFORM_FILE, "platform-file", INPUT),
    KIND (PLATFORM_OWNER, "platform-owner", NOT_VERIFIED),
    KIND (SESSION_MALFORMED, "session-malformed", INPUT),
    KIND (SESSION_MISMATCH, "session-mismatch", INPUT),
    KIND (API_TOO_OLD, "api-too-old", NOT_VERIFIED),
    KIND (MEASUREMENT_MALFORMED, "measurement-malformed", NOT_VERIFIED),
    KIND (MEASUREMENT_MISMATCH, "measurement-mismatch", NOT_VERIFIED),
    KIND (NOT_ACCEPTED, "not-accepted", NOT_VERIFIED),
    KIND (SECRET_TOO_LARGE, "secret-too-large", INPUT),
    KIND (SESSION_REUSED, "session-reused", NOT_VERIFIED),
    KIND (MEASUREMENT_REPLAYED, "measurement-replayed", NOT_VERIFIED),
    KIND (COURIER_FILE, "courier-file", INPUT),
    KIND (COURIER_SESSION, "courier-session", INPUT),
    KIND (COURIER_ALTERED, "courier-altered", NOT_VERIFIED),
    KIND (COURIER_BOOT, "courier-boot", INPUT),
    KIND (LEDGER_DAMAGED, "ledger-damaged", INPUT),
    KIND (REPORT_MALFORMED, "report-malformed", NOT_VERIFIED),
    KIND (REPORT_SIGNATURE, "report-signature", NOT_VERIFIED),
    KIND (REPORT_MISSING, "report-missing", NOT_VERIFIED),
    KIND (EVIDENCE_MALFORMED, "evidence-malformed", NOT_VERIFIED),
    KIND (EVIDENCE_STORE, "evidence-store", INPUT),
};
G_STATIC_ASSERT (G_N_ELEMENTS (kinds) == POLICY_ERROR_EVIDENCE_STORE + 1);

static const ErrorKind *
find_kind (const GError *error)
{
    g_return_val_if_fail (error != NULL, &kinds[POLICY_ERROR_INTERNAL]);

    if (error->domain != POLICY_ERROR || error->code < 0 ||
        (gsize) error->code >= G_N_ELEMENTS (kinds))
        return &kinds[POLICY_ERROR_INTERNAL];
    return &kinds[error->code];
}

const char *
policy_error_id (const GError *error)
{
    return find_kind (error)->id;
}

PolicyClass
policy_error_class (const GError *error)
{
    return find_kind (error)->class;
}
