/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "ovmf-hooks/ovmf-hashes.h"
#include "ovmf-hooks/ovmf-image.h"
#include "policy/attest/owner-vmsa.h"
#include "sev/crypto/sev-digest.h"

G_BEGIN_DECLS

/**
 * SECTION: boot-inputs
 * @short_description: from what boots to the launch digest
 *
 * Each file is hashed once.  The running digest after the firmware is kept, so that another
 * kernel, command line or processor costs some hundred bytes of hashing and not megabytes.
 */

/** PolicyBootPart: a file that is measured */
typedef struct {
    char *name; /* (nullable): as its owner calls it; %NULL: there is none */
    guint64 size;
    guint8 sha256[SEV_DIGEST_SIZE];
} PolicyBootPart;

/** policy_boot_part_set: fills @part, which is empty, with copies */
void policy_boot_part_set (PolicyBootPart *part,
                           const char *name,
                           guint64 size,
                           const guint8 sha256[SEV_DIGEST_SIZE]);
void policy_boot_part_clear (PolicyBootPart *part);

/** PolicyBootInputs: firmware, and what it boots; immutable once complete */
typedef struct {
    PolicyBootPart firmware; /* the whole image, pflash unit 0 */
    OvmfImageInfo info;      /* what the image says of itself */
    char *info_problem;      /* (nullable): why it could not be read; @info is then zero */
    SevDigest *after_firmware;
    gboolean kernel_hashes; /* the hash table is measured too */
    PolicyBootPart kernel;
    PolicyBootPart initrd;
    char *cmdline; /* (nullable) */
    OvmfHashes hashes;
} PolicyBootInputs;

/**
 * policy_boot_inputs_new:
 * @name: of the firmware's file
 * @image: (array length=len): the whole image
 * Errors: %POLICY_ERROR_INTERNAL.
 */
PolicyBootInputs *policy_boot_inputs_new (const char *name,
                                          const guint8 *image,
                                          gsize len,
                                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
void policy_boot_inputs_free (PolicyBootInputs *inputs);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PolicyBootInputs, policy_boot_inputs_free)

/**
 * policy_boot_inputs_set_kernel:
 * @kernel: copied
 * @initrd: (nullable): copied; %NULL: none
 * @cmdline: (nullable): what QEMU gets as -append
 * Errors: %POLICY_ERROR_INTERNAL.
 */
gboolean policy_boot_inputs_set_kernel (PolicyBootInputs *inputs,
                                        const PolicyBootPart *kernel,
                                        const PolicyBootPart *initrd,
                                        const char *cmdline,
                                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * policy_boot_inputs_digest:
 * @vcpus: (nullable): with a policy of SEV-ES; its reset address is the firmware's
 * @out: (out caller-allocates): as policy_launch_digest()
 * Errors: %POLICY_ERROR_INTERNAL.
 */
gboolean policy_boot_inputs_digest (const PolicyBootInputs *inputs,
                                    const PolicyVcpus *vcpus,
                                    guint8 out[SEV_DIGEST_SIZE],
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
