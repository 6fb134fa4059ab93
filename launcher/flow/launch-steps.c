/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The steps of a launch that block. */

#include "launcher/flow/launch-flow-private.h"

#include <stdlib.h>
#include <string.h>

#include "launcher/base/message.h"
#include "launcher/domain/domain-read.h"
#include "ovmf-hooks/ovmf-error.h"
#include "ovmf-hooks/secret-area.h"
#include "policy/guest-policy.h"
#include "policy/policy-error.h"
#include "sev/wire/sev-cert-wire.h"

#define SUCCESSOR_TRIES 20u
#define SUCCESSOR_PAUSE_US 250000u

SevSecret *
flow_build_table (const LaunchFlow *flow, gsize *limit, GError **error)
{
    g_autoptr (GError) cause = NULL;
    gsize room = 0;

    if (flow->options->way == LAUNCH_WAY_JUDGE)
        room = flow->owner->record.room;
    else if (!ovmf_secret_area_limit (&flow->result.boot->firmware_info, &room, error))
        return NULL;
    if (limit != NULL)
        *limit = room;
    SevSecret *table = ovmf_secret_table_build (flow->owner->table, room, &cause);
    if (g_error_matches (cause, OVMF_ERROR, OVMF_ERROR_TOO_LARGE))
        g_set_error_literal (error, POLICY_ERROR, POLICY_ERROR_SECRET_TOO_LARGE,
                             cause->message);
    else if (cause != NULL)
        g_propagate_error (error, g_steal_pointer (&cause));
    return table;
}

/* Before there is a guest, and a session that is used up with it. */
static gboolean
secrets_fit (const LaunchFlow *flow, GError **error)
{
    if (ovmf_secret_table_count (flow->owner->table) == 0)
        return TRUE;
    g_autoptr (SevSecret) table = flow_build_table (flow, NULL, error);
    return table != NULL;
}

gboolean
flow_check_name (const LaunchFlow *flow, GError **error)
{
    if (domain_name_is_valid (flow->result.name))
        return TRUE;
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                 "'%s' is no name for a guest: letters, digits and ._+-, at most 64",
                 flow->result.name);
    return FALSE;
}

gboolean
flow_image (LaunchFlow *flow, GCancellable *cancellable, GError **error)
{
    LaunchResult *result = &flow->result;

    if (!flow_check_name (flow, error))
        return FALSE;
    result->boot = launch_boot_resolve (flow->options, flow->owner, cancellable, error);
    if (result->boot == NULL)
        return FALSE;
    launch_boot_judge (result->boot, flow->options, flow->owner, result->verdict);
    result->es = (flow->owner->guest_policy & SEV_POLICY_ES) != 0;
    policy_verdict_add_unproven_standard (result->verdict, result->es);
    policy_guest_lint (flow->owner->guest_policy, result->verdict);
    if (!flow_foresee (flow, error) || !secrets_fit (flow, error))
        return FALSE;
    /* Which processors there are depends on the host, where it chooses. */
    if (result->es)
        return flow->options->cpu == NULL || flow_expect_vcpus (flow, error);
    result->has_digest =
        launch_boot_digest (result->boot, NULL, result->launch_digest, error);
    return result->has_digest;
}

static gboolean
start_emulated (LaunchFlow *flow, GCancellable *cancellable, GError **error)
{
    gboolean created = FALSE;

    flow->emulated = emulated_host_ensure (flow->owner->emulated_path, NULL, &created,
                                           cancellable, error);
    if (flow->emulated == NULL)
        return FALSE;
    if (created)
        message_info ("made a new EMULATED host in '%s'",
                      emulated_host_get_path (flow->emulated));
    flow->result.kvm = emulated_host_uses_kvm (flow->emulated);
    flow->result.uri = g_strdup (emulated_host_get_uri (flow->emulated));
    return emulated_host_start_libvirt (flow->emulated, cancellable, error);
}

/* A longer way to this machine is no owner's machine. */
static void
look_at_remote (LaunchFlow *flow)
{
    const char *uri = flow->owner->uri;

    flow->result.kvm = virt_has_kvm (flow->connection);
    flow->leads_back = virt_uri_leads_back (uri);
    if (flow->leads_back || !virt_is_this_machine (flow->connection))
        return;
    flow->leads_back = TRUE;
    message_warning ("the host at '%s' has the name or UUID of this machine: the verdict "
                     "counts as judged there, not on the owner's machine",
                     uri);
}

