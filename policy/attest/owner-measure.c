/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/attest/owner-measure.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "policy/attest/owner-private.h"
#include "policy/guest-policy.h"
#include "policy/policy-error.h"
#include "sev/base/sev-bytes.h"
#include "sev/crypto/sev-digest.h"
#include "sev/crypto/sev-hmac.h"

#define READ_SIZE 65536u

static gboolean
internal (GError *local, GError **error)
{
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_INTERNAL, "computing a digest: %s",
                 local->message);
    g_error_free (local);
    return FALSE;
}

static gboolean
digest_vcpus (SevDigest *digest, const PolicyVcpus *vcpus, GError **error)
{
    g_autofree SevVmsaWire *vmsa = g_new (SevVmsaWire, 1);

    for (guint i = 0; i < vcpus->count; i++) {
        policy_vmsa_build (vcpus, i, vmsa);
        if (!sev_digest_update (digest, vmsa, sizeof *vmsa, error))
            return FALSE;
    }
    return TRUE;
}

gboolean
policy_launch_digest_from (const SevDigest *firmware,
                           const guint8 *hash_table,
                           const PolicyVcpus *vcpus,
                           guint8 out[SEV_DIGEST_SIZE],
                           GError **error)
{
    GError *local = NULL;

    g_return_val_if_fail (firmware != NULL && out != NULL, FALSE);
    g_return_val_if_fail (
        vcpus == NULL || (vcpus->count > 0 && vcpus->count <= POLICY_MAX_VCPUS), FALSE);

    g_autoptr (SevDigest) digest = sev_digest_copy (firmware, &local);
    if (digest == NULL ||
        (hash_table != NULL &&
         !sev_digest_update (digest, hash_table, OVMF_HASH_TABLE_PADDED_SIZE, &local)) ||
        (vcpus != NULL && !digest_vcpus (digest, vcpus, &local)) ||
        !sev_digest_finish (digest, out, &local))
        return internal (local, error);
    return TRUE;
}

gboolean
policy_launch_digest (const guint8 *firmware,
                      gsize len,
                      const guint8 *hash_table,
                      const PolicyVcpus *vcpus,
                      guint8 out[SEV_DIGEST_SIZE],
                      GError **error)
{
    GError *local = NULL;

    g_return_val_if_fail (firmware != NULL, FALSE);

    g_autoptr (SevDigest) digest = sev_digest_new (&local);
    if (digest == NULL || !sev_digest_update (digest, firmware, len, &local))
        return internal (local, error);
    return policy_launch_digest_from (digest, hash_table, vcpus, out, error);
}

/* Feeds a whole file to @digest; its position stays, and a file that grows is refused. */
static gboolean
digest_file (SevDigest *digest, int fd, guint64 max, guint64 *total, GError **error)
{
    g_autofree guint8 *buffer = g_malloc (READ_SIZE);
    GError *local = NULL;

    *total = 0;
    for (;;) {
        const gssize got = pread (fd, buffer, READ_SIZE, (off_t) *total);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            g_set_error (error, POLICY_ERROR, POLICY_ERROR_IO, "reading the file: %s",
                         g_strerror (errno));
            return FALSE;
        }
        if (got == 0)
            return TRUE;
        *total += (guint64) got;
        if (*total > max) {
            g_set_error (error, POLICY_ERROR, POLICY_ERROR_IO,
                         "the file has more than %" G_GUINT64_FORMAT " bytes", max);
            return FALSE;
        }
        if (!sev_digest_update (digest, buffer, (gsize) got, &local))
            return internal (local, error);
    }
}

gboolean
policy_file_sha256_fd (int fd,
                       guint64 max,
                       guint8 out[SEV_DIGEST_SIZE],
                       guint64 *len,
                       GError **error)
{
    GError *local = NULL;
    guint64 total = 0;

    g_return_val_if_fail (fd >= 0 && out != NULL, FALSE);

    g_autoptr (SevDigest) digest = sev_digest_new (&local);
    if (digest == NULL)
        return internal (local, error);
    if (!digest_file (digest, fd, max, &total, error))
        return FALSE;
    if (!sev_digest_finish (digest, out, &local))
        return internal (local, error);
    if (len != NULL)
        *len = total;
    return TRUE;
}

