/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include "launcher/steps/neighbours.h"

G_BEGIN_DECLS

/** WhyQuestion: a measurement that is not the expected one; all borrowed */
typedef struct {
    const SevSecret *tik;
    const SevSecret *tek; /* (nullable) */
    guint32 policy;
    const PolicyMeasureInput *input; /* with report and expected digest */
    const PolicyBootInputs *boot;    /* (nullable): only the digest is known */
    const PolicyVcpus *vcpus;        /* (nullable): with SEV-ES */
    guint last_vcpus;                /* numbers from @vcpus' own to it are right; or 0 */
    gboolean any_form;               /* of the save areas */
    GBytes *image;                   /* (nullable): the firmware's bytes */
    char *const *look_in;            /* (nullable) */
    const GArray *nonces; /* (nullable) (element-type guint8[16]): %NULL: none is known */
    gboolean by_options;  /* asked by verify or why: hints name their options */
} WhyQuestion;

/** WhyReport: what was found */
typedef struct {
    PolicyWhyAnswer *answer;
    Neighbours neighbours;
    GPtrArray *hints; /* (element-type utf8): what more could be given, if none is found */
} WhyReport;

/**
 * why_report_make:
 * Looks at the files around, and searches.  Blocks for a second or so.
 * Errors: %POLICY_ERROR_INTERNAL.
 */
WhyReport *why_report_make (const WhyQuestion *question,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
void why_report_free (WhyReport *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (WhyReport, why_report_free)

/** why_report_found: whether there is an explanation, or nothing to explain */
gboolean why_report_found (const WhyReport *report);

/** why_report_lines: Returns: (transfer full): what people read, a sentence each */
char **why_report_lines (const WhyReport *report);

/** why_report_json: Returns: (transfer full): schema "sevlaunch.why/1" */
JsonObject *why_report_json (const WhyReport *report);

G_END_DECLS