/* An existing domain was asked for before; it may have been started since. */
static gboolean
check_name (LaunchFlow *flow, GError **error)
{
    const DomainCopy *existing = flow->owner->existing;
    const char *name = flow->result.name;
    g_autoptr (virDomain) domain = NULL;

    if (flow->options->way == LAUNCH_WAY_INJECT)
        return TRUE;
    if (existing == NULL)
        return virt_check_name_free (flow->connection, name, error);
    return virt_find_startable (flow->connection, name,
                                domain_copy_get_facts (existing)->uuid, &domain, error);
}

gboolean
flow_host (LaunchFlow *flow, GCancellable *cancellable, GError **error)
{
    LaunchResult *result = &flow->result;

    if (flow->owner->place == LAUNCH_PLACE_EMULATED) {
        if (!start_emulated (flow, cancellable, error))
            return FALSE;
    } else {
        result->uri = g_strdup (flow->owner->uri);
        result->kvm = TRUE;
    }
    result->cpu_model = flow->options->cpu != NULL              ? flow->options->cpu
                        : flow->emulated != NULL && result->kvm ? "Westmere"
                                                                : "EPYC";
    if (result->es && !flow_expect_vcpus (flow, error))
        return FALSE;
    flow->connection = virt_open (result->uri, error);
    if (flow->connection != NULL && flow->owner->remote)
        look_at_remote (flow);
    return flow->connection != NULL && check_name (flow, error);
}

/* Platform. */

/* --platform emulated on the command line trusts this host for this launch. */
static gboolean
trust_for_now (LaunchFlow *flow, GBytes *ark, GError **error)
{
    PolicyRoots *roots = policy_owner_get_roots (flow->owner->owner);
    PolicyFingerprint fingerprint;
    SevAmdCert cert;
    gsize len;
    const guint8 *data = g_bytes_get_data (ark, &len);

    if (!flow->owner->emulated_wanted || !sev_amd_cert_decode (data, len, &cert, NULL) ||
        !policy_key_id_is_emulated (cert.key_id))
        return TRUE;
    if (!policy_root_fingerprint (&cert, &fingerprint, error))
        return FALSE;
    if (!policy_roots_contains (roots, &fingerprint)) {
        policy_roots_add (roots, &fingerprint);
        policy_verdict_add_unproven (
            flow->result.verdict,
            "which emulated platform this is: its root is not in trusted-roots, "
            "--platform emulated accepted it for this launch");
    }
    return TRUE;
}

static gboolean
read_emulated_certs (LaunchFlow *flow,
                     GBytes **cek,
                     GBytes **ask,
                     GBytes **ark,
                     GError **error)
{
    /* Of a guest without libvirt it is only known which host it is in. */
    if (flow->emulated == NULL)
        flow->emulated = emulated_host_open (flow->owner->emulated_path, error);
    if (flow->emulated == NULL)
        return FALSE;
    *cek = emulated_host_read_cert (flow->emulated, "cek", error);
    *ask = *cek != NULL ? emulated_host_read_cert (flow->emulated, "ask", error) : NULL;
    *ark = *ask != NULL ? emulated_host_read_cert (flow->emulated, "ark", error) : NULL;
    return *ark != NULL && trust_for_now (flow, *ark, error);
}

PolicyJudgedOn
flow_judged_on (const LaunchFlow *flow)
{
    const PolicyChain *chain = flow->result.chain;
    const gboolean known = chain != NULL && policy_chain_is_verified (chain);

    if (flow->options->way == LAUNCH_WAY_PREPARE ||
        flow->options->way == LAUNCH_WAY_JUDGE ||
        (flow->owner->remote && flow->connection != NULL && !flow->leads_back))
        return POLICY_JUDGED_OWNER_MACHINE;
    /* Whether it leads back to this machine is not known yet. */
    if (flow->owner->remote && flow->connection == NULL)
        return POLICY_JUDGED_NOWHERE;
    if (known ? policy_chain_get_kind (chain) == POLICY_PLATFORM_EMULATED
              : flow->owner->place == LAUNCH_PLACE_EMULATED)
        return POLICY_JUDGED_EMULATED_HOST;
    return POLICY_JUDGED_HYPERVISOR;
}

