/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/evidence/evidence-check.h"

#include <string.h>

#include "policy/attest/attest-report.h"
#include "policy/attest/owner-measure.h"
#include "policy/evidence/evidence-private.h"
#include "policy/guest-policy.h"
#include "policy/owner-sign.h"
#include "policy/policy-error.h"
#include "sev/base/sev-bytes.h"
#include "sev/crypto/sev-digest.h"

typedef struct {
    const Evidence *evidence;
    const EvidenceManifest *m;
    const EvidenceQuestion *question;
    EvidenceAnswer *answer;
    char *root; /* "anyone who trusts the root …" */
    gboolean chain_ok;
    gboolean digest_proven; /* the manifest's launch digest is what the platform reports */
} Work;

const char *
evidence_standing_name (EvidenceStanding standing)
{
    static const char *const names[] = { "proven", "said", "owner-only", "open",
                                         "refused" };

    g_return_val_if_fail ((guint) standing < G_N_ELEMENTS (names), NULL);
    return names[standing];
}

void
evidence_finding_free (gpointer data)
{
    EvidenceFinding *finding = data;

    g_free (finding->id);
    g_free (finding->text);
    g_free (finding->to);
    g_free (finding);
}

void
evidence_answer_free (EvidenceAnswer *answer)
{
    if (answer == NULL)
        return;
    g_ptr_array_unref (answer->findings);
    g_clear_pointer (&answer->chain, policy_chain_unref);
    g_free (answer);
}

EvidenceFinding *
evidence_finding_new (EvidenceStanding standing, const char *id, const char *to, char *text)
{
    EvidenceFinding *finding = g_new0 (EvidenceFinding, 1);

    finding->standing = standing;
    finding->id = g_strdup (id);
    finding->to = g_strdup (to);
    finding->text = text;
    return finding;
}

G_GNUC_PRINTF (5, 6)
static void
add (Work *work,
     EvidenceStanding standing,
     const char *id,
     const char *to,
     const char *format,
     ...)
{
    va_list args;

    va_start (args, format);
    g_ptr_array_add (
        work->answer->findings,
        evidence_finding_new (standing, id, to, g_strdup_vprintf (format, args)));
    va_end (args);
    if (standing == EVIDENCE_REFUSED)
        work->answer->refused = TRUE;
}

/* The name is what tests/checks/test-docs.py looks for. */
#define reason_new(id, work, ...) add (work, EVIDENCE_REFUSED, id, NULL, __VA_ARGS__)

static const char to_owner[] = "only the owner: whoever has the session's TIK can make it";
static const char to_signer[] = "anyone who takes the signer's word";

static void
check_signature (Work *work)
{
    g_autoptr (GError) cause = NULL;

    if (work->question->signer == NULL) {
        add (work, EVIDENCE_OPEN, "signature", NULL,
             "who signed this: no key was given to check it with");
        return;
    }
    g_autofree char *id = policy_sign_key_id (work->question->signer, NULL);
    if (!evidence_verify_signature (work->evidence, work->question->signer, &cause))
        reason_new ("evidence-signature", work,
                    "the file is not as the holder of this signing key signed it");
    else
        add (work, EVIDENCE_PROVEN, "signature", "anyone who has sign.pub from the owner",
             "manifest and report are as the key %s signed them", id);
    if (g_strcmp0 (id, work->m->signer) != 0)
        reason_new ("evidence-signer", work,
                    "the manifest says that another key signs it: %s", work->m->signer);
}

