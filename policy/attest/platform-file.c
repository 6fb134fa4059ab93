/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/attest/platform-file.h"

#include <string.h>
#include <sys/stat.h>

#include "policy/attest/naples-ark.h"
#include "policy/attest/zip-file.h"
#include "policy/owner-cert.h"
#include "policy/owner-file.h"
#include "policy/policy-error.h"
#include "sev/base/sev-bytes.h"

#define UNSIGNED_ARK_SIZE (SEV_AMD_CERT_SIZE_2048 - (guint) sizeof naples_ark_signature)
#define EXPORT_SIZE (SEV_CERT_SIZE + SEV_CERT_CHAIN_SIZE)
#define EC_USAGE_OFFSET 0x08u
#define AMD_USAGE_OFFSET 0x24u
#define CHIP_ID_DIGITS 128u

static const struct {
    const char *name;
    const char *file; /* of sev-tool */
} kinds[] = {
    [POLICY_CERT_PDH] = { "PDH", "pdh.cert" }, [POLICY_CERT_PEK] = { "PEK", "pek.cert" },
    [POLICY_CERT_OCA] = { "OCA", "oca.cert" }, [POLICY_CERT_CEK] = { "CEK", "cek.cert" },
    [POLICY_CERT_ASK] = { "ASK", "ask.cert" }, [POLICY_CERT_ARK] = { "ARK", "ark.cert" },
};
G_STATIC_ASSERT (G_N_ELEMENTS (kinds) == POLICY_N_CERTS);

const char *
policy_cert_kind_name (PolicyCertKind kind)
{
    g_return_val_if_fail ((guint) kind < POLICY_N_CERTS, NULL);
    return kinds[kind].name;
}

void
policy_platform_certs_clear (PolicyPlatformCerts *certs)
{
    for (guint i = 0; i < POLICY_N_CERTS; i++)
        g_clear_pointer (&certs->cert[i], g_bytes_unref);
    g_clear_pointer (&certs->chip_id, g_free);
}

static gboolean G_GNUC_PRINTF (3, 4)
    refuse (GError **error, const char *name, const char *format, ...)
{
    va_list args;

    va_start (args, format);
    g_autofree char *text = g_strdup_vprintf (format, args);
    va_end (args);
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_PLATFORM_FILE, "'%s': %s", name, text);
    return FALSE;
}

static gboolean
is_signed (GBytes *cert)
{
    SevCert decoded;

    return sev_cert_decode (g_bytes_get_data (cert, NULL), g_bytes_get_size (cert),
                            &decoded, NULL) &&
           (decoded.sig[0].usage == SEV_USAGE_ASK || decoded.sig[1].usage == SEV_USAGE_ASK);
}

static gboolean
same_body (GBytes *a, GBytes *b)
{
    return g_bytes_get_size (a) == SEV_CERT_SIZE && g_bytes_get_size (b) == SEV_CERT_SIZE &&
           memcmp (g_bytes_get_data (a, NULL), g_bytes_get_data (b, NULL),
                   SEV_CERT_BODY_SIZE) == 0;
}

/* A platform's PDH is signed by its PEK; a guest owner's has two empty signatures. */
static gboolean
is_owners (PolicyCertKind kind, GBytes *cert)
{
    SevCert decoded;

    return kind == POLICY_CERT_PDH &&
           sev_cert_decode (g_bytes_get_data (cert, NULL), g_bytes_get_size (cert),
                            &decoded, NULL) &&
           decoded.sig[0].usage == SEV_USAGE_INVALID &&
           decoded.sig[1].usage == SEV_USAGE_INVALID;
}

static gboolean
put (PolicyPlatformCerts *certs,
     PolicyCertKind kind,
     GBytes *cert,
     const char *name,
     GError **error)
{
    GBytes *old = certs->cert[kind];

    if (is_owners (kind, cert))
        return refuse (error, name,
                       "a guest owner's certificate (a DH key that no platform signed, as "
                       "owner-init makes it), not a platform's");
    if (old != NULL && !g_bytes_equal (old, cert)) {
        if (kind != POLICY_CERT_CEK || !same_body (old, cert) ||
            is_signed (old) == is_signed (cert))
            return refuse (error, name, "another %s certificate than the one before",
                           kinds[kind].name);
        if (is_signed (old))
            return TRUE;
    }
    g_bytes_ref (cert);
    g_clear_pointer (&certs->cert[kind], g_bytes_unref);
    certs->cert[kind] = cert;
    return TRUE;
}

