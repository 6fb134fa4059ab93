/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sevlaunch platform export and verify. */

#include "config.h"

#include "launcher/cli/cmd-platform.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "launcher/base/output-file.h"
#include "launcher/fetch/kds.h"
#include "policy/owner-dir.h"
#include "policy/policy-error.h"
#include "sev/base/sev-bytes.h"
#include "sev/wire/sev-cert-wire.h"

#define CHIP_ID_SIZE 64u

/* The whole chain: what the firmware exports, and what AMD's key server has. */
typedef struct {
    GBytes *pdh;
    GBytes *chain; /* PEK || OCA || CEK */
    PlatformCerts amd;
} Chain;

static void
chain_clear (Chain *chain)
{
    g_clear_pointer (&chain->pdh, g_bytes_unref);
    g_clear_pointer (&chain->chain, g_bytes_unref);
    g_clear_pointer (&chain->amd.cek, g_bytes_unref);
    g_clear_pointer (&chain->amd.ask, g_bytes_unref);
    g_clear_pointer (&chain->amd.ark, g_bytes_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Chain, chain_clear)

static void
chain_take_amd (Chain *chain, PolicyPlatformCerts *certs)
{
    GBytes **const to[] = { &chain->amd.cek, &chain->amd.ask, &chain->amd.ark };
    const PolicyCertKind from[] = { POLICY_CERT_CEK, POLICY_CERT_ASK, POLICY_CERT_ARK };

    for (gsize i = 0; i < G_N_ELEMENTS (to); i++) {
        g_clear_pointer (to[i], g_bytes_unref);
        *to[i] = g_steal_pointer (&certs->cert[from[i]]);
    }
}

static gboolean
read_files (const char *cek, const char *ca, PlatformCerts *out, GError **error)
{
    g_autoptr (GError) cause = NULL;
    g_auto (PolicyPlatformCerts) certs = { 0 };

    if (cek != NULL) {
        out->cek = policy_read_cert_bytes (cek, SEV_CERT_SIZE, &cause);
        if (out->cek == NULL) {
            g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_FILE, "--cek %s",
                         cause->message);
            return FALSE;
        }
    }
    if (ca == NULL)
        return TRUE;
    if (!policy_platform_certs_read_ca (&certs, ca, error))
        return FALSE;
    out->ask = g_steal_pointer (&certs.cert[POLICY_CERT_ASK]);
    out->ark = g_steal_pointer (&certs.cert[POLICY_CERT_ARK]);
    return TRUE;
}

static GBytes *
ref_or_null (GBytes *bytes)
{
    return bytes != NULL ? g_bytes_ref (bytes) : NULL;
}

/* What neither the platform nor an option had: from the cache or AMD's servers. */
static gboolean
fetch (const PlatformCommand *command,
       const KdsOptions *kds,
       const PolicyRoots *roots,
       Chain *chain,
       GError **error)
{
    g_autoptr (GBytes) id = NULL;
    g_autofree char *digits = NULL;
    g_auto (PolicyPlatformCerts) certs = { 0 };

    if (chain->amd.cek != NULL && chain->amd.ask != NULL)
        return TRUE;
    if (chain->amd.cek == NULL) {
        id = sev_device_id (command->device, NULL);
        digits = id != NULL && g_bytes_get_size (id) >= CHIP_ID_SIZE
                     ? sev_hex_encode (g_bytes_get_data (id, NULL), CHIP_ID_SIZE)
                     : NULL;
    }
    certs.cert[POLICY_CERT_ASK] = ref_or_null (chain->amd.ask);
    certs.cert[POLICY_CERT_ARK] = ref_or_null (chain->amd.ark);
    if (!policy_platform_certs_add (&certs, chain->pdh, "PDH", error) ||
        !policy_platform_certs_add (&certs, chain->chain, "chain", error) ||
        (chain->amd.cek != NULL &&
         !policy_platform_certs_add (&certs, chain->amd.cek, "CEK", error)) ||
        !kds_complete (kds, &certs, digits, roots, NULL, error))
        return FALSE;
    chain_take_amd (chain, &certs);
    return TRUE;
}

/* A signed CEK must be that of the chip, in every byte that is signed. */
static gboolean
same_cek (const Chain *chain, GError **error)
{
    const guint8 *exported =
        (const guint8 *) g_bytes_get_data (chain->chain, NULL) + 2 * SEV_CERT_SIZE;

    if (g_bytes_get_size (chain->amd.cek) == SEV_CERT_SIZE &&
        memcmp (g_bytes_get_data (chain->amd.cek, NULL), exported, SEV_CERT_BODY_SIZE) == 0)
        return TRUE;
    g_set_error_literal (error, POLICY_ERROR, POLICY_ERROR_CHAIN_CEK_MISMATCH,
                         "the signed CEK is another chip's than the platform's");
    return FALSE;
}

