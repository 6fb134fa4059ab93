/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/base/run-as.h"
#include "launcher/cli/command.h"
#include "launcher/host/sev-device.h"

G_BEGIN_DECLS

/* What the commands of "sevlaunch platform" share. */

/** PlatformCerts: what AMD's key server has, or an emulated host's directory */
typedef struct {
    GBytes *cek; /* (nullable): signed by the ASK */
    GBytes *ask; /* (nullable) */
    GBytes *ark; /* (nullable) */
} PlatformCerts;

typedef struct {
    CommandCommon common;
    char *platform; /* --platform */
    char *option;   /* --emulated-host */
    char *wanted;   /* --run-as */
    gboolean emulated;
    char *host;    /* (nullable): directory of the emulated host */
    RunAs *run_as; /* (nullable) */
    SevDevice *device;
    PlatformCerts certs; /* of an emulated host */
} PlatformCommand;

void platform_command_clear (PlatformCommand *command);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (PlatformCommand, platform_command_clear)

/** platform_command_parse: command_parse(), with the options of every command; takes
 * @min_words to @max_words words besides options */
gboolean platform_command_parse (PlatformCommand *command,
                                 const char *name,
                                 const char *usage,
                                 const char *summary,
                                 const GOptionEntry *entries,
                                 int min_words,
                                 int max_words,
                                 int *argc,
                                 char ***argv,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * platform_command_open:
 * @writable: see sev_device_open()
 *
 * Finds the platform and fills @emulated, @host, @certs and @device.
 * Errors: %LAUNCHER_ERROR_USAGE, %LAUNCHER_ERROR_EMULATED_STATE (no such host), those of
 *   sev_device_open().
 */
gboolean platform_command_open (PlatformCommand *command,
                                gboolean writable,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** platform_result: Returns: (transfer full): schema, emulated, and the emulated host */
JsonObject *platform_result (const PlatformCommand *command, const char *schema);

int cmd_platform_export (int argc, char **argv);
int cmd_platform_verify (int argc, char **argv);

G_END_DECLS
