/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy/attest/boot-inputs.h"
#include "policy/evidence/evidence.h"

G_BEGIN_DECLS

/**
 * SECTION: evidence-check
 * @short_description: what a piece of evidence proves, and to whom
 *
 * Needs neither host nor network.  A fact is worth what stands behind it: a signature of
 * the platform, the owner's word, or a key that both sides have.
 */

typedef enum {
    EVIDENCE_PROVEN,     /* "proven": by signatures that end in a root */
    EVIDENCE_SAID,       /* "said": the signer's word */
    EVIDENCE_OWNER_ONLY, /* "owner-only": a symmetric key; the owner could have made it */
    EVIDENCE_OPEN,       /* "open": not answered by this evidence */
    EVIDENCE_REFUSED,    /* "refused": the check says no; its id is a reason */
} EvidenceStanding;

/** evidence_standing_name: the quoted word; static storage */
const char *evidence_standing_name (EvidenceStanding standing);

typedef struct {
    EvidenceStanding standing;
    char *id;   /* lower case with dashes, stable */
    char *text; /* one sentence without full stop */
    char *to;   /* (nullable): whom it convinces */
} EvidenceFinding;

/** EvidenceQuestion: what it is checked with; everything is borrowed */
typedef struct {
    const SevSignKey *signer;      /* (nullable): %NULL leaves the signature open */
    const PolicyRoots *roots;      /* (nullable): roots besides AMD's */
    const PolicyBootInputs *files; /* (nullable): whether these were measured */
    gboolean files_cmdline;        /* its command line was given too */
    const SevSecret *tik;          /* (nullable): of the session; only its owner has it */
} EvidenceQuestion;

/** EvidenceAnswer: the findings, and the chain that was verified anew */
typedef struct {
    GPtrArray *findings; /* (element-type EvidenceFinding) */
    PolicyChain *chain;
    gboolean has_report;
    guint8 report_digest[SEV_DIGEST_SIZE]; /* what the platform says; if @has_report */
    gboolean refused;                      /* any finding is %EVIDENCE_REFUSED */
} EvidenceAnswer;

/**
 * evidence_check:
 * Reasons: evidence-signature, evidence-signer, evidence-chain, evidence-root,
 * evidence-platform, report-malformed, report-signature, evidence-report-nonce,
 * evidence-report-digest, evidence-report-policy, evidence-session, evidence-verdict,
 * evidence-file, evidence-digest, evidence-measurement.
 * A platform that the owner refused himself is no reason, but an open question.
 * Returns: (transfer full): %NULL only on internal failure
 * Errors: %POLICY_ERROR_INTERNAL, %SEV_ERROR_CRYPTO.
 */
EvidenceAnswer *evidence_check (const Evidence *evidence,
                                const EvidenceQuestion *question,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
void evidence_answer_free (EvidenceAnswer *answer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (EvidenceAnswer, evidence_answer_free)

/** EvidenceRow: one of a folder's files, in the order of their numbers */
typedef struct {
    const char *name;
    guint64 number;           /* in the name */
    const Evidence *evidence; /* (nullable): it could not be read */
} EvidenceRow;

/**
 * evidence_check_order:
 * @rows: (array length=n)
 * @head_counter: what the folder's `head` says; 0: there is none
 * @head_sha256: (nullable): likewise
 * Whether none is missing, none is there twice and each names the one before.
 * Reasons: evidence-gap, evidence-order.
 * Returns: (transfer full) (element-type EvidenceFinding): refusals; empty if all is right
 */
GPtrArray *evidence_check_order (const EvidenceRow *rows,
                                 guint n,
                                 guint64 head_counter,
                                 const guint8 *head_sha256);

G_END_DECLS
