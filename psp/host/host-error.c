/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "psp/host/host-error.h"

G_DEFINE_QUARK (host - error - quark, host_error)

void
host_error_set_errno (GError **error, int saved_errno, const char *what, ...)
{
    va_list args;

    va_start (args, what);
    g_autofree char *text = g_strdup_vprintf (what, args);
    va_end (args);
    g_set_error (error, HOST_ERROR, HOST_ERROR_IO, "%s: %s", text,
                 g_strerror (saved_errno));
}
