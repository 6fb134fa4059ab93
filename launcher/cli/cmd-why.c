/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sevlaunch why -- the cause of a measurement that is not the expected one. */

#include "launcher/cli/step-verify.h"

#include <stdio.h>
#include <string.h>

#include "policy/policy-error.h"
#include "sev/base/sev-bytes.h"

static const char summary[] =
    "Looks for the cause of a measurement that does not match: another file, another\n"
    "number, a blank.  What it names is certain, for it gives this measurement; but it is\n"
    "no verdict.  Exit status 0 if it found the cause, else 1.";

typedef struct {
    StepBootOptions boot;
    StepReportOptions report;
    char **look_in;
    char **nonces;
    char *ledger;
} WhyOptions;

static void
why_options_clear (WhyOptions *o)
{
    step_boot_options_clear (&o->boot);
    step_report_options_clear (&o->report);
    g_clear_pointer (&o->look_in, g_strfreev);
    g_clear_pointer (&o->nonces, g_strfreev);
    g_clear_pointer (&o->ledger, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (WhyOptions, why_options_clear)

static gboolean
parse (WhyOptions *o, CommandCommon *common, int *argc, char ***argv, GError **error)
{
    const GOptionEntry own[] = {
        { "look-in", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &o->look_in,
          "Folder with firmware, kernels and initrds to try (repeatable)", "DIR" },
        { "nonce", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o->nonces,
          "Nonce of an earlier report, 32 hexadecimal digits (repeatable)", "HEX" },
        { "ledger", 0, 0, G_OPTION_ARG_FILENAME, &o->ledger,
          "The owner's ledger, for the nonces in it", "FILE" },
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr (GArray) entries = step_entries (&o->boot, &o->report, own);

    if (!command_parse ("why", "", summary, (const GOptionEntry *) entries->data, common,
                        argc, argv, error))
        return FALSE;
    if (*argc > 1)
        return step_usage (error, "why takes options only");
    if (o->boot.policy == NULL)
        return step_usage (error, "--policy is needed: the measurement is made with it");
    if ((o->boot.firmware == NULL) == (o->report.digest == NULL))
        return step_usage (error, "--firmware or --digest is needed, and not both");
    return TRUE;
}

static GArray *
read_nonces (const WhyOptions *o, GError **error)
{
    g_autoptr (GArray) nonces = g_array_new (FALSE, FALSE, SEV_NONCE_SIZE);
    guint8 nonce[SEV_NONCE_SIZE];

    for (char **i = o->nonces; i != NULL && *i != NULL; i++) {
        if (!sev_hex_decode (*i, nonce, sizeof nonce, NULL)) {
            step_usage (error, "--nonce takes 32 hexadecimal digits");
            return NULL;
        }
        g_array_append_val (nonces, nonce);
    }
    if (o->ledger != NULL && !step_ledger_nonces ("--ledger", o->ledger, nonces, error))
        return NULL;
    return g_steal_pointer (&nonces);
}

static int
say (const WhyReport *why, const CommandCommon *common)
{
    const int code = why_report_found (why) ? LAUNCHER_EXIT_OK : LAUNCHER_EXIT_NOT_VERIFIED;
    g_auto (GStrv) lines = why_report_lines (why);

    if (code != LAUNCHER_EXIT_OK) {
        g_autoptr (GError) error =
            g_error_new_literal (POLICY_ERROR, POLICY_ERROR_MEASUREMENT_MISMATCH, lines[0]);
        message_error (error);
        for (char **i = lines + 1; *i != NULL; i++)
            message_info ("%s", *i);
    }
    if (common->json) {
        g_autoptr (JsonObject) object = why_report_json (why);
        command_print_json (object);
        return code;
    }
    for (char **i = lines; code == LAUNCHER_EXIT_OK && *i != NULL; i++) {
        g_autofree char *shown = message_printable (*i);
        printf ("%s\n", shown);
    }
    return code;
}

static int
find_cause (const WhyOptions *o, const CommandCommon *common, GError **error)
{
    g_auto (StepBoot) boot = { 0 };
    g_auto (StepReport) report = { 0 };
    g_autoptr (GArray) nonces = read_nonces (o, error);

    if (nonces == NULL || !step_report_read (&o->report, TRUE, &report, error) ||
        !step_boot_read (&o->boot, FALSE, &boot, error))
        return -1;
    const gboolean known = o->nonces != NULL || o->ledger != NULL;
    g_autoptr (WhyReport) why =
        step_why (&boot, &report, o->look_in, known ? nonces : NULL, error);
    return why != NULL ? say (why, common) : -1;
}

int
cmd_why (int argc, char **argv)
{
    g_auto (WhyOptions) options = { 0 };
    CommandCommon common = { 0 };
    g_autoptr (GError) error = NULL;
    int code = -1;

    if (parse (&options, &common, &argc, &argv, &error))
        code = find_cause (&options, &common, &error);
    return code < 0 ? command_fail (&common, error) : code;
}
