/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "launcher/image/image-info.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/image/gpt.h"
#include "launcher/image/image-server.h"
#include "launcher/image/qcow2.h"
#include "qmp/qmp-json.h"

#define MAX_LAYERS 8u
#define MAX_SIZE (G_GUINT64_CONSTANT (64) << 40) /* bytes: 64 TiB */

struct _ImageInfo {
    GPtrArray *layers; /* of ImageLayer */
    char *qemu_name;
    ImageServer *server; /* (nullable): NULL once it is closed */
};

/* One layer's header as it was read, before QEMU is asked. */
typedef struct {
    ImageFormat format;
    Qcow2Header qcow2;
    dev_t device;
    ino_t inode;
    guint64 file_size;
} Header;

static void
header_clear (Header *header)
{
    qcow2_header_clear (&header->qcow2);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Header, header_clear)

const char *
image_format_to_string (ImageFormat format)
{
    return format == IMAGE_FORMAT_QCOW2 ? "qcow2" : "raw";
}

gboolean
image_format_from_string (const char *text, ImageFormat *format, GError **error)
{
    g_return_val_if_fail (text != NULL, FALSE);

    if (g_str_equal (text, "raw"))
        *format = IMAGE_FORMAT_RAW;
    else if (g_str_equal (text, "qcow2"))
        *format = IMAGE_FORMAT_QCOW2;
    else {
        g_autofree char *shown = qmp_error_printable (text);

        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
                     "image format '%s' is not supported, only 'qcow2' and 'raw' are",
                     shown);
        return FALSE;
    }
    return TRUE;
}

static void
layer_free (gpointer data)
{
    ImageLayer *layer = data;

    g_free (layer->path);
    g_free (layer);
}

void
image_info_free (ImageInfo *info)
{
    if (info == NULL)
        return;
    image_info_close (info);
    g_ptr_array_unref (info->layers);
    g_free (info->qemu_name);
    g_free (info);
}

/* The name of a node tree for QEMU: layer by layer, the last without a backing file. */
static char *
make_qemu_name (const GPtrArray *layers)
{
    JsonObject *below = NULL;

    for (guint i = layers->len; i-- > 0;) {
        const ImageLayer *layer = layers->pdata[i];
        JsonObject *file = json_object_new ();
        JsonObject *node = json_object_new ();

        json_object_set_string_member (file, "driver", "file");
        json_object_set_string_member (file, "filename", layer->path);
        json_object_set_string_member (node, "driver",
                                       image_format_to_string (layer->format));
        json_object_set_object_member (node, "file", file);
        if (below != NULL)
            json_object_set_object_member (node, "backing", below);
        else if (layer->format == IMAGE_FORMAT_QCOW2)
            json_object_set_null_member (node, "backing");
        below = node;
    }

    g_autoptr (JsonNode) root = json_node_init_object (json_node_alloc (), below);
    g_autofree char *text = json_to_string (root, FALSE);
    json_object_unref (below);
    return g_strconcat ("json:", text, NULL);
}

ImageInfo *
image_info_new_closed (const ImageLayer *layers, guint n)
{
    ImageInfo *info = g_new0 (ImageInfo, 1);

    info->layers = g_ptr_array_new_with_free_func (layer_free);
    for (guint i = 0; i < n; i++) {
        ImageLayer *layer = g_memdup2 (&layers[i], sizeof layers[i]);

        layer->path = g_strdup (layers[i].path);
        g_ptr_array_add (info->layers, layer);
    }
    info->qemu_name = make_qemu_name (info->layers);
    return info;
}

void
image_info_close (ImageInfo *info)
{
    g_clear_pointer (&info->server, image_server_free);
}

ImageServer *
image_info_get_server (const ImageInfo *info)
{
    return info->server;
}

guint
image_info_get_n_layers (const ImageInfo *info)
{
    return info->layers->len;
}

const ImageLayer *
image_info_get_layer (const ImageInfo *info, guint n)
{
    g_return_val_if_fail (n < info->layers->len, NULL);

    return info->layers->pdata[n];
}

const char *
image_info_get_qemu_name (const ImageInfo *info)
{
    return info->qemu_name;
}

static void
set_open_error (const char *path, int saved_errno, GError **error)
{
    ImageError code = IMAGE_ERROR_IO;

    if (saved_errno == ENOENT || saved_errno == ENOTDIR)
        code = IMAGE_ERROR_MISSING;
    else if (saved_errno == EACCES || saved_errno == EPERM)
        code = IMAGE_ERROR_UNREADABLE;
    g_set_error (error, IMAGE_ERROR, code, "image '%s': %s", path,
                 g_strerror (saved_errno));
}

