/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sevlaunch evidence -- what launches left, and what of it is proven. */

#include "launcher/cli/cmd-evidence.h"

#include "launcher/base/secret-file.h"
#include "policy/owner-file.h"
#include "policy/owner-sign.h"
#include "policy/policy-error.h"

void
evidence_options_clear (EvidenceOptions *options)
{
    g_free (options->signer);
    g_free (options->owner);
    g_strfreev (options->trust_roots);
    g_free (options->tik);
    step_boot_options_clear (&options->boot);
}

void
evidence_tools_clear (EvidenceTools *tools)
{
    g_clear_pointer (&tools->signer, sev_sign_key_free);
    g_clear_pointer (&tools->owner, policy_owner_free);
    g_clear_pointer (&tools->own, policy_roots_free);
    g_clear_pointer (&tools->tik, sev_secret_unref);
    step_boot_clear (&tools->boot);
}

GArray *
evidence_entries (EvidenceOptions *o, const GOptionEntry *own)
{
    const GOptionEntry shared[] = {
        { "signer", 0, 0, G_OPTION_ARG_FILENAME, &o->signer,
          "The owner's sign.pub (default: of --owner)", "FILE" },
        { "owner", 0, 0, G_OPTION_ARG_FILENAME, &o->owner,
          "An owner's directory, for its sign.pub and trusted-roots", "DIR" },
        { "trust-root", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o->trust_roots,
          "Trust this root too; never counts as AMD's (repeatable)", "SHA256" },
        { "firmware", 0, 0, G_OPTION_ARG_FILENAME, &o->boot.firmware,
          "Whether this firmware is what was measured", "FILE" },
        { "kernel", 0, 0, G_OPTION_ARG_FILENAME, &o->boot.kernel,
          "and this kernel, or unified kernel image", "FILE" },
        { "initrd", 0, 0, G_OPTION_ARG_FILENAME, &o->boot.initrd, "and this initrd",
          "FILE" },
        { "append", 0, 0, G_OPTION_ARG_FILENAME, &o->boot.append, "and this command line",
          "TEXT" },
        { "tik", 0, 0, G_OPTION_ARG_FILENAME, &o->tik,
          "The session's integrity key, which only its owner has", "FILE" },
        G_OPTION_ENTRY_NULL,
    };
    GArray *entries = g_array_new (TRUE, TRUE, sizeof (GOptionEntry));

    for (const GOptionEntry *i = own; i != NULL && i->long_name != NULL; i++)
        g_array_append_vals (entries, i, 1);
    g_array_append_vals (entries, shared, G_N_ELEMENTS (shared) - 1);
    return entries;
}

static PolicyRoots *
get_roots (EvidenceTools *tools)
{
    return tools->owner != NULL ? policy_owner_get_roots (tools->owner) : tools->own;
}

static gboolean
read_roots (const EvidenceOptions *options, EvidenceTools *out, GError **error)
{
    PolicyFingerprint fingerprint;

    if (options->owner != NULL) {
        out->owner = policy_owner_open_dir (options->owner, POLICY_OWNER_NO_KEY, error);
        if (out->owner == NULL)
            return FALSE;
    } else {
        out->own = policy_roots_new ();
    }
    for (char **i = options->trust_roots; i != NULL && *i != NULL; i++) {
        g_autofree char *word = g_str_has_prefix (*i, "sha256:")
                                    ? g_strdup (*i)
                                    : g_strconcat ("sha256:", *i, NULL);
        if (!policy_fingerprint_parse (word, &fingerprint, NULL))
            return step_usage (error, "--trust-root takes a SHA-256 of 64 hexadecimal "
                                      "digits");
        policy_roots_add (get_roots (out), &fingerprint);
    }
    return TRUE;
}

static gboolean
read_signer (const EvidenceOptions *options,
             gboolean need_signer,
             EvidenceTools *out,
             GError **error)
{
    g_autofree char *beside =
        options->owner != NULL
            ? g_build_filename (options->owner, POLICY_OWNER_SIGN_PUB, NULL)
            : NULL;
    const char *path = options->signer != NULL ? options->signer : beside;

    if (path == NULL)
        return !need_signer ||
               step_usage (error, "--signer or --owner is needed: without the signer's "
                                  "sign.pub nothing is proven");
    out->signer = path == beside ? policy_sign_pub_load_found (path, error)
                                 : policy_sign_pub_load (path, error);
    return out->signer != NULL;
}

