/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sevlaunch emulator status and destroy. */

#include "config.h"

#include "launcher/cli/cmd-emulator.h"

#include <stdio.h>

typedef struct {
    EmulatedHost *host;
    EmulatedPlatform *platform;
    GPtrArray *guests;
    int libvirt_pid;
} Status;

static void
status_clear (Status *status)
{
    g_clear_pointer (&status->host, emulated_host_free);
    g_clear_pointer (&status->platform, emulated_platform_free);
    g_clear_pointer (&status->guests, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Status, status_clear)

static JsonObject *
platform_json (const EmulatedPlatform *platform)
{
    JsonObject *object = json_object_new ();

    json_object_set_string_member (object, "kind", "emulated");
    json_object_set_int_member (object, "api_major", platform->api_major);
    json_object_set_int_member (object, "api_minor", platform->api_minor);
    json_object_set_int_member (object, "build", platform->build);
    json_object_set_string_member (object, "state", platform->state);
    json_object_set_string_member (object, "owner", platform->owner);
    json_object_set_boolean_member (object, "es", platform->es);
    json_object_set_string_member (object, "generation", platform->generation);
    json_object_set_string_member (object, "ark_sha256", platform->ark_sha256);
    json_object_set_string_member (object, "pdh_sha256", platform->pdh_sha256);
    return object;
}

static JsonArray *
guests_json (GPtrArray *guests)
{
    JsonArray *array = json_array_new ();

    for (guint i = 0; i < guests->len; i++) {
        const EmulatedGuest *guest = guests->pdata[i];
        JsonObject *object = json_object_new ();

        json_object_set_string_member (object, "name", guest->name);
        json_object_set_int_member (object, "pid", guest->pid);
        json_array_add_object_element (array, object);
    }
    return array;
}

static JsonObject *
status_json (const Status *status)
{
    JsonObject *object = json_object_new ();
    JsonObject *libvirt = json_object_new ();

    json_object_set_string_member (object, "schema", "sevlaunch.emulator-status/1");
    json_object_set_boolean_member (object, "emulated", TRUE);
    json_object_set_string_member (object, "host", emulated_host_get_path (status->host));
    json_object_set_string_member (object, "uri", emulated_host_get_uri (status->host));
    json_object_set_boolean_member (libvirt, "running", status->libvirt_pid != 0);
    if (status->libvirt_pid != 0)
        json_object_set_int_member (libvirt, "pid", status->libvirt_pid);
    json_object_set_object_member (object, "libvirt", libvirt);
    json_object_set_string_member (object, "accelerator",
                                   emulated_host_uses_kvm (status->host) ? "kvm" : "tcg");
    json_object_set_array_member (object, "guests", guests_json (status->guests));
    json_object_set_object_member (object, "platform", platform_json (status->platform));
    return object;
}

static void
print_status (const Status *status)
{
    const EmulatedPlatform *platform = status->platform;

    printf ("EMULATED host %s\n", emulated_host_get_path (status->host));
    printf ("  uri          %s\n", emulated_host_get_uri (status->host));
    if (status->libvirt_pid != 0)
        printf ("  libvirt      runs (process %d)\n", status->libvirt_pid);
    else
        printf ("  libvirt      does not run\n");
    printf ("  accelerator  %s\n", emulated_host_uses_kvm (status->host) ? "kvm" : "tcg");
    printf ("  platform     EMULATED, API %u.%u build %u, %s, owner %s, SEV-ES %s\n",
            platform->api_major, platform->api_minor, platform->build, platform->generation,
            platform->owner, platform->es ? "yes" : "no");
    printf ("  root         sha256:%s\n", platform->ark_sha256);
    if (status->guests->len == 0)
        printf ("  guests       none\n");
    for (guint i = 0; i < status->guests->len; i++) {
        const EmulatedGuest *guest = status->guests->pdata[i];
        printf ("  %-11s  %s (process %d)\n", i == 0 ? "guests" : "", guest->name,
                guest->pid);
    }
}

static int
show_status (EmulatorCommand *command, GError **error)
{
    g_auto (Status) status = { 0 };

    if (!emulator_command_drop (command, FALSE, error))
        return -1;
    status.host = emulated_host_open (command->path, error);
    if (status.host == NULL)
        return -1;
    status.platform = emulated_host_platform (status.host, error);
    if (status.platform == NULL)
        return -1;
    status.guests = emulated_host_guests (status.host);
    status.libvirt_pid = emulated_host_libvirt_pid (status.host);
    if (!command->common.json) {
        print_status (&status);
        return LAUNCHER_EXIT_OK;
    }
    g_autoptr (JsonObject) object = status_json (&status);
    return command_print_json (object);
}

int
cmd_emulator_status (int argc, char **argv)
{
    g_auto (EmulatorCommand) command = { 0 };
    g_autoptr (GError) error = NULL;
    int code = -1;

    if (emulator_command_parse (
            &command, "emulator status", "",
            "Says what the emulated host is, whether its libvirt runs,\n"
            "and which guests do.  Starts nothing.",
            NULL, 0, &argc, &argv, &error))
        code = show_status (&command, &error);
    return code < 0 ? command_fail (&command.common, error) : code;
}

typedef struct {
    const char *path;
    gboolean force;
} Destroy;

static gboolean
destroy_as_user (gpointer data, guint8 *out, GError **error)
{
    const Destroy *destroy = data;

    *out = 0;
    return emulated_host_destroy (destroy->path, destroy->force, error);
}

static int
destroy_host (EmulatorCommand *command, gboolean force, GError **error)
{
    Destroy destroy = { command->path, force };
    guint8 unused;

    if (!run_as_call (command->run_as, destroy_as_user, &destroy, &unused, sizeof unused,
                      error))
        return -1;
    emulated_host_remove_parent (command->path);
    if (!command->common.json) {
        message_info ("the EMULATED host '%s' was removed", command->path);
        return LAUNCHER_EXIT_OK;
    }
    g_autoptr (JsonObject) object = json_object_new ();
    json_object_set_string_member (object, "schema", "sevlaunch.emulator-destroy/1");
    json_object_set_string_member (object, "host", command->path);
    return command_print_json (object);
}

int
cmd_emulator_destroy (int argc, char **argv)
{
    gboolean force = FALSE;
    const GOptionEntry entries[] = {
        { "force", 0, 0, G_OPTION_ARG_NONE, &force,
          "End guests that run, instead of stopping because of them", NULL },
        G_OPTION_ENTRY_NULL,
    };
    g_auto (EmulatorCommand) command = { 0 };
    g_autoptr (GError) error = NULL;
    int code = -1;

    if (emulator_command_parse (&command, "emulator destroy", "",
                                "Ends the private libvirt of an emulated host and removes\n"
                                "its directory, keys included.",
                                entries, 0, &argc, &argv, &error))
        code = destroy_host (&command, force, &error);
    return code < 0 ? command_fail (&command.common, error) : code;
}
