/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/flow/launch-boot.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "launcher/base/message.h"
#include "launcher/inspect/firmware-list.h"
#include "ovmf-hooks/ovmf-error.h"
#include "policy/attest/owner-measure.h"
#include "policy/owner-file.h"
#include "sev/base/sev-bytes.h"
#include "sev/crypto/sev-digest.h"

#define FIRMWARE_NAME "sevlaunch-ovmf.fd"
#define READ_SIZE 65536u
#define KERNEL_MAX (G_GUINT64_CONSTANT (1) << 30)
#define INITRD_MAX (G_GUINT64_CONSTANT (2) << 30)

static void
file_clear (LaunchFile *file)
{
    g_free (file->path);
    if (file->fd >= 0)
        close (file->fd);
}

static gboolean
file_error (GError **error, LauncherError code, const char *what, const char *path, int n)
{
    g_set_error (error, LAUNCHER_ERROR, code, "%s '%s': %s", what, path, g_strerror (n));
    return FALSE;
}

/* @fd: already open, or -1. */
static gboolean
open_file (LaunchFile *file,
           const char *what,
           const char *path,
           int fd,
           LauncherError code,
           GError **error)
{
    struct stat st;

    file->path = g_canonicalize_filename (path, NULL);
    file->fd = fd >= 0 ? fcntl (fd, F_DUPFD_CLOEXEC, 3)
                       : open (file->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (file->fd < 0 || fstat (file->fd, &st) != 0)
        return file_error (error, code, what, path, errno);
    if (!S_ISREG (st.st_mode)) {
        g_set_error (error, LAUNCHER_ERROR, code, "%s '%s': is no file", what, path);
        return FALSE;
    }
    return TRUE;
}

static gboolean
hash_file (LaunchFile *file, const char *what, guint64 max, GError **error)
{
    if (policy_file_sha256_fd (file->fd, max, file->sha256, &file->size, error))
        return TRUE;
    g_prefix_error (error, "%s '%s': ", what, file->path);
    return FALSE;
}

/* Firmware. */

/* Once: what is hashed, inspected and expected to be measured are the same bytes. */
static gboolean
read_firmware (LaunchBoot *boot, GError **error)
{
    g_autoptr (GByteArray) image = g_byte_array_new ();
    const LaunchFile *file = &boot->firmware;

    while (image->len <= OVMF_IMAGE_MAX_SIZE) {
        const guint at = image->len;
        g_byte_array_set_size (image, at + READ_SIZE);
        const ssize_t n = pread (file->fd, image->data + at, READ_SIZE, (off_t) at);
        g_byte_array_set_size (image, at + (n > 0 ? (guint) n : 0));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return file_error (error, LAUNCHER_ERROR_FILE, "firmware", file->path, errno);
        if (n == 0)
            break;
    }
    boot->firmware.size = image->len;
    boot->firmware_image = g_byte_array_free_to_bytes (g_steal_pointer (&image));
    return TRUE;
}

/* The launch digest goes on from where this one ends. */
static gboolean
hash_firmware (LaunchBoot *boot, const guint8 *image, gsize len, GError **error)
{
    boot->firmware_sha = sev_digest_new (error);
    if (boot->firmware_sha == NULL ||
        !sev_digest_update (boot->firmware_sha, image, len, error))
        return FALSE;
    g_autoptr (SevDigest) whole = sev_digest_copy (boot->firmware_sha, error);
    return whole != NULL && sev_digest_finish (whole, boot->firmware.sha256, error);
}

static gboolean
inspect_firmware (LaunchBoot *boot, gboolean es, GError **error)
{
    const guint needed = OVMF_CAP_SECRET_AREA | (boot->measured ? OVMF_CAP_HASH_AREA : 0u) |
                         (es ? OVMF_CAP_ES_RESET : 0u);
    g_autoptr (GError) cause = NULL;
    gsize len;
    const guint8 *image = g_bytes_get_data (boot->firmware_image, &len);

    if (ovmf_image_inspect (image, len, &boot->firmware_info, &cause) &&
        ovmf_image_require (&boot->firmware_info, needed, &cause))
        return hash_firmware (boot, image, len, error);
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_FIRMWARE_UNSUITABLE,
                 "firmware '%s': %s", boot->firmware.path, cause->message);
    return FALSE;
}

