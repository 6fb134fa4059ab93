/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/cli/courier-options.h"

#include <string.h>

#include "policy/attest/platform-file.h"
#include "policy/owner-file.h"

void
courier_files_clear (CourierFiles *files)
{
    policy_courier_platform_clear (&files->host);
    policy_courier_bundle_clear (&files->bundle);
    policy_courier_measurement_clear (&files->found);
    policy_courier_packet_clear (&files->packet);
    g_clear_pointer (&files->bundle_text, g_bytes_unref);
}

static GBytes *
read_file (const char *path, GError **error)
{
    g_autoptr (GError) cause = NULL;
    GBytes *bytes = policy_file_read_any (path, POLICY_COURIER_FILE_MAX, &cause);

    if (bytes == NULL)
        g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_FILE, cause->message);
    return bytes;
}

/* The name of the file before what is wrong with it. */
static gboolean
named (gboolean ok, const char *path, GError **error)
{
    if (!ok)
        g_prefix_error (error, "'%s': ", path);
    return ok;
}

static gboolean
is_key_file (GBytes *bytes)
{
    gsize len;
    const char *text = g_bytes_get_data (bytes, &len);

    return len > 0 && (text[0] == '[' || text[0] == '#');
}

/* The files of sevctl and sev-tool say no more than the certificates. */
static gboolean
read_foreign (const char *path, PolicyCourierPlatform *out, GError **error)
{
    g_auto (PolicyPlatformCerts) certs = { 0 };

    if (!policy_platform_certs_read (&certs, path, error))
        return FALSE;
    out->cert_chain = policy_platform_certs_dup_chain (&certs);
    if (certs.cert[POLICY_CERT_PDH] == NULL || out->cert_chain == NULL) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_PLATFORM_FILE,
                     "'%s' lacks the platform's PDH, PEK, OCA or CEK", path);
        return FALSE;
    }
    out->pdh = g_bytes_ref (certs.cert[POLICY_CERT_PDH]);
    if (certs.cert[POLICY_CERT_ASK] != NULL && certs.cert[POLICY_CERT_ARK] != NULL) {
        out->cek = g_bytes_ref (certs.cert[POLICY_CERT_CEK]);
        out->ask = g_bytes_ref (certs.cert[POLICY_CERT_ASK]);
        out->ark = g_bytes_ref (certs.cert[POLICY_CERT_ARK]);
    }
    out->chip_id = g_strdup (certs.chip_id);
    return TRUE;
}

gboolean
courier_take_platform (CourierFiles *files,
                       const char *path,
                       LaunchOptions *options,
                       GError **error)
{
    options->host = &files->host;
    if (g_file_test (path, G_FILE_TEST_IS_DIR))
        return read_foreign (path, &files->host, error);
    g_autoptr (GBytes) bytes = read_file (path, error);
    if (bytes == NULL)
        return FALSE;
    if (!is_key_file (bytes))
        return read_foreign (path, &files->host, error);
    gsize len;
    const char *text = g_bytes_get_data (bytes, &len);
    return named (policy_courier_platform_parse (text, len, &files->host, error), path,
                  error);
}

gboolean
courier_take_bundle (CourierFiles *files,
                     const char *path,
                     LaunchOptions *options,
                     GError **error)
{
    PolicyCourierBundle *bundle = &files->bundle;
    gsize len;

    files->bundle_text = read_file (path, error);
    if (files->bundle_text == NULL)
        return FALSE;
    const char *text = g_bytes_get_data (files->bundle_text, &len);
    if (!named (policy_courier_bundle_parse (text, len, bundle, error), path, error))
        return FALSE;
    options->bundle = bundle;
    options->bundle_text = files->bundle_text;
    options->vcpus = (int) bundle->vcpus;
    if (options->memory == 0)
        options->memory = (int) bundle->memory;
    if (options->kernel != NULL && *bundle->cmdline != '\0')
        options->append = g_strdup (bundle->cmdline);
    options->cpu = g_strdup (bundle->cpu);
    return TRUE;
}

gboolean
courier_take_measurement (CourierFiles *files,
                          const char *path,
                          LaunchOptions *options,
                          GError **error)
{
    g_autoptr (GBytes) bytes = read_file (path, error);
    gsize len;

    if (bytes == NULL)
        return FALSE;
    options->found = &files->found;
    const char *text = g_bytes_get_data (bytes, &len);
    return named (policy_courier_measurement_parse (text, len, &files->found, error), path,
                  error);
}

gboolean
courier_take_packet (CourierFiles *files,
                     const char *path,
                     LaunchOptions *options,
                     GError **error)
{
    g_autoptr (GBytes) bytes = read_file (path, error);
    gsize len;

    if (bytes == NULL)
        return FALSE;
    options->packet = &files->packet;
    const char *text = g_bytes_get_data (bytes, &len);
    return named (policy_courier_packet_parse (text, len, &files->packet, error), path,
                  error);
}

int
courier_run (LaunchOptions *options, const CommandCommon *common)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (LaunchOwner) owner = launch_owner_prepare (options, &error);

    return owner != NULL ? launch_command_run (options, owner, common)
                         : command_fail (common, error);
}
