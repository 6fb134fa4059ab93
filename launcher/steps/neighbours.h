/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy/attest/why.h"

G_BEGIN_DECLS

/**
 * SECTION: neighbours
 * @short_description: files that may have been taken instead of the expected ones
 *
 * They lie beside the expected ones, where distributions install firmware and kernels,
 * where QEMU's firmware descriptors name them (firmware-descriptor.h), and where the user
 * says.  What they are, their content tells.  A file that cannot be read is left out: an
 * explanation is a help, not a verdict.
 */

/* Bytes that are hashed at most, so that the answer comes within a second or so. */
#define NEIGHBOURS_MAX_BYTES (G_GUINT64_CONSTANT (512) << 20)

/** Neighbours: how many files were taken */
typedef struct {
    guint firmware;
    guint kernels;
    guint initrds;
    guint left_out; /* for %NEIGHBOURS_MAX_BYTES */
} Neighbours;

/**
 * neighbours_add:
 * @why: with policy_why_set_boot()
 * @boot: what was expected; the names of its parts are paths
 * @image: (nullable): the expected firmware's bytes
 * @look_in: (nullable) (array zero-terminated=1): more folders
 * @out: (out caller-allocates)
 *
 * Errors: %POLICY_ERROR_INTERNAL.
 */
gboolean neighbours_add (PolicyWhy *why,
                         const PolicyBootInputs *boot,
                         GBytes *image,
                         char *const *look_in,
                         Neighbours *out,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
