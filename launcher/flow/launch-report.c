/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/flow/launch-report.h"

#include <stdio.h>
#include <string.h>

#include "launcher/base/message.h"
#include "launcher/emulated/emulated-host.h"
#include "policy/guest-policy.h"
#include "sev/base/sev-bytes.h"

static void
set_hex (JsonObject *object, const char *name, const void *data, gsize len)
{
    g_autofree char *hex = data != NULL ? sev_hex_encode (data, len) : NULL;

    if (hex != NULL)
        json_object_set_string_member (object, name, hex);
    else
        json_object_set_null_member (object, name);
}

static void
set_text (JsonObject *object, const char *name, const char *text)
{
    g_autofree char *valid = text != NULL ? g_utf8_make_valid (text, -1) : NULL;

    if (valid != NULL)
        json_object_set_string_member (object, name, valid);
    else
        json_object_set_null_member (object, name);
}

static void
set_object (JsonObject *object, const char *name, JsonObject *member)
{
    if (member != NULL)
        json_object_set_object_member (object, name, member);
    else
        json_object_set_null_member (object, name);
}

/* Returns: (nullable) */
static const char *
release_name (const LaunchOwner *owner)
{
    return owner->release != NULL ? policy_release_get_name (owner->release) : NULL;
}

static JsonObject *
domain_json (const LaunchResult *result)
{
    JsonObject *object = json_object_new ();

    set_text (object, "name", result->name);
    set_text (object, "uuid", result->created ? result->uuid : NULL);
    set_text (object, "uri", result->uri);
    json_object_set_boolean_member (object, "running", result->resumed);
    return object;
}

static JsonObject *
platform_json (const LaunchResult *result)
{
    const PolicyChain *chain = result->chain;
    JsonObject *object = json_object_new ();
    JsonObject *links = json_object_new ();

    json_object_set_string_member (
        object, "kind", policy_platform_kind_name (policy_chain_get_kind (chain)));
    json_object_set_boolean_member (object, "emulated",
                                    policy_chain_get_kind (chain) ==
                                            POLICY_PLATFORM_EMULATED ||
                                        policy_chain_says_emulated (chain));
    set_text (object, "generation", policy_chain_get_generation (chain));
    if (result->has_info) {
        g_autofree char *api =
            g_strdup_printf ("%u.%u", result->info.api_major, result->info.api_minor);
        json_object_set_string_member (object, "api", api);
        json_object_set_int_member (object, "build", result->info.build_id);
    } else {
        json_object_set_null_member (object, "api");
        json_object_set_null_member (object, "build");
    }
    set_text (object, "owner", policy_chain_get_owner (chain));
    set_text (object, "owner_fingerprint", policy_chain_get_owner_fingerprint (chain));
    json_object_set_boolean_member (links, "verified", policy_chain_is_verified (chain));
    set_text (links, "root", policy_chain_get_generation (chain));
    set_text (links, "root_fingerprint", policy_chain_get_root_fingerprint (chain));
    json_object_set_object_member (object, "chain", links);
    return object;
}

static JsonObject *
guest_json (const LaunchOptions *options,
            const LaunchOwner *owner,
            const LaunchResult *result)
{
    const gboolean there = options->way == LAUNCH_WAY_ATTACH;
    JsonObject *object = json_object_new ();
    JsonArray *flags = json_array_new ();
    g_auto (GStrv) names = policy_guest_flags (owner->guest_policy);
    g_autofree char *policy = g_strdup_printf ("0x%08x", owner->guest_policy);

    json_object_set_string_member (object, "type", result->es ? "sev-es" : "sev");
    json_object_set_string_member (object, "policy", policy);
    for (char **i = names; *i != NULL; i++)
        json_array_add_string_element (flags, *i);
    json_object_set_array_member (object, "policy_flags", flags);
    /* Of a guest that is there already only what was measured is known. */
    if (!there || result->es)
        json_object_set_int_member (object, "vcpus", result->boot->vcpus);
    else
        json_object_set_null_member (object, "vcpus");
    if (!there)
        json_object_set_int_member (object, "memory_mib", result->boot->memory);
    else
        json_object_set_null_member (object, "memory_mib");
    return object;
}

