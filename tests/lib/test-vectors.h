/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/*
 * Files below tests/vectors, whose README says where they come from.  Everything aborts the
 * test when a file is missing.
 */

/** test_vector_path: Returns: (transfer full) */
char *test_vector_path (const char *relative);
/** test_vector_load: Returns: (transfer full): content of a file below tests/vectors */
GBytes *test_vector_load (const char *relative);
/** test_unhex: Returns: (transfer full) */
GBytes *test_unhex (const char *hex);
/** test_unbase64: Returns: (transfer full) */
GBytes *test_unbase64 (const char *text);
/** test_flip: Returns: (transfer full): a copy with one bit changed */
GBytes *test_flip (GBytes *bytes, gsize offset, guint bit);
/** test_cat: Returns: (transfer full): @count byte strings one after the other */
GBytes *test_cat (GBytes *const *parts, guint count);

#define g_assert_cmpbytes(bytes, data, len)                                                \
    g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), data, len)