static gboolean
require_chain (LaunchFlow *flow, GError **error)
{
    g_autoptr (GError) cause = NULL;

    policy_chain_judge (flow->result.chain, flow->result.verdict);
    if (policy_chain_require (flow->result.chain, &cause))
        return TRUE;
    if (flow->owner->place == LAUNCH_PLACE_EMULATED &&
        g_error_matches (cause, POLICY_ERROR, POLICY_ERROR_CHAIN_ROOT_UNTRUSTED))
        message_info ("to trust this EMULATED host: sevlaunch emulator trust --owner %s",
                      policy_owner_get_dir (flow->owner->owner));
    g_propagate_error (error, g_steal_pointer (&cause));
    return FALSE;
}

gboolean
flow_judge_chain (LaunchFlow *flow, GError **error)
{
    if (!require_chain (flow, error) ||
        (flow->result.es && !flow_require_es (flow, error)) ||
        !flow_require_api (flow, error))
        return FALSE;
    policy_verdict_set_judged_on (flow->result.verdict, flow_judged_on (flow));
    if (flow->owner->remote && !flow->leads_back)
        policy_verdict_add_unproven (flow->result.verdict,
                                     "that the host is another machine than the one where "
                                     "it is judged: only the host's name and UUID say so");
    return TRUE;
}

gboolean
flow_platform (LaunchFlow *flow, GCancellable *cancellable, GError **error)
{
    VirtPlatform *platform = &flow->platform;

    if (platform->pdh == NULL && !virt_read_platform (flow->connection, platform, error))
        return FALSE;
    if (flow->owner->place == LAUNCH_PLACE_EMULATED
            ? !read_emulated_certs (flow, &flow->certs.cek, &flow->certs.ask,
                                    &flow->certs.ark, error)
            : !flow_take_amd_certs (flow, platform, cancellable, &flow->certs.cek,
                                    &flow->certs.ask, &flow->certs.ark, error))
        return FALSE;
    flow->certs.pdh = g_bytes_ref (platform->pdh);
    flow->certs.cert_chain = g_bytes_ref (platform->cert_chain);
    const PolicyRoots *roots =
        flow->owner->sev_wanted ? NULL : policy_owner_get_roots (flow->owner->owner);
    flow->result.chain = policy_chain_verify (&flow->certs, roots, error);
    return flow->result.chain != NULL && flow_judge_chain (flow, error) &&
           flow_foresee (flow, error);
}

/* Session and XML. */

static PolicySession *
make_session (LaunchFlow *flow, GError **error)
{
    const LaunchOwner *owner = flow->owner;
    const SevCert *cert = policy_owner_get_cert (owner->owner);

    if (owner->session == NULL)
        return policy_session_new (flow->result.chain, cert,
                                   policy_owner_get_key (owner->owner), owner->guest_policy,
                                   error);
    return policy_session_new_given (flow->result.chain, cert,
                                     policy_owner_get_key (owner->owner), owner->session,
                                     owner->tek, owner->tik, owner->guest_policy, error);
}

/* The image's files, as they are called where the guest is. */
static gboolean
take_layers (const LaunchFlow *flow, DomainDiskLayer **out, guint *n, GError **error)
{
    const LaunchOptions *options = flow->options;
    const ImageInfo *image = flow->result.boot->image;
    const gboolean remote = flow->owner->remote;

    if (remote && image != NULL && image_info_get_n_layers (image) > 1) {
        g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                             "--image-copy has a backing file: where it is on the host is "
                             "not known; flatten the image");
        return FALSE;
    }
    *n = options->image == NULL ? 0 : remote ? 1 : image_info_get_n_layers (image);
    *out = g_new0 (DomainDiskLayer, *n);
    for (guint i = 0; i < *n; i++) {
        (*out)[i].path = options->image;
        (*out)[i].format = options->format;
        if (image == NULL)
            continue;
        const ImageLayer *layer = image_info_get_layer (image, i);
        (*out)[i].path = remote ? options->image : layer->path;
        (*out)[i].format = image_format_to_string (layer->format);
    }
    return TRUE;
}

