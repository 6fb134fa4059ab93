/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Other people's programs, for inputs and for second opinions. */

/** test_skip_without: Returns: %TRUE if a program is missing; the test is then skipped with
 * its name; the list ends with %NULL */
gboolean test_skip_without (const char *program, ...) G_GNUC_NULL_TERMINATED;

/** test_run: runs a program that must succeed; @argv ends with %NULL.
 * Returns: (transfer full): standard output */
char *test_run (const char *const *argv, const char *input);
#define test_run_words(...) test_run ((const char *const[]){ __VA_ARGS__, NULL }, NULL)
