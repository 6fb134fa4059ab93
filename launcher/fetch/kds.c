/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "launcher/fetch/kds.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "launcher/base/message.h"
#include "launcher/fetch/fetch-protocol.h"
#include "launcher/fetch/kds-cache.h"
#include "launcher/image/image-tool.h"
#include "policy/owner-file.h"
#include "policy/policy-error.h"

#define CEK_SERVER "https://kdsintf.amd.com"
#define CEK_PATH "/cek/id/"
#define CA_SERVER "https://download.amd.com"
#define CA_PATH "/developer/eula/sev/ask_ark_"
#define ANSWER_MAX 65536u
#define CAS_MAX (FETCH_SETTINGS_MAX / 2)
#define SECONDS_MAX 600

static const char *fetch_program = PKGLIBEXECDIR "/sevlaunch-fetch";

/* The first has keys of 2048 bits, the others of 4096. */
static const char *const generations[] = { "naples", "rome", "milan", "genoa", "turin" };

typedef struct {
    const KdsOptions *options;
    const PolicyRoots *roots; /* (nullable) */
    GCancellable *cancellable;
    KdsCache *cache;           /* (nullable): it cannot be used */
    PolicyPlatformCerts certs; /* in work */
} Kds;

static void
kds_clear (Kds *kds)
{
    g_clear_pointer (&kds->cache, kds_cache_free);
    policy_platform_certs_clear (&kds->certs);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Kds, kds_clear)

static gboolean
usage (GError **error, const char *text)
{
    g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE, text);
    return FALSE;
}

void
kds_options_clear (KdsOptions *options)
{
    g_clear_pointer (&options->url, g_free);
    g_clear_pointer (&options->chip_id, g_free);
}

static gboolean
is_chip_id (const char *text)
{
    g_autofree char *id = policy_chip_id_parse (text, strlen (text));

    return id != NULL;
}

gboolean
kds_options_check (const KdsOptions *options, GError **error)
{
    if (options->chip_id != NULL && !is_chip_id (options->chip_id))
        return usage (error, "--chip-id takes 128 hexadecimal digits, as 'sevlaunch "
                             "platform id' prints them");
    if (options->seconds < 0 || options->seconds > SECONDS_MAX)
        return usage (error, "--kds-timeout takes 1 to 600 seconds");
    if (options->url == NULL)
        return TRUE;
    if (options->offline)
        return usage (error, "--offline and --kds exclude each other");
    g_autoptr (GUri) uri = g_uri_parse (options->url, G_URI_FLAGS_NONE, NULL);
    if (uri == NULL || g_uri_get_host (uri) == NULL || *g_uri_get_host (uri) == '\0' ||
        (strcmp (g_uri_get_scheme (uri), "https") != 0 &&
         strcmp (g_uri_get_scheme (uri), "http") != 0) ||
        g_uri_get_query (uri) != NULL || g_uri_get_fragment (uri) != NULL)
        return usage (error, "--kds takes a URL of https or http");
    return TRUE;
}

static gboolean G_GNUC_PRINTF (3, 4)
    fail (GError **error, LauncherError code, const char *format, ...)
{
    va_list args;

    va_start (args, format);
    g_autofree char *text = g_strdup_vprintf (format, args);
    va_end (args);
    g_set_error_literal (error, LAUNCHER_ERROR, (int) code, text);
    return FALSE;
}

static const char *
find_proxy (const char *url)
{
    const gboolean plain = g_str_has_prefix (url, "http://");
    const char *proxy = g_getenv (plain ? "http_proxy" : "https_proxy");

    if (proxy == NULL && !plain)
        proxy = g_getenv ("HTTPS_PROXY");
    return proxy != NULL ? proxy : "";
}

/* The CAs that the caller names, as OpenSSL's programs take them; empty: the system's.  So
 * a file of none must not pass: nor one that sevlaunch-fetch would take for empty. */
