/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What boots: the files of the command line, and the processors. */

#include "launcher/cli/step-options.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/guest-policy.h"

#define KERNEL_MAX (G_GUINT64_CONSTANT (1) << 30)
#define INITRD_MAX (G_GUINT64_CONSTANT (2) << 30)

void
step_boot_clear (StepBoot *boot)
{
    g_clear_pointer (&boot->inputs, policy_boot_inputs_free);
    g_clear_pointer (&boot->image, g_bytes_unref);
}

/* -1 with an error */
static int
open_file (const char *what, const char *path, LauncherError code, GError **error)
{
    struct stat st;
    const int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd >= 0 && fstat (fd, &st) == 0 && S_ISREG (st.st_mode))
        return fd;
    g_set_error (error, LAUNCHER_ERROR, code, "%s '%s': %s", what, path,
                 fd < 0 ? g_strerror (errno) : "is no file");
    if (fd >= 0)
        close (fd);
    return -1;
}

static gboolean
read_firmware (const char *path, int fd, guint8 *image, gsize *len, GError **error)
{
    *len = 0;
    for (;;) {
        const gssize n =
            pread (fd, image + *len, OVMF_IMAGE_MAX_SIZE + 1 - *len, (off_t) *len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_FILE, "firmware '%s': %s",
                         path, g_strerror (errno));
            return FALSE;
        }
        *len += (gsize) n;
        if (n == 0 || *len > OVMF_IMAGE_MAX_SIZE)
            break;
    }
    if (*len > 0 && *len <= OVMF_IMAGE_MAX_SIZE)
        return TRUE;
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_FIRMWARE_UNSUITABLE,
                 "firmware '%s': %s", path,
                 *len == 0 ? "is empty" : "is larger than 64 MiB");
    return FALSE;
}

static gboolean
load_firmware (const char *path, StepBoot *out, GError **error)
{
    gsize len;
    const int fd = open_file ("firmware", path, LAUNCHER_ERROR_FIRMWARE_MISSING, error);

    if (fd < 0)
        return FALSE;
    /* Only the pages that are written to cost anything. */
    g_autofree guint8 *image = g_malloc (OVMF_IMAGE_MAX_SIZE + 1);
    const gboolean ok = read_firmware (path, fd, image, &len, error);
    close (fd);
    if (!ok)
        return FALSE;
    out->inputs = policy_boot_inputs_new (path, image, len, error);
    out->image = g_bytes_new_take (g_realloc (g_steal_pointer (&image), len), len);
    return out->inputs != NULL;
}

static gboolean
hash_part (const char *what,
           const char *path,
           guint64 max,
           PolicyBootPart *out,
           GError **error)
{
    const int fd = open_file (what, path, LAUNCHER_ERROR_FILE, error);

    if (fd < 0)
        return FALSE;
    const gboolean ok = policy_file_sha256_fd (fd, max, out->sha256, &out->size, error);
    close (fd);
    if (!ok)
        g_prefix_error (error, "%s '%s': ", what, path);
    out->name = g_strdup (path);
    return ok;
}

static gboolean
load_kernel (const StepBootOptions *o, PolicyBootInputs *inputs, GError **error)
{
    PolicyBootPart kernel = { 0 };
    PolicyBootPart initrd = { 0 };

    const gboolean ok =
        hash_part ("kernel", o->kernel, KERNEL_MAX, &kernel, error) &&
        (o->initrd == NULL ||
         hash_part ("initrd", o->initrd, INITRD_MAX, &initrd, error)) &&
        policy_boot_inputs_set_kernel (inputs, &kernel, o->initrd != NULL ? &initrd : NULL,
                                       o->append, error);
    policy_boot_part_clear (&kernel);
    policy_boot_part_clear (&initrd);
    return ok;
}

/* Processors. */

static gboolean
parse_range (const char *text, StepBoot *out, GError **error)
{
    g_auto (GStrv) parts = g_strsplit (text, "-", 3);
    const guint n = g_strv_length (parts);
    guint64 first = 0;
    guint64 last = 0;

    if (n < 1 || n > 2 ||
        !g_ascii_string_to_unsigned (parts[0], 10, 1, POLICY_MAX_VCPUS, &first, NULL) ||
        !g_ascii_string_to_unsigned (parts[n - 1], 10, first, POLICY_MAX_VCPUS, &last,
                                     NULL))
        return step_usage (error,
                           "--vcpus: '%s' is neither a number nor a range such as "
                           "1-8",
                           text);
    out->first = (guint) first;
    out->last = (guint) last;
    return TRUE;
}

static gboolean
parse_cpu (const char *text, guint32 *out, GError **error)
{
    g_autofree char *problem = NULL;

    return policy_cpu_signature_parse (text, out, &problem) ||
           step_usage (error, "--cpu: %s", problem);
}

static gboolean
parse_form (const char *text, StepBoot *out, GError **error)
{
    out->any_form = text == NULL;
    out->vcpus.form = POLICY_VMSA_LEGACY;
    if (text == NULL || strcmp (text, "legacy") == 0)
        return TRUE;
    if (strcmp (text, "init2") != 0)
        return step_usage (error, "--vmsa: '%s' is neither legacy nor init2", text);
    out->vcpus.form = POLICY_VMSA_INIT2;
    return TRUE;
}

