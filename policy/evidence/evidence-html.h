/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy/evidence/evidence-check.h"

G_BEGIN_DECLS

/**
 * evidence_html:
 * @answer: of evidence_check()
 * @file: name of the evidence's file, for the reader
 * @version: of the program that writes the page
 *
 * One page for a human reader, UTF-8: style and pictures in it, no script, nothing loaded
 * from elsewhere.  Whatever comes from the evidence is escaped.
 *
 * Returns: (transfer full)
 */
char *evidence_html (const Evidence *evidence,
                     const EvidenceAnswer *answer,
                     const char *file,
                     const char *version);

G_END_DECLS
