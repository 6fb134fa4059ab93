/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * ImageError: why what boots cannot be taken from a disk image.  Each has one
 * reason id, see image_error_id(); all but the marked ones are bad input.
 */
typedef enum {
    IMAGE_ERROR_MISSING,          /* no such file */
    IMAGE_ERROR_UNREADABLE,       /* there, but this user may not read it */
    IMAGE_ERROR_IN_USE,           /* another process has it locked for writing */
    IMAGE_ERROR_FORMAT,           /* neither qcow2 nor a raw disk with a GPT */
    IMAGE_ERROR_BROKEN,           /* header damaged, or QEMU refuses it */
    IMAGE_ERROR_BACKING_FILE,     /* insecure: a backing file that was not named */
    IMAGE_ERROR_DATA_FILE,        /* insecure: data in an external file */
    IMAGE_ERROR_ENCRYPTED,        /* encrypted by the hypervisor's qcow2 */
    IMAGE_ERROR_GPT_MISSING,      /* no partition table */
    IMAGE_ERROR_GPT_BROKEN,       /* a partition table that does not hold together */
    IMAGE_ERROR_ESP_MISSING,      /* no EFI system partition */
    IMAGE_ERROR_ESP_MANY,         /* two or more EFI system partitions */
    IMAGE_ERROR_ESP_TOO_LARGE,    /* an EFI system partition above the limit */
    IMAGE_ERROR_FAT_BROKEN,       /* the EFI system partition is no sound FAT */
    IMAGE_ERROR_ESP_NO_UKI,       /* nothing bootable where a UKI belongs */
    IMAGE_ERROR_ESP_MANY_UKIS,    /* two or more UKIs */
    IMAGE_ERROR_ESP_FOREIGN,      /* boot loaders only (shim, grub, systemd-boot) */
    IMAGE_ERROR_UKI_TOO_LARGE,    /* above the limit */
    IMAGE_ERROR_UKI_BROKEN,       /* PE file or sections do not hold together */
    IMAGE_ERROR_UKI_NOT_UKI,      /* a sound PE file, but not a UKI */
    IMAGE_ERROR_UKI_STUB_UNKNOWN, /* insecure: stub that cannot be identified */
    IMAGE_ERROR_UKI_STUB_TOO_NEW, /* insecure: stub takes unmeasured SMBIOS text */
    IMAGE_ERROR_LUKS_MISSING,     /* no LUKS partition */
    IMAGE_ERROR_LUKS_MANY,        /* two or more LUKS partitions */
    IMAGE_ERROR_LUKS_BROKEN,      /* LUKS header damaged */
    IMAGE_ERROR_LUKS_UNFIT,       /* insecure: a layout that the guest refuses */
    IMAGE_ERROR_TOOL,             /* host: a tool is missing or was killed */
    IMAGE_ERROR_TIMEOUT,          /* a tool did not finish in its time */
    IMAGE_ERROR_IO,               /* host: temporary file, memory, digest */
} ImageError;

#define IMAGE_ERROR (image_error_quark ())
GQuark image_error_quark (void);

/**
 * image_error_id:
 * @code: a code
 *
 * Returns: (transfer none): the reason id, for example "image-backing-file" or
 *   "esp-many-ukis"; these words are part of the command line's contract
 */
const char *image_error_id (ImageError code);

G_END_DECLS
