/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "launcher/cli/command.h"
#include "launcher/cli/platform-tree.h"
#include "launcher/cli/step-acceptance.h"
#include "launcher/fetch/kds.h"
#include "launcher/host/virt.h"
#include "policy/acceptance/acceptance.h"
#include "policy/owner-dir.h"
#include "policy/policy-error.h"

static const char summary[] =
    "Judges a platform by its certificates, up to AMD's root, on any machine: from a file\n"
    "of sevctl, AMD's sev-tool or QMP, a folder of sev-tool's, or the libvirt at a URI.\n"
    "What AMD's servers have is fetched where it is missing.  Exit code 0: verified.";

typedef struct {
    CommandCommon common;
    char *ca;
    char *cek;
    char *owner; /* directory of the guest owner */
    char *owner_fingerprint;
    char *oca;
    char *acceptance;
    char **trust_roots;
    char **allowed;
    KdsOptions kds;
} Options;

static void
options_clear (Options *options)
{
    g_free (options->ca);
    g_free (options->cek);
    g_free (options->owner);
    g_free (options->owner_fingerprint);
    g_free (options->oca);
    g_free (options->acceptance);
    g_strfreev (options->trust_roots);
    g_strfreev (options->allowed);
    kds_options_clear (&options->kds);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

/* What is known of the platform. */
typedef struct {
    PolicyPlatformCerts certs;
    GBytes *cek; /* (nullable): --cek, where it is of another chip than the platform's */
    PolicyRoots *own; /* (nullable) */
    PolicyOwner *owner;
    PolicyFingerprint wanted; /* the platform's owner */
    gboolean has_wanted;
    PolicyChain *chain;
    PolicyVerdict *verdict;
    const char *warning; /* (nullable): id */
} Judged;

static void
judged_clear (Judged *judged)
{
    policy_platform_certs_clear (&judged->certs);
    g_clear_pointer (&judged->cek, g_bytes_unref);
    g_clear_pointer (&judged->own, policy_roots_free);
    g_clear_pointer (&judged->owner, policy_owner_free);
    g_clear_pointer (&judged->chain, policy_chain_unref);
    g_clear_pointer (&judged->verdict, policy_verdict_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Judged, judged_clear)

static PolicyRoots *
get_roots (const Judged *judged)
{
    return judged->owner != NULL ? policy_owner_get_roots (judged->owner) : judged->own;
}

static gboolean
parse_fingerprint (const char *option,
                   const char *text,
                   PolicyFingerprint *out,
                   GError **error)
{
    g_autofree char *whole = g_str_has_prefix (text, "sha256:")
                                 ? g_strdup (text)
                                 : g_strconcat ("sha256:", text, NULL);

    if (policy_fingerprint_parse (whole, out, NULL))
        return TRUE;
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                 "%s takes a SHA-256, 64 hexadecimal digits", option);
    return FALSE;
}

static gboolean
read_wanted_owner (const Options *options, Judged *judged, GError **error)
{
    if (options->owner_fingerprint != NULL && options->oca != NULL) {
        g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                             "--owner-fingerprint and --oca say the same: give one");
        return FALSE;
    }
    judged->has_wanted = options->owner_fingerprint != NULL || options->oca != NULL;
    if (options->owner_fingerprint != NULL)
        return parse_fingerprint ("--owner-fingerprint", options->owner_fingerprint,
                                  &judged->wanted, error);
    if (options->oca == NULL)
        return TRUE;
    g_autoptr (GBytes) oca =
        policy_platform_certs_read_one (options->oca, POLICY_CERT_OCA, error);
    return oca != NULL && policy_oca_fingerprint (oca, &judged->wanted, error);
}

static gboolean
read_roots (const Options *options, Judged *judged, GError **error)
{
    PolicyFingerprint fingerprint;

    if (options->owner != NULL) {
        judged->owner = policy_owner_open_dir (options->owner, POLICY_OWNER_NO_KEY, error);
        if (judged->owner == NULL)
            return FALSE;
    } else {
        judged->own = policy_roots_new ();
    }
    for (char **i = options->trust_roots; i != NULL && *i != NULL; i++) {
        if (!parse_fingerprint ("--trust-root", *i, &fingerprint, error))
            return FALSE;
        policy_roots_add (get_roots (judged), &fingerprint);
    }
    return TRUE;
}

