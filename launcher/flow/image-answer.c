/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "launcher/flow/image-answer.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/base/launcher-error.h"
#include "qmp/qmp-error.h"
#include "sev/base/sev-guid.h"

#define ENVELOPE "(yv)"
#define ERROR_TYPE "(yis)"
#define LAYERS_TYPE "a(ayut)" /* path, format, size */
#define UKI_TYPE "(stsmsmssuttay)"
#define LUKS_TYPE "(utstay)"
#define MAX_LAYERS 8u
#define UKI_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

#define DOMAIN_IMAGE 'i'
#define DOMAIN_LAUNCHER 'l'

/* @content: (transfer floating) */
static GBytes *
wrap (guint8 kind, GVariant *content)
{
    g_autoptr (GVariant) answer =
        g_variant_ref_sink (g_variant_new (ENVELOPE, kind, content));

    return g_variant_get_data_as_bytes (answer);
}

static gboolean
nonsense (GError **error)
{
    g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_INTERNAL,
                         "the process that reads the image answered nonsense");
    return FALSE;
}

static void
set_named_error (GVariant *content, GError **error)
{
    guchar domain;
    gint32 code;
    const char *text;

    g_variant_get (content, "(yi&s)", &domain, &code, &text);
    g_autofree char *printable = g_utf8_make_valid (text, -1);
    for (char *p = printable; *p != '\0'; p++)
        if (g_ascii_iscntrl (*p))
            *p = '?';
    if (domain == DOMAIN_IMAGE && code >= 0 && code <= IMAGE_ERROR_IO)
        g_set_error_literal (error, IMAGE_ERROR, code, printable);
    else if (domain == DOMAIN_LAUNCHER && code >= 0 && code <= LAUNCHER_ERROR_TERMINATED)
        g_set_error_literal (error, LAUNCHER_ERROR, code, printable);
    else
        nonsense (error);
}

/* Returns: (transfer full): the content, of @type; %NULL with an error */
static GVariant *
unwrap (GBytes *answer, const char *type, GError **error)
{
    g_autoptr (GVariant) whole = g_variant_ref_sink (
        g_variant_new_from_bytes (G_VARIANT_TYPE (ENVELOPE), answer, FALSE));
    g_autoptr (GVariant) content = NULL;
    guchar kind;

    if (!g_variant_is_normal_form (whole)) {
        nonsense (error);
        return NULL;
    }
    g_variant_get (whole, ENVELOPE, &kind, &content);
    if (kind == IMAGE_ANSWER_YES && g_variant_is_of_type (content, G_VARIANT_TYPE (type)))
        return g_steal_pointer (&content);
    if (kind == IMAGE_ANSWER_NO &&
        g_variant_is_of_type (content, G_VARIANT_TYPE (ERROR_TYPE)))
        set_named_error (content, error);
    else
        nonsense (error);
    return NULL;
}

GBytes *
image_answer_error (const GError *error)
{
    const gboolean image = error->domain == IMAGE_ERROR;
    const gint32 code =
        image || error->domain == LAUNCHER_ERROR ? error->code : LAUNCHER_ERROR_INTERNAL;
    g_autofree char *text = g_utf8_make_valid (error->message, -1);

    return wrap (
        IMAGE_ANSWER_NO,
        g_variant_new (ERROR_TYPE, image ? DOMAIN_IMAGE : DOMAIN_LAUNCHER, code, text));
}

/* Layers. */

GBytes *
image_answer_info (const ImageInfo *info)
{
    GVariantBuilder layers;

    g_variant_builder_init (&layers, G_VARIANT_TYPE (LAYERS_TYPE));
    for (guint i = 0; i < image_info_get_n_layers (info); i++) {
        const ImageLayer *layer = image_info_get_layer (info, i);

        g_variant_builder_add (&layers, "(@ayut)", g_variant_new_bytestring (layer->path),
                               (guint32) layer->format, layer->size);
    }
    return wrap (IMAGE_ANSWER_YES, g_variant_builder_end (&layers));
}

ImageInfo *
image_answer_take_info (GBytes *answer, GError **error)
{
    g_autoptr (GVariant) content = unwrap (answer, LAYERS_TYPE, error);
    if (content == NULL)
        return NULL;

    g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
    const gsize n = g_variant_n_children (content);
    ImageLayer layers[MAX_LAYERS];
    for (gsize i = 0; i < MIN (n, MAX_LAYERS); i++) {
        g_autoptr (GVariant) layer = g_variant_get_child_value (content, i);
        guint32 format;

        g_variant_get (layer, "(^ayut)", &layers[i].path, &format, &layers[i].size);
        g_ptr_array_add (paths, layers[i].path);
        layers[i].format = (ImageFormat) format;
        if (layers[i].path[0] != '/' || format > IMAGE_FORMAT_QCOW2) {
            nonsense (error);
            return NULL;
        }
    }
    if (n >= 1 && n <= MAX_LAYERS)
        return image_info_new_closed (layers, (guint) n);
    nonsense (error);
    return NULL;
}

