/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "psp/host/sev-qmp.h"

#include <string.h>

#include "psp/host/host-error.h"

static gboolean
need_guest (const SevQmp *sev, GError **error)
{
    if (sev->launch != NULL)
        return TRUE;
    g_set_error_literal (error, HOST_ERROR, HOST_ERROR_GUEST, "SEV is not enabled");
    return FALSE;
}

static void
set_base64 (JsonObject *object, const char *member, const void *data, gsize len)
{
    g_autofree char *text = g_base64_encode (data, len);

    json_object_set_string_member (object, member, text);
}

static void
set_bytes (JsonObject *object, const char *member, GBytes *bytes)
{
    gsize len;
    gconstpointer data = g_bytes_get_data (bytes, &len);

    set_base64 (object, member, data, len);
}

static JsonNode *
take_object (JsonObject *object)
{
    JsonNode *node = json_node_alloc ();

    json_node_init_object (node, object);
    json_object_unref (object);
    return node;
}

/* QEMU looks at the members that a command has, in their order, and at others last
 * (qapi/qobject-input-visitor.c). */
static gboolean
check_arguments (const QmpMessage *command, const char *const *known, GError **error)
{
    JsonObject *arguments = qmp_message_get_arguments (command);
    JsonObjectIter iter;
    const char *name;

    if (arguments == NULL)
        return TRUE;
    json_object_iter_init (&iter, arguments);
    while (json_object_iter_next (&iter, &name, NULL)) {
        if (known != NULL && g_strv_contains (known, name))
            continue;
        g_set_error (error, HOST_ERROR, HOST_ERROR_GUEST, "Parameter '%s' is unexpected",
                     name);
        return FALSE;
    }
    return TRUE;
}

static const char *
get_text (const QmpMessage *command, const char *name, GError **error)
{
    JsonObject *arguments = qmp_message_get_arguments (command);
    JsonNode *node = arguments != NULL ? json_object_get_member (arguments, name) : NULL;

    if (node == NULL) {
        g_set_error (error, HOST_ERROR, HOST_ERROR_GUEST, "Parameter '%s' is missing",
                     name);
        return NULL;
    }
    if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_STRING) {
        g_set_error (error, HOST_ERROR, HOST_ERROR_GUEST,
                     "Invalid parameter type for '%s', expected: string", name);
        return NULL;
    }
    return json_node_get_string (node);
}

static JsonNode *
query_sev (SevQmp *sev, const QmpMessage *command, GError **error)
{
    LaunchInfo info;

    if (!check_arguments (command, NULL, error) || !need_guest (sev, error) ||
        !launch_get_info (sev->launch, &info, error))
        return NULL;
    JsonObject *out = json_object_new ();
    json_object_set_boolean_member (out, "enabled", TRUE);
    if (sev->query_sev_type)
        json_object_set_string_member (out, "sev-type", "sev");
    json_object_set_int_member (out, "api-major", info.api_major);
    json_object_set_int_member (out, "api-minor", info.api_minor);
    json_object_set_int_member (out, "build-id", info.build);
    json_object_set_int_member (out, "policy", info.policy);
    json_object_set_string_member (out, "state", launch_state_name (info.state));
    json_object_set_int_member (out, "handle", info.handle);
    return take_object (out);
}

/* QEMU asks /dev/sev each time (target/i386/sev.c, sev_get_capabilities()): a PDH that was
 * made since the guest began is the one to show. */
static JsonNode *
query_capabilities (SevQmp *sev, const QmpMessage *command, GError **error)
{
    g_autoptr (GBytes) pdh = NULL;
    g_autoptr (GBytes) chain = NULL;

    if (!check_arguments (command, NULL, error))
        return NULL;
    g_autoptr (Platform) platform = platform_open_init (sev->host, error);
    if (platform == NULL || !platform_export (platform, &pdh, &chain, error))
        return NULL;
    g_autoptr (GBytes) id = platform_get_id (platform, error);
    if (id == NULL)
        return NULL;
    JsonObject *out = json_object_new ();
    set_bytes (out, "pdh", pdh);
    set_bytes (out, "cert-chain", chain);
    set_bytes (out, "cpu0-id", id);
    json_object_set_int_member (out, "cbitpos", platform_cbitpos (platform));
    json_object_set_int_member (out, "reduced-phys-bits", PLATFORM_REDUCED_PHYS_BITS);
    return take_object (out);
}

static JsonNode *
query_measure (SevQmp *sev, const QmpMessage *command, GError **error)
{
    if (!check_arguments (command, NULL, error))
        return NULL;
    if (sev->launch == NULL) {
        g_set_error_literal (error, HOST_ERROR, HOST_ERROR_GUEST,
                             "SEV launch measurement is not available");
        return NULL;
    }
    const SevMeasureWire *measurement = launch_get_measurement (sev->launch);
    JsonObject *out = json_object_new ();
    set_base64 (out, "data", measurement, sizeof *measurement);
    return take_object (out);
}

static gboolean
get_address (const QmpMessage *command, guint64 *storage, guint64 **gpa, GError **error)
{
    JsonObject *arguments = qmp_message_get_arguments (command);
    JsonNode *node = arguments != NULL ? json_object_get_member (arguments, "gpa") : NULL;

    *gpa = NULL;
    if (node == NULL)
        return TRUE;
    if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_INT64) {
        g_set_error_literal (error, HOST_ERROR, HOST_ERROR_GUEST,
                             "Parameter 'gpa' expects uint64");
        return FALSE;
    }
    *storage = (guint64) json_node_get_int (node);
    *gpa = storage;
    return TRUE;
}

