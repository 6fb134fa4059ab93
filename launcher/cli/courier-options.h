/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/cli/launch-command.h"

G_BEGIN_DECLS

/** CourierFiles: what the courier brought, read; LaunchOptions borrows it */
typedef struct {
    PolicyCourierPlatform host;
    PolicyCourierBundle bundle;
    PolicyCourierMeasurement found;
    PolicyCourierPacket packet;
    GBytes *bundle_text;
} CourierFiles;

void courier_files_clear (CourierFiles *files);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CourierFiles, courier_files_clear)

/**
 * courier_take_platform: sets LaunchOptions.host
 * @path: a courier's file, or one that policy_platform_certs_read() takes
 * Errors: %POLICY_ERROR_COURIER_FILE, %POLICY_ERROR_PLATFORM_FILE, %LAUNCHER_ERROR_FILE.
 */
gboolean courier_take_platform (CourierFiles *files,
                                const char *path,
                                LaunchOptions *options,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** courier_take_bundle: sets LaunchOptions.bundle and what of a launch is in it;
 * likewise for the measurement and the packet */
gboolean courier_take_bundle (CourierFiles *files,
                              const char *path,
                              LaunchOptions *options,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean courier_take_measurement (CourierFiles *files,
                                   const char *path,
                                   LaunchOptions *options,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean courier_take_packet (CourierFiles *files,
                              const char *path,
                              LaunchOptions *options,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** courier_run: prepares and goes through the launch. Returns: the exit code */
int courier_run (LaunchOptions *options, const CommandCommon *common);

/* The commands. */
int cmd_courier_platform (int argc, char **argv);
int cmd_courier_prepare (int argc, char **argv);
int cmd_courier_judge (int argc, char **argv);
int cmd_courier_inject (int argc, char **argv);

G_END_DECLS
