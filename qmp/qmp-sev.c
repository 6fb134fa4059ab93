/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/qmp-sev.h"

#include "qmp/qmp-json.h"
#include "qmp/qmp-typed.h"

static const char *const state_names[] = {
    [QMP_SEV_STATE_UNINIT] = "uninit",
    [QMP_SEV_STATE_LAUNCH_UPDATE] = "launch-update",
    [QMP_SEV_STATE_LAUNCH_SECRET] = "launch-secret",
    [QMP_SEV_STATE_RUNNING] = "running",
    [QMP_SEV_STATE_SEND_UPDATE] = "send-update",
    [QMP_SEV_STATE_RECEIVE_UPDATE] = "receive-update",
};

const char *
qmp_sev_state_to_string (QmpSevState state)
{
    g_return_val_if_fail ((guint) state < G_N_ELEMENTS (state_names), NULL);

    return state_names[state];
}

static gboolean
get_state (JsonObject *reply, QmpSevState *state, GError **error)
{
    const char *text = qmp_json_get_string (reply, "state", error);

    if (text == NULL)
        return FALSE;
    for (guint i = 0; i < G_N_ELEMENTS (state_names); i++) {
        if (g_str_equal (text, state_names[i])) {
            *state = (QmpSevState) i;
            return TRUE;
        }
    }
    g_autofree char *shown = qmp_error_printable (text);
    g_set_error (error, QMP_ERROR, QMP_ERROR_PROTOCOL, "unknown SEV state '%s'", shown);
    return FALSE;
}

static gboolean
get_u8 (JsonObject *reply, const char *member, guint8 *value, GError **error)
{
    guint64 wide;

    if (!qmp_json_get_uint (reply, member, G_MAXUINT8, &wide, error))
        return FALSE;
    *value = (guint8) wide;
    return TRUE;
}

static gboolean
get_u32 (JsonObject *reply, const char *member, guint32 *value, GError **error)
{
    guint64 wide;

    if (!qmp_json_get_uint (reply, member, G_MAXUINT32, &wide, error))
        return FALSE;
    *value = (guint32) wide;
    return TRUE;
}

static gboolean
get_uint (JsonObject *reply, const char *member, guint max, guint *value, GError **error)
{
    guint64 wide;

    if (!qmp_json_get_uint (reply, member, max, &wide, error))
        return FALSE;
    *value = (guint) wide;
    return TRUE;
}

/* QEMU 9.1 added the discriminator; before it there was only SEV. */
static gboolean
get_type_is_snp (JsonObject *reply, gboolean *snp, GError **error)
{
    *snp = FALSE;
    if (!json_object_has_member (reply, "sev-type"))
        return TRUE;

    const char *type = qmp_json_get_string (reply, "sev-type", error);
    if (type == NULL)
        return FALSE;
    *snp = g_str_equal (type, "sev-snp");
    if (!*snp && !g_str_equal (type, "sev")) {
        g_autofree char *shown = qmp_error_printable (type);
        g_set_error (error, QMP_ERROR, QMP_ERROR_PROTOCOL, "unknown SEV type '%s'", shown);
        return FALSE;
    }
    return TRUE;
}

static gpointer
decode_info (JsonObject *reply, GError **error)
{
    g_autofree QmpSevInfo *info = g_new0 (QmpSevInfo, 1);

    if (!qmp_json_get_boolean (reply, "enabled", &info->enabled, error) ||
        !get_u8 (reply, "api-major", &info->api_major, error) ||
        !get_u8 (reply, "api-minor", &info->api_minor, error) ||
        !get_u8 (reply, "build-id", &info->build_id, error) ||
        !get_state (reply, &info->state, error) ||
        !get_type_is_snp (reply, &info->snp, error))
        return NULL;

    if (info->snp) {
        if (!qmp_json_get_uint (reply, "snp-policy", G_MAXINT64, &info->snp_policy, error))
            return NULL;
    } else if (!get_u32 (reply, "policy", &info->policy, error) ||
               !get_u32 (reply, "handle", &info->handle, error)) {
        return NULL;
    }
    return g_steal_pointer (&info);
}

