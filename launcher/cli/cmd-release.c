/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "launcher/base/secret-file.h"
#include "launcher/cli/command.h"
#include "launcher/image/esp.h"
#include "launcher/flow/image-reader.h"
#include "launcher/inspect/firmware-list.h"
#include "ovmf-hooks/ovmf-hashes.h"
#include "ovmf-hooks/ovmf-image.h"
#include "policy/attest/owner-measure.h"
#include "policy/owner-dir.h"
#include "sev/base/sev-bytes.h"

#define FIRMWARE_NAME "sevlaunch-ovmf.fd"
#define FILE_MAX (G_GUINT64_CONSTANT (2) << 30)

typedef struct {
    char *image;
    char *format;
    char **backing;
    char *owner_cert;
    char *name;
    char *uki;
    char *kernel;
    char *initrd;
    char *append;
    char **firmware;
    char **secrets;
    int vcpus; /* 0: not given */
    gboolean no_disk_pin;
    gboolean replace;
} ReleaseOptions;

static void
release_options_clear (ReleaseOptions *o)
{
    char **const texts[] = { &o->image, &o->format, &o->owner_cert, &o->name,
                             &o->uki,   &o->kernel, &o->initrd,     &o->append };

    for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
        g_clear_pointer (texts[i], g_free);
    g_clear_pointer (&o->backing, g_strfreev);
    g_clear_pointer (&o->firmware, g_strfreev);
    g_clear_pointer (&o->secrets, g_strfreev);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ReleaseOptions, release_options_clear)

/* What goes into the release, and what its spec points to. */
typedef struct {
    PolicyReleaseSpec spec;
    char *name;
    char *image;
    EspUki *uki;
    LuksHeader *luks; /* (nullable) */
    guint8 kernel[SEV_DIGEST_SIZE];
    guint8 initrd[SEV_DIGEST_SIZE];
    guint8 cmdline[SEV_DIGEST_SIZE];
    GArray *firmware;
    gboolean other_build; /* one of them is not known to be of sevlaunch's */
    GPtrArray *names;
    GPtrArray *values;
} Draft;

static void
draft_clear (Draft *draft)
{
    g_clear_pointer (&draft->name, g_free);
    g_clear_pointer (&draft->image, g_free);
    g_clear_pointer (&draft->uki, esp_uki_free);
    g_clear_pointer (&draft->luks, luks_header_free);
    g_clear_pointer (&draft->firmware, g_array_unref);
    g_clear_pointer (&draft->names, g_ptr_array_unref);
    g_clear_pointer (&draft->values, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Draft, draft_clear)

static gboolean
usage (GError **error, const char *text)
{
    g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE, text);
    return FALSE;
}

static gboolean
hash_path (const char *what,
           const char *path,
           guint64 max,
           guint8 out[SEV_DIGEST_SIZE],
           GError **error)
{
    guint64 len = 0;
    const int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_FILE, "%s '%s': %s", what, path,
                     g_strerror (errno));
        return FALSE;
    }
    const gboolean ok = policy_file_sha256_fd (fd, max, out, &len, error);
    close (fd);
    return ok;
}

/* Pinned all the same: the owner says so.  But he is told what he pins. */
static gboolean
warn_firmware (char *path, GError **error)
{
    char *const paths[] = { path, NULL };
    g_autoptr (GPtrArray) list = firmware_list_named (paths, PKGDATADIR, error);

    if (list == NULL)
        return FALSE;
    const FirmwareInfo *info = ((const FirmwareEntry *) list->pdata[0])->info;
    for (guint i = 0; i < info->findings->len; i++) {
        const Finding *finding = g_ptr_array_index (info->findings, i);

        if (finding->level == FINDING_FAIL || finding->level == FINDING_INSECURE)
            message_warning ("firmware '%s': %s", path, finding->text);
    }
    return TRUE;
}

static gboolean
draft_firmware (const ReleaseOptions *o, Draft *draft, GError **error)
{
    g_autofree char *installed = g_build_filename (PKGDATADIR, FIRMWARE_NAME, NULL);
    char *const fallback[] = { installed, NULL };
    guint8 digest[SEV_DIGEST_SIZE];

    draft->firmware = g_array_new (FALSE, FALSE, SEV_DIGEST_SIZE);
    for (char *const *i = o->firmware != NULL ? o->firmware : fallback; *i != NULL; i++) {
        if (!hash_path ("firmware", *i, OVMF_IMAGE_MAX_SIZE, digest, error))
            return FALSE;
        draft->other_build =
            draft->other_build || !firmware_is_own_build (digest, PKGDATADIR);
        if (!warn_firmware (*i, error))
            return FALSE;
        g_array_append_val (draft->firmware, digest);
    }
    draft->spec.firmware = (const guint8 (*)[SEV_DIGEST_SIZE]) draft->firmware->data;
    draft->spec.n_firmware = draft->firmware->len;
    return TRUE;
}

