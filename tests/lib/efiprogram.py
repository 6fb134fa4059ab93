# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small EFI programs for tests: PE images, option ROMs, disks, variable stores.

Python's standard library, gcc, and mtools for the disk.
"""
import os
import struct
import subprocess
import tempfile
import uuid

APPLICATION, BOOT_DRIVER = 10, 11  # PE subsystems (PE/COFF specification)

LINKER_SCRIPT = """
SECTIONS {
    . = 0;
    .all : { *(.text.entry) *(.text*) *(.rodata*) *(.data*) *(.got*) *(.bss*) *(COMMON) }
    /DISCARD/ : { *(.comment) *(.note*) *(.eh_frame*) }
}
"""


def compile_flat(source, *defines):
    """Compile a C file whose entry is in .text.entry into position-independent bytes."""
    with tempfile.TemporaryDirectory(prefix="sl-efi-") as work:
        script, out = os.path.join(work, "flat.ld"), os.path.join(work, "flat")
        with open(script, "w", encoding="ascii") as f:
            f.write(LINKER_SCRIPT)
        subprocess.run(
            ["gcc", "-std=gnu11", "-Os", "-Wall", "-Werror", "-ffreestanding", "-fpie",
             "-fvisibility=hidden", "-fno-stack-protector", "-fcf-protection=none", "-fno-jump-tables",
             "-fno-asynchronous-unwind-tables", "-mno-red-zone", "-mno-sse", "-mno-mmx",
             *("-D" + define for define in defines),
             "-nostdlib", "-no-pie", "-Wl,-T," + script, "-Wl,--oformat=binary", "-Wl,--build-id=none",
             "-o", out, source],
            check=True,
        )
        with open(out, "rb") as f:
            return f.read()


def pe_image(code, subsystem=APPLICATION):
    """A PE32+ image of one section.  PE/COFF specification, "Optional Header"."""
    align, file_align, rva = 0x1000, 0x200, 0x1000
    raw = code.ljust(-(-len(code) // file_align) * file_align, b"\0")
    image_size = rva + -(-len(raw) // align) * align
    dos = (b"MZ".ljust(60, b"\0") + struct.pack("<I", 64)).ljust(64, b"\0")
    # Machine x86-64, one section, executable | large address aware; relocations are
    # not stripped, there are none: it may lie anywhere.
    coff = b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, 1, 0, 0, 0, 240, 0x0022)
    optional = struct.pack(
        "<HBBIIIIIQIIHHHHHHIIIIHHQQQQII",
        0x20B, 0, 0, len(raw), 0, 0, rva, rva, 0, align, file_align,
        0, 0, 0, 0, 0, 0, 0, image_size, file_align * 2, 0, subsystem, 0,
        0, 0, 0, 0, 0, 16,
    ) + bytes(16 * 8)
    section = struct.pack(
        "<8sIIIIIIHHI", b".text", len(code), rva, len(raw), file_align * 2, 0, 0, 0, 0, 0xE0000020
    )
    image = (dos + coff + optional + section).ljust(file_align * 2, b"\0") + raw
    # QEMU's -kernel wants at least the old boot sector and set-up code.
    return image.ljust(8192, b"\0")


def option_rom(efi, vendor, device):
    """A PCI option ROM with an uncompressed EFI driver.  UEFI 2.10, 14.4.2; PCI
    Firmware Specification, PCI data structure."""
    header_size = 0x40
    size = -(-(header_size + len(efi)) // 512) * 512
    blocks = size // 512
    machine, subsystem = 0x8664, struct.unpack_from("<H", efi, 64 + 24 + 68)[0]
    header = struct.pack("<HHIHHHHHHHH", 0xAA55, blocks, 0x0EF1, subsystem, machine, 0, 0, 0, 0, header_size, 0x1C)
    header = header[:0x16] + struct.pack("<HH", header_size, 0x1C)
    pcir = struct.pack(
        "<4sHHHHB3BHHBBHHH", b"PCIR", vendor, device, 0, 0x1C, 3, 0, 0, 2, blocks, 0, 3, 0x80, 0, 0, 0
    )
    rom = header.ljust(0x1C, b"\0") + pcir
    rom = rom.ljust(header_size, b"\0") + efi
    return rom.ljust(size, b"\0")


def fat_disk(path, files):
    """A disk of one FAT file system; files is {path inside: bytes}."""
    with open(path, "wb") as f:
        f.truncate(32 << 20)
    subprocess.run(["mformat", "-i", path, "-v", "ESP", "::"], check=True)
    made = set()
    for name, data in files.items():
        parts = name.split("/")
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            if folder not in made:
                subprocess.run(["mmd", "-i", path, "::" + folder], check=True)
                made.add(folder)
        subprocess.run(["mcopy", "-i", path, "-", "::" + name], input=data, check=True)


EFI_GLOBAL = uuid.UUID("8be4df61-93ca-11d2-aa0d-00e098032b8c")
NV_DATA_FV = uuid.UUID("fff12b8d-7696-4c8b-a985-2747075b4f50")
AUTH_VARIABLES = uuid.UUID("aaf32c78-947b-439a-a180-2e144ec37792")


def variable_store(variables, size=0x84000, store=0x40000):
    """A flash image of edk2's authenticated variables (MdeModulePkg,
    Guid/VariableFormat.h), in the layout of OVMF's 4 MiB images."""
    blocks = size // 0x1000
    header = bytes(16) + NV_DATA_FV.bytes_le + struct.pack(
        "<Q4sIHHHBBIIII", size, b"_FVH", 0x0004FEFF, 0x48, 0, 0, 0, 2, blocks, 0x1000, 0, 0
    )
    total = sum(struct.unpack("<36H", header)) & 0xFFFF
    header = header[:50] + struct.pack("<H", (0x10000 - total) & 0xFFFF) + header[52:]
    body = AUTH_VARIABLES.bytes_le + struct.pack("<IBBHI", store - len(header), 0x5A, 0xFE, 0, 0)
    for name, data in variables.items():
        name = name.encode("utf-16-le") + b"\0\0"
        # Start 0x55aa, added, non-volatile | boot service | runtime access.
        body += struct.pack("<HBBIQ16sIII", 0x55AA, 0x3F, 0, 7, 0, bytes(16), 0, len(name), len(data))
        body += EFI_GLOBAL.bytes_le + name + data
        body += b"\xff" * (-len(body) % 4)
    image = (header + body).ljust(store, b"\xff")
    return image.ljust(size, b"\xff")


def load_option(description, file_path):
    """An EFI_LOAD_OPTION with a short-form path: \\file on any volume."""
    name = file_path.replace("/", "\\").encode("utf-16-le") + b"\0\0"
    path = struct.pack("<BBH", 4, 4, 4 + len(name)) + name + struct.pack("<BBH", 0x7F, 0xFF, 4)
    return struct.pack("<IH", 1, len(path)) + description.encode("utf-16-le") + b"\0\0" + path
