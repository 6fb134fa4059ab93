/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/psp-guest-fixture.h"

static guint32
add (GuestFixture *f, guint32 asid)
{
    const guint32 handle = fake_launch (f->psp, f->policy);

    fake_activate (f->psp, handle, asid);
    return handle;
}

static void
make_running (GuestFixture *f, guint32 handle)
{
    PspGuest *guest = psp_guests_find (f->psp->guests, handle);

    psp_guest_wipe_launch (guest);
    guest->state = SEV_GUEST_RUNNING;
}

void
guest_fixture_open (GuestFixture *f, gboolean es, guint32 policy)
{
    f->policy = policy;
    f->host = fake_host_new ();
    f->psp = fake_device_new (f->host, NULL);
    fake_init (f->psp, es);
    f->handle = add (f, (policy & SEV_POLICY_ES) != 0 ? 1 : 100);
    for (gsize i = 0; i < sizeof f->host->memory; i++)
        f->host->memory[i] = (guint8) (i * 7 + i / 251);
}

void
guest_fixture_open_running (GuestFixture *f, gboolean es, guint32 policy)
{
    guest_fixture_open (f, es, policy);
    f->psp->ops = fake_host_engine_ops;
    make_running (f, f->handle);
}

guint32
guest_fixture_add_running (GuestFixture *f, guint32 asid)
{
    const guint32 handle = add (f, asid);

    make_running (f, handle);
    return handle;
}

void
guest_fixture_tear_down (GuestFixture *f, gconstpointer data)
{
    psp_device_free (f->psp);
    fake_host_free (f->host);
}
