/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The text of a manifest to its data: every member once, in its type, within bounds. */

#include <string.h>

#include "policy/attest/owner-vmsa.h"
#include "policy/evidence/evidence-private.h"
#include "policy/policy-error.h"
#include "policy/roots.h"
#include "qmp/qmp-json.h"
#include "sev/base/sev-bytes.h"

#define MAX_COUNTER G_GUINT64_CONSTANT (999999999)
#define MAX_FILE_BYTES (G_GUINT64_CONSTANT (1) << 40)
#define MAX_BLOB 65536u

/* A part of the manifest; after the first failure every take does nothing. */
typedef struct {
    JsonObject *object;
    const char *name; /* of the part */
    guint taken;
    GError **error; /* shared by all parts */
    gboolean *failed;
} Part;

static void
fail (Part *part, const char *member, const char *what)
{
    if (*part->failed)
        return;
    *part->failed = TRUE;
    g_set_error (part->error, POLICY_ERROR, POLICY_ERROR_EVIDENCE_MALFORMED,
                 "evidence: '%s%s%s' %s", part->name, *part->name != '\0' ? "." : "",
                 member, what);
}

static JsonNode *
take (Part *part, const char *member)
{
    JsonNode *node = part->object != NULL && !*part->failed
                         ? json_object_get_member (part->object, member)
                         : NULL;

    part->taken++;
    if (node == NULL)
        fail (part, member, "is missing");
    return node;
}

static JsonNode *
take_value (Part *part, const char *member, GType type, gboolean nullable)
{
    JsonNode *node = take (part, member);

    if (node == NULL || (nullable && JSON_NODE_HOLDS_NULL (node)))
        return NULL;
    if (JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == type)
        return node;
    fail (part, member, "has another type");
    return NULL;
}

static char *
take_text (Part *part, const char *member)
{
    JsonNode *node = take_value (part, member, G_TYPE_STRING, FALSE);

    return node != NULL ? json_node_dup_string (node) : NULL;
}

static char *
take_text_or_null (Part *part, const char *member)
{
    JsonNode *node = take_value (part, member, G_TYPE_STRING, TRUE);

    return node != NULL ? json_node_dup_string (node) : NULL;
}

/* Others put it into a command line, so nothing else may pass for one. */
static char *
take_fingerprint_or_null (Part *part, const char *member)
{
    g_autofree char *text = take_text_or_null (part, member);
    PolicyFingerprint fingerprint;

    if (text != NULL && !policy_fingerprint_parse (text, &fingerprint, NULL))
        fail (part, member, "is no fingerprint");
    return g_steal_pointer (&text);
}

static gboolean
take_boolean (Part *part, const char *member)
{
    JsonNode *node = take_value (part, member, G_TYPE_BOOLEAN, FALSE);

    return node != NULL && json_node_get_boolean (node);
}

static guint64
take_uint (Part *part, const char *member, guint64 max)
{
    JsonNode *node = take_value (part, member, G_TYPE_INT64, FALSE);
    const gint64 value = node != NULL ? json_node_get_int (node) : 0;

    if (value >= 0 && (guint64) value <= max)
        return (guint64) value;
    fail (part, member, "is out of range");
    return 0;
}

static gboolean
holds_null (const Part *part, const char *member)
{
    JsonNode *node =
        part->object != NULL ? json_object_get_member (part->object, member) : NULL;

    return node != NULL && JSON_NODE_HOLDS_NULL (node);
}

/* @known: (out): it is not null */
static guint64
take_uint_or_null (Part *part, const char *member, guint64 max, gboolean *known)
{
    *known = !holds_null (part, member);
    if (*known)
        return take_uint (part, member, max);
    part->taken++;
    return 0;
}

static gboolean
take_hex (Part *part, const char *member, guint8 *out, gsize len, gboolean nullable)
{
    JsonNode *node = take_value (part, member, G_TYPE_STRING, nullable);

    if (node == NULL)
        return FALSE;
    if (sev_hex_decode (json_node_get_string (node), out, len, NULL))
        return TRUE;
    fail (part, member, "is no hexadecimal text of its length");
    return FALSE;
}

static GBytes *
take_bytes (Part *part, const char *member, gboolean nullable)
{
    g_autoptr (GError) cause = NULL;

    if (take_value (part, member, G_TYPE_STRING, nullable) == NULL)
        return NULL;
    GBytes *bytes = qmp_json_get_bytes (part->object, member, MAX_BLOB, &cause);
    if (bytes == NULL)
        fail (part, member, "is no base64 text, or too long");
    return bytes;
}

