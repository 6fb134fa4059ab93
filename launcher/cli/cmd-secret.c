/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sevlaunch secret -- secrets for one measured launch, as a packet. */

#include "launcher/cli/secret-release.h"
#include "launcher/cli/step-acceptance.h"
#include "launcher/cli/step-verify.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "launcher/base/output-file.h"
#include "launcher/base/secret-file.h"
#include "launcher/inspect/firmware-list.h"
#include "ovmf-hooks/ovmf-error.h"
#include "ovmf-hooks/secret-area.h"
#include "ovmf-hooks/secret-table.h"
#include "policy/attest/owner-packet.h"
#include "policy/guest-policy.h"
#include "policy/policy-error.h"

static const char summary[] =
    "Packs secrets for the launch with this measurement: header and payload, for inject\n"
    "or virsh domsetlaunchsecstate.  With the options of verify the measurement is\n"
    "verified first, and an acceptance policy judged; without them nothing is: give it\n"
    "only what you have judged.  With --owner a session gets one packet, by the ledger.";

typedef struct {
    StepBootOptions boot;
    StepReportOptions report;
    SecretReleaseOptions release;
    gboolean accept_debug;
    char **secrets;
    char *header;
    char *payload;
} SecretOptions;

/* What is judged, and what is packed. */
typedef struct {
    StepBoot boot;
    StepReport report;
    SecretRelease release;
    OvmfSecretTable *table;
    PolicyVerdict *verdict;
    gboolean verified;
} Packing;