gboolean
evidence_tools_read (const EvidenceOptions *options,
                     gboolean need_signer,
                     EvidenceTools *out,
                     GError **error)
{
    const StepBootOptions *boot = &options->boot;

    if (boot->firmware == NULL &&
        (boot->kernel != NULL || boot->initrd != NULL || boot->append != NULL))
        return step_usage (error, "--kernel, --initrd and --append need --firmware");
    if (!read_signer (options, need_signer, out, error) ||
        !read_roots (options, out, error))
        return FALSE;
    if (options->tik != NULL) {
        out->tik = secret_key_read ("--tik", options->tik, SEV_KEY_SIZE, error);
        if (out->tik == NULL)
            return FALSE;
    }
    if (boot->firmware != NULL && !step_boot_read (boot, TRUE, &out->boot, error))
        return FALSE;
    out->question = (EvidenceQuestion){
        .signer = out->signer,
        .roots = get_roots (out),
        .files = out->boot.inputs,
        .files_cmdline = boot->append != NULL,
        .tik = out->tik,
    };
    return TRUE;
}

/* @bytes: (nullable): %NULL: @cause says why */
static Evidence *
parse_file (const char *path, GBytes *bytes, const GError *cause, GError **error)
{
    if (bytes == NULL) {
        g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_FILE, cause->message);
        return NULL;
    }
    Evidence *evidence = evidence_parse (bytes, error);
    if (evidence == NULL)
        g_prefix_error (error, "'%s': ", path);
    return evidence;
}

Evidence *
evidence_load (const char *path, GError **error)
{
    g_autoptr (GError) cause = NULL;
    g_autoptr (GBytes) bytes = policy_file_read_any (path, EVIDENCE_MAX_SIZE, &cause);

    return parse_file (path, bytes, cause, error);
}

Evidence *
evidence_load_found (const char *path, GError **error)
{
    g_autoptr (GError) cause = NULL;
    g_autoptr (GBytes) bytes = policy_file_read_found (path, EVIDENCE_MAX_SIZE, &cause);

    return parse_file (path, bytes, cause, error);
}

void
evidence_set_text (JsonObject *object, const char *name, const char *text)
{
    g_autofree char *valid = text != NULL ? g_utf8_make_valid (text, -1) : NULL;

    if (valid != NULL)
        json_object_set_string_member (object, name, valid);
    else
        json_object_set_null_member (object, name);
}

void
evidence_reasons_json (GPtrArray *findings, JsonArray *reasons)
{
    for (guint i = 0; i < findings->len; i++) {
        const EvidenceFinding *finding = g_ptr_array_index (findings, i);

        if (finding->standing != EVIDENCE_REFUSED)
            continue;
        JsonObject *one = json_object_new ();
        evidence_set_text (one, "id", finding->id);
        evidence_set_text (one, "text", finding->text);
        json_array_add_object_element (reasons, one);
    }
}

gboolean
evidence_say_reasons (const char *file, GPtrArray *findings)
{
    gboolean any = FALSE;

    for (guint i = 0; i < findings->len; i++) {
        const EvidenceFinding *finding = g_ptr_array_index (findings, i);

        if (finding->standing != EVIDENCE_REFUSED)
            continue;
        g_autofree char *text = g_strdup_printf ("'%s': %s", file, finding->text);
        message_reason (finding->id, text);
        any = TRUE;
    }
    return any;
}

int
cmd_evidence (int argc, char **argv)
{
    static const Command table[] = {
        { "verify", "Say what evidence proves, and to whom", cmd_evidence_verify },
        { "show", "Print what stands in it, unverified", cmd_evidence_show },
        { "list", "List a folder, and say what is missing", cmd_evidence_list },
        { "report", "Write a page for a human reader", cmd_evidence_report },
        { NULL, NULL, NULL },
    };

    return command_dispatch ("evidence", table, argc, argv);
}
