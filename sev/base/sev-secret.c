/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sev/base/sev-secret.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "sev/sev-error.h"

/* Room for many keys and a few secret tables, below the usual RLIMIT_MEMLOCK of 8 MiB. */
#define HEAP_SIZE (512u * 1024u)
#define HEAP_MIN_BLOCK 32u

struct _SevSecret {
    gatomicrefcount refs;
    gsize len;
    gboolean wiped;
    guint8 *data;
};

/* OpenSSL frees some copies without wiping them: reading a private key leaves its DER
 * form behind.  So whatever it frees is wiped. */
static void *
wiping_malloc (size_t len, const char *file, int line)
{
    return malloc (len);
}

static void
wiping_free (void *data, const char *file, int line)
{
    if (data == NULL)
        return;
    explicit_bzero (data, malloc_usable_size (data));
    free (data);
}

static void *
wiping_realloc (void *data, size_t len, const char *file, int line)
{
    void *moved = malloc (len);

    if (data == NULL || moved == NULL)
        return moved;
    memcpy (moved, data, MIN (len, malloc_usable_size (data)));
    wiping_free (data, file, line);
    return moved;
}

gboolean
sev_secret_heap_init (void)
{
    const struct rlimit no_core = { 0, 0 };

    /* Too late once OpenSSL has allocated, which constructors of libraries may cause:
     * tests/integration/test-key-hygiene.py would see it. */
    (void) CRYPTO_set_mem_functions (wiping_malloc, wiping_realloc, wiping_free);
    (void) prctl (PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void) setrlimit (RLIMIT_CORE, &no_core);
    if (CRYPTO_secure_malloc_initialized ())
        return TRUE;
    /* 1: the heap is there and locked; 2: there, but mlock() failed. */
    return CRYPTO_secure_malloc_init (HEAP_SIZE, HEAP_MIN_BLOCK) == 1;
}

SevSecret *
sev_secret_new (gsize len)
{
    g_return_val_if_fail (len > 0, NULL);

    SevSecret *secret = g_new0 (SevSecret, 1);
    g_atomic_ref_count_init (&secret->refs);
    secret->len = len;
    /* Falls back to the ordinary heap when the secure one is not set up. */
    secret->data = OPENSSL_secure_zalloc (len);
    if (secret->data == NULL)
        g_error ("out of secure memory for %" G_GSIZE_FORMAT " bytes", len);
    return secret;
}

SevSecret *
sev_secret_new_copy (const void *data, gsize len)
{
    g_return_val_if_fail (data != NULL && len > 0, NULL);

    SevSecret *secret = sev_secret_new (len);
    memcpy (secret->data, data, len);
    return secret;
}

SevSecret *
sev_secret_new_random (gsize len, GError **error)
{
    g_return_val_if_fail (len > 0 && len <= G_MAXINT, NULL);

    g_autoptr (SevSecret) secret = sev_secret_new (len);
    if (RAND_priv_bytes (secret->data, (int) len) != 1) {
        g_set_error_literal (error, SEV_ERROR, SEV_ERROR_CRYPTO,
                             "the random number generator failed");
        return NULL;
    }
    return g_steal_pointer (&secret);
}

SevSecret *
sev_secret_ref (SevSecret *secret)
{
    g_atomic_ref_count_inc (&secret->refs);
    return secret;
}

void
sev_secret_unref (SevSecret *secret)
{
    if (secret == NULL || !g_atomic_ref_count_dec (&secret->refs))
        return;
    OPENSSL_secure_clear_free (secret->data, secret->len);
    g_free (secret);
}

static void
require_whole (const SevSecret *secret)
{
    if (secret->wiped)
        g_error ("a secret is used after it was wiped");
}

const guint8 *
sev_secret_data (const SevSecret *secret)
{
    require_whole (secret);
    return secret->data;
}

guint8 *
sev_secret_writable (SevSecret *secret)
{
    require_whole (secret);
    return secret->data;
}

void
sev_secret_wipe (SevSecret *secret)
{
    if (secret == NULL)
        return;
    OPENSSL_cleanse (secret->data, secret->len);
    secret->wiped = TRUE;
}

gsize
sev_secret_size (const SevSecret *secret)
{
    return secret->len;
}

gboolean
sev_secret_equal (const SevSecret *a, const SevSecret *b)
{
    require_whole (a);
    require_whole (b);
    return a->len == b->len && CRYPTO_memcmp (a->data, b->data, a->len) == 0;
}

gboolean
sev_constant_time_equal (const void *a, const void *b, gsize len)
{
    return CRYPTO_memcmp (a, b, len) == 0;
}

void
sev_wipe (void *data, gsize len)
{
    OPENSSL_cleanse (data, len);
}
