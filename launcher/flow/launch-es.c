/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the platform must have: SEV-ES, whose processors are measured too, and an API. */

#include "launcher/flow/launch-flow-private.h"

#include <string.h>

#include "launcher/base/message.h"
#include "launcher/host/sev-hardware.h"
#include "policy/guest-policy.h"
#include "policy/policy-error.h"

static gboolean
set_digest (LaunchFlow *flow, GError **error)
{
    LaunchResult *result = &flow->result;

    result->has_digest =
        launch_boot_digest (result->boot, &result->vcpus, result->launch_digest, error);
    return result->has_digest;
}

/* @text: libvirt's name of a model, or its numbers */
static gboolean
parse_cpu (const char *text, guint32 *signature, GError **error)
{
    g_autofree char *problem = NULL;

    if (policy_cpu_signature_parse (text, signature, &problem))
        return TRUE;
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE, "--cpu: %s", problem);
    return FALSE;
}

gboolean
flow_expect_vcpus (LaunchFlow *flow, GError **error)
{
    LaunchResult *result = &flow->result;

    result->vcpus.count = result->boot->vcpus;
    result->vcpus.reset_addr = result->boot->firmware_info.es_reset_addr;
    if (flow->options->cpu != NULL) {
        if (!parse_cpu (flow->options->cpu, &result->vcpus.signature, error))
            return FALSE;
    } else if (!policy_cpu_signature (result->cpu_model, &result->vcpus.signature)) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_INTERNAL,
                     "the signature of CPU model '%s' is not known", result->cpu_model);
        return FALSE;
    }
    return policy_vcpus_variant (0, &result->vcpus) && set_digest (flow, error);
}

static gboolean
unusable (const char *why, GError **error)
{
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_SEV_UNUSABLE,
                 "the guest policy asks for SEV-ES, but %s", why);
    return FALSE;
}

/* Of an emulated host behind --connect nothing is known; its sev-qemu refuses as QEMU. */
gboolean
flow_require_es (LaunchFlow *flow, GError **error)
{
    const gboolean elsewhere = flow->options->way != LAUNCH_WAY_RUN || flow->owner->remote;

    if (policy_chain_get_kind (flow->result.chain) == POLICY_PLATFORM_SEV) {
        if (!elsewhere && !sev_hardware_has_es (""))
            return unusable (
                "the kernel module kvm_amd has SEV-ES switched off (load it "
                "with sev_es=1; the firmware setup must leave ASIDs to SEV-ES)",
                error);
        return TRUE;
    }
    policy_verdict_add_unproven (flow->result.verdict,
                                 "vCPU registers (the EMULATED host measures their first "
                                 "values and encrypts none)");
    if (flow->emulated == NULL || elsewhere)
        return TRUE;
    g_autoptr (EmulatedPlatform) platform = emulated_host_platform (flow->emulated, error);
    if (platform == NULL)
        return FALSE;
    return platform->es || unusable ("the EMULATED platform is without it", error);
}

static gboolean
api_too_old (guint32 policy, guint8 major, guint8 minor, GError **error)
{
    guint8 least_major, least_minor;

    policy_guest_min_api (policy, &least_major, &least_minor);
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_API_TOO_OLD,
                 "guest policy requires firmware API %u.%u, the platform has %u.%u",
                 least_major, least_minor, major, minor);
    return FALSE;
}

/* The PEK tells the version of the firmware that made it, which may have been updated
 * since. Only an emulated host here can be asked for the present one before there is a
 * guest; that costs a process, so it is asked only where the PEK's is too old. */
gboolean
flow_require_api (LaunchFlow *flow, GError **error)
{
    const gboolean elsewhere = flow->options->way != LAUNCH_WAY_RUN || flow->owner->remote;
    const guint32 policy = flow->owner->guest_policy;
    guint8 least_major, least_minor, major, minor;

    policy_chain_get_pek_api (flow->result.chain, &major, &minor);
    if (policy_guest_allows_api (policy, major, minor))
        return TRUE;
    if (flow->emulated != NULL && !elsewhere) {
        g_autoptr (EmulatedPlatform) platform =
            emulated_host_platform (flow->emulated, error);

        return platform != NULL &&
               (policy_guest_allows_api (policy, (guint8) platform->api_major,
                                         (guint8) platform->api_minor) ||
                api_too_old (policy, (guint8) platform->api_major,
                             (guint8) platform->api_minor, error));
    }
    policy_guest_min_api (policy, &least_major, &least_minor);
    message_warning ("guest policy requires firmware API %u.%u, and the platform's PEK was "
                     "made by %u.%u: if its firmware was not updated since, it refuses the "
                     "guest",
                     least_major, least_minor, major, minor);
    return TRUE;
}

gboolean
flow_digests (const LaunchFlow *flow, GArray *out, GError **error)
{
    const LaunchResult *result = &flow->result;
    const PolicyCourierRecord *record = &flow->owner->record;
    PolicyVcpus vcpus = result->vcpus;
    guint8 digest[SEV_DIGEST_SIZE];

    if (flow->options->way == LAUNCH_WAY_JUDGE) {
        g_array_append_vals (out, record->digests, record->n_digests);
        return TRUE;
    }
    if (!result->es) {
        g_array_append_val (out, result->launch_digest);
        return TRUE;
    }
    for (guint i = 0; policy_vcpus_variant (i, &vcpus); i++) {
        if (!launch_boot_digest (result->boot, &vcpus, digest, error))
            return FALSE;
        g_array_append_val (out, digest);
    }
    return TRUE;
}
