/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "launcher/image/esp.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/image/gpt.h"
#include "launcher/image/image-read.h"
#include "launcher/image/image-tool.h"
#include "qmp/qmp-error.h"
#include "sev/crypto/sev-digest.h"

#define ESP_MAX (1024u << 20)    /* bytes */
#define LISTING_MAX (256u << 10) /* bytes of one directory's listing */
#define MAX_CANDIDATES 16u
#define MTOOLS_TIMEOUT_MS 60000u
#define FAT_DEVICE "/dev/fd/3"

void
esp_uki_free (EspUki *uki)
{
    if (uki == NULL)
        return;
    if (uki->fd >= 0)
        close (uki->fd);
    g_free (uki->path);
    uki_info_free (uki->info);
    g_free (uki);
}

static gboolean
write_all (int fd, const guint8 *data, gsize len)
{
    while (len > 0) {
        const gssize n = write (fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return FALSE;
        data += n;
        len -= (gsize) n;
    }
    return lseek (fd, 0, SEEK_SET) == 0;
}

/* From here on nobody can change the bytes that were checked. */
static int
seal (const guint8 *data, gsize len, GError **error)
{
    const int fd = memfd_create ("sevlaunch-uki", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd >= 0 && write_all (fd, data, len) &&
        fcntl (fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) ==
            0)
        return fd;
    g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_IO,
                 "cannot keep the kernel image in memory: %s", g_strerror (errno));
    if (fd >= 0)
        close (fd);
    return -1;
}

static EspUki *
uki_from_bytes (const char *path, GBytes *bytes, GError **error)
{
    gsize len;
    const guint8 *data = g_bytes_get_data (bytes, &len);
    g_autoptr (EspUki) uki = g_new0 (EspUki, 1);
    g_autoptr (GError) local = NULL;

    uki->fd = -1;
    uki->size = len;
    uki->path = g_strdup (path);
    uki->info = uki_parse (data, len, error);
    if (uki->info == NULL) {
        g_prefix_error (error, "'%s': ", path);
        return NULL;
    }
    if (!sev_sha256 (data, len, uki->sha256, &local)) {
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_IO, "digest of '%s': %s", path,
                     local->message);
        return NULL;
    }
    uki->fd = seal (data, len, error);
    return uki->fd >= 0 ? g_steal_pointer (&uki) : NULL;
}

static gboolean
find_esp (GPtrArray *partitions, const GptPartition **esp, GError **error)
{
    guint n = 0;

    for (guint i = 0; i < partitions->len; i++) {
        const GptPartition *partition = partitions->pdata[i];

        if (!sev_guid_equal (&partition->type, &gpt_type_esp))
            continue;
        *esp = partition;
        n++;
    }
    if (n == 1 && (*esp)->size <= ESP_MAX)
        return TRUE;
    if (n == 0)
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_ESP_MISSING,
                     "disk has no EFI system partition (%u partitions)", partitions->len);
    else if (n > 1)
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_ESP_MANY,
                     "disk has %u EFI system partitions, expected 1", n);
    else
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_ESP_TOO_LARGE,
                     "EFI system partition is %" G_GUINT64_FORMAT
                     " bytes, at most %u are taken",
                     (*esp)->size, ESP_MAX);
    return FALSE;
}

static gboolean
is_power_of_two (guint value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

/* Numbers of the boot sector that mtools divides by and multiplies with. */
static gboolean
check_boot_sector (int fat, GError **error)
{
    guint8 boot[GPT_SECTOR_SIZE];
    const gboolean whole = pread (fat, boot, sizeof boot, 0) == (gssize) sizeof boot;
    const guint sector = whole ? boot[11] | (guint) boot[12] << 8 : 0;

    if (whole && boot[510] == 0x55 && boot[511] == 0xaa && sector >= 512 &&
        sector <= 4096 && is_power_of_two (sector) && is_power_of_two (boot[13]) &&
        (boot[14] | boot[15]) != 0 && (boot[16] == 1 || boot[16] == 2))
        return TRUE;
    g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_FAT_BROKEN,
                 "EFI system partition: its boot sector is none of a FAT file system");
    return FALSE;
}

