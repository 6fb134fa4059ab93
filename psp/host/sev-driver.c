/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "psp/host/sev-driver.h"

#include <errno.h>
#include <string.h>

#include <linux/psp-sev.h>

#include "psp/host/host-error.h"
#include "psp/host/platform.h"

/* What the kernel has for it is in no user header. */
#define KERNEL_ENOTSUPP 524

#define GET_ID_API_MINOR 16u

/* One call under way. */
typedef struct {
    Platform *platform;
    SevDriverCall *call;
    guint32 given_len[SEV_DEVICE_BLOBS]; /* of results: as much as the caller has room */
    GError **error;
} Driver;

/* Returns: 0, EIO with the firmware's status, or EIO with @error set */
static int
firmware (Driver *driver, PspCommandId command, void *buffer, gsize len)
{
    SevStatus status;

    if (!platform_command (driver->platform, command, buffer, len, &status, driver->error))
        return EIO;
    driver->call->error = status;
    return status == SEV_STATUS_SUCCESS ? 0 : EIO;
}

static int
init (Driver *driver)
{
    SevStatus status;

    if (!platform_init (driver->platform, &status, driver->error))
        return EIO;
    if (platform_state_was_replaced (driver->platform))
        g_warning ("/dev/sev: the platform's state was damaged; it has a new identity now");
    driver->call->error = status;
    return status == SEV_STATUS_SUCCESS ? 0 : EIO;
}

/* The platform as it was left.  As after the driver was loaded, it is initialised; only
 * FACTORY_RESET leaves it otherwise. */
static int
power_up (Driver *driver)
{
    const guint32 before = driver->call->error;

    if (!platform_has_identity (driver->platform))
        return 0;
    const int result = init (driver);
    if (result == 0)
        driver->call->error = before;
    return result;
}

static int
need_init (Driver *driver)
{
    return platform_is_up (driver->platform) ? 0 : init (driver);
}

static int
factory_reset (Driver *driver)
{
    PspPlatformStatusCmd status = { 0 };
    int result = firmware (driver, PSP_CMD_PLATFORM_STATUS, &status, sizeof status);

    if (result != 0)
        return result;
    if (status.state == SEV_PLATFORM_WORKING)
        return EBUSY;
    if (status.state == SEV_PLATFORM_INIT)
        result = firmware (driver, PSP_CMD_SHUTDOWN, NULL, 0);
    return result != 0 ? result : firmware (driver, PSP_CMD_PLATFORM_RESET, NULL, 0);
}

static int
platform_status_call (Driver *driver)
{
    PspPlatformStatusCmd status = { 0 };
    const int result = firmware (driver, PSP_CMD_PLATFORM_STATUS, &status, sizeof status);

    G_STATIC_ASSERT (sizeof status == sizeof (struct sev_user_data_status));
    if (result != 0)
        return result;
    memcpy (driver->call->data, &status, sizeof status);
    driver->call->data_len = sizeof status;
    return 0;
}

static int
generate (Driver *driver, PspCommandId command)
{
    const int result = need_init (driver);

    return result == 0 ? firmware (driver, command, NULL, 0) : result;
}

/* A buffer for a result, as large as the caller's; 0 if he only asks for its length. */
static guint64
lend_result (Driver *driver, guint index, guint32 len)
{
    driver->given_len[index] = len;
    memset (driver->call->blob[index], 0, sizeof driver->call->blob[index]);
    return bus_lend (platform_get_bus (driver->platform), driver->call->blob[index], len);
}

/* The driver copies back as many bytes as the firmware says there are; never more than
 * there is room for. */
static void
give_result (Driver *driver, guint index, guint32 len)
{
    driver->call->blob_len[index] = MIN (len, driver->given_len[index]);
}

static int
pek_csr (Driver *driver)
{
    struct sev_user_data_pek_csr input;
    PspPekCsrCmd cmd = { 0 };
    int result;

    memcpy (&input, driver->call->data, sizeof input);
    if (input.address != 0 && input.length > SEV_DEVICE_BLOB_MAX)
        return EFAULT;
    result = need_init (driver);
    if (result != 0)
        return result;
    if (input.address != 0 && input.length != 0) {
        cmd.csr_paddr_le = GUINT64_TO_LE (lend_result (driver, 0, input.length));
        cmd.csr_len_le = GUINT32_TO_LE (input.length);
    }
    result = firmware (driver, PSP_CMD_PEK_CSR, &cmd, sizeof cmd);
    input.length = GUINT32_FROM_LE (cmd.csr_len_le);
    memcpy (driver->call->data, &input, sizeof input);
    driver->call->data_len = sizeof input;
    if (result == 0)
        give_result (driver, 0, input.length);
    return result;
}

