/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * In place of edk2's BdsDxe.  No variable is read here, no device is
 * connected but the PCI root bridges (for the ACPI tables), no boot option,
 * driver option, default path, recovery, menu or key exists: there is no code
 * for them in the image.
 */

#include "SevLaunchBds.h"

#include <Guid/LinuxEfiInitrdMedia.h>
#include <Guid/QemuKernelLoaderFsMedia.h>
#include <Guid/RootBridgesConnectedEventGroup.h>
#include <IndustryStandard/I440FxPiix4.h>
#include <IndustryStandard/Q35MchIch9.h>
#include <Library/BaseLib.h>
#include <Library/BaseMemoryLib.h>
#include <Library/IoLib.h>
#include <Library/MemoryAllocationLib.h>
#include <Library/PcdLib.h>
#include <Library/PciLib.h>
#include <Library/QemuFwCfgLib.h>
#include <Library/UefiBootServicesTableLib.h>
#include <Library/UefiLib.h>
#include <Protocol/Bds.h>
#include <Protocol/DevicePath.h>
#include <Protocol/LoadFile2.h>
#include <Protocol/LoadedImage.h>
#include <Protocol/PciRootBridgeIo.h>
#include <Protocol/SevLaunchKernel.h>

#pragma pack(1)
typedef struct {
    VENDOR_DEVICE_PATH Media;
    EFI_DEVICE_PATH_PROTOCOL End;
} MEDIA_PATH;

typedef struct {
    VENDOR_DEVICE_PATH Media;
    struct {
        EFI_DEVICE_PATH_PROTOCOL Header;
        CHAR16 Name[ARRAY_SIZE (L"kernel")];
    } File;
    EFI_DEVICE_PATH_PROTOCOL End;
} MEDIA_FILE_PATH;
#pragma pack()

#define NODE(type, subtype, object)                                                        \
    {                                                                                      \
        type, subtype, { (UINT8) sizeof (object), 0 }                                      \
    }
#define END_NODE                                                                           \
    NODE (END_DEVICE_PATH_TYPE, END_ENTIRE_DEVICE_PATH_SUBTYPE, EFI_DEVICE_PATH_PROTOCOL)

/* Where the kernel says it came from: a handle with a name and no file system
 * behind it, so that a unified kernel image finds no files beside itself. */
STATIC MEDIA_PATH mKernelMedia = {
    { NODE (MEDIA_DEVICE_PATH, MEDIA_VENDOR_DP, VENDOR_DEVICE_PATH),
      QEMU_KERNEL_LOADER_FS_MEDIA_GUID },
    END_NODE
};

STATIC MEDIA_FILE_PATH mKernelPath = {
    { NODE (MEDIA_DEVICE_PATH, MEDIA_VENDOR_DP, VENDOR_DEVICE_PATH),
      QEMU_KERNEL_LOADER_FS_MEDIA_GUID },
    { NODE (MEDIA_DEVICE_PATH, MEDIA_FILEPATH_DP, ((MEDIA_FILE_PATH *) 0)->File),
      L"kernel" },
    END_NODE
};

STATIC MEDIA_PATH mInitrdMedia = {
    { NODE (MEDIA_DEVICE_PATH, MEDIA_VENDOR_DP, VENDOR_DEVICE_PATH),
      LINUX_EFI_INITRD_MEDIA_GUID },
    END_NODE
};

STATIC BLOB mBlobs[BlobCount];
STATIC SEVLAUNCH_KERNEL_PROTOCOL mKernel;

/* Linux asks for its initrd by this protocol since 5.8. */
STATIC
EFI_STATUS
EFIAPI
InitrdLoad (IN EFI_LOAD_FILE2_PROTOCOL *This,
            IN EFI_DEVICE_PATH_PROTOCOL *FilePath,
            IN BOOLEAN BootPolicy,
            IN OUT UINTN *BufferSize,
            OUT VOID *Buffer OPTIONAL)
{
    CONST BLOB *Initrd = &mBlobs[BlobInitrd];

    if (BootPolicy) {
        return EFI_UNSUPPORTED;
    }

    if (BufferSize == NULL || FilePath == NULL) {
        return EFI_INVALID_PARAMETER;
    }

    if (FilePath->Type != END_DEVICE_PATH_TYPE ||
        FilePath->SubType != END_ENTIRE_DEVICE_PATH_SUBTYPE) {
        return EFI_NOT_FOUND;
    }

    if (Buffer == NULL || *BufferSize < Initrd->Size) {
        *BufferSize = Initrd->Size;
        return EFI_BUFFER_TOO_SMALL;
    }

    CopyMem (Buffer, Initrd->Data, Initrd->Size);
    *BufferSize = Initrd->Size;
    return EFI_SUCCESS;
}

