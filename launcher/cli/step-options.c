/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/cli/step-options.h"

#include <string.h>

#include "launcher/base/secret-file.h"
#include "policy/guest-policy.h"
#include "policy/owner-cert.h"
#include "policy/policy-error.h"
#include "sev/base/sev-bytes.h"

#define TEXT_MAX 4096

void
step_boot_options_clear (StepBootOptions *o)
{
    char **const texts[] = { &o->firmware, &o->kernel, &o->initrd, &o->append,
                             &o->policy,   &o->vcpus,  &o->cpu,    &o->vmsa };

    for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
        g_clear_pointer (texts[i], g_free);
}

void
step_report_options_clear (StepReportOptions *o)
{
    char **const texts[] = { &o->measurement, &o->tik, &o->tek,  &o->tk,
                             &o->digest,      &o->api, &o->build };

    for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
        g_clear_pointer (texts[i], g_free);
}

static void
add_entries (GArray *all, const GOptionEntry *entries)
{
    for (; entries != NULL && entries->long_name != NULL; entries++)
        g_array_append_val (all, *entries);
}

static void
add_boot_entries (GArray *all, StepBootOptions *o)
{
    const GOptionEntry entries[] = {
        { "firmware", 0, 0, G_OPTION_ARG_FILENAME, &o->firmware,
          "Firmware image, whole, as QEMU gets it", "FILE" },
        { "kernel", 0, 0, G_OPTION_ARG_FILENAME, &o->kernel,
          "Kernel or unified kernel image; kernel hashes are then on", "FILE" },
        { "initrd", 0, 0, G_OPTION_ARG_FILENAME, &o->initrd, "with this initrd", "FILE" },
        { "append", 0, 0, G_OPTION_ARG_FILENAME, &o->append, "and this command line",
          "TEXT" },
        { "policy", 0, 0, G_OPTION_ARG_STRING, &o->policy,
          "Guest policy: names with commas between them, 0x… or decimal", "POLICY" },
        { "vcpus", 0, 0, G_OPTION_ARG_STRING, &o->vcpus,
          "Number of processors, or a range such as 1-8 (SEV-ES)", "N" },
        { "cpu", 0, 0, G_OPTION_ARG_STRING, &o->cpu,
          "FAMILY,MODEL,STEPPING in decimal, or a model such as EPYC-Milan (SEV-ES)",
          "CPU" },
        { "vmsa", 0, 0, G_OPTION_ARG_STRING, &o->vmsa,
          "How the host fills the processors' save areas (SEV-ES)", "legacy|init2" },
        G_OPTION_ENTRY_NULL,
    };

    add_entries (all, entries);
}

static void
add_report_entries (GArray *all, StepReportOptions *o)
{
    const GOptionEntry entries[] = {
        { "measurement", 0, 0, G_OPTION_ARG_FILENAME, &o->measurement,
          "The launch measurement in base64, or a file with it", "BASE64|FILE" },
        { "tik", 0, 0, G_OPTION_ARG_FILENAME, &o->tik, "The session's integrity key",
          "FILE" },
        { "tek", 0, 0, G_OPTION_ARG_FILENAME, &o->tek, "The session's encryption key",
          "FILE" },
        { "tk", 0, 0, G_OPTION_ARG_FILENAME, &o->tk,
          "Both keys in one file, TEK first, instead of --tik and --tek", "FILE" },
        { "digest", 0, 0, G_OPTION_ARG_STRING, &o->digest,
          "The expected launch digest itself, instead of files", "SHA256" },
        { "api", 0, 0, G_OPTION_ARG_STRING, &o->api,
          "API version of the platform's firmware", "MAJOR.MINOR" },
        { "build", 0, 0, G_OPTION_ARG_STRING, &o->build,
          "Build number of the platform's firmware", "N" },
        { "allow-legacy-api", 0, 0, G_OPTION_ARG_NONE, &o->allow_legacy,
          "Take platforms with an API before 0.17 (dangerous)", NULL },
        G_OPTION_ENTRY_NULL,
    };

    add_entries (all, entries);
}

GArray *
step_entries (StepBootOptions *boot, StepReportOptions *report, const GOptionEntry *own)
{
    GArray *all = g_array_new (TRUE, TRUE, sizeof (GOptionEntry));

    add_entries (all, own);
    if (report != NULL)
        add_report_entries (all, report);
    if (boot != NULL)
        add_boot_entries (all, boot);
    return all;
}

gboolean
step_usage (GError **error, const char *format, ...)
{
    va_list args;

    va_start (args, format);
    g_autofree char *text = g_strdup_vprintf (format, args);
    va_end (args);
    g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE, text);
    return FALSE;
}

/* Keys and measurement. */

void
step_report_clear (StepReport *report)
{
    g_clear_pointer (&report->tik, sev_secret_unref);
    g_clear_pointer (&report->tek, sev_secret_unref);
    g_clear_pointer (&report->tik_path, g_free);
}