static int
pdh_cert_export (Driver *driver)
{
    struct sev_user_data_pdh_cert_export input;
    PspPdhCertExportCmd cmd = { 0 };
    int result;

    if (!platform_is_up (driver->platform) && !driver->call->writable)
        return EPERM;
    result = need_init (driver);
    if (result != 0)
        return result;
    memcpy (&input, driver->call->data, sizeof input);
    if (input.pdh_cert_address != 0 && input.pdh_cert_len != 0 &&
        input.cert_chain_address != 0) {
        if (input.pdh_cert_len > SEV_DEVICE_BLOB_MAX ||
            input.cert_chain_len > SEV_DEVICE_BLOB_MAX)
            return EFAULT;
        cmd.pdh_paddr_le = GUINT64_TO_LE (lend_result (driver, 0, input.pdh_cert_len));
        cmd.pdh_len_le = GUINT32_TO_LE (input.pdh_cert_len);
        cmd.certs_paddr_le = GUINT64_TO_LE (lend_result (driver, 1, input.cert_chain_len));
        cmd.certs_len_le = GUINT32_TO_LE (input.cert_chain_len);
    }
    result = firmware (driver, PSP_CMD_PDH_CERT_EXPORT, &cmd, sizeof cmd);
    input.pdh_cert_len = GUINT32_FROM_LE (cmd.pdh_len_le);
    input.cert_chain_len = GUINT32_FROM_LE (cmd.certs_len_le);
    memcpy (driver->call->data, &input, sizeof input);
    driver->call->data_len = sizeof input;
    if (result != 0)
        return result;
    give_result (driver, 0, input.pdh_cert_len);
    give_result (driver, 1, input.cert_chain_len);
    return 0;
}

static int
pek_cert_import (Driver *driver)
{
    struct sev_user_data_pek_cert_import input;
    SevDriverCall *call = driver->call;
    Bus *bus = platform_get_bus (driver->platform);
    int result;

    memcpy (&input, call->data, sizeof input);
    if (input.pek_cert_address == 0 || input.oca_cert_address == 0 ||
        call->blob_len[0] == 0 || call->blob_len[0] != input.pek_cert_len ||
        call->blob_len[1] == 0 || call->blob_len[1] != input.oca_cert_len)
        return EINVAL;
    result = need_init (driver);
    if (result != 0)
        return result;
    PspPekCertImportCmd cmd = {
        .pek_paddr_le = GUINT64_TO_LE (bus_lend (bus, call->blob[0], call->blob_len[0])),
        .pek_len_le = GUINT32_TO_LE (call->blob_len[0]),
        .oca_paddr_le = GUINT64_TO_LE (bus_lend (bus, call->blob[1], call->blob_len[1])),
        .oca_len_le = GUINT32_TO_LE (call->blob_len[1]),
    };
    return firmware (driver, PSP_CMD_PEK_CERT_IMPORT, &cmd, sizeof cmd);
}

static gboolean
has_get_id (const Driver *driver)
{
    const PspConfig *config = &platform_get_host (driver->platform)->config;

    return config->api_major > 0 || config->api_minor >= GET_ID_API_MINOR;
}

/* The old form: room for two sockets, no length. */
static int
get_id (Driver *driver)
{
    SevDriverCall *call = driver->call;
    Bus *bus = platform_get_bus (driver->platform);

    if (!has_get_id (driver))
        return KERNEL_ENOTSUPP;
    memset (call->data, 0, sizeof call->data);
    G_STATIC_ASSERT (sizeof (struct sev_user_data_get_id) == sizeof call->data);
    PspGetIdCmd cmd = {
        .id_paddr_le = GUINT64_TO_LE (bus_lend (bus, call->data, sizeof call->data)),
        .id_len_le = GUINT32_TO_LE (sizeof call->data),
    };
    const int result = firmware (driver, PSP_CMD_GET_ID, &cmd, sizeof cmd);
    if (result == 0)
        call->data_len = sizeof call->data;
    return result;
}

