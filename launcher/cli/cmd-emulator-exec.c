/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sevlaunch emulator exec -- any program, with the emulated host's libvirt and /dev/sev as
 * its own. */

#include "config.h"

#include "launcher/cli/cmd-emulator.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* As env(1) and the shell have it. */
#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND 127

#define FALLBACK_SHELL "/bin/sh"

/* A user who only serves root has a "shell" that refuses to be one. */
static char *
find_shell (void)
{
    char buffer[4096];
    struct passwd entry, *found = NULL;

    if (getpwuid_r (geteuid (), &entry, buffer, sizeof buffer, &found) == 0 &&
        found != NULL && found->pw_shell != NULL &&
        !g_str_has_suffix (found->pw_shell, "nologin") &&
        !g_str_has_suffix (found->pw_shell, "/false") &&
        access (found->pw_shell, X_OK) == 0)
        return g_strdup (found->pw_shell);
    return g_strdup (FALLBACK_SHELL);
}

/* Returns: an exit code; only if the program could not be started. */
static int
become (EmulatedHost *host, char **words)
{
    g_autofree char *shell = find_shell ();
    char *const interactive[] = { shell, NULL };
    char *const *argv = words[0] != NULL ? words : interactive;
    char **env = emulated_host_environment (host);

    env = g_environ_setenv (env, "SHELL", shell, TRUE);
    signal (SIGPIPE, SIG_DFL);
    execvpe (argv[0], argv, env);
    const int saved = errno;
    g_strfreev (env);
    message_warning ("cannot run '%s': %s", argv[0], g_strerror (saved));
    return saved == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
}

/* A directory that is closed to the user would end many programs at once. */
static void
leave_closed_directory (const EmulatedHost *host)
{
    if (access (".", X_OK) != 0 && chdir (emulated_host_get_path (host)) == 0)
        message_info ("the working directory is closed to this user; the command runs in "
                      "'%s'",
                      emulated_host_get_path (host));
}

static int
run (EmulatorCommand *command, char **words, GError **error)
{
    gboolean created = FALSE;

    if (!emulator_command_drop (command, TRUE, error))
        return -1;
    g_autoptr (EmulatedHost) host =
        emulated_host_ensure (command->path, NULL, &created, NULL, error);
    if (host == NULL || !emulated_host_start_libvirt (host, NULL, error) ||
        !emulated_host_start_device (host, NULL, error))
        return -1;
    if (created)
        message_info ("the EMULATED host '%s' was made", command->path);
    if (!emulated_host_keep (host))
        g_debug ("libvirt and /dev/sev might end before the command does");
    leave_closed_directory (host);
    return become (host, words);
}

/* GOption keeps a "--" before words that look like options, so it gets to see only what
 * stands before it.  Returns: the words after it; %NULL if there is none */
static char **
cut_command (int *argc, char **argv)
{
    for (int i = 1; i < *argc; i++)
        if (strcmp (argv[i], "--") == 0) {
            argv[i] = NULL;
            *argc = i;
            return argv + i + 1;
        }
    return NULL;
}

int
cmd_emulator_exec (int argc, char **argv)
{
    char **words = cut_command (&argc, argv);
    g_auto (EmulatorCommand) command = { 0 };
    g_autoptr (GError) error = NULL;
    int code = -1;

    if (emulator_command_parse (&command, "emulator exec", "[-- COMMAND…]",
                                "Runs COMMAND, or a shell, inside of the emulated host, "
                                "which is made if it is\n"
                                "missing: virsh and other clients find its libvirt by "
                                "themselves, and\n"
                                "programs that ask the platform find /dev/sev.  As root "
                                "the\n"
                                "command runs as the user of --run-as.  The exit code is "
                                "the command's; 127 if\n"
                                "it was not found, 126 if it could not be run.",
                                NULL, words != NULL ? 0 : G_MAXINT - 1, &argc, &argv,
                                &error))
        code = run (&command, words != NULL ? words : argv + 1, &error);
    return code < 0 ? command_fail (&command.common, error) : code;
}
