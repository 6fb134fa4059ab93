/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/evidence/evidence.h"

#include <string.h>

#include "policy/evidence/evidence-private.h"
#include "policy/policy-error.h"
#include "qmp/qmp-json.h"
#include "sev/base/sev-bytes.h"
#include "sev/crypto/sev-digest.h"

#define N_MEMBERS 5u

void
evidence_free (Evidence *evidence)
{
    if (evidence == NULL)
        return;
    g_clear_pointer (&evidence->text, g_bytes_unref);
    g_clear_pointer (&evidence->manifest, evidence_manifest_free);
    g_clear_pointer (&evidence->report, g_bytes_unref);
    g_free (evidence->report_missing);
    g_free (evidence);
}

static gboolean
malformed (GError **error, const char *what)
{
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_EVIDENCE_MALFORMED, "evidence: %s",
                 what);
    return FALSE;
}

static gboolean
is_null (JsonObject *object, const char *member)
{
    JsonNode *node = json_object_get_member (object, member);

    return node != NULL && JSON_NODE_HOLDS_NULL (node);
}

static gboolean
read_report (JsonObject *object, Evidence *evidence, GError **error)
{
    if (!is_null (object, "report")) {
        evidence->report =
            qmp_json_get_bytes (object, "report", sizeof (SevReportWire), NULL);
        if (evidence->report == NULL ||
            g_bytes_get_size (evidence->report) != sizeof (SevReportWire))
            return malformed (error, "'report' is no report of 208 bytes");
        return is_null (object, "report_missing") ||
               malformed (error, "a report, and a reason for having none");
    }
    evidence->report_missing =
        g_strdup (qmp_json_get_string (object, "report_missing", NULL));
    return evidence->report_missing != NULL ||
           malformed (error, "neither a report nor a reason for having none");
}

static gboolean
read_envelope (JsonObject *object, Evidence *evidence, GError **error)
{
    if (g_strcmp0 (qmp_json_get_string (object, "schema", NULL), EVIDENCE_SCHEMA) != 0)
        return malformed (error, "its schema is another one than " EVIDENCE_SCHEMA);
    if (json_object_get_size (object) != N_MEMBERS)
        return malformed (error, "members are missing, or not known");
    evidence->text =
        qmp_json_get_bytes (object, "manifest", EVIDENCE_MANIFEST_MAX_SIZE, NULL);
    if (evidence->text == NULL)
        return malformed (error, "'manifest' is no base64 text, or too long");
    g_autoptr (GBytes) signature =
        qmp_json_get_bytes (object, "signature", SEV_SIGN_SIGNATURE_SIZE, NULL);
    if (signature == NULL || g_bytes_get_size (signature) != SEV_SIGN_SIGNATURE_SIZE)
        return malformed (error, "'signature' is no signature of 64 bytes");
    memcpy (evidence->signature, g_bytes_get_data (signature, NULL),
            SEV_SIGN_SIGNATURE_SIZE);
    return read_report (object, evidence, error);
}

Evidence *
evidence_parse (GBytes *bytes, GError **error)
{
    g_autoptr (JsonNode) node =
        evidence_json_parse ("evidence", bytes, EVIDENCE_MAX_SIZE, error);
    g_autoptr (Evidence) evidence = g_new0 (Evidence, 1);
    gsize len;
    const void *data = g_bytes_get_data (bytes, &len);

    if (node == NULL || !read_envelope (json_node_get_object (node), evidence, error) ||
        !sev_sha256 (data, len, evidence->sha256, error))
        return NULL;
    evidence->manifest = evidence_manifest_parse (evidence->text, error);
    return evidence->manifest != NULL ? g_steal_pointer (&evidence) : NULL;
}

static void
put_sized (GByteArray *out, const void *data, gsize len)
{
    sev_put_u64 (out, len);
    if (len > 0)
        sev_put_bytes (out, data, len);
}

static void
put_sized_bytes (GByteArray *out, GBytes *bytes)
{
    gsize len = 0;
    const void *data = bytes != NULL ? g_bytes_get_data (bytes, &len) : NULL;

    put_sized (out, data, len);
}

static GByteArray *
what_is_signed (GBytes *manifest, GBytes *report, const char *report_missing)
{
    GByteArray *out = g_byte_array_new ();

    sev_put_bytes (out, EVIDENCE_SIGNED_PREFIX, strlen (EVIDENCE_SIGNED_PREFIX));
    put_sized_bytes (out, manifest);
    put_sized_bytes (out, report);
    put_sized (out, report_missing, report_missing != NULL ? strlen (report_missing) : 0);
    return out;
}

static void
put_base64 (JsonObject *object, const char *member, const void *data, gsize len)
{
    g_autofree char *text = g_base64_encode (data, len);

    json_object_set_string_member (object, member, text);
}

GBytes *
evidence_seal (GBytes *manifest,
               GBytes *report,
               const char *report_missing,
               const SevSignKey *key,
               GError **error)
{
    guint8 signature[SEV_SIGN_SIGNATURE_SIZE];

    if (report == NULL && report_missing == NULL) {
        (void) malformed (error, "neither a report nor a reason for having none");
        return NULL;
    }
    g_autofree char *missing =
        report == NULL ? g_utf8_make_valid (report_missing, -1) : NULL;
    g_autoptr (JsonObject) object = json_object_new ();
    g_autoptr (GByteArray) signed_bytes = what_is_signed (manifest, report, missing);
    gsize len;
    const void *data = g_bytes_get_data (manifest, &len);

    if (!sev_sign (key, signed_bytes->data, signed_bytes->len, signature, error))
        return NULL;
    json_object_set_string_member (object, "schema", EVIDENCE_SCHEMA);
    put_base64 (object, "manifest", data, len);
    if (report != NULL) {
        data = g_bytes_get_data (report, &len);
        put_base64 (object, "report", data, len);
        json_object_set_null_member (object, "report_missing");
    } else {
        json_object_set_null_member (object, "report");
        json_object_set_string_member (object, "report_missing", missing);
    }
    put_base64 (object, "signature", signature, sizeof signature);
    return evidence_json_to_bytes (object);
}

gboolean
evidence_verify_signature (const Evidence *evidence, const SevSignKey *key, GError **error)
{
    g_autoptr (GByteArray) signed_bytes =
        what_is_signed (evidence->text, evidence->report, evidence->report_missing);

    return sev_sign_verify (key, signed_bytes->data, signed_bytes->len, evidence->signature,
                            error);
}
