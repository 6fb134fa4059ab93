/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/flow/launch-owner.h"

#include <stdlib.h>
#include <string.h>

#include "launcher/base/message.h"
#include "launcher/base/secret-file.h"
#include "launcher/emulated/emulated-host.h"
#include "launcher/flow/launch-domain.h"
#include "launcher/flow/launch-place.h"
#include "ovmf-hooks/ovmf-error.h"
#include "policy/guest-policy-explain.h"
#include "policy/guest-policy.h"
#include "policy/owner-sign.h"
#include "policy/policy-error.h"
#include "sev/base/sev-bytes.h"

static gboolean
usage (GError **error, const char *text)
{
    g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE, text);
    return FALSE;
}

static gboolean
check_boot_options (const LaunchOptions *o, GError **error)
{
    if (o->uki != NULL && (o->kernel != NULL || o->initrd != NULL || o->append != NULL))
        return usage (error, "--uki goes with none of --kernel, --initrd and --append: a "
                             "unified kernel image holds all three");
    if (o->kernel == NULL && (o->initrd != NULL || o->append != NULL))
        return usage (error, "--initrd and --append need --kernel");
    if (o->append != NULL && !g_utf8_validate (o->append, -1, NULL))
        return usage (error,
                      "--append is not UTF-8 text: the domain's XML, JSON and evidence "
                      "carry no other ('measure' and 'verify' take any bytes)");
    if (o->own_boot_loader && (o->uki != NULL || o->kernel != NULL))
        return usage (error, "--own-boot-loader goes with neither --uki nor --kernel");
    if (o->own_boot_loader && !o->allow_unmeasured_boot) {
        g_set_error_literal (
            error, LAUNCHER_ERROR, LAUNCHER_ERROR_UNMEASURED_BOOT,
            "the image's own boot loader is not measured, so any host could put another "
            "one in its place and read the secrets (--allow-unmeasured-boot does it all "
            "the same)");
        return FALSE;
    }
    return TRUE;
}

static gboolean
check_attach_options (const LaunchOptions *o, GError **error)
{
    if (o->owner_cert == NULL || o->firmware == NULL)
        return usage (error, "--qmp, --session-dir, --owner-cert and --firmware are needed "
                             "(see 'sevlaunch attach --help')");
    return TRUE;
}

/* What each way cannot do without. */
static gboolean
check_way (const LaunchOptions *o, GError **error)
{
    const gboolean image = o->image != NULL && *o->image != '\0';

    switch (o->way) {
    case LAUNCH_WAY_RUN:
        return ((image || o->existing != NULL) && o->owner_cert != NULL) ||
               usage (error, "--image, or --domain, and --owner-cert are needed (see "
                             "'sevlaunch --help')");
    case LAUNCH_WAY_ATTACH:
        return check_attach_options (o, error);
    case LAUNCH_WAY_PREPARE:
        return (o->owner_cert != NULL && o->output != NULL &&
                (image || o->uki != NULL || o->kernel != NULL)) ||
               usage (error, "--platform, --owner-cert, -o, and one of --image, --uki and "
                             "--kernel are needed");
    case LAUNCH_WAY_CARRY:
        return (image && (o->output != NULL) == (!o->print_xml && !o->dry_run) &&
                !o->own_boot_loader && !o->paused) ||
               usage (error,
                      "--bundle needs --image, and --measurement-out where a guest is "
                      "started; the guest stays paused, and boots what is measured");
    case LAUNCH_WAY_JUDGE:
        return (o->owner_cert != NULL && o->output != NULL) ||
               usage (error, "--bundle, --measurement, --owner-cert and -o are needed");
    case LAUNCH_WAY_TELL:
    case LAUNCH_WAY_INJECT:
        break;
    }
    return TRUE;
}