static JsonObject *
file_json (const char *path, guint64 size, const guint8 *sha256)
{
    JsonObject *object = json_object_new ();

    set_text (object, "path", path);
    json_object_set_int_member (object, "size", (gint64) size);
    set_hex (object, "sha256", sha256, SEV_DIGEST_SIZE);
    return object;
}

static PolicyFirmwarePin
pin_of (const LaunchOwner *owner, const LaunchBoot *boot)
{
    return policy_owner_pin_of (owner->owner, owner->release, boot->firmware.sha256);
}

static JsonObject *
vcpus_json (const LaunchResult *result)
{
    JsonObject *object = json_object_new ();
    g_autofree char *signature = g_strdup_printf ("0x%08x", result->vcpus.signature);

    json_object_set_int_member (object, "count", result->vcpus.count);
    set_text (object, "cpu_model", result->cpu_model);
    json_object_set_string_member (object, "signature", signature);
    json_object_set_string_member (object, "vmsa",
                                   policy_vmsa_form_name (result->vcpus.form));
    json_object_set_int_member (object, "sev_features", (gint64) result->vcpus.features);
    return object;
}

static JsonObject *
measured_json (const LaunchOwner *owner, const LaunchResult *result)
{
    const LaunchBoot *boot = result->boot;
    JsonObject *object = json_object_new ();

    JsonObject *firmware =
        file_json (boot->firmware.path, boot->firmware.size, boot->firmware.sha256);
    json_object_set_string_member (firmware, "pin",
                                   policy_firmware_pin_name (pin_of (owner, boot)));
    json_object_set_object_member (object, "firmware", firmware);
    set_object (object, "vcpus",
                result->es && result->vcpus.signature != 0 ? vcpus_json (result) : NULL);
    if (!boot->measured) {
        json_object_set_null_member (object, "kernel");
        json_object_set_null_member (object, "initrd");
        json_object_set_null_member (object, "cmdline");
        return object;
    }
    if (boot->uki != NULL) {
        JsonObject *kernel =
            file_json (boot->uki->path, boot->uki->size, boot->uki->sha256);
        set_text (kernel, "image", boot->uki_from_image ? owner->image : NULL);
        set_text (kernel, "uki_cmdline", boot->uki->info->cmdline);
        set_text (kernel, "uki_uname", boot->uki->info->uname);
        json_object_set_object_member (object, "kernel", kernel);
    } else {
        json_object_set_object_member (
            object, "kernel",
            file_json (boot->kernel.path, boot->kernel.size, boot->kernel.sha256));
    }
    if (boot->initrd.path != NULL)
        json_object_set_object_member (
            object, "initrd",
            file_json (boot->initrd.path, boot->initrd.size, boot->initrd.sha256));
    else
        json_object_set_null_member (object, "initrd");
    set_text (object, "cmdline", boot->cmdline != NULL ? boot->cmdline : "");
    return object;
}

static JsonObject *
measurement_json (const LaunchResult *result)
{
    JsonObject *object = json_object_new ();
    gsize len = 0;
    const guint8 *report =
        result->report != NULL ? g_bytes_get_data (result->report, &len) : NULL;

    set_hex (object, "digest", result->has_digest ? result->launch_digest : NULL,
             SEV_DIGEST_SIZE);
    set_hex (object, "nonce", report != NULL ? report + SEV_MAC_SIZE : NULL,
             SEV_NONCE_SIZE);
    set_hex (object, "reported", report, SEV_MAC_SIZE);
    set_hex (object, "expected", result->has_expected ? result->expected : NULL,
             SEV_MAC_SIZE);
    json_object_set_boolean_member (
        object, "verified",
        policy_verdict_check_passed (result->verdict, POLICY_CHECK_MEASUREMENT));
    return object;
}

static JsonArray *
secrets_json (const LaunchOwner *owner, const LaunchResult *result)
{
    JsonArray *array = json_array_new ();
    const guint n = result->released ? ovmf_secret_table_count (owner->table) : 0;

    for (guint i = 0; i < n; i++) {
        JsonObject *one = json_object_new ();
        g_autofree char *guid =
            sev_guid_to_string (ovmf_secret_table_get_guid (owner->table, i));

        json_object_set_string_member (one, "guid", guid);
        json_object_set_int_member (one, "bytes",
                                    (gint64) ovmf_secret_table_get_size (owner->table, i));
        json_array_add_object_element (array, one);
    }
    return array;
}