STATIC EFI_LOAD_FILE2_PROTOCOL mInitrdLoad = { InitrdLoad };

/* Says who the firmware is; Linux prints it. */
STATIC
VOID
NameFirmware (VOID)
{
    gST->FirmwareVendor = L"sevlaunch";
    gST->FirmwareRevision = 0x00010000;
    gST->Hdr.CRC32 = 0;
    gBS->CalculateCrc32 (gST, gST->Hdr.HeaderSize, &gST->Hdr.CRC32);
}

/* Lets the PCI bus driver enumerate the buses and place the BARs, which the
 * host's ACPI tables describe afterwards.  No device driver is connected. */
STATIC
VOID
ConnectRootBridges (VOID)
{
    EFI_HANDLE *Handles = NULL;
    UINTN Count = 0;
    UINTN Index;
    EFI_STATUS Status;

    Status = gBS->LocateHandleBuffer (ByProtocol, &gEfiPciRootBridgeIoProtocolGuid, NULL,
                                      &Count, &Handles);
    if (EFI_ERROR (Status)) {
        return;
    }

    for (Index = 0; Index < Count; Index++) {
        gBS->ConnectController (Handles[Index], NULL, NULL, FALSE);
    }

    gBS->FreePool (Handles);
}

/* The chipset's legacy state that the host's ACPI tables take as given: the
 * PIRQ routing registers and ACPI mode (SCI_EN in PM1a control). */
STATIC
VOID
SetUpAcpiMode (VOID)
{
    STATIC CONST UINT8 Irqs[4] = { 10, 10, 11, 11 };
    UINTN PmBase;
    UINTN Routing;
    UINTN Pin;

    switch (PcdGet16 (PcdOvmfHostBridgePciDevId)) {
    case INTEL_Q35_MCH_DEVICE_ID:
        PmBase = POWER_MGMT_REGISTER_Q35 (ICH9_PMBASE);
        for (Pin = 0; Pin < 4; Pin++) {
            PciWrite8 (PCI_LIB_ADDRESS (0, 0x1f, 0, 0x60 + Pin), Irqs[Pin]);
            PciWrite8 (PCI_LIB_ADDRESS (0, 0x1f, 0, 0x68 + Pin), Irqs[Pin]);
        }
        break;
    case INTEL_82441_DEVICE_ID:
        PmBase = POWER_MGMT_REGISTER_PIIX4 (PIIX4_PMBA);
        Routing = PCI_LIB_ADDRESS (0, 1, 0, 0x60);
        for (Pin = 0; Pin < 4; Pin++) {
            PciWrite8 (Routing + Pin, Irqs[Pin]);
        }
        break;
    default:
        return;
    }

    IoOr16 ((PciRead32 (PmBase) & ~(UINT32) BIT0) + 4, BIT0);
}

/* The command line as the kernel's EFI stub wants it: UTF-16, with its NUL.
 * Only what both encodings write alike: the kernel gets what was measured. */
STATIC
VOID
SetCommandLine (IN EFI_LOADED_IMAGE_PROTOCOL *Image)
{
    CONST BLOB *Cmdline = &mBlobs[BlobCmdline];
    CHAR16 *Text;
    UINTN Index;

    Image->LoadOptions = NULL;
    Image->LoadOptionsSize = 0;
    if (Cmdline->Size == 0) {
        return;
    }

    for (Index = 0; Index < Cmdline->Size; Index++) {
        if (Cmdline->Data[Index] >= 0x80 ||
            (Cmdline->Data[Index] == 0) != (Index == Cmdline->Size - 1)) {
            Refuse (SEVLAUNCH_REFUSED_BAD_CMDLINE,
                    "the command line is not one ASCII string");
        }
    }

    if (Cmdline->Size == 1) {
        return;
    }

    Text = AllocatePool (Cmdline->Size * sizeof *Text);
    if (Text == NULL) {
        Refuse (SEVLAUNCH_REFUSED_TOO_LARGE, "no memory for the command line");
    }

    for (Index = 0; Index < Cmdline->Size; Index++) {
        Text[Index] = Cmdline->Data[Index];
    }

    Image->LoadOptions = Text;
    Image->LoadOptionsSize = (UINT32) (Cmdline->Size * sizeof *Text);
}

