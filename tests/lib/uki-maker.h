/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* PE files with sections, written from Microsoft's "PE Format". */

typedef struct {
    const char *name; /* at most 8 bytes */
    const char *text; /* content */
} UkiSection;

/* Offsets in what uki_maker() writes. */
#define UKI_MAKER_PE 64u /* signature, COFF header, optional header */
#define UKI_MAKER_MACHINE (UKI_MAKER_PE + 4u)
#define UKI_MAKER_N_SECTIONS (UKI_MAKER_PE + 6u)
#define UKI_MAKER_OPTIONAL_SIZE (UKI_MAKER_PE + 20u)
#define UKI_MAKER_MAGIC (UKI_MAKER_PE + 24u)
#define UKI_MAKER_SECTION(n) (UKI_MAKER_PE + 24u + 112u + 40u * (n))
#define UKI_MAKER_VIRTUAL_SIZE(n) (UKI_MAKER_SECTION (n) + 8u)
#define UKI_MAKER_ADDRESS(n) (UKI_MAKER_SECTION (n) + 12u)
#define UKI_MAKER_RAW_SIZE(n) (UKI_MAKER_SECTION (n) + 16u)
#define UKI_MAKER_RAW_OFFSET(n) (UKI_MAKER_SECTION (n) + 20u)

/** uki_maker: Returns: (transfer full): a PE32+ program for x86-64 */
GByteArray *uki_maker (const UkiSection *sections, guint n);

/* Numbers of the sections of uki_maker_uki(). */
enum {
    UKI_MAKER_TEXT,
    UKI_MAKER_SDMAGIC,
    UKI_MAKER_OSREL,
    UKI_MAKER_CMDLINE,
    UKI_MAKER_UNAME,
    UKI_MAKER_LINUX,
    UKI_MAKER_INITRD,
    UKI_MAKER_N,
};

/** uki_maker_uki: Returns: (transfer full): a unified kernel image with the stub of systemd
 * @stub ("252.39-1~deb12u2"), whose kernel is the text @kernel */
GByteArray *uki_maker_uki (const char *stub, const char *kernel);
/** uki_maker_loader: Returns: (transfer full): a program without a kernel */
GByteArray *uki_maker_loader (void);
