/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/steps/neighbours.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gio/gio.h>

#include "launcher/inspect/firmware-descriptor.h"

#define MOST_FILES 512u
#define KERNEL_MAX (G_GUINT64_CONSTANT (256) << 20)
#define HEAD_SIZE 1024u
#define TAIL_SIZE 48u
#define SMALLEST 64u

/* Where firmware and kernels are installed. */
static const char *const system_folders[] = {
    PKGDATADIR,
    "/usr/share/OVMF",
    "/usr/share/ovmf",
    "/usr/share/ovmf/x64",
    "/usr/share/edk2/ovmf",
    "/usr/share/edk2/x64",
    "/usr/share/qemu",
    "/boot",
};

typedef enum {
    KIND_FIRMWARE = 1 << 0,
    KIND_KERNEL = 1 << 1,
    KIND_INITRD = 1 << 2,
} Kind;

typedef struct {
    PolicyWhy *why;
    const PolicyBootInputs *boot;
    GBytes *image;
    GHashTable *seen; /* device and inode */
    guint64 bytes;
    Neighbours *out;
} Gathering;

static gboolean
begins (const guint8 *head, gsize len, gsize at, const char *magic, gsize magic_len)
{
    return len >= at + magic_len && memcmp (head + at, magic, magic_len) == 0;
}

static gboolean
is_initrd (const guint8 *head, gsize len)
{
    static const struct {
        const char *magic;
        gsize len;
    } kinds[] = {
        { "070701", 6 },      { "\x1f\x8b", 2 },         { "\x28\xb5\x2f\xfd", 4 },
        { "\xfd\x37zXZ", 5 }, { "\x02\x21\x4c\x18", 4 }, { "\x04\x22\x4d\x18", 4 },
        { "BZh", 3 },         { "\x89LZO", 4 },          { "\x5d\0\0", 3 },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
        if (begins (head, len, 0, kinds[i].magic, kinds[i].len))
            return TRUE;
    return FALSE;
}

/* The end of the table of OVMF's images (ovmf-hooks/ovmf-image.h), or a firmware volume. */
static gboolean
is_firmware (int fd, const guint8 *head, gsize len, guint64 size)
{
    static const guint8 table[] = { 0xde, 0x82, 0xb5, 0x96, 0xb2, 0x1f, 0xf7, 0x45,
                                    0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d };
    guint8 tail[TAIL_SIZE];

    if (size > OVMF_IMAGE_MAX_SIZE || size < TAIL_SIZE)
        return FALSE;
    if (begins (head, len, 40, "_FVH", 4))
        return TRUE;
    return pread (fd, tail, sizeof tail, (off_t) (size - TAIL_SIZE)) == TAIL_SIZE &&
           memcmp (tail, table, sizeof table) == 0;
}

/* @asked: the folder is one of the question's: what nothing is known of may be anything. */
static guint
kind_of (int fd, guint64 size, gboolean asked)
{
    guint8 head[HEAD_SIZE];
    const gssize got = pread (fd, head, sizeof head, 0);
    const gsize len = got > 0 ? (gsize) got : 0;

    if (size < SMALLEST || size > KERNEL_MAX || len == 0)
        return 0;
    if (is_firmware (fd, head, len, size))
        return KIND_FIRMWARE;
    if (begins (head, len, 0x202, "HdrS", 4) || begins (head, len, 0, "MZ", 2))
        return KIND_KERNEL;
    if (is_initrd (head, len))
        return KIND_INITRD;
    if (!asked)
        return 0;
    return KIND_KERNEL | KIND_INITRD |
           (size % 1024 == 0 && size <= OVMF_IMAGE_MAX_SIZE ? KIND_FIRMWARE : 0);
}

static GBytes *
read_whole (int fd, guint64 size)
{
    g_autofree guint8 *data = g_malloc (size);
    guint64 done = 0;

    while (done < size) {
        const gssize n = pread (fd, data + done, size - done, (off_t) done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return NULL;
        done += (guint64) n;
    }
    return g_bytes_new_take (g_steal_pointer (&data), size);
}

/* Distributions ship code and variable store apart: a whole image is one after the other.
 */
static gboolean
take_with_store (Gathering *g,
                 const char *path,
                 GBytes *store,
                 const guint8 *own,
                 gsize own_len,
                 GError **error)
{
    g_autofree char *name = g_path_get_basename (path);
    g_autoptr (GByteArray) whole = g_byte_array_new ();
    gsize len;
    const guint8 *data = g_bytes_get_data (store, &len);

    if (own == NULL || strstr (name, "VARS") == NULL)
        return TRUE;
    g_byte_array_append (whole, data, (guint) len);
    g_byte_array_append (whole, own, (guint) own_len);
    g_autofree char *both = g_strdup_printf ("%s with the code behind it", path);
    return policy_why_add_firmware (g->why, both, whole->data, whole->len, own, own_len,
                                    error);
}

static gboolean
take_firmware (Gathering *g, const char *path, int fd, guint64 size, GError **error)
{
    g_autoptr (GBytes) bytes = read_whole (fd, size);
    gsize own_len = 0;
    const guint8 *own = g->image != NULL ? g_bytes_get_data (g->image, &own_len) : NULL;

    if (bytes == NULL)
        return TRUE;
    g->out->firmware++;
    return take_with_store (g, path, bytes, own, own_len, error) &&
           policy_why_add_firmware (g->why, path, g_bytes_get_data (bytes, NULL), size, own,
                                    own_len, error);
}

static void
take_hashed (Gathering *g, guint kinds, const char *path, int fd)
{
    guint8 digest[SEV_DIGEST_SIZE];

    if (!policy_file_sha256_fd (fd, KERNEL_MAX, digest, NULL, NULL))
        return;
    if ((kinds & KIND_KERNEL) != 0) {
        policy_why_add_file (g->why, POLICY_WHY_KERNEL, path, digest);
        g->out->kernels++;
    }
    if ((kinds & KIND_INITRD) != 0) {
        policy_why_add_file (g->why, POLICY_WHY_INITRD, path, digest);
        g->out->initrds++;
    }
}

/* %FALSE if it is no file, or was taken under another name. */
static gboolean
is_new (Gathering *g, int fd, guint64 *size)
{
    struct stat st;

    if (fstat (fd, &st) != 0 || !S_ISREG (st.st_mode))
        return FALSE;
    *size = (guint64) st.st_size;
    return g_hash_table_add (g->seen,
                             g_strdup_printf ("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT,
                                              (guint64) st.st_dev, (guint64) st.st_ino));
}

static gboolean
take_open (Gathering *g, const char *path, int fd, gboolean asked, GError **error)
{
    guint64 size;

    if (!is_new (g, fd, &size))
        return TRUE;
    const guint kinds = kind_of (fd, size, asked);
    if (kinds == 0)
        return TRUE;
    if (g->bytes + size > NEIGHBOURS_MAX_BYTES) {
        g->out->left_out++;
        return TRUE;
    }
    g->bytes += size;
    if ((kinds & KIND_FIRMWARE) != 0 && !take_firmware (g, path, fd, size, error))
        return FALSE;
    if ((kinds & (KIND_KERNEL | KIND_INITRD)) != 0)
        take_hashed (g, kinds, path, fd);
    return TRUE;
}

static gboolean
take_file (Gathering *g, const char *path, gboolean asked, GError **error)
{
    const int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0)
        return TRUE;
    const gboolean ok = take_open (g, path, fd, asked, error);
    close (fd);
    return ok;
}

static int
by_name (gconstpointer a, gconstpointer b)
{
    return strcmp (*(char *const *) a, *(char *const *) b);
}

static gboolean
take_folder (Gathering *g, const char *folder, gboolean asked, GError **error)
{
    g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
    g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
    const char *name;

    while (dir != NULL && names->len < MOST_FILES && (name = g_dir_read_name (dir)) != NULL)
        g_ptr_array_add (names, g_strdup (name));
    g_ptr_array_sort (names, by_name);
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *path =
            g_build_filename (folder, g_ptr_array_index (names, i), NULL);

        if (!take_file (g, path, asked, error))
            return FALSE;
    }
    return TRUE;
}

