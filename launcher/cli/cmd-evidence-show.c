/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sevlaunch evidence show and list */

#include "launcher/cli/cmd-evidence.h"

#include <stdio.h>
#include <string.h>

#include "policy/evidence/evidence-store.h"
#include "policy/guest-policy.h"
#include "policy/ledger-text.h"
#include "policy/ledger.h"
#include "policy/owner-file.h"
#include "policy/owner-sign.h"
#include "policy/policy-error.h"
#include "sev/base/sev-bytes.h"

static const char show_summary[] =
    "Prints what stands in evidence.  Nothing of it is verified; 'evidence verify' does.";
static const char list_summary[] =
    "Lists the evidence of an owner, or of a folder, and says what is missing in it or "
    "was\n"
    "changed: exit status 0, or 1 and every reason.  Signatures are checked with the\n"
    "sign.pub of --signer, else of the owner's directory.";

static void
line (const char *label, const char *text)
{
    g_autofree char *shown = message_printable (text != NULL ? text : "-");

    printf ("  %-12s %s\n", label, shown);
}

static void
hex_line (const char *label, const void *data, gsize len)
{
    g_autofree char *hex = sev_hex_encode (data, len);

    line (label, hex);
}

static void
file_line (const char *label, const EvidenceFile *file)
{
    if (file == NULL)
        return;
    g_autofree char *hex = sev_hex_encode (file->sha256, SEV_DIGEST_SIZE);
    g_autofree char *text = g_strdup_printf ("sha256:%s %s", hex, file->path);
    line (label, text);
}

static void
acceptance_line (const EvidenceManifest *m)
{
    if (m->acceptance == NULL) {
        line ("acceptance", "built-in default");
        return;
    }
    g_autofree char *hex = sev_hex_encode (m->acceptance_sha256, SEV_DIGEST_SIZE);
    g_autofree char *text = g_strdup_printf ("sha256:%s %s", hex, m->acceptance);
    line ("acceptance", text);
}

static void
print_size (const EvidenceManifest *m)
{
    g_autofree char *vcpus =
        m->vcpus > 0 ? g_strdup_printf ("%u%s", m->vcpus,
                                        m->es && m->verified ? "" : ", not measured")
                     : g_strdup ("not known");
    g_autofree char *memory = m->memory_mib > 0
                                  ? g_strdup_printf ("%u MiB, not measured", m->memory_mib)
                                  : g_strdup ("not known");

    line ("processors", vcpus);
    line ("memory", memory);
}

static void
print_manifest (const Evidence *evidence)
{
    const EvidenceManifest *m = evidence->manifest;
    g_autofree char *policy = policy_guest_to_text (m->policy);
    g_autofree char *policy_line = g_strdup_printf ("0x%08x (%s)", m->policy, policy);
    g_autofree char *api = m->has_api ? g_strdup_printf ("API %u.%u build %u", m->api_major,
                                                         m->api_minor, m->build)
                                      : g_strdup ("API and build not known");
    g_autofree char *platform = g_strdup_printf (
        "%s%s, %s, owner %s", m->emulated ? "EMULATED" : "AMD SEV, ",
        m->emulated ? "" : (m->generation != NULL ? m->generation : "not known"), api,
        m->platform_owner != NULL ? m->platform_owner : "not known");

    printf ("number %" G_GUINT64_FORMAT ", UNVERIFIED\n", m->counter);
    line ("time", m->time);
    line ("guest", m->domain_name);
    line ("verdict", m->verified ? "verified" : "refused");
    line ("judged on", m->judged_on);
    for (guint i = 0; i < m->reasons->len; i++) {
        const PolicyReason *reason = g_ptr_array_index (m->reasons, i);
        line ("reason", reason->text);
    }
    line ("platform", platform);
    line ("root", m->root_fingerprint);
    line ("policy", policy_line);
    acceptance_line (m);
    file_line ("firmware", m->firmware);
    file_line ("kernel", m->kernel);
    file_line ("initrd", m->initrd);
    if (m->uki)
        line ("in the image", m->uki_cmdline != NULL ? m->uki_cmdline : "not known");
    if (m->cmdline != NULL)
        line ("command line", m->cmdline);
    print_size (m);
    if (m->has_digest)
        hex_line ("digest", m->digest, sizeof m->digest);
    for (guint i = 0; i < m->secrets->len; i++) {
        g_autofree char *guid =
            sev_guid_to_string (&g_array_index (m->secrets, SevGuid, i));
        line ("secret", guid);
    }
    line ("report", evidence->report == NULL ? evidence->report_missing
                    : m->early_report ? "of the platform's own, for session and measurement"
                                      : "of the platform's own, for this manifest");
    for (guint i = 0; i < m->unproven->len; i++)
        line ("unproven", g_ptr_array_index (m->unproven, i));
    line ("signer", m->signer);
}

