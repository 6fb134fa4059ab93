/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "launcher/image/image-read.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>
#include <json-glib/json-glib.h>

#include "launcher/image/gpt.h"
#include "launcher/image/image-tool.h"

#define READ_TIMEOUT_MS 120000u
#define MEMORY_MAX (32u << 20)

/* A window of the disk as a node of its own, over the whole chain. */
static char *
window_name (const ImageInfo *info, guint64 offset, guint64 len)
{
    g_autoptr (JsonNode) chain =
        json_from_string (image_info_get_qemu_name (info) + strlen ("json:"), NULL);
    JsonObject *window = json_object_new ();

    json_object_set_string_member (window, "driver", "raw");
    json_object_set_int_member (window, "offset", (gint64) offset);
    json_object_set_int_member (window, "size", (gint64) len);
    json_object_set_member (window, "file", g_steal_pointer (&chain));

    g_autoptr (JsonNode) root = json_node_init_object (json_node_alloc (), window);
    g_autofree char *text = json_to_string (root, FALSE);
    json_object_unref (window);
    return g_strconcat ("json:", text, NULL);
}

static gboolean
check_range (const ImageInfo *info,
             guint64 offset,
             guint64 len,
             guint64 max,
             GError **error)
{
    const guint64 size = image_info_get_layer (info, 0)->size;

    if (len == 0 || offset % GPT_SECTOR_SIZE != 0 || len % GPT_SECTOR_SIZE != 0 ||
        offset > size || len > size - offset || len > max) {
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_BROKEN,
                     "cannot read %" G_GUINT64_FORMAT " bytes at %" G_GUINT64_FORMAT
                     " of a disk of %" G_GUINT64_FORMAT " (limit %" G_GUINT64_FORMAT ")",
                     len, offset, size, max);
        return FALSE;
    }
    return TRUE;
}

static gboolean
convert (const char *from,
         const char *to,
         guint64 len,
         GCancellable *cancellable,
         GError **error)
{
    const char *const argv[] = { "qemu-img", "convert", "-O", "raw", "--", from, to, NULL };
    const ImageTool tool = { .argv = argv,
                             .fd = -1,
                             .max_output = 4096,
                             .max_file = len,
                             .timeout_ms = READ_TIMEOUT_MS };
    g_auto (ImageToolResult) result = { 0 };

    if (!image_tool_run (&tool, cancellable, &result, error))
        return FALSE;
    if (result.exit_status != 0) {
        const gboolean full = strstr (result.complaint, g_strerror (ENOSPC)) != NULL;

        g_set_error (error, IMAGE_ERROR, full ? IMAGE_ERROR_IO : IMAGE_ERROR_BROKEN,
                     "reading the disk: %s", result.complaint);
        return FALSE;
    }
    return TRUE;
}

static int
open_copy (const char *path, guint64 len, GError **error)
{
    struct stat st;
    const int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd >= 0 && fstat (fd, &st) == 0 && (guint64) st.st_size == len)
        return fd;
    g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_IO,
                 "reading the disk: temporary file '%s' has not the right length", path);
    if (fd >= 0)
        close (fd);
    return -1;
}

int
image_read_to_file (const ImageInfo *info,
                    guint64 offset,
                    guint64 len,
                    guint64 max,
                    GCancellable *cancellable,
                    GError **error)
{
    if (!check_range (info, offset, len, max, error))
        return -1;

    g_autoptr (GError) local = NULL;
    g_autofree char *dir = g_dir_make_tmp ("sevlaunch-XXXXXX", &local);
    if (dir == NULL) {
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_IO, "temporary directory: %s",
                     local->message);
        return -1;
    }

    g_autofree char *path = g_build_filename (dir, "range.raw", NULL);
    g_autofree char *window = window_name (info, offset, len);
    const int fd =
        convert (window, path, len, cancellable, error) ? open_copy (path, len, error) : -1;
    g_unlink (path);
    g_rmdir (dir);
    return fd;
}

GBytes *
image_read_bytes (const ImageInfo *info,
                  guint64 offset,
                  guint64 len,
                  GCancellable *cancellable,
                  GError **error)
{
    const int fd = image_read_to_file (info, offset, len, MEMORY_MAX, cancellable, error);
    gsize done = 0;

    if (fd < 0)
        return NULL;

    guint8 *data = g_malloc (len);
    while (done < len) {
        const gssize n = read (fd, data + done, len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (gsize) n;
    }
    close (fd);
    if (done == len)
        return g_bytes_new_take (data, len);
    g_free (data);
    g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_IO,
                 "reading the disk: temporary file is short");
    return NULL;
}