/* What the manifest says of the platform must be what its certificates say. */
static gboolean
platform_agrees (const EvidenceManifest *m, const PolicyChain *chain)
{
    /* Whom the owner did not trust then, the reader may. */
    if (!m->verified && g_strcmp0 (m->platform_kind, policy_platform_kind_name (
                                                         POLICY_PLATFORM_UNKNOWN)) == 0)
        return g_strcmp0 (m->root_fingerprint, policy_chain_get_root_fingerprint (chain)) ==
               0;
    return g_strcmp0 (m->platform_kind,
                      policy_platform_kind_name (policy_chain_get_kind (chain))) == 0 &&
           m->emulated == (policy_chain_get_kind (chain) == POLICY_PLATFORM_EMULATED ||
                           policy_chain_says_emulated (chain)) &&
           g_strcmp0 (m->generation, policy_chain_get_generation (chain)) == 0 &&
           g_strcmp0 (m->platform_owner, policy_chain_get_owner (chain)) == 0 &&
           g_strcmp0 (m->owner_fingerprint, policy_chain_get_owner_fingerprint (chain)) ==
               0 &&
           g_strcmp0 (m->root_fingerprint, policy_chain_get_root_fingerprint (chain)) == 0;
}

static void
report_platform (Work *work)
{
    const PolicyChain *chain = work->answer->chain;
    const char *root = policy_chain_get_root_fingerprint (chain);
    const gboolean emulated = policy_chain_get_kind (chain) == POLICY_PLATFORM_EMULATED;

    work->root = emulated ? g_strdup_printf ("anyone who trusts the EMULATED root %s", root)
                          : g_strdup_printf ("anyone who trusts AMD's root %s (%s)", root,
                                             policy_chain_get_generation (chain));
    work->chain_ok = TRUE;
    if (emulated)
        add (work, EVIDENCE_PROVEN, "platform", work->root,
             "the certificates are of an EMULATED platform, which protects nothing");
    else
        add (work, EVIDENCE_PROVEN, "platform", work->root,
             "the platform is AMD SEV, %s, its owner %s",
             policy_chain_get_generation (chain), policy_chain_get_owner (chain));
    if (policy_generation_banned_by_default (policy_chain_get_generation (chain)))
        add (work, EVIDENCE_OPEN, "generation-weak", NULL,
             "whether a genuine chip is behind the certificates: keys were extracted from "
             "chips of %s",
             policy_chain_get_generation (chain));
    if (!platform_agrees (work->m, chain))
        reason_new ("evidence-platform", work,
                    "the manifest says something else of the platform than the "
                    "certificates in it");
}

static const EvidenceCheck *
find_check (const EvidenceManifest *m, const char *name)
{
    for (guint i = 0; i < m->checks->len; i++) {
        const EvidenceCheck *check = g_ptr_array_index (m->checks, i);
        if (g_strcmp0 (check->name, name) == 0)
            return check;
    }
    return NULL;
}

/* The owner says himself that he refused it for that. */
static gboolean
owner_refused_too (const EvidenceManifest *m, const char *name)
{
    const EvidenceCheck *check = find_check (m, name);

    return !m->verified && check != NULL && !check->passed;
}

static void
check_chain (Work *work)
{
    const PolicyChain *chain = work->answer->chain;
    g_autoptr (GError) cause = NULL;

    if (work->m->pdh == NULL) {
        add (work, EVIDENCE_OPEN, "platform", NULL,
             "which platform it was: the launch was refused before its certificates were "
             "asked for");
        return;
    }
    if (policy_chain_require (chain, &cause)) {
        report_platform (work);
        return;
    }
    const gboolean root =
        g_error_matches (cause, POLICY_ERROR, POLICY_ERROR_CHAIN_ROOT_UNTRUSTED);
    if (owner_refused_too (work->m, root ? "root" : "chain"))
        add (work, EVIDENCE_OPEN, "platform", NULL,
             "which platform it was, for the owner refused it too: %s", cause->message);
    else if (root)
        reason_new ("evidence-root", work,
                    "the certificates end in a root that is neither AMD's nor "
                    "trusted here: %s (--trust-root takes it, if you know whose it is; "
                    "--owner takes the owner's)",
                    policy_chain_get_root_fingerprint (chain));
    else
        reason_new ("evidence-chain", work, "%s", cause->message);
}