static int
show_json (const Evidence *evidence)
{
    g_autoptr (JsonObject) object = json_object_new ();
    g_autoptr (JsonParser) parser = json_parser_new ();
    gsize len;
    const char *text = g_bytes_get_data (evidence->text, &len);

    /* It was parsed strictly before. */
    json_object_set_string_member (object, "schema", "sevlaunch.evidence-show/1");
    json_object_set_boolean_member (object, "verified", FALSE);
    if (json_parser_load_from_data (parser, text, (gssize) len, NULL))
        json_object_set_member (object, "manifest", json_parser_steal_root (parser));
    evidence_set_text (object, "report_missing", evidence->report_missing);
    return command_print_json (object);
}

int
cmd_evidence_show (int argc, char **argv)
{
    CommandCommon common = { 0 };
    g_autoptr (GError) error = NULL;

    if (!command_parse ("evidence show", "FILE", show_summary, NULL, &common, &argc, &argv,
                        &error))
        return command_fail (&common, error);
    if (argc != 2) {
        (void) step_usage (&error, "evidence show takes one file");
        return command_fail (&common, error);
    }
    g_autoptr (Evidence) evidence = evidence_load (argv[1], &error);
    if (evidence == NULL)
        return command_fail (&common, error);
    if (common.json)
        return show_json (evidence);
    print_manifest (evidence);
    return LAUNCHER_EXIT_OK;
}

/* list */

typedef struct {
    const SevSignKey *signer; /* (nullable) */
    GArray *rows;             /* EvidenceRow */
    GPtrArray *evidence;      /* owned, of the rows */
    JsonArray *files;
    JsonArray *reasons;
    LauncherExit worst;
    gboolean json;
} Listing;

static void
refuse (Listing *listing, const char *id, const char *text)
{
    JsonObject *one = json_object_new ();

    message_reason (id, text);
    evidence_set_text (one, "id", id);
    evidence_set_text (one, "text", text);
    json_array_add_object_element (listing->reasons, one);
    listing->worst = MAX (listing->worst, LAUNCHER_EXIT_NOT_VERIFIED);
}

static void
print_row (Listing *listing, const char *name, const Evidence *evidence, gboolean signed_ok)
{
    const EvidenceManifest *m = evidence->manifest;
    g_autofree char *guest = message_printable (m->domain_name);

    if (!listing->json) {
        printf ("%6" G_GUINT64_FORMAT "  %s  %-8s  %-13s %s%s\n", m->counter, m->time,
                m->verified ? "verified" : "refused", m->judged_on, guest,
                m->emulated ? "  EMULATED" : "");
        return;
    }
    JsonObject *one = json_object_new ();
    evidence_set_text (one, "file", name);
    json_object_set_int_member (one, "counter", (gint64) m->counter);
    evidence_set_text (one, "time", m->time);
    evidence_set_text (one, "domain", m->domain_name);
    evidence_set_text (one, "verdict", m->verified ? "verified" : "refused");
    evidence_set_text (one, "judged_on", m->judged_on);
    json_object_set_boolean_member (one, "emulated", m->emulated);
    json_object_set_boolean_member (one, "signed", signed_ok);
    json_array_add_object_element (listing->files, one);
}

static void
list_one (Listing *listing, const EvidenceEntry *entry)
{
    g_autoptr (GError) error = NULL;
    EvidenceRow row = { entry->name, entry->number, NULL };
    Evidence *evidence = evidence_load_found (entry->path, &error);

    if (evidence == NULL) {
        refuse (listing, launcher_reason (error).id, error->message);
    } else {
        const gboolean ok = listing->signer != NULL &&
                            evidence_verify_signature (evidence, listing->signer, &error);
        g_ptr_array_add (listing->evidence, evidence);
        row.evidence = evidence;
        print_row (listing, entry->name, evidence, ok);
        if (error != NULL) {
            g_autofree char *text = g_strdup_printf (
                "'%s': is not as the holder of the signing key signed it", entry->name);
            refuse (listing, "evidence-signature", text);
        }
    }
    g_array_append_val (listing->rows, row);
}

static void
check_order (Listing *listing, const EvidencePlace *head)
{
    g_autoptr (GPtrArray) found =
        evidence_check_order ((const EvidenceRow *) (gpointer) listing->rows->data,
                              listing->rows->len, head->counter, head->previous);

    for (guint i = 0; i < found->len; i++) {
        const EvidenceFinding *finding = g_ptr_array_index (found, i);
        refuse (listing, finding->id, finding->text);
    }
}

