/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The emulated platform's certificates before an independent judge, check-chain.py. */

#include <string.h>

#include <glib/gstdio.h>

#include "tests/unit/psp-fake-host.h"

#define OUT FAKE_AT (0x1000)
#define OUT2 FAKE_AT (0x4000)

static const char *const names[] = { "ark", "ask", "cek", "oca", "pek", "pdh" };

/* A byte that nothing but the signature holds: the API version of a SEV certificate, the
 * modulus of AMD's.
 */
#define SEV_SIGNED_OFFSET 0x005
#define AMD_SIGNED_OFFSET 0x300

static void
put_file (const char *dir, const char *name, const void *data, gsize len)
{
    g_autofree char *file = g_strdup_printf ("%s/%s.cert", dir, name);
    g_autoptr (GError) error = NULL;

    g_file_set_contents (file, data, (gssize) len, &error);
    g_assert_no_error (error);
}

static void
put_bytes (const char *dir, const char *name, GBytes *bytes)
{
    put_file (dir, name, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
}

static void
write_chain (const char *dir, PspGeneration generation)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (FakeHost) host = fake_host_new ();
    g_autoptr (GBytes) ark = NULL;
    g_autoptr (GBytes) ask = NULL;
    g_autoptr (GBytes) cek = NULL;
    PspConfig config;
    PspPdhCertExportCmd cmd = { .pdh_paddr_le = GUINT64_TO_LE (OUT),
                                .pdh_len_le = GUINT32_TO_LE (2084),
                                .certs_paddr_le = GUINT64_TO_LE (OUT2),
                                .certs_len_le = GUINT32_TO_LE (6252) };

    psp_config_init (&config);
    g_autoptr (PspChip) chip = psp_chip_manufacture (generation, NULL, &error);
    g_assert_no_error (error);
    g_autoptr (PspDevice) psp =
        psp_device_new (&config, chip, &fake_host_ops, host, &error);
    g_assert_no_error (error);
    fake_init (psp, FALSE);
    g_assert_cmphex (fake_command (psp, PSP_CMD_PDH_CERT_EXPORT, &cmd, sizeof cmd), ==, 0);

    psp_chip_get_amd_certs (chip, &ark, &ask, &cek);
    put_bytes (dir, "ark", ark);
    put_bytes (dir, "ask", ask);
    put_bytes (dir, "cek", cek);
    put_file (dir, "pdh", fake_host_at (host, OUT, 2084), 2084);
    put_file (dir, "pek", fake_host_at (host, OUT2, 2084), 2084);
    put_file (dir, "oca", fake_host_at (host, OUT2 + 2084, 2084), 2084);
}

/* Returns the exit status. */
static int
judge (const char *dir)
{
    g_autofree char *script =
        g_build_filename (g_getenv ("G_TEST_SRCDIR"), "tests/oracle/check-chain.py", NULL);
    /* Debian's Python: the module is Debian's. */
    const char *argv[] = { "/usr/bin/python3", script, dir, NULL };
    g_autofree char *out = NULL;
    g_autoptr (GError) error = NULL;
    int wait_status;

    if (!g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, NULL,
                       &wait_status, &error))
        return 77;
    g_test_message ("%s", g_strstrip (out));
    if (g_spawn_check_wait_status (wait_status, &error))
        return 0;
    g_assert_true (error->domain == G_SPAWN_EXIT_ERROR);
    return error->code;
}

static void
flip (const char *dir, const char *name)
{
    g_autofree char *file = g_strdup_printf ("%s/%s.cert", dir, name);
    g_autofree char *bytes = NULL;
    gsize len;

    g_assert_true (g_file_get_contents (file, &bytes, &len, NULL));
    bytes[len == 2084 ? SEV_SIGNED_OFFSET : AMD_SIGNED_OFFSET] ^= 1;
    g_assert_true (g_file_set_contents (file, bytes, (gssize) len, NULL));
}

static void
test_generation (gconstpointer data)
{
    g_autoptr (GError) error = NULL;
    g_autofree char *dir = g_dir_make_tmp ("sl-chain-XXXXXX", &error);
    g_assert_no_error (error);

    write_chain (dir, (PspGeneration) GPOINTER_TO_INT (data));
    const int status = judge (dir);
    if (status == 77) {
        g_test_skip ("python3-cryptography is not installed");
    } else {
        g_assert_cmpint (status, ==, 0);
        for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
            flip (dir, names[i]);
            g_assert_cmpint (judge (dir), ==, 1);
            flip (dir, names[i]);
        }
        g_assert_cmpint (judge (dir), ==, 0);
    }

    for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
        g_autofree char *file = g_strdup_printf ("%s/%s.cert", dir, names[i]);
        g_unlink (file);
    }
    g_rmdir (dir);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_data_func ("/chain-oracle/naples", GINT_TO_POINTER (PSP_GENERATION_NAPLES),
                          test_generation);
    g_test_add_data_func ("/chain-oracle/rome", GINT_TO_POINTER (PSP_GENERATION_ROME),
                          test_generation);
    return g_test_run ();
}