/* What another machine opens is named by its path there; what is hashed lies here. */
static gboolean
check_remote (const LaunchOptions *o, const LaunchOwner *owner, GError **error)
{
    const gboolean any = o->image_copy != NULL || o->host_firmware != NULL ||
                         o->host_kernel != NULL || o->host_initrd != NULL;

    if (!owner->remote)
        return !any || usage (error, "--image-copy and --host-… need --connect to another "
                                     "machine");
    if (o->way == LAUNCH_WAY_TELL || o->way == LAUNCH_WAY_INJECT)
        return TRUE;
    if (o->way != LAUNCH_WAY_RUN)
        return usage (error, "--connect to another machine goes with no --bundle");
    if (o->image != NULL && !g_path_is_absolute (o->image))
        return usage (error, "--connect to another machine: --image is a path there, and "
                             "absolute");
    const char *const there[] = { o->host_firmware, o->host_kernel, o->host_initrd };
    for (gsize i = 0; i < G_N_ELEMENTS (there); i++)
        if (there[i] != NULL && !g_path_is_absolute (there[i]))
            return usage (error, "--connect to another machine: --host-firmware, "
                                 "--host-kernel and --host-initrd are paths there, and "
                                 "absolute");
    if (o->image_copy == NULL && o->image != NULL &&
        (o->format == NULL || (o->uki == NULL && o->kernel == NULL && !o->own_boot_loader)))
        return usage (error, "--connect to another machine needs --image-copy, or --format "
                             "and one of --uki and --kernel");
    if ((o->host_kernel == NULL) != o->own_boot_loader ||
        (o->host_initrd == NULL) != (o->initrd == NULL))
        return usage (error, "--connect to another machine needs --host-kernel for what "
                             "boots, and --host-initrd with --initrd: paths there");
    return TRUE;
}

static gboolean
check_options (const LaunchOptions *o, GError **error)
{
    if (!check_way (o, error))
        return FALSE;
    if (o->memory < 0 || o->memory > 1 << 20 || o->vcpus < 0 || o->vcpus > 512 ||
        o->wait < 0 || o->wait > 86400)
        return usage (error, "--memory, --vcpus or --wait is out of range");
    const gboolean keys = o->tk != NULL || o->tik != NULL;
    if ((o->session != NULL) != keys || (o->tik != NULL) != (o->tek != NULL) ||
        (o->tk != NULL && o->tik != NULL))
        return usage (error, "--session goes with --tik and --tek, or with --tk");
    if (o->ephemeral && o->session != NULL)
        return usage (error, "--ephemeral makes a session of its own, without --session");
    if (o->allow_unbound_session && o->session == NULL)
        return usage (error, "--allow-unbound-session needs --session");
    if (o->print_xml + o->dry_run + o->paused > 1)
        return usage (error, "--print-xml, --dry-run and --paused exclude each other");
    return check_boot_options (o, error);
}

static gboolean
read_guest_policy (const LaunchOptions *options, LaunchOwner *owner, GError **error)
{
    /* Of the session; the owner said it when he prepared it. */
    if (options->bundle != NULL) {
        owner->guest_policy = options->bundle->policy;
        return TRUE;
    }
    owner->guest_policy = policy_guest_default (FALSE);
    if (options->policy != NULL &&
        !policy_guest_parse (options->policy, &owner->guest_policy, error))
        return FALSE;
    if (options->way == LAUNCH_WAY_ATTACH && (owner->guest_policy & SEV_POLICY_ES) != 0 &&
        (options->cpu == NULL || options->vcpus == 0))
        return usage (error, "with SEV-ES the processors are measured: --cpu and --vcpus "
                             "are needed");
    if (!policy_guest_check (owner->guest_policy, error) ||
        !policy_guest_require (owner->guest_policy, options->accept_debug, error))
        return FALSE;
    g_auto (GStrv) dangers = policy_guest_dangers (owner->guest_policy);
    for (char **i = dangers; *i != NULL; i++)
        message_warning ("guest policy: %s", *i);
    return TRUE;
}

/* Certificates of AMD that --cek and --ca give, and where others would come from. */
static gboolean
read_amd_files (const LaunchOptions *options, LaunchOwner *owner, GError **error)
{
    if (options->cek != NULL) {
        g_autoptr (GError) cause = NULL;

        owner->cek = policy_read_cert_bytes (options->cek, SEV_CERT_SIZE, &cause);
        if (owner->cek == NULL) {
            g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_FILE, "--cek %s",
                         cause->message);
            return FALSE;
        }
    }
    if (options->ca != NULL) {
        g_auto (PolicyPlatformCerts) ca = { 0 };

        if (!policy_platform_certs_read_ca (&ca, options->ca, error))
            return FALSE;
        owner->ask = g_steal_pointer (&ca.cert[POLICY_CERT_ASK]);
        owner->ark = g_steal_pointer (&ca.cert[POLICY_CERT_ARK]);
    }
    return kds_options_check (&options->kds, error);
}

