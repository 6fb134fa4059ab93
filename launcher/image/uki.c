/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "launcher/image/uki.h"

#include <string.h>

#include "qmp/qmp-error.h"
#include "sev/base/sev-bytes.h"

#define DOS_SIZE 64u
#define DOS_NEW_HEADER 60u
#define COFF_SIZE 20u
#define SECTION_SIZE 40u
#define MAX_SECTIONS 96u
#define MACHINE_AMD64 0x8664u
#define MAGIC_PE32_PLUS 0x20bu
#define MAX_TEXT 65536u /* bytes of .cmdline, .uname, .osrel */
#define MAX_VERSION 128u

#define STUB_BEGIN "#### LoaderInfo: systemd-stub "
#define STUB_END " ####"

typedef struct {
    char name[9];
    guint32 virtual_size;
    guint32 virtual_address;
    guint32 raw_size;
    guint32 raw_offset;
} Section;

typedef struct {
    const guint8 *data;
    gsize len;
    guint n_sections;
    Section sections[MAX_SECTIONS];
} Pe;

void
uki_info_free (UkiInfo *info)
{
    if (info == NULL)
        return;
    g_free (info->cmdline);
    g_free (info->uname);
    g_free (info->os_name);
    g_free (info->stub);
    g_free (info);
}

static gboolean
fail (GError **error, ImageError code, const char *what)
{
    g_set_error (error, IMAGE_ERROR, code, "unified kernel image: %s", what);
    return FALSE;
}

static gboolean
read_section (SevReader *reader, Section *section)
{
    section->name[8] = '\0';
    return sev_reader_bytes (reader, section->name, 8) &&
           sev_reader_u32 (reader, &section->virtual_size) &&
           sev_reader_u32 (reader, &section->virtual_address) &&
           sev_reader_u32 (reader, &section->raw_size) &&
           sev_reader_u32 (reader, &section->raw_offset) && sev_reader_skip (reader, 16);
}

/* Leaves the reader at the section table. */
static gboolean
read_headers (SevReader *reader, Pe *pe, GError **error)
{
    guint8 mz[2];
    guint8 signature[4];
    guint32 new_header = 0;
    guint16 machine = 0;
    guint16 n_sections = 0;
    guint16 optional_size = 0;
    guint16 optional_magic = 0;

    if (!sev_reader_bytes (reader, mz, sizeof mz) || memcmp (mz, "MZ", 2) != 0 ||
        !sev_reader_skip (reader, DOS_NEW_HEADER - 2) ||
        !sev_reader_u32 (reader, &new_header) || new_header < DOS_SIZE ||
        !sev_reader_skip (reader, new_header - DOS_SIZE) ||
        !sev_reader_bytes (reader, signature, sizeof signature) ||
        memcmp (signature, "PE\0\0", 4) != 0)
        return fail (error, IMAGE_ERROR_UKI_NOT_UKI, "not a PE file");
    if (!sev_reader_u16 (reader, &machine) || !sev_reader_u16 (reader, &n_sections) ||
        !sev_reader_skip (reader, 12) || !sev_reader_u16 (reader, &optional_size) ||
        !sev_reader_skip (reader, 2) || !sev_reader_u16 (reader, &optional_magic))
        return fail (error, IMAGE_ERROR_UKI_BROKEN, "file ends inside the headers");
    if (machine != MACHINE_AMD64 || optional_magic != MAGIC_PE32_PLUS)
        return fail (error, IMAGE_ERROR_UKI_NOT_UKI, "not a program for x86-64");
    if (n_sections > MAX_SECTIONS || optional_size < 2 ||
        !sev_reader_skip (reader, optional_size - 2u))
        return fail (error, IMAGE_ERROR_UKI_BROKEN, "headers do not fit");
    pe->n_sections = n_sections;
    return TRUE;
}

static gboolean
read_pe (const guint8 *data, gsize len, Pe *pe, GError **error)
{
    SevReader reader;

    pe->data = data;
    pe->len = len;
    sev_reader_init (&reader, data, len);
    if (!read_headers (&reader, pe, error))
        return FALSE;
    for (guint i = 0; i < pe->n_sections; i++)
        if (!read_section (&reader, &pe->sections[i]))
            return fail (error, IMAGE_ERROR_UKI_BROKEN,
                         "file ends inside the section table");
    return TRUE;
}

static gboolean
find_section (const Pe *pe, const char *name, const Section **found)
{
    guint n = 0;

    *found = NULL;
    for (guint i = 0; i < pe->n_sections; i++) {
        if (g_str_equal (pe->sections[i].name, name)) {
            *found = &pe->sections[i];
            n++;
        }
    }
    return n <= 1;
}

