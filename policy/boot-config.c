/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/boot-config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/key-file.h"
#include "policy/owner-file.h"

#define GROUP "boot"
#define MAX_CMDLINE 4095u
#define MAX_VCPUS 4096u
#define MAX_MEMORY_MIB (64u * 1024u * 1024u)

static const char *const file_keys[] = {
    [POLICY_BOOT_FILE_UKI] = "uki",
    [POLICY_BOOT_FILE_KERNEL] = "kernel",
    [POLICY_BOOT_FILE_INITRD] = "initrd",
    [POLICY_BOOT_FILE_FIRMWARE] = "firmware",
};
G_STATIC_ASSERT (G_N_ELEMENTS (file_keys) == POLICY_N_BOOT_FILES);

/* Words in a key or group that say that the disk wants to decide what only the owner may.
 */
static const char *const forbidden[] = {
    "secret", "luks",   "key",     "policy",  "accept",   "platform", "owner", "session",
    "tik",    "tek",    "trust",   "root",    "release",  "connect",  "cert",  "emulat",
    "verif",  "ledger", "measure", "unmeasu", "insecure", NULL,
};

struct _PolicyBootConfig {
    char *dir;
    char *files[POLICY_N_BOOT_FILES];
    int fds[POLICY_N_BOOT_FILES];
    char *cmdline;
    guint vcpus;
    guint memory;
};

char *
policy_boot_config_path (const char *image)
{
    g_return_val_if_fail (image != NULL, NULL);

    const char *slash = strrchr (image, '/');
    const char *base = slash != NULL ? slash + 1 : image;
    const char *dot = strrchr (base, '.');
    const gsize len = dot != NULL && dot != base ? (gsize) (dot - image) : strlen (image);
    g_autofree char *stem = g_strndup (image, len);

    return g_strconcat (stem, POLICY_BOOT_CONFIG_SUFFIX, NULL);
}

static gboolean
names_owner_matter (const char *word)
{
    g_autofree char *lower = g_ascii_strdown (word, -1);

    for (gsize i = 0; forbidden[i] != NULL; i++)
        if (strstr (lower, forbidden[i]) != NULL)
            return TRUE;
    return FALSE;
}

/* Before anything else is said of the file: such a key is no slip of the pen. */
static gboolean
check_forbidden (const char *text, gsize len, GError **error)
{
    g_autofree char *copy = g_strndup (text != NULL ? text : "", len);
    g_auto (GStrv) lines = g_strsplit (copy, "\n", 0);

    for (guint i = 0; lines[i] != NULL; i++) {
        g_autofree char *line = g_strstrip (g_strdup (lines[i]));
        if (line[0] == '#')
            continue;
        line[strcspn (line, line[0] == '[' ? "]" : "=")] = '\0';
        g_strchomp (line);
        const char *word = line[0] == '[' ? line + 1 : line;
        if (!names_owner_matter (word))
            continue;
        g_autofree char *shown = g_strescape (word, NULL);
        g_set_error (error, POLICY_ERROR, POLICY_ERROR_BOOT_CONFIG_FORBIDDEN,
                     "line %u: '%.80s' may not stand beside a disk: this file says what "
                     "boots, secrets and whom to trust are the owner's to say",
                     i + 1, shown);
        return FALSE;
    }
    return TRUE;
}

static gboolean G_GNUC_PRINTF (3, 4)
    refuse (GError **error, PolicyError code, const char *format, ...)
{
    va_list args;

    va_start (args, format);
    g_autofree char *text = g_strdup_vprintf (format, args);
    va_end (args);
    g_set_error_literal (error, POLICY_ERROR, (int) code, text);
    return FALSE;
}

/* Relative, no "..", no empty part: openat() below refuses links besides. */
static gboolean
check_relative (const char *key, const char *path, GError **error)
{
    g_auto (GStrv) parts = g_strsplit (path, "/", 0);

    if (path[0] == '\0' || path[0] == '/')
        return refuse (error, POLICY_ERROR_BOOT_CONFIG_PATH,
                       "%s: '%s' is not a path relative to this file", key, path);
    for (gsize i = 0; parts[i] != NULL; i++)
        if (parts[i][0] == '\0' || strcmp (parts[i], ".") == 0 ||
            strcmp (parts[i], "..") == 0)
            return refuse (error, POLICY_ERROR_BOOT_CONFIG_PATH,
                           "%s: '%s' has a part that is empty, '.' or '..'", key, path);
    return TRUE;
}

static gboolean
get_number (GKeyFile *file, const char *key, guint64 max, guint *out, GError **error)
{
    g_autofree char *text = g_key_file_get_string (file, GROUP, key, NULL);
    guint64 value = 0;

    if (text == NULL)
        return TRUE;
    if (!g_ascii_string_to_unsigned (text, 10, 1, max, &value, NULL))
        return refuse (error, POLICY_ERROR_BOOT_CONFIG_SYNTAX,
                       "%s '%.40s' is not a number from 1 to %" G_GUINT64_FORMAT, key, text,
                       max);
    *out = (guint) value;
    return TRUE;
}