static void
add_reason (JsonArray *array, const char *id, const char *text)
{
    JsonObject *one = json_object_new ();

    json_object_set_string_member (one, "id", id);
    set_text (one, "text", text);
    json_array_add_object_element (array, one);
}

static JsonArray *
reasons_json (const LaunchResult *result, const GError *error)
{
    JsonArray *array = json_array_new ();
    GPtrArray *reasons = policy_verdict_get_reasons (result->verdict);

    for (guint i = 0; i < reasons->len; i++) {
        const PolicyReason *reason = g_ptr_array_index (reasons, i);
        add_reason (array, reason->id, reason->text);
    }
    if (error != NULL && reasons->len == 0)
        add_reason (array, launcher_reason (error).id, error->message);
    return array;
}

static JsonArray *
unproven_json (const LaunchResult *result)
{
    JsonArray *array = json_array_new ();
    GPtrArray *unproven = policy_verdict_get_unproven (result->verdict);

    for (guint i = 0; i < unproven->len; i++)
        json_array_add_string_element (array, g_ptr_array_index (unproven, i));
    return array;
}

static JsonObject *
timings_json (const LaunchResult *result)
{
    JsonObject *object = json_object_new ();

    for (guint i = 0; i < LAUNCH_N_STEPS; i++)
        if (result->timings_us[i] >= 0)
            json_object_set_int_member (object, launch_step_name ((LaunchStep) i),
                                        result->timings_us[i] / 1000);
    return object;
}

static const char *const schemas[] = {
    [LAUNCH_WAY_RUN] = "sevlaunch.launch/1",
    [LAUNCH_WAY_ATTACH] = "sevlaunch.attach/1",
    [LAUNCH_WAY_TELL] = "sevlaunch.courier/1",
    [LAUNCH_WAY_PREPARE] = "sevlaunch.courier/1",
    [LAUNCH_WAY_CARRY] = "sevlaunch.courier/1",
    [LAUNCH_WAY_JUDGE] = "sevlaunch.courier/1",
    [LAUNCH_WAY_INJECT] = "sevlaunch.courier/1",
};
G_STATIC_ASSERT (G_N_ELEMENTS (schemas) == LAUNCH_N_WAYS);

static const char *const courier_steps[LAUNCH_N_WAYS] = {
    [LAUNCH_WAY_TELL] = "platform", [LAUNCH_WAY_PREPARE] = "prepare",
    [LAUNCH_WAY_CARRY] = "run",     [LAUNCH_WAY_JUDGE] = "judge",
    [LAUNCH_WAY_INJECT] = "inject",
};

/* Returns: (nullable): id of the session */
static const guint8 *
session_id (const LaunchOptions *options, const LaunchResult *result)
{
    return options->bundle != NULL   ? options->bundle->session
           : options->packet != NULL ? options->packet->session
           : result->session != NULL ? policy_session_get_id (result->session)
                                     : NULL;
}

static void
set_courier (JsonObject *object, const LaunchOptions *options, const LaunchResult *result)
{
    set_text (object, "step", courier_steps[options->way]);
    set_hex (object, "session", session_id (options, result), POLICY_SESSION_ID_SIZE);
    set_text (object, "file", options->output);
}

JsonObject *
launch_report_json (const LaunchOptions *options,
                    const LaunchOwner *owner,
                    const LaunchResult *result,
                    const GError *error)
{
    JsonObject *object = json_object_new ();
    const gboolean has_boot = result->boot != NULL;
    const gboolean rehearsed = error == NULL && !result->verified;

    json_object_set_string_member (object, "schema", schemas[options->way]);
    if (options->way > LAUNCH_WAY_ATTACH)
        set_courier (object, options, result);
    set_object (object, "domain", domain_json (result));
    set_text (object, "release", release_name (owner));
    set_text (object, "acceptance",
              owner->acceptance != NULL ? policy_acceptance_get_source (owner->acceptance)
                                        : NULL);
    set_object (object, "platform", result->chain != NULL ? platform_json (result) : NULL);
    set_object (object, "guest", has_boot ? guest_json (options, owner, result) : NULL);
    set_object (object, "measured", has_boot ? measured_json (owner, result) : NULL);
    set_object (object, "measurement",
                has_boot || result->report != NULL ? measurement_json (result) : NULL);
    json_object_set_string_member (
        object, "judged_on",
        policy_judged_on_name (policy_verdict_get_judged_on (result->verdict)));
    json_object_set_array_member (object, "secrets", secrets_json (owner, result));
    set_text (object, "verdict",
              result->verified ? "verified"
              : rehearsed      ? NULL
                               : "refused");
    json_object_set_array_member (object, "reasons", reasons_json (result, error));
    json_object_set_array_member (object, "unproven", unproven_json (result));
    set_object (object, "why", result->why != NULL ? json_object_ref (result->why) : NULL);
    set_text (object, "guest_says", result->said);
    json_object_set_object_member (object, "timings_ms", timings_json (result));
    set_text (object, "evidence", result->evidence);
    json_object_set_int_member (object, "exit_code",
                                error != NULL ? (gint64) launcher_reason (error).exit_code
                                              : LAUNCHER_EXIT_OK);
    return object;
}

