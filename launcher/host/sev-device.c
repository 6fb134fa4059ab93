/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "launcher/host/sev-device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <gio/gunixinputstream.h>
#include <linux/psp-sev.h>

#include "launcher/base/launcher-error.h"
#include "sev/wire/sev-cert-wire.h"
#include "sev/wire/sev-status.h"
#include "sev/wire/sev-wire.h"

#define DEVICE "/dev/sev"
#define ID_SIZE 64u /* of a socket */

struct _SevDevice {
    SevDeviceIssue issue;
    gpointer data;
    GDestroyNotify free_data;
};

void
sev_device_call_clear (SevDeviceCall *call)
{
    for (guint i = 0; i < SEV_DEVICE_BUFFERS; i++) {
        g_clear_pointer (&call->in[i], g_bytes_unref);
        g_clear_pointer (&call->out[i], g_bytes_unref);
    }
}

SevDevice *
sev_device_new (SevDeviceIssue issue, gpointer data, GDestroyNotify free_data)
{
    SevDevice *device = g_new0 (SevDevice, 1);

    device->issue = issue;
    device->data = data;
    device->free_data = free_data;
    return device;
}

void
sev_device_free (SevDevice *device)
{
    if (device->free_data != NULL)
        device->free_data (device->data);
    g_free (device);
}

/* The command's struct of addresses and lengths; STATUS has one of its own. */
typedef union {
    struct sev_user_data_status status;
    struct sev_user_data_pek_csr one;         /* as sev_user_data_get_id2 */
    struct sev_user_data_pdh_cert_export two; /* as sev_user_data_pek_cert_import */
} Data;
G_STATIC_ASSERT (sizeof (struct sev_user_data_get_id2) ==
                 sizeof (struct sev_user_data_pek_csr));
G_STATIC_ASSERT (sizeof (struct sev_user_data_pek_cert_import) ==
                 sizeof (struct sev_user_data_pdh_cert_export));

static guint64
address_of (gconstpointer data)
{
    return (guint64) (guintptr) data;
}

/* Buffers of the call: what goes in, or room for what comes out. */
static void
lend (const SevDeviceCall *call, guint index, guint8 **buffer, guint32 *len)
{
    gsize size = 0;
    gconstpointer data =
        call->in[index] != NULL ? g_bytes_get_data (call->in[index], &size) : NULL;

    *len = call->in[index] != NULL ? (guint32) size : call->room[index];
    *buffer = *len > 0 ? g_malloc0 (*len) : NULL;
    if (data != NULL && size > 0)
        memcpy (*buffer, data, size);
}

static gboolean
issue_here (gpointer data, SevDeviceCall *call, GError **error)
{
    const int fd = GPOINTER_TO_INT (data);
    g_autofree guint8 *first = NULL;
    g_autofree guint8 *second = NULL;
    guint32 len[SEV_DEVICE_BUFFERS];
    Data arguments = { 0 };

    lend (call, 0, &first, &len[0]);
    lend (call, 1, &second, &len[1]);
    if (call->cmd != SEV_PLATFORM_STATUS)
        arguments.two = (struct sev_user_data_pdh_cert_export){
            .pdh_cert_address = address_of (first),
            .pdh_cert_len = len[0],
            .cert_chain_address = address_of (second),
            .cert_chain_len = len[1],
        };
    struct sev_issue_cmd command = { .cmd = call->cmd, .data = address_of (&arguments) };
    call->saved_errno = ioctl (fd, SEV_ISSUE_CMD, &command) == 0 ? 0 : errno;
    call->status = command.error;
    if (call->cmd == SEV_PLATFORM_STATUS) {
        call->out[0] = g_bytes_new (&arguments.status, sizeof arguments.status);
        return TRUE;
    }
    call->needed[0] = arguments.two.pdh_cert_len;
    call->needed[1] = arguments.two.cert_chain_len;
    if (call->saved_errno == 0 && call->room[0] > 0)
        call->out[0] = g_bytes_new (first, MIN (call->room[0], call->needed[0]));
    if (call->saved_errno == 0 && call->room[1] > 0)
        call->out[1] = g_bytes_new (second, MIN (call->room[1], call->needed[1]));
    return TRUE;
}