void
qmp_sev_query_async (QmpClient *client,
                     GCancellable *cancellable,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
    qmp_typed_call_async (client, "query-sev", NULL, decode_info, g_free,
                          qmp_sev_query_async, cancellable, callback, user_data);
}

gboolean
qmp_sev_query_finish (QmpClient *client,
                      GAsyncResult *result,
                      QmpSevInfo *info,
                      GError **error)
{
    g_return_val_if_fail (info != NULL, FALSE);

    g_autofree QmpSevInfo *decoded =
        qmp_typed_finish (client, result, qmp_sev_query_async, error);
    *info = decoded != NULL ? *decoded : (QmpSevInfo){ 0 };
    return decoded != NULL;
}

static GBytes *
get_bytes (JsonObject *reply, const char *member, gsize size, GError **error)
{
    g_autoptr (GBytes) bytes = qmp_json_get_bytes (reply, member, size, error);

    if (bytes != NULL && g_bytes_get_size (bytes) != size) {
        g_set_error (error, QMP_ERROR, QMP_ERROR_PROTOCOL,
                     "member '%s' is %" G_GSIZE_FORMAT " bytes, expected %" G_GSIZE_FORMAT,
                     member, g_bytes_get_size (bytes), size);
        return NULL;
    }
    return g_steal_pointer (&bytes);
}

void
qmp_sev_capabilities_free (QmpSevCapabilities *capabilities)
{
    if (capabilities == NULL)
        return;
    g_clear_pointer (&capabilities->pdh, g_bytes_unref);
    g_clear_pointer (&capabilities->cert_chain, g_bytes_unref);
    g_clear_pointer (&capabilities->cpu0_id, g_bytes_unref);
    g_free (capabilities);
}

static gboolean
get_cpu0_id (JsonObject *reply, GBytes **id, GError **error)
{
    if (!json_object_has_member (reply, "cpu0-id"))
        return TRUE;
    *id = qmp_json_get_bytes (reply, "cpu0-id", QMP_SEV_CPU_ID_MAX, error);
    if (*id == NULL)
        return FALSE;
    if (g_bytes_get_size (*id) == 0) {
        g_set_error (error, QMP_ERROR, QMP_ERROR_PROTOCOL, "member 'cpu0-id' is empty");
        return FALSE;
    }
    return TRUE;
}

static gpointer
decode_capabilities (JsonObject *reply, GError **error)
{
    g_autoptr (QmpSevCapabilities) capabilities = g_new0 (QmpSevCapabilities, 1);

    capabilities->pdh = get_bytes (reply, "pdh", QMP_SEV_PDH_SIZE, error);
    if (capabilities->pdh == NULL)
        return NULL;
    capabilities->cert_chain = get_bytes (reply, "cert-chain", QMP_SEV_CHAIN_SIZE, error);
    if (capabilities->cert_chain == NULL)
        return NULL;
    if (!get_cpu0_id (reply, &capabilities->cpu0_id, error) ||
        !get_uint (reply, "cbitpos", 63, &capabilities->cbitpos, error) ||
        !get_uint (reply, "reduced-phys-bits", 63, &capabilities->reduced_phys_bits, error))
        return NULL;
    return g_steal_pointer (&capabilities);
}

void
qmp_sev_query_capabilities_async (QmpClient *client,
                                  GCancellable *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data)
{
    qmp_typed_call_async (client, "query-sev-capabilities", NULL, decode_capabilities,
                          (GDestroyNotify) qmp_sev_capabilities_free,
                          qmp_sev_query_capabilities_async, cancellable, callback,
                          user_data);
}

QmpSevCapabilities *
qmp_sev_query_capabilities_finish (QmpClient *client, GAsyncResult *result, GError **error)
{
    return qmp_typed_finish (client, result, qmp_sev_query_capabilities_async, error);
}

static gpointer
decode_measure (JsonObject *reply, GError **error)
{
    return get_bytes (reply, "data", QMP_SEV_MEASURE_SIZE, error);
}