/* What the report was asked for with: the manifest, or what there was before it. */
static gboolean
right_nonce (const Evidence *evidence, const PolicyReport *report)
{
    const EvidenceManifest *m = evidence->manifest;
    guint8 measurement[sizeof (SevMeasureWire)];
    guint8 nonce[SEV_NONCE_SIZE];

    memcpy (measurement, m->reported, sizeof m->reported);
    memcpy (measurement + sizeof m->reported, m->nonce, sizeof m->nonce);
    const gboolean known =
        m->early_report
            ? m->session != NULL && m->has_measurement &&
                  policy_report_nonce_early (m->session_id, measurement, nonce, NULL)
            : evidence_manifest_get_mnonce (evidence->text, nonce, NULL);
    return known && memcmp (nonce, report->mnonce, sizeof nonce) == 0;
}

/* The report speaks for itself; the manifest must say the same if it says "verified". */
static void
compare_report (Work *work, const PolicyReport *report)
{
    const EvidenceManifest *m = work->m;
    gboolean ok = TRUE;

    if (!right_nonce (work->evidence, report)) {
        reason_new ("evidence-report-nonce", work,
                    "the platform's report was not made for this %s",
                    m->early_report ? "session and measurement" : "manifest");
        ok = FALSE;
    }
    const gboolean same =
        m->has_digest && memcmp (m->digest, report->digest, SEV_DIGEST_SIZE) == 0;
    if (m->verified && !same) {
        reason_new ("evidence-report-digest", work,
                    "the platform reports another launch digest than the manifest says");
        ok = FALSE;
    }
    if (m->verified && m->policy != report->policy) {
        reason_new ("evidence-report-policy", work,
                    "the platform reports guest policy 0x%08x, the manifest says 0x%08x",
                    report->policy, m->policy);
        ok = FALSE;
    }
    if (!ok || !work->chain_ok)
        return;
    g_autofree char *hex = sev_hex_encode (report->digest, SEV_DIGEST_SIZE);
    g_autofree char *policy = policy_guest_to_text (report->policy);
    add (work, EVIDENCE_PROVEN, "launch", work->root,
         "the platform's PEK signed, %s, launch digest %s and guest policy 0x%08x (%s)",
         m->early_report ? "for who knew this session and measurement"
                         : "for this manifest",
         hex, report->policy, policy);
    if (m->early_report)
        add (work, EVIDENCE_OPEN, "early-report", NULL,
             "whether the report is of the guest that was measured, and what else the "
             "platform "
             "would have signed of the manifest: the host asked for it before the verdict, "
             "and "
             "the nonce says only that it knew session and measurement");
    work->digest_proven = same;
    if (!same)
        add (work, EVIDENCE_PROVEN, "other-launch", work->root,
             "this is not the launch digest that the owner expected");
}

static void
check_report (Work *work)
{
    GBytes *bytes = work->evidence->report;
    g_autoptr (GError) cause = NULL;
    PolicyReport report;
    SevCert pek;
    gsize len;

    if (bytes == NULL) {
        add (work, EVIDENCE_OPEN, "launch", NULL,
             "what the platform measured, to others than the owner: there is no report of "
             "its own (%s)",
             work->evidence->report_missing);
        return;
    }
    const guint8 *chain =
        work->m->cert_chain != NULL ? g_bytes_get_data (work->m->cert_chain, &len) : NULL;
    const gboolean decoded = chain != NULL && len == SEV_CERT_CHAIN_SIZE &&
                             sev_cert_decode (chain, SEV_CERT_SIZE, &pek, NULL);
    const guint8 *data = g_bytes_get_data (bytes, &len);
    if (!decoded) {
        reason_new ("report-signature", work,
                    "there is no PEK to check the platform's report with");
        return;
    }
    if (!policy_report_verify (data, len, &pek, &report, &cause)) {
        if (g_error_matches (cause, POLICY_ERROR, POLICY_ERROR_REPORT_MALFORMED))
            reason_new ("report-malformed", work, "%s", cause->message);
        else
            reason_new ("report-signature", work, "%s", cause->message);
        return;
    }
    work->answer->has_report = TRUE;
    memcpy (work->answer->report_digest, report.digest, SEV_DIGEST_SIZE);
    compare_report (work, &report);
}

