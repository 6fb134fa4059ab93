/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "psp/host/host-dir.h"
#include "tests/lib/test-dir.h"

/* The directory of an emulated host: Naples without SEV-ES, with the stored chip of
 * psp-chip-v1.b64, because making RSA keys is slow.
 */
typedef struct {
    TestDir dir;
    HostDir *host;
} HostFixture;

/* For g_test_add(). */
void host_fixture_set_up (HostFixture *f, gconstpointer data);
void host_fixture_tear_down (HostFixture *f, gconstpointer data);
