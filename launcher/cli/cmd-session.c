/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sevlaunch session -- keys and launch blob for one launch on one platform. */

#include "launcher/cli/step-acceptance.h"
#include "launcher/cli/step-options.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/fetch/kds.h"
#include "policy/acceptance/acceptance.h"
#include "policy/attest/platform-file.h"
#include "policy/guest-policy-explain.h"
#include "policy/guest-policy.h"
#include "policy/owner-dir.h"
#include "policy/owner-file.h"
#include "policy/policy-error.h"
#include "policy/session-files.h"

static const char summary[] =
    "Makes a launch session: verifies the platform's certificates up to a root, and\n"
    "wraps fresh keys for its PDH.  Writes NAME_godh.b64 and NAME_session.b64, which the\n"
    "host gets, and NAME_tik.bin and NAME_tek.bin, which it must not get.";

typedef struct {
    char *platform_cert;
    char *ca;
    char *cek;
    char **trust_roots;
    char *policy;
    char *owner_cert;
    char *out_dir;
    char *name;
    KdsOptions kds;
    gboolean accept_debug;
    gboolean ephemeral;
} SessionOptions;

static void
session_options_clear (SessionOptions *o)
{
    char **const texts[] = { &o->platform_cert, &o->ca,      &o->cek, &o->policy,
                             &o->owner_cert,    &o->out_dir, &o->name };

    for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
        g_clear_pointer (texts[i], g_free);
    g_clear_pointer (&o->trust_roots, g_strfreev);
    kds_options_clear (&o->kds);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SessionOptions, session_options_clear)

static gboolean
check (const SessionOptions *o, int argc, GError **error)
{
    if (argc > 1)
        return step_usage (error, "session takes options only");
    if (o->platform_cert == NULL || o->owner_cert == NULL || o->out_dir == NULL ||
        o->name == NULL || o->policy == NULL)
        return step_usage (error, "--platform-cert, --policy, --owner-cert, --out-dir and "
                                  "--name are needed");
    if (!kds_options_check (&o->kds, error))
        return FALSE;
    if (!policy_name_is_plain (o->name))
        return step_usage (error,
                           "--name: '%s' has other characters than letters, digits "
                           "and ._+-",
                           o->name);
    return TRUE;
}

static gboolean
parse (SessionOptions *o, CommandCommon *common, int *argc, char ***argv, GError **error)
{
    const GOptionEntry entries[] = {
        { "platform-cert", 0, 0, G_OPTION_ARG_FILENAME, &o->platform_cert,
          "The platform's certificates: a file of sevctl or sev-tool, or a folder",
          "FILE" },
        { "policy", 0, 0, G_OPTION_ARG_STRING, &o->policy,
          "Guest policy: names with commas between them, 0x… or decimal", "POLICY" },
        { "owner-cert", 0, 0, G_OPTION_ARG_FILENAME, &o->owner_cert,
          "The guest owner's certificate, in the owner's directory", "FILE" },
        { "out-dir", 0, 0, G_OPTION_ARG_FILENAME, &o->out_dir,
          "Where the files go; made 0700 if it is missing", "DIR" },
        { "name", 'n', 0, G_OPTION_ARG_STRING, &o->name, "How their names begin", "NAME" },
        { "cek", 0, 0, G_OPTION_ARG_FILENAME, &o->cek,
          "The chip's CEK certificate, signed by AMD", "FILE" },
        { "ca", 0, 0, G_OPTION_ARG_FILENAME, &o->ca,
          "AMD's certificates ASK and ARK, in one file", "FILE" },
        KDS_OPTION_ENTRIES (o->kds),
        { "trust-root", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o->trust_roots,
          "Take a platform with this root too (repeatable); it is no AMD SEV then",
          "SHA256" },
        { "accept-debug", 0, 0, G_OPTION_ARG_NONE, &o->accept_debug,
          "Take a guest policy that lets the host read the guest (dangerous)", NULL },
        { "ephemeral", 0, 0, G_OPTION_ARG_NONE, &o->ephemeral,
          "Take a fresh DH key for this session, not the owner's, and forget it", NULL },
        G_OPTION_ENTRY_NULL,
    };

    return command_parse ("session", "", summary, entries, common, argc, argv, error) &&
           check (o, *argc, error);
}