/* Words. */

static void
print_digest (const char *label, const guint8 *digest, const char *what)
{
    g_autofree char *hex = sev_hex_encode (digest, SEV_DIGEST_SIZE);

    printf ("  %-10s sha256:%s\n             %s\n", label, hex, what);
}

static void
print_measured (const LaunchOwner *owner, const LaunchResult *result)
{
    const LaunchBoot *boot = result->boot;

    printf ("measured:\n");
    print_digest ("firmware", boot->firmware.sha256, boot->firmware.path);
    if (pin_of (owner, boot) == POLICY_FIRMWARE_UNPINNED)
        printf ("             firmware: unpinned\n");
    else
        printf ("             pinned by the %s\n",
                policy_firmware_pin_name (pin_of (owner, boot)));
    if (result->es)
        printf ("  vCPUs      %u of signature 0x%08x (%s), their initial state\n",
                result->vcpus.count, result->vcpus.signature,
                result->cpu_model != NULL ? result->cpu_model : "--cpu");
    if (!boot->measured) {
        printf ("  nothing else: the image's own boot loader\n");
        return;
    }
    if (boot->uki != NULL) {
        g_autofree char *what =
            boot->uki_from_image ? g_strdup_printf ("%s in the EFI system partition of %s",
                                                    boot->uki->path, owner->image)
                                 : g_strdup (boot->uki->path);
        print_digest ("UKI", boot->uki->sha256, what);
        printf ("  its command line: %s\n", boot->uki->info->cmdline);
        return;
    }
    print_digest ("kernel", boot->kernel.sha256, boot->kernel.path);
    if (boot->initrd.path != NULL)
        print_digest ("initrd", boot->initrd.sha256, boot->initrd.path);
    printf ("  command line: %s\n", boot->cmdline != NULL ? boot->cmdline : "(empty)");
}

static void
print_platform (const LaunchResult *result)
{
    const PolicyChain *chain = result->chain;
    const gboolean emulated = policy_chain_get_kind (chain) == POLICY_PLATFORM_EMULATED;

    printf ("platform: %s%s, API %u.%u build %u\n", emulated ? "" : "AMD SEV, ",
            emulated ? "EMULATED (protects nothing)" : policy_chain_get_generation (chain),
            result->info.api_major, result->info.api_minor, result->info.build_id);
    printf ("  root       %s\n", policy_chain_get_root_fingerprint (chain));
    printf ("  owner      %s, %s\n", policy_chain_get_owner (chain),
            policy_chain_get_owner_fingerprint (chain));
}

static void
print_unproven (const LaunchResult *result)
{
    GPtrArray *unproven = policy_verdict_get_unproven (result->verdict);

    printf ("unproven:\n");
    for (guint i = 0; i < unproven->len; i++)
        printf ("  %s\n", (const char *) g_ptr_array_index (unproven, i));
}

static void
print_judged_on (const LaunchResult *result)
{
    switch (policy_verdict_get_judged_on (result->verdict)) {
    case POLICY_JUDGED_HYPERVISOR:
        printf ("judged on the hypervisor itself: its administrator could read the owner's "
                "key there\n");
        break;
    case POLICY_JUDGED_EMULATED_HOST:
        printf ("judged on the EMULATED host itself\n");
        break;
    case POLICY_JUDGED_OWNER_MACHINE:
        printf ("judged on the owner's machine\n");
        break;
    case POLICY_JUDGED_NOWHERE:
        break;
    }
}