static gboolean
draft_plain_kernel (const ReleaseOptions *o, Draft *draft, GError **error)
{
    if (!hash_path ("kernel", o->kernel, FILE_MAX, draft->kernel, error) ||
        !(o->initrd != NULL
              ? hash_path ("initrd", o->initrd, FILE_MAX, draft->initrd, error)
              : ovmf_hashes_no_initrd (draft->initrd, error)) ||
        !ovmf_hashes_cmdline (o->append, draft->cmdline, error))
        return FALSE;
    draft->spec.kernel = draft->kernel;
    draft->spec.initrd = draft->initrd;
    draft->spec.cmdline = draft->cmdline;
    return TRUE;
}

static gboolean
draft_boot (const ReleaseOptions *o, ImageReader *image, Draft *draft, GError **error)
{
    if (o->kernel != NULL)
        return draft_plain_kernel (o, draft, error);
    draft->uki = o->uki != NULL ? esp_load_uki (o->uki, error)
                                : image_reader_uki (image, NULL, error);
    if (draft->uki == NULL)
        return FALSE;
    draft->spec.uki = draft->uki->sha256;
    return TRUE;
}

static gboolean
draft_luks (const ReleaseOptions *o, ImageReader *image, Draft *draft, GError **error)
{
    if (o->no_disk_pin)
        return TRUE;
    draft->luks = image_reader_luks (image, NULL, error);
    if (draft->luks == NULL) {
        g_prefix_error (error, "the disk's header cannot be pinned (--no-disk-pin for a "
                               "guest that opens no disk): ");
        return FALSE;
    }
    draft->spec.luks_uuid = draft->luks->uuid;
    draft->spec.luks_header_sha256 = draft->luks->sha256;
    draft->spec.luks_header_length = draft->luks->length;
    return TRUE;
}

static gboolean
draft_secrets (const ReleaseOptions *o, Draft *draft, GError **error)
{
    draft->names = g_ptr_array_new_with_free_func (g_free);
    draft->values = g_ptr_array_new_with_free_func ((GDestroyNotify) sev_secret_unref);
    for (char **i = o->secrets; i != NULL && *i != NULL; i++) {
        g_autofree char *name = NULL;
        g_autoptr (SevSecret) value = NULL;
        SevGuid guid;

        if (!secret_argument_parse (*i, &guid, &name, &value, error))
            return FALSE;
        g_ptr_array_add (draft->names, g_steal_pointer (&name));
        g_ptr_array_add (draft->values, g_steal_pointer (&value));
    }
    draft->spec.n_secrets = draft->names->len;
    g_ptr_array_add (draft->names, NULL);
    g_ptr_array_add (draft->values, NULL);
    draft->spec.secret_names = (const char *const *) draft->names->pdata;
    draft->spec.secret_values = (SevSecret *const *) draft->values->pdata;
    return TRUE;
}

static gboolean
make_draft (const ReleaseOptions *o, Draft *draft, GError **error)
{
    g_autoptr (ImageReader) image = image_reader_start (
        o->image, o->format, (const char *const *) o->backing, NULL, error);
    g_autoptr (ImageInfo) info =
        image != NULL ? image_reader_open (image, NULL, error) : NULL;

    if (info == NULL || !draft_boot (o, image, draft, error) ||
        !draft_luks (o, image, draft, error) || !draft_firmware (o, draft, error) ||
        !draft_secrets (o, draft, error))
        return FALSE;
    g_autofree char *base = g_path_get_basename (o->image);
    draft->name = g_strdup (o->name != NULL ? o->name : base);
    draft->image = g_steal_pointer (&base);
    draft->spec.image = draft->image;
    draft->spec.vcpus = (guint) o->vcpus;
    return TRUE;
}

static int
say (const CommandCommon *common, const Draft *draft)
{
    g_autofree char *firmware = sev_hex_encode (draft->firmware->data, SEV_DIGEST_SIZE);
    g_autofree char *boot = sev_hex_encode (
        draft->uki != NULL ? draft->uki->sha256 : draft->kernel, SEV_DIGEST_SIZE);
    const char *what = draft->uki != NULL ? "uki" : "kernel";

    if (common->json) {
        g_autoptr (JsonObject) object = json_object_new ();
        json_object_set_string_member (object, "schema", "sevlaunch.release/1");
        json_object_set_string_member (object, "name", draft->name);
        json_object_set_string_member (object, "image", draft->spec.image);
        json_object_set_string_member (object, "firmware", firmware);
        json_object_set_boolean_member (object, "own_build", !draft->other_build);
        json_object_set_string_member (object, what, boot);
        if (draft->luks != NULL)
            json_object_set_string_member (object, "luks_uuid", draft->luks->uuid);
        if (draft->spec.vcpus > 0)
            json_object_set_int_member (object, "vcpus", draft->spec.vcpus);
        json_object_set_int_member (object, "secrets", draft->spec.n_secrets);
        return command_print_json (object);
    }
    printf ("release '%s' for %s\n  firmware  sha256:%s\n  %-9s sha256:%s\n", draft->name,
            draft->spec.image, firmware, what, boot);
    if (draft->luks != NULL)
        printf ("  disk      LUKS %s, header pinned\n", draft->luks->uuid);
    if (draft->spec.vcpus > 0)
        printf ("  vCPUs     %u, with SEV-ES\n", draft->spec.vcpus);
    if (draft->luks != NULL)
        printf ("  secrets   %u, and the pin of the disk's header: a launch releases %u\n",
                draft->spec.n_secrets, draft->spec.n_secrets + 1);
    else
        printf ("  secrets   %u\n", draft->spec.n_secrets);
    return LAUNCHER_EXIT_OK;
}