/* QEMU refuses more than one processor without the firmware's address for them. */
static gboolean
take_reset_address (StepBoot *out, GError **error)
{
    if (out->inputs == NULL)
        return TRUE;
    out->vcpus.reset_addr = out->inputs->info.es_reset_addr;
    if (out->last == 1 || (out->inputs->info.caps & OVMF_CAP_ES_RESET) != 0)
        return TRUE;
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_FIRMWARE_UNSUITABLE,
                 "firmware '%s' has no SEV-ES reset block: it can have one processor only",
                 out->inputs->firmware.name);
    return FALSE;
}

static gboolean
read_vcpus (const StepBootOptions *o, StepBoot *out, GError **error)
{
    out->es = out->has_policy ? (out->policy & SEV_POLICY_ES) != 0
                              : o->vcpus != NULL && o->cpu != NULL;
    if (!out->has_policy && (o->vcpus != NULL) != (o->cpu != NULL))
        return step_usage (error, "without --policy, --vcpus and --cpu go together: both "
                                  "say that it is SEV-ES");
    if ((o->vcpus != NULL && !parse_range (o->vcpus, out, error)) ||
        (o->cpu != NULL && !parse_cpu (o->cpu, &out->vcpus.signature, error)) ||
        !parse_form (o->vmsa, out, error))
        return FALSE;
    if (!out->es) {
        if (o->vcpus != NULL && out->has_policy)
            message_info ("without es in the policy the processors are not measured");
        return TRUE;
    }
    if (out->inputs == NULL)
        return TRUE;
    if (o->vcpus == NULL || o->cpu == NULL)
        return step_usage (error, "SEV-ES needs --vcpus and --cpu");
    out->vcpus.count = out->first;
    return take_reset_address (out, error);
}

/* What QEMU would refuse, the owner may still want to compute. */
static void
warn_firmware (const PolicyBootInputs *inputs)
{
    if (inputs->info_problem != NULL)
        message_warning ("firmware '%s': %s", inputs->firmware.name, inputs->info_problem);
    else if (inputs->kernel_hashes && (inputs->info.caps & OVMF_CAP_HASH_AREA) == 0)
        message_warning ("firmware '%s' has no area for kernel hashes: QEMU starts no "
                         "guest with kernel-hashes=on",
                         inputs->firmware.name);
}

gboolean
step_boot_read (const StepBootOptions *o,
                gboolean need_firmware,
                StepBoot *out,
                GError **error)
{
    if (need_firmware && o->firmware == NULL)
        return step_usage (error, "--firmware is needed");
    if ((o->initrd != NULL || o->append != NULL) && o->kernel == NULL)
        return step_usage (error, "--initrd and --append need --kernel");
    if (o->kernel != NULL && o->firmware == NULL)
        return step_usage (error, "--kernel needs --firmware");
    out->policy = policy_guest_default (FALSE);
    out->has_policy = o->policy != NULL;
    if (o->policy != NULL && !policy_guest_parse (o->policy, &out->policy, error))
        return FALSE;
    if (o->firmware != NULL) {
        if (!load_firmware (o->firmware, out, error) ||
            (o->kernel != NULL && !load_kernel (o, out->inputs, error)))
            return FALSE;
        warn_firmware (out->inputs);
    }
    return read_vcpus (o, out, error);
}

static void
part_json (JsonObject *object, const char *name, const PolicyBootPart *part)
{
    if (part->name == NULL) {
        json_object_set_null_member (object, name);
        return;
    }
    JsonObject *one = json_object_new ();
    g_autofree char *path = g_utf8_make_valid (part->name, -1);
    json_object_set_string_member (one, "path", path);
    json_object_set_int_member (one, "size", (gint64) part->size);
    step_hex_json (one, "sha256", part->sha256, SEV_DIGEST_SIZE);
    json_object_set_object_member (object, name, one);
}

void
step_boot_json (const StepBoot *boot, JsonObject *object)
{
    const PolicyBootInputs *inputs = boot->inputs;

    json_object_set_string_member (object, "type", boot->es ? "sev-es" : "sev");
    if (inputs == NULL)
        return;
    part_json (object, "firmware", &inputs->firmware);
    part_json (object, "kernel", &inputs->kernel);
    part_json (object, "initrd", &inputs->initrd);
    if (inputs->kernel_hashes) {
        g_autofree char *text =
            g_utf8_make_valid (inputs->cmdline != NULL ? inputs->cmdline : "", -1);
        json_object_set_string_member (object, "cmdline", text);
        /* JSON is UTF-8, a command line is bytes: what it cannot show must not look whole.
         */
        if (g_strcmp0 (text, inputs->cmdline) != 0 && inputs->cmdline != NULL) {
            g_autofree char *all = g_base64_encode ((const guchar *) inputs->cmdline,
                                                    strlen (inputs->cmdline));
            json_object_set_string_member (object, "cmdline_base64", all);
        }
    } else {
        json_object_set_null_member (object, "cmdline");
    }
    if (boot->es) {
        g_autofree char *signature = g_strdup_printf ("0x%08x", boot->vcpus.signature);
        json_object_set_string_member (object, "signature", signature);
        json_object_set_string_member (object, "vmsa",
                                       policy_vmsa_form_name (boot->vcpus.form));
    }
}