static guint32
read_u32 (GBytes *bytes, gsize offset)
{
    SevReader reader;
    guint32 value = G_MAXUINT32;
    gsize len;
    const guint8 *data = g_bytes_get_data (bytes, &len);

    sev_reader_init (&reader, data, len);
    if (!sev_reader_skip (&reader, offset) || !sev_reader_u32 (&reader, &value))
        return G_MAXUINT32;
    return value;
}

static GBytes *
complete_ark (GBytes *ark)
{
    g_autoptr (GByteArray) whole = g_byte_array_new ();
    PolicyFingerprint fingerprint;
    SevAmdCert cert;

    if (g_bytes_get_size (ark) != UNSIGNED_ARK_SIZE)
        return g_bytes_ref (ark);
    sev_put_bytes (whole, g_bytes_get_data (ark, NULL), UNSIGNED_ARK_SIZE);
    sev_put_bytes (whole, naples_ark_signature, sizeof naples_ark_signature);
    if (!sev_amd_cert_decode (whole->data, whole->len, &cert, NULL) ||
        cert.usage != SEV_USAGE_ARK ||
        !policy_root_fingerprint (&cert, &fingerprint, NULL) ||
        g_strcmp0 (policy_builtin_root_name (&fingerprint), "Naples") != 0)
        return g_bytes_ref (ark);
    return g_byte_array_free_to_bytes (g_steal_pointer (&whole));
}

static gboolean
put_range (PolicyPlatformCerts *certs,
           PolicyCertKind kind,
           GBytes *bytes,
           gsize offset,
           gsize len,
           const char *name,
           GError **error)
{
    g_autoptr (GBytes) part = g_bytes_new_from_bytes (bytes, offset, len);
    g_autoptr (GBytes) whole =
        kind == POLICY_CERT_ARK ? complete_ark (part) : g_bytes_ref (part);

    return put (certs, kind, whole, name, error);
}

/* AMD's two certificates from @offset on; %FALSE in @found if the length is another. */
static gboolean
put_ca (PolicyPlatformCerts *certs,
        GBytes *bytes,
        gsize offset,
        gboolean *found,
        const char *name,
        GError **error)
{
    const gsize len = g_bytes_get_size (bytes) - offset;
    const gsize first =
        len == 2 * SEV_AMD_CERT_SIZE_4096 ? SEV_AMD_CERT_SIZE_4096 : SEV_AMD_CERT_SIZE_2048;

    *found = len == 2 * first || len == SEV_AMD_CERT_SIZE_2048 + UNSIGNED_ARK_SIZE;
    if (!*found)
        return TRUE;
    const gboolean swapped =
        read_u32 (bytes, offset + AMD_USAGE_OFFSET) == SEV_USAGE_ARK &&
        read_u32 (bytes, offset + first + AMD_USAGE_OFFSET) == SEV_USAGE_ASK;
    return put_range (certs, swapped ? POLICY_CERT_ARK : POLICY_CERT_ASK, bytes, offset,
                      first, name, error) &&
           put_range (certs, swapped ? POLICY_CERT_ASK : POLICY_CERT_ARK, bytes,
                      offset + first, len - first, name, error);
}

static gboolean
put_chain (PolicyPlatformCerts *certs,
           GBytes *bytes,
           gsize offset,
           const char *name,
           GError **error)
{
    return put_range (certs, POLICY_CERT_PEK, bytes, offset, SEV_CERT_SIZE, name, error) &&
           put_range (certs, POLICY_CERT_OCA, bytes, offset + SEV_CERT_SIZE, SEV_CERT_SIZE,
                      name, error) &&
           put_range (certs, POLICY_CERT_CEK, bytes, offset + 2 * SEV_CERT_SIZE,
                      SEV_CERT_SIZE, name, error);
}

