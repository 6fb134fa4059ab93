/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The emulated host's save areas of SEV-ES processors, against what other programs made
 * (tests/vectors): virt-qemu-sev-validate and sevctl KVM's older form, sev-snp-measure the
 * newer one.  The owner's side is held to the same vectors in test-policy-vectors.c.
 */

#include <string.h>

#include <json-glib/json-glib.h>

#include "ovmf-hooks/ovmf-image.h"
#include "psp/host/host-error.h"
#include "psp/host/vmsa.h"
#include "sev/base/sev-bytes.h"
#include "sev/crypto/sev-digest.h"
#include "tests/lib/test-vectors.h"

static const struct {
    const char *id;
    guint count;
    const char *cpu;
} launches[] = {
    { "lv-es-1cpu-milan", 1, "EPYC-Milan" },
    { "lv-es-2cpu-rome", 2, "EPYC-Rome" },
    { "sevctl-fixture-es4", 4, "qemu64,family=25,model=1,stepping=1" },
};

static void
add_area (SevDigest *digest, const VmsaKind *kind, guint index)
{
    SevVmsaWire vmsa;

    vmsa_build (kind, index, &vmsa);
    g_assert_true (sev_digest_update (digest, &vmsa, sizeof vmsa, NULL));
}

static void
assert_digest (JsonObject *v, GBytes *firmware, const VmsaKind *kind, guint count)
{
    const char *member = kind->init2 ? "sev_snp_measure_digest" : "launch_digest";
    const char *hex = json_object_get_string_member_with_default (v, member, NULL);
    g_autoptr (SevDigest) digest = sev_digest_new (NULL);
    guint8 got[SEV_DIGEST_SIZE];
    gsize len;
    const guint8 *data = g_bytes_get_data (firmware, &len);

    if (hex == NULL)
        return;
    g_assert_true (sev_digest_update (digest, data, len, NULL));
    for (guint i = 0; i < count; i++)
        add_area (digest, kind, i);
    g_assert_true (sev_digest_finish (digest, got, NULL));
    g_autofree char *text = sev_hex_encode (got, sizeof got);
    g_assert_cmpstr (text, ==, hex);
    g_test_message ("%s: %s", json_object_get_string_member (v, "id"), member);
}

static guint
check_launch (JsonObject *v)
{
    const char *id = json_object_get_string_member (v, "id");

    for (gsize i = 0; i < G_N_ELEMENTS (launches); i++) {
        VmsaKind kind = { 0 };
        OvmfImageInfo info;
        gsize len;

        if (strcmp (launches[i].id, id) != 0)
            continue;
        g_autoptr (GBytes) firmware =
            test_vector_load (json_object_get_string_member (v, "firmware"));
        const guint8 *data = g_bytes_get_data (firmware, &len);
        g_assert_true (ovmf_image_inspect (data, len, &info, NULL));
        kind.reset_addr = info.es_reset_addr;
        g_assert_true (vmsa_cpu_signature (launches[i].cpu, FALSE, &kind.signature, NULL));
        assert_digest (v, firmware, &kind, launches[i].count);
        kind.init2 = TRUE;
        assert_digest (v, firmware, &kind, launches[i].count);
        return 1;
    }
    return 0;
}

static void
test_vectors (void)
{
    g_autofree char *path = test_vector_path ("vectors.json");
    g_autoptr (JsonParser) parser = json_parser_new ();
    g_autoptr (GError) error = NULL;
    guint found = 0;

    json_parser_load_from_file (parser, path, &error);
    g_assert_no_error (error);
    JsonArray *vectors = json_object_get_array_member (
        json_node_get_object (json_parser_get_root (parser)), "vectors");
    for (guint i = 0; i < json_array_get_length (vectors); i++)
        found += check_launch (json_array_get_object_element (vectors, i));
    g_assert_cmpuint (found, ==, G_N_ELEMENTS (launches));
}

/* sevctl's files, byte for byte. */
static void
test_files (void)
{
    static const char *const files[] = { "inputs/vmsa0.bin", "inputs/vmsa1.bin" };
    VmsaKind kind = { .signature = 0x00a00f11, .reset_addr = 0x80b004 };
    SevVmsaWire vmsa;

    for (guint i = 0; i < G_N_ELEMENTS (files); i++) {
        g_autoptr (GBytes) file = test_vector_load (files[i]);
        vmsa_build (&kind, i, &vmsa);
        g_assert_cmpbytes (file, &vmsa, sizeof vmsa);
    }
    /* All that do not boot are equal. */
    SevVmsaWire last;
    vmsa_build (&kind, 7, &last);
    g_assert_cmpmem (&last, sizeof last, &vmsa, sizeof vmsa);
}

/* Family, model and stepping: what QEMU says of its models (qom-get), packed by hand. */
static void
test_signature (void)
{
    static const struct {
        const char *cpu;
        guint32 signature;
    } good[] = {
        { NULL, 0x00060fb1 },
        { "qemu64", 0x00060fb1 },
        { "max", 0x00060fb1 },
        { "EPYC", 0x00800f12 },
        { "EPYC,x2apic=on,-svm,+pcid", 0x00800f12 },
        { "EPYC-v4", 0x00800f12 },
        { "EPYC-IBPB", 0x00800f12 },
        { "EPYC-Rome-v2", 0x00830f10 },
        { "EPYC-Genoa", 0x00a10f10 },
        { "Westmere", 0x000206c1 },
        { "Nehalem,family=15,model=255,stepping=15", 0x000f0fff },
    };
    static const char *const bad[] = {
        "EPYC-v", "EPYC-Berlin", "", "EPYC,family=271", "EPYC,model=256", "EPYC,stepping=x",
    };
    guint32 signature = 0;

    for (gsize i = 0; i < G_N_ELEMENTS (good); i++) {
        g_autoptr (GError) error = NULL;
        g_assert_true (vmsa_cpu_signature (good[i].cpu, FALSE, &signature, &error));
        g_assert_no_error (error);
        g_assert_cmphex (signature, ==, good[i].signature);
    }
    for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_autoptr (GError) error = NULL;
        g_assert_false (vmsa_cpu_signature (bad[i], FALSE, &signature, &error));
        g_assert_error (error, HOST_ERROR, HOST_ERROR_GUEST);
    }
    /* This machine's processor is the same under both names. */
    guint32 host = 0;
    g_assert_true (vmsa_cpu_signature ("host", TRUE, &host, NULL));
    g_assert_true (vmsa_cpu_signature ("max", TRUE, &signature, NULL));
    g_assert_cmphex (host, ==, signature);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/vmsa/vectors", test_vectors);
    g_test_add_func ("/vmsa/files", test_files);
    g_test_add_func ("/vmsa/signature", test_signature);
    return g_test_run ();
}