static GBytes *
read_cas (gboolean plain, GError **error)
{
    const char *path = g_getenv ("SSL_CERT_FILE");
    g_autoptr (GError) cause = NULL;

    if (path == NULL || *path == '\0')
        return g_bytes_new_static ("", 0);
    g_autoptr (GBytes) cas = policy_file_read_any (path, CAS_MAX, &cause);
    gsize len = 0;
    const char *data = cas != NULL ? g_bytes_get_data (cas, &len) : NULL;
    if (len > 0 && memchr (data, '\0', len) == NULL)
        return g_steal_pointer (&cas);
    /* Without TLS nobody asks for them, but where the server leads to https. */
    if (plain)
        return g_bytes_new_static ("", 0);
    if (cas == NULL)
        fail (error, LAUNCHER_ERROR_FILE, "SSL_CERT_FILE: %s", cause->message);
    else
        fail (error, LAUNCHER_ERROR_FILE, "SSL_CERT_FILE: '%s' %s", path,
              len == 0 ? "is empty" : "is no PEM file");
    return NULL;
}

/* A proxy's URL may hold a password, which argv must not; and the CAs may be in a file that
 * sevlaunch-fetch cannot read any more.  Returns: a descriptor, -1 on error */
static int
open_settings (const char *url, GError **error)
{
    g_autoptr (GBytes) cas = read_cas (g_str_has_prefix (url, "http://"), error);

    if (cas == NULL)
        return -1;
    g_autoptr (GString) text = g_string_new (find_proxy (url));
    g_string_append_c (text, '\n');
    g_string_append_len (text, g_bytes_get_data (cas, NULL),
                         (gssize) g_bytes_get_size (cas));
    const int fd = memfd_create ("settings", MFD_CLOEXEC);
    if (fd >= 0 && write (fd, text->str, text->len) == (gssize) text->len &&
        lseek (fd, 0, SEEK_SET) == 0)
        return fd;
    fail (error, LAUNCHER_ERROR_IO, "settings for sevlaunch-fetch: %s", g_strerror (errno));
    if (fd >= 0)
        close (fd);
    return -1;
}

static gboolean
tool_failed (const GError *cause, const char *url, GError **error)
{
    if (g_error_matches (cause, IMAGE_ERROR, IMAGE_ERROR_TOOL))
        return fail (error, LAUNCHER_ERROR_TOOL_MISSING, "%s", cause->message);
    if (g_error_matches (cause, IMAGE_ERROR, IMAGE_ERROR_TIMEOUT))
        return fail (error, LAUNCHER_ERROR_KDS_UNREACHABLE, "%s: %s", url, cause->message);
    if (cause->domain == IMAGE_ERROR)
        return fail (error, LAUNCHER_ERROR_KDS_ANSWER, "%s: %s", url, cause->message);
    if (error != NULL)
        *error = g_error_copy (cause);
    return FALSE;
}

static gboolean
judge_end (const ImageToolResult *result, const char *url, GError **error)
{
    switch ((FetchEnd) result->exit_status) {
    case FETCH_DONE:
        return TRUE;
    case FETCH_NOT_FOUND:
        return fail (error, LAUNCHER_ERROR_KDS_NOT_FOUND,
                     "the server does not have %s (%s): the chip's id or the server may "
                     "be wrong; --cek and --ca give the files",
                     url, result->complaint);
    case FETCH_UNREACHABLE:
        return fail (error, LAUNCHER_ERROR_KDS_UNREACHABLE,
                     "%s cannot be fetched: %s (--kds names another server, --cek and --ca "
                     "give the files)",
                     url, result->complaint);
    case FETCH_ANSWER:
        return fail (error, LAUNCHER_ERROR_KDS_ANSWER, "%s: %s", url, result->complaint);
    case FETCH_USAGE:
    case FETCH_INTERNAL:
        break;
    }
    return fail (error, LAUNCHER_ERROR_INTERNAL, "sevlaunch-fetch: %s", result->complaint);
}

