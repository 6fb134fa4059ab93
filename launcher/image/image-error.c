/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/image/image-error.h"

GQuark
image_error_quark (void)
{
    return g_quark_from_static_string ("image-error-quark");
}

const char *
image_error_id (ImageError code)
{
    switch (code) {
    case IMAGE_ERROR_MISSING:
        return "image-missing";
    case IMAGE_ERROR_UNREADABLE:
        return "image-unreadable";
    case IMAGE_ERROR_IN_USE:
        return "image-in-use";
    case IMAGE_ERROR_FORMAT:
        return "image-format";
    case IMAGE_ERROR_BROKEN:
        return "image-broken";
    case IMAGE_ERROR_BACKING_FILE:
        return "image-backing-file";
    case IMAGE_ERROR_DATA_FILE:
        return "image-data-file";
    case IMAGE_ERROR_ENCRYPTED:
        return "image-encrypted";
    case IMAGE_ERROR_GPT_MISSING:
        return "gpt-missing";
    case IMAGE_ERROR_GPT_BROKEN:
        return "gpt-broken";
    case IMAGE_ERROR_ESP_MISSING:
        return "esp-missing";
    case IMAGE_ERROR_ESP_MANY:
        return "esp-many";
    case IMAGE_ERROR_ESP_TOO_LARGE:
        return "esp-too-large";
    case IMAGE_ERROR_FAT_BROKEN:
        return "fat-broken";
    case IMAGE_ERROR_ESP_NO_UKI:
        return "esp-no-uki";
    case IMAGE_ERROR_ESP_MANY_UKIS:
        return "esp-many-ukis";
    case IMAGE_ERROR_ESP_FOREIGN:
        return "esp-foreign";
    case IMAGE_ERROR_UKI_TOO_LARGE:
        return "uki-too-large";
    case IMAGE_ERROR_UKI_BROKEN:
        return "uki-broken";
    case IMAGE_ERROR_UKI_NOT_UKI:
        return "uki-not-uki";
    case IMAGE_ERROR_UKI_STUB_UNKNOWN:
        return "uki-stub-unknown";
    case IMAGE_ERROR_UKI_STUB_TOO_NEW:
        return "uki-stub-too-new";
    case IMAGE_ERROR_LUKS_MISSING:
        return "luks-missing";
    case IMAGE_ERROR_LUKS_MANY:
        return "luks-many";
    case IMAGE_ERROR_LUKS_BROKEN:
        return "luks-broken";
    case IMAGE_ERROR_LUKS_UNFIT:
        return "luks-unfit";
    case IMAGE_ERROR_TOOL:
        return "image-tool";
    case IMAGE_ERROR_TIMEOUT:
        return "image-timeout";
    case IMAGE_ERROR_IO:
        return "image-io";
    }
    g_return_val_if_reached ("image-unknown");
}
