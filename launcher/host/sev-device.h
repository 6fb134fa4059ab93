/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * SECTION: sev-device
 * @short_description: the platform's firmware through /dev/sev
 *
 * One piece of code for the kernel's driver and for an emulated host: there a process of
 * this program's, inside of the host, does the ioctls (sev_device_serve()).
 */
typedef struct _SevDevice SevDevice;

#define SEV_DEVICE_BUFFERS 2u
#define SEV_DEVICE_BUFFER_MAX 0x4000u /* the driver's limit of a blob */

/**
 * SevDeviceCall: one ioctl
 * @cmd: as in <linux/psp-sev.h>
 * @in: (nullable): what the command's struct points to, in its order
 * @room: bytes for what it writes there; 0 asks for the length
 * @saved_errno: (out): 0 for success
 * @status: (out): the firmware's
 * @out: (out): as much as the driver says there is
 * @needed: (out): lengths that it wrote back
 */
typedef struct {
    guint32 cmd;
    GBytes *in[SEV_DEVICE_BUFFERS];
    guint32 room[SEV_DEVICE_BUFFERS];
    int saved_errno;
    guint32 status;
    GBytes *out[SEV_DEVICE_BUFFERS];
    guint32 needed[SEV_DEVICE_BUFFERS];
} SevDeviceCall;

/** SevDeviceIssue: does @call, whatever comes of it. Errors: no answer came. */
typedef gboolean (*SevDeviceIssue) (gpointer data, SevDeviceCall *call, GError **error);

/**
 * sev_device_open:
 * @writable: needed by all that changes something, and by a CSR
 * Errors: %LAUNCHER_ERROR_NO_SEV, %LAUNCHER_ERROR_SEV_UNUSABLE.
 */
SevDevice *sev_device_open (gboolean writable, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** sev_device_new: a device that is somewhere else; @data is freed with @free_data */
SevDevice *sev_device_new (SevDeviceIssue issue,
                           gpointer data,
                           GDestroyNotify free_data) G_GNUC_WARN_UNUSED_RESULT;
void sev_device_free (SevDevice *device);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SevDevice, sev_device_free)

/**
 * sev_device_serve:
 * Opens the device and does the calls of standard input, one a line, with their results on
 * standard output; until the input ends.
 * Errors: those of sev_device_open(), %LAUNCHER_ERROR_IO.
 */
gboolean sev_device_serve (GError **error) G_GNUC_WARN_UNUSED_RESULT;

#define SEV_DEVICE_LINE_MAX 65536u /* bytes of a line: two blobs in base64 and numbers */

/** sev_device_call_to_text: Returns: (transfer full): a line, without its end */
char *sev_device_call_to_text (const SevDeviceCall *call);
/** sev_device_call_parse: the inverse. Errors: %LAUNCHER_ERROR_REPLY_ALTERED. */
gboolean sev_device_call_parse (const char *line,
                                SevDeviceCall *call,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** sev_device_result_to_text: Returns: (transfer full) */
char *sev_device_result_to_text (const SevDeviceCall *call);
/** sev_device_result_parse: into @call, whose @cmd and @room stay. Errors: as above. */
gboolean sev_device_result_parse (const char *line,
                                  SevDeviceCall *call,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
void sev_device_call_clear (SevDeviceCall *call);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SevDeviceCall, sev_device_call_clear)

/*
 * The commands.  Errors of each: %LAUNCHER_ERROR_PLATFORM_STATE (guests run, another owner
 * has it), %LAUNCHER_ERROR_PSP_REFUSED (a certificate or signature), %LAUNCHER_ERROR_PSP
 * (any other status), %LAUNCHER_ERROR_SEV_UNUSABLE, %LAUNCHER_ERROR_REPLY_ALTERED.
 */

/** SevDeviceStatus: PLATFORM_STATUS */
typedef struct {
    guint8 api_major;
    guint8 api_minor;
    guint8 build;
    const char *state; /* "uninit", "init", "working", "unknown" */
    gboolean external_owner;
    gboolean es;
    guint32 guests;
} SevDeviceStatus;

gboolean sev_device_status (SevDevice *device,
                            SevDeviceStatus *out,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** sev_device_export: @pdh: 2084 bytes; @chain: PEK || OCA || CEK, 6252 bytes */
gboolean sev_device_export (SevDevice *device, GBytes **pdh, GBytes **chain, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/** sev_device_id: Returns: (transfer full): 64 bytes for each socket */
GBytes *sev_device_id (SevDevice *device, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** sev_device_csr: Returns: (transfer full): 2084 bytes */
GBytes *sev_device_csr (SevDevice *device, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean sev_device_import (SevDevice *device, GBytes *pek, GBytes *oca, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
gboolean sev_device_pdh_gen (SevDevice *device, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean sev_device_pek_gen (SevDevice *device, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean sev_device_reset (SevDevice *device, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