/* One certificate, which says itself what it is. */
static gboolean
put_one (PolicyPlatformCerts *certs,
         GBytes *bytes,
         gboolean *found,
         const char *name,
         GError **error)
{
    const gsize len = g_bytes_get_size (bytes);
    PolicyCertKind kind = POLICY_N_CERTS;

    *found = TRUE;
    if (len == SEV_CERT_SIZE)
        switch (read_u32 (bytes, EC_USAGE_OFFSET)) {
        case SEV_USAGE_PDH:
            kind = POLICY_CERT_PDH;
            break;
        case SEV_USAGE_PEK:
            kind = POLICY_CERT_PEK;
            break;
        case SEV_USAGE_OCA:
            kind = POLICY_CERT_OCA;
            break;
        case SEV_USAGE_CEK:
            kind = POLICY_CERT_CEK;
            break;
        default:
            break;
        }
    else if (len == SEV_AMD_CERT_SIZE_2048 || len == SEV_AMD_CERT_SIZE_4096 ||
             len == UNSIGNED_ARK_SIZE) {
        const guint32 usage = read_u32 (bytes, AMD_USAGE_OFFSET);
        kind = usage == SEV_USAGE_ARK   ? POLICY_CERT_ARK
               : usage == SEV_USAGE_ASK ? POLICY_CERT_ASK
                                        : POLICY_N_CERTS;
    } else {
        *found = FALSE;
        return TRUE;
    }
    if (kind == POLICY_N_CERTS)
        return refuse (error, name,
                       "as long as one certificate, but of a key for nothing known");
    return put_range (certs, kind, bytes, 0, len, name, error);
}

/* What else people have under the name of a platform's certificates. */
static const char *
name_other_format (const guint8 *data, gsize len)
{
    if (len == 0)
        return "empty";
    if (len > 3 && memcmp (data, "PK\x03\x04", 4) == 0)
        return "a zip archive, which is read by itself only";
    if (g_strstr_len ((const char *) data, (gssize) len, "-----BEGIN") != NULL ||
        (len > 1 && data[0] == 0x30 && (data[1] & 0x80) != 0))
        return "PEM or DER: X.509 certificates (VCEK, ASK and ARK of SEV-SNP) are not "
               "those of SEV";
    while (len > 0 && g_ascii_isspace (*data))
        data++, len--;
    if (len > 0 && *data == '<')
        return "a web page (HTML or XML), not a certificate";
    if (len > 0 && *data == '{')
        return "JSON: give the string in it";
    return NULL;
}

static gboolean
add_binary (PolicyPlatformCerts *certs, GBytes *bytes, const char *name, GError **error)
{
    gsize len;
    const guint8 *data = g_bytes_get_data (bytes, &len);
    gboolean found = FALSE;

    if (len == SEV_CERT_CHAIN_SIZE)
        return put_chain (certs, bytes, 0, name, error);
    if (len >= EXPORT_SIZE) {
        PolicyPlatformCerts rest = { 0 };
        gboolean ok = len == EXPORT_SIZE;

        if (!ok)
            ok = put_ca (&rest, bytes, EXPORT_SIZE, &found, name, NULL) && found;
        policy_platform_certs_clear (&rest);
        if (ok)
            return put_range (certs, POLICY_CERT_PDH, bytes, 0, SEV_CERT_SIZE, name,
                              error) &&
                   put_chain (certs, bytes, SEV_CERT_SIZE, name, error) &&
                   (len == EXPORT_SIZE ||
                    put_ca (certs, bytes, EXPORT_SIZE, &found, name, error));
    }
    if (!put_ca (certs, bytes, 0, &found, name, error))
        return FALSE;
    if (!found && !put_one (certs, bytes, &found, name, error))
        return FALSE;
    if (found)
        return TRUE;
    const char *other = name_other_format (data, len);
    if (other != NULL)
        return refuse (error, name, "%s", other);
    return refuse (error, name,
                   "%" G_GSIZE_FORMAT " bytes: no file of certificates is as long (2084: "
                   "one, 6252: PEK to CEK, 8336: sevctl export, 10000 or 11536: export "
                   "--full, 1664 or 3200: AMD's)",
                   len);
}

/* Binary certificates begin with their version, 1, in 32 bits. */
static GBytes *
unwrap (GBytes *bytes)
{
    static const guint8 prefix[] = { SEV_CERT_VERSION, 0, 0, 0 };

    return policy_unwrap_base64 (bytes, prefix, sizeof prefix);
}

static void
copy (PolicyPlatformCerts *to, const PolicyPlatformCerts *from)
{
    for (guint i = 0; i < POLICY_N_CERTS; i++)
        to->cert[i] = from->cert[i] != NULL ? g_bytes_ref (from->cert[i]) : NULL;
    to->chip_id = g_strdup (from->chip_id);
}

static void
take (PolicyPlatformCerts *to, PolicyPlatformCerts *from)
{
    policy_platform_certs_clear (to);
    *to = *from;
    memset (from, 0, sizeof *from);
}

