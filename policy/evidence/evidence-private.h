/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include "policy/evidence/evidence-check.h"

G_BEGIN_DECLS

void evidence_file_free (EvidenceFile *file);
void evidence_check_free (gpointer check);
void evidence_reason_free (gpointer reason);

/** evidence_finding_new: @to: (nullable); @text: (transfer full) */
EvidenceFinding *evidence_finding_new (EvidenceStanding standing,
                                       const char *id,
                                       const char *to,
                                       char *text);
void evidence_finding_free (gpointer finding);

/** evidence_json_to_bytes: one object, without white space */
GBytes *evidence_json_to_bytes (JsonObject *object);
/**
 * evidence_json_parse:
 * @what: for messages
 * Returns: (transfer full): a node that holds an object
 * Errors: %POLICY_ERROR_EVIDENCE_MALFORMED.
 */
JsonNode *evidence_json_parse (const char *what, GBytes *bytes, gsize max, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