static gboolean
take_version (const LaunchFlow *flow, gulong *version, GError **error)
{
    if (virConnectGetLibVersion (flow->connection, version) == 0)
        return TRUE;
    virt_set_error (error, LAUNCHER_ERROR_LIBVIRT, "libvirt's version");
    return FALSE;
}

/* Of QEMU on a real host; session mode has no say in it. */
static gboolean
locks_memory (const LaunchFlow *flow)
{
    return flow->emulated == NULL && g_str_has_suffix (flow->result.uri, "/system");
}

static char *
build_copy (LaunchFlow *flow, GError **error)
{
    const LaunchBoot *boot = flow->result.boot;
    const gboolean emulated = flow->emulated != NULL;
    g_autofree DomainDiskLayer *layers = NULL;
    DomainEdit edit = {
        .uuid = flow->result.uuid,
        .type = !emulated          ? NULL
                : flow->result.kvm ? "kvm"
                                   : "qemu",
        .emulator = emulated ? emulated_host_get_emulator (flow->emulated) : NULL,
        .kernel = boot->kernel.path,
        .initrd = boot->initrd.path,
        .cmdline = boot->cmdline,
        .locked_memory = locks_memory (flow),
        .policy = flow->owner->guest_policy,
        .dh_cert = flow->dh_cert,
        .session = flow->launch_blob,
        .kernel_hashes = boot->measured,
    };

    if (!take_layers (flow, &layers, &edit.n_disk, error) ||
        !take_version (flow, &edit.libvirt_version, error))
        return NULL;
    edit.disk = layers;
    return domain_copy_build (flow->owner->existing, &edit, error);
}

static char *
build_xml (LaunchFlow *flow, GError **error)
{
    const LaunchBoot *boot = flow->result.boot;
    const LaunchOptions *options = flow->options;
    const gboolean remote = flow->owner->remote;
    g_autofree DomainDiskLayer *layers = NULL;
    g_autofree char *network_name = NULL;
    const char *network = flow->options->network;
    DomainConfig config = {
        .name = flow->result.name,
        .uuid = flow->result.uuid,
        .kvm = flow->result.kvm,
        .emulator =
            flow->emulated != NULL ? emulated_host_get_emulator (flow->emulated) : NULL,
        .memory_mib = boot->memory,
        .vcpus = boot->vcpus,
        .cpu_model = flow->result.cpu_model,
        .firmware =
            options->host_firmware != NULL ? options->host_firmware : boot->firmware.path,
        .kernel = remote ? options->host_kernel : boot->kernel.path,
        .initrd = remote ? options->host_initrd : boot->initrd.path,
        .cmdline = boot->cmdline,
        .policy = flow->owner->guest_policy,
        .dh_cert = flow->dh_cert,
        .session = flow->launch_blob,
        .kernel_hashes = boot->measured,
        .locked_memory = locks_memory (flow),
    };

    if (!domain_network_parse (network != NULL ? network : "user", &config.network,
                               &network_name, error) ||
        !take_layers (flow, &layers, &config.n_disk, error) ||
        !take_version (flow, &config.libvirt_version, error))
        return NULL;
    config.network_name = network_name;
    config.disk = layers;
    return domain_xml_build (&config, error);
}

gboolean
flow_session (LaunchFlow *flow, GCancellable *cancellable, GError **error)
{
    LaunchResult *result = &flow->result;

    result->session = make_session (flow, error);
    if (result->session == NULL)
        return FALSE;
    if (!policy_ledger_check_session (policy_owner_get_ledger (flow->owner->owner),
                                      policy_session_get_id (result->session), error))
        return FALSE;
    policy_session_judge (result->session, flow->options->allow_unbound_session,
                          result->verdict);
    flow->dh_cert = policy_session_dup_cert_base64 (result->session);
    flow->launch_blob = policy_session_dup_blob_base64 (result->session);
    return TRUE;
}