STATIC
EFI_STATUS
InstallMedia (VOID)
{
    EFI_HANDLE Kernel = NULL;
    EFI_HANDLE Initrd = NULL;
    EFI_STATUS Status;

    mKernel.Buffer = mBlobs[BlobKernel].Data;
    mKernel.Size = mBlobs[BlobKernel].Size;
    Status = gBS->InstallMultipleProtocolInterfaces (
        &Kernel, &gEfiDevicePathProtocolGuid, &mKernelMedia, &gSevLaunchKernelProtocolGuid,
        &mKernel, NULL);
    if (EFI_ERROR (Status) || mBlobs[BlobInitrd].Size == 0) {
        return Status;
    }

    return gBS->InstallMultipleProtocolInterfaces (
        &Initrd, &gEfiDevicePathProtocolGuid, &mInitrdMedia, &gEfiLoadFile2ProtocolGuid,
        &mInitrdLoad, NULL);
}

STATIC
VOID
StartKernel (VOID)
{
    EFI_LOADED_IMAGE_PROTOCOL *Image;
    EFI_HANDLE Handle = NULL;
    EFI_STATUS Status;

    if (EFI_ERROR (InstallMedia ())) {
        Refuse (SEVLAUNCH_REFUSED_FIRMWARE,
                "the kernel's protocols could not be installed");
    }

    Status = gBS->LoadImage (FALSE, gImageHandle, (EFI_DEVICE_PATH_PROTOCOL *) &mKernelPath,
                             mBlobs[BlobKernel].Data, mBlobs[BlobKernel].Size, &Handle);
    if (Status == EFI_OUT_OF_RESOURCES) {
        Refuse (SEVLAUNCH_REFUSED_TOO_LARGE, "the kernel does not fit into memory");
    }

    if (EFI_ERROR (Status)) {
        Refuse (SEVLAUNCH_REFUSED_NOT_LOADABLE,
                "the measured kernel is not an EFI program for x86-64");
    }

    Status = gBS->HandleProtocol (Handle, &gEfiLoadedImageProtocolGuid, (VOID **) &Image);
    if (EFI_ERROR (Status)) {
        Refuse (SEVLAUNCH_REFUSED_FIRMWARE, "the loaded kernel has no image protocol");
    }

    SetCommandLine (Image);
    EfiSignalEventReadyToBoot ();
    mKernel.Running = TRUE;
    gBS->StartImage (Handle, NULL, NULL);
    Refuse (SEVLAUNCH_REFUSED_RETURNED, "the measured kernel gave up");
}

STATIC
VOID EFIAPI
SevLaunchBoot (IN EFI_BDS_ARCH_PROTOCOL *This)
{
    BLOB_HASHES Hashes;
    UINTN Kind;

    NameFirmware ();
    if (EFI_ERROR (ConsoleInstall ())) {
        Refuse (SEVLAUNCH_REFUSED_FIRMWARE, "no EFI console");
    }

    /* Before any device is touched: a boot that will be refused needs none. */
    HashTableRead (&Hashes);
    if (!QemuFwCfgIsAvailable ()) {
        Refuse (SEVLAUNCH_REFUSED_FW_CFG, "the host's fw_cfg device does not answer");
    }

    for (Kind = 0; Kind < BlobCount; Kind++) {
        BlobFetch ((BLOB_KIND) Kind, &Hashes, &mBlobs[Kind]);
    }

    ConnectRootBridges ();
    EfiEventGroupSignal (&gRootBridgesConnectedEventGroupGuid);
    EfiEventGroupSignal (&gEfiEndOfDxeEventGroupGuid);
    SetUpAcpiMode ();
    NameFirmware ();
    StartKernel ();
}

STATIC EFI_BDS_ARCH_PROTOCOL mBds = { SevLaunchBoot };

EFI_STATUS
EFIAPI
SevLaunchBdsEntry (IN EFI_HANDLE ImageHandle, IN EFI_SYSTEM_TABLE *SystemTable)
{
    EFI_HANDLE Handle = NULL;

    return gBS->InstallMultipleProtocolInterfaces (&Handle, &gEfiBdsArchProtocolGuid, &mBds,
                                                   NULL);
}
