/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sevlaunch evidence verify */

#include "launcher/cli/cmd-evidence.h"

#include <stdio.h>

#include "policy/evidence/evidence-store.h"

static const char summary[] = "Says what the evidence of a launch proves, and to whom: "
                              "exit status 0, or 1 and every\n"
                              "reason.  Works from files, without host and network.";

static const char *const headings[] = {
    [EVIDENCE_PROVEN] = "proven",
    [EVIDENCE_OWNER_ONLY] = "convinces the owner only",
    [EVIDENCE_SAID] = "the owner's word",
    [EVIDENCE_OPEN] = "open",
};

static void
print_standing (GPtrArray *findings, EvidenceStanding standing)
{
    gboolean first = TRUE;

    for (guint i = 0; i < findings->len; i++) {
        const EvidenceFinding *finding = g_ptr_array_index (findings, i);

        if (finding->standing != standing)
            continue;
        if (first)
            printf ("  %s:\n", headings[standing]);
        first = FALSE;
        g_autofree char *text = message_printable (finding->text);
        printf ("    %s\n", text);
        if (finding->to != NULL && standing == EVIDENCE_PROVEN) {
            g_autofree char *to = message_printable (finding->to);
            printf ("      to %s\n", to);
        }
    }
}

static void
print_words (const char *file, const Evidence *evidence, const EvidenceAnswer *answer)
{
    const EvidenceManifest *m = evidence->manifest;
    g_autofree char *name = message_printable (m->domain_name);
    static const EvidenceStanding order[] = { EVIDENCE_PROVEN, EVIDENCE_OWNER_ONLY,
                                              EVIDENCE_SAID, EVIDENCE_OPEN };

    printf ("%s: %s\n", file, answer->refused ? "REFUSED" : "sound");
    printf ("  guest '%s', %s%s, %s\n", name, m->verified ? "verified" : "refused",
            m->emulated ? " on an EMULATED platform" : "", m->time);
    for (gsize i = 0; i < G_N_ELEMENTS (order); i++)
        print_standing (answer->findings, order[i]);
}

static JsonObject *
answer_json (const char *file, const Evidence *evidence, const EvidenceAnswer *answer)
{
    const EvidenceManifest *m = evidence->manifest;
    JsonObject *object = json_object_new ();
    JsonArray *facts = json_array_new ();
    JsonArray *reasons = json_array_new ();

    evidence_set_text (object, "file", file);
    json_object_set_boolean_member (object, "verified", !answer->refused);
    evidence_set_text (object, "domain", m->domain_name);
    evidence_set_text (object, "time", m->time);
    json_object_set_int_member (object, "counter", (gint64) m->counter);
    evidence_set_text (object, "verdict", m->verified ? "verified" : "refused");
    json_object_set_boolean_member (object, "emulated", m->emulated);
    for (guint i = 0; i < answer->findings->len; i++) {
        const EvidenceFinding *finding = g_ptr_array_index (answer->findings, i);

        if (finding->standing == EVIDENCE_REFUSED)
            continue;
        JsonObject *one = json_object_new ();
        evidence_set_text (one, "standing", evidence_standing_name (finding->standing));
        evidence_set_text (one, "id", finding->id);
        evidence_set_text (one, "text", finding->text);
        evidence_set_text (one, "to", finding->to);
        json_array_add_object_element (facts, one);
    }
    evidence_reasons_json (answer->findings, reasons);
    json_object_set_array_member (object, "facts", facts);
    json_object_set_array_member (object, "reasons", reasons);
    return object;
}