gboolean
flow_define (LaunchFlow *flow, GCancellable *cancellable, GError **error)
{
    LaunchResult *result = &flow->result;
    const DomainCopy *existing = flow->owner->existing;
    const DomainFacts *facts = existing != NULL ? domain_copy_get_facts (existing) : NULL;
    g_autofree char *dir = NULL;

    if (flow->emulated != NULL)
        dir = g_build_filename (emulated_host_get_path (flow->emulated), "rt", NULL);
    if (!flow->owner->remote && (facts == NULL || facts->kernel == NULL) &&
        !launch_boot_place (result->boot, dir, error))
        return FALSE;
    if (facts != NULL && !facts->console && flow_watches (flow)) {
        g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_DOMAIN_UNFIT,
                             "nobody could read whether the guest unlocked its disk: the "
                             "domain's first console is of no type='pty' (change it, or "
                             "say --wait 0)");
        return FALSE;
    }
    g_autofree char *uuid = g_uuid_string_random ();
    g_strlcpy (result->uuid, facts != NULL && facts->uuid != NULL ? facts->uuid : uuid,
               sizeof result->uuid);
    result->xml = facts != NULL ? build_copy (flow, error) : build_xml (flow, error);
    if (flow->options->print_xml || flow->options->dry_run)
        launch_boot_remove (result->boot);
    return result->xml != NULL;
}

gboolean
flow_create (LaunchFlow *flow, GCancellable *cancellable, GError **error)
{
    flow->domain = virt_create_paused (flow->connection, flow->result.xml, error);
    /* Read once by QEMU, or by nobody. */
    launch_boot_remove (flow->result.boot);
    if (flow->domain == NULL)
        return FALSE;
    flow->result.created = TRUE;
    return TRUE;
}

/* Verdict. */

gboolean
flow_verify (LaunchFlow *flow, GCancellable *cancellable, GError **error)
{
    LaunchResult *result = &flow->result;
    g_autoptr (GArray) digests = g_array_new (FALSE, FALSE, SEV_DIGEST_SIZE);
    LaunchFinding finding;
    gsize len;
    const guint8 *report = g_bytes_get_data (result->report, &len);

    if (!flow_digests (flow, digests, error))
        return FALSE;
    const LaunchCase launch = {
        .session = result->session,
        .input = { .api_major = result->info.api_major,
                   .api_minor = result->info.api_minor,
                   .build = result->info.build_id,
                   .report = report,
                   .report_len = len,
                   .allow_legacy = flow->options->allow_legacy_api },
        .digests = (const guint8 (*)[SEV_DIGEST_SIZE]) (const void *) digests->data,
        .n_digests = digests->len,
        .ledger = policy_owner_get_ledger (flow->owner->owner),
        .name = result->name,
    };
    g_autoptr (GError) cause = NULL;

    flow_accept (flow);
    flow->verified = launch_judge (&launch, result->verdict, &finding, &cause);
    result->verified = flow->verified != NULL;
    result->has_digest = TRUE;
    memcpy (result->launch_digest, launch.digests[finding.digest], SEV_DIGEST_SIZE);
    result->has_expected = finding.has_expected;
    memcpy (result->expected, finding.expected, sizeof result->expected);
    if (result->es && result->boot != NULL)
        (void) !policy_vcpus_variant (finding.digest, &result->vcpus);
    if (result->verified)
        return TRUE;
    if (g_error_matches (cause, POLICY_ERROR, POLICY_ERROR_MEASUREMENT_MISMATCH) &&
        result->boot != NULL) {
        PolicyMeasureInput input = launch.input;

        memcpy (input.launch_digest, result->launch_digest, SEV_DIGEST_SIZE);
        flow_explain (flow, &input);
    }
    g_propagate_error (error, g_steal_pointer (&cause));
    return FALSE;
}

/* Whoever waits, or gets a core of a process that waits, finds no key. */
void
flow_forget_keys (LaunchFlow *flow)
{
    const LaunchOwner *owner = flow->owner;

    if (owner->owner != NULL)
        policy_owner_forget (owner->owner);
    ovmf_secret_table_wipe (owner->table);
    sev_secret_wipe (owner->tik);
    sev_secret_wipe (owner->tek);
    sev_secret_wipe (owner->record.tek);
    sev_secret_wipe (owner->record.tik);
    sev_secret_wipe (owner->record.key);
    sev_sign_key_forget (owner->sign_key);
    if (flow->result.session != NULL)
        policy_session_wipe (flow->result.session);
}