/* UUID. */

GBytes *
image_answer_uuid (const char *uuid)
{
    return wrap (IMAGE_ANSWER_YES, g_variant_new_string (uuid != NULL ? uuid : ""));
}

gboolean
image_answer_take_uuid (GBytes *answer, char **uuid, GError **error)
{
    g_autoptr (GVariant) content = unwrap (answer, "s", error);
    SevGuid guid;

    *uuid = NULL;
    if (content == NULL)
        return FALSE;
    const char *text = g_variant_get_string (content, NULL);
    if (text[0] == '\0')
        return TRUE;
    if (!sev_guid_parse (text, &guid, NULL))
        return nonsense (error);
    *uuid = g_strdup (text);
    return TRUE;
}

/* UKI and LUKS header. */

static GVariant *
digest_variant (const guint8 *digest)
{
    return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, digest, SEV_DIGEST_SIZE, 1);
}

static gboolean
take_digest (GVariant *variant, guint8 *digest)
{
    gsize len;
    const guint8 *bytes = g_variant_get_fixed_array (variant, &len, 1);

    if (len != SEV_DIGEST_SIZE)
        return FALSE;
    memcpy (digest, bytes, len);
    return TRUE;
}

GBytes *
image_answer_uki (const EspUki *uki)
{
    const UkiInfo *info = uki->info;

    return wrap (IMAGE_ANSWER_YES,
                 g_variant_new ("(stsmsmssutt@ay)", uki->path, (guint64) uki->size,
                                info->cmdline, info->uname, info->os_name, info->stub,
                                info->stub_version, (guint64) info->linux_size,
                                (guint64) info->initrd_size, digest_variant (uki->sha256)));
}

static gboolean
is_sealed (int fd, guint64 size)
{
    struct stat st;

    return fd >= 0 && fstat (fd, &st) == 0 && S_ISREG (st.st_mode) &&
           (guint64) st.st_size == size && size <= UKI_MAX_SIZE &&
           (fcntl (fd, F_GET_SEALS) & UKI_SEALS) == UKI_SEALS &&
           lseek (fd, 0, SEEK_SET) == 0;
}

EspUki *
image_answer_take_uki (GBytes *answer, int fd, GError **error)
{
    g_autoptr (EspUki) uki = g_new0 (EspUki, 1);
    g_autoptr (GVariant) digest = NULL;
    guint64 size, linux_size, initrd_size;

    uki->fd = fd;
    uki->info = g_new0 (UkiInfo, 1);
    g_autoptr (GVariant) content = unwrap (answer, UKI_TYPE, error);
    if (content == NULL)
        return NULL;
    UkiInfo *info = uki->info;
    g_variant_get (content, "(stsmsmssutt@ay)", &uki->path, &size, &info->cmdline,
                   &info->uname, &info->os_name, &info->stub, &info->stub_version,
                   &linux_size, &initrd_size, &digest);
    uki->size = (gsize) size;
    info->linux_size = (gsize) linux_size;
    info->initrd_size = (gsize) initrd_size;
    if (is_sealed (fd, size) && take_digest (digest, uki->sha256))
        return g_steal_pointer (&uki);
    nonsense (error);
    return NULL;
}

GBytes *
image_answer_fd (int fd)
{
    return wrap (IMAGE_ANSWER_YES, g_variant_new_int32 (fd));
}

int
image_answer_take_fd (GBytes *answer, GError **error)
{
    g_autoptr (GVariant) content = unwrap (answer, "i", error);

    if (content == NULL)
        return -1;
    const gint32 fd = g_variant_get_int32 (content);
    if (fd < 0)
        nonsense (error);
    return MAX (fd, -1);
}

GBytes *
image_answer_luks (const LuksHeader *header)
{
    return wrap (IMAGE_ANSWER_YES,
                 g_variant_new ("(utst@ay)", header->partition, header->start, header->uuid,
                                header->length, digest_variant (header->sha256)));
}

LuksHeader *
image_answer_take_luks (GBytes *answer, GError **error)
{
    g_autoptr (LuksHeader) header = g_new0 (LuksHeader, 1);
    g_autoptr (GVariant) digest = NULL;
    g_autoptr (GVariant) content = unwrap (answer, LUKS_TYPE, error);
    SevGuid guid;

    if (content == NULL)
        return NULL;
    g_variant_get (content, "(utst@ay)", &header->partition, &header->start, &header->uuid,
                   &header->length, &digest);
    if (sev_guid_parse (header->uuid, &guid, NULL) && take_digest (digest, header->sha256))
        return g_steal_pointer (&header);
    nonsense (error);
    return NULL;
}