/* Without the key nothing shows for which platform its keys were wrapped. */
static gboolean
check_unbound (const LaunchOptions *options, const LaunchOwner *owner, GError **error)
{
    if (policy_owner_get_key (owner->owner) != NULL || options->allow_unbound_session)
        return TRUE;
    g_set_error_literal (
        error, LAUNCHER_ERROR, LAUNCHER_ERROR_SESSION_UNBOUND,
        "without the owner's key it cannot be checked that --session was made for the "
        "platform that is verified: who can open it for another platform could read the "
        "secrets (--allow-unbound-session does it all the same)");
    return FALSE;
}

static gboolean
read_session (const LaunchOptions *options, LaunchOwner *owner, GError **error)
{
    g_autoptr (GError) cause = NULL;

    if (options->session == NULL)
        return TRUE;
    if (!check_unbound (options, owner, error))
        return FALSE;
    owner->session =
        policy_read_cert_bytes (options->session, sizeof (SevSessionWire), &cause);
    if (owner->session == NULL) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_SESSION_MALFORMED,
                     "--session '%s': %s", options->session, cause->message);
        return FALSE;
    }
    if (options->tk != NULL)
        return secret_tk_read ("--tk", options->tk, &owner->tek, &owner->tik, error);
    owner->tik = secret_key_read ("--tik", options->tik, SEV_KEY_SIZE, error);
    owner->tek = owner->tik != NULL
                     ? secret_key_read ("--tek", options->tek, SEV_KEY_SIZE, error)
                     : NULL;
    return owner->tek != NULL;
}

static gboolean
read_accepted (const LaunchOptions *options, LaunchOwner *owner, GError **error)
{
    guint8 digest[SEV_DIGEST_SIZE];

    owner->accepted = g_array_new (FALSE, FALSE, SEV_DIGEST_SIZE);
    for (char **i = options->accept_firmware; i != NULL && *i != NULL; i++) {
        const char *text = g_str_has_prefix (*i, "sha256:") ? *i + 7 : *i;

        if (!sev_hex_decode (text, digest, sizeof digest, NULL))
            return usage (error, "--accept-firmware takes a SHA-256 of 64 hexadecimal "
                                 "digits");
        g_array_append_val (owner->accepted, digest);
    }
    return TRUE;
}

static gboolean
add_secret (OvmfSecretTable *table,
            const char *name,
            const SevGuid *guid,
            SevSecret *value,
            GError **error)
{
    g_autoptr (GError) cause = NULL;

    if (ovmf_secret_table_add (table, guid, value, &cause))
        return TRUE;
    if (g_error_matches (cause, OVMF_ERROR, OVMF_ERROR_TOO_LARGE))
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_SECRET_TOO_LARGE, "--secret %s: %s",
                     name, cause->message);
    else
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                     "--secret %s: %s (the release gives its own secrets)", name,
                     cause->message);
    return FALSE;
}

static gboolean
fill_table (const LaunchOptions *options, LaunchOwner *owner, GError **error)
{
    owner->table = ovmf_secret_table_new ();
    if (owner->release != NULL &&
        !policy_release_fill_table (owner->release, owner->table, error))
        return FALSE;
    for (char **i = options->secrets; i != NULL && *i != NULL; i++) {
        g_autofree char *name = NULL;
        g_autoptr (SevSecret) value = NULL;
        SevGuid guid;

        if (!secret_argument_parse (*i, &guid, &name, &value, error))
            return FALSE;
        if (!add_secret (owner->table, name, &guid, value, error))
            return FALSE;
    }
    return TRUE;
}

static void
set_paths (const LaunchOptions *options, LaunchOwner *owner)
{
    const guint n = options->backing != NULL ? g_strv_length (options->backing) : 0;

    const char *image = owner->remote ? options->image_copy : options->image;

    if (image != NULL)
        owner->image = g_canonicalize_filename (image, NULL);
    owner->backing = g_new0 (char *, n + 1);
    for (guint i = 0; i < n; i++)
        owner->backing[i] = g_canonicalize_filename (options->backing[i], NULL);
}

