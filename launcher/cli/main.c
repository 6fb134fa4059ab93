/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launcher/cli/command-list.h"
#include "sev/base/sev-secret.h"

static const Command commands[] = {
    { "run", "Start a guest, verified (the default command)", cmd_run },
    { "attach", "Judge a guest that QEMU holds without libvirt", cmd_attach },
    { "courier", "Launch with owner and host apart, by files", cmd_courier },
    { "owner-init", "Make the guest owner's directory", cmd_owner_init },
    { "release", "Pin what may be booted, and store its secrets", cmd_release },
    { "measure", "Compute the launch digest of what is to boot", cmd_measure },
    { "session", "Make keys and launch blob for a platform", cmd_session },
    { "verify", "Judge a launch measurement, from files", cmd_verify },
    { "why", "Find the cause of a measurement that does not match", cmd_why },
    { "secret", "Pack secrets for a measured launch", cmd_secret },
    { "inject", "Give a secret packet to a paused guest", cmd_inject },
    { "verify-platform", "Judge a platform by its certificates", cmd_verify_platform },
    { "evidence", "Check what launches left, and report it", cmd_evidence },
    { "emulator", "Make, use and remove an emulated SEV host", cmd_emulator },
    { "platform", "Look at a platform, own it, renew its keys", cmd_platform },
    { "firmware", "Say what firmware images can do", cmd_firmware },
    { "policy", "Explain guest policies and their profiles", cmd_policy },
    { "doctor", "Say what keeps this machine from SEV guests", cmd_doctor },
    { "lint", "Say what keeps a domain from a verified launch", cmd_lint },
    { NULL, NULL, NULL },
};

static int
print_help (void)
{
    printf (
        "Usage: sevlaunch --image DISK --owner-cert CERT [OPTION…]\n"
        "       sevlaunch COMMAND [OPTION…]\n"
        "       sevlaunch help [COMMAND]\n\n"
        "Starts a confidential virtual machine on AMD SEV and releases its secrets only\n"
        "after its launch was verified; or refuses and leaves nothing behind.\n\n"
        "Commands:\n");
    for (const Command *i = commands; i->name != NULL; i++)
        printf ("  %-15s %s\n", i->name, i->summary);
    printf ("\nOptions:\n"
            "  --image DISK        The guest's disk: qcow2, or raw with a GPT\n"
            "  --owner-cert CERT   The guest owner's certificate (see owner-init)\n"
            "  --help, --version\n"
            "'sevlaunch COMMAND --help' lists the options of a command, 'sevlaunch run\n"
            "--help' those of a launch.  Exit codes and reasons: sevlaunch(1), and\n"
            "sevlaunch-COMMAND(1) for each command.\n");
    return LAUNCHER_EXIT_OK;
}

static int
refuse_word (const char *word)
{
    g_autoptr (GError) error =
        word == NULL
            ? g_error_new_literal (LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                                   "--image and --owner-cert are needed (see "
                                   "'sevlaunch --help')")
            : g_error_new (LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                           "there is no command '%s' (see 'sevlaunch --help')", word);
    return (int) message_error (error);
}

/* "help run" is "run --help". */
static int
help_about (int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : NULL;
    const Command *command = word != NULL ? command_find (commands, word) : NULL;

    if (word == NULL)
        return print_help ();
    if (command == NULL)
        return refuse_word (word);
    g_autoptr (GPtrArray) words = g_ptr_array_new ();
    for (int i = 1; i < argc; i++)
        g_ptr_array_add (words, argv[i]);
    g_ptr_array_add (words, (gpointer) "--help");
    g_ptr_array_add (words, NULL);
    return command->run (argc, (char **) words->pdata);
}

static int
dispatch (int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : NULL;

    if (word == NULL)
        return refuse_word (NULL);
    if (strcmp (word, "--help") == 0 || strcmp (word, "-h") == 0)
        return print_help ();
    if (strcmp (word, "--version") == 0) {
        printf ("sevlaunch %s\n", PACKAGE_VERSION);
        return LAUNCHER_EXIT_OK;
    }
    if (strcmp (word, "--completion-table") == 0)
        return command_list (commands);
    if (strcmp (word, "help") == 0)
        return help_about (argc - 1, argv + 1);
    const Command *command = command_find (commands, word);
    if (command != NULL)
        return command->run (argc - 1, argv + 1);
    return word[0] == '-' ? cmd_run (argc, argv) : refuse_word (word);
}

/* A file must not get the number of a standard stream that the caller has closed. */
static void
hold_standard_streams (void)
{
    int fd;

    do {
        fd = open ("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close (fd);
}

static int exit_code;

/* For every command, and for --help, after which GLib ends the program: what was not
 * written was not said.  The code of an earlier failure stays, above all a refusal's. */
static void
finish_output (void)
{
    const int failed = ferror (stdout);

    errno = 0;
    if (fflush (stdout) == 0 && failed == 0)
        return;
    g_autoptr (GError) error = g_error_new (
        LAUNCHER_ERROR, LAUNCHER_ERROR_IO, "cannot write to standard output: %s",
        errno != 0 ? g_strerror (errno) : "a part of it was lost");
    const int code = (int) message_error (error);
    _exit (exit_code != 0 ? exit_code : code);
}

int
main (int argc, char **argv)
{
    hold_standard_streams ();
    setlocale (LC_ALL, "");
    g_set_prgname ("sevlaunch");
    signal (SIGPIPE, SIG_IGN);
    if (!sev_secret_heap_init ())
        fprintf (stderr, "sevlaunch: warning: memory cannot be locked; secrets might be "
                         "swapped out (see ulimit -l)\n");
    atexit (finish_output);
    exit_code = dispatch (argc, argv);
    return exit_code;
}
