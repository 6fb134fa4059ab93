/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

/* tests/vectors/vectors.json: expected values of programs that are not ours. */

/* Calls @check for each vector of @kind and asserts that there are @expected of them. */
typedef void (*VectorCheck) (JsonObject *vector);
void vectors_for_each (const char *kind, guint expected, VectorCheck check);

const char *vector_string (JsonObject *vector, const char *member);
/* A member in hexadecimal or, if its name ends in _b64, base64. */
GBytes *vector_bytes (JsonObject *vector, const char *member);
/* The content of the file that a member names. */
GBytes *vector_file (JsonObject *vector, const char *member);
