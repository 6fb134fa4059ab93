/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * sevlaunch-fetch URL MAX SECONDS
 *
 * Writes the file at URL, of at most MAX bytes, to standard output; SECONDS is for each of
 * its tries.  A process of its own, because HTTP and TLS are parsers of what a network
 * says: it has none of the launcher's memory, gives up root before it connects, and runs
 * with the launcher's limits (image-tool.h).  Descriptor 3, if there is one, holds the
 * proxy's URL on a line, and after it the CAs to believe instead of the system's (PEM).
 */

#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>
#include <openssl/x509_vfy.h>

#include "launcher/base/run-as.h"
#include "launcher/fetch/fetch-protocol.h"

#define MAX_LIMIT 1048576u
#define MAX_SECONDS 600u
#define SETTINGS_FD 3

typedef struct {
    CURL *curl;
    gsize max;
    guint64 seconds;
    gboolean plain; /* the URL asked for was http: */
    char *proxy;
    char *cas; /* empty: the system's */
    GByteArray *body;
    gboolean too_large;
    char problem[CURL_ERROR_SIZE];
} Fetch;

/* What one try came to. */
typedef struct {
    FetchEnd end;
    gboolean again;
    guint pause; /* seconds that the server asks for */
    char *why;
} Outcome;

static void
outcome_clear (Outcome *outcome)
{
    g_clear_pointer (&outcome->why, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Outcome, outcome_clear)

static void G_GNUC_PRINTF (4, 5)
    set_outcome (Outcome *out, FetchEnd end, gboolean again, const char *format, ...)
{
    va_list args;

    va_start (args, format);
    g_free (out->why);
    out->why = g_strdup_vprintf (format, args);
    va_end (args);
    out->end = end;
    out->again = again;
}

static gsize
on_body (char *data, gsize size, gsize count, void *user_data)
{
    Fetch *fetch = user_data;
    const gsize len = size * count;

    if (len > fetch->max - fetch->body->len) {
        fetch->too_large = TRUE;
        return 0;
    }
    g_byte_array_append (fetch->body, (const guint8 *) data, (guint) len);
    return len;
}

static void
read_settings (Fetch *fetch)
{
    g_autofree char *text = g_malloc0 (FETCH_SETTINGS_MAX + 1);
    gsize len = 0;
    gssize n = 1;

    while (n > 0 && len < FETCH_SETTINGS_MAX) {
        n = read (SETTINGS_FD, text + len, FETCH_SETTINGS_MAX - len);
        len += n > 0 ? (gsize) n : 0;
    }
    const gsize line = strcspn (text, "\n");
    fetch->proxy = g_strndup (text, line);
    fetch->cas = g_strdup (text[line] == '\n' ? text + line + 1 : "");
}

static gboolean
set_cas (const Fetch *fetch)
{
    struct curl_blob blob = { .data = fetch->cas,
                              .len = strlen (fetch->cas),
                              .flags = CURL_BLOB_NOCOPY };

    return *fetch->cas == '\0' ||
           (curl_easy_setopt (fetch->curl, CURLOPT_CAINFO_BLOB, &blob) == CURLE_OK &&
            curl_easy_setopt (fetch->curl, CURLOPT_CAPATH, NULL) == CURLE_OK);
}

static gboolean
set_options (Fetch *fetch)
{
    CURL *curl = fetch->curl;

    read_settings (fetch);
    return set_cas (fetch) &&
           curl_easy_setopt (curl, CURLOPT_PROTOCOLS_STR,
                             fetch->plain ? "http,https" : "https") == CURLE_OK &&
           curl_easy_setopt (curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt (curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt (curl, CURLOPT_CONNECTTIMEOUT,
                             (long) MIN (fetch->seconds, 10u)) == CURLE_OK &&
           curl_easy_setopt (curl, CURLOPT_TIMEOUT, (long) fetch->seconds) == CURLE_OK &&
           curl_easy_setopt (curl, CURLOPT_USERAGENT, "sevlaunch/" PACKAGE_VERSION) ==
               CURLE_OK &&
           curl_easy_setopt (curl, CURLOPT_PROXY, fetch->proxy) == CURLE_OK &&
           curl_easy_setopt (curl, CURLOPT_ERRORBUFFER, fetch->problem) == CURLE_OK &&
           curl_easy_setopt (curl, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
           curl_easy_setopt (curl, CURLOPT_WRITEDATA, fetch) == CURLE_OK;
}

/* libcurl has one code for all that is wrong with a server's certificate. */
static const char *
name_help (const Fetch *fetch, CURLcode code)
{
    long result = 0;

    if (code == CURLE_SSL_CACERT_BADFILE)
        return " (in what SSL_CERT_FILE names)";
    if (code != CURLE_PEER_FAILED_VERIFICATION ||
        curl_easy_getinfo (fetch->curl, CURLINFO_SSL_VERIFYRESULT, &result) != CURLE_OK)
        return "";
    switch (result) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return " (SSL_CERT_FILE names the CA of a server of your own)";
    default:
        return "";
    }
}

static void
judge_failure (const Fetch *fetch, CURLcode code, Outcome *out)
{
    const char *text =
        fetch->problem[0] != '\0' ? fetch->problem : curl_easy_strerror (code);

    if (fetch->too_large)
        set_outcome (out, FETCH_ANSWER, FALSE,
                     "the answer has more than %" G_GSIZE_FORMAT " bytes", fetch->max);
    else if (code == CURLE_PARTIAL_FILE)
        set_outcome (out, FETCH_ANSWER, TRUE,
                     "the answer ended before the length that it announced (truncated)");
    else if (code == CURLE_OPERATION_TIMEDOUT)
        set_outcome (out, FETCH_UNREACHABLE, TRUE,
                     "no whole answer within %" G_GUINT64_FORMAT " s", fetch->seconds);
    else
        set_outcome (out, FETCH_UNREACHABLE,
                     code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR, "%s%s", text,
                     name_help (fetch, code));
}

static void
judge_status (const Fetch *fetch, long status, Outcome *out)
{
    curl_off_t pause = 0;

    if (status == 200) {
        set_outcome (out, FETCH_DONE, FALSE, "%s", "");
        return;
    }
    if (status == 404 || status == 410) {
        set_outcome (out, FETCH_NOT_FOUND, FALSE, "HTTP status %ld", status);
        return;
    }
    set_outcome (out, FETCH_ANSWER, status == 429 || (status >= 500 && status <= 599),
                 "HTTP status %ld%s", status, status == 429 ? " (too many requests)" : "");
    if (curl_easy_getinfo (fetch->curl, CURLINFO_RETRY_AFTER, &pause) == CURLE_OK)
        out->pause = (guint) CLAMP (pause, 0, (curl_off_t) FETCH_RETRY_AFTER_MAX);
}

/* Where the answer leads, or %NULL: it stays on its host, and goes from http to https at
 * most. */
static char *
dup_redirect (const Fetch *fetch, const char *from, Outcome *out)
{
    const char *to = NULL;

    if (curl_easy_getinfo (fetch->curl, CURLINFO_REDIRECT_URL, &to) != CURLE_OK ||
        to == NULL) {
        set_outcome (out, FETCH_ANSWER, FALSE, "a redirect that leads nowhere");
        return NULL;
    }
    g_autoptr (GUri) old = g_uri_parse (from, G_URI_FLAGS_NONE, NULL);
    g_autoptr (GUri) new = g_uri_parse (to, G_URI_FLAGS_NONE, NULL);
    if (old == NULL || new == NULL || g_uri_get_host (old) == NULL ||
        g_strcmp0 (g_uri_get_host (old), g_uri_get_host (new)) != 0) {
        set_outcome (out, FETCH_ANSWER, FALSE, "a redirect to another host ('%.200s')", to);
        return NULL;
    }
    if (strcmp (g_uri_get_scheme (new), "https") != 0 &&
        strcmp (g_uri_get_scheme (new), g_uri_get_scheme (old)) != 0) {
        set_outcome (out, FETCH_ANSWER, FALSE, "a redirect that leaves https ('%.200s')",
                     to);
        return NULL;
    }
    return g_strdup (to);
}

static void
try_once (Fetch *fetch, const char *url, Outcome *out)
{
    g_autofree char *at = g_strdup (url);

    for (guint i = 0; i <= FETCH_REDIRECTS_MAX; i++) {
        long status = 0;

        g_byte_array_set_size (fetch->body, 0);
        fetch->problem[0] = '\0';
        if (curl_easy_setopt (fetch->curl, CURLOPT_URL, at) != CURLE_OK) {
            set_outcome (out, FETCH_INTERNAL, FALSE, "out of memory");
            return;
        }
        const CURLcode code = curl_easy_perform (fetch->curl);
        if (code != CURLE_OK) {
            judge_failure (fetch, code, out);
            return;
        }
        if (curl_easy_getinfo (fetch->curl, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK)
            status = 0;
        if (status < 300 || status > 399) {
            judge_status (fetch, status, out);
            return;
        }
        char *next = dup_redirect (fetch, at, out);
        if (next == NULL)
            return;
        g_free (at);
        at = next;
    }
    set_outcome (out, FETCH_ANSWER, FALSE, "more than %u redirects", FETCH_REDIRECTS_MAX);
}

static void
fetch_with_retries (Fetch *fetch, const char *url, Outcome *out)
{
    static const guint pauses[] = { FETCH_PAUSE_1_MS, FETCH_PAUSE_2_MS };

    G_STATIC_ASSERT (G_N_ELEMENTS (pauses) == FETCH_TRIES - 1);
    for (guint i = 0;; i++) {
        out->pause = 0;
        try_once (fetch, url, out);
        if (!out->again || i == FETCH_TRIES - 1)
            return;
        g_usleep (MAX (pauses[i], out->pause * 1000u) * 1000ul);
    }
}

static FetchEnd
write_body (const GByteArray *body)
{
    if (fwrite (body->data, 1, body->len, stdout) == body->len && fflush (stdout) == 0)
        return FETCH_DONE;
    fprintf (stderr, "standard output: %s\n", g_strerror (errno));
    return FETCH_INTERNAL;
}

static FetchEnd
run (const char *url, gsize max, guint64 seconds)
{
    g_autoptr (GByteArray) body = g_byte_array_new ();
    g_auto (Outcome) outcome = { 0 };
    Fetch fetch = { .max = max,
                    .seconds = seconds,
                    .plain = g_str_has_prefix (url, "http://"),
                    .body = body };

    if (curl_global_init (CURL_GLOBAL_DEFAULT) != CURLE_OK ||
        (fetch.curl = curl_easy_init ()) == NULL || !set_options (&fetch)) {
        fprintf (stderr, "libcurl does not start\n");
        return FETCH_INTERNAL;
    }
    fetch_with_retries (&fetch, url, &outcome);
    curl_easy_cleanup (fetch.curl);
    curl_global_cleanup ();
    g_free (fetch.proxy);
    g_free (fetch.cas);
    if (outcome.end == FETCH_DONE)
        return write_body (body);
    fprintf (stderr, "%s\n", outcome.why);
    return outcome.end;
}

static gboolean
drop_root (void)
{
    g_autoptr (RunAs) run_as = NULL;
    g_autoptr (GError) error = NULL;

    if (run_as_find (NULL, &run_as, &error) &&
        (run_as == NULL || run_as_drop (run_as, &error)))
        return TRUE;
    fprintf (stderr, "%s\n", error->message);
    return FALSE;
}

int
main (int argc, char **argv)
{
    guint64 max, seconds;

    if (argc != 4 || !g_ascii_string_to_unsigned (argv[2], 10, 1, MAX_LIMIT, &max, NULL) ||
        !g_ascii_string_to_unsigned (argv[3], 10, 1, MAX_SECONDS, &seconds, NULL)) {
        fprintf (stderr, "usage: sevlaunch-fetch URL MAX SECONDS\n");
        return FETCH_USAGE;
    }
    if (!drop_root ())
        return FETCH_INTERNAL;
    return (int) run (argv[1], max, seconds);
}