gboolean
policy_platform_certs_add (PolicyPlatformCerts *certs,
                           GBytes *bytes,
                           const char *name,
                           GError **error)
{
    g_auto (PolicyPlatformCerts) all = { 0 };

    g_return_val_if_fail (certs != NULL && bytes != NULL && name != NULL, FALSE);

    if (g_bytes_get_size (bytes) > POLICY_PLATFORM_FILE_MAX)
        return refuse (error, name, "more than %u bytes", POLICY_PLATFORM_FILE_MAX);
    g_autoptr (GBytes) binary = unwrap (bytes);
    copy (&all, certs);
    if (!add_binary (&all, binary, name, error))
        return FALSE;
    take (certs, &all);
    return TRUE;
}

static GBytes *
read_file (const char *path, gboolean optional, GError **error)
{
    g_autoptr (GError) cause = NULL;
    GBytes *bytes = policy_file_read_any (path, POLICY_PLATFORM_FILE_MAX, &cause);

    if (bytes == NULL &&
        !(optional && g_error_matches (cause, POLICY_ERROR, POLICY_ERROR_OWNER_MISSING)))
        g_set_error_literal (error, POLICY_ERROR, POLICY_ERROR_PLATFORM_FILE,
                             cause->message);
    return bytes;
}

/* Where sev-tool put several files. */
typedef struct {
    const char *path;
    GBytes *zip; /* (nullable): the archive; else @path is a folder */
} Source;

/* @out: (nullable): a file that is missing is no error */
static gboolean
read_part (const Source *source, const char *name, GBytes **out, GError **error)
{
    g_autofree char *path = g_build_filename (source->path, name, NULL);
    g_autoptr (GError) cause = NULL;

    if (source->zip != NULL)
        return policy_zip_read (source->zip, name, POLICY_PLATFORM_FILE_MAX, out, &cause) ||
               refuse (error, source->path, "%s", cause->message);
    *out = read_file (path, TRUE, &cause);
    if (cause == NULL)
        return TRUE;
    g_propagate_error (error, g_steal_pointer (&cause));
    return FALSE;
}

static gboolean
read_named (const Source *source,
            const char *name,
            int kind, /* or -1: whatever it holds */
            PolicyPlatformCerts *certs,
            gboolean *any,
            GError **error)
{
    g_autofree char *path = g_build_filename (source->path, name, NULL);
    g_autoptr (GBytes) bytes = NULL;

    if (!read_part (source, name, &bytes, error))
        return FALSE;
    if (bytes == NULL)
        return TRUE;
    *any = TRUE;
    if (kind < 0)
        return policy_platform_certs_add (certs, bytes, path, error);
    g_autoptr (GBytes) binary = unwrap (bytes);
    gsize len;
    const guint8 *data = g_bytes_get_data (binary, &len);
    const char *other = len != SEV_CERT_SIZE ? name_other_format (data, len) : NULL;
    if (other != NULL)
        return refuse (error, path, "%s", other);
    return put_range (certs, (PolicyCertKind) kind, binary, 0, len, path, error);
}

static gboolean
read_several (const Source *source, PolicyPlatformCerts *certs, GError **error)
{
    g_autoptr (GBytes) id = NULL;
    gboolean any = FALSE;

    for (guint i = 0; i < POLICY_N_CERTS; i++)
        if (!read_named (source, kinds[i].file, (int) i, certs, &any, error))
            return FALSE;
    if (!read_named (source, "cert_chain.cert", -1, certs, &any, error) ||
        !read_named (source, "ask_ark.cert", -1, certs, &any, error))
        return FALSE;
    if (!any)
        return refuse (error, source->path,
                       "a folder or archive without certificates: pdh.cert, pek.cert, "
                       "oca.cert, cek.cert, ask.cert, ark.cert, cert_chain.cert, "
                       "ask_ark.cert");
    if (!read_part (source, "getid_s0_out.txt", &id, error))
        return FALSE;
    char *chip_id = id != NULL ? policy_chip_id_parse (g_bytes_get_data (id, NULL),
                                                       g_bytes_get_size (id))
                               : NULL;
    if (chip_id != NULL) {
        g_free (certs->chip_id);
        certs->chip_id = chip_id;
    }
    return TRUE;
}