void
qmp_sev_query_launch_measure_async (QmpClient *client,
                                    GCancellable *cancellable,
                                    GAsyncReadyCallback callback,
                                    gpointer user_data)
{
    qmp_typed_call_async (client, "query-sev-launch-measure", NULL, decode_measure,
                          (GDestroyNotify) g_bytes_unref,
                          qmp_sev_query_launch_measure_async, cancellable, callback,
                          user_data);
}

GBytes *
qmp_sev_query_launch_measure_finish (QmpClient *client,
                                     GAsyncResult *result,
                                     GError **error)
{
    return qmp_typed_finish (client, result, qmp_sev_query_launch_measure_async, error);
}

static void
set_base64 (JsonObject *arguments, const char *member, GBytes *bytes)
{
    gsize len;
    const guchar *data = g_bytes_get_data (bytes, &len);
    g_autofree char *text = g_base64_encode (data, len);

    json_object_set_string_member (arguments, member, text);
}

static gpointer
decode_report (JsonObject *reply, GError **error)
{
    return get_bytes (reply, "data", QMP_SEV_REPORT_SIZE, error);
}

void
qmp_sev_query_attestation_report_async (QmpClient *client,
                                        const guint8 *mnonce,
                                        GCancellable *cancellable,
                                        GAsyncReadyCallback callback,
                                        gpointer user_data)
{
    JsonObject *arguments = json_object_new ();
    g_autoptr (GBytes) nonce = g_bytes_new (mnonce, QMP_SEV_NONCE_SIZE);

    set_base64 (arguments, "mnonce", nonce);
    qmp_typed_call_async (client, "query-sev-attestation-report", arguments, decode_report,
                          (GDestroyNotify) g_bytes_unref,
                          qmp_sev_query_attestation_report_async, cancellable, callback,
                          user_data);
}

GBytes *
qmp_sev_query_attestation_report_finish (QmpClient *client,
                                         GAsyncResult *result,
                                         GError **error)
{
    return qmp_typed_finish (client, result, qmp_sev_query_attestation_report_async, error);
}

static const char *
wrong_argument (GBytes *header, GBytes *secret, const guint64 *gpa)
{
    if (g_bytes_get_size (header) != QMP_SEV_PACKET_HEADER_SIZE)
        return "packet header is not 52 bytes";
    if (g_bytes_get_size (secret) == 0)
        return "secret is empty";
    if (gpa != NULL && *gpa > G_MAXINT64)
        return "guest address is not below 2^63";
    return NULL;
}

void
qmp_sev_inject_launch_secret_async (QmpClient *client,
                                    GBytes *header,
                                    GBytes *secret,
                                    const guint64 *gpa,
                                    GCancellable *cancellable,
                                    GAsyncReadyCallback callback,
                                    gpointer user_data)
{
    g_return_if_fail (header != NULL && secret != NULL);

    const char *wrong = wrong_argument (header, secret, gpa);
    if (wrong != NULL) {
        g_task_report_new_error (client, callback, user_data,
                                 qmp_sev_inject_launch_secret_async, QMP_ERROR,
                                 QMP_ERROR_ARGUMENT, "sev-inject-launch-secret: %s", wrong);
        return;
    }

    JsonObject *arguments = json_object_new ();
    set_base64 (arguments, "packet-header", header);
    set_base64 (arguments, "secret", secret);
    if (gpa != NULL)
        json_object_set_int_member (arguments, "gpa", (gint64) *gpa);
    qmp_typed_call_async (client, "sev-inject-launch-secret", arguments,
                          qmp_typed_decode_empty, NULL, qmp_sev_inject_launch_secret_async,
                          cancellable, callback, user_data);
}

gboolean
qmp_sev_inject_launch_secret_finish (QmpClient *client,
                                     GAsyncResult *result,
                                     GError **error)
{
    return qmp_typed_finish (client, result, qmp_sev_inject_launch_secret_async, error) !=
           NULL;
}
