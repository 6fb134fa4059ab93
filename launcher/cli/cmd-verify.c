/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sevlaunch verify -- whether a measurement is that of the expected launch. */

#include "launcher/cli/step-acceptance.h"
#include "launcher/cli/step-verify.h"

#include <stdio.h>

#include "launcher/inspect/firmware-list.h"
#include "policy/guest-policy-explain.h"
#include "policy/ledger.h"
#include "policy/policy-error.h"

static const char summary[] =
    "Says whether a launch measurement is that of what was to be booted: exit status 0,\n"
    "or 1 and why not.  Works from files, without host and network.  Judges the\n"
    "measurement only: neither the platform, nor whether it was judged before.";

/* Options of this command alone. */
typedef struct {
    gboolean no_why;
    char *acceptance; /* (nullable) */
} OwnOptions;

static void
own_options_clear (OwnOptions *own)
{
    g_free (own->acceptance);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (OwnOptions, own_options_clear)

static gboolean
parse (StepBootOptions *boot,
       StepReportOptions *report,
       OwnOptions *own,
       CommandCommon *common,
       int *argc,
       char ***argv,
       GError **error)
{
    const GOptionEntry own_entries[] = {
        { "no-why", 0, 0, G_OPTION_ARG_NONE, &own->no_why,
          "Do not look for the cause of a mismatch", NULL },
        { "acceptance", 0, 0, G_OPTION_ARG_FILENAME, &own->acceptance,
          "What boots, version and policy must meet this acceptance policy", "FILE" },
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr (GArray) entries = step_entries (boot, report, own_entries);

    if (!command_parse ("verify", "", summary, (const GOptionEntry *) entries->data, common,
                        argc, argv, error))
        return FALSE;
    if (*argc > 1)
        return step_usage (error, "verify takes options only");
    if (boot->policy == NULL)
        return step_usage (error, "--policy is needed: the measurement is made with it");
    if ((boot->firmware == NULL) == (report->digest == NULL))
        return step_usage (error, "--firmware or --digest is needed, and not both");
    if (own->acceptance != NULL && report->digest != NULL)
        return step_usage (error, "--acceptance needs --firmware and the other files: a "
                                  "digest does not say what boots");
    return TRUE;
}

/* What the guest policy lets the host do whatever is measured. */
static JsonArray *
say_open (const StepBoot *boot, PolicyVerdict *verdict)
{
    g_auto (GStrv) dangers = policy_guest_dangers (boot->policy);

    for (char **i = dangers; *i != NULL; i++)
        message_warning ("guest policy: %s", *i);
    policy_guest_lint (boot->policy, verdict);
    if (boot->inputs != NULL)
        firmware_note_other_build (boot->inputs->firmware.sha256, PKGDATADIR, verdict);
    return step_unproven_json (verdict);
}

static int
say (const StepBoot *boot,
     const StepReport *report,
     PolicyVerdict *verdict,
     const CommandCommon *common)
{
    g_autoptr (JsonArray) open = say_open (boot, verdict);

    if (!common->json) {
        printf ("verified: the measurement is that of this launch\n");
        if (boot->es && boot->inputs != NULL)
            printf ("  processors  %u, save areas %s\n", boot->vcpus.count,
                    policy_vmsa_form_name (boot->vcpus.form));
        return LAUNCHER_EXIT_OK;
    }
    g_autoptr (JsonObject) object = step_verify_json (boot, report, NULL, NULL);
    json_object_set_array_member (object, "unproven", g_steal_pointer (&open));
    return command_print_json (object);
}

/* An owner's acceptance policy lies beside his ledger.  NULL: there is none, or it is
 * damaged. */
static GArray *
known_nonces (const OwnOptions *own)
{
    g_autoptr (GArray) nonces = g_array_new (FALSE, FALSE, SEV_NONCE_SIZE);
    g_autoptr (GError) cause = NULL;

    if (own->acceptance == NULL)
        return NULL;
    g_autofree char *folder = g_path_get_dirname (own->acceptance);
    g_autofree char *ledger = g_build_filename (folder, POLICY_LEDGER_NAME, NULL);
    if (!g_file_test (ledger, G_FILE_TEST_IS_REGULAR))
        return NULL;
    if (step_ledger_nonces ("ledger", ledger, nonces, &cause))
        return g_steal_pointer (&nonces);
    message_warning ("%s", cause->message);
    return NULL;
}

/* NULL if there is nothing to say: it is a help, and never changes the verdict. */
static WhyReport *
explain (const StepBoot *boot,
         const StepReport *report,
         const OwnOptions *own,
         const GError *error)
{
    g_autoptr (GArray) nonces = known_nonces (own);
    g_autoptr (GError) cause = NULL;

    if (!g_error_matches (error, POLICY_ERROR, POLICY_ERROR_MEASUREMENT_MISMATCH))
        return NULL;
    WhyReport *why = step_why (boot, report, NULL, nonces, &cause);
    if (why == NULL) {
        message_warning ("%s", cause->message);
        return NULL;
    }
    g_auto (GStrv) lines = why_report_lines (why);
    for (char **i = lines; *i != NULL; i++)
        message_info ("why: %s", *i);
    return why;
}

static int
refuse (const StepBoot *boot,
        const StepReport *report,
        const OwnOptions *own,
        const CommandCommon *common,
        const GError *error)
{
    const LauncherReason reason = launcher_reason (error);

    message_error (error);
    g_autoptr (WhyReport) why = own->no_why ? NULL : explain (boot, report, own, error);
    if (common->json) {
        g_autoptr (JsonObject) object = step_verify_json (boot, report, error, why);
        command_print_json (object);
    }
    return (int) reason.exit_code;
}

static int
refuse_demands (const StepBoot *boot,
                const StepReport *report,
                const PolicyVerdict *verdict,
                const CommandCommon *common,
                const GError *error)
{
    const GPtrArray *reasons = policy_verdict_get_reasons (verdict);

    if (reasons->len == 0)
        return command_fail (common, error);
    for (guint i = 0; i < reasons->len; i++) {
        const PolicyReason *reason = g_ptr_array_index (reasons, i);
        message_reason (reason->id, reason->text);
    }
    if (common->json) {
        g_autoptr (JsonObject) object = step_verify_json (boot, report, error, NULL);
        json_object_set_array_member (object, "reasons", step_reasons_json (verdict));
        command_print_json (object);
    }
    return (int) launcher_reason (error).exit_code;
}

int
cmd_verify (int argc, char **argv)
{
    g_auto (StepBootOptions) boot_options = { 0 };
    g_auto (StepReportOptions) report_options = { 0 };
    g_auto (StepBoot) boot = { 0 };
    g_auto (StepReport) report = { 0 };
    CommandCommon common = { 0 };
    g_auto (OwnOptions) own = { 0 };
    g_autoptr (PolicyVerdict) verdict = policy_verdict_new ();
    g_autoptr (GError) error = NULL;

    if (!parse (&boot_options, &report_options, &own, &common, &argc, &argv, &error) ||
        !step_report_read (&report_options, TRUE, &report, &error) ||
        !step_boot_read (&boot_options, FALSE, &boot, &error))
        return command_fail (&common, error);
    if (!step_verify (&boot, &report, &error))
        return refuse (&boot, &report, &own, &common, error);
    if (own.acceptance != NULL &&
        !step_acceptance (own.acceptance, &boot, &report, verdict, &error))
        return refuse_demands (&boot, &report, verdict, &common, error);
    return say (&boot, &report, verdict, &common);
}