static gboolean
read_keys (const StepReportOptions *o, StepReport *out, GError **error)
{
    if (o->tk != NULL && (o->tik != NULL || o->tek != NULL))
        return step_usage (error, "--tk and --tik or --tek exclude each other");
    if (o->tk != NULL)
        return secret_tk_read ("--tk", o->tk, &out->tek, &out->tik, error);
    if (o->tik == NULL)
        return step_usage (error, "--tik FILE is needed, or --tk FILE");
    out->tik = secret_key_read ("--tik", o->tik, SEV_KEY_SIZE, error);
    out->tik_path = g_strdup (o->tik);
    if (out->tik != NULL && o->tek != NULL)
        out->tek = secret_key_read ("--tek", o->tek, SEV_KEY_SIZE, error);
    return out->tik != NULL && (o->tek == NULL || out->tek != NULL);
}

/* Strict: text that is read in two ways is read in none. */
GBytes *
step_base64_decode (const char *text)
{
    g_autofree char *plain = g_strchomp (g_strdup (text));
    gsize len = 0;
    g_autofree guchar *data = g_base64_decode (plain, &len);
    g_autofree char *again = g_base64_encode (data, len);

    return strcmp (again, plain) == 0 ? g_bytes_new (data, len) : NULL;
}

static GBytes *
load_measurement (const char *text, GError **error)
{
    g_autofree char *content = NULL;
    g_autoptr (GError) cause = NULL;
    gsize len;
    GBytes *bytes =
        strlen (text) == sizeof (SevMeasureWire) / 3 * 4 ? step_base64_decode (text) : NULL;

    if (bytes != NULL)
        return bytes;
    if (!g_file_test (text, G_FILE_TEST_IS_REGULAR)) {
        bytes = strchr (text, '.') == NULL ? step_base64_decode (text) : NULL;
        if (bytes != NULL)
            return bytes;
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_FILE,
                     "--measurement: '%.64s' is neither base64 nor a file", text);
        return NULL;
    }
    if (!g_file_get_contents (text, &content, &len, &cause) || len > TEXT_MAX) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_FILE, "--measurement: %s",
                     cause != NULL ? cause->message : "the file is too large");
        return NULL;
    }
    if (len != sizeof (SevMeasureWire) && strlen (content) == len)
        bytes = step_base64_decode (content);
    return bytes != NULL ? bytes : g_bytes_new (content, len);
}

static gboolean
read_measurement (const StepReportOptions *o, StepReport *out, GError **error)
{
    gsize len;

    if (o->measurement == NULL)
        return step_usage (error, "--measurement is needed");
    g_autoptr (GBytes) bytes = load_measurement (o->measurement, error);
    if (bytes == NULL)
        return FALSE;
    const guint8 *data = g_bytes_get_data (bytes, &len);
    if (len != sizeof out->report) {
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_MEASUREMENT_MALFORMED,
                     "launch measurement: %" G_GSIZE_FORMAT
                     " bytes, expected %" G_GSIZE_FORMAT,
                     len, sizeof out->report);
        return FALSE;
    }
    memcpy (out->report, data, len);
    out->report_len = len;
    out->input.report = out->report;
    out->input.report_len = len;
    return TRUE;
}

static gboolean
parse_version (const StepReportOptions *o, PolicyMeasureInput *out, GError **error)
{
    g_auto (GStrv) parts = g_strsplit (o->api, ".", 3);
    guint64 major, minor, build;

    if (g_strv_length (parts) != 2 ||
        !g_ascii_string_to_unsigned (parts[0], 10, 0, 255, &major, NULL) ||
        !g_ascii_string_to_unsigned (parts[1], 10, 0, 255, &minor, NULL))
        return step_usage (error, "--api: '%s' is no version such as 0.24", o->api);
    if (!g_ascii_string_to_unsigned (o->build, 10, 0, 255, &build, NULL))
        return step_usage (error, "--build: '%s' is no number from 0 to 255", o->build);
    out->api_major = (guint8) major;
    out->api_minor = (guint8) minor;
    out->build = (guint8) build;
    return TRUE;
}

gboolean
step_report_read (const StepReportOptions *o,
                  gboolean need_version,
                  StepReport *out,
                  GError **error)
{
    if (!read_keys (o, out, error) || !read_measurement (o, out, error))
        return FALSE;
    if (o->digest != NULL) {
        const char *text =
            g_str_has_prefix (o->digest, "sha256:") ? o->digest + 7 : o->digest;

        if (!sev_hex_decode (text, out->input.launch_digest, SEV_DIGEST_SIZE, NULL))
            return step_usage (error, "--digest takes a SHA-256 of 64 hexadecimal digits");
        out->has_digest = TRUE;
    }
    out->input.allow_legacy = o->allow_legacy;
    if (o->api != NULL && o->build != NULL)
        return parse_version (o, &out->input, error);
    if (need_version || o->api != NULL || o->build != NULL)
        return step_usage (error, "--api and --build are needed");
    return TRUE;
}

void
step_hex_json (JsonObject *object, const char *name, const void *data, gsize len)
{
    g_autofree char *hex = sev_hex_encode (data, len);

    json_object_set_string_member (object, name, hex);
}
