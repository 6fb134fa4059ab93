/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sevlaunch measure -- the launch digest that a guest must come to. */

#include "launcher/cli/step-options.h"

#include <stdio.h>

#include "sev/base/sev-bytes.h"

static const char summary[] =
    "Prints the launch digest: what the platform measures of a guest that boots this\n"
    "firmware, and this kernel if one is given.  Nothing is started, no host is asked.";

static gboolean
parse (StepBootOptions *boot,
       CommandCommon *common,
       int *argc,
       char ***argv,
       GError **error)
{
    g_autoptr (GArray) entries = step_entries (boot, NULL, NULL);

    if (!command_parse ("measure", "", summary, (const GOptionEntry *) entries->data,
                        common, argc, argv, error))
        return FALSE;
    return *argc == 1 || step_usage (error, "measure takes options only");
}

static gboolean
add_one (const StepBoot *boot,
         guint vcpus,
         gboolean json,
         JsonArray *digests,
         guint8 digest[SEV_DIGEST_SIZE],
         GError **error)
{
    PolicyVcpus counted = boot->vcpus;

    counted.count = vcpus;
    if (!policy_boot_inputs_digest (boot->inputs, boot->es ? &counted : NULL, digest,
                                    error))
        return FALSE;
    JsonObject *one = json_object_new ();
    if (vcpus > 0)
        json_object_set_int_member (one, "vcpus", vcpus);
    step_hex_json (one, "digest", digest, SEV_DIGEST_SIZE);
    json_array_add_object_element (digests, one);
    if (json)
        return TRUE;
    g_autofree char *hex = sev_hex_encode (digest, SEV_DIGEST_SIZE);
    if (boot->first < boot->last)
        printf ("%u %s\n", vcpus, hex);
    else
        printf ("%s\n", hex);
    return TRUE;
}

static int
print_measure (const StepBoot *boot, const CommandCommon *common, GError **error)
{
    g_autoptr (JsonObject) object = json_object_new ();
    g_autoptr (JsonArray) digests = json_array_new ();
    guint8 digest[SEV_DIGEST_SIZE];

    json_object_set_string_member (object, "schema", "sevlaunch.measure/1");
    for (guint n = boot->first; n <= boot->last; n++)
        if (!add_one (boot, n, common->json, digests, digest, error))
            return -1;
    if (boot->first == boot->last)
        step_hex_json (object, "digest", digest, sizeof digest);
    json_object_set_array_member (object, "digests", json_array_ref (digests));
    step_boot_json (boot, object);
    if (common->json)
        return command_print_json (object);
    return LAUNCHER_EXIT_OK;
}

int
cmd_measure (int argc, char **argv)
{
    g_auto (StepBootOptions) options = { 0 };
    g_auto (StepBoot) boot = { 0 };
    CommandCommon common = { 0 };
    g_autoptr (GError) error = NULL;
    int code = -1;

    if (parse (&options, &common, &argc, &argv, &error) &&
        step_boot_read (&options, TRUE, &boot, &error))
        code = print_measure (&boot, &common, &error);
    return code < 0 ? command_fail (&common, error) : code;
}