static gboolean
parse_values (PolicyBootConfig *config, GKeyFile *file, GError **error)
{
    g_autofree char *format = g_key_file_get_string (file, GROUP, "format", NULL);

    if (g_strcmp0 (format, "1") != 0)
        return refuse (error, POLICY_ERROR_BOOT_CONFIG_SYNTAX,
                       "[boot] format is '%s', expected 1",
                       format != NULL ? format : "missing");
    for (guint i = 0; i < POLICY_N_BOOT_FILES; i++) {
        config->files[i] = g_key_file_get_string (file, GROUP, file_keys[i], NULL);
        if (config->files[i] != NULL &&
            !check_relative (file_keys[i], config->files[i], error))
            return FALSE;
    }
    config->cmdline = g_key_file_get_string (file, GROUP, "cmdline", NULL);
    if (config->cmdline != NULL && strlen (config->cmdline) > MAX_CMDLINE)
        return refuse (error, POLICY_ERROR_BOOT_CONFIG_SYNTAX,
                       "cmdline has %" G_GSIZE_FORMAT " bytes, at most %u",
                       strlen (config->cmdline), MAX_CMDLINE);
    if (config->files[POLICY_BOOT_FILE_UKI] != NULL &&
        (config->files[POLICY_BOOT_FILE_KERNEL] != NULL ||
         config->files[POLICY_BOOT_FILE_INITRD] != NULL || config->cmdline != NULL))
        return refuse (error, POLICY_ERROR_BOOT_CONFIG_SYNTAX,
                       "uki is given, and also kernel, initrd or cmdline");
    if (config->files[POLICY_BOOT_FILE_KERNEL] == NULL &&
        (config->files[POLICY_BOOT_FILE_INITRD] != NULL || config->cmdline != NULL))
        return refuse (error, POLICY_ERROR_BOOT_CONFIG_SYNTAX,
                       "initrd or cmdline is given without kernel");
    return get_number (file, "vcpus", MAX_VCPUS, &config->vcpus, error) &&
           get_number (file, "memory", MAX_MEMORY_MIB, &config->memory, error);
}

static PolicyBootConfig *
config_alloc (const char *path)
{
    PolicyBootConfig *config = g_new0 (PolicyBootConfig, 1);

    config->dir = g_path_get_dirname (path);
    for (guint i = 0; i < POLICY_N_BOOT_FILES; i++)
        config->fds[i] = -1;
    return config;
}

void
policy_boot_config_free (PolicyBootConfig *config)
{
    if (config == NULL)
        return;
    for (guint i = 0; i < POLICY_N_BOOT_FILES; i++) {
        g_free (config->files[i]);
        if (config->fds[i] >= 0)
            close (config->fds[i]);
    }
    g_free (config->dir);
    g_free (config->cmdline);
    g_free (config);
}

PolicyBootConfig *
policy_boot_config_parse (const char *path, const char *text, gsize len, GError **error)
{
    static const char *const keys[] = { "format",   "uki",   "kernel", "initrd", "cmdline",
                                        "firmware", "vcpus", "memory", NULL };
    static const PolicyKeyFileGroup group = { GROUP, keys, FALSE };
    static const PolicyKeyFileGroup *const groups[] = { &group, NULL };

    g_return_val_if_fail (path != NULL && (text != NULL || len == 0), NULL);

    g_autoptr (PolicyBootConfig) config = config_alloc (path);
    g_autoptr (GKeyFile) file = NULL;
    g_autoptr (GError) local = NULL;
    if (len > POLICY_BOOT_CONFIG_MAX_SIZE) {
        refuse (error, POLICY_ERROR_BOOT_CONFIG_SYNTAX,
                "'%s': %" G_GSIZE_FORMAT " bytes, at most %u", path, len,
                POLICY_BOOT_CONFIG_MAX_SIZE);
        return NULL;
    }
    if (!check_forbidden (text, len, error)) {
        g_prefix_error (error, "'%s': ", path);
        return NULL;
    }
    file = policy_key_file_parse (text, len, groups, &local);
    if (file == NULL) {
        refuse (error, POLICY_ERROR_BOOT_CONFIG_SYNTAX, "'%s': %s", path, local->message);
        return NULL;
    }
    if (!parse_values (config, file, error)) {
        g_prefix_error (error, "'%s': ", path);
        return NULL;
    }
    return g_steal_pointer (&config);
}

static gboolean
path_error (GError **error, const char *path, int number)
{
    if (number == ELOOP || number == ENOTDIR)
        return refuse (error, POLICY_ERROR_BOOT_CONFIG_PATH,
                       "'%s' goes through a link or something that is not a directory",
                       path);
    return refuse (error, POLICY_ERROR_BOOT_CONFIG_PATH, "'%s': %s", path,
                   g_strerror (number));
}