static void
close_device (gpointer data)
{
    close (GPOINTER_TO_INT (data));
}

SevDevice *
sev_device_open (gboolean writable, GError **error)
{
    const int fd = open (DEVICE, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    const int saved = errno;

    if (fd >= 0)
        return sev_device_new (issue_here, GINT_TO_POINTER (fd), close_device);
    g_set_error (error, LAUNCHER_ERROR,
                 saved == ENOENT ? LAUNCHER_ERROR_NO_SEV : LAUNCHER_ERROR_SEV_UNUSABLE,
                 DEVICE ": %s%s", g_strerror (saved),
                 saved == EACCES ? " (only root may use it)" : "");
    return NULL;
}

gboolean
sev_device_serve (GError **error)
{
    g_autoptr (SevDevice) device = sev_device_open (TRUE, error);
    g_autoptr (GInputStream) plain = g_unix_input_stream_new (STDIN_FILENO, FALSE);
    g_autoptr (GDataInputStream) input = g_data_input_stream_new (plain);

    while (device != NULL) {
        g_autofree char *line = g_data_input_stream_read_line (input, NULL, NULL, NULL);
        g_auto (SevDeviceCall) call = { 0 };

        if (line == NULL)
            return TRUE;
        if (!sev_device_call_parse (line, &call, error) ||
            !issue_here (device->data, &call, error))
            return FALSE;
        g_autofree char *text = sev_device_result_to_text (&call);
        if (printf ("%s\n", text) < 0 || fflush (stdout) != 0)
            return TRUE;
    }
    return FALSE;
}

/* Commands. */

static gboolean
fail (const SevDeviceCall *call, const char *name, GError **error)
{
    LauncherError code = LAUNCHER_ERROR_PSP;

    if (call->saved_errno == EBUSY) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_PLATFORM_STATE,
                     "%s: guests run on this platform", name);
        return FALSE;
    }
    if (call->saved_errno != EIO || call->status == SEV_STATUS_SUCCESS ||
        call->status > G_MAXUINT16) {
        g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_SEV_UNUSABLE, DEVICE ": %s: %s",
                     name, g_strerror (call->saved_errno));
        return FALSE;
    }
    switch (call->status) {
    case SEV_STATUS_INVALID_PLATFORM_STATE:
    case SEV_STATUS_ALREADY_OWNED:
        code = LAUNCHER_ERROR_PLATFORM_STATE;
        break;
    case SEV_STATUS_INVALID_CERTIFICATE:
    case SEV_STATUS_BAD_SIGNATURE:
        code = LAUNCHER_ERROR_PSP_REFUSED;
        break;
    default:
        break;
    }
    g_set_error (error, LAUNCHER_ERROR, (gint) code, "%s: the firmware says %s (%u)%s",
                 name, sev_status_name (call->status), call->status,
                 call->status == SEV_STATUS_INVALID_PLATFORM_STATE ? ": do guests run?"
                 : call->status == SEV_STATUS_ALREADY_OWNED
                     ? ": pek-gen makes it self-owned again"
                     : "");
    return FALSE;
}

static gboolean
issue (SevDevice *device, SevDeviceCall *call, const char *name, GError **error)
{
    if (!device->issue (device->data, call, error))
        return FALSE;
    return call->saved_errno == 0 || fail (call, name, error);
}

static gboolean
implausible (const char *name, GError **error)
{
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_REPLY_ALTERED,
                 "%s: the answer has not the size that it must have", name);
    return FALSE;
}

static GBytes *
take (SevDeviceCall *call, guint index, gsize len, const char *name, GError **error)
{
    if (call->out[index] != NULL && g_bytes_get_size (call->out[index]) == len)
        return g_steal_pointer (&call->out[index]);
    implausible (name, error);
    return NULL;
}