static int
get_id2 (Driver *driver)
{
    struct sev_user_data_get_id2 input;
    PspGetIdCmd cmd = { 0 };

    if (!has_get_id (driver))
        return KERNEL_ENOTSUPP;
    memcpy (&input, driver->call->data, sizeof input);
    if (input.address != 0 && input.length != 0) {
        /* The driver takes what it gets memory for; here the limit of all blobs holds. */
        if (input.length > SEV_DEVICE_BLOB_MAX)
            return ENOMEM;
        cmd.id_paddr_le = GUINT64_TO_LE (lend_result (driver, 0, input.length));
        cmd.id_len_le = GUINT32_TO_LE (input.length);
    }
    const int result = firmware (driver, PSP_CMD_GET_ID, &cmd, sizeof cmd);
    input.length = GUINT32_FROM_LE (cmd.id_len_le);
    memcpy (driver->call->data, &input, sizeof input);
    driver->call->data_len = sizeof input;
    if (result == 0)
        give_result (driver, 0, input.length);
    return result;
}

/* Per command: bytes of its struct that the driver reads, and whether it is only for a
 * descriptor that may write. */
static const struct {
    guint32 data_len;
    gboolean writes;
} shapes[] = {
    [SEV_FACTORY_RESET] = { 0, TRUE },
    [SEV_PLATFORM_STATUS] = { 0, FALSE },
    [SEV_PEK_GEN] = { 0, TRUE },
    [SEV_PEK_CSR] = { sizeof (struct sev_user_data_pek_csr), TRUE },
    [SEV_PDH_GEN] = { 0, TRUE },
    [SEV_PDH_CERT_EXPORT] = { sizeof (struct sev_user_data_pdh_cert_export), FALSE },
    [SEV_PEK_CERT_IMPORT] = { sizeof (struct sev_user_data_pek_cert_import), TRUE },
    [SEV_GET_ID] = { 0, FALSE },
    [SEV_GET_ID2] = { sizeof (struct sev_user_data_get_id2), FALSE },
};

static int
run (Driver *driver)
{
    switch (driver->call->cmd) {
    case SEV_FACTORY_RESET:
        return factory_reset (driver);
    case SEV_PLATFORM_STATUS:
        return platform_status_call (driver);
    case SEV_PEK_GEN:
        return generate (driver, PSP_CMD_PEK_GEN);
    case SEV_PEK_CSR:
        return pek_csr (driver);
    case SEV_PDH_GEN:
        return generate (driver, PSP_CMD_PDH_GEN);
    case SEV_PDH_CERT_EXPORT:
        return pdh_cert_export (driver);
    case SEV_PEK_CERT_IMPORT:
        return pek_cert_import (driver);
    case SEV_GET_ID:
        return get_id (driver);
    case SEV_GET_ID2:
        return get_id2 (driver);
    default:
        return EINVAL;
    }
}

static int
refuse (SevDriverCall *call, int number)
{
    call->data_len = 0;
    memset (call->blob_len, 0, sizeof call->blob_len);
    return number;
}

static int
drive (const HostDir *host, SevDriverCall *call, GError **error)
{
    Driver driver = { .call = call, .error = error };
    g_autoptr (Platform) platform = platform_open_locked (host, error);

    if (platform == NULL)
        return EIO;
    driver.platform = platform;
    int result = power_up (&driver);
    call->data_len = 0;
    if (result == 0)
        result = run (&driver);
    if (platform_is_up (platform) && *error == NULL &&
        !platform_update_certs (platform, error))
        return EIO;
    return result;
}

int
sev_driver_call (const HostDir *host, SevDriverCall *call)
{
    g_autoptr (GError) error = NULL;

    if (call->cmd >= G_N_ELEMENTS (shapes) || call->data_len != shapes[call->cmd].data_len)
        return refuse (call, EINVAL);
    if (shapes[call->cmd].writes && !call->writable)
        return refuse (call, EPERM);
    const int result = drive (host, call, &error);
    if (call->cmd == SEV_PEK_CERT_IMPORT)
        memset (call->blob_len, 0, sizeof call->blob_len);
    if (error == NULL)
        return result;
    g_warning ("/dev/sev: %s", error->message);
    call->error = (guint32) SEV_RET_NO_FW_CALL;
    return refuse (call, EIO);
}
