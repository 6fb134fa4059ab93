/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The boot manager of the SevLaunch platform: a verified kernel or nothing.
 * There is no second way out of it: SevLaunchBoot() either gives control to
 * the kernel, or ends in Refuse().
 */

#include <PiDxe.h>

#include <console-lines.h>

#define SHA256_SIZE 32

typedef enum { BlobKernel, BlobInitrd, BlobCmdline, BlobCount } BLOB_KIND;

typedef struct {
    UINT8 *Data; /* in the guest's own memory; NULL if Size is 0 */
    UINTN Size;
} BLOB;

/* The hashes that were measured at launch, copied out of the hash area. */
typedef struct {
    UINT8 Sha256[BlobCount][SHA256_SIZE];
} BLOB_HASHES;

/* Refuse.c: says "REFUSED: Id: Text" on the serial port, wipes the injected
 * secret and the hash table, and ends the guest.  Never returns. */
VOID Refuse (IN CONST CHAR8 *Id, IN CONST CHAR8 *Text) __attribute__ ((noreturn));

/* Console.c: EFI console on the first serial port, for what the kernel's EFI
 * stub has to say.  Output only: no key ever arrives. */
EFI_STATUS ConsoleInstall (VOID);

/* HashTable.c: all three hashes, or it refuses. */
VOID HashTableRead (OUT BLOB_HASHES *Hashes);

/* Blobs.c: fetches one blob from the host into guest memory and compares its
 * hash there; the bytes compared are the bytes used.  Refuses if they differ. */
VOID BlobFetch (IN BLOB_KIND Kind, IN CONST BLOB_HASHES *Hashes, OUT BLOB *Blob);