/* Hashed once more, for its parts; it is no other file. */
static void
take_own (Gathering *g, PolicyWhyFile which, const PolicyBootPart *part)
{
    g_autoptr (GError) cause = NULL;
    const int fd = part->name != NULL
                       ? open (part->name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
                       : -1;
    guint64 size;

    if (fd < 0)
        return;
    if (is_new (g, fd, &size)) {
        if (g->bytes + size > NEIGHBOURS_MAX_BYTES)
            g->out->left_out++;
        else if (!policy_why_add_own_file (g->why, which, fd, &cause))
            g_debug ("%s: %s", part->name, cause->message);
        else
            g->bytes += size;
    }
    close (fd);
}

static void
skip_descriptor (const GError *error, gpointer data)
{
    g_debug ("%s", error->message);
}

/* What packages and the host's administrator announce, wherever it lies. */
static gboolean
take_described (Gathering *g, GError **error)
{
    g_auto (GStrv) dirs = firmware_descriptor_dirs ("");
    g_autoptr (GPtrArray) descriptors =
        firmware_descriptors_load ((const char *const *) dirs, skip_descriptor, NULL);

    for (guint i = 0; i < descriptors->len; i++) {
        const FirmwareDescriptor *d = g_ptr_array_index (descriptors, i);

        if (!take_file (g, d->image, TRUE, error) ||
            (d->nvram_template != NULL && !take_file (g, d->nvram_template, FALSE, error)))
            return FALSE;
    }
    return TRUE;
}

static gboolean
take_beside (Gathering *g, const PolicyBootPart *part, GError **error)
{
    /* A kernel out of an image has a name and no folder. */
    if (part->name == NULL || !g_file_test (part->name, G_FILE_TEST_IS_REGULAR))
        return TRUE;
    g_autofree char *folder = g_path_get_dirname (part->name);
    return take_folder (g, folder, TRUE, error);
}

gboolean
neighbours_add (PolicyWhy *why,
                const PolicyBootInputs *boot,
                GBytes *image,
                char *const *look_in,
                Neighbours *out,
                GError **error)
{
    g_autoptr (GHashTable) seen =
        g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    Gathering g = { why, boot, image, seen, 0, out };
    gsize len = 0;
    const guint8 *data = image != NULL ? g_bytes_get_data (image, &len) : NULL;

    *out = (Neighbours){ 0 };
    if (data != NULL && !policy_why_add_own_firmware (why, data, len, error))
        return FALSE;
    take_own (&g, POLICY_WHY_KERNEL, &boot->kernel);
    take_own (&g, POLICY_WHY_INITRD, &boot->initrd);
    for (; look_in != NULL && *look_in != NULL; look_in++)
        if (!take_folder (&g, *look_in, TRUE, error))
            return FALSE;
    if (!take_beside (&g, &boot->firmware, error) ||
        !take_beside (&g, &boot->kernel, error) ||
        !take_beside (&g, &boot->initrd, error) || !take_described (&g, error))
        return FALSE;
    for (gsize i = 0; i < G_N_ELEMENTS (system_folders); i++)
        if (!take_folder (&g, system_folders[i], FALSE, error))
            return FALSE;
    return TRUE;
}
