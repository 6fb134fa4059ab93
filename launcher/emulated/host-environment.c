/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/emulated/host-private.h"

#define SYSTEM_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static char **
set_directory (char **env, const EmulatedHost *host, const char *variable, const char *name)
{
    g_autofree char *path = g_build_filename (host->path, name, NULL);

    return g_environ_setenv (env, variable, path, TRUE);
}

/* What makes a libvirt, and its clients, the host's own. */
static char **
set_private (char **env, const EmulatedHost *host, const char *path)
{
    g_autofree char *bin = g_build_filename (host->path, "bin", NULL);
    g_autofree char *search = g_strdup_printf ("%s:%s", bin, path);

    env = set_directory (env, host, "XDG_RUNTIME_DIR", "rt");
    env = set_directory (env, host, "XDG_CONFIG_HOME", "c");
    env = set_directory (env, host, "XDG_CACHE_HOME", "cache");
    env = set_directory (env, host, "XDG_DATA_HOME", "data");
    env = g_environ_setenv (env, "PATH", search, TRUE);
    return g_environ_setenv (env, "SEVLAUNCH_EMULATED_HOST", host->path, TRUE);
}

static char **
set_user (char **env)
{
    char buffer[4096];
    struct passwd entry, *found = NULL;

    if (getpwuid_r (geteuid (), &entry, buffer, sizeof buffer, &found) != 0 ||
        found == NULL)
        return env;
    env = g_environ_setenv (env, "USER", found->pw_name, TRUE);
    return g_environ_setenv (env, "LOGNAME", found->pw_name, TRUE);
}

char **
host_daemon_environment (const EmulatedHost *host)
{
    char **env = g_new0 (char *, 1);

    env = set_private (env, host, SYSTEM_PATH);
    env = set_user (env);
    env = g_environ_setenv (env, "HOME", host->path, TRUE);
    return g_environ_setenv (env, "LC_ALL", "C.UTF-8", TRUE);
}

static gboolean
is_own_directory (const char *path)
{
    struct stat st;

    return path != NULL && stat (path, &st) == 0 && S_ISDIR (st.st_mode) &&
           st.st_uid == geteuid ();
}

/* Other libraries of the caller's stay. */
static char **
set_device (char **env, const EmulatedHost *host)
{
    const char *before = g_getenv ("LD_PRELOAD");
    g_autofree char *real = realpath (host->path, NULL);
    g_auto (GStrv) words = g_strsplit_set (before != NULL ? before : "", ": ", -1);
    g_autoptr (GString) libraries = g_string_new (HOST_SHIM);

    for (gsize i = 0; words[i] != NULL; i++)
        if (*words[i] != '\0' && strcmp (words[i], HOST_SHIM) != 0)
            g_string_append_printf (libraries, ":%s", words[i]);
    env = g_environ_setenv (env, "LD_PRELOAD", libraries->str, TRUE);
    return g_environ_setenv (env, "SEVLAUNCH_SEV_DEVICE", real != NULL ? real : host->path,
                             TRUE);
}

char **
emulated_host_environment (const EmulatedHost *host)
{
    const char *path = g_getenv ("PATH");
    char **env = g_get_environ ();

    env = set_private (env, host, path != NULL ? path : SYSTEM_PATH);
    env = g_environ_setenv (env, "LIBVIRT_DEFAULT_URI", host->uri, TRUE);
    /* virsh's own variable would win over the one above. */
    env = g_environ_unsetenv (env, "VIRSH_DEFAULT_CONNECT_URI");
    env = g_environ_setenv (env, "SEVLAUNCH_EMULATED", "1", TRUE);
    env = g_environ_setenv (env, "PS1", "(EMULATED) \\w\\$ ", TRUE);
    if (host->device >= 0)
        env = set_device (env, host);
    /* Debian's bashrc makes a prompt of its own, with this in front. */
    env = g_environ_setenv (env, "debian_chroot", "EMULATED", TRUE);
    /* After root dropped its privileges these are still root's. */
    if (!is_own_directory (g_environ_getenv (env, "HOME"))) {
        env = set_user (env);
        env = g_environ_setenv (env, "HOME", host->path, TRUE);
    }
    return env;
}