/* Only what the owner named may get more than its release pins. */
static gboolean
check_named (const LaunchOptions *o, const LaunchOwner *owner, GError **error)
{
    const char *option = o->allow_unmeasured_boot   ? "--allow-unmeasured-boot"
                         : o->accept_firmware       ? "--accept-firmware"
                         : o->secrets               ? "--secret"
                         : o->accept_debug          ? "--accept-debug"
                         : o->acceptance            ? "--acceptance"
                         : o->allow_unbound_session ? "--allow-unbound-session"
                         : o->allow_legacy_api      ? "--allow-legacy-api"
                                                    : NULL;

    if (option == NULL)
        return TRUE;
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_RELEASE_UNNAMED,
                 "%s release '%s', and any host can write another %s: with %s the release "
                 "must be named (--release %s)",
                 o->existing != NULL ? "the domain's disk leads to"
                                     : "the image's name is of no release, only the LUKS "
                                       "UUID in it leads to",
                 policy_release_get_name (owner->release),
                 o->existing != NULL ? "disk into its XML" : "UUID", option,
                 policy_release_get_name (owner->release));
    return FALSE;
}

/* A domain whose disk no release is for is only verified: there is nothing to release. */
static gboolean
go_without_release (const LaunchOptions *o, const GError *cause)
{
    if (o->existing == NULL || o->secrets != NULL ||
        (cause != NULL &&
         !g_error_matches (cause, POLICY_ERROR, POLICY_ERROR_RELEASE_MISSING)))
        return FALSE;
    message_info ("no release is for this domain's disk: the launch is verified, and there "
                  "are no secrets for it");
    return TRUE;
}

static gboolean
without_disk (const LaunchOptions *o, GError **error)
{
    if (o->existing == NULL || go_without_release (o, NULL))
        return TRUE;
    g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_RELEASE_UNNAMED,
                         "the host chooses what a domain boots: secrets are only for what "
                         "a release pins (--release)");
    return FALSE;
}

static gboolean
find_release (const LaunchOptions *options,
              LaunchOwner *owner,
              const char *uuid,
              GError **error)
{
    const char *name =
        options->way == LAUNCH_WAY_JUDGE ? owner->record.release : options->release;
    gboolean by_uuid_alone = FALSE;

    const char *image = owner->remote ? options->image : owner->image;

    g_autoptr (GError) cause = NULL;

    if (name == NULL && image == NULL)
        return without_disk (options, error);
    owner->release = name != NULL ? policy_owner_take_release (owner->owner, name, &cause)
                                  : policy_owner_find_release (owner->owner, image, uuid,
                                                               &by_uuid_alone, &cause);
    if (owner->release == NULL && name == NULL && go_without_release (options, cause))
        return TRUE;
    if (owner->release == NULL) {
        g_propagate_error (error, g_steal_pointer (&cause));
        return FALSE;
    }
    /* By the name of a domain's disk, the host has named it. */
    if (name == NULL && options->existing != NULL)
        by_uuid_alone = TRUE;
    return !by_uuid_alone || check_named (options, owner, error);
}

/* Session files name their owner. */
static gboolean
check_godh (const LaunchOptions *options, const LaunchOwner *owner, GError **error)
{
    guint8 cert[SEV_CERT_SIZE];

    if (options->godh == NULL)
        return TRUE;
    g_autoptr (GBytes) godh = policy_read_cert_bytes (options->godh, SEV_CERT_SIZE, error);
    if (godh == NULL)
        return FALSE;
    sev_cert_encode (policy_owner_get_cert (owner->owner), cert);
    if (memcmp (g_bytes_get_data (godh, NULL), cert, sizeof cert) == 0)
        return TRUE;
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_SESSION_MISMATCH,
                 "'%s': the session was made with another certificate than '%s'",
                 options->godh, options->owner_cert);
    return FALSE;
}

static gboolean
read_acceptance (const LaunchOptions *options, LaunchOwner *owner, GError **error)
{
    owner->acceptance =
        options->acceptance != NULL
            ? policy_acceptance_load (options->acceptance, error)
            : policy_acceptance_ref (policy_owner_get_acceptance (owner->owner));
    return owner->acceptance != NULL;
}

/* The process that looks at the image is forked before there are secrets. */
static gboolean
start_reader (const LaunchOptions *options, LaunchOwner *owner, char **uuid, GError **error)
{
    if (owner->image == NULL)
        return TRUE;
    owner->reader =
        image_reader_start (owner->image, options->format,
                            (const char *const *) owner->backing, owner->run_as, error);
    return owner->reader != NULL &&
           (options->owner_cert == NULL || options->release != NULL ||
            image_reader_uuid (owner->reader, uuid, NULL, error));
}

