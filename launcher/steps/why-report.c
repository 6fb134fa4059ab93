/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/steps/why-report.h"

static gboolean
set_boot (PolicyWhy *why, const WhyQuestion *q, GError **error)
{
    PolicyWhyVcpus vcpus = { .any_form = q->any_form };

    if (q->vcpus != NULL) {
        vcpus.vcpus = *q->vcpus;
        vcpus.last = MAX (q->last_vcpus, q->vcpus->count);
    }
    return policy_why_set_boot (why, q->boot, q->vcpus != NULL ? &vcpus : NULL, error);
}

/* What the question left out. */
static void
add_hints (WhyReport *report, const WhyQuestion *q)
{
    static const char *const texts[] = {
        "with --firmware and the other files instead of --digest, files are tried too",
        "kernel hashes were expected to be off: if the host boots a kernel directly, give "
        "it "
        "as --kernel, with its --initrd and --append",
        ("nonces of earlier launches were not tried: 'sevlaunch why --ledger FILE', or "
         "--nonce"),
        "TIK and TEK swapped was not tried: --tek FILE",
    };
    const gboolean apply[] = {
        q->boot == NULL,
        q->boot != NULL && !q->boot->kernel_hashes,
        q->nonces == NULL,
        q->tek == NULL,
    };

    for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
        if (apply[i] && q->by_options && !why_report_found (report))
            g_ptr_array_add (report->hints, g_strdup (texts[i]));
}

WhyReport *
why_report_make (const WhyQuestion *q, GError **error)
{
    g_autoptr (PolicyWhy) why = policy_why_new (q->tik, q->tek, q->policy, q->input);
    g_autoptr (WhyReport) report = g_new0 (WhyReport, 1);

    report->hints = g_ptr_array_new_with_free_func (g_free);
    for (guint i = 0; q->nonces != NULL && i < q->nonces->len; i++)
        policy_why_add_nonce (why, (const guint8 *) q->nonces->data + i * SEV_NONCE_SIZE);
    if (q->boot != NULL &&
        (!set_boot (why, q, error) ||
         !neighbours_add (why, q->boot, q->image, q->look_in, &report->neighbours, error)))
        return NULL;
    report->answer = policy_why_search (why, POLICY_WHY_LIMIT, POLICY_WHY_MAX_BYTES, error);
    if (report->answer == NULL)
        return NULL;
    add_hints (report, q);
    return g_steal_pointer (&report);
}

void
why_report_free (WhyReport *report)
{
    if (report == NULL)
        return;
    g_clear_pointer (&report->answer, policy_why_answer_free);
    g_clear_pointer (&report->hints, g_ptr_array_unref);
    g_free (report);
}

gboolean
why_report_found (const WhyReport *report)
{
    return report->answer->matches || report->answer->explanations->len > 0;
}

static void
add_explanations (const WhyReport *report, GStrvBuilder *lines)
{
    const GPtrArray *explanations = report->answer->explanations;

    for (guint i = 0; i < explanations->len; i++) {
        const GPtrArray *causes = g_ptr_array_index (explanations, i);

        for (guint k = 0; k < causes->len; k++) {
            const PolicyWhyCause *cause = g_ptr_array_index (causes, k);
            g_autofree char *line = g_strdup_printf ("%s%s [%s]",
                                                     k > 0   ? "and "
                                                     : i > 0 ? "or (the same measurement) "
                                                             : "",
                                                     cause->text, cause->id);
            g_strv_builder_add (lines, line);
        }
    }
}

static gboolean
is_complete (const WhyReport *report)
{
    return report->answer->complete && report->neighbours.left_out == 0;
}

static char *
nothing_found (const WhyReport *report)
{
    const Neighbours *n = &report->neighbours;
    const char *rest =
        !report->answer->complete
            ? "the search stopped at its limit and did not try all that it knows"
        : n->left_out > 0
            ? "files beyond its limit were left out"
            : "it is something else, more differences at once, a file that is "
              "not among these, or another session";

    return g_strdup_printf ("no cause was found: %" G_GUINT64_FORMAT
                            " hypotheses were tried, with %u other firmware images, %u "
                            "kernels and %u initrds; %s",
                            report->answer->tried, n->firmware, n->kernels, n->initrds,
                            rest);
}

char **
why_report_lines (const WhyReport *report)
{
    g_autoptr (GStrvBuilder) lines = g_strv_builder_new ();

    if (report->answer->matches) {
        g_strv_builder_add (lines, "the measurement matches: it is the expected one");
    } else if (report->answer->explanations->len > 0) {
        add_explanations (report, lines);
    } else {
        g_autofree char *line = nothing_found (report);

        g_strv_builder_add (lines, line);
        for (guint i = 0; i < report->hints->len; i++)
            g_strv_builder_add (lines, g_ptr_array_index (report->hints, i));
    }
    return g_strv_builder_end (lines);
}

static JsonArray *
explanations_json (const WhyReport *report)
{
    const GPtrArray *explanations = report->answer->explanations;
    JsonArray *array = json_array_new ();

    for (guint i = 0; i < explanations->len; i++) {
        const GPtrArray *causes = g_ptr_array_index (explanations, i);
        JsonArray *list = json_array_new ();

        for (guint k = 0; k < causes->len; k++) {
            const PolicyWhyCause *cause = g_ptr_array_index (causes, k);
            JsonObject *one = json_object_new ();
            g_autofree char *text = g_utf8_make_valid (cause->text, -1);

            json_object_set_string_member (one, "id", cause->id);
            json_object_set_string_member (one, "text", text);
            json_array_add_object_element (list, one);
        }
        json_array_add_array_element (array, list);
    }
    return array;
}

JsonObject *
why_report_json (const WhyReport *report)
{
    JsonObject *object = json_object_new ();
    JsonObject *files = json_object_new ();
    JsonArray *hints = json_array_new ();

    json_object_set_string_member (object, "schema", "sevlaunch.why/1");
    json_object_set_boolean_member (object, "matches", report->answer->matches);
    json_object_set_boolean_member (object, "found", why_report_found (report));
    json_object_set_array_member (object, "explanations", explanations_json (report));
    json_object_set_int_member (object, "hypotheses", (gint64) report->answer->tried);
    json_object_set_boolean_member (object, "complete", is_complete (report));
    for (guint i = 0; i < report->hints->len; i++)
        json_array_add_string_element (hints, g_ptr_array_index (report->hints, i));
    json_object_set_array_member (object, "hints", hints);
    json_object_set_int_member (files, "firmware", report->neighbours.firmware);
    json_object_set_int_member (files, "kernels", report->neighbours.kernels);
    json_object_set_int_member (files, "initrds", report->neighbours.initrds);
    json_object_set_int_member (files, "left_out", report->neighbours.left_out);
    json_object_set_object_member (object, "files", files);
    return object;
}
