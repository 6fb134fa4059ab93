/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The steps of a launch whose owner and host are apart: what each of them writes for the
 * courier, and takes from him. */

#include "launcher/flow/launch-flow-private.h"

#include <stdlib.h>
#include <string.h>

#include "launcher/base/message.h"
#include "launcher/domain/domain-read.h"
#include "ovmf-hooks/secret-area.h"
#include "policy/guest-policy.h"
#include "policy/policy-error.h"
#include "sev/base/sev-bytes.h"
#include "sev/crypto/sev-digest.h"

static char *
to_base64 (GBytes *bytes)
{
    gsize len;
    const guint8 *data = g_bytes_get_data (bytes, &len);

    return g_base64_encode (data, len);
}

static gboolean
digest_of (GBytes *bytes, guint8 out[SEV_DIGEST_SIZE], GError **error)
{
    gsize len;
    const guint8 *data = g_bytes_get_data (bytes, &len);

    return sev_sha256 (data, len, out, error);
}

/* Host: the platform's certificates. */

gboolean
flow_tell (LaunchFlow *flow, GCancellable *cancellable, GError **error)
{
    g_auto (PolicyCourierPlatform) host = { 0 };

    if (!virt_read_platform (flow->connection, &flow->platform, error))
        return FALSE;
    if (flow->emulated != NULL) {
        host.cek = emulated_host_read_cert (flow->emulated, "cek", error);
        host.ask = host.cek != NULL ? emulated_host_read_cert (flow->emulated, "ask", error)
                                    : NULL;
        host.ark = host.ask != NULL ? emulated_host_read_cert (flow->emulated, "ark", error)
                                    : NULL;
        if (host.ark == NULL)
            return FALSE;
    } else if (flow->owner->cek != NULL && flow->owner->ask != NULL) {
        host.cek = g_bytes_ref (flow->owner->cek);
        host.ask = g_bytes_ref (flow->owner->ask);
        host.ark = g_bytes_ref (flow->owner->ark);
    }
    host.pdh = g_bytes_ref (flow->platform.pdh);
    host.cert_chain = g_bytes_ref (flow->platform.cert_chain);
    host.chip_id = g_strdup (flow->platform.cpu0_id);
    host.cpu = g_strdup (flow->result.cpu_model);
    g_autofree char *text = policy_courier_platform_format (&host);
    return file_writer_write (flow->owner->writer, text, error);
}

/* Owner: the session, and what is to boot. */

static gboolean
fill_bundle (const LaunchFlow *flow, PolicyCourierBundle *bundle, GError **error)
{
    const LaunchResult *result = &flow->result;
    const LaunchBoot *boot = result->boot;

    memcpy (bundle->session, policy_session_get_id (result->session),
            sizeof bundle->session);
    if (!digest_of (flow->platform.pdh, bundle->platform, error))
        return FALSE;
    bundle->name = g_strdup (result->name);
    bundle->policy = flow->owner->guest_policy;
    bundle->cert = g_bytes_ref (policy_session_get_cert (result->session));
    bundle->blob = g_bytes_ref (policy_session_get_blob (result->session));
    memcpy (bundle->firmware, boot->firmware.sha256, SEV_DIGEST_SIZE);
    bundle->uki = boot->uki != NULL;
    bundle->hashes = boot->hashes;
    bundle->cmdline = g_strdup (boot->cmdline != NULL ? boot->cmdline : "");
    bundle->vcpus = boot->vcpus;
    bundle->memory = boot->memory;
    bundle->cpu = result->es ? g_strdup (flow->options->cpu) : NULL;
    return TRUE;
}

static gboolean
fill_digests (const LaunchFlow *flow, PolicyCourierRecord *record, GError **error)
{
    g_autoptr (GArray) digests = g_array_new (FALSE, FALSE, SEV_DIGEST_SIZE);

    if (!flow_digests (flow, digests, error))
        return FALSE;
    g_return_val_if_fail (digests->len <= POLICY_COURIER_MAX_DIGESTS, FALSE);
    memcpy (record->digests, digests->data, (gsize) digests->len * SEV_DIGEST_SIZE);
    record->n_digests = digests->len;
    return TRUE;
}

static SevSecret *
copy_key (const SevSecret *key)
{
    return sev_secret_new_copy (sev_secret_data (key), sev_secret_size (key));
}