/* Whether the owner's certificate is the one that the session was prepared with. */
static gboolean
check_renewed (const LaunchOptions *options, const LaunchOwner *owner, GError **error)
{
    guint8 cert[SEV_CERT_SIZE];

    sev_cert_encode (policy_owner_get_cert (owner->owner), cert);
    if (owner->record.key != NULL ||
        memcmp (g_bytes_get_data (options->bundle->cert, NULL), cert, sizeof cert) == 0)
        return TRUE;
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_COURIER_SESSION,
                 "the session was prepared with another certificate than '%s', which was "
                 "renewed since: judge with the one that --keep-old kept, or prepare anew",
                 options->owner_cert);
    return FALSE;
}

/* What the owner kept of the session whose bundle comes back. */
static gboolean
recall_session (const LaunchOptions *options, LaunchOwner *owner, GError **error)
{
    if (options->way != LAUNCH_WAY_JUDGE)
        return TRUE;
    if (!policy_courier_check_session (options->bundle->session, options->found->session,
                                       "the measurement", error) ||
        !policy_ledger_check_session (policy_owner_get_ledger (owner->owner),
                                      options->bundle->session, error) ||
        !policy_courier_recall (policy_owner_get_dir (owner->owner),
                                options->bundle->session, &owner->record, error))
        return FALSE;
    if (g_bytes_equal (options->bundle_text, owner->record.bundle))
        return check_renewed (options, owner, error);
    g_set_error_literal (error, POLICY_ERROR, POLICY_ERROR_COURIER_ALTERED,
                         "the bundle is not the one that was prepared: somebody changed it "
                         "on its way");
    return FALSE;
}

/* The courier brought them, unless the owner has his own. */
static void
take_host_certs (const LaunchOptions *options, LaunchOwner *owner)
{
    const PolicyCourierPlatform *host = options->host;

    if (host == NULL)
        return;
    if (owner->cek == NULL && host->cek != NULL)
        owner->cek = g_bytes_ref (host->cek);
    if (owner->ask == NULL && host->ask != NULL && host->ark != NULL) {
        owner->ask = g_bytes_ref (host->ask);
        owner->ark = g_bytes_ref (host->ark);
    }
}

/* A host without an owner has no more than this. */
static gboolean
read_host (const LaunchOptions *options, LaunchOwner *owner, GError **error)
{
    owner->table = ovmf_secret_table_new ();
    return read_amd_files (options, owner, error);
}

/* Where a launch is judged. */
static gboolean
leaves_evidence (const LaunchOptions *options)
{
    return !options->print_xml && !options->dry_run &&
           (options->way == LAUNCH_WAY_RUN || options->way == LAUNCH_WAY_ATTACH ||
            options->way == LAUNCH_WAY_JUDGE);
}

/* Its writer is forked before the owner's keys are read.  What is wrong with the directory
 * is said when these are. */
static gboolean
start_evidence (const LaunchOptions *options, LaunchOwner *owner, GError **error)
{
    g_autofree char *real = realpath (options->owner_cert, NULL);
    g_autofree char *dir = real != NULL ? g_path_get_dirname (real) : NULL;
    g_autofree char *key =
        dir != NULL ? g_build_filename (dir, POLICY_OWNER_SIGN_KEY, NULL) : NULL;

    if (!leaves_evidence (options) || key == NULL || !g_file_test (key, G_FILE_TEST_EXISTS))
        return TRUE;
    owner->evidence = evidence_keeper_start (dir, error);
    return owner->evidence != NULL &&
           (!options->require_evidence || evidence_keeper_check (owner->evidence, error));
}

static gboolean
read_sign_key (const LaunchOptions *options, LaunchOwner *owner, GError **error)
{
    const char *dir = policy_owner_get_dir (owner->owner);

    if (owner->evidence != NULL)
        return policy_sign_key_load (dir, &owner->sign_key, error);
    if (!leaves_evidence (options))
        return TRUE;
    if (options->require_evidence) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_OWNER_MISSING,
                     "--require-evidence needs a signing key in '%s' (sevlaunch owner-init "
                     "--add-signing-key makes one)",
                     dir);
        return FALSE;
    }
    message_warning ("this launch will leave no evidence: '%s' has no signing key "
                     "(sevlaunch owner-init --add-signing-key makes one)",
                     dir);
    return TRUE;
}

