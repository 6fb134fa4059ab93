/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sevlaunch doctor -- what keeps this machine from starting SEV guests. */

#include "config.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "launcher/base/output-file.h"
#include "launcher/cli/command.h"
#include "launcher/emulated/emulated-host.h"
#include "launcher/host/sev-device.h"
#include "launcher/host/virt.h"
#include "launcher/inspect/firmware-list.h"
#include "launcher/inspect/host-report.h"
#include "launcher/inspect/qemu-version.h"

#define SYSTEM_URI "qemu:///system"

typedef struct {
    CommandCommon common;
    char *platform;
    char *uri;
    char *report;
    char *root;
    gboolean sev; /* this machine's SEV is looked at, else only what emulation needs */
    HostFacts *facts;
    LibvirtFacts *libvirt;
    HostPsp psp;
    char *psp_problem;
    GPtrArray *checks;
} Doctor;

static void
doctor_clear (Doctor *doctor)
{
    char *const texts[] = { doctor->platform, doctor->uri, doctor->report, doctor->root,
                            doctor->psp_problem };

    for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
        g_free (texts[i]);
    g_clear_pointer (&doctor->facts, host_facts_free);
    g_clear_pointer (&doctor->libvirt, libvirt_facts_free);
    g_clear_pointer (&doctor->checks, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Doctor, doctor_clear)

static void
ask_psp (Doctor *doctor)
{
    g_autoptr (GError) error = NULL;
    SevDeviceStatus status;

    /* Another tree has no firmware to ask. */
    if (!doctor->facts->sev.readable || doctor->root != NULL)
        return;
    g_autoptr (SevDevice) device = sev_device_open (FALSE, &error);
    if (device == NULL || !sev_device_status (device, &status, &error)) {
        doctor->psp_problem = g_strdup (error->message);
        doctor->psp.problem = doctor->psp_problem;
        return;
    }
    doctor->psp = (HostPsp){ .known = TRUE,
                             .api_major = status.api_major,
                             .api_minor = status.api_minor,
                             .build = status.build,
                             .state = status.state };
}

static void
check_sev (Doctor *doctor)
{
    host_check_machine (doctor->facts, doctor->checks);
    host_check_apparmor (doctor->facts, PKGDATADIR, doctor->checks);
    ask_psp (doctor);
    host_check_psp (&doctor->psp, doctor->checks);
    doctor->libvirt = libvirt_facts_read (doctor->uri != NULL ? doctor->uri : SYSTEM_URI);
    if (doctor->libvirt->qemu_version == 0)
        doctor->libvirt->qemu_version =
            qemu_version_ask (doctor->root != NULL ? doctor->root : "");
    host_check_libvirt (doctor->facts, doctor->libvirt, doctor->checks);
}

static void
check_emulated_host (GPtrArray *out)
{
    g_autoptr (GError) error = NULL;
    g_autofree char *path = emulated_host_path (NULL, &error);
    struct stat st;

    if (path == NULL)
        finding_add (out, "emulated-host", FINDING_FAIL, NULL, "%s", error->message);
    else if (g_stat (path, &st) != 0)
        finding_add (out, "emulated-host", FINDING_OK, NULL,
                     "none at '%s' yet; the first launch makes it", path);
    else if (!S_ISDIR (st.st_mode) || (st.st_mode & 077) != 0)
        finding_add (out, "emulated-host", FINDING_FAIL,
                     "give it mode 0700, or name another one with --emulated-host",
                     "'%s' is not a private directory", path);
    else
        finding_add (out, "emulated-host", FINDING_OK, NULL, "'%s'", path);
}

static void
check_emulation (Doctor *doctor)
{
    g_autoptr (GError) error = NULL;

    if (doctor->facts->cpuid.sev)
        finding_add (doctor->checks, "cpu", FINDING_OK, NULL,
                     "has SEV, which an emulated host does not use");
    else
        finding_add (
            doctor->checks, "cpu", FINDING_NOTE, NULL,
            "no SEV here: launches go to an EMULATED host, which protects nothing");
    if (emulated_host_check_installed (&error))
        finding_add (doctor->checks, "emulator", FINDING_OK, NULL,
                     "emulator, QEMU and libvirt are installed");
    else
        finding_add (doctor->checks, "emulator", FINDING_FAIL, NULL, "%s", error->message);
    check_emulated_host (doctor->checks);
}

static gboolean
write_report (const Doctor *doctor, GError **error)
{
    g_autoptr (GPtrArray) firmware =
        firmware_list_all (doctor->root != NULL ? doctor->root : "", PKGDATADIR);
    g_auto (GStrv) words = host_report_private_words ();
    const HostReport report = { .facts = doctor->facts,
                                .libvirt = doctor->libvirt,
                                .psp = &doctor->psp,
                                .checks = doctor->checks,
                                .firmware = firmware,
                                .private_words = (const char *const *) words };
    g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);

    json_node_take_object (node, host_report_build (&report));
    g_autofree char *json = json_to_string (node, TRUE);
    g_autofree char *text = g_strconcat (json, "\n", NULL);
    if (!output_file_write (doctor->report, text, strlen (text), OUTPUT_FILE_PIPE, error))
        return FALSE;
    message_info (
        "the report is in %s: processor, kernel, versions, settings and these checks; "
        "no certificates, no id of the chip, no names of host or user.  Read "
        "it before you send it.",
        output_file_is_stdout (doctor->report) ? "standard output" : doctor->report);
    return TRUE;
}