static gboolean
is_uri (const char *word)
{
    const char *colon = strstr (word, "://");

    if (colon == NULL || g_file_test (word, G_FILE_TEST_EXISTS))
        return FALSE;
    for (const char *i = word; i < colon; i++)
        if (!g_ascii_isalnum (*i) && *i != '+' && *i != '-' && *i != '.')
            return FALSE;
    return colon > word;
}

static gboolean
read_libvirt (const char *uri, PolicyPlatformCerts *certs, GError **error)
{
    g_auto (VirtPlatform) platform = { 0 };

    if (!virt_init (error))
        return FALSE;
    g_autoptr (virConnect) connection = virt_open_anywhere (uri, error);
    if (connection == NULL || !virt_read_platform (connection, &platform, error))
        return FALSE;
    certs->chip_id = g_strdup (platform.cpu0_id);
    return policy_platform_certs_add (certs, platform.pdh, "pdh", error) &&
           policy_platform_certs_add (certs, platform.cert_chain, "cert-chain", error);
}

static gboolean
read_given (const Options *options, Judged *judged, GError **error)
{
    if (options->ca != NULL &&
        !policy_platform_certs_read_ca (&judged->certs, options->ca, error))
        return FALSE;
    if (options->cek == NULL)
        return TRUE;
    g_autoptr (GBytes) cek =
        policy_platform_certs_read_one (options->cek, POLICY_CERT_CEK, error);
    if (cek == NULL)
        return FALSE;
    if (!policy_platform_certs_add (&judged->certs, cek, options->cek, NULL))
        judged->cek = g_steal_pointer (&cek);
    return TRUE;
}

static gboolean
read_all (const Options *options, const char *source, Judged *judged, GError **error)
{
    return kds_options_check (&options->kds, error) &&
           read_wanted_owner (options, judged, error) &&
           read_roots (options, judged, error) &&
           (is_uri (source) ? read_libvirt (source, &judged->certs, error)
                            : policy_platform_certs_read (&judged->certs, source, error)) &&
           read_given (options, judged, error);
}

/* Returns: %FALSE: recorded why what is missing could not be had */
static gboolean
fetch (const Options *options, Judged *judged)
{
    g_autoptr (GError) error = NULL;

    /* Another chip's CEK was given: nothing that a server has makes this one good. */
    if (judged->cek != NULL ||
        kds_complete (&options->kds, &judged->certs, judged->certs.chip_id,
                      get_roots (judged), NULL, &error))
        return TRUE;
    policy_verdict_fail (judged->verdict, POLICY_CHECK_CHAIN, launcher_reason (error).id,
                         "%s", error->message);
    return FALSE;
}

static gboolean
is_allowed (const Options *options, const char *generation)
{
    for (char **i = options->allowed; i != NULL && *i != NULL; i++)
        if (g_ascii_strcasecmp (*i, generation) == 0)
            return TRUE;
    return FALSE;
}

/* Returns: (nullable): the file that was named, or the one in the owner's directory */
static PolicyAcceptance *
find_acceptance (const Options *options, const Judged *judged, GError **error)
{
    if (options->acceptance != NULL)
        return policy_acceptance_load (options->acceptance, error);
    PolicyAcceptance *own =
        judged->owner != NULL ? policy_owner_get_acceptance (judged->owner) : NULL;
    /* What holds without a file is a warning here. */
    return own != NULL && policy_acceptance_get_sha256 (own) != NULL
               ? policy_acceptance_ref (own)
               : NULL;
}

