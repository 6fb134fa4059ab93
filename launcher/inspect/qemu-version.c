/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/inspect/qemu-version.h"

#include <stdio.h>
#include <stdlib.h>

#include "launcher/image/image-tool.h"

#define MAX_OUTPUT 4096u
#define TIMEOUT_MS 5000u

gulong
qemu_version_parse (const char *text, gsize len)
{
    g_autofree char *line = g_strndup (text, len);
    char part[3][4];

    if (sscanf (line, "QEMU emulator version %3[0-9].%3[0-9].%3[0-9]", part[0], part[1],
                part[2]) != 3)
        return 0;
    return strtoul (part[0], NULL, 10) * 1000000ul + strtoul (part[1], NULL, 10) * 1000ul +
           strtoul (part[2], NULL, 10);
}

gulong
qemu_version_ask (const char *root)
{
    g_autofree char *path =
        *root == '\0' ? g_strdup (QEMU_VERSION_PROGRAM)
                      : g_build_filename (root, "usr/bin", QEMU_VERSION_PROGRAM, NULL);
    const char *const argv[] = { path, "--version", NULL };
    const ImageTool tool = {
        .argv = argv, .fd = -1, .max_output = MAX_OUTPUT, .timeout_ms = TIMEOUT_MS
    };
    g_auto (ImageToolResult) result = { 0 };
    g_autoptr (GError) error = NULL;
    gsize len;

    if (!image_tool_run (&tool, NULL, &result, &error)) {
        g_debug ("%s", error->message);
        return 0;
    }
    const char *text = g_bytes_get_data (result.output, &len);
    return result.exit_status == 0 && text != NULL ? qemu_version_parse (text, len) : 0;
}
