/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/courier/courier-file.h"

#include <string.h>

#include "policy/key-file.h"
#include "policy/owner-file.h"
#include "sev/base/sev-bytes.h"
#include "sev/crypto/sev-digest.h"

#define FORMAT 1
#define CHAIN_SIZE (3u * SEV_CERT_SIZE)
#define BLOB_SIZE sizeof (SevSessionWire)
#define REPORT_SIZE sizeof (SevMeasureWire)
#define ATTESTATION_SIZE sizeof (SevReportWire)
#define HEADER_SIZE 52u
#define AMD_CERT_MAX 1600u
#define CHIP_ID_MAX 128u
#define MAX_VCPUS 4096u
#define MAX_MEMORY_MIB (64u * 1024u * 1024u)

#define PLATFORM "courier-platform"
#define BUNDLE "courier-bundle"
#define MEASUREMENT "courier-measurement"
#define PACKET "courier-packet"
#define PREFIX_LEN strlen ("courier-")

static const char *const platform_keys[] = { "format",  "pdh", "cert-chain",
                                             "cek",     "ask", "ark",
                                             "chip-id", "cpu", NULL };
static const char *const bundle_keys[] = {
    "format",      "session",  "platform", "name",   "policy", "owner-cert",
    "launch-blob", "firmware", "kind",     "kernel", "initrd", "append",
    "vcpus",       "memory",   "cpu",      NULL,
};
static const char *const measurement_keys[] = { "format", "session",     "api", "build",
                                                "report", "attestation", NULL };
static const char *const packet_keys[] = { "format", "session", "report",
                                           "header", "data",    NULL };

static const PolicyKeyFileGroup platform_group = { PLATFORM, platform_keys, FALSE };
static const PolicyKeyFileGroup bundle_group = { BUNDLE, bundle_keys, FALSE };
static const PolicyKeyFileGroup measurement_group = { MEASUREMENT, measurement_keys,
                                                      FALSE };
static const PolicyKeyFileGroup packet_group = { PACKET, packet_keys, FALSE };

/* Reading. */

typedef struct {
    GKeyFile *file;
    const char *group;
    GError **error;
    gboolean ok; /* nothing was wrong so far */
} Reader;

static void G_GNUC_PRINTF (2, 3) bad (Reader *reader, const char *format, ...)
{
    va_list args;

    if (!reader->ok)
        return;
    va_start (args, format);
    g_autofree char *text = g_strdup_vprintf (format, args);
    va_end (args);
    g_set_error (reader->error, POLICY_ERROR, POLICY_ERROR_COURIER_FILE, "%s: %s",
                 reader->group, text);
    reader->ok = FALSE;
}

/* Returns: (nullable): %NULL, and an error unless @optional, if the key is missing */
static char *
take_text (Reader *reader, const char *key, gboolean optional)
{
    g_autofree char *text = g_key_file_get_string (reader->file, reader->group, key, NULL);

    if (text == NULL &&
        !(optional && !g_key_file_has_key (reader->file, reader->group, key, NULL)))
        bad (reader, "'%s' is missing or no text", key);
    return g_steal_pointer (&text);
}

static guint64
take_number (Reader *reader, const char *key, guint64 min, guint64 max)
{
    g_autofree char *text = take_text (reader, key, FALSE);
    guint64 number = 0;

    if (text != NULL && !g_ascii_string_to_unsigned (text, 10, min, max, &number, NULL))
        bad (reader, "'%s' is no number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT,
             key, min, max);
    return number;
}

static void
take_digest (Reader *reader, const char *key, guint8 out[SEV_DIGEST_SIZE])
{
    g_autofree char *text = take_text (reader, key, FALSE);

    if (text != NULL && !sev_hex_decode (text, out, SEV_DIGEST_SIZE, NULL))
        bad (reader, "'%s' is no SHA-256 of 64 hexadecimal digits", key);
}