static gboolean
ranges_overlap (guint64 a, guint64 a_len, guint64 b, guint64 b_len)
{
    return a_len > 0 && b_len > 0 && a < b + b_len && b < a + a_len;
}

/* Inside the file, and over no other section, neither in the file nor in memory. */
static gboolean
check_sections (const Pe *pe, GError **error)
{
    for (guint i = 0; i < pe->n_sections; i++) {
        const Section *a = &pe->sections[i];

        if ((guint64) a->raw_offset + a->raw_size > pe->len && a->raw_size > 0)
            return fail (error, IMAGE_ERROR_UKI_BROKEN,
                         "a section reaches over the file's end");
        if ((guint64) a->virtual_address + a->virtual_size > G_MAXUINT32)
            return fail (error, IMAGE_ERROR_UKI_BROKEN, "a section reaches over 4 GiB");
        for (guint j = 0; j < i; j++) {
            const Section *b = &pe->sections[j];

            if (ranges_overlap (a->raw_offset, a->raw_size, b->raw_offset, b->raw_size) ||
                ranges_overlap (a->virtual_address, a->virtual_size, b->virtual_address,
                                b->virtual_size))
                return fail (error, IMAGE_ERROR_UKI_BROKEN, "sections overlap");
        }
    }
    return TRUE;
}

/* The offset of a section without bytes means nothing. */
static const guint8 *
section_bytes (const Pe *pe, const Section *section)
{
    return section->raw_size > 0 ? pe->data + section->raw_offset : pe->data;
}

/* A section that the stub reads: its length is the one in memory, all of it in the file. */
static gboolean
get_section (const Pe *pe,
             const char *name,
             const guint8 **data,
             gsize *len,
             GError **error)
{
    const Section *section;

    *data = NULL;
    *len = 0;
    if (!find_section (pe, name, &section)) {
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_UKI_BROKEN,
                     "unified kernel image: section %s is there twice", name);
        return FALSE;
    }
    if (section == NULL)
        return TRUE;
    if (section->virtual_size > section->raw_size) {
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_UKI_BROKEN,
                     "unified kernel image: section %s is %u bytes, %u in the file", name,
                     section->virtual_size, section->raw_size);
        return FALSE;
    }
    *data = section_bytes (pe, section);
    *len = section->virtual_size;
    return TRUE;
}

/* Text of a section without what pads it; %NULL if the section is absent or the text
 * is not fit for a terminal. */
static char *
section_text (const guint8 *data, gsize len)
{
    while (len > 0 && (data[len - 1] == '\0' || data[len - 1] == '\n'))
        len--;
    if (data == NULL || len > MAX_TEXT ||
        !g_utf8_validate_len ((const char *) data, len, NULL))
        return NULL;
    return g_strndup ((const char *) data, len);
}

static gboolean
is_one_line (const char *text)
{
    for (const char *p = text; *p != '\0'; p = g_utf8_next_char (p))
        if (!g_unichar_isprint (g_utf8_get_char (p)))
            return FALSE;
    return TRUE;
}

static gboolean
read_texts (const Pe *pe, UkiInfo *info, GError **error)
{
    const guint8 *data;
    gsize len;

    if (!get_section (pe, ".cmdline", &data, &len, error))
        return FALSE;
    info->cmdline = section_text (data, len);
    if (info->cmdline == NULL || !is_one_line (info->cmdline))
        return fail (error, IMAGE_ERROR_UKI_BROKEN,
                     "command line is not one line of UTF-8");

    if (!get_section (pe, ".uname", &data, &len, error))
        return FALSE;
    info->uname = section_text (data, len);
    if (info->uname != NULL && !is_one_line (info->uname))
        return fail (error, IMAGE_ERROR_UKI_BROKEN,
                     "kernel release is not one line of UTF-8");
    return TRUE;
}

/* PRETTY_NAME of os-release(5), for reports: best effort, never an error. */
static gboolean
read_os_name (const Pe *pe, UkiInfo *info, GError **error)
{
    const guint8 *data;
    gsize len;

    if (!get_section (pe, ".osrel", &data, &len, error))
        return FALSE;

    g_autofree char *text = section_text (data, len);
    g_auto (GStrv) lines = g_strsplit (text != NULL ? text : "", "\n", 256);
    for (gsize i = 0; lines[i] != NULL; i++) {
        if (!g_str_has_prefix (lines[i], "PRETTY_NAME="))
            continue;
        g_autofree char *value = g_shell_unquote (lines[i] + strlen ("PRETTY_NAME="), NULL);
        if (value != NULL && info->os_name == NULL)
            info->os_name = qmp_error_printable (value);
    }
    return TRUE;
}

