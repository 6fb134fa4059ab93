/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* LAUNCH_MEASURE against sev-tool, virt-qemu-sev-validate and sevctl. */

#include <string.h>

#include "psp/fw/psp-measure.h"
#include "tests/lib/test-vectors.h"
#include "tests/unit/psp-fake-host.h"
#include "tests/unit/psp-vectors.h"

#define DATA FAKE_AT (0x10000)
#define OUT FAKE_AT (0x1000)

static void
copy_exact (void *out, gsize len, GBytes *bytes)
{
    g_assert_cmpuint (g_bytes_get_size (bytes), ==, len);
    memcpy (out, g_bytes_get_data (bytes, NULL), len);
}

static SevSecret *
secret_from (GBytes *bytes, gsize offset)
{
    const guint8 *data = g_bytes_get_data (bytes, NULL);

    g_assert_cmpuint (g_bytes_get_size (bytes), >=, offset + SEV_KEY_SIZE);
    return sev_secret_new_copy (data + offset, SEV_KEY_SIZE);
}

static void
assert_measure (const PspMeasurement *what, const SevSecret *tik, const guint8 *expect)
{
    guint8 out[SEV_MAC_SIZE];
    g_autoptr (GError) error = NULL;

    g_assert_true (psp_measure (what, tik, out, &error));
    g_assert_no_error (error);
    g_assert_cmpmem (out, sizeof out, expect, SEV_MAC_SIZE);
}

/* Every field that is measured must matter. */
static void
assert_changes_matter (const PspMeasurement *what,
                       const SevSecret *tik,
                       const guint8 *expect)
{
    const gboolean legacy = what->api_major == 0 && what->api_minor < 17;
    PspMeasurement changed[6];
    guint8 out[SEV_MAC_SIZE];

    for (gsize i = 0; i < G_N_ELEMENTS (changed); i++)
        changed[i] = *what;
    changed[0].policy ^= 0x80000000u;
    changed[1].ld[31] ^= 1;
    changed[2].mnonce[15] ^= 1;
    changed[3].build ^= 1;
    changed[4].api_minor = 200;
    changed[5].api_major ^= 2;
    for (gsize i = 0; i < (legacy ? 3 : G_N_ELEMENTS (changed)); i++) {
        g_assert_true (psp_measure (&changed[i], tik, out, NULL));
        g_assert_cmpint (memcmp (out, expect, sizeof out), !=, 0);
    }
}

static PspMeasurement
version_of (JsonObject *vector)
{
    return (PspMeasurement){
        .api_major = (guint8) json_object_get_int_member (vector, "api_major"),
        .api_minor = (guint8) json_object_get_int_member (vector, "api_minor"),
        .build = (guint8) json_object_get_int_member (vector, "build"),
    };
}

static void
check_formula (JsonObject *vector)
{
    PspMeasurement what = version_of (vector);
    g_autoptr (GBytes) digest = vector_bytes (vector, "digest");
    g_autoptr (GBytes) mnonce = vector_bytes (vector, "mnonce");
    g_autoptr (GBytes) tik_bytes = vector_bytes (vector, "tik");
    g_autoptr (GBytes) expect = vector_bytes (vector, "measurement");
    g_autoptr (SevSecret) tik = secret_from (tik_bytes, 0);

    what.policy = (guint32) g_ascii_strtoull (vector_string (vector, "policy"), NULL, 16);
    copy_exact (what.ld, sizeof what.ld, digest);
    copy_exact (what.mnonce, sizeof what.mnonce, mnonce);
    assert_measure (&what, tik, g_bytes_get_data (expect, NULL));
    assert_changes_matter (&what, tik, g_bytes_get_data (expect, NULL));
}

static void
test_formula (void)
{
    vectors_for_each ("measurement-formula", 5, check_formula);
}

static void
check_given_digest (JsonObject *vector)
{
    PspMeasurement what = version_of (vector);
    g_autoptr (GBytes) digest = vector_bytes (vector, "launch_digest");
    g_autoptr (GBytes) blob = vector_bytes (vector, "launch_measure_b64");
    g_autoptr (GBytes) keys = vector_file (vector, "tk");
    g_autoptr (SevSecret) tik = secret_from (keys, SEV_KEY_SIZE);
    const guint8 *measure = g_bytes_get_data (blob, NULL);

    g_assert_cmpuint (g_bytes_get_size (blob), ==, 48);
    what.policy = (guint32) json_object_get_int_member (vector, "policy");
    copy_exact (what.ld, sizeof what.ld, digest);
    memcpy (what.mnonce, measure + 32, sizeof what.mnonce);
    assert_measure (&what, tik, measure);
    assert_changes_matter (&what, tik, measure);
}

static void
test_given_digest (void)
{
    vectors_for_each ("measurement", 7, check_given_digest);
}