static int
open_esp (const ImageInfo *image, GCancellable *cancellable, GError **error)
{
    const guint64 size = image_info_get_layer (image, 0)->size;
    const GptPartition *esp = NULL;
    g_autoptr (GBytes) head =
        image_read_bytes (image, 0, MIN (size, GPT_READ_SIZE), cancellable, error);
    if (head == NULL)
        return -1;

    gsize len;
    const guint8 *data = g_bytes_get_data (head, &len);
    g_autoptr (GPtrArray) partitions = gpt_parse (data, len, size, error);
    if (partitions == NULL || !find_esp (partitions, &esp, error))
        return -1;
    return image_read_to_file (image, esp->start, esp->size, ESP_MAX, cancellable, error);
}

/* Lists @dir ("/", "/EFI"): names, a directory's with a slash behind. */
static GStrv
list_dir (int fat, const char *dir, GCancellable *cancellable, GError **error)
{
    g_autofree char *where = g_strconcat ("::", dir, NULL);
    const char *const argv[] = { "mdir", "-a", "-b", "-i", FAT_DEVICE, where, NULL };
    const ImageTool tool = { .argv = argv,
                             .fd = fat,
                             .max_output = LISTING_MAX,
                             .max_file = 0,
                             .timeout_ms = MTOOLS_TIMEOUT_MS };
    g_auto (ImageToolResult) result = { 0 };
    g_autoptr (GError) local = NULL;

    if (!image_tool_run (&tool, cancellable, &result, &local)) {
        if (g_error_matches (local, IMAGE_ERROR, IMAGE_ERROR_BROKEN))
            local->code = IMAGE_ERROR_FAT_BROKEN;
        g_propagate_error (error, g_steal_pointer (&local));
        return NULL;
    }
    if (result.exit_status != 0) {
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_FAT_BROKEN,
                     "EFI system partition: cannot list '%s': %s", dir, result.complaint);
        return NULL;
    }

    gsize len;
    const char *text = g_bytes_get_data (result.output, &len);
    g_autofree char *copy = g_strndup (len > 0 ? text : "", len);
    g_auto (GStrv) lines = g_strsplit (copy, "\n", -1);
    g_autoptr (GStrvBuilder) names = g_strv_builder_new ();
    g_autofree char *prefix =
        g_strconcat (where, g_str_has_suffix (dir, "/") ? "" : "/", NULL);
    for (gsize i = 0; lines[i] != NULL; i++)
        if (g_str_has_prefix (lines[i], prefix))
            g_strv_builder_add (names, lines[i] + strlen (prefix));
    return g_strv_builder_end (names);
}

/* FAT names know no case.  Returns FALSE when a name is there twice. */
static gboolean
find_name (char *const *names, const char *name, const char **found, GError **error)
{
    *found = NULL;
    for (gsize i = 0; names[i] != NULL; i++) {
        if (g_ascii_strcasecmp (names[i], name) != 0)
            continue;
        if (*found != NULL) {
            g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_FAT_BROKEN,
                         "EFI system partition: '%s' is there twice", name);
            return FALSE;
        }
        *found = names[i];
    }
    return TRUE;
}

/* Characters that mean nothing to mtools' patterns and to a terminal. */
static gboolean
name_is_plain (const char *name)
{
    return name[0] != '\0' && name[0] != '-' &&
           strspn (name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                         " ._+~=@,()-") == strlen (name);
}

static gboolean
has_efi_suffix (const char *name)
{
    const gsize len = strlen (name);

    return len > 4 && g_ascii_strcasecmp (name + len - 4, ".efi") == 0;
}

/* Adds "/DIR/SUB/NAME" for what may be a UKI in the directory @sub_slash of @dir. */
static gboolean
add_candidates (int fat,
                const char *dir,
                char *const *names,
                const char *sub_slash,
                const char *only,
                GPtrArray *candidates,
                GCancellable *cancellable,
                GError **error)
{
    const char *sub;

    if (!find_name (names, sub_slash, &sub, error))
        return FALSE;
    if (sub == NULL)
        return TRUE;

    g_autofree char *path = g_strdup_printf ("%s/%.*s", dir, (int) strlen (sub) - 1, sub);
    g_auto (GStrv) files = list_dir (fat, path, cancellable, error);
    if (files == NULL)
        return FALSE;
    for (gsize i = 0; files[i] != NULL; i++) {
        if (only != NULL ? g_ascii_strcasecmp (files[i], only) != 0
                         : !has_efi_suffix (files[i]))
            continue;
        if (!name_is_plain (files[i]) || candidates->len == MAX_CANDIDATES) {
            g_autofree char *shown = qmp_error_printable (files[i]);

            g_set_error (
                error, IMAGE_ERROR, IMAGE_ERROR_FAT_BROKEN,
                "EFI system partition: name '%s' in '%s' cannot be handled, or more "
                "than %u programs",
                shown, path, MAX_CANDIDATES);
            return FALSE;
        }
        g_ptr_array_add (candidates, g_strdup_printf ("%s/%s", path, files[i]));
    }
    return TRUE;
}