static int
say (const Doctor *doctor)
{
    const gboolean usable = finding_worst (doctor->checks) != FINDING_FAIL;
    const int code = usable ? LAUNCHER_EXIT_OK : LAUNCHER_EXIT_STATE;
    const char *platform = doctor->sev ? "sev" : "emulated";

    if (doctor->report != NULL && output_file_is_stdout (doctor->report))
        return code;
    if (!doctor->common.json) {
        command_print_findings (doctor->checks, "");
        printf ("\n%s: %s\n", doctor->sev ? "SEV" : "emulated host",
                usable ? "nothing stands in the way" : "cannot be used, see [fail]");
        return code;
    }
    g_autoptr (JsonObject) object = json_object_new ();
    json_object_set_string_member (object, "schema", "sevlaunch.doctor/1");
    json_object_set_string_member (object, "platform", platform);
    json_object_set_boolean_member (object, "usable", usable);
    json_object_set_array_member (object, "checks", finding_list_to_json (doctor->checks));
    json_object_set_int_member (object, "exit_code", code);
    command_print_json (object);
    return code;
}

static gboolean
choose (Doctor *doctor, GError **error)
{
    const char *where = doctor->platform != NULL ? doctor->platform : "auto";

    if (doctor->uri != NULL && virt_uri_is_remote (doctor->uri)) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                     "'%s' is another machine: run sevlaunch doctor there", doctor->uri);
        return FALSE;
    }
    if (strcmp (where, "auto") == 0)
        doctor->sev = doctor->uri != NULL || host_facts_has_hardware (doctor->facts);
    else if (strcmp (where, "sev") == 0)
        doctor->sev = TRUE;
    else if (strcmp (where, "emulated") != 0 || doctor->uri != NULL) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                     "--platform '%s': must be auto, sev or emulated, and emulated goes "
                     "without --connect",
                     where);
        return FALSE;
    }
    return TRUE;
}

int
cmd_doctor (int argc, char **argv)
{
    g_auto (Doctor) doctor = { 0 };
    const GOptionEntry entries[] = {
        { "platform", 0, 0, G_OPTION_ARG_STRING, &doctor.platform,
          "What is wanted (default: auto)", "auto|sev|emulated" },
        { "connect", 'c', 0, G_OPTION_ARG_STRING, &doctor.uri,
          "The libvirt to ask (default: qemu:///system)", "URI" },
        { "report", 0, 0, G_OPTION_ARG_FILENAME, &doctor.report,
          "Write what was found to a file that can be sent to others (- for standard "
          "output)",
          "FILE" },
        { "root", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_FILENAME, &doctor.root,
          "Another prefix of /proc, /sys, /dev and /usr", "DIR" },
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr (GError) error = NULL;

    if (!command_parse (
            "doctor", "",
            "Looks at everything that a launch with SEV needs on this machine, "
            "and says what\nhelps where something is missing.  Changes nothing.",
            entries, &doctor.common, &argc, &argv, &error))
        return command_fail (&doctor.common, error);
    if (argc > 1) {
        g_set_error_literal (&error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                             "doctor takes options only");
        return command_fail (&doctor.common, error);
    }
    if (doctor.common.json && doctor.report != NULL &&
        output_file_is_stdout (doctor.report)) {
        g_set_error_literal (&error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                             "--report to standard output and --json exclude each other");
        return command_fail (&doctor.common, error);
    }
    doctor.facts = host_facts_read (doctor.root != NULL ? doctor.root : "");
    doctor.checks = finding_list_new ();
    if (!choose (&doctor, &error))
        return command_fail (&doctor.common, error);
    if (doctor.sev)
        check_sev (&doctor);
    else
        check_emulation (&doctor);
    host_check_programs (doctor.facts, doctor.checks);
    host_check_firmware (PKGDATADIR, doctor.checks);
    if (doctor.report != NULL && !write_report (&doctor, &error))
        return command_fail (&doctor.common, error);
    return say (&doctor);
}