/* Version and policy come before any arithmetic: an old platform is refused for its age. */
static gboolean
check_api (guint32 policy, const PolicyMeasureInput *input, GError **error)
{
    guint8 major, minor;

    if (!policy_guest_allows_api (policy, input->api_major, input->api_minor)) {
        policy_guest_min_api (policy, &major, &minor);
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_API_TOO_OLD,
                     "guest policy requires firmware API %u.%u, the platform has %u.%u",
                     major, minor, input->api_major, input->api_minor);
        return FALSE;
    }
    if (!input->allow_legacy && !policy_api_is_bound (input->api_major, input->api_minor)) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_API_TOO_OLD,
                     "firmware API %u.%u is older than %u.%u: its measurements do not bind "
                     "their version (--allow-legacy-api accepts that)",
                     input->api_major, input->api_minor, SEV_API_BOUND_MAJOR,
                     SEV_API_BOUND_MINOR);
        return FALSE;
    }
    return TRUE;
}

static gboolean
add_u8 (SevHmac *hmac, guint8 value, GError **error)
{
    return sev_hmac_update (hmac, &value, sizeof value, error);
}

static gboolean
add_u32 (SevHmac *hmac, guint32 value, GError **error)
{
    const guint32 le = GUINT32_TO_LE (value);

    return sev_hmac_update (hmac, &le, sizeof le, error);
}

/* AMD 55766, LAUNCH_MEASURE: field after field, in the order of the document. */
gboolean
policy_measure_mac (const SevHmac *keyed,
                    guint32 policy,
                    const PolicyMeasureInput *input,
                    const guint8 mnonce[SEV_NONCE_SIZE],
                    guint8 out[SEV_MAC_SIZE],
                    GError **error)
{
    GError *local = NULL;
    gboolean ok = TRUE;

    g_autoptr (SevHmac) hmac = sev_hmac_copy (keyed, &local);
    if (hmac == NULL)
        return internal (local, error);
    if (policy_api_is_bound (input->api_major, input->api_minor))
        ok = add_u8 (hmac, SEV_MAC_CONTEXT_MEASURE, &local) &&
             add_u8 (hmac, input->api_major, &local) &&
             add_u8 (hmac, input->api_minor, &local) && add_u8 (hmac, input->build, &local);
    ok = ok && add_u32 (hmac, policy, &local) &&
         sev_hmac_update (hmac, input->launch_digest, SEV_DIGEST_SIZE, &local) &&
         sev_hmac_update (hmac, mnonce, SEV_NONCE_SIZE, &local) &&
         sev_hmac_finish (hmac, out, &local);
    if (!ok)
        return internal (local, error);
    return TRUE;
}

static gboolean
compute (const SevSecret *tik,
         guint32 policy,
         const PolicyMeasureInput *input,
         const guint8 mnonce[SEV_NONCE_SIZE],
         guint8 out[SEV_MAC_SIZE],
         GError **error)
{
    GError *local = NULL;

    g_autoptr (SevHmac) keyed =
        sev_hmac_new (sev_secret_data (tik), sev_secret_size (tik), &local);
    if (keyed == NULL)
        return internal (local, error);
    return policy_measure_mac (keyed, policy, input, mnonce, out, error);
}

gboolean
policy_measure_expected (const PolicySession *session,
                         const PolicyMeasureInput *input,
                         const guint8 mnonce[SEV_NONCE_SIZE],
                         guint8 out[SEV_MAC_SIZE],
                         GError **error)
{
    g_return_val_if_fail (session != NULL && input != NULL, FALSE);
    g_return_val_if_fail (mnonce != NULL && out != NULL, FALSE);

    return check_api (policy_session_get_policy (session), input, error) &&
           compute (policy_session_get_tik (session), policy_session_get_policy (session),
                    input, mnonce, out, error);
}

