/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Lines of the human monitor: what passes is plain words of its canonical form, and never
 * begins with a command that writes or moves guest memory; what reads it is held or
 * wrapped.
 */

#include <stdint.h>
#include <string.h>

#include "psp/host/command-table.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* QEMU, hmp-commands.hx: also abbreviations that it lists. */
static const char *const never[] = {
    "p",
    "print",
    "migrate",
    "savevm",
    "loadvm",
    "delvm",
    "device_add",
    "object_add",
    "drive_add",
    "chardev-add",
    "netdev_add",
    "gpa2hva",
    "gva2gpa",
    "gpa2hpa",
    "sum",
    "i",
    "o",
    "mce",
    "screendump",
    "logfile",
    "log",
    "trace-event",
    "chardev-change",
    NULL,
};

static const char *const reading[] = { "x",         "xp",       "memsave",
                                       "gdbserver", "pmemsave", "dump-guest-memory",
                                       NULL };

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup ((const char *) data, size);
    g_auto (HmpLine) line = { 0 };
    g_auto (HmpLine) again = { 0 };

    hmp_line_parse (text, &line);
    if (line.class == COMMAND_REFUSED) {
        g_assert_nonnull (line.why);
        g_assert_null (line.canonical);
        return 0;
    }
    const gboolean reads = line.class == COMMAND_PAUSED || line.class == COMMAND_WRAPPED;
    g_assert_true (reads || line.class == COMMAND_PASS || line.class == COMMAND_CONT ||
                   line.class == COMMAND_STOP || line.class == COMMAND_OURS);
    g_assert_nonnull (line.canonical);
    g_assert_null (strpbrk (line.canonical, "'\\\n\r\t\v\f;|$`{}%"));
    g_assert_null (strstr (line.canonical, "  "));
    for (const char *p = line.canonical; *p != '\0'; p++)
        g_assert_true (g_ascii_isprint (*p));
    g_auto (GStrv) words = g_strsplit (line.canonical, " ", 0);
    g_assert_false (g_strv_contains (never, words[0]));
    g_assert_true (strchr (words[0], '/') == NULL || g_str_has_prefix (words[0], "x/") ||
                   g_str_has_prefix (words[0], "xp/"));
    words[0][strcspn (words[0], "/")] = '\0';
    g_assert_true (g_strv_contains (reading, words[0]) == reads);
    g_assert_true (reads || strchr (line.canonical, '"') == NULL);

    hmp_line_parse (line.canonical, &again);
    g_assert_cmpint (again.class, ==, line.class);
    g_assert_cmpstr (again.canonical, ==, line.canonical);
    return 0;
}