static gboolean
add_roots (const SessionOptions *o, PolicyRoots *roots, GError **error)
{
    PolicyFingerprint fingerprint;

    for (char **i = o->trust_roots; i != NULL && *i != NULL; i++) {
        g_autofree char *text = g_str_has_prefix (*i, "sha256:")
                                    ? g_strdup (*i)
                                    : g_strconcat ("sha256:", *i, NULL);

        if (!policy_fingerprint_parse (text, &fingerprint, NULL))
            return step_usage (error, "--trust-root takes a SHA-256 of 64 hexadecimal "
                                      "digits");
        policy_roots_add (roots, &fingerprint);
    }
    return TRUE;
}

/* What the platform's file lacks, other files or AMD's servers have. */
static gboolean
read_certs (const SessionOptions *o,
            const PolicyRoots *roots,
            PolicyPlatformCerts *certs,
            GBytes **cek,
            GError **error)
{
    if (!policy_platform_certs_read (certs, o->platform_cert, error) ||
        (o->ca != NULL && !policy_platform_certs_read_ca (certs, o->ca, error)))
        return FALSE;
    if (o->cek != NULL) {
        *cek = policy_platform_certs_read_one (o->cek, POLICY_CERT_CEK, error);
        if (*cek == NULL)
            return FALSE;
        if (!policy_platform_certs_add (certs, *cek, o->cek, NULL))
            return TRUE; /* another chip's: the chain says so */
    }
    return kds_complete (&o->kds, certs, certs->chip_id, roots, NULL, error);
}

/* Keys wrapped for an unverified PDH could be anybody's. */
static PolicyChain *
verify_platform (const SessionOptions *o, const PolicyRoots *roots, GError **error)
{
    g_auto (PolicyPlatformCerts) certs = { 0 };
    g_autoptr (GBytes) cek = NULL;

    if (!read_certs (o, roots, &certs, &cek, error))
        return NULL;
    g_autoptr (PolicyChain) chain =
        policy_platform_certs_verify (&certs, cek, roots, error);
    if (chain == NULL || !policy_chain_require (chain, error))
        return NULL;
    return g_steal_pointer (&chain);
}

/* No launch with this session could be accepted, so there is none. */
static gboolean
is_acceptable (PolicyOwner *owner,
               const PolicyChain *chain,
               guint32 policy,
               PolicyVerdict *verdict,
               GError **error)
{
    const PolicyFacts facts = { .chain = chain,
                                .has_policy = TRUE,
                                .guest_policy = policy };

    if (policy_acceptance_foresee (policy_owner_get_acceptance (owner), &facts, verdict))
        return TRUE;
    g_set_error_literal (error, POLICY_ERROR, POLICY_ERROR_NOT_ACCEPTED,
                         "the owner's acceptance policy refuses it");
    return FALSE;
}

static int
refuse (const PolicyVerdict *verdict, const CommandCommon *common, const GError *error)
{
    const GPtrArray *reasons = policy_verdict_get_reasons (verdict);
    const int code = (int) launcher_reason (error).exit_code;

    if (reasons->len == 0)
        return command_fail (common, error);
    for (guint i = 0; i < reasons->len; i++) {
        const PolicyReason *reason = g_ptr_array_index (reasons, i);
        message_reason (reason->id, reason->text);
    }
    if (common->json) {
        g_autoptr (JsonObject) object = json_object_new ();
        json_object_set_string_member (object, "schema", "sevlaunch.error/1");
        json_object_set_array_member (object, "reasons", step_reasons_json (verdict));
        json_object_set_int_member (object, "exit_code", code);
        command_print_json (object);
    }
    return code;
}

static gboolean
write_files (const SessionOptions *o, const PolicySession *session, GError **error)
{
    g_autofree char *godh = policy_session_dup_cert_base64 (session);
    g_autofree char *blob = policy_session_dup_blob_base64 (session);
    const PolicySessionFiles files = {
        .tik = sev_secret_data (policy_session_get_tik (session)),
        .tek = sev_secret_data (policy_session_get_tek (session)),
        .godh = godh,
        .blob = blob,
    };

    if (mkdir (o->out_dir, 0700) != 0 && errno != EEXIST) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_IO,
                     "cannot make the directory '%s': %s", o->out_dir, g_strerror (errno));
        return FALSE;
    }
    const int dir = policy_dir_open_as ("--out-dir", o->out_dir, NULL, error);
    if (dir < 0)
        return FALSE;
    const gboolean ok = policy_session_files_write (dir, o->name, &files, FALSE, error);
    close (dir);
    return ok;
}