static GBytes *
download (const Kds *kds, const char *url, GError **error)
{
    const guint seconds =
        kds->options->seconds > 0 ? (guint) kds->options->seconds : KDS_DEFAULT_SECONDS;
    g_autofree char *max = g_strdup_printf ("%u", ANSWER_MAX);
    g_autofree char *time = g_strdup_printf ("%u", seconds);
    const char *const argv[] = { fetch_program, url, max, time, NULL };
    const ImageTool tool = {
        .argv = argv,
        .fd = open_settings (url, error),
        .max_output = ANSWER_MAX,
        .timeout_ms = 1000u * FETCH_TRIES *
                      (seconds * (1 + FETCH_REDIRECTS_MAX) + FETCH_RETRY_AFTER_MAX),
    };
    g_auto (ImageToolResult) result = { 0 };
    g_autoptr (GError) cause = NULL;

    if (tool.fd < 0)
        return NULL;
    message_progress ("asking %s", url);
    const gboolean ran = image_tool_run (&tool, kds->cancellable, &result, &cause);
    close (tool.fd);
    if (!ran)
        tool_failed (cause, url, error);
    if (!ran || !judge_end (&result, url, error))
        return NULL;
    return g_steal_pointer (&result.output);
}

static char *
dup_url (const Kds *kds, const char *server, const char *path, const char *name)
{
    g_autofree char *base =
        g_strdup (kds->options->url != NULL ? kds->options->url : server);

    while (g_str_has_suffix (base, "/"))
        base[strlen (base) - 1] = '\0';
    return g_strconcat (base, path, name, NULL);
}

/* What came, as certificates; a web page or half a file is told as that. */
static gboolean
parse (GBytes *bytes, const char *from, PolicyPlatformCerts *out, GError **error)
{
    g_autoptr (GError) cause = NULL;

    if (policy_platform_certs_add (out, bytes, from, &cause))
        return TRUE;
    return fail (error, LAUNCHER_ERROR_KDS_ANSWER, "the answer is no certificate: %s",
                 cause->message);
}

/* ASK and ARK. */

typedef enum {
    CA_BAD,     /* no chain of AMD's, or of a trusted root */
    CA_FOREIGN, /* a right one, which did not sign this CEK */
    CA_FITS,
} CaVerdict;

/* Name of AMD's generation, or "" for a root that the owner trusts; %NULL for any other. */
static const char *
name_root (const Kds *kds, const PolicyPlatformCerts *certs)
{
    GBytes *ark = certs->cert[POLICY_CERT_ARK];
    PolicyFingerprint fingerprint;
    SevAmdCert cert;

    if (ark == NULL ||
        !sev_amd_cert_decode (g_bytes_get_data (ark, NULL), g_bytes_get_size (ark), &cert,
                              NULL) ||
        !policy_root_fingerprint (&cert, &fingerprint, NULL))
        return NULL;
    const char *amd = policy_builtin_root_name (&fingerprint);
    if (amd != NULL)
        return amd;
    return kds->roots != NULL && policy_roots_contains (kds->roots, &fingerprint) ? ""
                                                                                  : NULL;
}

static gboolean
link_ok (const PolicyChain *chain, PolicyLinkId id)
{
    return policy_chain_get_link (chain, id)->ok;
}

/* Judges kds->certs with ASK and ARK of @ca in their place; keeps these if they fit. */
static CaVerdict
judge_ca (Kds *kds, const PolicyPlatformCerts *ca, const char *generation)
{
    PolicyPlatformCerts trial = kds->certs;
    const char *root = name_root (kds, ca);

    trial.cert[POLICY_CERT_ASK] = ca->cert[POLICY_CERT_ASK];
    trial.cert[POLICY_CERT_ARK] = ca->cert[POLICY_CERT_ARK];
    g_autoptr (PolicyChain) chain =
        policy_platform_certs_verify (&trial, NULL, kds->roots, NULL);
    if (chain == NULL || root == NULL || !link_ok (chain, POLICY_LINK_ARK_SELF) ||
        !link_ok (chain, POLICY_LINK_ASK_BY_ARK) ||
        (generation != NULL && *root != '\0' && g_ascii_strcasecmp (root, generation) != 0))
        return CA_BAD;
    return link_ok (chain, POLICY_LINK_CEK_BY_ASK) ? CA_FITS : CA_FOREIGN;
}

static void
take_ca (Kds *kds, PolicyPlatformCerts *ca)
{
    for (guint i = POLICY_CERT_ASK; i <= POLICY_CERT_ARK; i++) {
        g_clear_pointer (&kds->certs.cert[i], g_bytes_unref);
        kds->certs.cert[i] = g_steal_pointer (&ca->cert[i]);
    }
}