/* Base64 in the one way that g_base64_encode() writes it. */
static GBytes *
take_bytes (Reader *reader, const char *key, gsize min, gsize max, gboolean optional)
{
    g_autofree char *text = take_text (reader, key, optional);
    gsize size = 0;

    if (text == NULL)
        return NULL;
    g_autofree guint8 *data = g_base64_decode (text, &size);
    g_autofree char *again = g_base64_encode (data, size);
    if (strcmp (again, text) != 0)
        bad (reader, "'%s' is not base64 text", key);
    else if (size < min || size > max)
        bad (reader,
             "'%s' has %" G_GSIZE_FORMAT " bytes, expected %" G_GSIZE_FORMAT
             " to %" G_GSIZE_FORMAT,
             key, size, min, max);
    return g_bytes_new (data, size);
}

/* A word without blanks or signs that mean something elsewhere. */
static char *
take_word (Reader *reader, const char *key, gboolean optional)
{
    g_autofree char *text = take_text (reader, key, optional);

    if (text != NULL && !policy_name_is_plain (text))
        bad (reader, "'%s' is no plain word", key);
    return g_steal_pointer (&text);
}

/* Four files go to and fro, and are easily taken for one another. */
static gboolean
is_other_kind (const PolicyKeyFileGroup *group, const char *text, gsize len, GError **error)
{
    static const char *const kinds[] = { PLATFORM, BUNDLE, MEASUREMENT, PACKET };

    if (len == 0) /* then @text may be NULL */
        return FALSE;
    for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++) {
        g_autofree char *head = g_strdup_printf ("[%s]", kinds[i]);

        if (strcmp (kinds[i], group->name) == 0 ||
            g_strstr_len (text, (gssize) len, head) == NULL)
            continue;
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_COURIER_FILE,
                     "this is a courier %s file, not a %s file", kinds[i] + PREFIX_LEN,
                     group->name + PREFIX_LEN);
        return TRUE;
    }
    return FALSE;
}

static gboolean
reader_open (Reader *reader,
             const PolicyKeyFileGroup *group,
             const char *text,
             gsize len,
             GError **error)
{
    const PolicyKeyFileGroup *const groups[] = { group, NULL };
    g_autoptr (GError) cause = NULL;

    *reader = (Reader){ NULL, group->name, error, TRUE };
    reader->file = policy_key_file_parse (text, len, groups, &cause);
    if (reader->file == NULL) {
        if (is_other_kind (group, text, len, error))
            reader->ok = FALSE;
        else
            bad (reader, "%s", cause->message);
        return FALSE;
    }
    if (!g_key_file_has_group (reader->file, group->name))
        bad (reader, "the file has no group [%s]", group->name);
    else
        take_number (reader, "format", FORMAT, FORMAT);
    return reader->ok;
}

static gboolean
reader_close (Reader *reader)
{
    g_clear_pointer (&reader->file, g_key_file_free);
    return reader->ok;
}

static void
digest_of (GBytes *bytes, guint8 out[SEV_DIGEST_SIZE])
{
    gsize len;
    const guint8 *data = g_bytes_get_data (bytes, &len);

    if (!sev_sha256 (data, len, out, NULL))
        memset (out, 0, SEV_DIGEST_SIZE);
}

/* Writing. */

static GKeyFile *
writer_new (const char *group)
{
    GKeyFile *file = g_key_file_new ();

    g_key_file_set_integer (file, group, "format", FORMAT);
    return file;
}

static void
put_bytes (GKeyFile *file, const char *group, const char *key, GBytes *bytes)
{
    if (bytes == NULL)
        return;
    gsize len;
    const guint8 *data = g_bytes_get_data (bytes, &len);
    g_autofree char *text = g_base64_encode (data, len);

    g_key_file_set_string (file, group, key, text);
}

static void
put_digest (GKeyFile *file, const char *group, const char *key, const guint8 *digest)
{
    g_autofree char *hex = sev_hex_encode (digest, SEV_DIGEST_SIZE);

    g_key_file_set_string (file, group, key, hex);
}

static void
put_text (GKeyFile *file, const char *group, const char *key, const char *text)
{
    if (text != NULL)
        g_key_file_set_string (file, group, key, text);
}

static char *
writer_end (GKeyFile *file)
{
    char *text = g_key_file_to_data (file, NULL, NULL);

    g_key_file_free (file);
    return text;
}

/* Platform. */

