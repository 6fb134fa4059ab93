/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The four files of a courier: what is read is written and read again as the same. */

#include <stdint.h>
#include <string.h>

#include "policy/courier/courier-file.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

#define TRY(type, name)                                                                    \
    static void try_##name (const char *text, gsize len)                                   \
    {                                                                                      \
        g_auto (type) one = { 0 };                                                         \
        g_auto (type) two = { 0 };                                                         \
        g_autoptr (GError) error = NULL;                                                   \
                                                                                           \
        const gboolean ok = policy_courier_##name##_parse (text, len, &one, &error);       \
        g_assert_true (ok == (error == NULL));                                             \
        if (!ok)                                                                           \
            return;                                                                        \
        g_autofree char *written = policy_courier_##name##_format (&one);                  \
        g_assert_true (                                                                    \
            policy_courier_##name##_parse (written, strlen (written), &two, NULL));        \
        g_autofree char *again = policy_courier_##name##_format (&two);                    \
        g_assert_cmpstr (again, ==, written);                                              \
    }

TRY (PolicyCourierPlatform, platform)
TRY (PolicyCourierBundle, bundle)
TRY (PolicyCourierMeasurement, measurement)
TRY (PolicyCourierPacket, packet)

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    const char *text = (const char *) data;

    try_platform (text, size);
    try_bundle (text, size);
    try_measurement (text, size);
    try_packet (text, size);
    return 0;
}
