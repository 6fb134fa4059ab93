/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A manifest to its text.  The order of the members is fixed by this file. */

#include <string.h>

#include "policy/evidence/evidence-private.h"
#include "policy/guest-policy.h"
#include "sev/base/sev-bytes.h"

static void
put_text (JsonObject *object, const char *name, const char *text)
{
    g_autofree char *valid = text != NULL ? g_utf8_make_valid (text, -1) : NULL;

    if (valid != NULL)
        json_object_set_string_member (object, name, valid);
    else
        json_object_set_null_member (object, name);
}

static void
put_hex (JsonObject *object, const char *name, const void *data, gsize len)
{
    g_autofree char *hex = data != NULL ? sev_hex_encode (data, len) : NULL;

    put_text (object, name, hex);
}

static void
put_bytes (JsonObject *object, const char *name, GBytes *bytes)
{
    gsize len = 0;
    const guchar *data = bytes != NULL ? g_bytes_get_data (bytes, &len) : NULL;
    g_autofree char *text = data != NULL ? g_base64_encode (data, len) : NULL;

    put_text (object, name, text);
}

static void
put_int (JsonObject *object, const char *name, guint64 value)
{
    json_object_set_int_member (object, name, (gint64) value);
}

static void
put_known (JsonObject *object, const char *name, gboolean known, guint64 value)
{
    if (known)
        put_int (object, name, value);
    else
        json_object_set_null_member (object, name);
}

static void
put_file (JsonObject *object, const char *name, const EvidenceFile *file)
{
    if (file == NULL) {
        json_object_set_null_member (object, name);
        return;
    }
    JsonObject *one = json_object_new ();
    put_text (one, "path", file->path);
    put_int (one, "size", file->size);
    put_hex (one, "sha256", file->sha256, SEV_DIGEST_SIZE);
    json_object_set_object_member (object, name, one);
}

static JsonObject *
verdict_json (const EvidenceManifest *m)
{
    JsonObject *object = json_object_new ();
    JsonArray *checks = json_array_new ();
    JsonArray *reasons = json_array_new ();
    JsonArray *unproven = json_array_new ();

    put_text (object, "result", m->verified ? "verified" : "refused");
    put_text (object, "judged_on", m->judged_on);
    for (guint i = 0; i < m->checks->len; i++) {
        const EvidenceCheck *check = g_ptr_array_index (m->checks, i);
        JsonObject *one = json_object_new ();
        put_text (one, "name", check->name);
        json_object_set_boolean_member (one, "passed", check->passed);
        json_array_add_object_element (checks, one);
    }
    for (guint i = 0; i < m->reasons->len; i++) {
        const PolicyReason *reason = g_ptr_array_index (m->reasons, i);
        JsonObject *one = json_object_new ();
        put_text (one, "id", reason->id);
        put_text (one, "text", reason->text);
        json_array_add_object_element (reasons, one);
    }
    for (guint i = 0; i < m->unproven->len; i++)
        json_array_add_string_element (unproven, g_ptr_array_index (m->unproven, i));
    json_object_set_array_member (object, "checks", checks);
    json_object_set_array_member (object, "reasons", reasons);
    json_object_set_array_member (object, "unproven", unproven);
    return object;
}

static JsonObject *
platform_json (const EvidenceManifest *m)
{
    JsonObject *object = json_object_new ();
    JsonObject *certs = json_object_new ();

    put_text (object, "kind", m->platform_kind);
    json_object_set_boolean_member (object, "emulated", m->emulated);
    put_text (object, "generation", m->generation);
    put_known (object, "api_major", m->has_api, m->api_major);
    put_known (object, "api_minor", m->has_api, m->api_minor);
    put_known (object, "build", m->has_api, m->build);
    put_text (object, "owner", m->platform_owner);
    put_text (object, "owner_fingerprint", m->owner_fingerprint);
    put_text (object, "root_fingerprint", m->root_fingerprint);
    put_bytes (certs, "pdh", m->pdh);
    put_bytes (certs, "cert_chain", m->cert_chain);
    put_bytes (certs, "cek", m->cek);
    put_bytes (certs, "ask", m->ask);
    put_bytes (certs, "ark", m->ark);
    json_object_set_object_member (object, "certificates", certs);
    return object;
}