static GBytes *
take_ref (GBytes *given, GBytes *own)
{
    GBytes *taken = given != NULL ? given : own;

    return taken != NULL ? g_bytes_ref (taken) : NULL;
}

static gboolean
read_chain (PlatformCommand *command,
            const char *cek,
            const char *ca,
            Chain *out,
            GError **error)
{
    Chain given = { 0 };

    if (!read_files (cek, ca, &given.amd, error)) {
        chain_clear (&given);
        return FALSE;
    }
    const gboolean opened = platform_command_open (command, TRUE, error);
    out->amd.cek = take_ref (given.amd.cek, command->certs.cek);
    out->amd.ask = take_ref (given.amd.ask, command->certs.ask);
    out->amd.ark = take_ref (given.amd.ark, command->certs.ark);
    chain_clear (&given);
    return opened && sev_device_export (command->device, &out->pdh, &out->chain, error) &&
           (out->amd.cek == NULL || same_cek (out, error));
}

/* Export. */

typedef struct {
    char *directory;
    char *cek;
    char *ca;
    gboolean full;
    KdsOptions kds;
} Export;

static void
export_clear (Export *e)
{
    g_free (e->directory);
    g_free (e->cek);
    g_free (e->ca);
    kds_options_clear (&e->kds);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Export, export_clear)

static gboolean
write_part (const Export *e,
            const char *name,
            const void *data,
            gsize len,
            JsonArray *files,
            GError **error)
{
    g_autofree char *file = g_strconcat (name, ".cert", NULL);
    g_autofree char *path = g_build_filename (e->directory, file, NULL);

    if (!output_file_write (path, data, len, OUTPUT_FILE_PUBLIC, error))
        return FALSE;
    json_array_add_string_element (files, path);
    return TRUE;
}

static gboolean
write_bytes (const Export *e,
             const char *name,
             GBytes *bytes,
             JsonArray *files,
             GError **error)
{
    gsize len;
    gconstpointer data = g_bytes_get_data (bytes, &len);

    return write_part (e, name, data, len, files, error);
}

/* The names of AMD's sev-tool. */
static gboolean
write_directory (const Export *e, const Chain *chain, JsonArray *files, GError **error)
{
    const guint8 *pek = g_bytes_get_data (chain->chain, NULL);
    g_autoptr (GBytes) bare = g_bytes_new (pek + 2 * SEV_CERT_SIZE, SEV_CERT_SIZE);

    if (mkdir (e->directory, 0755) != 0 && errno != EEXIST) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_IO, "cannot make '%s': %s",
                     e->directory, g_strerror (errno));
        return FALSE;
    }
    return write_bytes (e, "pdh", chain->pdh, files, error) &&
           write_part (e, "pek", pek, SEV_CERT_SIZE, files, error) &&
           write_part (e, "oca", pek + SEV_CERT_SIZE, SEV_CERT_SIZE, files, error) &&
           write_bytes (e, "cek", chain->amd.cek != NULL ? chain->amd.cek : bare, files,
                        error) &&
           (!e->full || (write_bytes (e, "ask", chain->amd.ask, files, error) &&
                         write_bytes (e, "ark", chain->amd.ark, files, error)));
}

/* The order of sevctl. */
static gboolean
write_one (const Export *e,
           const char *path,
           const Chain *chain,
           JsonArray *files,
           GError **error)
{
    g_autoptr (GByteArray) all = g_byte_array_new ();
    gsize len;
    const guint8 *data = g_bytes_get_data (chain->pdh, &len);

    g_byte_array_append (all, data, (guint) len);
    data = g_bytes_get_data (chain->chain, NULL);
    g_byte_array_append (all, data, 2 * SEV_CERT_SIZE);
    GBytes *const rest[] = { chain->amd.cek, chain->amd.ask, chain->amd.ark };
    for (gsize i = 0; i < (e->full ? 3 : 1); i++) {
        data = g_bytes_get_data (rest[i], &len);
        g_byte_array_append (all, data, (guint) len);
    }
    if (!output_file_write (path, all->data, all->len,
                            OUTPUT_FILE_PUBLIC | OUTPUT_FILE_PIPE, error))
        return FALSE;
    json_array_add_string_element (files, path);
    return TRUE;
}