static const char summary[] =
    "Pins what may be booted (firmware, unified kernel image or kernel, initrd and "
    "command\n"
    "line, the disk's LUKS header) by SHA-256, and stores the secrets that may be given "
    "to\n"
    "exactly that.  Make it from your own copy of the image, not from the host's.";

static gboolean
parse (ReleaseOptions *o, CommandCommon *common, int *argc, char ***argv, GError **error)
{
    const GOptionEntry entries[] = {
        { "image", 0, 0, G_OPTION_ARG_FILENAME, &o->image, "Your copy of the disk image",
          "FILE" },
        { "owner-cert", 0, 0, G_OPTION_ARG_FILENAME, &o->owner_cert,
          "The guest owner's certificate, in the owner's directory", "FILE" },
        { "name", 'n', 0, G_OPTION_ARG_STRING, &o->name,
          "Name of the release (default: the image's)", "NAME" },
        { "format", 0, 0, G_OPTION_ARG_STRING, &o->format, "Format of the image",
          "qcow2|raw" },
        { "backing-file", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &o->backing,
          "A file that the image may have as backing file (repeatable)", "FILE" },
        { "uki", 0, 0, G_OPTION_ARG_FILENAME, &o->uki,
          "Pin this unified kernel image, not the image's", "FILE" },
        { "kernel", 0, 0, G_OPTION_ARG_FILENAME, &o->kernel, "Pin this kernel", "FILE" },
        { "initrd", 0, 0, G_OPTION_ARG_FILENAME, &o->initrd, "with this initrd", "FILE" },
        { "append", 0, 0, G_OPTION_ARG_FILENAME, &o->append, "and this command line",
          "TEXT" },
        { "firmware", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &o->firmware,
          "Pin this firmware (repeatable; default: the one built by sevlaunch)", "FILE" },
        { "vcpus", 0, 0, G_OPTION_ARG_INT, &o->vcpus,
          "Pin the number of processors, which SEV-ES proves", "N" },
        { "secret", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &o->secrets,
          "A secret for the guest (repeatable; FILE may be -)", "ALIAS|GUID:FILE" },
        { "no-disk-pin", 0, 0, G_OPTION_ARG_NONE, &o->no_disk_pin,
          "Pin no LUKS header: the guest opens no disk", NULL },
        { "replace", 0, 0, G_OPTION_ARG_NONE, &o->replace, "Replace a release of this name",
          NULL },
        G_OPTION_ENTRY_NULL,
    };

    if (!command_parse ("release create", "", summary, entries, common, argc, argv, error))
        return FALSE;
    if (*argc > 1 || o->image == NULL || o->owner_cert == NULL)
        return usage (error, "release create takes --image and --owner-cert, and options "
                             "only");
    if (o->uki != NULL && o->kernel != NULL)
        return usage (error, "--uki and --kernel exclude each other");
    if (o->kernel == NULL && (o->initrd != NULL || o->append != NULL))
        return usage (error, "--initrd and --append need --kernel");
    if (o->vcpus < 0 || o->vcpus > 512)
        return usage (error, "--vcpus is out of range");
    return TRUE;
}

static int
cmd_release_create (int argc, char **argv)
{
    g_auto (ReleaseOptions) options = { 0 };
    g_auto (Draft) draft = { 0 };
    CommandCommon common = { 0 };
    g_autoptr (GError) error = NULL;

    if (!parse (&options, &common, &argc, &argv, &error))
        return command_fail (&common, error);
    g_autoptr (PolicyOwner) owner =
        policy_owner_open (options.owner_cert, POLICY_OWNER_NO_KEY, &error);
    if (owner == NULL || !make_draft (&options, &draft, &error) ||
        !policy_owner_create_release (policy_owner_get_dir (owner), draft.name, &draft.spec,
                                      options.replace, &error))
        return command_fail (&common, error);
    return say (&common, &draft);
}

int
cmd_release (int argc, char **argv)
{
    static const Command table[] = {
        { "create", "pin what may be booted, and store its secrets", cmd_release_create },
        { NULL, NULL, NULL },
    };

    return command_dispatch ("release", table, argc, argv);
}