static char *
ca_name (const char *generation)
{
    return g_strdup_printf ("ask_ark_%s.cert", generation);
}

static CaVerdict
try_cached_ca (Kds *kds, const char *generation)
{
    g_autofree char *name = ca_name (generation);
    g_autoptr (GBytes) bytes = kds_cache_read (kds->cache, name);
    g_auto (PolicyPlatformCerts) ca = { 0 };

    if (bytes == NULL)
        return CA_BAD;
    const CaVerdict verdict = policy_platform_certs_add (&ca, bytes, name, NULL)
                                  ? judge_ca (kds, &ca, generation)
                                  : CA_BAD;
    if (verdict == CA_BAD)
        kds_cache_forget (kds->cache, name);
    if (verdict == CA_FITS) {
        message_info ("ASK and ARK of AMD's are from the cache (%s)", name);
        take_ca (kds, &ca);
    }
    return verdict;
}

static gboolean
fetch_ca (Kds *kds, const char *generation, gboolean *fits, GError **error)
{
    g_autofree char *name = ca_name (generation);
    g_autofree char *file = g_strconcat (generation, ".cert", NULL);
    g_autofree char *url = dup_url (kds, CA_SERVER, CA_PATH, file);
    g_autoptr (GBytes) bytes = download (kds, url, error);
    g_auto (PolicyPlatformCerts) ca = { 0 };

    if (bytes == NULL || !parse (bytes, url, &ca, error))
        return FALSE;
    const CaVerdict verdict = judge_ca (kds, &ca, generation);
    if (verdict == CA_BAD)
        return fail (error, LAUNCHER_ERROR_KDS_ANSWER,
                     "%s: not AMD's ASK and ARK of that name: they do not verify, or end "
                     "in another root",
                     url);
    message_info ("fetched %s", url);
    const char *root = name_root (kds, &ca);
    if (root != NULL && *root != '\0')
        kds_cache_write (kds->cache, name, bytes);
    *fits = verdict == CA_FITS;
    if (*fits)
        take_ca (kds, &ca);
    return TRUE;
}

/* Which generations a CEK can be of, by the algorithm of its signature. */
static void
list_generations (const Kds *kds, guint *first, guint *end)
{
    GBytes *cek = kds->certs.cert[POLICY_CERT_CEK];
    SevCert cert;

    *first = 0;
    *end = G_N_ELEMENTS (generations);
    if (cek == NULL || !sev_cert_decode (g_bytes_get_data (cek, NULL),
                                         g_bytes_get_size (cek), &cert, NULL))
        return;
    for (guint i = 0; i < SEV_CERT_SIGS; i++)
        if (cert.sig[i].usage == SEV_USAGE_ASK) {
            *first = cert.sig[i].algo == SEV_ALGO_RSA_SHA256 ? 0 : 1;
            *end = *first == 0 ? 1 : *end;
            return;
        }
}

/* Whether asking the same server for another name may give something. */
static gboolean
may_go_on (const GError *error)
{
    return g_error_matches (error, LAUNCHER_ERROR, LAUNCHER_ERROR_KDS_NOT_FOUND) ||
           g_error_matches (error, LAUNCHER_ERROR, LAUNCHER_ERROR_KDS_ANSWER);
}

/* @tried: of every generation, whether its right certificates did not sign the CEK. */
static gboolean
fetch_cas (Kds *kds,
           gboolean tried[G_N_ELEMENTS (generations)],
           guint first,
           guint end,
           GError **error)
{
    g_autoptr (GError) first_error = NULL;
    gboolean any = FALSE;

    for (guint i = first; i < end; i++) {
        g_autoptr (GError) cause = NULL;
        gboolean fits = FALSE;

        if (!tried[i])
            tried[i] = fetch_ca (kds, generations[i], &fits, &cause);
        if (fits)
            return TRUE;
        any = any || tried[i];
        if (cause != NULL && first_error == NULL)
            first_error = g_error_copy (cause);
        if (cause != NULL && !may_go_on (cause))
            break;
    }
    if (first_error == NULL || (any && may_go_on (first_error)))
        return fail (error, LAUNCHER_ERROR_KDS_ANSWER,
                     "no ASK of AMD's that could be had signed the chip's CEK");
    g_propagate_error (error, g_steal_pointer (&first_error));
    return FALSE;
}