static void
update (PspDevice *psp, FakeHost *host, guint32 handle, GBytes *data, gsize piece)
{
    const guint8 *bytes = g_bytes_get_data (data, NULL);
    const gsize len = g_bytes_get_size (data);

    for (gsize done = 0; done < len; done += piece) {
        const gsize n = MIN (piece, len - done);
        PspLaunchDataCmd cmd = { .handle_le = GUINT32_TO_LE (handle),
                                 .paddr_le = GUINT64_TO_LE (DATA),
                                 .len_le = GUINT32_TO_LE ((guint32) n) };

        memcpy (fake_host_at (host, DATA, n), bytes + done, n);
        g_assert_cmpuint (fake_command (psp, PSP_CMD_LAUNCH_UPDATE_DATA, &cmd, sizeof cmd),
                          ==, 0);
        /* No engine: the page stays as it is. */
        g_assert_cmpmem (fake_host_at (host, DATA, n), n, bytes + done, n);
    }
}

/* What is measured after the firmware image, by vector; in KVM's order. */
static const struct {
    const char *id;
    const char *then[4];
} launches[] = {
    { "lv-sev-fw", { NULL } },
    { "lv-sev-kernel-full", { "kernel_table" } },
    { "sevctl-fixture-firmware", { NULL } },
    /* Four vCPUs.  UPDATE_DATA of a VMSA gives the digest that UPDATE_VMSA would. */
    { "sevctl-fixture-es4",
      { "inputs/vmsa0.bin", "inputs/vmsa1.bin", "inputs/vmsa1.bin", "inputs/vmsa1.bin" } },
};

static guint launched;

static void
run_launch (JsonObject *vector, const char *const *then, gsize piece)
{
    g_autoptr (FakeHost) host = fake_host_new ();
    g_autoptr (GBytes) keys = vector_file (vector, "tk");
    g_autoptr (GBytes) firmware = vector_file (vector, "firmware");
    g_autoptr (GBytes) blob = vector_bytes (vector, "launch_measure_b64");
    const guint8 *measure = g_bytes_get_data (blob, NULL);
    const guint32 policy = (guint32) json_object_get_int_member (vector, "policy");
    const PspMeasurement version = version_of (vector);
    PspConfig config;

    psp_config_init (&config);
    config.api_major = version.api_major;
    config.api_minor = version.api_minor;
    config.build = version.build;
    g_autoptr (PspDevice) psp = fake_device_new (host, &config);
    fake_init (psp, TRUE);

    /* TEK and TIK, in this order, are the first random numbers of a launch. */
    copy_exact (host->random, 2 * SEV_KEY_SIZE, keys);
    host->random_len = 2 * SEV_KEY_SIZE;
    const guint32 handle = fake_launch (psp, policy);
    fake_activate (psp, handle, (policy & SEV_POLICY_ES) != 0 ? 1 : 100);

    update (psp, host, handle, firmware, piece);
    for (gsize i = 0; i < 4 && then[i] != NULL; i++) {
        g_autoptr (GBytes) more = strchr (then[i], '/') != NULL
                                      ? test_vector_load (then[i])
                                      : vector_bytes (vector, then[i]);
        update (psp, host, handle, more, piece);
    }

    memcpy (host->random, measure + 32, SEV_NONCE_SIZE);
    host->random_len = SEV_NONCE_SIZE;
    PspLaunchDataCmd cmd = { .handle_le = GUINT32_TO_LE (handle),
                             .paddr_le = GUINT64_TO_LE (OUT),
                             .len_le = GUINT32_TO_LE (48) };
    g_assert_cmpuint (fake_command (psp, PSP_CMD_LAUNCH_MEASURE, &cmd, sizeof cmd), ==, 0);
    g_assert_cmpmem (fake_host_at (host, OUT, 48), 48, measure, 48);

    g_autoptr (GBytes) digest = vector_bytes (vector, "launch_digest");
    const PspGuest *guest = psp_guests_find (psp->guests, handle);
    g_assert_cmpmem (guest->launch_digest, SEV_DIGEST_SIZE, g_bytes_get_data (digest, NULL),
                     g_bytes_get_size (digest));
}

static void
check_launch (JsonObject *vector)
{
    for (gsize i = 0; i < G_N_ELEMENTS (launches); i++)
        if (strcmp (vector_string (vector, "id"), launches[i].id) == 0) {
            /* The digest must not depend on how the calls divide the bytes. */
            run_launch (vector, launches[i].then, 65536);
            run_launch (vector, launches[i].then, 16);
            run_launch (vector, launches[i].then, 4096);
            launched++;
        }
}

static void
test_launch (void)
{
    launched = 0;
    vectors_for_each ("measurement", 7, check_launch);
    g_assert_cmpuint (launched, ==, G_N_ELEMENTS (launches));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/psp-measure/formula", test_formula);
    g_test_add_func ("/psp-measure/given-digest", test_given_digest);
    g_test_add_func ("/psp-measure/launch", test_launch);
    return g_test_run ();
}
