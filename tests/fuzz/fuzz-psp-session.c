/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * LAUNCH_START's certificate (2084 bytes) and session (the rest) before a platform whose
 * key is that of tests/vectors/session, so that the corpus begins with a session that
 * opens.
 */

#include <stdint.h>
#include <string.h>

#include "psp/fw/psp-session.h"
#include "sev/wire/sev-cert-wire.h"

static const char pdh_pem[] =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MIGkAgEBBDAmXAX9RvYX3+5n42t+giixEAD/fDZKrkAZz8DyQLe7o1WSu/AKcZHG\n"
    "Y9vUhfMAK2+gBwYFK4EEACKhZANiAAQmE2OV9q1GtpGk4GKFXJ3A+r4KqiLHmkQ3\n"
    "wLeamrQAH3xXYYQ7tvEBNkeAtQTYQumkV8vHy3+D6afMQ2I4fEyx8643pgZyX+31\n"
    "avjnOJG6PzYVw78oDGCxwevY3xRSGaE=\n"
    "-----END EC PRIVATE KEY-----\n";

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static SevEcKey *pdh;
    SevSessionWire session = { 0 };
    SevStatus status;
    g_autoptr (SevSecret) tek = NULL;
    g_autoptr (SevSecret) tik = NULL;

    if (pdh == NULL)
        pdh = sev_ec_key_new_from_pem (pdh_pem, strlen (pdh_pem), NULL);
    const gsize cert_len = MIN (size, SEV_CERT_SIZE);
    const gsize left = size - cert_len;
    if (left > 0)
        memcpy (&session, data + cert_len, MIN (left, sizeof session));

    /* Nothing that comes from outside is a host fault. */
    if (!psp_session_unwrap (pdh, data, cert_len, &session, &tek, &tik, &status, NULL))
        g_assert_not_reached ();
    g_assert_true ((status == SEV_STATUS_SUCCESS) == (tek != NULL));
    g_assert_true ((tek != NULL) == (tik != NULL));
    if (tik != NULL && !psp_session_check_policy (&session, 1, tik, &status, NULL))
        g_assert_not_reached ();
    return 0;
}
