/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * sev-platform -- switches the emulated platform of a host on and says what it is.
 *
 *   init     makes what is missing of keys and certificates; writes HOST/certs.
 *            With --owner-key-fd a platform that owns itself gets that owner
 *   status   PLATFORM_STATUS; the platform must exist
 *   export   writes HOST/certs again
 *   serve    answers the /dev/sev shim until nobody needs it
 */

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <fcntl.h>

#include <json-glib/json-glib.h>

#include "psp/host/host-error.h"
#include "psp/host/owner.h"
#include "psp/host/platform.h"
#include "psp/host/sev-service.h"
#include "sev/base/sev-bytes.h"
#include "sev/crypto/sev-digest.h"
#include "sev/wire/sev-cert-wire.h"

#define EXIT_USAGE 2

static const char *
state_name (guint8 state)
{
    switch ((SevPlatformState) state) {
    case SEV_PLATFORM_UNINIT:
        return "uninit";
    case SEV_PLATFORM_INIT:
        return "init";
    case SEV_PLATFORM_WORKING:
        return "working";
    }
    return "unknown";
}

/* The root's key: exponent and modulus as they stand in the certificate. */
static char *
root_fingerprint (const PspChip *chip, GError **error)
{
    g_autoptr (GBytes) bytes = NULL;
    SevAmdCert ark;
    guint8 digest[SEV_DIGEST_SIZE];
    gsize len;

    psp_chip_get_amd_certs (chip, &bytes, NULL, NULL);
    const guint8 *data = g_bytes_get_data (bytes, &len);
    if (!sev_amd_cert_decode (data, len, &ark, error))
        return NULL;
    g_autoptr (SevDigest) hash = sev_digest_new (error);
    if (hash == NULL || !sev_digest_update (hash, ark.exponent, ark.key_bytes, error) ||
        !sev_digest_update (hash, ark.modulus, ark.key_bytes, error) ||
        !sev_digest_finish (hash, digest, error))
        return NULL;
    return sev_hex_encode (digest, sizeof digest);
}

static char *
digest_text (GBytes *bytes, GError **error)
{
    guint8 digest[SEV_DIGEST_SIZE];
    gsize len;
    gconstpointer data = g_bytes_get_data (bytes, &len);

    if (!sev_sha256 (data, len, digest, error))
        return NULL;
    return sev_hex_encode (digest, sizeof digest);
}

static JsonObject *
describe (Platform *platform, GError **error)
{
    PspPlatformStatusCmd status = { 0 };
    g_autoptr (GBytes) pdh = NULL;
    g_autoptr (GBytes) chain = NULL;
    gsize id_len;

    if (!platform_status (platform, &status, error) ||
        !platform_export (platform, &pdh, &chain, error))
        return NULL;
    g_autoptr (GBytes) id = platform_get_id (platform, error);
    g_autofree char *root = root_fingerprint (platform_get_chip (platform), error);
    g_autofree char *pdh_digest = root != NULL ? digest_text (pdh, error) : NULL;
    if (id == NULL || pdh_digest == NULL)
        return NULL;
    gconstpointer id_data = g_bytes_get_data (id, &id_len);
    g_autofree char *id_text = sev_hex_encode (id_data, id_len);
    const HostDir *host = platform_get_host (platform);

    JsonObject *out = json_object_new ();
    json_object_set_boolean_member (out, "emulated", TRUE);
    json_object_set_int_member (out, "api_major", status.api_major);
    json_object_set_int_member (out, "api_minor", status.api_minor);
    json_object_set_int_member (out, "build", status.build);
    json_object_set_string_member (out, "state", state_name (status.state));
    json_object_set_string_member (
        out, "owner",
        (status.owner & PSP_STATUS_OWNER_EXTERNAL) != 0 ? "external" : "self");
    json_object_set_boolean_member (
        out, "es", (GUINT16_FROM_LE (status.config_le) & PSP_STATUS_CONFIG_ES) != 0);
    json_object_set_int_member (out, "guest_count",
                                GUINT32_FROM_LE (status.guest_count_le));
    json_object_set_string_member (out, "generation",
                                   psp_generation_name (host->generation));
    json_object_set_string_member (out, "chip_id", id_text);
    json_object_set_string_member (out, "ark_sha256", root);
    json_object_set_string_member (out, "pdh_sha256", pdh_digest);
    json_object_set_boolean_member (out, "identity_replaced",
                                    platform_state_was_replaced (platform));
    return out;
}

