/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "psp/host/launch.h"

#include <errno.h>
#include <string.h>

#include "ovmf-hooks/ovmf-hashes.h"
#include "psp/host/host-error.h"
#include "psp/host/vmsa.h"
#include "sev/wire/sev-cert-wire.h"

#define BASE64_MAX 65536u

/* What QEMU prints beside a status of the firmware: KVM's return value (Linux, drivers/
 * crypto/ccp/sev-dev.c), but of LAUNCH_START a variable of its own. */
#define RET_FIRMWARE (-EIO)
#define RET_LAUNCH_START 1

struct _Launch {
    Platform *platform;
    const Argv *argv;
    const LaunchFiles *files;
    GuestMemory *memory;
    OvmfImageInfo image;
    guint32 handle; /* 0: there is no guest */
    guint32 asid;
    gboolean active;
    SevMeasureWire measurement;
    SevGuestState state; /* as QEMU follows it */
};

void
launch_files_free (LaunchFiles *files)
{
    g_clear_pointer (&files->firmware, sealed_free);
    g_clear_pointer (&files->kernel, sealed_free);
    g_clear_pointer (&files->initrd, sealed_free);
    g_free (files);
}

LaunchFiles *
launch_files_open (const Argv *argv, GError **error)
{
    g_autoptr (LaunchFiles) files = g_new0 (LaunchFiles, 1);

    files->firmware = sealed_read ("firmware", argv->firmware, LAUNCH_FIRMWARE_MAX, error);
    if (files->firmware == NULL)
        return NULL;
    if (argv->kernel != NULL) {
        files->kernel = sealed_read ("kernel", argv->kernel, LAUNCH_KERNEL_MAX, error);
        if (files->kernel == NULL)
            return NULL;
    }
    if (argv->initrd != NULL) {
        files->initrd = sealed_read ("initrd", argv->initrd, LAUNCH_INITRD_MAX, error);
        if (files->initrd == NULL)
            return NULL;
    }
    return g_steal_pointer (&files);
}