static void
keep_part (PolicyCourierPart *part, const char *path, guint64 size)
{
    part->path = g_strdup (path);
    part->size = size;
}

static void
keep_parts (const LaunchBoot *boot, PolicyCourierRecord *record)
{
    keep_part (&record->firmware, boot->firmware.path, boot->firmware.size);
    if (boot->uki != NULL)
        keep_part (&record->kernel, boot->uki->path, boot->uki->size);
    else
        keep_part (&record->kernel, boot->kernel.path, boot->kernel.size);
    keep_part (&record->initrd, boot->initrd.path, boot->initrd.size);
}

static gboolean
fill_record (const LaunchFlow *flow,
             const char *bundle,
             PolicyCourierRecord *record,
             GError **error)
{
    const LaunchResult *result = &flow->result;
    const PolicyCourierPlatform host = { .pdh = flow->platform.pdh,
                                         .cert_chain = flow->platform.cert_chain,
                                         .cek = flow->certs.cek,
                                         .ask = flow->certs.ask,
                                         .ark = flow->certs.ark };
    g_autofree char *platform = policy_courier_platform_format (&host);
    gsize room = 0;

    if (!ovmf_secret_area_limit (&result->boot->firmware_info, &room, error) ||
        !fill_digests (flow, record, error))
        return FALSE;
    memcpy (record->session, policy_session_get_id (result->session),
            sizeof record->session);
    record->tek = copy_key (policy_session_get_tek (result->session));
    record->tik = copy_key (policy_session_get_tik (result->session));
    if (flow->options->ephemeral) {
        record->key = sev_ec_key_to_pem (policy_owner_get_key (flow->owner->owner), error);
        if (record->key == NULL)
            return FALSE;
    }
    record->bundle = g_bytes_new (bundle, strlen (bundle));
    record->platform = g_bytes_new (platform, strlen (platform));
    if (flow->owner->release != NULL)
        record->release = g_strdup (policy_release_get_name (flow->owner->release));
    launch_boot_describe (result->boot, flow->options, flow->owner, &record->boot);
    keep_parts (result->boot, record);
    record->room = room;
    return TRUE;
}

gboolean
flow_pack (LaunchFlow *flow, GCancellable *cancellable, GError **error)
{
    g_auto (PolicyCourierBundle) bundle = { 0 };
    g_auto (PolicyCourierRecord) record = { 0 };
    const char *dir = policy_owner_get_dir (flow->owner->owner);

    if (!fill_bundle (flow, &bundle, error))
        return FALSE;
    g_autofree char *text = policy_courier_bundle_format (&bundle);
    if (!fill_record (flow, text, &record, error) ||
        !policy_courier_keep (dir, &record, error))
        return FALSE;
    if (file_writer_write (flow->owner->writer, text, error))
        return TRUE;
    if (!policy_courier_forget (dir, record.session, NULL))
        message_warning ("the keys of a session that nobody has are left in '%s'", dir);
    return FALSE;
}

/* Host: the launch. */

static gboolean
differs (GError **error, const char *what, const guint8 *found, const guint8 *expected)
{
    g_autofree char *have = sev_hex_encode (found, SEV_DIGEST_SIZE);
    g_autofree char *want = sev_hex_encode (expected, SEV_DIGEST_SIZE);

    if (memcmp (found, expected, SEV_DIGEST_SIZE) == 0)
        return FALSE;
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_COURIER_BOOT,
                 "what would boot is not what the bundle is for: the %s is sha256:%s, "
                 "expected sha256:%s",
                 what, have, want);
    return TRUE;
}

/* Says early what the measurement would show, before the session is used up. */
static gboolean
check_boot (const LaunchBoot *boot, const PolicyCourierBundle *bundle, GError **error)
{
    return !differs (error, "firmware", boot->firmware.sha256, bundle->firmware) &&
           !differs (error, bundle->uki ? "unified kernel image" : "kernel",
                     boot->hashes.kernel, bundle->hashes.kernel) &&
           !differs (error, "initrd", boot->hashes.initrd, bundle->hashes.initrd) &&
           !differs (error, "command line", boot->hashes.cmdline, bundle->hashes.cmdline);
}