static gboolean
take_firmware (LaunchBoot *boot, const LaunchOptions *options, gboolean es, GError **error)
{
    g_autofree char *installed = g_build_filename (PKGDATADIR, FIRMWARE_NAME, NULL);
    g_autofree char *beside =
        boot->config != NULL
            ? policy_boot_config_dup_path (boot->config, POLICY_BOOT_FILE_FIRMWARE)
            : NULL;
    const int fd = options->firmware == NULL && beside != NULL
                       ? policy_boot_config_get_fd (boot->config, POLICY_BOOT_FILE_FIRMWARE)
                       : -1;
    const char *path = options->firmware != NULL ? options->firmware
                       : beside != NULL          ? beside
                                                 : installed;

    if (!open_file (&boot->firmware, "firmware", path, fd, LAUNCHER_ERROR_FIRMWARE_MISSING,
                    error)) {
        if (path == installed)
            g_prefix_error (error, "build it with ovmf-hooks/edk2/build-firmware.sh, or "
                                   "name one with --firmware: ");
        return FALSE;
    }
    return read_firmware (boot, error) && inspect_firmware (boot, es, error);
}

/* Kernel. */

static gboolean
take_uki_file (LaunchBoot *boot, const char *path, GError **error)
{
    g_autofree char *absolute = g_canonicalize_filename (path, NULL);

    boot->uki = esp_load_uki (absolute, error);
    return boot->uki != NULL;
}

static gboolean
take_kernel_files (LaunchBoot *boot,
                   const char *kernel,
                   int kernel_fd,
                   const char *initrd,
                   int initrd_fd,
                   GError **error)
{
    if (!open_file (&boot->kernel, "kernel", kernel, kernel_fd, LAUNCHER_ERROR_FILE,
                    error) ||
        !hash_file (&boot->kernel, "kernel", KERNEL_MAX, error))
        return FALSE;
    return initrd == NULL || (open_file (&boot->initrd, "initrd", initrd, initrd_fd,
                                         LAUNCHER_ERROR_FILE, error) &&
                              hash_file (&boot->initrd, "initrd", INITRD_MAX, error));
}

static gboolean
take_from_config (LaunchBoot *boot, gboolean *found, GError **error)
{
    const PolicyBootConfig *config = boot->config;

    *found = FALSE;
    if (config == NULL)
        return TRUE;
    g_autofree char *uki = policy_boot_config_dup_path (config, POLICY_BOOT_FILE_UKI);
    g_autofree char *kernel = policy_boot_config_dup_path (config, POLICY_BOOT_FILE_KERNEL);
    g_autofree char *initrd = policy_boot_config_dup_path (config, POLICY_BOOT_FILE_INITRD);

    *found = uki != NULL || kernel != NULL;
    if (uki != NULL) {
        boot->uki = esp_load_uki_fd (
            policy_boot_config_get_fd (config, POLICY_BOOT_FILE_UKI), uki, error);
        return boot->uki != NULL;
    }
    if (kernel == NULL)
        return TRUE;
    boot->cmdline = g_strdup (policy_boot_config_get_cmdline (config));
    return take_kernel_files (
        boot, kernel, policy_boot_config_get_fd (config, POLICY_BOOT_FILE_KERNEL), initrd,
        policy_boot_config_get_fd (config, POLICY_BOOT_FILE_INITRD), error);
}

/* A domain's <kernel> is of either kind. */
static gboolean
take_domain_kernel (LaunchBoot *boot, const LaunchOptions *options, GError **error)
{
    g_autoptr (GError) cause = NULL;

    if (take_uki_file (boot, options->kernel, &cause)) {
        if (options->initrd == NULL && options->append == NULL)
            return TRUE;
        g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_DOMAIN_UNFIT,
                             "the domain's <kernel> is a unified kernel image, which holds "
                             "initrd and command line: remove <initrd> and <cmdline>");
        return FALSE;
    }
    if (!g_error_matches (cause, IMAGE_ERROR, IMAGE_ERROR_UKI_NOT_UKI)) {
        g_propagate_error (error, g_steal_pointer (&cause));
        return FALSE;
    }
    boot->cmdline = g_strdup (options->append);
    return take_kernel_files (boot, options->kernel, -1, options->initrd, -1, error);
}

