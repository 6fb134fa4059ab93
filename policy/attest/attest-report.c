/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/attest/attest-report.h"

#include <string.h>

#include "policy/attest/owner-session.h"
#include "policy/policy-error.h"
#include "sev/crypto/sev-digest.h"

#define EARLY_PREFIX "sevlaunch report 1\n"

static gboolean
malformed (GError **error, const char *what)
{
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_REPORT_MALFORMED,
                 "attestation report: %s", what);
    return FALSE;
}

gboolean
policy_report_parse (const guint8 *report, gsize len, PolicyReport *out, GError **error)
{
    SevReportWire wire;

    g_return_val_if_fail (report != NULL && out != NULL, FALSE);

    if (len != sizeof wire) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_REPORT_MALFORMED,
                     "attestation report: %" G_GSIZE_FORMAT
                     " bytes, expected %" G_GSIZE_FORMAT,
                     len, sizeof wire);
        return FALSE;
    }
    memcpy (&wire, report, sizeof wire);
    if (GUINT32_FROM_LE (wire.sig_usage_le) != SEV_USAGE_PEK)
        return malformed (error, "says to be signed by another key than the PEK");
    if (GUINT32_FROM_LE (wire.sig_algo_le) != SEV_ALGO_ECDSA_SHA256)
        return malformed (error, "says to be signed by another algorithm than ECDSA with "
                                 "SHA-256");
    if (wire.reserved != 0)
        return malformed (error, "the reserved field is not 0");
    memcpy (out->mnonce, wire.mnonce, sizeof out->mnonce);
    memcpy (out->digest, wire.ld, sizeof out->digest);
    out->policy = GUINT32_FROM_LE (wire.policy_le);
    return TRUE;
}

gboolean
policy_report_verify (const guint8 *report,
                      gsize len,
                      const SevCert *pek,
                      PolicyReport *out,
                      GError **error)
{
    g_autoptr (GError) cause = NULL;
    SevEcSignature signature;
    SevReportWire wire;

    g_return_val_if_fail (pek != NULL, FALSE);

    if (!policy_report_parse (report, len, out, error))
        return FALSE;
    memcpy (&wire, report, sizeof wire);
    memcpy (signature.r, wire.sig_r, sizeof signature.r);
    memcpy (signature.s, wire.sig_s, sizeof signature.s);
    g_autoptr (SevEcKey) key = sev_cert_get_ec_key (pek, &cause);
    if (key != NULL && sev_ec_verify (key, SEV_HASH_SHA256, report, SEV_REPORT_SIGNED_SIZE,
                                      &signature, &cause))
        return TRUE;
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_REPORT_SIGNATURE,
                 "attestation report: not signed by the platform's PEK: %s",
                 cause->message);
    return FALSE;
}

gboolean
policy_report_nonce_early (const guint8 *session,
                           const guint8 *measurement,
                           guint8 out[SEV_NONCE_SIZE],
                           GError **error)
{
    guint8 text[sizeof EARLY_PREFIX - 1 + POLICY_SESSION_ID_SIZE + sizeof (SevMeasureWire)];
    guint8 digest[SEV_DIGEST_SIZE];
    guint8 *at = text;

    memcpy (at, EARLY_PREFIX, sizeof EARLY_PREFIX - 1);
    at += sizeof EARLY_PREFIX - 1;
    memcpy (at, session, POLICY_SESSION_ID_SIZE);
    memcpy (at + POLICY_SESSION_ID_SIZE, measurement, sizeof (SevMeasureWire));
    if (!sev_sha256 (text, sizeof text, digest, error))
        return FALSE;
    memcpy (out, digest, SEV_NONCE_SIZE);
    return TRUE;
}
