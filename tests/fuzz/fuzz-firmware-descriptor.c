/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A firmware descriptor names one absolute path in a known mode, or is refused. */

#include <stdint.h>
#include <string.h>

#include "launcher/inspect/firmware-descriptor.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static const char *const modes[] = { "split", "combined", "stateless", "memory", NULL };
    g_autoptr (GError) error = NULL;
    g_autoptr (FirmwareDescriptor) d =
        firmware_descriptor_parse ("fuzz.json", (const char *) data, size, &error);

    g_assert_true ((d == NULL) == (error != NULL));
    if (d == NULL)
        return 0;
    g_assert_true (g_path_is_absolute (d->image));
    g_assert_true (g_strv_contains (modes, d->mode));
    g_assert_cmpuint (g_strv_length (d->features), <=, size);
    return 0;
}