static int export(PlatformCommand *command,
                  const Export *e,
                  const char *path,
                  GError **error)
{
    g_auto (Chain) chain = { 0 };
    g_autoptr (JsonArray) files = json_array_new ();

    if ((path != NULL) == (e->directory != NULL)) {
        g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                             "either FILE or --dir DIR says where the certificates go");
        return -1;
    }
    if (path != NULL && command->common.json && output_file_is_stdout (path)) {
        g_set_error_literal (
            error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
            "certificates to standard output and --json exclude each other");
        return -1;
    }
    if (!kds_options_check (&e->kds, error) ||
        !read_chain (command, e->cek, e->ca, &chain, error) ||
        ((e->full || (path != NULL && chain.amd.cek == NULL)) &&
         !fetch (command, &e->kds, NULL, &chain, error)))
        return -1;
    if (path != NULL ? !write_one (e, path, &chain, files, error)
                     : !write_directory (e, &chain, files, error))
        return -1;
    message_info ("wrote the certificates of %s platform",
                  command->emulated ? "the EMULATED" : "this");
    if (!command->common.json)
        return LAUNCHER_EXIT_OK;
    g_autoptr (JsonObject) object =
        platform_result (command, "sevlaunch.platform-export/1");
    json_object_set_array_member (object, "files", g_steal_pointer (&files));
    return command_print_json (object);
}

int
cmd_platform_export (int argc, char **argv)
{
    g_auto (Export) e = { 0 };
    const GOptionEntry entries[] = {
        { "dir", 0, 0, G_OPTION_ARG_FILENAME, &e.directory,
          "Write {pdh,pek,oca,cek}.cert here", "DIR" },
        { "full", 0, 0, G_OPTION_ARG_NONE, &e.full, "ASK and ARK too", NULL },
        { "cek", 0, 0, G_OPTION_ARG_FILENAME, &e.cek,
          "The chip's CEK certificate, signed by AMD", "FILE" },
        { "ca", 0, 0, G_OPTION_ARG_FILENAME, &e.ca,
          "AMD's certificates ASK and ARK, in one file", "FILE" },
        KDS_OPTION_ENTRIES (e.kds),
        G_OPTION_ENTRY_NULL,
    };
    g_auto (PlatformCommand) command = { 0 };
    g_autoptr (GError) error = NULL;
    int code = -1;

    if (platform_command_parse (&command, "platform export", "[FILE]",
                                "Writes the platform's certificates: into a directory, or\n"
                                "one after the other into FILE, as sevctl does.",
                                entries, 0, 1, &argc, &argv, &error))
        code = export(&command, &e, argc > 1 ? argv[1] : NULL, &error);
    return code < 0 ? command_fail (&command.common, error) : code;
}

/* Verify. */

/* --platform emulated on the command line trusts this host, as in "run". */
static gboolean
add_emulated_root (const PlatformCommand *command, PolicyRoots *roots, GError **error)
{
    PolicyFingerprint fingerprint;
    SevAmdCert ark;
    gsize len;

    if (g_strcmp0 (command->platform, "emulated") != 0 || command->certs.ark == NULL)
        return TRUE;
    const guint8 *data = g_bytes_get_data (command->certs.ark, &len);
    if (!sev_amd_cert_decode (data, len, &ark, NULL) ||
        !policy_key_id_is_emulated (ark.key_id))
        return TRUE;
    if (!policy_root_fingerprint (&ark, &fingerprint, error))
        return FALSE;
    policy_roots_add (roots, &fingerprint);
    return TRUE;
}

static JsonObject *
describe (const PlatformCommand *command, const PolicyChain *chain, const GError *refusal)
{
    JsonObject *object = platform_result (command, "sevlaunch.platform-verify/1");
    JsonArray *links = json_array_new ();

    json_object_set_boolean_member (object, "verified", refusal == NULL);
    json_object_set_string_member (
        object, "kind", policy_platform_kind_name (policy_chain_get_kind (chain)));
    json_object_set_string_member (object, "root",
                                   policy_chain_get_root_fingerprint (chain));
    if (refusal == NULL) {
        json_object_set_string_member (object, "generation",
                                       policy_chain_get_generation (chain));
        json_object_set_string_member (object, "owner", policy_chain_get_owner (chain));
        json_object_set_string_member (object, "owner_fingerprint",
                                       policy_chain_get_owner_fingerprint (chain));
    }
    for (guint i = 0; i < POLICY_N_LINKS; i++) {
        const PolicyLink *link = policy_chain_get_link (chain, (PolicyLinkId) i);
        JsonObject *one = json_object_new ();

        json_object_set_string_member (one, "subject", link->subject);
        json_object_set_string_member (one, "signer", link->signer);
        json_object_set_boolean_member (one, "ok", link->ok);
        if (link->problem != NULL)
            json_object_set_string_member (one, "problem", link->problem);
        json_array_add_object_element (links, one);
    }
    json_object_set_array_member (object, "links", links);
    return object;
}