/* Part by part, none of them a link, so nothing leaves @dirfd. */
static int
open_beneath (int dirfd, const char *path, GError **error)
{
    g_auto (GStrv) parts = g_strsplit (path, "/", 0);
    struct stat st;
    int at = dirfd;

    for (gsize i = 0; parts[i] != NULL; i++) {
        const gboolean last = parts[i + 1] == NULL;
        const int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK |
                          (last ? 0 : O_DIRECTORY);
        const int next = openat (at, parts[i], flags);
        const int number = errno;
        if (at != dirfd)
            close (at);
        if (next < 0) {
            path_error (error, path, number);
            return -1;
        }
        at = next;
    }
    if (fstat (at, &st) != 0 || !S_ISREG (st.st_mode)) {
        close (at);
        refuse (error, POLICY_ERROR_BOOT_CONFIG_PATH, "'%s' is not a regular file", path);
        return -1;
    }
    return at;
}

static gboolean
open_files (PolicyBootConfig *config, int dirfd, GError **error)
{
    for (guint i = 0; i < POLICY_N_BOOT_FILES; i++) {
        if (config->files[i] == NULL)
            continue;
        config->fds[i] = open_beneath (dirfd, config->files[i], error);
        if (config->fds[i] < 0) {
            g_prefix_error (error, "%s: ", file_keys[i]);
            return FALSE;
        }
    }
    return TRUE;
}

static char *
read_text (int fd, const char *path, gsize *len, GError **error)
{
    g_autofree char *buffer = g_malloc (POLICY_BOOT_CONFIG_MAX_SIZE + 1);

    *len = 0;
    for (;;) {
        const gssize got = read (fd, buffer + *len, POLICY_BOOT_CONFIG_MAX_SIZE + 1 - *len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            refuse (error, POLICY_ERROR_IO, "reading '%s': %s", path, g_strerror (errno));
            return NULL;
        }
        if (got == 0)
            return g_steal_pointer (&buffer);
        *len += (gsize) got;
        if (*len > POLICY_BOOT_CONFIG_MAX_SIZE) {
            refuse (error, POLICY_ERROR_BOOT_CONFIG_SYNTAX, "'%s': more than %u bytes",
                    path, POLICY_BOOT_CONFIG_MAX_SIZE);
            return NULL;
        }
    }
}

static PolicyBootConfig *
load_at (int dirfd, const char *path, const char *name, gboolean *missing, GError **error)
{
    gsize len;

    const int fd =
        openat (dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT) {
        *missing = TRUE;
        return NULL;
    }
    if (fd < 0) {
        path_error (error, path, errno);
        return NULL;
    }
    g_autofree char *text = read_text (fd, path, &len, error);
    close (fd);
    if (text == NULL)
        return NULL;
    g_autoptr (PolicyBootConfig) config = policy_boot_config_parse (path, text, len, error);
    if (config == NULL)
        return NULL;
    if (!open_files (config, dirfd, error)) {
        g_prefix_error (error, "'%s': ", path);
        return NULL;
    }
    return g_steal_pointer (&config);
}

gboolean
policy_boot_config_load (const char *path, PolicyBootConfig **out, GError **error)
{
    gboolean missing = FALSE;

    g_return_val_if_fail (path != NULL && out != NULL, FALSE);

    *out = NULL;
    g_autofree char *dir = g_path_get_dirname (path);
    g_autofree char *name = g_path_get_basename (path);
    const int dirfd = open (dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dirfd < 0) {
        return refuse (error, POLICY_ERROR_IO, "'%s': %s", dir, g_strerror (errno));
    }
    *out = load_at (dirfd, path, name, &missing, error);
    close (dirfd);
    return *out != NULL || missing;
}

const char *
policy_boot_config_get_file (const PolicyBootConfig *config, PolicyBootFile file)
{
    g_return_val_if_fail (config != NULL && (guint) file < POLICY_N_BOOT_FILES, NULL);
    return config->files[file];
}

int
policy_boot_config_get_fd (const PolicyBootConfig *config, PolicyBootFile file)
{
    g_return_val_if_fail (config != NULL && (guint) file < POLICY_N_BOOT_FILES, -1);
    return config->fds[file];
}

char *
policy_boot_config_dup_path (const PolicyBootConfig *config, PolicyBootFile file)
{
    g_return_val_if_fail (config != NULL && (guint) file < POLICY_N_BOOT_FILES, NULL);

    if (config->files[file] == NULL)
        return NULL;
    return g_build_filename (config->dir, config->files[file], NULL);
}

const char *
policy_boot_config_get_cmdline (const PolicyBootConfig *config)
{
    g_return_val_if_fail (config != NULL, NULL);
    return config->cmdline;
}

guint
policy_boot_config_get_vcpus (const PolicyBootConfig *config)
{
    g_return_val_if_fail (config != NULL, 0);
    return config->vcpus;
}

guint
policy_boot_config_get_memory (const PolicyBootConfig *config)
{
    g_return_val_if_fail (config != NULL, 0);
    return config->memory;
}
