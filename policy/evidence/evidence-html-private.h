/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy/evidence/evidence-html.h"

G_BEGIN_DECLS

/** html_put: appends @text (nullable) escaped; characters that are not shown, or that turn
 * the direction of writing, become U+FFFD */
void html_put (GString *out, const char *text);
void html_put_hex (GString *out, const void *data, gsize len);

/** html_put_tree: the certificates as a picture, and what is signed by whom */
void html_put_tree (GString *out, const Evidence *evidence, const EvidenceAnswer *answer);

/** html_is_emulated: by the certificates, whatever the manifest says, or by the manifest */
gboolean html_is_emulated (const Evidence *evidence, const EvidenceAnswer *answer);

/** html_put_sight: who could see what */
void html_put_sight (GString *out, const Evidence *evidence, gboolean emulated);

extern const char evidence_html_style[];

G_END_DECLS
