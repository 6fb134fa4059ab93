/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the process that reads the image says: taken whole, or refused with an error. */

#include <stdint.h>
#include <string.h>

#include "launcher/flow/image-answer.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check_info (GBytes *bytes)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (ImageInfo) info = image_answer_take_info (bytes, &error);

    g_assert_true ((info == NULL) == (error != NULL));
    for (guint i = 0; info != NULL && i < image_info_get_n_layers (info); i++)
        g_assert_true (image_info_get_layer (info, i)->path[0] == '/');
}

static void
check_uuid (GBytes *bytes)
{
    g_autoptr (GError) error = NULL;
    g_autofree char *uuid = NULL;

    g_assert_true (image_answer_take_uuid (bytes, &uuid, &error) == (error == NULL));
    g_assert_true (uuid == NULL || strlen (uuid) == 36);
}

static void
check_others (GBytes *bytes)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (GError) other = NULL;
    g_autoptr (LuksHeader) header = image_answer_take_luks (bytes, &error);
    /* Without a descriptor there is none. */
    g_autoptr (EspUki) uki = image_answer_take_uki (bytes, -1, &other);

    g_autoptr (GError) third = NULL;
    g_assert_true ((image_answer_take_fd (bytes, &third) < 0) == (third != NULL));
    g_assert_true ((header == NULL) == (error != NULL));
    g_assert_null (uki);
    g_assert_nonnull (other);
    g_assert_true (g_utf8_validate (other->message, -1, NULL));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    g_autoptr (GBytes) bytes = g_bytes_new (data, size);

    check_info (bytes);
    check_uuid (bytes);
    check_others (bytes);
    return 0;
}
