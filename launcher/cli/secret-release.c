/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/cli/secret-release.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "launcher/cli/step-acceptance.h"
#include "policy/courier/courier-store.h"
#include "policy/policy-error.h"
#include "sev/base/sev-bytes.h"

#define TIK_SUFFIX "_tik.bin"
#define SESSION_SUFFIX "_session.b64"
#define GUEST_NAME "sevlaunch-secret" /* stands for the guest, whose name is not known */

void
secret_release_options_clear (SecretReleaseOptions *options)
{
    g_clear_pointer (&options->owner, g_free);
    g_clear_pointer (&options->acceptance, g_free);
    g_clear_pointer (&options->session, g_free);
    g_clear_pointer (&options->accept_firmware, g_strfreev);
}

void
secret_release_clear (SecretRelease *release)
{
    g_clear_pointer (&release->owner, policy_owner_free);
    g_clear_pointer (&release->acceptance, policy_acceptance_unref);
    g_clear_pointer (&release->blob, g_bytes_unref);
    g_clear_pointer (&release->accepted, g_array_unref);
}

/* Its record has what is expected, and the ledger its one verdict. */
static gboolean
refuse_kept (const StepReportOptions *keys, GError **error)
{
    const char *const paths[] = { keys->tik, keys->tek, keys->tk };

    for (gsize i = 0; i < G_N_ELEMENTS (paths); i++)
        if (paths[i] != NULL && policy_courier_is_kept (paths[i])) {
            g_set_error (error, POLICY_ERROR, POLICY_ERROR_COURIER_SESSION,
                         "'%s' is a key of a session that waits for its measurement: "
                         "'sevlaunch courier judge' judges it, once, and packs its secrets",
                         paths[i]);
            return FALSE;
        }
    return TRUE;
}

/*
 * The acceptance policy beside one of the keys.  Only what is not there is none: one that
 * cannot be reached, a dangling link say, is for policy_acceptance_load() to refuse.
 * @out: (out) (nullable)
 */
static gboolean
find_beside (const StepReportOptions *keys, char **out, GError **error)
{
    const char *const paths[] = { keys->tik, keys->tek, keys->tk };
    g_autofree char *found = NULL;
    struct stat first = { 0 }, st = { 0 };

    for (gsize i = 0; i < G_N_ELEMENTS (paths); i++) {
        if (paths[i] == NULL)
            continue;
        g_autofree char *folder = g_path_get_dirname (paths[i]);
        g_autofree char *name = g_build_filename (folder, POLICY_ACCEPTANCE_NAME, NULL);
        if (lstat (name, &st) != 0) {
            if (errno == ENOENT || errno == ENOTDIR)
                continue;
            st = (struct stat){ 0 };
        }
        if (found == NULL) {
            found = g_steal_pointer (&name);
            first = st;
        } else if (st.st_dev != first.st_dev || st.st_ino != first.st_ino) {
            return step_usage (error,
                               "there is an acceptance policy beside each key: '%s' and "
                               "'%s'; name the one that holds with --acceptance",
                               found, name);
        }
    }
    *out = g_steal_pointer (&found);
    return TRUE;
}

static gboolean
read_acceptance (const SecretReleaseOptions *options,
                 const StepReportOptions *keys,
                 SecretRelease *out,
                 GError **error)
{
    g_autofree char *near = NULL;

    if (options->acceptance != NULL)
        out->acceptance = policy_acceptance_load (options->acceptance, error);
    else if (out->owner != NULL)
        out->acceptance = policy_acceptance_ref (policy_owner_get_acceptance (out->owner));
    else if (!find_beside (keys, &near, error))
        return FALSE;
    else if (near != NULL)
        out->acceptance = policy_acceptance_load (near, error);
    else
        return TRUE;
    return out->acceptance != NULL;
}

static gboolean
read_blob (const SecretReleaseOptions *options,
           const StepReportOptions *keys,
           SecretRelease *out,
           GError **error)
{
    g_autofree char *found = NULL;
    g_autoptr (GError) cause = NULL;

    if (options->session == NULL && keys->tik != NULL &&
        g_str_has_suffix (keys->tik, TIK_SUFFIX)) {
        g_autofree char *stem =
            g_strndup (keys->tik, strlen (keys->tik) - strlen (TIK_SUFFIX));
        found = g_strconcat (stem, SESSION_SUFFIX, NULL);
    }
    const char *path = options->session != NULL ? options->session : found;
    if (path == NULL || (found != NULL && !g_file_test (found, G_FILE_TEST_EXISTS)))
        return step_usage (error,
                           "--owner needs --session FILE: the ledger knows a session "
                           "by its launch blob (NAME_session.b64)");
    out->blob = policy_read_cert_bytes (path, sizeof (SevSessionWire), &cause);
    if (out->blob == NULL)
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_SESSION_MALFORMED,
                     "--session '%s': %s", path, cause->message);
    return out->blob != NULL;
}

static gboolean
read_accepted (const SecretReleaseOptions *options, SecretRelease *out, GError **error)
{
    guint8 digest[SEV_DIGEST_SIZE];

    out->accepted = g_array_new (FALSE, FALSE, SEV_DIGEST_SIZE);
    for (char **i = options->accept_firmware; i != NULL && *i != NULL; i++) {
        const char *text = g_str_has_prefix (*i, "sha256:") ? *i + 7 : *i;

        if (!sev_hex_decode (text, digest, sizeof digest, NULL))
            return step_usage (error, "--accept-firmware takes a SHA-256 of 64 hexadecimal "
                                      "digits");
        g_array_append_val (out->accepted, digest);
    }
    return TRUE;
}