static gboolean
take_kernel (LaunchBoot *boot,
             const LaunchOptions *options,
             const LaunchOwner *owner,
             GCancellable *cancellable,
             GError **error)
{
    gboolean found = FALSE;

    if (!boot->measured)
        return TRUE;
    if (options->uki != NULL)
        return take_uki_file (boot, options->uki, error);
    if (options->kernel != NULL && owner->existing != NULL)
        return take_domain_kernel (boot, options, error);
    if (options->kernel != NULL) {
        boot->cmdline = g_strdup (options->append);
        return take_kernel_files (boot, options->kernel, -1, options->initrd, -1, error);
    }
    if (!take_from_config (boot, &found, error) || found)
        return found;
    if (owner->reader == NULL) {
        g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_DOMAIN_UNFIT,
                             "there is neither a <kernel> nor a disk to take one from");
        return FALSE;
    }
    boot->uki = image_reader_uki (owner->reader, cancellable, error);
    boot->uki_from_image = TRUE;
    return boot->uki != NULL;
}

static gboolean
hash_all (LaunchBoot *boot, GError **error)
{
    if (!boot->measured)
        return TRUE;
    memcpy (boot->hashes.kernel,
            boot->uki != NULL ? boot->uki->sha256 : boot->kernel.sha256, SEV_DIGEST_SIZE);
    if (boot->initrd.fd >= 0)
        memcpy (boot->hashes.initrd, boot->initrd.sha256, SEV_DIGEST_SIZE);
    else if (!ovmf_hashes_no_initrd (boot->hashes.initrd, error))
        return FALSE;
    return ovmf_hashes_cmdline (boot->cmdline, boot->hashes.cmdline, error);
}

static gboolean
load_config (LaunchBoot *boot,
             const LaunchOptions *options,
             const char *image,
             GError **error)
{
    g_autofree char *path = image != NULL ? policy_boot_config_path (image) : NULL;

    if (path != NULL && !policy_boot_config_load (path, &boot->config, error))
        return FALSE;
    boot->vcpus = options->vcpus > 0     ? (guint) options->vcpus
                  : boot->config != NULL ? policy_boot_config_get_vcpus (boot->config)
                                         : 0;
    boot->memory = options->memory > 0    ? (guint) options->memory
                   : boot->config != NULL ? policy_boot_config_get_memory (boot->config)
                                          : 0;
    if (boot->vcpus == 0)
        boot->vcpus = LAUNCH_DEFAULT_VCPUS;
    if (boot->memory == 0)
        boot->memory = LAUNCH_DEFAULT_MEMORY;
    return TRUE;
}

/* What is missing is reported by who opens it, with what it is. */
static gboolean
is_missing (const char *path)
{
    return access (path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

/* QEMU opens it for writing, on an emulated host as the user that this process is. */
static gboolean
check_writable (const LaunchOwner *owner, GError **error)
{
    if (owner->image == NULL || owner->place != LAUNCH_PLACE_EMULATED ||
        access (owner->image, W_OK) == 0 || errno == ENOENT)
        return TRUE;
    const int saved = errno;
    if (owner->run_as != NULL)
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_RUN_AS_UNREADABLE,
                     "user '%s', who runs the emulated host, cannot write '%s' (give it to "
                     "that user: chown %s '%s')",
                     owner->run_as->name, owner->image, owner->run_as->name, owner->image);
    else
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_FILE,
                     "image '%s' cannot be written: %s", owner->image, g_strerror (saved));
    return FALSE;
}