void
policy_courier_platform_clear (PolicyCourierPlatform *platform)
{
    g_clear_pointer (&platform->pdh, g_bytes_unref);
    g_clear_pointer (&platform->cert_chain, g_bytes_unref);
    g_clear_pointer (&platform->cek, g_bytes_unref);
    g_clear_pointer (&platform->ask, g_bytes_unref);
    g_clear_pointer (&platform->ark, g_bytes_unref);
    g_clear_pointer (&platform->chip_id, g_free);
    g_clear_pointer (&platform->cpu, g_free);
}

static void
check_chip_id (Reader *reader, const char *text)
{
    if (text == NULL)
        return;
    const gsize len = strlen (text);
    if (len == 0 || len > CHIP_ID_MAX || len % 2 != 0 ||
        strspn (text, "0123456789abcdef") != len)
        bad (reader, "'chip-id' is no even number of lower-case hexadecimal digits");
}

gboolean
policy_courier_platform_parse (const char *text,
                               gsize len,
                               PolicyCourierPlatform *out,
                               GError **error)
{
    Reader reader;

    memset (out, 0, sizeof *out);
    if (reader_open (&reader, &platform_group, text, len, error)) {
        out->pdh = take_bytes (&reader, "pdh", SEV_CERT_SIZE, SEV_CERT_SIZE, FALSE);
        out->cert_chain = take_bytes (&reader, "cert-chain", CHAIN_SIZE, CHAIN_SIZE, FALSE);
        out->cek = take_bytes (&reader, "cek", SEV_CERT_SIZE, SEV_CERT_SIZE, TRUE);
        out->ask = take_bytes (&reader, "ask", 1, AMD_CERT_MAX, TRUE);
        out->ark = take_bytes (&reader, "ark", 1, AMD_CERT_MAX, TRUE);
        out->chip_id = take_text (&reader, "chip-id", TRUE);
        out->cpu = take_word (&reader, "cpu", TRUE);
        check_chip_id (&reader, out->chip_id);
        if (reader.ok)
            digest_of (out->pdh, out->id);
    }
    if (reader_close (&reader))
        return TRUE;
    policy_courier_platform_clear (out);
    return FALSE;
}

char *
policy_courier_platform_format (const PolicyCourierPlatform *platform)
{
    GKeyFile *file = writer_new (PLATFORM);

    put_bytes (file, PLATFORM, "pdh", platform->pdh);
    put_bytes (file, PLATFORM, "cert-chain", platform->cert_chain);
    put_bytes (file, PLATFORM, "cek", platform->cek);
    put_bytes (file, PLATFORM, "ask", platform->ask);
    put_bytes (file, PLATFORM, "ark", platform->ark);
    put_text (file, PLATFORM, "chip-id", platform->chip_id);
    put_text (file, PLATFORM, "cpu", platform->cpu);
    return writer_end (file);
}

/* Bundle. */

void
policy_courier_bundle_clear (PolicyCourierBundle *bundle)
{
    g_clear_pointer (&bundle->name, g_free);
    g_clear_pointer (&bundle->cert, g_bytes_unref);
    g_clear_pointer (&bundle->blob, g_bytes_unref);
    g_clear_pointer (&bundle->cmdline, g_free);
    g_clear_pointer (&bundle->cpu, g_free);
}

static guint32
take_policy (Reader *reader)
{
    g_autofree char *text = take_text (reader, "policy", FALSE);
    guint64 number = 0;

    if (text != NULL &&
        (!g_str_has_prefix (text, "0x") ||
         !g_ascii_string_to_unsigned (text + 2, 16, 0, G_MAXUINT32, &number, NULL)))
        bad (reader, "'policy' is no number of 32 bits that begins with 0x");
    return (guint32) number;
}

static char *
take_cmdline (Reader *reader)
{
    g_autofree char *text = take_text (reader, "append", FALSE);

    if (text == NULL)
        return NULL;
    if (strlen (text) > POLICY_COURIER_CMDLINE_MAX)
        bad (reader, "'append' is longer than %u bytes", POLICY_COURIER_CMDLINE_MAX);
    for (const char *at = text; *at != '\0'; at++)
        if (g_ascii_iscntrl (*at))
            bad (reader, "'append' has control characters");
    return g_steal_pointer (&text);
}

