/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy/evidence/evidence.h"

G_BEGIN_DECLS

/**
 * SECTION: evidence-store
 * @short_description: OWNER/evidence: one file a launch, counted and chained
 *
 *     NNNNNN-NAME.evidence.json   0600; the number is the counter in it
 *     head                        "COUNTER SHA256": the last one that was written
 *
 * Each names the SHA-256 of the one before.  A file that is taken away leaves a gap, the
 * last one too: `head` goes on from it.  Without a `head` that fits the files nobody knows
 * which was the last: who does not insist goes on after the newest, and says so in the
 * evidence.  Who can write the directory can make all of it anew, but not sign it.
 */
#define EVIDENCE_DIR "evidence"
#define EVIDENCE_HEAD "head"

typedef struct _EvidenceStore EvidenceStore;

/** EvidencePlace: what the next manifest says of its place */
typedef struct {
    guint64 counter;
    gboolean has_previous;
    guint8 previous[SEV_DIGEST_SIZE];
    gboolean gap; /* `head` did not fit: what came between the two is not known */
} EvidencePlace;

/**
 * evidence_store_open_at:
 * @dirfd: the owner's directory; the folder is made (0700) if it is missing
 * Errors: those of policy_dir_make_at().
 */
EvidenceStore *evidence_store_open_at (int dirfd, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void evidence_store_free (EvidenceStore *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (EvidenceStore, evidence_store_free)

/**
 * evidence_store_begin:
 * @why: (out) (transfer full) (nullable): with EvidencePlace.gap, a sentence; %NULL as an
 *   argument: then a `head` that does not fit is an error
 *
 * Waits for other launches of this owner, and keeps them waiting until
 * evidence_store_commit() or evidence_store_abort().
 * Errors: %POLICY_ERROR_EVIDENCE_STORE, %POLICY_ERROR_IO.
 */
gboolean evidence_store_begin (EvidenceStore *store,
                               EvidencePlace *out,
                               char **why,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
/**
 * evidence_store_commit:
 * @name: of the guest, policy_name_is_plain()
 * Returns: (transfer full): name of the file, which is there whole and on the disk
 * Errors: %POLICY_ERROR_IO, %POLICY_ERROR_OWNER_EXISTS.
 */
char *evidence_store_commit (EvidenceStore *store,
                             const char *name,
                             GBytes *file,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
void evidence_store_abort (EvidenceStore *store);

/**
 * evidence_store_parse_head:
 * @out: (inout): counter, previous and has_previous as `head` says them
 * Errors: %POLICY_ERROR_EVIDENCE_STORE.
 */
gboolean evidence_store_parse_head (GBytes *bytes,
                                    EvidencePlace *out,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** EvidenceEntry: a file of the folder */
typedef struct {
    char *name;
    char *path;
    guint64 number; /* in the name */
} EvidenceEntry;

/**
 * evidence_store_list:
 * @path: an owner's directory, or the folder itself; need not be the caller's
 * @head: (out): what `head` says; gap: there is none
 * Returns: (transfer full) (element-type EvidenceEntry): in the order of the numbers
 * Errors: %POLICY_ERROR_EVIDENCE_STORE, those of policy_file_read_found().
 */
GPtrArray *evidence_store_list (const char *path,
                                EvidencePlace *head,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
