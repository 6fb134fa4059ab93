/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Command lines that look the same: white space, line ends, the NUL, a word. */

#include "policy/attest/why-private.h"

#include <string.h>

#include "sev/crypto/sev-digest.h"

#define MOST_WORDS 64u

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
    if (!g_hash_table_add (why->lines, g_bytes_new (digest, sizeof digest)))
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
without (const char *line, const char *characters)
{
    GString *out = g_string_new (NULL);

    for (; *line != '\0'; line++)
        if (strchr (characters, *line) == NULL)
            g_string_append_c (out, *line);
    return g_string_free (out, FALSE);
}

/* White space: before, between and behind the words. */

typedef struct {
    const char *bytes;
    const char *name;
    WhyRank rank;
} Blank;

static const Blank blanks[] = {
    { "", "no white space", WHY_COMMON },
    { " ", "one blank", WHY_COMMON },
    { "\n", "a line end", WHY_COMMON },
    { "\r\n", "a carriage return and a line end", WHY_COMMON },
    { "\t", "a tab", WHY_UNCOMMON },
    { "  ", "two blanks", WHY_UNCOMMON },
    { "\r", "a carriage return", WHY_UNCOMMON },
    { "\n\n", "two line ends", WHY_UNCOMMON },
    { " \n", "a blank and a line end", WHY_UNCOMMON },
    { "   ", "three blanks", WHY_RARE },
    { "    ", "four blanks", WHY_RARE },
    { "\t\t", "two tabs", WHY_RARE },
    { " \t", "a blank and a tab", WHY_RARE },
    { "\t ", "a tab and a blank", WHY_RARE },
    { "\t\n", "a tab and a line end", WHY_RARE },
    { "  \n", "two blanks and a line end", WHY_RARE },
    { " \r\n", "a blank, a carriage return and a line end", WHY_RARE },
    { "\n ", "a line end and a blank", WHY_RARE },
    { "\n\n\n", "three line ends", WHY_RARE },
    { "\r\n\r\n", "a carriage return and a line end, twice", WHY_RARE },
    { "\xc2\xa0", "a no-break space", WHY_RARE },
    { "\\\n", "a backslash and a line end", WHY_RARE },
};

#define TWO_BLANKS 5u

/* A line as its words and what is between them: gaps[0] is before the first word, and the
 * last one behind the last. */
typedef struct {
    GPtrArray *words;
    GPtrArray *gaps;
} Line;