static JsonNode *
inject (SevQmp *sev, const QmpMessage *command, GError **error)
{
    static const char *const known[] = { "gpa", "packet-header", "secret", NULL };
    guint64 storage;
    guint64 *gpa;

    const char *header = get_text (command, "packet-header", error);
    const char *secret = header != NULL ? get_text (command, "secret", error) : NULL;
    if (secret == NULL || !get_address (command, &storage, &gpa, error) ||
        !check_arguments (command, known, error))
        return NULL;
    if (sev->launch == NULL) {
        g_set_error_literal (error, HOST_ERROR, HOST_ERROR_GUEST,
                             "SEV not enabled for guest");
        return NULL;
    }
    if (!launch_inject (sev->launch, header, secret, gpa, error))
        return NULL;
    return take_object (json_object_new ());
}

static JsonNode *
attest (SevQmp *sev, const QmpMessage *command, GError **error)
{
    static const char *const known[] = { "mnonce", NULL };

    const char *nonce = get_text (command, "mnonce", error);
    if (nonce == NULL || !check_arguments (command, known, error) ||
        !need_guest (sev, error))
        return NULL;
    g_autofree char *report = launch_attest (sev->launch, nonce, error);
    if (report == NULL)
        return NULL;
    JsonObject *out = json_object_new ();
    json_object_set_string_member (out, "data", report);
    return take_object (out);
}

static const struct {
    const char *name;
    JsonNode *(*answer) (SevQmp *sev, const QmpMessage *command, GError **error);
} answers[] = {
    { "query-sev", query_sev },
    { "query-sev-attestation-report", attest },
    { "query-sev-capabilities", query_capabilities },
    { "query-sev-launch-measure", query_measure },
    { "sev-inject-launch-secret", inject },
};

GBytes *
sev_qmp_answer (SevQmp *sev, const QmpMessage *command)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (JsonNode) value = NULL;
    JsonNode *id = qmp_message_get_id (command);

    for (gsize i = 0; i < G_N_ELEMENTS (answers); i++)
        if (strcmp (answers[i].name, qmp_message_get_name (command)) == 0)
            value = answers[i].answer (sev, command, &error);
    if (value != NULL)
        return qmp_message_build_return (value, id);
    return qmp_message_build_error (
        "GenericError", error != NULL ? error->message : "the command has no answer", id);
}

/* QEMU, hmp_info_sev(): 9.1 put the handle behind what SEV-SNP has too. */
static char *
info_text (const LaunchInfo *info, gboolean new_form)
{
    const char *debug = (info->policy & SEV_POLICY_NODBG) != 0 ? "off" : "on";
    const char *sharing = (info->policy & SEV_POLICY_NOKS) != 0 ? "off" : "on";
    g_autofree char *handle = g_strdup_printf ("handle: %u\r\n", info->handle);
    g_autofree char *state = g_strdup_printf (
        "state: %s\r\nbuild: %u\r\napi version: %u.%u\r\n", launch_state_name (info->state),
        info->build, info->api_major, info->api_minor);

    return g_strdup_printf ("%s%s%sdebug: %s\r\nkey-sharing: %s\r\n",
                            new_form ? "SEV type: sev\r\n" : handle, state,
                            new_form ? handle : "", debug, sharing);
}

GBytes *
sev_qmp_info (SevQmp *sev, JsonNode *id)
{
    g_autoptr (GError) error = NULL;
    LaunchInfo info;

    if (!need_guest (sev, &error) || !launch_get_info (sev->launch, &info, &error))
        return qmp_message_build_error ("GenericError", error->message, id);
    g_autofree char *text = info_text (&info, sev->query_sev_type);
    g_autoptr (JsonNode) value = json_node_init_string (json_node_alloc (), text);
    return qmp_message_build_return (value, id);
}

/* A copy: what a message holds is immutable. */
static JsonObject *
copy_return (const QmpMessage *reply)
{
    g_autofree char *text = json_to_string (qmp_message_get_return (reply), FALSE);
    g_autoptr (JsonNode) copy = json_from_string (text, NULL);

    return copy != NULL && JSON_NODE_HOLDS_OBJECT (copy) ? json_node_dup_object (copy)
                                                         : NULL;
}

GBytes *
sev_qmp_add_blocker (SevQmp *sev, const QmpMessage *reply)
{
    if (sev->launch == NULL || !launch_is_running (sev->launch))
        return NULL;
    g_autoptr (JsonObject) out = copy_return (reply);
    if (out == NULL)
        return NULL;
    JsonArray *reasons =
        json_object_has_member (out, "blocked-reasons")
            ? json_array_ref (json_object_get_array_member (out, "blocked-reasons"))
            : json_array_new ();
    json_array_add_string_element (reasons, "SEV: Migration is not implemented");
    json_object_set_array_member (out, "blocked-reasons", reasons);
    g_autoptr (JsonNode) value = take_object (g_steal_pointer (&out));
    return qmp_message_build_return (value, qmp_message_get_id (reply));
}
