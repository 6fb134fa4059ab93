/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sevlaunch evidence report */

#include "config.h"

#include "launcher/cli/cmd-evidence.h"

#include <stdio.h>
#include <string.h>

#include "launcher/base/output-file.h"
#include "policy/evidence/evidence-html.h"

static const char summary[] = "Writes what the evidence of a launch proves as one page for "
                              "a human reader: the chain\n"
                              "of signatures, who could see what, which questions stay "
                              "open.  Facts, no legal claims.\n"
                              "The exit status is that of 'evidence verify'.";

/* A page can be written all the same, but it is of what anybody may have made up. */
static int
judge (const char *file, const EvidenceAnswer *answer, gboolean has_signer, JsonArray *out)
{
    gboolean refused = evidence_say_reasons (file, answer->findings);

    evidence_reasons_json (answer->findings, out);
    if (!has_signer) {
        static const char text[] = "who signed it was not checked: no key was given "
                                   "(--signer or --owner)";
        JsonObject *one = json_object_new ();

        message_reason ("evidence-signature", text);
        evidence_set_text (one, "id", "evidence-signature");
        evidence_set_text (one, "text", text);
        json_array_add_object_element (out, one);
        refused = TRUE;
    }
    return refused ? LAUNCHER_EXIT_NOT_VERIFIED : LAUNCHER_EXIT_OK;
}

static int
report (const char *file,
        const char *html,
        const EvidenceTools *tools,
        const CommandCommon *common,
        GError **error)
{
    g_autoptr (Evidence) evidence = evidence_load (file, error);
    g_autoptr (EvidenceAnswer) answer =
        evidence != NULL ? evidence_check (evidence, &tools->question, error) : NULL;
    g_autofree char *base = g_path_get_basename (file);

    if (answer == NULL)
        return -1;
    g_autofree char *page = evidence_html (evidence, answer, base, PACKAGE_VERSION);
    if (!output_file_write (html, page, strlen (page), OUTPUT_FILE_PIPE, error))
        return -1;
    g_autoptr (JsonArray) reasons = json_array_new ();
    const int code = judge (file, answer, tools->signer != NULL, reasons);
    if (!common->json) {
        if (!output_file_is_stdout (html))
            printf ("wrote %s\n", html);
        return code;
    }
    g_autoptr (JsonObject) object = json_object_new ();
    json_object_set_string_member (object, "schema", "sevlaunch.evidence-report/1");
    evidence_set_text (object, "html", html);
    json_object_set_boolean_member (object, "verified", code == LAUNCHER_EXIT_OK);
    json_object_set_array_member (object, "reasons", json_array_ref (reasons));
    json_object_set_int_member (object, "exit_code", code);
    command_print_json (object);
    return code;
}

int
cmd_evidence_report (int argc, char **argv)
{
    g_auto (EvidenceOptions) options = { 0 };
    g_auto (EvidenceTools) tools = { 0 };
    g_autofree char *html = NULL;
    const GOptionEntry own[] = {
        { "html", 0, 0, G_OPTION_ARG_FILENAME, &html,
          "Where the page goes (- for standard output)", "FILE" },
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr (GArray) entries = evidence_entries (&options, own);
    CommandCommon common = { 0 };
    g_autoptr (GError) error = NULL;
    int code = -1;

    if (!command_parse ("evidence report", "FILE", summary,
                        (const GOptionEntry *) (gpointer) entries->data, &common, &argc,
                        &argv, &error))
        return command_fail (&common, error);
    if (argc != 2 || html == NULL)
        (void) step_usage (&error, "evidence report takes one file and --html");
    else if (common.json && output_file_is_stdout (html))
        (void) step_usage (&error,
                           "--html to standard output and --json exclude each other");
    else if (evidence_tools_read (&options, FALSE, &tools, &error))
        code = report (argv[1], html, &tools, &common, &error);
    return code < 0 ? command_fail (&common, error) : code;
}
