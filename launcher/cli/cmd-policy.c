/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sevlaunch policy -- guest policies in words, and acceptance policies. */

#include <stdio.h>

#include "launcher/cli/command.h"
#include "policy/acceptance/acceptance.h"
#include "policy/guest-policy-explain.h"
#include "policy/policy-error.h"

static void
set_strings (JsonObject *object, const char *name, char **strings)
{
    JsonArray *array = json_array_new ();

    for (char **i = strings; *i != NULL; i++)
        json_array_add_string_element (array, *i);
    json_object_set_array_member (object, name, array);
}

static void
set_numbers (JsonObject *object, guint32 policy)
{
    g_autofree char *words = policy_guest_to_text (policy);
    g_autofree char *hex = g_strdup_printf ("0x%08x", policy);

    json_object_set_string_member (object, "policy", hex);
    json_object_set_int_member (object, "decimal", policy);
    json_object_set_string_member (object, "words", words);
}

/* @refused: (nullable): why no platform can satisfy it */
static int
explain_json (guint32 policy, const char *refused)
{
    g_autoptr (JsonObject) object = json_object_new ();
    g_autofree char *api = policy_guest_explain_api (policy);
    g_auto (GStrv) warnings = policy_guest_warnings (policy);
    const char *profile = policy_guest_profile_name (policy);
    JsonArray *bits = json_array_new ();
    PolicyBitText text[POLICY_N_BITS];
    guint8 major, minor;

    json_object_set_string_member (object, "schema", "sevlaunch.policy-explain/1");
    set_numbers (object, policy);
    if (profile != NULL)
        json_object_set_string_member (object, "profile", profile);
    else
        json_object_set_null_member (object, "profile");
    policy_guest_explain (policy, text);
    for (guint i = 0; i < POLICY_N_BITS; i++) {
        JsonObject *one = json_object_new ();

        json_object_set_string_member (one, "name", text[i].name);
        json_object_set_int_member (one, "bit", text[i].bit);
        json_object_set_boolean_member (one, "set", text[i].set);
        json_object_set_string_member (one, "text", text[i].text);
        json_array_add_object_element (bits, one);
    }
    json_object_set_array_member (object, "bits", bits);
    policy_guest_min_api (policy, &major, &minor);
    g_autofree char *version = g_strdup_printf ("%u.%u", major, minor);
    json_object_set_string_member (object, "min_api", version);
    json_object_set_string_member (object, "min_api_text", api);
    set_strings (object, "warnings", warnings);
    if (refused != NULL)
        json_object_set_string_member (object, "refused", refused);
    else
        json_object_set_null_member (object, "refused");
    return command_print_json (object);
}

static int
explain_words (guint32 policy, const char *refused)
{
    g_autofree char *words = policy_guest_to_text (policy);
    g_autofree char *api = policy_guest_explain_api (policy);
    g_auto (GStrv) warnings = policy_guest_warnings (policy);
    const char *profile = policy_guest_profile_name (policy);
    PolicyBitText text[POLICY_N_BITS];

    printf ("policy:    %s\n", words);
    if (profile != NULL)
        printf ("profile:   %s\n", profile);
    printf ("libvirt:   <policy>0x%08x</policy>\n", policy);
    printf ("decimal:   %u (sevctl, virt-qemu-sev-validate, QEMU)\n", policy);
    policy_guest_explain (policy, text);
    for (guint i = 0; i < POLICY_N_BITS; i++)
        printf ("%c %-15s %s\n", text[i].set ? '+' : '-', text[i].name, text[i].text);
    printf ("  %-15s %s\n", "min-api", api);
    for (char **i = warnings; *i != NULL; i++)
        printf ("warning: %s\n", *i);
    if (refused != NULL)
        printf ("'run' refuses it: %s\n", refused);
    return LAUNCHER_EXIT_OK;
}

static int
cmd_policy_explain (int argc, char **argv)
{
    CommandCommon common = { 0 };
    g_autoptr (GError) error = NULL;
    g_autoptr (GError) refused = NULL;
    guint32 policy = 0;

    if (!command_parse ("policy explain", "POLICY",
                        "Says what a guest policy lets the host do and what not.  POLICY\n"
                        "is words or profiles with commas between them, 0x… or decimal.",
                        NULL, &common, &argc, &argv, &error))
        return command_fail (&common, error);
    if (argc != 2)
        g_set_error_literal (&error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                             "policy explain takes one policy");
    if (error != NULL || !policy_guest_parse (argv[1], &policy, &error))
        return command_fail (&common, error);
    const char *why = policy_guest_check (policy, &refused) ? NULL : refused->message;
    return common.json ? explain_json (policy, why) : explain_words (policy, why);
}

