/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "launcher/flow/launch-owner.h"
#include "launcher/image/esp.h"
#include "launcher/image/image-info.h"
#include "ovmf-hooks/ovmf-hashes.h"
#include "ovmf-hooks/ovmf-image.h"
#include "policy/attest/owner-vmsa.h"
#include "policy/boot-config.h"

G_BEGIN_DECLS

/** LaunchFile: a file that is measured */
typedef struct {
    char *path; /* (nullable): absolute; NULL: there is none */
    int fd;     /* what was hashed; -1: none */
    guint64 size;
    guint8 sha256[SEV_DIGEST_SIZE];
} LaunchFile;

/**
 * LaunchBoot: what boots, from the command line, disk.sevlaunch and the image, in this
 * order.  All of it is untrusted; what it is, the release and the measurement decide.
 */
typedef struct {
    ImageInfo *image;
    PolicyBootConfig *config; /* (nullable) */
    EspUki *uki;              /* (nullable): taken from the image or given by hand */
    gboolean uki_from_image;
    LaunchFile firmware;
    GBytes *firmware_image;  /* what was hashed; QEMU reads the file again, measured */
    SevDigest *firmware_sha; /* over it */
    OvmfImageInfo firmware_info;
    gboolean measured; /* kernel hashes are on */
    LaunchFile kernel; /* plain kernel; or UKI, @path is set when it is placed */
    LaunchFile initrd;
    char *cmdline; /* (nullable) */
    OvmfHashes hashes;
    guint vcpus;
    guint memory;        /* MiB */
    ImageReader *holder; /* (nullable): of the owner; holds the UKI for QEMU */
    char *held;          /* (nullable): its name */
    char *placed;        /* (nullable): copy of the UKI that QEMU reads */
    char *placed_dir;    /* (nullable): made for it */
} LaunchBoot;

/**
 * launch_boot_resolve:
 * Blocks.
 * Errors: %IMAGE_ERROR, %POLICY_ERROR (disk.sevlaunch), %LAUNCHER_ERROR_FIRMWARE_MISSING,
 *   %LAUNCHER_ERROR_FIRMWARE_UNSUITABLE, %LAUNCHER_ERROR_FILE,
 *   %LAUNCHER_ERROR_RUN_AS_UNREADABLE, %G_IO_ERROR_CANCELLED.
 */
LaunchBoot *launch_boot_resolve (const LaunchOptions *options,
                                 const LaunchOwner *owner,
                                 GCancellable *cancellable,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
void launch_boot_free (LaunchBoot *boot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LaunchBoot, launch_boot_free)

/** launch_boot_recall: what boots, as it was looked at when a session was prepared; nothing
 * is opened. Returns: (transfer full) */
LaunchBoot *launch_boot_recall (const PolicyCourierRecord *record,
                                const PolicyCourierBundle *bundle);
/**
 * launch_boot_recall_firmware: reads the firmware again, if it is still the same
 * Errors: %LAUNCHER_ERROR_FILE.
 */
gboolean launch_boot_recall_firmware (LaunchBoot *boot,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** launch_boot_describe: @out: (out caller-allocates): as policies see it */
void launch_boot_describe (const LaunchBoot *boot,
                           const LaunchOptions *options,
                           const LaunchOwner *owner,
                           PolicyBoot *out);

/**
 * launch_boot_judge_seen: compares with the release, or without one lets the command line
 * count; records the checks "firmware" and "boot"
 */
void launch_boot_judge_seen (const PolicyBoot *seen,
                             const LaunchOwner *owner,
                             PolicyVerdict *verdict);

/**
 * launch_boot_judge: compares with the release; records the checks "firmware" and "boot"
 */
void launch_boot_judge (const LaunchBoot *boot,
                        const LaunchOptions *options,
                        const LaunchOwner *owner,
                        PolicyVerdict *verdict);

/**
 * launch_boot_digest: the launch digest that the platform must come to
 * @vcpus: (nullable): with SEV-ES
 */
gboolean launch_boot_digest (const LaunchBoot *boot,
                             const PolicyVcpus *vcpus,
                             guint8 out[SEV_DIGEST_SIZE],
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * launch_boot_place:
 * @dir: (nullable): directory that QEMU can read; %NULL: a new one beneath the system's
 *   directory for temporary files
 *
 * Gives the UKI a name for QEMU; no-op without one: on an emulated host a link to where
 * the process that read the image holds it, else a copy.
 * launch_boot_remove() takes it away once QEMU has read it.
 * Errors: %LAUNCHER_ERROR_IO.
 */
gboolean launch_boot_place (LaunchBoot *boot,
                            const char *dir,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
void launch_boot_remove (LaunchBoot *boot);

G_END_DECLS
