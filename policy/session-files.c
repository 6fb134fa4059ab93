/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/session-files.h"

#include <string.h>
#include <unistd.h>

#include "policy/owner-file.h"

#define N_FILES 4u

static const char *const suffixes[N_FILES] = { "_tik.bin", "_tek.bin", "_godh.b64",
                                               "_session.b64" };

static void
remove_first (int dirfd, const char *name, guint n)
{
    for (guint i = 0; i < n; i++) {
        g_autofree char *file = g_strconcat (name, suffixes[i], NULL);
        unlinkat (dirfd, file, 0);
    }
}

void
policy_session_files_remove (int dirfd, const char *name)
{
    remove_first (dirfd, name, N_FILES);
}

gboolean
policy_session_files_write (int dirfd,
                            const char *name,
                            const PolicySessionFiles *files,
                            gboolean replace,
                            GError **error)
{
    const void *const data[N_FILES] = { files->tik, files->tek, files->godh, files->blob };
    const gsize sizes[N_FILES] = { SEV_KEY_SIZE, SEV_KEY_SIZE, strlen (files->godh),
                                   strlen (files->blob) };

    for (guint i = 0; i < N_FILES; i++) {
        g_autofree char *file = g_strconcat (name, suffixes[i], NULL);

        if (!policy_file_write (dirfd, file, data[i], sizes[i], replace, error)) {
            remove_first (dirfd, name, i);
            return FALSE;
        }
    }
    return TRUE;
}
