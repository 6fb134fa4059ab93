/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A measurement that is not the expected one: the refusal stands, this says what happened.
 */

#include "launcher/flow/launch-flow-private.h"

#include "launcher/base/message.h"
#include "launcher/steps/why-report.h"
#include "policy/attest/boot-inputs.h"

static PolicyBootInputs *
expected_inputs (const LaunchBoot *boot, GError **error)
{
    gsize len;
    const guint8 *image = g_bytes_get_data (boot->firmware_image, &len);
    g_autoptr (PolicyBootInputs) inputs =
        policy_boot_inputs_new (boot->firmware.path, image, len, error);
    PolicyBootPart kernel = { 0 };
    PolicyBootPart initrd = { 0 };
    gboolean ok = inputs != NULL;

    if (ok && boot->measured) {
        const gboolean has_initrd = boot->initrd.path != NULL;

        if (boot->uki != NULL)
            policy_boot_part_set (&kernel, boot->uki->path, boot->uki->size,
                                  boot->uki->sha256);
        else
            policy_boot_part_set (&kernel, boot->kernel.path, boot->kernel.size,
                                  boot->kernel.sha256);
        if (has_initrd)
            policy_boot_part_set (&initrd, boot->initrd.path, boot->initrd.size,
                                  boot->initrd.sha256);
        ok = policy_boot_inputs_set_kernel (inputs, &kernel, has_initrd ? &initrd : NULL,
                                            boot->cmdline, error);
        policy_boot_part_clear (&kernel);
        policy_boot_part_clear (&initrd);
    }
    return ok ? g_steal_pointer (&inputs) : NULL;
}

static WhyReport *
find_cause (LaunchFlow *flow, const PolicyMeasureInput *input, GError **error)
{
    LaunchResult *result = &flow->result;

    if (!launch_boot_recall_firmware (result->boot, error))
        return NULL;
    if (result->es)
        result->vcpus.reset_addr = result->boot->firmware_info.es_reset_addr;
    g_autoptr (PolicyBootInputs) inputs = expected_inputs (result->boot, error);
    g_autoptr (GArray) nonces = policy_ledger_get_nonces (
        policy_owner_get_ledger (flow->owner->owner), inputs != NULL ? error : NULL);
    const WhyQuestion question = {
        .tik = policy_session_get_tik (result->session),
        .tek = policy_session_get_tek (result->session),
        .policy = policy_session_get_policy (result->session),
        .input = input,
        .boot = inputs,
        .vcpus = result->es ? &result->vcpus : NULL,
        .any_form = TRUE, /* as flow_digests() */
        .image = result->boot->firmware_image,
        .nonces = nonces,
    };

    return inputs != NULL && nonces != NULL ? why_report_make (&question, error) : NULL;
}

void
flow_explain (LaunchFlow *flow, const PolicyMeasureInput *input)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (WhyReport) why = find_cause (flow, input, &error);

    if (why == NULL) {
        message_info ("why: not looked for: %s", error->message);
        return;
    }
    g_auto (GStrv) lines = why_report_lines (why);
    for (char **i = lines; *i != NULL; i++)
        message_info ("why: %s", *i);
    flow->result.why = why_report_json (why);
}
