/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * sev_set_openssl_error: for sev/crypto and psp/mee, which call OpenSSL themselves
 * @what: the primitive, for the message
 *
 * Sets %SEV_ERROR_CRYPTO with the newest text of OpenSSL's error queue, and empties it.
 */
void sev_set_openssl_error (GError **error, const char *what);

G_END_DECLS