static gboolean
has_session (const Listing *listing, const guint8 *id)
{
    for (guint i = 0; i < listing->evidence->len; i++) {
        const Evidence *evidence = g_ptr_array_index (listing->evidence, i);
        if (memcmp (evidence->manifest->session_id, id, POLICY_SESSION_ID_SIZE) == 0)
            return TRUE;
    }
    return FALSE;
}

/* What the folder cannot say of itself, the owner's ledger may. */
static gboolean
check_ledger (Listing *listing, const char *path, guint *missing, GError **error)
{
    g_autofree char *name = g_build_filename (path, POLICY_LEDGER_NAME, NULL);
    g_autoptr (GError) cause = NULL;
    gsize len;

    *missing = 0;
    g_autoptr (GBytes) text = policy_file_read_found (name, POLICY_LEDGER_MAX_SIZE, &cause);
    if (g_error_matches (cause, POLICY_ERROR, POLICY_ERROR_OWNER_MISSING))
        return TRUE;
    if (text == NULL) {
        g_propagate_error (error, g_steal_pointer (&cause));
        return FALSE;
    }
    const char *data = g_bytes_get_data (text, &len);
    g_autoptr (GArray) sessions = policy_ledger_sessions (data, len);
    for (guint i = 0; i < sessions->len; i++)
        if (!has_session (listing, (const guint8 *) sessions->data +
                                       (gsize) i * POLICY_SESSION_ID_SIZE))
            ++*missing;
    if (*missing == 0)
        return TRUE;
    g_autofree char *said = g_strdup_printf (
        "of %u of %u launches in the owner's ledger there is no evidence: there was no "
        "signing key then, or it was taken away",
        *missing, sessions->len);
    if (listing->rows->len == 0)
        refuse (listing, "evidence-gap", said);
    else
        message_warning ("%s", said);
    return TRUE;
}

static int
list_folder (const char *path,
             const SevSignKey *signer,
             const CommandCommon *common,
             GError **error)
{
    EvidencePlace head;
    g_autoptr (GPtrArray) entries = evidence_store_list (path, &head, error);
    g_autoptr (JsonObject) object = json_object_new ();
    g_autoptr (GArray) rows = g_array_new (FALSE, FALSE, sizeof (EvidenceRow));
    g_autoptr (GPtrArray) evidence =
        g_ptr_array_new_with_free_func ((GDestroyNotify) evidence_free);
    Listing listing = {
        signer,           rows,        evidence, json_array_new (), json_array_new (),
        LAUNCHER_EXIT_OK, common->json
    };
    guint missing = 0;

    json_object_set_string_member (object, "schema", "sevlaunch.evidence-list/1");
    evidence_set_text (object, "directory", path);
    json_object_set_array_member (object, "files", listing.files);
    json_object_set_array_member (object, "reasons", listing.reasons);
    if (entries == NULL)
        return command_fail (common, *error);
    for (guint i = 0; i < entries->len; i++)
        list_one (&listing, g_ptr_array_index (entries, i));
    check_order (&listing, &head);
    if (!check_ledger (&listing, path, &missing, error))
        return command_fail (common, *error);
    json_object_set_int_member (object, "judged_without", missing);
    json_object_set_int_member (object, "exit_code", listing.worst);
    if (common->json)
        command_print_json (object);
    return (int) listing.worst;
}

int
cmd_evidence_list (int argc, char **argv)
{
    g_autofree char *path = NULL;
    const GOptionEntry entries[] = {
        { "signer", 0, 0, G_OPTION_ARG_FILENAME, &path,
          "The owner's sign.pub (default: the directory's, if there is one)", "FILE" },
        G_OPTION_ENTRY_NULL,
    };
    CommandCommon common = { 0 };
    g_autoptr (GError) error = NULL;
    g_autoptr (SevSignKey) signer = NULL;

    if (!command_parse ("evidence list", "DIR", list_summary, entries, &common, &argc,
                        &argv, &error))
        return command_fail (&common, error);
    if (argc != 2) {
        (void) step_usage (&error, "evidence list takes one directory");
        return command_fail (&common, error);
    }
    const gboolean beside = path == NULL;
    if (beside) {
        path = g_build_filename (argv[1], POLICY_OWNER_SIGN_PUB, NULL);
        if (!g_file_test (path, G_FILE_TEST_EXISTS))
            g_clear_pointer (&path, g_free);
    }
    if (path == NULL)
        message_warning ("no sign.pub: signatures are not checked");
    else
        signer = beside ? policy_sign_pub_load_found (path, &error)
                        : policy_sign_pub_load (path, &error);
    if (error != NULL)
        return command_fail (&common, error);
    return list_folder (argv[1], signer, &common, &error);
}
