/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Kernel, initrd and command line, from QEMU's fw_cfg device
 * (QEMU docs/specs/fw_cfg.rst; hw/i386/x86.c fills the items).
 *
 * QEMU from 10 on serves the unpatched kernel file as etc/boot/kernel; older
 * ones serve it in two parts under numbered items.  A named file wins, as in
 * edk2 2025.02.  No other name below etc/boot/ is ever looked at: edk2's own
 * loader starts an etc/boot/shim that nothing measures.
 */

#include "SevLaunchBds.h"

#include <Library/BaseCryptLib.h>
#include <Library/BaseMemoryLib.h>
#include <Library/MemoryAllocationLib.h>
#include <Library/QemuFwCfgLib.h>

STATIC_ASSERT (SHA256_SIZE == SHA256_DIGEST_SIZE, "SHA-256 is 32 bytes");

#define MAX_PARTS 2
#define MAX_BLOB                                                                           \
    SIZE_1GB /* more than any kernel or initrd; keeps the sums below in 32 bits */

/* The bounce buffer of one DMA transfer is as large as the transfer. */
#define CHUNK SIZE_1MB

typedef struct {
    FIRMWARE_CONFIG_ITEM SizeItem; /* 0 ends the list */
    FIRMWARE_CONFIG_ITEM DataItem;
} PART;

STATIC CONST struct {
    CONST CHAR8 *File;
    PART Parts[MAX_PARTS];
    CONST CHAR8 *MismatchId;
    CONST CHAR8 *MismatchText;
} mBlobs[BlobCount] = {
    [BlobKernel] = { "etc/boot/kernel",
                     { { QemuFwCfgItemKernelSetupSize, QemuFwCfgItemKernelSetupData },
                       { QemuFwCfgItemKernelSize, QemuFwCfgItemKernelData } },
                     SEVLAUNCH_REFUSED_KERNEL,
                     "the kernel is not the measured one" },
    [BlobInitrd] = { "etc/boot/initrd",
                     { { QemuFwCfgItemInitrdSize, QemuFwCfgItemInitrdData } },
                     SEVLAUNCH_REFUSED_INITRD,
                     "the initrd is not the measured one" },
    [BlobCmdline] = { "etc/boot/cmdline",
                      { { QemuFwCfgItemCommandLineSize, QemuFwCfgItemCommandLineData } },
                      SEVLAUNCH_REFUSED_CMDLINE,
                      "the command line is not the measured one" },
};

STATIC
VOID
ReadChunks (OUT UINT8 *Data, IN UINTN Size)
{
    UINTN Done;
    UINTN Chunk;

    for (Done = 0; Done < Size; Done += Chunk) {
        Chunk = Size - Done < CHUNK ? Size - Done : CHUNK;
        QemuFwCfgReadBytes (Chunk, Data + Done);
    }
}

STATIC
VOID
Allocate (IN UINTN Size, OUT BLOB *Blob)
{
    if (Size > MAX_BLOB) {
        Refuse (SEVLAUNCH_REFUSED_TOO_LARGE,
                "the host offers more than 1 GiB in one piece");
    }

    Blob->Size = Size;
    Blob->Data = NULL;
    if (Size == 0) {
        return;
    }

    Blob->Data = AllocatePages (EFI_SIZE_TO_PAGES (Size));
    if (Blob->Data == NULL) {
        Refuse (SEVLAUNCH_REFUSED_TOO_LARGE,
                "what the host offers does not fit into memory");
    }
}

STATIC
VOID
FetchParts (IN CONST PART *Parts, OUT BLOB *Blob)
{
    UINT32 Sizes[MAX_PARTS] = { 0 };
    UINT64 Total = 0;
    UINTN Offset = 0;
    UINTN Part;

    for (Part = 0; Part < MAX_PARTS && Parts[Part].SizeItem != 0; Part++) {
        QemuFwCfgSelectItem (Parts[Part].SizeItem);
        Sizes[Part] = QemuFwCfgRead32 ();
        Total += Sizes[Part];
    }

    Allocate ((UINTN) Total, Blob);
    for (Part = 0; Part < MAX_PARTS && Sizes[Part] != 0; Part++) {
        QemuFwCfgSelectItem (Parts[Part].DataItem);
        ReadChunks (Blob->Data + Offset, Sizes[Part]);
        Offset += Sizes[Part];
    }
}

VOID
BlobFetch (IN BLOB_KIND Kind, IN CONST BLOB_HASHES *Hashes, OUT BLOB *Blob)
{
    UINT8 Sha256[SHA256_SIZE];
    FIRMWARE_CONFIG_ITEM Item;
    UINTN Size;

    if (!EFI_ERROR (QemuFwCfgFindFile (mBlobs[Kind].File, &Item, &Size))) {
        Allocate (Size, Blob);
        QemuFwCfgSelectItem (Item);
        ReadChunks (Blob->Data, Size);
    } else {
        FetchParts (mBlobs[Kind].Parts, Blob);
    }

    if (Kind == BlobKernel && Blob->Size == 0) {
        Refuse (SEVLAUNCH_REFUSED_NO_KERNEL,
                "the host gave no kernel (-kernel), and nothing else is booted");
    }

    if (!Sha256HashAll (Blob->Data, Blob->Size, Sha256)) {
        Refuse (SEVLAUNCH_REFUSED_FIRMWARE, "SHA-256 failed");
    }

    if (CompareMem (Sha256, Hashes->Sha256[Kind], SHA256_SIZE) != 0) {
        Refuse (mBlobs[Kind].MismatchId, mBlobs[Kind].MismatchText);
    }
}