gboolean
flow_unpack (LaunchFlow *flow, GCancellable *cancellable, GError **error)
{
    LaunchResult *result = &flow->result;
    const PolicyCourierBundle *bundle = flow->options->bundle;

    if (!flow_check_name (flow, error))
        return FALSE;
    result->boot = launch_boot_resolve (flow->options, flow->owner, cancellable, error);
    if (result->boot == NULL || !check_boot (result->boot, bundle, error))
        return FALSE;
    result->es = (bundle->policy & SEV_POLICY_ES) != 0;
    flow->dh_cert = to_base64 (bundle->cert);
    flow->launch_blob = to_base64 (bundle->blob);
    return TRUE;
}

gboolean
flow_target (LaunchFlow *flow, GCancellable *cancellable, GError **error)
{
    guint8 id[SEV_DIGEST_SIZE];

    if (!virt_read_platform (flow->connection, &flow->platform, error) ||
        !digest_of (flow->platform.pdh, id, error))
        return FALSE;
    if (memcmp (id, flow->options->bundle->platform, sizeof id) == 0)
        return TRUE;
    g_set_error_literal (error, POLICY_ERROR, POLICY_ERROR_COURIER_SESSION,
                         "the bundle is for another platform, or for this one before it "
                         "made a new PDH: send the owner a new platform file");
    return FALSE;
}

gboolean
flow_handover (LaunchFlow *flow, GCancellable *cancellable, GError **error)
{
    const QmpSevInfo *info = &flow->result.info;
    PolicyCourierMeasurement found = { .api_major = info->api_major,
                                       .api_minor = info->api_minor,
                                       .build = info->build_id,
                                       .report = flow->result.report,
                                       .attestation = flow->attestation };

    memcpy (found.session, flow->options->bundle->session, sizeof found.session);
    g_autofree char *text = policy_courier_measurement_format (&found);
    return file_writer_write (flow->owner->writer, text, error);
}

/* Owner: the verdict. */

static gboolean
verify_platform (LaunchFlow *flow, GError **error)
{
    g_auto (PolicyCourierPlatform) host = { 0 };
    gsize len;
    const char *text = g_bytes_get_data (flow->owner->record.platform, &len);

    if (!policy_courier_platform_parse (text, len, &host, error))
        return FALSE;
    flow->certs = (PolicyChainInput){ .pdh = g_steal_pointer (&host.pdh),
                                      .cert_chain = g_steal_pointer (&host.cert_chain),
                                      .cek = g_steal_pointer (&host.cek),
                                      .ask = g_steal_pointer (&host.ask),
                                      .ark = g_steal_pointer (&host.ark) };
    flow->result.chain = policy_chain_verify (
        &flow->certs, policy_owner_get_roots (flow->owner->owner), error);
    return flow->result.chain != NULL && flow_judge_chain (flow, error);
}

static void
take_found (LaunchResult *result, const PolicyCourierMeasurement *found)
{
    result->info = (QmpSevInfo){ .enabled = TRUE,
                                 .api_major = found->api_major,
                                 .api_minor = found->api_minor,
                                 .build_id = found->build,
                                 .state = QMP_SEV_STATE_LAUNCH_SECRET };
    result->has_info = TRUE;
    result->report = g_bytes_ref (found->report);
}

/* With the owner's key, or the one that was made for this launch. */
static PolicySession *
recall_session (LaunchFlow *flow, GError **error)
{
    const LaunchOwner *owner = flow->owner;
    const PolicyCourierRecord *record = &owner->record;
    const PolicyCourierBundle *bundle = flow->options->bundle;
    const SevCert *cert = policy_owner_get_cert (owner->owner);
    const SevEcKey *key = policy_owner_get_key (owner->owner);
    g_autoptr (SevEcKey) fresh = NULL;
    SevCert own;

    if (record->key != NULL) {
        gsize len;
        const guint8 *data = g_bytes_get_data (bundle->cert, &len);

        fresh = sev_ec_key_new_from_pem (sev_secret_data (record->key),
                                         sev_secret_size (record->key), error);
        if (fresh == NULL || !sev_cert_decode (data, len, &own, error))
            return NULL;
        cert = &own;
        key = fresh;
    }
    return policy_session_new_given (flow->result.chain, cert, key, bundle->blob,
                                     record->tek, record->tik, owner->guest_policy, error);
}

