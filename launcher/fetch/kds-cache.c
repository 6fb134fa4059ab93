/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/fetch/kds-cache.h"

#include <errno.h>
#include <unistd.h>

#include "launcher/base/message.h"
#include "policy/owner-file.h"

#define FILE_MAX 65536u

struct _KdsCache {
    int fd;
};

KdsCache *
kds_cache_open (void)
{
    g_autofree char *path =
        g_build_filename (g_get_user_cache_dir (), "sevlaunch", "kds", NULL);
    g_autoptr (GError) error = NULL;

    if (g_mkdir_with_parents (path, 0700) != 0) {
        message_warning ("nothing is cached: '%s': %s", path, g_strerror (errno));
        return NULL;
    }
    const int fd = policy_dir_open_as ("directory", path, NULL, &error);
    if (fd < 0) {
        message_warning ("nothing is cached in '%s': %s", path, error->message);
        return NULL;
    }
    KdsCache *cache = g_new0 (KdsCache, 1);
    cache->fd = fd;
    return cache;
}

void
kds_cache_free (KdsCache *cache)
{
    if (cache == NULL)
        return;
    close (cache->fd);
    g_free (cache);
}

GBytes *
kds_cache_read (const KdsCache *cache, const char *name)
{
    GBytes *bytes = NULL;
    g_autoptr (GError) error = NULL;

    if (cache == NULL)
        return NULL;
    if (!policy_file_read (cache->fd, name, FILE_MAX, POLICY_FILE_OPTIONAL, &bytes, &error))
        message_warning ("the cache of certificates: %s", error->message);
    return bytes;
}

void
kds_cache_write (const KdsCache *cache, const char *name, GBytes *bytes)
{
    g_autoptr (GError) error = NULL;

    if (cache != NULL &&
        !policy_file_write (cache->fd, name, g_bytes_get_data (bytes, NULL),
                            g_bytes_get_size (bytes), TRUE, &error))
        message_warning ("the cache of certificates: %s", error->message);
}

void
kds_cache_forget (const KdsCache *cache, const char *name)
{
    if (cache != NULL && unlinkat (cache->fd, name, 0) != 0 && errno != ENOENT)
        message_warning ("the cache of certificates: '%s': %s", name, g_strerror (errno));
}
