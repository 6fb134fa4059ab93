/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a real platform does not have of its chain: the CEK's signature, ASK and ARK. */

#include "config.h"

#include "launcher/fetch/kds.h"
#include "launcher/flow/launch-flow-private.h"

static GBytes *
dup_cert (const PolicyPlatformCerts *certs, PolicyCertKind kind)
{
    return certs->cert[kind] != NULL ? g_bytes_ref (certs->cert[kind]) : NULL;
}

/* What the platform and the owner gave; %FALSE if it does not go together, which the
 * chain's verdict tells better. */
static gboolean
collect (const LaunchOwner *owner, const VirtPlatform *platform, PolicyPlatformCerts *out)
{
    if (owner->ask != NULL) {
        out->cert[POLICY_CERT_ASK] = g_bytes_ref (owner->ask);
        out->cert[POLICY_CERT_ARK] = g_bytes_ref (owner->ark);
    }
    return policy_platform_certs_add (out, platform->pdh, "PDH", NULL) &&
           policy_platform_certs_add (out, platform->cert_chain, "chain", NULL) &&
           (owner->cek == NULL ||
            (policy_platform_certs_add (out, owner->cek, "--cek", NULL) &&
             out->cert[POLICY_CERT_CEK] != NULL &&
             g_bytes_equal (out->cert[POLICY_CERT_CEK], owner->cek)));
}

gboolean
flow_take_amd_certs (LaunchFlow *flow,
                     const VirtPlatform *platform,
                     GCancellable *cancellable,
                     GBytes **cek,
                     GBytes **ask,
                     GBytes **ark,
                     GError **error)
{
    const LaunchOwner *owner = flow->owner;
    const PolicyRoots *roots =
        owner->sev_wanted ? NULL : policy_owner_get_roots (owner->owner);
    g_auto (PolicyPlatformCerts) certs = { 0 };
    const gboolean usual = collect (owner, platform, &certs);

    if (usual && !kds_complete (&flow->options->kds, &certs, platform->cpu0_id, roots,
                                cancellable, error))
        return FALSE;
    *cek = !usual && owner->cek != NULL ? g_bytes_ref (owner->cek)
                                        : dup_cert (&certs, POLICY_CERT_CEK);
    *ask = dup_cert (&certs, POLICY_CERT_ASK);
    *ark = dup_cert (&certs, POLICY_CERT_ARK);
    return TRUE;
}