/* What QEMU will open by name must be readable for the user whom it runs as. */
static gboolean
check_readable (const LaunchOptions *options, const LaunchOwner *owner, GError **error)
{
    g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
    const char *const named[] = { options->firmware, options->uki, options->kernel,
                                  options->initrd };

    if (owner->run_as == NULL)
        return TRUE;
    for (char **i = owner->backing; *i != NULL; i++)
        g_ptr_array_add (paths, g_strdup (*i));
    for (gsize i = 0; i < G_N_ELEMENTS (named); i++)
        if (named[i] != NULL && !is_missing (named[i]))
            g_ptr_array_add (paths, g_canonicalize_filename (named[i], NULL));
    g_ptr_array_add (paths, NULL);
    return run_as_check_readable ((const char *const *) paths->pdata, error);
}

/* The guest wants the image for itself.  On an emulated host all is one user's, and the
 * kernel image can stay where it is. */
static gboolean
end_reading (LaunchBoot *boot,
             const LaunchOwner *owner,
             GCancellable *cancellable,
             GError **error)
{
    if (owner->reader == NULL)
        return TRUE;
    if (!boot->uki_from_image || owner->place != LAUNCH_PLACE_EMULATED) {
        image_reader_close (owner->reader);
        return TRUE;
    }
    boot->holder = owner->reader;
    boot->held = image_reader_hold (owner->reader, cancellable, error);
    return boot->held != NULL;
}

LaunchBoot *
launch_boot_resolve (const LaunchOptions *options,
                     const LaunchOwner *owner,
                     GCancellable *cancellable,
                     GError **error)
{
    g_autoptr (LaunchBoot) boot = g_new0 (LaunchBoot, 1);
    const gboolean es = (owner->guest_policy & SEV_POLICY_ES) != 0;

    boot->firmware.fd = boot->kernel.fd = boot->initrd.fd = -1;
    boot->measured = !options->own_boot_loader;
    if (!check_readable (options, owner, error) || !check_writable (owner, error))
        return NULL;
    if (owner->image != NULL) {
        boot->image = image_reader_open (owner->reader, cancellable, error);
        if (boot->image == NULL)
            return NULL;
    }
    if (!load_config (boot, options, owner->image, error) ||
        !take_kernel (boot, options, owner, cancellable, error) ||
        !take_firmware (boot, options, es, error) || !hash_all (boot, error))
        return NULL;
    /* The guest wants it for itself. */
    if (!end_reading (boot, owner, cancellable, error))
        return NULL;
    return g_steal_pointer (&boot);
}

static void
recall_part (LaunchFile *file, const PolicyCourierPart *part, const guint8 *sha256)
{
    file->fd = -1;
    file->path = g_strdup (part->path);
    file->size = part->size;
    if (part->path != NULL)
        memcpy (file->sha256, sha256, SEV_DIGEST_SIZE);
}

LaunchBoot *
launch_boot_recall (const PolicyCourierRecord *record, const PolicyCourierBundle *bundle)
{
    LaunchBoot *boot = g_new0 (LaunchBoot, 1);

    recall_part (&boot->firmware, &record->firmware, record->boot.firmware);
    recall_part (&boot->kernel, &record->kernel, record->boot.kernel);
    recall_part (&boot->initrd, &record->initrd, record->boot.initrd);
    boot->measured = record->boot.measured;
    boot->hashes = bundle->hashes;
    boot->cmdline = *bundle->cmdline != '\0' ? g_strdup (bundle->cmdline) : NULL;
    boot->vcpus = bundle->vcpus;
    boot->memory = bundle->memory;
    return boot;
}

gboolean
launch_boot_recall_firmware (LaunchBoot *boot, GError **error)
{
    g_autoptr (GError) cause = NULL;
    guint8 digest[SEV_DIGEST_SIZE];
    gsize len;

    if (boot->firmware_image != NULL)
        return TRUE;
    g_autoptr (GBytes) image =
        policy_file_read_any (boot->firmware.path, OVMF_IMAGE_MAX_SIZE, &cause);
    if (image == NULL) {
        g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_FILE, cause->message);
        return FALSE;
    }
    const guint8 *data = g_bytes_get_data (image, &len);
    if (!sev_sha256 (data, len, digest, error))
        return FALSE;
    if (memcmp (digest, boot->firmware.sha256, sizeof digest) != 0 ||
        !ovmf_image_inspect (data, len, &boot->firmware_info, NULL)) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_FILE,
                     "'%s' is not the firmware any more that the session was prepared with",
                     boot->firmware.path);
        return FALSE;
    }
    boot->firmware_image = g_steal_pointer (&image);
    return TRUE;
}

