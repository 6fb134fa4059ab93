/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/inspect/firmware-descriptor.h"
#include "launcher/inspect/firmware-info.h"
#include "policy/verdict.h"

G_BEGIN_DECLS

/** FirmwareEntry: an image and the descriptors that name it (element-type
 * FirmwareDescriptor) */
typedef struct {
    FirmwareInfo *info;
    GPtrArray *descriptors;
} FirmwareEntry;

/**
 * firmware_list_all:
 * @root: "" for this machine; another prefix of /usr and /etc in tests
 * @datadir: where sevlaunch's own firmware and the digests of its builds are
 *
 * sevlaunch's own firmware, if it is there, then what the descriptors name, each image
 * once. What cannot be read is in the list, with a finding. Returns: (transfer full)
 * (element-type FirmwareEntry)
 */
GPtrArray *firmware_list_all (const char *root, const char *datadir);

/**
 * firmware_is_own_build: whether the digest is that of a build of sevlaunch's that this
 * version knows; %FALSE too if the list of them is not in @datadir
 * @sha256: 32 bytes
 */
gboolean firmware_is_own_build (const guint8 *sha256, const char *datadir);

/** firmware_note_other_build: unless it is such a build, the verdict's unproven says so: a
 * pin says whose firmware it is, not what it does */
void firmware_note_other_build (const guint8 *sha256,
                                const char *datadir,
                                PolicyVerdict *verdict);

/**
 * firmware_list_named:
 * Like firmware_list_all(), of these files only, and without their descriptors.
 * Errors: as firmware_info_read().
 */
GPtrArray *firmware_list_named (char *const *paths,
                                const char *datadir,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
