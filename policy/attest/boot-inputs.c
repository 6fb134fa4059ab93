/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/attest/boot-inputs.h"

#include <string.h>

#include "policy/policy-error.h"

static gboolean
internal (GError *local, GError **error)
{
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_INTERNAL,
                 "computing the launch digest: %s", local->message);
    g_error_free (local);
    return FALSE;
}

void
policy_boot_part_set (PolicyBootPart *part,
                      const char *name,
                      guint64 size,
                      const guint8 sha256[SEV_DIGEST_SIZE])
{
    part->name = g_strdup (name);
    part->size = size;
    memcpy (part->sha256, sha256, sizeof part->sha256);
}

void
policy_boot_part_clear (PolicyBootPart *part)
{
    g_clear_pointer (&part->name, g_free);
}

void
policy_boot_inputs_free (PolicyBootInputs *inputs)
{
    if (inputs == NULL)
        return;
    policy_boot_part_clear (&inputs->firmware);
    policy_boot_part_clear (&inputs->kernel);
    policy_boot_part_clear (&inputs->initrd);
    g_clear_pointer (&inputs->after_firmware, sev_digest_free);
    g_free (inputs->info_problem);
    g_free (inputs->cmdline);
    g_free (inputs);
}

/* The image's own digest and the launch's begin in the same way. */
static gboolean
hash_firmware (PolicyBootInputs *inputs, const guint8 *image, gsize len, GError **error)
{
    inputs->after_firmware = sev_digest_new (error);
    if (inputs->after_firmware == NULL ||
        !sev_digest_update (inputs->after_firmware, image, len, error))
        return FALSE;
    g_autoptr (SevDigest) alone = sev_digest_copy (inputs->after_firmware, error);
    return alone != NULL && sev_digest_finish (alone, inputs->firmware.sha256, error);
}

PolicyBootInputs *
policy_boot_inputs_new (const char *name, const guint8 *image, gsize len, GError **error)
{
    g_autoptr (PolicyBootInputs) inputs = g_new0 (PolicyBootInputs, 1);
    g_autoptr (GError) problem = NULL;
    GError *local = NULL;

    g_return_val_if_fail (name != NULL && (image != NULL || len == 0), NULL);

    inputs->firmware.name = g_strdup (name);
    inputs->firmware.size = len;
    if (!ovmf_image_inspect (image, len, &inputs->info, &problem)) {
        memset (&inputs->info, 0, sizeof inputs->info);
        inputs->info_problem = g_strdup (problem->message);
    }
    if (!hash_firmware (inputs, image, len, &local)) {
        internal (local, error);
        return NULL;
    }
    return g_steal_pointer (&inputs);
}

gboolean
policy_boot_inputs_set_kernel (PolicyBootInputs *inputs,
                               const PolicyBootPart *kernel,
                               const PolicyBootPart *initrd,
                               const char *cmdline,
                               GError **error)
{
    GError *local = NULL;

    g_return_val_if_fail (inputs != NULL && kernel != NULL, FALSE);
    g_return_val_if_fail (inputs->kernel.name == NULL, FALSE);

    policy_boot_part_set (&inputs->kernel, kernel->name, kernel->size, kernel->sha256);
    if (initrd != NULL)
        policy_boot_part_set (&inputs->initrd, initrd->name, initrd->size, initrd->sha256);
    inputs->cmdline = g_strdup (cmdline);
    inputs->kernel_hashes = TRUE;
    memcpy (inputs->hashes.kernel, kernel->sha256, SEV_DIGEST_SIZE);
    if (initrd != NULL)
        memcpy (inputs->hashes.initrd, initrd->sha256, SEV_DIGEST_SIZE);
    else if (!ovmf_hashes_no_initrd (inputs->hashes.initrd, &local))
        return internal (local, error);
    if (!ovmf_hashes_cmdline (cmdline, inputs->hashes.cmdline, &local))
        return internal (local, error);
    return TRUE;
}

static gboolean
add_vcpus (SevDigest *digest, const PolicyVcpus *vcpus, GError **error)
{
    SevVmsaWire vmsa;

    for (guint i = 0; i < vcpus->count; i++) {
        policy_vmsa_build (vcpus, i, &vmsa);
        if (!sev_digest_update (digest, &vmsa, sizeof vmsa, error))
            return FALSE;
    }
    return TRUE;
}

gboolean
policy_boot_inputs_digest (const PolicyBootInputs *inputs,
                           const PolicyVcpus *vcpus,
                           guint8 out[SEV_DIGEST_SIZE],
                           GError **error)
{
    guint8 table[OVMF_HASH_TABLE_PADDED_SIZE];
    GError *local = NULL;

    g_return_val_if_fail (inputs != NULL && out != NULL, FALSE);
    g_return_val_if_fail (
        vcpus == NULL || (vcpus->count > 0 && vcpus->count <= POLICY_MAX_VCPUS), FALSE);

    if (inputs->kernel_hashes)
        ovmf_hashes_build (&inputs->hashes, table);
    g_autoptr (SevDigest) digest = sev_digest_copy (inputs->after_firmware, &local);
    if (digest == NULL ||
        (inputs->kernel_hashes &&
         !sev_digest_update (digest, table, sizeof table, &local)) ||
        (vcpus != NULL && !add_vcpus (digest, vcpus, &local)) ||
        !sev_digest_finish (digest, out, &local))
        return internal (local, error);
    return TRUE;
}
