/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * sevlaunch-guest status [--json] [--quiet] [--prometheus FILE] [--root DIR]
 *
 * Says whether AMD SEV protects this guest, by what the guest can see; see
 * sevlaunch-guest(1) and guest-status.h.
 */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "ovmf-hooks/guest/guest-status.h"

static const char help[] =
    "Usage: sevlaunch-guest status [OPTION...]\n\n"
    "Says whether AMD SEV is active in this guest, by CPUID, MSR and the kernel's log.\n\n"
    "  --json             Print one JSON object\n"
    "  --quiet            Print nothing, not even with --json; the exit code says it\n"
    "  --prometheus FILE  Write FILE for Prometheus' textfile collector\n"
    "  --root DIR         Read files below DIR; CPUID is this processor's in any case\n"
    "  --help             Print this\n"
    "  --version          Print the version\n\n"
    "Exit code: 0 SEV is active, 1 it is not, 2 usage, 3 undecided, 4 FILE or the output\n"
    "could not be written.  Man page: sevlaunch-guest(1)\n";

typedef struct {
    bool json;
    bool quiet;
    const char *prometheus;
    const char *root;
} Options;

static int
usage (const char *what)
{
    fprintf (stderr, "sevlaunch-guest: %s (see 'sevlaunch-guest --help')\n", what);
    return GUEST_VERDICT_USAGE;
}

static int
not_written (const char *path)
{
    fprintf (stderr, "sevlaunch-guest: %s: %s\n", path, strerror (errno));
    return GUEST_VERDICT_NOT_WRITTEN;
}

/* Whole or not at all, and for the collector, which is another user, to read.  The
 * collector takes names that end in .prom only, so never the unfinished one. */
static bool
replace_file (const char *path, const GuestFacts *facts)
{
    char *unfinished;
    struct stat st;

    /* rename() would take the place of a link or device too. */
    if (lstat (path, &st) == 0 && !S_ISREG (st.st_mode)) {
        errno = EEXIST;
        return false;
    }
    if (asprintf (&unfinished, "%s.XXXXXX", path) < 0)
        return false;
    const int fd = mkstemp (unfinished);
    FILE *out = fd >= 0 ? fdopen (fd, "w") : NULL;
    bool ok = out != NULL && guest_print_prometheus (out, facts) &&
              fchmod (fd, 0644) == 0 && fsync (fd) == 0;

    if (out != NULL)
        ok = fclose (out) == 0 && ok;
    else if (fd >= 0)
        close (fd);
    ok = ok && rename (unfinished, path) == 0;
    if (!ok && fd >= 0) {
        const int saved = errno;
        unlink (unfinished);
        errno = saved;
    }
    free (unfinished);
    return ok;
}

static int
status (const Options *options)
{
    GuestFacts facts = { .secrets = -1 };
    const char *why;

    guest_cpuid_read (&facts.cpuid, guest_cpuid_native, NULL);
    guest_facts_read (&facts, options->root);
    if (options->prometheus != NULL && !replace_file (options->prometheus, &facts))
        return not_written (options->prometheus);
    if (!options->quiet && !(options->json ? guest_print_json (stdout, &facts)
                                           : guest_print_words (stdout, &facts)))
        return not_written ("standard output");
    return (int) guest_judge (&facts, &why);
}

int
main (int argc, char **argv)
{
    static const struct option table[] = {
        { "json", no_argument, NULL, 'j' },
        { "quiet", no_argument, NULL, 'q' },
        { "prometheus", required_argument, NULL, 'p' },
        { "root", required_argument, NULL, 'r' },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'v' },
        { NULL, 0, NULL, 0 },
    };
    Options options = { .root = "" };

    for (int c; (c = getopt_long (argc, argv, "hq", table, NULL)) != -1;) {
        if (c == 'j')
            options.json = true;
        else if (c == 'q')
            options.quiet = true;
        else if (c == 'p')
            options.prometheus = optarg;
        else if (c == 'r')
            options.root = optarg;
        else if (c == 'h' || c == 'v') {
            if (c == 'h')
                fputs (help, stdout);
            else
                puts ("sevlaunch-guest " PACKAGE_VERSION);
            return fflush (stdout) == 0 && ferror (stdout) == 0
                       ? 0
                       : not_written ("standard output");
        } else
            return usage ("wrong option");
    }
    if (argc - optind != 1 || strcmp (argv[optind], "status") != 0)
        return usage ("the one command is 'status'");
    return status (&options);
}
