/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "psp/fw/psp-chip.h"
#include "sev/crypto/sev-ec.h"
#include "sev/crypto/sev-rsa.h"
#include "sev/wire/sev-cert-wire.h"

/*
 * Firmware images for DOWNLOAD_FIRMWARE, put together by offsets from the description in
 * psp/fw/psp-image.h, not by code of the library.
 */

typedef struct {
    guint32 generation; /* of the header; 0: the chip's */
    guint8 api_major;
    guint8 api_minor;
    guint8 build;
    gsize size;             /* of the image; 0: the smallest */
    const SevRsaKey *root;  /* who certifies the key; %NULL: the chip's ARK */
    guint32 usage;          /* of the key; 0: firmware */
    const SevEcKey *signer; /* with @cert: in place of a key made for it */
    const SevCert *cert;
} FirmwareSpec;

GBytes *firmware_maker_image (const PspChip *chip, const FirmwareSpec *spec);

#define FIRMWARE_AT_SIGNATURE(size) ((size) -144u)
#define FIRMWARE_MIN_SIZE (0x83cu + 144u)
