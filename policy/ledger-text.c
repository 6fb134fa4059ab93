/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/ledger-text.h"

#include <string.h>

#include "policy/ledger.h"
#include "policy/policy-error.h"
#include "sev/base/sev-bytes.h"

#define FORMAT "1"
#define N_FIELDS 6u
#define TIME_LEN 20u /* 2025-01-31T12:00:00Z */
#define TORN_MARK " torn"
#define MAX_DOMAIN 300u

static const char *const words[] = {
    [POLICY_LEDGER_REFUSED] = "refused",
    [POLICY_LEDGER_VERIFIED] = "verified",
    [POLICY_LEDGER_PACKED] = "packed",
};

enum { FIELD_FORMAT, FIELD_TIME, FIELD_SESSION, FIELD_MNONCE, FIELD_VERDICT, FIELD_DOMAIN };

static gboolean
is_lower_hex (const char *text, gsize len)
{
    if (strlen (text) != len)
        return FALSE;
    for (gsize i = 0; i < len; i++)
        if (!g_ascii_isdigit (text[i]) && (text[i] < 'a' || text[i] > 'f'))
            return FALSE;
    return TRUE;
}

static gboolean
is_time (const char *text)
{
    static const char form[] = "dddd-dd-ddTdd:dd:ddZ";

    if (strlen (text) != TIME_LEN)
        return FALSE;
    for (gsize i = 0; i < TIME_LEN; i++)
        if (form[i] == 'd' ? !g_ascii_isdigit (text[i]) : form[i] != text[i])
            return FALSE;
    return TRUE;
}

static gboolean
is_domain (const char *text)
{
    const gsize len = strlen (text);

    for (gsize i = 0; i < len; i++)
        if (!g_ascii_isalnum (text[i]) && strchr ("._+-%", text[i]) == NULL)
            return FALSE;
    return len > 0 && len <= MAX_DOMAIN;
}

static gboolean
is_word (const char *text)
{
    for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
        if (strcmp (text, words[i]) == 0)
            return TRUE;
    return FALSE;
}

static gboolean
is_whole (char *const *fields)
{
    return g_strv_length ((char **) fields) == N_FIELDS &&
           strcmp (fields[FIELD_FORMAT], FORMAT) == 0 && is_time (fields[FIELD_TIME]) &&
           is_lower_hex (fields[FIELD_SESSION], 2 * POLICY_SESSION_ID_SIZE) &&
           (strcmp (fields[FIELD_MNONCE], "-") == 0 ||
            is_lower_hex (fields[FIELD_MNONCE], 2 * SEV_NONCE_SIZE)) &&
           is_word (fields[FIELD_VERDICT]) && is_domain (fields[FIELD_DOMAIN]);
}

/*
 * A line that was cut off counts for what it names in full.  What is cut off in the middle
 * was not on the disk when the program died, so nothing was released for it.
 */
static void
match (char *const *fields, const char *session, const char *mnonce, PolicyLedgerSeen *out)
{
    const guint n = g_strv_length ((char **) fields);

    if (n > FIELD_SESSION && strcmp (fields[FIELD_SESSION], session) == 0)
        out->session = TRUE;
    if (n > FIELD_MNONCE && g_strcmp0 (fields[FIELD_MNONCE], mnonce) == 0)
        out->mnonce = TRUE;
}

/* A torn line begins like a whole one as far as it goes. */
static gboolean
is_torn (char *const *fields)
{
    const guint n = g_strv_length ((char **) fields);

    if (n > FIELD_FORMAT + 1 && strcmp (fields[FIELD_FORMAT], FORMAT) != 0)
        return FALSE;
    if (n > FIELD_TIME + 1 && !is_time (fields[FIELD_TIME]))
        return FALSE;
    return n <= N_FIELDS;
}

/* @line may hold NUL bytes: after a power cut a file can end in zeroes. */
static gboolean
scan_line (const char *line,
           gsize len,
           gboolean last,
           const char *session,
           const char *mnonce,
           PolicyLedgerSeen *out)
{
    const gsize mark = strlen (TORN_MARK);
    const gboolean closed =
        !last && len >= mark && memcmp (line + (len - mark), TORN_MARK, mark) == 0;
    const gboolean torn = last || closed;

    if (!torn && memchr (line, '\0', len) != NULL)
        return FALSE;
    g_autofree char *text = g_strndup (line, closed ? len - mark : len);
    g_auto (GStrv) fields = g_strsplit (text, " ", 0);
    match (fields, session, mnonce, out);
    return torn ? is_torn (fields) : is_whole (fields);
}