static Part
enter (Part *above, const char *member)
{
    Part part = { NULL, member, 0, above->error, above->failed };
    JsonNode *node = take (above, member);

    if (node != NULL && JSON_NODE_HOLDS_OBJECT (node))
        part.object = json_node_get_object (node);
    else
        fail (above, member, "is no object");
    return part;
}

static void
leave (Part *part)
{
    if (part->object != NULL && !*part->failed &&
        json_object_get_size (part->object) != part->taken)
        fail (part, "", "has members that are not known");
}

static JsonArray *
take_list (Part *part, const char *member)
{
    JsonNode *node = take (part, member);

    if (node != NULL && JSON_NODE_HOLDS_ARRAY (node) &&
        json_array_get_length (json_node_get_array (node)) <= EVIDENCE_MAX_LIST)
        return json_node_get_array (node);
    fail (part, member, "is no list, or too long");
    return NULL;
}

static guint
list_length (JsonArray *list)
{
    return list != NULL ? json_array_get_length (list) : 0;
}

static Part
element (Part *above, JsonArray *list, guint index, const char *name)
{
    Part part = { NULL, name, 0, above->error, above->failed };
    JsonNode *node = json_array_get_element (list, index);

    if (JSON_NODE_HOLDS_OBJECT (node))
        part.object = json_node_get_object (node);
    else
        fail (above, name, "has an element that is no object");
    return part;
}

static gboolean
is_place (const char *text)
{
    for (guint i = 0; i < POLICY_N_JUDGED_ON; i++)
        if (g_strcmp0 (text, policy_judged_on_name ((PolicyJudgedOn) i)) == 0)
            return TRUE;
    return FALSE;
}

static void
read_verdict (Part *top, EvidenceManifest *m)
{
    Part part = enter (top, "verdict");
    g_autofree char *result = take_text (&part, "result");

    m->judged_on = take_text (&part, "judged_on");
    if (!is_place (m->judged_on))
        fail (&part, "judged_on", "is no place where a launch can be judged");
    m->verified = g_strcmp0 (result, "verified") == 0;
    if (!m->verified && g_strcmp0 (result, "refused") != 0)
        fail (&part, "result", "is another word than verified or refused");
    JsonArray *checks = take_list (&part, "checks");
    for (guint i = 0; i < list_length (checks); i++) {
        Part one = element (&part, checks, i, "checks");
        EvidenceCheck *check = g_new0 (EvidenceCheck, 1);
        g_ptr_array_add (m->checks, check);
        check->name = take_text (&one, "name");
        check->passed = take_boolean (&one, "passed");
        leave (&one);
    }
    JsonArray *reasons = take_list (&part, "reasons");
    for (guint i = 0; i < list_length (reasons); i++) {
        Part one = element (&part, reasons, i, "reasons");
        PolicyReason *reason = g_new0 (PolicyReason, 1);
        g_ptr_array_add (m->reasons, reason);
        reason->id = take_text (&one, "id");
        reason->text = take_text (&one, "text");
        leave (&one);
    }
    JsonArray *unproven = take_list (&part, "unproven");
    for (guint i = 0; i < list_length (unproven); i++) {
        JsonNode *node = json_array_get_element (unproven, i);
        if (JSON_NODE_HOLDS_VALUE (node) &&
            json_node_get_value_type (node) == G_TYPE_STRING)
            g_ptr_array_add (m->unproven, json_node_dup_string (node));
        else
            fail (&part, "unproven", "has an element that is no text");
    }
    leave (&part);
}

static void
read_owner (Part *top, EvidenceManifest *m)
{
    Part part = enter (top, "owner");

    m->owner_cert = take_bytes (&part, "certificate", FALSE);
    m->release = take_text_or_null (&part, "release");
    if (holds_null (&part, "acceptance")) {
        part.taken++;
    } else {
        Part one = enter (&part, "acceptance");
        m->acceptance = take_text (&one, "name");
        (void) take_hex (&one, "sha256", m->acceptance_sha256, sizeof m->acceptance_sha256,
                         FALSE);
        leave (&one);
    }
    leave (&part);
}