gboolean
sev_device_status (SevDevice *device, SevDeviceStatus *out, GError **error)
{
    static const char *const states[] = { "uninit", "init", "working" };
    g_auto (SevDeviceCall) call = { .cmd = SEV_PLATFORM_STATUS };
    struct sev_user_data_status status;

    if (!issue (device, &call, "PLATFORM_STATUS", error))
        return FALSE;
    g_autoptr (GBytes) bytes = take (&call, 0, sizeof status, "PLATFORM_STATUS", error);
    if (bytes == NULL)
        return FALSE;
    memcpy (&status, g_bytes_get_data (bytes, NULL), sizeof status);
    *out = (SevDeviceStatus){
        .api_major = status.api_major,
        .api_minor = status.api_minor,
        .build = status.build,
        .state = status.state < G_N_ELEMENTS (states) ? states[status.state] : "unknown",
        .external_owner = (status.flags & 1) != 0,
        .es = (status.flags & SEV_STATUS_FLAGS_CONFIG_ES) != 0,
        .guests = status.guest_count,
    };
    return TRUE;
}

gboolean
sev_device_export (SevDevice *device, GBytes **pdh, GBytes **chain, GError **error)
{
    g_auto (SevDeviceCall) call = { .cmd = SEV_PDH_CERT_EXPORT,
                                    .room = { SEV_CERT_SIZE, SEV_CERT_CHAIN_SIZE } };

    if (!issue (device, &call, "PDH_CERT_EXPORT", error))
        return FALSE;
    *chain = take (&call, 1, SEV_CERT_CHAIN_SIZE, "PDH_CERT_EXPORT", error);
    if (*chain == NULL)
        return FALSE;
    *pdh = take (&call, 0, SEV_CERT_SIZE, "PDH_CERT_EXPORT", error);
    if (*pdh == NULL)
        g_clear_pointer (chain, g_bytes_unref);
    return *pdh != NULL;
}

GBytes *
sev_device_id (SevDevice *device, GError **error)
{
    g_auto (SevDeviceCall) query = { .cmd = SEV_GET_ID2 };
    g_auto (SevDeviceCall) call = { .cmd = SEV_GET_ID2 };

    if (!device->issue (device->data, &query, error))
        return NULL;
    const guint32 len = query.needed[0];
    if (query.saved_errno != EIO || query.status != SEV_STATUS_INVALID_LENGTH) {
        fail (&query, "GET_ID", error);
        return NULL;
    }
    if (len == 0 || len % ID_SIZE != 0 || len > SEV_DEVICE_BUFFER_MAX) {
        implausible ("GET_ID", error);
        return NULL;
    }
    call.room[0] = len;
    if (!issue (device, &call, "GET_ID", error))
        return NULL;
    return take (&call, 0, len, "GET_ID", error);
}

GBytes *
sev_device_csr (SevDevice *device, GError **error)
{
    g_auto (SevDeviceCall) call = { .cmd = SEV_PEK_CSR, .room = { SEV_CERT_SIZE } };

    if (!issue (device, &call, "PEK_CSR", error))
        return NULL;
    return take (&call, 0, SEV_CERT_SIZE, "PEK_CSR", error);
}

gboolean
sev_device_import (SevDevice *device, GBytes *pek, GBytes *oca, GError **error)
{
    g_auto (SevDeviceCall) call = { .cmd = SEV_PEK_CERT_IMPORT,
                                    .in = { g_bytes_ref (pek), g_bytes_ref (oca) } };

    return issue (device, &call, "PEK_CERT_IMPORT", error);
}

static gboolean
plain (SevDevice *device, guint32 cmd, const char *name, GError **error)
{
    g_auto (SevDeviceCall) call = { .cmd = cmd };

    return issue (device, &call, name, error);
}

gboolean
sev_device_pdh_gen (SevDevice *device, GError **error)
{
    return plain (device, SEV_PDH_GEN, "PDH_GEN", error);
}

gboolean
sev_device_pek_gen (SevDevice *device, GError **error)
{
    return plain (device, SEV_PEK_GEN, "PEK_GEN", error);
}

gboolean
sev_device_reset (SevDevice *device, GError **error)
{
    return plain (device, SEV_FACTORY_RESET, "FACTORY_RESET", error);
}
