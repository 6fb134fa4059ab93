/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How sevlaunch-fetch ends, in its exit status.  0: the file is on standard output, whole.
 * Else the first line of standard error says why.
 */
typedef enum {
    FETCH_DONE = 0,
    FETCH_USAGE = 64,
    FETCH_NOT_FOUND = 65,   /* 404 or 410 */
    FETCH_UNREACHABLE = 66, /* no connection, no name, no TLS, no answer in time */
    FETCH_ANSWER = 67,      /* an answer that is not the file: status, redirect, size */
    FETCH_INTERNAL = 70,
} FetchEnd;

/* Milliseconds that it waits before the second and the third try. */
#define FETCH_PAUSE_1_MS 500u
#define FETCH_PAUSE_2_MS 2000u
#define FETCH_TRIES 3u
/* The longest pause that a server may ask for (Retry-After), in seconds. */
#define FETCH_RETRY_AFTER_MAX 15u
#define FETCH_REDIRECTS_MAX 3u
/* Most bytes on descriptor 3: a proxy's URL and certificates. */
#define FETCH_SETTINGS_MAX (4u << 20)
