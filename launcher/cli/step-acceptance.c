/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/cli/step-acceptance.h"

#include <string.h>

#include "policy/policy-error.h"

static void
describe (const StepBoot *boot, PolicyBoot *out)
{
    const PolicyBootInputs *inputs = boot->inputs;

    memcpy (out->firmware, inputs->firmware.sha256, SEV_DIGEST_SIZE);
    out->firmware_pin = POLICY_FIRMWARE_UNKNOWN;
    out->measured = inputs->kernel_hashes;
    memcpy (out->kernel, inputs->hashes.kernel, SEV_DIGEST_SIZE);
    memcpy (out->initrd, inputs->hashes.initrd, SEV_DIGEST_SIZE);
    memcpy (out->cmdline, inputs->hashes.cmdline, SEV_DIGEST_SIZE);
    out->es = boot->es;
    out->vcpus = boot->es ? boot->vcpus.count : 0;
}

/* A kernel alone can be a unified kernel image or a plain kernel.  It is measured in the
 * same way, and `run` takes it as either. */
static gboolean
can_be_uki (const PolicyBootInputs *inputs)
{
    return inputs->kernel_hashes && inputs->initrd.name == NULL &&
           (inputs->cmdline == NULL || *inputs->cmdline == '\0');
}

/* Whether @acceptance takes @boot as it is described.  Nothing else may count: another
 * demand that is not met would be given a reason about the kind of kernel besides. */
static gboolean
accepts_boot (const PolicyAcceptance *acceptance, const PolicyBoot *boot)
{
    const PolicyFacts facts = { .boot = boot };
    g_autoptr (PolicyVerdict) scratch = policy_verdict_new ();

    if (policy_acceptance_foresee (acceptance, &facts, scratch))
        return TRUE;
    const GPtrArray *reasons = policy_verdict_get_reasons (scratch);
    for (guint i = 0; i < reasons->len; i++) {
        const PolicyReason *reason = g_ptr_array_index (reasons, i);
        if (strcmp (reason->id, "acceptance-boot") == 0)
            return FALSE;
    }
    return TRUE;
}

/* @described: keeps what @out borrows. */
static void
collect (const StepBoot *boot,
         const StepReport *report,
         const PolicyAcceptance *acceptance,
         PolicyBoot *described,
         PolicyFacts *out)
{
    out->has_version = TRUE;
    out->api_major = report->input.api_major;
    out->api_minor = report->input.api_minor;
    out->build = report->input.build;
    out->has_policy = TRUE;
    out->guest_policy = boot->policy;
    if (boot->inputs == NULL)
        return;
    describe (boot, described);
    out->boot = described;
    if (!can_be_uki (boot->inputs) || accepts_boot (acceptance, described))
        return;
    described->uki = policy_acceptance_takes_uki (acceptance);
}

gboolean
step_acceptance (const char *path,
                 const StepBoot *boot,
                 const StepReport *report,
                 PolicyVerdict *verdict,
                 GError **error)
{
    PolicyBoot described = { 0 };
    PolicyFacts facts = { 0 };

    g_autoptr (PolicyAcceptance) acceptance = policy_acceptance_load (path, error);
    if (acceptance == NULL)
        return FALSE;
    collect (boot, report, acceptance, &described, &facts);
    policy_acceptance_add_open (acceptance, &facts, verdict);
    if (policy_acceptance_foresee (acceptance, &facts, verdict))
        return TRUE;
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_NOT_ACCEPTED,
                 "the measurement verifies, but not the acceptance policy '%s'", path);
    return FALSE;
}

gboolean
step_acceptance_release (const PolicyAcceptance *acceptance,
                         const StepBoot *boot,
                         const StepReport *report,
                         const PolicyOwner *owner,
                         const OvmfSecretTable *table,
                         PolicyVerdict *verdict,
                         GError **error)
{
    g_autoptr (GArray) guids = g_array_new (FALSE, FALSE, sizeof (SevGuid));
    PolicyBoot described = { 0 };
    PolicyFacts facts = { 0 };

    for (guint i = 0; i < ovmf_secret_table_count (table); i++)
        g_array_append_vals (guids, ovmf_secret_table_get_guid (table, i), 1);
    facts.secrets = (const SevGuid *) guids->data;
    facts.n_secrets = guids->len;
    if (report != NULL)
        collect (boot, report, acceptance, &described, &facts);
    if (owner != NULL)
        described.firmware_pin = policy_owner_pin_of (owner, NULL, described.firmware);
    policy_acceptance_add_open (acceptance, &facts, verdict);
    if (policy_acceptance_judge_step (acceptance, &facts, verdict))
        return TRUE;
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_NOT_ACCEPTED,
                 "the acceptance policy '%s' does not let these secrets go",
                 policy_acceptance_get_source (acceptance));
    return FALSE;
}

JsonArray *
step_unproven_json (const PolicyVerdict *verdict)
{
    const GPtrArray *open = policy_verdict_get_unproven (verdict);
    JsonArray *array = json_array_new ();

    for (guint i = 0; i < open->len; i++)
        json_array_add_string_element (array, g_ptr_array_index (open, i));
    return array;
}

JsonArray *
step_reasons_json (const PolicyVerdict *verdict)
{
    const GPtrArray *reasons = policy_verdict_get_reasons (verdict);
    JsonArray *array = json_array_new ();

    for (guint i = 0; i < reasons->len; i++) {
        const PolicyReason *reason = g_ptr_array_index (reasons, i);
        g_autofree char *text = g_utf8_make_valid (reason->text, -1);
        JsonObject *one = json_object_new ();

        json_object_set_string_member (one, "id", reason->id);
        json_object_set_string_member (one, "text", text);
        json_array_add_object_element (array, one);
    }
    return array;
}