/* What every version asked of a verdict.  Later ones ask more, and their evidence lists it.
 */
static const char *const core_checks[] = { "chain",       "root",       "session",
                                           "api",         "firmware",   "boot",
                                           "measurement", "acceptance", "fresh" };

static gboolean
checks_complete (const EvidenceManifest *m, gboolean *all_passed)
{
    *all_passed = TRUE;
    for (guint i = 0; i < m->checks->len; i++) {
        const EvidenceCheck *check = g_ptr_array_index (m->checks, i);
        *all_passed = *all_passed && check->passed;
    }
    for (gsize i = 0; i < G_N_ELEMENTS (core_checks); i++)
        if (find_check (m, core_checks[i]) == NULL)
            return FALSE;
    return TRUE;
}

static const char *
verdict_problem (const EvidenceManifest *m)
{
    gboolean all_passed;

    if (!checks_complete (m, &all_passed))
        return "it does not list the checks of a verdict";
    if (m->verified && !all_passed)
        return "it says verified, but not every check was passed";
    if (m->verified && !m->has_digest)
        return "it says verified, but has no launch digest";
    if (m->verified && g_strcmp0 (m->judged_on, "nowhere") == 0)
        return "it does not say where it was judged";
    if (!m->verified && m->reasons->len == 0)
        return "it says refused without a reason";
    if (!m->verified && m->secrets->len > 0)
        return "it says refused, and that secrets were released";
    return NULL;
}

static void
add_acceptance (Work *work)
{
    const EvidenceManifest *m = work->m;

    if (m->acceptance == NULL) {
        add (work, EVIDENCE_SAID, "acceptance", to_signer,
             "the acceptance policy was the built-in one: the owner had none of his own");
        return;
    }
    g_autofree char *hex = sev_hex_encode (m->acceptance_sha256, SEV_DIGEST_SIZE);
    add (work, EVIDENCE_SAID, "acceptance", to_signer,
         "the acceptance policy was '%s', sha256:%s", m->acceptance, hex);
}

static void
check_verdict (Work *work)
{
    const EvidenceManifest *m = work->m;
    const char *problem = verdict_problem (m);

    if (problem != NULL) {
        reason_new ("evidence-verdict", work, "the verdict contradicts itself: %s",
                    problem);
        return;
    }
    add (work, EVIDENCE_SAID, "verdict", to_signer, "the launch of '%s' was %s, %s, at %s",
         m->domain_name, m->verified ? "verified" : "refused",
         strcmp (m->judged_on, "hypervisor") == 0      ? "judged on the hypervisor itself"
         : strcmp (m->judged_on, "emulated-host") == 0 ? "judged on the EMULATED host"
         : strcmp (m->judged_on, "owner-machine") == 0 ? "judged on the owner's machine"
                                                       : "judged nowhere",
         m->time);
    add_acceptance (work);
    if (m->secrets->len > 0)
        add (work, EVIDENCE_SAID, "secrets", to_signer, "%u %s %s this launch",
             m->secrets->len, m->secrets->len == 1 ? "secret was" : "secrets were",
             m->early_report ? "sealed for" : "released to");
    else
        add (work, EVIDENCE_SAID, "secrets", to_signer, "no secret was released");
}

static void
check_session (Work *work)
{
    const EvidenceManifest *m = work->m;
    guint8 digest[SEV_DIGEST_SIZE];
    gsize len = 0;
    const void *data = m->session != NULL ? g_bytes_get_data (m->session, &len) : NULL;

    if (g_bytes_get_size (m->owner_cert) != SEV_CERT_SIZE ||
        (m->session != NULL &&
         (len != sizeof (SevSessionWire) || !sev_sha256 (data, len, digest, NULL) ||
          memcmp (digest, m->session_id, sizeof digest) != 0)))
        reason_new ("evidence-session", work,
                    "the session's id is not that of the launch blob, or the blob or "
                    "the owner's certificate is not whole");
}