static gboolean guest_error (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
guest_error (GError **error, const char *format, ...)
{
    va_list args;

    va_start (args, format);
    g_autofree char *text = g_strdup_vprintf (format, args);
    va_end (args);
    g_set_error_literal (error, HOST_ERROR, HOST_ERROR_GUEST, text);
    return FALSE;
}

/* One command of the launch.  @where and @what are how QEMU's error line calls it. */
static gboolean
command (Launch *launch,
         PspCommandId id,
         void *buffer,
         gsize len,
         const char *where,
         const char *what,
         GError **error)
{
    SevStatus status;

    if (!platform_command (launch->platform, id, buffer, len, &status, error))
        return FALSE;
    if (status == SEV_STATUS_SUCCESS)
        return TRUE;
    const int ret = strcmp (what, "LAUNCH_START") == 0 ? RET_LAUNCH_START : RET_FIRMWARE;
    return guest_error (error, "%s: %s ret=%d fw_error=%d '%s'", where, what, ret, status,
                        launch_fw_error_text (status));
}

static gboolean
check_platform (Launch *launch, GError **error)
{
    const ArgvSev *sev = &launch->argv->sev;
    const guint32 cbitpos = platform_cbitpos (launch->platform);
    PspPlatformStatusCmd status = { 0 };

    if (sev->cbitpos != cbitpos)
        return guest_error (error,
                            "sev_kvm_init: cbitpos check failed, host '%u' requested '%u'",
                            cbitpos, sev->cbitpos);
    if (sev->reduced_phys_bits < 1)
        return guest_error (error,
                            "sev_kvm_init: reduced_phys_bits check failed, it should be "
                            ">=1, requested '%u'",
                            sev->reduced_phys_bits);
    if (!platform_status (launch->platform, &status, error))
        return FALSE;
    if ((sev->policy & SEV_POLICY_ES) != 0 &&
        (GUINT16_FROM_LE (status.config_le) & PSP_STATUS_CONFIG_ES) == 0)
        return guest_error (error, "sev_kvm_init: guest policy requires SEV-ES, but host "
                                   "SEV-ES support unavailable");
    return TRUE;
}

/* As sev_read_file_base64(); a file name that is not given is no buffer. */
static gboolean
read_base64 (const char *path, GBytes **out, GError **error)
{
    g_autoptr (GError) cause = NULL;

    if (path == NULL)
        return TRUE;
    g_autoptr (Sealed) file = sealed_read ("file", path, BASE64_MAX, &cause);
    if (file == NULL)
        return guest_error (error, "SEV: Failed to read '%s' (%s)", path, cause->message);
    g_autofree char *text =
        g_strndup ((const char *) sealed_get_data (file), sealed_get_size (file));
    gsize len;
    guchar *data = g_base64_decode (text, &len);
    *out = g_bytes_new_take (data, len);
    return TRUE;
}

static guint64
lend_bytes (Launch *launch, GBytes *bytes, guint32 *len_le)
{
    gsize len = 0;
    gconstpointer data = bytes != NULL ? g_bytes_get_data (bytes, &len) : NULL;

    *len_le = GUINT32_TO_LE ((guint32) len);
    return GUINT64_TO_LE (
        bus_lend (platform_get_bus (launch->platform), (gpointer) data, len));
}

static gboolean
start (Launch *launch, GError **error)
{
    const ArgvSev *sev = &launch->argv->sev;
    g_autoptr (GBytes) session = NULL;
    g_autoptr (GBytes) dh_cert = NULL;
    PspLaunchStartCmd cmd = {
        .handle_le = GUINT32_TO_LE (sev->handle),
        .policy_le = GUINT32_TO_LE (sev->policy),
    };

    if (!read_base64 (sev->session_file, &session, error) ||
        !read_base64 (sev->dh_cert_file, &dh_cert, error))
        return FALSE;
    guint32 len_le;
    cmd.dh_cert_paddr_le = lend_bytes (launch, dh_cert, &len_le);
    cmd.dh_cert_len_le = len_le;
    cmd.session_paddr_le = lend_bytes (launch, session, &len_le);
    cmd.session_len_le = len_le;
    if (!command (launch, PSP_CMD_LAUNCH_START, &cmd, sizeof cmd, "sev_launch_start",
                  "LAUNCH_START", error))
        return FALSE;
    launch->handle = GUINT32_FROM_LE (cmd.handle_le);
    launch->state = SEV_GUEST_LAUNCH_UPDATE;
    return TRUE;
}

/* KVM takes the ASID at its own INIT of the guest.  From here on the host's platform has a
 * guest, and the identity that this process has loaded cannot change. */
static gboolean
take_asid (Launch *launch, GError **error)
{
    const gboolean es = (launch->argv->sev.policy & SEV_POLICY_ES) != 0;

    if (!platform_take_asid (launch->platform, es, &launch->asid, error))
        return FALSE;
    platform_unlock (launch->platform);
    if (launch->asid != 0)
        return TRUE;
    return guest_error (error, "sev_kvm_init: failed to initialize ret=%d fw_error=0 ''",
                        -EBUSY);
}

/* KVM's part of LAUNCH_START: the key goes into the memory controller. */
static gboolean
activate (Launch *launch, GError **error)
{
    PspActivateCmd cmd = {
        .handle_le = GUINT32_TO_LE (launch->handle),
        .asid_le = GUINT32_TO_LE (launch->asid),
    };

    if (!command (launch, PSP_CMD_DF_FLUSH, NULL, 0, "sev_launch_start", "LAUNCH_START",
                  error) ||
        !command (launch, PSP_CMD_ACTIVATE, &cmd, sizeof cmd, "sev_launch_start",
                  "LAUNCH_START", error))
        return FALSE;
    launch->active = TRUE;
    return TRUE;
}

static gboolean
update_data (Launch *launch, guint64 paddr, gsize len, GError **error)
{
    PspLaunchDataCmd cmd = {
        .handle_le = GUINT32_TO_LE (launch->handle),
        .paddr_le = GUINT64_TO_LE (paddr),
        .len_le = GUINT32_TO_LE ((guint32) len),
    };

    return command (launch, PSP_CMD_LAUNCH_UPDATE_DATA, &cmd, sizeof cmd,
                    "sev_launch_update_data", "LAUNCH_UPDATE", error);
}

static gboolean
measure_firmware (Launch *launch, GError **error)
{
    const Sealed *firmware = launch->files->firmware;
    const gsize len = sealed_get_size (firmware);
    const guint64 paddr =
        bus_set_rom (platform_get_bus (launch->platform), sealed_get_data (firmware), len);

    return update_data (launch, paddr, len, error);
}

static gboolean
hash_files (const Launch *launch, OvmfHashes *hashes, GError **error)
{
    const LaunchFiles *files = launch->files;

    return ovmf_hashes_cmdline (launch->argv->append, hashes->cmdline, error) &&
           (files->initrd != NULL ? sealed_sha256 (files->initrd, hashes->initrd, error)
                                  : ovmf_hashes_no_initrd (hashes->initrd, error)) &&
           sealed_sha256 (files->kernel, hashes->kernel, error);
}

static gboolean
measure_hashes (Launch *launch, GError **error)
{
    const OvmfArea *area = &launch->image.hash_area;
    OvmfHashes hashes;

    if (!launch->argv->sev.kernel_hashes || launch->files->kernel == NULL)
        return TRUE;
    if ((launch->image.caps & OVMF_CAP_HASH_AREA) == 0)
        return guest_error (error, "SEV: kernel specified but guest firmware has no hashes "
                                   "table GUID");
    guint8 *place =
        guest_memory_range (launch->memory, area->base, OVMF_HASH_TABLE_PADDED_SIZE);
    if (place == NULL)
        return guest_error (error, "SEV: cannot map hashes table guest memory area");
    if (!hash_files (launch, &hashes, error))
        return FALSE;
    ovmf_hashes_build (&hashes, place);
    return update_data (launch, area->base, OVMF_HASH_TABLE_PADDED_SIZE, error);
}

/* QEMU, sev_launch_update_vmsa(): KVM sends one area for each processor. */
static gboolean
measure_vcpus (Launch *launch, GError **error)
{
    const Argv *argv = launch->argv;
    g_autofree SevVmsaWire *vmsa = g_new (SevVmsaWire, 1);
    VmsaKind kind = { .reset_addr = launch->image.es_reset_addr, .init2 = argv->sev.init2 };
    PspLaunchDataCmd cmd = {
        .handle_le = GUINT32_TO_LE (launch->handle),
        .len_le = GUINT32_TO_LE (sizeof *vmsa),
    };

    if ((argv->sev.policy & SEV_POLICY_ES) == 0)
        return TRUE;
    if (!vmsa_cpu_signature (argv->cpu, argv->kvm, &kind.signature, error))
        return FALSE;
    for (guint i = 0; i < argv->vcpus; i++) {
        vmsa_build (&kind, i, vmsa);
        cmd.paddr_le = GUINT64_TO_LE (
            bus_lend (platform_get_bus (launch->platform), vmsa, sizeof *vmsa));
        if (!command (launch, PSP_CMD_LAUNCH_UPDATE_VMSA, &cmd, sizeof cmd,
                      "sev_launch_update_vmsa", "LAUNCH_UPDATE_VMSA", error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
measure (Launch *launch, GError **error)
{
    PspLaunchDataCmd cmd = {
        .handle_le = GUINT32_TO_LE (launch->handle),
        .paddr_le =
            GUINT64_TO_LE (bus_lend (platform_get_bus (launch->platform),
                                     &launch->measurement, sizeof launch->measurement)),
        .len_le = GUINT32_TO_LE (sizeof launch->measurement),
    };

    if (!command (launch, PSP_CMD_LAUNCH_MEASURE, &cmd, sizeof cmd,
                  "sev_launch_get_measure", "LAUNCH_MEASURE", error))
        return FALSE;
    launch->state = SEV_GUEST_LAUNCH_SECRET;
    return TRUE;
}

static gboolean
inspect_firmware (Launch *launch, GError **error)
{
    const Sealed *firmware = launch->files->firmware;

    if (ovmf_image_inspect (sealed_get_data (firmware), sealed_get_size (firmware),
                            &launch->image, error))
        return TRUE;
    g_prefix_error (error, "firmware '%s': ", launch->argv->firmware);
    return FALSE;
}

/* QEMU, sev_es_save_reset_vector(), before the firmware is measured. */
static gboolean
find_reset_vector (Launch *launch, GError **error)
{
    if ((launch->argv->sev.policy & SEV_POLICY_ES) == 0 ||
        (launch->image.caps & OVMF_CAP_ES_RESET) != 0)
        return TRUE;
    return guest_error (error, "failed to locate and/or save reset vector");
}

Launch *
launch_start (Platform *platform,
              const Argv *argv,
              const LaunchFiles *files,
              GuestMemory *memory,
              PrivateMemory *private_memory,
              GError **error)
{
    g_autoptr (Launch) launch = g_new0 (Launch, 1);

    launch->platform = platform;
    launch->argv = argv;
    launch->files = files;
    launch->memory = memory;
    bus_set_ram (platform_get_bus (platform), memory, private_memory);

    if (!inspect_firmware (launch, error) || !check_platform (launch, error))
        return NULL;
    if (!take_asid (launch, error) || !start (launch, error) || !activate (launch, error) ||
        !find_reset_vector (launch, error) || !measure_firmware (launch, error) ||
        !measure_hashes (launch, error) || !measure_vcpus (launch, error) ||
        !measure (launch, error))
        return NULL;
    if (!argv->start_paused &&
        (!launch_finish (launch, error) || !private_memory_decrypt (private_memory, error)))
        return NULL;
    return g_steal_pointer (&launch);
}

void
launch_free (Launch *launch)
{
    PspHandleCmd cmd = { .handle_le = GUINT32_TO_LE (launch->handle) };
    SevStatus status;

    /* The guest goes; nobody is left to tell if the firmware says no. */
    if (launch->active && !platform_command (launch->platform, PSP_CMD_DEACTIVATE, &cmd,
                                             sizeof cmd, &status, NULL))
        g_debug ("DEACTIVATE failed");
    if (launch->handle != 0 && !platform_command (launch->platform, PSP_CMD_DECOMMISSION,
                                                  &cmd, sizeof cmd, &status, NULL))
        g_debug ("DECOMMISSION failed");
    g_free (launch);
}

gboolean
launch_get_info (Launch *launch, LaunchInfo *out, GError **error)
{
    PspPlatformStatusCmd platform = { 0 };
    PspGuestStatusCmd guest = { .handle_le = GUINT32_TO_LE (launch->handle) };

    if (!platform_status (launch->platform, &platform, error) ||
        !platform_require (launch->platform, PSP_CMD_GUEST_STATUS, &guest, sizeof guest,
                           error))
        return FALSE;
    out->api_major = platform.api_major;
    out->api_minor = platform.api_minor;
    out->build = platform.build;
    out->policy = GUINT32_FROM_LE (guest.policy_le);
    out->handle = launch->handle;
    out->state = guest.state;
    return TRUE;
}

const SevMeasureWire *
launch_get_measurement (const Launch *launch)
{
    return &launch->measurement;
}

/* As gpa2hva(): the whole range in one block of RAM. */
static gboolean
check_address (const Launch *launch, guint64 gpa, gsize len, GError **error)
{
    guint64 offset;

    if (guest_memory_offset (launch->memory, gpa, len, &offset))
        return TRUE;
    if (guest_memory_offset (launch->memory, gpa, 1, &offset))
        return guest_error (error,
                            "SEV: Failed to calculate guest address: Size of memory region "
                            "at 0x%" G_GINT64_MODIFIER "x exceeded.",
                            gpa);
    return guest_error (error,
                        "SEV: Failed to calculate guest address: No memory is mapped at "
                        "address 0x%" G_GINT64_MODIFIER "x",
                        gpa);
}

static gboolean
find_address (const Launch *launch,
              const guint64 *gpa,
              gsize len,
              guint64 *out,
              GError **error)
{
    const OvmfArea *area = &launch->image.secret_area;

    if (gpa != NULL) {
        *out = *gpa;
        return check_address (launch, *gpa, len, error);
    }
    if ((launch->image.caps & OVMF_CAP_SECRET_AREA) == 0)
        return guest_error (error,
                            "SEV: no secret area found in OVMF, gpa must be specified.");
    if (len > area->size)
        return guest_error (error,
                            "SEV: secret of %" G_GSIZE_FORMAT
                            " bytes does not fit the firmware's secret area of %u bytes",
                            len, area->size);
    *out = area->base;
    return check_address (launch, area->base, len, error);
}

static gboolean
send_packet (Launch *launch,
             guint8 *header,
             gsize header_len,
             guint8 *data,
             gsize len,
             guint64 gpa,
             GError **error)
{
    Bus *bus = platform_get_bus (launch->platform);
    PspLaunchSecretCmd cmd = {
        .handle_le = GUINT32_TO_LE (launch->handle),
        .hdr_paddr_le = GUINT64_TO_LE (bus_lend (bus, header, header_len)),
        .hdr_len_le = GUINT32_TO_LE ((guint32) header_len),
        .guest_paddr_le = GUINT64_TO_LE (gpa),
        .guest_len_le = GUINT32_TO_LE ((guint32) len),
        .trans_paddr_le = GUINT64_TO_LE (bus_lend (bus, data, len)),
        .trans_len_le = GUINT32_TO_LE ((guint32) len),
    };
    SevStatus status;

    if (!platform_command (launch->platform, PSP_CMD_LAUNCH_SECRET, &cmd, sizeof cmd,
                           &status, error))
        return FALSE;
    if (status == SEV_STATUS_SUCCESS)
        return TRUE;
    return guest_error (error, "SEV: failed to inject secret ret=%d fw_error=%d '%s'",
                        RET_FIRMWARE, status, launch_fw_error_text (status));
}

gboolean
launch_inject (Launch *launch,
               const char *header,
               const char *secret,
               const guint64 *gpa,
               GError **error)
{
    gsize header_len, len;
    guint64 address = 0;

    if (launch->state != SEV_GUEST_LAUNCH_SECRET)
        return guest_error (error, "SEV: Not in correct state. (LSECRET) %x",
                            launch->state);
    g_autofree guint8 *header_data = g_base64_decode (header, &header_len);
    if (header_len == 0)
        return guest_error (error, "SEV: Failed to decode sequence header");
    g_autofree guint8 *data = g_base64_decode (secret, &len);
    if (len == 0)
        return guest_error (error, "SEV: Failed to decode data");
    return find_address (launch, gpa, len, &address, error) &&
           send_packet (launch, header_data, header_len, data, len, address, error);
}

gboolean
launch_finish (Launch *launch, GError **error)
{
    PspHandleCmd cmd = { .handle_le = GUINT32_TO_LE (launch->handle) };

    if (launch->state == SEV_GUEST_RUNNING)
        return TRUE;
    if (!command (launch, PSP_CMD_LAUNCH_FINISH, &cmd, sizeof cmd, "sev_launch_finish",
                  "LAUNCH_FINISH", error))
        return FALSE;
    launch->state = SEV_GUEST_RUNNING;
    return TRUE;
}

gboolean
launch_is_running (const Launch *launch)
{
    return launch->state == SEV_GUEST_RUNNING;
}

static gboolean
attest (Launch *launch,
        const guint8 *nonce,
        SevReportWire *report,
        PspAttestationCmd *cmd,
        SevStatus *status,
        GError **error)
{
    *cmd = (PspAttestationCmd){ .handle_le = GUINT32_TO_LE (launch->handle) };
    if (report != NULL) {
        memcpy (cmd->mnonce, nonce, sizeof cmd->mnonce);
        cmd->paddr_le = GUINT64_TO_LE (
            bus_lend (platform_get_bus (launch->platform), report, sizeof *report));
        cmd->len_le = GUINT32_TO_LE (sizeof *report);
    }
    return platform_command (launch->platform, PSP_CMD_ATTESTATION, cmd, sizeof *cmd,
                             status, error);
}

/* As QEMU: the length first, then the report. */
char *
launch_attest (Launch *launch, const char *nonce, GError **error)
{
    gsize len;
    g_autofree guint8 *data = g_base64_decode (nonce, &len);
    SevReportWire report;
    PspAttestationCmd cmd;
    SevStatus status;

    if (len != SEV_NONCE_SIZE) {
        guest_error (error, "SEV: mnonce must be %u bytes (got %" G_GSIZE_FORMAT ")",
                     SEV_NONCE_SIZE, len);
        return NULL;
    }
    if (!attest (launch, data, NULL, &cmd, &status, error))
        return NULL;
    if (status != SEV_STATUS_INVALID_LENGTH ||
        GUINT32_FROM_LE (cmd.len_le) != sizeof report) {
        guest_error (error,
                     "SEV: Failed to query the attestation report length ret=%d fw_err=%d "
                     "(%s)",
                     RET_FIRMWARE, status, launch_fw_error_text (status));
        return NULL;
    }
    if (!attest (launch, data, &report, &cmd, &status, error))
        return NULL;
    if (status != SEV_STATUS_SUCCESS) {
        guest_error (error,
                     "SEV: Failed to get attestation report ret=%d fw_err=%d (%s): %s",
                     RET_FIRMWARE, status, launch_fw_error_text (status), g_strerror (EIO));
        return NULL;
    }
    return g_base64_encode ((const guint8 *) &report, sizeof report);
}
