/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/base/launcher-error.h"
#include "policy/evidence/evidence-store.h"

G_BEGIN_DECLS

/**
 * SECTION: evidence-keeper
 * @short_description: writes evidence into the owner's directory after privileges dropped
 *
 * Like session-keeper: a small process of the owner's that is forked before.  It is asked
 * for the place of the next file and given the file, holds no key, and ends with the
 * program.
 */
typedef struct _EvidenceKeeper EvidenceKeeper;

/**
 * evidence_keeper_start:
 * @dir: the owner's directory
 *
 * Before privileges are dropped, before the owner's keys are read, before there are
 * threads.
 * Errors: those of policy_dir_open() and policy_dir_make_at(), %LAUNCHER_ERROR_IO.
 */
EvidenceKeeper *evidence_keeper_start (const char *dir,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** evidence_keeper_check: whether evidence_keeper_begin() would find a place now, if one
 * insists. Errors: the same. */
gboolean evidence_keeper_check (EvidenceKeeper *keeper,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** evidence_keeper_begin: as evidence_store_begin(). Errors: %LAUNCHER_ERROR_IO,
 * %POLICY_ERROR_EVIDENCE_STORE. */
gboolean evidence_keeper_begin (EvidenceKeeper *keeper,
                                EvidencePlace *out,
                                char **why,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** evidence_keeper_commit: as evidence_store_commit(). Returns: (transfer full): path of
 * the file. Errors: %LAUNCHER_ERROR_IO, %POLICY_ERROR_EVIDENCE_STORE. */
char *evidence_keeper_commit (EvidenceKeeper *keeper,
                              const char *name,
                              GBytes *file,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** evidence_keeper_free: (nullable): ends the process; a file that was begun is given up */
void evidence_keeper_free (EvidenceKeeper *keeper);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (EvidenceKeeper, evidence_keeper_free)

G_END_DECLS