/* @report: (out caller-allocates): what was compared */
static gboolean
check_report (const SevSecret *tik,
              guint32 policy,
              const PolicyMeasureInput *input,
              SevMeasureWire *report,
              GError **error)
{
    guint8 expected[SEV_MAC_SIZE];

    if (input->report == NULL || input->report_len != sizeof *report) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_MEASUREMENT_MALFORMED,
                     "launch measurement: %" G_GSIZE_FORMAT
                     " bytes, expected %" G_GSIZE_FORMAT,
                     input->report != NULL ? input->report_len : 0, sizeof *report);
        return FALSE;
    }
    memcpy (report, input->report, sizeof *report);
    if (!compute (tik, policy, input, report->mnonce, expected, error))
        return FALSE;
    if (sev_constant_time_equal (expected, report->measure, sizeof expected))
        return TRUE;
    g_set_error_literal (
        error, POLICY_ERROR, POLICY_ERROR_MEASUREMENT_MISMATCH,
        "measurement differs from the expected one: firmware, kernel, initrd, command "
        "line, policy or firmware version are not what they should be, or the session "
        "is another one");
    return FALSE;
}

gboolean
policy_measure_check (const SevSecret *tik,
                      guint32 policy,
                      const PolicyMeasureInput *input,
                      GError **error)
{
    SevMeasureWire report;

    g_return_val_if_fail (tik != NULL && input != NULL, FALSE);

    return check_api (policy, input, error) &&
           check_report (tik, policy, input, &report, error);
}

static PolicyVerified *
verify_report (const PolicySession *session,
               const PolicyMeasureInput *input,
               GError **error)
{
    SevMeasureWire report;

    if (!check_report (policy_session_get_tik (session),
                       policy_session_get_policy (session), input, &report, error))
        return NULL;

    PolicyVerified *verified = g_new0 (PolicyVerified, 1);
    verified->session = policy_session_ref ((PolicySession *) session);
    memcpy (verified->measure, report.measure, sizeof verified->measure);
    memcpy (verified->mnonce, report.mnonce, sizeof verified->mnonce);
    verified->legacy = !policy_api_is_bound (input->api_major, input->api_minor);
    return verified;
}

PolicyVerified *
policy_measure_verify (const PolicySession *session,
                       const PolicyMeasureInput *input,
                       PolicyVerdict *verdict,
                       GError **error)
{
    g_autoptr (GError) local = NULL;

    g_return_val_if_fail (session != NULL && input != NULL, NULL);

    if (!check_api (policy_session_get_policy (session), input, &local)) {
        if (verdict != NULL)
            policy_verdict_fail_error (verdict, POLICY_CHECK_API, local);
        g_propagate_error (error, g_steal_pointer (&local));
        return NULL;
    }
    if (verdict != NULL)
        policy_verdict_pass (verdict, POLICY_CHECK_API);

    PolicyVerified *verified = verify_report (session, input, &local);
    if (verified == NULL) {
        if (verdict != NULL)
            policy_verdict_fail_error (verdict, POLICY_CHECK_MEASUREMENT, local);
        g_propagate_error (error, g_steal_pointer (&local));
        return NULL;
    }
    if (verdict != NULL) {
        policy_verdict_pass (verdict, POLICY_CHECK_MEASUREMENT);
        if (verified->legacy) {
            policy_verdict_add_unproven (
                verdict, "firmware version (API before 0.17 does not bind it)");
            policy_verdict_add_unproven (
                verdict, "that the secrets go to the measured launch only (before API "
                         "0.17 their packet is not bound to the measurement)");
        }
    }
    verified->verdict = verdict;
    return verified;
}

void
policy_verified_free (PolicyVerified *verified)
{
    if (verified == NULL)
        return;
    policy_session_unref (verified->session);
    g_free (verified);
}

const guint8 *
policy_verified_get_measure (const PolicyVerified *verified)
{
    g_return_val_if_fail (verified != NULL, NULL);
    return verified->measure;
}

const guint8 *
policy_verified_get_mnonce (const PolicyVerified *verified)
{
    g_return_val_if_fail (verified != NULL, NULL);
    return verified->mnonce;
}

const PolicySession *
policy_verified_get_session (const PolicyVerified *verified)
{
    g_return_val_if_fail (verified != NULL, NULL);
    return verified->session;
}

gboolean
policy_verified_is_legacy (const PolicyVerified *verified)
{
    g_return_val_if_fail (verified != NULL, FALSE);
    return verified->legacy;
}