static void
read_platform (Part *top, EvidenceManifest *m)
{
    Part part = enter (top, "platform");

    m->platform_kind = take_text (&part, "kind");
    m->emulated = take_boolean (&part, "emulated");
    m->generation = take_text_or_null (&part, "generation");
    gboolean known[3];
    m->api_major = (guint8) take_uint_or_null (&part, "api_major", G_MAXUINT8, &known[0]);
    m->api_minor = (guint8) take_uint_or_null (&part, "api_minor", G_MAXUINT8, &known[1]);
    m->build = (guint8) take_uint_or_null (&part, "build", G_MAXUINT8, &known[2]);
    m->has_api = known[0];
    if (known[1] != known[0] || known[2] != known[0])
        fail (&part, "build", "and the API are known only together");
    m->platform_owner = take_text_or_null (&part, "owner");
    m->owner_fingerprint = take_fingerprint_or_null (&part, "owner_fingerprint");
    m->root_fingerprint = take_fingerprint_or_null (&part, "root_fingerprint");
    Part certs = enter (&part, "certificates");
    m->pdh = take_bytes (&certs, "pdh", TRUE);
    m->cert_chain = take_bytes (&certs, "cert_chain", TRUE);
    m->cek = take_bytes (&certs, "cek", TRUE);
    m->ask = take_bytes (&certs, "ask", TRUE);
    m->ark = take_bytes (&certs, "ark", TRUE);
    leave (&certs);
    leave (&part);
}

static void
read_cpu (Part *above, EvidenceManifest *m)
{
    m->has_cpu = !holds_null (above, "cpu");
    if (!m->has_cpu) {
        above->taken++;
        return;
    }
    Part cpu = enter (above, "cpu");
    m->cpu_model = take_text_or_null (&cpu, "model");
    m->cpu_signature = (guint32) take_uint (&cpu, "signature", G_MAXUINT32);
    m->vmsa = take_text_or_null (&cpu, "vmsa");
    m->sev_features = take_uint (&cpu, "sev_features", G_MAXINT64);
    leave (&cpu);
    if (!m->es || m->vcpus == 0)
        fail (above, "cpu", "is measured with SEV-ES alone, and with the number of them");
}

static void
read_guest (Part *top, EvidenceManifest *m)
{
    Part part = enter (top, "guest");
    g_autofree char *type = take_text (&part, "type");

    m->es = g_strcmp0 (type, "sev-es") == 0;
    if (!m->es && g_strcmp0 (type, "sev") != 0)
        fail (&part, "type", "is another word than sev or sev-es");
    m->policy = (guint32) take_uint (&part, "policy", G_MAXUINT32);
    gboolean known;
    m->vcpus = (guint) take_uint_or_null (&part, "vcpus", POLICY_MAX_VCPUS, &known);
    if (known && m->vcpus == 0)
        fail (&part, "vcpus", "is out of range");
    m->memory_mib = (guint) take_uint_or_null (&part, "memory_mib", G_MAXUINT32, &known);
    if (known && m->memory_mib == 0)
        fail (&part, "memory_mib", "is out of range");
    read_cpu (&part, m);
    leave (&part);
}

static EvidenceFile *
read_file (Part *above, const char *name, gboolean nullable)
{
    if (nullable && holds_null (above, name)) {
        above->taken++;
        return NULL;
    }
    Part part = enter (above, name);
    EvidenceFile *file = g_new0 (EvidenceFile, 1);
    file->path = take_text (&part, "path");
    file->size = take_uint (&part, "size", MAX_FILE_BYTES);
    (void) take_hex (&part, "sha256", file->sha256, sizeof file->sha256, FALSE);
    leave (&part);
    return file;
}

static void
read_measured (Part *top, EvidenceManifest *m)
{
    Part part = enter (top, "measured");

    m->firmware = read_file (&part, "firmware", FALSE);
    m->kernel_hashes = take_boolean (&part, "kernel_hashes");
    m->kernel = read_file (&part, "kernel", TRUE);
    m->initrd = read_file (&part, "initrd", TRUE);
    m->cmdline = take_text_or_null (&part, "cmdline");
    m->uki = take_boolean (&part, "uki");
    m->uki_cmdline = take_text_or_null (&part, "uki_cmdline");
    if ((m->uki && m->kernel == NULL) || (!m->uki && m->uki_cmdline != NULL))
        fail (&part, "uki", "says otherwise than what is beside it");
    if (m->kernel_hashes != (m->kernel != NULL) ||
        (!m->kernel_hashes && (m->initrd != NULL || m->cmdline != NULL)))
        fail (&part, "kernel_hashes", "says otherwise than the files beside it");
    leave (&part);
}

static void
read_measurement (Part *top, EvidenceManifest *m)
{
    Part session = enter (top, "session");
    const gboolean has_id =
        take_hex (&session, "id", m->session_id, sizeof m->session_id, TRUE);
    m->session = take_bytes (&session, "blob", TRUE);
    if (has_id != (m->session != NULL))
        fail (&session, "id", "and the blob are there only together");
    leave (&session);

    Part part = enter (top, "measurement");
    m->has_digest = take_hex (&part, "digest", m->digest, sizeof m->digest, TRUE);
    m->has_measurement =
        take_hex (&part, "reported", m->reported, sizeof m->reported, TRUE);
    if (take_hex (&part, "nonce", m->nonce, sizeof m->nonce, TRUE) != m->has_measurement)
        fail (&part, "nonce", "and the measurement are there only together");
    g_autofree char *report_for = take_text (&part, "report_for");
    m->early_report = g_strcmp0 (report_for, "measurement") == 0;
    if (!m->early_report && g_strcmp0 (report_for, "manifest") != 0)
        fail (&part, "report_for", "is another word than manifest or measurement");
    leave (&part);
}

