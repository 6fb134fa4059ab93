/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The table of hashes that QEMU puts into the launch measurement
 * (docs/system/i386/amd-memory-encryption.rst, "kernel-hashes"; QEMU
 * target/i386/sev.c writes it):
 *
 *   table GUID, u16 length of the whole, then three entries
 *   entry GUID, u16 length of the entry, SHA-256
 *
 * Stricter than edk2's own reader: exactly the three entries, once each, and
 * nothing else.  A blob without an entry would be a blob that nobody measured.
 */

#include "SevLaunchBds.h"

#include <Library/BaseLib.h>
#include <Library/BaseMemoryLib.h>
#include <Library/PcdLib.h>

#pragma pack(1)
typedef struct {
    EFI_GUID Guid;
    UINT16 Length;
} ENTRY_HEADER;

typedef struct {
    ENTRY_HEADER Header;
    UINT8 Sha256[SHA256_SIZE];
} ENTRY;
#pragma pack()

STATIC_ASSERT (sizeof (ENTRY_HEADER) == 18, "entry header is 18 bytes");
STATIC_ASSERT (sizeof (ENTRY) == 50, "entry is 50 bytes");

STATIC CONST EFI_GUID mTableGuid = { 0x9438d606,
                                     0x4f22,
                                     0x4cc9,
                                     { 0xb4, 0x79, 0xa7, 0x93, 0xd4, 0x11, 0xfd, 0x21 } };

STATIC CONST struct {
    EFI_GUID Guid;
    CONST CHAR8 *MissingId;
} mKinds[BlobCount] = {
    [BlobKernel] = { { 0x4de79437,
                       0xabd2,
                       0x427f,
                       { 0xb8, 0x35, 0xd5, 0xb1, 0x72, 0xd2, 0x04, 0x5b } },
                     SEVLAUNCH_REFUSED_NO_HASH_KERNEL },
    [BlobInitrd] = { { 0x44baf731,
                       0x3a2f,
                       0x4bd7,
                       { 0x9a, 0xf1, 0x41, 0xe2, 0x91, 0x69, 0x78, 0x1d } },
                     SEVLAUNCH_REFUSED_NO_HASH_INITRD },
    [BlobCmdline] = { { 0x97d02dd8,
                        0xbd20,
                        0x4c94,
                        { 0xaa, 0x78, 0xe7, 0x71, 0x4d, 0x36, 0xab, 0x2a } },
                      SEVLAUNCH_REFUSED_NO_HASH_CMDLINE },
};

STATIC
VOID
TakeEntry (IN CONST ENTRY *Entry,
           IN OUT BLOB_HASHES *Hashes,
           IN OUT BOOLEAN Seen[BlobCount])
{
    UINTN Kind;

    for (Kind = 0; Kind < BlobCount; Kind++) {
        if (CompareGuid (&Entry->Header.Guid, &mKinds[Kind].Guid)) {
            break;
        }
    }

    if (Kind == BlobCount) {
        Refuse (SEVLAUNCH_REFUSED_BAD_HASHES,
                "an entry of the hash table is of no known kind");
    }

    if (Seen[Kind]) {
        Refuse (SEVLAUNCH_REFUSED_BAD_HASHES, "the hash table has an entry twice");
    }

    Seen[Kind] = TRUE;
    CopyMem (Hashes->Sha256[Kind], Entry->Sha256, SHA256_SIZE);
}

VOID
HashTableRead (OUT BLOB_HASHES *Hashes)
{
    CONST UINT8 *Area = (CONST UINT8 *) (UINTN) FixedPcdGet32 (PcdQemuHashTableBase);
    CONST UINTN AreaSize = FixedPcdGet32 (PcdQemuHashTableSize);
    BOOLEAN Seen[BlobCount] = { FALSE };
    ENTRY_HEADER Table;
    ENTRY Entry;
    UINTN Offset;
    UINTN Kind;

    if (Area == NULL || AreaSize < sizeof Table) {
        Refuse (SEVLAUNCH_REFUSED_FIRMWARE, "this image has no hash area");
    }

    CopyMem (&Table, Area, sizeof Table);
    if (!CompareGuid (&Table.Guid, &mTableGuid)) {
        Refuse (SEVLAUNCH_REFUSED_NO_HASHES,
                "no table of measured hashes (kernel-hashes=on)");
    }

    if (Table.Length < sizeof Table || Table.Length > AreaSize ||
        Table.Length > sizeof Table + BlobCount * sizeof Entry) {
        Refuse (SEVLAUNCH_REFUSED_BAD_HASHES, "the hash table's length is wrong");
    }

    for (Offset = sizeof Table; Offset < Table.Length; Offset += sizeof Entry) {
        if (Table.Length - Offset < sizeof Entry) {
            Refuse (SEVLAUNCH_REFUSED_BAD_HASHES, "the hash table ends inside an entry");
        }

        CopyMem (&Entry, Area + Offset, sizeof Entry);
        if (Entry.Header.Length != sizeof Entry) {
            Refuse (SEVLAUNCH_REFUSED_BAD_HASHES,
                    "an entry of the hash table has a wrong length");
        }

        TakeEntry (&Entry, Hashes, Seen);
    }

    for (Kind = 0; Kind < BlobCount; Kind++) {
        if (!Seen[Kind]) {
            Refuse (mKinds[Kind].MissingId, "the hash table has no entry for it");
        }
    }
}