static gboolean
find_ca (Kds *kds, GError **error)
{
    gboolean tried[G_N_ELEMENTS (generations)] = { FALSE };
    guint first, end;

    list_generations (kds, &first, &end);
    for (guint i = first; i < end; i++) {
        const CaVerdict verdict = try_cached_ca (kds, generations[i]);

        if (verdict == CA_FITS)
            return TRUE;
        tried[i] = verdict == CA_FOREIGN;
    }
    if (!kds->options->offline)
        return fetch_cas (kds, tried, first, end, error);
    return fail (error, LAUNCHER_ERROR_CEK_MISSING,
                 "AMD's certificates ASK and ARK are needed and not in the cache: give "
                 "them with --ca, or leave out --offline");
}

/* The chip's CEK. */

static gboolean
same_chip (GBytes *a, GBytes *b)
{
    SevCert one, other;

    return sev_cert_decode (g_bytes_get_data (a, NULL), g_bytes_get_size (a), &one, NULL) &&
           sev_cert_decode (g_bytes_get_data (b, NULL), g_bytes_get_size (b), &other,
                            NULL) &&
           memcmp (one.pubkey, other.pubkey, sizeof one.pubkey) == 0;
}

static gboolean
is_signed (GBytes *cek)
{
    SevCert cert;

    return cek != NULL &&
           sev_cert_decode (g_bytes_get_data (cek, NULL), g_bytes_get_size (cek), &cert,
                            NULL) &&
           (cert.sig[0].usage == SEV_USAGE_ASK || cert.sig[1].usage == SEV_USAGE_ASK);
}

/* In form: a CEK, signed by somebody, of this chip. */
static gboolean
check_cek (const Kds *kds, GBytes *bytes, const char *from, GBytes **out, GError **error)
{
    g_auto (PolicyPlatformCerts) got = { 0 };
    GBytes *own = kds->certs.cert[POLICY_CERT_CEK];

    if (!parse (bytes, from, &got, error))
        return FALSE;
    GBytes *cek = got.cert[POLICY_CERT_CEK];
    if (cek == NULL || got.cert[POLICY_CERT_PEK] != NULL || !is_signed (cek))
        return fail (error, LAUNCHER_ERROR_KDS_ANSWER,
                     "%s: not a CEK certificate that is signed by AMD", from);
    if (own != NULL && !same_chip (own, cek))
        return fail (error, LAUNCHER_ERROR_KDS_ANSWER,
                     "%s: the CEK certificate of another chip than the platform's", from);
    *out = g_bytes_ref (cek);
    return TRUE;
}

/* Takes the CEK into kds->certs once it verifies. */
static gboolean
take_cek (Kds *kds, GBytes *bytes, const char *from, GError **error)
{
    GBytes **place = &kds->certs.cert[POLICY_CERT_CEK];
    GBytes *own = *place;
    g_autoptr (GBytes) cek = NULL;

    if (!check_cek (kds, bytes, from, &cek, error))
        return FALSE;
    *place = cek;
    gboolean ok = (kds->certs.cert[POLICY_CERT_ASK] != NULL &&
                   kds->certs.cert[POLICY_CERT_ARK] != NULL) ||
                  find_ca (kds, error);
    if (ok && judge_ca (kds, &kds->certs, NULL) != CA_FITS)
        ok = fail (error, LAUNCHER_ERROR_KDS_ANSWER,
                   "%s: the CEK certificate does not verify up to AMD's root, or a trusted "
                   "one",
                   from);
    if (ok && own == NULL) {
        g_autoptr (PolicyChain) chain =
            policy_platform_certs_verify (&kds->certs, NULL, kds->roots, NULL);
        if (chain == NULL || !link_ok (chain, POLICY_LINK_PEK_BY_CEK))
            ok = fail (error, LAUNCHER_ERROR_KDS_ANSWER,
                       "%s: the CEK certificate of another chip: it did not sign the "
                       "platform's PEK",
                       from);
    }
    if (!ok) {
        *place = own;
        return FALSE;
    }
    g_steal_pointer (&cek);
    g_clear_pointer (&own, g_bytes_unref);
    return TRUE;
}