gboolean
flow_keep (LaunchFlow *flow, GCancellable *cancellable, GError **error)
{
    if (flow->owner->keeper != NULL &&
        !session_keeper_write (flow->owner->keeper, flow->result.name, flow->result.session,
                               error))
        return FALSE;
    flow_forget_keys (flow);
    if (!flow_watches (flow))
        return TRUE;
    flow->console = console_watch_open (flow->domain, error);
    return flow->console != NULL;
}

gboolean
flow_resume (LaunchFlow *flow, GCancellable *cancellable, GError **error)
{
    flow->result.resumed = virt_resume (flow->domain, error);
    return flow->result.resumed;
}

/* A daemon that dies takes connections to its last moment. */
static virConnectPtr
open_successor (LaunchFlow *flow, GError **error)
{
    for (guint i = 0;; i++) {
        g_autoptr (GError) cause = NULL;
        virConnectPtr connection = NULL;

        if (flow->emulated == NULL ||
            emulated_host_start_libvirt (flow->emulated, NULL, &cause))
            connection = virt_open (flow->result.uri, &cause);
        if (connection != NULL || i == SUCCESSOR_TRIES) {
            if (cause != NULL)
                g_propagate_error (error, g_steal_pointer (&cause));
            return connection;
        }
        g_usleep (SUCCESSOR_PAUSE_US);
    }
}

static gboolean
is_session (const LaunchFlow *flow, GBytes *blob)
{
    gsize len;
    const guint8 *data = g_bytes_get_data (blob, &len);
    guint8 id[SEV_DIGEST_SIZE];

    if (flow->launch_blob == NULL) /* it was injected into */
        return sev_sha256 (data, len, id, NULL) &&
               policy_courier_check_session (id, flow->options->packet->session,
                                             "the packet", NULL);
    g_autofree char *text = g_base64_encode (data, len);
    return strcmp (text, flow->launch_blob) == 0;
}

/* Only what runs with this launch's session: whoever defined the domain may have started it
 * since, and a libvirt that is new counts its guests anew. */
static gboolean
end_ours (const LaunchFlow *flow, virDomainPtr domain, GError **error)
{
    if (virDomainIsActive (domain) != 1)
        return TRUE;
    char *xml = virDomainGetXMLDesc (domain, VIR_DOMAIN_XML_SECURE);
    if (xml == NULL) {
        virt_set_error (error, LAUNCHER_ERROR_LIBVIRT, "the domain's XML");
        return FALSE;
    }
    g_autoptr (GBytes) blob = domain_xml_find_session (xml, NULL);
    free (xml);
    return blob == NULL || !is_session (flow, blob) || virt_destroy (domain, error);
}

/* The guest outlives the libvirt that dies; the one that comes next knows it. */
static gboolean
end_by_successor (LaunchFlow *flow, GError **error)
{
    g_autoptr (virConnect) connection = open_successor (flow, error);
    g_autoptr (virDomain) domain =
        connection != NULL ? virDomainLookupByUUIDString (connection, flow->result.uuid)
                           : NULL;

    if (connection == NULL)
        return FALSE;
    return domain == NULL || end_ours (flow, domain, error);
}

static gboolean
end_guest (LaunchFlow *flow, GError **error)
{
    g_autoptr (GError) cause = NULL;

    if (flow->domain != NULL && virt_destroy (flow->domain, &cause))
        return TRUE;
    /* The step that failed may have made a guest although it gave none. */
    if (flow->connection == NULL || flow->step < LAUNCH_STEP_CREATE ||
        virConnectIsAlive (flow->connection) == 1) {
        if (cause != NULL)
            g_propagate_error (error, g_steal_pointer (&cause));
        return flow->domain == NULL;
    }
    return end_by_successor (flow, error);
}

void
flow_clean_up (LaunchFlow *flow)
{
    g_autoptr (GError) error = NULL;

    if (flow->result.resumed)
        return;
    flow_forget (flow);
    flow_forget_keys (flow);
    g_clear_pointer (&flow->console, console_watch_free);
    if (flow->owner->keeper != NULL)
        session_keeper_undo (flow->owner->keeper, flow->result.name);
    if (flow->result.boot != NULL)
        launch_boot_remove (flow->result.boot);
    if (flow->options->way == LAUNCH_WAY_INJECT && !flow->options->destroy)
        return;
    if (!end_guest (flow, &error))
        message_warning ("the guest '%s' could not be ended: %s", flow->result.name,
                         error->message);
}