static void
print_evidence (const LaunchResult *result)
{
    if (result->evidence != NULL)
        printf ("evidence: %s\n", result->evidence);
}

static void
print_way (const LaunchOptions *options,
           const LaunchOwner *owner,
           const LaunchResult *result)
{
    if (owner->place != LAUNCH_PLACE_EMULATED) {
        printf ("virsh -c %s console %s\n", result->uri, result->name);
        return;
    }
    printf ("sevlaunch emulator exec");
    if (options->emulated_host != NULL) {
        g_autofree char *quoted = g_shell_quote (owner->emulated_path);
        printf (" --emulated-host %s", quoted);
    }
    if (options->run_as != NULL)
        printf (" --run-as %s", options->run_as);
    printf (" -- virsh console %s\n", result->name);
}

void
launch_report_words (const LaunchOptions *options,
                     const LaunchOwner *owner,
                     const LaunchResult *result)
{
    g_autofree char *policy = policy_guest_to_text (owner->guest_policy);

    if (!result->verified) {
        printf ("dry run: '%s' would be launched at %s with policy 0x%08x (%s)\n",
                result->name, result->uri, owner->guest_policy, policy);
        if (owner->release != NULL)
            printf ("release: %s\n", release_name (owner));
        if (owner->acceptance != NULL)
            printf ("acceptance policy: %s\n",
                    policy_acceptance_get_source (owner->acceptance));
        print_measured (owner, result);
        print_unproven (result);
        return;
    }
    printf ("VERIFIED: guest '%s' is %s\n", result->name,
            !result->resumed       ? "paused, its launch verified"
            : result->said != NULL ? "running; its console says that the disk is unlocked"
                                   : "running");
    print_platform (result);
    printf ("policy: 0x%08x (%s)\n", owner->guest_policy, policy);
    printf ("release: %s\n", owner->release != NULL ? release_name (owner) : "none");
    printf ("acceptance policy: %s\n", policy_acceptance_get_source (owner->acceptance));
    print_measured (owner, result);
    printf ("secrets: %u released\n",
            result->released ? ovmf_secret_table_count (owner->table) : 0);
    print_unproven (result);
    print_judged_on (result);
    if (result->said != NULL)
        printf ("its console: %s\n", result->said);
    print_evidence (result);
    if (options->way == LAUNCH_WAY_ATTACH)
        return;
    printf ("console: ");
    print_way (options, owner, result);
}

void
launch_report_courier (const LaunchOptions *options,
                       const LaunchOwner *owner,
                       const LaunchResult *result)
{
    const guint8 *id = session_id (options, result);
    g_autofree char *hex = id != NULL ? sev_hex_encode (id, POLICY_SESSION_ID_SIZE) : NULL;

    switch (options->way) {
    case LAUNCH_WAY_TELL:
        printf ("platform file for the owner: %s\n", options->output);
        break;
    case LAUNCH_WAY_PREPARE:
        printf ("bundle for the host: %s\n", options->output);
        print_measured (owner, result);
        print_unproven (result);
        break;
    case LAUNCH_WAY_CARRY:
        printf ("guest '%s' is paused and waits for the owner's packet\n"
                "measurement for the owner: %s\n",
                result->name, options->output);
        break;
    case LAUNCH_WAY_JUDGE:
        printf ("VERIFIED: the host launched what was prepared\n");
        print_platform (result);
        printf ("secrets: %u in the packet for the host: %s\n",
                ovmf_secret_table_count (owner->table), options->output);
        print_unproven (result);
        print_judged_on (result);
        print_evidence (result);
        break;
    case LAUNCH_WAY_INJECT:
        printf ("guest '%s' has what the owner sent, and %s\n", result->name,
                result->resumed ? "runs" : "is paused");
        break;
    case LAUNCH_WAY_RUN:
    case LAUNCH_WAY_ATTACH:
        break;
    }
    if (hex != NULL)
        printf ("session: %s\n", hex);
}

gboolean
launch_report_refusal (const LaunchResult *result)
{
    GPtrArray *reasons = policy_verdict_get_reasons (result->verdict);

    for (guint i = 0; i < reasons->len; i++) {
        const PolicyReason *reason = g_ptr_array_index (reasons, i);
        g_autofree char *shown = message_printable (reason->text);
        fprintf (stderr, "sevlaunch: refused: %s [%s]\n", shown, reason->id);
    }
    return reasons->len > 0;
}
