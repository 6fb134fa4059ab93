/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The least EFI console that a kernel's stub needs: text goes to the first
 * serial port as ASCII, no key ever arrives.  It replaces the terminal,
 * splitter, graphics, keyboard and bus drivers of AmdSev.
 */

#include "SevLaunchBds.h"

#include <Library/SerialPortLib.h>
#include <Library/UefiBootServicesTableLib.h>
#include <Protocol/SimpleTextIn.h>
#include <Protocol/SimpleTextOut.h>

STATIC EFI_SIMPLE_TEXT_OUTPUT_MODE mMode = { .MaxMode = 1, .CursorVisible = TRUE };

STATIC
EFI_STATUS
EFIAPI
OutReset (IN EFI_SIMPLE_TEXT_OUTPUT_PROTOCOL *This, IN BOOLEAN Extended)
{
    return EFI_SUCCESS;
}

STATIC
EFI_STATUS
EFIAPI
OutString (IN EFI_SIMPLE_TEXT_OUTPUT_PROTOCOL *This, IN CHAR16 *String)
{
    UINT8 Byte;

    for (; *String != 0; String++) {
        Byte = *String < 0x80 ? (UINT8) *String : '?';
        SerialPortWrite (&Byte, 1);
    }

    return EFI_SUCCESS;
}

STATIC
EFI_STATUS
EFIAPI
OutTestString (IN EFI_SIMPLE_TEXT_OUTPUT_PROTOCOL *This, IN CHAR16 *String)
{
    for (; *String != 0; String++) {
        if (*String >= 0x80) {
            return EFI_UNSUPPORTED;
        }
    }

    return EFI_SUCCESS;
}

STATIC
EFI_STATUS
EFIAPI
OutQueryMode (IN EFI_SIMPLE_TEXT_OUTPUT_PROTOCOL *This,
              IN UINTN ModeNumber,
              OUT UINTN *Columns,
              OUT UINTN *Rows)
{
    if (ModeNumber != 0) {
        return EFI_UNSUPPORTED;
    }

    *Columns = 80;
    *Rows = 25;
    return EFI_SUCCESS;
}

STATIC
EFI_STATUS
EFIAPI
OutSetMode (IN EFI_SIMPLE_TEXT_OUTPUT_PROTOCOL *This, IN UINTN ModeNumber)
{
    return ModeNumber == 0 ? EFI_SUCCESS : EFI_UNSUPPORTED;
}

STATIC
EFI_STATUS
EFIAPI
OutSetAttribute (IN EFI_SIMPLE_TEXT_OUTPUT_PROTOCOL *This, IN UINTN Attribute)
{
    return EFI_SUCCESS;
}

STATIC
EFI_STATUS
EFIAPI
OutClearScreen (IN EFI_SIMPLE_TEXT_OUTPUT_PROTOCOL *This) { return EFI_SUCCESS; }

STATIC
EFI_STATUS
EFIAPI
OutSetCursor (IN EFI_SIMPLE_TEXT_OUTPUT_PROTOCOL *This, IN UINTN Column, IN UINTN Row)
{
    return EFI_SUCCESS;
}

STATIC
EFI_STATUS
EFIAPI
OutEnableCursor (IN EFI_SIMPLE_TEXT_OUTPUT_PROTOCOL *This, IN BOOLEAN Visible)
{
    return EFI_SUCCESS;
}

STATIC EFI_SIMPLE_TEXT_OUTPUT_PROTOCOL mTextOut = {
    OutReset,        OutString,      OutTestString, OutQueryMode,    OutSetMode,
    OutSetAttribute, OutClearScreen, OutSetCursor,  OutEnableCursor, &mMode,
};

STATIC
EFI_STATUS
EFIAPI
InReset (IN EFI_SIMPLE_TEXT_INPUT_PROTOCOL *This, IN BOOLEAN Extended)
{
    return EFI_SUCCESS;
}

STATIC
EFI_STATUS
EFIAPI
InReadKey (IN EFI_SIMPLE_TEXT_INPUT_PROTOCOL *This, OUT EFI_INPUT_KEY *Key)
{
    return EFI_NOT_READY;
}

STATIC EFI_SIMPLE_TEXT_INPUT_PROTOCOL mTextIn = { InReset, InReadKey, NULL };

STATIC
VOID EFIAPI
NoKey (IN EFI_EVENT Event, IN VOID *Context)
{
}

EFI_STATUS
ConsoleInstall (VOID)
{
    EFI_HANDLE In = NULL;
    EFI_HANDLE Out = NULL;
    EFI_STATUS Status;

    SerialPortInitialize ();
    Status =
        gBS->CreateEvent (EVT_NOTIFY_WAIT, TPL_NOTIFY, NoKey, NULL, &mTextIn.WaitForKey);
    if (EFI_ERROR (Status)) {
        return Status;
    }

    Status = gBS->InstallMultipleProtocolInterfaces (&Out, &gEfiSimpleTextOutProtocolGuid,
                                                     &mTextOut, NULL);
    if (EFI_ERROR (Status)) {
        return Status;
    }

    Status = gBS->InstallMultipleProtocolInterfaces (&In, &gEfiSimpleTextInProtocolGuid,
                                                     &mTextIn, NULL);
    if (EFI_ERROR (Status)) {
        return Status;
    }

    gST->ConsoleOutHandle = Out;
    gST->ConOut = &mTextOut;
    gST->StandardErrorHandle = Out;
    gST->StdErr = &mTextOut;
    gST->ConsoleInHandle = In;
    gST->ConIn = &mTextIn;
    return EFI_SUCCESS;
}