static int
list_json (void)
{
    g_autoptr (JsonObject) object = json_object_new ();
    JsonArray *array = json_array_new ();
    gsize n = 0;
    const PolicyProfile *profiles = policy_guest_profiles (&n);

    json_object_set_string_member (object, "schema", "sevlaunch.policy-list/1");
    for (gsize i = 0; i < n; i++) {
        JsonObject *one = json_object_new ();

        json_object_set_string_member (one, "name", profiles[i].name);
        json_object_set_string_member (one, "summary", profiles[i].summary);
        set_numbers (one, profiles[i].policy);
        json_array_add_object_element (array, one);
    }
    json_object_set_array_member (object, "profiles", array);
    return command_print_json (object);
}

static int
list_words (void)
{
    gsize n = 0;
    const PolicyProfile *profiles = policy_guest_profiles (&n);

    for (gsize i = 0; i < n; i++) {
        g_autofree char *words = policy_guest_to_text (profiles[i].policy);

        printf ("%-11s 0x%08x  %s\n%12s%s\n", profiles[i].name, profiles[i].policy, words,
                "", profiles[i].summary);
    }
    return LAUNCHER_EXIT_OK;
}

static int
cmd_policy_list (int argc, char **argv)
{
    CommandCommon common = { 0 };
    g_autoptr (GError) error = NULL;

    if (!command_parse ("policy list", "", "Lists the profiles of guest policies.", NULL,
                        &common, &argc, &argv, &error))
        return command_fail (&common, error);
    if (argc != 1) {
        g_set_error_literal (&error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                             "policy list takes no words");
        return command_fail (&common, error);
    }
    return common.json ? list_json () : list_words ();
}

static int
check_json (const PolicyAcceptance *acceptance)
{
    g_autoptr (JsonObject) object = json_object_new ();
    g_autoptr (GPtrArray) demands = policy_acceptance_explain (acceptance);
    g_auto (GStrv) warnings = policy_acceptance_warnings (acceptance);
    g_autofree char *file =
        g_utf8_make_valid (policy_acceptance_get_source (acceptance), -1);
    JsonArray *array = json_array_new ();

    for (guint i = 0; i < demands->len; i++) {
        const PolicyDemand *demand = g_ptr_array_index (demands, i);
        JsonObject *one = json_object_new ();

        json_object_set_string_member (one, "key", demand->key);
        json_object_set_string_member (one, "text", demand->text);
        json_array_add_object_element (array, one);
    }
    json_object_set_string_member (object, "schema", "sevlaunch.policy-check/1");
    json_object_set_string_member (object, "file", file);
    json_object_set_array_member (object, "demands", array);
    set_strings (object, "warnings", warnings);
    return command_print_json (object);
}

static int
check_words (const PolicyAcceptance *acceptance)
{
    g_autoptr (GPtrArray) demands = policy_acceptance_explain (acceptance);
    g_auto (GStrv) warnings = policy_acceptance_warnings (acceptance);

    for (guint i = 0; i < demands->len; i++) {
        const PolicyDemand *demand = g_ptr_array_index (demands, i);

        printf ("%-21s %s\n", demand->key, demand->text);
    }
    for (char **i = warnings; *i != NULL; i++)
        printf ("warning: %s\n", *i);
    return LAUNCHER_EXIT_OK;
}

static int
cmd_policy_check (int argc, char **argv)
{
    CommandCommon common = { 0 };
    g_autoptr (GError) error = NULL;
    g_autoptr (PolicyAcceptance) acceptance = NULL;

    if (!command_parse ("policy check", "FILE",
                        "Reads an acceptance policy as a launch would, and says what it\n"
                        "takes; or which line is wrong.  Needs no host.",
                        NULL, &common, &argc, &argv, &error))
        return command_fail (&common, error);
    if (argc == 2)
        acceptance = policy_acceptance_load (argv[1], &error);
    else
        g_set_error_literal (&error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                             "policy check takes one file");
    if (acceptance == NULL)
        return command_fail (&common, error);
    return common.json ? check_json (acceptance) : check_words (acceptance);
}

int
cmd_policy (int argc, char **argv)
{
    static const Command table[] = {
        { "check", "Check an acceptance policy, and say what it takes", cmd_policy_check },
        { "explain", "Say what a guest policy means", cmd_policy_explain },
        { "list", "List the profiles", cmd_policy_list },
        { NULL, NULL, NULL },
    };

    return command_dispatch ("policy", table, argc, argv);
}
