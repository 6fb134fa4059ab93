/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "launcher/emulated/host-platform.h"

#include <string.h>

#include <json-glib/json-glib.h>

#include "launcher/emulated/host-private.h"
#include "launcher/image/image-tool.h"

#define MAX_OUTPUT 65536u
#define MAX_FILE (1u << 20)
#define TIMEOUT_MS 120000u
#define MAX_WORD 32u

void
emulated_platform_free (EmulatedPlatform *platform)
{
    g_free (platform->state);
    g_free (platform->owner);
    g_free (platform->generation);
    g_free (platform->ark_sha256);
    g_free (platform->pdh_sha256);
    g_free (platform);
}

static gboolean
bad_member (const char *name, GError **error)
{
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_EMULATED_HOST,
                 "sev-platform's answer has no usable '%s'", name);
    return FALSE;
}

static gboolean
take_number (JsonObject *object, const char *name, guint max, guint *out, GError **error)
{
    JsonNode *node = json_object_get_member (object, name);

    if (node == NULL || !JSON_NODE_HOLDS_VALUE (node) ||
        json_node_get_value_type (node) != G_TYPE_INT64)
        return bad_member (name, error);
    const gint64 value = json_node_get_int (node);
    if (value < 0 || value > (gint64) max)
        return bad_member (name, error);
    *out = (guint) value;
    return TRUE;
}

static gboolean
take_word (JsonObject *object,
           const char *name,
           const char *allowed,
           char **out,
           GError **error)
{
    JsonNode *node = json_object_get_member (object, name);
    const char *text =
        node != NULL && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_string (node) : NULL;

    if (text == NULL || *text == '\0' || strlen (text) > MAX_WORD ||
        strspn (text, allowed) != strlen (text))
        return bad_member (name, error);
    *out = g_strdup (text);
    return TRUE;
}

static gboolean
take_digest (JsonObject *object, const char *name, char **out, GError **error)
{
    JsonNode *node = json_object_get_member (object, name);
    const char *text =
        node != NULL && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_string (node) : NULL;

    if (text == NULL || strlen (text) != 64 || strspn (text, "0123456789abcdef") != 64)
        return bad_member (name, error);
    *out = g_strdup (text);
    return TRUE;
}

static gboolean
take_flag (JsonObject *object, const char *name, gboolean *out, GError **error)
{
    JsonNode *node = json_object_get_member (object, name);

    if (node == NULL || !JSON_NODE_HOLDS_VALUE (node) ||
        json_node_get_value_type (node) != G_TYPE_BOOLEAN)
        return bad_member (name, error);
    *out = json_node_get_boolean (node);
    return TRUE;
}

static EmulatedPlatform *
take_platform (JsonObject *object, GError **error)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    g_autoptr (EmulatedPlatform) p = g_new0 (EmulatedPlatform, 1);
    gboolean emulated = FALSE;

    if (!take_flag (object, "emulated", &emulated, error))
        return NULL;
    if (!emulated) {
        bad_member ("emulated", error);
        return NULL;
    }
    if (!take_number (object, "api_major", 255, &p->api_major, error) ||
        !take_number (object, "api_minor", 255, &p->api_minor, error) ||
        !take_number (object, "build", 255, &p->build, error) ||
        !take_number (object, "guest_count", G_MAXUINT32, &p->guest_count, error) ||
        !take_word (object, "state", letters, &p->state, error) ||
        !take_word (object, "owner", letters, &p->owner, error) ||
        !take_word (object, "generation", letters, &p->generation, error) ||
        !take_flag (object, "es", &p->es, error) ||
        !take_flag (object, "identity_replaced", &p->identity_replaced, error) ||
        !take_digest (object, "ark_sha256", &p->ark_sha256, error) ||
        !take_digest (object, "pdh_sha256", &p->pdh_sha256, error))
        return NULL;
    return g_steal_pointer (&p);
}

static EmulatedPlatform *
parse (GBytes *output, GError **error)
{
    g_autoptr (JsonParser) parser = json_parser_new ();
    gsize len;
    const char *data = g_bytes_get_data (output, &len);

    if (len == 0 || !g_utf8_validate (data, (gssize) len, NULL) ||
        !json_parser_load_from_data (parser, data, (gssize) len, NULL) ||
        json_parser_get_root (parser) == NULL ||
        !JSON_NODE_HOLDS_OBJECT (json_parser_get_root (parser))) {
        g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_EMULATED_HOST,
                             "sev-platform's answer is not a JSON object");
        return NULL;
    }
    return take_platform (json_node_get_object (json_parser_get_root (parser)), error);
}

static void
set_run_error (GError *cause, GError **error)
{
    LauncherError code = LAUNCHER_ERROR_EMULATED_HOST;

    if (cause->domain != IMAGE_ERROR) {
        g_propagate_error (error, cause);
        return;
    }
    if (cause->code == IMAGE_ERROR_TIMEOUT)
        code = LAUNCHER_ERROR_TIMEOUT;
    g_set_error_literal (error, LAUNCHER_ERROR, (gint) code, cause->message);
    g_error_free (cause);
}

EmulatedPlatform *
host_platform_run (const EmulatedHost *host,
                   const char *verb,
                   int owner_key_fd,
                   GCancellable *cancellable,
                   GError **error)
{
    /* A tool finds what it is given as descriptor 3. */
    const char *const argv[] = { HOST_PLATFORM_PROGRAM,
                                 "--host",
                                 host->path,
                                 "--json",
                                 verb,
                                 owner_key_fd >= 0 ? "--owner-key-fd=3" : NULL,
                                 NULL };
    const ImageTool tool = { .argv = argv,
                             .fd = owner_key_fd,
                             .max_output = MAX_OUTPUT,
                             .max_file = MAX_FILE,
                             .timeout_ms = TIMEOUT_MS };
    g_auto (ImageToolResult) result = { 0 };
    GError *cause = NULL;

    if (!image_tool_run (&tool, cancellable, &result, &cause)) {
        set_run_error (cause, error);
        return NULL;
    }
    if (result.exit_status != 0) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_EMULATED_HOST, "%s",
                     *result.complaint != '\0' ? result.complaint
                                               : "sev-platform failed without a word");
        return NULL;
    }
    return parse (result.output, error);
}

EmulatedPlatform *
emulated_host_platform (const EmulatedHost *host, GError **error)
{
    return host_platform_run (host, "status", -1, NULL, error);
}