static void
check_measurement (Work *work)
{
    const EvidenceManifest *m = work->m;
    g_autoptr (GError) cause = NULL;
    SevMeasureWire wire;
    PolicyMeasureInput input = {
        .api_major = m->api_major,
        .api_minor = m->api_minor,
        .build = m->build,
        .report = (const guint8 *) &wire,
        .report_len = sizeof wire,
        .allow_legacy = TRUE,
    };

    if (!m->has_measurement) {
        add (work, EVIDENCE_OPEN, "measurement", NULL,
             "what the platform would have measured: the launch was refused before");
        return;
    }
    if (!m->has_digest || !m->has_api)
        return;
    if (work->question->tik == NULL) {
        add (work, EVIDENCE_OWNER_ONLY, "measurement", to_owner,
             "the platform's measurement, its API %u.%u and build %u%s", m->api_major,
             m->api_minor, m->build, m->verified ? "" : " (it did not match)");
        return;
    }
    memcpy (input.launch_digest, m->digest, SEV_DIGEST_SIZE);
    memcpy (wire.measure, m->reported, sizeof wire.measure);
    memcpy (wire.mnonce, m->nonce, sizeof wire.mnonce);
    if (policy_measure_check (work->question->tik, m->policy, &input, &cause))
        add (work, EVIDENCE_OWNER_ONLY, "measurement", to_owner,
             "the measurement is that of this launch digest, policy, API %u.%u and build "
             "%u, by the TIK that was given",
             m->api_major, m->api_minor, m->build);
    else if (owner_refused_too (m, "measurement"))
        add (work, EVIDENCE_OWNER_ONLY, "measurement", to_owner,
             "the platform's measurement is not that of this launch digest, policy, API "
             "%u.%u and build %u: it did not match, by the TIK that was given",
             m->api_major, m->api_minor, m->build);
    else
        reason_new ("evidence-measurement", work,
                    "the measurement is not that of this launch: %s", cause->message);
}

/* With the firmware that was given and everything else from the manifest. */
static gboolean
digest_of (const EvidenceManifest *m,
           const PolicyBootInputs *files,
           guint8 out[SEV_DIGEST_SIZE],
           GError **error)
{
    PolicyBootInputs inputs = { .after_firmware = files->after_firmware };
    const PolicyVcpus vcpus = {
        .count = m->vcpus,
        .signature = m->cpu_signature,
        .reset_addr = files->info.es_reset_addr,
        .form = g_strcmp0 (m->vmsa, "init2") == 0 ? POLICY_VMSA_INIT2 : POLICY_VMSA_LEGACY,
        .features = m->sev_features,
    };

    if (m->kernel_hashes && m->kernel != NULL) {
        inputs.kernel_hashes = TRUE;
        memcpy (inputs.hashes.kernel, m->kernel->sha256, SEV_DIGEST_SIZE);
        if (m->initrd != NULL)
            memcpy (inputs.hashes.initrd, m->initrd->sha256, SEV_DIGEST_SIZE);
        else if (!ovmf_hashes_no_initrd (inputs.hashes.initrd, error))
            return FALSE;
        if (!ovmf_hashes_cmdline (m->cmdline, inputs.hashes.cmdline, error))
            return FALSE;
    }
    return policy_boot_inputs_digest (&inputs, m->es ? &vcpus : NULL, out, error);
}

static gboolean
same_part (Work *work, const char *what, const EvidenceFile *file, const PolicyBootPart *p)
{
    if (p->name == NULL ||
        (file != NULL && memcmp (file->sha256, p->sha256, SEV_DIGEST_SIZE) == 0))
        return TRUE;
    reason_new ("evidence-file", work, "the %s '%s' is not the one that was measured", what,
                p->name);
    return FALSE;
}

