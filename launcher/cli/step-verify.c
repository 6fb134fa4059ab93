/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/cli/step-verify.h"

#include <string.h>

#include "launcher/base/secret-file.h"
#include "policy/ledger-text.h"
#include "policy/ledger.h"
#include "policy/owner-file.h"
#include "policy/policy-error.h"
#include "sev/wire/sev-wire.h"

static gboolean
check (const StepBoot *boot, StepReport *report, GError **error)
{
    return policy_boot_inputs_digest (boot->inputs, boot->es ? &boot->vcpus : NULL,
                                      report->input.launch_digest, error) &&
           policy_measure_check (report->tik, boot->policy, &report->input, error);
}

/* %TRUE, or what went wrong with the first form, which is the usual one. */
static gboolean
check_forms (StepBoot *boot, StepReport *report, GError **error)
{
    g_autoptr (GError) first = NULL;

    if (!boot->any_form)
        return check (boot, report, error);
    for (guint i = 0; policy_vcpus_variant (i, &boot->vcpus); i++) {
        g_autoptr (GError) cause = NULL;

        if (check (boot, report, &cause))
            return TRUE;
        if (first == NULL)
            first = g_steal_pointer (&cause);
    }
    g_propagate_error (error, g_steal_pointer (&first));
    return policy_vcpus_variant (0, &boot->vcpus) && FALSE;
}

gboolean
step_verify (StepBoot *boot, StepReport *report, GError **error)
{
    g_autoptr (GError) first = NULL;

    if (report->has_digest)
        return policy_measure_check (report->tik, boot->policy, &report->input, error);
    if (!boot->es)
        return check (boot, report, error);
    for (guint n = boot->first; n <= boot->last; n++) {
        g_autoptr (GError) cause = NULL;

        boot->vcpus.count = n;
        if (check_forms (boot, report, &cause))
            return TRUE;
        if (first == NULL)
            first = g_steal_pointer (&cause);
    }
    boot->vcpus.count = boot->first;
    g_propagate_error (error, g_steal_pointer (&first));
    return FALSE;
}

gboolean
step_ledger_nonces (const char *option, const char *path, GArray *nonces, GError **error)
{
    static const guint8 none[POLICY_SESSION_ID_SIZE];
    g_autoptr (GError) cause = NULL;
    PolicyLedgerSeen seen;
    gsize len;

    /* A pipe in its place would be waited for. */
    if (g_file_test (path, G_FILE_TEST_EXISTS) &&
        !g_file_test (path, G_FILE_TEST_IS_REGULAR)) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_FILE, "%s '%s': is no file",
                     option, path);
        return FALSE;
    }
    g_autoptr (GBytes) content =
        policy_file_read_any (path, POLICY_LEDGER_MAX_SIZE, &cause);
    if (content == NULL) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_FILE, "%s %s", option,
                     cause->message);
        return FALSE;
    }
    const char *text = g_bytes_get_data (content, &len);
    if (!policy_ledger_scan (text, len, none, NULL, &seen, NULL)) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_FILE,
                     "%s '%s': it is no ledger, or a damaged one", option, path);
        return FALSE;
    }
    g_autoptr (GArray) found = policy_ledger_nonces (text, len);
    if (found->len > 0)
        g_array_append_vals (nonces, found->data, found->len);
    return TRUE;
}

/* The session's other key lies beside the one that was given, under a name like its own. */
static SevSecret *
other_key (const StepReport *report)
{
    if (report->tek != NULL)
        return sev_secret_ref (report->tek);
    if (report->tik_path == NULL)
        return NULL;
    g_autofree char *name = g_path_get_basename (report->tik_path);
    g_autofree char *folder = g_path_get_dirname (report->tik_path);
    char *word = strstr (name, "tik");
    const char letter = word != NULL ? 'e' : 'i';

    word = word != NULL ? word : strstr (name, "tek");
    if (word == NULL)
        return NULL;
    word[1] = letter;
    g_autofree char *path = g_build_filename (folder, name, NULL);
    return g_file_test (path, G_FILE_TEST_IS_REGULAR)
               ? secret_key_read ("--tek", path, SEV_KEY_SIZE, NULL)
               : NULL;
}

WhyReport *
step_why (const StepBoot *boot,
          const StepReport *report,
          char *const *look_in,
          const GArray *nonces,
          GError **error)
{
    PolicyMeasureInput input = report->input;
    const PolicyVcpus *vcpus = boot->es && boot->inputs != NULL ? &boot->vcpus : NULL;
    g_autoptr (SevSecret) other = other_key (report);
    const WhyQuestion question = {
        .tik = report->tik,
        .tek = other,
        .policy = boot->policy,
        .input = &input,
        .boot = boot->inputs,
        .vcpus = vcpus,
        .last_vcpus = vcpus != NULL ? boot->last : 0,
        .any_form = boot->any_form,
        .image = boot->image,
        .look_in = look_in,
        .nonces = nonces,
        .by_options = TRUE,
    };

    if (boot->inputs != NULL &&
        !policy_boot_inputs_digest (boot->inputs, vcpus, input.launch_digest, error))
        return NULL;
    return why_report_make (&question, error);
}

JsonObject *
step_verify_json (const StepBoot *boot,
                  const StepReport *report,
                  const GError *error,
                  const WhyReport *why)
{
    JsonObject *object = json_object_new ();
    JsonArray *reasons = json_array_new ();
    g_autofree char *policy = g_strdup_printf ("0x%08x", boot->policy);

    json_object_set_string_member (object, "schema", "sevlaunch.verify/1");
    json_object_set_boolean_member (object, "verified", error == NULL);
    json_object_set_string_member (object, "policy", policy);
    step_hex_json (object, "digest", report->input.launch_digest, SEV_DIGEST_SIZE);
    step_hex_json (object, "reported", report->report, SEV_MAC_SIZE);
    step_hex_json (object, "nonce", report->report + SEV_MAC_SIZE, SEV_NONCE_SIZE);
    step_boot_json (boot, object);
    if (boot->es && boot->vcpus.count > 0)
        json_object_set_int_member (object, "vcpus", boot->vcpus.count);
    if (error != NULL) {
        JsonObject *one = json_object_new ();
        g_autofree char *text = g_utf8_make_valid (error->message, -1);
        json_object_set_string_member (one, "id", launcher_reason (error).id);
        json_object_set_string_member (one, "text", text);
        json_array_add_object_element (reasons, one);
    }
    json_object_set_array_member (object, "reasons", reasons);
    if (why != NULL)
        json_object_set_object_member (object, "why", why_report_json (why));
    else
        json_object_set_null_member (object, "why");
    json_object_set_int_member (object, "exit_code",
                                error != NULL ? (gint64) launcher_reason (error).exit_code
                                              : 0);
    return object;
}
