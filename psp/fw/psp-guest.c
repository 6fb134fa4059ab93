/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "psp/fw/psp-guest.h"

#include <string.h>

#include "psp/fw/psp-command.h"

/* AMD's sev-tool (src/sevapi.h) for the states; see sev_guest_state. */
typedef struct {
    guint32 command;
    SevGuestState from;
    SevGuestState to;
} Transition;

static const Transition transitions[] = {
    { PSP_CMD_LAUNCH_START, SEV_GUEST_UNINIT, SEV_GUEST_LAUNCH_UPDATE },
    { PSP_CMD_LAUNCH_MEASURE, SEV_GUEST_LAUNCH_UPDATE, SEV_GUEST_LAUNCH_SECRET },
    { PSP_CMD_LAUNCH_FINISH, SEV_GUEST_LAUNCH_SECRET, SEV_GUEST_RUNNING },
    { PSP_CMD_SEND_START, SEV_GUEST_RUNNING, SEV_GUEST_SEND_UPDATE },
    { PSP_CMD_SEND_FINISH, SEV_GUEST_SEND_UPDATE, SEV_GUEST_SENT },
    { PSP_CMD_SEND_CANCEL, SEV_GUEST_SEND_UPDATE, SEV_GUEST_RUNNING },
    { PSP_CMD_RECEIVE_START, SEV_GUEST_UNINIT, SEV_GUEST_RECEIVE_UPDATE },
    { PSP_CMD_RECEIVE_FINISH, SEV_GUEST_RECEIVE_UPDATE, SEV_GUEST_RUNNING },
};

struct _PspGuests {
    GHashTable *by_handle; /* handle -> PspGuest, owned */
    guint32 max_asid;
    guint32 last_handle;
    gboolean *stale; /* by ASID, 0 to max_asid */
};

PspGuest *
psp_guest_new (guint32 policy)
{
    PspGuest *guest = g_new0 (PspGuest, 1);

    guest->policy = policy;
    guest->state = SEV_GUEST_UNINIT;
    return guest;
}

void
psp_guest_wipe_launch (PspGuest *guest)
{
    g_clear_pointer (&guest->tek, sev_secret_unref);
    g_clear_pointer (&guest->tik, sev_secret_unref);
    g_clear_pointer (&guest->digest, sev_digest_free);
    sev_wipe (guest->measure, sizeof guest->measure);
}

void
psp_guest_free (PspGuest *guest)
{
    if (guest == NULL)
        return;
    psp_guest_wipe_launch (guest);
    g_clear_pointer (&guest->vek, sev_secret_unref);
    g_clear_pointer (&guest->swapped, g_hash_table_unref);
    sev_wipe (guest, sizeof *guest);
    g_free (guest);
}

void
psp_guest_advance (PspGuest *guest, guint32 command)
{
    for (gsize i = 0; i < G_N_ELEMENTS (transitions); i++)
        if (transitions[i].command == command && transitions[i].from == guest->state) {
            guest->state = transitions[i].to;
            return;
        }
    g_assert_not_reached ();
}

static gint64
nonce_id (const guint8 *nonce)
{
    gint64 id;

    memcpy (&id, nonce, sizeof id);
    return id;
}

gboolean
psp_guest_is_swapped (const PspGuest *guest, const guint8 *nonce)
{
    const gint64 id = nonce_id (nonce);

    return guest->swapped != NULL && g_hash_table_contains (guest->swapped, &id);
}

guint
psp_guest_swapped_count (const PspGuest *guest)
{
    return guest->swapped != NULL ? g_hash_table_size (guest->swapped) : 0;
}

void
psp_guest_add_swapped (PspGuest *guest, const guint8 *nonce)
{
    const gint64 id = nonce_id (nonce);

    if (guest->swapped == NULL)
        guest->swapped = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
    g_hash_table_add (guest->swapped, g_memdup2 (&id, sizeof id));
}

void
psp_guest_remove_swapped (PspGuest *guest, const guint8 *nonce)
{
    const gint64 id = nonce_id (nonce);

    g_return_if_fail (guest->swapped != NULL);

    g_hash_table_remove (guest->swapped, &id);
}

PspGuests *
psp_guests_new (guint32 max_asid)
{
    PspGuests *guests = g_new0 (PspGuests, 1);

    guests->by_handle =
        g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) psp_guest_free);
    guests->max_asid = max_asid;
    guests->stale = g_new (gboolean, (gsize) max_asid + 1);
    for (gsize asid = 0; asid <= max_asid; asid++)
        guests->stale[asid] = TRUE;
    return guests;
}

void
psp_guests_free (PspGuests *guests)
{
    if (guests == NULL)
        return;
    g_hash_table_unref (guests->by_handle);
    g_free (guests->stale);
    g_free (guests);
}

PspGuest *
psp_guests_find (const PspGuests *guests, guint32 handle)
{
    return g_hash_table_lookup (guests->by_handle, GUINT_TO_POINTER (handle));
}

guint32
psp_guests_count (const PspGuests *guests)
{
    return g_hash_table_size (guests->by_handle);
}

gboolean
psp_guests_full (const PspGuests *guests)
{
    return psp_guests_count (guests) >= guests->max_asid;
}

void
psp_guests_add (PspGuests *guests, PspGuest *guest)
{
    g_return_if_fail (!psp_guests_full (guests));

    do
        guests->last_handle++;
    while (guests->last_handle == 0 ||
           psp_guests_find (guests, guests->last_handle) != NULL);
    guest->handle = guests->last_handle;
    g_hash_table_insert (guests->by_handle, GUINT_TO_POINTER (guest->handle), guest);
}

void
psp_guests_remove (PspGuests *guests, PspGuest *guest)
{
    g_return_if_fail (guest->asid == 0);

    g_hash_table_remove (guests->by_handle, GUINT_TO_POINTER (guest->handle));
}

/* The first guest on @asid, other than @except. */
static const PspGuest *
find_on_asid (const PspGuests *guests, guint32 asid, const PspGuest *except)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init (&iter, guests->by_handle);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        const PspGuest *guest = value;

        if (guest != except && guest->asid == asid)
            return guest;
    }
    return NULL;
}

gboolean
psp_guests_asid_owned (const PspGuests *guests, guint32 asid, const SevSecret *vek)
{
    const PspGuest *owner = find_on_asid (guests, asid, NULL);

    return owner != NULL && owner->vek != vek;
}

gboolean
psp_guests_asid_stale (const PspGuests *guests, guint32 asid)
{
    g_return_val_if_fail (asid <= guests->max_asid, TRUE);

    return guests->stale[asid];
}

void
psp_guests_activate (PspGuests *guests, PspGuest *guest, guint32 asid)
{
    g_return_if_fail (asid != 0 && asid <= guests->max_asid);

    guest->asid = asid;
}

void
psp_guests_deactivate (PspGuests *guests, PspGuest *guest)
{
    if (find_on_asid (guests, guest->asid, guest) == NULL)
        guests->stale[guest->asid] = TRUE;
    guest->asid = 0;
}

void
psp_guests_flush (PspGuests *guests)
{
    for (gsize asid = 0; asid <= guests->max_asid; asid++)
        guests->stale[asid] = FALSE;
}