gboolean
policy_ledger_scan (const char *text,
                    gsize len,
                    const guint8 *id,
                    const guint8 *mnonce,
                    PolicyLedgerSeen *out,
                    GError **error)
{
    g_autofree char *session = sev_hex_encode (id, POLICY_SESSION_ID_SIZE);
    g_autofree char *nonce =
        mnonce != NULL ? sev_hex_encode (mnonce, SEV_NONCE_SIZE) : NULL;

    g_return_val_if_fail (text != NULL || len == 0, FALSE);
    g_return_val_if_fail (out != NULL, FALSE);

    *out = (PolicyLedgerSeen){ 0 };
    for (guint number = 1; len > 0; number++) {
        const char *end = memchr (text, '\n', len);
        const gsize line_len = end != NULL ? (gsize) (end - text) : len;

        if (!scan_line (text, line_len, end == NULL, session, nonce, out)) {
            g_set_error (
                error, POLICY_ERROR, POLICY_ERROR_LEDGER_DAMAGED,
                "ledger:%u: the line is damaged; nothing is judged until the owner "
                "has looked at it",
                number);
            return FALSE;
        }
        out->torn = end == NULL;
        const gsize step = end != NULL ? line_len + 1 : line_len;
        text += step;
        len -= step;
    }
    return TRUE;
}

/* @size: bytes of each; @but: (nullable): lines with this word are left out */
static GArray *
collect (const char *text, gsize len, guint field, gsize size, const char *but)
{
    GArray *found = g_array_new (FALSE, FALSE, (guint) size);
    guint8 value[POLICY_SESSION_ID_SIZE];

    g_return_val_if_fail (size <= sizeof value, found);

    while (len > 0) {
        const char *end = memchr (text, '\n', len);
        const gsize line_len = end != NULL ? (gsize) (end - text) : len;
        g_autofree char *line = g_strndup (text, line_len);
        g_auto (GStrv) fields = g_strsplit (line, " ", N_FIELDS + 1);

        if (g_strv_length (fields) == N_FIELDS &&
            g_strcmp0 (fields[FIELD_VERDICT], but) != 0 &&
            sev_hex_decode (fields[field], value, size, NULL))
            g_array_append_vals (found, value, 1);
        text += end != NULL ? line_len + 1 : line_len;
        len -= end != NULL ? line_len + 1 : line_len;
    }
    return found;
}

GArray *
policy_ledger_nonces (const char *text, gsize len)
{
    return collect (text, len, FIELD_MNONCE, SEV_NONCE_SIZE, NULL);
}

GArray *
policy_ledger_sessions (const char *text, gsize len)
{
    return collect (text, len, FIELD_SESSION, POLICY_SESSION_ID_SIZE,
                    words[POLICY_LEDGER_PACKED]);
}

char *
policy_ledger_format (const guint8 *id,
                      const guint8 *mnonce,
                      PolicyLedgerWord word,
                      const char *domain,
                      gint64 time_us)
{
    g_return_val_if_fail (word < G_N_ELEMENTS (words), NULL);

    g_autoptr (GDateTime) when = g_date_time_new_from_unix_utc (time_us / G_USEC_PER_SEC);
    g_autofree char *time =
        when != NULL ? g_date_time_format (when, "%Y-%m-%dT%H:%M:%SZ") : NULL;
    const gboolean has_time = time != NULL && is_time (time);
    g_autofree char *session = sev_hex_encode (id, POLICY_SESSION_ID_SIZE);
    g_autofree char *nonce =
        mnonce != NULL ? sev_hex_encode (mnonce, SEV_NONCE_SIZE) : g_strdup ("-");
    g_autoptr (GString) name = g_string_new (NULL);

    for (const char *p = domain; *p != '\0' && name->len + 3 <= MAX_DOMAIN; p++) {
        if (g_ascii_isalnum (*p) || strchr ("._+-", *p) != NULL)
            g_string_append_c (name, *p);
        else
            g_string_append_printf (name, "%%%02X", (guint) (guchar) *p);
    }
    if (name->len == 0)
        g_string_append_c (name, '-');
    return g_strdup_printf (FORMAT " %s %s %s %s %s\n",
                            has_time ? time : "1970-01-01T00:00:00Z", session, nonce,
                            words[word], name->str);
}