void
launch_boot_free (LaunchBoot *boot)
{
    launch_boot_remove (boot);
    g_clear_pointer (&boot->image, image_info_free);
    g_clear_pointer (&boot->config, policy_boot_config_free);
    g_clear_pointer (&boot->uki, esp_uki_free);
    g_clear_pointer (&boot->firmware_image, g_bytes_unref);
    g_clear_pointer (&boot->firmware_sha, sev_digest_free);
    file_clear (&boot->firmware);
    file_clear (&boot->kernel);
    file_clear (&boot->initrd);
    g_free (boot->cmdline);
    g_free (boot);
}

/* No release says what may boot: the owner's command line does, and says so. */
static void
judge_unreleased (const PolicyBoot *seen, gboolean secrets, PolicyVerdict *verdict)
{
    g_autofree char *hex = sev_hex_encode (seen->firmware, SEV_DIGEST_SIZE);

    if (policy_firmware_pin_holds (seen->firmware_pin))
        policy_verdict_pass (verdict, POLICY_CHECK_FIRMWARE);
    else if (seen->firmware_accepted || !secrets)
        policy_verdict_waive (
            verdict, POLICY_CHECK_FIRMWARE,
            seen->firmware_accepted
                ? "firmware: unpinned; nothing says that it protects the secrets (it was "
                  "accepted by hand)"
                : "firmware: unpinned; nothing says that it is one of the owner's");
    else
        policy_verdict_fail (
            verdict, POLICY_CHECK_FIRMWARE, "firmware-not-released",
            "firmware: unpinned; no release was named that pins sha256:%s, "
            "and the owner does not trust it (sevlaunch firmware trust; "
            "--accept-firmware takes it all the same)",
            hex);
    if (seen->measured || seen->allow_unmeasured)
        policy_verdict_waive (
            verdict, POLICY_CHECK_BOOT,
            seen->measured ? "that what boots is released: no release was named, the "
                             "files were taken as they are"
                           : "what boots: it is not measured");
}

void
launch_boot_describe (const LaunchBoot *boot,
                      const LaunchOptions *options,
                      const LaunchOwner *owner,
                      PolicyBoot *out)
{
    *out = (PolicyBoot){ .measured = boot->measured,
                         .uki = boot->uki != NULL,
                         .es = (owner->guest_policy & SEV_POLICY_ES) != 0,
                         .vcpus = boot->vcpus,
                         .allow_unmeasured = options->allow_unmeasured_boot };
    memcpy (out->firmware, boot->firmware.sha256, SEV_DIGEST_SIZE);
    out->firmware_pin = policy_owner_pin_of (owner->owner, owner->release, out->firmware);
    memcpy (out->kernel, boot->hashes.kernel, SEV_DIGEST_SIZE);
    memcpy (out->initrd, boot->hashes.initrd, SEV_DIGEST_SIZE);
    memcpy (out->cmdline, boot->hashes.cmdline, SEV_DIGEST_SIZE);
    for (guint i = 0; i < owner->accepted->len; i++)
        if (memcmp (owner->accepted->data + (gsize) i * SEV_DIGEST_SIZE, out->firmware,
                    SEV_DIGEST_SIZE) == 0)
            out->firmware_accepted = TRUE;
}

void
launch_boot_judge_seen (const PolicyBoot *seen,
                        const LaunchOwner *owner,
                        PolicyVerdict *verdict)
{
    if (seen->firmware_pin == POLICY_FIRMWARE_BY_RELEASE ||
        seen->firmware_pin == POLICY_FIRMWARE_BY_OWNER)
        firmware_note_other_build (seen->firmware, PKGDATADIR, verdict);
    if (owner->release == NULL)
        judge_unreleased (seen, ovmf_secret_table_count (owner->table) > 0, verdict);
    else if (!policy_release_check (owner->release, seen, verdict))
        g_debug ("what boots is not what release '%s' pins",
                 policy_release_get_name (owner->release));
}