/* What the file says twice must be the same; what follows from it is computed. */
static void
complete_bundle (Reader *reader, PolicyCourierBundle *bundle)
{
    guint8 digest[SEV_DIGEST_SIZE];

    if (!reader->ok)
        return;
    digest_of (bundle->blob, digest);
    if (memcmp (digest, bundle->session, sizeof digest) != 0)
        bad (reader, "'session' is not the id of 'launch-blob'");
    if (!ovmf_hashes_cmdline (bundle->cmdline, bundle->hashes.cmdline, NULL))
        bad (reader, "'append' cannot be hashed");
}

gboolean
policy_courier_bundle_parse (const char *text,
                             gsize len,
                             PolicyCourierBundle *out,
                             GError **error)
{
    Reader reader;

    memset (out, 0, sizeof *out);
    if (reader_open (&reader, &bundle_group, text, len, error)) {
        g_autofree char *kind = take_word (&reader, "kind", FALSE);

        take_digest (&reader, "session", out->session);
        take_digest (&reader, "platform", out->platform);
        out->name = take_word (&reader, "name", FALSE);
        out->policy = take_policy (&reader);
        out->cert = take_bytes (&reader, "owner-cert", SEV_CERT_SIZE, SEV_CERT_SIZE, FALSE);
        out->blob = take_bytes (&reader, "launch-blob", BLOB_SIZE, BLOB_SIZE, FALSE);
        take_digest (&reader, "firmware", out->firmware);
        take_digest (&reader, "kernel", out->hashes.kernel);
        take_digest (&reader, "initrd", out->hashes.initrd);
        out->cmdline = take_cmdline (&reader);
        out->vcpus = (guint) take_number (&reader, "vcpus", 1, MAX_VCPUS);
        out->memory = (guint) take_number (&reader, "memory", 1, MAX_MEMORY_MIB);
        out->cpu = take_word (&reader, "cpu", TRUE);
        out->uki = g_strcmp0 (kind, "uki") == 0;
        if (!out->uki && g_strcmp0 (kind, "kernel") != 0)
            bad (&reader, "'kind' is neither uki nor kernel");
        complete_bundle (&reader, out);
    }
    if (reader_close (&reader))
        return TRUE;
    policy_courier_bundle_clear (out);
    return FALSE;
}

char *
policy_courier_bundle_format (const PolicyCourierBundle *bundle)
{
    GKeyFile *file = writer_new (BUNDLE);
    g_autofree char *policy = g_strdup_printf ("0x%08x", bundle->policy);

    put_digest (file, BUNDLE, "session", bundle->session);
    put_digest (file, BUNDLE, "platform", bundle->platform);
    put_text (file, BUNDLE, "name", bundle->name);
    put_text (file, BUNDLE, "policy", policy);
    put_bytes (file, BUNDLE, "owner-cert", bundle->cert);
    put_bytes (file, BUNDLE, "launch-blob", bundle->blob);
    put_digest (file, BUNDLE, "firmware", bundle->firmware);
    put_text (file, BUNDLE, "kind", bundle->uki ? "uki" : "kernel");
    put_digest (file, BUNDLE, "kernel", bundle->hashes.kernel);
    put_digest (file, BUNDLE, "initrd", bundle->hashes.initrd);
    put_text (file, BUNDLE, "append", bundle->cmdline);
    g_key_file_set_uint64 (file, BUNDLE, "vcpus", bundle->vcpus);
    g_key_file_set_uint64 (file, BUNDLE, "memory", bundle->memory);
    put_text (file, BUNDLE, "cpu", bundle->cpu);
    return writer_end (file);
}

/* Measurement. */

void
policy_courier_measurement_clear (PolicyCourierMeasurement *measurement)
{
    g_clear_pointer (&measurement->report, g_bytes_unref);
    g_clear_pointer (&measurement->attestation, g_bytes_unref);
}

