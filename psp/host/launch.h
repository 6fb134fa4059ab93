/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ovmf-hooks/ovmf-image.h"
#include "psp/host/argv.h"
#include "psp/host/guest-memory.h"
#include "psp/host/platform.h"
#include "psp/host/sealed.h"

G_BEGIN_DECLS

/**
 * SECTION: launch
 * @short_description: a SEV guest's launch, as QEMU drives it
 *
 * Order of commands, checks and the words of errors are those of QEMU (7.2,
 * target/i386/sev.c, hw/i386/pc_sysfw.c), because libvirt and people read them.  A status
 * of the firmware is an error of %HOST_ERROR_GUEST that says "fw_error=N".
 */
typedef struct _Launch Launch;

#define LAUNCH_FIRMWARE_MAX (64u << 20)
#define LAUNCH_KERNEL_MAX (1u << 30)
#define LAUNCH_INITRD_MAX (2u << 30)

/** LaunchFiles: @kernel, @initrd: (nullable) */
typedef struct {
    Sealed *firmware;
    Sealed *kernel;
    Sealed *initrd;
} LaunchFiles;

/** launch_files_open: reads the files that @argv names. Errors: %HOST_ERROR_GUEST. */
LaunchFiles *launch_files_open (const Argv *argv, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void launch_files_free (LaunchFiles *files);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LaunchFiles, launch_files_free)

/**
 * launch_start:
 * @platform: (transfer none): outlives the launch
 * @argv: (transfer none): of kind %ARGV_SEV; outlives the launch
 * @files: (transfer none): outlive the launch
 * @memory: (transfer none): mapped; outlives the launch
 * @private_memory: (transfer none): of @memory; outlives the launch
 *
 * Takes an ASID and gives the lock of the platform's state back (platform.h), which must
 * be held.  PLATFORM_STATUS, LAUNCH_START, ACTIVATE, LAUNCH_UPDATE_DATA of the firmware,
 * and with kernel hashes of the table, which is also written into guest memory; with
 * SEV-ES LAUNCH_UPDATE_VMSA of each processor; LAUNCH_MEASURE.  The guest then is in state
 * launch-secret, and its pages lie encrypted; or it is in state running with plain pages,
 * if it does not start paused.
 *
 * Errors: %HOST_ERROR_GUEST, and host faults of any domain.
 * Returns: (transfer full)
 */
Launch *launch_start (Platform *platform,
                      const Argv *argv,
                      const LaunchFiles *files,
                      GuestMemory *memory,
                      PrivateMemory *private_memory,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** launch_free: DEACTIVATE, DECOMMISSION */
void launch_free (Launch *launch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Launch, launch_free)

/** LaunchInfo: query-sev */
typedef struct {
    guint8 api_major;
    guint8 api_minor;
    guint8 build;
    guint32 policy;
    guint32 handle;
    SevGuestState state;
} LaunchInfo;

/** launch_get_info: asks the firmware (PLATFORM_STATUS, GUEST_STATUS). */
gboolean launch_get_info (Launch *launch,
                          LaunchInfo *out,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** launch_state_name: Returns: QEMU's SevState; static storage */
const char *launch_state_name (SevGuestState state);

/**
 * launch_get_measurement:
 * Returns: (transfer none) (array fixed-size=48): what LAUNCH_MEASURE wrote
 */
const SevMeasureWire *launch_get_measurement (const Launch *launch);

/**
 * launch_inject:
 * @header: packet header, base64
 * @secret: ciphertext, base64
 * @gpa: (nullable): where to; %NULL: the firmware's secret area
 *
 * QEMU writes whatever it is given wherever it is told; here a packet for the secret area
 * must also fit into it.
 * Errors: %HOST_ERROR_GUEST with QEMU's words.
 */
gboolean launch_inject (Launch *launch,
                        const char *header,
                        const char *secret,
                        const guint64 *gpa,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** launch_finish: LAUNCH_FINISH unless it was done before; before the first "cont" */
gboolean launch_finish (Launch *launch, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** launch_is_running: LAUNCH_FINISH is done */
gboolean launch_is_running (const Launch *launch);

/**
 * launch_attest:
 * @nonce: base64 of 16 bytes
 *
 * Returns: (transfer full): base64 of the report that ATTESTATION gives
 * Errors: %HOST_ERROR_GUEST with QEMU's words.
 */
char *launch_attest (Launch *launch,
                     const char *nonce,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** launch_fw_error_text: Returns: QEMU's words for a status; static storage */
const char *launch_fw_error_text (guint32 status);

G_END_DECLS
