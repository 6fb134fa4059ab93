/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* host.conf: written again from what was read of it, it says the same. */

#include <stdint.h>
#include <string.h>

#include "psp/host/host-dir.h"
#include "psp/host/host-error.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static HostDir *
new_host (void)
{
    HostDir *host = g_new0 (HostDir, 1);

    host->fd = -1;
    host->qemu = g_strdup (HOST_DEFAULT_QEMU);
    host->generation = PSP_GENERATION_MILAN;
    psp_config_init (&host->config);
    host->config.es = FALSE;
    return host;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    g_autoptr (HostDir) host = new_host ();
    g_autoptr (HostDir) again = new_host ();
    g_autoptr (GError) error = NULL;

    if (!host_conf_parse ((const char *) data, size, host, &error)) {
        g_assert_error (error, HOST_ERROR, HOST_ERROR_CONFIG);
        return 0;
    }
    g_assert_true (g_path_is_absolute (host->qemu));
    g_assert_false (host->config.es);

    g_autoptr (GKeyFile) file = g_key_file_new ();
    g_autofree char *api = g_strdup_printf ("%u.%u", (guint) host->config.api_major,
                                            (guint) host->config.api_minor);
    g_key_file_set_string (file, "host", "format", "1");
    g_key_file_set_string (file, "emulator", "qemu", host->qemu);
    g_key_file_set_string (file, "platform", "api", api);
    g_key_file_set_integer (file, "platform", "build", host->config.build);
    g_key_file_set_string (file, "platform", "generation",
                           psp_generation_name (host->generation));
    gsize len;
    g_autofree char *text = g_key_file_to_data (file, &len, NULL);
    g_assert_true (host_conf_parse (text, len, again, NULL));
    g_assert_cmpstr (again->qemu, ==, host->qemu);
    g_assert_cmpmem (&again->config, sizeof again->config, &host->config,
                     sizeof host->config);
    g_assert_cmpint (again->generation, ==, host->generation);
    return 0;
}