/* What the acceptance policy demands of a platform; the rest is not this command's. */
static gboolean
judge_acceptance (const Options *options, Judged *judged, GError **error)
{
    const PolicyFacts facts = { .chain = judged->chain };
    g_autoptr (GError) cause = NULL;
    g_autoptr (PolicyAcceptance) acceptance = find_acceptance (options, judged, &cause);

    if (acceptance != NULL) {
        (void) policy_acceptance_foresee (acceptance, &facts, judged->verdict);
        policy_acceptance_add_open (acceptance, &facts, judged->verdict);
    }
    if (cause == NULL)
        return TRUE;
    g_propagate_error (error, g_steal_pointer (&cause));
    return FALSE;
}

static gboolean
judge (const Options *options, Judged *judged, GError **error)
{
    g_autoptr (GError) foreign = NULL;

    judged->verdict = policy_verdict_new ();
    const gboolean complete = fetch (options, judged);
    judged->chain = policy_platform_certs_verify (&judged->certs, judged->cek,
                                                  get_roots (judged), error);
    if (judged->chain == NULL)
        return FALSE;
    if (complete)
        policy_chain_judge (judged->chain, judged->verdict);
    else
        policy_chain_judge_given (judged->chain, judged->verdict);
    if (judged->has_wanted &&
        !policy_chain_require_owner (judged->chain, &judged->wanted, &foreign))
        policy_verdict_fail_error (judged->verdict, POLICY_CHECK_CHAIN, foreign);
    if (!judge_acceptance (options, judged, error))
        return FALSE;
    const char *generation = policy_chain_get_generation (judged->chain);
    if (generation != NULL && policy_generation_banned_by_default (generation) &&
        !is_allowed (options, generation)) {
        judged->warning = "generation-weak";
        message_warning ("keys were extracted from chips of %s: that a chain verifies "
                         "does not show that a genuine chip is behind it; launches refuse "
                         "it unless the acceptance policy allows it",
                         generation);
    }
    return TRUE;
}

/* The verdict of this command: the chain is the only thing that is judged. */
static gboolean
is_verified (const Judged *judged)
{
    return policy_chain_is_verified (judged->chain) &&
           !policy_verdict_has_failed (judged->verdict);
}

static void
add_verified (JsonObject *object, const PolicyChain *chain)
{
    guint8 major, minor;

    policy_chain_get_pek_api (chain, &major, &minor);
    g_autofree char *api = g_strdup_printf ("%u.%u", major, minor);
    json_object_set_string_member (object, "generation",
                                   policy_chain_get_generation (chain));
    json_object_set_string_member (object, "api", api);
    json_object_set_string_member (object, "owner", policy_chain_get_owner (chain));
    json_object_set_string_member (object, "owner_fingerprint",
                                   policy_chain_get_owner_fingerprint (chain));
}

static int
print_json (const Judged *judged, int code)
{
    g_autoptr (JsonObject) object = json_object_new ();
    JsonArray *warnings = json_array_new ();
    const PolicyPlatformKind kind = policy_chain_get_kind (judged->chain);

    json_object_set_string_member (object, "schema", "sevlaunch.verify-platform/1");
    json_object_set_boolean_member (object, "verified", is_verified (judged));
    json_object_set_string_member (object, "kind", policy_platform_kind_name (kind));
    json_object_set_boolean_member (object, "emulated",
                                    policy_chain_says_emulated (judged->chain) ||
                                        kind == POLICY_PLATFORM_EMULATED);
    json_object_set_string_member (object, "root",
                                   policy_chain_get_root_fingerprint (judged->chain));
    if (policy_chain_is_verified (judged->chain))
        add_verified (object, judged->chain);
    platform_tree_add_json (object, &judged->certs, judged->chain);
    if (judged->warning != NULL)
        json_array_add_string_element (warnings, judged->warning);
    json_object_set_array_member (object, "warnings", warnings);
    json_object_set_array_member (object, "reasons", step_reasons_json (judged->verdict));
    json_object_set_array_member (object, "unproven", step_unproven_json (judged->verdict));
    json_object_set_int_member (object, "exit_code", code);
    command_print_json (object);
    return code;
}