static gboolean
find_cek (Kds *kds, const char *chip_id, GError **error)
{
    g_autofree char *name = g_strdup_printf ("cek-%s.cert", chip_id);
    g_autofree char *url = dup_url (kds, CEK_SERVER, CEK_PATH, chip_id);
    g_autoptr (GBytes) cached = kds_cache_read (kds->cache, name);
    g_autoptr (GError) cause = NULL;

    if (cached != NULL) {
        if (take_cek (kds, cached, "cache", &cause)) {
            message_info ("the chip's CEK is from the cache (%s)", name);
            return TRUE;
        }
        if (!g_error_matches (cause, LAUNCHER_ERROR, LAUNCHER_ERROR_KDS_ANSWER)) {
            g_propagate_error (error, g_steal_pointer (&cause));
            return FALSE;
        }
        message_warning ("the cache held a wrong certificate, which is forgotten: %s",
                         cause->message);
        kds_cache_forget (kds->cache, name);
    }
    if (kds->options->offline)
        return fail (error, LAUNCHER_ERROR_CEK_MISSING,
                     "the chip's CEK, signed by AMD, is needed and not in the cache: fetch "
                     "%s elsewhere and give it with --cek, and AMD's ASK and ARK with "
                     "--ca; or leave out --offline",
                     url);
    g_autoptr (GBytes) bytes = download (kds, url, error);
    if (bytes == NULL || !take_cek (kds, bytes, url, error))
        return FALSE;
    message_info ("fetched %s", url);
    const char *root = name_root (kds, &kds->certs);
    if (root != NULL && *root != '\0')
        kds_cache_write (kds->cache, name, kds->certs.cert[POLICY_CERT_CEK]);
    return TRUE;
}

static gboolean
complete (Kds *kds, const char *chip_id, GError **error)
{
    if (is_signed (kds->certs.cert[POLICY_CERT_CEK]))
        return find_ca (kds, error);
    if (kds->certs.cert[POLICY_CERT_CEK] == NULL &&
        kds->certs.cert[POLICY_CERT_PEK] == NULL)
        return fail (error, LAUNCHER_ERROR_CEK_MISSING,
                     "neither CEK nor PEK of the platform is there: nothing shows whether "
                     "a CEK of AMD's would be this chip's");
    g_autofree char *url = dup_url (kds, CEK_SERVER, CEK_PATH, "ID");
    if (chip_id == NULL)
        return fail (error, LAUNCHER_ERROR_CEK_MISSING,
                     "the chip's CEK, signed by AMD, is needed, and the platform does not "
                     "say its chip's id: --chip-id gives it ('sevlaunch platform id' on "
                     "the host prints it) and has %s fetched; --cek gives the CEK itself",
                     url);
    return find_cek (kds, chip_id, error);
}

gboolean
kds_complete (const KdsOptions *options,
              PolicyPlatformCerts *certs,
              const char *chip_id,
              const PolicyRoots *roots,
              GCancellable *cancellable,
              GError **error)
{
    g_auto (Kds) kds = { .options = options, .roots = roots, .cancellable = cancellable };
    g_autofree char *id = NULL;

    if (is_signed (certs->cert[POLICY_CERT_CEK]) && certs->cert[POLICY_CERT_ASK] != NULL &&
        certs->cert[POLICY_CERT_ARK] != NULL)
        return TRUE;
    if (options->chip_id != NULL)
        chip_id = options->chip_id;
    if (chip_id != NULL) {
        id = policy_chip_id_parse (chip_id, strlen (chip_id));
        if (id == NULL)
            return fail (error, LAUNCHER_ERROR_CEK_MISSING,
                         "the chip's id is not 128 hexadecimal digits");
    }
    kds.cache = kds_cache_open ();
    for (guint i = 0; i < POLICY_N_CERTS; i++)
        if (certs->cert[i] != NULL)
            kds.certs.cert[i] = g_bytes_ref (certs->cert[i]);
    const gboolean ok = complete (&kds, id, error);
    for (guint i = 0; i < POLICY_N_CERTS; i++) {
        g_clear_pointer (&certs->cert[i], g_bytes_unref);
        certs->cert[i] = g_steal_pointer (&kds.certs.cert[i]);
    }
    return ok;
}
