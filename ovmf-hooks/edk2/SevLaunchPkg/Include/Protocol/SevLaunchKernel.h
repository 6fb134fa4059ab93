/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Installed by the boot manager once, after the kernel was found to be the
 * measured one: tells the image policy which bytes may be loaded although
 * they do not come from the firmware volume.
 */
typedef struct {
    CONST VOID *Buffer; /* the verified bytes, in the guest's encrypted memory */
    UINTN Size;
    BOOLEAN Running; /* control went to the kernel: what it loads is its own affair */
} SEVLAUNCH_KERNEL_PROTOCOL;

extern EFI_GUID gSevLaunchKernelProtocolGuid;
