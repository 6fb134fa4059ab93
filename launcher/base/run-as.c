/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "launcher/base/run-as.h"

#include "launcher/base/message.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEDICATED_USER "sevlaunch"
#define FALLBACK_USER "nobody"
#define MAX_LINKS 16u /* links followed to find what cannot be read */

void
run_as_free (RunAs *run_as)
{
    g_free (run_as->name);
    g_free (run_as);
}

static RunAs *
lookup (const char *name)
{
    char buffer[4096];
    struct passwd entry, *found = NULL;

    if (getpwnam_r (name, &entry, buffer, sizeof buffer, &found) != 0 || found == NULL)
        return NULL;
    RunAs *run_as = g_new0 (RunAs, 1);
    run_as->name = g_strdup (entry.pw_name);
    run_as->uid = entry.pw_uid;
    run_as->gid = entry.pw_gid;
    return run_as;
}

static RunAs *
lookup_default (void)
{
    RunAs *run_as = lookup (DEDICATED_USER);

    if (run_as != NULL && run_as->uid != 0 && run_as->gid != 0)
        return run_as;
    g_clear_pointer (&run_as, run_as_free);
    run_as = lookup (FALLBACK_USER);
    if (run_as != NULL)
        run_as->fallback = TRUE;
    return run_as;
}

gboolean
run_as_find (const char *wanted, RunAs **out, GError **error)
{
    *out = NULL;
    if (geteuid () != 0) {
        if (wanted == NULL)
            return TRUE;
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                     "--run-as %s: only root can become another user", wanted);
        return FALSE;
    }

    g_autoptr (RunAs) run_as = wanted != NULL ? lookup (wanted) : lookup_default ();
    if (run_as == NULL) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                     "there is no user '%s' to run the emulated host (see --run-as)",
                     wanted != NULL ? wanted : DEDICATED_USER "' or '" FALLBACK_USER);
        return FALSE;
    }
    if (run_as->uid == 0 || run_as->gid == 0) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                     "--run-as: user '%s' has user id %u and group id %u; an emulated host "
                     "is never run as root",
                     run_as->name, run_as->uid, run_as->gid);
        return FALSE;
    }
    *out = g_steal_pointer (&run_as);
    return TRUE;
}

static gboolean
drop_failed (const RunAs *run_as, const char *what, GError **error)
{
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_RUN_AS,
                 "cannot become user '%s': %s: %s", run_as->name, what, g_strerror (errno));
    return FALSE;
}

/* Whether some id of this process is not the user's, or root's can be had back. */
static gboolean
has_way_back (const RunAs *run_as)
{
    uid_t uid[3];
    gid_t gid[3];

    if (getresuid (&uid[0], &uid[1], &uid[2]) != 0 ||
        getresgid (&gid[0], &gid[1], &gid[2]) != 0)
        return TRUE;
    for (guint i = 0; i < 3; i++)
        if (uid[i] != run_as->uid || gid[i] != run_as->gid)
            return TRUE;
    return setuid (0) == 0 || seteuid (0) == 0 || setgid (0) == 0 || setegid (0) == 0 ||
           setgroups (0, NULL) == 0;
}

void
run_as_announce (const RunAs *run_as)
{
    if (run_as->fallback)
        message_warning (
            "there is no user 'sevlaunch': the emulated host and its guests run "
            "as '%s' (see --run-as)",
            run_as->name);
}

gboolean
run_as_drop (const RunAs *run_as, GError **error)
{
    if (initgroups (run_as->name, run_as->gid) != 0)
        return drop_failed (run_as, "initgroups", error);
    if (setresgid (run_as->gid, run_as->gid, run_as->gid) != 0)
        return drop_failed (run_as, "setresgid", error);
    if (setresuid (run_as->uid, run_as->uid, run_as->uid) != 0)
        return drop_failed (run_as, "setresuid", error);
    /* A change of ids sets this to the system's default: other processes of the user
     * might look into the memory of one that was root. */
    if (prctl (PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return drop_failed (run_as, "PR_SET_DUMPABLE", error);
    if (has_way_back (run_as)) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_RUN_AS,
                     "cannot become user '%s': the process could become root again",
                     run_as->name);
        return FALSE;
    }
    return TRUE;
}

static char *
user_name (void)
{
    char buffer[4096];
    struct passwd entry, *found = NULL;

    if (getpwuid_r (geteuid (), &entry, buffer, sizeof buffer, &found) != 0 ||
        found == NULL)
        return g_strdup_printf ("%u", geteuid ());
    return g_strdup (entry.pw_name);
}

/* Returns: (nullable) (transfer full): the first directory above @path that this user may
 * not search. */
static char *
closed_directory (const char *path)
{
    for (const char *slash = strchr (path, '/'); slash != NULL;
         slash = strchr (slash + 1, '/')) {
        g_autofree char *dir = g_strndup (path, MAX (1, (gsize) (slash - path)));

        if (access (dir, X_OK) != 0 && errno == EACCES)
            return g_steal_pointer (&dir);
    }
    return NULL;
}

/* What stops this user: a directory (*@is_dir) or the file at the end of the links. */
static char *
find_obstacle (const char *path, gboolean *is_dir)
{
    g_autofree char *at = g_strdup (path);

    for (guint i = 0; i < MAX_LINKS; i++) {
        g_autofree char *dir = closed_directory (at);
        *is_dir = dir != NULL;
        if (dir != NULL)
            return g_steal_pointer (&dir);
        g_autofree char *target = g_file_read_link (at, NULL);
        if (target == NULL)
            break;
        g_autofree char *base = g_path_get_dirname (at);
        g_free (at);
        at = g_path_is_absolute (target) ? g_strdup (target)
                                         : g_build_filename (base, target, NULL);
    }
    return g_steal_pointer (&at);
}

static void
set_unreadable (const char *path, GError **error)
{
    gboolean is_dir;
    g_autofree char *user = user_name ();
    g_autofree char *obstacle = find_obstacle (path, &is_dir);
    g_autofree char *quoted = g_shell_quote (obstacle);

    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_RUN_AS_UNREADABLE,
                 "user '%s', who runs the emulated host, cannot read '%s' because of %s "
                 "'%s' (allow it: setfacl -m u:%s:%s %s)",
                 user, path, is_dir ? "the directory" : "the mode of", obstacle, user,
                 is_dir ? "x" : "r", quoted);
}

gboolean
run_as_check_readable (const char *const *paths, GError **error)
{
    for (; *paths != NULL; paths++) {
        const int fd = open (*paths, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

        if (fd >= 0) {
            close (fd);
            continue;
        }
        if (errno == EACCES)
            set_unreadable (*paths, error);
        else
            g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_FILE, "'%s': %s", *paths,
                         g_strerror (errno));
        return FALSE;
    }
    return TRUE;
}