gboolean
policy_platform_certs_read (PolicyPlatformCerts *certs, const char *path, GError **error)
{
    g_auto (PolicyPlatformCerts) all = { 0 };
    g_autoptr (GBytes) bytes = NULL;
    struct stat st;

    g_return_val_if_fail (certs != NULL && path != NULL, FALSE);

    if (stat (path, &st) != 0 || !S_ISDIR (st.st_mode)) {
        bytes = read_file (path, FALSE, error);
        if (bytes == NULL)
            return FALSE;
        if (!policy_zip_is (bytes))
            return policy_platform_certs_add (certs, bytes, path, error);
    }
    const Source source = { .path = path, .zip = bytes };
    copy (&all, certs);
    if (!read_several (&source, &all, error))
        return FALSE;
    take (certs, &all);
    return TRUE;
}

static gboolean
has_only (const PolicyPlatformCerts *certs, guint wanted)
{
    guint there = 0;

    for (guint i = 0; i < POLICY_N_CERTS; i++)
        if (certs->cert[i] != NULL)
            there |= 1u << i;
    return there == wanted;
}

gboolean
policy_platform_certs_read_ca (PolicyPlatformCerts *certs, const char *path, GError **error)
{
    g_auto (PolicyPlatformCerts) ca = { 0 };

    g_return_val_if_fail (certs != NULL && path != NULL, FALSE);

    if (!policy_platform_certs_read (&ca, path, error))
        return FALSE;
    if (!has_only (&ca, 1u << POLICY_CERT_ASK | 1u << POLICY_CERT_ARK))
        return refuse (error, path,
                       "not AMD's certificates ASK and ARK in one file "
                       "(ask_ark_GENERATION.cert)");
    for (guint i = POLICY_CERT_ASK; i <= POLICY_CERT_ARK; i++) {
        g_clear_pointer (&certs->cert[i], g_bytes_unref);
        certs->cert[i] = g_steal_pointer (&ca.cert[i]);
    }
    return TRUE;
}

GBytes *
policy_platform_certs_read_one (const char *path, PolicyCertKind kind, GError **error)
{
    g_auto (PolicyPlatformCerts) certs = { 0 };

    g_return_val_if_fail (path != NULL && (guint) kind < POLICY_N_CERTS, NULL);

    if (!policy_platform_certs_read (&certs, path, error))
        return NULL;
    if (has_only (&certs, 1u << kind))
        return g_steal_pointer (&certs.cert[kind]);
    refuse (error, path, "not one %s certificate", kinds[kind].name);
    return NULL;
}

char *
policy_chip_id_parse (const char *text, gsize len)
{
    guint8 id[CHIP_ID_DIGITS / 2];

    g_return_val_if_fail (text != NULL || len == 0, NULL);

    while (len > 0 && g_ascii_isspace (text[len - 1]))
        len--;
    while (len > 0 && g_ascii_isspace (*text))
        text++, len--;
    g_autofree char *word = g_strndup (len > 0 ? text : "", MIN (len, CHIP_ID_DIGITS + 1));
    if (!sev_hex_decode (word, id, sizeof id, NULL))
        return NULL;
    return sev_hex_encode (id, sizeof id);
}

GBytes *
policy_platform_certs_dup_chain (const PolicyPlatformCerts *certs)
{
    g_autoptr (GByteArray) all = g_byte_array_new ();

    g_return_val_if_fail (certs != NULL, NULL);

    for (guint i = POLICY_CERT_PEK; i <= POLICY_CERT_CEK; i++) {
        if (certs->cert[i] == NULL || g_bytes_get_size (certs->cert[i]) != SEV_CERT_SIZE)
            return NULL;
        sev_put_bytes (all, g_bytes_get_data (certs->cert[i], NULL), SEV_CERT_SIZE);
    }
    return g_byte_array_free_to_bytes (g_steal_pointer (&all));
}

PolicyChain *
policy_platform_certs_verify (const PolicyPlatformCerts *certs,
                              GBytes *signed_cek,
                              const PolicyRoots *roots,
                              GError **error)
{
    g_return_val_if_fail (certs != NULL, NULL);

    const PolicyChainInput input = {
        .pdh = certs->cert[POLICY_CERT_PDH],
        .pek = certs->cert[POLICY_CERT_PEK],
        .oca = certs->cert[POLICY_CERT_OCA],
        .own_cek = certs->cert[POLICY_CERT_CEK],
        .cek = signed_cek,
        .ask = certs->cert[POLICY_CERT_ASK],
        .ark = certs->cert[POLICY_CERT_ARK],
    };
    return policy_chain_verify (&input, roots, error);
}