static void
take_api (Reader *reader, guint8 *major, guint8 *minor)
{
    g_autofree char *text = take_text (reader, "api", FALSE);
    guint64 numbers[2] = { 0 };

    if (text == NULL)
        return;
    g_auto (GStrv) parts = g_strsplit (text, ".", 3);
    if (g_strv_length (parts) != 2 ||
        !g_ascii_string_to_unsigned (parts[0], 10, 0, 255, &numbers[0], NULL) ||
        !g_ascii_string_to_unsigned (parts[1], 10, 0, 255, &numbers[1], NULL))
        bad (reader, "'api' is no MAJOR.MINOR");
    *major = (guint8) numbers[0];
    *minor = (guint8) numbers[1];
}

gboolean
policy_courier_measurement_parse (const char *text,
                                  gsize len,
                                  PolicyCourierMeasurement *out,
                                  GError **error)
{
    Reader reader;

    memset (out, 0, sizeof *out);
    if (reader_open (&reader, &measurement_group, text, len, error)) {
        take_digest (&reader, "session", out->session);
        take_api (&reader, &out->api_major, &out->api_minor);
        out->build = (guint8) take_number (&reader, "build", 0, 255);
        out->report = take_bytes (&reader, "report", REPORT_SIZE, REPORT_SIZE, FALSE);
        out->attestation =
            take_bytes (&reader, "attestation", ATTESTATION_SIZE, ATTESTATION_SIZE, TRUE);
    }
    if (reader_close (&reader))
        return TRUE;
    policy_courier_measurement_clear (out);
    return FALSE;
}

char *
policy_courier_measurement_format (const PolicyCourierMeasurement *measurement)
{
    GKeyFile *file = writer_new (MEASUREMENT);
    g_autofree char *api =
        g_strdup_printf ("%u.%u", measurement->api_major, measurement->api_minor);

    put_digest (file, MEASUREMENT, "session", measurement->session);
    put_text (file, MEASUREMENT, "api", api);
    g_key_file_set_uint64 (file, MEASUREMENT, "build", measurement->build);
    put_bytes (file, MEASUREMENT, "report", measurement->report);
    put_bytes (file, MEASUREMENT, "attestation", measurement->attestation);
    return writer_end (file);
}

/* Packet. */

void
policy_courier_packet_clear (PolicyCourierPacket *packet)
{
    g_clear_pointer (&packet->report, g_bytes_unref);
    g_clear_pointer (&packet->header, g_bytes_unref);
    g_clear_pointer (&packet->data, g_bytes_unref);
}

gboolean
policy_courier_packet_parse (const char *text,
                             gsize len,
                             PolicyCourierPacket *out,
                             GError **error)
{
    Reader reader;

    memset (out, 0, sizeof *out);
    if (reader_open (&reader, &packet_group, text, len, error)) {
        take_digest (&reader, "session", out->session);
        out->report = take_bytes (&reader, "report", REPORT_SIZE, REPORT_SIZE, FALSE);
        out->header = take_bytes (&reader, "header", HEADER_SIZE, HEADER_SIZE, TRUE);
        out->data = take_bytes (&reader, "data", 1, POLICY_COURIER_DATA_MAX, TRUE);
        if ((out->header == NULL) != (out->data == NULL))
            bad (&reader, "'header' and 'data' go together");
    }
    if (reader_close (&reader))
        return TRUE;
    policy_courier_packet_clear (out);
    return FALSE;
}

char *
policy_courier_packet_format (const PolicyCourierPacket *packet)
{
    GKeyFile *file = writer_new (PACKET);

    put_digest (file, PACKET, "session", packet->session);
    put_bytes (file, PACKET, "report", packet->report);
    put_bytes (file, PACKET, "header", packet->header);
    put_bytes (file, PACKET, "data", packet->data);
    return writer_end (file);
}

gboolean
policy_courier_check_session (const guint8 expected[POLICY_SESSION_ID_SIZE],
                              const guint8 found[POLICY_SESSION_ID_SIZE],
                              const char *what,
                              GError **error)
{
    if (memcmp (expected, found, POLICY_SESSION_ID_SIZE) == 0)
        return TRUE;
    g_autofree char *want = sev_hex_encode (expected, 8);
    g_autofree char *have = sev_hex_encode (found, 8);
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_COURIER_SESSION,
                 "%s is of session %s…, expected %s…: the files do not belong together",
                 what, have, want);
    return FALSE;
}