static void
recall_boot (LaunchFlow *flow)
{
    LaunchResult *result = &flow->result;
    const LaunchOptions *options = flow->options;

    result->es = (flow->owner->guest_policy & SEV_POLICY_ES) != 0;
    result->boot = launch_boot_recall (&flow->owner->record, options->bundle);
    if (!result->es)
        return;
    result->cpu_model = options->cpu;
    result->vcpus.count = result->boot->vcpus;
    if (options->cpu == NULL ||
        !policy_cpu_signature (options->cpu, &result->vcpus.signature))
        g_debug ("the bundle names no CPU model that is known");
}

gboolean
flow_recall (LaunchFlow *flow, GCancellable *cancellable, GError **error)
{
    LaunchResult *result = &flow->result;
    const LaunchOwner *owner = flow->owner;
    PolicyBoot seen;

    recall_boot (flow);
    policy_verdict_add_unproven_standard (result->verdict, result->es);
    policy_guest_lint (owner->guest_policy, result->verdict);
    flow_describe_boot (flow, &seen);
    launch_boot_judge_seen (&seen, owner, result->verdict);
    if (!verify_platform (flow, error))
        return FALSE;
    result->session = recall_session (flow, error);
    if (result->session == NULL)
        return FALSE;
    policy_session_judge (result->session, FALSE, result->verdict);
    take_found (result, flow->options->found);
    if (!flow_take_attestation (flow, error) || !flow_foresee (flow, error))
        return FALSE;
    return !policy_verdict_has_failed (result->verdict) ||
           launch_set_refused (result->verdict, error);
}

gboolean
flow_seal (LaunchFlow *flow, GCancellable *cancellable, GError **error)
{
    PolicyCourierPacket packet = { .report = flow->result.report };
    g_autoptr (PolicyPacket) secrets = NULL;

    if (ovmf_secret_table_count (flow->owner->table) > 0) {
        secrets = flow_make_packet (flow, error);
        if (secrets == NULL)
            return FALSE;
        packet.header = policy_packet_get_header (secrets);
        packet.data = policy_packet_get_data (secrets);
    }
    memcpy (packet.session, flow->owner->record.session, sizeof packet.session);
    flow->sealed = policy_courier_packet_format (&packet);
    return TRUE;
}

/* After the evidence: what the owner requires is there before a secret is out. */
gboolean
flow_send (LaunchFlow *flow, GCancellable *cancellable, GError **error)
{
    g_autofree char *text = g_steal_pointer (&flow->sealed);

    flow_forget (flow);
    flow_forget_keys (flow);
    flow->result.released = file_writer_write (flow->owner->writer, text, error);
    return flow->result.released;
}

void
flow_forget (LaunchFlow *flow)
{
    g_autoptr (GError) error = NULL;

    /* Once the ledger has it, its keys are of no more use to anybody but a thief. */
    if (flow->options->way == LAUNCH_WAY_JUDGE && flow->result.has_digest &&
        !policy_courier_forget (policy_owner_get_dir (flow->owner->owner),
                                flow->owner->record.session, &error))
        message_warning ("the session's keys could not be removed: %s",
                         error != NULL ? error->message : "they are gone");
}

/* Host: the packet. */

static gboolean
check_domain (const LaunchFlow *flow, GError **error)
{
    guint8 id[SEV_DIGEST_SIZE];
    char *xml = virDomainGetXMLDesc (flow->domain, VIR_DOMAIN_XML_SECURE);

    if (xml == NULL) {
        virt_set_error (error, LAUNCHER_ERROR_LIBVIRT, "the domain's XML");
        return FALSE;
    }
    g_autoptr (GBytes) blob = domain_xml_find_session (xml, error);
    free (xml);
    return blob != NULL && digest_of (blob, id, error) &&
           policy_courier_check_session (id, flow->options->packet->session, "the packet",
                                         error);
}

gboolean
flow_find (LaunchFlow *flow, GCancellable *cancellable, GError **error)
{
    g_autoptr (virDomain) domain =
        virDomainLookupByName (flow->connection, flow->result.name);

    if (domain == NULL) {
        virt_set_error (error, LAUNCHER_ERROR_DOMAIN_STATE, "the guest");
        return FALSE;
    }
    flow->domain = g_steal_pointer (&domain);
    (void) !virDomainGetUUIDString (flow->domain, flow->result.uuid);
    flow->result.created = TRUE;
    return check_domain (flow, error);
}
