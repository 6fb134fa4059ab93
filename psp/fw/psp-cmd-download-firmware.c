/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * DOWNLOAD_FIRMWARE (API 0.15 and later): another version of the firmware.
 *
 *   platform   UNINIT; stays so
 *   reads      an image, see psp-image.h
 *   status     SUCCESS; in this order:
 *              INVALID_LENGTH (0, or more than the generation takes)
 *              INVALID_ADDRESS (not 32-byte aligned memory)
 *              BAD_SIGNATURE (no image, or the emulated root does not vouch for it)
 *              UNSUPPORTED (an image for another generation)
 *              BAD_VERSION (older than what runs; the same again is accepted, because Linux
 *              loads the file it has at each start)
 *
 * Design choices: the statuses, and that BAD_VERSION stands for the version, as images have
 * no security version number besides it (BAD_SVN).  What changes is what the firmware says
 * of itself, formulas and commands with it: API and build.  It lasts as long as the device,
 * as on hardware until the next power cycle.  Stored certificates keep the version of the
 * firmware that made them; PEK_GEN makes new ones.
 */

#include "psp/fw/psp-private.h"

#include <string.h>

#include "psp/fw/psp-chip-private.h"
#include "psp/fw/psp-image.h"

static guint32
version (guint8 api_major, guint8 api_minor, guint8 build)
{
    return (guint32) api_major << 16 | (guint32) api_minor << 8 | build;
}

static SevStatus
check_image (const PspDevice *psp, const guint8 *data, gsize len, PspImage *image)
{
    const PspConfig *running = &psp->config;

    if (!psp_image_open (psp_chip_ark_cert (psp->chip), data, len, image))
        return SEV_STATUS_BAD_SIGNATURE;
    if (image->generation != (guint32) psp_chip_generation (psp->chip))
        return SEV_STATUS_UNSUPPORTED;
    if (version (image->api_major, image->api_minor, image->build) <
        version (running->api_major, running->api_minor, running->build))
        return SEV_STATUS_BAD_VERSION;
    return SEV_STATUS_SUCCESS;
}

gboolean
psp_cmd_download_firmware (PspDevice *psp,
                           PspGuest *guest,
                           void *buffer,
                           SevStatus *status,
                           GError **error)
{
    PspDownloadFirmwareCmd cmd;
    PspImage image;

    memcpy (&cmd, buffer, sizeof cmd);
    const guint64 paddr = GUINT64_FROM_LE (cmd.fw_paddr_le);
    const gsize len = GUINT32_FROM_LE (cmd.fw_len_le);

    if (len == 0 || len > psp_image_max_size (psp_chip_generation (psp->chip)))
        return psp_answer (status, SEV_STATUS_INVALID_LENGTH);
    if (paddr == 0 || paddr % PSP_IMAGE_ALIGN != 0 ||
        !psp_range_ok (psp, paddr, len, PSP_MEMORY_READ))
        return psp_answer (status, SEV_STATUS_INVALID_ADDRESS);

    g_autofree guint8 *data = g_malloc (len);
    if (!psp_read (psp, paddr, data, len, error))
        return FALSE;
    *status = check_image (psp, data, len, &image);
    if (*status != SEV_STATUS_SUCCESS)
        return TRUE;

    psp->config.api_major = image.api_major;
    psp->config.api_minor = image.api_minor;
    psp->config.build = image.build;
    return psp_answer (status, SEV_STATUS_SUCCESS);
}
