/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The programs that the firmware tests boot, as one position-independent piece
 * of code without relocations; tests/lib/efiprogram.py puts a PE header around
 * it.  They talk to the serial port and to the chipset directly, so that they
 * need nothing of the firmware that could have refused it to them.
 *
 * OWNER    the program that was measured: prints its command line, what the
 *          firmware says about the secret area, and its initrd; powers off, or
 *          returns to the firmware if the command line is "return"
 * default  the attacker's: prints that it runs and the secret, powers off
 */

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

#define EFIAPI __attribute__ ((ms_abi))

typedef struct {
    u32 a;
    u16 b, c;
    u8 d[8];
} Guid;

static void
out8 (u16 port, u8 value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static u8
in8 (u16 port)
{
    u8 value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static void
put (char c)
{
    for (u32 tries = 0; !(in8 (0x3f8 + 5) & 0x20) && tries < 1000000; tries++)
        ;
    out8 (0x3f8, (u8) c);
}

static void
print (const char *text)
{
    while (*text)
        put (*text++);
}

static void
power_off (void)
{
    /* q35: PM1a_CNT at 0x604, SLP_TYP 0 with SLP_EN is S5. */
    __asm__ volatile("outw %0, %1" : : "a"((u16) 0x2000), "Nd"((u16) 0x604));
    for (;;)
        __asm__ volatile("hlt");
}

#ifdef OWNER

static void
print_hex (u64 value)
{
    print ("0x");
    for (int shift = 28; shift >= 0; shift -= 4)
        put ("0123456789abcdef"[(value >> shift) & 15]);
}

static int
same_guid (const Guid *x, const Guid *y)
{
    for (u32 i = 0; i < sizeof *x; i++) {
        if (((const u8 *) x)[i] != ((const u8 *) y)[i])
            return 0;
    }
    return 1;
}

/* Offsets: UEFI 2.10, EFI_SYSTEM_TABLE, EFI_BOOT_SERVICES, EFI_LOADED_IMAGE_PROTOCOL. */
#define AT(type, base, offset) (*(type *) ((u8 *) (base) + (offset)))

typedef u64 (EFIAPI *HandleProtocol) (void *, const Guid *, void **);
typedef u64 (EFIAPI *LocateDevicePath) (const Guid *, void **, void **);
typedef u64 (EFIAPI *LoadFile) (void *, void *, u8, u64 *, void *);

static void
print_secret_area (void *system)
{
    const Guid secret = {
        0xadf956ad, 0xe98c, 0x484c, { 0xae, 0x11, 0xb5, 0x1c, 0x7d, 0x33, 0x64, 0x47 }
    };
    u64 count = AT (u64, system, 104);
    u8 *table = AT (u8 *, system, 112);

    for (u64 i = 0; i < count; i++, table += 24) {
        if (!same_guid ((const Guid *) table, &secret))
            continue;
        u64 *area = AT (u64 *, table, 16);
        print ("OWNER secret area ");
        print_hex (area[0]);
        print (" ");
        print_hex (area[1]);
        print ("\n");
    }
}

static void
print_initrd (void *boot)
{
    const Guid load_file2 = {
        0x4006c0c1, 0xfcb3, 0x403e, { 0x99, 0x6d, 0x4a, 0x6c, 0x87, 0x24, 0xe0, 0x6d }
    };
    struct __attribute__ ((packed)) {
        u8 type, subtype;
        u16 length;
        Guid media;
        u8 end[4];
    } path = {
        4,
        3,
        20,
        { 0x5568e427, 0x68fc, 0x4f3d, { 0xac, 0x74, 0xca, 0x55, 0x52, 0x31, 0xcc, 0x68 } },
        { 0x7f, 0xff, 4, 0 }
    };
    void *node = &path;
    void *handle;
    void *protocol;
    char text[64];
    u64 size = sizeof text - 1;

    if (AT (LocateDevicePath, boot, 184) (&load_file2, &node, &handle) != 0) {
        print ("OWNER no initrd\n");
        return;
    }
    if (AT (HandleProtocol, boot, 152) (handle, &load_file2, &protocol) != 0 ||
        AT (LoadFile, protocol, 0) (protocol, node, 0, &size, text) != 0) {
        print ("OWNER initrd unreadable\n");
        return;
    }
    text[size] = 0;
    print ("OWNER initrd <");
    print (text);
    print (">\n");
}

u64 EFIAPI program (void *image, void *system);

__attribute__ ((section (".text.entry"))) u64 EFIAPI
program (void *image, void *system)
{
    const Guid loaded_image = {
        0x5b1b31a1, 0x9562, 0x11d2, { 0x8e, 0x3f, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b }
    };
    void *boot = AT (void *, system, 96);
    void *loaded;

    print ("\nOWNER runs\n");
    if (AT (HandleProtocol, boot, 152) (image, &loaded_image, &loaded) != 0)
        power_off ();

    u64 size = AT (u32, loaded, 48);
    u16 *options = AT (u16 *, loaded, 56);
    print ("OWNER command line <");
    for (u64 i = 0; i < size / 2 && options[i]; i++)
        put ((char) options[i]);
    print (">\n");
    print_secret_area (system);
    print_initrd (boot);
    print ("OWNER done\n");
    if (size >= 2 && options[0] == 'r')
        return 1;
    power_off ();
    return 0;
}

#else

u64 EFIAPI program (void *image, void *system);

__attribute__ ((section (".text.entry"))) u64 EFIAPI
program (void *image, void *system)
{
    /* Where every AmdSev platform of edk2 2025.02 has its secret area. */
    const u8 *area = (const u8 *) 0x810000ul;

    print ("\nATTACKER runs\nATTACKER secret <");
    for (u32 i = 0; i < 0xc00; i++) {
        if (area[i] >= 0x20 && area[i] < 0x7f)
            put ((char) area[i]);
    }
    print (">\nATTACKER done\n");
    power_off ();
    return 0;
}

#endif