static int
say_refused (const PlatformCommand *command,
             const PolicyChain *chain,
             const GError *refusal)
{
    const LauncherReason reason = launcher_reason (refusal);
    const int code = (int) message_error (refusal);

    if (!command->common.json)
        return code;
    g_autoptr (JsonObject) object = describe (command, chain, refusal);
    JsonArray *reasons = json_array_new ();
    JsonObject *one = json_object_new ();
    json_object_set_string_member (one, "id", reason.id);
    json_object_set_string_member (one, "text", refusal->message);
    json_array_add_object_element (reasons, one);
    json_object_set_array_member (object, "reasons", reasons);
    json_object_set_int_member (object, "exit_code", code);
    command_print_json (object);
    return code;
}

static int
say_verified (const PlatformCommand *command, const PolicyChain *chain)
{
    const gboolean emulated = policy_chain_get_kind (chain) == POLICY_PLATFORM_EMULATED;

    if (command->common.json) {
        g_autoptr (JsonObject) object = describe (command, chain, NULL);
        return command_print_json (object);
    }
    printf ("verified: %s platform, generation %s\n", emulated ? "EMULATED" : "AMD SEV",
            policy_chain_get_generation (chain));
    printf ("  root   %s\n", policy_chain_get_root_fingerprint (chain));
    printf ("  owner  %s, %s\n", policy_chain_get_owner (chain),
            policy_chain_get_owner_fingerprint (chain));
    return LAUNCHER_EXIT_OK;
}

static int
verify (PlatformCommand *command,
        const char *owner_dir,
        const char *cek,
        const char *ca,
        const KdsOptions *kds,
        GError **error)
{
    g_autoptr (PolicyOwner) owner = NULL;
    g_autoptr (PolicyRoots) none = policy_roots_new ();
    g_auto (Chain) chain = { 0 };
    g_autoptr (GError) refusal = NULL;

    if (owner_dir != NULL) {
        owner = policy_owner_open_dir (owner_dir, POLICY_OWNER_NO_KEY, error);
        if (owner == NULL)
            return -1;
    }
    PolicyRoots *roots = owner != NULL ? policy_owner_get_roots (owner) : none;
    if (!kds_options_check (kds, error) || !read_chain (command, cek, ca, &chain, error) ||
        !add_emulated_root (command, roots, error))
        return -1;
    const gboolean sev = g_strcmp0 (command->platform, "sev") == 0;
    if (!fetch (command, kds, sev ? NULL : roots, &chain, error))
        return -1;
    const PolicyChainInput input = { .pdh = chain.pdh,
                                     .cert_chain = chain.chain,
                                     .cek = chain.amd.cek,
                                     .ask = chain.amd.ask,
                                     .ark = chain.amd.ark };
    g_autoptr (PolicyChain) judged =
        policy_chain_verify (&input, sev ? NULL : roots, error);
    if (judged == NULL)
        return -1;
    return policy_chain_require (judged, &refusal) ? say_verified (command, judged)
                                                   : say_refused (command, judged, refusal);
}

int
cmd_platform_verify (int argc, char **argv)
{
    g_autofree char *owner = NULL;
    g_autofree char *cek = NULL;
    g_autofree char *ca = NULL;
    KdsOptions kds = { 0 };
    const GOptionEntry entries[] = {
        { "owner", 0, 0, G_OPTION_ARG_FILENAME, &owner,
          "A guest owner's directory, for its trusted-roots", "DIR" },
        { "cek", 0, 0, G_OPTION_ARG_FILENAME, &cek,
          "The chip's CEK certificate, signed by AMD", "FILE" },
        { "ca", 0, 0, G_OPTION_ARG_FILENAME, &ca,
          "AMD's certificates ASK and ARK, in one file", "FILE" },
        KDS_OPTION_ENTRIES (kds),
        G_OPTION_ENTRY_NULL,
    };
    g_auto (PlatformCommand) command = { 0 };
    g_autoptr (GError) error = NULL;
    int code = -1;

    if (platform_command_parse (&command, "platform verify", "",
                                "Verifies the platform's certificates, as a launch does,\n"
                                "up to AMD's root or one that the owner trusts.",
                                entries, 0, 0, &argc, &argv, &error))
        code = verify (&command, owner, cek, ca, &kds, &error);
    kds_options_clear (&kds);
    return code < 0 ? command_fail (&command.common, error) : code;
}
