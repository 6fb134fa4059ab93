/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * SECTION: firmware-descriptor
 * @short_description: the files by which firmware packages announce their images
 *
 * Source: QEMU, docs/interop/firmware.json: one JSON file an image; a file hides those of
 * the same name in directories of lower rank, an empty one hides them and says nothing; the
 * order is that of the names.
 */

#define FIRMWARE_DESCRIPTOR_MAX_SIZE (64u * 1024u) /* bytes */
#define FIRMWARE_DESCRIPTOR_MAX_COUNT 256u

/** FirmwareDescriptor: @image, @nvram_template, @features: as the file has them */
typedef struct {
    char *file;           /* the descriptor's path */
    char *description;    /* may be "" */
    char *image;          /* path of the firmware */
    char *nvram_template; /* (nullable): path of what the variables begin with */
    const char *mode;     /* "split", "combined", "stateless" or "memory" */
    char **features;      /* "amd-sev", "requires-smm", … */
} FirmwareDescriptor;

/**
 * firmware_descriptor_parse:
 * @file: for messages
 * @text: (array length=len): JSON
 *
 * Errors: %LAUNCHER_ERROR_CONFIG.
 * Returns: (transfer full) (nullable)
 */
FirmwareDescriptor *firmware_descriptor_parse (const char *file,
                                               const char *text,
                                               gsize len,
                                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

void firmware_descriptor_free (FirmwareDescriptor *descriptor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FirmwareDescriptor, firmware_descriptor_free)

/** firmware_descriptor_has: whether the descriptor claims this feature */
gboolean firmware_descriptor_has (const FirmwareDescriptor *descriptor,
                                  const char *feature);

/**
 * firmware_descriptors_load:
 * @dirs: (array zero-terminated=1): highest rank first; they need not exist
 * @problem: what to call with each file that was left out, and why
 * @data: its last argument
 *
 * Returns: (transfer full) (element-type FirmwareDescriptor)
 */
GPtrArray *firmware_descriptors_load (const char *const *dirs,
                                      void (*problem) (const GError *error, gpointer data),
                                      gpointer data);

/**
 * firmware_descriptor_dirs:
 * @root: "" for this machine
 * Returns: (transfer full) (array zero-terminated=1): where descriptors are, highest rank
 *   first
 */
char **firmware_descriptor_dirs (const char *root);

G_END_DECLS
