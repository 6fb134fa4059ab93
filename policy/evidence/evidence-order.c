/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A folder of evidence: whether something is missing in it. */

#include "policy/evidence/evidence-check.h"

#include <string.h>

#include "policy/evidence/evidence-private.h"

G_GNUC_PRINTF (3, 4)
static void
add_order (GPtrArray *out, const char *id, const char *format, ...)
{
    va_list args;

    va_start (args, format);
    g_ptr_array_add (out, evidence_finding_new (EVIDENCE_REFUSED, id, NULL,
                                                g_strdup_vprintf (format, args)));
    va_end (args);
}

#define order_reason_new(id, out, ...) add_order (out, id, __VA_ARGS__)

static void
check_gap (GPtrArray *out, guint64 expected, guint64 found)
{
    if (found == expected + 1)
        order_reason_new ("evidence-gap", out, "number %" G_GUINT64_FORMAT " is missing",
                          expected);
    else if (found > expected)
        order_reason_new ("evidence-gap", out,
                          "numbers %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT
                          " are missing",
                          expected, found - 1);
    else if (found < expected)
        order_reason_new ("evidence-gap", out,
                          "number %" G_GUINT64_FORMAT " is there twice", found);
}

static void
check_row (GPtrArray *out, const EvidenceRow *row, const EvidenceRow *before)
{
    const EvidenceManifest *m = row->evidence->manifest;

    if (m->counter != row->number) {
        order_reason_new ("evidence-order", out,
                          "'%s' says that it is number %" G_GUINT64_FORMAT, row->name,
                          m->counter);
        return;
    }
    if (m->gap)
        order_reason_new ("evidence-gap", out,
                          "when '%s' was written it was not known whether another one had "
                          "come before",
                          row->name);
    if (row->number == 1 ? m->has_previous : !m->has_previous)
        order_reason_new ("evidence-order", out, "'%s' names %s before it", row->name,
                          m->has_previous ? "one" : "none");
    else if (before != NULL && before->evidence != NULL &&
             before->number + 1 == row->number &&
             memcmp (before->evidence->sha256, m->previous, SEV_DIGEST_SIZE) != 0)
        order_reason_new ("evidence-order", out,
                          "'%s' names another one before it than "
                          "'%s'",
                          row->name, before->name);
}

GPtrArray *
evidence_check_order (const EvidenceRow *rows,
                      guint n,
                      guint64 head_counter,
                      const guint8 *head_sha256)
{
    GPtrArray *out = g_ptr_array_new_with_free_func (evidence_finding_free);
    guint64 expected = 1;

    if (n > 0 && head_counter == 0)
        order_reason_new ("evidence-gap", out,
                          "'head' is missing, so later ones may have been taken away");
    for (guint i = 0; i < n; i++) {
        check_gap (out, expected, rows[i].number);
        expected = rows[i].number + 1;
        if (rows[i].evidence != NULL)
            check_row (out, &rows[i], i > 0 ? &rows[i - 1] : NULL);
    }
    if (head_counter >= expected)
        check_gap (out, expected, head_counter + 1);
    else if (head_counter > 0 && head_counter + 2 < expected)
        /* A crash leaves one file more than `head` says, not two. */
        order_reason_new ("evidence-order", out,
                          "'head' says that number %" G_GUINT64_FORMAT
                          " is the last one, and there are later ones",
                          head_counter);
    else if (n > 0 && head_counter == rows[n - 1].number && rows[n - 1].evidence != NULL &&
             memcmp (head_sha256, rows[n - 1].evidence->sha256, SEV_DIGEST_SIZE) != 0)
        order_reason_new ("evidence-order", out, "'%s' is not the one that was written",
                          rows[n - 1].name);
    return out;
}