static int
say (const SessionOptions *o, const PolicySession *session, const CommandCommon *common)
{
    const PolicyChain *chain = policy_session_get_chain (session);
    const gboolean emulated = policy_chain_get_kind (chain) == POLICY_PLATFORM_EMULATED;
    g_autoptr (JsonObject) object = json_object_new ();
    g_autofree char *policy =
        g_strdup_printf ("0x%08x", policy_session_get_policy (session));
    g_autofree char *dir = g_utf8_make_valid (o->out_dir, -1);

    if (emulated)
        message_warning ("the platform is EMULATED: it protects nothing");
    if (!common->json) {
        printf ("made %s/%s_{godh.b64,session.b64,tik.bin,tek.bin} for a%s platform (%s)\n",
                o->out_dir, o->name, emulated ? "n EMULATED" : " SEV",
                policy_chain_get_generation (chain));
        return LAUNCHER_EXIT_OK;
    }
    json_object_set_string_member (object, "schema", "sevlaunch.session/1");
    json_object_set_string_member (object, "directory", dir);
    json_object_set_string_member (object, "name", o->name);
    json_object_set_string_member (object, "policy", policy);
    json_object_set_boolean_member (object, "ephemeral", o->ephemeral);
    step_hex_json (object, "session", policy_session_get_id (session),
                   POLICY_SESSION_ID_SIZE);
    json_object_set_string_member (
        object, "kind", policy_platform_kind_name (policy_chain_get_kind (chain)));
    json_object_set_string_member (object, "generation",
                                   policy_chain_get_generation (chain));
    json_object_set_string_member (object, "root_fingerprint",
                                   policy_chain_get_root_fingerprint (chain));
    json_object_set_string_member (object, "owner_fingerprint",
                                   policy_chain_get_owner_fingerprint (chain));
    return command_print_json (object);
}

static gboolean
read_policy (const SessionOptions *o, guint32 *out, GError **error)
{
    if (!policy_guest_parse (o->policy, out, error) || !policy_guest_check (*out, error) ||
        !policy_guest_require (*out, o->accept_debug, error))
        return FALSE;
    g_auto (GStrv) dangers = policy_guest_dangers (*out);
    for (char **i = dangers; *i != NULL; i++)
        message_warning ("guest policy: %s", *i);
    return TRUE;
}

static PolicySession *
make_session (const SessionOptions *o, PolicyVerdict *verdict, GError **error)
{
    guint32 policy = 0;

    if (!read_policy (o, &policy, error))
        return NULL;
    g_autoptr (PolicyOwner) owner = policy_owner_open (
        o->owner_cert, o->ephemeral ? POLICY_OWNER_FRESH_KEY : POLICY_OWNER_DEFAULT, error);
    if (owner == NULL || !add_roots (o, policy_owner_get_roots (owner), error))
        return NULL;
    g_autoptr (PolicyChain) chain =
        verify_platform (o, policy_owner_get_roots (owner), error);
    if (chain == NULL || !is_acceptable (owner, chain, policy, verdict, error))
        return NULL;
    g_autoptr (PolicySession) session = policy_session_new (
        chain, policy_owner_get_cert (owner), policy_owner_get_key (owner), policy, error);
    if (session == NULL || !write_files (o, session, error))
        return NULL;
    return g_steal_pointer (&session);
}

int
cmd_session (int argc, char **argv)
{
    g_auto (SessionOptions) options = { 0 };
    CommandCommon common = { 0 };
    g_autoptr (PolicyVerdict) verdict = policy_verdict_new ();
    g_autoptr (GError) error = NULL;

    if (!parse (&options, &common, &argc, &argv, &error))
        return command_fail (&common, error);
    g_autoptr (PolicySession) session = make_session (&options, verdict, &error);
    return session != NULL ? say (&options, session, &common)
                           : refuse (verdict, &common, error);
}