static void
packing_clear (Packing *p)
{
    step_boot_clear (&p->boot);
    step_report_clear (&p->report);
    secret_release_clear (&p->release);
    g_clear_pointer (&p->table, ovmf_secret_table_free);
    g_clear_pointer (&p->verdict, policy_verdict_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Packing, packing_clear)

static void
secret_options_clear (SecretOptions *o)
{
    step_boot_options_clear (&o->boot);
    step_report_options_clear (&o->report);
    secret_release_options_clear (&o->release);
    g_clear_pointer (&o->secrets, g_strfreev);
    g_clear_pointer (&o->header, g_free);
    g_clear_pointer (&o->payload, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SecretOptions, secret_options_clear)

static gboolean
parse (SecretOptions *o, CommandCommon *common, int *argc, char ***argv, GError **error)
{
    const GOptionEntry own[] = {
        { "secret", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &o->secrets,
          "A secret for the guest (repeatable; FILE may be -)", "ALIAS|GUID:FILE" },
        { "out-header", 0, 0, G_OPTION_ARG_FILENAME, &o->header,
          "Where the packet's header goes, in base64", "FILE" },
        { "out-payload", 0, 0, G_OPTION_ARG_FILENAME, &o->payload,
          "Where the encrypted secrets go, in base64", "FILE" },
        { "owner", 0, 0, G_OPTION_ARG_FILENAME, &o->release.owner,
          "The owner's directory: acceptance policy, trusted firmware, ledger", "DIR" },
        { "acceptance", 0, 0, G_OPTION_ARG_FILENAME, &o->release.acceptance,
          "Only as this acceptance policy lets secrets go", "FILE" },
        { "session", 0, 0, G_OPTION_ARG_FILENAME, &o->release.session,
          "The session's launch blob, for the ledger (with --owner)", "FILE" },
        { "accept-firmware", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o->release.accept_firmware,
          "Take an unpinned firmware with this digest (dangerous, repeatable)", "SHA256" },
        { "allow-unmeasured-boot", 0, 0, G_OPTION_ARG_NONE, &o->release.allow_unmeasured,
          "Pack for an unmeasured boot (with --owner; dangerous)", NULL },
        { "accept-debug", 0, 0, G_OPTION_ARG_NONE, &o->accept_debug,
          "Pack for a policy that lets the host read the guest (dangerous)", NULL },
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr (GArray) entries = step_entries (&o->boot, &o->report, own);

    if (!command_parse ("secret", "", summary, (const GOptionEntry *) entries->data, common,
                        argc, argv, error))
        return FALSE;
    if (*argc > 1)
        return step_usage (error, "secret takes options only");
    if (o->secrets == NULL || o->header == NULL || o->payload == NULL)
        return step_usage (error, "--secret, --out-header and --out-payload are needed");
    if (output_file_is_same (o->header, o->payload))
        return step_usage (error, "--out-header and --out-payload are the same file");
    if (o->report.tk == NULL && o->report.tek == NULL)
        return step_usage (error, "--tik and --tek are needed, or --tk");
    return TRUE;
}

/* What only verify has a use for.  --firmware alone bounds the table, --api alone tells how
 * old a platform is. */
static gboolean
has_verify_option (const SecretOptions *o)
{
    return o->report.digest != NULL || o->boot.policy != NULL || o->boot.kernel != NULL ||
           o->boot.vcpus != NULL || o->boot.cpu != NULL || o->boot.vmsa != NULL ||
           (o->boot.firmware != NULL && o->report.api != NULL && !o->report.allow_legacy);
}

/* Half of the options of verify are no way to verify less. */
static gboolean
wants_verdict (const SecretOptions *o, gboolean *wanted, GError **error)
{
    const gboolean what = o->boot.firmware != NULL || o->report.digest != NULL;

    *wanted = what && o->boot.policy != NULL && o->report.api != NULL;
    if (*wanted && o->boot.firmware != NULL && o->report.digest != NULL)
        return step_usage (error, "--firmware and --digest exclude each other");
    if (*wanted || !has_verify_option (o))
        return TRUE;
    return step_usage (error, "to verify the measurement --policy, --api, --build and "
                              "--firmware or --digest are needed");
}

static gboolean
fill_table (char **secrets, OvmfSecretTable *table, GError **error)
{
    for (char **i = secrets; *i != NULL; i++) {
        g_autofree char *name = NULL;
        g_autoptr (SevSecret) value = NULL;
        g_autoptr (GError) cause = NULL;
        SevGuid guid;

        if (!secret_argument_parse (*i, &guid, &name, &value, error))
            return FALSE;
        if (ovmf_secret_table_add (table, &guid, value, &cause))
            continue;
        if (g_error_matches (cause, OVMF_ERROR, OVMF_ERROR_TOO_LARGE))
            g_set_error (error, POLICY_ERROR, POLICY_ERROR_SECRET_TOO_LARGE,
                         "--secret %s: %s", name, cause->message);
        else
            step_usage (error, "--secret %s: %s", name, cause->message);
        return FALSE;
    }
    return TRUE;
}

static SevSecret *
build_table (const OvmfSecretTable *table, gsize limit, GError **error)
{
    g_autoptr (GError) cause = NULL;
    SevSecret *built = ovmf_secret_table_build (table, limit, &cause);

    if (built == NULL)
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_SECRET_TOO_LARGE, "%s",
                     cause->message);
    return built;
}

static gboolean
write_base64 (const char *path, GBytes *bytes, GError **error)
{
    gsize len;
    const guint8 *data = g_bytes_get_data (bytes, &len);
    g_autofree char *text = g_base64_encode (data, len);

    return output_file_write (path, text, strlen (text), OUTPUT_FILE_PRIVATE, error);
}

/* Half of a packet is no packet. */
static gboolean
write_packet (const SecretOptions *o, const PolicyPacket *packet, GError **error)
{
    if (!write_base64 (o->header, policy_packet_get_header (packet), error))
        return FALSE;
    if (write_base64 (o->payload, policy_packet_get_data (packet), error))
        return TRUE;
    (void) unlink (o->header);
    return FALSE;
}

static JsonArray *
secrets_json (const OvmfSecretTable *table)
{
    JsonArray *secrets = json_array_new ();

    for (guint i = 0; i < ovmf_secret_table_count (table); i++) {
        JsonObject *one = json_object_new ();
        g_autofree char *guid = sev_guid_to_string (ovmf_secret_table_get_guid (table, i));

        json_object_set_string_member (one, "guid", guid);
        json_object_set_int_member (one, "bytes",
                                    (gint64) ovmf_secret_table_get_size (table, i));
        json_array_add_object_element (secrets, one);
    }
    return secrets;
}

static int
say (const SecretOptions *o, const Packing *p, const CommandCommon *common)
{
    g_autoptr (JsonObject) object = json_object_new ();
    const PolicyAcceptance *acceptance = p->release.acceptance;
    const guint count = ovmf_secret_table_count (p->table);
    g_autofree char *header = g_utf8_make_valid (o->header, -1);
    g_autofree char *payload = g_utf8_make_valid (o->payload, -1);

    if (!common->json) {
        const GPtrArray *open = policy_verdict_get_unproven (p->verdict);
        for (guint i = 0; i < open->len; i++)
            message_warning ("unproven: %s", (const char *) g_ptr_array_index (open, i));
        message_info ("packed %u secret%s", count, count == 1 ? "" : "s");
        return LAUNCHER_EXIT_OK;
    }
    json_object_set_string_member (object, "schema", "sevlaunch.secret/1");
    json_object_set_boolean_member (object, "measurement_verified", p->verified);
    if (acceptance != NULL) {
        g_autofree char *source =
            g_utf8_make_valid (policy_acceptance_get_source (acceptance), -1);
        json_object_set_string_member (object, "acceptance", source);
    } else {
        json_object_set_null_member (object, "acceptance");
    }
    json_object_set_boolean_member (object, "ledger", p->release.owner != NULL);
    json_object_set_array_member (object, "unproven", step_unproven_json (p->verdict));
    json_object_set_array_member (object, "secrets", secrets_json (p->table));
    json_object_set_string_member (object, "header", header);
    json_object_set_string_member (object, "payload", payload);
    return command_print_json (object);
}

static gboolean
judge (const SecretOptions *o, Packing *p, GError **error)
{
    if (!p->verified) {
        policy_verdict_add_unproven (p->verdict,
                                     "what was launched: the measurement was not verified");
        return TRUE;
    }
    policy_guest_lint (p->boot.policy, p->verdict);
    if (p->boot.inputs != NULL)
        firmware_note_other_build (p->boot.inputs->firmware.sha256, PKGDATADIR, p->verdict);
    return step_verify (&p->boot, &p->report, error) &&
           policy_guest_check (p->boot.policy, error) &&
           policy_guest_require (p->boot.policy, o->accept_debug, error);
}

static gboolean
area_limit (const StepBoot *boot, gsize *limit, GError **error)
{
    *limit = SEV_SECRET_MAX_SIZE;
    return boot->inputs == NULL ||
           ovmf_secret_area_limit (&boot->inputs->info, limit, error);
}

static gboolean
read_all (const SecretOptions *o, Packing *p, GError **error)
{
    p->table = ovmf_secret_table_new ();
    p->verdict = policy_verdict_new ();
    return wants_verdict (o, &p->verified, error) &&
           step_report_read (&o->report, p->verified, &p->report, error) &&
           step_boot_read (&o->boot, FALSE, &p->boot, error) &&
           secret_release_open (&o->release, &o->report, p->verified, &p->release, error);
}

static gboolean
check_api (const SecretOptions *o, const Packing *p, gboolean *legacy, GError **error)
{
    *legacy = o->report.api != NULL &&
              !policy_api_is_bound (p->report.input.api_major, p->report.input.api_minor);
    return !*legacy || o->report.allow_legacy ||
           step_usage (error, "a packet for an API before 0.17 is bound to no measurement: "
                              "it needs --allow-legacy-api");
}

/* The ledger comes last before the packet: what is refused gets no entry. */
static PolicyPacket *
make_packet (const SecretOptions *o, Packing *p, GError **error)
{
    gboolean legacy = FALSE;
    gsize limit;

    if (!area_limit (&p->boot, &limit, error) || !judge (o, p, error) ||
        !fill_table (o->secrets, p->table, error) ||
        !secret_release_judge (&p->release, &p->boot, p->verified ? &p->report : NULL,
                               p->table, p->verdict, error))
        return NULL;
    if (!p->verified)
        message_warning ("the measurement was not verified here: whoever made it gets the "
                         "secrets (verify it first, or give the options of verify)");
    if (!check_api (o, p, &legacy, error))
        return NULL;
    g_autoptr (SevSecret) built = build_table (p->table, limit, error);
    if (built == NULL || !secret_release_record (&p->release, &p->boot, &p->report, error))
        return NULL;
    return policy_packet_new_by_hand (p->report.tek, p->report.tik, p->report.report,
                                      legacy, built, limit, error);
}

/* Every reason, where an acceptance policy gave some. */
static int
refuse (const Packing *p, const CommandCommon *common, const GError *error)
{
    const GPtrArray *reasons = policy_verdict_get_reasons (p->verdict);
    const LauncherReason reason = launcher_reason (error);

    if (reasons->len == 0)
        return command_fail (common, error);
    for (guint i = 0; i < reasons->len; i++) {
        const PolicyReason *one = g_ptr_array_index (reasons, i);
        message_reason (one->id, one->text);
    }
    message_info ("%s", error->message);
    if (common->json) {
        g_autoptr (JsonObject) object = json_object_new ();
        json_object_set_string_member (object, "schema", "sevlaunch.error/1");
        json_object_set_array_member (object, "reasons", step_reasons_json (p->verdict));
        json_object_set_int_member (object, "exit_code", reason.exit_code);
        command_print_json (object);
    }
    return (int) reason.exit_code;
}

static int
pack (const SecretOptions *o, const CommandCommon *common, GError **error)
{
    g_auto (Packing) p = { 0 };
    g_autoptr (GError) refused = NULL;

    if (!read_all (o, &p, error) || !output_file_check (o->header, error) ||
        !output_file_check (o->payload, error))
        return -1;
    g_autoptr (PolicyPacket) packet = make_packet (o, &p, &refused);
    if (packet == NULL)
        return refuse (&p, common, refused);
    if (!write_packet (o, packet, error))
        return -1;
    return say (o, &p, common);
}

int
cmd_secret (int argc, char **argv)
{
    g_auto (SecretOptions) options = { 0 };
    CommandCommon common = { 0 };
    g_autoptr (GError) error = NULL;
    int code = -1;

    if (parse (&options, &common, &argc, &argv, &error))
        code = pack (&options, &common, &error);
    return code < 0 ? command_fail (&common, error) : code;
}