/* A file that cannot be read is a reason like another, and does not hide the next file. */
static LauncherExit
judge_file (const char *file,
            const EvidenceTools *tools,
            gboolean json,
            JsonArray *files,
            GError **error)
{
    g_autoptr (Evidence) evidence = evidence_load (file, error);
    g_autoptr (EvidenceAnswer) answer =
        evidence != NULL ? evidence_check (evidence, &tools->question, error) : NULL;

    if (answer == NULL)
        return LAUNCHER_EXIT_INTERNAL;
    if (json)
        json_array_add_object_element (files, answer_json (file, evidence, answer));
    else
        print_words (file, evidence, answer);
    return evidence_say_reasons (file, answer->findings) ? LAUNCHER_EXIT_NOT_VERIFIED
                                                         : LAUNCHER_EXIT_OK;
}

static JsonObject *
failed_json (const char *file, const GError *error)
{
    const LauncherReason reason = launcher_reason (error);
    JsonObject *object = json_object_new ();
    JsonArray *reasons = json_array_new ();
    JsonObject *one = json_object_new ();

    evidence_set_text (object, "file", file);
    json_object_set_boolean_member (object, "verified", FALSE);
    evidence_set_text (one, "id", reason.id);
    evidence_set_text (one, "text", error->message);
    json_array_add_object_element (reasons, one);
    json_object_set_array_member (object, "reasons", reasons);
    return object;
}

static LauncherExit
judge_all (int n, char **words, const EvidenceTools *tools, gboolean json, JsonArray *files)
{
    LauncherExit worst = LAUNCHER_EXIT_OK;

    for (int i = 0; i < n; i++) {
        g_autoptr (GError) error = NULL;
        LauncherExit code = judge_file (words[i], tools, json, files, &error);

        if (error != NULL) {
            code = message_error (error);
            if (json)
                json_array_add_object_element (files, failed_json (words[i], error));
        }
        worst = MAX (worst, code);
    }
    return worst;
}

/* One file may be sound, and the next ones gone. */
static gboolean
check_head (const char *owner, JsonArray *reasons, LauncherExit *worst, GError **error)
{
    static const char text[] = "the owner's 'head' is missing, so evidence may have been "
                               "taken away (sevlaunch evidence list)";
    EvidencePlace head;

    if (owner == NULL)
        return TRUE;
    g_autoptr (GPtrArray) entries = evidence_store_list (owner, &head, error);
    if (entries == NULL)
        return FALSE;
    if (entries->len == 0 || !head.gap)
        return TRUE;
    JsonObject *one = json_object_new ();
    message_reason ("evidence-gap", text);
    evidence_set_text (one, "id", "evidence-gap");
    evidence_set_text (one, "text", text);
    json_array_add_object_element (reasons, one);
    *worst = MAX (*worst, LAUNCHER_EXIT_NOT_VERIFIED);
    return TRUE;
}

int
cmd_evidence_verify (int argc, char **argv)
{
    g_auto (EvidenceOptions) options = { 0 };
    g_auto (EvidenceTools) tools = { 0 };
    g_autoptr (GArray) entries = evidence_entries (&options, NULL);
    CommandCommon common = { 0 };
    g_autoptr (GError) error = NULL;

    if (!command_parse ("evidence verify", "FILE…", summary,
                        (const GOptionEntry *) (gpointer) entries->data, &common, &argc,
                        &argv, &error))
        return command_fail (&common, error);
    if (argc < 2) {
        (void) step_usage (&error, "evidence verify takes files");
        return command_fail (&common, error);
    }
    if (!evidence_tools_read (&options, TRUE, &tools, &error))
        return command_fail (&common, error);

    g_autoptr (JsonObject) object = json_object_new ();
    JsonArray *files = json_array_new ();
    JsonArray *reasons = json_array_new ();
    json_object_set_string_member (object, "schema", "sevlaunch.evidence-verify/1");
    json_object_set_array_member (object, "files", files);
    json_object_set_array_member (object, "reasons", reasons);
    LauncherExit worst = judge_all (argc - 1, argv + 1, &tools, common.json, files);
    if (!check_head (options.owner, reasons, &worst, &error))
        return command_fail (&common, error);
    json_object_set_int_member (object, "exit_code", worst);
    if (common.json)
        command_print_json (object);
    return (int) worst;
}
