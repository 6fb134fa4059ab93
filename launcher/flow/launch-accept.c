/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the owner's acceptance policy says of this launch. */

#include "launcher/flow/launch-flow-private.h"

/* By courier, what boots was looked at when the session was prepared; who trusts it now, is
 * asked now. */
static void
describe_kept (const LaunchOwner *owner, PolicyBoot *out)
{
    *out = owner->record.boot;
    out->firmware_pin = policy_owner_pin_of (owner->owner, owner->release, out->firmware);
}

void
flow_describe_boot (const LaunchFlow *flow, PolicyBoot *out)
{
    if (flow->options->way == LAUNCH_WAY_JUDGE)
        describe_kept (flow->owner, out);
    else
        launch_boot_describe (flow->result.boot, flow->options, flow->owner, out);
}

/* @boot, @guids: keep what @out borrows. */
static void
collect (const LaunchFlow *flow, PolicyBoot *boot, GArray *guids, PolicyFacts *out)
{
    const LaunchResult *result = &flow->result;
    const OvmfSecretTable *table = flow->owner->table;

    flow_describe_boot (flow, boot);
    for (guint i = 0; i < ovmf_secret_table_count (table); i++)
        g_array_append_vals (guids, ovmf_secret_table_get_guid (table, i), 1);
    *out = (PolicyFacts){
        .chain = result->chain,
        .has_version = result->has_info,
        .api_major = result->info.api_major,
        .api_minor = result->info.api_minor,
        .build = result->info.build_id,
        .boot = boot,
        .has_policy = TRUE,
        .guest_policy = flow->owner->guest_policy,
        .judged_on = policy_verdict_get_judged_on (result->verdict),
        .secrets = (const SevGuid *) guids->data,
        .n_secrets = guids->len,
    };
}

gboolean
flow_foresee (LaunchFlow *flow, GError **error)
{
    g_autoptr (GArray) guids = g_array_new (FALSE, FALSE, sizeof (SevGuid));
    PolicyBoot boot;
    PolicyFacts facts;

    collect (flow, &boot, guids, &facts);
    (void) policy_acceptance_foresee (flow->owner->acceptance, &facts,
                                      flow->result.verdict);
    return !policy_verdict_has_failed (flow->result.verdict) ||
           launch_set_refused (flow->result.verdict, error);
}

void
flow_accept (LaunchFlow *flow)
{
    g_autoptr (GArray) guids = g_array_new (FALSE, FALSE, sizeof (SevGuid));
    PolicyBoot boot;
    PolicyFacts facts;

    collect (flow, &boot, guids, &facts);
    (void) policy_acceptance_judge (flow->owner->acceptance, &facts, flow->result.verdict);
}