/* Formats that are not read here, to name them in the message. */
static const char *
other_format (const guint8 *head, gsize len)
{
    static const struct {
        gsize offset;
        const char *magic;
        const char *name;
    } magics[] = {
        { 0, "KDMV", "vmdk" },
        { 0, "COWD", "vmdk" },
        { 0, "# Disk De", "vmdk" },
        { 0, "vhdxfile", "vhdx" },
        { 0, "conectix", "vhd" },
        { 64, "\x7f\x10\xda\xbe", "vdi" },
        { 0, "QED", "qed" },
        { 0, "LUKS\xba\xbe", "LUKS" },
        { 0, "WithoutFreeSpace", "parallels" },
        { 0, "WithouFreSpacExt", "parallels" },
        { 0, "Bochs Virtual HD Image", "bochs" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (magics); i++) {
        const gsize n = strlen (magics[i].magic);

        if (len >= magics[i].offset + n &&
            memcmp (head + magics[i].offset, magics[i].magic, n) == 0)
            return magics[i].name;
    }
    return NULL;
}

static gboolean
detect_format (const char *path,
               const guint8 *head,
               gsize len,
               gboolean may_be_anything,
               ImageFormat *format,
               GError **error)
{
    if (qcow2_has_magic (head, len)) {
        *format = IMAGE_FORMAT_QCOW2;
        return TRUE;
    }

    const char *other = other_format (head, len);
    if (other != NULL) {
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
                     "image '%s' is a %s image, only qcow2 and raw are supported (qemu-img "
                     "convert -O qcow2 makes one)",
                     path, other);
        return FALSE;
    }
    if (!may_be_anything && !gpt_has_protective_mbr (head, len)) {
        g_set_error (
            error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
            "image '%s' is neither qcow2 nor a raw disk with a GUID partition table", path);
        return FALSE;
    }
    *format = IMAGE_FORMAT_RAW;
    return TRUE;
}

static gssize
read_head (int fd, guint8 *head, gsize len)
{
    gsize done = 0;

    while (done < len) {
        const gssize n = pread (fd, head + done, len - done, (off_t) done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        done += (gsize) n;
    }
    return (gssize) done;
}

static int
open_image (const char *path, Header *header, GError **error)
{
    struct stat st;
    const int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0) {
        set_open_error (path, errno, error);
        return -1;
    }
    if (fstat (fd, &st) != 0 || !S_ISREG (st.st_mode)) {
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
                     "image '%s' is not a regular file", path);
        close (fd);
        return -1;
    }
    header->device = st.st_dev;
    header->inode = st.st_ino;
    header->file_size = (guint64) st.st_size;
    return fd;
}

/* @format: (nullable); @base: a backing file, whose content is anybody's guess. */
static gboolean
read_header (const char *path,
             const char *format,
             gboolean base,
             Header *header,
             GError **error)
{
    guint8 head[QCOW2_HEAD_SIZE];
    const int fd = open_image (path, header, error);

    if (fd < 0)
        return FALSE;

    const gssize len = read_head (fd, head, sizeof head);
    const int saved_errno = errno;
    close (fd);
    if (len < 0) {
        set_open_error (path, saved_errno, error);
        return FALSE;
    }
    if (format != NULL
            ? !image_format_from_string (format, &header->format, error)
            : !detect_format (path, head, (gsize) len, base, &header->format, error))
        return FALSE;
    if (header->format == IMAGE_FORMAT_QCOW2 &&
        !qcow2_header_parse (head, (gsize) len, &header->qcow2, error)) {
        g_prefix_error (error, "image '%s': ", path);
        return FALSE;
    }
    return TRUE;
}

static gboolean
check_header (const char *path, const Header *header, GError **error)
{
    if (header->format == IMAGE_FORMAT_RAW)
        return TRUE;
    if (header->qcow2.encrypted) {
        g_set_error (
            error, IMAGE_ERROR, IMAGE_ERROR_ENCRYPTED,
            "image '%s' is encrypted by qcow2, with a key of the hypervisor's; encrypt "
            "inside the guest instead",
            path);
        return FALSE;
    }
    if (header->qcow2.data_file) {
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_DATA_FILE,
                     "image '%s' keeps its data in another file, which its header names; "
                     "convert it with qemu-img convert",
                     path);
        return FALSE;
    }
    return TRUE;
}

/* What the guest sees of a layer, by its header. */
static gboolean
get_size (const char *path, const Header *header, guint64 *size, GError **error)
{
    *size = header->format == IMAGE_FORMAT_QCOW2 ? header->qcow2.virtual_size
                                                 : header->file_size;
    if (*size != 0 && *size % GPT_SECTOR_SIZE == 0 && *size <= MAX_SIZE)
        return TRUE;
    g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_BROKEN,
                 "image '%s': virtual size of %" G_GUINT64_FORMAT
                 " bytes is no whole number of sectors, or too large",
                 path, *size);
    return FALSE;
}

/* QEMU opens the whole chain: its checks of the headers are more than ours. */
static gboolean
start_server (ImageInfo *info, GCancellable *cancellable, GError **error)
{
    const ImageLayer *top = info->layers->pdata[0];

    info->server = image_server_start (info->qemu_name, cancellable, error);
    if (info->server == NULL) {
        if (error != NULL && (*error)->domain == IMAGE_ERROR)
            g_prefix_error (error, "image '%s': ", top->path);
        return FALSE;
    }
    if (image_server_get_size (info->server) == top->size)
        return TRUE;
    g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_BROKEN,
                 "image '%s': header changed while it was read", top->path);
    return FALSE;
}