/* Version text of the marker in @data, NULL if there is none.  One that does not end is
 * "". */
static char *
find_marker (const guint8 *data, gsize len)
{
    const guint8 *begin = memmem (data, len, STUB_BEGIN, strlen (STUB_BEGIN));

    if (begin == NULL)
        return NULL;
    begin += strlen (STUB_BEGIN);

    const gsize left = MIN ((gsize) (data + len - begin), MAX_VERSION);
    const guint8 *end = memmem (begin, left, STUB_END, strlen (STUB_END));
    if (end == NULL ||
        !g_utf8_validate_len ((const char *) begin, (gsize) (end - begin), NULL))
        return g_strdup ("");
    return g_strndup ((const char *) begin, (gsize) (end - begin));
}

/* The marker stands in .sdmagic, before systemd 250 in .data; never in the payload, which
 * may hold anything. */
static char *
find_stub (const Pe *pe)
{
    static const char *const places[] = { ".sdmagic", ".data", ".rodata", ".rdata",
                                          ".text" };

    for (gsize i = 0; i < G_N_ELEMENTS (places); i++) {
        const Section *section;

        if (!find_section (pe, places[i], &section) || section == NULL)
            continue;
        char *version = find_marker (section_bytes (pe, section), section->raw_size);
        if (version != NULL)
            return version;
    }
    return NULL;
}

static gboolean
check_stub (const Pe *pe, UkiInfo *info, GError **error)
{
    const Section *profile;

    info->stub = find_stub (pe);
    if (info->stub == NULL || !g_ascii_isdigit (info->stub[0]) || !is_one_line (info->stub))
        return fail (
            error, IMAGE_ERROR_UKI_STUB_UNKNOWN,
            "its stub is not a systemd-stub with a known version, so what it takes from "
            "the host unmeasured is not known; build it with systemd 252's stub");
    info->stub_version = (guint) MIN (g_ascii_strtoull (info->stub, NULL, 10), G_MAXUINT);
    if (info->stub_version >= UKI_STUB_FIRST_REFUSED ||
        !find_section (pe, ".profile", &profile) || profile != NULL) {
        g_set_error (
            error, IMAGE_ERROR, IMAGE_ERROR_UKI_STUB_TOO_NEW,
            "unified kernel image: its stub is systemd %s; from systemd %u on the stub "
            "takes a kernel command line from SMBIOS, which the host writes and nothing "
            "measures; build it with the stub of systemd 252",
            info->stub, UKI_STUB_FIRST_REFUSED);
        return FALSE;
    }
    return TRUE;
}

/* Missing payload makes it another program; present payload must then hold together. */
static gboolean
check_is_uki (const Pe *pe, GError **error)
{
    static const char *const needed[] = { ".linux", ".initrd", ".cmdline" };
    const Section *section;

    for (gsize i = 0; i < G_N_ELEMENTS (needed); i++) {
        if (find_section (pe, needed[i], &section) && section == NULL) {
            g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_UKI_NOT_UKI,
                         "unified kernel image: no section %s", needed[i]);
            return FALSE;
        }
    }
    return TRUE;
}

UkiInfo *
uki_parse (const guint8 *data, gsize len, GError **error)
{
    g_autofree Pe *pe = g_new0 (Pe, 1);
    g_autoptr (UkiInfo) info = g_new0 (UkiInfo, 1);
    const guint8 *payload;

    if (len > UKI_MAX_SIZE) {
        g_set_error (error, IMAGE_ERROR, IMAGE_ERROR_UKI_TOO_LARGE,
                     "unified kernel image: %" G_GSIZE_FORMAT
                     " bytes, at most %u are taken",
                     len, UKI_MAX_SIZE);
        return NULL;
    }
    if (!read_pe (data, len, pe, error) || !check_is_uki (pe, error) ||
        !check_sections (pe, error) ||
        !get_section (pe, ".linux", &payload, &info->linux_size, error) ||
        !get_section (pe, ".initrd", &payload, &info->initrd_size, error) ||
        !read_texts (pe, info, error) || !read_os_name (pe, info, error) ||
        !check_stub (pe, info, error))
        return NULL;
    if (info->linux_size == 0) {
        fail (error, IMAGE_ERROR_UKI_BROKEN, "kernel is empty");
        return NULL;
    }
    return g_steal_pointer (&info);
}
