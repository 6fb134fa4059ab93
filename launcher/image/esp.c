/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "launcher/image/esp.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/image/fat.h"
#include "launcher/image/gpt.h"
#include "launcher/image/image-read.h"
#include "qmp/qmp-error.h"
#include "sev/crypto/sev-digest.h"

#define ESP_MAX (1024u << 20) /* bytes */
#define MAX_CANDIDATES 16u
#define CHUNK (512u << 10) /* bytes of a file read at a time */

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

/* A UKI that is being written: its bytes pass once, and are hashed on the way. */
typedef struct {
    int fd;
    gsize size;
    SevDigest *sha;
} Draft;

static void
draft_clear (Draft *draft)
{
    if (draft->fd >= 0)
        close (draft->fd);
    sev_digest_free (draft->sha);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Draft, draft_clear)

static gboolean
keep_error (GError **error, const char *why)
{
    g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_IO,
                 "cannot keep the kernel image in memory: %s", why);
    return FALSE;
}

static gboolean
draft_init (Draft *draft, GError **error)
{
    g_autoptr (GError) local = NULL;

    draft->sha = sev_digest_new (&local);
    if (draft->sha == NULL)
        return keep_error (error, local->message);
    draft->fd = memfd_create ("sevlaunch-uki", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return draft->fd >= 0 || keep_error (error, g_strerror (errno));
}

/* A #FatSink. */
static gboolean
draft_add (gpointer data, const guint8 *bytes, gsize len, GError **error)
{
    Draft *draft = data;
    g_autoptr (GError) local = NULL;

    draft->size += len;
    if (!sev_digest_update (draft->sha, bytes, len, &local))
        return keep_error (error, local->message);
    while (len > 0) {
        const gssize n = write (draft->fd, bytes, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return keep_error (error, g_strerror (errno));
        bytes += n;
        len -= (gsize) n;
    }
    return TRUE;
}

static UkiInfo *
parse_sealed (int fd, gsize size, GError **error)
{
    void *map = size > 0 ? mmap (NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;

    if (map == MAP_FAILED) {
        keep_error (error, g_strerror (errno));
        return NULL;
    }
    UkiInfo *info = uki_parse (size > 0 ? map : (const guint8 *) "", size, error);
    if (size > 0)
        munmap (map, size);
    return info;
}

/* From the sealing on nobody can change the bytes that are checked. */
static EspUki *
draft_finish (Draft *draft, const char *path, GError **error)
{
    g_autoptr (EspUki) uki = g_new0 (EspUki, 1);
    g_autoptr (GError) local = NULL;

    uki->fd = -1;
    uki->size = draft->size;
    uki->path = g_strdup (path);
    if (!sev_digest_finish (draft->sha, uki->sha256, &local)) {
        keep_error (error, local->message);
        return NULL;
    }
    if (lseek (draft->fd, 0, SEEK_SET) != 0 ||
        fcntl (draft->fd, F_ADD_SEALS,
               F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
        keep_error (error, g_strerror (errno));
        return NULL;
    }
    uki->info = parse_sealed (draft->fd, draft->size, error);
    if (uki->info == NULL) {
        g_prefix_error (error, "'%s': ", path);
        return NULL;
    }
    uki->fd = draft->fd;
    draft->fd = -1;
    return g_steal_pointer (&uki);
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

/* The EFI system partition as a FAT file system. */
typedef struct {
    const ImageInfo *image;
    GCancellable *cancellable;
    guint64 start; /* byte of the disk */
    Fat *fat;
} Esp;

static void
esp_clear (Esp *esp)
{
    fat_free (esp->fat);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Esp, esp_clear)

static gboolean
esp_read (gpointer data, guint64 offset, guint8 *out, gsize len, GError **error)
{
    const Esp *esp = data;

    return image_read (esp->image, esp->start + offset, out, len, esp->cancellable, error);
}

static gboolean
esp_open (Esp *esp, GError **error)
{
    const GptPartition *partition = NULL;
    g_autoptr (GPtrArray) partitions =
        image_read_partitions (esp->image, esp->cancellable, error);

    if (partitions == NULL || !find_esp (partitions, &partition, error))
        return FALSE;
    esp->start = partition->start;
    esp->fat = fat_open (partition->size, esp_read, esp, error);
    return esp->fat != NULL;
}

/* FAT names know no case.  Returns FALSE when a directory is there twice. */
static gboolean
find_directory (GPtrArray *entries,
                const char *name,
                const FatEntry **found,
                GError **error)
{
    *found = NULL;
    for (guint i = 0; i < entries->len; i++) {
        const FatEntry *entry = entries->pdata[i];

        if (!entry->directory || g_ascii_strcasecmp (entry->name, name) != 0)
            continue;
        if (*found != NULL) {
            g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_FAT_BROKEN,
                         "EFI system partition: '%s/' is there twice", name);
            return FALSE;
        }
        *found = entry;
    }
    return TRUE;
}

/* Characters that mean nothing to a terminal. */
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

/* What may be a UKI. */
typedef struct {
    char *path; /* "EFI/Linux/debian.efi" */
    FatEntry file;
} Candidate;

static void
candidate_free (gpointer data)
{
    Candidate *candidate = data;

    g_free (candidate->path);
    g_free (candidate);
}

static gboolean
add_candidate (GPtrArray *candidates, const char *dir, const FatEntry *file, GError **error)
{
    if (!name_is_plain (file->name) || candidates->len == MAX_CANDIDATES) {
        g_autofree char *shown = qmp_error_printable (file->name);

        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_FAT_BROKEN,
                     "EFI system partition: name '%s' in '%s' cannot be handled, or more "
                     "than %u programs",
                     shown, dir, MAX_CANDIDATES);
        return FALSE;
    }
    Candidate *candidate = g_new0 (Candidate, 1);
    candidate->path = g_strconcat (dir, "/", file->name, NULL);
    candidate->file = *file;
    candidate->file.name = NULL;
    g_ptr_array_add (candidates, candidate);
    return TRUE;
}

/* Adds what may be a UKI in the directory @name of @efi, whose name is @efi_name. */
static gboolean
add_candidates (const Esp *esp,
                const char *efi_name,
                GPtrArray *efi,
                const char *name,
                const char *only,
                GPtrArray *candidates,
                GError **error)
{
    const FatEntry *sub;

    if (!find_directory (efi, name, &sub, error))
        return FALSE;
    if (sub == NULL)
        return TRUE;

    g_autofree char *path = g_strdup_printf ("%s/%s", efi_name, sub->name);
    g_autoptr (GPtrArray) files = fat_list (esp->fat, sub, error);
    if (files == NULL)
        return FALSE;
    for (guint i = 0; i < files->len; i++) {
        const FatEntry *file = files->pdata[i];

        if (file->directory || (only != NULL ? g_ascii_strcasecmp (file->name, only) != 0
                                             : !has_efi_suffix (file->name)))
            continue;
        if (!add_candidate (candidates, path, file, error))
            return FALSE;
    }
    return TRUE;
}

/* Fills @candidates; @foreign gets the names of other vendors' directories. */
static gboolean
find_candidates (const Esp *esp, GPtrArray *candidates, GPtrArray *foreign, GError **error)
{
    const FatEntry *efi;
    g_autoptr (GPtrArray) root = fat_list (esp->fat, NULL, error);

    if (root == NULL || !find_directory (root, "EFI", &efi, error))
        return FALSE;
    if (efi == NULL)
        return TRUE;

    g_autoptr (GPtrArray) vendors = fat_list (esp->fat, efi, error);
    if (vendors == NULL ||
        !add_candidates (esp, efi->name, vendors, "Linux", NULL, candidates, error) ||
        !add_candidates (esp, efi->name, vendors, "BOOT", "BOOTX64.EFI", candidates, error))
        return FALSE;
    for (guint i = 0; i < vendors->len; i++) {
        const FatEntry *vendor = vendors->pdata[i];
        g_autofree char *shown = g_strconcat (vendor->name, "/", NULL);

        if (vendor->directory && vendor->name[0] != '.' &&
            g_ascii_strcasecmp (vendor->name, "Linux") != 0 &&
            g_ascii_strcasecmp (vendor->name, "BOOT") != 0)
            g_ptr_array_add (foreign, qmp_error_printable (shown));
    }
    return TRUE;
}

/* Returns FALSE with an error that ends the search, else @uki, or NULL and @refusal. */
static gboolean
read_candidate (const Esp *esp,
                const Candidate *candidate,
                EspUki **uki,
                GError **refusal,
                GError **error)
{
    g_auto (Draft) draft = { .fd = -1 };

    if (candidate->file.size > UKI_MAX_SIZE) {
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_UKI_TOO_LARGE,
                     "'%s' is larger than %u bytes", candidate->path, UKI_MAX_SIZE);
        return FALSE;
    }
    if (!draft_init (&draft, error) ||
        !fat_read_file (esp->fat, &candidate->file, draft_add, &draft, error))
        return FALSE;
    *uki = draft_finish (&draft, candidate->path, refusal);
    return TRUE;
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
pick (const Esp *esp, GPtrArray *candidates, GPtrArray *foreign, GError **error)
{
    g_autoptr (GPtrArray) ukis = g_ptr_array_new ();
    g_autoptr (GPtrArray) others = g_ptr_array_new ();
    g_autoptr (EspUki) found = NULL;
    g_autoptr (GError) refusal = NULL;

    for (guint i = 0; i < candidates->len; i++) {
        const Candidate *candidate = candidates->pdata[i];
        g_autoptr (GError) local = NULL;
        g_autoptr (EspUki) uki = NULL;

        if (!read_candidate (esp, candidate, &uki, &local, error))
            return NULL;
        if (g_error_matches (local, IMAGE_ERROR, IMAGE_ERROR_UKI_NOT_UKI)) {
            g_ptr_array_add (others, candidate->path);
            continue;
        }
        /* A UKI that is refused still counts: another one beside it does not save it. */
        g_ptr_array_add (ukis, candidate->path);
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

    g_autoptr (GPtrArray) candidates = g_ptr_array_new_with_free_func (candidate_free);
    g_autoptr (GPtrArray) foreign = g_ptr_array_new_with_free_func (g_free);
    g_auto (Esp) esp = { .image = image, .cancellable = cancellable };

    if (!esp_open (&esp, error) || !find_candidates (&esp, candidates, foreign, error))
        return NULL;
    return pick (&esp, candidates, foreign, error);
}

static gboolean
read_fd (int fd, const char *path, Draft *draft, GError **error)
{
    struct stat st;
    g_autofree guint8 *chunk = g_malloc (CHUNK);

    if (fstat (fd, &st) != 0 || !S_ISREG (st.st_mode)) {
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_UKI_NOT_UKI,
                     "'%s' is not a regular file", path);
        return FALSE;
    }
    for (;;) {
        const gssize n = pread (fd, chunk, CHUNK, (off_t) draft->size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return TRUE;
        if (draft->size + (gsize) n > UKI_MAX_SIZE) {
            g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_UKI_TOO_LARGE,
                         "'%s' is larger than %u bytes", path, UKI_MAX_SIZE);
            return FALSE;
        }
        if (!draft_add (draft, chunk, (gsize) n, error))
            return FALSE;
    }
}

EspUki *
esp_load_uki_fd (int fd, const char *path, GError **error)
{
    g_return_val_if_fail (path != NULL, NULL);

    g_auto (Draft) draft = { .fd = -1 };

    if (!draft_init (&draft, error) || !read_fd (fd, path, &draft, error))
        return NULL;
    return draft_finish (&draft, path, error);
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