/* Fills @candidates; @foreign gets the names of other vendors' directories. */
static gboolean
find_candidates (int fat,
                 GPtrArray *candidates,
                 GPtrArray *foreign,
                 GCancellable *cancellable,
                 GError **error)
{
    const char *efi_slash;
    g_auto (GStrv) root = list_dir (fat, "/", cancellable, error);

    if (root == NULL || !find_name (root, "EFI/", &efi_slash, error))
        return FALSE;
    if (efi_slash == NULL)
        return TRUE;

    g_autofree char *efi = g_strdup_printf ("/%.3s", efi_slash);
    g_auto (GStrv) names = list_dir (fat, efi, cancellable, error);
    if (names == NULL ||
        !add_candidates (fat, efi, names, "Linux/", NULL, candidates, cancellable, error) ||
        !add_candidates (fat, efi, names, "BOOT/", "BOOTX64.EFI", candidates, cancellable,
                         error))
        return FALSE;
    for (gsize i = 0; names[i] != NULL; i++)
        if (g_str_has_suffix (names[i], "/") && names[i][0] != '.' &&
            g_ascii_strcasecmp (names[i], "Linux/") != 0 &&
            g_ascii_strcasecmp (names[i], "BOOT/") != 0)
            g_ptr_array_add (foreign, qmp_error_printable (names[i]));
    return TRUE;
}

static GBytes *
copy_file (int fat, const char *path, GCancellable *cancellable, GError **error)
{
    g_autofree char *from = g_strconcat ("::", path, NULL);
    const char *const argv[] = { "mcopy", "-n", "-i", FAT_DEVICE, from, "-", NULL };
    const ImageTool tool = { .argv = argv,
                             .fd = fat,
                             .max_output = UKI_MAX_SIZE,
                             .max_file = 0,
                             .timeout_ms = MTOOLS_TIMEOUT_MS };
    g_auto (ImageToolResult) result = { 0 };
    g_autoptr (GError) local = NULL;

    if (!image_tool_run (&tool, cancellable, &result, &local)) {
        if (g_error_matches (local, IMAGE_ERROR, IMAGE_ERROR_BROKEN))
            g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_UKI_TOO_LARGE,
                         "'%s' is larger than %u bytes", path + 1, UKI_MAX_SIZE);
        else
            g_propagate_error (error, g_steal_pointer (&local));
        return NULL;
    }
    /* mcopy says it on stderr and may still exit with 0. */
    if (result.exit_status != 0 || result.complaint[0] != '\0') {
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_FAT_BROKEN,
                     "EFI system partition: cannot read '%s': %s", path + 1,
                     result.complaint);
        return NULL;
    }
    return g_steal_pointer (&result.output);
}

static char *
join_names (GPtrArray *paths)
{
    GString *text = g_string_new (NULL);

    for (guint i = 0; i < paths->len; i++)
        g_string_append_printf (text, "%s%s", i > 0 ? ", " : "",
                                (const char *) paths->pdata[i]);
    return g_string_free (text, FALSE);
}

static void
set_none_error (GPtrArray *programs, GPtrArray *foreign, GError **error)
{
    if (programs->len == 0 && foreign->len == 0) {
        g_set_error (
            error, IMAGE_ERROR, IMAGE_ERROR_ESP_NO_UKI,
            "EFI system partition has neither EFI/Linux/*.efi nor EFI/BOOT/BOOTX64.EFI");
        return;
    }

    g_autofree char *names = join_names (programs->len > 0 ? programs : foreign);
    g_set_error (
        error, IMAGE_ERROR, IMAGE_ERROR_ESP_FOREIGN,
        "EFI system partition has boot loaders (%s), but no unified kernel image; what "
        "a boot loader starts is not measured. Make a unified kernel image of the "
        "guest's kernel, initrd and command line with the stub of systemd 252, put it "
        "at EFI/Linux/NAME.efi, and run 'sevlaunch release create' again",
        names);
}

