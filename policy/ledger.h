/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "policy/attest/owner-measure.h"
#include "policy/ledger-text.h"
#include "policy/verdict.h"

G_BEGIN_DECLS

/**
 * SECTION: ledger
 * @short_description: which sessions were judged: one verdict each, and never twice
 *
 * A text file, one line a judgement, appended under a lock and flushed to the disk before
 * the caller goes on.  The descriptor is opened once, before privileges are dropped.
 *
 *     1 TIME SESSION MNONCE VERDICT DOMAIN
 *
 * TIME is UTC in ISO 8601, SESSION 64 digits (SHA-256 of the launch blob), MNONCE 32 digits
 * or "-", VERDICT "verified" or "refused" of a launch, "packed" for secrets that were
 * packed by hand (no evidence is of it), DOMAIN a name with other characters than letters,
 * digits and
 * "._+-" written %XX.  A line cut off by a crash is closed with " torn"
 * by the next writer; what it names counts as seen.  Any other line that does not fit makes
 * the ledger damaged, and then nothing is judged.
 */
typedef struct _PolicyLedger PolicyLedger;

#define POLICY_LEDGER_NAME "ledger"
#define POLICY_LEDGER_MAX_SIZE (64u * 1024u * 1024u)

/**
 * policy_ledger_open_at:
 * @dirfd: the owner's directory
 * Creates the file (0600) if it is missing.
 * Errors: %POLICY_ERROR_IO, %POLICY_ERROR_OWNER_FILE_TYPE, %POLICY_ERROR_OWNER_FILE_MODE.
 */
PolicyLedger *policy_ledger_open_at (int dirfd,
                                     const char *name,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
void policy_ledger_free (PolicyLedger *ledger);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PolicyLedger, policy_ledger_free)

/**
 * policy_ledger_check_session:
 * @id: policy_session_get_id()
 *
 * To be asked before a launch with a session made elsewhere.
 * Errors: %POLICY_ERROR_SESSION_REUSED, %POLICY_ERROR_LEDGER_DAMAGED, %POLICY_ERROR_IO.
 */
gboolean policy_ledger_check_session (PolicyLedger *ledger,
                                      const guint8 *id,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_ledger_record:
 * @session: what was judged
 * @mnonce: (nullable): 16 bytes of the report; %NULL if it came to none
 * @verified: policy_verdict_is_accepted_but() %POLICY_CHECK_FRESH
 * @domain: name of the guest
 * @time_us: real time in microseconds, g_get_real_time()
 * @verdict: (nullable): %POLICY_CHECK_FRESH is recorded in it
 *
 * Appends the judgement, unless the session or the nonce was judged before.
 * Errors: %POLICY_ERROR_SESSION_REUSED, %POLICY_ERROR_MEASUREMENT_REPLAYED,
 *   %POLICY_ERROR_LEDGER_DAMAGED, %POLICY_ERROR_IO.
 */
gboolean policy_ledger_record (PolicyLedger *ledger,
                               const PolicySession *session,
                               const guint8 *mnonce,
                               gboolean verified,
                               const char *domain,
                               gint64 time_us,
                               PolicyVerdict *verdict,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** policy_ledger_record_id: the same for a session of which only the id is known */
gboolean policy_ledger_record_id (PolicyLedger *ledger,
                                  const guint8 *id,
                                  const guint8 *mnonce,
                                  PolicyLedgerWord word,
                                  const char *domain,
                                  gint64 time_us,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_ledger_get_nonces:
 * Returns: (transfer full) (nullable) (element-type guint8[16]): every nonce that was seen,
 *   for policy_why_add_nonce()
 * Errors: %POLICY_ERROR_IO, %POLICY_ERROR_LEDGER_DAMAGED (too large).
 */
GArray *policy_ledger_get_nonces (PolicyLedger *ledger,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_ledger_count_others:
 * @id: (nullable): policy_session_get_id() of a session that does not count
 * @n: (out): launches that were judged
 * Errors: as policy_ledger_get_nonces().
 */
gboolean policy_ledger_count_others (PolicyLedger *ledger,
                                     const guint8 *id,
                                     guint *n,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
