/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "launcher/cli/launch-table.h"

#define RUN LAUNCH_COMMAND_RUN
#define ATTACH LAUNCH_COMMAND_ATTACH
#define PREPARE LAUNCH_COMMAND_PREPARE
#define JUDGE LAUNCH_COMMAND_JUDGE
#define HOST LAUNCH_COMMAND_HOST
#define BOOTS (RUN | ATTACH | PREPARE)

typedef struct {
    guint commands; /* #LaunchCommand, combined */
    const char *name;
    char letter;
    GOptionArg type;
    gsize offset; /* in LaunchOptions */
    const char *description;
    const char *argument; /* (nullable) */
} Row;

#define AT(member) G_STRUCT_OFFSET (LaunchOptions, member)

static const Row rows[] = {
    { RUN | ATTACH | PREPARE | JUDGE, "owner-cert", 0, G_OPTION_ARG_FILENAME,
      AT (owner_cert), "The guest owner's certificate, in the owner's directory", "FILE" },
    { RUN | PREPARE, "release", 0, G_OPTION_ARG_STRING, AT (release),
      "The release that is meant (default: by the image's name, or its LUKS UUID)",
      "NAME" },
    { RUN | PREPARE, "name", 'n', G_OPTION_ARG_STRING, AT (name),
      "Name of the guest (default: from the image's)", "NAME" },
    { RUN | PREPARE, "memory", 0, G_OPTION_ARG_INT, AT (memory),
      "Memory in MiB (default: 1024)", "MIB" },
    { RUN | PREPARE, "vcpus", 0, G_OPTION_ARG_INT, AT (vcpus),
      "Number of processors (default: 2)", "N" },
    { BOOTS, "policy", 0, G_OPTION_ARG_STRING, AT (policy),
      "Guest policy: words or profiles with commas between them, 0x… or decimal",
      "POLICY" },
    { BOOTS, "accept-debug", 0, G_OPTION_ARG_NONE, AT (accept_debug),
      "Take a guest policy that lets the host read the guest (dangerous)", NULL },
    { BOOTS | JUDGE, "acceptance", 0, G_OPTION_ARG_FILENAME, AT (acceptance),
      "Acceptance policy, instead of the one in the owner's directory", "FILE" },
    { RUN | PREPARE, "format", 0, G_OPTION_ARG_STRING, AT (format),
      "Format of the image (default: by its content)", "qcow2|raw" },
    { BOOTS, "uki", 0, G_OPTION_ARG_FILENAME, AT (uki),
      "Unified kernel image that boots, instead of the image's", "FILE" },
    { BOOTS, "kernel", 0, G_OPTION_ARG_FILENAME, AT (kernel), "Kernel that boots", "FILE" },
    { BOOTS, "initrd", 0, G_OPTION_ARG_FILENAME, AT (initrd), "with this initrd", "FILE" },
    { BOOTS, "append", 0, G_OPTION_ARG_FILENAME, AT (append), "and this command line",
      "TEXT" },
    { RUN | PREPARE, "firmware", 0, G_OPTION_ARG_FILENAME, AT (firmware),
      "Firmware image (default: the installed one)", "FILE" },
    { BOOTS, "accept-firmware", 0, G_OPTION_ARG_STRING_ARRAY, AT (accept_firmware),
      "Release secrets to this firmware although it is not pinned (dangerous)", "SHA256" },
    { RUN | ATTACH | JUDGE, "secret", 0, G_OPTION_ARG_FILENAME_ARRAY, AT (secrets),
      "One more secret than the release's (repeatable; FILE may be -)", "ALIAS|GUID:FILE" },
    { RUN | HOST, "platform", 0, G_OPTION_ARG_STRING, AT (platform),
      "Where to try (default: auto)", "auto|sev|emulated" },
    { HOST, "connect", 'c', G_OPTION_ARG_STRING, AT (connect),
      "libvirt's URI, on this machine", "URI" },
    { RUN | ATTACH | HOST, "emulated-host", 0, G_OPTION_ARG_FILENAME, AT (emulated_host),
      "Directory of the emulated host", "DIR" },
    { RUN | ATTACH | HOST, "run-as", 0, G_OPTION_ARG_STRING, AT (run_as),
      "User whom root becomes (default: sevlaunch, else nobody)", "USER" },
    { BOOTS, "cek", 0, G_OPTION_ARG_FILENAME, AT (cek),
      "The chip's CEK certificate, signed by AMD", "FILE" },
    { BOOTS, "ca", 0, G_OPTION_ARG_FILENAME, AT (ca),
      "AMD's certificates ASK and ARK, in one file", "FILE" },
    { RUN | PREPARE, "ephemeral", 0, G_OPTION_ARG_NONE, AT (ephemeral),
      "Take a fresh DH key for this launch, not the owner's", NULL },
    { RUN | ATTACH, "allow-unbound-session", 0, G_OPTION_ARG_NONE,
      AT (allow_unbound_session),
      "Take a session without the owner's key, for whatever platform it is (dangerous)",
      NULL },
    { RUN | ATTACH, "allow-unmeasured-boot", 0, G_OPTION_ARG_NONE,
      AT (allow_unmeasured_boot), "Release secrets to an unmeasured boot (dangerous)",
      NULL },
    { RUN | ATTACH | JUDGE, "allow-legacy-api", 0, G_OPTION_ARG_NONE, AT (allow_legacy_api),
      "Take platforms with an API before 0.17 (dangerous)", NULL },
    { RUN | ATTACH, "require-evidence", 0, G_OPTION_ARG_NONE, AT (require_evidence),
      "Resume no guest whose launch leaves no evidence with the platform's report", NULL },
};

static void
add (GArray *all, const GOptionEntry *entries)
{
    for (; entries->long_name != NULL; entries++)
        g_array_append_val (all, *entries);
}

GArray *
launch_entries (LaunchOptions *options, LaunchCommand command, const GOptionEntry *own)
{
    GArray *all = g_array_new (TRUE, TRUE, sizeof (GOptionEntry));
    const GOptionEntry kds[] = { KDS_OPTION_ENTRIES (options->kds), G_OPTION_ENTRY_NULL };

    add (all, own);
    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        const GOptionEntry entry = {
            .long_name = rows[i].name,
            .short_name = rows[i].letter,
            .arg = rows[i].type,
            .arg_data = G_STRUCT_MEMBER_P (options, rows[i].offset),
            .description = rows[i].description,
            .arg_description = rows[i].argument,
        };
        if ((rows[i].commands & command) != 0)
            g_array_append_val (all, entry);
    }
    if ((command & BOOTS) != 0)
        add (all, kds);
    return all;
}
