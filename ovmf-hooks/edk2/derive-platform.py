#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Derive the SevLaunch platform from OvmfPkg/AmdSev of edk2 2025.02.

Usage: derive-platform.py EDK2-TREE CONSOLE-LINES.H
       derive-platform.py --plain-amdsev EDK2-TREE

The first form copies SevLaunchPkg/ (beside this script) into the tree, writes
SevLaunchPkg/SevLaunch.dsc and .fdf from AmdSev's, and changes a few lines of
edk2 itself.  Every change names the text that it replaces and how often it
occurs; when edk2 differs, the script stops.

The second form makes the unchanged AmdSev platform buildable, for comparison:
without grub, which its build would make from the machine's own modules.
"""
import os
import re
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


class Text:
    """One file of edk2: read, changed by exact pieces, written."""

    def __init__(self, tree, path):
        self.path = path
        with open(os.path.join(tree, path), newline="", encoding="utf-8") as f:
            raw = f.read()
        self.crlf = "\r\n" in raw
        self.text = raw.replace("\r\n", "\n")

    def replace(self, old, new, count=1):
        found = self.text.count(old)
        if found != count:
            sys.exit(f"{self.path}: expected {count} times, found {found} times: {old!r}")
        self.text = self.text.replace(old, new)

    def drop_lines(self, *lines, count=1):
        """Remove whole lines, given without their indentation."""
        for line in lines:
            pattern = r"(?m)^[ \t]*" + r"\s+".join(map(re.escape, line.split())) + r"[ \t]*\n"
            self.text, found = re.subn(pattern, "", self.text)
            if found != count:
                sys.exit(f"{self.path}: expected {count} times, found {found} times: {line!r}")

    def drop_component(self, *paths):
        """Remove a component of a .dsc, with the block of braces behind it."""
        for path in paths:
            pattern = r"(?m)^[ \t]*" + re.escape(path) + r"[ \t]*(\{[^}]*\}[ \t]*)?\n"
            self.text, count = re.subn(pattern, "", self.text)
            if count != 1:
                sys.exit(f"{self.path}: expected once, found {count} times: {path!r}")

    def write(self, tree, path=None):
        text = self.text.replace("\n", "\r\n") if self.crlf else self.text
        with open(os.path.join(tree, path or self.path), "w", newline="", encoding="utf-8") as f:
            f.write(text)


# Not in our image.  The reasons are in README.md.
DROPPED = {
    "boot manager, menus, boot loaders": [
        "MdeModulePkg/Universal/BdsDxe/BdsDxe.inf",
        "MdeModulePkg/Application/UiApp/UiApp.inf",
        "MdeModulePkg/Logo/LogoDxe.inf",
        "MdeModulePkg/Universal/DriverHealthManagerDxe/DriverHealthManagerDxe.inf",
        "MdeModulePkg/Universal/HiiDatabaseDxe/HiiDatabaseDxe.inf",
        "MdeModulePkg/Universal/SetupBrowserDxe/SetupBrowserDxe.inf",
        "MdeModulePkg/Universal/DisplayEngineDxe/DisplayEngineDxe.inf",
        "OvmfPkg/AmdSev/Grub/Grub.inf",
        "OvmfPkg/PlatformDxe/Platform.inf",
        "OvmfPkg/QemuKernelLoaderFsDxe/QemuKernelLoaderFsDxe.inf",
    ],
    "byte code": [
        "MdeModulePkg/Universal/EbcDxe/EbcDxe.inf",
    ],
    "disks and file systems": [
        "OvmfPkg/VirtioPciDeviceDxe/VirtioPciDeviceDxe.inf",
        "OvmfPkg/Virtio10Dxe/Virtio10.inf",
        "OvmfPkg/VirtioBlkDxe/VirtioBlk.inf",
        "OvmfPkg/VirtioScsiDxe/VirtioScsi.inf",
        "MdeModulePkg/Universal/Disk/DiskIoDxe/DiskIoDxe.inf",
        "MdeModulePkg/Universal/Disk/PartitionDxe/PartitionDxe.inf",
        "MdeModulePkg/Universal/Disk/RamDiskDxe/RamDiskDxe.inf",
        "MdeModulePkg/Universal/Disk/UnicodeCollation/EnglishDxe/EnglishDxe.inf",
        "FatPkg/EnhancedFatDxe/Fat.inf",
        "MdeModulePkg/Universal/Disk/UdfDxe/UdfDxe.inf",
        "MdeModulePkg/Bus/Scsi/ScsiBusDxe/ScsiBusDxe.inf",
        "MdeModulePkg/Bus/Scsi/ScsiDiskDxe/ScsiDiskDxe.inf",
        "MdeModulePkg/Bus/Pci/SataControllerDxe/SataControllerDxe.inf",
        "MdeModulePkg/Bus/Ata/AtaAtapiPassThru/AtaAtapiPassThru.inf",
        "MdeModulePkg/Bus/Ata/AtaBusDxe/AtaBusDxe.inf",
        "MdeModulePkg/Bus/Pci/NvmExpressDxe/NvmExpressDxe.inf",
        "MdeModulePkg/Bus/Pci/UhciDxe/UhciDxe.inf",
        "MdeModulePkg/Bus/Pci/EhciDxe/EhciDxe.inf",
        "MdeModulePkg/Bus/Pci/XhciDxe/XhciDxe.inf",
        "MdeModulePkg/Bus/Usb/UsbBusDxe/UsbBusDxe.inf",
        "MdeModulePkg/Bus/Usb/UsbKbDxe/UsbKbDxe.inf",
        "MdeModulePkg/Bus/Usb/UsbMassStorageDxe/UsbMassStorageDxe.inf",
    ],
    "screens, keyboards, terminals": [
        "MdeModulePkg/Universal/Console/ConPlatformDxe/ConPlatformDxe.inf",
        "MdeModulePkg/Universal/Console/ConSplitterDxe/ConSplitterDxe.inf",
        "MdeModulePkg/Universal/Console/GraphicsConsoleDxe/GraphicsConsoleDxe.inf",
        "MdeModulePkg/Universal/Console/TerminalDxe/TerminalDxe.inf",
        "OvmfPkg/QemuVideoDxe/QemuVideoDxe.inf",
        "OvmfPkg/QemuRamfbDxe/QemuRamfbDxe.inf",
        "OvmfPkg/VirtioGpuDxe/VirtioGpu.inf",
        "OvmfPkg/SioBusDxe/SioBusDxe.inf",
        "MdeModulePkg/Bus/Pci/PciSioSerialDxe/PciSioSerialDxe.inf",
        "MdeModulePkg/Bus/Isa/Ps2KeyboardDxe/Ps2KeyboardDxe.inf",
    ],
    "text that the host writes into tables": [
        "MdeModulePkg/Universal/SmbiosDxe/SmbiosDxe.inf",
        "OvmfPkg/SmbiosPlatformDxe/SmbiosPlatformDxe.inf",
    ],
    "sleep": [
        "UefiCpuPkg/Universal/Acpi/S3Resume2Pei/S3Resume2Pei.inf",
        "MdeModulePkg/Universal/Acpi/S3SaveStateDxe/S3SaveStateDxe.inf",
        "MdeModulePkg/Universal/Acpi/BootScriptExecutorDxe/BootScriptExecutorDxe.inf",
        "MdeModulePkg/Universal/Acpi/BootGraphicsResourceTableDxe/BootGraphicsResourceTableDxe.inf",
    ],
    "variables that outlive a start": [
        "OvmfPkg/EmuVariableFvbRuntimeDxe/Fvb.inf",
        "MdeModulePkg/Universal/FaultTolerantWriteDxe/FaultTolerantWriteDxe.inf",
    ],
}
FLASH = "OvmfPkg/QemuFlashFvbServicesRuntimeDxe/FvbServicesRuntimeDxe.inf"


def derive_dsc(tree):
    dsc = Text(tree, "OvmfPkg/AmdSev/AmdSevX64.dsc")
    dsc.replace("PLATFORM_NAME                  = Ovmf\n", "PLATFORM_NAME                  = SevLaunch\n")
    dsc.replace("07ff380c-4760-4823-8f59-ec2cb06fbc16", "3b0c1f52-9a77-4a6c-9b1e-5d2f0e8c7a41")
    dsc.replace("Build/AmdSev", "Build/SevLaunch")
    dsc.replace("OvmfPkg/AmdSev/AmdSevX64.fdf", "SevLaunchPkg/SevLaunch.fdf")
    dsc.drop_lines("PREBUILD = sh OvmfPkg/AmdSev/Grub/grub.sh")

    for paths in DROPPED.values():
        dsc.drop_component(*paths)
    dsc.drop_component(FLASH)
    dsc.drop_lines(
        "!include OvmfPkg/Include/Dsc/ShellComponents.dsc.inc",
        "!include OvmfPkg/Include/Dsc/OvmfRngComponents.dsc.inc",
        # What only the dropped components used.
        "BlobVerifierLib|OvmfPkg/AmdSev/BlobVerifierLibSevHashes/BlobVerifierLibSevHashes.inf",
        "gUefiOvmfPkgTokenSpaceGuid.PcdBootRestrictToFirmware|TRUE",
    )
    dsc.drop_lines(
        "QemuLoadImageLib|OvmfPkg/Library/GenericQemuLoadImageLib/GenericQemuLoadImageLib.inf", count=2
    )

    # Every LoadImage() is judged; this is also where an image verifier goes.
    dsc.replace(
        "!include OvmfPkg/Include/Dsc/OvmfTpmSecurityStub.dsc.inc\n",
        "!include OvmfPkg/Include/Dsc/OvmfTpmSecurityStub.dsc.inc\n"
        "      NULL|SevLaunchPkg/ImagePolicyLib/ImagePolicyLib.inf\n",
    )

    # No sleep: on a resume, SEC and PEI would go on with what lies in memory.
    null_s3 = "QemuFwCfgS3Lib|OvmfPkg/Library/QemuFwCfgS3Lib/BaseQemuFwCfgS3LibNull.inf"
    dsc.replace("QemuFwCfgS3Lib|OvmfPkg/Library/QemuFwCfgS3Lib/PeiQemuFwCfgS3LibFwCfg.inf", null_s3)
    dsc.replace("QemuFwCfgS3Lib|OvmfPkg/Library/QemuFwCfgS3Lib/DxeQemuFwCfgS3LibFwCfg.inf", null_s3, count=2)

    # Variables begin empty in guest memory and end with the guest.
    dsc.replace(
        "[PcdsFixedAtBuild]\n",
        "[PcdsFixedAtBuild]\n"
        "  gEfiMdeModulePkgTokenSpaceGuid.PcdEmuVariableNvModeEnable|TRUE\n",
    )

    dsc.replace("[Components]\n", "[Components]\n  SevLaunchPkg/SevLaunchBdsDxe/SevLaunchBdsDxe.inf\n")
    dsc.write(tree, "SevLaunchPkg/SevLaunch.dsc")


def derive_fdf(tree):
    fdf = Text(tree, "OvmfPkg/AmdSev/AmdSevX64.fdf")
    serial = "INF  MdeModulePkg/Bus/Pci/PciSioSerialDxe/PciSioSerialDxe.inf\n"
    fdf.replace("!if $(SOURCE_DEBUG_ENABLE) == FALSE\n" + serial + "!endif\n", serial)
    for paths in DROPPED.values():
        fdf.drop_lines(*("INF " + path for path in paths))
    # Once in the a-priori list, once as a driver.
    fdf.replace("  INF  " + FLASH + "\n", "")
    fdf.drop_lines("INF " + FLASH)
    fdf.drop_lines(
        "!include OvmfPkg/Include/Fdf/ShellDxe.fdf.inc",
        "!include OvmfPkg/Include/Fdf/OvmfRngDxe.fdf.inc",
    )
    fdf.replace(
        "INF OvmfPkg/AmdSev/SecretDxe/SecretDxe.inf\n",
        "INF OvmfPkg/AmdSev/SecretDxe/SecretDxe.inf\n"
        "INF SevLaunchPkg/SevLaunchBdsDxe/SevLaunchBdsDxe.inf\n",
    )
    fdf.write(tree, "SevLaunchPkg/SevLaunch.fdf")


def change_edk2(tree):
    """The lines of edk2 itself that no platform file can change."""
    # A resume from sleep is asked for by the host, in CMOS; SEC then runs the
    # PEI volume that it finds in memory.
    sec = Text(tree, "OvmfPkg/Sec/SecMain.c")
    sec.replace("  return (CmosRead8 (0xF) == 0xFE);", "  return FALSE && (CmosRead8 (0xF) == 0xFE);")
    sec.write(tree)

    pei = Text(tree, "OvmfPkg/PlatformPei/Platform.c")
    pei.replace(
        "  if (PlatformCmosRead8 (0xF) == 0xFE) {\n"
        "    PlatformInfoHob->BootMode = BOOT_ON_S3_RESUME;\n"
        "  }\n",
        "",
    )
    # No store of variables that a reset leaves in memory and the next start
    # would take over.
    pei.replace(
        "    if (!PlatformInfoHob->SmmSmramRequire) {\n"
        "      ReserveEmuVariableNvStore ();\n"
        "    }\n",
        "",
    )
    pei.write(tree)

    # An option ROM is not even looked for.
    rom = Text(tree, "MdeModulePkg/Bus/Pci/PciBusDxe/PciOptionRomSupport.c")
    rom.replace(
        "  Bus      = PciIoDevice->BusNumber;\n"
        "  Device   = PciIoDevice->DeviceNumber;\n"
        "  Function = PciIoDevice->FunctionNumber;\n"
        "\n"
        "  PciRootBridgeIo = PciIoDevice->PciRootBridgeIo;\n"
        "\n"
        "  //\n"
        "  // Offset is 0x30 if is not ppb\n",
        "  if (TRUE) {\n"
        "    return EFI_NOT_FOUND;\n"
        "  }\n"
        "\n"
        "  Bus      = PciIoDevice->BusNumber;\n"
        "  Device   = PciIoDevice->DeviceNumber;\n"
        "  Function = PciIoDevice->FunctionNumber;\n"
        "\n"
        "  PciRootBridgeIo = PciIoDevice->PciRootBridgeIo;\n"
        "\n"
        "  //\n"
        "  // Offset is 0x30 if is not ppb\n",
    )
    rom.write(tree)


def change_tools(tree):
    """Debian's tarball has no brotli; nothing here is compressed with it."""
    make = Text(tree, "BaseTools/Source/C/GNUmakefile")
    make.drop_lines("BrotliCompress \\")
    make.write(tree)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    if sys.argv[1] == "--plain-amdsev":
        tree = sys.argv[2]
        change_tools(tree)
        with open(os.path.join(tree, "OvmfPkg/AmdSev/Grub/grub.efi"), "wb"):
            pass
        return

    tree, console_lines = sys.argv[1:]
    change_tools(tree)
    package = os.path.join(tree, "SevLaunchPkg")
    shutil.copytree(os.path.join(HERE, "SevLaunchPkg"), package)
    shutil.copy(console_lines, os.path.join(package, "Include", "console-lines.h"))
    derive_dsc(tree)
    derive_fdf(tree)
    change_edk2(tree)


if __name__ == "__main__":
    main()
