/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What may be loaded as a program: drivers of the firmware volume, which is
 * measured with the image, and the one kernel that the boot manager verified.
 * An option ROM, a file of a disk or of the network is neither.
 *
 * Every LoadImage() passes here, whoever calls it (UEFI PI 1.8, volume 2,
 * "Security2 Architectural Protocol").  A handler that verifies signatures
 * would be registered beside this one.
 */

#include <PiDxe.h>

#include <Library/DevicePathLib.h>
#include <Library/SecurityManagementLib.h>
#include <Library/UefiBootServicesTableLib.h>
#include <Protocol/SevLaunchKernel.h>

/* A volume's node, one file's node, the end: what the DXE core builds for a
 * file of a firmware volume and for nothing else. */
STATIC
BOOLEAN
IsFirmwareFile (IN CONST EFI_DEVICE_PATH_PROTOCOL *File)
{
    CONST EFI_DEVICE_PATH_PROTOCOL *Node = File;
    BOOLEAN IsVolume;

    if (File == NULL) {
        return FALSE;
    }

    IsVolume = (DevicePathType (Node) == MEDIA_DEVICE_PATH &&
                DevicePathSubType (Node) == MEDIA_PIWG_FW_VOL_DP) ||
               (DevicePathType (Node) == HARDWARE_DEVICE_PATH &&
                DevicePathSubType (Node) == HW_MEMMAP_DP);
    if (!IsVolume) {
        return FALSE;
    }

    Node = NextDevicePathNode (Node);
    if (DevicePathType (Node) != MEDIA_DEVICE_PATH ||
        DevicePathSubType (Node) != MEDIA_PIWG_FW_FILE_DP) {
        return FALSE;
    }

    return IsDevicePathEnd (NextDevicePathNode (Node));
}

STATIC
EFI_STATUS
EFIAPI
SevLaunchImagePolicy (IN UINT32 AuthenticationStatus,
                      IN CONST EFI_DEVICE_PATH_PROTOCOL *File,
                      IN VOID *FileBuffer,
                      IN UINTN FileSize,
                      IN BOOLEAN BootPolicy)
{
    SEVLAUNCH_KERNEL_PROTOCOL *Kernel = NULL;
    EFI_STATUS Status;

    if (IsFirmwareFile (File)) {
        return EFI_SUCCESS;
    }

    Status = gBS->LocateProtocol (&gSevLaunchKernelProtocolGuid, NULL, (VOID **) &Kernel);
    if (EFI_ERROR (Status)) {
        return EFI_ACCESS_DENIED;
    }

    if (Kernel->Running || (FileBuffer == Kernel->Buffer && FileSize == Kernel->Size)) {
        return EFI_SUCCESS;
    }

    return EFI_ACCESS_DENIED;
}

EFI_STATUS
EFIAPI
SevLaunchImagePolicyConstructor (IN EFI_HANDLE ImageHandle,
                                 IN EFI_SYSTEM_TABLE *SystemTable)
{
    return RegisterSecurity2Handler (SevLaunchImagePolicy,
                                     EFI_AUTH_OPERATION_VERIFY_IMAGE |
                                         EFI_AUTH_OPERATION_IMAGE_REQUIRED);
}
