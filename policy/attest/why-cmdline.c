/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Command lines that look the same: white space, line ends, the NUL, a word. */

#include "policy/attest/why-private.h"

#include <string.h>

#include "sev/crypto/sev-digest.h"

#define MOST_WORDS 64u

static gboolean
has_digest (const PolicyWhy *why, const guint8 digest[SEV_DIGEST_SIZE])
{
    const GArray *others = why->others[WHY_CMDLINE];

    for (guint i = 0; i < others->len; i++)
        if (memcmp (g_array_index (others, WhyOther, i).digest, digest, SEV_DIGEST_SIZE) ==
            0)
            return TRUE;
    return memcmp (why->boot->hashes.cmdline, digest, SEV_DIGEST_SIZE) == 0;
}

static gboolean
add_bytes (PolicyWhy *why,
           WhyRank rank,
           const char *id,
           const char *text,
           const char *bytes,
           gsize len,
           GError **error)
{
    guint8 digest[SEV_DIGEST_SIZE];

    if (!sev_sha256 (bytes, len, digest, error))
        return FALSE;
    if (has_digest (why, digest))
        return TRUE;
    WhyOther *other = why_add (why, WHY_CMDLINE, rank, id, g_strdup (text));
    memcpy (other->digest, digest, sizeof digest);
    return TRUE;
}

/* With its NUL, as QEMU measures it. */
static gboolean
add_line (PolicyWhy *why,
          const char *id,
          const char *text,
          const char *line,
          GError **error)
{
    return add_bytes (why, WHY_COMMON, id, text, line, strlen (line) + 1, error);
}

static char *
collapse (const char *line)
{
    GString *out = g_string_new (NULL);

    for (const char *i = line; *i != '\0'; i++)
        if (!g_ascii_isspace (*i))
            g_string_append_c (out, *i);
        else if (i == line || !g_ascii_isspace (i[-1]))
            g_string_append_c (out, ' ');
    return g_string_free (out, FALSE);
}

static char *
without (const char *line, const char *characters)
{
    GString *out = g_string_new (NULL);

    for (; *line != '\0'; line++)
        if (strchr (characters, *line) == NULL)
            g_string_append_c (out, *line);
    return g_string_free (out, FALSE);
}

static gboolean
add_spaced (PolicyWhy *why, const char *line, GError **error)
{
    static const char id[] = "cmdline-white-space";
    g_autofree char *end = g_strconcat (line, "\n", NULL);
    g_autofree char *crlf = g_strconcat (line, "\r\n", NULL);
    g_autofree char *trailing = g_strconcat (line, " ", NULL);
    g_autofree char *leading = g_strconcat (" ", line, NULL);
    g_autofree char *both = g_strconcat (" ", line, " ", NULL);
    g_autofree char *stripped = g_strstrip (g_strdup (line));
    g_autofree char *chomped = g_strchomp (g_strdup (line));
    g_autofree char *chugged = g_strchug (g_strdup (line));
    g_autofree char *single = collapse (line);
    g_autofree char *neat = g_strstrip (collapse (line));
    g_autofree char *tabs = g_strdelimit (g_strdup (line), " ", '\t');
    const struct {
        const char *text;
        const char *line;
    } lines[] = {
        { "the command line has a line end behind it", end },
        { "the command line has a carriage return and a line end behind it", crlf },
        { "the command line has a blank behind it", trailing },
        { "the command line has a blank before it", leading },
        { "the command line has blanks around it", both },
        { "the command line is without the white space around it", stripped },
        { "the command line is without the white space behind it", chomped },
        { "the command line is without the white space before it", chugged },
        { "the command line has one blank where there are several, or a tab", single },
        { "the command line is without white space that is too much", neat },
        { "the command line has tabs instead of blanks", tabs },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (lines); i++)
        if (!add_line (why, id, lines[i].text, lines[i].line, error))
            return FALSE;
    return TRUE;
}

/* A blank more between two words. */
static gboolean
add_doubled (PolicyWhy *why, const char *line, GError **error)
{
    guint n = 0;

    for (const char *i = strchr (line, ' '); i != NULL && n < MOST_WORDS;
         i = strchr (i + 1, ' '), n++) {
        g_autofree char *head = g_strndup (line, (gsize) (i - line));
        g_autofree char *doubled = g_strconcat (head, " ", i, NULL);

        if (!add_line (why, "cmdline-white-space",
                       "the command line has two blanks between two words", doubled, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
add_nul (PolicyWhy *why, const char *line, GError **error)
{
    static const char id[] = "cmdline-nul";
    const gsize len = strlen (line);
    g_autofree char *end = g_strconcat (line, "\n", NULL);
    g_autofree char *more = g_malloc0 (len + 2);

    memcpy (more, line, len);
    return add_bytes (why, WHY_COMMON, id,
                      "the command line was hashed without the NUL behind it", line, len,
                      error) &&
           add_bytes (why, WHY_COMMON, id,
                      "the command line was hashed with a line end instead of the NUL "
                      "behind it",
                      end, len + 1, error) &&
           add_bytes (why, WHY_COMMON, id,
                      "the command line was hashed with two NULs behind it", more, len + 2,
                      error);
}

static gboolean
add_quoted (PolicyWhy *why, const char *line, GError **error)
{
    static const char id[] = "cmdline-quotes";
    g_autofree char *twice = g_strconcat ("\"", line, "\"", NULL);
    g_autofree char *once = g_strconcat ("'", line, "'", NULL);
    g_autofree char *bare = without (line, "\"'");

    return add_line (why, id, "the command line has quotes around it", twice, error) &&
           add_line (why, id, "the command line has quotes around it", once, error) &&
           add_line (why, id, "the command line is without its quotes", bare, error);
}

/* One word that was added or forgotten is seen only as forgotten. */
static gboolean
add_fewer_words (PolicyWhy *why, const char *line, GError **error)
{
    g_auto (GStrv) words = g_strsplit (line, " ", MOST_WORDS);

    for (guint i = 0; words[0] != NULL && words[1] != NULL && words[i] != NULL; i++) {
        g_autoptr (GStrvBuilder) rest = g_strv_builder_new ();

        for (guint k = 0; words[k] != NULL; k++)
            if (k != i)
                g_strv_builder_add (rest, words[k]);
        g_auto (GStrv) left = g_strv_builder_end (rest);
        g_autofree char *shorter = g_strjoinv (" ", left);
        g_autofree char *text =
            g_strdup_printf ("the command line is without the word '%s'", words[i]);
        if (!add_bytes (why, WHY_UNCOMMON, "cmdline-word", text, shorter,
                        strlen (shorter) + 1, error))
            return FALSE;
    }
    return TRUE;
}

gboolean
why_add_cmdlines (PolicyWhy *why, GError **error)
{
    const char *line = why->boot->cmdline != NULL ? why->boot->cmdline : "";
    GError *local = NULL;

    if (add_line (why, "cmdline-absent", "there is no command line", "", &local) &&
        add_nul (why, line, &local) && add_spaced (why, line, &local) &&
        add_doubled (why, line, &local) && add_quoted (why, line, &local) &&
        add_fewer_words (why, line, &local))
        return TRUE;
    return why_internal (local, error);
}