static gboolean
check_files (Work *work, GError **error)
{
    const EvidenceManifest *m = work->m;
    const PolicyBootInputs *files = work->question->files;
    guint8 digest[SEV_DIGEST_SIZE];

    if (files == NULL) {
        add (
            work, EVIDENCE_SAID, "files", to_signer,
            "firmware, kernel, initrd and command line behind the launch digest: given the "
            "files, anyone can compute it");
        return TRUE;
    }
    gboolean ok = same_part (work, "firmware", m->firmware, &files->firmware);
    ok = same_part (work, "kernel", m->kernel, &files->kernel) && ok;
    ok = same_part (work, "initrd", m->initrd, &files->initrd) && ok;
    if (work->question->files_cmdline &&
        g_strcmp0 (m->cmdline != NULL ? m->cmdline : "",
                   files->cmdline != NULL ? files->cmdline : "") != 0) {
        reason_new ("evidence-file", work,
                    "the command line is not the one that was measured");
        ok = FALSE;
    }
    if (!ok || !m->has_digest || (m->es && !m->has_cpu))
        return TRUE;
    if (!digest_of (m, files, digest, error))
        return FALSE;
    if (memcmp (digest, m->digest, sizeof digest) != 0)
        reason_new ("evidence-digest", work,
                    "the launch digest is not that of this firmware with the hashes and "
                    "processors in the manifest");
    else
        add (work, work->digest_proven ? EVIDENCE_PROVEN : EVIDENCE_SAID, "files",
             work->digest_proven ? work->root : to_signer,
             "the launch digest %sis of the firmware that was given, %s",
             work->digest_proven ? "" : "that the owner expected ",
             m->kernel_hashes ? "with the hashes of kernel, initrd and command line in the "
                                "manifest"
                              : "and no kernel was measured");
    return TRUE;
}

static void
add_open (Work *work)
{
    const EvidenceManifest *m = work->m;

    for (guint i = 0; i < m->unproven->len; i++)
        add (work, EVIDENCE_OPEN, "unproven", NULL, "%s",
             (const char *) g_ptr_array_index (m->unproven, i));
    if (g_strcmp0 (m->judged_on, "hypervisor") == 0)
        add (work, EVIDENCE_OPEN, "judged-on-host", NULL,
             "whether the host's administrator left alone the program and the owner's keys "
             "that judged there");
    if (m->early_report && m->secrets->len > 0)
        add (work, EVIDENCE_OPEN, "delivered", NULL,
             "whether the host gave the guest what was sealed for it");
    add (work, EVIDENCE_OPEN, "after", NULL,
         "what happened to the guest after this was written");
}

EvidenceAnswer *
evidence_check (const Evidence *evidence, const EvidenceQuestion *question, GError **error)
{
    g_autoptr (EvidenceAnswer) answer = g_new0 (EvidenceAnswer, 1);
    const EvidenceManifest *m = evidence->manifest;
    const PolicyChainInput input = {
        .pdh = m->pdh,
        .cert_chain = m->cert_chain,
        .cek = m->cek,
        .ask = m->ask,
        .ark = m->ark,
    };
    Work work = { .evidence = evidence, .m = m, .question = question, .answer = answer };

    answer->findings = g_ptr_array_new_with_free_func (evidence_finding_free);
    answer->chain = policy_chain_verify (&input, question->roots, error);
    if (answer->chain == NULL)
        return NULL;
    check_signature (&work);
    check_chain (&work);
    check_report (&work);
    check_session (&work);
    check_verdict (&work);
    const gboolean ok = check_files (&work, error);
    if (ok) {
        check_measurement (&work);
        add (&work, EVIDENCE_SAID, "order", to_signer,
             "this is number %" G_GUINT64_FORMAT " of the owner's evidence", m->counter);
        if (m->gap)
            add (&work, EVIDENCE_OPEN, "order", NULL,
                 "whether later evidence than number %" G_GUINT64_FORMAT
                 " was taken away before this was written",
                 m->counter - 1);
        add_open (&work);
    }
    g_free (work.root);
    return ok ? g_steal_pointer (&answer) : NULL;
}
