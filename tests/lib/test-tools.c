/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/lib/test-tools.h"

#include <gio/gio.h>
#include <stdarg.h>

gboolean
test_skip_without (const char *program, ...)
{
    va_list args;
    const char *missing = NULL;

    va_start (args, program);
    for (const char *p = program; p != NULL && missing == NULL;
         p = va_arg (args, const char *)) {
        g_autofree char *path = g_find_program_in_path (p);
        if (path == NULL)
            missing = p;
    }
    va_end (args);
    if (missing == NULL)
        return FALSE;
    g_autofree char *why = g_strdup_printf ("no %s in PATH", missing);
    g_test_skip (why);
    return TRUE;
}

char *
test_run (const char *const *argv, const char *input)
{
    g_autoptr (GError) error = NULL;
    char *output = NULL;
    g_autofree char *errors = NULL;
    g_autoptr (GSubprocess) process = g_subprocess_newv (
        argv,
        (input != NULL ? G_SUBPROCESS_FLAGS_STDIN_PIPE : G_SUBPROCESS_FLAGS_NONE) |
            G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE,
        &error);

    g_assert_no_error (error);
    g_assert_true (
        g_subprocess_communicate_utf8 (process, input, NULL, &output, &errors, &error));
    g_assert_no_error (error);
    if (!g_subprocess_get_successful (process))
        g_error ("%s: %s%s", argv[0], output, errors);
    return output;
}