static void
print_words (const Judged *judged)
{
    const PolicyChain *chain = judged->chain;
    const gboolean emulated = policy_chain_get_kind (chain) == POLICY_PLATFORM_EMULATED;
    const GPtrArray *open = policy_verdict_get_unproven (judged->verdict);
    guint8 major, minor;

    platform_tree_print (&judged->certs, chain);
    if (!is_verified (judged)) {
        printf ("NOT VERIFIED\n");
        return;
    }
    policy_chain_get_pek_api (chain, &major, &minor);
    printf ("verified: %s platform, generation %s\n", emulated ? "EMULATED" : "AMD SEV",
            policy_chain_get_generation (chain));
    printf ("  root      %s\n", policy_chain_get_root_fingerprint (chain));
    printf ("  owner     %s, %s\n", policy_chain_get_owner (chain),
            policy_chain_get_owner_fingerprint (chain));
    printf ("  firmware  API %u.%u when it made the PEK; its build is in no certificate, "
            "a measurement binds it\n",
            major, minor);
    for (guint i = 0; i < open->len; i++)
        printf ("  unproven  %s\n", (const char *) g_ptr_array_index (open, i));
}

static void
say_reasons (const PolicyVerdict *verdict)
{
    const GPtrArray *reasons = policy_verdict_get_reasons (verdict);

    for (guint i = 0; i < reasons->len; i++) {
        const PolicyReason *reason = g_ptr_array_index (reasons, i);

        message_reason (reason->id, reason->text);
    }
}

static int
run (const Options *options, const char *source, GError **error)
{
    g_auto (Judged) judged = { 0 };

    if (!read_all (options, source, &judged, error) || !judge (options, &judged, error))
        return -1;
    const int code = is_verified (&judged) ? LAUNCHER_EXIT_OK : LAUNCHER_EXIT_NOT_VERIFIED;
    say_reasons (judged.verdict);
    if (code != LAUNCHER_EXIT_OK && is_uri (source) &&
        judged.certs.cert[POLICY_CERT_ARK] == NULL)
        message_info ("libvirt does not tell AMD's certificates; of an EMULATED host "
                      "'sevlaunch platform export --full' writes all");
    if (options->common.json)
        return print_json (&judged, code);
    print_words (&judged);
    return code;
}

int
cmd_verify_platform (int argc, char **argv)
{
    g_auto (Options) o = { 0 };
    const GOptionEntry entries[] = {
        { "ca", 0, 0, G_OPTION_ARG_FILENAME, &o.ca,
          "AMD's certificates ASK and ARK, in one file", "FILE" },
        { "cek", 0, 0, G_OPTION_ARG_FILENAME, &o.cek,
          "The chip's CEK certificate, signed by AMD", "FILE" },
        KDS_OPTION_ENTRIES (o.kds),
        { "owner-fingerprint", 0, 0, G_OPTION_ARG_STRING, &o.owner_fingerprint,
          "Only a platform whose owner (OCA) has this key", "SHA256" },
        { "oca", 0, 0, G_OPTION_ARG_FILENAME, &o.oca,
          "Only a platform whose owner has this certificate's key", "FILE" },
        { "acceptance", 0, 0, G_OPTION_ARG_FILENAME, &o.acceptance,
          "Only a platform that this acceptance policy takes", "FILE" },
        { "owner", 0, 0, G_OPTION_ARG_FILENAME, &o.owner,
          "A guest owner's directory: its trusted-roots and acceptance policy", "DIR" },
        { "trust-root", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o.trust_roots,
          "Trust this root too; never counts as AMD's (repeatable)", "SHA256" },
        { "allow-generation", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o.allowed,
          "Do not warn of this generation (repeatable)", "NAME" },
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr (GError) error = NULL;
    int code = -1;

    if (!command_parse ("verify-platform", "FILE|DIR|URI", summary, entries, &o.common,
                        &argc, &argv, &error))
        return command_fail (&o.common, error);
    if (argc == 2)
        code = run (&o, argv[1], &error);
    else
        g_set_error_literal (&error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                             "verify-platform takes one file, folder or URI");
    return code < 0 ? command_fail (&o.common, error) : code;
}