static void
read_secrets (Part *top, EvidenceManifest *m)
{
    JsonArray *list = take_list (top, "secrets");

    for (guint i = 0; i < list_length (list); i++) {
        Part one = element (top, list, i, "secrets");
        g_autofree char *guid = take_text (&one, "guid");
        SevGuid secret = { 0 };
        leave (&one);
        if (guid != NULL && !sev_guid_parse (guid, &secret, NULL))
            fail (&one, "guid", "is no GUID");
        g_array_append_val (m->secrets, secret);
    }
}

static void
read_head (Part *top, EvidenceManifest *m)
{
    g_autofree char *schema = take_text (top, "schema");

    if (g_strcmp0 (schema, EVIDENCE_MANIFEST_SCHEMA) != 0)
        fail (top, "schema", "is another one than " EVIDENCE_MANIFEST_SCHEMA);
    Part tool = enter (top, "tool");
    m->tool = take_text (&tool, "name");
    m->version = take_text (&tool, "version");
    leave (&tool);
    m->time = take_text (top, "time");
    g_autoptr (GDateTime) time =
        m->time != NULL ? g_date_time_new_from_iso8601 (m->time, NULL) : NULL;
    if (time == NULL)
        fail (top, "time", "is no time in ISO 8601");
    m->counter = take_uint (top, "counter", MAX_COUNTER);
    m->has_previous = take_hex (top, "previous", m->previous, sizeof m->previous, TRUE);
    m->gap = take_boolean (top, "gap");
    m->signer = take_text (top, "signer");
}

/* Only who refused may have done it before everything was there. */
static void
check_complete (Part *top, const EvidenceManifest *m)
{
    if (m->verified && (m->pdh == NULL || m->cert_chain == NULL || m->session == NULL ||
                        !m->has_measurement || !m->has_api || (m->es && !m->has_cpu)))
        fail (top, "verdict", "is verified, without all that is verified");
    /* The report signs the policy, which says whether registers were encrypted. */
    if (m->verified && m->es != ((m->policy & SEV_POLICY_ES) != 0))
        fail (top, "guest", "is of another type than its policy says");
}

JsonNode *
evidence_json_parse (const char *what, GBytes *bytes, gsize max, GError **error)
{
    g_autoptr (GError) cause = NULL;
    g_autoptr (JsonNode) node = NULL;
    gsize len = 0;
    const char *text = g_bytes_get_data (bytes, &len);

    if (len == 0 || len > max) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_EVIDENCE_MALFORMED,
                     "%s: %" G_GSIZE_FORMAT " bytes, expected 1 to %" G_GSIZE_FORMAT, what,
                     len, max);
        return NULL;
    }
    node = qmp_json_parse (text, len, &cause);
    if (node != NULL && JSON_NODE_HOLDS_OBJECT (node))
        return g_steal_pointer (&node);
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_EVIDENCE_MALFORMED, "%s: %s", what,
                 cause != NULL ? cause->message : "no JSON object");
    return NULL;
}

EvidenceManifest *
evidence_manifest_parse (GBytes *bytes, GError **error)
{
    g_autoptr (JsonNode) node =
        evidence_json_parse ("evidence", bytes, EVIDENCE_MANIFEST_MAX_SIZE, error);
    g_autoptr (EvidenceManifest) m = evidence_manifest_new ();
    gboolean failed = FALSE;

    if (node == NULL)
        return NULL;
    Part top = { json_node_get_object (node), "", 0, error, &failed };
    read_head (&top, m);
    read_verdict (&top, m);
    read_owner (&top, m);
    Part domain = enter (&top, "domain");
    m->domain_name = take_text (&domain, "name");
    m->domain_uuid = take_text_or_null (&domain, "uuid");
    m->domain_uri = take_text_or_null (&domain, "uri");
    m->domain_xml = take_text_or_null (&domain, "xml");
    leave (&domain);
    read_platform (&top, m);
    read_guest (&top, m);
    read_measured (&top, m);
    read_measurement (&top, m);
    read_secrets (&top, m);
    check_complete (&top, m);
    leave (&top);
    return failed ? NULL : g_steal_pointer (&m);
}