static gboolean
same_file (const char *path, const struct stat *wanted)
{
    struct stat st;

    return stat (path, &st) == 0 && st.st_dev == wanted->st_dev &&
           st.st_ino == wanted->st_ino;
}

/* The file that a header names, if the caller named it too. */
static char *
resolve_backing (const char *path,
                 const char *backing_name,
                 const char *const *backing,
                 GError **error)
{
    g_autofree char *dir = g_path_get_dirname (path);
    g_autofree char *meant = g_canonicalize_filename (backing_name, dir);
    struct stat st;

    if (stat (meant, &st) == 0) {
        for (gsize i = 0; backing != NULL && backing[i] != NULL; i++) {
            if (!same_file (backing[i], &st))
                continue;

            char *resolved = realpath (backing[i], NULL);
            if (resolved == NULL) {
                set_open_error (backing[i], errno, error);
                return NULL;
            }
            char *copy = g_strdup (resolved);
            free (resolved);
            return copy;
        }
    }

    g_autofree char *shown = qmp_error_printable (backing_name);
    g_set_error (
        error, IMAGE_ERROR, IMAGE_ERROR_BACKING_FILE,
        "image '%s' has the backing file '%s', which was not named; if it is yours, add "
        "--backing-file FILE",
        path, shown);
    return NULL;
}

/* A format that the header above states must be the one found. */
static gboolean
check_backing_format (const char *path,
                      const Qcow2Header *above,
                      const Header *header,
                      GError **error)
{
    if (above->backing_format == NULL ||
        g_str_equal (above->backing_format, image_format_to_string (header->format)))
        return TRUE;

    g_autofree char *shown = qmp_error_printable (above->backing_format);
    g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
                 "backing file '%s' is %s, the header above it says '%s'", path,
                 image_format_to_string (header->format), shown);
    return FALSE;
}

static gboolean
seen_before (GArray *seen, const Header *header)
{
    for (guint i = 0; i < seen->len; i++) {
        const Header *other = &g_array_index (seen, Header, i);

        if (other->device == header->device && other->inode == header->inode)
            return TRUE;
    }
    return FALSE;
}

/* Reads one layer and adds it.  Returns FALSE on error, else @next is the path of the
 * layer below, or NULL. */
static gboolean
add_layer (ImageInfo *info,
           GArray *seen,
           const char *path,
           const char *format,
           const char *const *backing,
           char **next,
           GError **error)
{
    Header header = { 0 };
    guint64 size;

    if (!read_header (path, format, seen->len > 0, &header, error)) {
        header_clear (&header);
        return FALSE;
    }

    const Header *above =
        seen->len > 0 ? &g_array_index (seen, Header, seen->len - 1) : NULL;
    const gboolean again = seen->len == MAX_LAYERS || seen_before (seen, &header);
    const gboolean agrees =
        above == NULL || check_backing_format (path, &above->qcow2, &header, error);
    g_array_append_val (seen, header);
    if (!agrees)
        return FALSE;
    if (again) {
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_BROKEN,
                     "image '%s': chain of backing files is a loop or longer than %u", path,
                     MAX_LAYERS);
        return FALSE;
    }
    if (!check_header (path, &header, error) || !get_size (path, &header, &size, error))
        return FALSE;

    ImageLayer *layer = g_new0 (ImageLayer, 1);
    layer->path = g_strdup (path);
    layer->format = header.format;
    layer->size = size;
    g_ptr_array_add (info->layers, layer);
    if (header.qcow2.backing_name == NULL)
        return TRUE;
    *next = resolve_backing (path, header.qcow2.backing_name, backing, error);
    return *next != NULL;
}

ImageInfo *
image_info_open (const char *path,
                 const char *format,
                 const char *const *backing,
                 GCancellable *cancellable,
                 GError **error)
{
    g_return_val_if_fail (path != NULL, NULL);

    char *resolved = realpath (path, NULL);
    if (resolved == NULL) {
        set_open_error (path, errno, error);
        return NULL;
    }

    g_autoptr (ImageInfo) info = g_new0 (ImageInfo, 1);
    g_autoptr (GArray) seen = g_array_new (FALSE, FALSE, sizeof (Header));
    g_autofree char *current = g_strdup (resolved);
    free (resolved);
    info->layers = g_ptr_array_new_with_free_func (layer_free);
    g_array_set_clear_func (seen, (GDestroyNotify) header_clear);

    while (current != NULL) {
        g_autofree char *next = NULL;

        if (!add_layer (info, seen, current, format, backing, &next, error))
            return NULL;
        format = NULL;
        g_free (current);
        current = g_steal_pointer (&next);
    }
    info->qemu_name = make_qemu_name (info->layers);
    return start_server (info, cancellable, error) ? g_steal_pointer (&info) : NULL;
}
