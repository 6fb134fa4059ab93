/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/flow/launch-place.h"

#include <string.h>

#include "launcher/base/message.h"
#include "launcher/emulated/emulated-host.h"
#include "launcher/host/sev-hardware.h"
#include "launcher/host/virt.h"

#define SYSTEM_URI "qemu:///system"

static gboolean
usage (GError **error, const char *text)
{
    g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE, text);
    return FALSE;
}

static gboolean
parse_platform (const LaunchOptions *options, LaunchOwner *owner, GError **error)
{
    const char *platform = options->platform != NULL ? options->platform : "auto";

    owner->sev_wanted = strcmp (platform, "sev") == 0;
    owner->emulated_wanted = strcmp (platform, "emulated") == 0;
    if (!owner->sev_wanted && !owner->emulated_wanted && strcmp (platform, "auto") != 0)
        return usage (error, "--platform is one of auto, sev, emulated");
    if (owner->sev_wanted && options->emulated_host != NULL)
        return usage (error, "--platform sev and --emulated-host exclude each other");
    if (options->connect != NULL && (options->emulated_host != NULL || options->run_as))
        return usage (error, "--connect goes with neither --emulated-host nor --run-as");
    return TRUE;
}

static gboolean
use_uri (const char *uri, LaunchOwner *owner, GError **error)
{
    owner->remote = virt_uri_is_remote (uri);
    owner->place = LAUNCH_PLACE_URI;
    owner->uri = g_strdup (uri);
    return TRUE;
}

static gboolean
use_emulated (const LaunchOptions *options, LaunchOwner *owner, GError **error)
{
    owner->place = LAUNCH_PLACE_EMULATED;
    if (!run_as_find (options->run_as, &owner->run_as, error))
        return FALSE;
    owner->emulated_path = emulated_host_path (options->emulated_host, error);
    return owner->emulated_path != NULL;
}

/* The guest is there; the emulated host only gives certificates. */
static gboolean
attach (const LaunchOptions *options, LaunchOwner *owner, GError **error)
{
    owner->place = LAUNCH_PLACE_URI;
    return options->emulated_host == NULL || use_emulated (options, owner, error);
}

gboolean
launch_place_choose (const LaunchOptions *options, LaunchOwner *owner, GError **error)
{
    g_autofree char *why = NULL;

    if (options->way == LAUNCH_WAY_ATTACH)
        return attach (options, owner, error);
    /* The owner's machine, away from any host. */
    if (options->way == LAUNCH_WAY_PREPARE || options->way == LAUNCH_WAY_JUDGE) {
        owner->place = LAUNCH_PLACE_URI;
        return TRUE;
    }
    if (!parse_platform (options, owner, error))
        return FALSE;
    if (options->connect != NULL)
        return use_uri (options->connect, owner, error);
    if (owner->emulated_wanted || options->emulated_host != NULL)
        return use_emulated (options, owner, error);

    switch (sev_hardware_probe ("", &why)) {
    case SEV_HARDWARE_USABLE:
        return use_uri (SYSTEM_URI, owner, error);
    case SEV_HARDWARE_UNUSABLE:
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_SEV_UNUSABLE,
                     "this machine has AMD SEV, but it cannot be used: %s; for a rehearsal "
                     "without protection say --platform emulated",
                     why);
        return FALSE;
    case SEV_HARDWARE_NONE:
        break;
    }
    if (owner->sev_wanted) {
        g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_NO_SEV,
                             "this machine has no AMD SEV");
        return FALSE;
    }
    message_warning ("no AMD SEV on this machine: using the EMULATED host, which protects "
                     "nothing");
    return use_emulated (options, owner, error);
}
