/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "tests/unit/psp-fake-host.h"

/* A platform with a guest, in a memory where every place has its own content. */
typedef struct {
    FakeHost *host;
    PspDevice *psp;
    guint32 policy;
    guint32 handle;
} GuestFixture;

/* The guest is active and in LAUNCH_UPDATE; INIT with SEV-ES if @es. */
void guest_fixture_open (GuestFixture *f, gboolean es, guint32 policy);
/* guest_fixture_open(), with the fake host's engine and a RUNNING guest. */
void guest_fixture_open_running (GuestFixture *f, gboolean es, guint32 policy);
/* Another guest: active and RUNNING; returns its handle. */
guint32 guest_fixture_add_running (GuestFixture *f, guint32 asid);
/* For g_test_add(). */
void guest_fixture_tear_down (GuestFixture *f, gconstpointer data);