/* Looks at each candidate.  Returns the one UKI, or NULL with an error. */
static EspUki *
pick (int fat,
      GPtrArray *candidates,
      GPtrArray *foreign,
      GCancellable *cancellable,
      GError **error)
{
    g_autoptr (GPtrArray) ukis = g_ptr_array_new ();
    g_autoptr (GPtrArray) others = g_ptr_array_new ();
    g_autoptr (EspUki) found = NULL;
    g_autoptr (GError) refusal = NULL;

    for (guint i = 0; i < candidates->len; i++) {
        const char *path = candidates->pdata[i];
        g_autoptr (GError) local = NULL;
        g_autoptr (GBytes) bytes = copy_file (fat, path, cancellable, error);
        if (bytes == NULL)
            return NULL;

        g_autoptr (EspUki) uki = uki_from_bytes (path + 1, bytes, &local);
        if (g_error_matches (local, IMAGE_ERROR, IMAGE_ERROR_UKI_NOT_UKI)) {
            g_ptr_array_add (others, (gpointer) (path + 1));
            continue;
        }
        /* A UKI that is refused still counts: another one beside it does not save it. */
        g_ptr_array_add (ukis, (gpointer) (path + 1));
        if (uki == NULL && refusal == NULL)
            refusal = g_steal_pointer (&local);
        else if (found == NULL)
            found = g_steal_pointer (&uki);
    }

    if (ukis->len > 1) {
        g_autofree char *names = join_names (ukis);
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_ESP_MANY_UKIS,
                     "EFI system partition has %u unified kernel images (%s), expected 1",
                     ukis->len, names);
        return NULL;
    }
    if (refusal != NULL) {
        g_propagate_error (error, g_steal_pointer (&refusal));
        return NULL;
    }
    if (found == NULL)
        set_none_error (others, foreign, error);
    return g_steal_pointer (&found);
}

EspUki *
esp_extract_uki (const ImageInfo *image, GCancellable *cancellable, GError **error)
{
    g_return_val_if_fail (image != NULL, NULL);

    g_autoptr (GPtrArray) candidates = g_ptr_array_new_with_free_func (g_free);
    g_autoptr (GPtrArray) foreign = g_ptr_array_new_with_free_func (g_free);
    const int fat = open_esp (image, cancellable, error);
    if (fat < 0)
        return NULL;

    EspUki *uki = check_boot_sector (fat, error) &&
                          find_candidates (fat, candidates, foreign, cancellable, error)
                      ? pick (fat, candidates, foreign, cancellable, error)
                      : NULL;
    close (fat);
    return uki;
}

static GBytes *
read_fd (int fd, const char *path, GError **error)
{
    struct stat st;
    gsize done = 0;

    if (fstat (fd, &st) != 0 || !S_ISREG (st.st_mode)) {
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_UKI_NOT_UKI,
                     "'%s' is not a regular file", path);
        return NULL;
    }
    if ((guint64) st.st_size > UKI_MAX_SIZE) {
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_UKI_TOO_LARGE,
                     "'%s' is larger than %u bytes", path, UKI_MAX_SIZE);
        return NULL;
    }

    const gsize len = (gsize) st.st_size;
    guint8 *data = g_malloc (MAX (len, 1));
    while (done < len) {
        const gssize n = read (fd, data + done, len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (gsize) n;
    }
    return g_bytes_new_take (data, done);
}

EspUki *
esp_load_uki_fd (int fd, const char *path, GError **error)
{
    g_return_val_if_fail (path != NULL, NULL);

    g_autoptr (GBytes) bytes = read_fd (fd, path, error);
    return bytes != NULL ? uki_from_bytes (path, bytes, error) : NULL;
}

EspUki *
esp_load_uki (const char *path, GError **error)
{
    g_return_val_if_fail (path != NULL, NULL);

    const int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        const int saved_errno = errno;
        const gboolean missing = saved_errno == ENOENT || saved_errno == ENOTDIR;

        g_set_error (error, IMAGE_ERROR,
                     missing ? IMAGE_ERROR_MISSING : IMAGE_ERROR_UNREADABLE,
                     "unified kernel image '%s': %s", path, g_strerror (saved_errno));
        return NULL;
    }

    EspUki *uki = esp_load_uki_fd (fd, path, error);
    close (fd);
    return uki;
}