static JsonObject *
guest_json (const EvidenceManifest *m)
{
    JsonObject *object = json_object_new ();

    put_text (object, "type", m->es ? "sev-es" : "sev");
    put_int (object, "policy", m->policy);
    put_known (object, "vcpus", m->vcpus > 0, m->vcpus);
    put_known (object, "memory_mib", m->memory_mib > 0, m->memory_mib);
    if (!m->has_cpu) {
        json_object_set_null_member (object, "cpu");
        return object;
    }
    JsonObject *cpu = json_object_new ();
    put_text (cpu, "model", m->cpu_model);
    put_int (cpu, "signature", m->cpu_signature);
    put_text (cpu, "vmsa", m->vmsa);
    put_int (cpu, "sev_features", m->sev_features);
    json_object_set_object_member (object, "cpu", cpu);
    return object;
}

static JsonObject *
measured_json (const EvidenceManifest *m)
{
    JsonObject *object = json_object_new ();

    put_file (object, "firmware", m->firmware);
    json_object_set_boolean_member (object, "kernel_hashes", m->kernel_hashes);
    put_file (object, "kernel", m->kernel);
    put_file (object, "initrd", m->initrd);
    put_text (object, "cmdline", m->cmdline);
    json_object_set_boolean_member (object, "uki", m->uki);
    put_text (object, "uki_cmdline", m->uki_cmdline);
    return object;
}

static JsonArray *
secrets_json (const EvidenceManifest *m)
{
    JsonArray *array = json_array_new ();

    for (guint i = 0; i < m->secrets->len; i++) {
        JsonObject *one = json_object_new ();
        g_autofree char *guid =
            sev_guid_to_string (&g_array_index (m->secrets, SevGuid, i));
        put_text (one, "guid", guid);
        json_array_add_object_element (array, one);
    }
    return array;
}

static void
put_acceptance (JsonObject *object, const EvidenceManifest *m)
{
    if (m->acceptance == NULL) {
        json_object_set_null_member (object, "acceptance");
        return;
    }
    JsonObject *one = json_object_new ();
    put_text (one, "name", m->acceptance);
    put_hex (one, "sha256", m->acceptance_sha256, SEV_DIGEST_SIZE);
    json_object_set_object_member (object, "acceptance", one);
}

GBytes *
evidence_json_to_bytes (JsonObject *object)
{
    g_autoptr (JsonNode) node = json_node_alloc ();

    json_node_init_object (node, object);
    char *text = json_to_string (node, FALSE);
    return g_bytes_new_take (text, strlen (text));
}

GBytes *
evidence_manifest_to_bytes (const EvidenceManifest *m)
{
    g_autoptr (JsonObject) object = json_object_new ();
    JsonObject *part = json_object_new ();

    put_text (object, "schema", EVIDENCE_MANIFEST_SCHEMA);
    put_text (part, "name", m->tool);
    put_text (part, "version", m->version);
    json_object_set_object_member (object, "tool", part);
    put_text (object, "time", m->time);
    put_int (object, "counter", m->counter);
    put_hex (object, "previous", m->has_previous ? m->previous : NULL, SEV_DIGEST_SIZE);
    json_object_set_boolean_member (object, "gap", m->gap);
    put_text (object, "signer", m->signer);
    json_object_set_object_member (object, "verdict", verdict_json (m));

    part = json_object_new ();
    put_bytes (part, "certificate", m->owner_cert);
    put_text (part, "release", m->release);
    put_acceptance (part, m);
    json_object_set_object_member (object, "owner", part);

    part = json_object_new ();
    put_text (part, "name", m->domain_name);
    put_text (part, "uuid", m->domain_uuid);
    put_text (part, "uri", m->domain_uri);
    put_text (part, "xml", m->domain_xml);
    json_object_set_object_member (object, "domain", part);

    json_object_set_object_member (object, "platform", platform_json (m));
    json_object_set_object_member (object, "guest", guest_json (m));
    json_object_set_object_member (object, "measured", measured_json (m));

    part = json_object_new ();
    put_hex (part, "id", m->session != NULL ? m->session_id : NULL, sizeof m->session_id);
    put_bytes (part, "blob", m->session);
    json_object_set_object_member (object, "session", part);

    part = json_object_new ();
    put_hex (part, "digest", m->has_digest ? m->digest : NULL, SEV_DIGEST_SIZE);
    put_hex (part, "reported", m->has_measurement ? m->reported : NULL, SEV_MAC_SIZE);
    put_hex (part, "nonce", m->has_measurement ? m->nonce : NULL, SEV_NONCE_SIZE);
    put_text (part, "report_for", m->early_report ? "measurement" : "manifest");
    json_object_set_object_member (object, "measurement", part);
    json_object_set_array_member (object, "secrets", secrets_json (m));
    return evidence_json_to_bytes (object);
}
