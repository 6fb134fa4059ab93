/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "psp/host/host-dir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "psp/host/files.h"
#include "psp/host/host-error.h"

#define HOST_FORMAT "1"
#define CONF_MAX 16384u

char *
host_dir_from_program (GError **error)
{
    g_autofree char *program = g_file_read_link ("/proc/self/exe", error);

    if (program == NULL)
        return NULL;
    g_autofree char *bin = g_path_get_dirname (program);
    return g_path_get_dirname (bin);
}

void
host_dir_free (HostDir *host)
{
    if (host->fd >= 0)
        close (host->fd);
    g_free (host->path);
    g_free (host->qemu);
    g_free (host);
}

static gboolean
bad_value (const char *group, const char *key, const char *value, GError **error)
{
    g_set_error (error, HOST_ERROR, HOST_ERROR_CONFIG, "[%s] %s: bad value '%s'", group,
                 key, value);
    return FALSE;
}

static gboolean
read_api (const char *value, PspConfig *config)
{
    g_auto (GStrv) parts = g_strsplit (value, ".", 3);
    guint64 major, minor;

    if (g_strv_length (parts) != 2 ||
        !g_ascii_string_to_unsigned (parts[0], 10, 0, 255, &major, NULL) ||
        !g_ascii_string_to_unsigned (parts[1], 10, 0, 255, &minor, NULL))
        return FALSE;
    config->api_major = (guint8) major;
    config->api_minor = (guint8) minor;
    return TRUE;
}

static gboolean
set_key (HostDir *host, const char *group, const char *key, const char *value)
{
    g_autofree char *name = g_strdup_printf ("%s.%s", group, key);
    guint64 number;

    if (strcmp (name, "host.format") == 0)
        return strcmp (value, HOST_FORMAT) == 0;
    if (strcmp (name, "emulator.qemu") == 0) {
        g_free (host->qemu);
        host->qemu = g_strdup (value);
        return g_path_is_absolute (value);
    }
    if (strcmp (name, "platform.api") == 0)
        return read_api (value, &host->config);
    if (strcmp (name, "platform.build") == 0) {
        if (!g_ascii_string_to_unsigned (value, 10, 0, 255, &number, NULL))
            return FALSE;
        host->config.build = (guint8) number;
        return TRUE;
    }
    if (strcmp (name, "platform.generation") == 0)
        return psp_generation_parse (value, &host->generation);
    if (strcmp (name, "platform.es") == 0) {
        host->config.es = strcmp (value, "true") == 0;
        return host->config.es || strcmp (value, "false") == 0;
    }
    if (strcmp (name, "platform.asids") == 0) {
        if (!g_ascii_string_to_unsigned (value, 10, 1, HOST_MAX_ASIDS, &number, NULL))
            return FALSE;
        host->config.max_asid = host->config.min_sev_asid + (guint32) number - 1;
        return TRUE;
    }
    if (strcmp (name, "platform.amd-key-id") == 0) {
        host->amd_key_id = strcmp (value, "true") == 0;
        return host->amd_key_id || strcmp (value, "false") == 0;
    }
    return FALSE;
}

static gboolean
is_known (const char *group, const char *key)
{
    static const char *const known[] = {
        "host.format",    "emulator.qemu",       "platform.api",
        "platform.build", "platform.generation", "platform.es",
        "platform.asids", "platform.amd-key-id", NULL,
    };
    g_autofree char *name = g_strdup_printf ("%s.%s", group, key);

    return g_strv_contains (known, name);
}

static gboolean
parse_group (GKeyFile *conf, const char *group, HostDir *host, GError **error)
{
    g_auto (GStrv) keys = g_key_file_get_keys (conf, group, NULL, error);

    if (keys == NULL)
        return FALSE;
    for (gsize i = 0; keys[i] != NULL; i++) {
        g_autoptr (GError) cause = NULL;
        g_autofree char *value = g_key_file_get_string (conf, group, keys[i], &cause);

        if (value == NULL) {
            g_set_error (error, HOST_ERROR, HOST_ERROR_CONFIG, "%s", cause->message);
            return FALSE;
        }
        if (!is_known (group, keys[i])) {
            g_set_error (error, HOST_ERROR, HOST_ERROR_CONFIG, "unknown key '%s' in [%s]",
                         keys[i], group);
            return FALSE;
        }
        if (!set_key (host, group, keys[i], value))
            return bad_value (group, keys[i], value, error);
    }
    return TRUE;
}

gboolean
host_conf_parse (const char *text, gsize len, HostDir *host, GError **error)
{
    g_autoptr (GKeyFile) conf = g_key_file_new ();
    g_autoptr (GError) cause = NULL;

    if (!g_key_file_load_from_data (conf, text, len, G_KEY_FILE_NONE, &cause)) {
        g_set_error (error, HOST_ERROR, HOST_ERROR_CONFIG, "%s", cause->message);
        return FALSE;
    }
    g_auto (GStrv) groups = g_key_file_get_groups (conf, NULL);
    for (gsize i = 0; groups[i] != NULL; i++)
        if (!parse_group (conf, groups[i], host, error))
            return FALSE;
    if (!g_key_file_has_key (conf, "host", "format", NULL)) {
        g_set_error (error, HOST_ERROR, HOST_ERROR_CONFIG, "no 'format' in [host]");
        return FALSE;
    }
    return TRUE;
}

static gboolean
check_dir (const HostDir *host, GError **error)
{
    struct stat st;

    if (fstat (host->fd, &st) != 0) {
        host_error_set_errno (error, errno, "emulated host '%s'", host->path);
        return FALSE;
    }
    if (st.st_uid != geteuid () || (st.st_mode & 07777) != 0700) {
        g_set_error (error, HOST_ERROR, HOST_ERROR_CONFIG,
                     "emulated host '%s': mode %04o of user %u, must be 0700 of user %u",
                     host->path, st.st_mode & 07777, st.st_uid, geteuid ());
        return FALSE;
    }
    return TRUE;
}

static gboolean
read_conf (HostDir *host, GError **error)
{
    g_autoptr (GBytes) text = NULL;

    if (!files_read (host->fd, "host.conf", CONF_MAX, &text, error)) {
        g_prefix_error (error, "emulated host '%s': ", host->path);
        return FALSE;
    }
    if (text == NULL)
        return TRUE;
    gsize len;
    const char *data = g_bytes_get_data (text, &len);
    if (!host_conf_parse (data != NULL ? data : "", len, host, error)) {
        g_prefix_error (error, "%s/host.conf: ", host->path);
        return FALSE;
    }
    return TRUE;
}

HostDir *
host_dir_open (const char *path, GError **error)
{
    g_autoptr (HostDir) host = g_new0 (HostDir, 1);

    host->path = g_strdup (path);
    host->qemu = g_strdup (HOST_DEFAULT_QEMU);
    host->generation = PSP_GENERATION_MILAN;
    psp_config_init (&host->config);
    host->fd = open (path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (host->fd < 0) {
        host_error_set_errno (error, errno, "emulated host '%s'", path);
        return NULL;
    }
    if (!check_dir (host, error) || !read_conf (host, error))
        return NULL;
    return g_steal_pointer (&host);
}

int
host_dir_open_sub (const HostDir *host, const char *name, GError **error)
{
    if (mkdirat (host->fd, name, 0700) != 0 && errno != EEXIST) {
        host_error_set_errno (error, errno, "making '%s/%s'", host->path, name);
        return -1;
    }
    const int fd = openat (host->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        host_error_set_errno (error, errno, "opening '%s/%s'", host->path, name);
    return fd;
}
