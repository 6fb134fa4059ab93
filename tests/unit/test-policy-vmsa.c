/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The processors that the owner expects of a SEV-ES guest.  Digests over them are held to
 * other programs in test-policy-vectors.
 */

#include <string.h>

#include "policy/attest/owner-vmsa.h"

/* Literals: sev-snp-measure, vcpu_types.py; Westmere: what a guest of QEMU's with that
 * model reads in CPUID leaf 1. */
static void
test_cpu_signature (void)
{
    static const struct {
        const char *model;
        guint32 signature;
    } known[] = {
        { "EPYC", 0x00800f12 },       { "EPYC-Rome", 0x00830f10 },
        { "EPYC-Milan", 0x00a00f11 }, { "EPYC-Genoa", 0x00a10f10 },
        { "Westmere", 0x000206c1 },
    };
    guint32 signature = 1;

    for (gsize i = 0; i < G_N_ELEMENTS (known); i++) {
        g_assert_true (policy_cpu_signature (known[i].model, &signature));
        g_assert_cmphex (signature, ==, known[i].signature);
    }
    g_assert_false (policy_cpu_signature ("host", &signature));
    g_assert_false (policy_cpu_signature ("EPYC-", &signature));
    g_assert_cmphex (policy_cpu_signature_make (0x10e, 0xff, 0xf), ==, 0x0fff0fff);
    g_assert_cmphex (policy_cpu_signature_make (15, 107, 1), ==, 0x00060fb1);
}

/* An honest host may fill the areas in these ways: Linux, sev_es_sync_vmsa(). */
static void
test_vcpu_variants (void)
{
    PolicyVcpus vcpus = { .count = 1, .signature = 0x00800f12 };
    SevVmsaWire first, other;

    g_assert_true (policy_vcpus_variant (0, &vcpus));
    g_assert_cmpstr (policy_vmsa_form_name (vcpus.form), ==, "legacy");
    policy_vmsa_build (&vcpus, 0, &first);
    g_assert_true (policy_vcpus_variant (1, &vcpus));
    g_assert_cmpstr (policy_vmsa_form_name (vcpus.form), ==, "init2");
    policy_vmsa_build (&vcpus, 0, &other);
    ((guint8 *) &first)[0x408] = 0x80;
    ((guint8 *) &first)[0x409] = 0x1f;
    ((guint8 *) &first)[0x410] = 0x7f;
    ((guint8 *) &first)[0x411] = 0x03;
    g_assert_cmpmem (&first, sizeof first, &other, sizeof other);
    g_assert_true (policy_vcpus_variant (2, &vcpus));
    policy_vmsa_build (&vcpus, 0, &other);
    memset ((guint8 *) &first + 0x408, 0, 10);
    ((guint8 *) &first)[0x3b0] = 0x20;
    g_assert_cmpmem (&first, sizeof first, &other, sizeof other);
    g_assert_cmpint (vcpus.form, ==, POLICY_VMSA_LEGACY);
    g_assert_false (policy_vcpus_variant (3, &vcpus));
    g_assert_cmpuint (vcpus.features, ==, 0x20);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    g_test_add_func ("/vmsa/cpu-signature", test_cpu_signature);
    g_test_add_func ("/vmsa/variants", test_vcpu_variants);
    return g_test_run ();
}
