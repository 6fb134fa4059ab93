/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/attest/why-private.h"

#include <string.h>

#include "policy/policy-error.h"

gboolean
why_internal (GError *local, GError **error)
{
    g_set_error (error, POLICY_ERROR, POLICY_ERROR_INTERNAL, "looking for the cause: %s",
                 local->message);
    g_error_free (local);
    return FALSE;
}

static void
other_clear (gpointer data)
{
    WhyOther *other = data;

    g_free (other->text);
    g_clear_pointer (&other->after_firmware, sev_digest_free);
}

WhyOther *
why_add (PolicyWhy *why, WhySubject subject, WhyRank rank, const char *id, char *text)
{
    const WhyOther other = { .rank = rank, .id = id, .text = text };
    GArray *array = why->others[subject];

    g_array_append_val (array, other);
    return &g_array_index (array, WhyOther, array->len - 1);
}

static SevHmac *
keyed (const SevSecret *key)
{
    g_autoptr (GError) error = NULL;
    SevHmac *hmac = sev_hmac_new (sev_secret_data (key), sev_secret_size (key), &error);

    if (hmac == NULL)
        g_warning ("%s", error->message);
    return hmac;
}

PolicyWhy *
policy_why_new (const SevSecret *tik,
                const SevSecret *tek,
                guint32 policy,
                const PolicyMeasureInput *input)
{
    g_return_val_if_fail (tik != NULL && input != NULL, NULL);
    g_return_val_if_fail (input->report_len == sizeof (SevMeasureWire), NULL);

    PolicyWhy *why = g_new0 (PolicyWhy, 1);
    why->tik = keyed (tik);
    why->tek = tek != NULL ? keyed (tek) : NULL;
    why->policy = policy;
    why->input = *input;
    memcpy (why->report, input->report, sizeof why->report);
    for (guint i = 0; i < WHY_N_SUBJECTS; i++) {
        why->others[i] = g_array_new (FALSE, FALSE, sizeof (WhyOther));
        g_array_set_clear_func (why->others[i], other_clear);
    }
    why_add_numbers (why);
    return why;
}

void
policy_why_free (PolicyWhy *why)
{
    if (why == NULL)
        return;
    for (guint i = 0; i < WHY_N_SUBJECTS; i++)
        g_array_unref (why->others[i]);
    g_clear_pointer (&why->lines, g_hash_table_unref);
    g_clear_pointer (&why->tik, sev_hmac_free);
    g_clear_pointer (&why->tek, sev_hmac_free);
    g_free (why);
}

gboolean
policy_why_set_boot (PolicyWhy *why,
                     const PolicyBootInputs *inputs,
                     const PolicyWhyVcpus *vcpus,
                     GError **error)
{
    GError *local = NULL;

    g_return_val_if_fail (why != NULL && inputs != NULL && why->boot == NULL, FALSE);

    why->boot = inputs;
    why->es = vcpus != NULL;
    if (vcpus != NULL)
        why->vcpus = *vcpus;
    why_add_vcpus (why);
    if (!ovmf_hashes_no_initrd (why->no_initrd, &local))
        return why_internal (local, error);
    if (!inputs->kernel_hashes)
        return TRUE;
    why_add (why, WHY_HASHES, WHY_COMMON, "kernel-hashes-off",
             g_strdup ("kernel hashes are off, so kernel, initrd and command line were not "
                       "measured (kernelHashes='yes' in the domain)"));
    if (inputs->initrd.name != NULL) {
        WhyOther *other = why_add (why, WHY_INITRD, WHY_COMMON, "initrd-absent",
                                   g_strdup ("there is no initrd"));
        memcpy (other->digest, why->no_initrd, SEV_DIGEST_SIZE);
    }
    return why_add_cmdlines (why, error);
}