gboolean
secret_release_open (const SecretReleaseOptions *options,
                     const StepReportOptions *keys,
                     gboolean verified,
                     SecretRelease *out,
                     GError **error)
{
    if (options->session != NULL && options->owner == NULL)
        return step_usage (error, "--session is for the ledger: it needs --owner");
    if (options->owner != NULL && !verified)
        return step_usage (error, "--owner needs what verify needs: --policy, --api, "
                                  "--build, and --firmware or --digest; the ledger has "
                                  "verdicts");
    if (options->owner != NULL && keys->digest != NULL)
        return step_usage (error, "--owner judges the firmware: give --firmware, not "
                                  "--digest");
    if (options->accept_firmware != NULL && options->owner == NULL)
        return step_usage (error, "--accept-firmware needs --owner: without it no firmware "
                                  "is refused");
    if (options->allow_unmeasured && options->owner == NULL)
        return step_usage (error, "--allow-unmeasured-boot needs --owner: without it no "
                                  "boot is refused");
    out->allow_unmeasured = options->allow_unmeasured;
    if (!refuse_kept (keys, error) || !read_accepted (options, out, error))
        return FALSE;
    if (options->owner != NULL) {
        out->owner = policy_owner_open_dir (options->owner, POLICY_OWNER_NO_KEY, error);
        if (out->owner == NULL)
            return FALSE;
        policy_owner_forget (out->owner);
        if (!read_blob (options, keys, out, error))
            return FALSE;
    }
    return read_acceptance (options, keys, out, error);
}

static gboolean
is_accepted (const SecretRelease *release, const guint8 sha256[SEV_DIGEST_SIZE])
{
    for (guint i = 0; i < release->accepted->len; i++)
        if (memcmp (release->accepted->data + (gsize) i * SEV_DIGEST_SIZE, sha256,
                    SEV_DIGEST_SIZE) == 0)
            return TRUE;
    return FALSE;
}

/* As `run` does without a release. */
static void
judge_firmware (const SecretRelease *release,
                const PolicyBootInputs *inputs,
                PolicyVerdict *verdict)
{
    if (release->owner == NULL) {
        policy_verdict_add_unproven (verdict,
                                     "firmware: unpinned; nobody was asked whether "
                                     "it is one of the owner's");
        return;
    }
    const guint8 *sha256 = inputs->firmware.sha256;
    if (policy_firmware_pin_holds (policy_owner_pin_of (release->owner, NULL, sha256)))
        return;
    g_autofree char *hex = sev_hex_encode (sha256, SEV_DIGEST_SIZE);
    if (is_accepted (release, sha256))
        policy_verdict_add_unproven (verdict, "firmware: unpinned; nothing says that it "
                                              "protects the secrets (it was accepted by "
                                              "hand)");
    else
        policy_verdict_fail (
            verdict, POLICY_CHECK_FIRMWARE, "firmware-not-released",
            "firmware: unpinned; the owner does not trust sha256:%s "
            "(sevlaunch firmware trust; --accept-firmware takes it all the "
            "same)",
            hex);
}

/* Likewise: any host can boot something else and read what was packed. */
static void
judge_boot (const SecretRelease *release,
            const PolicyBootInputs *inputs,
            PolicyVerdict *verdict)
{
    if (inputs == NULL || inputs->kernel_hashes)
        return;
    if (release->owner == NULL || release->allow_unmeasured)
        policy_verdict_add_unproven (verdict, "what boots: it is not measured");
    else
        policy_verdict_fail (verdict, POLICY_CHECK_BOOT, "boot-unmeasured",
                             "kernel, initrd and command line are not measured, so nothing "
                             "may be released to them (--kernel, or "
                             "--allow-unmeasured-boot)");
}

static void
say_open (const SecretRelease *release, PolicyVerdict *verdict)
{
    policy_verdict_add_unproven (verdict,
                                 "on which platform it was launched, and that it was "
                                 "judged away from the host: not judged here");
    if (release->owner == NULL)
        policy_verdict_add_unproven (verdict, "that the session got no packet before: no "
                                              "ledger was asked");
}

/* Every reason, not only the first. */
gboolean
secret_release_judge (const SecretRelease *release,
                      const StepBoot *boot,
                      const StepReport *report,
                      const OvmfSecretTable *table,
                      PolicyVerdict *verdict,
                      GError **error)
{
    guint8 id[POLICY_SESSION_ID_SIZE];

    say_open (release, verdict);
    judge_firmware (release, boot->inputs, verdict);
    judge_boot (release, boot->inputs, verdict);
    if (release->acceptance != NULL &&
        !step_acceptance_release (release->acceptance, boot, report, release->owner, table,
                                  verdict, error))
        return FALSE;
    if (policy_verdict_has_failed (verdict)) {
        g_set_error_literal (
            error, POLICY_ERROR, POLICY_ERROR_NOT_ACCEPTED,
            "the measurement verifies, but the owner releases nothing to what boots");
        return FALSE;
    }
    return release->owner == NULL ||
           (policy_session_identify (release->blob, report->tik, boot->policy, id, error) &&
            policy_ledger_check_session (policy_owner_get_ledger (release->owner), id,
                                         error));
}

gboolean
secret_release_record (const SecretRelease *release,
                       const StepBoot *boot,
                       const StepReport *report,
                       GError **error)
{
    guint8 id[POLICY_SESSION_ID_SIZE];

    return release->owner == NULL ||
           (policy_session_identify (release->blob, report->tik, boot->policy, id, error) &&
            policy_ledger_record_id (policy_owner_get_ledger (release->owner), id,
                                     report->report + SEV_MAC_SIZE, POLICY_LEDGER_PACKED,
                                     GUEST_NAME, g_get_real_time (), error));
}
