/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The ledger's text: a session that stands in a line is seen, one that does not is not;
 * a sound ledger stays sound when a line is added; of any text the nonces can be listed.
 */

#include <stdint.h>
#include <string.h>

#include "policy/ledger-text.h"
#include "sev/base/sev-bytes.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

#define SESSION "1111111111111111111111111111111111111111111111111111111111111111"
#define NONCE "22222222222222222222222222222222"

static gboolean
has_field (const char *text, guint number, const char *value)
{
    g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

    for (gsize i = 0; lines[i] != NULL; i++) {
        g_auto (GStrv) fields = g_strsplit (lines[i], " ", -1);
        if (g_strv_length (fields) > number && strcmp (fields[number], value) == 0)
            return TRUE;
    }
    return FALSE;
}

static void
check_more (const char *text, const guint8 *id, PolicyLedgerWord word)
{
    guint8 new_id[32];
    PolicyLedgerSeen seen;

    memset (new_id, 0x33, sizeof new_id);
    g_autofree char *line = policy_ledger_format (new_id, NULL, word, "d %", 0);
    g_autofree char *longer = g_strconcat (text, line, NULL);
    g_assert_true (policy_ledger_scan (longer, strlen (longer), new_id, NULL, &seen, NULL));
    g_assert_true (seen.session);
    g_assert_false (seen.torn);
    g_assert_true (policy_ledger_scan (longer, strlen (longer), id, NULL, &seen, NULL));
    g_assert_true (seen.session == has_field (text, 2, SESSION));
    g_autoptr (GArray) before = policy_ledger_sessions (text, strlen (text));
    g_autoptr (GArray) after = policy_ledger_sessions (longer, strlen (longer));
    g_assert_cmpuint (after->len, ==, before->len + (word != POLICY_LEDGER_PACKED));
}

/* A nonce that is listed stands in the text. */
static void
check_nonces (const char *data, gsize size)
{
    g_autoptr (GArray) nonces = policy_ledger_nonces (data, size);
    g_autofree char *lower = g_malloc (size + 1);

    for (gsize i = 0; i < size; i++)
        lower[i] = g_ascii_tolower (data[i]);
    for (guint i = 0; i < nonces->len; i++) {
        g_autofree char *hex = sev_hex_encode (nonces->data + i * 16, 16);
        gboolean found = FALSE;

        for (gsize at = 0; at + 32 <= size && !found; at++)
            found = memcmp (lower + at, hex, 32) == 0;
        g_assert_true (found);
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    guint8 id[32];
    guint8 mnonce[16];
    PolicyLedgerSeen seen;
    g_autoptr (GError) error = NULL;

    check_nonces ((const char *) data, size);
    memset (id, 0x11, sizeof id);
    memset (mnonce, 0x22, sizeof mnonce);
    if (!policy_ledger_scan ((const char *) data, size, id, mnonce, &seen, &error)) {
        g_assert_nonnull (error);
        return 0;
    }
    g_assert_true (seen.torn == (size > 0 && data[size - 1] != '\n'));
    if (memchr (data, '\0', size) != NULL)
        return 0;
    g_autofree char *text = g_strndup ((const char *) data, size);
    /* A torn line that stops right behind a value, "… torn" included, counts. */
    g_assert_true (seen.session == has_field (text, 2, SESSION));
    g_assert_true (seen.mnonce == has_field (text, 3, NONCE));
    if (!seen.torn)
        for (guint word = 0; word <= POLICY_LEDGER_PACKED; word++)
            check_more (text, id, (PolicyLedgerWord) word);
    return 0;
}
