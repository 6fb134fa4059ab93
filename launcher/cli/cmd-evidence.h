/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/cli/step-options.h"
#include "policy/evidence/evidence-check.h"
#include "policy/owner-dir.h"

G_BEGIN_DECLS

/* What the evidence commands share. */

/** EvidenceOptions: all nullable */
typedef struct {
    char *signer;
    char *owner;
    char **trust_roots;
    char *tik;
    StepBootOptions boot;
} EvidenceOptions;
void evidence_options_clear (EvidenceOptions *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (EvidenceOptions, evidence_options_clear)

/** evidence_entries: @own: (nullable): the command's own, ends with a NULL name; they come
 * first. Returns: (transfer full) (element-type GOptionEntry) */
GArray *evidence_entries (EvidenceOptions *options, const GOptionEntry *own);

/** EvidenceTools: what it is checked with */
typedef struct {
    SevSignKey *signer; /* (nullable) */
    PolicyOwner *owner; /* (nullable) */
    PolicyRoots *own;   /* (nullable): without @owner */
    StepBoot boot;
    SevSecret *tik; /* (nullable) */
    EvidenceQuestion question;
} EvidenceTools;
void evidence_tools_clear (EvidenceTools *tools);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (EvidenceTools, evidence_tools_clear)

/**
 * evidence_tools_read:
 * @need_signer: refuse to go on without one
 * Errors: %LAUNCHER_ERROR_USAGE, %LAUNCHER_ERROR_FILE, of the owner's directory, of what
 *   boots.
 */
gboolean evidence_tools_read (const EvidenceOptions *options,
                              gboolean need_signer,
                              EvidenceTools *out,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** evidence_load: reads and parses a file. Errors: %POLICY_ERROR_EVIDENCE_MALFORMED,
 * %LAUNCHER_ERROR_FILE. */
Evidence *evidence_load (const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** evidence_load_found: the same of a file that was found in a folder, and is regular */
Evidence *evidence_load_found (const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** evidence_reasons_json: the refusals among @findings, appended */
void evidence_reasons_json (GPtrArray *findings, JsonArray *reasons);
/** evidence_say_reasons: the same on stderr. Returns: whether there was one */
gboolean evidence_say_reasons (const char *file, GPtrArray *findings);
/** evidence_set_text: a member with a text, or null */
void evidence_set_text (JsonObject *object, const char *name, const char *text);

int cmd_evidence_verify (int argc, char **argv);
int cmd_evidence_show (int argc, char **argv);
int cmd_evidence_list (int argc, char **argv);
int cmd_evidence_report (int argc, char **argv);

G_END_DECLS
