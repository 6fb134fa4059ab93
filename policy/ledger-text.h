/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The text of a ledger; see policy/ledger.h for its format.  No I/O here. */

typedef enum {
    POLICY_LEDGER_REFUSED,
    POLICY_LEDGER_VERIFIED,
    POLICY_LEDGER_PACKED, /* secrets were packed by hand: no launch that leaves evidence */
} PolicyLedgerWord;

typedef struct {
    gboolean session; /* the session is in it */
    gboolean mnonce;  /* the nonce is in it */
    gboolean torn;    /* the last line has no end */
} PolicyLedgerSeen;

/**
 * policy_ledger_scan:
 * @text: (array length=len): the whole file, untrusted
 * @id: session to look for, 32 bytes
 * @mnonce: (nullable): nonce to look for, 16 bytes
 * Errors: %POLICY_ERROR_LEDGER_DAMAGED with the line's number.
 */
gboolean policy_ledger_scan (const char *text,
                             gsize len,
                             const guint8 *id,
                             const guint8 *mnonce,
                             PolicyLedgerSeen *out,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_ledger_nonces:
 * @text: (array length=len): the whole file, untrusted; lines that do not fit are left out
 * Returns: (transfer full) (element-type guint8[16]): the nonces in it; an explanation may
 *   use them, a verdict may not
 */
GArray *policy_ledger_nonces (const char *text, gsize len);
/**
 * policy_ledger_sessions: likewise
 * Returns: (transfer full) (element-type guint8[32]): of launches; those that secrets were
 *   only packed for are left out
 */
GArray *policy_ledger_sessions (const char *text, gsize len);

/** policy_ledger_format: Returns: (transfer full): a line with its end */
char *policy_ledger_format (const guint8 *id,
                            const guint8 *mnonce,
                            PolicyLedgerWord word,
                            const char *domain,
                            gint64 time_us);

G_END_DECLS
