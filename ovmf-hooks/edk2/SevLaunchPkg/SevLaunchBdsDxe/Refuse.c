/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "SevLaunchBds.h"

#include <Library/BaseLib.h>
#include <Library/BaseMemoryLib.h>
#include <Library/PcdLib.h>
#include <Library/ResetSystemLib.h>
#include <Library/SerialPortLib.h>

STATIC
VOID
Say (IN CONST CHAR8 *Text)
{
    SerialPortWrite ((UINT8 *) Text, AsciiStrLen (Text));
}

VOID
Refuse (IN CONST CHAR8 *Id, IN CONST CHAR8 *Text)
{
    /* The secret first: nothing below may fail before it is gone. */
    ZeroMem ((VOID *) (UINTN) FixedPcdGet32 (PcdSevLaunchSecretBase),
             FixedPcdGet32 (PcdSevLaunchSecretSize));
    ZeroMem ((VOID *) (UINTN) FixedPcdGet32 (PcdQemuHashTableBase),
             FixedPcdGet32 (PcdQemuHashTableSize));

    /* The serial port itself: there may be no EFI console yet, and messages
     * of DebugLib are not in a release build. */
    SerialPortInitialize ();
    Say ("\r\n" SEVLAUNCH_FIRMWARE_REFUSED);
    Say (Id);
    Say (": ");
    Say (Text);
    Say ("\r\n");

    ResetShutdown ();
    CpuDeadLoop ();
    __builtin_unreachable ();
}