static void
print (JsonObject *object, gboolean json)
{
    g_autoptr (GList) names = json_object_get_members (object);

    if (json) {
        g_autoptr (JsonNode) node = json_node_alloc ();
        json_node_init_object (node, object);
        g_autofree char *text = json_to_string (node, FALSE);
        printf ("%s\n", text);
        return;
    }
    printf ("EMULATED platform\n");
    for (GList *i = names; i != NULL; i = i->next) {
        JsonNode *node = json_object_get_member (object, i->data);
        g_autofree char *value = json_to_string (node, FALSE);
        printf ("  %-18s %s\n", (const char *) i->data, value);
    }
}

static gboolean
chip_exists (const HostDir *host, GError **error)
{
    struct stat st;

    if (fstatat (host->fd, "platform/chip", &st, AT_SYMLINK_NOFOLLOW) == 0)
        return TRUE;
    g_set_error (error, HOST_ERROR, HOST_ERROR_STATE,
                 "emulated host '%s' has no platform yet (make it with 'init')",
                 host->path);
    return FALSE;
}

/* The lock stays: two writers of HOST/certs must not overtake each other. */
static Platform *
open_platform (const HostDir *host, const SevEcKey *owner, GError **error)
{
    if (owner == NULL)
        return platform_open_init (host, error);
    g_autoptr (Platform) platform = platform_open_locked (host, error);
    SevStatus status;
    if (platform == NULL || !platform_init (platform, &status, error) ||
        !platform_check (PSP_CMD_INIT, status, error) ||
        !owner_import (platform, owner, error))
        return NULL;
    return g_steal_pointer (&platform);
}

typedef struct {
    char *host;
    gboolean json;
    int owner_key_fd;
} Options;

static gboolean
run (const Options *options, const char *verb, GError **error)
{
    g_autoptr (SevEcKey) owner = NULL;
    const gboolean init = strcmp (verb, "init") == 0;

    g_autoptr (HostDir) host = host_dir_open (options->host, error);
    if (host == NULL)
        return FALSE;
    if (!init && !chip_exists (host, error))
        return FALSE;
    if (strcmp (verb, "serve") == 0)
        return sev_service_run (host, error);
    if (init && options->owner_key_fd >= 0) {
        owner = owner_key_read (options->owner_key_fd, error);
        if (owner == NULL)
            return FALSE;
    }
    g_autoptr (Platform) platform = open_platform (host, owner, error);
    if (platform == NULL)
        return FALSE;
    if (strcmp (verb, "status") != 0 && !platform_write_certs (platform, error))
        return FALSE;
    g_autoptr (JsonObject) object = describe (platform, error);
    if (object == NULL)
        return FALSE;
    print (object, options->json);
    return TRUE;
}

int
main (int argc, char **argv)
{
    static const char *const verbs[] = { "init", "status", "export", "serve", NULL };
    Options options = { .owner_key_fd = -1 };
    const GOptionEntry entries[] = {
        { "host", 0, 0, G_OPTION_ARG_FILENAME, &options.host,
          "directory of the emulated host", "HOST" },
        { "json", 0, 0, G_OPTION_ARG_NONE, &options.json, "print one JSON object", NULL },
        { "owner-key-fd", 0, 0, G_OPTION_ARG_INT, &options.owner_key_fd,
          "descriptor from which init reads the private key of an owner", "N" },
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr (GError) error = NULL;

    setlocale (LC_ALL, "");
    g_autoptr (GOptionContext) context = g_option_context_new ("init|status|export|serve");
    g_option_context_set_summary (context, "The emulated platform of an emulated host.");
    g_option_context_add_main_entries (context, entries, NULL);
    if (!g_option_context_parse (context, &argc, &argv, &error)) {
        fprintf (stderr, "sev-platform: %s\n", error->message);
        return EXIT_USAGE;
    }
    if (options.host == NULL || argc != 2 || !g_strv_contains (verbs, argv[1])) {
        fprintf (stderr, "sev-platform: usage: sev-platform --host HOST "
                         "init|status|export|serve [--json]\n");
        return EXIT_USAGE;
    }
    if (!sev_secret_heap_init ())
        fprintf (stderr, "sev-platform: warning: memory cannot be locked\n");
    if (!run (&options, argv[1], &error)) {
        fprintf (stderr, "sev-platform: %s\n", error->message);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