static void
line_clear (Line *line)
{
    g_clear_pointer (&line->words, g_ptr_array_unref);
    g_clear_pointer (&line->gaps, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Line, line_clear)

/* The no-break space counts too: it looks like a blank where somebody pasted it. */
static gsize
blank_length (const char *text)
{
    if (g_ascii_isspace (*text))
        return 1;
    return g_str_has_prefix (text, "\xc2\xa0") ? 2 : 0;
}

static void
line_split (const char *text, Line *out)
{
    out->words = g_ptr_array_new_with_free_func (g_free);
    out->gaps = g_ptr_array_new_with_free_func (g_free);
    for (;;) {
        gsize len = 0;

        while (blank_length (text + len) > 0)
            len += blank_length (text + len);
        g_ptr_array_add (out->gaps, g_strndup (text, len));
        text += len;
        if (*text == '\0')
            break;
        for (len = 1; text[len] != '\0' && blank_length (text + len) == 0;)
            len++;
        g_ptr_array_add (out->words, g_strndup (text, len));
        text += len;
    }
    if (out->gaps->len == out->words->len) /* it ends with a word */
        g_ptr_array_add (out->gaps, g_strdup (""));
}

/* @before, @between, @behind: (nullable): as it is */
static char *
line_join (const Line *line, const char *before, const char *between, const char *behind)
{
    GString *out = g_string_new (NULL);
    const guint n = line->words->len;

    for (guint i = 0; i <= n; i++) {
        const char *given = i == 0 ? before : i < n ? between : behind;

        g_string_append (out, given != NULL ? given : g_ptr_array_index (line->gaps, i));
        if (i < n)
            g_string_append (out, g_ptr_array_index (line->words, i));
    }
    return g_string_free (out, FALSE);
}

static gboolean
add_white (PolicyWhy *why,
           const Line *line,
           const Blank *before,
           const Blank *between,
           const Blank *behind,
           GError **error)
{
    g_autofree char *bytes = line_join (line, before != NULL ? before->bytes : NULL,
                                        between != NULL ? between->bytes : NULL,
                                        behind != NULL ? behind->bytes : NULL);
    g_autoptr (GPtrArray) parts = g_ptr_array_new_with_free_func (g_free);
    const Blank *const given[] = { before, between, behind };
    static const char *const where[] = { "before it", "between its words", "behind it" };
    WhyRank rank = WHY_COMMON;

    for (guint i = 0; i < G_N_ELEMENTS (given); i++)
        if (given[i] != NULL) {
            g_ptr_array_add (parts, g_strdup_printf ("%s %s", given[i]->name, where[i]));
            rank = MAX (rank, given[i]->rank);
        }
    if (parts->len > 1) /* enough of differences */
        rank = MAX (rank, WHY_RARE);
    g_ptr_array_add (parts, NULL);
    g_autofree char *what = g_strjoinv (" and ", (char **) parts->pdata);
    g_autofree char *text = g_strdup_printf ("the command line has %s", what);
    return add_bytes (why, rank, "cmdline-white-space", text, bytes, strlen (bytes) + 1,
                      error);
}

/* The same between all words, and anything around them. */
static gboolean
add_spaced (PolicyWhy *why, const Line *line, GError **error)
{
    for (gsize i = 0; i < G_N_ELEMENTS (blanks); i++)
        if (!add_white (why, line, &blanks[i], NULL, NULL, error) ||
            !add_white (why, line, NULL, NULL, &blanks[i], error) ||
            !add_white (why, line, NULL, &blanks[i], NULL, error))
            return FALSE;
    for (gsize i = 0; i < G_N_ELEMENTS (blanks); i++)
        for (gsize k = 0; k < G_N_ELEMENTS (blanks); k++)
            if (!add_white (why, line, &blanks[i], NULL, &blanks[k], error) ||
                (i > 0 &&
                 (!add_white (why, line, NULL, &blanks[i], &blanks[k], error) ||
                  !add_white (why, line, &blanks[k], &blanks[i], &blanks[0], error))))
                return FALSE;
    return TRUE;
}

/* Another gap between two words alone; none is a word that was joined. */
static gboolean
add_gaps (PolicyWhy *why, const Line *line, GError **error)
{
    for (guint i = 1; i < line->words->len && i < MOST_WORDS; i++) {
        char **gap = (char **) &line->gaps->pdata[i];
        char *own = *gap;
        gboolean ok = TRUE;

        for (gsize k = 0; k < G_N_ELEMENTS (blanks) && ok; k++) {
            *gap = (char *) blanks[k].bytes;
            g_autofree char *changed = line_join (line, NULL, NULL, NULL);
            g_autofree char *text =
                g_strdup_printf ("the command line has %s behind the word '%s'",
                                 blanks[k].name, (char *) line->words->pdata[i - 1]);
            ok = add_bytes (why, k == TWO_BLANKS ? WHY_UNCOMMON : WHY_RARE,
                            "cmdline-white-space", text, changed, strlen (changed) + 1,
                            error);
        }
        *gap = own;
        if (!ok)
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
add_fewer_words (PolicyWhy *why, const Line *line, GError **error)
{
    const guint n = line->words->len;

    for (guint i = 0; n > 1 && i < n && i < MOST_WORDS; i++) {
        g_autoptr (GString) rest = g_string_new (line->gaps->pdata[0]);

        for (guint k = 0; k < n; k++)
            if (k != i) {
                g_string_append (rest, line->words->pdata[k]);
                /* The gap before a last word goes with it. */
                g_string_append (rest, k + 1 == i && i + 1 == n ? line->gaps->pdata[n]
                                                                : line->gaps->pdata[k + 1]);
            }
        g_autofree char *text = g_strdup_printf (
            "the command line is without the word '%s'", (char *) line->words->pdata[i]);
        if (!add_bytes (why, WHY_UNCOMMON, "cmdline-word", text, rest->str, rest->len + 1,
                        error))
            return FALSE;
    }
    return TRUE;
}

gboolean
why_add_cmdlines (PolicyWhy *why, GError **error)
{
    const char *line = why->boot->cmdline != NULL ? why->boot->cmdline : "";
    g_auto (Line) split = { 0 };
    GError *local = NULL;

    line_split (line, &split);
    why->lines = g_hash_table_new_full (g_bytes_hash, g_bytes_equal,
                                        (GDestroyNotify) g_bytes_unref, NULL);
    g_hash_table_add (why->lines, g_bytes_new (why->boot->hashes.cmdline, SEV_DIGEST_SIZE));
    if (add_line (why, "cmdline-absent", "there is no command line", "", &local) &&
        add_nul (why, line, &local) && add_quoted (why, line, &local) &&
        add_spaced (why, &split, &local) && add_gaps (why, &split, &local) &&
        add_fewer_words (why, &split, &local))
        return TRUE;
    return why_internal (local, error);
}
