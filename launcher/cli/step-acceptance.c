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

static gboolean
accepts_plain_kernel (const PolicyAcceptance *acceptance, const PolicyFacts *facts)
{
    g_autoptr (PolicyVerdict) scratch = policy_verdict_new ();

    return policy_acceptance_foresee (acceptance, facts, scratch);
}

gboolean
step_acceptance (const char *path,
                 const StepBoot *boot,
                 const StepReport *report,
                 PolicyVerdict *verdict,
                 GError **error)
{
    PolicyBoot described = { 0 };
    PolicyFacts facts = {
        .has_version = TRUE,
        .api_major = report->input.api_major,
        .api_minor = report->input.api_minor,
        .build = report->input.build,
        .has_policy = TRUE,
        .guest_policy = boot->policy,
    };

    g_autoptr (PolicyAcceptance) acceptance = policy_acceptance_load (path, error);
    if (acceptance == NULL)
        return FALSE;
    if (boot->inputs != NULL) {
        describe (boot, &described);
        facts.boot = &described;
        described.uki =
            can_be_uki (boot->inputs) && !accepts_plain_kernel (acceptance, &facts);
    }
    if (policy_acceptance_foresee (acceptance, &facts, verdict))
        return TRUE;
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_NOT_ACCEPTED,
                 "the measurement verifies, but not the acceptance policy '%s'", path);
    return FALSE;
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
