/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/lib/uki-maker.h"

#include <string.h>

#include "tests/lib/disk-maker.h"

#define OPTIONAL_SIZE 112u
#define FILE_ALIGNMENT 512u
#define RAW_ALIGNMENT 16u
#define PAGE 4096u

static gsize
round_up (gsize value, gsize step)
{
    return (value + step - 1) / step * step;
}

GByteArray *
uki_maker (const UkiSection *sections, guint n)
{
    GByteArray *out = g_byte_array_new ();
    gsize raw = round_up (UKI_MAKER_SECTION (n), FILE_ALIGNMENT);
    gsize address = PAGE;

    g_byte_array_set_size (out, (guint) raw);
    memset (out->data, 0, out->len);
    memcpy (out->data, "MZ", 2);
    disk_put_le (out->data + 60, UKI_MAKER_PE, 4);
    memcpy (out->data + UKI_MAKER_PE, "PE\0\0", 4);
    disk_put_le (out->data + UKI_MAKER_MACHINE, 0x8664, 2);
    disk_put_le (out->data + UKI_MAKER_N_SECTIONS, n, 2);
    disk_put_le (out->data + UKI_MAKER_OPTIONAL_SIZE, OPTIONAL_SIZE, 2);
    disk_put_le (out->data + UKI_MAKER_MAGIC, 0x20b, 2);
    for (guint i = 0; i < n; i++) {
        const gsize len = strlen (sections[i].text);
        const gsize padded = round_up (len, RAW_ALIGNMENT);
        guint8 *row;

        g_byte_array_set_size (out, (guint) (raw + padded));
        memset (out->data + raw, 0, padded);
        memcpy (out->data + raw, sections[i].text, len);
        row = out->data + UKI_MAKER_SECTION (i);
        memcpy (row, sections[i].name, MIN (strlen (sections[i].name), 8));
        disk_put_le (row + 8, len, 4);
        disk_put_le (row + 12, address, 4);
        disk_put_le (row + 16, padded, 4);
        disk_put_le (row + 20, raw, 4);
        raw += padded;
        address += round_up (MAX (len, 1), PAGE);
    }
    return out;
}

GByteArray *
uki_maker_uki (const char *stub, const char *kernel)
{
    g_autofree char *marker =
        g_strdup_printf ("#### LoaderInfo: systemd-stub %s ####", stub);
    const UkiSection sections[UKI_MAKER_N] = {
        [UKI_MAKER_TEXT] = { ".text", "program text" },
        [UKI_MAKER_SDMAGIC] = { ".sdmagic", marker },
        [UKI_MAKER_OSREL] = { ".osrel", "ID=debian\nPRETTY_NAME=\"Debian 12\"\n" },
        [UKI_MAKER_CMDLINE] = { ".cmdline", "panic=-1 quiet\n" },
        [UKI_MAKER_UNAME] = { ".uname", "6.1.0-37-amd64" },
        [UKI_MAKER_LINUX] = { ".linux", kernel },
        [UKI_MAKER_INITRD] = { ".initrd", "initial ramdisk" },
    };

    return uki_maker (sections, UKI_MAKER_N);
}

GByteArray *
uki_maker_loader (void)
{
    static const UkiSection sections[] = { { ".text", "boot loader" },
                                           { ".data", "menu" } };

    return uki_maker (sections, G_N_ELEMENTS (sections));
}