void
launch_boot_judge (const LaunchBoot *boot,
                   const LaunchOptions *options,
                   const LaunchOwner *owner,
                   PolicyVerdict *verdict)
{
    PolicyBoot seen;

    launch_boot_describe (boot, options, owner, &seen);
    launch_boot_judge_seen (&seen, owner, verdict);
}

gboolean
launch_boot_digest (const LaunchBoot *boot,
                    const PolicyVcpus *vcpus,
                    guint8 out[SEV_DIGEST_SIZE],
                    GError **error)
{
    guint8 table[OVMF_HASH_TABLE_PADDED_SIZE];

    ovmf_hashes_build (&boot->hashes, table);
    return policy_launch_digest_from (boot->firmware_sha, boot->measured ? table : NULL,
                                      vcpus, out, error);
}

static gboolean
copy_uki (const EspUki *uki, int fd)
{
    off_t offset = 0;

    while ((gsize) offset < uki->size) {
        const ssize_t n = sendfile (fd, uki->fd, &offset, uki->size - (gsize) offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return FALSE;
    }
    return TRUE;
}

/* The emulator takes no name beneath /proc, where its own descriptors are. */
static gboolean
link_held (LaunchBoot *boot, const char *dir, GError **error)
{
    g_autofree char *unique = g_uuid_string_random ();
    g_autofree char *name = g_strdup_printf ("%s/sevlaunch-uki-%s", dir, unique);

    if (symlink (boot->held, name) != 0)
        return file_error (error, LAUNCHER_ERROR_IO, "link", name, errno);
    boot->placed = g_steal_pointer (&name);
    boot->kernel.path = g_strdup (boot->placed);
    return TRUE;
}

gboolean
launch_boot_place (LaunchBoot *boot, const char *dir, GError **error)
{
    if (boot->uki == NULL)
        return TRUE;
    if (boot->held != NULL && dir != NULL)
        return link_held (boot, dir, error);
    /* libvirt may give the file to another user; out of one's own directory it still goes.
     */
    if (dir == NULL) {
        boot->placed_dir = g_build_filename (g_get_tmp_dir (), "sevlaunch-XXXXXX", NULL);
        if (g_mkdtemp_full (boot->placed_dir, 0711) == NULL)
            return file_error (error, LAUNCHER_ERROR_IO, "directory", boot->placed_dir,
                               errno);
        dir = boot->placed_dir;
    }
    g_autofree char *template = g_build_filename (dir, "sevlaunch-uki-XXXXXX", NULL);
    const int fd = g_mkstemp_full (template, O_RDWR | O_CLOEXEC, 0600);

    if (fd < 0)
        return file_error (error, LAUNCHER_ERROR_IO, "file", template, errno);
    boot->placed = g_steal_pointer (&template);
    boot->kernel.path = g_strdup (boot->placed);
    const gboolean ok = copy_uki (boot->uki, fd);
    const int saved = errno;
    close (fd);
    return ok || file_error (error, LAUNCHER_ERROR_IO, "writing", boot->placed, saved);
}

void
launch_boot_remove (LaunchBoot *boot)
{
    if (boot->placed != NULL && g_unlink (boot->placed) != 0)
        message_warning ("cannot remove '%s': %s", boot->placed, g_strerror (errno));
    if (boot->placed_dir != NULL && g_rmdir (boot->placed_dir) != 0)
        message_warning ("cannot remove '%s': %s", boot->placed_dir, g_strerror (errno));
    if (boot->holder != NULL)
        image_reader_close (boot->holder);
    boot->holder = NULL;
    g_clear_pointer (&boot->held, g_free);
    g_clear_pointer (&boot->placed, g_free);
    g_clear_pointer (&boot->placed_dir, g_free);
}