static gboolean
read_owner (const LaunchOptions *options, LaunchOwner *owner, GError **error)
{
    const PolicyOwnerFlags flags = options->session != NULL ? POLICY_OWNER_NO_KEY
                                   : options->ephemeral     ? POLICY_OWNER_FRESH_KEY
                                                            : POLICY_OWNER_DEFAULT;
    g_autofree char *uuid = NULL;

    if (!start_reader (options, owner, &uuid, error))
        return FALSE;
    if (options->session_dir != NULL) {
        owner->keeper = session_keeper_start (options->session_dir, error);
        if (owner->keeper == NULL)
            return FALSE;
    }
    if (options->output != NULL) {
        owner->writer = file_writer_start (options->output, error);
        if (owner->writer == NULL)
            return FALSE;
    }
    if (options->owner_cert == NULL)
        return read_host (options, owner, error);
    if (!start_evidence (options, owner, error))
        return FALSE;
    owner->owner = policy_owner_open (options->owner_cert, flags, error);
    if (owner->owner == NULL || !read_sign_key (options, owner, error) ||
        !recall_session (options, owner, error))
        return FALSE;
    take_host_certs (options, owner);
    return find_release (options, owner, uuid, error) &&
           check_godh (options, owner, error) && read_acceptance (options, owner, error) &&
           read_session (options, owner, error) && read_amd_files (options, owner, error) &&
           fill_table (options, owner, error);
}

static gboolean
drop (LaunchOwner *owner, GError **error)
{
    if (owner->run_as == NULL)
        return TRUE;
    run_as_announce (owner->run_as);
    return emulated_host_prepare_parent (owner->emulated_path, owner->run_as->uid,
                                         owner->run_as->gid, error) &&
           run_as_drop (owner->run_as, error);
}

LaunchOwner *
launch_owner_prepare (LaunchOptions *options, GError **error)
{
    g_autoptr (LaunchOwner) owner = g_new0 (LaunchOwner, 1);

    if (options->existing != NULL && !launch_domain_check (options, error))
        return NULL;
    if (!check_options (options, error) || !launch_place_choose (options, owner, error))
        return NULL;
    /* What the domain's XML adds must go together too. */
    if (options->existing != NULL && (!launch_domain_take (options, owner, error) ||
                                      !check_boot_options (options, error)))
        return NULL;
    if (!check_remote (options, owner, error) ||
        !read_guest_policy (options, owner, error) ||
        !read_accepted (options, owner, error))
        return NULL;
    set_paths (options, owner);
    if (!read_owner (options, owner, error) || !drop (owner, error))
        return NULL;
    return g_steal_pointer (&owner);
}

void
launch_owner_free (LaunchOwner *owner)
{
    g_clear_pointer (&owner->evidence, evidence_keeper_free);
    g_clear_pointer (&owner->keeper, session_keeper_free);
    g_clear_pointer (&owner->sign_key, sev_sign_key_free);
    g_clear_pointer (&owner->writer, file_writer_free);
    policy_courier_record_clear (&owner->record);
    g_clear_pointer (&owner->table, ovmf_secret_table_free);
    g_clear_pointer (&owner->acceptance, policy_acceptance_unref);
    g_clear_pointer (&owner->owner, policy_owner_free);
    g_clear_pointer (&owner->session, g_bytes_unref);
    g_clear_pointer (&owner->tik, sev_secret_unref);
    g_clear_pointer (&owner->tek, sev_secret_unref);
    g_clear_pointer (&owner->cek, g_bytes_unref);
    g_clear_pointer (&owner->ask, g_bytes_unref);
    g_clear_pointer (&owner->ark, g_bytes_unref);
    g_clear_pointer (&owner->accepted, g_array_unref);
    g_clear_pointer (&owner->reader, image_reader_free);
    g_clear_pointer (&owner->existing, domain_copy_free);
    g_clear_pointer (&owner->run_as, run_as_free);
    g_strfreev (owner->backing);
    g_free (owner->image);
    g_free (owner->uri);
    g_free (owner->emulated_path);
    g_free (owner);
}
